use std::collections::BTreeMap;
use std::sync::Arc;

use formats::elf::ElfFacts;
use formats::tree::{Kind, NoContent};

use super::*;
use crate::input::{Member, ScriptKind};

fn file(path: &str, text: &str) -> Member {
    Member {
        path: path.into(),
        kind: MemberKind::File(Content::inline(text.as_bytes())),
        mode: 0o644,
        uid: 0,
        gid: 0,
        uname: "root".into(),
        gname: "root".into(),
        xattrs: BTreeMap::new(),
    }
}

fn package(name: &str, members: Vec<Member>, postinst: &str) -> InstalledPackage {
    let scripts = BTreeMap::from([(ScriptKind::Postinst, Arc::from(postinst))]);
    let version = "1".to_owned();
    InstalledPackage { name: name.into(), version, members, scripts, ..Default::default() }
}

fn rules(text: &str) -> Rules {
    Rules::read(&BTreeMap::from([("x.toml".to_owned(), text.to_owned())])).unwrap()
}

fn no_library(_: &Content) -> std::io::Result<Option<ElfFacts>> {
    Ok(None)
}

fn installed(packages: &[InstalledPackage], rules: &Rules) -> Result<Installed, InstallError> {
    install(Request {
        packages,
        rules,
        arch: Arch::X86_64,
        users: &[],
        groups: &[],
        source: &NoContent,
        facts: &no_library,
    })
}

fn uncovered(packages: &[InstalledPackage], rules: &Rules) -> Vec<Uncovered> {
    match installed(packages, rules) {
        Err(InstallError::Uncovered(all)) => all,
        other => panic!("{other:?}"),
    }
}

const GENERATORS: &str = "\
    [[generator]]\nname = \"dh_installsysusers\"\neffect = \"sysusers\"\nwhy = \"w\"\n\
    [[generator]]\nname = \"dh_installtmpfiles\"\neffect = \"tmpfiles\"\nwhy = \"w\"\n\
    [[generator]]\nname = \"dh_usrlocal\"\neffect = \"usr-local\"\nwhy = \"w\"\n\
    [[generator]]\nname = \"dh_apparmor\"\neffect = \"apparmor-local\"\nwhy = \"w\"\n\
    [[generator]]\nname = \"dh_installalternatives\"\neffect = \"alternatives\"\nwhy = \"w\"\n\
    [users]\nd = 120\n[groups]\nd = 120\n";

fn section(generator: &str, lines: &str) -> String {
    format!("# Automatically added by {generator}/13\n{lines}\n# End automatically added section\n")
}

#[test]
fn a_script_without_a_rule_is_quoted_with_its_fingerprint() {
    let packages = [package("a", vec![], "#!/bin/sh\nrm -rf /x\n")];
    let all = uncovered(&packages, &Rules::default());
    assert!(matches!(all[0].why, UncoveredWhy::NoRule { script: ScriptKind::Postinst, .. }));
    let text = all[0].to_string();
    assert!(text.contains("postinst of a 1 has no rule"), "{text}");
    assert!(text.contains("\n    rm -rf /x"), "{text}");
}

#[test]
fn a_rule_stands_in_for_the_scripts_it_was_written_for_and_no_other() {
    let script = "#!/bin/sh\ntouch /etc/x\n";
    let packages = [package("a", vec![], script)];
    let UncoveredWhy::NoRule { fingerprint, .. } = uncovered(&packages, &Rules::default())[0].why
    else {
        panic!("no fingerprint")
    };
    let table = rules(&format!(
        "[[package]]\nname = \"a\"\nwhy = \"w\"\npostinst = [\"{fingerprint}\"]\n\
         acts = [{{ act = \"file\", path = \"etc/x\" }}]\n"
    ));
    assert!(installed(&packages, &table).unwrap().tree.get("etc/x").is_some());
    let changed = [package("a", vec![], "#!/bin/sh\ntouch /etc/y\n")];
    assert!(matches!(uncovered(&changed, &table)[0].why, UncoveredWhy::Changed { .. }));
}

