//! What somebody sees while a command works: phases, a bar for downloads, notes.
//!
//! On a terminal a line is drawn and redrawn; elsewhere only notes are written, one a line.

use std::sync::Mutex;
use std::time::Duration;

use exec::build::session::Watcher;
use exec::fetch::{Attempt, Progress};
use indicatif::{ProgressBar, ProgressStyle};

use crate::say;

/// Shows how a command goes on.
pub(crate) struct Shown {
    phase: ProgressBar,
    fetch: Mutex<Option<ProgressBar>>,
}

impl Shown {
    pub(crate) fn new() -> Self {
        let phase = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            phase.set_style(style);
        }
        phase.enable_steady_tick(Duration::from_millis(120));
        Self { phase, fetch: Mutex::new(None) }
    }

    /// Takes everything drawn away.
    pub(crate) fn clear(&self) {
        self.bar(|bar| bar.finish_and_clear());
        self.phase.finish_and_clear();
    }

    fn bar(&self, act: impl FnOnce(&ProgressBar)) {
        if let Ok(fetch) = self.fetch.lock()
            && let Some(bar) = fetch.as_ref()
        {
            act(bar);
        }
    }
}

impl Progress for Shown {
    fn begins(&self, files: usize, len_bytes: u64) {
        let bar = ProgressBar::new(len_bytes);
        let template = "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(format!("{files} files"));
        if let Ok(mut fetch) = self.fetch.lock() {
            *fetch = Some(bar);
        }
    }

    fn came(&self, len_bytes: u64) {
        self.bar(|bar| bar.inc(len_bytes));
    }

    fn lost(&self, len_bytes: u64) {
        self.bar(|bar| bar.set_position(bar.position().saturating_sub(len_bytes)));
    }

    fn done(&self, name: &str) {
        self.bar(|bar| {
            bar.set_message(name.to_owned());
            if bar.length().is_some_and(|length| bar.position() >= length) {
                bar.finish_and_clear();
            }
        });
    }

    fn trouble(&self, attempt: &Attempt) {
        self.note(&format!("note: {attempt}"));
    }
}

impl Watcher for Shown {
    fn phase(&self, name: &str) {
        self.phase.set_message(name.to_owned());
    }

    fn note(&self, text: &str) {
        self.phase.suspend(|| say::note(text));
    }
}
