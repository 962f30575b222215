//! How a disk is laid out, so that the node finds what the builder wrote.
//!
//! Partition types are those of the Discoverable Partitions Specification (UAPI.2). The
//! identifiers of a root and its hash tree follow from the root hash, as section "Verity" of that
//! specification says: the first 128 bits name the root partition, the last 128 bits the tree. A
//! node that knows the root hash therefore knows which two partitions to look for, and a slot that
//! holds another version is never taken for it.

use std::fmt;

use crate::arch::Arch;
use crate::digest::Digest;

/// A GUID in the order of its text form (RFC 9562). GPT stores the first three fields
/// little-endian: see [`Guid::to_gpt_bytes`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(pub u128);

impl Guid {
    /// The 16 bytes in the order of the text form.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The 16 bytes as GPT and EFI variables store them (UEFI 2.10, appendix A).
    #[must_use]
    pub const fn to_gpt_bytes(self) -> [u8; 16] {
        swap_fields(self.to_bytes())
    }

    /// Reads what [`Guid::to_gpt_bytes`] wrote.
    #[must_use]
    pub const fn from_gpt_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(swap_fields(bytes)))
    }
}

const fn swap_fields(bytes: [u8; 16]) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
    [d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p]
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.to_bytes().iter().enumerate() {
            let dash = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guid({self})")
    }
}

/// What a partition is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The EFI system partition.
    Esp,
    /// A root file system of this architecture.
    Root(Arch),
    /// The dm-verity tree of such a root.
    RootVerity(Arch),
    /// The node's own state, kept over updates.
    State,
}

impl Role {
    /// The partition type GUID.
    #[must_use]
    pub const fn type_guid(self) -> Guid {
        Guid(match self {
            Self::Esp => 0xc12a7328_f81f_11d2_ba4b_00a0c93ec93b,
            Self::Root(Arch::X86_64) => 0x4f68bce3_e8cd_4db1_96e7_fbcaf984b709,
            Self::Root(Arch::Aarch64) => 0xb921b045_1df0_41c3_af44_4c6f280d3fae,
            Self::RootVerity(Arch::X86_64) => 0x2c7357ed_ebd2_46d9_aec1_23d437ec2bf5,
            Self::RootVerity(Arch::Aarch64) => 0xdf3300ce_d69f_4c92_978c_9bfb0f38d820,
            // The specification's "Variable Data": bound to nothing but this machine.
            Self::State => 0x4d21b016_b534_45c2_a9fb_5c16e091fd2d,
        })
    }
}

/// The partition that holds the root of this hash.
#[must_use]
pub fn root_guid(root_hash: &Digest) -> Guid {
    let [high, _] = halves(root_hash);
    Guid(high)
}

/// The partition that holds the hash tree of this hash.
#[must_use]
pub fn verity_guid(root_hash: &Digest) -> Guid {
    let [_, low] = halves(root_hash);
    Guid(low)
}

fn halves(digest: &Digest) -> [u128; 2] {
    let mut halves = [0_u128; 2];
    for (half, bytes) in halves.iter_mut().zip(digest.as_bytes().chunks_exact(16)) {
        *half = bytes.iter().fold(0, |value, byte| value << 8 | u128::from(*byte));
    }
    halves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn esp_type_is_stored_with_swapped_fields() {
        let guid = Role::Esp.type_guid();
        assert_eq!(guid.to_string(), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
        assert_eq!(guid.to_gpt_bytes()[..8], [0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11]);
        assert_eq!(Guid::from_gpt_bytes(guid.to_gpt_bytes()), guid);
    }

    #[test]
    fn root_and_verity_are_the_halves_of_the_root_hash() {
        let hash = Digest::of(b"");
        assert_eq!(root_guid(&hash).to_string(), "e3b0c442-98fc-1c14-9afb-f4c8996fb924");
        assert_eq!(verity_guid(&hash).to_string(), "27ae41e4-649b-934c-a495-991b7852b855");
    }
}
