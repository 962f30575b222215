//! Why packages do not become a full tree.

use std::error::Error;
use std::fmt;

use super::cover::Uncovered;
use crate::accounts::AccountError;
use crate::alternatives::BadCommand;
use crate::derive::certificates::CertificateError;
use crate::edit::EditError;
use crate::merge::MergeError;
use crate::tmpfiles::TmpfilesError;

/// Why packages do not become a full tree.
#[derive(Debug)]
pub enum InstallError {
    /// Scripts that the rule table does not cover; at least one.
    Uncovered(Vec<Uncovered>),
    /// Packages do not become one tree.
    Merge(Box<MergeError>),
    /// An account that a recipe declares cannot be made.
    RecipeAccount {
        /// What is wrong.
        why: AccountError,
    },
    /// What a rule says cannot be done.
    Step {
        /// The package.
        package: String,
        /// What was to be done.
        step: &'static str,
        /// What is wrong.
        why: Box<StepError>,
    },
    /// What depends on the whole tree cannot be made.
    Derived {
        /// What.
        what: &'static str,
        /// What is wrong.
        why: Box<StepError>,
    },
}

/// What is wrong with one step.
#[derive(Debug)]
pub enum StepError {
    /// The tree does not allow it.
    Edit(EditError),
    /// An account is missing.
    Account(AccountError),
    /// A `tmpfiles.d` file is not understood.
    Tmpfiles(TmpfilesError),
    /// A command is not understood.
    Command(BadCommand),
    /// A certificate is none.
    Certificate(CertificateError),
}

impl InstallError {
    pub(super) fn step(package: &str, step: &'static str, why: StepError) -> Self {
        Self::Step { package: package.to_owned(), step, why: Box::new(why) }
    }

    pub(super) fn derive(what: &'static str, why: impl Into<EditError>) -> Self {
        Self::Derived { what, why: Box::new(StepError::Edit(why.into())) }
    }
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uncovered(all) => {
                write!(f, "{} of the packages' scripts not covered by a rule", all.len())?;
                all.iter().try_for_each(|uncovered| write!(f, "\n\n{uncovered}"))
            }
            Self::Merge(why) => why.fmt(f),
            Self::RecipeAccount { why } => write!(f, "an account of the recipes: {why}"),
            Self::Step { package, step, .. } => write!(f, "rule for {package}: {step}"),
            Self::Derived { what, .. } => write!(f, "making {what}"),
        }
    }
}

impl Error for InstallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Step { why, .. } | Self::Derived { why, .. } => Some(&**why),
            _ => None,
        }
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edit(why) => why.fmt(f),
            Self::Account(why) => why.fmt(f),
            Self::Tmpfiles(why) => why.fmt(f),
            Self::Command(why) => why.fmt(f),
            Self::Certificate(why) => why.fmt(f),
        }
    }
}

impl Error for StepError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Edit(why) => why.source(),
            _ => None,
        }
    }
}

impl From<EditError> for StepError {
    fn from(why: EditError) -> Self {
        Self::Edit(why)
    }
}

impl From<AccountError> for StepError {
    fn from(why: AccountError) -> Self {
        Self::Account(why)
    }
}

impl From<TmpfilesError> for StepError {
    fn from(why: TmpfilesError) -> Self {
        Self::Tmpfiles(why)
    }
}
