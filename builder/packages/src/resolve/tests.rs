use super::*;
use crate::index::read;
use contract::arch::Arch;
use proptest::prelude::*;

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A list of packages from lines of `name version; Field: value; …`.
fn list(lines: &str) -> String {
    let stanza = |line: &str| {
        let mut parts = line.split(';').map(str::trim);
        let (name, version) = parts.next().unwrap().split_once(' ').unwrap();
        let fields: String = parts.map(|field| format!("{field}\n")).collect();
        format!(
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\nSize: 1\n\
             Filename: pool/{name}_{version}.deb\nSHA256: {EMPTY}\n{fields}\n"
        )
    };
    lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(stanza).collect()
}

fn wish(name: &str) -> Wish {
    let (package, suite) = match name.split_once('/') {
        Some((package, suite)) => (package, Some(suite.to_owned())),
        None => (name, None),
    };
    let (recipe, package) = ("test".to_owned(), package.to_owned());
    Wish { recipe, package, suite, follow: Follow::Dependencies }
}

fn demand(wishes: &str) -> Demand {
    Demand { wishes: wishes.split(' ').map(wish).collect(), left_out: BTreeMap::new() }
}

/// What comes out, as `name name`; with versions for those that have more than one.
fn solved(suites: &[(&str, &str)], demand: &Demand) -> Result<Vec<String>, ResolveError> {
    let texts: Vec<String> = suites.iter().map(|(_, lines)| list(lines)).collect();
    let lists: Vec<_> = texts.iter().map(|text| read(text.as_bytes(), "amd64").unwrap()).collect();
    let suites: Vec<SuiteOf<'_>> = suites
        .iter()
        .zip(&lists)
        .map(|((name, _), packages)| SuiteOf {
            name,
            only_by_name: name.ends_with("backports"),
            packages,
        })
        .collect();
    let universe = Universe::new(Arch::X86_64, &suites).unwrap();
    let solution = solve(&universe, demand)?;
    let words = |chosen: &Chosen<'_>| format!("{}_{}", chosen.package.name, chosen.package.version);
    Ok(solution.chosen().values().map(words).collect())
}

