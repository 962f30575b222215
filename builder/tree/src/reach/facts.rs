//! What the builder knows of a file's content, found once for each content.
//!
//! A rebuild that opens no file still has to know which libraries a program loads and whether
//! something looks like a private key. Both depend on the bytes alone, so they are found when the
//! bytes are at hand and kept by digest. [`FileFacts::VERSION`] belongs to the key under which
//! they are kept: facts found by another version of this code are not facts.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use contract::digest::Digest;
use formats::elf::ElfFacts;
use formats::kmod::ModuleFacts;
use formats::tree::{Content, ContentSource};
use serde::{Deserialize, Serialize};

use super::secret::Secret;

/// The longest first line of a script that Linux reads (`BINPRM_BUF_SIZE`).
const MAX_SHEBANG_BYTES: usize = 256;

/// What is known of one content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// What the bytes are to the kernel and the loader.
    pub body: Body,
    /// A private key in it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
}

/// What the bytes of a file are to the kernel and the loader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// Nothing they would run or load.
    Plain,
    /// A program or library.
    Elf(Box<ElfFacts>),
    /// A kernel module.
    Module(Box<ModuleFacts>),
    /// A text that begins with `#!`.
    Script(Script),
    /// It begins like an ELF file and is none.
    Broken {
        /// Why.
        reason: String,
    },
}

/// The first line of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// The program that runs it.
    pub interpreter: String,
    /// What follows on the line, where something does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argument: Option<String>,
}

impl FileFacts {
    /// Counts the meanings these facts have had.
    pub const VERSION: u32 = 1;

    /// The facts of these bytes. Modules must be uncompressed.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self { body: Body::of(bytes), secret: Secret::find(bytes) }
    }
}

impl Body {
    fn of(bytes: &[u8]) -> Self {
        if let Some(script) = Script::parse(bytes) {
            return Self::Script(script);
        }
        match ModuleFacts::read(bytes) {
            Ok(Some(facts)) => return Self::Module(Box::new(facts)),
            Ok(None) => {}
            Err(error) => return Self::Broken { reason: error.to_string() },
        }
        match ElfFacts::read(bytes) {
            Ok(Some(facts)) => Self::Elf(Box::new(facts)),
            Ok(None) => Self::Plain,
            Err(error) => Self::Broken { reason: error.to_string() },
        }
    }
}

impl Script {
    /// Reads the first line as Linux does (`fs/binfmt_script.c`): blanks, the interpreter, blanks,
    /// and the rest as one argument. `None` when it is no script that Linux would run.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let window = bytes.get(..MAX_SHEBANG_BYTES).unwrap_or(bytes);
        let line = window.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
        let line = std::str::from_utf8(line).ok()?.trim_matches([' ', '\t', '\r']);
        let (interpreter, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        if !interpreter.starts_with('/') || interpreter.contains(char::is_control) {
            return None;
        }
        let rest = rest.trim_matches([' ', '\t']);
        let argument = (!rest.is_empty()).then(|| rest.to_owned());
        Some(Self { interpreter: interpreter.to_owned(), argument })
    }

    /// The program that `env` looks up for this script (`#!/usr/bin/env [-S] [NAME=VALUE] PROGRAM`).
    #[must_use]
    pub fn through_env(&self) -> Option<&str> {
        let argument = self.argument.as_ref().filter(|_| self.interpreter.ends_with("/env"))?;
        argument.split_ascii_whitespace().find(|word| !word.starts_with('-') && !word.contains('='))
    }
}

/// Something that knows the facts of contents, and can hand out content itself.
pub trait Facts: ContentSource {
    /// The facts of a content.
    ///
    /// # Errors
    /// They are not known, and the content cannot be had.
    fn of(&self, content: &Content) -> io::Result<Arc<FileFacts>>;

    /// The facts of a kernel module, whose content may be compressed; the facts are those of the
    /// uncompressed bytes.
    ///
    /// # Errors
    /// As [`Facts::of`], or it cannot be uncompressed.
    fn of_module(&self, content: &Content) -> io::Result<Arc<FileFacts>> {
        self.of(content)
    }

    /// Says which modules will be asked for, all at once, so that they can be read in parallel.
    fn prepare_modules(&self, _contents: &[&Content]) {}

    /// A package outside the tree that has a file of this name, where one is known.
    fn package_with(&self, _file_name: &str) -> Option<String> {
        None
    }
}

/// Facts kept by digest, completed from a source of content.
pub struct KnownFacts<'a> {
    source: &'a dyn ContentSource,
    known: BTreeMap<Digest, Arc<FileFacts>>,
    found: Mutex<BTreeMap<Digest, Arc<FileFacts>>>,
}

impl<'a> KnownFacts<'a> {
    /// Begins with the facts that are known; the others are found in the content of `source`.
    #[must_use]
    pub const fn new(
        known: BTreeMap<Digest, Arc<FileFacts>>,
        source: &'a dyn ContentSource,
    ) -> Self {
        Self { source, known, found: Mutex::new(BTreeMap::new()) }
    }

    /// The facts that were not known at first.
    #[must_use]
    pub fn into_found(self) -> BTreeMap<Digest, Arc<FileFacts>> {
        self.found.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ContentSource for KnownFacts<'_> {
    fn load(&self, digest: &Digest) -> io::Result<Arc<[u8]>> {
        self.source.load(digest)
    }
}

impl Facts for KnownFacts<'_> {
    fn of(&self, content: &Content) -> io::Result<Arc<FileFacts>> {
        let found = || self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(facts) = self.known.get(content.digest()) {
            return Ok(Arc::clone(facts));
        }
        if let Some(facts) = found().get(content.digest()) {
            return Ok(Arc::clone(facts));
        }
        let facts = Arc::new(FileFacts::of(&content.load(self.source)?));
        found().insert(*content.digest(), Arc::clone(&facts));
        Ok(facts)
    }
}

/// Facts as one text to keep: a JSON object from digest to facts.
#[must_use]
pub fn write_facts(facts: &BTreeMap<Digest, Arc<FileFacts>>) -> Vec<u8> {
    let plain: BTreeMap<String, &FileFacts> =
        facts.iter().map(|(digest, facts)| (digest.to_string(), facts.as_ref())).collect();
    serde_json::to_vec(&plain).unwrap_or_default()
}

/// Reads what [`write_facts`] wrote.
///
/// # Errors
/// It is something else, or of another version.
pub fn read_facts(text: &[u8]) -> io::Result<BTreeMap<Digest, Arc<FileFacts>>> {
    let plain: BTreeMap<Digest, FileFacts> = serde_json::from_slice(text)?;
    Ok(plain.into_iter().map(|(digest, facts)| (digest, Arc::new(facts))).collect())
}
