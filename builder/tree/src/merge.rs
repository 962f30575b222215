//! Members of all packages into one tree, as unpacking them one after the other would leave it.
//!
//! `dpkg` lets the order of unpacking decide many things. Here nothing may depend on an order, so
//! what an order would decide is either the same either way or an error that names both packages:
//!
//! * Every path is walked through the links of all packages together, so that a file under `/lib`
//!   lands in `/usr/lib`. A directory meets a link to a directory: the link stays.
//! * Directories of several packages become one, if they agree on mode and owner.
//! * A file of two packages belongs to the one whose `Replaces` names the other, or to the one a
//!   diversion makes room for. Anything else is refused, even when both files are equal.
//! * Owners count by name, with the numbers the image's accounts give.
//!
//! Refused as well, because no honest package does it: absolute paths, `..`, devices, links that
//! loop or climb above the root, a member that is unpacked through a link of its own package, and
//! a hard link to something else than a file of the same package.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use formats::tree::{Content, Kind, Node, Tree, is_inside, name, parent};
use packages::relation;
use packages::version::Version;

use crate::accounts::Accounts;
use crate::input::{InstalledPackage, Member, MemberKind};
use crate::resolve::{Last, Links, Walked, walk};

mod error;
#[cfg(test)]
mod tests;

pub use error::{MergeError, MergeFault};

/// A path that a package keeps for itself: files of other packages go elsewhere
/// (`dpkg-divert(1)`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diversion {
    /// The path.
    pub path: String,
    /// Where files of other packages go.
    pub to: String,
    /// The package that keeps the path.
    pub package: String,
}

/// What is known beside the packages.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Users and groups by name.
    pub accounts: &'a Accounts,
    /// Diversions.
    pub diversions: &'a [Diversion],
    /// Directories whose mode and owner a rule sets, so that packages may disagree on them.
    pub decided: &'a BTreeSet<String>,
}

/// Merges packages into one tree. The result does not depend on their order.
///
/// # Errors
/// Two packages want one path, or a package brings what none may.
pub fn merge(packages: &[InstalledPackage], known: Known<'_>) -> Result<Tree, MergeError> {
    let packages = sorted(packages)?;
    let links = SharedLinks::of(&packages)?;
    let mut merging = Merging { known, claims: BTreeMap::new(), parents: BTreeMap::new(), links };
    for package in &packages {
        for member in &package.members {
            merging
                .take(package, member)
                .map_err(|why| MergeError::at(package, &member.path, why))?;
        }
    }
    merging.into_tree()
}

fn sorted(packages: &[InstalledPackage]) -> Result<Vec<&InstalledPackage>, MergeError> {
    let mut sorted: Vec<&InstalledPackage> = packages.iter().collect();
    sorted.sort_by_key(|package| (&package.name, &package.version, &package.arch));
    for (one, other) in sorted.iter().zip(sorted.iter().skip(1)) {
        if one.name == other.name {
            let other = other.version.clone();
            return Err(MergeError::at(one, "", MergeFault::Twice { other }));
        }
    }
    Ok(sorted)
}

/// The path of a member relative to the root; empty for the root itself.
fn clean(path: &str) -> Result<&str, MergeFault> {
    let inside = path.strip_prefix("./").unwrap_or(path);
    let inside = inside.strip_suffix('/').unwrap_or(inside);
    match inside {
        "" | "." if path != "/" => Ok(""),
        inside if is_inside(inside) => Ok(inside),
        _ => Err(MergeFault::BadPath),
    }
}

/// The symbolic links of all packages, by the places they end up at.
struct SharedLinks<'a> {
    targets: BTreeMap<String, (&'a str, &'a str)>,
}

impl Links for SharedLinks<'_> {
    fn target(&self, place: &str) -> Option<&str> {
        self.targets.get(place).map(|(target, _)| *target)
    }
}

