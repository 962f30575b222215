use formats::tree::{NoContent, Tree};

use super::*;
use crate::accounts::{Accounts, Numbers};

fn with(tree: &mut Tree, text: &str) -> Result<(), TmpfilesError> {
    let mut accounts = Accounts::new();
    accounts.add_group("crontab", Some(7), &Numbers::default()).unwrap();
    let mut edit = Edit { tree, accounts: &accounts, source: &NoContent, origin: "test" };
    apply(&mut edit, "x.conf", text)
}

fn evaluated(text: &str) -> Tree {
    let mut tree = Tree::new();
    with(&mut tree, text).unwrap();
    tree
}

#[test]
fn directories_files_and_links_are_made() {
    let tree = evaluated(
        "# comment\n\
         d /var/spool/cron/crontabs 1730 root crontab\n\
         f /etc/x 0600 - - - some words\n\
         L /etc/mtab - - - - ../proc/self/mounts\n\
         q /home 0700\n",
    );
    let crontabs = tree.get("var/spool/cron/crontabs").unwrap();
    assert_eq!((crontabs.mode, crontabs.gid), (0o1730, 7));
    let file = tree.get("etc/x").unwrap();
    assert_eq!(file.content(), Some(&Content::inline(b"some words".as_slice())));
    assert_eq!(tree.get("etc/mtab").unwrap().kind, Kind::Symlink("../proc/self/mounts".into()));
    assert_eq!(tree.get("home").unwrap().mode, 0o700);
}

#[test]
fn what_is_about_a_running_system_is_passed_over() {
    let tree = evaluated(
        "d /run/lvm 0700 root root -\nd /var/log/journal/%m 0755\nd! /var/a 0755\nd /tmp/x 1777\n\
         a+ /var/log - - - - group:adm:r-x\nf /etc/x - - - - %b\n",
    );
    assert!(tree.is_empty());
}

#[test]
fn what_exists_gets_the_mode_and_owner_that_the_line_names() {
    let tree = evaluated(
        "d /a 0755\nd /a 0700 - crontab\nd /b 0700\nd /b :0755\nd /c 0750\nz /c - root crontab\n",
    );
    assert_eq!((tree.get("a").unwrap().mode, tree.get("a").unwrap().gid), (0o700, 7));
    assert_eq!(tree.get("b").unwrap().mode, 0o700);
    assert_eq!((tree.get("c").unwrap().mode, tree.get("c").unwrap().gid), (0o750, 7));
}

#[test]
fn patterns_and_depth_reach_what_they_name() {
    let tree = evaluated(
        "d /a/x 0755\nd /a/y/z 0755\nf /a/y/f 0644\nz /a/* 0700\nZ /a/y ~2750 root crontab\n",
    );
    assert_eq!(tree.get("a/x").unwrap().mode, 0o700);
    assert_eq!(tree.get("a/y/z").unwrap().mode, 0o2750);
    assert_eq!(tree.get("a/y/f").unwrap().mode, 0o640, "no execute bit where there was none");
}

#[test]
fn a_link_gives_way_unless_it_is_forced() {
    let tree = evaluated("f /a\nL /a - - - - b\nf /c\nL+ /c - - - - d\n");
    assert!(tree.get("a").unwrap().content().is_some());
    assert_eq!(tree.get("c").unwrap().kind, Kind::Symlink("d".into()));
}

#[test]
fn trees_are_copied() {
    let tree = evaluated("f /usr/share/factory/etc/d/f 0600\nC /etc/d\n");
    assert_eq!(tree.get("etc/d/f").unwrap().mode, 0o600);
}

#[test]
fn lines_that_are_not_understood_are_refused_with_their_place() {
    for line in ["d", "y /x", "d /x 99", "d /x 0755 nobody", "d /%Z", "dq /x", "d \"/x"] {
        let error = with(&mut Tree::new(), &format!("\n{line}\n")).unwrap_err();
        assert_eq!(error.line, 2, "{line}");
    }
}
