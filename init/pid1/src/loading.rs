//! Loading kernel modules: by name, and for the devices that are there.
//!
//! The same code serves the initrd, where it runs in PID 1 and knows a few storage drivers, and
//! the root, where a helper process runs it, so that neither a slow driver nor the memory for two
//! thousand modules is PID 1's.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use contract::modules::{Modules, Settings, canonical, modules_for, name_of_path};

/// Where the kernel's modules lie, below the release.
const MODULES: &str = "/usr/lib/modules";

/// Where settings of modules lie; a file in the first hides one of the same name in the second.
const SETTINGS: [&str; 2] = ["/etc/modprobe.d", "/usr/lib/modprobe.d"];

/// Coldplug is repeated while it brings forth new devices, at most this often: a bus behind a bus
/// behind a bus is three.
const ROUNDS: usize = 6;

/// Knows every module and which were loaded.
#[derive(Debug)]
pub struct Loader {
    directory: PathBuf,
    modules: Modules,
    aliases: String,
    settings: Settings,
    tried: BTreeSet<String>,
    /// What went wrong, for the record.
    pub notices: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    /// A watchdog.
    Guard,
    /// Anything else.
    Driver,
}

impl Loader {
    /// Reads the indexes for the running kernel. Those that are not there are empty.
    #[must_use]
    pub fn open() -> Self {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let directory = Path::new(MODULES).join(release.trim());
        let text = |name: &str| fs::read_to_string(directory.join(name)).unwrap_or_default();
        let aliases = text("modules.alias");
        let modules = Modules::parse(
            &text("modules.dep"),
            &text("modules.softdep"),
            &text("modules.builtin"),
            &aliases,
        );
        let (tried, notices) = (BTreeSet::new(), Vec::new());
        Self { directory, modules, aliases, settings: read_settings(), tried, notices }
    }

    /// Loads modules by name. One that does not exist is a notice.
    pub fn load_named<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        let names: Vec<_> = names.into_iter().collect();
        for name in &names {
            if !self.modules.has(name) && !self.modules.is_built_in(name) {
                self.notices.push(format!("module {name}: there is none of this name"));
            }
        }
        self.load(&names);
    }

    /// Loads what `aliases` ask for, as far as there is something.
    pub fn load_for(&mut self, aliases: &BTreeSet<String>) {
        let text = std::mem::take(&mut self.aliases);
        let found = modules_for(&text, aliases);
        let wanted: Vec<_> =
            found.into_iter().filter(|name| !self.settings.leaves_alone(name)).collect();
        self.load(&wanted);
        self.aliases = text;
    }

    /// Loads an alias or a name, as the kernel asks for one.
    pub fn load_for_kernel(&mut self, word: &str) {
        self.load_for(&BTreeSet::from([word.to_owned()]));
        if self.modules.has(word) {
            self.load(&[word]);
        }
    }

    /// Loads what the devices that are there ask for, and those that appear thereby.
    pub fn coldplug(&mut self) {
        let mut known = BTreeSet::new();
        for _ in 0..ROUNDS {
            let new: BTreeSet<_> = &modaliases() - &known;
            if new.is_empty() {
                return;
            }
            self.load_for(&new);
            known.extend(new);
        }
    }

    /// Loads what the devices that are there ask for until `found` says that it is enough: what
    /// guards the machine first, then one driver after the other, the cheapest first. Checking
    /// the signature of a large driver takes a tenth of a second on a slow machine, and one that
    /// drives no disk of ours can wait for the root.
    pub fn coldplug_until(&mut self, mut found: impl FnMut() -> bool) {
        let text = std::mem::take(&mut self.aliases);
        let mut drivers: Vec<_> = modules_for(&text, &modaliases())
            .into_iter()
            .filter(|name| !self.settings.leaves_alone(name))
            .map(|name| (self.cost(name), name))
            .collect();
        drivers.sort_unstable();
        for ((urgency, _), name) in drivers {
            if urgency == Urgency::Driver && found() {
                break;
            }
            self.load(&[name]);
        }
        self.aliases = text;
        if !found() {
            self.coldplug();
        }
    }

    /// What loading a module costs: the bytes of its file and of those it needs.
    fn cost(&self, name: &str) -> (Urgency, u64) {
        let order = self.modules.load_order([name]);
        let guards = order.iter().any(|path| path.contains("/watchdog/"));
        let new = order.iter().filter(|path| !self.tried.contains(**path));
        let sizes =
            new.filter_map(|path| Some(fs::metadata(self.directory.join(path)).ok()?.len()));
        (if guards { Urgency::Guard } else { Urgency::Driver }, sizes.sum())
    }

    /// How many modules were loaded or tried.
    #[must_use]
    pub fn count(&self) -> usize {
        self.tried.len()
    }

    fn load(&mut self, names: &[&str]) {
        let order = self.modules.load_order(names.iter().copied());
        let new: Vec<String> = order
            .into_iter()
            .filter(|path| !self.tried.contains(*path))
            .map(str::to_owned)
            .collect();
        for path in new {
            let name = name_of_path(&path).unwrap_or_default();
            let loaded =
                sys::module::load(&self.directory.join(&path), self.settings.parameters(&name));
            if let Err(error) = loaded
                && !is_no_device(&error)
            {
                self.notices.push(format!("module {name}: {error}"));
            }
            self.tried.insert(path);
        }
    }
}

