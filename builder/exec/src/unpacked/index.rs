//! The index of one unpacked package: what it has, and where in the file of contents it is.
//!
//! JSON, because it is read by us alone and written once; 250 packages are a few megabytes. Field
//! names are short for the sake of the thirty thousand rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::digest::Digest;
use formats::tree::Content;
use serde::{Deserialize, Serialize};
use tree::input::{InstalledPackage, Member, MemberKind, ScriptKind};

/// What a package has.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Index {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) arch: String,
    pub(super) source: String,
    pub(super) replaces: String,
    pub(super) triggers: String,
    pub(super) conffiles: Vec<String>,
    pub(super) scripts: BTreeMap<String, String>,
    pub(super) rows: Vec<Row>,
}

/// One member.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Row {
    #[serde(rename = "p")]
    pub(super) path: String,
    #[serde(rename = "k")]
    pub(super) kind: RowKind,
    #[serde(rename = "m")]
    pub(super) mode: u16,
    #[serde(rename = "o", default, skip_serializing_if = "Owner::is_root")]
    pub(super) owner: Owner,
    #[serde(rename = "x", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) xattrs: BTreeMap<String, Vec<u8>>,
}

/// What a member is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum RowKind {
    #[serde(rename = "d")]
    Directory,
    /// Digest, offset in the file of contents, length.
    #[serde(rename = "f")]
    File(Digest, u64, u64),
    #[serde(rename = "l")]
    Symlink(String),
    #[serde(rename = "h")]
    Hardlink(String),
    #[serde(rename = "s")]
    Special,
}

/// Who owns a member: numbers and names.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner(pub(super) u32, pub(super) u32, pub(super) String, pub(super) String);

impl Default for Owner {
    fn default() -> Self {
        Self(0, 0, "root".to_owned(), "root".to_owned())
    }
}

impl Owner {
    fn is_root(&self) -> bool {
        matches!(self, Self(0, 0, user, group) if user == "root" && group == "root")
    }
}

impl Index {
    /// Every content: digest, offset, length.
    pub(super) fn places(&self) -> impl Iterator<Item = (Digest, u64, u64)> {
        self.rows.iter().filter_map(|row| match row.kind {
            RowKind::File(digest, offset_bytes, len_bytes) => {
                Some((digest, offset_bytes, len_bytes))
            }
            _ => None,
        })
    }

    /// The package as the tree is made from it.
    pub(super) fn into_package(self) -> InstalledPackage {
        let script = |(name, text): (String, String)| {
            let kind = ScriptKind::ALL.into_iter().find(|kind| kind.word() == name)?;
            Some((kind, Arc::from(text)))
        };
        InstalledPackage {
            name: self.name,
            version: self.version,
            arch: self.arch,
            source: self.source,
            members: self.rows.into_iter().map(Row::into_member).collect(),
            scripts: self.scripts.into_iter().filter_map(script).collect(),
            conffiles: self.conffiles,
            triggers: self.triggers,
            replaces: self.replaces,
        }
    }
}

impl Row {
    fn into_member(self) -> Member {
        let Owner(uid, gid, uname, gname) = self.owner;
        Member {
            path: self.path,
            kind: match self.kind {
                RowKind::Directory => MemberKind::Directory,
                RowKind::File(digest, _, len) => MemberKind::File(Content::stored(digest, len)),
                RowKind::Symlink(target) => MemberKind::Symlink(target),
                RowKind::Hardlink(target) => MemberKind::Hardlink(target),
                RowKind::Special => MemberKind::Special,
            },
            mode: self.mode,
            uid,
            gid,
            uname,
            gname,
            xattrs: self.xattrs,
        }
    }
}
