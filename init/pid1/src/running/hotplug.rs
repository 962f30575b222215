//! Drivers for devices that appear while services run, loaded by a process of its own.

use std::collections::BTreeSet;
use std::os::fd::BorrowedFd;

use sys::process::{Program, start};
use sys::uevent::Heard;

use super::output::Output;
use crate::kernel::uevent;
use crate::loading::modaliases;
use crate::phases::Node;
use crate::worker::OURSELVES;

/// How many devices one process is told of.
const BATCH: usize = 128;

/// Devices that wait for a driver.
#[derive(Debug, Default)]
pub(super) struct Hotplug {
    wanted: BTreeSet<String>,
    helper: Option<u32>,
    output: Option<Output>,
}

impl Hotplug {
    /// Takes in what the kernel announced; whether there may be new input devices.
    pub(super) fn hear(&mut self, node: &mut Node) -> bool {
        let mut input = false;
        loop {
            match node.uevents.next() {
                Ok(Heard::Event(bytes)) => input |= self.take(&bytes),
                Ok(Heard::Lost) => {
                    self.wanted.extend(modaliases());
                    input = true;
                }
                Ok(Heard::Nothing) => return input,
                Err(error) => {
                    node.notice(format!("listen for devices: {error}"));
                    return input;
                }
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) -> bool {
        let Some(event) = uevent::parse_event(bytes) else { return false };
        if event.action == "add" {
            self.wanted.extend(event.modalias.map(str::to_owned));
        }
        let is_input = event.subsystem == Some("input");
        is_input && event.action == "add" && event.device_name.is_some()
    }

    /// Starts the process, if somebody waits and none runs.
    pub(super) fn start_if_wanted(&mut self, node: &mut Node) {
        if self.helper.is_some() || self.wanted.is_empty() {
            return;
        }
        let batch: Vec<String> = self.wanted.iter().take(BATCH).cloned().collect();
        self.wanted.retain(|alias| !batch.contains(alias));
        let arguments: Vec<String> = std::iter::once("load".to_owned()).chain(batch).collect();
        let started = Output::open().and_then(|(output, writer)| {
            let pid = start(Program {
                path: OURSELVES,
                arguments: &arguments,
                environment: &[],
                directory: "/",
                user: 0,
                group: 0,
                groups: &[],
                control_group: None,
                output: writer,
            })?;
            Ok((pid, output))
        });
        match started {
            Ok((pid, output)) => (self.helper, self.output) = (Some(pid), Some(output)),
            Err(error) => node.notice(format!("load drivers: {error}")),
        }
    }

    /// A process ended; perhaps it was ours.
    pub(super) fn ended(&mut self, pid: u32) {
        if self.helper == Some(pid) {
            self.helper = None;
        }
    }

    pub(super) fn source(&self) -> Option<BorrowedFd<'_>> {
        self.output.as_ref().map(Output::fd)
    }

    pub(super) fn hear_output(&mut self, node: &mut Node) {
        let more =
            self.output.as_mut().is_some_and(|output| output.tell("drivers", &mut node.console));
        if !more {
            self.output = None;
        }
    }
}
