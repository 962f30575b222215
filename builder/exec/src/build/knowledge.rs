//! What is known of contents, kept over builds: facts, uncompressed modules, SHA-1 sums.
//!
//! Finding out what a file needs means reading it; a build after a small change reads almost no
//! file at all. So what was found is kept in the store, one record for each image and
//! architecture, and only contents that are new are opened. A record that cannot be read is no
//! record. Kernel modules are packed one by one in their package; uncompressed they are kept by
//! the digest of the packed form.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contract::arch::Arch;
use contract::digest::Digest;
use formats::tree::{Content, ContentSource};
use packages::compression::{Compression, Unpacker};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha1::Digest as _;
use tree::reach::{Facts, FileFacts};

use crate::store::{Cache, Store};
use crate::unpacked::Unpacked;

const RECORDS: &str = "knowledge-1";
const PLAIN: &str = "uncompressed-1";

/// No kernel module is larger.
const MODULE_BYTES: u64 = 256 << 20;

/// What is known of contents.
pub struct Knowledge<'a> {
    unpacked: &'a Unpacked,
    records: Cache,
    plain: Cache,
    key: Digest,
    before: Record,
    now: Mutex<Record>,
    /// From the digest of an uncompressed module to that of its packed form.
    packed: Mutex<BTreeMap<Digest, Digest>>,
}

/// What is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    facts: BTreeMap<Digest, Arc<FileFacts>>,
    /// From the digest of a packed module to digest and length of the uncompressed one.
    plain: BTreeMap<Digest, (Digest, u64)>,
    sha1: BTreeMap<Digest, [u8; 20]>,
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Knowledge<'a> {
    /// What is known for an image.
    #[must_use]
    pub fn open(store: &Store, unpacked: &'a Unpacked, image: &str, arch: Arch) -> Self {
        let key = Digest::of(format!("{image} {arch} {}", FileFacts::VERSION).as_bytes());
        let records = store.cache(RECORDS);
        let before = records.get(&key).and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self {
            unpacked,
            records,
            plain: store.cache(PLAIN),
            key,
            before: before.unwrap_or_default(),
            now: Mutex::default(),
            packed: Mutex::default(),
        }
    }

    /// The packages whose contents these are.
    #[must_use]
    pub const fn unpacked(&self) -> &'a Unpacked {
        self.unpacked
    }

    /// Finds out about many contents at once, on all threads of the current pool. What cannot be
    /// read is passed over; whoever asks for it later gets the error.
    pub fn prepare(&self, contents: &[&Content]) {
        contents.par_iter().with_max_len(4).for_each(|content| {
            self.of_module(content).map(drop).unwrap_or_default();
        });
    }

    /// The content without its compression.
    ///
    /// # Errors
    /// It cannot be read, or is not what it begins like.
    pub fn uncompressed(&self, content: &Content) -> io::Result<Content> {
        let known = self.before.plain.get(content.digest()).copied();
        let known = known.or_else(|| hold(&self.now).plain.get(content.digest()).copied());
        let (digest, len_bytes) = match known {
            Some(known) => known,
            None => {
                let bytes = self.unpack(content)?;
                let len_bytes = u64::try_from(bytes.len()).map_err(io::Error::other)?;
                (Digest::of(&bytes), len_bytes)
            }
        };
        hold(&self.now).plain.insert(*content.digest(), (digest, len_bytes));
        hold(&self.packed).insert(digest, *content.digest());
        Ok(Content::stored(digest, len_bytes))
    }

    /// The bytes of a packed module, from the cache or made now.
    fn unpack(&self, content: &Content) -> io::Result<Arc<[u8]>> {
        if let Some(bytes) = self.plain.get(content.digest()) {
            return Ok(bytes.into());
        }
        let packed = content.load(self.unpacked)?;
        let Some(kind) = compression(&packed) else { return Ok(packed) };
        let mut bytes = Vec::new();
        Unpacker::new(kind, &*packed, MODULE_BYTES)
            .map_err(io::Error::other)?
            .read_to_end(&mut bytes)?;
        self.plain.put(content.digest(), &bytes)?;
        Ok(bytes.into())
    }

    /// The SHA-1 sum of a content, which the SPDX format asks for.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn sha1(&self, content: &Content) -> io::Result<[u8; 20]> {
        let digest = content.digest();
        let sum = match self.before.sha1.get(digest) {
            Some(sum) => *sum,
            None => sha1::Sha1::digest(content.load(self)?).into(),
        };
        hold(&self.now).sha1.insert(*digest, sum);
        Ok(sum)
    }

    /// Keeps what was used this time. That it cannot be kept only costs time.
    pub fn keep(self) {
        let now = self.now.into_inner().unwrap_or_else(PoisonError::into_inner);
        let same = now.facts.keys().eq(self.before.facts.keys())
            && now.plain.keys().eq(self.before.plain.keys())
            && now.sha1.keys().eq(self.before.sha1.keys());
        if let (false, Ok(bytes)) = (same, serde_json::to_vec(&now)) {
            self.records.put(&self.key, &bytes).unwrap_or_default();
        }
    }

    fn known(&self, digest: &Digest) -> Option<Arc<FileFacts>> {
        let facts = self.before.facts.get(digest).cloned();
        let facts = facts.or_else(|| hold(&self.now).facts.get(digest).cloned())?;
        hold(&self.now).facts.insert(*digest, Arc::clone(&facts));
        Some(facts)
    }

    fn learn(&self, digest: &Digest, bytes: &[u8]) -> Arc<FileFacts> {
        let facts = Arc::new(FileFacts::of(bytes));
        hold(&self.now).facts.insert(*digest, Arc::clone(&facts));
        facts
    }
}

/// The compression that bytes begin like.
fn compression(bytes: &[u8]) -> Option<Compression> {
    const BEGINNINGS: [(&[u8], Compression); 3] = [
        (b"\xfd7zXZ\0", Compression::Xz),
        (b"\x28\xb5\x2f\xfd", Compression::Zstd),
        (b"\x1f\x8b", Compression::Gzip),
    ];
    let found = BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning));
    found.map(|(_, kind)| *kind)
}

impl ContentSource for Knowledge<'_> {
    fn load(&self, digest: &Digest) -> io::Result<Arc<[u8]>> {
        let packed = hold(&self.packed).get(digest).copied();
        match packed {
            // Its length is not known here, and not needed.
            Some(packed) => self.unpack(&Content::stored(packed, 0)),
            None => self.unpacked.load(digest),
        }
    }
}

impl Facts for Knowledge<'_> {
    fn of(&self, content: &Content) -> io::Result<Arc<FileFacts>> {
        match self.known(content.digest()) {
            Some(facts) => Ok(facts),
            None => Ok(self.learn(content.digest(), &content.load(self)?)),
        }
    }

    fn of_module(&self, content: &Content) -> io::Result<Arc<FileFacts>> {
        match self.known(content.digest()) {
            Some(facts) => Ok(facts),
            None => Ok(self.learn(content.digest(), &self.unpack(content)?)),
        }
    }
}
