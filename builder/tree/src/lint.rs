//! What must not be in an image, looked for in the finished root tree.
//!
//! Recipes and rules say what goes in; this is the second pair of eyes that knows nothing of them.
//! It looks for what has gone wrong in images elsewhere: keys and identities that every machine
//! then shares, programs with more rights than asked for, files that anybody may change, numbers
//! without a user, interpreters that nobody meant to ship. Each check is a row of [`CHECKS`]; a
//! recipe accepts a finding by the check's name, a pattern and a why.
//!
//! It refuses nothing itself: whoever asks decides what a finding costs.

mod accounts;
mod checks;

use std::io;

use formats::tree::{Node, Tree};
use recipe::assembly::Assembly;
use recipe::declared::{Exception, Group, Privileged, User};

use crate::reach::Facts;
use accounts::Numbers;

/// Something that should not be so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The path.
    pub path: String,
    /// The name of the check.
    pub check: &'static str,
    /// Who put it there: `package:NAME`, `recipe:NAME` or `ashlar`.
    pub origin: String,
    /// What is wrong.
    pub message: String,
    /// What to try.
    pub hint: &'static str,
}

/// What recipes say that the lint needs to know.
#[derive(Debug, Clone, Copy, Default)]
pub struct Policy<'a> {
    /// Files that may have more rights.
    pub privileged: &'a [Privileged],
    /// Findings that are accepted.
    pub exceptions: &'a [Exception],
    /// Users with fixed numbers.
    pub users: &'a [User],
    /// Groups with fixed numbers.
    pub groups: &'a [Group],
}

impl<'a> Policy<'a> {
    /// What the recipes of an image say.
    #[must_use]
    pub fn of(assembly: &'a Assembly) -> Self {
        Self {
            privileged: &assembly.privileged,
            exceptions: &assembly.exceptions,
            users: &assembly.users,
            groups: &assembly.groups,
        }
    }
}

/// One check: a name that recipes can accept findings by, and what it looks for.
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// What it looks for, as a sentence without a full stop.
    pub looks_for: &'static str,
    /// What to try about a finding.
    pub hint: &'static str,
    look: fn(&Subject<'_>) -> io::Result<Option<String>>,
}

/// What a check looks at: one entry of the tree, and the tree around it.
struct Subject<'a> {
    path: &'a str,
    node: &'a Node,
    tree: &'a Tree,
    facts: &'a dyn Facts,
    policy: Policy<'a>,
    numbers: &'a Numbers,
}

/// All checks.
pub const CHECKS: &[Check] = &[
    Check {
        name: "private-key",
        looks_for: "private keys and key stores, by their shape",
        hint: "a key in an image is everybody's key: make it on the node",
        look: checks::private_key,
    },
    Check {
        name: "host-identity",
        looks_for: "files that must differ from machine to machine",
        hint: "leave it out or empty, and make it on the node",
        look: checks::host_identity,
    },
    Check {
        name: "privileged",
        looks_for: "set-user-ID, set-group-ID and file capabilities that no recipe asks for",
        hint: "leave it out, or declare it under `privileged` with a why",
        look: checks::privileged,
    },
    Check {
        name: "world-writable",
        looks_for: "files and directories that anybody may change",
        hint: "set the mode; a shared directory needs the sticky bit",
        look: checks::world_writable,
    },
    Check {
        name: "special-file",
        looks_for: "device nodes, pipes and sockets",
        hint: "the kernel makes devices in /dev, services make their sockets in /run",
        look: checks::special_file,
    },
    Check {
        name: "unknown-owner",
        looks_for: "owners that are not in /etc/passwd or /etc/group",
        hint: "declare the user or group with its number, or mend the owner",
        look: checks::unknown_owner,
    },
    Check {
        name: "drifted-number",
        looks_for: "users and groups whose number is not the declared one",
        hint: "numbers are for ever: files on the node's state belong to them",
        look: checks::drifted_number,
    },
    Check {
        name: "dangling-link",
        looks_for: "symbolic links that lead nowhere or out of the image",
        hint: "keep the target too, or leave out the link",
        look: checks::dangling_link,
    },
    Check {
        name: "interpreter",
        looks_for: "shells and interpreters",
        hint: "`ashlar why` says what keeps it; without one an intruder has less to work with",
        look: checks::interpreter,
    },
    Check {
        name: "package-manager",
        looks_for: "package managers and their databases",
        hint: "nothing is installed on a node; the bill of materials says what is in the image",
        look: checks::package_manager,
    },
    Check {
        name: "odd-name",
        looks_for: "names with control characters, backslashes or blanks at their ends",
        hint: "rename it or leave it out",
        look: checks::odd_name,
    },
    Check {
        name: "unknown-lint",
        looks_for: "exceptions for checks that do not exist",
        hint: "mend the name of the lint in the recipe",
        look: checks::unknown_lint,
    },
];

/// Looks at a finished root tree. Findings are sorted by path.
///
/// # Errors
/// The facts of a file, or the account files, cannot be had.
pub fn lint(tree: &Tree, facts: &dyn Facts, policy: Policy<'_>) -> io::Result<Vec<Finding>> {
    let numbers = Numbers::read(tree, facts)?;
    let mut findings = Vec::new();
    for (path, node) in tree.iter() {
        let subject = Subject { path, node, tree, facts, policy, numbers: &numbers };
        for check in CHECKS {
            let Some(message) = (check.look)(&subject)? else { continue };
            if !is_accepted(policy, check.name, path) {
                findings.push(Finding {
                    path: path.to_owned(),
                    check: check.name,
                    origin: node.origin.to_string(),
                    message,
                    hint: check.hint,
                });
            }
        }
    }
    findings.sort();
    Ok(findings)
}

fn is_accepted(policy: Policy<'_>, check: &str, path: &str) -> bool {
    let mut exceptions = policy.exceptions.iter();
    exceptions.any(|exception| exception.lint == check && exception.path.matches(path))
}

#[cfg(test)]
mod tests;
