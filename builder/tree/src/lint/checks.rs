//! The checks, and the tables they read from.

use std::io;

use contract::digest::Digest;
use formats::tree::{Content, Kind, name};
use recipe::glob::Glob;

use super::{CHECKS, Subject};
use crate::reach::Secret;
use crate::resolve::{Last, walk};

type Answer = io::Result<Option<String>>;

/// Files that make one machine the machine it is: pattern, and what it is.
const IDENTITIES: &[(&str, &str)] = &[
    ("etc/hostid", "the host's number"),
    ("etc/iscsi/initiatorname.iscsi", "the name of an iSCSI initiator"),
    ("etc/machine-id", "the machine's number"),
    ("etc/nvme/hostid", "the number of an NVMe host"),
    ("etc/nvme/hostnqn", "the name of an NVMe host"),
    ("etc/openvswitch/system-id.conf", "the number of a switch"),
    ("etc/ssh/ssh_host_*_key*", "an SSH host key"),
    ("etc/udev/rules.d/70-persistent-*.rules", "names of one machine's devices"),
    ("var/lib/dbus/machine-id", "the machine's number"),
    ("var/lib/dhcp/*.leases", "leases of one machine"),
    ("var/lib/systemd/credential.secret", "the key of a machine's credentials"),
    ("var/lib/systemd/random-seed", "the seed of a machine's random numbers"),
    ("var/lib/urandom/random-seed", "the seed of a machine's random numbers"),
];

/// What systemd writes into a machine-id that is yet to be made (machine-id(5)).
const NO_MACHINE_ID: &[u8] = b"uninitialized\n";

/// Programs that run what they are told.
const INTERPRETERS: &[&str] = &[
    "usr/bin/*awk",
    "usr/bin/ash",
    "usr/bin/bash",
    "usr/bin/busybox",
    "usr/bin/csh",
    "usr/bin/dash",
    "usr/bin/expect",
    "usr/bin/fish",
    "usr/bin/gdb",
    "usr/bin/guile*",
    "usr/bin/ksh*",
    "usr/bin/lua*",
    "usr/bin/mksh",
    "usr/bin/node",
    "usr/bin/perl*",
    "usr/bin/php*",
    "usr/bin/python*",
    "usr/bin/rbash",
    "usr/bin/ruby*",
    "usr/bin/sh",
    "usr/bin/tclsh*",
    "usr/bin/toybox",
    "usr/bin/zsh*",
];

/// Programs and data by which packages are installed.
const PACKAGE_MANAGERS: &[&str] = &[
    "etc/apt/**",
    "usr/bin/apt",
    "usr/bin/apt-*",
    "usr/bin/dnf*",
    "usr/bin/dpkg",
    "usr/bin/dpkg-*",
    "usr/bin/pip*",
    "usr/bin/rpm",
    "usr/bin/snap",
    "var/cache/apt/**",
    "var/lib/apt/**",
    "var/lib/dpkg/**",
];

/// Directories whose content is made when the machine runs: links into them lead somewhere then.
const MADE_AT_RUN_TIME: &[&str] = &["dev", "proc", "run", "sys", "tmp", "var"];

const WRITABLE_BY_ALL: u16 = 0o002;
const STICKY: u16 = 0o1000;
const SET_USER_ID: u16 = 0o4000;
const SET_GROUP_ID: u16 = 0o2000;

/// Whether one of a table's patterns stands for a path. The tables are constants; a pattern that
/// does not parse would match nothing, and a test says that all of them parse.
fn stands_in(table: &[&str], path: &str) -> bool {
    let matches = |pattern: &&str| Glob::parse(pattern).is_ok_and(|glob| glob.matches(path));
    let near = |pattern: &&&str| pattern.get(..7) == path.get(..7);
    table.iter().filter(near).any(matches)
}

pub(super) fn private_key(subject: &Subject<'_>) -> Answer {
    let Some(content) = subject.node.content() else { return Ok(None) };
    let facts = subject.facts.of(content)?;
    Ok(facts.secret.map(|secret| match secret {
        Secret::Pem => "holds a private key in text form".to_owned(),
        Secret::Der => "is a private key or key store in binary form".to_owned(),
        Secret::Text => "is a private key in the form of age or PuTTY".to_owned(),
    }))
}

pub(super) fn host_identity(subject: &Subject<'_>) -> Answer {
    let empty = |content: &Content| {
        content.len_bytes() == 0 || *content.digest() == Digest::of(NO_MACHINE_ID)
    };
    if subject.node.content().is_none_or(empty) {
        return Ok(None);
    }
    let found = IDENTITIES.iter().find(|(pattern, _)| stands_in(&[pattern], subject.path));
    Ok(found.map(|(_, what)| format!("is {what}, and every machine would have the same")))
}

pub(super) fn privileged(subject: &Subject<'_>) -> Answer {
    let mut rights = Vec::new();
    if matches!(subject.node.kind, Kind::File(_) | Kind::Hardlink(_)) {
        let modes = [(SET_USER_ID, "set-user-ID"), (SET_GROUP_ID, "set-group-ID")];
        let set = modes.iter().filter(|(bit, _)| subject.node.mode & bit != 0);
        rights.extend(set.map(|(_, word)| *word));
        if subject.node.xattrs.contains_key("security.capability") {
            rights.push("file capabilities");
        }
    }
    let mut allowed = subject.policy.privileged.iter();
    if rights.is_empty() || allowed.any(|allowed| allowed.path.matches(subject.path)) {
        return Ok(None);
    }
    Ok(Some(format!("has {} (mode {:04o})", rights.join(" and "), subject.node.mode)))
}

