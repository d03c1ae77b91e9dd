//! A tool for authors of checks: `cargo run -p posture-catalog --example checks -- test checks/lambda`
//! validates every check below a path and runs its cases.

#![expect(clippy::print_stdout, reason = "this is a command-line tool")]

use std::path::PathBuf;
use std::process::ExitCode;

use posture_catalog::{Catalog, run_cases};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let paths: Vec<PathBuf> = match arguments.next().as_deref() {
        Some("test") => arguments.map(PathBuf::from).collect(),
        _ => {
            println!("usage: checks test PATH...");
            return ExitCode::from(2);
        }
    };
    let (catalog, diagnostics) = match Catalog::load_lenient(&paths) {
        Ok(loaded) => loaded,
        Err(diagnostics) => {
            for diagnostic in diagnostics {
                println!("error: {diagnostic}\n");
            }
            return ExitCode::FAILURE;
        }
    };
    for diagnostic in &diagnostics {
        println!("error: {diagnostic}\n");
    }
    let mut ran = 0;
    let mut failed = 0;
    for check in catalog.checks() {
        for result in run_cases(check) {
            ran += 1;
            if let Some(problem) = result.problem {
                failed += 1;
                println!("{}: case `{}`: {problem}", check.file, result.name);
            } else if let Some(evidence) = result.outcome.evidence {
                println!(
                    "{}: case `{}`: {} ({evidence})",
                    check.meta.id,
                    result.name,
                    result.expect.as_str()
                );
            }
        }
    }
    println!(
        "{} checks, {ran} cases: {failed} cases failed, {} mistakes in files",
        catalog.checks().len(),
        diagnostics.len()
    );
    if failed == 0 && diagnostics.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
