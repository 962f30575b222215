use super::*;
use proptest::prelude::*;

const MS: u64 = 1000;

fn service(text: &str) -> Service {
    contract::service::parse(format!("command = '/x'\n{text}").as_bytes()).unwrap()
}

fn check(state: State, event: Event, text: &str, now_us: u64, expect: (State, Action)) {
    assert_eq!(next(state, event, &service(text), now_us), expect, "{state:?} {event:?} {text}");
}

const STARTING: State = State::Starting { pid: 7, by_us: 500, failures: 1 };
const READY: State = State::Ready { pid: 7, since_us: 0, failures: 1 };

fn pausing(until_ms: u64, failures: u32) -> State {
    State::Pausing { until_us: until_ms * MS, failures }
}

fn stopping(at_ms: u64, then: Then) -> State {
    State::Stopping { pid: 7, kill_at_us: Some(at_ms * MS), then }
}

#[test]
fn who_need_not_wait_begins() {
    let begun = State::Beginning { failures: 0 };
    check(State::Waiting, Event::Go, "", 0, (begun, Action::Start));
    check(STARTING, Event::Go, "", 0, (STARTING, Action::Nothing));
}

#[test]
fn who_shows_nothing_is_ready_at_once() {
    let begun = State::Beginning { failures: 2 };
    let ready = State::Ready { pid: 7, since_us: 9, failures: 2 };
    check(begun, Event::Started { pid: 7 }, "", 9, (ready, Action::Nothing));
    let starting = State::Starting { pid: 7, by_us: 9 + 60_000 * MS, failures: 2 };
    let text = "readiness = 'notify'";
    check(begun, Event::Started { pid: 7 }, text, 9, (starting, Action::Nothing));
}

#[test]
fn who_shows_it_is_ready_is() {
    let ready = State::Ready { pid: 7, since_us: 9, failures: 1 };
    check(STARTING, Event::Shown, "", 9, (ready, Action::Nothing));
    check(State::Failed, Event::Shown, "", 9, (State::Failed, Action::Nothing));
}

#[test]
fn who_did_its_one_thing_is_done() {
    let exit = "readiness = 'exit'";
    check(STARTING, Event::Ended(End::Status(0)), exit, 0, (State::Done, Action::Sweep));
    let failed = (pausing(400, 2), Action::Sweep);
    check(STARTING, Event::Ended(End::Status(1)), exit, 0, failed);
    check(STARTING, Event::Ended(End::Status(0)), "readiness = 'notify'", 0, failed);
}

#[test]
fn pauses_double_up_to_their_limit() {
    let text = "restart = { limit = 0, delay_ms = 100, delay_limit_ms = 500 }";
    for (failures, ms) in [(0, 100), (1, 200), (2, 400), (3, 500), (60, 500), (u32::MAX - 1, 500)] {
        let state = State::Beginning { failures };
        let expect = (pausing(ms, failures + 1), Action::Nothing);
        check(state, Event::NotStarted, text, 0, expect);
    }
}

#[test]
fn who_failed_too_often_is_given_up() {
    let text = "restart = { limit = 2 }";
    let failed = |failures| State::Beginning { failures };
    check(failed(1), Event::NotStarted, text, 0, (pausing(400, 2), Action::Nothing));
    check(failed(2), Event::NotStarted, text, 0, (State::Failed, Action::Nothing));
    let never = "restart = { when = 'never' }";
    check(failed(0), Event::NotStarted, never, 0, (State::Failed, Action::Nothing));
}

#[test]
fn the_end_of_a_ready_one_is_answered_as_declared() {
    let (well, badly) = (Event::Ended(End::Status(0)), Event::Ended(End::Signal(11)));
    let again = (pausing(400, 2), Action::Sweep);
    let rest = (State::Stopped, Action::Sweep);
    check(READY, well, "restart = { when = 'always' }", 0, again);
    check(READY, badly, "restart = { when = 'always' }", 0, again);
    check(READY, well, "restart = { when = 'failed' }", 0, rest);
    check(READY, badly, "restart = { when = 'failed' }", 0, again);
    check(READY, well, "restart = { when = 'never' }", 0, rest);
    check(READY, badly, "restart = { when = 'never' }", 0, (State::Failed, Action::Sweep));
}

