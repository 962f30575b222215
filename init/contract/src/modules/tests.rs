use super::*;
use proptest::prelude::*;

const DEP: &str = "\
# comment
kernel/drivers/block/virtio_blk.ko:
kernel/drivers/md/dm-mod.ko: kernel/drivers/dax/dax.ko
kernel/drivers/md/dm-verity.ko: kernel/drivers/md/dm-bufio.ko kernel/drivers/md/dm-mod.ko kernel/drivers/dax/dax.ko
kernel/drivers/md/dm-bufio.ko: kernel/drivers/md/dm-mod.ko kernel/drivers/dax/dax.ko
kernel/drivers/dax/dax.ko:
kernel/fs/erofs/erofs.ko.xz: kernel/lib/crc.ko
kernel/lib/crc.ko:
kernel/crypto/crc32c_generic.ko:
";
const SOFT: &str = "\
softdep erofs pre: crypto-crc32c
softdep erofs pre: nowhere post: virtio-blk
softdep odd other
";
const ALIAS: &str = "alias crypto-crc32c crc32c_generic\n";

fn modules() -> Modules {
    Modules::parse(DEP, SOFT, "kernel/drivers/virtio/virtio-pci.ko\n", ALIAS)
}

fn order(names: &[&str]) -> Vec<String> {
    modules().load_order(names.iter().copied()).into_iter().map(str::to_owned).collect()
}

#[test]
fn needs_load_before_what_needs_them() {
    let expect = ["dax/dax", "md/dm-mod", "md/dm-bufio", "md/dm-verity"]
        .map(|name| format!("kernel/drivers/{name}.ko"));
    assert_eq!(order(&["dm_verity"]), expect);
    assert_eq!(order(&["dm-verity", "dm-bufio"]), expect, "each once, and - is _");
}

#[test]
fn soft_needs_load_around_what_names_them() {
    let expect = [
        "kernel/crypto/crc32c_generic.ko",
        "kernel/lib/crc.ko",
        "kernel/fs/erofs/erofs.ko.xz",
        "kernel/drivers/block/virtio_blk.ko",
    ];
    assert_eq!(order(&["erofs"]), expect);
}

#[test]
fn what_has_no_file_has_no_place_in_the_order() {
    assert!(order(&["virtio_pci", "no-such"]).is_empty());
    assert!(modules().is_built_in("virtio_pci"));
    assert!(!modules().is_built_in("erofs"));
    assert!(modules().has("dm_mod"));
}

#[test]
fn soft_needs_in_a_ring_end() {
    let ring = Modules::parse("a.ko:\nb.ko:\n", "softdep a pre: b\nsoftdep b pre: a\n", "", "");
    assert_eq!(ring.load_order(["a"]), ["b.ko", "a.ko"]);
}

#[test]
fn aliases_find_their_modules() {
    let file = "\
alias pci:v*d*sv*sd*bc01sc06i01* ahci
alias virtio:d00000002v* virtio_blk
alias virtio:d00000001v* virtio_net
alias dmi*:svnSome Vendor*: odd_laptop
alias fs-erofs erofs
aliaspci:v* never
";
    let check = |wanted: &str, expect: &[&str]| {
        let found = modules_for(file, &BTreeSet::from([wanted.to_owned()]));
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expect, "{wanted}");
    };
    check("virtio:d00000002v00001AF4", &["virtio_blk"]);
    check("pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01", &["ahci"]);
    check("dmi:bvnX:svnSome Vendor1:", &["odd_laptop"]);
    check("fs-erofs", &["erofs"]);
    check("fs-erofs2", &[]);
    check("pci:v0000", &[]);
}

#[test]
fn patterns_match_as_fnmatch_says() {
    for (pattern, text, expect) in [
        ("", "", true),
        ("*", "", true),
        ("a*c", "abcbc", true),
        ("a*c", "abcb", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("d01[0-9]*", "d0175", true),
        ("d01[0-9]*", "d01a", false),
        ("[!a]b", "cb", true),
        ("[!a]b", "ab", false),
        ("[]]", "]", true),
        ("[a", "[a", true),
        ("\\*", "*", true),
        ("\\*", "a", false),
        ("*a*b*", "xxaxxbxx", true),
        ("abc", "ab", false),
    ] {
        assert_eq!(matches(pattern, text), expect, "{pattern} {text}");
    }
}

#[test]
fn a_pattern_of_stars_ends_soon() {
    let text = "a".repeat(5000);
    assert!(!matches(&"*a".repeat(200), &format!("{text}b")));
}

#[test]
fn parameters_come_from_both_places() {
    let mut settings = Settings::default();
    settings.read_file("# no\noptions kvm-intel nested=1 ept=0\nblacklist floppy\noptions\n");
    settings.read_command_line("quiet kvm_intel.emulate=1 loop.max_loop=8 a= x.y console=tty.0");
    assert_eq!(settings.parameters("kvm-intel"), "nested=1 ept=0 emulate=1");
    assert_eq!(settings.parameters("loop"), "max_loop=8");
    assert_eq!((settings.parameters("x"), settings.parameters("console")), ("y", ""));
    assert!(settings.leaves_alone("floppy") && !settings.leaves_alone("loop"));
}

proptest! {
    #[test]
    fn any_settings_are_answered(text in ".{0,200}") {
        let mut settings = Settings::default();
        settings.read_file(&text);
        settings.read_command_line(&text);
    }

    #[test]
    fn any_indexes_are_answered(dep in ".{0,200}", soft in ".{0,200}", name in ".{0,20}") {
        let modules = Modules::parse(&dep, &soft, &dep, &soft);
        let _order = modules.load_order([name.as_str()]);
        let _found = modules_for(&dep, &BTreeSet::from([name]));
    }

    #[test]
    fn any_lines_of_the_form_are_answered(
        dep in "([a-c]/[a-c-]{1,3}\\.ko:( [a-c]/[a-c-]{1,3}\\.ko){0,3}\n){0,6}",
        soft in "(softdep [a-c]{1,2}( pre:| post:| [a-c]{1,2}){0,4}\n){0,6}",
    ) {
        let modules = Modules::parse(&dep, &soft, "", "");
        let order = modules.load_order(["a", "b", "c", "ab"]);
        let set: BTreeSet<_> = order.iter().collect();
        prop_assert_eq!(set.len(), order.len());
    }

    #[test]
    fn a_pattern_without_signs_matches_only_itself(text in "[a-z:]{0,12}", other in "[a-z:]{0,12}") {
        prop_assert!(matches(&text, &text));
        prop_assert_eq!(matches(&text, &other), text == other);
    }

    #[test]
    fn any_pattern_is_answered(pattern in "[]\\[!a-c*?\\\\-]{0,12}", text in "[a-c\\[]{0,12}") {
        let _answer = matches(&pattern, &text);
    }
}
