//! Machines: QEMU with the firmware, the disk and the console an image is tried on.
//!
//! QEMU and its firmware come from a tool tree, so nothing is asked of the host. A [`Machine`] is
//! plain data; [`Machine::command`] turns it into the one command line that starts it. The devices
//! are those of a commodity server in the cloud (virtio on PCIe, UEFI, one serial port), chosen by
//! hand: QEMU's own defaults change between versions.

use std::path::{Path, PathBuf};

use contract::arch::Arch;

use crate::failure::Failure;
use crate::runner::Command;
use crate::tools::ToolTree;

mod accelerator;
mod monitor;

pub use accelerator::{Accelerator, probe};
pub use monitor::Monitor;

/// A machine to start.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Its architecture.
    pub arch: Arch,
    /// Who runs its instructions.
    pub accelerator: Accelerator,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Processors.
    pub cpus: u32,
    /// How it starts.
    pub boot: Boot,
    /// Disks, the one it starts from first.
    pub disks: Vec<Disk>,
    /// How it is connected.
    pub network: Network,
    /// Where its serial port leads.
    pub serial: Serial,
    /// A socket for the machine monitor (QMP), made by QEMU.
    pub monitor: Option<PathBuf>,
    /// Whether KVM can be used inside it: SVM on x86-64, the virtualization extensions on ARM64.
    pub nested: bool,
    /// Further words for QEMU.
    pub further: Vec<String>,
}

/// How a machine starts.
#[derive(Debug, Clone)]
pub enum Boot {
    /// UEFI firmware, which looks for a boot loader on the disks. The file keeps its variables and
    /// is made from the template where it is missing.
    Firmware {
        /// The variables.
        variables: PathBuf,
    },
    /// A kernel given to QEMU directly, for measuring the kernel alone.
    Kernel {
        /// The kernel or UKI.
        kernel: PathBuf,
        /// Its initrd.
        initrd: Option<PathBuf>,
        /// Its command line.
        command_line: String,
    },
}

/// A disk.
#[derive(Debug, Clone)]
pub struct Disk {
    /// The file, raw.
    pub path: PathBuf,
    /// Whether writes reach the file.
    pub writes: Writes,
    /// What it looks like to the machine.
    pub bus: Bus,
}

/// Where writes to a disk go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// Into the file.
    Kept,
    /// Into a temporary file that goes with the machine.
    ThrownAway,
}

/// What a disk looks like to the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bus {
    /// virtio-blk.
    Virtio,
    /// An NVMe drive.
    Nvme,
    /// A SATA drive on AHCI.
    Ahci,
}

/// How a machine is connected.
#[derive(Debug, Clone)]
pub enum Network {
    /// No network card.
    None,
    /// QEMU's user network, with ports of 127.0.0.1 led to ports of the machine: (here, there).
    User {
        /// The ports.
        forwards: Vec<(u16, u16)>,
    },
}

/// Where the serial port leads.
#[derive(Debug, Clone)]
pub enum Serial {
    /// To our terminal, shared with QEMU's monitor (Ctrl-a c switches, Ctrl-a x ends).
    Terminal,
    /// Into a file.
    File(PathBuf),
    /// Nowhere: the machine has none.
    None,
}

impl Machine {
    /// A machine with one disk that boots through its firmware, and nothing else unusual.
    #[must_use]
    pub fn new(arch: Arch, accelerator: Accelerator, disk: Disk, variables: PathBuf) -> Self {
        Self {
            arch,
            accelerator,
            memory_mib: 1024,
            cpus: 2,
            boot: Boot::Firmware { variables },
            disks: vec![disk],
            network: Network::User { forwards: Vec::new() },
            serial: Serial::Terminal,
            monitor: None,
            nested: false,
            further: Vec::new(),
        }
    }

    /// The command that starts it. The file of firmware variables is made where it is missing.
    ///
    /// # Errors
    /// The tool tree has no QEMU or firmware for it, or the variables cannot be written.
    pub fn command(&self, tools: &ToolTree) -> Result<Command, Failure> {
        let program = format!("usr/bin/qemu-system-{}", self.arch);
        let missing = |error| {
            Failure::ours(format!("the tool tree has no QEMU for {}", self.arch)).because(error)
        };
        let mut words = vec!["-nodefaults".to_owned(), "-no-user-config".to_owned()];
        words.extend(["-display", "none", "-vga", "none"].map(str::to_owned));
        for folder in ["usr/share/qemu", "usr/share/seabios", "usr/lib/ipxe/qemu"] {
            words.extend(["-L".to_owned(), text(&tools.path(folder))]);
        }
        words.extend(self.board());
        words.extend(self.boot_words(tools)?);
        for (index, disk) in self.disks.iter().enumerate() {
            words.extend(disk.words(index));
        }
        words.extend(self.network.words());
        words.extend(self.serial.words());
        if let Some(path) = &self.monitor {
            words.extend(["-qmp".into(), format!("unix:{},server=on,wait=off", comma(path))]);
        }
        words.extend(["-device", "virtio-rng-pci"].map(str::to_owned));
        words.extend(self.further.iter().cloned());
        Ok(tools.command(&program).map_err(missing)?.args(words))
    }

