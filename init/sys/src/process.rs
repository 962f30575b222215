//! Starting, ending and reaping processes.

use std::fs::File;
use std::io::{self, PipeWriter};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{self, SigSet, SigmaskHow};
use nix::unistd::{Gid, Pid, Uid, setgid, setgroups, setsid, setuid, write};

/// A program to start.
#[derive(Debug)]
pub struct Program<'a> {
    /// Its path.
    pub path: &'a str,
    /// Its arguments, without its own name.
    pub arguments: &'a [String],
    /// Its whole environment.
    pub environment: &'a [(String, String)],
    /// The directory it starts in.
    pub directory: &'a str,
    /// The user it runs as.
    pub user: u32,
    /// The group it runs as.
    pub group: u32,
    /// Its further groups, and no others.
    pub groups: &'a [u32],
    /// The control group it starts in: an open `cgroup.procs`.
    pub control_group: Option<File>,
    /// Where its output and its errors go.
    pub output: PipeWriter,
}

/// Starts a program as a session of its own, with no input, no signal blocked, and no file of ours
/// open. Returns when it runs.
///
/// # Errors
///
/// It could not be started: what the kernel said at the step that did not work.
pub fn start(program: Program<'_>) -> io::Result<u32> {
    #[expect(clippy::disallowed_methods, reason = "on the node this is the one runner")]
    let mut command = Command::new(program.path);
    command.args(program.arguments).env_clear();
    command.envs(program.environment.iter().map(|(name, value)| (name, value)));
    command.current_dir(program.directory).stdin(Stdio::null());
    command.stdout(program.output.try_clone()?).stderr(program.output);
    let groups: Vec<Gid> = program.groups.iter().copied().map(Gid::from_raw).collect();
    let (user, group) = (Uid::from_raw(program.user), Gid::from_raw(program.group));
    let control_group = program.control_group;
    let prepare = move || {
        if let Some(file) = &control_group {
            write(file, b"0")?;
        }
        setsid()?;
        setgroups(&groups)?;
        setgid(group)?;
        setuid(user)?;
        signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe calls may be made, and nothing
    // allocated: `prepare` makes system calls on values that were built before.
    unsafe { command.pre_exec(prepare) };
    // The process is reaped by `reap`, like every other child of PID 1.
    Ok(command.spawn()?.id())
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It exited with this status.
    Status(i32),
    /// This signal ended it.
    Signal(i32),
}

/// Takes the next ended child, ours or adopted, off the kernel's list.
#[must_use]
pub fn reap() -> Option<(u32, End)> {
    loop {
        let mut status = 0;
        // SAFETY: the one pointer is to a live int; the call has no other preconditions.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
        if pid == -1 && Errno::last() == Errno::EINTR {
            continue;
        }
        let pid = u32::try_from(pid).ok().filter(|pid| *pid != 0)?;
        let end = if libc::WIFSIGNALED(status) {
            End::Signal(libc::WTERMSIG(status))
        } else {
            End::Status(libc::WEXITSTATUS(status))
        };
        return Some((pid, end));
    }
}

/// A signal to end processes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// `SIGTERM`.
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
    /// `SIGKILL`.
    Kill,
}

impl Ending {
    const fn signal(self) -> signal::Signal {
        match self {
            Self::Term => signal::Signal::SIGTERM,
            Self::Int => signal::Signal::SIGINT,
            Self::Quit => signal::Signal::SIGQUIT,
            Self::Hup => signal::Signal::SIGHUP,
            Self::Usr1 => signal::Signal::SIGUSR1,
            Self::Usr2 => signal::Signal::SIGUSR2,
            Self::Kill => signal::Signal::SIGKILL,
        }
    }
}

/// Sends a signal to a child that was not reaped yet. One that has ended already is fine.
///
/// # Errors
///
/// The kernel's.
pub fn signal(pid: u32, ending: Ending) -> io::Result<()> {
    let pid = i32::try_from(pid).map_err(|_| io::ErrorKind::InvalidInput)?;
    if pid <= 1 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    send(Pid::from_raw(pid), ending)
}

/// Sends a signal to every process but the kernel's and ourselves. None left is fine.
///
/// # Errors
///
/// The kernel's.
pub fn signal_all(ending: Ending) -> io::Result<()> {
    send(Pid::from_raw(-1), ending)
}

fn send(pid: Pid, ending: Ending) -> io::Result<()> {
    match signal::kill(pid, ending.signal()) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Sets how many files a process started from now on may open: what it begins with, and how far
/// it may raise that itself.
///
/// # Errors
///
/// The kernel's.
pub fn limit_open_files(soft: u64, hard: u64) -> io::Result<()> {
    Ok(setrlimit(Resource::RLIMIT_NOFILE, soft, hard)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_program_starts_and_its_end_is_seen() {
        let (mut reader, writer) = io::pipe().unwrap();
        let program = Program {
            path: "/bin/sh",
            arguments: &["-c".to_owned(), "echo $A; pwd; exit 3".to_owned()],
            environment: &[("A".to_owned(), "b".to_owned())],
            directory: "/",
            user: nix::unistd::getuid().as_raw(),
            group: nix::unistd::getgid().as_raw(),
            groups: &[],
            control_group: None,
            output: writer,
        };
        if !nix::unistd::getuid().is_root() {
            // Only root may set groups; the refusal is the answer.
            assert!(start(program).is_err());
            return;
        }
        let pid = start(program).unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "b\n/\n");
        let end = std::iter::repeat_with(reap).find_map(|ended| ended);
        assert_eq!(end, Some((pid, End::Status(3))));
    }

    #[test]
    fn everybody_and_nobody_are_no_process() {
        for pid in [0, 1, u32::MAX] {
            assert!(signal(pid, Ending::Kill).is_err(), "{pid}");
        }
    }
}
