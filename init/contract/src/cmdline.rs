//! The kernel command line: which root to boot.
//!
//! The command line sits inside the signed UKI and is therefore the one place from which a node
//! takes its root hash. Words are separated by blanks; double quotes keep a value with blanks
//! together, as in the kernel's own `Documentation/admin-guide/kernel-parameters.rst`. We read:
//!
//! | word | meaning |
//! |---|---|
//! | `roothash=<64 hex digits>` | the dm-verity root hash (systemd's name); names both partitions |
//! | `ashlar.state=auto` | mount the partition labelled [`STATE_LABEL`] on `/var`, if there is one |
//! | `ashlar.state=volatile` | keep `/var` in memory, whatever the disks hold |
//!
//! Every other word belongs to somebody else and is passed over; an `ashlar.` word we do not know
//! is passed over too, so that a newer builder can speak to an older node, but it is kept in
//! [`CommandLine::unknown`] for the record. Two *different* values for one of our words are
//! refused: a loader that appends words must never choose between roots.

use std::fmt;

use crate::digest::{Digest, DigestError};

/// The GPT label of the partition that holds the node's state.
pub const STATE_LABEL: &str = "ashlar-state";

/// Where the node keeps what must survive a reboot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StatePlace {
    /// On the partition labelled [`STATE_LABEL`]; in memory where there is none.
    #[default]
    Auto,
    /// In memory.
    Volatile,
}

/// What the command line says to us.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommandLine {
    /// The root to boot.
    pub root_hash: Option<Digest>,
    /// Where state lives.
    pub state: StatePlace,
    /// Words that begin with `ashlar.` and mean nothing to this version.
    pub unknown: Vec<String>,
}

/// A command line that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandLineError {
    /// `roothash=` is not a digest.
    RootHash(DigestError),
    /// A word is there twice with different values.
    Contradiction {
        /// The word's name.
        word: &'static str,
    },
    /// A word of ours has a value we do not know.
    Value {
        /// The word's name.
        word: &'static str,
        /// The value that was given.
        found: String,
        /// The values there are.
        expected: &'static str,
    },
}

impl fmt::Display for CommandLineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RootHash(_) => write!(f, "`roothash=` on the kernel command line is no digest"),
            Self::Contradiction { word } => {
                write!(f, "the kernel command line gives `{word}=` two different values")
            }
            Self::Value { word, found, expected } => {
                write!(f, "the kernel command line says `{word}={found}`; it may be {expected}")
            }
        }
    }
}

impl std::error::Error for CommandLineError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::RootHash(source) => Some(source),
            Self::Contradiction { .. } | Self::Value { .. } => None,
        }
    }
}

/// Reads the kernel command line, as `/proc/cmdline` gives it.
///
/// # Errors
///
/// A word of ours with a value that means nothing, or with two meanings.
pub fn parse(text: &str) -> Result<CommandLine, CommandLineError> {
    let mut root_hash = None;
    let mut state = None;
    let mut unknown = Vec::new();
    for word in words(text) {
        match word.split_once('=') {
            Some(("roothash", value)) => {
                let value: Digest = value.parse().map_err(CommandLineError::RootHash)?;
                settle(&mut root_hash, value, "roothash")?;
            }
            Some(("ashlar.state", value)) => {
                settle(&mut state, state_place(value)?, "ashlar.state")?;
            }
            _ if word.starts_with("ashlar.") => unknown.push(word),
            _ => {}
        }
    }
    Ok(CommandLine { root_hash, state: state.unwrap_or_default(), unknown })
}

fn state_place(value: &str) -> Result<StatePlace, CommandLineError> {
    match value {
        "auto" => Ok(StatePlace::Auto),
        "volatile" => Ok(StatePlace::Volatile),
        _ => Err(CommandLineError::Value {
            word: "ashlar.state",
            found: value.chars().take(80).collect(),
            expected: "`auto` or `volatile`",
        }),
    }
}

fn settle<T: PartialEq>(
    slot: &mut Option<T>,
    value: T,
    word: &'static str,
) -> Result<(), CommandLineError> {
    match slot {
        Some(before) if *before != value => Err(CommandLineError::Contradiction { word }),
        _ => {
            *slot = Some(value);
            Ok(())
        }
    }
}

/// Splits at blanks outside double quotes and drops the quotes.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for letter in text.chars() {
        match letter {
            '"' => quoted = !quoted,
            _ if letter.is_ascii_whitespace() && !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(letter),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn finds_the_root_hash_among_the_words_of_others() {
        let line = parse(&format!("console=ttyS0 quiet roothash={HASH} x=\"a roothash=b\"\n"));
        assert_eq!(line.unwrap().root_hash, Some(Digest::of(b"")));
    }

    #[test]
    fn no_root_hash_is_not_an_error_here() {
        assert_eq!(parse("quiet").unwrap(), CommandLine::default());
    }

    #[test]
    fn two_root_hashes_are_refused_and_the_same_one_twice_is_not() {
        let other = Digest::of(b"x");
        let refused = parse(&format!("roothash={HASH} roothash={other}"));
        assert_eq!(refused, Err(CommandLineError::Contradiction { word: "roothash" }));
        assert!(parse(&format!("roothash={HASH} roothash={HASH}")).is_ok());
    }

    #[test]
    fn a_root_hash_that_is_none_is_refused() {
        assert!(matches!(parse("roothash=abc"), Err(CommandLineError::RootHash(_))));
    }

    #[test]
    fn state_is_where_the_word_says() {
        assert_eq!(parse("ashlar.state=volatile").unwrap().state, StatePlace::Volatile);
        assert!(matches!(parse("ashlar.state=tape"), Err(CommandLineError::Value { .. })));
    }

    #[test]
    fn words_of_a_newer_builder_are_kept_for_the_record() {
        assert_eq!(parse("ashlar.new=1 other.new=1").unwrap().unknown, ["ashlar.new=1"]);
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".{0,300}") {
            let _answer = parse(&text);
        }

        #[test]
        fn any_words_are_answered(text in "(roothash=[0-9a-f]{0,70}|ashlar\\.[a-z]{0,8}=?|\"| ){0,9}") {
            let _answer = parse(&text);
        }
    }
}