impl<'a> SharedLinks<'a> {
    /// A link's own place may lie behind other links, so places are sought until none moves.
    fn of(packages: &[&'a InstalledPackage]) -> Result<Self, MergeError> {
        let mut raw: Vec<(&str, &str, &InstalledPackage)> = Vec::new();
        for package in packages {
            for member in &package.members {
                if let MemberKind::Symlink(target) = &member.kind {
                    let at = |why| MergeError::at(package, &member.path, why);
                    raw.push((clean(&member.path).map_err(at)?, target, package));
                }
            }
        }
        let mut links = Self { targets: BTreeMap::new() };
        for (path, target, package) in &raw {
            links.targets.entry((*path).to_owned()).or_insert((*target, &package.name));
        }
        // Each round settles one more level of links behind links. Four is more than any set of
        // packages has; what has not settled then goes round in circles.
        for _ in 0..4 {
            let mut settled = BTreeMap::new();
            for (path, target, package) in &raw {
                let walked = walk(path, &links, Last::Keep)
                    .map_err(|why| MergeError::at(package, path, MergeFault::Walk(why)))?;
                settled.entry(walked.place).or_insert((*target, package.name.as_str()));
            }
            if settled == links.targets {
                return Ok(links);
            }
            links.targets = settled;
        }
        let error = |(path, _, package): &(&str, &str, &InstalledPackage)| {
            MergeError::at(package, path, MergeFault::Unsettled)
        };
        raw.first().map_or(Ok(links), |link| Err(error(link)))
    }

    fn owner(&self, place: &str) -> Option<&str> {
        self.targets.get(place).map(|(_, package)| *package)
    }
}

/// Who has a path, and with what.
struct Claim<'a> {
    package: &'a InstalledPackage,
    member: &'a Member,
    uid: u32,
    gid: u32,
}

impl Claim<'_> {
    fn is_directory(&self) -> bool {
        self.member.kind == MemberKind::Directory
    }
}

struct Merging<'a> {
    known: Known<'a>,
    links: SharedLinks<'a>,
    claims: BTreeMap<String, Claim<'a>>,
    parents: BTreeMap<&'a str, Walked>,
}

impl<'a> Merging<'a> {
    /// Puts one member in its place.
    fn take(
        &mut self,
        package: &'a InstalledPackage,
        member: &'a Member,
    ) -> Result<(), MergeFault> {
        if member.kind == MemberKind::Special {
            return Err(MergeFault::Special);
        }
        let path = clean(&member.path)?;
        if path.is_empty() && member.kind != MemberKind::Directory {
            return Err(MergeFault::BadPath);
        }
        let place = self.place(package, path, &member.kind)?;
        let place = self.diverted(package, place, &member.kind);
        let claim = Claim { package, member, uid: self.uid(member)?, gid: self.gid(member)? };
        match self.claims.get(&place) {
            None => {
                self.claims.insert(place, claim);
                Ok(())
            }
            Some(held) => {
                if prevails(&claim, held, &place, self.known.decided)? {
                    self.claims.insert(place, claim);
                }
                Ok(())
            }
        }
    }

    /// Where a member lands when the links of all packages are followed.
    fn place(
        &mut self,
        package: &InstalledPackage,
        path: &'a str,
        kind: &MemberKind,
    ) -> Result<String, MergeFault> {
        if path.is_empty() {
            return Ok(String::new());
        }
        let above = parent(path);
        if !self.parents.contains_key(above) {
            let walked = walk(above, &self.links, Last::Follow).map_err(MergeFault::Walk)?;
            self.parents.insert(above, walked);
        }
        let walked = self.parents.get(above).cloned().unwrap_or_default();
        let own = |link: &&String| self.links.owner(link) == Some(package.name.as_str());
        if let Some(link) = walked.through.iter().find(own) {
            return Err(MergeFault::ThroughOwnLink { link: link.clone() });
        }
        let name = name(path);
        let place = if walked.place.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", walked.place)
        };
        if *kind == MemberKind::Directory && self.links.target(&place).is_some() {
            return Ok(walk(&place, &self.links, Last::Follow).map_err(MergeFault::Walk)?.place);
        }
        Ok(place)
    }

    fn diverted(&self, package: &InstalledPackage, place: String, kind: &MemberKind) -> String {
        let covers = |diversion: &&Diversion| {
            diversion.path == place
                && diversion.package != package.name
                && *kind != MemberKind::Directory
        };
        match self.known.diversions.iter().find(covers) {
            Some(diversion) => diversion.to.clone(),
            None => place,
        }
    }

    fn uid(&self, member: &Member) -> Result<u32, MergeFault> {
        let accounts = self.known.accounts;
        match member.uname.as_str() {
            "" if accounts.users().values().any(|user| user.uid == member.uid) => Ok(member.uid),
            "" => Err(MergeFault::NoSuchNumber { what: "user", number: member.uid }),
            name => accounts.uid(name).map_err(MergeFault::Account),
        }
    }

    fn gid(&self, member: &Member) -> Result<u32, MergeFault> {
        let accounts = self.known.accounts;
        match member.gname.as_str() {
            "" if accounts.groups().values().any(|group| group.gid == member.gid) => Ok(member.gid),
            "" => Err(MergeFault::NoSuchNumber { what: "group", number: member.gid }),
            name => accounts.gid(name).map_err(MergeFault::Account),
        }
    }

    /// The claims as a tree. Places come in byte order, so a parent comes before what is in it.
    fn into_tree(self) -> Result<Tree, MergeError> {
        let mut tree = Tree::new();
        let mut origins: BTreeMap<&str, Arc<str>> = BTreeMap::new();
        for (place, claim) in &self.claims {
            let at = |why| MergeError::at(claim.package, place, why);
            let origin = origins
                .entry(&claim.package.name)
                .or_insert_with(|| Arc::from(format!("package:{}", claim.package.name)));
            let node = self.node(claim, origin).map_err(at)?;
            if place.is_empty() {
                if let Some(root) = tree.get_mut("") {
                    *root = node;
                }
                continue;
            }
            tree.make_parents(place, origin)
                .and_then(|()| tree.insert(place, node))
                .map_err(|why| at(MergeFault::Tree(why)))?;
        }
        Ok(tree)
    }

    fn node(&self, claim: &Claim<'_>, origin: &Arc<str>) -> Result<Node, MergeFault> {
        let member = claim.member;
        let (kind, like) = match &member.kind {
            MemberKind::Directory => (Kind::Directory, member),
            MemberKind::File(content) => (Kind::File(content.clone()), member),
            MemberKind::Symlink(target) => (Kind::Symlink(target.clone()), member),
            MemberKind::Special => return Err(MergeFault::Special),
            MemberKind::Hardlink(target) => {
                let (file, content) = linked(claim.package, target)?;
                (self.hardlink(claim, target, content)?, file)
            }
        };
        Ok(Node {
            mode: if matches!(kind, Kind::Symlink(_)) { 0o777 } else { like.mode & 0o7777 },
            kind,
            uid: claim.uid,
            gid: claim.gid,
            xattrs: like.xattrs.clone(),
            origin: Arc::clone(origin),
        })
    }

    /// A further name, or a file of its own where the first name went to another package.
    fn hardlink(
        &self,
        claim: &Claim<'_>,
        target: &str,
        content: &Content,
    ) -> Result<Kind, MergeFault> {
        let walked = walk(clean(target)?, &self.links, Last::Keep).map_err(MergeFault::Walk)?;
        let same = |held: &Claim<'_>| {
            held.package.name == claim.package.name
                && matches!(held.member.kind, MemberKind::File(_))
        };
        match self.claims.get(&walked.place) {
            Some(held) if same(held) => Ok(Kind::Hardlink(walked.place)),
            _ => Ok(Kind::File(content.clone())),
        }
    }
}

