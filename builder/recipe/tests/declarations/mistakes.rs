//! Every kind of mistake in a declaration is answered with where, what and what to try.

use crate::world::{Files, IMAGE, files, mistakes};

/// The whole answer to recipe `one` with this text below its summary.
#[track_caller]
fn check(text: &str, expect: &str) {
    let found = mistakes(&files(&format!("summary = \"x\"\n{text}"), ""));
    assert_eq!(found.trim_end(), expect.trim(), "\n{found}");
}

/// One mistake in recipe `one`: its place, and what the answer says of it.
#[track_caller]
fn mistake(text: &str, place: &str, expect: &str) {
    let found = mistakes(&files(&format!("summary = \"x\"\n{text}"), ""));
    assert_eq!(found.matches("error: ").count(), 1, "\n{found}");
    assert!(found.contains(&format!("recipe.toml:{place}\n")), "not at {place}\n{found}");
    assert!(found.contains(expect), "no `{expect}` in\n{found}");
}

/// The image's text with one part replaced, and what the answer says.
#[track_caller]
fn image(from: &str, to: &str, expect: &str) {
    assert!(IMAGE.contains(from));
    let mut files = files("summary = \"x\"", "");
    files.insert("images/test/image.toml".into(), IMAGE.replacen(from, to, 1).into());
    said(&files, expect);
}

#[track_caller]
fn said(files: &Files, expect: &str) {
    let found = mistakes(files);
    assert!(found.contains(expect), "no `{expect}` in\n{found}");
}

#[test]
fn an_unknown_key_is_answered_with_the_nearest() {
    check(
        "pakages = []",
        "
error: unknown key `pakages` in a recipe
 --> recipes/one/recipe.toml:2:1
  |
2 | pakages = []
  | ^^^^^^^
try: `packages`",
    );
    mistake("[[user]]\nname = 'a'\nuid = 1000\ngroup = 'sys'\nsehll = ''", "6:1", "try: `shell`");
    mistake("[[boot]]\nxyz = 1\npart = 'stub'\npath = '/a'", "3:1", "try: a key of a boot part");
}

#[test]
fn all_mistakes_are_answered_at_once() {
    let found =
        mistakes(&files("wyh = 1\npackages = ['A', 'b c']\n[[entry]]\npaths = ['x']", "y = 1"));
    let places: Vec<&str> =
        found.lines().filter_map(|line| line.trim_start().strip_prefix("--> recipes/")).collect();
    let expect = [
        "one/recipe.toml:1:1",
        "one/recipe.toml:1:1",
        "one/recipe.toml:2:13",
        "one/recipe.toml:2:18",
        "one/recipe.toml:3:1",
        "one/recipe.toml:4:10",
        "two/recipe.toml:8:1",
    ];
    assert_eq!(places, expect, "\n{found}");
}

#[test]
fn a_conflict_names_both_places() {
    let user = "[[group]]\nname = 'g'\ngid = 900\n";
    let found = mistakes(&files(&format!("summary = 'x'\n{user}"), &user.replace("900", "901")));
    let expect = "
error: group `g` is declared twice, in different ways
 --> recipes/two/recipe.toml:9:8
  |
9 | name = 'g'
  |        ^^^
 --> recipes/one/recipe.toml:3:8
  |
3 | name = 'g'
  |        --- declared here first
try: declare it once, or the same in both places";
    assert_eq!(found.trim_end(), expect.trim(), "\n{found}");
}

#[test]
fn what_recipes_contradict_each_other_in() {
    let check = |one: &str, two: &str, expect: &str| {
        said(&files(&format!("summary = 'x'\n{one}"), two), expect);
    };
    check("packages = [{ name = 'ab', suite = 'trixie' }]", "packages = ['ab']", "package `ab`");
    check(
        "file = [{ path = '/etc/a', content = '1' }]",
        "file = [{ path = '/etc/a', content = '2' }]",
        "file `/etc/a` is declared twice",
    );
    check("[sysctl]\n'a.b' = 1", "[sysctl]\n'a.b' = 2", "kernel setting `a.b`");
    check("kernel.arguments = ['a=1']", "kernel.arguments = ['a=2']", "kernel argument `a`");
    check(
        "[service.s]\ncommand = '/a'",
        "[service.s]\ncommand = '/b'",
        "service `s` is declared twice",
    );
    check("[[boot]]\npart = 'stub'\npath = '/x'", "", "boot part `stub`");
    check(
        "packages = ['ab']",
        "[[leave-out]]\npackages = ['ab']\nwhy = 'w'",
        "either install it or leave it out",
    );
    check(
        "file = [{ path = '/a', content = '' }, { path = '/a/b', content = '' }]",
        "",
        "no directory",
    );
    check(
        "file = [{ path = '/usr/lib/ashlar/services/s.toml', content = '' }]\n[service.s]\ncommand = '/a'",
        "",
        "something else is there",
    );
    check("program = [{ name = 'p', path = '/p', initrd = true }]", "", "program of the initrd");
}

