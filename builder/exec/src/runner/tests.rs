use std::sync::Mutex;
use std::time::Instant;

use super::*;

fn shell(script: &str) -> Command {
    Command::new("/bin/sh").arg("-c").arg(script)
}

#[test]
fn output_is_captured_and_exit_codes_are_told() {
    let done = shell("echo out; echo err >&2; exit 3").finish().unwrap();
    assert_eq!((done.text().as_str(), done.errors().as_str()), ("out\n", "err\n"));
    assert_eq!(done.ending, Ending::Code(3));
    let error = done.success().unwrap_err().to_string();
    assert!(error.ends_with("ended with exit code 3\n  | err"), "{error}");
}

#[test]
fn the_environment_is_what_was_given() {
    let done = shell("/usr/bin/env | sort").env("A", "b").run().unwrap();
    let text = done.text();
    let own = ["PWD=", "SHLVL=", "_=", "OLDPWD="];
    let given: Vec<_> =
        text.lines().filter(|line| !own.iter().any(|o| line.starts_with(o))).collect();
    assert_eq!(given, ["A=b", "LC_ALL=C.UTF-8", "TZ=UTC"]);
}

#[test]
fn a_program_that_hangs_is_ended_with_its_children() {
    let dir = tempfile::tempdir().unwrap();
    let script = "sleep 60 & echo $! > child; echo waiting >&2; sleep 60";
    let start = Instant::now();
    let limit = Duration::from_millis(300);
    let error = shell(script).directory(&dir).env("PATH", "/usr/bin:/bin").time_limit(limit).run();
    let error = error.unwrap_err();
    assert!(matches!(&error, RunError::TooLong { said, .. } if said == "waiting\n"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_ended(&dir.path().join("child"));
}

#[test]
fn what_a_program_left_behind_ends_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let script = "sleep 60 & echo $! > child; echo done";
    let done = shell(script).directory(&dir).env("PATH", "/usr/bin:/bin").run().unwrap();
    assert_eq!(done.text(), "done\n");
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_ended(&dir.path().join("child"));
}

/// The process whose number this file holds is gone, or a zombie that nobody has reaped yet.
fn assert_ended(file: &Path) {
    let child = std::fs::read_to_string(file).unwrap();
    let stat = PathBuf::from(format!("/proc/{}/stat", child.trim()));
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        match std::fs::read_to_string(&stat) {
            Err(_) => return,
            Ok(text) if text.contains(") Z ") => return,
            Ok(_) => assert!(Instant::now() < deadline, "{child} still runs"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn input_is_given_and_more_output_than_fits_is_dropped() {
    let bytes = vec![b'x'; 1 << 20];
    let done = Command::new("/bin/cat").input(bytes).keep(1000).run().unwrap();
    assert_eq!(done.stdout.len(), 1000);
}

#[test]
fn a_program_that_reads_nothing_does_not_block_us() {
    shell("exit 0").input(vec![0; 1 << 20]).run().unwrap();
}

#[test]
fn lines_are_seen_as_they_come() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let push: LineSink = Arc::new(move |line: &str| sink.lock().unwrap().push(line.to_owned()));
    shell("echo one >&2; printf two >&2").on_line(push).run().unwrap();
    assert_eq!(*seen.lock().unwrap(), ["one", "two"]);
}

#[test]
fn a_missing_program_is_named() {
    let error = Command::new("/nowhere/tool").arg("a b").run().unwrap_err();
    assert_eq!(error.to_string(), "cannot start `/nowhere/tool 'a b'`");
}

#[test]
fn dropping_a_running_program_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let running =
        shell("echo $$ > child; exec sleep 60").directory(&dir).env("PATH", "/usr/bin:/bin");
    let running = running.spawn().unwrap();
    let file = dir.path().join("child");
    while std::fs::read_to_string(&file).unwrap_or_default().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(running);
    assert_ended(&file);
}
