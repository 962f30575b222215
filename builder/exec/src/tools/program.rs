//! How a program of a tree is started: by itself, by the tree's loader, or by an interpreter.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, elf::PT_INTERP};

/// What a program needs to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Program {
    /// A static program.
    Alone,
    /// A program that this loader starts.
    Loaded { loader: String },
    /// A script: interpreter and at most one argument, as in its first line.
    Script { interpreter: String, argument: Option<String> },
}

/// Looks at a program's file.
pub(super) fn inspect(path: &Path) -> io::Result<Program> {
    // The program headers stand at the front of every program that a linker makes.
    let mut bytes = Vec::new();
    File::open(path)?.take(64 << 10).read_to_end(&mut bytes)?;
    parse(&bytes).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, "neither a 64-bit ELF program nor a script")
    })
}

fn parse(bytes: &[u8]) -> Option<Program> {
    match bytes.strip_prefix(b"#!") {
        Some(rest) => script(rest),
        None => elf(bytes),
    }
}

fn script(bytes: &[u8]) -> Option<Program> {
    let line = bytes.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?.trim();
    let (interpreter, argument) = line.split_once(' ').unwrap_or((line, ""));
    let argument = Some(argument.trim()).filter(|argument| !argument.is_empty());
    // `env` would search the host's PATH.
    let (interpreter, argument) = match (interpreter, argument) {
        ("/usr/bin/env", Some(name)) => (format!("/usr/bin/{name}"), None),
        _ => (interpreter.to_owned(), argument.map(str::to_owned)),
    };
    interpreter.starts_with('/').then_some(Program::Script { interpreter, argument })
}

fn elf(bytes: &[u8]) -> Option<Program> {
    let header = object::elf::FileHeader64::<Endianness>::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    let headers = header.program_headers(endian, bytes).ok()?;
    let Some(loader) = headers.iter().find(|header| header.p_type(endian) == PT_INTERP) else {
        return Some(Program::Alone);
    };
    let name = loader.interpreter(endian, bytes).ok()??;
    let loader = std::str::from_utf8(name).ok()?.to_owned();
    loader.starts_with('/').then_some(Program::Loaded { loader })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script_of(text: &str) -> Option<(String, Option<String>)> {
        match parse(text.as_bytes()) {
            Some(Program::Script { interpreter, argument }) => Some((interpreter, argument)),
            _ => None,
        }
    }

    #[test]
    fn scripts_name_their_interpreter() {
        let own = |text: &str| text.to_owned();
        for (text, expect) in [
            ("#!/bin/sh\n", Some((own("/bin/sh"), None))),
            ("#! /usr/bin/perl -w\nx", Some((own("/usr/bin/perl"), Some(own("-w"))))),
            ("#!/usr/bin/env python3\n", Some((own("/usr/bin/python3"), None))),
            ("#!python3\n", None),
            ("#!", None),
            ("echo", None),
        ] {
            assert_eq!(script_of(text), expect, "{text:?}");
        }
    }

    #[test]
    fn this_test_is_started_by_a_loader() {
        let this = std::env::current_exe().unwrap();
        assert!(
            matches!(inspect(&this).unwrap(), Program::Loaded { loader } if loader.contains("/ld-"))
        );
    }

    #[test]
    fn a_program_cut_short_is_no_program() {
        let mut bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        bytes.truncate(1 << 12);
        for len in 0..400 {
            // The name of the loader stands behind the headers.
            assert!(!matches!(parse(&bytes[..len]), Some(Program::Loaded { .. })), "{len}");
        }
    }
}
