//! The life of one service, as a function.
//!
//! | state | event | next | action |
//! |---|---|---|---|
//! | `Waiting` | `Go` | `Beginning` | `Start` |
//! | `Beginning` | `Started` | `Starting`, or `Ready` if it shows nothing | |
//! | `Beginning` | `NotStarted` | after a failure | |
//! | `Starting` | `Shown` | `Ready` | |
//! | `Starting` | `Ended` with 0, readiness `exit` | `Done` | `Sweep` |
//! | `Starting` | `Ended` otherwise | after a failure | `Sweep` |
//! | `Starting` | `Time`, too long | `Stopping` for another try | `Ask` |
//! | `Ready` | `Ended` | as `restart.when` says | `Sweep` |
//! | `Pausing` | `Time`, over | `Beginning` | `Start` |
//! | `Stopping` | `Time`, over | `Stopping` | `Kill`, once |
//! | `Stopping` | `Ended` | stopped, or after a failure | `Sweep` |
//! | with a process | `Stop` | `Stopping` for good | `Ask` |
//! | without one | `Stop` | `Stopped`; `Failed` stays | |
//!
//! "After a failure" is `Failed` when the declaration allows no further start, else `Pausing` for
//! a time that doubles with each failure in a row. Everything else changes nothing.

#[cfg(test)]
mod tests;

use contract::control::ServiceState;
use contract::service::{Readiness, STEADY_MS, Service, When};
use sys::process::End;

/// What a service is doing. Times are those of the boot record, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits for others.
    Waiting,
    /// Its process is being made.
    Beginning {
        /// Failures in a row so far.
        failures: u32,
    },
    /// It runs and has not shown that it is ready.
    Starting {
        /// Its process.
        pid: u32,
        /// When it must have shown it.
        by_us: u64,
        /// Failures in a row so far.
        failures: u32,
    },
    /// It is ready.
    Ready {
        /// Its process.
        pid: u32,
        /// Since when.
        since_us: u64,
        /// Failures in a row before.
        failures: u32,
    },
    /// It failed and will be started again.
    Pausing {
        /// When.
        until_us: u64,
        /// Failures in a row.
        failures: u32,
    },
    /// It was asked to end.
    Stopping {
        /// Its process.
        pid: u32,
        /// When it is killed; nothing: it was.
        kill_at_us: Option<u64>,
        /// What follows.
        then: Then,
    },
    /// It did its one thing.
    Done,
    /// It ended as it may, or was stopped.
    Stopped,
    /// It was given up.
    Failed,
}

/// What follows a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    Rest,
    /// It counts as a failure.
    Fail {
        /// Failures in a row before.
        failures: u32,
    },
}

/// What can happen to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Those it waits for are ready.
    Go,
    /// Its process runs.
    Started {
        /// The process.
        pid: u32,
    },
    /// Its process could not be made.
    NotStarted,
    /// It showed that it is ready.
    Shown,
    /// Its process ended.
    Ended(End),
    /// Time went by.
    Time,
    /// It shall end.
    Stop,
}

/// What is to be done for a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// Make its process.
    Start,
    /// Send its process the stop signal.
    Ask {
        /// The process.
        pid: u32,
    },
    /// Kill its process, and its control group if that is its scope.
    Kill {
        /// The process.
        pid: u32,
    },
    /// Its process is gone: kill what it left in its control group if that is its scope.
    Sweep,
}

/// The one decision about a service.
#[must_use]
pub fn next(state: State, event: Event, service: &Service, now_us: u64) -> (State, Action) {
    match event {
        Event::Go => go(state),
        Event::Started { pid } => (started(state, pid, service, now_us), Action::Nothing),
        Event::NotStarted => (not_started(state, service, now_us), Action::Nothing),
        Event::Shown => (shown(state, now_us), Action::Nothing),
        Event::Ended(end) => ended(state, end, service, now_us),
        Event::Time => time(state, service, now_us),
        Event::Stop => stop(state, service, now_us),
    }
}

fn go(state: State) -> (State, Action) {
    match state {
        State::Waiting => (State::Beginning { failures: 0 }, Action::Start),
        State::Beginning { .. }
        | State::Starting { .. }
        | State::Ready { .. }
        | State::Pausing { .. }
        | State::Stopping { .. }
        | State::Done
        | State::Stopped
        | State::Failed => (state, Action::Nothing),
    }
}

fn started(state: State, pid: u32, service: &Service, now_us: u64) -> State {
    match (state, &service.readiness) {
        (State::Beginning { failures }, Readiness::None) => {
            State::Ready { pid, since_us: now_us, failures }
        }
        (State::Beginning { failures }, _) => {
            State::Starting { pid, by_us: later(now_us, service.ready_within_ms), failures }
        }
        _ => state,
    }
}

fn not_started(state: State, service: &Service, now_us: u64) -> State {
    match state {
        State::Beginning { failures } => after_failure(failures, service, now_us),
        _ => state,
    }
}

fn shown(state: State, now_us: u64) -> State {
    match state {
        State::Starting { pid, failures, .. } => State::Ready { pid, since_us: now_us, failures },
        _ => state,
    }
}

