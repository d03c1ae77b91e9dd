//! A file that a person wrote, while it is read: its tree, and a way to say where it is wrong.

use crate::diagnostic::{Diagnostic, closest, did_you_mean};
use crate::yaml::{self, Key, Place, Value, Yaml};

/// Files larger than this are refused.
pub(crate) const MAX_FILE: u64 = 1 << 20;

/// A file and what was found wrong in it.
#[derive(Debug, Clone)]
pub struct Source {
    file: String,
    /// The text by characters; absent for files that were embedded, which need no carets.
    text: Option<Vec<char>>,
    /// Where its lines begin.
    lines: Vec<usize>,
    /// Mistakes, in the order found.
    pub diagnostics: Vec<Diagnostic>,
}

impl Source {
    /// Reads YAML text. `None` when it is none; the diagnostics say why.
    pub fn parse(file: &str, text: &str) -> (Self, Option<Yaml>) {
        let mut source = Self::of(file, text);
        let tree = match yaml::parse(text) {
            Ok(tree) => Some(tree),
            Err(mistake) => {
                source.error(mistake.place, mistake.message, None);
                None
            }
        };
        (source, tree)
    }

    /// Takes text of another language, whose tree the caller makes.
    pub fn of(file: &str, text: &str) -> Self {
        let text: Vec<char> = text.chars().collect();
        let ends = text.iter().enumerate().filter(|(_, c)| **c == '\n');
        Self {
            file: file.to_owned(),
            lines: std::iter::once(0)
                .chain(ends.map(|(at, _)| at + 1))
                .collect(),
            text: Some(text),
            diagnostics: Vec::new(),
        }
    }

    /// Takes content that was parsed when the program was built.
    pub(crate) fn embedded(file: &str, content: &serde_json::Value) -> (Self, Yaml) {
        let source = Self {
            file: file.to_owned(),
            text: None,
            lines: Vec::new(),
            diagnostics: Vec::new(),
        };
        (source, from_json(content))
    }

    /// The file's name.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What stands at a place, as written; `None` for a file that was embedded.
    pub fn written(&self, place: Place) -> Option<String> {
        let text = self.text.as_ref()?.get(place.start..place.end)?;
        Some(text.iter().collect())
    }

    /// The line of a place, from 1; 0 for a file that was embedded.
    pub fn line(&self, place: Place) -> usize {
        self.lines.partition_point(|start| *start <= place.start)
    }

    /// Notes a mistake at a place.
    pub fn error(
        &mut self,
        place: Place,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
    ) {
        let diagnostic = self.at(place, message.into(), help.into());
        self.diagnostics.push(diagnostic);
    }

    /// Notes a mistake within the text of a scalar, at a byte of the scalar's value.
    pub fn error_within(
        &mut self,
        scalar: &Yaml,
        offset: usize,
        length: usize,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        let start = self.position_within(scalar, offset);
        let place = Place {
            start,
            end: start + length.max(1),
        };
        self.error(place, message, help);
    }

    fn at(&self, place: Place, message: String, help: Option<String>) -> Diagnostic {
        let Some(text) = &self.text else {
            return Diagnostic {
                help,
                ..Diagnostic::whole_file(&self.file, message)
            };
        };
        // A mistake at the end of the file is shown after its last line's text.
        let mut start = place.start.min(text.len());
        while start > 0 && start == text.len() && text.get(start - 1) == Some(&'\n') {
            start -= 1;
        }
        let line = self.lines.partition_point(|begin| *begin <= start).max(1);
        let line_start = self.lines.get(line - 1).copied().unwrap_or_default();
        let line_end = text
            .iter()
            .skip(line_start)
            .position(|c| *c == '\n')
            .map_or(text.len(), |at| line_start + at);
        Diagnostic {
            file: self.file.clone(),
            line,
            column: start - line_start + 1,
            length: place.end.min(line_end).saturating_sub(start).max(1),
            source: text
                .get(line_start..line_end)
                .unwrap_or_default()
                .iter()
                .collect::<String>()
                .trim_end()
                .to_owned(),
            message,
            help,
        }
    }

