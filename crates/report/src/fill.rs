//! Placeholders of a check's texts, such as `{resource.name}`, filled in for one resource.
//!
//! The values are chosen by whoever can name a resource, and the texts are made to be pasted into a
//! shell. A value that is not plain is quoted for the place it lands in; where that cannot be done
//! for certain, the placeholder stays for the reader to fill.

use crate::clean::clean;

/// Gives a placeholder's value by its path; `None` leaves the placeholder.
pub(crate) type Values<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Fills text that people read.
pub(crate) fn prose(template: &str, values: &Values<'_>) -> String {
    fill(template, values, |_, value| Some(clean(value)))
}

/// Fills an address: only values that need no encoding.
pub(crate) fn address(template: &str, values: &Values<'_>) -> String {
    fill(template, values, |_, value| {
        is_plain(value).then(|| value.to_owned())
    })
}

/// Fills a shell command.
pub(crate) fn shell(template: &str, values: &Values<'_>) -> String {
    // In a substitution or a here-document quotes mean something else.
    let nested = ["$(", "`", "<<"].iter().any(|mark| template.contains(mark));
    fill(template, values, |before, value| {
        if value.is_empty() || clean(value) != value {
            return None;
        }
        let begins_word = before
            .chars()
            .next_back()
            .is_none_or(|c| c.is_whitespace() || matches!(c, '\'' | '"'));
        // The AWS CLI would take these for an option, or read a file and send it.
        if begins_word
            && ["-", "file://", "fileb://"]
                .iter()
                .any(|p| value.starts_with(p))
        {
            return None;
        }
        if is_plain(value) {
            return Some(value.to_owned());
        }
        if nested {
            return None;
        }
        match ShellContext::after(before) {
            ShellContext::Bare => Some(single_quoted(value)),
            ShellContext::Single { json: true } => Some(json_escaped(value).replace('\'', r"'\''")),
            ShellContext::Single { json: false } => Some(value.replace('\'', r"'\''")),
            // Leaves the double quotes for single ones, in which nothing is special, and comes back.
            ShellContext::Double { json: true } => {
                Some(format!("\"{}\"", single_quoted(&json_escaped(value))))
            }
            ShellContext::Double { json: false } => Some(format!("\"{}\"", single_quoted(value))),
            ShellContext::Comment => None,
        }
    })
}

/// Fills a Terraform snippet.
pub(crate) fn terraform(template: &str, values: &Values<'_>) -> String {
    let nested = template.contains("<<");
    fill(template, values, |before, value| {
        if value.is_empty() || clean(value) != value {
            return None;
        }
        if is_plain(value) {
            return Some(value.to_owned());
        }
        if nested || !in_terraform_string(before) {
            return None;
        }
        Some(
            value
                .replace('\\', r"\\")
                .replace('"', "\\\"")
                .replace("${", "$${")
                .replace("%{", "%%{"),
        )
    })
}

/// Replaces each placeholder by what `place` makes of its value, given the finished text before it.
fn fill(
    template: &str,
    values: &Values<'_>,
    place: impl Fn(&str, &str) -> Option<String>,
) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        out.push_str(before);
        let Some(path) = placeholder(from) else {
            out.push('{');
            rest = from.get(1..).unwrap_or_default();
            continue;
        };
        let whole = from.get(..path.len() + 2).unwrap_or_default();
        // `${name}` belongs to the shell or to Terraform.
        let filled = if out.ends_with(['$', '%']) {
            None
        } else {
            values(path).and_then(|value| place(&out, &value))
        };
        match filled {
            Some(text) => out.push_str(&text),
            None => out.push_str(whole),
        }
        rest = from.get(whole.len()..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The path in a placeholder that the text starts with.
fn placeholder(text: &str) -> Option<&str> {
    let path = text.strip_prefix('{')?.split('}').next()?;
    let closed = text.get(path.len() + 1..)?.starts_with('}');
    let shaped = path.starts_with(|c: char| c.is_ascii_lowercase())
        && path
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.'));
    (closed && shaped).then_some(path)
}

/// Whether a shell takes the value for nothing but itself.
fn is_plain(value: &str) -> bool {
    !value.is_empty()
        // zsh expands a word that starts with `=`.
        && !value.starts_with('=')
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._/:@=+-".contains(&b))
}

fn single_quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

fn json_escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"")
}

/// Where in a command a value lands. `json`: inside a JSON string within the quotes.
enum ShellContext {
    Bare,
    Single { json: bool },
    Double { json: bool },
    Comment,
}

