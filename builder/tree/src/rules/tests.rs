use super::*;

fn read(text: &str) -> Result<Rules, RuleError> {
    Rules::read(&BTreeMap::from([("x.toml".to_owned(), text.to_owned())]))
}

#[test]
fn a_rule_is_read_with_its_acts() {
    let digest = "a".repeat(64);
    let rules = read(&format!(
        "[users]\nmessagebus = 101\n[[generator]]\nname = \"dh_x\"\neffect = \"tmpfiles\"\n\
         why = \"w\"\n[[package]]\nname = \"dbus\"\nwhy = \"w\"\npostinst = [\"{digest}\"]\nacts = [\n\
         {{ act = \"permissions\", path = \"usr/x\", mode = \"04754\", group = \"messagebus\" }},\n\
         {{ act = \"derive\", what = \"ld-cache\" }},\n]\n"
    ))
    .unwrap();
    let (rule, star) = rules.package("dbus").unwrap();
    assert_eq!(star, "");
    assert_eq!(rule.scripts[&ScriptKind::Postinst], [digest.parse().unwrap()]);
    let permissions = Act::Permissions {
        path: "usr/x".into(),
        mode: Mode(0o4754),
        user: "root".into(),
        group: "messagebus".into(),
    };
    assert_eq!(rule.acts, [permissions, Act::Derive { what: Derivation::LdCache }]);
    assert_eq!(rules.numbers.users["messagebus"], 101);
    assert_eq!(rules.generator("dh_x").unwrap().effect, Effect::Tmpfiles);
    assert_eq!(rules.decided(), BTreeSet::from(["usr/x".to_owned()]));
}

#[test]
fn the_closest_rule_is_taken() {
    let rule = |name: &str| format!("[[package]]\nname = \"{name}\"\nwhy = \"w\"\n");
    let names = ["linux-image-*", "linux-*", "linux-image-amd64"];
    let rules = read(&names.map(rule).concat()).unwrap();
    let found = |name| rules.package(name).map(|(rule, star)| (rule.name.as_str(), star));
    assert_eq!(found("linux-image-6.12"), Some(("linux-image-*", "6.12")));
    assert_eq!(found("linux-image-amd64"), Some(("linux-image-amd64", "")));
    assert_eq!(found("linux-base"), Some(("linux-*", "base")));
    assert_eq!(found("linux-"), None);
    assert_eq!(found("bash"), None);
}

#[test]
fn what_is_not_of_the_tables_shape_is_refused() {
    let package = "[[package]]\nname = \"a\"\nwhy = \"w\"\n";
    let acts = |act: &str| format!("{package}acts = [{{ {act} }}]\n");
    for text in [
        "[[packages]]".to_owned(),
        "[[package]]\nname = \"a\"\n".to_owned(),
        format!("{package}posinst = []\n"),
        format!("{package}postinst = [\"abc\"]\n"),
        format!("{package}varying = [\" \"]\n"),
        format!("{package}{package}"),
        "[[package]]\nname = \"a\"\nwhy = \" \"\n".to_owned(),
        acts("act = \"dance\""),
        acts("act = \"remove\", path = \"a\", force = true"),
        acts("act = \"directory\", path = \"a\", mode = \"755\""),
        acts("act = \"directory\", path = \"a\", mode = \"0999\""),
        acts("act = \"derive\", what = \"everything\""),
    ] {
        assert!(read(&text).is_err(), "{text}");
    }
}
