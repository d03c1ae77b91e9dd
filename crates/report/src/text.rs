//! What the terminal renderers share: colour, widths, bars, numbers, aligned columns.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::v1::{Severity, Status};

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Strong,
    Dim,
    Worst,
    Bad,
    Warn,
    Note,
    Good,
    Command,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Dim => "2",
            Self::Worst => "1;31",
            Self::Bad => "31",
            Self::Warn => "33",
            Self::Note => "34",
            Self::Good => "32",
            Self::Command => "36",
        }
    }

    pub fn of_severity(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Self::Worst,
            Severity::High => Self::Bad,
            Severity::Medium => Self::Warn,
            Severity::Low => Self::Note,
            Severity::Info => Self::Dim,
        }
    }

    pub fn of_status(status: Status) -> Self {
        match status {
            Status::Fail => Self::Bad,
            Status::Unknown => Self::Warn,
            Status::Pass => Self::Good,
            Status::NotApplicable | Status::Waived => Self::Dim,
        }
    }

    pub fn of_score(score: Option<f64>) -> Self {
        match score {
            Some(score) if score >= 90.0 => Self::Good,
            Some(score) if score >= 70.0 => Self::Warn,
            Some(_) => Self::Bad,
            None => Self::Dim,
        }
    }
}

/// Puts colour around text, or not.
#[derive(Debug, Clone, Copy)]
pub struct Painter {
    pub color: bool,
}

impl Painter {
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.color || tone == Tone::Plain || text.is_empty() {
            return text.to_owned();
        }
        format!("\u{1b}[{}m{text}\u{1b}[0m", tone.code())
    }
}

/// Columns that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text, cut to `limit` columns with an ellipsis.
pub fn truncate(text: &str, limit: usize) -> String {
    if width(text) <= limit {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        // One column is for the ellipsis.
        if used + 1 > limit {
            break;
        }
        out.push(c);
    }
    out.truncate(out.trim_end().len());
    if limit > 0 {
        out.push('…');
    }
    out
}

