//! Users and groups with fixed numbers.
//!
//! An ordinary installation gives a system user the next free number, so two machines differ by
//! the order their packages came in. Here every number is written down: by Debian for the accounts
//! it reserves (`base-passwd`), by a recipe, or in the table of numbers beside the rules. A name
//! without a number, and two names with one number, are errors.
//!
//! Who wins: a recipe's declaration stands as it is; a package then adds what is still missing,
//! as `adduser` and `systemd-sysusers` would. No account gets a password, and no line carries a
//! date.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use formats::tree::{Content, Kind, Node, Tree, TreeError};

pub mod sysusers;

#[cfg(test)]
mod tests;

/// A user as it stands in `/etc/passwd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The number.
    pub uid: u32,
    /// The primary group's number.
    pub gid: u32,
    /// The comment field.
    pub comment: String,
    /// The home directory.
    pub home: String,
    /// The login shell.
    pub shell: String,
}

/// A group as it stands in `/etc/group`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// The number.
    pub gid: u32,
    /// Users that are in it beside those whose primary group it is.
    pub members: BTreeSet<String>,
}

/// Which group is a new user's primary one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Primary {
    /// One of the user's own name, made with it.
    Own,
    /// This one.
    Named(String),
    /// The one with this number.
    Number(u32),
}

/// A user that a script, a `sysusers.d` line or a recipe asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// The login name.
    pub name: String,
    /// The number, where whoever asks cares.
    pub uid: Option<u32>,
    /// The primary group.
    pub primary: Primary,
    /// Names of further groups.
    pub groups: Vec<String>,
    /// The comment field.
    pub comment: String,
    /// The home directory.
    pub home: String,
    /// The login shell.
    pub shell: String,
}

/// Numbers for accounts whose makers leave the choice to the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    /// By login name.
    pub users: BTreeMap<String, u32>,
    /// By group name.
    pub groups: BTreeMap<String, u32>,
}

/// Why an account cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountError {
    /// Nothing says which number it has.
    NoNumber {
        /// `user` or `group`.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Two accounts have one number.
    NumberTaken {
        /// `user` or `group`.
        what: &'static str,
        /// The number.
        number: u32,
        /// Who has it.
        by: String,
        /// Who wants it.
        name: String,
    },
    /// The name does not exist.
    Unknown {
        /// `user` or `group`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The name has characters that may not stand in `/etc/passwd`, or is too long.
    BadName {
        /// The name.
        name: String,
    },
    /// A field would break the line it stands in.
    BadField {
        /// Whose field.
        name: String,
        /// What was to be written.
        field: String,
    },
    /// A line is not of the form its file has.
    BadLine {
        /// The file.
        file: String,
        /// The line's number, from 1.
        line: usize,
        /// The line.
        text: String,
    },
}

impl fmt::Display for AccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNumber { what, name } => {
                write!(f, "no fixed number for the {what} `{name}`; add one to the rules")
            }
            Self::NumberTaken { what, number, by, name } => {
                write!(f, "the {what} `{name}` has the number {number} that `{by}` has already")
            }
            Self::Unknown { what, name } => write!(f, "there is no {what} `{name}`"),
            Self::BadName { name } => write!(f, "`{name}` is no name for an account"),
            Self::BadField { name, field } => {
                write!(f, "`{field}` may not stand in the account of `{name}`")
            }
            Self::BadLine { file, line, text } => {
                write!(f, "{file}, line {line}: `{text}` is not of the form that file has")
            }
        }
    }
}

impl std::error::Error for AccountError {}

/// All users and groups of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounts {
    users: BTreeMap<String, User>,
    groups: BTreeMap<String, Group>,
}

impl Default for Accounts {
    fn default() -> Self {
        Self::new()
    }
}

impl Accounts {
    /// `root`, and nobody else.
    #[must_use]
    pub fn new() -> Self {
        let root = User {
            uid: 0,
            gid: 0,
            comment: "root".into(),
            home: "/root".into(),
            shell: "/bin/bash".into(),
        };
        Self {
            users: BTreeMap::from([("root".into(), root)]),
            groups: BTreeMap::from([("root".into(), Group::default())]),
        }
    }

