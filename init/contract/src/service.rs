//! What PID 1 starts: service declarations.
//!
//! Each service is one TOML file `/usr/lib/ashlar/services/NAME.toml` in the root. The builder
//! reads it to refuse mistakes, the node reads the same file with the same function to act on it.
//!
//! ```toml
//! command = "/usr/bin/containerd"         # absolute; not searched for
//! arguments = ["--config", "/etc/containerd/config.toml"]
//! environment = { TMPDIR = "/run/containerd" }   # all it gets besides PATH
//! directory = "/"
//! user = "root"                           # a name in the root's /etc/passwd
//! group = "root"                          # its primary group when left out
//! groups = ["kvm"]                        # further ones; none when left out
//! needs = ["modules"]                     # ready before this starts; must exist
//! after = ["network"]                     # only the order, if it exists
//! early = false                           # true: do not wait for the built-in service `kernel`
//! required = true                         # the boot is not ready without it
//! readiness = { unix = "/run/containerd/containerd.sock" }
//! ready_within_ms = 60000
//! stop = { signal = "TERM", within_ms = 10000, scope = "group" }
//! restart = { when = "failed", delay_ms = 200, delay_limit_ms = 30000, limit = 5 }
//! ```
//!
//! Only `command` must be given. Keys we do not know are errors: a misspelt `needs` must not make
//! a service that starts too soon. What a declaration proves by itself is checked in [`parse`];
//! what it proves among the others (missing needs, cycles) in [`Graph::new`].
//!
//! Two services are built into PID 1 and may be waited for like any other:
//!
//! | name | what it does |
//! |---|---|
//! | `kernel` | loads the drivers of the machine's devices and the modules of `modules-load.d`, then sets `sysctl.d` |
//! | `root-check` | reads every block of the root once, so that a damaged one is found before the boot counts as good |

mod graph;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use graph::{BUILT_IN, Graph, GraphError, KERNEL, ROOT_CHECK};
pub use words::{NameError, Readiness, ServiceName, StopScope, StopSignal, When};

/// Where declarations live in the root.
pub const DIRECTORY: &str = "/usr/lib/ashlar/services";

/// No declaration is larger; it bounds what a reader holds.
pub const SIZE_LIMIT_BYTES: usize = 64 << 10;

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The program, an absolute path in the root.
    pub command: String,
    /// Its arguments, without its own name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// Its environment, besides `PATH` and what its readiness asks for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// The directory it starts in.
    #[serde(default = "root_directory")]
    pub directory: String,
    /// The account it runs as.
    #[serde(default = "root_user")]
    pub user: String,
    /// The group it runs as, when not the account's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Further groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Services that must be ready before it starts, and stop after it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<ServiceName>,
    /// Services that, if they are declared, must be ready or have given up before it starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<ServiceName>,
    /// Whether it starts beside the loading of drivers instead of after it.
    #[serde(default)]
    pub early: bool,
    /// Whether the boot is ready only when this is.
    #[serde(default)]
    pub required: bool,
    /// How it shows that it is ready.
    #[serde(default)]
    pub readiness: Readiness,
    /// How long it may take to be ready before it is stopped and counted as failed.
    #[serde(default = "minute")]
    pub ready_within_ms: u32,
    /// How it is stopped.
    #[serde(default)]
    pub stop: Stop,
    /// When it is started again.
    #[serde(default)]
    pub restart: Restart,
}

/// How a service is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// The signal that asks it to end.
    #[serde(default)]
    pub signal: StopSignal,
    /// How long it may take before it is killed.
    #[serde(default = "ten_seconds")]
    pub within_ms: u32,
    /// What is killed with it.
    #[serde(default)]
    pub scope: StopScope,
}

/// When a service that ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restart {
    /// After which ends.
    #[serde(default)]
    pub when: When,
    /// The pause before the first new start; it doubles with each further one.
    #[serde(default = "fifth_of_a_second")]
    pub delay_ms: u32,
    /// The longest pause.
    #[serde(default = "half_minute")]
    pub delay_limit_ms: u32,
    /// How many starts in a row may fail before it is given up; 0 is never. A service that was
    /// ready for [`STEADY_MS`] begins to count anew.
    #[serde(default = "five")]
    pub limit: u32,
}

/// A service that was ready for this long has its failures forgotten.
pub const STEADY_MS: u32 = 60_000;

fn root_directory() -> String {
    "/".to_owned()
}

fn root_user() -> String {
    "root".to_owned()
}

const fn minute() -> u32 {
    60_000
}

