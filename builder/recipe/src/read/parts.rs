//! The parts of a recipe that are more than a list: files, accounts, settings, services.

use std::sync::Arc;

use toml::Spanned;
use toml::de::DeValue;

use super::names;
use super::recipe::arch;
use super::table::{Reader, Table, Text, short};
use crate::declared::{BootPart, FileDecl, FileKind, Group, Part, Program, Service, Sysctl, User};
use crate::diagnostic::Problem;
use crate::keys;
use crate::shelf::Shelf;

/// The largest file beside a recipe. What is larger belongs in a package.
pub(crate) const MAX_SOURCE_BYTES: usize = 1 << 20;

/// Numbers that may be given to users and groups: 0 is root, 65534 is nobody, 65535 is "no one"
/// in old interfaces.
const ACCOUNT_NUMBERS: (i64, i64) = (1, 65533);

/// The files of `[[file]]`.
pub(crate) fn files(
    reader: &mut Reader<'_>,
    top: Table<'_>,
    recipe: &str,
    shelf: &dyn Shelf,
) -> Vec<FileDecl> {
    let tables = reader.tables(top, "file", &keys::FILE);
    tables.into_iter().filter_map(|table| file(reader, table, recipe, shelf)).collect()
}

fn file(
    reader: &mut Reader<'_>,
    table: Table<'_>,
    recipe: &str,
    shelf: &dyn Shelf,
) -> Option<FileDecl> {
    let path = reader.need_text(table, "path");
    let kind = file_kind(reader, table, recipe, shelf);
    let mode = mode(reader, table, kind.as_ref());
    let user = account(reader, table, "user").unwrap_or_else(|| "root".into());
    let group = account(reader, table, "group").unwrap_or_else(|| "root".into());
    let replaces = reader.flag(table, "replaces").unwrap_or(false);
    let arch = arch(reader, table);
    let path = path?;
    let place = reader.place(path.span.clone());
    let path = self::path(reader, &path);
    Some(FileDecl { path, kind: kind?, mode, user, group, replaces, arch, place })
}

/// A path from the root, without its leading slash.
fn path(reader: &mut Reader<'_>, text: &Text<'_>) -> String {
    let what = "a path from the root to one file, such as `/etc/hosts`";
    reader.checked(text, what, names::is_path).trim_start_matches('/').to_owned()
}

fn file_kind(
    reader: &mut Reader<'_>,
    table: Table<'_>,
    recipe: &str,
    shelf: &dyn Shelf,
) -> Option<FileKind> {
    const KEYS: &[&str] = &["content", "source", "symlink", "directory"];
    let found = KEYS.iter().filter(|key| table.get(key).is_some()).count();
    if found != 1 {
        reader.report(table.span(), Problem::OneOf { keys: KEYS, found }, None);
        return None;
    }
    if let Some(text) = reader.text(table, "content") {
        return Some(FileKind::Regular(Arc::from(text.text.as_bytes())));
    }
    if let Some(text) = reader.text(table, "source") {
        return source(reader, &text, recipe, shelf).map(FileKind::Regular);
    }
    if let Some(text) = reader.text(table, "symlink") {
        let target = reader.checked(&text, "a link's target", names::is_link_target);
        return Some(FileKind::Symlink(target));
    }
    match reader.flag(table, "directory")? {
        true => Some(FileKind::Directory),
        false => {
            let problem = Problem::OneOf { keys: KEYS, found: 0 };
            reader.report(table.span(), problem, Some("`directory = true`".into()));
            None
        }
    }
}

/// The content of a file beside the recipe.
fn source(
    reader: &mut Reader<'_>,
    text: &Text<'_>,
    recipe: &str,
    shelf: &dyn Shelf,
) -> Option<Arc<[u8]>> {
    let what = "a path below the recipe's own directory";
    let path = reader.checked(text, what, names::is_relative);
    if !names::is_relative(&path) {
        return None;
    }
    let problem = match shelf.read(&format!("recipes/{recipe}/{path}"), MAX_SOURCE_BYTES) {
        Ok(bytes) if bytes.len() <= MAX_SOURCE_BYTES => return Some(Arc::from(bytes)),
        Ok(_) => Problem::TooLong { limit_bytes: MAX_SOURCE_BYTES },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Problem::NotThere { what: "file beside the recipe", name: short(&path) }
        }
        Err(error) => Problem::Unreadable { reason: error.to_string() },
    };
    reader.report(text.span.clone(), problem, None);
    None
}

fn mode(reader: &mut Reader<'_>, table: Table<'_>, kind: Option<&FileKind>) -> u16 {
    let usual = match kind {
        Some(FileKind::Directory) => 0o755,
        Some(FileKind::Symlink(_)) => 0o777,
        _ => 0o644,
    };
    let Some(text) = reader.text(table, "mode") else { return usual };
    if matches!(kind, Some(FileKind::Symlink(_))) {
        let problem = Problem::NotBeside { key: "mode".into(), other: "symlink".into() };
        reader.report(text.span, problem, Some("leave `mode` out: links have none".into()));
        return usual;
    }
    names::mode(text.text).unwrap_or_else(|| {
        let what = "a mode of four octal digits, such as \"0644\"";
        reader.report(text.span, Problem::Malformed { what, found: short(text.text) }, None);
        usual
    })
}

fn account(reader: &mut Reader<'_>, table: Table<'_>, key: &str) -> Option<String> {
    let text = reader.text(table, key)?;
    Some(reader.checked(&text, "the name of a user or group", names::is_account))
}

