//! The `posture` binary: arguments, progress and exit codes. What it does lives in the libraries.

mod access;
mod args;
mod checks;
mod connect;
mod diff;
mod doctor;
mod escalations;
mod evaluate;
mod exit;
mod explain;
mod manual;
mod object_store;
mod output;
mod permissions;
mod policy;
mod progress;
mod report;
mod reports;
mod scan;
mod schedule;
mod securityhub;
mod settings;
mod tickets;
mod unused;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use tracing_subscriber::EnvFilter;

use crate::args::{Cli, Command, Global, LogFormat};
use crate::exit::Failure;

/// Evaluating makes and drops many small values, on all threads: a third of its time goes to the system's
/// allocator, half as much to this one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the main thread of a process gets is too little for the futures of a build that is not optimised, and for
/// the types of Security Hub's client in any.
const STACK: usize = 128 << 20;

fn main() -> ExitCode {
    let started = std::thread::Builder::new().stack_size(STACK).spawn(run);
    match started.map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        // The panic has said why.
        Ok(Err(_)) => ExitCode::from(101),
        Err(error) => Failure::nothing(format!("failed to start: {error}")).report(LogFormat::Text),
    }
}

fn run() -> ExitCode {
    let parsed = Cli::command()
        .try_get_matches()
        .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (mut cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            // Help and version are answers; everything else is wrong usage. Clap words both.
            let code = if error.use_stderr() {
                exit::USAGE
            } else {
                exit::OK
            };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    start_log(&cli.global);
    if let Err(failure) = settings::apply(&mut cli, &matches) {
        return failure.report(cli.global.log_format);
    }
    let outcome = match cli.command {
        Command::Scan(args) => scan::run(&args, &cli.global),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Tickets(args) => tickets::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Checks(args) => checks::run(&args.command),
        Command::Explain(args) => explain::run(&args),
        Command::Can(args) => access::can(&args),
        Command::WhoCan(args) => access::who_can(&args),
        Command::Escalations(args) => escalations::run(&args),
        Command::Unused(args) => unused::run(&args),
        Command::Policy(args) => policy::run(&args.command),
        Command::Permissions(args) => permissions::run(&args).and_then(|text| print(&text)),
        Command::Doctor(args) => doctor::run(&args, &cli.global),
        Command::Config(args) => settings::run(&args.command, &cli.global),
        Command::Completions { shell } => print(&manual::completions(shell)),
        Command::Manual { markdown } => print(&manual::text(markdown)),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => failure.report(cli.global.log_format),
    }
}

/// Writes data to stdout. A reader that went away, as `head` does, is no error.
fn print(text: &str) -> Result<u8, Failure> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::usage(format!("failed to write to stdout: {e}")))
        }
        _ => Ok(exit::OK),
    }
}

fn start_log(global: &Global) {
    let on_terminal = std::io::stderr().is_terminal();
    let level = match (global.quiet, global.verbose) {
        (true, _) => "error",
        // Where there is no bar, log lines are the progress.
        (_, 0) if on_terminal => "warn",
        (_, 0) => "warn,posture=info",
        (_, 1) => "info,posture_collect=debug",
        _ => "debug",
    };
    let mut filter =
        EnvFilter::try_from_env("POSTURE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    // They log addresses, and that of a webhook is a password.
    for silent in ["ureq=off", "ureq_proto=off"] {
        if let Ok(directive) = silent.parse() {
            filter = filter.add_directive(directive);
        }
    }
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(on_terminal && std::env::var_os("NO_COLOR").is_none());
    // A second subscriber cannot be there yet; if it were, its log would do.
    let _ = match global.log_format {
        LogFormat::Text => log.with_target(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}