    /// The number of this user.
    ///
    /// # Errors
    /// There is no such user.
    pub fn uid(&self, name: &str) -> Result<u32, AccountError> {
        let unknown = || AccountError::Unknown { what: "user", name: name.to_owned() };
        self.users.get(name).map(|user| user.uid).ok_or_else(unknown)
    }

    /// The number of this group.
    ///
    /// # Errors
    /// There is no such group.
    pub fn gid(&self, name: &str) -> Result<u32, AccountError> {
        let unknown = || AccountError::Unknown { what: "group", name: name.to_owned() };
        self.groups.get(name).map(|group| group.gid).ok_or_else(unknown)
    }

    /// All users by name.
    #[must_use]
    pub const fn users(&self) -> &BTreeMap<String, User> {
        &self.users
    }

    /// All groups by name.
    #[must_use]
    pub const fn groups(&self) -> &BTreeMap<String, Group> {
        &self.groups
    }

    /// Adds what `base-passwd` reserves, from its master files.
    ///
    /// # Errors
    /// A line is not of the form of `/etc/passwd` or `/etc/group`, or a number is taken.
    pub fn add_masters(&mut self, passwd: &str, group: &str) -> Result<(), AccountError> {
        for (at, line) in group.lines().enumerate() {
            let bad = || bad_line("group.master", at, line);
            let mut fields = line.split(':');
            let (Some(name), Some(_), Some(gid)) = (fields.next(), fields.next(), fields.next())
            else {
                return Err(bad());
            };
            self.add_group(name, Some(gid.parse().map_err(|_| bad())?), &Numbers::default())?;
        }
        for (at, line) in passwd.lines().enumerate() {
            let bad = || bad_line("passwd.master", at, line);
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, uid, gid, comment, home, shell] = fields.as_slice() else {
                return Err(bad());
            };
            let user = NewUser {
                name: (*name).to_owned(),
                uid: Some(uid.parse().map_err(|_| bad())?),
                primary: Primary::Number(gid.parse().map_err(|_| bad())?),
                groups: Vec::new(),
                comment: (*comment).to_owned(),
                home: (*home).to_owned(),
                shell: (*shell).to_owned(),
            };
            self.add_user(&user, &Numbers::default())?;
        }
        Ok(())
    }

    /// Makes a group unless there is one of that name.
    ///
    /// # Errors
    /// It has no number, or the number is taken.
    pub fn add_group(
        &mut self,
        name: &str,
        gid: Option<u32>,
        numbers: &Numbers,
    ) -> Result<(), AccountError> {
        if self.groups.contains_key(name) {
            return Ok(());
        }
        check_name(name)?;
        let gid = gid.or_else(|| numbers.groups.get(name).copied());
        let no_number = || AccountError::NoNumber { what: "group", name: name.to_owned() };
        let gid = gid.ok_or_else(no_number)?;
        if let Some((by, _)) = self.groups.iter().find(|(_, group)| group.gid == gid) {
            let (by, name) = (by.clone(), name.to_owned());
            return Err(AccountError::NumberTaken { what: "group", number: gid, by, name });
        }
        self.groups.insert(name.to_owned(), Group { gid, members: BTreeSet::new() });
        Ok(())
    }

    /// Makes a user unless there is one of that name, with the group of that name where it is the
    /// primary one, and puts the user into the further groups.
    ///
    /// # Errors
    /// A number is missing or taken, a group does not exist, or a field cannot be written.
    pub fn add_user(&mut self, new: &NewUser, numbers: &Numbers) -> Result<(), AccountError> {
        if !self.users.contains_key(&new.name) {
            check_name(&new.name)?;
            for field in [&new.comment, &new.home, &new.shell] {
                check_field(&new.name, field)?;
            }
            let user = self.numbered(new, numbers)?;
            self.users.insert(new.name.clone(), user);
        }
        new.groups.iter().try_for_each(|group| self.add_member(group, &new.name))
    }

    /// Puts a user into a group.
    ///
    /// # Errors
    /// One of them does not exist.
    pub fn add_member(&mut self, group: &str, user: &str) -> Result<(), AccountError> {
        self.uid(user)?;
        let unknown = || AccountError::Unknown { what: "group", name: group.to_owned() };
        self.groups.get_mut(group).ok_or_else(unknown)?.members.insert(user.to_owned());
        Ok(())
    }

    fn numbered(&mut self, new: &NewUser, numbers: &Numbers) -> Result<User, AccountError> {
        let uid = new.uid.or_else(|| numbers.users.get(&new.name).copied());
        let no_number = || AccountError::NoNumber { what: "user", name: new.name.clone() };
        let uid = uid.ok_or_else(no_number)?;
        if let Some((by, _)) = self.users.iter().find(|(_, user)| user.uid == uid) {
            let (by, name) = (by.clone(), new.name.clone());
            return Err(AccountError::NumberTaken { what: "user", number: uid, by, name });
        }
        let gid = match &new.primary {
            Primary::Number(gid) => *gid,
            Primary::Named(name) => self.gid(name)?,
            Primary::Own => {
                let own = numbers.groups.contains_key(&new.name);
                self.add_group(&new.name, if own { None } else { Some(uid) }, numbers)?;
                self.gid(&new.name)?
            }
        };
        let (comment, home) = (new.comment.clone(), new.home.clone());
        Ok(User { uid, gid, comment, home, shell: new.shell.clone() })
    }

    /// Writes `etc/{passwd,group,shadow,gshadow}`, each in the order of the numbers. Nobody can
    /// log in with a password, and no field holds a day.
    ///
    /// # Errors
    /// There is something else than a directory at `etc`.
    pub fn write_into(&self, tree: &mut Tree) -> Result<(), TreeError> {
        let mut users: Vec<_> = self.users.iter().collect();
        users.sort_by_key(|(name, user)| (user.uid, *name));
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by_key(|(name, group)| (group.gid, *name));

        let (mut passwd, mut shadow) = (String::new(), String::new());
        for (name, user) in users {
            let User { uid, gid, comment, home, shell } = user;
            passwd.push_str(&format!("{name}:x:{uid}:{gid}:{comment}:{home}:{shell}\n"));
            shadow.push_str(&format!("{name}:*:::::::\n"));
        }
        let (mut group, mut gshadow) = (String::new(), String::new());
        for (name, Group { gid, members }) in groups {
            let members = members.iter().map(String::as_str).collect::<Vec<_>>().join(",");
            group.push_str(&format!("{name}:x:{gid}:{members}\n"));
            gshadow.push_str(&format!("{name}:*::{members}\n"));
        }
        // Without a group `shadow` the secrets are root's alone.
        let (secret_mode, secret_group) = self.gid("shadow").map_or((0o600, 0), |gid| (0o640, gid));
        let files = [
            ("etc/passwd", passwd, 0o644, 0),
            ("etc/group", group, 0o644, 0),
            ("etc/shadow", shadow, secret_mode, secret_group),
            ("etc/gshadow", gshadow, secret_mode, secret_group),
        ];
        for (path, text, mode, gid) in files {
            let content = Content::inline(text.into_bytes());
            let mut node = Node::new(Kind::File(content), mode, "ashlar");
            node.gid = gid;
            tree.make_parents(path, "ashlar")?;
            tree.insert(path, node)?;
        }
        Ok(())
    }
}

impl From<&recipe::declared::User> for NewUser {
    fn from(user: &recipe::declared::User) -> Self {
        Self {
            name: user.name.clone(),
            uid: Some(user.uid),
            primary: Primary::Named(user.group.clone()),
            groups: user.groups.clone(),
            comment: user.comment.clone(),
            home: user.home.clone(),
            shell: user.shell.clone(),
        }
    }
}

fn bad_line(file: &str, at: usize, text: &str) -> AccountError {
    let text = text.chars().take(200).collect();
    AccountError::BadLine { file: file.to_owned(), line: at + 1, text }
}

/// Names that every tool agrees on: letters, digits, `_` and `-`, not starting with a digit or a
/// hyphen, at most 31 characters.
fn check_name(name: &str) -> Result<(), AccountError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let first =
        name.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
    if first && name.len() <= 31 && name.bytes().all(plain) {
        return Ok(());
    }
    Err(AccountError::BadName { name: name.chars().take(80).collect() })
}

fn check_field(name: &str, field: &str) -> Result<(), AccountError> {
    if field.contains(|c: char| c == ':' || c.is_control()) {
        let field = field.chars().take(200).collect();
        return Err(AccountError::BadField { name: name.to_owned(), field });
    }
    Ok(())
}
