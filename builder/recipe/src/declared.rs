//! What a recipe declares, as plain values.
//!
//! Every value here was checked on its own (names are names, modes are modes, patterns parse);
//! what several recipes say together is checked when they become an [`crate::assembly::Assembly`].
//! Each value knows its [`Place`], so that whoever finds it wrong later (a pattern that matches
//! nothing, a package that no suite has) can point at the line.

use std::sync::Arc;

use contract::arch::Arch;
use contract::service::{self, ServiceName};

use crate::glob::Glob;
use crate::module::ModulePattern;
use crate::place::Place;

/// One ingredient of images: `recipes/NAME/recipe.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// The directory it is in.
    pub name: String,
    /// One line on what it brings.
    pub summary: String,
    /// Recipes that come with this one.
    pub needs: Vec<Need>,
    /// Packages to install, with what they depend on.
    pub packages: Vec<Package>,
    /// Files that stay in the root, with what they reach.
    pub entries: Vec<Entry>,
    /// Files that no package has.
    pub files: Vec<FileDecl>,
    /// Programs of this workspace.
    pub programs: Vec<Program>,
    /// Users with fixed numbers.
    pub users: Vec<User>,
    /// Groups with fixed numbers.
    pub groups: Vec<Group>,
    /// Kernel modules that stay.
    pub modules: Vec<ModuleDecl>,
    /// Kernel arguments, in order.
    pub arguments: Vec<Argument>,
    /// Files the boot is put together from.
    pub boot: Vec<BootPart>,
    /// Kernel settings made at start.
    pub sysctls: Vec<Sysctl>,
    /// Services of the node.
    pub services: Vec<Service>,
    /// What stays out although something asks for it.
    pub leave_out: Vec<LeaveOut>,
    /// Files that may be set-user-ID, set-group-ID or carry capabilities.
    pub privileged: Vec<Privileged>,
    /// What the lint is to accept.
    pub exceptions: Vec<Exception>,
    /// The start of the file.
    pub place: Place,
}

/// A recipe that comes with the one that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Its name.
    pub name: String,
    /// Only on this architecture.
    pub arch: Option<Arch>,
    /// Where it is written.
    pub place: Place,
}

/// What a package is installed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// For the tree itself: the root of a bootable image, or the tools of a tools image.
    Image,
    /// Read while the image is put together, never in its root: the boot loader and stub.
    Build,
    /// Of a tools image: one tree for each architecture in the image's `targets`, of that
    /// architecture, beside the tools.
    Target,
}

impl Purpose {
    /// All purposes with their words in declarations.
    pub const ALL: [(&'static str, Self); 3] =
        [("image", Self::Image), ("build", Self::Build), ("target", Self::Target)];
}

/// Whether what a package depends on is installed too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dependencies {
    /// The solver brings them.
    Follow,
    /// This package alone, whatever it asks for.
    Leave,
}

/// A package to install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Only from this suite (`trixie-backports`); else the newest of the image's suites that are
    /// no backports.
    pub suite: Option<String>,
    /// What it is for.
    pub purpose: Purpose,
    /// Whether the solver follows its dependencies.
    pub dependencies: Dependencies,
    /// Only on this architecture. For [`Purpose::Target`] this is the target's.
    pub arch: Option<Arch>,
    /// Where it is written.
    pub place: Place,
}

/// Files that stay in the root together with all they reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which.
    pub path: Glob,
    /// Why they are needed.
    pub why: String,
    /// What the program loads at run time without saying so in its headers: a name (`libfoo.so.1`)
    /// is found as the loader would find it for this program.
    pub dlopen: Vec<String>,
    /// Whether matching nothing is no mistake.
    pub optional: bool,
    /// Only on this architecture.
    pub arch: Option<Arch>,
    /// Where it is written.
    pub place: Place,
}

/// A file that a recipe brings itself. It stays in the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDecl {
    /// Where it goes, without a leading slash.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Permission bits, with sticky, set-user-ID and set-group-ID (`0o7777`).
    pub mode: u16,
    /// The owner's name.
    pub user: String,
    /// The group's name.
    pub group: String,
    /// Whether it may stand in for what a package or a rule put at this path. Without it,
    /// something being there is a mistake.
    pub replaces: bool,
    /// Only on this architecture.
    pub arch: Option<Arch>,
    /// Where it is written.
    pub place: Place,
}

