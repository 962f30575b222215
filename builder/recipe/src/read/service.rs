//! The tables of `[service.NAME]` → the text that the node reads.
//!
//! What a service may say is the node's to decide, so its own type reads the table here, straight
//! from where it is written; what that finds is shown in the recipe, not in the text for the node.

use contract::service::{Service as Declaration, ServiceError, ServiceName};
use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::recipe::arch_words;
use super::table::{Reader, Text, short};
use crate::declared::Service;
use crate::diagnostic::Problem;
use crate::nearest::nearest;
use crate::place::Place;

/// Reads a service and makes its text. The key `arch` is the recipe's and does not go to the node.
pub(crate) fn service(
    reader: &mut Reader<'_>,
    name: &Text<'_>,
    value: &Spanned<DeValue<'_>>,
    place: Place,
) -> Option<Service> {
    let DeValue::Table(entries) = value.get_ref() else {
        let key = short(name.text);
        let problem = Problem::WrongKind { key, expected: "a table", found: "a value" };
        reader.report(value.span(), problem, None);
        return None;
    };
    let parsed: Option<ServiceName> = name.text.parse().ok();
    if parsed.is_none() {
        let what = "a service's name: 1 to 40 of a-z, 0-9 and -, a letter first";
        let found = short(name.text);
        reader.report(name.span.clone(), Problem::Malformed { what, found }, None);
    }
    let arch = arch(reader, entries);
    let mut entries = entries.clone();
    entries.remove("arch");
    let table = Spanned::new(value.span(), DeValue::Table(entries.clone()));
    let declaration = Declaration::deserialize(ValueDeserializer::from(table))
        .map_err(|error| {
            let span = error.span().unwrap_or_else(|| value.span());
            let (message, advice) = (error.message().to_owned(), meant(error.message()));
            let problem = Problem::Service { name: short(name.text), message };
            reader.report(span, problem, advice);
        })
        .ok()?;
    check(reader, name, &declaration, &entries);
    let text = toml::to_string(&declaration)
        .map_err(|error| {
            let problem = Problem::Service { name: short(name.text), message: error.to_string() };
            reader.report(value.span(), problem, None);
        })
        .ok()?;
    Some(Service { name: parsed?, declaration, text, arch, place })
}

fn arch(reader: &mut Reader<'_>, entries: &DeTable<'_>) -> Option<contract::arch::Arch> {
    let value = entries.get("arch")?;
    let DeValue::String(text) = value.get_ref() else {
        let problem =
            Problem::WrongKind { key: "arch".into(), expected: "a text", found: "a value" };
        reader.report(value.span(), problem, None);
        return None;
    };
    reader.word("arch", &Text { text, span: value.span() }, &arch_words())
}

/// What the types do not see, by the node's own check, shown at the key it names.
fn check(
    reader: &mut Reader<'_>,
    name: &Text<'_>,
    declaration: &Declaration,
    entries: &DeTable<'_>,
) {
    let Err(error) = declaration.check() else { return };
    let key = match &error {
        ServiceError::Value { key, .. } => key.split('.').next().unwrap_or_default(),
        ServiceError::NotText | ServiceError::Toml { .. } => "",
    };
    let span = entries.get(key).map_or_else(|| name.span.clone(), Spanned::span);
    let problem = Problem::Service { name: short(name.text), message: error.to_string() };
    reader.report(span, problem, None);
}

/// The word that was meant, from a message that quotes the wrong one and then the known ones.
fn meant(message: &str) -> Option<String> {
    let mut words = message.split('`').skip(1).step_by(2);
    let found = words.next()?;
    nearest(found, words).map(|known| format!("`{known}`"))
}
