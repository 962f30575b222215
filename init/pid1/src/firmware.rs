//! What came before the kernel, as systemd-boot tells it (the Boot Loader Interface of UAPI):
//! two EFI variables that hold microseconds since power on, in UTF-16 digits.

use std::path::Path;

use contract::boot::Firmware;

const VARIABLES: &str = "/sys/firmware/efi/efivars";
const VENDOR: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

/// The times of the boot loader, if it left them.
#[must_use]
pub fn times() -> Option<Firmware> {
    Some(Firmware {
        loader_began_us: read("LoaderTimeInitUSec")?,
        kernel_image_began_us: read("LoaderTimeExecUSec")?,
    })
}

fn read(name: &str) -> Option<u64> {
    let bytes = std::fs::read(Path::new(VARIABLES).join(format!("{name}-{VENDOR}"))).ok()?;
    microseconds(&bytes)
}

/// Reads a variable's file: 4 bytes of attributes, then UTF-16, little-endian, ended by a NUL.
fn microseconds(bytes: &[u8]) -> Option<u64> {
    let (letters, _) = bytes.get(4..)?.as_chunks::<2>();
    let letters = letters.iter().map(|pair| u16::from_le_bytes(*pair)).take_while(|c| *c != 0);
    char::decode_utf16(letters).collect::<Result<String, _>>().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_variable_holds_digits() {
        assert_eq!(microseconds(b"\x06\0\0\x001\x002\x003\0\0\0"), Some(123));
        assert_eq!(microseconds(b"\x06\0\0\0-\x001\0"), None);
        assert_eq!(microseconds(b"\x06\0"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _answer = microseconds(&bytes);
        }
    }
}
