use std::collections::BTreeMap;

use formats::tree::{Content, Kind, NoContent, Node, Tree};
use recipe::glob::Glob;
use recipe::place::Place;

use super::*;
use crate::reach::KnownFacts;

fn file(text: &str) -> Kind {
    Kind::File(Content::inline(text.as_bytes()))
}

/// What the lint finds in a tree with one further entry.
fn findings(path: &str, node: Node, policy: Policy<'_>) -> Vec<Finding> {
    let mut tree = Tree::new();
    let passwd = "root:x:0:0::/:/x\nfoo:x:100:200::/:/x\n";
    for (path, text) in [("etc/passwd", passwd), ("etc/group", "root:x:0:\nfoo:x:200:\n")] {
        tree.make_parents(path, "test").unwrap();
        tree.insert(path, Node::new(file(text), 0o644, "test")).unwrap();
    }
    tree.make_parents(path, "test").unwrap();
    tree.insert(path, node).unwrap();
    lint(&tree, &KnownFacts::new(BTreeMap::new(), &NoContent), policy).unwrap()
}

fn check(path: &str, kind: Kind, mode: u16, expect: &[&str]) {
    let found = findings(path, Node::new(kind, mode, "package:p"), Policy::default());
    let names: Vec<&str> = found.iter().map(|finding| finding.check).collect();
    assert_eq!(names, expect, "{path} {found:#?}");
}

fn place() -> Place {
    Place { file: "recipes/x/recipe.toml".into(), line: 1, column: 1, length: 1 }
}

fn exception(lint: &str, path: &str) -> Exception {
    let path = Glob::parse(path).unwrap();
    Exception { lint: lint.into(), path, why: "the test".into(), place: place() }
}

const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIEmb1pKF9ovkYBN3Gs9t9H0rYdzJQmXyrNwu5Yyl1ma2\n-----END PRIVATE KEY-----\n";

#[test]
fn an_ordinary_file_is_fine() {
    check("usr/bin/nft", file("x"), 0o755, &[]);
    check("etc/ssl/cert.pem", file(&KEY.replace("PRIVATE KEY", "CERTIFICATE")), 0o644, &[]);
}

#[test]
fn private_keys_are_found() {
    check("etc/ssl/key.pem", file(KEY), 0o600, &["private-key"]);
}

#[test]
fn identities_of_a_machine_are_found_unless_empty() {
    check("etc/machine-id", file("8f3c\n"), 0o444, &["host-identity"]);
    check("etc/machine-id", file(""), 0o444, &[]);
    check("etc/machine-id", file("uninitialized\n"), 0o444, &[]);
    check("etc/iscsi/initiatorname.iscsi", file("InitiatorName=x"), 0o600, &["host-identity"]);
    check("etc/ssh/ssh_host_rsa_key", file(KEY), 0o600, &["host-identity", "private-key"]);
}

#[test]
fn more_rights_than_asked_for_are_found() {
    check("usr/bin/su", file("x"), 0o4755, &["privileged"]);
    check("usr/bin/wall", file("x"), 0o2755, &["privileged"]);
    check("var/mail", Kind::Directory, 0o2775, &[]);
    let mut node = Node::new(file("x"), 0o755, "package:p");
    node.xattrs.insert("security.capability".into(), vec![1]);
    let found = findings("usr/bin/ping", node.clone(), Policy::default());
    assert_eq!(found[0].message, "has file capabilities (mode 0755)");
    let path = Glob::parse("usr/bin/ping").unwrap();
    let privileged = [Privileged { path, why: "the test".into(), place: place() }];
    let policy = Policy { privileged: &privileged, ..Policy::default() };
    assert!(findings("usr/bin/ping", node, policy).is_empty());
}

#[test]
fn what_anybody_may_change_is_found() {
    check("etc/x", file("x"), 0o666, &["world-writable"]);
    check("srv", Kind::Directory, 0o777, &["world-writable"]);
    check("tmp", Kind::Directory, 0o1777, &[]);
    check("x", Kind::Symlink("etc".into()), 0o777, &[]);
}

