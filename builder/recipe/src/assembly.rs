//! All recipes of an image, for one architecture, as one value: what a build works from.

use contract::arch::Arch;

use crate::declared::{
    Argument, BootPart, Entry, Exception, FileDecl, Group, LeaveOut, ModuleDecl, Package,
    Privileged, Program, Service, Sysctl, User,
};
use crate::image::Image;

/// What the recipes of an image say together, for one architecture.
///
/// Holding one proves that the recipes do not contradict one another: no path, user, group,
/// number, service or setting is declared twice in different ways, and every group and user that
/// is named exists in it or belongs to the base system. It does not prove that the packages exist
/// or that the patterns match.
///
/// Everything is sorted (by name, number or path) but the kernel arguments, whose order has a
/// meaning: those of a recipe come after those of the recipes it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assembly {
    /// The image.
    pub image: Image,
    /// The architecture.
    pub arch: Arch,
    /// Names of the recipes, each after those it needs.
    pub recipes: Vec<String>,
    /// Packages of the tree itself, by name.
    pub packages: Vec<Package>,
    /// Packages that are only read while the image is put together, by name.
    pub build_packages: Vec<Package>,
    /// Packages of the target trees of a tools image, by name; one that names an architecture is
    /// for that target alone.
    pub target_packages: Vec<Package>,
    /// Entry points, by path.
    pub entries: Vec<Entry>,
    /// Files, by path.
    pub files: Vec<FileDecl>,
    /// Programs of this workspace, by path.
    pub programs: Vec<Program>,
    /// Users, by number.
    pub users: Vec<User>,
    /// Groups, by number.
    pub groups: Vec<Group>,
    /// Kernel modules, by pattern.
    pub modules: Vec<ModuleDecl>,
    /// Kernel arguments, in order.
    pub arguments: Vec<Argument>,
    /// Boot parts, at most one of each; a bootable image has all.
    pub boot: Vec<BootPart>,
    /// Kernel settings, by name.
    pub sysctls: Vec<Sysctl>,
    /// Services, by name.
    pub services: Vec<Service>,
    /// What stays out.
    pub leave_out: Vec<LeaveOut>,
    /// Files that may have more rights.
    pub privileged: Vec<Privileged>,
    /// Accepted lint findings.
    pub exceptions: Vec<Exception>,
}
