//! What the command line tells somebody when a command did not do what was asked.
//!
//! Libraries answer with their own errors, which hold facts. Here, at the edge of the executor,
//! each becomes a [`Failure`]: whose turn it is to act (the exit code), what we were doing, why
//! (the chain of sources), and what to try.

use std::error::Error;
use std::fmt;

/// Whose turn it is to act. The discriminant is the process's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The asker's input is wrong.
    Asked = 2,
    /// The machine, its disk or its network refused.
    Machine = 3,
    /// Something arrived that is not what was promised.
    Promise = 4,
    /// Our own mistake.
    Ours = 70,
}

impl Class {
    /// The exit code.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Asked => 2,
            Self::Machine => 3,
            Self::Promise => 4,
            Self::Ours => 70,
        }
    }
}

/// A command that did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    /// Whose turn it is.
    pub class: Class,
    /// What we were doing, or what is wrong; lower case, no full stop.
    pub doing: String,
    /// What to try, in one sentence.
    pub hint: Option<String>,
    /// Text to show before the words above: an excerpt of a declaration with its mistakes.
    pub excerpt: Option<String>,
    /// The same facts for programs.
    pub facts: Option<Box<serde_json::Value>>,
    /// The error below.
    pub cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// The asker's input is wrong.
    #[must_use]
    pub fn asked(doing: impl Into<String>) -> Self {
        Self {
            class: Class::Asked,
            doing: doing.into(),
            hint: None,
            excerpt: None,
            facts: None,
            cause: None,
        }
    }

    /// The machine refused.
    #[must_use]
    pub fn machine(doing: impl Into<String>) -> Self {
        Self { class: Class::Machine, ..Self::asked(doing) }
    }

    /// What arrived is not what was promised.
    #[must_use]
    pub fn promise(doing: impl Into<String>) -> Self {
        Self { class: Class::Promise, ..Self::asked(doing) }
    }

    /// Our own mistake.
    #[must_use]
    pub fn ours(doing: impl Into<String>) -> Self {
        Self { class: Class::Ours, ..Self::asked(doing) }
    }

    /// With the error below it.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// With something to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.doing)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| -> &(dyn Error + 'static) { cause })
    }
}
