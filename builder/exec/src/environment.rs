//! What the process's environment may say: the one place that asks.
//!
//! A variable that reached an image would make two machines build two images, so nothing but the
//! values in [`Environment`] is ever read, and none of them names content: where the cache is,
//! which proxy stands before the network, where the user's own configuration and `cargo` are.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Where everything is kept that can be made or fetched again.
    pub cache_dir: PathBuf,
    /// The user's own configuration, whether or not it is there.
    pub config_file: PathBuf,
    /// The user's `cargo`, where `CARGO` names one; else the first of `PATH` is meant.
    pub cargo: Option<PathBuf>,
    /// The directories of `PATH`.
    pub path: Vec<PathBuf>,
    /// The proxies before the network.
    pub proxies: Proxies,
    /// A file of further certificate authorities for `https` mirrors (`SSL_CERT_FILE`).
    pub authorities_file: Option<PathBuf>,
    /// Whether colour is unwanted (`NO_COLOR`, <https://no-color.org>).
    pub no_color: bool,
}

/// The proxies before the network, as `curl` and `apt` read them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For `http` (`http_proxy`; the capital form is not read, as a web server may set it).
    pub http: Option<String>,
    /// For `https` (`https_proxy`, `HTTPS_PROXY`).
    pub https: Option<String>,
    /// Names that are reached without a proxy (`no_proxy`, `NO_PROXY`): suffixes of host names,
    /// or `*` for all.
    pub without: Vec<String>,
}

/// Why the environment is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvironmentError {
    /// Nothing says where a cache may be.
    NoCache,
    /// A directory is given that is not absolute.
    Relative {
        /// The variable.
        variable: &'static str,
        /// What it says.
        path: PathBuf,
    },
}

impl fmt::Display for EnvironmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCache => {
                write!(f, "no place for the cache: set ASHLAR_CACHE, XDG_CACHE_HOME or HOME")
            }
            Self::Relative { variable, path } => {
                write!(f, "{variable} is `{}`, which is no absolute path", path.display())
            }
        }
    }
}

impl std::error::Error for EnvironmentError {}

impl Environment {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// No directory is given for the cache, or one that is not absolute.
    pub fn read() -> Result<Self, EnvironmentError> {
        #[expect(clippy::disallowed_methods, reason = "this is the place that reads it")]
        Self::from(|name| std::env::var_os(name))
    }

    /// Reads any environment; an empty variable counts as none.
    ///
    /// # Errors
    /// No directory is given for the cache, or one that is not absolute.
    pub fn from(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, EnvironmentError> {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let text = |name: &str| get(name).and_then(|value| value.into_string().ok());
        let either = |low: &str, high: &str| text(low).or_else(|| text(high));
        Ok(Self {
            cache_dir: place(&get, "ASHLAR_CACHE", "XDG_CACHE_HOME", ".cache", "ashlar")?,
            config_file: place(
                &get,
                "ASHLAR_CONFIG",
                "XDG_CONFIG_HOME",
                ".config",
                "ashlar/config.toml",
            )?,
            cargo: get("CARGO").map(PathBuf::from),
            path: get("PATH")
                .map(|path| std::env::split_paths(&path).collect())
                .unwrap_or_default(),
            proxies: Proxies {
                http: text("http_proxy"),
                https: either("https_proxy", "HTTPS_PROXY"),
                without: names(&either("no_proxy", "NO_PROXY").unwrap_or_default()),
            },
            authorities_file: get("SSL_CERT_FILE").map(PathBuf::from),
            no_color: get("NO_COLOR").is_some(),
        })
    }

    /// The first program of this name that `PATH` has.
    #[must_use]
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        self.path.iter().map(|dir| dir.join(name)).find(|path| path.is_file())
    }
}

/// A place by its own variable, by the base directories of the XDG specification, or by `HOME`.
fn place(
    get: &impl Fn(&str) -> Option<OsString>,
    own: &'static str,
    base: &'static str,
    below_home: &str,
    name: &str,
) -> Result<PathBuf, EnvironmentError> {
    let absolute = |variable: &'static str, path: PathBuf| {
        if path.is_absolute() {
            Ok(path)
        } else {
            Err(EnvironmentError::Relative { variable, path })
        }
    };
    if let Some(path) = get(own) {
        return absolute(own, path.into());
    }
    // The specification says that a relative path is to be taken as not set.
    if let Some(path) = get(base).map(PathBuf::from).filter(|path| path.is_absolute()) {
        return Ok(path.join(name));
    }
    let home = get("HOME").map(PathBuf::from).ok_or(EnvironmentError::NoCache)?;
    Ok(absolute("HOME", home)?.join(below_home).join(name))
}

fn names(list: &str) -> Vec<String> {
    let names = list.split(',').map(|name| name.trim().trim_start_matches('.'));
    names.filter(|name| !name.is_empty()).map(str::to_ascii_lowercase).collect()
}

impl Proxies {
    /// The proxy for a URL of this scheme and host, if one stands before it.
    #[must_use]
    pub fn of(&self, scheme: &str, host: &str) -> Option<&str> {
        let host = host.to_ascii_lowercase();
        let direct = |name: &String| {
            name == "*"
                || host
                    .strip_suffix(name.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if self.without.iter().any(direct) {
            return None;
        }
        match scheme {
            "http" => self.http.as_deref(),
            "https" => self.https.as_deref(),
            _ => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A variable that a test gave its own child.
    pub(crate) fn variable(name: &str) -> Option<OsString> {
        #[expect(clippy::disallowed_methods, reason = "a test that runs itself in a child")]
        std::env::var_os(name)
    }

    fn read(pairs: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
        Environment::from(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn the_nearest_variable_says_where_the_cache_is() {
        let all = [("ASHLAR_CACHE", "/a"), ("XDG_CACHE_HOME", "/x"), ("HOME", "/h")];
        for (from, expect) in [(0, "/a"), (1, "/x/ashlar"), (2, "/h/.cache/ashlar")] {
            let pairs = [&all[from..], &[("HOME", "/h")]].concat();
            assert_eq!(read(&pairs).unwrap().cache_dir, PathBuf::from(expect));
        }
    }

    #[test]
    fn a_cache_is_never_guessed() {
        assert_eq!(read(&[]).unwrap_err(), EnvironmentError::NoCache);
        assert_eq!(read(&[("HOME", "")]).unwrap_err(), EnvironmentError::NoCache);
        assert!(matches!(
            read(&[("ASHLAR_CACHE", "here"), ("HOME", "/h")]).unwrap_err(),
            EnvironmentError::Relative { variable: "ASHLAR_CACHE", .. }
        ));
    }

    #[test]
    fn a_name_without_proxy_is_a_suffix_at_a_dot() {
        let pairs = [("HOME", "/h"), ("http_proxy", "http://p:1"), ("NO_PROXY", ".lan, deb.test")];
        let proxies = read(&pairs).unwrap().proxies;
        for (host, expect) in [
            ("deb.test", None),
            ("a.DEB.test", None),
            ("mirror.lan", None),
            ("notdeb.test", Some("http://p:1")),
        ] {
            assert_eq!(proxies.of("http", host), expect, "{host}");
        }
        assert_eq!(proxies.of("https", "x"), None);
    }

    #[test]
    fn a_web_servers_proxy_header_is_not_read() {
        let proxies = read(&[("HOME", "/h"), ("HTTP_PROXY", "http://evil")]).unwrap().proxies;
        assert_eq!(proxies.of("http", "x"), None);
    }
}
