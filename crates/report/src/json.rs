//! The report as JSON, version 1, and whatever else is written as JSON.

use std::io::{self, Write};

use serde::Serialize;
use serde::ser::{Error as _, SerializeSeq, SerializeStruct};
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use crate::clean::is_unsafe;
use crate::source::Source;
use crate::v1::Report;

/// Writes the report as indented JSON with a newline at the end, straight to `out`, one finding at a time.
/// The same report gives the same bytes: fields have the order of their types, and maps that of their keys.
pub fn render(source: &dyn Source, out: &mut dyn Write) -> io::Result<()> {
    write(&Whole(source), out)
}

/// A report as serde is to see it.
struct Whole<'a>(&'a dyn Source);

impl Serialize for Whole<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let head = self.0.head();
        let mut report = serializer.serialize_struct("Report", 10)?;
        report.serialize_field("schema_version", &head.schema_version)?;
        report.serialize_field("scan", &head.scan)?;
        report.serialize_field("summary", &head.summary)?;
        report.serialize_field("scores", &head.scores)?;
        report.serialize_field("coverage", &head.coverage)?;
        report.serialize_field("checks", &head.checks)?;
        report.serialize_field("waivers", &head.waivers)?;
        report.serialize_field("findings", &Findings(self.0))?;
        report.serialize_field("manual", &head.manual)?;
        report.serialize_field("resources", &head.resources)?;
        report.end()
    }
}

/// The list of findings, each of which is gone before the next one is made.
struct Findings<'a>(&'a dyn Source);

impl Serialize for Findings<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut findings = serializer.serialize_seq(None)?;
        // The serializer's own error, which knows what became of the output, goes before the visit's.
        let mut failed = None;
        let visited = self.0.each(&mut |finding| {
            findings.serialize_element(finding).map_err(|error| {
                let stopped = io::Error::other("stopped");
                failed = Some(error);
                stopped
            })
        });
        match (failed, visited) {
            (Some(error), _) => Err(error),
            (None, Err(error)) => Err(S::Error::custom(error)),
            (None, Ok(())) => findings.end(),
        }
    }
}

impl Serialize for Report {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Whole(self).serialize(serializer)
    }
}

/// Any value as indented JSON with a newline at the end.
pub fn text<T: Serialize + ?Sized>(value: &T) -> io::Result<String> {
    let mut out = Vec::new();
    write(value, &mut out)?;
    String::from_utf8(out).map_err(io::Error::other)
}

/// A value on one line, without a newline at the end.
pub(crate) fn line<T: Serialize + ?Sized>(value: &T, out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(out, Escaping(CompactFormatter));
    Ok(value.serialize(&mut serializer)?)
}

/// Characters that a terminal would obey, or that would hide from the eye, are written as escapes: the
/// value is the same, and `cat` is safe.
pub fn write<T: Serialize + ?Sized>(value: &T, out: &mut dyn Write) -> io::Result<()> {
    // The serializer writes token by token; without a buffer each would be a system call.
    let mut out = io::BufWriter::new(out);
    let mut serializer = Serializer::with_formatter(&mut out, Escaping(PrettyFormatter::new()));
    value.serialize(&mut serializer)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// The layout of another formatter, with unsafe characters in strings escaped.
struct Escaping<F>(F);

impl<F: Formatter> Formatter for Escaping<F> {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // Most text is plain, and looking at each character would take half of the time.
        if fragment.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return self.write_plain(out, Some(fragment));
        }
        let mut safe = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| is_unsafe(*c)) {
            self.write_plain(out, fragment.get(safe..at))?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            safe = at + c.len_utf8();
        }
        self.write_plain(out, fragment.get(safe..))
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

impl<F> Escaping<F> {
    fn write_plain<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        text: Option<&str>,
    ) -> io::Result<()> {
        CompactFormatter.write_string_fragment(out, text.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_stays_the_same_value() {
        let value = serde_json::json!({
            "a\u{202e}b": "x\u{9b}2J \u{1b}[0m \u{7f} \u{200b}\u{e0041}\u{2028} \"quoted\" \n e\u{301} שלום 漢",
            "list": [1, {"x": []}],
        });
        let text = text(&value).unwrap();
        assert_eq!(
            text,
            "{\n  \"a\\u202eb\": \"x\\u009b2J \\u001b[0m \\u007f \\u200b\\udb40\\udc41\\u2028 \\\"quoted\\\" \
             \\n e\u{301} שלום 漢\",\n  \"list\": [\n    1,\n    {\n      \"x\": []\n    }\n  ]\n}\n"
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }
}
