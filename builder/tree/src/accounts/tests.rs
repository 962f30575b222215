use formats::tree::NoContent;

use super::*;

fn numbers() -> Numbers {
    Numbers {
        users: BTreeMap::from([("messagebus".into(), 101)]),
        groups: BTreeMap::from([("kvm".into(), 106), ("messagebus".into(), 101)]),
    }
}

fn user(name: &str) -> NewUser {
    NewUser {
        name: name.into(),
        uid: None,
        primary: Primary::Own,
        groups: Vec::new(),
        comment: String::new(),
        home: "/".into(),
        shell: "/usr/sbin/nologin".into(),
    }
}

fn sysusers(accounts: &mut Accounts, text: &str) -> Result<(), AccountError> {
    let apply = |phase| sysusers::apply(accounts, phase, "x.conf", text, &numbers());
    sysusers::Phase::ALL.into_iter().try_for_each(apply)
}

#[test]
fn files_are_in_the_order_of_numbers_and_nobody_has_a_password() {
    let mut accounts = Accounts::new();
    accounts
        .add_masters(
            "daemon:*:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n",
            "daemon:*:1:\nshadow:*:42:\n",
        )
        .unwrap();
    accounts.add_group("kvm", None, &numbers()).unwrap();
    let new = NewUser { groups: vec!["kvm".into()], ..user("messagebus") };
    accounts.add_user(&new, &numbers()).unwrap();
    let mut tree = Tree::new();
    accounts.write_into(&mut tree).unwrap();
    let text = |path: &str| {
        let bytes = tree.get(path).unwrap().content().unwrap().load(&NoContent).unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    };
    assert_eq!(
        text("etc/passwd"),
        "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
         messagebus:x:101:101::/:/usr/sbin/nologin\n"
    );
    assert_eq!(
        text("etc/group"),
        "root:x:0:\ndaemon:x:1:\nshadow:x:42:\nmessagebus:x:101:\nkvm:x:106:messagebus\n"
    );
    assert_eq!(text("etc/shadow"), "root:*:::::::\ndaemon:*:::::::\nmessagebus:*:::::::\n");
    assert!(text("etc/gshadow").ends_with("kvm:*::messagebus\n"));
    let shadow = tree.get("etc/shadow").unwrap();
    assert_eq!((shadow.mode, shadow.gid), (0o640, 42));
}

#[test]
fn an_account_without_a_number_is_an_error() {
    let mut accounts = Accounts::new();
    let error = accounts.add_user(&user("newd"), &numbers()).unwrap_err();
    assert_eq!(error, AccountError::NoNumber { what: "user", name: "newd".into() });
    let error = accounts.add_group("newd", None, &numbers()).unwrap_err();
    assert_eq!(error, AccountError::NoNumber { what: "group", name: "newd".into() });
}

#[test]
fn a_number_is_had_once() {
    let mut accounts = Accounts::new();
    accounts.add_group("a", Some(7), &numbers()).unwrap();
    let error = accounts.add_group("b", Some(7), &numbers()).unwrap_err();
    let expect =
        AccountError::NumberTaken { what: "group", number: 7, by: "a".into(), name: "b".into() };
    assert_eq!(error, expect);
}

#[test]
fn who_comes_first_stands() {
    let mut accounts = Accounts::new();
    accounts.add_group("libvirt", Some(50), &numbers()).unwrap();
    accounts.add_group("libvirt", Some(51), &numbers()).unwrap();
    assert_eq!(accounts.gid("libvirt"), Ok(50));
}

#[test]
fn names_and_fields_that_break_a_line_are_refused() {
    let mut accounts = Accounts::new();
    for name in ["", "a:b", "-a", "1a", "a\nb", "ä", &"x".repeat(32)] {
        let error = accounts.add_group(name, Some(9), &numbers()).unwrap_err();
        assert!(matches!(error, AccountError::BadName { .. }), "{name:?}");
    }
    let new = NewUser { comment: "a:0:0".into(), ..user("messagebus") };
    let error = accounts.add_user(&new, &numbers()).unwrap_err();
    assert!(matches!(error, AccountError::BadField { .. }));
}

#[test]
fn sysusers_lines_make_users_groups_and_memberships() {
    let text = "# comment\n\
                u messagebus - \"System Message Bus\" /nonexistent\n\
                g kvm -\n\
                m messagebus kvm\n\
                u! sync 4:65534 - /bin /bin/sync\n\
                r - 500-900\n";
    let mut accounts = Accounts::new();
    sysusers(&mut accounts, text).unwrap();
    let bus = &accounts.users()["messagebus"];
    assert_eq!((bus.uid, bus.gid, bus.comment.as_str()), (101, 101, "System Message Bus"));
    assert_eq!((bus.home.as_str(), bus.shell.as_str()), ("/nonexistent", "/usr/sbin/nologin"));
    assert!(accounts.groups()["kvm"].members.contains("messagebus"));
    assert_eq!((accounts.users()["sync"].uid, accounts.users()["sync"].gid), (4, 65534));
}

#[test]
fn sysusers_lines_that_are_not_understood_are_refused_with_their_place() {
    for line in ["x a -", "u", "g a b", "u a /etc/x", "m nobody kvm", "u %m 1", "u a 1 \"open"] {
        let mut accounts = Accounts::new();
        let text = format!("\n{line}\n");
        let error = sysusers(&mut accounts, &text).unwrap_err();
        let placed = matches!(&error, AccountError::BadLine { line: 2, .. });
        assert!(placed || matches!(error, AccountError::Unknown { .. }), "{line}: {error}");
    }
}
