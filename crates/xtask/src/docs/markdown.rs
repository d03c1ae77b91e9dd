//! Text as Markdown: what an author or AWS wrote must read as it was written.

/// Prose: keeps code spans, and makes the rest show as it stands.
pub(crate) fn prose(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let spans: Vec<&str> = text.split('`').collect();
    // An odd number of backticks: the last one opens nothing.
    let paired = spans.len() % 2 == 1;
    let mut out = String::new();
    for (index, span) in spans.iter().enumerate() {
        if index > 0 {
            let last = index == spans.len() - 1;
            out.push_str(if last && !paired { "\\`" } else { "`" });
        }
        let code = index % 2 == 1 && (paired || index < spans.len() - 1);
        if code {
            out.push_str(span);
        } else {
            escape(span, &mut out);
        }
    }
    out
}

fn escape(text: &str, out: &mut String) {
    let characters: Vec<char> = text.chars().collect();
    let word = |index: Option<usize>| {
        index
            .and_then(|index| characters.get(index))
            .is_some_and(|c| c.is_alphanumeric())
    };
    for (index, character) in characters.iter().enumerate() {
        let inside = word(index.checked_sub(1)) && word(Some(index + 1));
        match character {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '_' if inside => out.push('_'),
            '\\' | '*' | '_' | '[' | ']' => {
                out.push('\\');
                out.push(*character);
            }
            _ => out.push(*character),
        }
    }
}

/// A cell of a table: what is Markdown already, without what would end the cell or the row.
pub(crate) fn cell(markdown: &str) -> String {
    let line = markdown.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut out = String::new();
    let mut escaped = false;
    for character in line.chars() {
        if character == '|' && !escaped {
            out.push('\\');
        }
        escaped = character == '\\' && !escaped;
        out.push(character);
    }
    out
}

/// A row of a table.
pub(crate) fn row<S: AsRef<str>>(cells: &[S]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell(text.as_ref())).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// The first two lines of a table.
pub(crate) fn head(titles: &[&str]) -> String {
    format!("{}|{}\n", row(titles), "---|".repeat(titles.len()))
}

/// A code span.
pub(crate) fn code(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let fence = "`".repeat(longest_run(&text) + 1);
    if text.starts_with('`') || text.ends_with('`') {
        format!("{fence} {text} {fence}")
    } else {
        format!("{fence}{text}{fence}")
    }
}

/// Code spans, separated by commas.
pub(crate) fn codes<S: AsRef<str>>(texts: impl IntoIterator<Item = S>) -> String {
    let spans: Vec<String> = texts.into_iter().map(|text| code(text.as_ref())).collect();
    spans.join(", ")
}

/// A block of code.
pub(crate) fn block(language: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end())
}

fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or_default()
}

/// The anchor that a heading gets.
pub(crate) fn anchor(heading: &str) -> String {
    heading
        .chars()
        .filter_map(|character| match character {
            ' ' => Some('-'),
            '-' | '_' => Some(character),
            _ if character.is_alphanumeric() => Some(character.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

/// `1 check`, `2 checks`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_shows_as_written_and_keeps_code() {
        assert_eq!(prose("a *b* <c> [d](e)"), r"a \*b\* &lt;c> \[d\](e)");
        assert_eq!(prose("`a*b` and c_d and _e_"), r"`a*b` and c_d and \_e\_");
        assert_eq!(prose("one ` alone *"), r"one \` alone \*");
        assert_eq!(prose("two\n  lines"), "two lines");
    }

    #[test]
    fn cells_end_neither_the_cell_nor_the_row() {
        assert_eq!(cell("a | b\nc"), r"a \| b c");
        assert_eq!(cell(r"already \| escaped"), r"already \| escaped");
        assert_eq!(cell(r"a backslash \\| b"), r"a backslash \\\| b");
        assert_eq!(row(&["`a || b`", "c"]), "| `a \\|\\| b` | c |\n");
        assert_eq!(head(&["A", "B"]), "| A | B |\n|---|---|\n");
    }

    #[test]
    fn code_can_hold_backticks() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`a"), "`` `a ``");
        assert_eq!(block("sh", "x ``` y\n"), "````sh\nx ``` y\n````\n");
    }

    #[test]
    fn anchors_are_those_of_the_host() {
        assert_eq!(anchor("lambda.function"), "lambdafunction");
        assert_eq!(
            anchor("lambda.event_source_mapping"),
            "lambdaevent_source_mapping"
        );
        assert_eq!(anchor("By practice"), "by-practice");
    }
}