pub(super) fn world_writable(subject: &Subject<'_>) -> Answer {
    let mode = subject.node.mode;
    let open = match subject.node.kind {
        Kind::Symlink(_) | Kind::Hardlink(_) => false,
        Kind::Directory => mode & WRITABLE_BY_ALL != 0 && mode & STICKY == 0,
        _ => mode & WRITABLE_BY_ALL != 0,
    };
    Ok(open.then(|| format!("may be written to by anybody (mode {mode:04o})")))
}

pub(super) fn special_file(subject: &Subject<'_>) -> Answer {
    let what = match subject.node.kind {
        Kind::CharDevice(..) | Kind::BlockDevice(..) => "is a device node",
        Kind::Fifo => "is a named pipe",
        Kind::Socket => "is a socket",
        Kind::Directory | Kind::File(_) | Kind::Symlink(_) | Kind::Hardlink(_) => return Ok(None),
    };
    Ok(Some(what.to_owned()))
}

pub(super) fn unknown_owner(subject: &Subject<'_>) -> Answer {
    let (uid, gid) = (subject.node.uid, subject.node.gid);
    let user = (!subject.numbers.uids.contains(&uid)).then(|| format!("user {uid}"));
    let group = (!subject.numbers.gids.contains(&gid)).then(|| format!("group {gid}"));
    let unknown: Vec<String> = user.into_iter().chain(group).collect();
    Ok((!unknown.is_empty()).then(|| format!("belongs to the unknown {}", unknown.join(" and "))))
}

pub(super) fn drifted_number(subject: &Subject<'_>) -> Answer {
    let (policy, numbers) = (subject.policy, subject.numbers);
    let drifted: Vec<String> = match subject.path {
        "etc/passwd" => {
            let declared = policy.users.iter().map(|user| (user.name.as_str(), user.uid));
            declared.filter_map(|(name, id)| drift(name, id, numbers.users.get(name))).collect()
        }
        "etc/group" => {
            let declared = policy.groups.iter().map(|group| (group.name.as_str(), group.gid));
            declared.filter_map(|(name, id)| drift(name, id, numbers.groups.get(name))).collect()
        }
        _ => Vec::new(),
    };
    Ok((!drifted.is_empty()).then(|| drifted.join(", ")))
}

fn drift(name: &str, declared: u32, found: Option<&u32>) -> Option<String> {
    match found {
        Some(found) if *found == declared => None,
        Some(found) => Some(format!("{name} is {found}, and was declared as {declared}")),
        None => Some(format!("{name} is missing, and was declared as {declared}")),
    }
}

pub(super) fn dangling_link(subject: &Subject<'_>) -> Answer {
    let Kind::Symlink(target) = &subject.node.kind else { return Ok(None) };
    let walked = match walk(subject.path, subject.tree, Last::Follow) {
        Ok(walked) => walked,
        Err(error) => return Ok(Some(format!("leads to {target}: {error}"))),
    };
    let top = walked.place.split('/').next().unwrap_or_default();
    let there = subject.tree.get(&walked.place).is_some() || MADE_AT_RUN_TIME.contains(&top);
    Ok((!there).then(|| format!("leads to {target}, which is not in the image")))
}

pub(super) fn interpreter(subject: &Subject<'_>) -> Answer {
    let there = !matches!(subject.node.kind, Kind::Directory);
    let found = there && stands_in(INTERPRETERS, subject.path);
    Ok(found.then(|| "is an interpreter".to_owned()))
}

pub(super) fn package_manager(subject: &Subject<'_>) -> Answer {
    let there = !matches!(subject.node.kind, Kind::Directory);
    let found = there && stands_in(PACKAGE_MANAGERS, subject.path);
    Ok(found.then(|| "belongs to a package manager".to_owned()))
}

pub(super) fn odd_name(subject: &Subject<'_>) -> Answer {
    let name = name(subject.path);
    let odd = name.contains(|char: char| char.is_control() || char == '\\') || name.trim() != name;
    Ok(odd.then(|| format!("has an odd name: {name:?}")))
}

pub(super) fn unknown_lint(subject: &Subject<'_>) -> Answer {
    if !subject.path.is_empty() {
        return Ok(None);
    }
    let known = |name: &str| CHECKS.iter().any(|check| check.name == name);
    let unknown = subject.policy.exceptions.iter().find(|exception| !known(&exception.lint));
    Ok(unknown.map(|exception| {
        format!("{}: there is no lint called `{}`", exception.place, exception.lint)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_of_the_tables_parses_and_is_found() {
        let identities = IDENTITIES.iter().map(|(pattern, _)| *pattern);
        for pattern in identities.chain(INTERPRETERS.iter().chain(PACKAGE_MANAGERS).copied()) {
            let path = pattern.replace("**", "x").replace('*', "x");
            assert!(stands_in(&[pattern], &path), "{pattern}");
        }
    }
}
