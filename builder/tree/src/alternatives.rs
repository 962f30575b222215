//! `update-alternatives(1)`: of several programs for one name, the one of highest priority.
//!
//! Each `--install LINK NAME PATH PRIORITY [--slave LINK NAME PATH]…` in a script is one choice.
//! On a fresh system nobody has chosen by hand, so the highest priority wins (of equal ones the
//! smallest path, where `update-alternatives` would take the one installed first), and the links
//! are `LINK → /etc/alternatives/NAME → PATH`, also for each slave whose file exists. The state
//! under `/var/lib/dpkg/alternatives` serves later choices, which an image does not have.

use std::collections::BTreeMap;
use std::fmt;

use crate::edit::{Edit, EditError};

/// A link, its name below `/etc/alternatives`, and the file it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Chain {
    link: String,
    name: String,
    path: String,
}

/// One choice for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Choice {
    master: Chain,
    priority: i64,
    slaves: Vec<Chain>,
}

/// All choices that scripts offer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Alternatives {
    by_name: BTreeMap<String, Vec<Choice>>,
}

/// A command that is no `update-alternatives --install`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadCommand {
    /// Its words.
    pub words: Vec<String>,
}

impl fmt::Display for BadCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not understood", self.words.join(" "))
    }
}

impl std::error::Error for BadCommand {}

impl Alternatives {
    /// Takes the words of one command in. Anything but `--install` is for removal or upgrades.
    pub(crate) fn add(&mut self, words: &[String]) -> Result<(), BadCommand> {
        let Some(at) = words.iter().position(|word| word == "--install") else { return Ok(()) };
        let bad = || BadCommand { words: words.to_vec() };
        let mut rest = words.iter().skip(at + 1).cloned();
        let mut chain =
            || Some(Chain { link: rest.next()?, name: rest.next()?, path: rest.next()? });
        let master = chain().ok_or_else(bad)?;
        let priority = rest.next().and_then(|text| text.parse().ok()).ok_or_else(bad)?;
        let mut slaves = Vec::new();
        while let Some(word) = rest.next() {
            let slave = match word.as_str() {
                "--slave" => (rest.next(), rest.next(), rest.next()),
                _ => return Err(bad()),
            };
            let (Some(link), Some(name), Some(path)) = slave else { return Err(bad()) };
            slaves.push(Chain { link, name, path });
        }
        let name = master.name.clone();
        self.by_name.entry(name).or_default().push(Choice { master, priority, slaves });
        Ok(())
    }

    /// Makes the links of the best choice for each name.
    pub(crate) fn apply(&self, edit: &mut Edit<'_>) -> Result<(), EditError> {
        for choices in self.by_name.values() {
            let rank =
                |choice: &&Choice| (choice.priority, std::cmp::Reverse(choice.master.path.clone()));
            let Some(best) = choices.iter().max_by_key(rank) else { continue };
            if edit.target(&best.master.path)?.is_none() {
                return Err(EditError::Missing { path: best.master.path.clone() });
            }
            link(edit, &best.master)?;
            for slave in &best.slaves {
                if edit.target(&slave.path)?.is_some() {
                    link(edit, slave)?;
                }
            }
        }
        Ok(())
    }
}

fn link(edit: &mut Edit<'_>, chain: &Chain) -> Result<(), EditError> {
    let middle = format!("/etc/alternatives/{}", chain.name);
    edit.symlink(&middle, &chain.path)?;
    edit.symlink(&chain.link, &middle)
}

#[cfg(test)]
mod tests {
    use formats::tree::{Content, Kind, NoContent, Tree};

    use super::*;
    use crate::accounts::Accounts;
    use crate::edit::Look;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn applied(commands: &[&str], files: &[&str]) -> Tree {
        let mut all = Alternatives::default();
        for command in commands {
            all.add(&words(command)).unwrap();
        }
        let (mut tree, accounts) = (Tree::new(), Accounts::new());
        let mut edit =
            Edit { tree: &mut tree, accounts: &accounts, source: &NoContent, origin: "test" };
        for file in files {
            edit.file(file, Content::inline(b"".as_slice()), Look::root(0o755)).unwrap();
        }
        all.apply(&mut edit).unwrap();
        tree
    }

    fn target<'a>(tree: &'a Tree, path: &str) -> Option<&'a str> {
        match &tree.get(path)?.kind {
            Kind::Symlink(target) => Some(target),
            _ => None,
        }
    }

    #[test]
    fn the_highest_priority_wins_in_any_order() {
        let low = "update-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5";
        let high = "update-alternatives --install /usr/bin/awk awk /usr/bin/gawk 10";
        for commands in [[low, high], [high, low]] {
            let tree = applied(&commands, &["usr/bin/mawk", "usr/bin/gawk"]);
            assert_eq!(target(&tree, "etc/alternatives/awk"), Some("/usr/bin/gawk"));
            assert_eq!(target(&tree, "usr/bin/awk"), Some("/etc/alternatives/awk"));
        }
    }

    #[test]
    fn a_slave_comes_only_with_its_file() {
        let command = "x --install /a a /b 1 --slave /c c /d --slave /e e /f";
        let tree = applied(&[command], &["b", "d"]);
        assert_eq!(target(&tree, "c"), Some("/etc/alternatives/c"));
        assert_eq!(target(&tree, "e"), None);
    }

    #[test]
    fn a_command_that_is_not_understood_is_refused() {
        for command in
            ["x --install /a a /b", "x --install /a a /b z", "x --install /a a /b 1 --foo"]
        {
            assert!(Alternatives::default().add(&words(command)).is_err(), "{command}");
        }
        assert_eq!(Alternatives::default().add(&words("x --remove a /b")), Ok(()));
    }
}
