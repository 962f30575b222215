//! Announcements of devices, and the `uevent` files below `/sys` that say the same.

/// What an announcement says, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Uevent<'a> {
    /// `add`, `remove`, `change`, …; empty in a file.
    pub action: &'a str,
    /// The kind of device: `block`, `input`, …
    pub subsystem: Option<&'a str>,
    /// The name below `/dev`.
    pub device_name: Option<&'a str>,
    /// What a driver is looked for by.
    pub modalias: Option<&'a str>,
    /// A partition's number on its disk.
    pub partition_number: Option<u32>,
}

/// Reads an announcement: `action@path` and `KEY=value`s, each ended by a NUL.
#[must_use]
pub fn parse_event(bytes: &[u8]) -> Option<Uevent<'_>> {
    let mut fields = bytes.split(|byte| *byte == 0);
    let head = std::str::from_utf8(fields.next()?).ok()?;
    let (action, _path) = head.split_once('@')?;
    Some(parse_fields(action, fields.filter_map(|field| std::str::from_utf8(field).ok())))
}

/// Reads a `uevent` file: a `KEY=value` a line.
#[must_use]
pub fn parse_file(text: &str) -> Uevent<'_> {
    parse_fields("", text.lines())
}

fn parse_fields<'a>(action: &'a str, fields: impl Iterator<Item = &'a str>) -> Uevent<'a> {
    let mut event = Uevent { action, ..Uevent::default() };
    for (key, value) in fields.filter_map(|field| field.split_once('=')) {
        let place = match key {
            "SUBSYSTEM" => &mut event.subsystem,
            "DEVNAME" => &mut event.device_name,
            "MODALIAS" => &mut event.modalias,
            "PARTN" => {
                event.partition_number = value.parse().ok();
                continue;
            }
            _ => continue,
        };
        *place = Some(value);
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_announcement_is_read() {
        let bytes =
            b"add@/devices/x\0ACTION=add\0SUBSYSTEM=input\0DEVNAME=input/event0\0SEQNUM=1\0";
        let event = parse_event(bytes).unwrap();
        assert_eq!((event.action, event.subsystem), ("add", Some("input")));
        assert_eq!(event.device_name, Some("input/event0"));
        assert_eq!(event.modalias, None);
    }

    #[test]
    fn a_partition_says_its_number() {
        let event =
            parse_file("MAJOR=254\nDEVNAME=vda2\nDEVTYPE=partition\nPARTN=2\nPARTNAME=a=b\n");
        assert_eq!((event.device_name, event.partition_number), (Some("vda2"), Some(2)));
        assert_eq!(parse_file("DEVNAME=vda\nPARTN=x\n").partition_number, None);
    }

    #[test]
    fn the_announcement_of_another_program_is_none() {
        assert_eq!(parse_event(b"libudev\0\xfe\xed\xca\xfe"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _event = parse_event(&bytes);
            let _event = parse_file(&String::from_utf8_lossy(&bytes));
        }
    }
}
