use super::*;
use crate::version::VersionFault;
use proptest::prelude::*;

fn why(text: &str) -> RelationFault {
    clauses(text).unwrap_err().why
}

#[test]
fn clauses_and_alternatives() {
    let all = clauses("libc6 (>= 2.38), crun|runc:any (<<2),\n perl:native, a0:arm64").unwrap();
    let words: Vec<_> = all.iter().map(ToString::to_string).collect();
    let expected = ["libc6 (>= 2.38)", "crun | runc:any (<< 2)", "perl:native", "a0:arm64"];
    assert_eq!(words, expected);
    assert_eq!(clauses("").unwrap(), []);
    assert_eq!(clauses(" \n").unwrap(), []);
}

#[test]
fn operators_mean_what_the_manual_says() {
    for (text, admitted) in [
        ("aa (<< 2)", [true, false, false]),
        ("aa (<= 2)", [true, true, false]),
        ("aa (= 2)", [false, true, false]),
        ("aa (>= 2)", [false, true, true]),
        ("aa (>> 2)", [false, false, true]),
        ("aa", [true, true, true]),
    ] {
        let relation = relation(text).unwrap();
        let found = ["1", "2", "3"].map(|each| relation.admits(Version::parse(each).unwrap()));
        assert_eq!(found, admitted, "{text}");
    }
}

#[test]
fn other_text_says_what_is_wrong() {
    assert_eq!(why("a"), RelationFault::Name);
    assert_eq!(why("Upper"), RelationFault::Name);
    assert_eq!(why("aa,,bb"), RelationFault::Name);
    assert_eq!(why("aa,"), RelationFault::Name);
    assert_eq!(why("aa | "), RelationFault::Name);
    assert_eq!(why("aa [amd64]"), RelationFault::Name);
    assert_eq!(why("aa:"), RelationFault::Qualifier);
    assert_eq!(why("aa:A"), RelationFault::Qualifier);
    assert_eq!(why("aa (= 1"), RelationFault::Bracket);
    assert_eq!(why("aa (= 1) <!nocheck>"), RelationFault::Bracket);
    assert_eq!(why("aa (< 1)"), RelationFault::Operator);
    assert_eq!(why("aa (1)"), RelationFault::Operator);
    let RelationFault::Version(error) = why("aa (= )") else { panic!() };
    assert_eq!(error.why, VersionFault::Empty);
    let many = vec!["aa"; RELATIONS + 1];
    assert_eq!(why(&many.join("|")), RelationFault::TooMany);
    assert_eq!(why(&many.join(",")), RelationFault::TooMany);
    assert_eq!(relations(&many.join(",")).unwrap_err().why, RelationFault::TooMany);
}

#[test]
fn some_fields_have_no_alternatives_and_provides_only_equals() {
    assert_eq!(relations("aa | bb").unwrap_err().why, RelationFault::Alternatives);
    assert_eq!(provides("aa (>= 1)").unwrap_err().why, RelationFault::ProvidesOperator);
    assert_eq!(provides("aa (= 1), bb").unwrap().len(), 2);
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        text in "[a-z][a-z0-9+.-]{1,8}(:any|:native|:arm64)?( \\((<<|<=|=|>=|>>) [0-9][a-z0-9.]{0,5}\\))?\
                 ( \\| [a-z][a-z0-9]{1,8}){0,2}(, [a-z][a-z0-9]{1,8}){0,3}",
    ) {
        let words: Vec<_> = clauses(&text).unwrap().iter().map(ToString::to_string).collect();
        prop_assert_eq!(words.join(", "), text);
    }

    #[test]
    fn any_text_is_a_list_or_an_error(text in "([a-z]{1,3}|[()|, :<>=0-9]|\\PC){0,30}") {
        if let Ok(all) = clauses(&text) {
            prop_assert!(all.iter().all(|clause| !clause.alternatives().is_empty()));
        }
        drop((relations(&text), provides(&text), relation(&text)));
    }
}
