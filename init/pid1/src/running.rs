//! `Running`: services, and the one loop that waits.
//!
//! The loop waits for signals, devices, the control socket, readiness and output of services, and
//! buttons, all at once, and asks [`crate::supervise`] what to do. It never waits for a service:
//! what takes long (drivers, reading through the root) is done by processes of their own.

mod buttons;
mod control;
mod ending;
mod groups;
mod hotplug;
mod output;
mod setup;
mod unit;
mod units;

use std::os::fd::{AsFd, BorrowedFd};

use contract::boot::{Outcome, PhaseName};
use contract::service::{ROOT_CHECK, ServiceName};
use sys::poll::Interest;
use sys::signal::Signal;

use crate::console::Level;
use crate::halt::{Halt, OrHalt, Reason};
use crate::phases::{Ended, Node, Rooted};
use crate::record;
use crate::supervise::order::{Gate, gate};

pub use ending::{Ending, finish};

/// How long required services may take all together before the node counts as degraded.
pub const READY_WITHIN_S: u64 = 300;

/// The loop turns at least this often: it feeds the watchdog.
const TURN_MS: u32 = 10_000;

/// The node at work.
pub struct Running {
    node: Node,
    units: units::Units,
    control: control::Control,
    buttons: buttons::Buttons,
    hotplug: hotplug::Hotplug,
    began_us: u64,
    ending: Option<Ending>,
}

/// Something the loop waits for.
enum Source {
    Signals,
    Uevents,
    Control(control::Place),
    Unit(ServiceName, unit::Part),
    Hotplug,
    Button(String),
}

impl Rooted {
    /// Runs the node until it ends.
    ///
    /// # Errors
    ///
    /// What the node cannot get over.
    pub fn run(self) -> Result<(Node, Ending), Box<Ended>> {
        let Self { mut node, device } = self;
        let began_us = sys::clock::boot_us();
        node.record.enter(PhaseName::Running, began_us);
        let prepared = setup::prepare(&mut node, &device);
        let (units, control) = match prepared {
            Ok(prepared) => prepared,
            Err(halt) => return Err(node.ended(halt)),
        };
        let (buttons, hotplug) = (buttons::Buttons::find(), hotplug::Hotplug::default());
        let mut running =
            Running { node, units, control, buttons, hotplug, began_us, ending: None };
        match running.turn_until_the_end() {
            Ok(ending) => Ok((running.node, ending)),
            Err(halt) => {
                ending::kill_everything();
                Err(running.node.ended(halt))
            }
        }
    }
}

impl Running {
    fn turn_until_the_end(&mut self) -> Result<Ending, Halt> {
        loop {
            self.node.feed();
            let now_us = sys::clock::boot_us();
            self.control.expire(now_us);
            self.units.time(&mut self.node, now_us);
            self.hotplug.start_if_wanted(&mut self.node);
            match self.ending {
                None => self.judge(now_us)?,
                Some(ending) if self.units.stop_in_order(&mut self.node, now_us) => {
                    return Ok(ending);
                }
                Some(_) => {}
            }
            self.wait(now_us)?;
        }
    }

    fn wait(&mut self, now_us: u64) -> Result<(), Halt> {
        let wake_ms = self.units.wakes_in_ms(now_us).min(TURN_MS);
        let ready = {
            let sources = self.sources();
            let files: Vec<_> = sources.iter().map(|(_, fd, interest)| (*fd, *interest)).collect();
            let answers = sys::poll::wait(&files, wake_ms)
                .or_halt(Reason::Internal, || "wait for events".to_owned())?;
            let named = sources.into_iter().zip(answers);
            named.filter(|(_, ready)| *ready).map(|((source, ..), _)| source).collect::<Vec<_>>()
        };
        for source in ready {
            self.hear(source);
        }
        Ok(())
    }

