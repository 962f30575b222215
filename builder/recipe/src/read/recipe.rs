//! The text of a `recipe.toml` → [`Recipe`].

use contract::arch::Arch;
use toml::Spanned;
use toml::de::DeValue;

use super::names;
use super::parts;
use super::table::{Reader, Table, Text, short};
use crate::declared::{
    Argument, Dependencies, Entry, Exception, LeaveOut, ModuleDecl, Need, Omission, Package,
    Privileged, Purpose, Recipe,
};
use crate::diagnostic::Problem;
use crate::keys;
use crate::module::ModulePattern;
use crate::shelf::Shelf;

/// Reads the top table of a recipe. Content that is in files beside it comes from `shelf`.
pub(crate) fn recipe(
    reader: &mut Reader<'_>,
    top: Table<'_>,
    name: &str,
    shelf: &dyn Shelf,
) -> Recipe {
    let mut recipe = Recipe {
        name: name.to_owned(),
        summary: reader.sentence(top, "summary"),
        needs: needs(reader, top),
        packages: packages(reader, top),
        entries: Vec::new(),
        files: parts::files(reader, top, name, shelf),
        programs: parts::programs(reader, top),
        users: parts::users(reader, top),
        groups: parts::groups(reader, top),
        modules: Vec::new(),
        arguments: Vec::new(),
        boot: parts::boot(reader, top),
        sysctls: parts::sysctls(reader, top),
        services: parts::services(reader, top),
        leave_out: Vec::new(),
        privileged: Vec::new(),
        exceptions: Vec::new(),
        place: reader.place(0..0),
    };
    for table in reader.tables(top, "entry", &keys::ENTRY) {
        entries(reader, table, &mut recipe.entries);
    }
    if let Some(value) = top.get("kernel")
        && let Some(table) = reader.as_table("kernel", value, &keys::KERNEL)
    {
        kernel(reader, table, &mut recipe);
    }
    for table in reader.tables(top, "leave-out", &keys::LEAVE_OUT) {
        leave_out(reader, table, &mut recipe.leave_out);
    }
    for table in reader.tables(top, "privileged", &keys::PRIVILEGED) {
        let why = reader.sentence(table, "why");
        for (path, place) in patterns(reader, table) {
            recipe.privileged.push(Privileged { path, why: why.clone(), place });
        }
    }
    for table in reader.tables(top, "exception", &keys::EXCEPTION) {
        exception(reader, table, &mut recipe.exceptions);
    }
    recipe
}

/// The architecture that a declaration is for, where it says one.
pub(crate) fn arch(reader: &mut Reader<'_>, table: Table<'_>) -> Option<Arch> {
    let text = reader.text(table, "arch")?;
    reader.word("arch", &text, &arch_words())
}

/// Architectures with their words.
pub(crate) fn arch_words() -> [(&'static str, Arch); 2] {
    Arch::ALL.map(|arch| (arch.name(), arch))
}

fn needs(reader: &mut Reader<'_>, top: Table<'_>) -> Vec<Need> {
    let mut needs = Vec::new();
    for value in reader.list(top, "needs") {
        let Some((name, table)) = text_or_table(reader, "needs", value, &keys::NEED, "name") else {
            continue;
        };
        let place = reader.place(name.span.clone());
        let name = reader.checked(&name, "a recipe's name", names::is_plain);
        let arch = table.and_then(|table| arch(reader, table));
        needs.push(Need { name, arch, place });
    }
    needs
}

/// A value that is either a text, or a table with that text under `key` and more.
fn text_or_table<'a>(
    reader: &mut Reader<'_>,
    list: &str,
    value: &'a Spanned<DeValue<'a>>,
    section: &'static keys::Section,
    key: &'static str,
) -> Option<(Text<'a>, Option<Table<'a>>)> {
    match value.get_ref() {
        DeValue::Table(_) => {
            let table = reader.as_table(list, value, section)?;
            Some((reader.need_text(table, key)?, Some(table)))
        }
        _ => Some((reader.as_text(list, value)?, None)),
    }
}

fn packages(reader: &mut Reader<'_>, top: Table<'_>) -> Vec<Package> {
    let list = reader.list(top, "packages");
    list.into_iter().filter_map(|value| package(reader, value)).collect()
}

