//! `sysusers.d(5)`: users and groups that a package declares in a file.
//!
//! A line is `TYPE NAME ID [COMMENT [HOME [SHELL]]]` with C-like quoting. Types are `u` (user, with
//! the group of its name unless the number says otherwise), `u!` (the same, locked for good), `g`
//! (group), `m` (user NAME into group ID) and `r` (a range for dynamic numbers, which a table of
//! fixed numbers has no use for). A number may be `-` (the machine chooses; here the table does),
//! a number, `UID:GID`, `UID:GROUP`, or a path whose owner is meant, which is refused.

use super::{AccountError, Accounts, NewUser, Numbers, Primary, bad_line};
use crate::words;

/// Which lines are meant. Groups of all files come before users of any, and memberships last, so
/// that the order of files does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// `g`
    Groups,
    /// `u`
    Users,
    /// `m`
    Members,
}

impl Phase {
    /// All phases, in order.
    pub const ALL: [Self; 3] = [Self::Groups, Self::Users, Self::Members];
}

/// Does what `systemd-sysusers` would with the lines of one phase in this file.
///
/// # Errors
/// A line is not understood, or an account cannot be made.
pub fn apply(
    accounts: &mut Accounts,
    phase: Phase,
    file: &str,
    text: &str,
    numbers: &Numbers,
) -> Result<(), AccountError> {
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        // Ranges are for numbers that the machine chooses; here none is.
        if line.is_empty() || line.starts_with('#') || line.starts_with("r ") {
            continue;
        }
        let bad = || bad_line(file, at, line);
        let fields = words::split(line).map_err(|_| bad())?;
        let field = |number: usize| {
            fields.get(number).map(String::as_str).filter(|field| !matches!(*field, "" | "-"))
        };
        let name = field(1).ok_or_else(bad)?;
        if name.contains('%') || fields.len() > 6 {
            return Err(bad());
        }
        let kind = fields.first().map(|kind| kind.trim_end_matches('!'));
        match kind.zip(Some(phase)) {
            Some(("g", Phase::Groups)) => {
                let gid = field(2).map(|id| id.parse().map_err(|_| bad())).transpose()?;
                accounts.add_group(name, gid, numbers)?;
            }
            Some(("u", Phase::Users)) => {
                let (uid, primary) = identity(name, field(2), accounts).ok_or_else(bad)?;
                let user = NewUser {
                    name: name.to_owned(),
                    uid,
                    primary,
                    groups: Vec::new(),
                    comment: field(3).unwrap_or_default().to_owned(),
                    home: field(4).unwrap_or("/").to_owned(),
                    shell: field(5).unwrap_or("/usr/sbin/nologin").to_owned(),
                };
                accounts.add_user(&user, numbers)?;
            }
            Some(("m", Phase::Members)) => {
                accounts.add_member(field(2).ok_or_else(bad)?, name)?;
            }
            Some(("g" | "u" | "m", _)) => {}
            _ => return Err(bad()),
        }
    }
    Ok(())
}

/// The number and the primary group that the third field means.
fn identity(name: &str, id: Option<&str>, accounts: &Accounts) -> Option<(Option<u32>, Primary)> {
    // A group of the user's name that exists already is the user's, whatever its number.
    let own = || match accounts.gid(name) {
        Ok(_) => Primary::Named(name.to_owned()),
        Err(_) => Primary::Own,
    };
    let number = |text: &str| match text {
        "-" => Some(None),
        text => text.parse().ok().map(Some),
    };
    match id.map(|id| id.split_once(':').unwrap_or((id, ""))) {
        None => Some((None, own())),
        Some((uid, "")) => Some((number(uid)?, own())),
        Some((uid, group)) => {
            let primary = match group.parse() {
                Ok(gid) => Primary::Number(gid),
                Err(_) => Primary::Named(group.to_owned()),
            };
            Some((number(uid)?, primary))
        }
    }
}
