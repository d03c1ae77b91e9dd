//! Rust sources: what the compiler and clippy let through.

use std::sync::LazyLock;

use regex::Regex;

use super::{Violation, line_of};

/// Looked for in code, where neither comments nor text can stand in the way.
const IN_CODE: &[(&str, &str)] = &[
    (
        r"#!?\s*\[\s*(?:cfg_attr\s*\([^\]]*?,\s*)?allow\s*\(",
        "a lint is allowed; mend what it finds, or use #[expect(lint, reason = \"...\")]",
    ),
    (
        r"\bunsafe\b",
        "unsafe code; the workspace has none, so find a safe way or a crate that hides it",
    ),
    (
        r"#\s*\[\s*(?:cfg_attr\s*\([^\]]*?,\s*)?ignore\b",
        "a test that never runs; mend it or delete it",
    ),
    (
        r"\.\s*only\s*\(",
        "a test that runs alone; take `.only(...)` away",
    ),
];

/// Looked for in comments.
const IN_COMMENTS: &[(&str, &str)] = &[(
    r"\b(?:TODO|FIXME|XXX)\b",
    "an open end; do it now, or open an issue and say here what holds",
)];

type Patterns = Vec<(Regex, &'static str)>;

fn compiled(patterns: &[(&str, &'static str)]) -> Patterns {
    patterns
        .iter()
        .filter_map(|(pattern, says)| Some((Regex::new(pattern).ok()?, *says)))
        .collect()
}

pub(super) fn lint(path: &str, source: &str) -> Vec<Violation> {
    static CODE: LazyLock<Patterns> = LazyLock::new(|| compiled(IN_CODE));
    static COMMENTS: LazyLock<Patterns> = LazyLock::new(|| compiled(IN_COMMENTS));
    let (code, comments) = split(source);
    let mut violations = Vec::new();
    for (text, patterns) in [(&code, &*CODE), (&comments, &*COMMENTS)] {
        for (pattern, says) in patterns {
            for found in pattern.find_iter(text) {
                violations.push(Violation::new(path, line_of(text, found.start()), *says));
            }
        }
    }
    violations
}

/// The code alone and the comments alone, each as long as the source with the rest blank. The content
/// of literals is in neither.
fn split(source: &str) -> (String, String) {
    let mut code = Vec::with_capacity(source.len());
    let mut comments = Vec::with_capacity(source.len());
    let mut rest = source;
    let mut previous = ' ';
    while let Some(character) = rest.chars().next() {
        let (length, kind) = token(rest, previous);
        let text = rest.get(..length).unwrap_or(rest);
        for byte in text.bytes() {
            let blank = if byte == b'\n' { b'\n' } else { b' ' };
            let (in_code, in_comments) = match kind {
                Kind::Code => (byte, blank),
                Kind::Comment => (blank, byte),
                Kind::Literal => (blank, blank),
            };
            code.push(in_code);
            comments.push(in_comments);
        }
        previous = text.chars().next_back().unwrap_or(character);
        rest = rest.get(text.len()..).unwrap_or("");
    }
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(code), text(comments))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// How long what stands at the beginning is, in bytes, and what it is.
fn token(rest: &str, previous: char) -> (usize, Kind) {
    let first = rest.chars().next().map_or(1, char::len_utf8);
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), Kind::Comment);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), Kind::Comment);
    }
    let in_word = previous.is_alphanumeric() || previous == '_';
    if !in_word {
        // `b`, `c` and `r` before a literal.
        let letters = rest.len() - rest.trim_start_matches(['b', 'c', 'r']).len();
        let after = rest.get(letters..).unwrap_or("");
        let prefix = rest.get(..letters).unwrap_or("");
        if prefix.ends_with('r') && letters <= 2 {
            let hashes = after.len() - after.trim_start_matches('#').len();
            if after
                .get(hashes..)
                .is_some_and(|text| text.starts_with('"'))
            {
                let close = format!("\"{}", "#".repeat(hashes));
                let body = letters + hashes + 1;
                let length = rest
                    .get(body..)
                    .and_then(|text| text.find(&close))
                    .map_or(rest.len(), |at| body + at + close.len());
                return (length, Kind::Literal);
            }
        }
    }
    if rest.starts_with('"') {
        return (quoted(rest, '"').unwrap_or(rest.len()), Kind::Literal);
    }
    // A lifetime has no closing quote right after its first character.
    if let Some(after) = rest.strip_prefix('\'') {
        let mut characters = after.chars();
        let (one, two) = (characters.next(), characters.next());
        if one == Some('\\') || two == Some('\'') {
            return (quoted(rest, '\'').unwrap_or(first), Kind::Literal);
        }
    }
    (first, Kind::Code)
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(text) = rest.get(at..).filter(|text| !text.is_empty()) {
        if text.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The length of a literal with escapes, its quotes included.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(source: &str) -> Vec<usize> {
        lint("a.rs", source).iter().map(|v| v.line).collect()
    }

    #[test]
    fn attributes_and_keywords_are_found() {
        assert_eq!(lines("#[allow(dead_code)]\nfn f() {}"), [1]);
        assert_eq!(lines("\n#![allow(dead_code)]"), [2]);
        assert_eq!(lines("#[cfg_attr(test, allow(dead_code))]"), [1]);
        assert_eq!(lines("fn f() {\n    unsafe { g() }\n}"), [2]);
        assert_eq!(lines("#[test]\n#[ignore = \"slow\"]\nfn f() {}"), [2]);
        assert_eq!(lines("suite.only(|| {});"), [1]);
        assert_eq!(lines("// TODO: later\nlet a = 1; /* FIXME */"), [1, 2]);
    }

    #[test]
    fn text_and_comments_are_no_code() {
        assert!(lines("#![forbid(unsafe_code)]").is_empty());
        assert!(
            lines("// an unsafe name, #[allow(x)]\nlet a = \"unsafe \\\" #[allow(\";").is_empty()
        );
        assert!(
            lines("let a = r#\"unsafe \" #[ignore] // TODO\"#; let b = br\"unsafe\";").is_empty()
        );
        assert!(lines("let account = \"XXX\"; let todo = 1;").is_empty());
        assert!(lines("#[expect(dead_code, reason = \"x\")] fn f() { x.only_one(); }").is_empty());
    }

    #[test]
    fn literals_end_where_they_end() {
        assert_eq!(
            lines("let q = '\"'; unsafe {}\nlet l: &'a str = \"\";"),
            [1]
        );
        assert_eq!(lines("let q = '\\''; unsafe {}"), [1]);
        assert_eq!(lines("fn f<'a>(a: &'a str) { unsafe {} } // 'x"), [1]);
        assert_eq!(lines("/* a /* b */ unsafe */ unsafe {}"), [1]);
        assert_eq!(lines("let attr\"\"; unsafe {}"), [1]);
        assert_eq!(lines("let é = \"é\"; // XXX"), [1]);
    }

    #[test]
    fn real_sources_are_split_where_the_compiler_splits_them() {
        let mut directories = vec![std::path::PathBuf::from(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/.."
        ))];
        let mut seen = 0;
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let source = std::fs::read_to_string(&path).unwrap();
                    let (code, _) = split(&source);
                    assert_eq!(code.len(), source.len(), "{}", path.display());
                    let of = |c| code.matches(c).count();
                    assert_eq!(of('{'), of('}'), "{}", path.display());
                    assert_eq!(of('('), of(')'), "{}", path.display());
                    assert_eq!(of('"'), 0, "{}", path.display());
                    seen += 1;
                }
            }
        }
        assert!(seen > 50);
    }
}
