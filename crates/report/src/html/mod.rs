//! The report as one page: it loads nothing, works offline and from a mail, and shows what matters most without
//! scripts too.
//!
//! What is known at once (scores, the worst checks, what could not be read) is written as markup. The findings are
//! compressed columns that `report.js` unfolds in the browser (see [`data`]); it makes elements and sets their
//! text, and the page's policy forbids it to do anything else with a string.

mod about;
mod data;
mod findings;
mod markup;
mod overview;
mod scores;
mod survey;
mod trend;
mod unread;

use std::io::{self, Write};

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use crate::format::RenderOptions;
use crate::source::Source;
use crate::text::{number, percent};
use crate::unread::Unread;
use crate::v1::Head;
use markup::{Page, put};
use survey::Survey;

const STYLE: &str = include_str!("report.css");
const DARK: &str = include_str!("dark.css");
/// Runs before anything is drawn.
const BOOT: &str = include_str!("boot.js");
const SCRIPT: &str = include_str!("report.js");

/// Writes the report as a self-contained page, in two passes over the findings.
pub(crate) fn render(
    source: &dyn Source,
    options: &RenderOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(1 << 16, out);
    let survey = Survey::of(source)?;
    let head = source.head();
    let unread = Unread::of(head, &survey.seen.waiting);
    let mut page = Page::new(&mut out);

    document_head(head, &mut page)?;
    masthead(&survey, &unread, &mut page)?;
    put!(page; "<main id=\"main\" tabindex=\"-1\">\n");
    overview::write(head, &survey, options, &mut page)?;
    findings::write(head, &survey, &mut page)?;
    unread::write(head, &unread, &mut page)?;
    about::write(head, &mut page)?;
    put!(page; "</main>\n");
    footer(head, &mut page)?;
    data::write(source, &survey, &mut page)?;
    put!(page; "<script>");
    page.markup(SCRIPT)?;
    put!(page; "</script>\n</body>\n</html>\n");
    out.flush()
}

fn document_head(head: &Head, page: &mut Page<'_>) -> io::Result<()> {
    put!(page; "<!doctype html>\n<html lang=\"en\" data-view=\"overview\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; script-src '"
        (hash(BOOT)) "' '" (hash(SCRIPT)) "'; style-src '" (hash(STYLE)) "' '" (hash(DARK))
        "'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"robots\" content=\"noindex\">\n"
        "<title>AWS posture, " (day(head)) ", score " (percent(head.scores.overall.score)) "</title>\n"
        // Without an icon of its own a browser asks the server for one.
        "<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='6' fill='none' stroke='%230f6e6e' stroke-width='3'/%3E%3C/svg%3E\">\n"
        "<style>");
    page.markup(STYLE)?;
    put!(page; "</style>\n<style id=\"dark\" media=\"screen and (prefers-color-scheme: dark)\">"
    );
    page.markup(DARK)?;
    put!(page; "</style>\n<script>");
    page.markup(BOOT)?;
    put!(page; "</script>\n</head>\n<body>\n");
    Ok(())
}

/// What the page's policy knows an inline style or script by.
fn hash(text: &str) -> String {
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text));
    format!("sha256-{digest}")
}

fn masthead(survey: &Survey, unread: &Unread<'_>, page: &mut Page<'_>) -> io::Result<()> {
    put!(page; "<a class=\"skip\" href=\"#main\">Skip to the report</a>\n<header class=\"masthead\"><div>\n"
        "<a class=\"brand\" href=\"#overview\">posture</a>\n<nav aria-label=\"Sections\">"
        "<a href=\"#overview\">Overview</a><a href=\"#findings\">Findings <span class=\"badge\">"
        (number(survey.seen.total))
        "</span></a><a href=\"#unread\">Not read <span class=\"badge\">" (number(unread.rows.len() as u64))
        "</span></a><a href=\"#about\">About</a></nav>\n"
        "<button type=\"button\" id=\"theme\" class=\"quiet\" aria-pressed=\"false\" hidden>Dark</button>\n"
        "</div></header>\n");
    Ok(())
}

fn footer(head: &Head, page: &mut Page<'_>) -> io::Result<()> {
    let tool = &head.scan.tool;
    put!(page; "<footer><p>" (tool.name) " " (tool.version) " · scan <code>" (head.scan.id) "</code> · " (moment(head))
        "</p></footer>\n<div id=\"live\" class=\"sr\" role=\"status\" aria-live=\"polite\"></div>\n");
    Ok(())
}

/// `2026-01-31`.
fn day(head: &Head) -> String {
    day_of(&head.scan.started_at)
}

fn day_of(moment: &posture_model::Timestamp) -> String {
    moment.to_string().chars().take(10).collect()
}

/// `2026-01-31 12:00 UTC`.
fn moment(head: &Head) -> String {
    crate::table::moment(&head.scan.started_at.to_string())
}

/// A bar, as wide as its place; nothing is drawn for what has no score.
fn bar(score: Option<f64>, page: &mut Page<'_>) -> io::Result<()> {
    let Some(score) = score else {
        return Ok(());
    };
    put!(page; "<svg class=\"meter " (tone(Some(score)))
        "\" viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect width=\"100\" height=\"1\"/>"
        "<rect class=\"reached\" width=\"" (format!("{:.1}", score.clamp(0.0, 100.0))) "\" height=\"1\"/></svg>");
    Ok(())
}

/// The class of a score.
fn tone(score: Option<f64>) -> &'static str {
    match score {
        Some(score) if score >= 90.0 => "good",
        Some(score) if score >= 70.0 => "fair",
        Some(_) => "poor",
        None => "none",
    }
}