#[test]
fn who_was_steady_begins_to_count_anew() {
    let now_ms = u64::from(STEADY_MS);
    let expect = (pausing(now_ms + 200, 1), Action::Sweep);
    check(READY, Event::Ended(End::Signal(9)), "", now_ms * MS, expect);
}

#[test]
fn who_is_not_ready_in_time_is_stopped_and_tried_again() {
    check(STARTING, Event::Time, "", 499, (STARTING, Action::Nothing));
    let then = Then::Fail { failures: 1 };
    let state = State::Stopping { pid: 7, kill_at_us: Some(500 + 10_000 * MS), then };
    check(STARTING, Event::Time, "", 500, (state, Action::Ask { pid: 7 }));
    check(state, Event::Ended(End::Signal(15)), "", 0, (pausing(400, 2), Action::Sweep));
}

#[test]
fn who_does_not_end_is_killed_once() {
    let then = Then::Rest;
    let killed = State::Stopping { pid: 7, kill_at_us: None, then };
    check(stopping(5, then), Event::Time, "", 4 * MS, (stopping(5, then), Action::Nothing));
    check(stopping(5, then), Event::Time, "", 5 * MS, (killed, Action::Kill { pid: 7 }));
    check(killed, Event::Time, "", u64::MAX, (killed, Action::Nothing));
    check(killed, Event::Ended(End::Signal(9)), "", 0, (State::Stopped, Action::Sweep));
}

#[test]
fn a_pause_ends_with_a_start() {
    check(pausing(5, 3), Event::Time, "", 4 * MS, (pausing(5, 3), Action::Nothing));
    let begun = State::Beginning { failures: 3 };
    check(pausing(5, 3), Event::Time, "", 5 * MS, (begun, Action::Start));
}

#[test]
fn stop_ends_every_state() {
    let asked = (stopping(10_000, Then::Rest), Action::Ask { pid: 7 });
    check(STARTING, Event::Stop, "", 0, asked);
    check(READY, Event::Stop, "", 0, asked);
    let retrying = stopping(3, Then::Fail { failures: 1 });
    check(retrying, Event::Stop, "", 0, (stopping(3, Then::Rest), Action::Nothing));
    for state in [State::Waiting, pausing(1, 1), State::Done, State::Stopped] {
        check(state, Event::Stop, "", 0, (State::Stopped, Action::Nothing));
    }
    check(State::Failed, Event::Stop, "", 0, (State::Failed, Action::Nothing));
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Go),
        Just(Event::NotStarted),
        Just(Event::Shown),
        Just(Event::Time),
        (1..9_u32).prop_map(|pid| Event::Started { pid }),
        (0..3_i32).prop_map(|status| Event::Ended(End::Status(status))),
    ]
}

proptest! {
    /// Whatever happened before, a stop settles: the process is asked, then killed, and after its
    /// end nothing starts again.
    #[test]
    fn a_stopped_service_stays_stopped(
        before in proptest::collection::vec((any_event(), 0..100_000_000_u64), 0..30),
        after in proptest::collection::vec(any_event(), 0..10),
    ) {
        let service = service("readiness = 'notify'");
        let (mut state, mut now) = (State::Waiting, 0);
        for (event, passed) in before {
            now += passed;
            (state, _) = next(state, event, &service, now);
        }
        (state, _) = next(state, Event::Stop, &service, now);
        if state.pid().is_some() {
            (state, _) = next(state, Event::Time, &service, now + 11_000_000);
            prop_assert!(state.wakes_at_us().is_none());
            (state, _) = next(state, Event::Ended(End::Signal(9)), &service, now);
        }
        for event in after {
            let (later, action) = next(state, event, &service, now);
            prop_assert_eq!(action, Action::Nothing);
            prop_assert!(matches!(later, State::Stopped | State::Failed));
        }
    }
}
