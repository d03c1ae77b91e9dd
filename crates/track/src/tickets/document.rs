//! The text of a ticket, as what it says rather than as markup: each ticketing system has a markup of its own, and
//! what an account's names hold must be inert in all of them.

use posture_report::clean;

use crate::markdown::{block, code, escape, link};

/// Some blocks of text. All strings in it are as they were found, hostile ones included: who renders them makes
/// them inert.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// From top to bottom.
    pub blocks: Vec<Block>,
}

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A heading.
    Heading(String),
    /// A paragraph.
    Paragraph(Vec<Span>),
    /// A list of lines.
    List(Vec<Vec<Span>>),
    /// Lines to copy, and the language that they are in.
    Code(&'static str, String),
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Prose.
    Text(String),
    /// Prose in bold.
    Strong(String),
    /// A name, a value.
    Code(String),
    /// An address.
    Link(String),
}

impl Span {
    /// Prose.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A value.
    pub(crate) fn code(text: impl Into<String>) -> Self {
        Self::Code(text.into())
    }

    /// A label before a value.
    pub(crate) fn label(text: &str) -> Self {
        Self::Strong(text.to_owned())
    }
}

impl Document {
    pub(crate) fn heading(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Heading(text.into()));
    }

    pub(crate) fn paragraph(&mut self, spans: Vec<Span>) {
        self.blocks.push(Block::Paragraph(spans));
    }

    pub(crate) fn prose(&mut self, text: impl Into<String>) {
        self.paragraph(vec![Span::text(text)]);
    }

    pub(crate) fn list(&mut self, lines: Vec<Vec<Span>>) {
        self.blocks.push(Block::List(lines));
    }

    pub(crate) fn code(&mut self, language: &'static str, text: &str) {
        self.blocks.push(Block::Code(language, text.to_owned()));
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let blocks: Vec<String> = self.blocks.iter().map(markdown_block).collect();
        blocks.join("\n")
    }
}

/// Lines of code without what a terminal would obey; they keep their breaks and indents.
pub(crate) fn clean_code(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let depth = line.len() - line.trim_start_matches(' ').len();
        format!("{:depth$}{}", "", clean(line.trim_start_matches(' ')))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn markdown_block(of: &Block) -> String {
    match of {
        Block::Heading(text) => format!("### {}\n", escape(&clean(text))),
        Block::Paragraph(spans) => format!("{}\n", markdown_line(spans)),
        Block::List(lines) => lines
            .iter()
            .map(|line| format!("- {}\n", markdown_line(line)))
            .collect(),
        Block::Code(language, text) => block(language, &clean_code(text)),
    }
}

fn markdown_line(spans: &[Span]) -> String {
    let parts = spans.iter().map(|span| match span {
        Span::Text(text) => spaced(text, escape(&clean(text))),
        Span::Strong(text) => format!("**{}**", escape(&clean(text))),
        Span::Code(text) => code(&clean(text)),
        Span::Link(address) => link(&clean(address)),
    });
    parts.collect()
}

/// Cleaning drops spaces at the end; between two spans they are wanted.
pub(crate) fn spaced(text: &str, cleaned: String) -> String {
    let before = if text.starts_with(' ') && !cleaned.starts_with(' ') {
        " "
    } else {
        ""
    };
    let after = if text.ends_with(' ') && text.len() > 1 {
        " "
    } else {
        ""
    };
    format!("{before}{cleaned}{after}")
}