/// What a declared file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file with this content, written in the recipe or in a file beside it.
    Regular(Arc<[u8]>),
    /// A symbolic link with its target as written.
    Symlink(String),
    /// A directory.
    Directory,
}

/// A program of this workspace that goes into the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The name of the binary and of the cargo package that has it.
    pub name: String,
    /// Where it goes in the root, without a leading slash.
    pub path: String,
    /// Whether it is also the `/init` of the initrd.
    pub initrd: bool,
    /// Where it is written.
    pub place: Place,
}

/// A user with a fixed number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The login name.
    pub name: String,
    /// The number.
    pub uid: u32,
    /// The primary group's name.
    pub group: String,
    /// Names of further groups.
    pub groups: Vec<String>,
    /// The home directory, from the root.
    pub home: String,
    /// The login shell, from the root; nothing needs to be there.
    pub shell: String,
    /// The comment field.
    pub comment: String,
    /// Where it is written.
    pub place: Place,
}

/// A group with a fixed number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The name.
    pub name: String,
    /// The number.
    pub gid: u32,
    /// Where it is written.
    pub place: Place,
}

/// Kernel modules that stay in the image, with what they depend on and the firmware they name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleDecl {
    /// Which: a module's name or a pattern of paths below the kernel's module directory.
    pub pattern: ModulePattern,
    /// Why they are needed.
    pub why: String,
    /// Whether they also go into the initrd, because the root is reached through them.
    pub initrd: bool,
    /// Whether they are loaded at start, because no device asks for them.
    pub load: bool,
    /// Whether matching nothing is no mistake (built in, or not in every kernel).
    pub optional: bool,
    /// Only on this architecture.
    pub arch: Option<Arch>,
    /// Where it is written.
    pub place: Place,
}

/// A kernel argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// As on the command line: `quiet`, `panic=10`.
    pub text: String,
    /// Only on this architecture.
    pub arch: Option<Arch>,
    /// Where it is written.
    pub place: Place,
}

/// Which part of the boot a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The kernel image.
    Kernel,
    /// The EFI stub that a unified kernel image begins with.
    Stub,
    /// The boot loader on the EFI system partition.
    Loader,
}

impl Part {
    /// All parts with their words in declarations.
    pub const ALL: [(&'static str, Self); 3] =
        [("kernel", Self::Kernel), ("stub", Self::Stub), ("loader", Self::Loader)];

    /// The word in declarations.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Stub => "stub",
            Self::Loader => "loader",
        }
    }
}

/// A file of a package that the boot is put together from. It is looked for in the packages of
/// [`Purpose::Image`] and [`Purpose::Build`], and is not kept in the root by this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootPart {
    /// Which part it is.
    pub part: Part,
    /// The file; the pattern matches exactly one.
    pub path: Glob,
    /// Only on this architecture.
    pub arch: Option<Arch>,
    /// Where it is written.
    pub place: Place,
}

/// A kernel setting made at start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sysctl {
    /// Its name with dots: `net.ipv4.ip_forward`.
    pub key: String,
    /// Its value as text.
    pub value: String,
    /// Where it is written.
    pub place: Place,
}

/// A service of the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// What it says.
    pub declaration: service::Service,
    /// The same as the text that goes to [`Service::path`].
    pub text: String,
    /// Only on this architecture.
    pub arch: Option<Arch>,
    /// Where it is written.
    pub place: Place,
}

impl Service {
    /// Where its text goes in the root, without a leading slash.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}.toml", service::DIRECTORY.trim_start_matches('/'), self.name)
    }
}

/// What is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Omission {
    /// A package: the solver takes every demand for it as met, and it is never fetched.
    Package(String),
    /// Files: not in the root, even when an entry point reaches them.
    Path(Glob),
}

/// Something that stays out of the image on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaveOut {
    /// What.
    pub what: Omission,
    /// Why nothing is missed.
    pub why: String,
    /// Only on this architecture.
    pub arch: Option<Arch>,
    /// Where it is written.
    pub place: Place,
}

/// A file that may have more rights than who starts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privileged {
    /// Which.
    pub path: Glob,
    /// Why it must.
    pub why: String,
    /// Where it is written.
    pub place: Place,
}

/// A finding of the lint that is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// The lint's name: `world-writable`.
    pub lint: String,
    /// For which files.
    pub path: Glob,
    /// Why it is right there.
    pub why: String,
    /// Where it is written.
    pub place: Place,
}
