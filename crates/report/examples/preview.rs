//! Shows the terminal report, or one finding, or the HTML page of a made-up scan, or of a stored report:
//! `cargo run -p posture-report --example preview -- 80 [color] [explain] [html [trend]] [REPORT.json]`.

#[path = "../tests/common/mod.rs"]
mod common;

use std::io::Write;
use std::path::Path;

use posture_report::{
    Earlier, Format, RenderOptions, Source, Stored, TableOptions, explain, render_table,
};

fn main() -> std::io::Result<()> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let width = given
        .iter()
        .find_map(|text| text.parse().ok())
        .unwrap_or(100);
    let color = given.iter().any(|text| text == "color");
    let report = common::report();
    let stored = match given.iter().find(|text| text.ends_with(".json")) {
        Some(path) => Some(Stored::open(Path::new(path)).map_err(std::io::Error::other)?),
        None => None,
    };
    let source: &dyn Source = match &stored {
        Some(stored) => stored,
        None => &report,
    };
    let mut out = std::io::stdout().lock();
    if given.iter().any(|text| text == "explain") {
        for finding in report.findings.iter().take(1).chain(report.findings.last()) {
            let text = explain(&report.head, finding, &common::frameworks(), width, color);
            writeln!(out, "{text}")?;
        }
        return Ok(());
    }
    if given.iter().any(|text| text == "html") {
        let mut options = RenderOptions::default();
        if given.iter().any(|text| text == "trend") {
            options.earlier = earlier(source);
        }
        return Format::Html.render(source, &options, &mut out);
    }
    let options = TableOptions {
        width,
        color,
        ..TableOptions::default()
    };
    render_table(source, &options, &mut out)
}

/// Some weeks in which things got better, one of them without a score.
fn earlier(source: &dyn Source) -> Vec<Earlier> {
    let now = Earlier::from(source.head());
    let weeks = 1..=8_u32;
    weeks
        .filter_map(|week| {
            let mut then = now.clone();
            let seconds = now.started_at.unix() - i64::from(week) * 604_800;
            then.started_at = posture_model::Timestamp::from_unix(seconds)?;
            let worse = f64::from(week * week % 23);
            then.score = now.score.map(|score| score - worse).filter(|_| week != 5);
            then.coverage = now.coverage.map(|coverage| coverage - worse / 4.0);
            then.by_severity.critical += u64::from(week);
            then.by_severity.high += u64::from(week * 7);
            then.by_severity.low += u64::from(week * 9);
            Some(then)
        })
        .collect()
}
