use super::*;

const POSTINST: &str = "#!/bin/sh\nset -e\n\nupdate-alternatives --install /usr/bin/pager pager \\\n  \
    /bin/more 50 || true\n# Automatically added by dh_installtmpfiles/13.24.2\n\
    if [ x ]; then\n\tsystemd-tmpfiles ${DPKG_ROOT:+--root=\"$DPKG_ROOT\"} --create a-b.conf c.conf || true\nfi\n\
    # End automatically added section\nln -s /usr/lib/x86_64-linux-gnu/x   \nexit 0\n";

#[test]
fn generated_sections_are_told_from_what_was_written() {
    let script = parse(POSTINST).unwrap();
    assert_eq!(script.sections.len(), 1);
    assert_eq!(script.sections[0].generator, "dh_installtmpfiles");
    assert_eq!(script.own.last(), Some(&"exit 0"));
    assert_eq!(script.sections[0].arguments("systemd-tmpfiles", ".conf"), ["a-b.conf", "c.conf"]);
    assert!(script.sections[0].arguments("systemd-sysusers", ".conf").is_empty());
}

#[test]
fn a_section_without_an_end_is_refused() {
    let error = parse("# Automatically added by dh_x/1\nfoo\n").unwrap_err();
    assert_eq!(error, OpenSection { generator: "dh_x".into() });
}

#[test]
fn a_script_of_boilerplate_is_plain() {
    let plain = "#!/bin/sh\nset -e\n# words\n# Automatically added by dh_x/1\nrm -rf /\n\
                 # End automatically added section\n\nexit 0\n";
    assert!(parse(plain).unwrap().is_plain());
    assert!(!parse(POSTINST).unwrap().is_plain());
    assert!(!parse("set -e; rm -rf /\n").unwrap().is_plain());
}

#[test]
fn the_fingerprint_sees_what_matters_and_nothing_else() {
    let of = |text: &str, variables| parse(text).unwrap().fingerprint(variables);
    let variables = Variables { multiarch: "x86_64-linux-gnu", name: "", varying: &[] };
    let one = of(POSTINST, variables);
    let newer = POSTINST.replace("13.24.2", "13.25").replace("a-b.conf", "other.conf");
    assert_eq!(of(&newer, variables), one, "generated sections do not count");
    let arm = POSTINST.replace("x86_64-linux-gnu", "aarch64-linux-gnu");
    let theirs = Variables { multiarch: "aarch64-linux-gnu", ..variables };
    assert_eq!(of(&arm, theirs), one, "the architecture does not count");
    assert_ne!(of(&arm, variables), one);
    assert_ne!(of(&POSTINST.replace("ln -s", "ln -f"), variables), one, "commands count");
    assert_ne!(of(&POSTINST.replace("exit 0", "# exit 0"), variables), one, "comments count");
}

#[test]
fn names_and_varying_lines_do_not_count() {
    let of = |text: &str, variables| parse(text).unwrap().fingerprint(variables);
    let varying = ["LIST=".to_owned()];
    let one = Variables { name: "6.12.1", varying: &varying, ..Variables::default() };
    let other = Variables { name: "6.12.2", ..one };
    assert_eq!(of("depmod 6.12.1\nLIST=a\n", one), of("depmod 6.12.2\nLIST=b\n", other));
}

#[test]
fn commands_are_found_with_their_words() {
    let script = parse(POSTINST).unwrap();
    let found = script.commands("update-alternatives").unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0][1..], ["--install", "/usr/bin/pager", "pager", "/bin/more", "50"]);
    assert!(script.commands("update").unwrap().is_empty());
}

#[test]
fn a_command_whose_words_are_not_known_is_refused() {
    let script = parse("update-alternatives --install $link a b 1\n").unwrap();
    assert!(script.commands("update-alternatives").is_err());
}
