use super::*;
use proptest::prelude::*;

const FULL: &str = r#"
command = "/usr/bin/containerd"
arguments = ["--config", "/etc/containerd/config.toml"]
environment = { TMPDIR = "/run/containerd" }
directory = "/run"
user = "nobody"
group = "daemon"
groups = ["kvm"]
needs = ["modules"]
after = ["network"]
early = true
required = true
readiness = { unix = "/run/containerd/containerd.sock" }
ready_within_ms = 5000
stop = { signal = "INT", within_ms = 2000, scope = "process" }
restart = { when = "always", delay_ms = 10, delay_limit_ms = 20, limit = 0 }
"#;

fn read(text: &str) -> Result<Service, ServiceError> {
    parse(text.as_bytes())
}

fn name(text: &str) -> ServiceName {
    text.parse().unwrap()
}

#[test]
fn a_full_declaration_is_read_whole() {
    let service = read(FULL).unwrap();
    assert_eq!(service.readiness, Readiness::Unix("/run/containerd/containerd.sock".into()));
    assert_eq!(service.needs, [name("modules")]);
    let stop = Stop { signal: StopSignal::Int, within_ms: 2000, scope: StopScope::Process };
    assert_eq!(service.stop, stop);
    let restart = Restart { when: When::Always, delay_ms: 10, delay_limit_ms: 20, limit: 0 };
    assert_eq!(service.restart, restart);
    assert!(service.required);
}

#[test]
fn a_command_alone_is_a_declaration() {
    let service = read("command = '/bin/x'").unwrap();
    assert_eq!((service.user.as_str(), service.directory.as_str()), ("root", "/"));
    assert_eq!((service.readiness, service.required), (Readiness::None, false));
    assert_eq!(service.restart, Restart::default());
}

#[test]
fn what_is_written_is_read_again() {
    for text in [FULL, "command = '/bin/x'\nreadiness = { tcp = 80 }", "command = '/x'"] {
        let service = read(text).unwrap();
        assert_eq!(read(&toml::to_string(&service).unwrap()).unwrap(), service);
    }
}

#[test]
fn every_readiness_has_its_form() {
    let check = |text: &str, expect: Readiness| {
        let service = read(&format!("command = '/x'\nreadiness = {text}")).unwrap();
        assert_eq!(service.readiness, expect);
    };
    check("'none'", Readiness::None);
    check("'notify'", Readiness::Notify);
    check("'exit'", Readiness::Exit);
    check("{ tcp = 16514 }", Readiness::Tcp(16514));
    check("{ unix = '/run/a' }", Readiness::Unix("/run/a".into()));
    check("{ file = '/run/a' }", Readiness::File("/run/a".into()));
}

#[test]
fn mistakes_are_refused_with_their_place() {
    let check = |text: &str, expect: &str| {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(expect), "{text}\n{error}");
    };
    check("command = '/x'\nneed = ['a']", "unknown field `need`");
    check("command = '/x'\nneed = ['a']", "line 2");
    check("command = '/x'\nstop = { grace = 1 }", "unknown field `grace`");
    check("command = '/x'\nreadiness = 'soon'", "unknown variant `soon`");
    check("command = '/x'\nneeds = ['A']", "`A` is no service name");
    check("arguments = []", "missing field `command`");
    check("command = 'x'", "`command` is `x` and must be an absolute path");
    check("command = '/a/../x'", "must be an absolute path without `..`");
    check("command = '/x'\nready_within_ms = 0", "must be between 1 and 3600000");
    check("command = '/x'\nreadiness = { file = 'x' }", "`readiness` is `x`");
    check("command = '/x'\nuser = ''", "`user` is ``");
    check("command = '/x'\nenvironment = { 'a=b' = '' }", "a name without `=`");
    check("command = \"/x\\u0000\"", "NUL");
    check("command = '/x'\nrestart = { delay_ms = 5, delay_limit_ms = 4 }", "no less than");
    assert_eq!(parse(&[0xff]), Err(ServiceError::NotText));
    assert_eq!(parse(&vec![b' '; SIZE_LIMIT_BYTES + 1]), Err(ServiceError::NotText));
}

#[test]
fn names_are_files_and_cgroups() {
    for text in ["", "A", "-a", "1a", "a_b", "a.b", "a/b", &"a".repeat(41)] {
        assert!(text.parse::<ServiceName>().is_err(), "{text}");
    }
    assert!("virtqemud-1".parse::<ServiceName>().is_ok());
}

/// `a: b c | d` is a service that needs b and c and comes after d.
fn graph(lines: &[&str]) -> Result<Graph, GraphError> {
    let services = lines.iter().map(|line| {
        let (service, rest) = line.split_once(':').unwrap();
        let (needs, after) = rest.split_once('|').unwrap_or((rest, ""));
        let list = |text: &str| text.split_whitespace().map(name).collect();
        let mut declared = read("command = '/x'").unwrap();
        (declared.needs, declared.after) = (list(needs), list(after));
        (name(service), declared)
    });
    Graph::new(services.collect())
}

#[test]
fn services_without_a_ring_are_a_graph() {
    let graph = graph(&["a: b c", "b: c", "c:", "d: | a zzz"]).unwrap();
    let waits = |of: &str| graph.waits_for(&name(of)).map(ServiceName::as_str).collect::<Vec<_>>();
    assert_eq!(waits("a"), ["b", "c"]);
    assert_eq!(waits("d"), ["a"], "what is not declared is not waited for");
}

#[test]
fn a_need_that_is_not_there_is_named() {
    let error = graph(&["a: b", "b: c"]).unwrap_err();
    assert_eq!(error.to_string(), "service `b` needs `c`, which is not declared");
}

#[test]
fn built_in_services_are_there_and_keep_their_names() {
    assert!(graph(&["a: kernel root-check"]).is_ok());
    let error = graph(&["kernel:"]).unwrap_err();
    assert_eq!(error.to_string(), "service `kernel` has the name of a built-in one");
}

#[test]
fn a_ring_is_named_without_those_that_only_wait_for_it() {
    let error = graph(&["a: b", "b: c", "c: | d", "d: b", "e:"]).unwrap_err();
    let expect = "services wait for each other: `b` → `c` → `d` → `b`";
    assert_eq!(error.to_string(), expect);
    assert!(matches!(graph(&["a: a"]), Err(GraphError::Cycle { .. })));
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _answer = parse(&bytes);
    }

    #[test]
    fn a_damaged_declaration_is_answered(at in 0..FULL.len(), with in any::<u8>()) {
        let mut bytes = FULL.as_bytes().to_vec();
        bytes[at] = with;
        let _answer = parse(&bytes);
    }

    #[test]
    fn a_graph_can_be_walked_to_its_end(edges in proptest::collection::vec((0..8_u8, 0..8_u8), 0..16)) {
        let letter = |n: u8| name(&char::from(b'a' + n).to_string());
        let mut services: BTreeMap<_, _> =
            (0..8).map(|n| (letter(n), read("command = '/x'").unwrap())).collect();
        for (from, to) in edges {
            services.get_mut(&letter(from)).unwrap().needs.push(letter(to));
        }
        if let Ok(graph) = Graph::new(services) {
            let mut done: Vec<ServiceName> = Vec::new();
            while let Some(next) = graph.services().keys().find(|name| {
                !done.contains(name) && graph.waits_for(name).all(|other| done.contains(other))
            }) {
                done.push(next.clone());
            }
            prop_assert_eq!(done.len(), 8);
        }
    }
}
