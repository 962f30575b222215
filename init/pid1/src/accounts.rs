//! Users and groups of the root, from `/etc/passwd` and `/etc/group`.
//!
//! PID 1 reads the files itself: a static program has no name service, and the image's accounts
//! are all there is.

use std::fmt;

use contract::service::Service;

/// As whom a service runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user's number.
    pub user: u32,
    /// The group's number.
    pub group: u32,
    /// The numbers of further groups.
    pub groups: Vec<u32>,
}

/// An account that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAccount {
    /// `user` or `group`.
    pub kind: &'static str,
    /// The name that was asked for.
    pub name: String,
}

impl fmt::Display for UnknownAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no {} `{}` in the image", self.kind, self.name)
    }
}

impl std::error::Error for UnknownAccount {}

/// As whom `service` runs, by the texts of `/etc/passwd` and `/etc/group`. A number is taken as
/// it is; its group is then the same number unless the declaration names one.
///
/// # Errors
///
/// A name that is in neither.
pub fn identity(service: &Service, passwd: &str, group: &str) -> Result<Identity, UnknownAccount> {
    let (user, own_group) = find_user(&service.user, passwd)?;
    let group_number = match &service.group {
        Some(name) => find_group(name, group)?,
        None => own_group,
    };
    let groups =
        service.groups.iter().map(|name| find_group(name, group)).collect::<Result<_, _>>();
    Ok(Identity { user, group: group_number, groups: groups? })
}

fn find_user(name: &str, passwd: &str) -> Result<(u32, u32), UnknownAccount> {
    if let Ok(number) = name.parse() {
        return Ok((number, number));
    }
    let mut fields = entry(name, passwd).into_iter().flat_map(|line| line.split(':').skip(2));
    let mut number = || fields.next().and_then(|field| field.parse().ok());
    match (number(), number()) {
        (Some(user), Some(group)) => Ok((user, group)),
        _ => Err(UnknownAccount { kind: "user", name: name.to_owned() }),
    }
}

fn find_group(name: &str, group: &str) -> Result<u32, UnknownAccount> {
    let number = || entry(name, group)?.split(':').nth(2)?.parse().ok();
    name.parse().ok().or_else(number).ok_or(UnknownAccount { kind: "group", name: name.to_owned() })
}

fn entry<'a>(name: &str, text: &'a str) -> Option<&'a str> {
    text.lines().find(|line| line.split_once(':').is_some_and(|(first, _)| first == name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\nlibvirt-qemu:x:64055:994:Q:/var:/x\nodd:x:a\n";
    const GROUP: &str = "root:x:0:\nkvm:x:993:libvirt-qemu\n";

    fn check(declared: &str, expect: Result<(u32, u32, &[u32]), &str>) {
        let text = format!("command = '/x'\n{declared}");
        let service = contract::service::parse(text.as_bytes()).unwrap();
        let found = identity(&service, PASSWD, GROUP);
        let expect = expect
            .map(|(user, group, groups)| Identity { user, group, groups: groups.to_vec() })
            .map_err(str::to_owned);
        assert_eq!(found.map_err(|error| error.to_string()), expect, "{declared}");
    }

    #[test]
    fn names_and_numbers_are_found() {
        check("", Ok((0, 0, &[])));
        check("user = 'libvirt-qemu'\ngroups = ['kvm', '7']", Ok((64055, 994, &[993, 7])));
        check("user = 'libvirt-qemu'\ngroup = 'kvm'", Ok((64055, 993, &[])));
        check("user = '12'", Ok((12, 12, &[])));
    }

    #[test]
    fn who_is_not_there_is_named() {
        check("user = 'nobody'", Err("there is no user `nobody` in the image"));
        check("user = 'odd'", Err("there is no user `odd` in the image"));
        check("group = 'disk'", Err("there is no group `disk` in the image"));
    }

    proptest! {
        #[test]
        fn any_files_are_answered(passwd in ".{0,100}", group in "([a:0\n]|.){0,60}") {
            let service = contract::service::parse(b"command = '/x'\nuser = 'a'\ngroup = 'a'").unwrap();
            let _answer = identity(&service, &passwd, &group);
            let _answer = identity(&service, &group, &passwd);
        }
    }
}
