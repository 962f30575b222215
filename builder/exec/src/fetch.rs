//! Fetching: bytes from mirrors into the store.
//!
//! A mirror is not trusted, and not thought to be well either: it may be slow, hang, send too
//! much, too little or something else. What is wanted is known beforehand by length and digest
//! ([`Wanted`]), so nothing of that can do more than make us ask the next mirror: never is more
//! read than was promised, and never is longer waited than [`Limits`] allow. What came before a
//! connection broke is kept and continued, by this command or the next.
//!
//! The few things whose length and digest nobody knows yet (signed indices) are read up to a
//! bound, and taken from the first mirror whose bytes the asker accepts ([`Fetcher::document`]).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use contract::digest::Digest;

use crate::environment::{Environment, Proxies};
use crate::mirrors::{Archive, Mirrors};
use crate::store::{Partial, Store, StoreError};

mod error;
mod transport;

pub use error::{Attempt, FetchError, Why};
use transport::{Body, Transport};

/// How often one mirror is asked for one thing while it keeps breaking off.
const TRIES: u32 = 3;

/// How long is waited before a mirror that broke off is asked again.
const PAUSE: Duration = Duration::from_millis(300);

/// Something to fetch, known by length and digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What it is called, for people.
    pub name: String,
    /// The archive that has it.
    pub archive: Archive,
    /// Its path below a mirror, without a slash at the start; further ones are asked where a
    /// mirror does not have it under the first.
    pub paths: Vec<String>,
    /// Its length.
    pub len_bytes: u64,
    /// Its digest.
    pub digest: Digest,
}

/// How long a mirror is waited for, and how many connections there are.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For a connection, with its encryption.
    pub connect: Duration,
    /// For the beginning of an answer, and for each next piece of it.
    pub silence: Duration,
    /// In this time, at least [`least_bytes`](Self::least_bytes) must come.
    pub window: Duration,
    /// How much must come in a window.
    pub least_bytes: u64,
    /// How many connections at once.
    pub connections: usize,
}

impl Default for Limits {
    /// A quarter of a minute is more than any network takes that is of use; below 4 KiB a second,
    /// a build of 150 MB would take half a day.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            silence: Duration::from_secs(30),
            window: Duration::from_secs(30),
            least_bytes: 128 << 10,
            connections: 6,
        }
    }
}

/// Sees how a fetch goes on. The calls come from several threads.
pub trait Progress: Sync {
    /// So many things of so many bytes will be fetched.
    fn begins(&self, files: usize, len_bytes: u64) {
        let _ = (files, len_bytes);
    }
    /// So many further bytes of something came.
    fn came(&self, len_bytes: u64) {
        let _ = len_bytes;
    }
    /// So many bytes that came before were of no use.
    fn lost(&self, len_bytes: u64) {
        let _ = len_bytes;
    }
    /// Something is in the store.
    fn done(&self, name: &str) {
        let _ = name;
    }
    /// A mirror did not do what it should; the next is asked, or it again.
    fn trouble(&self, attempt: &Attempt) {
        let _ = attempt;
    }
}

/// Looks away.
pub struct Unseen;

impl Progress for Unseen {}

/// Whether the network may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// It may.
    Online,
    /// It may not: what is not in the store is an error.
    Offline,
}

/// Asks mirrors.
pub struct Fetcher {
    mirrors: Mirrors,
    network: Network,
    limits: Limits,
    transport: Transport,
}

impl Fetcher {
    /// A fetcher for these mirrors.
    ///
    /// # Errors
    /// The environment names a proxy or a file of authorities that is none.
    pub fn new(
        mirrors: Mirrors,
        network: Network,
        environment: &Environment,
        limits: Limits,
    ) -> Result<Self, FetchError> {
        let authorities = environment.authorities_file.as_deref();
        Self::with(mirrors, network, environment.proxies.clone(), authorities, limits)
    }

