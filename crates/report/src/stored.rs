//! Reading a stored report, finding by finding.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::source::{Source, Visit};
use crate::v1::{Finding, Head, Report};

/// Why a stored report could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be read.
    #[error("failed to read the report")]
    Io(#[from] std::io::Error),
    /// The file is no JSON report.
    #[error("this is no posture report: it has no `schema_version`")]
    NoVersion,
    /// The report is of a format that this build does not know.
    #[error(
        "the report has schema version {found:?}, this build reads 1.x; use a newer posture, or write the report again with `posture evaluate SNAPSHOT -o json`"
    )]
    Version {
        /// The version in the file.
        found: String,
    },
    /// The JSON is broken or has not the shape of a report.
    #[error("the report is damaged")]
    Malformed(#[from] serde_json::Error),
}

/// A report in a file. Its findings stay there and are read anew each time they are asked for.
#[derive(Debug)]
pub struct Stored {
    path: PathBuf,
    head: Head,
}

impl Stored {
    /// Opens a report and reads it once to the end, so that a damaged one is known before anything is made
    /// of it. A newer 1.x is read, leaving out what this build does not know.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let head = read(File::open(path)?, &mut |_| Ok(()))?;
        Ok(Self {
            path: path.to_owned(),
            head,
        })
    }
}

impl Source for Stored {
    fn head(&self) -> &Head {
        &self.head
    }

    fn each(&self, see: &mut Visit<'_>) -> io::Result<()> {
        match read(File::open(&self.path)?, see) {
            Ok(_) => Ok(()),
            Err(ReadError::Io(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}

impl Report {
    /// Reads a stored report as a whole. A newer 1.x is read, leaving out what this build does not know.
    pub fn read(reader: impl Read) -> Result<Self, ReadError> {
        let mut findings = Vec::new();
        let head = read(reader, &mut |finding| {
            findings.push(finding.clone());
            Ok(())
        })?;
        Ok(Self { head, findings })
    }
}

/// Reads a report to its end, showing each finding on the way.
fn read(reader: impl Read, see: &mut Visit<'_>) -> Result<Head, ReadError> {
    let mut failed = None;
    let mut version = None;
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 20, reader));
    let seed = ReportSeed {
        see,
        failed: &mut failed,
        version: &mut version,
    };
    let parsed = seed
        .deserialize(&mut json)
        .and_then(|head| json.end().map(|()| head));
    if let Some(error) = failed {
        return Err(ReadError::Io(error));
    }
    // A report of another version may have any shape: its version is the better thing to say.
    match (parsed, version) {
        (_, Some(found)) if found.split('.').next() != Some("1") => {
            Err(ReadError::Version { found })
        }
        (Ok(head), Some(_)) => Ok(head),
        (Err(error), _) if error.is_io() => Err(ReadError::Io(error.into())),
        (Ok(_), None) => Err(ReadError::NoVersion),
        (Err(error), None) if error.is_data() => Err(ReadError::NoVersion),
        (Err(error), _) => Err(ReadError::Malformed(error)),
    }
}

/// Reads a report's object.
struct ReportSeed<'a, 'b> {
    see: &'a mut Visit<'b>,
    /// Set when `see` failed, whose error serde cannot carry.
    failed: &'a mut Option<io::Error>,
    /// The version, known even where the rest does not parse.
    version: &'a mut Option<String>,
}

/// The fields of a report; others are of a newer version.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    SchemaVersion,
    Scan,
    Summary,
    Scores,
    Coverage,
    Checks,
    Waivers,
    Findings,
    Manual,
    Resources,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for ReportSeed<'_, '_> {
    type Value = Head;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Head, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ReportSeed<'_, '_> {
    type Value = Head;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a report")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Head, A::Error> {
        let (mut scan, mut summary, mut scores) = (None, None, None);
        let (mut coverage, mut manual) = (None, None);
        let (mut checks, mut waivers, mut resources) = (Vec::new(), Vec::new(), Vec::new());
        let mut findings = false;
        while let Some(field) = map.next_key::<Field>()? {
            match field {
                Field::SchemaVersion => {
                    let version = self.version.insert(map.next_value()?);
                    if version.split('.').next() != Some("1") {
                        return Err(A::Error::custom("another version"));
                    }
                }
                Field::Scan => scan = Some(map.next_value()?),
                Field::Summary => summary = Some(map.next_value()?),
                Field::Scores => scores = Some(map.next_value()?),
                Field::Coverage => coverage = Some(map.next_value()?),
                Field::Checks => checks = map.next_value()?,
                Field::Waivers => waivers = map.next_value()?,
                Field::Manual => manual = Some(map.next_value()?),
                Field::Resources => resources = map.next_value()?,
                Field::Findings => {
                    findings = true;
                    map.next_value_seed(FindingsSeed {
                        see: &mut *self.see,
                        failed: &mut *self.failed,
                    })?;
                }
                Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let missing = |name| move || A::Error::missing_field(name);
        if !findings {
            return Err(A::Error::missing_field("findings"));
        }
        Ok(Head {
            schema_version: self.version.clone().ok_or_else(missing("schema_version"))?,
            scan: scan.ok_or_else(missing("scan"))?,
            summary: summary.ok_or_else(missing("summary"))?,
            scores: scores.ok_or_else(missing("scores"))?,
            coverage: coverage.ok_or_else(missing("coverage"))?,
            checks,
            waivers,
            manual: manual.ok_or_else(missing("manual"))?,
            resources,
        })
    }
}

/// Reads the list of findings.
struct FindingsSeed<'a, 'b> {
    see: &'a mut Visit<'b>,
    failed: &'a mut Option<io::Error>,
}

impl<'de> DeserializeSeed<'de> for FindingsSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for FindingsSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of findings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut findings: A) -> Result<(), A::Error> {
        while let Some(finding) = findings.next_element::<Finding>()? {
            if let Err(error) = (self.see)(&finding) {
                *self.failed = Some(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}
