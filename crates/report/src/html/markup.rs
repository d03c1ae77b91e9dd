//! Markup that text cannot become: what is written as markup is known at compile time, and everything else is
//! escaped.

use std::fmt::{self, Display, Write as _};
use std::io::{self, Write};

use crate::clean::{visible, visible_lines};

/// The page while it is written.
pub(super) struct Page<'a> {
    out: &'a mut dyn Write,
}

/// Writes markup (string literals) and text (expressions in parentheses), in order.
macro_rules! put {
    ($page:expr; $($piece:tt)+) => {{
        $( $crate::html::markup::put_one!($page, $piece); )+
    }};
}

macro_rules! put_one {
    ($page:expr, ($value:expr)) => {
        $page.text(&$value)?
    };
    ($page:expr, $markup:literal) => {
        $page.markup($markup)?
    };
}

pub(super) use {put, put_one};

impl<'a> Page<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out }
    }

    /// Markup; of this program's own making, as it is there at compile time.
    pub(super) fn markup(&mut self, markup: &'static str) -> io::Result<()> {
        self.out.write_all(markup.as_bytes())
    }

    /// Text of any origin, between tags or in a quoted attribute. It is one line.
    pub(super) fn text(&mut self, value: &dyn Display) -> io::Result<()> {
        self.escaped(value, |text| visible(text).into_owned())
    }

    /// The same, with line breaks kept; for commands.
    pub(super) fn lines(&mut self, value: &str) -> io::Result<()> {
        self.escaped(&value, |text| visible_lines(text).into_owned())
    }

    /// Bytes in Base64, whose alphabet holds nothing that markup is made of.
    pub(super) fn base64(&mut self, bytes: &[u8]) -> io::Result<()> {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        self.out.write_all(text.as_bytes())
    }

    fn escaped(&mut self, value: &dyn Display, shown: fn(&str) -> String) -> io::Result<()> {
        let mut text = String::new();
        // Writing to a string fails only where the value itself does.
        write!(text, "{value}").map_err(|_: fmt::Error| io::Error::other("text without a form"))?;
        let text = shown(&text);
        let mut plain = 0;
        for (at, byte) in text.bytes().enumerate() {
            let entity = match byte {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                b'\'' => "&#39;",
                _ => continue,
            };
            let before = text.get(plain..at).unwrap_or_default();
            self.out.write_all(before.as_bytes())?;
            self.out.write_all(entity.as_bytes())?;
            plain = at + 1;
        }
        let rest = text.get(plain..).unwrap_or_default();
        self.out.write_all(rest.as_bytes())
    }
}

/// A value of a link's query, percent-encoded.
pub(super) struct Encoded<'a>(pub(super) &'a str);

impl Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                f.write_char(char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Page<'_>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut Page::new(&mut out)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_stays_text() {
        let name = "</bdi><script>alert(\"1\")</script>&amp;'\u{202e}\n";
        let html = written(|page| {
            put!(page; "<bdi title=\"" (name) "\">" (name) "</bdi>");
            Ok(())
        });
        let text = "&lt;/bdi&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;&#39;⟨U+202E⟩⟨U+000A⟩";
        assert_eq!(html, format!("<bdi title=\"{text}\">{text}</bdi>"));
        assert_eq!(written(|page| page.lines("a <\n  b")), "a &lt;\n  b");
    }

    #[test]
    fn values_of_queries_are_encoded() {
        assert_eq!(
            Encoded("wa:SEC 1&x=#é").to_string(),
            "wa%3ASEC%201%26x%3D%23%C3%A9"
        );
    }
}
