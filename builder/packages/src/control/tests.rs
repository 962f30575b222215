use super::*;
use proptest::prelude::*;

fn fault(text: &str) -> (usize, ControlFault) {
    let error = stanzas(text).find_map(Result::err).unwrap();
    (error.line, error.why)
}

#[test]
fn stanzas_are_parted_by_empty_lines() {
    let text = "\nPackage: a\nVersion:1\n\n\nPackage:\tb\nDescription: short\n long\n .\n more\n";
    let all: Vec<_> = stanzas(text).map(Result::unwrap).collect();
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].line(), all[1].line()), (2, 6));
    assert_eq!(all[0].get("version"), Some("1"));
    assert_eq!(all[1].get("Package"), Some("b"));
    assert_eq!(all[1].get("Description"), Some("short\n long\n .\n more"));
    assert_eq!(all[1].field("Description").unwrap().line, 7);
}

#[test]
fn a_value_may_be_empty_or_begin_on_the_next_line() {
    let stanza = single("Conffiles:\n /etc/a 1\nEmpty:\nLast: x").unwrap();
    assert_eq!(stanza.get("Conffiles"), Some("/etc/a 1"));
    assert_eq!(stanza.get("Empty"), Some(""));
    assert_eq!(stanza.get("Last"), Some("x"));
    assert_eq!(stanza.fields().len(), 3);
}

#[test]
fn a_field_twice_is_refused_whatever_its_case() {
    assert_eq!(fault("A: 1\nB: 2\na: 3\n"), (3, ControlFault::Twice("a".to_owned())));
}

#[test]
fn what_is_neither_field_nor_continuation_is_refused_with_its_line() {
    assert_eq!(fault("A: 1\n\n continued\n"), (3, ControlFault::NothingToContinue));
    assert_eq!(fault("A: 1\nword\n"), (2, ControlFault::NoColon));
    assert_eq!(fault("A: 1\n \nB: 2\n"), (2, ControlFault::Blank));
    assert_eq!(fault("A b: 1\n"), (1, ControlFault::Name("A b".to_owned())));
    assert_eq!(fault("A: 1\n# note: 1\n"), (2, ControlFault::Name("# note".to_owned())));
    assert_eq!(fault("A: 1\n: 1\n"), (2, ControlFault::Name(String::new())));
    let many: String = (0..=FIELDS).map(|number| format!("F{number}: x\n")).collect();
    assert_eq!(fault(&many), (FIELDS + 1, ControlFault::TooMany));
}

#[test]
fn one_stanza_means_one() {
    assert_eq!(single("").unwrap_err().why, ControlFault::NotOne(0));
    assert_eq!(single("A: 1\n\nB: 2\n").unwrap_err().why, ControlFault::NotOne(2));
}

#[test]
fn other_encodings_are_refused_with_their_line() {
    let error = text(b"A: 1\nB: \xff\n").unwrap_err();
    assert_eq!((error.line, error.why), (2, ControlFault::NotUtf8));
}

proptest! {
    #[test]
    fn what_was_written_is_read(values in proptest::collection::vec("[a-z]{1,9}(\n [a-z]{1,9}){0,3}", 1..20)) {
        let text: String =
            values.iter().enumerate().map(|(number, value)| format!("F{number}: {value}\n")).collect();
        let stanza = single(&text).unwrap();
        let read: Vec<_> = stanza.fields().iter().map(|field| field.value).collect();
        prop_assert_eq!(read, values);
    }

    #[test]
    fn any_text_gives_stanzas_or_one_error(text in "([A-C]:?|[ \t\n]|#|\\PC){0,60}") {
        let mut ended = false;
        for stanza in stanzas(&text) {
            prop_assert!(!ended);
            match stanza {
                Ok(stanza) => prop_assert!(!stanza.fields().is_empty()),
                Err(error) => {
                    prop_assert!(error.line <= text.lines().count());
                    ended = true;
                }
            }
        }
    }
}