    fn sources(&self) -> Vec<(Source, BorrowedFd<'_>, Interest)> {
        let mut sources = vec![
            (Source::Signals, self.node.signals.as_fd(), Interest::Read),
            (Source::Uevents, self.node.uevents.as_fd(), Interest::Read),
        ];
        let control = self.control.sources();
        sources.extend(control.map(|(place, fd, interest)| (Source::Control(place), fd, interest)));
        let units = self.units.sources();
        sources.extend(
            units.map(|(name, part, fd)| (Source::Unit(name.clone(), part), fd, Interest::Read)),
        );
        sources.extend(self.hotplug.source().map(|fd| (Source::Hotplug, fd, Interest::Read)));
        let buttons = self.buttons.sources();
        sources.extend(
            buttons.map(|(name, fd)| (Source::Button(name.to_owned()), fd, Interest::Read)),
        );
        sources
    }

    fn hear(&mut self, source: Source) {
        let now_us = sys::clock::boot_us();
        match source {
            Source::Signals => self.hear_signals(now_us),
            Source::Uevents => {
                if self.hotplug.hear(&mut self.node) {
                    self.buttons = buttons::Buttons::find();
                }
            }
            Source::Control(place) => {
                let asked = self.control.hear(place, now_us, || contract::control::Status {
                    boot: self.node.record.boot().clone(),
                    services: self.units.status(),
                });
                if let Some(ending) = asked {
                    self.end(ending, "on request");
                }
            }
            Source::Unit(name, part) => self.units.hear(&name, part, &mut self.node, now_us),
            Source::Hotplug => self.hotplug.hear_output(&mut self.node),
            Source::Button(name) => {
                if self.buttons.pressed(&name) {
                    self.end(Ending::PowerOff, "the power button was pressed");
                }
            }
        }
    }

    fn hear_signals(&mut self, now_us: u64) {
        while let Ok(Some(signal)) = self.node.signals.next() {
            match ending::asked_by(signal) {
                Some((ending, why)) => self.end(ending, why),
                None => debug_assert_eq!(signal, Signal::Child),
            }
        }
        while let Some((pid, end)) = sys::process::reap() {
            self.hotplug.ended(pid);
            self.units.ended(pid, end, &mut self.node, now_us);
        }
    }

    /// The first wish counts; power off after a wish to restart is a change of mind.
    fn end(&mut self, ending: Ending, why: &str) {
        if self.ending == Some(ending) || self.ending == Some(Ending::PowerOff) {
            return;
        }
        self.ending = Some(ending);
        self.node.record.outcome(Outcome::Stopping);
        self.node.console.say(Level::Notice, &format!("{}: {why}", ending.doing()));
        self.units.stop_who_waits(&mut self.node, sys::clock::boot_us());
    }

    /// Looks whether the boot is over: ready, degraded, or a root that is not what was signed.
    fn judge(&mut self, now_us: u64) -> Result<(), Halt> {
        let verdict = gate(self.units.members());
        if let Gate::Broken(names) = &verdict
            && names.iter().any(|name| name.as_str() == ROOT_CHECK)
        {
            let why = self.units.why(ROOT_CHECK);
            return Err(Halt::new(Reason::RootCorrupt, format!("reading through the root: {why}")));
        }
        let late = now_us > self.began_us.saturating_add(READY_WITHIN_S * 1_000_000);
        match (verdict, self.node.record.boot().outcome) {
            (Gate::Open, Outcome::Booting | Outcome::Degraded) => self.ready(now_us),
            (Gate::Broken(names), Outcome::Booting) => {
                self.degraded(&names);
                Ok(())
            }
            (Gate::Waiting(names), Outcome::Booting) if late => {
                self.degraded(&names);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn ready(&mut self, now_us: u64) -> Result<(), Halt> {
        if crate::phases::is_corrupt() {
            let what = "dm-verity found a block of the root that does not fit the root hash";
            return Err(Halt::new(Reason::RootCorrupt, what));
        }
        self.node.record.ready(now_us);
        let line = record::ready_line(self.node.record.boot());
        self.node.console.say(Level::Notice, &line);
        Ok(())
    }

    fn degraded(&mut self, names: &[ServiceName]) {
        let why = names.iter().map(|name| format!("{name} ({})", self.units.why(name.as_str())));
        let text = format!("not ready: {}", why.collect::<Vec<_>>().join(", "));
        self.node.notice(text);
        self.node.record.outcome(Outcome::Degraded);
    }
}
