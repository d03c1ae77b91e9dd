//! `posture policy`: questions about policies that are not deployed yet.

use std::io::Read;
use std::path::Path;

use posture_policy::{public_question, question};
use posture_report::json_text;
use serde_json::Value;

use crate::args::PolicyCommand;
use crate::exit::Failure;

/// More than any set of policies that AWS accepts.
const MAX_INPUT: u64 = 64 * 1024 * 1024;

pub(crate) fn run(command: &PolicyCommand) -> Result<u8, Failure> {
    let (name, answer) = match command {
        PolicyCommand::Evaluate(args) => {
            let input = read(&args.input, "evaluate")?;
            ("evaluate", question::evaluate(&input))
        }
        PolicyCommand::Public { kind, input } => {
            let input = read(&input.input, "public")?;
            ("public", public_question::public(kind, &input))
        }
    };
    let answer = answer.map_err(|error| {
        Failure::usage(format!("the input is not understood: {error}")).help(hint(name))
    })?;
    crate::print(&json_text(&answer).map_err(Failure::usage)?)
}

fn hint(command: &str) -> String {
    format!("posture policy {command} --help says what belongs in it")
}

fn read(path: &Path, command: &str) -> Result<Value, Failure> {
    let mut text = String::new();
    let name = if path == Path::new("-") {
        "stdin".to_owned()
    } else {
        path.display().to_string()
    };
    let read = if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(MAX_INPUT)
            .read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_INPUT).read_to_string(&mut text))
    };
    read.map_err(|error| {
        Failure::usage(format!("cannot read {name}: {error}"))
            .help("give a file with --input FILE, or the input on stdin with --input -")
    })?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format!("{name} is not JSON: {error}")).help(hint(command)))
}
