//! Text that others chose, made fit for Markdown as GitHub shows it.
//!
//! Escaping with backslashes is for the parser. Mentions, references and addresses are found by GitHub in the
//! text after it was parsed, wherever they stand outside code; an invisible space keeps them apart.

/// Keeps apart what GitHub would take for a mention, a reference or an address.
const APART: char = '\u{200b}';

/// One line of text, shown as it is: no markup, no mention, no link. The text must be clean.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut chars = text.chars().peekable();
    // What stands before, as far as it matters.
    let mut word = String::new();
    let mut before = None;
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        match c {
            // `&amp;` is the only way to write `&` that no name can follow.
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\n' | '\r' => out.push(' '),
            _ => {
                if is_markup(c, before, &word, out.is_empty()) {
                    out.push('\\');
                }
                out.push(c);
            }
        }
        if is_reference(c, next, &word) {
            out.push(APART);
        }
        if c.is_alphanumeric() {
            word.push(c);
        } else {
            word.clear();
        }
        before = Some(c);
    }
    out
}

/// Whether the parser could see more than the character in it.
fn is_markup(c: char, before: Option<char>, word: &str, first: bool) -> bool {
    match c {
        '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' | '{' | '}' | '$' | '^'
        | '=' => true,
        // Lists and rules begin with these; within a word they are none.
        '-' | '+' => before.is_none_or(|before| !before.is_alphanumeric()),
        ':' => first,
        // `1.` begins a list where the line begins with it.
        '.' | ')' => !word.is_empty() && word.chars().all(|c| c.is_ascii_digit()),
        _ => false,
    }
}

/// Whether GitHub would find a mention, a reference or an address here.
fn is_reference(c: char, next: Option<char>, word: &str) -> bool {
    match c {
        '@' | '#' => next.is_some_and(|next| next.is_alphanumeric() || next == '_'),
        ':' => next == Some('/'),
        '-' => word.eq_ignore_ascii_case("gh"),
        '.' => word.eq_ignore_ascii_case("www"),
        _ => false,
    }
}

/// One line as code: nothing in it is looked at. The text must be clean.
pub(crate) fn code(text: &str) -> String {
    let fence = "`".repeat(longest_run(text) + 1);
    // A space on both sides is dropped by the parser, and needed where the text begins or ends with a backtick.
    let pad = if text.is_empty() || text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Lines as a block of code.
pub(crate) fn block(language: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    format!(
        "{fence}{language}\n{}\n{fence}\n",
        text.trim_end_matches('\n')
    )
}

/// An address as a link, where it is one that a check may name.
pub(crate) fn link(address: &str) -> String {
    let plain = address.starts_with("https://")
        && address
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'*+,;=%".contains(c));
    if plain {
        format!("<{address}>")
    } else {
        code(address)
    }
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

    use super::*;

    /// The text that a reader sees, and whether anything but plain paragraphs and code was made of it.
    fn seen(markdown: &str) -> (String, bool) {
        let mut text = String::new();
        let mut inert = true;
        let options = Options::all().difference(Options::ENABLE_SMART_PUNCTUATION);
        for event in Parser::new_ext(markdown, options) {
            match event {
                Event::Text(part) | Event::Code(part) => text.push_str(&part),
                Event::Start(Tag::Paragraph | Tag::CodeBlock(_))
                | Event::End(TagEnd::Paragraph | TagEnd::CodeBlock) => {}
                _ => inert = false,
            }
        }
        (text.replace(APART, ""), inert)
    }

    const HOSTILE: &[&str] = &[
        "plain-name_1.2",
        "**bold** _under_ ~~gone~~ `code`",
        "<script>alert(1)</script>",
        "<!-- hidden --> &lt; &copy;",
        "![x](https://evil.example/x.png) [y](javascript:1)",
        "@security-team see #12, GH-12, acme/repo#3",
        "https://evil.example www.evil.example evil@example.com",
        "# heading",
        "- list",
        "1. list",
        "> quote",
        "| a | b |",
        "    indented",
        "back`tick``s```",
        "`",
        "$x$ $$y$$ :smile: [^1] ==h==",
        "a\\*b",
        "-->",
        "---",
        "+++",
    ];

    #[test]
    fn hostile_text_is_inert() {
        for hostile in HOSTILE {
            let (text, inert) = seen(&format!("x {} y", escape(hostile)));
            assert_eq!(text, format!("x {hostile} y"), "{hostile:?}");
            assert!(inert, "{hostile:?}");
            let (text, inert) = seen(&escape(hostile));
            assert_eq!(text, hostile.trim_start(), "{hostile:?}");
            assert!(inert, "{hostile:?}");
            let (text, inert) = seen(&format!("x {} y", code(hostile)));
            assert_eq!(text, format!("x {hostile} y"), "{hostile:?}");
            assert!(inert, "{hostile:?}");
            let (text, inert) = seen(&block("sh", hostile));
            assert_eq!(text, format!("{hostile}\n"), "{hostile:?}");
            assert!(inert, "{hostile:?}");
        }
    }

    #[test]
    fn nobody_is_called_and_nothing_is_linked() {
        let text = escape("@team #12 GH-12 https://evil.example www.evil.example a@b.example");
        let (shown, _) = seen(&text);
        assert_eq!(shown.matches(APART).count(), 0);
        let raw = text.replace('\\', "");
        for sign in ["@t", "#1", "GH-1", "://", "www.e", "@b"] {
            assert!(!raw.contains(sign), "{sign:?} in {raw:?}");
        }
    }

    #[test]
    fn links_are_of_https_and_plain() {
        assert_eq!(
            link("https://docs.aws.amazon.com/a?b#c"),
            "<https://docs.aws.amazon.com/a?b#c>"
        );
        for odd in [
            "http://x.example",
            "javascript:1",
            "https://x> <b>",
            "https://x y",
        ] {
            assert!(link(odd).starts_with('`'), "{odd}");
        }
    }
}
