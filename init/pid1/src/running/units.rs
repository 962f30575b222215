//! All services: hands each event to the machine that decides, and does what it says.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;

use contract::control::ServiceStatus;
use contract::service::{Graph, Service, ServiceName, StopScope};
use sys::process::{End, Ending, signal};

use super::ending::SERVICES_STOP_WITHIN_US;
use super::groups;
use super::unit::{Part, Unit};
use crate::console::Level;
use crate::halt::Halt;
use crate::phases::Node;
use crate::supervise::machine::{Action, Event, State, next};
use crate::supervise::order::{is_alive, may_start, may_stop};

/// How often we look for what a starting service makes.
const PROBE_MS: u32 = 20;

/// The services of the image and our own.
#[derive(Debug)]
pub(super) struct Units {
    units: BTreeMap<ServiceName, Unit>,
    /// When stopping began.
    stopping_since_us: Option<u64>,
}

impl Units {
    pub(super) fn new(graph: Graph, own: BTreeMap<ServiceName, Service>) -> Result<Self, Halt> {
        let declared = graph.services().clone();
        let units = declared.into_iter().chain(own).map(|(name, s)| (name, Unit::new(s))).collect();
        Ok(Self { units, stopping_since_us: None })
    }

    pub(super) fn members(&self) -> &BTreeMap<ServiceName, Unit> {
        &self.units
    }

    pub(super) fn status(&self) -> Vec<ServiceStatus> {
        self.units.iter().map(|(name, unit)| unit.status(name)).collect()
    }

