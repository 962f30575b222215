//! Programs: the one place that starts them.
//!
//! A program that we start inherits nothing by accident: its environment is empty but for what
//! is given (`LC_ALL` and `TZ` are always the same), it has a time limit, it gets its own process
//! group, and when it ends, for whatever reason, whatever it left in that group ends with it. What
//! it prints is captured up to a bound, and an error quotes the end of it.
//!
//! A process that leaves its group (a daemon) is not followed; nothing we start does.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

mod error;
mod group;
mod running;

pub use error::RunError;
pub use group::end_children_on_signals;
pub use running::{Ending, Finished, Running};

/// How long a program may take where nothing else is said. Long enough for every tool we have,
/// short enough that a hung one does not hang a build server for a night.
const TIME_LIMIT: Duration = Duration::from_secs(20 * 60);

/// How much of each stream is kept. What comes after is read and dropped.
const KEPT_BYTES: usize = 64 << 20;

/// What takes the lines that a program prints while it runs.
pub type LineSink = Arc<dyn Fn(&str) + Send + Sync>;

/// Where a program's input comes from.
#[derive(Debug, Clone)]
enum Input {
    Nothing,
    Bytes(Arc<[u8]>),
    File(Arc<File>),
    Ours,
}

/// Where a stream goes.
#[derive(Debug, Clone)]
enum Output {
    Kept,
    File(Arc<File>),
    Ours,
}

/// A program to start, with everything it is given.
#[derive(Clone)]
pub struct Command {
    program: PathBuf,
    args: Vec<OsString>,
    environment: BTreeMap<OsString, OsString>,
    inherits: bool,
    directory: Option<PathBuf>,
    input: Input,
    stdout: Output,
    stderr: Output,
    own_group: bool,
    time_limit: Option<Duration>,
    kept_bytes: usize,
    lines: Option<LineSink>,
}

impl Command {
    /// A program by its path. A bare name is looked for in the `PATH` of this process, which only
    /// the user's own tools (`cargo`) should need.
    #[must_use]
    pub fn new(program: impl AsRef<Path>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            environment: BTreeMap::new(),
            inherits: false,
            directory: None,
            input: Input::Nothing,
            stdout: Output::Kept,
            stderr: Output::Kept,
            own_group: true,
            time_limit: Some(TIME_LIMIT),
            kept_bytes: KEPT_BYTES,
            lines: None,
        }
    }

    /// A further argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Further arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.insert(name.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    /// Gives it this process's environment as well: for the user's own tools, which need the
    /// user's own settings, and for nothing whose output reaches an image.
    #[must_use]
    pub fn inherit_environment(mut self) -> Self {
        self.inherits = true;
        self
    }

    /// Runs it in this directory.
    #[must_use]
    pub fn directory(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// Gives it these bytes on its standard input.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Arc<[u8]>>) -> Self {
        self.input = Input::Bytes(bytes.into());
        self
    }

    /// Gives it this file as its standard input.
    #[must_use]
    pub fn input_file(mut self, file: File) -> Self {
        self.input = Input::File(Arc::new(file));
        self
    }

    /// Sends its standard output to this file; nothing of it is captured.
    #[must_use]
    pub fn output_file(mut self, file: File) -> Self {
        self.stdout = Output::File(Arc::new(file));
        self
    }

    /// Sends both its streams to this file; nothing of them is captured.
    #[must_use]
    pub fn log_file(mut self, file: File) -> Self {
        let file = Arc::new(file);
        self.stdout = Output::File(Arc::clone(&file));
        self.stderr = Output::File(file);
        self
    }

    /// Gives it our terminal: streams, process group and no time limit.
    #[must_use]
    pub fn interactive(mut self) -> Self {
        self.input = Input::Ours;
        self.stdout = Output::Ours;
        self.stderr = Output::Ours;
        self.own_group = false;
        self.time_limit = None;
        self
    }

    /// How long it may take; `None` for a program that somebody else ends.
    #[must_use]
    pub fn time_limit(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.time_limit = limit.into();
        self
    }

    /// How much of each stream is kept in memory.
    #[must_use]
    pub fn keep(mut self, bytes: usize) -> Self {
        self.kept_bytes = bytes;
        self
    }

    /// Sees each line of its standard error while it runs.
    #[must_use]
    pub fn on_line(mut self, sink: LineSink) -> Self {
        self.lines = Some(sink);
        self
    }

    /// The command as somebody would type it, without its environment.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text = quoted(self.program.as_os_str());
        for arg in &self.args {
            // Writing to a string does not fail.
            write!(text, " {}", quoted(arg)).unwrap_or_default();
        }
        text
    }

    /// Runs it to its end; anything but exit code 0 is an error.
    ///
    /// # Errors
    /// It could not be started, took too long, or did not end well.
    pub fn run(&self) -> Result<Finished, RunError> {
        self.finish()?.success()
    }

    /// Runs it to its end, however it ends.
    ///
    /// # Errors
    /// It could not be started, or took too long.
    pub fn finish(&self) -> Result<Finished, RunError> {
        self.spawn()?.wait()
    }

    /// Starts it. Its group is ended when the value is dropped.
    ///
    /// # Errors
    /// It could not be started.
    pub fn spawn(&self) -> Result<Running, RunError> {
        Running::start(self)
    }
}

/// A word of a command line, in quotes where a shell would need them.
fn quoted(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,+@%^".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests;