#[test]
fn special_files_are_found() {
    check("dev/null", Kind::CharDevice(1, 3), 0o600, &["special-file"]);
    check("run/x", Kind::Socket, 0o600, &["special-file"]);
}

#[test]
fn owners_without_a_name_are_found() {
    let node = |uid, gid| Node { uid, gid, ..Node::new(file("x"), 0o644, "package:p") };
    assert!(findings("x", node(100, 200), Policy::default()).is_empty());
    let found = findings("x", node(7, 8), Policy::default());
    assert_eq!(found[0].message, "belongs to the unknown user 7 and group 8");
}

#[test]
fn numbers_that_are_not_the_declared_ones_are_found() {
    let group = |name: &str, gid| Group { name: name.into(), gid, place: place() };
    let groups = [group("foo", 200), group("bar", 5), group("root", 1)];
    let policy = Policy { groups: &groups, ..Policy::default() };
    let found = findings("x", Node::new(file("x"), 0o644, "package:p"), policy);
    assert_eq!((found.len(), found[0].check), (1, "drifted-number"));
    assert_eq!(
        found[0].message,
        "bar is missing, and was declared as 5, root is 0, and was declared as 1"
    );
}

#[test]
fn links_that_lead_nowhere_are_found() {
    check("a", Kind::Symlink("etc/passwd".into()), 0o777, &[]);
    check("a", Kind::Symlink("/run/later".into()), 0o777, &[]);
    check("a", Kind::Symlink("gone".into()), 0o777, &["dangling-link"]);
    check("a", Kind::Symlink("../../x".into()), 0o777, &["dangling-link"]);
    check("a", Kind::Symlink("a".into()), 0o777, &["dangling-link"]);
}

#[test]
fn interpreters_and_package_managers_are_found() {
    check("usr/bin/bash", file("x"), 0o755, &["interpreter"]);
    check("usr/bin/python3.13", file("x"), 0o755, &["interpreter"]);
    check("usr/bin/dpkg-query", file("x"), 0o755, &["package-manager"]);
    check("var/lib/dpkg/status", file("x"), 0o644, &["package-manager"]);
}

#[test]
fn odd_names_are_found() {
    check("etc/a\nb", file("x"), 0o644, &["odd-name"]);
    check("etc/a ", file("x"), 0o644, &["odd-name"]);
    check("etc/a b", file("x"), 0o644, &[]);
}

#[test]
fn a_recipe_accepts_findings_by_name_and_path() {
    let exceptions = [exception("interpreter", "usr/bin/sh")];
    let policy = Policy { exceptions: &exceptions, ..Policy::default() };
    let shell = || Node::new(file("x"), 0o755, "package:p");
    assert!(findings("usr/bin/sh", shell(), policy).is_empty());
    assert_eq!(findings("usr/bin/dash", shell(), policy).len(), 1);
}

#[test]
fn an_exception_for_no_check_is_found() {
    let exceptions = [exception("interpeter", "usr/bin/sh")];
    let policy = Policy { exceptions: &exceptions, ..Policy::default() };
    let found = findings("x", Node::new(file("x"), 0o644, "package:p"), policy);
    assert_eq!(found[0].check, "unknown-lint");
}

#[test]
fn findings_name_their_origin_and_what_to_try() {
    let found =
        findings("usr/bin/su", Node::new(file("x"), 0o4755, "package:su"), Policy::default());
    assert_eq!(found[0].origin, "package:su");
    assert!(found[0].hint.contains("`privileged`"));
}

#[test]
fn names_of_checks_are_plain_and_sayings_are_whole() {
    for check in CHECKS {
        assert!(check.name.chars().all(|char| char.is_ascii_lowercase() || char == '-'));
        assert!(!check.looks_for.ends_with('.') && !check.hint.ends_with('.'), "{}", check.name);
    }
}
