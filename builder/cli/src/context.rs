//! From the options that every command takes to a session of the executor.

use std::num::NonZeroUsize;

use contract::arch::Arch;
use exec::build::repository::Repository;
use exec::build::session::{self, How, Locking, Session};
use exec::build::tooling;
use exec::environment::Environment;
use exec::failure::Failure;
use exec::fetch::{Fetcher, Limits, Network};
use exec::mirrors::Mirrors;
use exec::store::Store;

use crate::arguments::{self, Common};
use crate::progress::Shown;

/// What a session borrows.
pub(crate) struct Context {
    repository: Repository,
    store: Store,
    fetcher: Fetcher,
    environment: Environment,
    network: Network,
    locking: Locking,
    threads: NonZeroUsize,
    common: Common,
    shown: Shown,
}

impl Context {
    pub(crate) fn new(common: &Common) -> Result<Self, Failure> {
        let here = std::env::current_dir()
            .map_err(|error| Failure::machine("asking for the current folder").because(error))?;
        let repository = Repository::find(common.repository.as_deref(), &here)?;
        let environment = Environment::read()
            .map_err(|error| Failure::asked("the environment is of no use").because(error))?;
        let store = Store::open(&environment.cache_dir).map_err(|error| {
            Failure::machine("opening the store")
                .because(error)
                .hint("name a folder that you may write to with ASHLAR_CACHE")
        })?;
        let network = if common.offline { Network::Offline } else { Network::Online };
        // Who stays offline needs no mirror.
        let mirrors = match network {
            Network::Offline => Mirrors::default(),
            Network::Online => {
                Mirrors::find(&common.mirrors, &environment.config_file, "/".as_ref()).map_err(
                    |error| {
                        Failure::asked("no mirror to fetch from").because(error).hint(
                            "name a mirror of Debian with --mirror URL, or work with --offline",
                        )
                    },
                )?
            }
        };
        let fetcher = Fetcher::new(mirrors, network, &environment, Limits::default())
            .map_err(|error| Failure::asked("the network settings are of no use").because(error))?;
        let processors = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Ok(Self {
            repository,
            store,
            fetcher,
            environment,
            network,
            locking: if common.locked { Locking::Locked } else { Locking::Follow },
            threads: common.threads.unwrap_or(processors),
            common: common.clone(),
            shown: Shown::new(),
        })
    }

    pub(crate) fn session(&self) -> Session<'_> {
        Session {
            repository: &self.repository,
            store: &self.store,
            fetcher: &self.fetcher,
            environment: &self.environment,
            network: self.network,
            locking: self.locking,
            threads: self.threads,
            out: &self.common.out,
            watcher: &self.shown,
        }
    }

    /// The architecture asked for, or this machine's.
    pub(crate) fn arch(&self) -> Result<Arch, Failure> {
        self.common.arch.map_or_else(tooling::host, Ok)
    }

    /// Takes what is drawn away, before a result is written.
    pub(crate) fn quiet(&self) {
        self.shown.clear();
    }
}

/// How to build, in the executor's words.
pub(crate) fn how(how: &arguments::How) -> How {
    How {
        level: match how.level {
            arguments::Level::Development => session::Level::Development,
            arguments::Level::Release => session::Level::Release,
        },
        compiler: compiler(how.node_binaries),
    }
}

/// Who compiles, in the executor's words.
pub(crate) fn compiler(compiler: arguments::Compiler) -> session::Compiler {
    match compiler {
        arguments::Compiler::Locked => session::Compiler::Locked,
        arguments::Compiler::Host => session::Compiler::Host,
    }
}
