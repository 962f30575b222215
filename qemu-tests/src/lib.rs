//! Stories on a real kernel: images as black boxes, on machines of QEMU's.
//!
//! A [`Bench`] builds images as `ashlar build` does (from the store, so that a second build costs
//! nothing) and has QEMU. A [`Machine`] is a running one: its console is a file that is searched
//! for what it should say, its buttons are pressed through QEMU's monitor. Every wait has an end,
//! and a machine that is dropped is switched off.

use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use contract::arch::Arch;
use contract::manifest::Manifest;
use exec::build::image;
use exec::build::repository::Repository;
use exec::build::session::{Compiler, How, Level, Locking, Session, Watcher};
use exec::build::tooling;
use exec::environment::Environment;
use exec::failure::Failure;
use exec::fetch::{Fetcher, Limits, Network, Progress};
use exec::mirrors::Mirrors;
use exec::qemu::{self, Accelerator, Bus, Disk, Monitor, Writes};
use exec::runner::{Ending, Running};
use exec::store::Store;
use exec::tools::ToolTree;

/// How long a machine may take for anything: a boot under emulation takes a tenth of it, on a busy
/// machine half.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// Sees nothing.
struct Unwatched;

impl Progress for Unwatched {}

impl Watcher for Unwatched {
    fn phase(&self, _: &str) {}
    fn note(&self, _: &str) {}
}

/// What all stories share.
pub struct Bench {
    repository: Repository,
    store: Store,
    fetcher: Fetcher,
    environment: Environment,
    out: PathBuf,
}

/// An image that was built.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its architecture.
    pub arch: Arch,
    /// The folder with its artefacts.
    pub folder: PathBuf,
    /// What it was made from and of.
    pub manifest: Manifest,
}

impl Image {
    /// The disk.
    #[must_use]
    pub fn disk(&self) -> PathBuf {
        self.folder.join("disk.raw")
    }

    /// A copy of the disk that may be changed, in this folder.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn copy(&self, folder: &Path) -> io::Result<PathBuf> {
        let copy = folder.join("disk.raw");
        exec::artefact::copy_sparse(&self.disk(), &copy)?;
        Ok(copy)
    }
}

impl Bench {
    /// The one of this process.
    ///
    /// # Errors
    /// There is no store, or no mirror.
    pub fn get() -> Result<&'static Self, &'static Failure> {
        static BENCH: OnceLock<Result<Bench, Failure>> = OnceLock::new();
        BENCH.get_or_init(Self::new).as_ref()
    }

    fn new() -> Result<Self, Failure> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let repository = Repository::find(None, here)?;
        let wrong = |what: &str| Failure::machine(what.to_owned());
        let environment =
            Environment::read().map_err(|error| wrong("reading the environment").because(error))?;
        let store = Store::open(&environment.cache_dir)
            .map_err(|error| wrong("opening the store").because(error))?;
        let mirrors = Mirrors::find(&[], &environment.config_file, Path::new("/"))
            .map_err(|error| wrong("finding mirrors").because(error))?;
        let fetcher = Fetcher::new(mirrors, Network::Online, &environment, Limits::default())
            .map_err(|error| wrong("preparing to fetch").because(error))?;
        let out = repository.path("target/qemu-tests");
        Ok(Self { repository, store, fetcher, environment, out })
    }

    /// A session of the executor.
    #[must_use]
    pub fn session(&self) -> Session<'_> {
        Session {
            repository: &self.repository,
            store: &self.store,
            fetcher: &self.fetcher,
            environment: &self.environment,
            network: Network::Online,
            locking: Locking::Locked,
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            out: &self.out,
            watcher: &Unwatched,
        }
    }

    /// An image, built where it is not yet.
    ///
    /// # Errors
    /// It cannot be built.
    pub fn image(&self, name: &str, arch: Arch) -> Result<Image, Failure> {
        // Two stories that build one image at once would take each other's folder away.
        static BUILDING: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let _one = BUILDING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let how = How { level: Level::Development, compiler: Compiler::Locked };
        let built = image::build(&self.session(), name, arch, how)?;
        Ok(Image { arch, folder: built.folder, manifest: built.manifest })
    }

    /// QEMU and its firmware.
    ///
    /// # Errors
    /// They cannot be had.
    pub fn tools(&self) -> Result<ToolTree, Failure> {
        tooling::tree(&self.session(), tooling::RUN, &[])
    }

    /// Starts a machine from a disk whose writes are thrown away.
    ///
    /// # Errors
    /// QEMU does not start.
    pub fn boot(&self, arch: Arch, disk: &Path) -> Result<Machine, Failure> {
        self.boot_with(arch, disk, Bus::Virtio, |_| {})
    }

    /// The same with changes to the machine.
    ///
    /// # Errors
    /// QEMU does not start.
    pub fn boot_with(
        &self,
        arch: Arch,
        disk: &Path,
        bus: Bus,
        change: impl FnOnce(&mut qemu::Machine),
    ) -> Result<Machine, Failure> {
        let tools = self.tools()?;
        let folder = tempfile::tempdir()
            .map_err(|error| Failure::machine("making a folder").because(error))?;
        let disk = Disk { path: disk.to_owned(), writes: Writes::ThrownAway, bus };
        let variables = folder.path().join("variables.fd");
        let mut machine = qemu::Machine::new(arch, Accelerator::Emulation, disk, variables);
        let console = folder.path().join("console");
        machine.serial = qemu::Serial::File(console.clone());
        machine.monitor = Some(folder.path().join("monitor"));
        change(&mut machine);
        let monitor = machine.monitor.clone();
        let running = machine
            .command(&tools)?
            .time_limit(None)
            .spawn()
            .map_err(|error| Failure::machine("starting QEMU").because(error))?;
        Ok(Machine { running: Some(running), console, monitor, _folder: folder })
    }
}

/// A machine that runs.
pub struct Machine {
    running: Option<Running>,
    console: PathBuf,
    monitor: Option<PathBuf>,
    _folder: tempfile::TempDir,
}

impl Machine {
    /// What the console said so far.
    #[must_use]
    pub fn console(&self) -> String {
        let bytes = fs::read(&self.console).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until the console says this, and answers the line.
    ///
    /// # Errors
    /// It does not in time: everything it said instead.
    pub fn says(&self, text: &str) -> Result<String, String> {
        let start = Instant::now();
        loop {
            let console = self.console();
            if let Some(line) = console.lines().find(|line| line.contains(text)) {
                return Ok(line.to_owned());
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("the console never said `{text}`:\n{console}"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// QEMU's monitor.
    ///
    /// # Errors
    /// It does not answer.
    pub fn monitor(&self) -> io::Result<Monitor> {
        let path = self.monitor.as_deref().ok_or(io::ErrorKind::NotFound)?;
        Monitor::connect(path, Duration::from_secs(20))
    }

    /// Waits until the machine switched itself off, and answers what the console said.
    ///
    /// # Errors
    /// QEMU ended badly.
    pub fn ended(mut self) -> Result<String, String> {
        let Some(running) = self.running.take() else { return Err("it ended before".into()) };
        let finished = running.wait().map_err(|error| error.to_string())?;
        match finished.ending {
            Ending::Code(0) => Ok(self.console()),
            ending => Err(format!("QEMU ended with {ending}:\n{}", self.console())),
        }
    }
}
