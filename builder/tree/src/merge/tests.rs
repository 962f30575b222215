use super::*;
use crate::resolve::WalkError;

fn member(path: &str, kind: MemberKind) -> Member {
    let mode = if kind == MemberKind::Directory { 0o755 } else { 0o644 };
    let root = || "root".to_owned();
    let (uname, gname, xattrs) = (root(), root(), BTreeMap::new());
    Member { path: path.into(), kind, mode, uid: 0, gid: 0, uname, gname, xattrs }
}

fn directory(path: &str) -> Member {
    member(path, MemberKind::Directory)
}

fn file(path: &str, text: &str) -> Member {
    member(path, MemberKind::File(Content::inline(text.as_bytes())))
}

fn link(path: &str, target: &str) -> Member {
    member(path, MemberKind::Symlink(target.into()))
}

fn package(name: &str, members: Vec<Member>) -> InstalledPackage {
    let version = "1".to_owned();
    InstalledPackage { name: name.into(), version, members, ..InstalledPackage::default() }
}

fn base() -> InstalledPackage {
    package(
        "base",
        vec![
            directory("./"),
            directory("./usr/"),
            directory("./usr/bin/"),
            directory("./usr/lib/"),
            link("./bin", "usr/bin"),
            link("./lib", "usr/lib"),
        ],
    )
}

fn merged(packages: &[InstalledPackage]) -> Result<Tree, MergeError> {
    let (accounts, decided) = (Accounts::new(), BTreeSet::new());
    merge(packages, Known { accounts: &accounts, diversions: &[], decided: &decided })
}

fn fault(packages: &[InstalledPackage]) -> MergeFault {
    *merged(packages).unwrap_err().why
}

#[test]
fn a_file_under_a_link_lands_where_the_link_leads() {
    let tree = merged(&[package("a", vec![file("./bin/a", "x")]), base()]).unwrap();
    assert_eq!(&*tree.get("usr/bin/a").unwrap().origin, "package:a");
    assert_eq!(tree.get("bin").unwrap().kind, Kind::Symlink("usr/bin".into()));
    assert!(tree.get("bin/a").is_none());
}

#[test]
fn a_directory_that_is_a_link_elsewhere_stays_a_link() {
    let old =
        package("old", vec![directory("./lib/"), directory("./lib/x/"), file("./lib/x/y", "")]);
    let tree = merged(&[old, base()]).unwrap();
    assert_eq!(tree.get("lib").unwrap().kind, Kind::Symlink("usr/lib".into()));
    assert!(tree.get("usr/lib/x/y").is_some());
}

#[test]
fn links_behind_links_are_found() {
    let deep = package("deep", vec![directory("./usr/lib/d"), link("./lib/e", "d")]);
    let user = package("user", vec![file("./lib/e/f", "")]);
    let tree = merged(&[user, deep, base()]).unwrap();
    assert!(tree.get("usr/lib/d/f").is_some());
}

#[test]
fn the_order_of_packages_changes_nothing() {
    let packages = [
        base(),
        package("a", vec![file("./bin/a", "a"), directory("./usr/share/")]),
        package("b", vec![file("./usr/bin/b", "b"), directory("./usr/share/")]),
        package("c", vec![link("./usr/share/c", "../bin/a"), file("./lib/c", "c")]),
    ];
    let expect = merged(&packages).unwrap();
    for shift in 0..packages.len() {
        let mut other = packages.to_vec();
        other.rotate_left(shift);
        assert_eq!(merged(&other).unwrap(), expect);
        other.reverse();
        assert_eq!(merged(&other).unwrap(), expect);
    }
}

#[test]
fn a_file_of_two_packages_is_refused_and_both_are_named() {
    let packages = [
        base(),
        package("a", vec![file("./bin/x", "")]),
        package("b", vec![file("./usr/bin/x", "")]),
    ];
    let error = merged(&packages).unwrap_err();
    assert_eq!((error.package.as_str(), error.path.as_str()), ("b", "./usr/bin/x"));
    assert_eq!(*error.why, MergeFault::Conflict { other: "a".into() });
}

#[test]
fn replaces_decides_in_either_order_and_only_for_its_versions() {
    let mut new = package("new", vec![file("./x", "new")]);
    let old = package("old", vec![file("./x", "old")]);
    new.replaces = "other, old (<< 2)".into();
    for packages in [[new.clone(), old.clone()], [old.clone(), new.clone()]] {
        assert_eq!(&*merged(&packages).unwrap().get("x").unwrap().origin, "package:new");
    }
    new.replaces = "old (<< 1)".into();
    assert!(matches!(fault(&[new.clone(), old.clone()]), MergeFault::Conflict { .. }));
    new.replaces = "old ((".into();
    assert!(matches!(fault(&[new, old]), MergeFault::BadReplaces { .. }));
}

#[test]
fn a_diversion_makes_room() {
    let packages = [package("a", vec![file("./x", "a")]), package("b", vec![file("./x", "b")])];
    let (accounts, decided) = (Accounts::new(), BTreeSet::new());
    let diversions = [Diversion { path: "x".into(), to: "x.b".into(), package: "a".into() }];
    let known = Known { accounts: &accounts, diversions: &diversions, decided: &decided };
    let tree = merge(&packages, known).unwrap();
    assert_eq!(&*tree.get("x").unwrap().origin, "package:a");
    assert_eq!(&*tree.get("x.b").unwrap().origin, "package:b");
}