#[test]
fn what_recipes_say_alike_counts_once() {
    let text = "packages = ['ab']\nkernel.arguments = ['console=a', 'quiet']\n\
                [[group]]\nname = 'g'\ngid = 900\n[sysctl]\n'a.b' = 1";
    let two = text.replace("'console=a'", "'console=b'");
    let files = files(&format!("summary = 'x'\n{text}"), &two);
    let assembly = crate::world::build(&files, contract::arch::Arch::X86_64).unwrap();
    assert_eq!((assembly.packages.len(), assembly.groups.len(), assembly.sysctls.len()), (1, 1, 1));
    let arguments: Vec<_> = assembly.arguments.iter().map(|a| a.text.as_str()).collect();
    assert_eq!(arguments, ["console=a", "quiet", "console=b"]);
}

#[test]
fn accounts_have_names_and_numbers_of_their_own() {
    let user = |name: &str, uid: u32, group: &str| {
        format!("[[user]]\nname = '{name}'\nuid = {uid}\ngroup = '{group}'\n")
    };
    mistake(&(user("a", 900, "sys") + &user("b", 900, "sys")), "7:8", "belongs to `a`");
    mistake(&user("a", 13, "sys"), "3:8", "user number 13 belongs to `proxy`");
    mistake(&user("proxy", 900, "sys"), "3:8", "try: 13, the number it has");
    mistake(&user("a", 900, "syss"), "3:8", "no recipe declares the group `syss`");
    mistake(&user("a", 65534, "sys"), "4:7", "not between 1 and 65533");
    mistake(&user("A", 900, "sys"), "3:8", "not the name of a user");
    mistake("file = [{ path = '/a', content = '', user = 'rooot' }]", "2:18", "try: `root`");
    mistake("[service.s]\ncommand = '/a'\nuser = 'daemno'", "2:10", "try: `daemon`");
}

#[test]
fn paths_and_patterns_stay_inside() {
    mistake("file = [{ path = '/a/../b', content = '' }]", "2:18", "not a path from the root");
    mistake("file = [{ path = 'etc/b', content = '' }]", "2:18", "not a path from the root");
    mistake(
        "file = [{ path = '/b', source = '../b' }]",
        "2:33",
        "below the recipe's own directory",
    );
    mistake("file = [{ path = '/b', source = '/etc/shadow' }]", "2:33", "below the recipe's own");
    mistake(
        "file = [{ path = '/b', source = 'gone' }]",
        "2:33",
        "no file beside the recipe `gone`",
    );
    mistake("entry = [{ paths = ['/a/[b'], why = 'w' }]", "2:21", "`[` without `]`");
    mistake("entry = [{ paths = ['a'], why = 'w' }]", "2:21", "with a `/` in front");
    mistake("kernel.modules = [{ names = ['a**'], why = 'w' }]", "2:30", "`**` within a name");
    mistake("kernel.modules = [{ names = ['a*'], why = 'w', load = true }]", "2:30", "one module");
}

#[test]
fn values_are_of_their_kind() {
    mistake("packages = 'ab'", "2:12", "`packages` is a text, not a list");
    mistake("packages = [1]", "2:13", "`packages` is a whole number, not a text");
    mistake("file = [{ path = '/a', content = '', mode = 644 }]", "2:45", "not a text");
    mistake("file = [{ path = '/a', content = '', mode = '644' }]", "2:45", "four octal digits");
    mistake("file = [{ path = '/a' }]", "2:9", "one of `content`, `source`, `symlink`");
    mistake("file = [{ path = '/a', content = '', symlink = 'b' }]", "2:9", "only one of");
    mistake("entry = [{ paths = ['/a'], why = ' ' }]", "2:34", "says something");
    mistake("entry = [{ paths = [], why = 'w' }]", "2:10", "has no `paths`");
    mistake("entry = [{ paths = ['/a'], why = 'w', arch = 'amd64' }]", "2:46", "`x86_64`");
    mistake("packages = [{ name = 'ab', for = 'biuld' }]", "2:34", "try: `build`");
    mistake("[[leave-out]]\nwhy = 'w'", "2:1", "one of `packages` or `paths` is missing");
    mistake("kernel.arguments = ['a b']", "2:21", "not one kernel argument");
    mistake("[sysctl]\n'a.b' = [1]", "3:9", "the value of a kernel setting");
    mistake("[sysctl]\nab = 1", "3:1", "not a kernel setting");
}

