//! The tables of `[service.NAME]` → the text that the node reads.
//!
//! What a service may say is the node's to decide, so its own reader is asked here; what it finds
//! is shown at the place in the recipe.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::recipe::arch_words;
use super::table::{Reader, Text};
use crate::declared::Service;
use crate::diagnostic::Problem;
use crate::place::Place;

/// Makes the text of a service. The key `arch` is the recipe's and does not go to the node.
pub(crate) fn service(
    reader: &mut Reader<'_>,
    name: &str,
    value: &Spanned<DeValue<'_>>,
    place: Place,
) -> Option<Service> {
    let DeValue::Table(entries) = value.get_ref() else {
        let problem =
            Problem::WrongKind { key: name.into(), expected: "a table", found: "a value" };
        reader.report(value.span(), problem, None);
        return None;
    };
    let arch = match entries.get("arch").map(|value| (value.get_ref(), value.span())) {
        None => None,
        Some((DeValue::String(text), span)) => {
            reader.word("arch", &Text { text, span }, &arch_words())
        }
        Some((_, span)) => {
            let problem =
                Problem::WrongKind { key: "arch".into(), expected: "a text", found: "a value" };
            reader.report(span, problem, None);
            None
        }
    };
    let mut table = plain_table(entries);
    table.remove("arch");
    let text = table.to_string();
    Some(Service { name: name.to_owned(), text, arch, place })
}

fn plain_table(entries: &DeTable<'_>) -> toml::Table {
    entries.iter().map(|(key, value)| (key.get_ref().to_string(), plain(value.get_ref()))).collect()
}

/// A value without places. Nesting is bounded by the parser.
fn plain(value: &DeValue<'_>) -> toml::Value {
    match value {
        DeValue::String(text) => toml::Value::String(text.to_string()),
        DeValue::Integer(number) => toml::Value::Integer(
            i64::from_str_radix(number.as_str(), number.radix()).unwrap_or(i64::MAX),
        ),
        DeValue::Float(number) => toml::Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => toml::Value::Boolean(*flag),
        DeValue::Datetime(date) => toml::Value::Datetime(*date),
        DeValue::Array(list) => {
            toml::Value::Array(list.iter().map(|value| plain(value.get_ref())).collect())
        }
        DeValue::Table(entries) => toml::Value::Table(plain_table(entries)),
    }
}
