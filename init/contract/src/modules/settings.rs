//! What modules are given when they load, and which are left alone.
//!
//! Parameters come from the kernel command line (`module.parameter=value`; the kernel itself only
//! gives them to what is built in) and from `modprobe.d(5)` files, of which `options` and
//! `blacklist` lines are read. A blacklisted module is not loaded for a device; by name, or for
//! another module, it still is.

use std::collections::{BTreeMap, BTreeSet};

use super::{canonical, lines};

/// Parameters by module, and modules not to load for a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    parameters: BTreeMap<String, String>,
    left_alone: BTreeSet<String>,
}

impl Settings {
    /// Reads the words of a kernel command line.
    pub fn read_command_line(&mut self, text: &str) {
        for word in text.split_ascii_whitespace() {
            let name = word.split_once('=').map_or(word, |(name, _)| name);
            let Some((module, _)) = name.split_once('.') else { continue };
            if let Some(parameter) = word.get(module.len() + 1..) {
                self.add_parameter(module, parameter);
            }
        }
    }

    /// Reads a file of `modprobe.d`.
    pub fn read_file(&mut self, text: &str) {
        for line in lines(text) {
            let mut words = line.split_ascii_whitespace();
            match (words.next(), words.next()) {
                (Some("blacklist"), Some(module)) => {
                    self.left_alone.insert(canonical(module));
                }
                (Some("options"), Some(module)) => {
                    words.for_each(|parameter| self.add_parameter(module, parameter));
                }
                _ => {}
            }
        }
    }

    fn add_parameter(&mut self, module: &str, parameter: &str) {
        let list = self.parameters.entry(canonical(module)).or_default();
        if !list.is_empty() {
            list.push(' ');
        }
        list.push_str(parameter);
    }

    /// The parameters of a module, separated by blanks.
    #[must_use]
    pub fn parameters(&self, module: &str) -> &str {
        self.parameters.get(&canonical(module)).map_or("", String::as_str)
    }

    /// Whether a module is not to be loaded for a device.
    #[must_use]
    pub fn leaves_alone(&self, module: &str) -> bool {
        self.left_alone.contains(&canonical(module))
    }
}
