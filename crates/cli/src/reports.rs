//! Reports that commands take: a stored one, or a snapshot that is evaluated for it.

use std::path::Path;

use posture_catalog::{Catalog, Status};
use posture_engine::{Evaluation, Options, Waivers};
use posture_report::{Source, Stored};

use crate::evaluate::{evaluate, live};
use crate::exit::Failure;
use crate::object_store;

/// A report, wherever it comes from.
pub(crate) enum Given {
    /// A file.
    Stored(Box<Stored>),
    /// A snapshot's directory, evaluated.
    Evaluated(Box<Evaluation>),
}

impl Given {
    /// Opens a report or evaluates a snapshot. What is not weak is counted and not listed: that it was judged is
    /// known without, and it is most of all.
    pub(crate) fn open(path: &Path, catalog: &Catalog, waivers: &Waivers) -> Result<Self, Failure> {
        if !is_snapshot(path) {
            return stored(path).map(|stored| Self::Stored(Box::new(stored)));
        }
        let options = Options {
            keep: [Status::Fail, Status::Unknown, Status::Waived].into(),
            waivers: waivers.clone(),
            ..Options::default()
        };
        evaluate(path, catalog, &options).map(|evaluation| Self::Evaluated(Box::new(evaluation)))
    }

    /// The report itself.
    pub(crate) fn source<'a>(
        &'a self,
        catalog: &'a Catalog,
    ) -> Result<Box<dyn Source + 'a>, Failure> {
        Ok(match self {
            Self::Stored(stored) => Box::new(Borrowed(stored)),
            Self::Evaluated(evaluation) => Box::new(live(evaluation, catalog)?),
        })
    }
}

struct Borrowed<'a>(&'a Stored);

impl Source for Borrowed<'_> {
    fn head(&self) -> &posture_report::v1::Head {
        self.0.head()
    }

    fn each(&self, see: &mut posture_report::Visit<'_>) -> std::io::Result<()> {
        self.0.each(see)
    }
}

/// Whether a path names a snapshot, and not a report.
pub(crate) fn is_snapshot(path: &Path) -> bool {
    path.is_dir() || path.to_str().is_some_and(object_store::is_object)
}

/// A stored report.
pub(crate) fn stored(path: &Path) -> Result<Stored, Failure> {
    Stored::open(path).map_err(|error| {
        let failure = match &error {
            posture_report::ReadError::Io(io) => format!("{}: {io}", path.display()),
            other => format!("{}: {other}", path.display()),
        };
        Failure::nothing(failure)
            .help("a report is what `posture evaluate SNAPSHOT -o json=report.json` writes")
    })
}

/// A report that breaks while it is read again.
pub(crate) fn unreadable(error: std::io::Error) -> Failure {
    Failure::nothing(format!("failed to read a report: {error}"))
}