    fn with(
        mirrors: Mirrors,
        network: Network,
        proxies: Proxies,
        authorities: Option<&std::path::Path>,
        limits: Limits,
    ) -> Result<Self, FetchError> {
        let transport = Transport::new(proxies, authorities, limits)?;
        Ok(Self { mirrors, network, limits, transport })
    }

    /// Makes sure that everything wanted is in the store.
    ///
    /// # Errors
    /// Something is not to be had: the first that was given up. What came meanwhile is kept.
    pub fn fetch(
        &self,
        store: &Store,
        wanted: &[Wanted],
        progress: &dyn Progress,
    ) -> Result<(), FetchError> {
        let missing = missing(store, wanted)?;
        if missing.is_empty() {
            return Ok(());
        }
        if self.network == Network::Offline {
            let names = missing.iter().map(|wanted| wanted.name.clone()).collect();
            return Err(FetchError::Offline { names });
        }
        progress.begins(missing.len(), missing.iter().map(|wanted| wanted.len_bytes).sum());
        let next = AtomicUsize::new(0);
        let stopped = AtomicBool::new(false);
        let failure = Mutex::new(None);
        let work = || {
            while !stopped.load(Ordering::Relaxed) {
                let Some(wanted) = missing.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                if let Err(error) = self.one(store, wanted, progress) {
                    stopped.store(true, Ordering::Relaxed);
                    let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
                    failure.get_or_insert(error);
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..self.limits.connections.clamp(1, missing.len()) {
                scope.spawn(work);
            }
        });
        failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    /// Reads something whose digest nobody knows: from the first mirror whose bytes are accepted.
    ///
    /// # Errors
    /// No mirror has something that is accepted.
    pub fn document<T>(
        &self,
        archive: Archive,
        path: &str,
        limit_bytes: u64,
        mut accept: impl FnMut(Vec<u8>) -> Result<T, Box<dyn std::error::Error + Send + Sync>>,
    ) -> Result<T, FetchError> {
        if self.network == Network::Offline {
            return Err(FetchError::Offline { names: vec![path.to_owned()] });
        }
        let mut attempts = Vec::new();
        for mirror in self.mirrors.of_archive(archive) {
            let url = shown(mirror, path);
            let read =
                self.transport.get(mirror, path, 0).and_then(|body| whole(body, limit_bytes));
            match read.and_then(|bytes| accept(bytes).map_err(Why::Refused)) {
                Ok(value) => return Ok(value),
                Err(why) => attempts.push(Attempt { url, why }),
            }
        }
        Err(FetchError::Nowhere { name: path.to_owned(), attempts })
    }

    /// Fetches one thing: every mirror in order, each a few times while it breaks off.
    fn one(
        &self,
        store: &Store,
        wanted: &Wanted,
        progress: &dyn Progress,
    ) -> Result<(), FetchError> {
        let mut attempts = Vec::new();
        for mirror in self.mirrors.of_archive(wanted.archive) {
            for path in &wanted.paths {
                for number in 1..=TRIES {
                    let why = match self.attempt(store, wanted, (mirror, path), progress) {
                        Ok(()) => {
                            progress.done(&wanted.name);
                            return Ok(());
                        }
                        Err(Why::Store(source)) => return Err(FetchError::Store(source)),
                        Err(why) => why,
                    };
                    let again = number < TRIES && why.may_pass();
                    let attempt = Attempt { url: shown(mirror, path), why };
                    progress.trouble(&attempt);
                    attempts.push(attempt);
                    if !again {
                        break;
                    }
                    thread::sleep(PAUSE * number);
                }
            }
        }
        Err(FetchError::Nowhere { name: wanted.name.clone(), attempts })
    }

    /// Asks one mirror once, for what has not come yet.
    fn attempt(
        &self,
        store: &Store,
        wanted: &Wanted,
        (mirror, path): (&str, &str),
        progress: &dyn Progress,
    ) -> Result<(), Why> {
        let mut partial = store.partial(&wanted.digest)?;
        if store.get(&wanted.digest)?.is_some() {
            // Another command was quicker.
            partial.discard();
            progress.came(wanted.len_bytes);
            return Ok(());
        }
        if partial.len_bytes() > wanted.len_bytes {
            partial.restart()?;
        }
        let continued = partial.len_bytes();
        progress.came(continued);
        let result = self.receive(&mut partial, wanted, (mirror, path), progress);
        if let Err(why) = result {
            progress.lost(partial.len_bytes());
            if why.spoils() {
                partial.restart()?;
            }
            return Err(why);
        }
        match store.finish(partial) {
            Ok(_) => Ok(()),
            Err(StoreError::Mismatch { expected, found, .. }) => {
                progress.lost(wanted.len_bytes);
                Err(Why::Digest { expected, found, continued: continued > 0 })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn receive(
        &self,
        partial: &mut Partial,
        wanted: &Wanted,
        (mirror, path): (&str, &str),
        progress: &dyn Progress,
    ) -> Result<(), Why> {
        let expected = wanted.len_bytes;
        if partial.len_bytes() == expected {
            return Ok(());
        }
        let mut body = self.transport.get(mirror, path, partial.len_bytes())?;
        if body.offset_bytes != partial.len_bytes() {
            // It sends everything again.
            progress.lost(partial.len_bytes());
            partial.restart()?;
        }
        if let Some(len_bytes) = body.len_bytes {
            let found = body.offset_bytes.saturating_add(len_bytes);
            if found != expected {
                return Err(Why::Length { expected, found });
            }
        }
        let mut buffer = vec![0; 128 << 10];
        let mut pace = transport::Pace::new(self.limits);
        loop {
            let piece = body.read(&mut buffer)?;
            if piece.is_empty() {
                break;
            }
            let len_bytes = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            if partial.len_bytes().saturating_add(len_bytes) > expected {
                return Err(Why::More { expected });
            }
            partial.append(piece)?;
            progress.came(len_bytes);
            pace.came(len_bytes)?;
        }
        match partial.len_bytes() {
            found if found < expected => Err(Why::Short { expected, found }),
            _ => Ok(()),
        }
    }
}

/// An address for people: without a password that it may have.
fn shown(mirror: &str, path: &str) -> String {
    let (scheme, rest) = mirror.split_once("://").unwrap_or(("", mirror));
    let (host, directory) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit('@').next().unwrap_or_default();
    let directory = if directory.is_empty() { String::new() } else { format!("{directory}/") };
    format!("{scheme}://{host}/{directory}{path}")
}

/// What the store does not have, each once, the largest first: so that none of them is what
/// everybody waits for at the end.
fn missing<'a>(store: &Store, wanted: &'a [Wanted]) -> Result<Vec<&'a Wanted>, FetchError> {
    let mut seen = BTreeSet::new();
    let mut missing = Vec::new();
    for wanted in wanted {
        if seen.insert(wanted.digest) && store.get(&wanted.digest)?.is_none() {
            missing.push(wanted);
        }
    }
    missing.sort_by_key(|wanted| std::cmp::Reverse(wanted.len_bytes));
    Ok(missing)
}

fn whole(mut body: Body<'_>, limit_bytes: u64) -> Result<Vec<u8>, Why> {
    let limit = usize::try_from(limit_bytes).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    let mut pace = transport::Pace::new(body.limits);
    loop {
        let piece = body.read(&mut buffer)?;
        if piece.is_empty() {
            return Ok(bytes);
        }
        if bytes.len().saturating_add(piece.len()) > limit {
            return Err(Why::More { expected: limit_bytes });
        }
        bytes.extend_from_slice(piece);
        pace.came(u64::try_from(piece.len()).unwrap_or(u64::MAX))?;
    }
}

#[cfg(test)]
mod tests;
