use super::*;
use proptest::prelude::*;

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn stanza(changes: &[(&str, &str)]) -> String {
    let filename = "pool/main/s/sample/sample_1.0_amd64.deb";
    let mut fields = vec![
        ("Package", "sample"),
        ("Version", "1.0-1+b2"),
        ("Architecture", "amd64"),
        ("Size", "12"),
        ("Filename", filename),
        ("SHA256", EMPTY),
    ];
    for (name, value) in changes {
        fields.retain(|(field, _)| field != name);
        fields.push((name, value));
    }
    let lines = fields.iter().filter(|(_, value)| *value != "-");
    lines.map(|(name, value)| format!("{name}: {value}\n")).collect::<String>() + "\n"
}

fn fault(changes: &[(&str, &str)]) -> IndexFault {
    read(stanza(changes).as_bytes(), "amd64").unwrap_err().why
}

#[test]
fn a_package_is_read() {
    let text = stanza(&[
        ("Source", "origin (1.0-1)"),
        ("Depends", "libc6 (>= 2.38), a1 | b1"),
        ("Provides", "thing (= 2)"),
        ("Breaks", "old (<< 1)"),
        ("Essential", "yes"),
        ("Multi-Arch", "foreign"),
        ("Installed-Size", "77"),
    ]);
    let all = read(text.as_bytes(), "amd64").unwrap();
    let package = &all[0];
    assert_eq!((package.name, package.version.text()), ("sample", "1.0-1+b2"));
    assert_eq!((package.source, package.source_version), ("origin", "1.0-1"));
    assert_eq!((package.len_bytes, package.installed_kib), (12, 77));
    assert_eq!((package.essential, package.multi_arch), (true, MultiArch::Foreign));
    assert_eq!(package.depends().unwrap().len(), 2);
    assert_eq!(package.pre_depends().unwrap().len(), 0);
    assert_eq!(package.provides().unwrap()[0].to_string(), "thing (= 2)");
    assert_eq!(package.breaks().unwrap().len(), 1);
    assert!(package.recommends().unwrap().is_empty() && package.replaces().unwrap().is_empty());
    assert!(package.conflicts().unwrap().is_empty());
}

#[test]
fn a_source_of_the_same_name_is_not_said() {
    let text = stanza(&[]);
    let all = read(text.as_bytes(), "amd64").unwrap();
    assert_eq!((all[0].source, all[0].source_version), ("sample", "1.0-1+b2"));
    let text = stanza(&[("Source", "origin")]);
    let all = read(text.as_bytes(), "amd64").unwrap();
    assert_eq!((all[0].source, all[0].source_version), ("origin", "1.0-1+b2"));
}

#[test]
fn missing_fields_are_named() {
    for name in ["Package", "Version", "Architecture", "Size", "Filename", "SHA256"] {
        assert!(matches!(fault(&[(name, "-")]), IndexFault::NoField(field) if field == name));
    }
}

#[test]
fn what_is_not_to_be_installed_from_is_refused() {
    assert!(matches!(fault(&[("Package", "../x")]), IndexFault::Name));
    assert!(matches!(fault(&[("Version", "1 0")]), IndexFault::Version(_)));
    assert!(matches!(fault(&[("Architecture", "arm64")]), IndexFault::Architecture(_)));
    assert!(matches!(fault(&[("Size", "12x")]), IndexFault::Number("Size")));
    assert!(matches!(fault(&[("Size", "+12")]), IndexFault::Number("Size")));
    assert!(matches!(fault(&[("Size", "99999999999999999999")]), IndexFault::Number("Size")));
    assert!(matches!(fault(&[("SHA256", "e3b0")]), IndexFault::Digest(_)));
    assert!(matches!(fault(&[("Essential", "maybe")]), IndexFault::Word("Essential", _)));
    assert!(matches!(fault(&[("Multi-Arch", "maybe")]), IndexFault::Word("Multi-Arch", _)));
    assert!(matches!(fault(&[("Source", "or igin")]), IndexFault::Word("Source", _)));
    assert!(matches!(fault(&[("Source", "origin (1")]), IndexFault::Word("Source", _)));
    for path in
        ["/pool/a.deb", "pool/../../a.deb", "../a.deb", "pool//a.deb", "pool/a.rpm", "a\n .deb"]
    {
        assert!(matches!(fault(&[("Filename", path)]), IndexFault::Filename(_)), "{path}");
    }
}

#[test]
fn a_field_or_a_package_twice_is_refused() {
    let twice = format!("{}Size: 13\n", stanza(&[]).trim_end().to_owned() + "\n");
    let error = read(twice.as_bytes(), "amd64").unwrap_err();
    assert_eq!(error.line, 7);
    assert!(matches!(error.why, IndexFault::Control(_)));
    let again = stanza(&[]) + &stanza(&[]);
    let error = read(again.as_bytes(), "amd64").unwrap_err();
    assert!(matches!(error.why, IndexFault::Twice));
    assert_eq!(error.line, 8);
    let two = stanza(&[]) + &stanza(&[("Version", "2")]);
    assert_eq!(read(two.as_bytes(), "amd64").unwrap().len(), 2);
}

#[test]
fn a_wrong_relation_names_its_field() {
    let text = stanza(&[("Breaks", "a1 | b1")]);
    let all = read(text.as_bytes(), "amd64").unwrap();
    let error = all[0].breaks().unwrap_err();
    assert!(matches!(error.why, IndexFault::Relation("Breaks", _)));
    assert_eq!(
        error.to_string(),
        "line 1: package `sample`: the field `Breaks`: `a1 | b1`: no alternatives belong here"
    );
}

proptest! {
    #[test]
    fn any_bytes_give_a_list_or_an_error(
        bytes in proptest::collection::vec(any::<u8>(), 0..200), place: usize, byte: u8,
    ) {
        drop(read(&bytes, "amd64"));
        let mut text = stanza(&[("Depends", "a1 | b1 (>= 2)")]).into_bytes();
        let place = place % text.len();
        text[place] = byte;
        if let Ok(all) = read(&text, "amd64") {
            for package in all {
                drop((package.depends(), package.provides()));
            }
        }
    }
}
