//! Packages to the tree an ordinary installation would leave, without running a script.
//!
//! The order is fixed: every script is looked up in the rule table (all that are not covered are
//! reported together), accounts get their numbers, members are merged, each package's acts and
//! generated sections are done in the byte order of package names, then alternatives, account
//! files, and what depends on the whole tree. Nothing depends on the order packages are given in.

use std::collections::BTreeSet;

use contract::arch::Arch;
use formats::tree::{Content, ContentSource, Tree};

use crate::accounts::{Accounts, NewUser, Primary, sysusers};
use crate::alternatives::Alternatives;
use crate::derive::ld_cache::{self, Facts};
use crate::derive::{certificates, pam, shells};
use crate::edit::{Edit, EditError, Look};
use crate::input::{InstalledPackage, MemberKind};
use crate::merge::{Known, merge};
use crate::rules::{Act, Derivation, Rules};
use crate::tmpfiles;

mod cover;
mod error;
#[cfg(test)]
mod tests;

pub use cover::{Uncovered, UncoveredWhy};
pub use error::{InstallError, StepError};

use cover::{Step, Steps};

/// What to install.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The packages.
    pub packages: &'a [InstalledPackage],
    /// The rule table.
    pub rules: &'a Rules,
    /// The architecture of the image.
    pub arch: Arch,
    /// Users that recipes declare.
    pub users: &'a [recipe::declared::User],
    /// Groups that recipes declare.
    pub groups: &'a [recipe::declared::Group],
    /// Content of members.
    pub source: &'a dyn ContentSource,
    /// What libraries say of themselves.
    pub facts: &'a Facts<'a>,
}

/// A full tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The tree.
    pub tree: Tree,
    /// Its users and groups.
    pub accounts: Accounts,
}

/// Makes the full tree.
///
/// # Errors
/// A script has no rule, two packages want one path, an owner has no number, or a rule does not
/// fit the tree.
pub fn install(request: Request<'_>) -> Result<Installed, InstallError> {
    let steps = cover::steps(&request)?;
    let accounts = accounts(&request, &steps)?;
    let decided = request.rules.decided();
    let known =
        Known { accounts: &accounts, diversions: &request.rules.diversions, decided: &decided };
    let mut tree =
        merge(request.packages, known).map_err(|why| InstallError::Merge(Box::new(why)))?;
    let source = request.source;

    for (package, steps) in &steps {
        let origin = format!("package:{package}");
        let mut edit = Edit { tree: &mut tree, accounts: &accounts, source, origin: &origin };
        for step in steps {
            let at = |why| InstallError::step(package, step.word(), why);
            perform(&mut edit, step).map_err(at)?;
        }
    }
    let mut edit = Edit { tree: &mut tree, accounts: &accounts, source, origin: "ashlar" };
    alternatives(&steps, &mut edit)?;
    accounts.write_into(edit.tree).map_err(|why| InstallError::derive("accounts", why))?;
    let derivations: BTreeSet<Derivation> =
        steps.values().flatten().filter_map(derivation).collect();
    for derivation in derivations {
        derive(&mut edit, derivation, &request)?;
    }
    Ok(Installed { tree, accounts })
}

/// Reserved accounts, then those of recipes, then those that packages make; within the packages
/// groups before users, so that their order does not matter.
fn accounts(request: &Request<'_>, steps: &Steps<'_>) -> Result<Accounts, InstallError> {
    let mut accounts = Accounts::new();
    let numbers = &request.rules.numbers;
    let of_recipe = |why| InstallError::RecipeAccount { why };
    if let Some(package) = reserving(steps) {
        let at = |why| InstallError::step(package, "reserved accounts", why);
        let passwd = member_text(request, "usr/share/base-passwd/passwd.master").map_err(at)?;
        let group = member_text(request, "usr/share/base-passwd/group.master").map_err(at)?;
        accounts.add_masters(&passwd, &group).map_err(|why| at(why.into()))?;
    }
    for group in request.groups {
        accounts.add_group(&group.name, Some(group.gid), numbers).map_err(of_recipe)?;
    }
    // A recipe's user may be in a group that only a package makes; such a one comes last.
    let (now, later): (Vec<_>, Vec<_>) =
        request.users.iter().map(NewUser::from).partition(|user| {
            let known = |name: &String| accounts.gid(name).is_ok();
            user.groups.iter().all(known)
                && matches!(&user.primary, Primary::Named(group) if known(group))
        });
    for user in &now {
        accounts.add_user(user, numbers).map_err(of_recipe)?;
    }
    for phase in sysusers::Phase::ALL {
        for (package, steps) in steps {
            for step in steps {
                account_step(request, &mut accounts, phase, step)
                    .map_err(|why| InstallError::step(package, step.word(), why))?;
            }
        }
    }
    for user in &later {
        accounts.add_user(user, numbers).map_err(of_recipe)?;
    }
    Ok(accounts)
}

fn reserving<'a>(steps: &'a Steps<'_>) -> Option<&'a str> {
    let reserves = |step: &Step<'_>| derivation(step) == Some(Derivation::ReservedAccounts);
    steps.iter().find(|(_, steps)| steps.iter().any(reserves)).map(|(name, _)| name.as_str())
}

