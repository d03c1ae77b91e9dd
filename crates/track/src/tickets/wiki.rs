//! A document in the wiki markup of Jira Server and Data Center.

use posture_report::clean;

use super::document::{Block, Document, Span, clean_code, spaced};

/// The document as wiki markup.
pub(crate) fn render(document: &Document) -> String {
    let blocks: Vec<String> = document.blocks.iter().map(block).collect();
    blocks.join("\n")
}

fn block(block: &Block) -> String {
    match block {
        Block::Heading(text) => format!("h3. {}\n", escape(&clean(text))),
        Block::Paragraph(spans) => format!("{}\n", line(spans)),
        Block::List(lines) => lines
            .iter()
            .map(|spans| format!("* {}\n", line(spans)))
            .collect(),
        Block::Code(_, text) => format!(
            "{{noformat}}\n{}\n{{noformat}}\n",
            unbraced(&clean_code(text))
        ),
    }
}

fn line(spans: &[Span]) -> String {
    let parts = spans.iter().map(|span| match span {
        Span::Text(text) => spaced(text, escape(&clean(text))),
        Span::Strong(text) => format!("*{}*", escape(&clean(text))),
        Span::Code(text) => format!("{{{{{}}}}}", escape(&clean(text))),
        Span::Link(address) => {
            let address = clean(address);
            let plain = address.starts_with("https://")
                && address
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-._~:/?#=&%".contains(c));
            if plain {
                format!("[{address}]")
            } else {
                escape(&address)
            }
        }
    });
    parts.collect()
}

/// Every character that could begin markup is written as a character reference, which the renderer shows as the
/// character and does not look at again; backslashes are not enough, since they escape some markup only.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() && !matches!(c, '.' | ',' | '/' | ' ') {
            out.push_str(&format!("&#{};", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    // An address is recognised by its beginning.
    out.replace("www.", "www&#46;")
}

/// Nothing but its own end is markup within `{noformat}`.
fn unbraced(text: &str) -> String {
    text.replace("{noformat", "{ noformat")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_markup_survives() {
        for hostile in [
            "*b* _i_ -s- +u+ ^p^ ~d~ ??c?? {{m}} bq. x",
            "[~admin] [link|http://evil.example] !image.png!",
            "{code}x{code} {html}x{html} {noformat}",
            "h1. x # y | z || w ---- \\\\",
            "http://evil.example www.evil.example mailto:a@b.example :) (!)",
        ] {
            let shown = escape(hostile);
            let markup = "*_-+^~?{}[]!|#\\@:();&";
            let bare = regexless(&shown);
            assert!(!bare.chars().any(|c| markup.contains(c)), "{shown}");
            assert!(!bare.contains("www."), "{shown}");
        }
        let text = render(&Document {
            blocks: vec![Block::Code("sh", "a {noformat} *b*".to_owned())],
        });
        assert_eq!(text, "{noformat}\na { noformat} *b*\n{noformat}\n");
    }

    /// The text without its character references.
    fn regexless(text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("&#") {
            out.push_str(before);
            rest = after.split_once(';').map_or("", |(_, rest)| rest);
        }
        out + rest
    }
}