    /// Why a service is not ready.
    pub(super) fn why(&self, name: &str) -> String {
        let unit = self.units.iter().find(|(other, _)| other.as_str() == name);
        unit.map_or_else(String::new, |(_, unit)| {
            unit.why.clone().unwrap_or_else(|| unit.state.word().to_string())
        })
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = (&ServiceName, Part, BorrowedFd<'_>)> {
        self.units
            .iter()
            .flat_map(|(name, unit)| unit.sources().map(move |(part, fd)| (name, part, fd)))
    }

    /// Lets time go by: limits, pauses, probes, and who may start now.
    pub(super) fn time(&mut self, node: &mut Node, now_us: u64) {
        let names: Vec<_> = self.units.keys().cloned().collect();
        for name in &names {
            self.happens(name, Event::Time, node, now_us);
            if self.units.get(name).is_some_and(|unit| unit.is_probed() && unit.shows()) {
                self.happens(name, Event::Shown, node, now_us);
            }
        }
        if self.stopping_since_us.is_none() {
            self.start_who_may(&names, node, now_us);
        }
    }

    fn start_who_may(&mut self, names: &[ServiceName], node: &mut Node, now_us: u64) {
        loop {
            let ready = names.iter().find(|name| {
                let waits = self.units.get(name).is_some_and(|unit| unit.state == State::Waiting);
                waits && may_start(&self.units, name)
            });
            let Some(name) = ready else { return };
            self.happens(name, Event::Go, node, now_us);
        }
    }

    /// When [`Units::time`] must be called at the latest.
    pub(super) fn wakes_in_ms(&self, now_us: u64) -> u32 {
        let probed = self.units.values().any(Unit::is_probed);
        let next_us = self.units.values().filter_map(|unit| unit.state.wakes_at_us()).min();
        let limit_us =
            self.stopping_since_us.map(|since_us| since_us.saturating_add(SERVICES_STOP_WITHIN_US));
        let wait_us = next_us.into_iter().chain(limit_us).min().map(|us| us.saturating_sub(now_us));
        let wait_ms = wait_us
            .map_or(u32::MAX, |us| u32::try_from(us / 1000).unwrap_or(u32::MAX).saturating_add(1));
        if probed { wait_ms.min(PROBE_MS) } else { wait_ms }
    }

    /// A unit has something to say.
    pub(super) fn hear(&mut self, name: &ServiceName, part: Part, node: &mut Node, now_us: u64) {
        let Some(unit) = self.units.get_mut(name) else { return };
        match part {
            Part::Output => unit.tell(name, &mut node.console),
            Part::Notify => {
                if unit.notified() {
                    self.happens(name, Event::Shown, node, now_us);
                }
            }
        }
    }

    /// A process ended; perhaps it was a service.
    pub(super) fn ended(&mut self, pid: u32, end: End, node: &mut Node, now_us: u64) {
        let found = self.units.iter().find(|(_, unit)| unit.state.pid() == Some(pid));
        let Some(name) = found.map(|(name, _)| name.clone()) else { return };
        // What it notified before it ended counts first.
        self.hear(&name, Part::Notify, node, now_us);
        if let Some(unit) = self.units.get_mut(&name) {
            unit.ended(&name, end, &mut node.console);
        }
        self.happens(&name, Event::Ended(end), node, now_us);
    }

    /// Stops who has not begun, at once.
    pub(super) fn stop_who_waits(&mut self, node: &mut Node, now_us: u64) {
        self.stopping_since_us = Some(now_us);
        let names: Vec<_> = self.units.keys().cloned().collect();
        for name in &names {
            if self.units.get(name).is_some_and(|unit| !is_alive(unit.state)) {
                self.happens(name, Event::Stop, node, now_us);
            }
        }
    }

    /// Stops whoever nobody needs any more; whether all have stopped, or the time is over.
    pub(super) fn stop_in_order(&mut self, node: &mut Node, now_us: u64) -> bool {
        let names: Vec<_> = self.units.keys().cloned().collect();
        for name in &names {
            let runs = self.units.get(name).is_some_and(|unit| {
                matches!(unit.state, State::Starting { .. } | State::Ready { .. })
                    || matches!(unit.state, State::Stopping { then, .. } if then != crate::supervise::machine::Then::Rest)
            });
            if runs && may_stop(&self.units, name) {
                self.happens(name, Event::Stop, node, now_us);
            }
        }
        let since_us = self.stopping_since_us.unwrap_or(now_us);
        let late = now_us >= since_us.saturating_add(SERVICES_STOP_WITHIN_US);
        let left: Vec<_> =
            self.units.iter().filter(|(_, unit)| is_alive(unit.state)).map(|(n, _)| n).collect();
        if late {
            for name in &left {
                node.console.say(Level::Warning, &format!("{name} did not stop"));
            }
        }
        late || left.is_empty()
    }

    /// Something happens to a service: asks the machine and does what it says.
    fn happens(&mut self, name: &ServiceName, event: Event, node: &mut Node, now_us: u64) {
        let Some(unit) = self.units.get_mut(name) else { return };
        let before = unit.state;
        let (state, action) = next(before, event, &unit.service, now_us);
        unit.state = state;
        match action {
            Action::Nothing => {}
            Action::Start => return self.start(name, node, now_us),
            Action::Ask { pid } => {
                if event == Event::Time {
                    unit.why =
                        Some(format!("not ready within {} ms", unit.service.ready_within_ms));
                }
                drop(signal(pid, unit.stop_signal()));
            }
            Action::Kill { pid } => {
                drop(signal(pid, Ending::Kill));
                if unit.service.stop.scope == StopScope::Group {
                    groups::kill(name);
                }
            }
            Action::Sweep => unit.close(name),
        }
        tell_change(name, unit, before, node);
    }

    fn start(&mut self, name: &ServiceName, node: &mut Node, now_us: u64) {
        let Some(unit) = self.units.get_mut(name) else { return };
        match unit.start(name) {
            Ok(pid) => self.happens(name, Event::Started { pid }, node, now_us),
            Err(why) => {
                unit.why = Some(why);
                self.happens(name, Event::NotStarted, node, now_us);
            }
        }
    }
}

/// Tells what an operator wants to see, and logs the rest.
fn tell_change(name: &ServiceName, unit: &mut Unit, before: State, node: &mut Node) {
    if unit.state.word() == before.word() {
        return;
    }
    let why = unit.why.clone().unwrap_or_default();
    match unit.state {
        State::Ready { .. } | State::Done => {
            unit.why = None;
            let word = unit.state.word();
            node.console.say(Level::Info, &format!("{name} is {word}"));
        }
        State::Pausing { failures, .. } => {
            let text = format!("{name}: {why}; started again, try {}", failures.saturating_add(1));
            node.console.say(Level::Warning, &text);
        }
        State::Failed => node.notice(format!("{name}: {why}; given up")),
        State::Stopping { .. } if !why.is_empty() => {
            node.console.say(Level::Warning, &format!("{name}: {why}; it is stopped"));
        }
        State::Stopped if before.pid().is_some() => {
            node.console.say(Level::Info, &format!("{name} has stopped"));
        }
        State::Stopped
        | State::Waiting
        | State::Beginning { .. }
        | State::Starting { .. }
        | State::Stopping { .. } => {}
    }
}
