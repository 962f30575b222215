//! The power button: input devices that have the key, and the press of it.
//!
//! An event is 24 bytes in the machine's byte order (`struct input_event` of `linux/input.h` on
//! 64-bit machines): 16 of time, 2 of type, 2 of code, 4 of value.

/// The key's number in `linux/input-event-codes.h`.
const KEY_POWER: u16 = 116;

/// The type of key events.
const EV_KEY: u16 = 1;

/// The value of a key that goes down; 0 is up, 2 is held.
const DOWN: i32 = 1;

/// The length of one event.
pub const EVENT_BYTES: usize = 24;

/// Whether the power key goes down in any of these events. An incomplete last one is passed over.
#[must_use]
pub fn power_pressed(events: &[u8]) -> bool {
    let (events, _rest) = events.as_chunks::<EVENT_BYTES>();
    events.iter().any(|event| {
        let [.., t0, t1, c0, c1, v0, v1, v2, v3] = *event;
        u16::from_ne_bytes([t0, t1]) == EV_KEY
            && u16::from_ne_bytes([c0, c1]) == KEY_POWER
            && i32::from_ne_bytes([v0, v1, v2, v3]) == DOWN
    })
}

/// Whether a device has the power key, from its `capabilities/key` in `/sys`: 64-bit words in
/// hexadecimal, the highest first, each bit a key.
#[must_use]
pub fn has_power_key(capabilities: &str) -> bool {
    let word = usize::from(KEY_POWER / 64);
    let bit = u32::from(KEY_POWER % 64);
    capabilities
        .split_ascii_whitespace()
        .rev()
        .nth(word)
        .and_then(|word| u64::from_str_radix(word, 16).ok())
        .is_some_and(|word| word.wrapping_shr(bit) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(kind: u16, code: u16, value: i32) -> Vec<u8> {
        let mut bytes = vec![0; 16];
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(code.to_ne_bytes());
        bytes.extend(value.to_ne_bytes());
        bytes
    }

    #[test]
    fn only_the_power_key_going_down_is_a_press() {
        assert!(power_pressed(&[event(4, 4, 1), event(1, 116, 1), event(0, 0, 0)].concat()));
        for other in [event(1, 116, 0), event(1, 116, 2), event(1, 30, 1), event(2, 116, 1)] {
            assert!(!power_pressed(&other));
        }
        assert!(!power_pressed(&event(1, 116, 1)[..23]));
    }

    #[test]
    fn a_power_button_and_a_keyboard_have_the_key_and_a_mouse_has_not() {
        assert!(has_power_key("10000000000000 0\n"));
        assert!(has_power_key("402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe"));
        assert!(!has_power_key("70000 0 0 0 0"));
        assert!(!has_power_key(""));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _answer = power_pressed(&bytes);
            let _answer = has_power_key(&String::from_utf8_lossy(&bytes));
        }
    }
}