fn package<'a>(reader: &mut Reader<'_>, value: &'a Spanned<DeValue<'a>>) -> Option<Package> {
    let (name, table) = text_or_table(reader, "packages", value, &keys::PACKAGE, "name")?;
    let place = reader.place(name.span.clone());
    let name = reader.checked(&name, "a package name", names::is_package);
    let mut package = Package {
        name,
        suite: None,
        purpose: Purpose::Image,
        dependencies: Dependencies::Follow,
        arch: None,
        place,
    };
    let Some(table) = table else { return Some(package) };
    package.suite = reader
        .text(table, "suite")
        .map(|text| reader.checked(&text, "a suite's name", names::is_suite));
    if let Some(text) = reader.text(table, "for") {
        package.purpose = reader.word("for", &text, &Purpose::ALL).unwrap_or(Purpose::Image);
    }
    if reader.flag(table, "dependencies") == Some(false) {
        package.dependencies = Dependencies::Leave;
    }
    package.arch = arch(reader, table);
    Some(package)
}

/// The patterns of `paths`, each with its place.
fn patterns(
    reader: &mut Reader<'_>,
    table: Table<'_>,
) -> Vec<(crate::glob::Glob, crate::place::Place)> {
    let texts = reader.need_texts(table, "paths");
    let pattern = |text: Text<'_>| {
        let place = reader.place(text.span.clone());
        reader.pattern(&text).map(|glob| (glob, place))
    };
    texts.into_iter().filter_map(pattern).collect()
}

fn entries(reader: &mut Reader<'_>, table: Table<'_>, entries: &mut Vec<Entry>) {
    let why = reader.sentence(table, "why");
    let dlopen: Vec<String> = reader
        .texts(table, "dlopen")
        .iter()
        .map(|text| reader.checked(text, "a library's file name", names::is_library))
        .collect();
    let optional = reader.flag(table, "optional").unwrap_or(false);
    let arch = arch(reader, table);
    for (path, place) in patterns(reader, table) {
        let (why, dlopen) = (why.clone(), dlopen.clone());
        entries.push(Entry { path, why, dlopen, optional, arch, place });
    }
}

fn kernel(reader: &mut Reader<'_>, table: Table<'_>, recipe: &mut Recipe) {
    for value in reader.list(table, "arguments") {
        let Some((text, more)) = text_or_table(reader, "arguments", value, &keys::ARGUMENT, "text")
        else {
            continue;
        };
        let place = reader.place(text.span.clone());
        let text = reader.checked(&text, "one kernel argument", names::is_argument);
        let arch = more.and_then(|more| arch(reader, more));
        recipe.arguments.push(Argument { text, arch, place });
    }
    for table in reader.tables(table, "modules", &keys::MODULES) {
        modules(reader, table, &mut recipe.modules);
    }
}

fn modules(reader: &mut Reader<'_>, table: Table<'_>, modules: &mut Vec<ModuleDecl>) {
    let why = reader.sentence(table, "why");
    let initrd = reader.flag(table, "initrd").unwrap_or(false);
    let load = reader.flag(table, "load").unwrap_or(false);
    let optional = reader.flag(table, "optional").unwrap_or(false);
    let arch = arch(reader, table);
    for text in reader.need_texts(table, "names") {
        let place = reader.place(text.span.clone());
        if let Some(pattern) = reader.pattern_by(&text, ModulePattern::parse) {
            if load && pattern.name().is_none() {
                let what = "the name of one module, as `load` needs";
                let problem = Problem::Malformed { what, found: short(text.text) };
                reader.report(text.span.clone(), problem, None);
            }
            let why = why.clone();
            modules.push(ModuleDecl { pattern, why, initrd, load, optional, arch, place });
        }
    }
}

fn leave_out(reader: &mut Reader<'_>, table: Table<'_>, list: &mut Vec<LeaveOut>) {
    let why = reader.sentence(table, "why");
    let arch = arch(reader, table);
    let packages = reader.texts(table, "packages");
    let paths = table.get("paths").map(|_| patterns(reader, table)).unwrap_or_default();
    if table.get("packages").is_none() && table.get("paths").is_none() {
        let problem = Problem::OneOf { keys: &["packages", "paths"], found: 0 };
        reader.report(table.span(), problem, Some("add `packages = […]` or `paths = […]`".into()));
    }
    for text in packages {
        let place = reader.place(text.span.clone());
        let name = reader.checked(&text, "a package name", names::is_package);
        list.push(LeaveOut { what: Omission::Package(name), why: why.clone(), arch, place });
    }
    for (path, place) in paths {
        list.push(LeaveOut { what: Omission::Path(path), why: why.clone(), arch, place });
    }
}

fn exception(reader: &mut Reader<'_>, table: Table<'_>, list: &mut Vec<Exception>) {
    let why = reader.sentence(table, "why");
    let Some(lint) = reader.need_text(table, "lint") else { return };
    let lint = reader.checked(&lint, "a lint's name", names::is_plain);
    for (path, place) in patterns(reader, table) {
        list.push(Exception { lint: short(&lint), path, why: why.clone(), place });
    }
}
