//! How the process ends: the exit codes are a contract that scripts build on.

use std::io::Write as _;
use std::process::ExitCode;

use crate::args::LogFormat;

/// Complete, and nothing at or above `--fail-on`.
pub(crate) const OK: u8 = 0;
/// Findings at or above `--fail-on`.
pub(crate) const FINDINGS: u8 = 1;
/// Wrong usage or configuration; also an output that could not be written.
pub(crate) const USAGE: u8 = 2;
/// Not everything could be read, and `--allow-incomplete` was not given. Goes before `FINDINGS`: a
/// list of findings that may be too short should not look like a verdict.
pub(crate) const INCOMPLETE: u8 = 3;
/// Nothing could be scanned or read.
pub(crate) const NOTHING: u8 = 4;
/// Another run is under way in the same `--output-dir`; nothing was done.
pub(crate) const BUSY: u8 = 5;
/// The reports are written, but the webhook was not told what is new. Goes before 0 and 1, not before the others.
pub(crate) const UNTOLD: u8 = 6;
/// Stopped by Ctrl-C or SIGTERM.
pub(crate) const INTERRUPTED: u8 = 130;

/// An error for a person: what went wrong, and what to do next.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Failure {
    pub(crate) fn usage(message: impl ToString) -> Self {
        Self::new(USAGE, message)
    }

    pub(crate) fn nothing(message: impl ToString) -> Self {
        Self::new(NOTHING, message)
    }

    pub(crate) fn new(code: u8, message: impl ToString) -> Self {
        Self {
            code,
            message: message.to_string(),
            help: None,
        }
    }

    pub(crate) fn help(mut self, help: impl ToString) -> Self {
        self.help = Some(help.to_string());
        self
    }

    /// Tells the person, or the program that reads the log, and gives the code.
    pub(crate) fn report(&self, form: LogFormat) -> ExitCode {
        if form == LogFormat::Json && tracing::enabled!(tracing::Level::ERROR) {
            tracing::error!(code = self.code, help = self.help, "{}", self.message);
            return ExitCode::from(self.code);
        }
        remark(&format!("error: {}", self.message));
        if let Some(help) = &self.help {
            for line in help.lines() {
                remark(&format!("  help: {line}"));
            }
        }
        ExitCode::from(self.code)
    }
}

/// A line on stderr. The exit code says the same where nobody reads it, which is no reason to fail.
pub(crate) fn remark(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// `; did you mean "x"?` for a name that is close to one that exists.
pub(crate) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    // `net-5` means `NET-05`, however alike `NET-15` looks.
    let plain = |text: &str| -> String {
        let kept = text.chars().filter(|c| c.is_alphanumeric() && *c != '0');
        kept.flat_map(char::to_lowercase).collect()
    };
    let wanted = plain(name);
    known
        .into_iter()
        .map(|candidate| {
            let likeness = strsim::jaro_winkler(name, candidate);
            (
                if plain(candidate) == wanted {
                    2.0
                } else {
                    likeness
                },
                candidate,
            )
        })
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| format!("; did you mean {candidate:?}?"))
        .unwrap_or_default()
}
