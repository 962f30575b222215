//! What is declared becomes the files that the node reads.

use contract::arch::Arch;
use recipe::declared::FileKind;

const RECIPE: &str = r#"summary = "x"
[kernel]
arguments = ["quiet"]
[[kernel.modules]]
names = ["vhost-net", "tun"]
why = "no device asks for them"
load = true
[[kernel.modules]]
names = ["dm-verity"]
why = "the root"
initrd = true
load = true
[sysctl]
"vm.swappiness" = 1
"kernel.panic" = "10"
[service.b]
command = "/b"
readiness = { unix = "/run/b" }
arch = "x86_64"
[service.a]
command = "/a"
needs = ["kernel", "b"]
"#;

#[test]
fn modules_settings_and_services_become_files() {
    let assembly = crate::world::build(&crate::world::files(RECIPE, ""), Arch::X86_64).unwrap();
    let files = assembly.follows();
    let text = |path: &str| {
        let file = files.iter().find(|file| file.path == path).unwrap();
        match &file.kind {
            FileKind::Regular(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            _ => unreachable!("{path} is a regular file"),
        }
    };
    assert_eq!(text("usr/lib/modules-load.d/ashlar.conf"), "tun\nvhost_net\n");
    assert_eq!(text("usr/lib/sysctl.d/ashlar.conf"), "kernel.panic = 10\nvm.swappiness = 1\n");
    for (service, path) in assembly
        .services
        .iter()
        .zip(["usr/lib/ashlar/services/a.toml", "usr/lib/ashlar/services/b.toml"])
    {
        let declaration = contract::service::parse(text(path).as_bytes()).unwrap();
        assert_eq!(declaration, service.declaration);
        assert!(!text(path).contains("arch"));
    }
    assert_eq!(files.len(), 4);
    assert_eq!(assembly.initrd_loads(), "dm_verity\n");
}

#[test]
fn nothing_declared_nothing_made() {
    let assembly =
        crate::world::build(&crate::world::files("summary = 'x'", ""), Arch::Aarch64).unwrap();
    assert_eq!(assembly.follows(), []);
    assert_eq!(assembly.initrd_loads(), "");
}
