//! A document in the format of Jira Cloud, in which text is data and cannot be markup.

use posture_report::clean;
use serde_json::{Value, json};

use super::document::{Block, Document, Span, clean_code, spaced};

/// The document, as Atlassian's document format has it.
pub(crate) fn render(document: &Document) -> Value {
    let content: Vec<Value> = document.blocks.iter().map(block).collect();
    json!({"type": "doc", "version": 1, "content": content})
}

fn block(block: &Block) -> Value {
    match block {
        Block::Heading(text) => json!({
            "type": "heading", "attrs": {"level": 3}, "content": texts([plain(&clean(text))]),
        }),
        Block::Paragraph(spans) => paragraph(spans),
        Block::List(lines) => {
            let items: Vec<Value> = lines
                .iter()
                .map(|line| json!({"type": "listItem", "content": [paragraph(line)]}))
                .collect();
            json!({"type": "bulletList", "content": items})
        }
        Block::Code(language, text) => json!({
            "type": "codeBlock",
            "attrs": {"language": language},
            "content": texts([plain(&clean_code(text))]),
        }),
    }
}

fn paragraph(spans: &[Span]) -> Value {
    json!({"type": "paragraph", "content": texts(spans.iter().map(span))})
}

/// A text of no characters is not allowed.
fn texts(nodes: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let empty = |node: &Value| node["text"].as_str().is_none_or(str::is_empty);
    nodes.into_iter().filter(|node| !empty(node)).collect()
}

fn span(span: &Span) -> Value {
    match span {
        Span::Text(text) => plain(&spaced(text, clean(text))),
        Span::Strong(text) => marked(&clean(text), json!({"type": "strong"})),
        Span::Code(text) => marked(&clean(text), json!({"type": "code"})),
        Span::Link(address) => {
            let address = clean(address);
            if address.starts_with("https://") {
                marked(
                    &address,
                    json!({"type": "link", "attrs": {"href": address}}),
                )
            } else {
                marked(&address, json!({"type": "code"}))
            }
        }
    }
}

fn plain(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn marked(text: &str, mark: Value) -> Value {
    json!({"type": "text", "text": text, "marks": [mark]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let document = Document {
            blocks: vec![
                Block::Paragraph(vec![
                    Span::label("Name"),
                    Span::text(" "),
                    Span::code("{code}[~admin]\u{202e}"),
                    Span::text(""),
                    Span::Link("javascript:1".to_owned()),
                ]),
                Block::Code("sh", "a\n  b\u{1b}[31m".to_owned()),
            ],
        };
        assert_eq!(
            render(&document)["content"],
            json!([
                {"type": "paragraph", "content": [
                    {"type": "text", "text": "Name", "marks": [{"type": "strong"}]},
                    {"type": "text", "text": " "},
                    {"type": "text", "text": "{code}[~admin]", "marks": [{"type": "code"}]},
                    {"type": "text", "text": "javascript:1", "marks": [{"type": "code"}]},
                ]},
                {"type": "codeBlock", "attrs": {"language": "sh"}, "content": [
                    {"type": "text", "text": "a\n  b"},
                ]},
            ])
        );
    }
}
