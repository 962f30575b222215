//! `Grounded`: the root's two partitions are there.

use std::collections::BTreeSet;

use contract::boot::PhaseName;
use contract::digest::Digest;
use contract::partition::{root_guid, verity_guid};
use sys::poll::Interest;
use sys::uevent::Heard;

use super::{Early, Ended, Node};
use crate::console::Level;
use crate::devices::{self, Partition};
use crate::guard::Guard;
use crate::halt::{Halt, OrHalt, Reason};
use crate::kernel::uevent;
use crate::loading::Loader;

/// How long partitions may take to appear.
const ROOT_APPEARS_WITHIN_S: u64 = 60;

/// How often we look without being told: announcements can be lost.
const LOOK_EVERY_MS: u32 = 1000;

/// Holding one proves: two partitions with the identifiers that the root hash gives are there.
/// Nothing is known about what is in them.
#[derive(Debug)]
pub struct Grounded {
    pub(super) node: Node,
    pub(super) root_hash: Digest,
    pub(super) data: Partition,
    pub(super) tree: Partition,
}

impl Early {
    /// Waits for the root's partitions, loading drivers for what appears meanwhile.
    ///
    /// # Errors
    ///
    /// What ended the boot.
    pub fn find_root(self, guard: &Guard) -> Result<Grounded, Box<Ended>> {
        let Self { mut node, root_hash } = self;
        guard.enter(PhaseName::Grounded);
        node.record.enter(PhaseName::Grounded, sys::clock::boot_us());
        let (mut node, (data, tree)) = super::step(node, |node| wait_for(node, &root_hash))?;
        let text = format!("root on {}, its hash tree on {}", data.name, tree.name);
        node.console.say(Level::Info, &text);
        node.record.boot_mut().slot = Some(data.label.clone());
        Ok(Grounded { node, root_hash, data, tree })
    }
}

/// The root and its hash tree, if both are there.
pub(super) fn find<'p>(
    partitions: &'p [Partition],
    root_hash: &Digest,
) -> Option<(&'p Partition, &'p Partition)> {
    let data = devices::with_id(partitions, root_guid(root_hash))?;
    Some((data, devices::with_id(partitions, verity_guid(root_hash))?))
}

fn wait_for(node: &mut Node, root_hash: &Digest) -> Result<(Partition, Partition), Halt> {
    let until_us = sys::clock::boot_us().saturating_add(ROOT_APPEARS_WITHIN_S * 1_000_000);
    let mut told = false;
    loop {
        let partitions = devices::partitions();
        if let Some((data, tree)) = find(&partitions, root_hash) {
            return Ok((data.clone(), tree.clone()));
        }
        if sys::clock::boot_us() >= until_us {
            return Err(not_found(root_hash, &partitions));
        }
        if !told {
            node.console.say(Level::Notice, "waiting for the root's disk");
            told = true;
        }
        node.feed();
        hear(node)?;
    }
}

/// Waits for announcements, a second at most, and loads drivers for what they announce.
fn hear(node: &mut Node) -> Result<(), Halt> {
    use std::os::fd::AsFd;
    sys::poll::wait(&[(node.uevents.as_fd(), Interest::Read)], LOOK_EVERY_MS)
        .or_halt(Reason::Internal, || "wait for devices".to_owned())?;
    let mut aliases = BTreeSet::new();
    loop {
        let heard =
            node.uevents.next().or_halt(Reason::Internal, || "listen for devices".to_owned())?;
        match heard {
            Heard::Nothing => break,
            Heard::Lost => aliases.extend(crate::loading::modaliases()),
            Heard::Event(bytes) => {
                let alias = uevent::parse_event(&bytes).and_then(|event| event.modalias);
                aliases.extend(alias.map(str::to_owned));
            }
        }
    }
    if !aliases.is_empty() {
        let mut loader = Loader::open();
        loader.load_for(&aliases);
        loader.notices.into_iter().for_each(|notice| node.notice(notice));
    }
    Ok(())
}

fn not_found(root_hash: &Digest, partitions: &[Partition]) -> Halt {
    let missing: Vec<String> =
        [("root", root_guid(root_hash)), ("hash tree", verity_guid(root_hash))]
            .into_iter()
            .filter(|(_, guid)| devices::with_id(partitions, *guid).is_none())
            .map(|(what, guid)| format!("no partition {guid} for the {what}"))
            .collect();
    let what = format!(
        "{} after {ROOT_APPEARS_WITHIN_S} s; there is {}",
        missing.join(" and "),
        devices::list(partitions)
    );
    Halt::new(Reason::RootNotFound, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_halt_names_only_what_is_missing() {
        let hash = Digest::of(b"");
        let data = Partition {
            name: "vda2".into(),
            id: root_guid(&hash),
            kind: root_guid(&hash),
            label: "root".into(),
        };
        let halt = not_found(&hash, &[data]);
        assert!(
            halt.what.starts_with(
                "no partition 27ae41e4-649b-934c-a495-991b7852b855 for the hash tree after"
            ),
            "{}",
            halt.what
        );
        assert!(halt.what.contains("vda2"));
    }
}