impl ShellContext {
    fn after(command: &str) -> Self {
        let mut context = Self::Bare;
        let mut word_start = true;
        let mut chars = command.chars();
        while let Some(c) = chars.next() {
            context = match (context, c) {
                (Self::Bare, '\'') => Self::Single { json: false },
                (Self::Bare, '"') => Self::Double { json: false },
                (Self::Bare, '#') if word_start => Self::Comment,
                (Self::Single { .. }, '\'') | (Self::Double { .. }, '"') => Self::Bare,
                (Self::Single { json }, '"') => Self::Single { json: !json },
                (Self::Single { json: true }, '\\') => {
                    chars.next();
                    Self::Single { json: true }
                }
                (Self::Double { json }, '\\') => Self::Double {
                    json: json ^ (chars.next() == Some('"')),
                },
                (Self::Bare, '\\') => {
                    chars.next();
                    Self::Bare
                }
                (Self::Comment, '\n') => Self::Bare,
                (context, _) => context,
            };
            word_start = c.is_whitespace() || matches!(c, ';' | '|' | '&' | '(');
        }
        context
    }
}

fn in_terraform_string(before: &str) -> bool {
    // Strings of Terraform end on their line.
    let line = before.rsplit('\n').next().unwrap_or_default();
    let mut inside = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if inside => {
                chars.next();
            }
            '"' => inside = !inside,
            '#' if !inside => return false,
            _ => {}
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(value: &str) -> impl Fn(&str) -> Option<String> {
        move |path| (path == "resource.name").then(|| value.to_owned())
    }

    #[test]
    fn plain_values_stand_as_they_are() {
        assert_eq!(
            shell("aws x --name {resource.name}", &name("a-b/c:d")),
            "aws x --name a-b/c:d"
        );
    }

    #[test]
    fn hostile_values_are_quoted_for_their_place() {
        for (template, value, expected) in [
            ("x {resource.name}", "a b", "x 'a b'"),
            ("x {resource.name}", "$(id)", "x '$(id)'"),
            ("x {resource.name}", "a';id;'", r"x 'a'\'';id;'\'''"),
            ("x \"{resource.name}\"", "$(id)", "x \"\"'$(id)'\"\""),
            ("x 'n={resource.name}'", "a'b", r"x 'n=a'\''b'"),
            (
                r#"x '{"a":"{resource.name}"}'"#,
                r#"b","c":"d"#,
                r#"x '{"a":"b\",\"c\":\"d"}'"#,
            ),
            ("x {resource.name}", "=ls", "x '=ls'"),
            // Nothing is certain here, so the placeholder stays.
            ("x $(y {resource.name})", "$(id)", "x $(y {resource.name})"),
            (
                "x {resource.name}",
                "--endpoint-url=http://e",
                "x {resource.name}",
            ),
            ("x \"{resource.name}\"", "-rf", "x \"{resource.name}\""),
            (
                "x {resource.name}",
                "file:///etc/passwd",
                "x {resource.name}",
            ),
            ("x {resource.name}", "a\nid", "x {resource.name}"),
            ("x {resource.name}", "a\u{1b}[201~id", "x {resource.name}"),
            ("x {resource.name}", "", "x {resource.name}"),
            ("# don't\nx {resource.name}", "a b", "# don't\nx 'a b'"),
            // Not placeholders of ours.
            (
                "x ${resource.name} {other} {}",
                "a",
                "x ${resource.name} {other} {}",
            ),
            (r#"x '{"a": {"b": 1}}'"#, "a", r#"x '{"a": {"b": 1}}'"#),
            ("x {", "a", "x {"),
            ("x {resource.name", "a", "x {resource.name"),
        ] {
            assert_eq!(
                shell(template, &name(value)),
                expected,
                "{template} {value:?}"
            );
        }
    }

    #[test]
    fn a_filled_value_is_not_filled_again() {
        assert_eq!(
            shell("x {resource.name}", &name("{resource.name}")),
            "x '{resource.name}'"
        );
    }

    #[test]
    fn terraform_strings_are_escaped() {
        for (template, value, expected) in [
            (
                "name = \"{resource.name}\"",
                "a\"${b}%{c}\\",
                "name = \"a\\\"$${b}%%{c}\\\\\"",
            ),
            ("name = {resource.name}", "a b", "name = {resource.name}"),
            (
                "name = \"${resource.name}\"",
                "a",
                "name = \"${resource.name}\"",
            ),
        ] {
            assert_eq!(terraform(template, &name(value)), expected);
        }
    }
}
