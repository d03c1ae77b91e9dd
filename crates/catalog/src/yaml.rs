//! YAML as a tree that remembers where everything was written.
//!
//! Also included by the build script, which turns the embedded files into JSON: parsing hundreds of
//! YAML files at every start would cost more than evaluating them.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// Nesting deeper than this is refused, so that nothing that walks a tree can overflow the stack.
const MAX_DEPTH: usize = 64;

/// Nodes that aliases may stand for, all together. Each alias is replaced by what it stands for, and
/// aliases of aliases would otherwise turn a few lines into gigabytes.
const MAX_COPIES: usize = 20_000;

const NO_ANCHOR: &str = "this alias has no anchor; text that begins with * goes in quotes";

/// A place in the text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// Index of the first character, in characters.
    pub start: usize,
    /// Index after the last character, in characters.
    pub end: usize,
}

/// A node and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Yaml {
    /// Where it was written.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// What a node is, by the core schema of YAML 1.2.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, `null` or `~`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(String),
    /// A sequence.
    List(Vec<Yaml>),
    /// A mapping, in the order written.
    Map(Vec<(Key, Yaml)>),
}

/// A key of a mapping: always text here.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Where it was written.
    pub place: Place,
    /// The key.
    pub text: String,
}

/// Text that is not YAML, or YAML that checks have no use for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mistake {
    /// Where.
    pub(crate) place: Place,
    /// What.
    pub(crate) message: String,
}

enum Open {
    List(Place, usize, Vec<Yaml>),
    Map(Place, usize, Vec<(Key, Yaml)>, Option<Key>),
}

/// Parses one document.
pub(crate) fn parse(text: &str) -> Result<Yaml, Mistake> {
    let mut open: Vec<Open> = Vec::new();
    let mut root: Option<Yaml> = None;
    let mut anchors: HashMap<usize, Yaml> = HashMap::new();
    let mut copies = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e| {
            let at = e.marker().index();
            Mistake {
                place: Place {
                    start: at,
                    end: at + 1,
                },
                message: match e.info() {
                    "while parsing node, found unknown anchor" => NO_ANCHOR.to_owned(),
                    other => other.to_owned(),
                },
            }
        })?;
        let place = place_of(span);
        let refuse = |message: &str| Mistake {
            place,
            message: message.to_owned(),
        };
        let done = match event {
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => None,
            Event::Alias(id) => {
                let Some(target) = anchors.get(&id) else {
                    return Err(refuse(NO_ANCHOR));
                };
                copies += target.nodes();
                if copies > MAX_COPIES {
                    return Err(refuse("too many aliases"));
                }
                Some((
                    0,
                    Yaml {
                        place,
                        ..target.clone()
                    },
                ))
            }
            Event::Scalar(text, style, anchor, tag) => {
                if tag.is_some() {
                    return Err(refuse("tags are not supported here"));
                }
                let value = match style {
                    ScalarStyle::Plain => plain(&text),
                    _ => Value::Text(text.into_owned()),
                };
                Some((anchor, Yaml { place, value }))
            }
            Event::SequenceStart(anchor, _) => {
                open.push(Open::List(place, anchor, Vec::new()));
                None
            }
            Event::MappingStart(anchor, _) => {
                open.push(Open::Map(place, anchor, Vec::new(), None));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(|closed| {
                let (start, anchor, value) = match closed {
                    Open::List(start, anchor, items) => (start, anchor, Value::List(items)),
                    Open::Map(start, anchor, entries, _) => (start, anchor, Value::Map(entries)),
                };
                let place = start.to(place);
                (anchor, Yaml { place, value })
            }),
        };
        if open.len() > MAX_DEPTH {
            return Err(refuse("nested too deeply"));
        }
        let Some((anchor, node)) = done else { continue };
        if anchor > 0 {
            anchors.insert(anchor, node.clone());
        }
        match open.last_mut() {
            None if root.is_some() => return Err(refuse("more than one document in the file")),
            None => root = Some(node),
            Some(Open::List(_, _, items)) => items.push(node),
            Some(Open::Map(_, _, entries, key)) => match key.take() {
                None => *key = Some(key_of(node, entries)?),
                Some(key) => entries.push((key, node)),
            },
        }
    }
    Ok(root.unwrap_or(Yaml {
        place: Place::default(),
        value: Value::Null,
    }))
}

fn key_of(node: Yaml, entries: &[(Key, Yaml)]) -> Result<Key, Mistake> {
    let text = match node.value {
        Value::Text(text) => text,
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::List(_) | Value::Map(_) => {
            return Err(Mistake {
                place: node.place,
                message: "a key must be text".to_owned(),
            });
        }
    };
    if entries.iter().any(|(key, _)| key.text == text) {
        return Err(Mistake {
            place: node.place,
            message: format!("`{text}` is given twice"),
        });
    }
    Ok(Key {
        place: node.place,
        text,
    })
}

fn place_of(span: Span) -> Place {
    Place {
        start: span.start.index(),
        end: span.end.index().max(span.start.index()),
    }
}

impl Place {
    fn to(self, end: Self) -> Self {
        Self {
            start: self.start,
            end: end.end.max(self.end),
        }
    }
}

/// Plain scalars by the core schema.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let starts_like_a_number = text
        .strip_prefix(['-', '+'])
        .unwrap_or(text)
        .starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if starts_like_a_number {
        if let Ok(value) = text.parse::<i64>() {
            return Value::Int(value);
        }
        if let Ok(value) = text.parse::<f64>()
            && value.is_finite()
        {
            return Value::Float(value);
        }
    }
    Value::Text(text.to_owned())
}

impl Yaml {
    /// How many nodes the tree has.
    fn nodes(&self) -> usize {
        1 + match &self.value {
            Value::List(items) => items.iter().map(Self::nodes).sum(),
            Value::Map(entries) => entries.iter().map(|(_, value)| value.nodes()).sum(),
            _ => 0,
        }
    }

    /// The same as JSON, places forgotten.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Int(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|(key, value)| (key.text.clone(), value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}