#[test]
fn services_are_judged_by_the_node_and_shown_in_the_recipe() {
    mistake("[service.s]\ncommand = '/a'\nneds = ['a']", "4:1", "try: `needs`");
    mistake("[service.s]\ncommand = 'a'", "3:11", "must be an absolute path");
    mistake("[service.s]\ncommand = '/a'\nneeds = ['net']", "2:10", "needs `net`, which is not");
    mistake("[service.s]\ncommand = '/a'\nneeds = ['s']", "2:10", "wait for each other");
    mistake("[service.s]\ncommand = 1", "3:11", "invalid type");
    mistake("[service.S]\ncommand = '/a'", "2:10", "a service's name");
    mistake("[service.s]\ncommand = '/a'\nstop = { signal = 'TREM' }", "4:19", "try: `TERM`");
}

#[test]
fn recipes_that_are_not_there_or_need_each_other() {
    mistake("needs = ['tow']", "2:10", "there is no recipe `tow`");
    mistake("needs = ['tow']", "2:10", "try: `two`");
    mistake("needs = ['one']", "2:10", "in a circle: one → one");
    said(&files("summary = 'x'\nneeds = ['two']", "needs = ['one']"), "one → two → one");
    image("\"two\"]", "\"tow\"]", "there is no recipe `tow`");
    image("recipes", "firmware = [\"net\"]\nrecipes", "there is no firmware pack `net`");
    assert!(
        recipe::load::load(&files("", ""), "tets").unwrap_err().render().contains("try: `test`")
    );
    for name in ["../test", "", "a/b", "a\0"] {
        assert!(recipe::load::load(&files("", ""), name).is_err());
    }
}

#[test]
fn images_are_whole() {
    image("kind = \"bootable\"", "kind = \"botable\"", "try: `bootable`");
    image("80 MB", "80", "the size has no unit");
    image("80 MB", "800 MB", "the root's budget does not fit the slot");
    image("\"2 MiB\"", "\"1 MiB\"", "hash tree does not fit");
    image("\"64 MiB\"", "\"32 MiB\"", "two kernels of the budget");
    image("\"64 MiB\"", "\"64 MB\"", "a whole number of MiB");
    image("64 KiB", "63 KiB", "a power of two");
    image("level = 3", "level = 33", "not between 0 and 22");
    image("level = 3", "levl = 3", "try: `level`");
    image("[slots]", "[slot]", "an image has no `slots`");
    image("[slots]", "[slot]", "try: `slots`");
    image("kind = \"bootable\"", "kind = \"tools\"", "`slots` means nothing beside");
    image("summary", "targets = [\"x86_64\"]\nsummary", "`targets` means nothing beside");
    image("x86_64", "amd64", "`amd64` is no word for `architectures`");
    mistake("packages = [{ name = 'ab', suite = 'trixi' }]", "2:22", "try: `trixie`");
    mistake("packages = [{ name = 'ab', for = 'target' }]", "2:22", "means nothing beside");
    let mut files = files("summary = 'x'", "");
    files.insert("recipes/two/recipe.toml".into(), b"summary = 'x'".into());
    for part in ["kernel", "stub", "loader", "init"] {
        said(&files, &format!("which file is the {part} on x86_64"));
    }
}

#[test]
fn declarations_of_another_architecture_do_not_count() {
    let one = "summary = 'x'\nneeds = [{ name = 'gone', arch = 'aarch64' }]\n\
               packages = [{ name = 'qemu-system-arm', arch = 'aarch64' }, 'ab']";
    let mut files = files(one, "");
    files.insert("recipes/gone/recipe.toml".into(), b"summary = 'x'\npackages = ['cd']".into());
    let names = |arch| -> Vec<String> {
        let assembly = crate::world::build(&files, arch).unwrap();
        assembly.packages.into_iter().map(|package| package.name).collect()
    };
    assert_eq!(names(contract::arch::Arch::X86_64), ["ab"]);
    assert_eq!(names(contract::arch::Arch::Aarch64), ["ab", "cd", "qemu-system-arm"]);
}

#[test]
fn programs_get_the_same_facts() {
    let rejected =
        recipe::load::load(&files("summary = 'x'\npakages = []", ""), "test").unwrap_err();
    let found = serde_json::to_value(&rejected.diagnostics).unwrap();
    let expect = serde_json::json!([{
        "code": "unknown-key",
        "file": "recipes/one/recipe.toml",
        "line": 2,
        "column": 1,
        "length": 7,
        "message": "unknown key `pakages` in a recipe",
        "try": "`packages`",
    }]);
    assert_eq!(found, expect);
}
