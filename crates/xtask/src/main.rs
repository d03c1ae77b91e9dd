//! `cargo xtask`: generated documents and schemas, the workspace's own lint, skeletons of checks and
//! benchmarks.
//!
//! Nothing here links the collectors or the AWS SDK. What only the program itself knows (its command
//! line, the permissions it needs) is asked from the built `posture`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a command-line tool"
)]

mod bench;
mod docs;
mod generate;
mod lint;
mod new_check;
mod operations;
mod program;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What goes wrong, as a sentence for the person at the terminal.
type Error = Box<dyn std::error::Error>;

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    about = "Chores of the workspace",
    disable_version_flag = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the generated documents and schemas anew
    Generate(generate::Args),
    /// Check the rules of the workspace that no other tool knows
    Lint(lint::Args),
    /// Write the skeleton of a check
    NewCheck(new_check::Args),
    /// Run the benchmarks and print their figures
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let root = root();
    let result = match &cli.command {
        Command::Generate(args) => generate::run(&root, args),
        Command::Lint(args) => lint::run(&root, args),
        Command::NewCheck(args) => new_check::run(&root, args),
        Command::Bench(args) => bench::run(&root, args),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// The workspace's directory. Cargo tells at run time, so that a binary that was built elsewhere and
/// moved here works on this tree.
fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    match manifest.ancestors().nth(2) {
        Some(root) => root.to_path_buf(),
        None => manifest,
    }
}

/// Reads a file of the workspace; the error names it.
fn read(root: &Path, path: &str) -> Result<String, Error> {
    std::fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: {error}").into())
}