#[test]
fn all_that_is_not_covered_is_reported_at_once() {
    let mut third = package("c", vec![], &section("dh_new", "new"));
    third.triggers = "# words\ninterest x\nactivate-noawait y\n".into();
    let packages = [third, package("b", vec![], "x"), package("a", vec![], "y")];
    let all = uncovered(&packages, &rules(GENERATORS));
    let names: Vec<&str> = all.iter().map(|one| one.package.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "c"]);
    assert!(
        matches!(&all[2].why, UncoveredWhy::Generator { generator, .. } if generator == "dh_new")
    );
    assert!(matches!(&all[3].why, UncoveredWhy::Trigger { name } if name == "y"));
}

#[test]
fn scripts_for_removal_need_no_rule() {
    let mut removal = package("a", vec![], "set -e\n");
    removal.scripts.insert(ScriptKind::Postrm, Arc::from("rm -rf /x\n"));
    assert!(installed(&[removal], &Rules::default()).is_ok());
}

#[test]
fn generated_sections_do_what_they_say() {
    let users = section("dh_installsysusers", "   systemd-sysusers ${DPKG_ROOT:+x} d.conf");
    let dirs = section("dh_installtmpfiles", "\tsystemd-tmpfiles --create d.conf || true");
    let local = section("dh_usrlocal", ") << DATA\n/usr/local/share/d default\nDATA");
    let profile = section("dh_apparmor", "    LOCAL_APP_PROFILE=\"/etc/apparmor.d/local/d\"");
    let choice =
        section("dh_installalternatives", "update-alternatives --install /d d /usr/bin/d 1");
    let script = format!("set -e\n{users}{dirs}{local}{profile}{choice}");
    let members = vec![
        file("./usr/lib/sysusers.d/d.conf", "u d - D\n"),
        file("./usr/lib/tmpfiles.d/d.conf", "d /var/lib/d 0750 d d\n"),
        file("./usr/bin/d", ""),
    ];
    let installed = installed(&[package("d", members, &script)], &rules(GENERATORS)).unwrap();
    let tree = &installed.tree;
    let state = tree.get("var/lib/d").unwrap();
    assert_eq!((state.mode, state.uid, state.gid, &*state.origin), (0o750, 120, 120, "package:d"));
    assert!(tree.get("usr/local/share/d").is_some());
    assert!(tree.get("etc/apparmor.d/local/d").is_some());
    assert_eq!(tree.get("d").unwrap().kind, Kind::Symlink("/etc/alternatives/d".into()));
    assert_eq!(installed.accounts.uid("d"), Ok(120));
}

#[test]
fn the_order_of_packages_changes_nothing() {
    let user = section("dh_installsysusers", "systemd-sysusers d.conf");
    let packages = [
        package("a", vec![file("./usr/lib/sysusers.d/d.conf", "u d -\ng e 7\n")], &user),
        package(
            "b",
            vec![file("./usr/lib/sysusers.d/e.conf", "m d e\n")],
            &user.replace("d.conf", "e.conf"),
        ),
        package("c", vec![file("./x", "c")], "set -e\n"),
    ];
    let table = rules(GENERATORS);
    let expect = installed(&packages, &table).unwrap();
    for shift in 0..packages.len() {
        let mut other = packages.to_vec();
        other.rotate_left(shift);
        assert_eq!(installed(&other, &table).unwrap(), expect);
        other.reverse();
        assert_eq!(installed(&other, &table).unwrap(), expect);
    }
}

#[test]
fn a_rule_that_does_not_fit_names_package_and_act() {
    let table = rules(
        "[[package]]\nname = \"a\"\nwhy = \"w\"\n\
         acts = [{ act = \"permissions\", path = \"usr/bin/x\", mode = \"04755\" }]\n",
    );
    let error = installed(&[package("a", vec![], "set -e\n")], &table).unwrap_err();
    assert_eq!(error.to_string(), "rule for a: permissions");
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("usr/bin/x"));
}

#[test]
fn permissions_reach_all_names_of_a_file() {
    let mut link = file("./usr/bin/y", "");
    link.kind = MemberKind::Hardlink("./usr/bin/x".into());
    let members = vec![file("./usr/bin/x", "x"), link];
    let table = rules(
        "[[package]]\nname = \"a\"\nwhy = \"w\"\n\
         acts = [{ act = \"permissions\", path = \"usr/bin/y\", mode = \"04755\" }]\n",
    );
    let tree = installed(&[package("a", members, "set -e\n")], &table).unwrap().tree;
    for path in ["usr/bin/x", "usr/bin/y"] {
        assert_eq!(tree.get(path).unwrap().mode, 0o4755);
    }
}
