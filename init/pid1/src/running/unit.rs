//! One service with what it has open: its state, its output, its notification socket.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use contract::control::ServiceStatus;
use contract::service::{Readiness, Service, ServiceName, StopScope, StopSignal};
use sys::process::{End, Ending, Program};

use super::groups;
use super::output::Output;
use crate::accounts::{Identity, identity};
use crate::console::Console;
use crate::kernel::sockets::{tcp_listens, unix_listens};
use crate::supervise::machine::State;
use crate::supervise::order::Member;

/// Where programs are looked for by those that look; `command` itself is always a path.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Where notification sockets are.
pub(super) const NOTIFY: &str = "/run/ashlar/notify";

/// What a unit is heard through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Output,
    Notify,
}

/// A service.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) service: Service,
    pub(super) state: State,
    /// Why it is not ready, if something went wrong.
    pub(super) why: Option<String>,
    output: Option<Output>,
    notify: Option<UnixDatagram>,
}

impl Member for Unit {
    fn service(&self) -> &Service {
        &self.service
    }

    fn state(&self) -> State {
        self.state
    }
}

impl Unit {
    pub(super) fn new(service: Service) -> Self {
        Self { service, state: State::Waiting, why: None, output: None, notify: None }
    }

    /// Starts its process.
    pub(super) fn start(&mut self, name: &ServiceName) -> Result<u32, String> {
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let group = fs::read_to_string("/etc/group").unwrap_or_default();
        let identity =
            identity(&self.service, &passwd, &group).map_err(|error| error.to_string())?;
        self.start_as(name, &identity)
            .map_err(|error| format!("start {}: {error}", self.service.command))
    }

    fn start_as(&mut self, name: &ServiceName, identity: &Identity) -> io::Result<u32> {
        let (output, writer) = Output::open()?;
        self.open_notify(name, identity)?;
        let mut environment = vec![("PATH".to_owned(), SEARCH_PATH.to_owned())];
        environment.extend(self.service.environment.clone());
        if self.notify.is_some() {
            let path = notify_path(name).display().to_string();
            environment.push(("NOTIFY_SOCKET".to_owned(), path));
        }
        let pid = sys::process::start(Program {
            path: &self.service.command,
            arguments: &self.service.arguments,
            environment: &environment,
            directory: &self.service.directory,
            user: identity.user,
            group: identity.group,
            groups: &identity.groups,
            control_group: groups::open(name),
            output: writer,
        })?;
        self.output = Some(output);
        Ok(pid)
    }

    /// A socket of its own for each service, which only its user can write to: who speaks is known
    /// by where.
    fn open_notify(&mut self, name: &ServiceName, identity: &Identity) -> io::Result<()> {
        self.notify = None;
        if self.service.readiness != Readiness::Notify {
            return Ok(());
        }
        let path = notify_path(name);
        fs::create_dir_all(NOTIFY)?;
        if crate::loading::exists(&path) {
            fs::remove_file(&path)?;
        }
        let socket = UnixDatagram::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        chown(&path, Some(identity.user), Some(identity.group))?;
        socket.set_nonblocking(true)?;
        self.notify = Some(socket);
        Ok(())
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = (Part, BorrowedFd<'_>)> {
        let output = self.output.as_ref().map(|output| (Part::Output, output.fd()));
        let notify = self.notify.as_ref().map(|socket| (Part::Notify, socket.as_fd()));
        output.into_iter().chain(notify)
    }

    /// Tells what it said.
    pub(super) fn tell(&mut self, name: &ServiceName, console: &mut Console) {
        let more = self.output.as_mut().is_some_and(|output| output.tell(name.as_str(), console));
        if !more {
            self.output = None;
        }
    }

    /// Reads its notifications; whether it says that it is ready.
    pub(super) fn notified(&mut self) -> bool {
        let mut ready = false;
        let mut bytes = vec![0; 4096];
        // No more than a handful at a time: somebody else may have something to say.
        for _ in 0..16 {
            let Some(socket) = &self.notify else { break };
            let Ok(count) = socket.recv(&mut bytes) else { break };
            ready |= says_ready(bytes.get(..count).unwrap_or_default());
        }
        ready
    }

    /// Looks whether what it makes when it is ready is there.
    pub(super) fn shows(&self) -> bool {
        let table =
            |name: &str| fs::read_to_string(format!("/proc/net/{name}")).unwrap_or_default();
        match &self.service.readiness {
            Readiness::Tcp(port) => {
                tcp_listens(&table("tcp"), *port) || tcp_listens(&table("tcp6"), *port)
            }
            Readiness::Unix(path) => unix_listens(&table("unix"), path),
            Readiness::File(path) => PathBuf::from(path).exists(),
            Readiness::None | Readiness::Notify | Readiness::Exit => false,
        }
    }

    /// Whether [`Unit::shows`] must be asked again and again.
    pub(super) fn is_probed(&self) -> bool {
        let starting = matches!(self.state, State::Starting { .. });
        starting
            && matches!(
                self.service.readiness,
                Readiness::Tcp(_) | Readiness::Unix(_) | Readiness::File(_)
            )
    }

    /// Its process ended: tells the rest of what it said, and keeps why it ended; if we stopped it,
    /// that was said before.
    pub(super) fn ended(&mut self, name: &ServiceName, end: End, console: &mut Console) {
        let last = self.output.take().map(|output| output.finish(name.as_str(), console));
        let last = last.filter(|line| !line.is_empty() && end != End::Status(0));
        if matches!(self.state, State::Stopping { .. }) {
            return;
        }
        let said = last.map_or_else(String::new, |line| format!(": {line}"));
        self.why = Some(format!("{}{said}", words(end)));
    }

    /// Its process is gone: closes what it had, and ends what it left.
    pub(super) fn close(&mut self, name: &ServiceName) {
        self.notify = None;
        if self.service.stop.scope == StopScope::Group {
            groups::kill(name);
        }
    }

    pub(super) fn status(&self, name: &ServiceName) -> ServiceStatus {
        ServiceStatus {
            name: name.clone(),
            state: self.state.word(),
            required: self.service.required,
            pid: self.state.pid(),
            restarts: self.state.failures(),
            why: self.why.clone(),
        }
    }

    /// The signal its declaration asks it to stop with.
    pub(super) const fn stop_signal(&self) -> Ending {
        match self.service.stop.signal {
            StopSignal::Term => Ending::Term,
            StopSignal::Int => Ending::Int,
            StopSignal::Quit => Ending::Quit,
            StopSignal::Hup => Ending::Hup,
            StopSignal::Usr1 => Ending::Usr1,
            StopSignal::Usr2 => Ending::Usr2,
            StopSignal::Kill => Ending::Kill,
        }
    }
}

fn notify_path(name: &ServiceName) -> PathBuf {
    PathBuf::from(NOTIFY).join(name.as_str())
}

/// Whether a notification has the line `READY=1`.
fn says_ready(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').any(|line| line == b"READY=1")
}

/// How a process ended, in words.
fn words(end: End) -> String {
    match end {
        End::Status(status) => format!("ended with status {status}"),
        End::Signal(signal) => format!("ended by signal {signal}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_line_itself_says_ready() {
        assert!(says_ready(b"READY=1"));
        assert!(says_ready(b"STATUS=up\nREADY=1\nMAINPID=4\n"));
        assert!(!says_ready(b"READY=0\nXREADY=1\nREADY=11"));
    }

    #[test]
    fn an_end_has_words() {
        assert_eq!(words(End::Status(3)), "ended with status 3");
        assert_eq!(words(End::Signal(11)), "ended by signal 11");
    }
}
