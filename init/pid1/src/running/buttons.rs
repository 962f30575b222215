//! The power buttons of the machine.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use crate::kernel::input::{EVENT_BYTES, has_power_key, power_pressed};

/// Every input device that has a power key, by name.
#[derive(Debug, Default)]
pub(super) struct Buttons {
    devices: BTreeMap<String, File>,
}

impl Buttons {
    /// Looks for them.
    pub(super) fn find() -> Self {
        let Ok(entries) = fs::read_dir("/sys/class/input") else { return Self::default() };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let devices = names.filter(|name| name.starts_with("event")).filter_map(|name| {
            let keys = format!("/sys/class/input/{name}/device/capabilities/key");
            let has_it = has_power_key(&fs::read_to_string(keys).ok()?);
            let node = Path::new("/dev/input").join(&name);
            let file = has_it.then(|| sys::file::open_without_waiting(&node, true, false))?.ok()?;
            Some((name, file))
        });
        Self { devices: devices.collect() }
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = (&str, BorrowedFd<'_>)> {
        self.devices.iter().map(|(name, file)| (name.as_str(), file.as_fd()))
    }

    /// Reads what a device says; whether its power key went down. One that is gone is forgotten.
    pub(super) fn pressed(&mut self, name: &str) -> bool {
        let mut bytes = [0; EVENT_BYTES * 64];
        let Some(device) = self.devices.get_mut(name) else { return false };
        match device.read(&mut bytes) {
            Ok(count) => power_pressed(bytes.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(_) => {
                self.devices.remove(name);
                false
            }
        }
    }
}
