//! The control half of a package: its fields, its scripts, its lists.
//!
//! The scripts are never run. They are kept to be compared with the rules that stand in for them,
//! and to be shown when no rule does.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use super::path;
use super::tar::{EntryKind, Reader, TarError};
use crate::control::{ControlError, Stanza, single, text};
use crate::relation::is_package_name;
use crate::version::{Version, VersionError};

/// The most files a control half may have; deb(5) and debconf(7) know about fifteen.
const FILES: usize = 100;

/// The scripts, in the order in which they would have been run.
const SCRIPTS: [&str; 5] = ["config", "preinst", "postinst", "prerm", "postrm"];

/// The control half of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    fields: String,
    files: BTreeMap<String, Vec<u8>>,
    conffiles: Vec<Conffile>,
}

/// A file that the operator may change, by the package's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conffile {
    /// Where it is: relative to the root.
    pub path: String,
    /// Whether an upgrade takes it away; then the package does not hold it.
    pub remove_on_upgrade: bool,
}

/// Why a control half was not taken.
#[derive(Debug)]
pub enum ControlPartError {
    /// The tar.
    Tar(TarError),
    /// An entry that is neither a regular file at the top nor the top itself.
    Entry {
        /// Its path.
        path: String,
    },
    /// The same file twice, or more than a hundred.
    Files {
        /// The file at which it showed.
        path: String,
    },
    /// There is no `control`.
    Missing,
    /// The fields are not one stanza.
    Fields(ControlError),
    /// A field is missing that every package has.
    NoField(&'static str),
    /// The name of the package is none.
    Name(String),
    /// The version is none.
    Version(VersionError),
    /// A line of `conffiles` is no path.
    Conffile(String),
}

impl fmt::Display for ControlPartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tar(_) => f.write_str("the tar of the control half"),
            Self::Entry { path } => write!(f, "`{path}` is no regular file at the top"),
            Self::Files { path } => write!(f, "`{path}` is there twice, or one file too many"),
            Self::Missing => f.write_str("there is no file `control`"),
            Self::Fields(_) => f.write_str("the file `control`"),
            Self::NoField(name) => write!(f, "the field `{name}` is missing"),
            Self::Name(name) => write!(f, "`{name}` is not the name of a package"),
            Self::Version(_) => f.write_str("the field `Version`"),
            Self::Conffile(line) => write!(f, "`{line}` is no line of `conffiles`"),
        }
    }
}

impl std::error::Error for ControlPartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Tar(source) => Some(source),
            Self::Fields(source) => Some(source),
            Self::Version(source) => Some(source),
            _ => None,
        }
    }
}

impl Control {
    pub(super) fn read<R: Read>(reader: &mut Reader<R>) -> Result<Self, ControlPartError> {
        let mut files = BTreeMap::new();
        while let Some(entry) = reader.next_entry().map_err(ControlPartError::Tar)? {
            match entry.kind {
                EntryKind::Directory if entry.path.is_empty() => continue,
                EntryKind::File { .. } if !entry.path.contains('/') => {}
                _ => return Err(ControlPartError::Entry { path: entry.path }),
            }
            let content = content(reader).map_err(ControlPartError::Tar)?;
            if files.len() == FILES || files.insert(entry.path.clone(), content).is_some() {
                return Err(ControlPartError::Files { path: entry.path });
            }
        }
        Self::new(files)
    }

    fn new(mut files: BTreeMap<String, Vec<u8>>) -> Result<Self, ControlPartError> {
        let bytes = files.remove("control").ok_or(ControlPartError::Missing)?;
        let fields = text(&bytes).map_err(ControlPartError::Fields)?.to_owned();
        check_fields(&fields)?;
        let list = files.get("conffiles").map(Vec::as_slice).unwrap_or_default();
        let list = std::str::from_utf8(list);
        let list = list.map_err(|_| ControlPartError::Conffile("not UTF-8".to_owned()))?;
        let conffiles = list.lines().filter(|line| !line.trim_ascii().is_empty()).map(conffile);
        let conffiles = conffiles.collect::<Result<_, _>>()?;
        Ok(Self { fields, files, conffiles })
    }

    /// The fields.
    ///
    /// # Panics
    /// Never: the text was read when this was made.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the text was parsed by the only constructor")]
    pub fn fields(&self) -> Stanza<'_> {
        single(&self.fields).expect("the text was parsed before")
    }

    fn required(&self, name: &str) -> &str {
        self.fields().get(name).unwrap_or_default()
    }

    /// The name of the package.
    #[must_use]
    pub fn package(&self) -> &str {
        self.required("Package")
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &str {
        self.required("Version")
    }

    /// Its architecture, or `all`.
    #[must_use]
    pub fn architecture(&self) -> &str {
        self.required("Architecture")
    }

    /// The maintainer scripts that it has, by name, in the order in which they would have run.
    pub fn scripts(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        SCRIPTS.into_iter().filter_map(|name| Some((name, self.file(name)?)))
    }

    /// Any other file of the control half: `triggers`, `shlibs`, `symbols`, `templates`, `md5sums`.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// Every file of the control half but `control`, by name.
    #[must_use]
    pub const fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// The configuration files, in the package's order.
    #[must_use]
    pub fn conffiles(&self) -> &[Conffile] {
        &self.conffiles
    }

    /// What the package said of the MD5 of its files: digest in hexadecimal and path. Good for
    /// finding what was changed on a system, proof of nothing. Lines of another form are left out.
    pub fn md5sums(&self) -> impl Iterator<Item = (&str, &str)> {
        let list = std::str::from_utf8(self.file("md5sums").unwrap_or_default());
        list.unwrap_or_default().lines().filter_map(|line| line.split_once("  "))
    }
}

fn content<R: Read>(reader: &mut Reader<R>) -> Result<Vec<u8>, TarError> {
    let mut content = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        let read = reader.read_content(&mut buffer)?;
        if read == 0 {
            return Ok(content);
        }
        content.extend_from_slice(buffer.get(..read).unwrap_or_default());
    }
}

fn check_fields(fields: &str) -> Result<(), ControlPartError> {
    let stanza = single(fields).map_err(ControlPartError::Fields)?;
    let field = |name| stanza.get(name).filter(|value| !value.is_empty());
    let name = field("Package").ok_or(ControlPartError::NoField("Package"))?;
    if !is_package_name(name) {
        return Err(ControlPartError::Name(name.chars().take(80).collect()));
    }
    let version = field("Version").ok_or(ControlPartError::NoField("Version"))?;
    Version::parse(version).map_err(ControlPartError::Version)?;
    field("Architecture").ok_or(ControlPartError::NoField("Architecture"))?;
    Ok(())
}

/// A line of `conffiles`: a path from the root, after a flag where there is one (deb-conffiles(5)).
fn conffile(line: &str) -> Result<Conffile, ControlPartError> {
    let line = line.trim_ascii();
    let flagged = line.strip_prefix("remove-on-upgrade ").map(str::trim_ascii_start);
    let path = flagged.unwrap_or(line).strip_prefix('/').and_then(path::inside);
    match path.filter(|path| !path.is_empty()) {
        Some(path) => Ok(Conffile { path, remove_on_upgrade: flagged.is_some() }),
        None => Err(ControlPartError::Conffile(line.chars().take(200).collect())),
    }
}