fn ended(state: State, end: End, service: &Service, now_us: u64) -> (State, Action) {
    let well = end == End::Status(0);
    let next = match state {
        State::Starting { .. } if well && service.readiness == Readiness::Exit => State::Done,
        State::Starting { failures, .. } => after_failure(failures, service, now_us),
        State::Ready { since_us, failures, .. } => {
            let steady = now_us >= later(since_us, STEADY_MS);
            let failures = if steady { 0 } else { failures };
            match (service.restart.when, well) {
                (When::Always, _) | (When::Failed, false) => {
                    after_failure(failures, service, now_us)
                }
                (When::Never | When::Failed, true) => State::Stopped,
                (When::Never, false) => State::Failed,
            }
        }
        State::Stopping { then: Then::Rest, .. } => State::Stopped,
        State::Stopping { then: Then::Fail { failures }, .. } => {
            after_failure(failures, service, now_us)
        }
        State::Waiting
        | State::Beginning { .. }
        | State::Pausing { .. }
        | State::Done
        | State::Stopped
        | State::Failed => return (state, Action::Nothing),
    };
    (next, Action::Sweep)
}

fn time(state: State, service: &Service, now_us: u64) -> (State, Action) {
    match state {
        State::Starting { pid, by_us, failures } if now_us >= by_us => {
            ask(pid, Then::Fail { failures }, service, now_us)
        }
        State::Pausing { until_us, failures } if now_us >= until_us => {
            (State::Beginning { failures }, Action::Start)
        }
        State::Stopping { pid, kill_at_us: Some(at_us), then } if now_us >= at_us => {
            (State::Stopping { pid, kill_at_us: None, then }, Action::Kill { pid })
        }
        _ => (state, Action::Nothing),
    }
}

fn stop(state: State, service: &Service, now_us: u64) -> (State, Action) {
    match state {
        State::Starting { pid, .. } | State::Ready { pid, .. } => {
            ask(pid, Then::Rest, service, now_us)
        }
        State::Stopping { pid, kill_at_us, .. } => {
            (State::Stopping { pid, kill_at_us, then: Then::Rest }, Action::Nothing)
        }
        State::Waiting | State::Beginning { .. } | State::Pausing { .. } | State::Done => {
            (State::Stopped, Action::Nothing)
        }
        State::Stopped | State::Failed => (state, Action::Nothing),
    }
}

fn ask(pid: u32, then: Then, service: &Service, now_us: u64) -> (State, Action) {
    let kill_at_us = Some(later(now_us, service.stop.within_ms));
    (State::Stopping { pid, kill_at_us, then }, Action::Ask { pid })
}

fn after_failure(failures: u32, service: &Service, now_us: u64) -> State {
    let failures = failures.saturating_add(1);
    let restart = service.restart;
    if restart.when == When::Never || (restart.limit != 0 && failures > restart.limit) {
        return State::Failed;
    }
    let doubled = u64::from(restart.delay_ms)
        .saturating_mul(1_u64.checked_shl(failures.saturating_sub(1).min(32)).unwrap_or(u64::MAX));
    let delay_ms = doubled.min(u64::from(restart.delay_limit_ms));
    State::Pausing { until_us: now_us.saturating_add(delay_ms.saturating_mul(1000)), failures }
}

fn later(now_us: u64, ms: u32) -> u64 {
    now_us.saturating_add(u64::from(ms).saturating_mul(1000))
}

impl State {
    /// When time alone changes something.
    #[must_use]
    pub const fn wakes_at_us(self) -> Option<u64> {
        match self {
            Self::Starting { by_us, .. } => Some(by_us),
            Self::Pausing { until_us, .. } => Some(until_us),
            Self::Stopping { kill_at_us, .. } => kill_at_us,
            Self::Waiting
            | Self::Beginning { .. }
            | Self::Ready { .. }
            | Self::Done
            | Self::Stopped
            | Self::Failed => None,
        }
    }

    /// The process it has.
    #[must_use]
    pub const fn pid(self) -> Option<u32> {
        match self {
            Self::Starting { pid, .. } | Self::Ready { pid, .. } | Self::Stopping { pid, .. } => {
                Some(pid)
            }
            Self::Waiting
            | Self::Beginning { .. }
            | Self::Pausing { .. }
            | Self::Done
            | Self::Stopped
            | Self::Failed => None,
        }
    }

    /// Failures in a row so far.
    #[must_use]
    pub const fn failures(self) -> u32 {
        match self {
            Self::Beginning { failures }
            | Self::Starting { failures, .. }
            | Self::Ready { failures, .. }
            | Self::Pausing { failures, .. }
            | Self::Stopping { then: Then::Fail { failures }, .. } => failures,
            Self::Waiting | Self::Stopping { .. } | Self::Done | Self::Stopped | Self::Failed => 0,
        }
    }

    /// The state in one word of the control protocol.
    #[must_use]
    pub const fn word(self) -> ServiceState {
        match self {
            Self::Waiting => ServiceState::Waiting,
            Self::Beginning { .. } | Self::Starting { .. } => ServiceState::Starting,
            Self::Ready { .. } => ServiceState::Ready,
            Self::Pausing { .. } => ServiceState::Pausing,
            Self::Stopping { .. } => ServiceState::Stopping,
            Self::Done => ServiceState::Done,
            Self::Stopped => ServiceState::Stopped,
            Self::Failed => ServiceState::Failed,
        }
    }
}