/// The programs of `[[program]]`.
pub(crate) fn programs(reader: &mut Reader<'_>, top: Table<'_>) -> Vec<Program> {
    let tables = reader.tables(top, "program", &keys::PROGRAM);
    let program = |table: Table<'_>| {
        let (name, path) = (reader.need_text(table, "name"), reader.need_text(table, "path"));
        let initrd = reader.flag(table, "initrd").unwrap_or(false);
        let (name, path) = (name?, path?);
        let place = reader.place(name.span.clone());
        let name = reader.checked(&name, "a program's name", names::is_plain);
        Some(Program { name, path: self::path(reader, &path), initrd, place })
    };
    tables.into_iter().filter_map(program).collect()
}

/// The users of `[[user]]`.
pub(crate) fn users(reader: &mut Reader<'_>, top: Table<'_>) -> Vec<User> {
    let tables = reader.tables(top, "user", &keys::USER);
    tables.into_iter().filter_map(|table| user(reader, table)).collect()
}

fn user(reader: &mut Reader<'_>, table: Table<'_>) -> Option<User> {
    let name = reader.need_text(table, "name");
    let uid = number(reader, table, "uid");
    let group = account(reader, table, "group");
    let groups = reader.texts(table, "groups");
    let groups = groups
        .iter()
        .map(|text| reader.checked(text, "the name of a group", names::is_account))
        .collect();
    let mut field = |key, usual: &str| match reader.text(table, key) {
        None => usual.to_owned(),
        Some(text) => reader.checked(&text, "a field without `:`", names::is_account_field),
    };
    let home = field("home", "/nonexistent");
    let shell = field("shell", "/usr/sbin/nologin");
    let comment = field("comment", "");
    let name = name?;
    let place = reader.place(name.span.clone());
    let name = reader.checked(&name, "the name of a user", names::is_account);
    let group = group.unwrap_or_else(|| name.clone());
    Some(User { name, uid: uid?, group, groups, home, shell, comment, place })
}

/// The groups of `[[group]]`.
pub(crate) fn groups(reader: &mut Reader<'_>, top: Table<'_>) -> Vec<Group> {
    let tables = reader.tables(top, "group", &keys::GROUP);
    let group = |table: Table<'_>| {
        let (name, gid) = (reader.need_text(table, "name"), number(reader, table, "gid"));
        let name = name?;
        let place = reader.place(name.span.clone());
        let name = reader.checked(&name, "the name of a group", names::is_account);
        Some(Group { name, gid: gid?, place })
    };
    tables.into_iter().filter_map(group).collect()
}

fn number(reader: &mut Reader<'_>, table: Table<'_>, key: &'static str) -> Option<u32> {
    if table.get(key).is_none() {
        reader.missing(table, key);
    }
    let number = reader.integer(table, key, ACCOUNT_NUMBERS)?;
    u32::try_from(number).ok()
}

/// The boot parts of `[[boot]]`.
pub(crate) fn boot(reader: &mut Reader<'_>, top: Table<'_>) -> Vec<BootPart> {
    let tables = reader.tables(top, "boot", &keys::BOOT);
    let part = |table: Table<'_>| {
        let (part, path) = (reader.need_text(table, "part"), reader.need_text(table, "path"));
        let arch = arch(reader, table);
        let part = part.and_then(|text| reader.word("part", &text, &Part::ALL));
        let path = path?;
        let place = reader.place(path.span.clone());
        Some(BootPart { part: part?, path: reader.pattern(&path)?, arch, place })
    };
    tables.into_iter().filter_map(part).collect()
}

/// The settings of `[sysctl]`.
pub(crate) fn sysctls(reader: &mut Reader<'_>, top: Table<'_>) -> Vec<Sysctl> {
    let mut sysctls = Vec::new();
    for (key, value) in free_table(reader, top, "sysctl") {
        let place = reader.place(key.span.clone());
        let name =
            reader.checked(&key, "a kernel setting, such as \"vm.swappiness\"", names::is_sysctl);
        if let Some(value) = scalar(reader, key.text, value) {
            sysctls.push(Sysctl { key: name, value, place });
        }
    }
    sysctls
}

fn scalar(reader: &mut Reader<'_>, key: &str, value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::String(text) if names::is_account_field(&text.replace(':', "")) => {
            Some(text.to_string())
        }
        _ => {
            let what = "the value of a kernel setting: a whole number or a line of text";
            let problem = Problem::Malformed { what, found: short(key) };
            reader.report(value.span(), problem, None);
            None
        }
    }
}

/// The tables of `[service.NAME]`. Their keys are the node's to judge.
pub(crate) fn services(reader: &mut Reader<'_>, top: Table<'_>) -> Vec<Service> {
    let mut services = Vec::new();
    for (key, value) in free_table(reader, top, "service") {
        let place = reader.place(key.span.clone());
        if let Some(service) = super::service::service(reader, &key, value, place) {
            services.push(service);
        }
    }
    services
}

/// The keys and values of a table whose keys are free.
fn free_table<'a>(
    reader: &mut Reader<'_>,
    top: Table<'a>,
    key: &str,
) -> Vec<(Text<'a>, &'a Spanned<DeValue<'a>>)> {
    let Some(value) = top.get(key) else { return Vec::new() };
    let DeValue::Table(entries) = value.get_ref() else {
        let problem = Problem::WrongKind { key: key.into(), expected: "a table", found: "a value" };
        reader.report(value.span(), problem, None);
        return Vec::new();
    };
    let text = |key: &'a Spanned<std::borrow::Cow<'a, str>>| Text {
        text: key.get_ref(),
        span: key.span(),
    };
    entries.iter().map(|(key, value)| (text(key), value)).collect()
}
