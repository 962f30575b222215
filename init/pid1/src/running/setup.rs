//! Everything before the first service: mounts, names, declarations, sockets.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use contract::service::{
    DIRECTORY, Graph, KERNEL, ROOT_CHECK, Readiness, Service, ServiceName, parse,
};
use sys::dm::Device;

use super::control::Control;
use super::units::Units;
use crate::console::Console;
use crate::halt::{Halt, OrHalt, Reason};
use crate::phases::Node;
use crate::{mounts, state, worker};

/// How many files a service may open when it begins, and how far it may raise that: what
/// `select(2)` can count, and what runtimes with thousands of guests ask for.
const OPEN_FILES: (u64, u64) = (1024, 524_288);

pub(super) fn prepare(node: &mut Node, device: &Device) -> Result<(Units, Control), Halt> {
    node.console = Console::open();
    let mut problems = mounts::mount_all(mounts::ROOT);
    match state::mount_var(node.command_line.state) {
        Ok(notices) => problems.extend(notices),
        Err(error) => problems.push(format!("mount /var: {error}")),
    }
    problems.extend(name_machine());
    problems.extend(sys::loopback::up().err().map(|error| format!("loopback: {error}")));
    let (soft, hard) = OPEN_FILES;
    let limited = sys::process::limit_open_files(soft, hard);
    problems.extend(limited.err().map(|error| format!("limit of open files: {error}")));
    problems.into_iter().for_each(|problem| node.notice(problem));
    let graph = read_services()?;
    let units = Units::new(graph, built_in(device)?)?;
    let control =
        Control::open().or_halt(Reason::Internal, || "open the control socket".to_owned())?;
    Ok((units, control))
}

fn name_machine() -> Option<String> {
    let name = fs::read_to_string("/etc/hostname").unwrap_or_default();
    let name = Some(name.trim()).filter(|name| !name.is_empty()).unwrap_or("ashlar");
    fs::write("/proc/sys/kernel/hostname", name).err().map(|error| format!("host name: {error}"))
}

fn read_services() -> Result<Graph, Halt> {
    let mut services = BTreeMap::new();
    let directory = Path::new(DIRECTORY);
    for path in files_in(directory)? {
        let Some(name) = path.strip_suffix(".toml") else { continue };
        let doing = || format!("read {DIRECTORY}/{path}");
        let name: ServiceName = name.parse().or_halt(Reason::Services, doing)?;
        let bytes = fs::read(directory.join(&path)).or_halt(Reason::Services, doing)?;
        services.insert(name, parse(&bytes).or_halt(Reason::Services, doing)?);
    }
    Graph::new(services).or_halt(Reason::Services, || format!("put {DIRECTORY} in order"))
}

/// An image without the directory is one without services.
fn files_in(directory: &Path) -> Result<Vec<String>, Halt> {
    if !crate::loading::exists(directory) {
        return Ok(Vec::new());
    }
    let list = || -> std::io::Result<Vec<String>> {
        let names = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name()));
        let names: Vec<_> = names.collect::<std::io::Result<_>>()?;
        Ok(names.iter().map(|name| name.to_string_lossy().into_owned()).collect())
    };
    list().or_halt(Reason::Services, || format!("list {DIRECTORY}"))
}

/// The two services that are ours. The root must be good; drivers that take long must not make
/// the boot fail, so `kernel` is waited for and not judged.
fn built_in(device: &Device) -> Result<BTreeMap<ServiceName, Service>, Halt> {
    let node = device.node.display().to_string();
    let kernel = own(&["kernel"], KERNEL_WITHIN_MS, false)?;
    let check = own(&["root-check", &node], CHECK_WITHIN_MS, true)?;
    [(KERNEL, kernel), (ROOT_CHECK, check)]
        .into_iter()
        .map(|(name, service)| {
            let name: ServiceName =
                name.parse().or_halt(Reason::Internal, || "name it".to_owned())?;
            Ok((name, service))
        })
        .collect()
}

fn own(arguments: &[&str], ready_within_ms: u32, required: bool) -> Result<Service, Halt> {
    let text = format!("command = '{}'", worker::OURSELVES);
    let service = parse(text.as_bytes()).or_halt(Reason::Internal, || "declare it".to_owned())?;
    let restart =
        contract::service::Restart { when: contract::service::When::Never, ..service.restart };
    Ok(Service {
        arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
        readiness: Readiness::Exit,
        ready_within_ms,
        required,
        restart,
        ..service
    })
}

/// Drivers of a large server take ten seconds; two minutes is one that hangs.
const KERNEL_WITHIN_MS: u32 = 120_000;

/// Reading through 200 MB from a slow stick takes ten seconds; five minutes is a broken one.
const CHECK_WITHIN_MS: u32 = 300_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_services_have_the_names_kept_for_them() {
        let device = Device { name: "root".into(), node: "/dev/dm-0".into() };
        let services = built_in(&device).unwrap();
        let names: Vec<_> = services.keys().map(ServiceName::as_str).collect();
        assert_eq!(names, contract::service::BUILT_IN);
        assert!(services.values().all(|service| service.check().is_ok()));
    }
}
