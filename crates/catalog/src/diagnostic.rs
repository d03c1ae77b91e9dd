//! What is wrong with a file that a person wrote, said where it is: file, line, caret.

use std::fmt;

/// A mistake in a file that a person wrote.
///
/// Displays as a few lines of plain text that show the author's own line:
///
/// ```text
/// checks/lambda/a.yaml:9:16: `lambda.function` has no field `timout`
///   |
/// 9 | pass: resource.timout <= 60
///   |                ^^^^^^
///   = help: did you mean `timeout`?
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// The file, as the user named it.
    pub file: String,
    /// The line, from 1; 0 when the whole file is meant.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// How many characters to underline, at least 1.
    pub length: usize,
    /// The text of that line.
    pub source: String,
    /// What is wrong, as a lowercase fragment.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A mistake that concerns a whole file.
    pub fn whole_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
            length: 1,
            source: String::new(),
            message: message.into(),
            help: None,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = printable(&self.message);
        if self.line == 0 {
            write!(f, "{}: {message}", self.file)?;
        } else {
            let number = self.line.to_string();
            let margin = " ".repeat(number.len());
            writeln!(f, "{}:{}:{}: {message}", self.file, self.line, self.column)?;
            writeln!(f, "{margin} |")?;
            writeln!(f, "{number} | {}", printable(&self.source))?;
            write!(
                f,
                "{margin} | {}{}",
                " ".repeat(self.column.saturating_sub(1)),
                "^".repeat(self.length.max(1))
            )?;
        }
        if let Some(help) = &self.help {
            let margin = " ".repeat(self.line.to_string().len());
            write!(f, "\n{margin} = help: {}", printable(help))?;
        }
        Ok(())
    }
}

/// Such files may come from anyone: control sequences must not reach a terminal. One character
/// stays one character, so that carets point where they should.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// The candidate that was probably meant, when one is close enough.
pub fn closest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Long hostile text would make the comparison quadratic for nothing.
    if given.len() > 100 {
        return None;
    }
    let lowered = given.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            let likeness = strsim::jaro_winkler(&lowered, &candidate.to_lowercase());
            (likeness, candidate)
        })
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, candidate)| candidate)
}

/// `did you mean ...`, or the whole list when it is short.
pub fn did_you_mean<'a>(
    given: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    if let Some(candidate) = closest(given, candidates.clone()) {
        return Some(format!("did you mean `{candidate}`?"));
    }
    let all: Vec<&str> = candidates.into_iter().collect();
    (!all.is_empty() && all.len() <= 60).then(|| format!("there is: {}", all.join(", ")))
}
