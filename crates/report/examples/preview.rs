//! Shows the terminal report, or one finding, of a made-up scan:
//! `cargo run -p posture-report --example preview -- 80 [color] [explain]`.

#[path = "../tests/common/mod.rs"]
mod common;

use std::io::Write;

use posture_report::{TableOptions, explain, render_table};

fn main() -> std::io::Result<()> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let width = given
        .iter()
        .find_map(|text| text.parse().ok())
        .unwrap_or(100);
    let color = given.iter().any(|text| text == "color");
    let report = common::report();
    let mut out = std::io::stdout().lock();
    if given.iter().any(|text| text == "explain") {
        for finding in report.findings.iter().take(1).chain(report.findings.last()) {
            let text = explain(&report.head, finding, &common::frameworks(), width, color);
            writeln!(out, "{text}")?;
        }
        return Ok(());
    }
    let options = TableOptions {
        width,
        color,
        ..TableOptions::default()
    };
    render_table(&report, &options, &mut out)
}
