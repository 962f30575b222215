//! The words a declaration is made of.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A service's name: 1 to 40 of `a`–`z`, `0`–`9` and `-`, a letter first. It is a file name, a
/// cgroup and a prefix of log lines, and holding one proves that it can be all three.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(String);

impl ServiceName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Text that names no service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameError {
    /// The text that was given.
    pub found: String,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = &self.found;
        write!(f, "`{found}` is no service name: 1 to 40 of a-z, 0-9 and -, a letter first")
    }
}

impl std::error::Error for NameError {}

impl FromStr for ServiceName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let fine = (1..=40).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if fine {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError { found: text.chars().take(80).collect() })
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ServiceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ServiceName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How a service shows that it is ready. PID 1 looks at sockets in the kernel's own tables and
/// never connects: a probe that connects fills the service's log and can block.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Readiness {
    /// It is ready when it runs.
    #[default]
    None,
    /// It writes `READY=1` to `$NOTIFY_SOCKET`, as `sd_notify(3)` does.
    Notify,
    /// It ends with status 0: it did one thing and that is done.
    Exit,
    /// Something listens on this TCP port, on whatever address.
    Tcp(u16),
    /// Something listens on this Unix socket.
    Unix(String),
    /// This path exists.
    File(String),
}

impl Readiness {
    /// The path it looks at, if it looks at one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Unix(path) | Self::File(path) => Some(path),
            Self::None | Self::Notify | Self::Exit | Self::Tcp(_) => None,
        }
    }
}

/// The signal that asks a service to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum StopSignal {
    /// `SIGTERM`.
    #[default]
    Term,
    /// `SIGINT`.
    Int,
    /// `SIGQUIT`.
    Quit,
    /// `SIGHUP`.
    Hup,
    /// `SIGUSR1`.
    Usr1,
    /// `SIGUSR2`.
    Usr2,
    /// `SIGKILL`: it needs no asking.
    Kill,
}

/// What ends with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StopScope {
    /// Every process in its control group.
    #[default]
    Group,
    /// Only its own process; what it started lives on until the machine stops. For runtimes whose
    /// guests outlive them.
    Process,
}

/// After which ends a service is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// After every end that nobody asked for.
    Always,
    /// After an end by a signal or with a status other than 0.
    #[default]
    Failed,
    /// Not at all.
    Never,
}