    fn board(&self) -> Vec<String> {
        let nested = match (self.arch, self.nested) {
            (Arch::Aarch64, true) => ",virtualization=on",
            _ => "",
        };
        let board = match self.arch {
            Arch::X86_64 => "q35,smm=off,vmport=off",
            Arch::Aarch64 => "virt,gic-version=3,acpi=on",
        };
        let mut words = vec!["-machine".into(), format!("{board}{nested}")];
        words.extend(["-accel".into(), self.accelerator.words().to_owned()]);
        words.extend(["-cpu".into(), self.accelerator.cpu(self.arch).to_owned()]);
        words.extend(["-m".into(), format!("{}M", self.memory_mib)]);
        words.extend(["-smp".into(), self.cpus.to_string()]);
        words
    }

    fn boot_words(&self, tools: &ToolTree) -> Result<Vec<String>, Failure> {
        match &self.boot {
            Boot::Firmware { variables } => {
                let (code, template) = firmware(self.arch);
                if !variables.exists() {
                    std::fs::copy(tools.path(template), variables).map_err(|error| {
                        let path = variables.display();
                        Failure::machine(format!("writing firmware variables to `{path}`"))
                            .because(error)
                    })?;
                }
                let flash = |unit: u8, path: &Path, more: &str| {
                    let path = comma(path);
                    format!("if=pflash,unit={unit},format=raw,file={path}{more}")
                };
                Ok(vec![
                    "-drive".into(),
                    flash(0, &tools.path(code), ",readonly=on"),
                    "-drive".into(),
                    flash(1, variables, ""),
                ])
            }
            Boot::Kernel { kernel, initrd, command_line } => {
                let mut words = vec!["-kernel".into(), text(kernel)];
                if let Some(initrd) = initrd {
                    words.extend(["-initrd".into(), text(initrd)]);
                }
                words.extend(["-append".into(), command_line.clone()]);
                Ok(words)
            }
        }
    }
}

/// The firmware's code and the template of its variables, in Debian's packages `ovmf` and
/// `qemu-efi-aarch64`. Both variants know no Secure Boot keys.
const fn firmware(arch: Arch) -> (&'static str, &'static str) {
    match arch {
        Arch::X86_64 => ("usr/share/OVMF/OVMF_CODE_4M.fd", "usr/share/OVMF/OVMF_VARS_4M.fd"),
        Arch::Aarch64 => {
            ("usr/share/AAVMF/AAVMF_CODE.no-secboot.fd", "usr/share/AAVMF/AAVMF_VARS.fd")
        }
    }
}

impl Disk {
    fn words(&self, index: usize) -> Vec<String> {
        let snapshot = match self.writes {
            Writes::Kept => "off",
            Writes::ThrownAway => "on",
        };
        let path = comma(&self.path);
        let drive = format!(
            "if=none,id=disk{index},format=raw,cache=unsafe,discard=unmap,snapshot={snapshot},file={path}"
        );
        let device = match self.bus {
            Bus::Virtio => format!("virtio-blk-pci,drive=disk{index}"),
            Bus::Nvme => format!("nvme,drive=disk{index},serial=disk{index}"),
            Bus::Ahci => {
                return vec![
                    "-drive".into(),
                    drive,
                    "-device".into(),
                    format!("ich9-ahci,id=ahci{index}"),
                    "-device".into(),
                    format!("ide-hd,bus=ahci{index}.0,drive=disk{index},bootindex={}", index + 1),
                ];
            }
        };
        let device = format!("{device},bootindex={}", index + 1);
        vec!["-drive".into(), drive, "-device".into(), device]
    }
}

impl Network {
    fn words(&self) -> Vec<String> {
        match self {
            Self::None => Vec::new(),
            Self::User { forwards } => {
                let mut user = "user,id=net0".to_owned();
                for (here, there) in forwards {
                    user.push_str(&format!(",hostfwd=tcp:127.0.0.1:{here}-:{there}"));
                }
                let card = "virtio-net-pci,netdev=net0,romfile=";
                vec!["-netdev".into(), user, "-device".into(), card.into()]
            }
        }
    }
}

impl Serial {
    fn words(&self) -> Vec<String> {
        match self {
            Self::Terminal => vec!["-serial".into(), "mon:stdio".into()],
            Self::File(path) => vec!["-serial".into(), format!("file:{}", comma(path))],
            Self::None => vec!["-serial".into(), "none".into()],
        }
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A path inside a comma-separated option, where a comma is written twice.
fn comma(path: &Path) -> String {
    text(path).replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(path: &str, bus: Bus) -> Disk {
        Disk { path: path.into(), writes: Writes::ThrownAway, bus }
    }

    #[test]
    fn a_comma_in_a_path_stays_in_the_path() {
        let words = disk("/a,b", Bus::Virtio).words(0);
        assert!(words[1].ends_with("file=/a,,b"), "{words:?}");
    }

    #[test]
    fn every_disk_has_its_own_name_and_place() {
        for bus in [Bus::Virtio, Bus::Nvme, Bus::Ahci] {
            let words = disk("/a", bus).words(1).join(" ");
            assert!(words.contains("drive=disk1") && words.contains("bootindex=2"), "{words}");
        }
    }
}
