//! The report as JSON, version 1.

use std::io::{self, Write};

use crate::v1::Report;

/// Writes the report as indented JSON with a newline at the end, straight to `out`. The same report
/// gives the same bytes: fields have the order of their types, and maps that of their keys.
pub fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    // The serializer writes token by token; without a buffer each would be a system call.
    let mut out = io::BufWriter::new(out);
    serde_json::to_writer_pretty(&mut out, report)?;
    out.write_all(b"\n")?;
    out.flush()
}
