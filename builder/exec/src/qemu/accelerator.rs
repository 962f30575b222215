//! Who runs a machine's instructions, found out by running some.
//!
//! A device node that opens proves little: there are hosts where `/dev/kvm` is there, a machine
//! can be made, and no guest runs. So a guest of a few instructions is run with the very processor
//! that machines would get. It ends by itself; one that does not is ended after a moment, and
//! emulation is used.

use std::path::Path;
use std::time::Duration;

use contract::arch::Arch;

use crate::failure::Failure;
use crate::runner::Ending;
use crate::tools::ToolTree;

/// Who runs a machine's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accelerator {
    /// The processor itself, through KVM.
    Kvm,
    /// QEMU's translator.
    Emulation,
}

/// How long the guest of a few instructions may take. It takes a tenth of a second.
const PATIENCE: Duration = Duration::from_secs(5);

/// The port of the device that ends QEMU with what is written to it, and what we write. QEMU's
/// exit code is then `value << 1 | 1`.
const EXIT_VALUE: u8 = 0x10;

impl Accelerator {
    /// For `-accel`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Emulation => "tcg,thread=multi",
        }
    }

    /// For `-cpu`. Emulated ARM64 pointer authentication with the real cipher is slow and protects
    /// nobody here.
    #[must_use]
    pub const fn cpu(self, arch: Arch) -> &'static str {
        match (self, arch) {
            (Self::Kvm, _) => "host",
            (Self::Emulation, Arch::X86_64) => "max",
            (Self::Emulation, Arch::Aarch64) => "max,pauth-impdef=on",
        }
    }

    /// In words.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Kvm => "KVM (a guest was run on it)",
            Self::Emulation => "emulation (no guest runs on KVM here)",
        }
    }
}

/// The accelerator for machines of this architecture.
///
/// # Errors
/// The probe's guest cannot be written, or QEMU is not in the tree.
pub fn probe(arch: Arch, tools: &ToolTree, scratch: &Path) -> Result<Accelerator, Failure> {
    if Arch::of_this_program() != Some(arch) {
        return Ok(Accelerator::Emulation);
    }
    let guest = scratch.join("accelerator-probe.bin");
    std::fs::write(&guest, guest_of(arch)).map_err(|error| {
        Failure::machine(format!("writing `{}`", guest.display())).because(error)
    })?;
    let command = tools
        .command(&format!("usr/bin/qemu-system-{arch}"))
        .map_err(|error| Failure::ours("the tool tree has no QEMU").because(error))?
        .args(["-nodefaults", "-no-user-config", "-display", "none", "-m", "64"])
        .args(["-L".as_ref(), tools.path("usr/share/qemu").as_os_str()])
        .args(["-accel", Accelerator::Kvm.words(), "-cpu", Accelerator::Kvm.cpu(arch)])
        .args(board(arch))
        .arg("-bios")
        .arg(&guest)
        .time_limit(PATIENCE);
    match command.finish() {
        Ok(finished) if finished.ending == Ending::Code(expected(arch)) => Ok(Accelerator::Kvm),
        Ok(_) | Err(_) => Ok(Accelerator::Emulation),
    }
}

fn board(arch: Arch) -> &'static [&'static str] {
    match arch {
        Arch::X86_64 => &["-machine", "pc", "-device", "isa-debug-exit,iobase=0xf4,iosize=1"],
        Arch::Aarch64 => &["-machine", "virt,gic-version=host"],
    }
}

const fn expected(arch: Arch) -> i32 {
    match arch {
        Arch::X86_64 => 0x21,
        // The guest asks the firmware interface (PSCI) to switch the machine off.
        Arch::Aarch64 => 0,
    }
}

/// The guest, as a ROM. x86-64 begins at the last 16 bytes of a 64 KiB ROM (Intel SDM, volume 3,
/// section 11.1.4): `mov dx, 0xf4; mov al, VALUE; out dx, al; hlt; jmp .-1`. ARM64 begins at the
/// first instruction: `mov w0, SYSTEM_OFF (0x84000008, PSCI 1.3, section 5.10); hvc #0; b .`.
fn guest_of(arch: Arch) -> Vec<u8> {
    match arch {
        Arch::X86_64 => {
            const CODE: [u8; 16] =
                [0xba, 0xf4, 0, 0xb0, EXIT_VALUE, 0xee, 0xf4, 0xeb, 0xfd, 0, 0, 0, 0, 0, 0, 0];
            let mut rom = vec![0xf4; (64 << 10) - CODE.len()];
            rom.extend(CODE);
            rom
        }
        Arch::Aarch64 => {
            let code: [u32; 4] = [0x5280_0100, 0x72b0_8000, 0xd400_0002, 0x1400_0000];
            code.iter().flat_map(|word| word.to_le_bytes()).collect()
        }
    }
}