/// A driver that finds nothing to drive is no mistake: patterns match more than there is.
fn is_no_device(error: &io::Error) -> bool {
    const ENODEV: i32 = 19;
    error.raw_os_error() == Some(ENODEV)
}

fn read_settings() -> Settings {
    let mut settings = Settings::default();
    for path in configuration_files(&SETTINGS.map(Path::new)) {
        settings.read_file(&fs::read_to_string(path).unwrap_or_default());
    }
    settings.read_command_line(&fs::read_to_string("/proc/cmdline").unwrap_or_default());
    settings
}

/// The `*.conf` files of several directories, by file name; one of an earlier directory hides one
/// of the same name in a later one.
#[must_use]
pub fn configuration_files(directories: &[&Path]) -> Vec<PathBuf> {
    let mut files = std::collections::BTreeMap::new();
    for directory in directories {
        let Ok(entries) = fs::read_dir(directory) else { continue };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let is_configuration = path.extension().is_some_and(|extension| extension == "conf");
            if let (true, Some(name)) = (is_configuration, path.file_name()) {
                files.entry(name.to_owned()).or_insert(path);
            }
        }
    }
    files.into_values().collect()
}

/// The aliases of every device that is there. Most devices sit on a bus; input devices and the
/// machine's own identity (`dmi`) are only found by class.
#[must_use]
pub fn modaliases() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for bus in directories(Path::new("/sys/bus")) {
        collect(&bus.join("devices"), &mut found);
    }
    for class in ["input", "dmi"] {
        collect(&Path::new("/sys/class").join(class), &mut found);
    }
    found
}

fn collect(directory: &Path, found: &mut BTreeSet<String>) {
    for device in directories(directory) {
        if let Ok(alias) = fs::read_to_string(device.join("modalias")) {
            found.insert(alias.trim_end().to_owned());
        }
    }
}

fn directories(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// The names in a list: one a line, `#` and `;` begin a comment.
pub fn names_in(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';']))
}

/// Whether a module is in the kernel, built in or loaded.
#[must_use]
pub fn is_there(name: &str) -> bool {
    Path::new("/sys/module").join(canonical(name)).is_dir()
}

/// Whether a file is there; an unreadable one is.
#[must_use]
pub fn exists(path: &Path) -> bool {
    !matches!(fs::symlink_metadata(path), Err(error) if error.kind() == ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_a_name_a_line() {
        let names: Vec<_> = names_in("# storage\ndm-verity\n\n  erofs \n; x\n").collect();
        assert_eq!(names, ["dm-verity", "erofs"]);
    }

    #[test]
    fn a_driver_without_a_device_is_no_mistake() {
        assert!(is_no_device(&io::Error::from_raw_os_error(19)));
        assert!(!is_no_device(&io::Error::from_raw_os_error(22)));
    }
}
