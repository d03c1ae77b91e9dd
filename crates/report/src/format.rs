//! The forms a report can take.

use std::io::{self, Write};
use std::str::FromStr;

use posture_model::Timestamp;

use crate::source::Source;
use crate::table::TableOptions;
use crate::v1::{BySeverity, Head};

/// A form of the report. A new renderer is a file, a variant here and an arm in each `match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// For people, on a terminal.
    Table,
    /// For programs: version 1 of the published schema.
    Json,
    /// For people, in a browser: one self-contained page.
    Html,
}

/// What a report is written with beside its findings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RenderOptions {
    /// How the terminal report looks.
    pub table: TableOptions,
    /// Earlier reports, for forms that show how things went; the order does not matter.
    pub earlier: Vec<Earlier>,
}

/// What there is to remember of an earlier report.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier {
    /// When its scan started.
    pub started_at: Timestamp,
    /// The overall score, in percent; null when nothing was judged.
    pub score: Option<f64>,
    /// The overall coverage, in percent; null when there was nothing to judge.
    pub coverage: Option<f64>,
    /// Failing verdicts by severity.
    pub by_severity: BySeverity,
}

impl From<&Head> for Earlier {
    fn from(head: &Head) -> Self {
        Self {
            started_at: head.scan.started_at,
            score: head.scores.overall.score,
            coverage: head.scores.overall.coverage,
            by_severity: head.summary.by_severity,
        }
    }
}

/// A name that is no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no report format{} (one of table, json, html)", hint(*.close))]
pub struct UnknownFormat {
    /// The name that was given.
    pub name: String,
    /// The format that was probably meant.
    pub close: Option<Format>,
}

fn hint(close: Option<Format>) -> String {
    close.map_or_else(String::new, |format| {
        format!("; did you mean {:?}?", format.as_str())
    })
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 3] = [Self::Table, Self::Json, Self::Html];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Html => "html",
        }
    }

    /// Writes the report in this form.
    pub fn render(
        self,
        source: &dyn Source,
        options: &RenderOptions,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match self {
            Self::Table => crate::table::render(source, &options.table, out),
            Self::Json => crate::json::render(source, out),
            Self::Html => crate::html::render(source, options, out),
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let lower = name.to_lowercase();
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == name)
            .ok_or_else(|| UnknownFormat {
                name: name.to_owned(),
                close: Self::ALL
                    .into_iter()
                    .map(|format| (strsim::damerau_levenshtein(&lower, format.as_str()), format))
                    .filter(|(distance, _)| *distance <= 2)
                    .min_by_key(|(distance, _)| *distance)
                    .map(|(_, format)| format),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for format in Format::ALL {
            assert_eq!(format.as_str().parse(), Ok(format));
        }
    }

    #[test]
    fn a_near_miss_is_named() {
        let error = "tabel".parse::<Format>().unwrap_err();
        assert_eq!(
            error.to_string(),
            r#""tabel" is no report format; did you mean "table"? (one of table, json, html)"#
        );
        assert_eq!("pdf".parse::<Format>().unwrap_err().close, None);
    }
}
