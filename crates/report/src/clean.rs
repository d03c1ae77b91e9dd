//! Hostile text made fit for a terminal or a page.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

use unicode_width::UnicodeWidthChar;

/// Marks that may follow one another on a letter; scripts need two at most, and more of them climb
/// over the neighbouring lines.
const MAX_MARKS: usize = 2;

/// The text without anything that a terminal would obey or that would hide from the eye: escape
/// sequences (with the addresses of links), control characters, bidirectional overrides and
/// isolates, zero-width and other invisible characters, piles of combining marks. Line breaks and
/// tabs become spaces. What is left fits on one line and is what it looks like.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut marks = 0;
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_control_sequence(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => skip_string(&mut chars),
            '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                if !out.is_empty() && !out.ends_with(' ') {
                    out.push(' ');
                }
                marks = 0;
            }
            _ if c.is_control() || is_invisible(c) => {}
            _ if c.width() == Some(0) => {
                marks += 1;
                // A mark without a letter would land on whatever stands before the text.
                if marks <= MAX_MARKS && !out.is_empty() {
                    out.push(c);
                }
            }
            _ => {
                marks = 0;
                out.push(c);
            }
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// The text with everything that does not show, or changes how its neighbours show, spelt out as
/// `⟨U+202E⟩`: nothing of it is lost, and two names that differ look different. What belongs on a page that
/// obeys no escape sequences; one line, as [`clean`] gives.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    spelt_out(text, |_| false)
}

/// The same, with the line breaks of a command or a snippet kept.
pub(crate) fn visible_lines(text: &str) -> Cow<'_, str> {
    spelt_out(text, |c| c == '\n')
}

fn spelt_out(text: &str, keeps: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut marks = 0;
    for c in text.chars() {
        marks = match c.width() {
            Some(0) => marks + 1,
            _ => 0,
        };
        // A mark without a letter would land on whatever stands before the text.
        let stray = marks > MAX_MARKS || (marks > 0 && out.is_empty());
        if (is_unsafe(c) || stray) && !keeps(c) {
            // Writing to a string cannot fail.
            let _ = write!(out, "⟨U+{:04X}⟩", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// After ESC: one of the sequences that it can open.
fn skip_escape(chars: &mut Peekable<Chars<'_>>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_control_sequence(chars);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            chars.next();
            skip_string(chars);
        }
        Some(' '..='/') => {
            while chars.next_if(|c| (' '..='/').contains(c)).is_some() {}
            chars.next_if(|c| ('0'..='~').contains(c));
        }
        Some('0'..='~') => {
            chars.next();
        }
        _ => {}
    }
}

/// Parameters, intermediates and the final character of a CSI sequence.
fn skip_control_sequence(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| (' '..='?').contains(c)).is_some() {}
    chars.next_if(|c| ('@'..='~').contains(c));
}

/// The body of OSC, DCS and the like, up to BEL or ST. One that never ends hides nothing: its text
/// is kept.
fn skip_string(chars: &mut Peekable<Chars<'_>>) {
    let mut ahead = chars.clone();
    while let Some(c) = ahead.next() {
        let ends = match c {
            '\u{7}' | '\u{9c}' => true,
            '\u{1b}' => ahead.next_if_eq(&'\\').is_some(),
            _ => false,
        };
        if ends {
            *chars = ahead;
            return;
        }
    }
}

/// Whether a terminal would obey the character, or an eye be deceived by it.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control() || is_invisible(c) || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Characters that show nothing, or that change how others show.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::{clean, visible, visible_lines};

    #[test]
    fn what_does_not_show_is_spelt_out() {
        for (hostile, shown) in [
            ("plain <b>&", "plain <b>&"),
            ("\u{1b}[31mred", "⟨U+001B⟩[31mred"),
            ("a\u{202e}b\u{2066}", "a⟨U+202E⟩b⟨U+2066⟩"),
            ("ze\u{200b}ro\u{feff}", "ze⟨U+200B⟩ro⟨U+FEFF⟩"),
            ("two\nlines\t", "two⟨U+000A⟩lines⟨U+0009⟩"),
            ("\u{2028}\u{e0041}\u{0}", "⟨U+2028⟩⟨U+E0041⟩⟨U+0000⟩"),
            ("שלום 漢", "שלום 漢"),
            ("e\u{301}te\u{301}", "e\u{301}te\u{301}"),
            ("z\u{301}\u{302}\u{303}", "z\u{301}\u{302}⟨U+0303⟩"),
            ("\u{301}x", "⟨U+0301⟩x"),
        ] {
            assert_eq!(visible(hostile), shown, "{hostile:?}");
        }
        assert_eq!(visible_lines("a \\\n  b\r"), "a \\\n  b⟨U+000D⟩");
    }

    #[test]
    fn hostile_text_is_inert() {
        for (hostile, inert) in [
            ("plain-name_1.2", "plain-name_1.2"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{9b}2Jcleared", "cleared"),
            (
                "\u{1b}]8;;http://evil.example\u{1b}\\click\u{1b}]8;;\u{1b}\\",
                "click",
            ),
            ("\u{1b}]0;title\u{7}name", "name"),
            ("\u{9d}52;c;ZXZpbA==\u{9c}x", "x"),
            ("\u{1b}]never ends", "never ends"),
            ("\u{1b}c\u{1b}(0reset", "reset"),
            ("\u{1b}", ""),
            ("a\u{1b}[", "a"),
            ("\u{1b}\u{1b}[31mx", "x"),
            ("safe\u{202e}gpj.exe", "safegpj.exe"),
            ("\u{2066}iso\u{2069}", "iso"),
            ("ze\u{200b}ro\u{feff}\u{2060}", "zero"),
            ("two\nlines\r\n\tthree", "two lines three"),
            ("\u{7}\u{8}\u{0}bell", "bell"),
            ("tag\u{e0041}\u{e007f}", "tag"),
            ("=HYPERLINK(\"x\")", "=HYPERLINK(\"x\")"),
            ("שלום", "שלום"),
            ("e\u{301}te\u{301}", "e\u{301}te\u{301}"),
            ("z\u{301}\u{302}\u{303}\u{304}", "z\u{301}\u{302}"),
            ("\u{301}x", "x"),
        ] {
            assert_eq!(clean(hostile), inert, "{hostile:?}");
        }
    }
}