#[test]
fn directories_must_agree_unless_a_rule_decides() {
    let mut other = directory("./x/");
    other.mode = 0o700;
    let packages = [package("a", vec![directory("./x/")]), package("b", vec![other])];
    assert!(matches!(fault(&packages), MergeFault::DirectoryDiffers { .. }));
    let (accounts, decided) = (Accounts::new(), BTreeSet::from(["x".to_owned()]));
    let known = Known { accounts: &accounts, diversions: &[], decided: &decided };
    assert!(merge(&packages, known).is_ok());
}

#[test]
fn hard_links_stay_and_share_everything_with_their_file() {
    let mut first = file("./usr/bin/a", "x");
    first.mode = 0o4755;
    let packages = [
        base(),
        package("p", vec![first, member("./bin/b", MemberKind::Hardlink("./usr/bin/a".into()))]),
    ];
    let tree = merged(&packages).unwrap();
    let node = tree.get("usr/bin/b").unwrap();
    assert_eq!(node.kind, Kind::Hardlink("usr/bin/a".into()));
    assert_eq!(node.mode, 0o4755);
}

#[test]
fn a_hard_link_whose_file_went_to_another_package_keeps_the_content() {
    let hard = member("./b", MemberKind::Hardlink("./a".into()));
    let old = package("old", vec![file("./a", "old"), hard]);
    let mut new = package("new", vec![file("./a", "new")]);
    new.replaces = "old".into();
    let tree = merged(&[old, new]).unwrap();
    assert_eq!(tree.get("b").unwrap().content(), Some(&Content::inline(b"old".as_slice())));
}

#[test]
fn a_hard_link_to_nothing_is_refused() {
    for target in ["./etc/shadow", "../x", "/etc/shadow", "./b"] {
        let evil = package("evil", vec![member("./b", MemberKind::Hardlink(target.into()))]);
        let why = fault(&[evil]);
        assert!(matches!(why, MergeFault::LinkToNothing { .. } | MergeFault::BadPath), "{target}");
    }
}

#[test]
fn paths_outside_the_image_are_refused() {
    for path in ["/etc/passwd", "../x", "./../x", "./a/../../x", "", "/", "./a//b", "a/./b"] {
        let evil = package("evil", vec![file(path, "")]);
        assert_eq!(fault(&[evil]), MergeFault::BadPath, "{path:?}");
    }
}

#[test]
fn devices_are_refused() {
    assert_eq!(
        fault(&[package("evil", vec![member("./x", MemberKind::Special)])]),
        MergeFault::Special
    );
}

#[test]
fn unpacking_through_a_link_of_its_own_is_refused() {
    let evil =
        package("evil", vec![link("./x", "etc"), directory("./etc"), file("./x/passwd", "")]);
    assert_eq!(fault(&[evil]), MergeFault::ThroughOwnLink { link: "x".into() });
}

#[test]
fn a_link_that_climbs_out_is_refused_when_something_goes_through_it() {
    let evil = package("evil", vec![link("./x", "../../outside")]);
    let victim = package("victim", vec![file("./x/y", "")]);
    assert!(matches!(fault(&[evil, victim]), MergeFault::Walk(WalkError::Escape { .. })));
}

#[test]
fn links_in_a_circle_are_refused() {
    let evil = package("evil", vec![link("./a", "b"), link("./b", "a")]);
    let victim = package("victim", vec![file("./a/x", "")]);
    assert!(matches!(fault(&[evil, victim]), MergeFault::Walk(WalkError::Loop { .. })));
}

#[test]
fn a_file_where_another_package_has_a_directory_is_refused() {
    let packages = [
        package("a", vec![file("./x", "")]),
        package("b", vec![directory("./x"), file("./x/y", "")]),
    ];
    assert!(matches!(fault(&packages), MergeFault::Conflict { .. }));
    let packages = [package("a", vec![file("./x", "")]), package("b", vec![file("./x/y", "")])];
    assert!(matches!(fault(&packages), MergeFault::Tree(_)));
}

#[test]
fn owners_count_by_name() {
    let mut theirs = file("./x", "");
    (theirs.gname, theirs.gid) = ("shadow".into(), 7);
    let packages = [package("a", vec![theirs])];
    assert!(matches!(fault(&packages), MergeFault::Account(_)));
    let mut accounts = Accounts::new();
    accounts.add_group("shadow", Some(42), &Default::default()).unwrap();
    let decided = BTreeSet::new();
    let known = Known { accounts: &accounts, diversions: &[], decided: &decided };
    assert_eq!(merge(&packages, known).unwrap().get("x").unwrap().gid, 42);
}

#[test]
fn an_owner_without_a_name_must_have_a_known_number() {
    let mut theirs = file("./x", "");
    (theirs.uname, theirs.uid) = (String::new(), 1234);
    let expect = MergeFault::NoSuchNumber { what: "user", number: 1234 };
    assert_eq!(fault(&[package("a", vec![theirs])]), expect);
}

#[test]
fn one_package_in_two_versions_is_refused() {
    let mut other = package("a", vec![]);
    other.version = "2".into();
    assert_eq!(fault(&[package("a", vec![]), other]), MergeFault::Twice { other: "2".into() });
}
