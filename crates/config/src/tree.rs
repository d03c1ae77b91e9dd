//! TOML as the tree that carets are made from.

use std::ops::Range;

use posture_catalog::document::{Key, Place, Source, Value, Yaml};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Parses a document. `None` when it is no TOML; the source then says why.
pub(crate) fn parse(source: &mut Source, text: &str) -> Option<Yaml> {
    let places = Places::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let span = error.span().unwrap_or_default();
        // The parser says what it expected on a line of its own.
        let message = error.message().replace('\n', "; ");
        source.error(places.place(&span), message, None);
    }
    if !errors.is_empty() {
        return None;
    }
    let before = source.diagnostics.len();
    let place = places.place(&table.span());
    let value = places.table(source, table.get_ref());
    (source.diagnostics.len() == before).then_some(Yaml { place, value })
}

/// From bytes to characters.
struct Places {
    /// The byte at which each character begins.
    begins: Vec<usize>,
}

impl Places {
    fn of(text: &str) -> Self {
        Self {
            begins: text.char_indices().map(|(at, _)| at).collect(),
        }
    }

    fn place(&self, span: &Range<usize>) -> Place {
        let character = |byte: usize| self.begins.partition_point(|begin| *begin < byte);
        Place {
            start: character(span.start),
            end: character(span.end),
        }
    }

    fn table(&self, source: &mut Source, table: &DeTable<'_>) -> Value {
        let mut entries: Vec<(Key, Yaml)> = table
            .iter()
            .map(|(name, value)| {
                let key = Key {
                    place: self.place(&name.span()),
                    text: name.get_ref().to_string(),
                };
                (key, self.node(source, value))
            })
            .collect();
        // The parser's table is sorted by name.
        entries.sort_by_key(|(key, _)| key.place.start);
        Value::Map(entries)
    }

    fn node(&self, source: &mut Source, node: &Spanned<DeValue<'_>>) -> Yaml {
        let place = self.place(&node.span());
        let mut wrong = |what: &str| {
            source.error(place, format!("this number is {what}"), None);
            Value::Null
        };
        let value = match node.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => {
                match i64::from_str_radix(number.as_str(), number.radix()) {
                    Ok(number) => Value::Int(number),
                    Err(_) => wrong("too large"),
                }
            }
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(number) if number.is_finite() => Value::Float(number),
                _ => wrong("not one that can be meant here"),
            },
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Datetime(moment) => Value::Text(moment.to_string()),
            DeValue::Array(items) => {
                Value::List(items.iter().map(|item| self.node(source, item)).collect())
            }
            DeValue::Table(table) => self.table(source, table),
        };
        Yaml { place, value }
    }
}
