//! The forms a report can take.

use std::io::{self, Write};
use std::str::FromStr;

use posture_model::Timestamp;

use crate::source::Source;
use crate::table::TableOptions;
use crate::v1::{BySeverity, Head};

macro_rules! formats {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $(| $alias:literal)*),+ $(,)?) => {
        /// A form of the report. A new renderer is a file, a line here and an arm in [`Format::render`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Format {
            $($(#[$doc])* $variant),+
        }

        impl Format {
            /// All formats.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name on the command line.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }

            /// Other names that are taken for it.
            fn aliases(self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => &[$($alias),*]),+
                }
            }
        }
    };
}

formats! {
    /// For people, on a terminal.
    Table = "table",
    /// For programs: version 1 of the published schema.
    Json = "json",
    /// For people, in a browser: one self-contained page.
    Html = "html",
    /// For log pipelines: one finding a line.
    Jsonl = "jsonl" | "ndjson",
    /// For spreadsheets: one finding a row.
    Csv = "csv",
    /// For pull requests and chat; fits into one comment.
    Markdown = "markdown" | "md",
    /// For the test reports of build servers.
    Junit = "junit",
    /// For code scanning: SARIF 2.1.0.
    Sarif = "sarif",
    /// For security lakes: OCSF Compliance Findings, one event a line.
    Ocsf = "ocsf",
    /// For AWS Security Hub: requests of `BatchImportFindings`, one a line.
    Asff = "asff",
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
#[error("{name:?} is no report format{} (one of {})", hint(*.close), Format::names())]
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
    /// The names of all formats, for help and errors.
    pub fn names() -> String {
        let names: Vec<&str> = Self::ALL.iter().map(|format| format.as_str()).collect();
        names.join(", ")
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
            Self::Jsonl => crate::jsonl::render(source, out),
            Self::Csv => crate::csv::render(source, out),
            Self::Markdown => crate::markdown::render(source, out),
            Self::Junit => crate::junit::render(source, out),
            Self::Sarif => crate::sarif::render(source, out),
            Self::Ocsf => crate::ocsf::render(source, out),
            Self::Asff => crate::asff::render(source, out),
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
        let mut named = Self::ALL.iter().copied();
        named
            .find(|format| format.as_str() == name || format.aliases().contains(&name))
            .ok_or_else(|| UnknownFormat {
                name: name.to_owned(),
                close: Self::ALL
                    .iter()
                    .map(|format| {
                        (
                            strsim::damerau_levenshtein(&lower, format.as_str()),
                            *format,
                        )
                    })
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
            for name in format.aliases().iter().chain([&format.as_str()]) {
                assert_eq!(name.parse(), Ok(*format), "{name}");
            }
        }
    }

    #[test]
    fn a_near_miss_is_named() {
        let error = "tabel".parse::<Format>().unwrap_err();
        assert_eq!(
            error.to_string(),
            r#""tabel" is no report format; did you mean "table"? (one of table, json, html, jsonl, csv, markdown, junit, sarif, ocsf, asff)"#
        );
        assert_eq!("pdf".parse::<Format>().unwrap_err().close, None);
    }
}
