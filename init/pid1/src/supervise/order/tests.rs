use super::*;

struct One {
    service: Service,
    state: State,
}

impl Member for One {
    fn service(&self) -> &Service {
        &self.service
    }

    fn state(&self) -> State {
        self.state
    }
}

const READY: State = State::Ready { pid: 1, since_us: 0, failures: 0 };
const STARTING: State = State::Starting { pid: 1, by_us: 0, failures: 0 };

fn name(text: &str) -> ServiceName {
    text.parse().unwrap()
}

/// Each row: name, what the declaration says, what it is doing.
fn members(rows: &[(&str, &str, State)]) -> BTreeMap<ServiceName, One> {
    let row = |(text, declared, state): &(&str, &str, State)| {
        let declared = format!("command = '/x'\n{declared}");
        let service = contract::service::parse(declared.as_bytes()).unwrap();
        (name(text), One { service, state: *state })
    };
    rows.iter().map(row).collect()
}

#[test]
fn a_need_must_be_ready_and_an_order_only_settled() {
    let check = |declared: &str, other: State, expect: bool| {
        let rows = [("a", declared, State::Waiting), ("b", "", other)];
        assert_eq!(may_start(&members(&rows), &name("a")), expect, "{declared} {other:?}");
    };
    for (state, need, after) in [
        (State::Waiting, false, false),
        (STARTING, false, false),
        (READY, true, true),
        (State::Done, true, true),
        (State::Failed, false, true),
        (State::Stopped, false, true),
    ] {
        check("needs = ['b']", state, need);
        check("after = ['b']", state, after);
    }
    check("after = ['zzz']", STARTING, true);
}

#[test]
fn drivers_come_first_unless_a_service_is_early() {
    let check = |name_of: &str, declared: &str, kernel: State, expect: bool| {
        let rows = [(name_of, declared, State::Waiting), ("kernel", "", kernel)];
        assert_eq!(may_start(&members(&rows), &name(name_of)), expect);
    };
    check("a", "", STARTING, false);
    check("a", "", State::Done, true);
    check("a", "", State::Failed, true);
    let hangs =
        State::Stopping { pid: 1, kill_at_us: None, then: super::super::machine::Then::Rest };
    check("a", "", hangs, true);
    check("a", "early = true", STARTING, true);
    check("root-check", "", STARTING, true);
}

#[test]
fn who_is_waited_for_stops_last() {
    let check = |other: State, expect: bool| {
        let rows = [("a", "", READY), ("b", "needs = ['a']", other), ("c", "after = ['a']", other)];
        let members = members(&rows);
        assert_eq!(may_stop(&members, &name("a")), expect, "{other:?}");
        assert!(may_stop(&members, &name("b")));
    };
    check(READY, false);
    check(STARTING, false);
    check(State::Stopped, true);
    check(State::Waiting, true);
    check(State::Failed, true);
}

#[test]
fn the_gate_asks_only_who_is_required() {
    let check = |state: State, expect: Gate| {
        let rows = [("a", "required = true", state), ("b", "", State::Failed)];
        assert_eq!(gate(&members(&rows)), expect, "{state:?}");
    };
    check(READY, Gate::Open);
    check(State::Done, Gate::Open);
    check(STARTING, Gate::Waiting(vec![name("a")]));
    check(State::Waiting, Gate::Waiting(vec![name("a")]));
    check(State::Failed, Gate::Broken(vec![name("a")]));
    check(State::Stopped, Gate::Broken(vec![name("a")]));
}

#[test]
fn who_waits_for_one_that_was_given_up_will_not_be_ready() {
    let rows = [
        ("a", "required = true\nneeds = ['b']", State::Waiting),
        ("b", "needs = ['c']", State::Waiting),
        ("c", "", State::Failed),
    ];
    assert_eq!(gate(&members(&rows)), Gate::Broken(vec![name("a")]));
}
