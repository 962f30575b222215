//! What every command needs: where declarations and the store are, who is watching, and what is
//! allowed.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;

use super::report::Phase;
use super::repository::Repository;
use crate::environment::Environment;
use crate::fetch::{Fetcher, Network, Progress};
use crate::store::Store;

/// Whether versions may be resolved anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locking {
    /// Where the lock is missing, no longer fits the recipes, or names a package that left the
    /// mirrors, resolve and write it.
    Follow,
    /// Take the lock as it is or stop.
    Locked,
}

/// Who compiles the node's programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compiler {
    /// The locked tool tree.
    Locked,
    /// The host's cargo.
    Host,
}

/// How much time goes into compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Quick.
    Development,
    /// Small.
    Release,
}

impl Level {
    /// The word in manifests.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Release => "release",
        }
    }

    /// The level of a word in a manifest.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Development, Self::Release].into_iter().find(|level| level.word() == word)
    }
}

/// How an image is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct How {
    /// How much time goes into compression.
    pub level: Level,
    /// Who compiles the node's programs.
    pub compiler: Compiler,
}

/// Sees how a command goes on.
pub trait Watcher: Progress {
    /// A phase begins.
    fn phase(&self, name: &str);
    /// Something that should be known.
    fn note(&self, text: &str);
}

/// What every command needs.
pub struct Session<'a> {
    /// Where declarations are.
    pub repository: &'a Repository,
    /// Where packages and what was made of them are.
    pub store: &'a Store,
    /// Who asks mirrors.
    pub fetcher: &'a Fetcher,
    /// What the environment says.
    pub environment: &'a Environment,
    /// Whether the network may be asked.
    pub network: Network,
    /// Whether versions may be resolved anew.
    pub locking: Locking,
    /// How many threads to use.
    pub threads: NonZeroUsize,
    /// Where built images go.
    pub out: &'a Path,
    /// Who is watching.
    pub watcher: &'a dyn Watcher,
}

/// Times the phases of a build.
pub struct Phases<'a> {
    watcher: &'a dyn Watcher,
    done: Vec<Phase>,
    open: Option<(String, Instant)>,
}

impl<'a> Phases<'a> {
    /// Nothing was done yet.
    #[must_use]
    pub fn new(watcher: &'a dyn Watcher) -> Self {
        Self { watcher, done: Vec::new(), open: None }
    }

    /// Ends the phase before and begins one.
    pub fn begin(&mut self, name: &str) {
        self.end();
        self.watcher.phase(name);
        self.open = Some((name.to_owned(), Instant::now()));
    }

    fn end(&mut self) {
        if let Some((name, start)) = self.open.take() {
            let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.done.push(Phase { name, duration_ms });
        }
    }

    /// All phases.
    #[must_use]
    pub fn finish(mut self) -> Vec<Phase> {
        self.end();
        self.done
    }
}