/// The file of this package that a hard link names. `tar` writes a link after its file, so a link
/// to a link does not occur and is refused.
fn linked<'a>(
    package: &'a InstalledPackage,
    target: &str,
) -> Result<(&'a Member, &'a Content), MergeFault> {
    let target = clean(target)?;
    let found = package.members.iter().find_map(|member| match &member.kind {
        MemberKind::File(content) if clean(&member.path) == Ok(target) => Some((member, content)),
        _ => None,
    });
    found.ok_or_else(|| MergeFault::LinkToNothing { target: target.to_owned() })
}

/// Whether the new claim takes the place from the one that holds it.
fn prevails(
    new: &Claim<'_>,
    held: &Claim<'_>,
    place: &str,
    decided: &BTreeSet<String>,
) -> Result<bool, MergeFault> {
    let other = held.package.name.clone();
    match (new.is_directory(), held.is_directory()) {
        (true, true) => {
            let look = |claim: &Claim<'_>| (claim.member.mode & 0o7777, claim.uid, claim.gid);
            if look(new) == look(held) || decided.contains(place) {
                return Ok(false);
            }
            let (new, held) = (look(new), look(held));
            Err(MergeFault::DirectoryDiffers { other, mode: new, other_mode: held })
        }
        (false, false) if new.package.name != other => {
            match (replaces(new.package, held.package)?, replaces(held.package, new.package)?) {
                (true, false) => Ok(true),
                (false, true) => Ok(false),
                _ => Err(MergeFault::Conflict { other }),
            }
        }
        _ => Err(MergeFault::Conflict { other }),
    }
}

/// Whether `one` says that it may take files from `other`.
fn replaces(one: &InstalledPackage, other: &InstalledPackage) -> Result<bool, MergeFault> {
    let bad = || MergeFault::BadReplaces { field: one.replaces.chars().take(200).collect() };
    let relations = relation::relations(&one.replaces).map_err(|_| bad())?;
    let named: Vec<_> = relations.iter().filter(|relation| relation.name == other.name).collect();
    if named.is_empty() {
        return Ok(false);
    }
    let version = Version::parse(&other.version)
        .map_err(|_| MergeFault::BadVersion { version: other.version.clone() })?;
    Ok(named.iter().any(|relation| relation.admits(version)))
}