/// Breaks prose at spaces into lines of at most `limit` columns; a longer word stands alone.
pub fn wrap(text: &str, limit: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && width(&line) + 1 + width(word) > limit {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Breaks a command so that it can still be pasted: only between words, with a backslash. What is
/// quoted stays whole, however long. Lines after the first are indented by two.
pub fn wrap_command(command: &str, limit: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for given in command.lines().filter(|line| !line.trim().is_empty()) {
        let mut line = String::new();
        let mut first = true;
        for word in shell_words(given.trim()) {
            let indent = if first { 0 } else { 2 };
            // Two columns are for the backslash.
            if !line.is_empty() && indent + width(&line) + 1 + width(word) + 2 > limit {
                lines.push(format!("{:indent$}{line} \\", ""));
                line.clear();
                first = false;
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        let indent = if first { 0 } else { 2 };
        lines.push(format!("{:indent$}{line}", ""));
    }
    lines
}

/// Splits at spaces outside quotes. An option keeps its value beside it.
fn shell_words(command: &str) -> Vec<&str> {
    let mut words: Vec<&str> = Vec::new();
    let mut start = 0;
    let mut quote = None;
    let mut escaped = false;
    let mut ends = Vec::new();
    for (at, c) in command.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match (quote, c) {
            (Some('"') | None, '\\') => escaped = true,
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, ' ') => ends.push(at),
            _ => {}
        }
    }
    ends.push(command.len());
    for (index, end) in ends.iter().enumerate() {
        let word = command.get(start..*end).unwrap_or_default();
        let next_end = ends.get(index + 1).copied();
        let next = next_end.and_then(|next_end| command.get(end + 1..next_end));
        // `--name value` reads better unbroken.
        let keeps = word.starts_with("--")
            && !word.contains(' ')
            && next.is_some_and(|next| !next.is_empty() && !next.starts_with("--"));
        if keeps {
            continue;
        }
        if !word.is_empty() {
            words.push(word);
        }
        start = end + 1;
    }
    words
}

/// A score as a line: heavy for what is reached, light for what is not. Full only at 100, empty only
/// at 0.
pub fn bar(score: Option<f64>, columns: usize) -> (String, String) {
    let Some(score) = score else {
        return (String::new(), "╌".repeat(columns));
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a bar has some dozens of columns"
    )]
    let reached = (score.clamp(0.0, 100.0) / 100.0 * columns as f64) as usize;
    let reached = if score <= 0.0 {
        0
    } else if score >= 100.0 {
        columns
    } else {
        reached.clamp(1, columns.saturating_sub(1).max(1))
    };
    (
        "━".repeat(reached),
        "─".repeat(columns.saturating_sub(reached)),
    )
}

/// `71.4 %`; whole numbers without the decimal.
pub fn percent(score: Option<f64>) -> String {
    match score {
        None => "–".to_owned(),
        Some(score) if score >= 100.0 => "100 %".to_owned(),
        Some(score) => format!("{score:.1} %"),
    }
}

/// `2,104`.
pub fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 region`, `2 regions`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

/// A piece of a row: text that is clean already, and how it looks.
#[derive(Debug, Clone)]
pub struct Piece {
    text: String,
    tone: Tone,
    /// Painted in a tone of its own behind `text`; never truncated.
    rest: String,
}

impl Piece {
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            tone,
            rest: String::new(),
        }
    }

    pub fn plain(text: impl Into<String>) -> Self {
        Self::new(Tone::Plain, text)
    }

    pub fn bar(score: Option<f64>, columns: usize) -> Self {
        let (text, rest) = bar(score, columns);
        Self {
            text,
            tone: Tone::of_score(score),
            rest,
        }
    }
}

/// A column of a [`Grid`].
#[derive(Debug, Clone, Copy)]
pub struct Column {
    header: &'static str,
    right: bool,
    /// Columns that it may shrink to.
    least: Option<usize>,
}

impl Column {
    pub fn fixed(header: &'static str) -> Self {
        Self {
            header,
            right: false,
            least: None,
        }
    }

    pub fn right(header: &'static str) -> Self {
        Self {
            right: true,
            ..Self::fixed(header)
        }
    }

    pub fn flexible(header: &'static str, least: usize) -> Self {
        Self {
            least: Some(least),
            ..Self::fixed(header)
        }
    }
}

/// Columns between columns.
const GAP: usize = 2;

/// Rows in aligned columns, cut to a width.
pub struct Grid {
    columns: Vec<Column>,
    rows: Vec<Vec<Piece>>,
}

impl Grid {
    pub fn new(columns: Vec<Column>) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    pub fn row(&mut self, pieces: Vec<Piece>) {
        self.rows.push(pieces);
    }

    /// The lines of the grid, at most `limit` columns wide as far as its flexible columns allow.
    pub fn lines(&self, limit: usize, painter: Painter) -> Vec<String> {
        let widths = self.widths(limit);
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        // Colour comes from the painter alone, wherever the output goes.
        table.force_no_tty();
        if self.columns.iter().any(|column| !column.header.is_empty()) {
            let header = self
                .columns
                .iter()
                .map(|column| painter.paint(Tone::Dim, column.header));
            table.set_header(header);
        }
        for row in &self.rows {
            table.add_row(row.iter().zip(&widths).map(|(piece, width)| {
                let text = truncate(&piece.text, *width);
                format!(
                    "{}{}",
                    painter.paint(piece.tone, &text),
                    painter.paint(Tone::Dim, &piece.rest)
                )
            }));
        }
        for (column, shape) in table.column_iter_mut().zip(&self.columns) {
            column.set_padding((0, u16::try_from(GAP).unwrap_or(1)));
            if shape.right {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    }

    /// Natural widths, the widest flexible column giving way until the row fits.
    fn widths(&self, limit: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                self.rows
                    .iter()
                    .filter_map(|row| row.get(index))
                    .map(|piece| width(&piece.text) + width(&piece.rest))
                    .chain([width(column.header)])
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let gaps = GAP * self.columns.len().saturating_sub(1);
        loop {
            let excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(limit);
            let widest = widths
                .iter_mut()
                .zip(&self.columns)
                .filter(|(width, column)| column.least.is_some_and(|least| **width > least))
                .max_by_key(|(width, _)| **width);
            match widest {
                Some((width, _)) if excess > 0 => *width -= 1,
                _ => return widths,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_columns() {
        assert_eq!(truncate("abcdef", 6), "abcdef");
        assert_eq!(truncate("abcdef", 4), "abc…");
        assert_eq!(truncate("日本語", 5), "日本…");
        assert_eq!(truncate("日本語", 4), "日…");
        assert_eq!(truncate("abc", 0), "");
    }

    #[test]
    fn commands_break_between_words_only() {
        let command =
            "aws lambda update-function-url-config --function-name 'a b' --auth-type AWS_IAM";
        assert_eq!(
            wrap_command(command, 50),
            [
                "aws lambda update-function-url-config \\",
                "  --function-name 'a b' --auth-type AWS_IAM"
            ]
        );
        assert_eq!(wrap_command(command, 200), [command]);
    }

    #[test]
    fn bars_are_full_only_at_100() {
        assert_eq!(bar(Some(99.9), 4).0, "━━━");
        assert_eq!(bar(Some(100.0), 4).0, "━━━━");
        assert_eq!(bar(Some(0.1), 4).0, "━");
        assert_eq!(bar(Some(0.0), 4).0, "");
        assert_eq!(bar(None, 2).1, "╌╌");
    }

    #[test]
    fn numbers_have_commas() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_284_000), "1,284,000");
    }
}