#[track_caller]
fn check_one(lines: &str, wishes: &str, expect: &str) {
    let found = solved(&[("trixie", lines)], &demand(wishes)).map(|all| all.join(" "));
    match found {
        Ok(found) => assert_eq!(found.replace("_1", ""), expect),
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
fn refused(lines: &str, wishes: &str) -> String {
    let error = solved(&[("trixie", lines)], &demand(wishes)).unwrap_err();
    assert!(!matches!(error, ResolveError::Unsound(_)), "{error}");
    error.to_string()
}

#[test]
fn dependencies_come_along_and_nothing_else() {
    check_one(
        "aa 1; Depends: bb; Pre-Depends: cc; Recommends: dd; Suggests: ee\nbb 1\ncc 1\ndd 1\nee 1",
        "aa",
        "aa bb cc",
    );
}

#[test]
fn the_first_alternative_is_taken_unless_another_is_there() {
    check_one("aa 1; Depends: bb | cc\nbb 1\ncc 1", "aa", "aa bb");
    check_one("aa 1; Depends: bb | cc\nbb 1\ncc 1", "aa cc", "aa cc");
    check_one("aa 1; Depends: bb (>= 2) | cc\nbb 1\ncc 1", "aa", "aa cc");
    check_one("aa 1; Depends: xx | cc\ncc 1", "aa", "aa cc");
}

#[test]
fn a_name_may_be_provided() {
    let lines = "aa 1; Depends: mail\nbb 1; Provides: mail; Priority: optional\n\
                 cc 1; Provides: mail; Priority: important";
    check_one(lines, "aa", "aa cc");
    check_one(lines, "aa bb", "aa bb");
}

#[test]
fn a_versioned_relation_needs_a_versioned_name() {
    let lines = "aa 1; Depends: mail (>= 2)\nbb 1; Provides: mail\ncc 1; Provides: mail (= 1)\n\
                 dd 1; Provides: mail (= 3)";
    check_one(lines, "aa", "aa dd");
    let error = refused("aa 1; Depends: mail (>= 2)\nbb 1; Provides: mail", "aa");
    assert!(error.contains("mail (>= 2)"), "{error}");
}

#[test]
fn a_real_package_comes_before_those_that_provide_its_name() {
    let lines = "aa 1; Depends: bb\nab 1; Provides: bb; Priority: required\nbb 1";
    check_one(lines, "aa", "aa bb");
}

#[test]
fn conflicts_are_kept_and_searched_around() {
    let lines = "aa 1; Depends: bb | cc\nbb 1; Depends: dd\ncc 1\ndd 1; Conflicts: aa";
    check_one(lines, "aa", "aa cc");
    let lines = "aa 1; Depends: bb | cc\nbb 1; Depends: dd\ncc 1\ndd 1; Breaks: aa (<< 2)";
    check_one(lines, "aa", "aa cc");
    let lines = "aa 1; Depends: bb | cc\nbb 1; Depends: dd\ncc 1\ndd 1; Breaks: aa (<< 1)";
    check_one(lines, "aa", "aa bb dd");
    let lines = "aa 1; Depends: bb | cc\nbb 1; Depends: dd\ncc 1\ndd 1; Conflicts: aa (= 1)";
    check_one(lines, "aa", "aa cc");
    let error = refused("aa 1; Conflicts: bb\nbb 1", "aa bb");
    assert!(error.contains("aa 1 (trixie)") && error.contains("bb"), "{error}");
}

#[test]
fn a_search_keeps_the_preference_where_nothing_is_in_the_way() {
    // The first two force a search; the others should come out as if there had been none.
    let lines = "aa 1; Depends: bb | cc, ff | gg, ii | jj, hh\nbb 1; Depends: dd\ncc 1\n\
                 dd 1; Conflicts: aa\nff 1\ngg 1\nhh 1; Depends: jj | ii\nii 1\njj 1";
    check_one(lines, "aa", "aa cc ff hh ii");
}

#[test]
fn a_package_may_conflict_with_a_name_it_provides() {
    let lines = "aa 1; Provides: mta; Conflicts: mta\nbb 1; Provides: mta; Conflicts: mta";
    check_one(lines, "aa", "aa");
    refused(lines, "aa bb");
    let lines =
        "aa 1; Provides: mta; Breaks: mta (<< 2)\nbb 1; Provides: mta (= 1)\ncc 1; Provides: mta";
    refused(lines, "aa bb");
    check_one(lines, "aa cc", "aa cc");
}

#[test]
fn circles_are_no_trouble() {
    check_one(
        "aa 1; Depends: bb\nbb 1; Depends: aa, bb, cc\ncc 1; Pre-Depends: bb",
        "aa",
        "aa bb cc",
    );
}

#[test]
fn architectures_are_told_apart() {
    check_one("aa 1; Depends: bb:any\nbb 1; Multi-Arch: allowed", "aa", "aa bb");
    refused("aa 1; Depends: bb:any\nbb 1", "aa");
    check_one("aa 1; Depends: bb:amd64 | cc\nbb 1\ncc 1", "aa", "aa bb");
    check_one("aa 1; Depends: bb:i386 | cc:native\nbb 1\ncc 1", "aa", "aa cc");
    check_one("aa 1; Conflicts: bb:i386\nbb 1", "aa bb", "aa bb");
    check_one("aa 1; Depends: gg | cc\nbb 1; Provides: gg:arm64\ncc 1", "aa", "aa cc");
}

const SUITES: &[(&str, &str)] = &[
    ("trixie", "aa 1; Depends: bb\nbb 1\ncc 1"),
    ("trixie-security", "bb 1+deb13u1"),
    ("trixie-backports", "bb 2~bpo13+1\naa 2~bpo13+1; Depends: bb (>= 2~)\nnn 1~bpo13+1"),
];

#[test]
fn the_newest_version_is_taken_but_backports_only_by_name() {
    let found = |wishes: &str| solved(SUITES, &demand(wishes)).unwrap();
    assert_eq!(found("aa"), ["aa_1", "bb_1+deb13u1"]);
    assert_eq!(found("aa bb/trixie"), ["aa_1", "bb_1"]);
    assert_eq!(found("aa/trixie-backports bb/trixie-backports"), ["aa_2~bpo13+1", "bb_2~bpo13+1"]);
    assert_eq!(found("nn/trixie-backports"), ["nn_1~bpo13+1"]);
}

#[test]
fn what_only_backports_have_is_said() {
    let error = solved(SUITES, &demand("aa/trixie-backports")).unwrap_err().to_string();
    assert!(error.contains("bb (>= 2~)") && error.contains("trixie-backports"), "{error}");
    let error = solved(SUITES, &demand("nn")).unwrap_err().to_string();
    assert_eq!(
        error,
        "recipe test: there is no package `nn`; trixie-backports has it, name that suite to take it from there"
    );
}

#[test]
fn of_equal_versions_the_first_suite_gives() {
    let text = list("aa 1");
    let packages = read(text.as_bytes(), "amd64").unwrap();
    let of = |name| SuiteOf { name, only_by_name: false, packages: &packages };
    let universe = Universe::new(Arch::X86_64, &[of("one"), of("two")]).unwrap();
    let solution = solve(&universe, &demand("aa")).unwrap();
    assert_eq!(solution.chosen()["aa"].suite, "one");
    let universe = Universe::new(Arch::X86_64, &[of("two"), of("one")]).unwrap();
    assert_eq!(solve(&universe, &demand("aa")).unwrap().chosen()["aa"].suite, "two");
}

#[test]
fn a_wrong_wish_says_what_there_is() {
    let lines = "nftables 1\nlibnft 1; Provides: nft-api\nqemu-user 1";
    assert!(refused(lines, "nftable").ends_with("there is nftables"));
    assert!(refused(lines, "qemu").ends_with("there is qemu-user"));
    assert!(refused(lines, "nft-api").ends_with("others provide: libnft"));
    assert!(refused(lines, "nftables/sid").ends_with("the image has trixie"));
    let error = solved(SUITES, &demand("bb/trixie bb/trixie-backports")).unwrap_err();
    assert!(matches!(error, ResolveError::TwoSuites { .. }));
}

#[test]
fn what_is_left_out_counts_as_there() {
    let lines = "aa 1; Depends: perl, mta | bb\nbb 1\nperl 1; Depends: perl-base\nperl-base 1\n\
                 exim 1; Provides: mta";
    let mut demand = demand("aa");
    demand.left_out.insert("perl".to_owned(), "only scripts".to_owned());
    demand.left_out.insert("exim".to_owned(), "no mail".to_owned());
    demand.left_out.insert("never".to_owned(), "nothing asks".to_owned());
    assert_eq!(solved(&[("trixie", lines)], &demand).unwrap(), ["aa_1"]);
    let text = list(lines);
    let packages = read(text.as_bytes(), "amd64").unwrap();
    let suite = SuiteOf { name: "trixie", only_by_name: false, packages: &packages };
    let universe = Universe::new(Arch::X86_64, &[suite]).unwrap();
    let solution = solve(&universe, &demand).unwrap();
    let left: Vec<_> = solution.left_out().keys().map(String::as_str).collect();
    assert_eq!(left, ["exim", "perl"]);
    demand.wishes.push(wish("perl"));
    assert!(matches!(solve(&universe, &demand), Err(ResolveError::LeftOut { .. })));
}

#[test]
fn a_package_may_come_alone() {
    let lines = "aa 1; Depends: bb, missing\nbb 1";
    let mut demand = demand("aa");
    demand.wishes[0].follow = Follow::Nothing;
    assert_eq!(solved(&[("trixie", lines)], &demand).unwrap(), ["aa_1"]);
    let lines = "aa 1; Depends: bb\nbb 1";
    demand.wishes.push(wish("aa"));
    assert_eq!(solved(&[("trixie", lines)], &demand).unwrap(), ["aa_1", "bb_1"]);
}

#[test]
fn every_package_says_why() {
    let text = list("aa 1; Depends: bb, cc (>= 1)\nbb 1; Pre-Depends: cc | dd\ncc 1\ndd 1");
    let packages = read(text.as_bytes(), "amd64").unwrap();
    let suite = SuiteOf { name: "trixie", only_by_name: false, packages: &packages };
    let universe = Universe::new(Arch::X86_64, &[suite]).unwrap();
    let solution = solve(&universe, &demand("aa bb")).unwrap();
    let why = |name: &str| {
        solution.chosen()[name].why.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(why("bb"), ["recipe test: bb", "aa Depends: bb"]);
    assert_eq!(why("cc"), ["aa Depends: cc (>= 1)", "bb Pre-Depends: cc | dd"]);
    let chain = solution.explain("cc");
    assert_eq!(chain.len(), 2);
    assert_eq!(chain[0].1.to_string(), "recipe test: aa");
    assert_eq!(solution.explain("dd"), []);
    let locked = solution.locked("image");
    assert_eq!(locked.len(), 3);
    assert!(locked.keys().all(|key| key.set == "image" && key.version == "1"));
}

#[test]
fn an_unsolvable_demand_is_explained() {
    let lines = "aa 1; Depends: bb\nbb 1; Depends: cc (>= 2)\ncc 1\ndd 1";
    let error = refused(lines, "aa dd");
    for word in ["aa", "bb", "cc (>= 2)"] {
        assert!(error.contains(word), "{word} in: {error}");
    }
}

#[test]
fn the_order_of_wishes_does_not_matter() {
    let lines = "aa 1; Depends: xx | yy\nbb 1; Depends: yy | xx\nxx 1\nyy 1";
    let one = solved(&[("trixie", lines)], &demand("aa bb")).unwrap();
    assert_eq!(one, solved(&[("trixie", lines)], &demand("bb aa")).unwrap());
}

/// Whether any set of packages meets the demand, by trying all.
fn any_solution(packages: &[crate::index::Package<'_>], demand: &Demand) -> bool {
    (0_u32..1 << packages.len()).any(|bits| {
        let of = packages.iter().enumerate().filter(|(number, _)| bits >> number & 1 == 1);
        let chosen = |package| Chosen { package, suite: "trixie", why: Vec::new() };
        let set = of.map(|(_, package)| (package.name, chosen(package))).collect();
        check::check(&set, &[], demand, "amd64").unwrap().is_empty()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_solution_is_found_when_there_is_one(
        depends in proptest::collection::vec("(p[0-7]( \\| p[0-7]| \\(>= [12]\\)| \\| v[01])?, ){0,2}", 8),
        conflicts in proptest::collection::vec("((p[0-7]|v[01])( \\(= [12]\\))?, ){0,1}", 8),
        provides in proptest::collection::vec("(v[01]( \\(= [12]\\))?, ){0,1}", 8),
    ) {
        let fields = depends.iter().zip(&conflicts).zip(&provides).enumerate();
        let field = |name: &str, value: &str| match value.trim_end_matches(", ") {
            "" => String::new(),
            value => format!("; {name}: {value}"),
        };
        let lines: String = fields.map(|(number, ((depends, conflicts), provides))| format!(
            "p{number} {}{}{}{}\n", 1 + number % 2,
            field("Depends", depends), field("Conflicts", conflicts), field("Provides", provides),
        )).collect();
        let text = list(&lines);
        let packages = read(text.as_bytes(), "amd64").unwrap();
        let demand = demand("p0 p1");
        let suite = SuiteOf { name: "trixie", only_by_name: false, packages: &packages };
        let universe = Universe::new(Arch::X86_64, &[suite]).unwrap();
        match solve(&universe, &demand) {
            Ok(solution) => {
                for (name, chosen) in solution.chosen() {
                    prop_assert!(!chosen.why.is_empty());
                    prop_assert!(!solution.explain(name).is_empty());
                }
                prop_assert_eq!(&solution, &solve(&universe, &demand).unwrap());
            }
            Err(ResolveError::Unsolvable { .. }) => prop_assert!(!any_solution(&packages, &demand), "{lines}"),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
