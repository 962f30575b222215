//! Users and groups: every name that is used exists, every number belongs to one.

use std::collections::{BTreeMap, BTreeSet};

use super::declared::Declared;
use crate::assembly::Assembly;
use crate::diagnostic::{Diagnostic, Findings, Problem};
use crate::nearest::nearest;
use crate::place::Place;

/// Users of Debian's base system with their numbers (`/usr/share/base-passwd/passwd.master` of
/// package base-passwd; Debian Policy, section 9.2.2). They exist in every image.
pub(crate) const BASE_USERS: &[(&str, u32)] = &[
    ("root", 0),
    ("daemon", 1),
    ("bin", 2),
    ("sys", 3),
    ("sync", 4),
    ("games", 5),
    ("man", 6),
    ("lp", 7),
    ("mail", 8),
    ("news", 9),
    ("uucp", 10),
    ("proxy", 13),
    ("www-data", 33),
    ("backup", 34),
    ("list", 38),
    ("irc", 39),
    ("_apt", 42),
    ("nobody", 65534),
];

/// Groups of Debian's base system with their numbers (`/usr/share/base-passwd/group.master`).
pub(crate) const BASE_GROUPS: &[(&str, u32)] = &[
    ("root", 0),
    ("daemon", 1),
    ("bin", 2),
    ("sys", 3),
    ("adm", 4),
    ("tty", 5),
    ("disk", 6),
    ("lp", 7),
    ("mail", 8),
    ("news", 9),
    ("uucp", 10),
    ("man", 12),
    ("proxy", 13),
    ("kmem", 15),
    ("dialout", 20),
    ("fax", 21),
    ("voice", 22),
    ("cdrom", 24),
    ("floppy", 25),
    ("tape", 26),
    ("sudo", 27),
    ("audio", 29),
    ("dip", 30),
    ("www-data", 33),
    ("backup", 34),
    ("operator", 37),
    ("list", 38),
    ("irc", 39),
    ("src", 40),
    ("shadow", 42),
    ("utmp", 43),
    ("video", 44),
    ("sasl", 45),
    ("plugdev", 46),
    ("staff", 50),
    ("games", 60),
    ("users", 100),
    ("nogroup", 65534),
];

pub(super) fn check(assembly: &Assembly, found: &mut Findings) {
    let users: Vec<_> =
        assembly.users.iter().map(|user| (user.name.as_str(), user.uid, &user.place)).collect();
    let groups: Vec<_> = assembly
        .groups
        .iter()
        .map(|group| (group.name.as_str(), group.gid, &group.place))
        .collect();
    numbers("user", BASE_USERS, &users, found);
    numbers("group", BASE_GROUPS, &groups, found);
    let users = Known::new("user", BASE_USERS, &users);
    let groups = Known::new("group", BASE_GROUPS, &groups);
    for user in &assembly.users {
        groups.check(&user.group, user.place(), found);
        for group in &user.groups {
            groups.check(group, user.place(), found);
        }
    }
    for service in &assembly.services {
        let declaration = &service.declaration;
        let number = |name: &str| name.parse::<u32>().is_ok();
        if !number(&declaration.user) {
            users.check(&declaration.user, service.place(), found);
        }
        for group in declaration.group.iter().chain(&declaration.groups) {
            if !number(group) {
                groups.check(group, service.place(), found);
            }
        }
    }
    for file in &assembly.files {
        users.check(&file.user, file.place(), found);
        groups.check(&file.group, file.place(), found);
    }
}

/// Names, numbers and places of accounts.
type Accounts<'a> = [(&'a str, u32, &'a Place)];

fn numbers(
    what: &'static str,
    base: &[(&str, u32)],
    accounts: &Accounts<'_>,
    found: &mut Findings,
) {
    let mut owners: BTreeMap<u32, (&str, Option<&Place>)> =
        base.iter().map(|(name, number)| (*number, (*name, None))).collect();
    for (name, number, place) in accounts {
        if let Some((_, fixed)) = base.iter().find(|(known, _)| known == name)
            && fixed != number
        {
            let problem = Problem::Conflict { what, name: (*name).to_owned() };
            let advice = format!("{fixed}, the number it has in Debian's base system");
            found.push(Diagnostic::at((*place).clone(), problem).advise(advice));
        }
        match owners.get(number) {
            Some((owner, _)) if owner == name => {}
            Some((owner, first)) => {
                let problem =
                    Problem::NumberTaken { what, number: *number, by: (*owner).to_owned() };
                let mut finding =
                    Diagnostic::at((*place).clone(), problem).advise("a number that is free");
                if let Some(first) = first {
                    finding = finding.note(first, format!("`{owner}` is declared here"));
                }
                found.push(finding);
            }
            None => drop(owners.insert(*number, (name, Some(place)))),
        }
    }
}

struct Known<'a> {
    what: &'static str,
    names: BTreeSet<&'a str>,
}

impl<'a> Known<'a> {
    fn new(what: &'static str, base: &[(&'a str, u32)], declared: &Accounts<'a>) -> Self {
        let base = base.iter().map(|(name, _)| *name);
        Self { what, names: base.chain(declared.iter().map(|(name, ..)| *name)).collect() }
    }

    fn check(&self, name: &str, place: &Place, found: &mut Findings) {
        if self.names.contains(name) || found.full() {
            return;
        }
        let problem = Problem::NobodyHas { what: self.what, name: name.to_owned() };
        let advice = match nearest(name, self.names.iter().copied()) {
            Some(known) => format!("`{known}`"),
            None => format!("a `[[{}]]` with this name and a fixed number", self.what),
        };
        found.push(Diagnostic::at(place.clone(), problem).advise(advice));
    }
}
