//! A control group for each service (cgroup v2), so that what it started ends with it.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use contract::service::ServiceName;

const SERVICES: &str = "/sys/fs/cgroup/services";

fn directory(name: &ServiceName) -> PathBuf {
    Path::new(SERVICES).join(name.as_str())
}

/// Makes the group and opens the file that takes processes. `None`: this kernel has none, and a
/// service without a group is better than no service.
pub(super) fn open(name: &ServiceName) -> Option<File> {
    let directory = directory(name);
    fs::create_dir_all(&directory).ok()?;
    OpenOptions::new().write(true).open(directory.join("cgroup.procs")).ok()
}

/// Kills everything in the group. Without a group there is nothing we know of.
pub(super) fn kill(name: &ServiceName) {
    drop(fs::write(directory(name).join("cgroup.kill"), "1"));
}