const fn ten_seconds() -> u32 {
    10_000
}

const fn fifth_of_a_second() -> u32 {
    200
}

const fn half_minute() -> u32 {
    30_000
}

const fn five() -> u32 {
    5
}

impl Default for Stop {
    fn default() -> Self {
        Self {
            signal: StopSignal::default(),
            within_ms: ten_seconds(),
            scope: StopScope::default(),
        }
    }
}

impl Default for Restart {
    fn default() -> Self {
        Self {
            when: When::default(),
            delay_ms: fifth_of_a_second(),
            delay_limit_ms: half_minute(),
            limit: five(),
        }
    }
}

/// A declaration that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceError {
    /// The file is larger than [`SIZE_LIMIT_BYTES`] or no UTF-8.
    NotText,
    /// The TOML does not parse, a key is unknown, or a value has the wrong type.
    Toml {
        /// Line and column in the file, and what is wrong there.
        message: String,
        /// Where in the text, in bytes.
        span: Option<std::ops::Range<usize>>,
    },
    /// A value parses and cannot be meant.
    Value {
        /// The key.
        key: &'static str,
        /// The value that was given.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText => write!(f, "not UTF-8, or larger than {SIZE_LIMIT_BYTES} bytes"),
            Self::Toml { message, .. } => f.write_str(message.trim_end()),
            Self::Value { key, found, expected } => {
                write!(f, "`{key}` is `{found}` and must be {expected}")
            }
        }
    }
}

impl std::error::Error for ServiceError {}

/// Reads one declaration.
///
/// # Errors
///
/// Anything that is not a complete declaration as the module describes it.
pub fn parse(bytes: &[u8]) -> Result<Service, ServiceError> {
    let text = Some(bytes)
        .filter(|bytes| bytes.len() <= SIZE_LIMIT_BYTES)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .ok_or(ServiceError::NotText)?;
    let service: Service = toml::from_str(text)
        .map_err(|error| ServiceError::Toml { message: error.to_string(), span: error.span() })?;
    service.check()?;
    Ok(service)
}

impl Service {
    /// Checks what the types do not. [`parse`] has done it; a declaration that was put together
    /// otherwise should be checked before it is used.
    ///
    /// # Errors
    ///
    /// A value that cannot be meant.
    pub fn check(&self) -> Result<(), ServiceError> {
        absolute("command", &self.command)?;
        absolute("directory", &self.directory)?;
        self.arguments.iter().try_for_each(|text| no_nul("arguments", text))?;
        for (name, value) in &self.environment {
            let fine = !name.is_empty() && !name.contains('=');
            refuse_unless(fine, "environment", name, "a name without `=`")?;
            no_nul("environment", name)?;
            no_nul("environment", value)?;
        }
        for account in [&self.user].into_iter().chain(&self.group).chain(&self.groups) {
            let fine = !account.is_empty() && !account.contains([':', '\n', '\0']);
            refuse_unless(fine, "user", account, "an account's name or number")?;
        }
        if let Some(path) = self.readiness.path() {
            absolute("readiness", path)?;
        }
        self.check_times()
    }

    fn check_times(&self) -> Result<(), ServiceError> {
        let times = [
            ("ready_within_ms", self.ready_within_ms),
            ("stop.within_ms", self.stop.within_ms),
            ("restart.delay_ms", self.restart.delay_ms),
        ];
        for (key, time) in times {
            let fine = (1..=3_600_000).contains(&time);
            refuse_unless(fine, key, &time.to_string(), "between 1 and 3600000")?;
        }
        let (delay, limit) = (self.restart.delay_ms, self.restart.delay_limit_ms);
        let expected = "no less than `restart.delay_ms`";
        refuse_unless(delay <= limit, "restart.delay_limit_ms", &limit.to_string(), expected)
    }
}

fn absolute(key: &'static str, path: &str) -> Result<(), ServiceError> {
    let fine = path.starts_with('/') && !path.split('/').any(|part| part == "..");
    refuse_unless(fine, key, path, "an absolute path without `..`")?;
    no_nul(key, path)
}

fn no_nul(key: &'static str, text: &str) -> Result<(), ServiceError> {
    refuse_unless(!text.contains('\0'), key, text, "free of NUL characters")
}

fn refuse_unless(
    fine: bool,
    key: &'static str,
    found: &str,
    expected: &'static str,
) -> Result<(), ServiceError> {
    let found = || found.chars().take(80).collect();
    if fine { Ok(()) } else { Err(ServiceError::Value { key, found: found(), expected }) }
}
