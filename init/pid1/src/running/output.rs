//! What services say: lines from a pipe to the kernel's log, each with the service's name.
//!
//! A line may begin with `<N>`, the kernel's level of it, as `sd-daemon(3)` has it. A line longer
//! than the log takes is told in pieces.

use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::{AsFd, BorrowedFd};

use crate::console::{Console, Level};

/// The longest piece.
const LINE_LIMIT_BYTES: usize = 800;

/// No more is read in one turn of the loop, so that a talkative service cannot hold it.
const TURN_BYTES: usize = 16 << 10;

/// How much of the last line is kept, to say why a service ended.
const LAST_LIMIT_LETTERS: usize = 200;

/// One service's output.
#[derive(Debug)]
pub(super) struct Output {
    reader: PipeReader,
    begun: Vec<u8>,
    /// The last line that says something.
    last: String,
}

impl Output {
    /// A new pipe, and the end of it that the service gets.
    pub(super) fn open() -> io::Result<(Self, PipeWriter)> {
        let (reader, writer) = io::pipe()?;
        sys::file::never_wait(&reader)?;
        Ok((Self { reader, begun: Vec::new(), last: String::new() }, writer))
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }

    /// Tells what came. `false`: nobody holds the other end any more.
    pub(super) fn tell(&mut self, who: &str, console: &mut Console) -> bool {
        let mut bytes = vec![0; TURN_BYTES];
        match self.reader.read(&mut bytes) {
            Ok(0) => {
                let line = std::mem::take(&mut self.begun);
                self.tell_line(who, &line, console);
                false
            }
            Ok(count) => {
                self.begun.extend(bytes.get(..count).unwrap_or_default());
                for line in whole_lines(&mut self.begun) {
                    self.tell_line(who, &line, console);
                }
                true
            }
            Err(error) => {
                matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
            }
        }
    }

    /// Tells all that is still in the pipe; the last line that says something.
    pub(super) fn finish(mut self, who: &str, console: &mut Console) -> String {
        // A pipe holds 64 KiB; whoever writes on meanwhile is not waited for.
        for _ in 0..8 {
            if !self.tell(who, console) {
                return self.last;
            }
        }
        let line = std::mem::take(&mut self.begun);
        self.tell_line(who, &line, console);
        self.last
    }

    fn tell_line(&mut self, who: &str, line: &[u8], console: &mut Console) {
        let text = String::from_utf8_lossy(line);
        let (level, text) = level_of(&text);
        if !text.trim().is_empty() {
            console.tell(level, who, text);
            self.last = text.trim().chars().take(LAST_LIMIT_LETTERS).collect();
        }
    }
}

/// Takes the whole lines off the front, and what is too long to wait for its end.
fn whole_lines(begun: &mut Vec<u8>) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    loop {
        match begun.iter().take(LINE_LIMIT_BYTES).position(|byte| *byte == b'\n') {
            Some(end) => {
                let mut line: Vec<u8> = begun.drain(..=end).collect();
                line.pop();
                lines.push(line);
            }
            None if begun.len() >= LINE_LIMIT_BYTES => {
                lines.push(begun.drain(..LINE_LIMIT_BYTES).collect());
            }
            None => return lines,
        }
    }
}

/// The level a line begins with. A service cannot speak louder than a warning.
fn level_of(line: &str) -> (Level, &str) {
    let level = |digit: char| match digit {
        '0'..='4' => Some(Level::Warning),
        '5' => Some(Level::Notice),
        '6' | '7' => Some(Level::Info),
        _ => None,
    };
    let parts = line.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    match parts.and_then(|(digit, text)| Some((level(digit.parse().ok()?)?, text))) {
        Some(found) => found,
        None => (Level::Info, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_says_its_level() {
        assert_eq!(level_of("<4>careful"), (Level::Warning, "careful"));
        assert_eq!(level_of("<0>fire"), (Level::Warning, "fire"));
        assert_eq!(level_of("<9>x"), (Level::Info, "<9>x"));
        assert_eq!(level_of("plain"), (Level::Info, "plain"));
    }

    #[test]
    fn a_line_waits_for_its_end_unless_it_is_too_long() {
        let mut begun = b"one\ntwo\nthr".to_vec();
        assert_eq!(whole_lines(&mut begun), [b"one".to_vec(), b"two".to_vec()]);
        assert_eq!(begun, b"thr");
        let mut begun = vec![b'x'; LINE_LIMIT_BYTES + 1];
        assert_eq!(whole_lines(&mut begun).len(), 1);
        assert_eq!(begun.len(), 1);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..3000)) {
            let mut begun = bytes.clone();
            let told: usize = whole_lines(&mut begun).iter().map(Vec::len).sum();
            let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
            prop_assert!(told + begun.len() + ends >= bytes.len());
            prop_assert!(begun.len() < LINE_LIMIT_BYTES);
            let _level = level_of(&String::from_utf8_lossy(&bytes));
        }
    }
}