fn account_step(
    request: &Request<'_>,
    accounts: &mut Accounts,
    phase: sysusers::Phase,
    step: &Step<'_>,
) -> Result<(), StepError> {
    let numbers = &request.rules.numbers;
    let files = match step {
        Step::Sysusers(files) => files,
        Step::Act(Act::Sysusers { files }) => files,
        Step::Act(Act::Group { name, gid }) if phase == sysusers::Phase::Groups => {
            return Ok(accounts.add_group(name, *gid, numbers)?);
        }
        Step::Act(act @ Act::User { .. }) if phase == sysusers::Phase::Users => {
            return Ok(new_user(act).map_or(Ok(()), |user| accounts.add_user(&user, numbers))?);
        }
        _ => return Ok(()),
    };
    for file in files {
        let text = member_text(request, &format!("usr/lib/sysusers.d/{file}"))?;
        sysusers::apply(accounts, phase, file, &text, numbers)?;
    }
    Ok(())
}

fn new_user(act: &Act) -> Option<NewUser> {
    let Act::User { name, uid, group, groups, comment, home, shell } = act else { return None };
    Some(NewUser {
        name: name.clone(),
        uid: *uid,
        primary: group.clone().map_or(Primary::Own, Primary::Named),
        groups: groups.clone(),
        comment: comment.clone(),
        home: home.clone(),
        shell: shell.clone(),
    })
}

/// The text of a file that a package brings, before there is a tree to look in.
fn member_text(request: &Request<'_>, path: &str) -> Result<String, StepError> {
    let members = request.packages.iter().flat_map(|package| &package.members);
    let mut files = members.filter_map(|member| match &member.kind {
        MemberKind::File(content) if member.path.trim_start_matches("./") == path => Some(content),
        _ => None,
    });
    let missing = || EditError::Missing { path: path.to_owned() };
    let content: &Content = files.next().ok_or_else(missing)?;
    let bytes = content
        .load(request.source)
        .map_err(|why| EditError::Content { path: path.to_owned(), why })?;
    let text = String::from_utf8(bytes.to_vec());
    Ok(text.map_err(|_| EditError::NotText { path: path.to_owned() })?)
}

fn perform(edit: &mut Edit<'_>, step: &Step<'_>) -> Result<(), StepError> {
    match step {
        Step::Act(act) => act_on(edit, act),
        Step::Tmpfiles(files) => tmpfiles(edit, files),
        Step::EmptyFile(path) => {
            edit.file(path, Content::inline(Vec::new()), Look::root(0o644))?;
            Ok(())
        }
        Step::Directories(paths) => {
            for path in paths {
                edit.directory(path, Look::root(0o755))?;
            }
            Ok(())
        }
        Step::Sysusers(_) | Step::Alternative(_) => Ok(()),
    }
}

fn act_on(edit: &mut Edit<'_>, act: &Act) -> Result<(), StepError> {
    match act {
        Act::Copy { from, to, mode } => edit.copy(from, to, mode.map(|mode| mode.0))?,
        Act::Directory { path, mode, user, group } => {
            edit.directory(path, Look { mode: mode.0, user, group })?;
        }
        Act::File { path, text, mode, user, group } => {
            let content = Content::inline(text.clone().into_bytes());
            edit.file(path, content, Look { mode: mode.0, user, group })?;
        }
        Act::Permissions { path, mode, user, group } => {
            edit.permissions(path, Look { mode: mode.0, user, group })?;
        }
        Act::Remove { path } => edit.remove(path)?,
        Act::Symlink { path, target } => edit.symlink(path, target)?,
        Act::Tmpfiles { files } => tmpfiles(edit, files)?,
        // Done before the merge, or after all acts.
        Act::Group { .. } | Act::User { .. } | Act::Sysusers { .. } => {}
        Act::Alternatives {} | Act::Derive { .. } => {}
    }
    Ok(())
}

/// A file in `/etc/tmpfiles.d` hides one of the same name in `/usr/lib/tmpfiles.d`.
fn tmpfiles(edit: &mut Edit<'_>, files: &[String]) -> Result<(), StepError> {
    for file in files {
        let own = format!("etc/tmpfiles.d/{file}");
        let path = match edit.target(&own)? {
            Some(place) => place,
            None => format!("usr/lib/tmpfiles.d/{file}"),
        };
        let text = edit.text(&path)?;
        tmpfiles::apply(edit, file, &text)?;
    }
    Ok(())
}

fn alternatives(steps: &Steps<'_>, edit: &mut Edit<'_>) -> Result<(), InstallError> {
    let mut all = Alternatives::default();
    for (package, steps) in steps {
        for step in steps {
            if let Step::Alternative(words) = step {
                let at = |why| InstallError::step(package, "alternatives", StepError::Command(why));
                all.add(words).map_err(at)?;
            }
        }
    }
    all.apply(edit).map_err(|why| InstallError::derive("alternatives", why))
}

const fn derivation(step: &Step<'_>) -> Option<Derivation> {
    match step {
        Step::Act(Act::Derive { what }) => Some(*what),
        _ => None,
    }
}

fn derive(
    edit: &mut Edit<'_>,
    what: Derivation,
    request: &Request<'_>,
) -> Result<(), InstallError> {
    let done: Result<(), StepError> = match what {
        // Done with the other accounts.
        Derivation::ReservedAccounts => Ok(()),
        Derivation::Certificates => certificates::derive(edit).map_err(StepError::Certificate),
        Derivation::Pam => pam::derive(edit).map_err(StepError::Edit),
        Derivation::Shells => shells::derive(edit).map_err(StepError::Edit),
        Derivation::LdCache => {
            ld_cache::write(edit.tree, request.arch, request.source, request.facts)
                .and_then(|bytes| {
                    edit.file("etc/ld.so.cache", Content::inline(bytes), Look::root(0o644))
                })
                .map(|_| ())
                .map_err(StepError::Edit)
        }
    };
    done.map_err(|why| InstallError::Derived { what: what.word(), why: Box::new(why) })
}