    /// Where a byte of a scalar's value was written. The value is the source without quotes,
    /// indentation and folded line ends, so both are walked side by side, blanks left out.
    fn position_within(&self, scalar: &Yaml, offset: usize) -> usize {
        let (Some(text), Value::Text(value)) = (&self.text, &scalar.value) else {
            return scalar.place.start;
        };
        let mut at = scalar.place.start;
        if matches!(text.get(at), Some('|' | '>')) {
            while text.get(at).is_some_and(|c| *c != '\n') {
                at += 1;
            }
        }
        let end = scalar.place.end.max(at);
        for (byte, wanted) in value.char_indices() {
            if wanted.is_whitespace() {
                continue;
            }
            while at < end && text.get(at).is_some_and(|c| *c != wanted) {
                at += 1;
            }
            if byte >= offset {
                return at;
            }
            at += 1;
        }
        at.min(end)
    }
}

fn from_json(json: &serde_json::Value) -> Yaml {
    use serde_json::Value as Json;
    let value = match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(value) => Value::Int(value),
            None => Value::Float(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(from_json).collect()),
        Json::Object(entries) => Value::Map(
            entries
                .iter()
                .map(|(text, value)| {
                    let key = Key {
                        place: Place::default(),
                        text: text.clone(),
                    };
                    (key, from_json(value))
                })
                .collect(),
        ),
    };
    Yaml {
        place: Place::default(),
        value,
    }
}

/// A mapping whose keys are taken one by one; what is left at the end is unknown.
pub struct Fields<'t> {
    place: Place,
    entries: Vec<(&'t Key, &'t Yaml)>,
    known: Vec<&'static str>,
    missing: Vec<&'static str>,
}

impl<'t> Fields<'t> {
    /// The mapping at a node.
    pub fn of(source: &mut Source, node: &'t Yaml, what: &str) -> Option<Self> {
        match &node.value {
            Value::Map(entries) => Some(Self {
                place: node.place,
                entries: entries.iter().map(|(key, value)| (key, value)).collect(),
                known: Vec::new(),
                missing: Vec::new(),
            }),
            _ => {
                source.error(node.place, format!("{what} must be a mapping"), None);
                None
            }
        }
    }

    /// Takes an optional key; null counts as absent.
    pub fn optional(&mut self, name: &'static str) -> Option<&'t Yaml> {
        self.known.push(name);
        let index = self.entries.iter().position(|(key, _)| key.text == name)?;
        let (_, value) = self.entries.remove(index);
        (value.value != Value::Null).then_some(value)
    }

    /// Takes a key that must be there.
    pub fn required(&mut self, name: &'static str) -> Option<&'t Yaml> {
        let found = self.optional(name);
        if found.is_none() {
            self.missing.push(name);
        }
        found
    }

    /// Says which keys nobody asked for, and which are missing. A key that is missing because it is
    /// misspelt is one mistake.
    pub fn finish(mut self, source: &mut Source) {
        for (key, _) in &self.entries {
            if let Some(meant) = closest(&key.text, self.known.iter().copied()) {
                self.missing.retain(|name| *name != meant);
            }
            let help = did_you_mean(&key.text, self.known.iter().copied());
            source.error(key.place, format!("unknown key `{}`", key.text), help);
        }
        let place = Place {
            start: self.place.start,
            end: self.place.start + 1,
        };
        let names: Vec<String> = self
            .missing
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let message = match names.as_slice() {
            [] => return,
            [name] => format!("{name} is missing"),
            [first @ .., last] => format!("{} and {last} are missing", first.join(", ")),
        };
        source.error(place, message, None);
    }
}

/// Where the value of a key is, or the mapping where it has no such key.
pub(crate) fn place_of(tree: &Yaml, name: &str) -> Place {
    let entry = match &tree.value {
        Value::Map(entries) => entries.iter().find(|(key, _)| key.text == name),
        _ => None,
    };
    entry.map_or(tree.place, |(_, value)| value.place)
}

/// The text at a node.
pub fn text(source: &mut Source, node: &Yaml, what: &str) -> Option<String> {
    match &node.value {
        Value::Text(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Text(_) => {
            source.error(node.place, format!("{what} is empty"), None);
            None
        }
        // Expressions like `true` are scalars of another kind to YAML.
        Value::Bool(value) => Some(value.to_string()),
        _ => {
            source.error(node.place, format!("{what} must be text"), None);
            None
        }
    }
}

/// The list at a node.
pub fn list<'t>(source: &mut Source, node: &'t Yaml, what: &str) -> &'t [Yaml] {
    match &node.value {
        Value::List(items) => items,
        _ => {
            source.error(node.place, format!("{what} must be a list"), None);
            &[]
        }
    }
}
