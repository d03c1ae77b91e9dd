//! `cargo xtask bench`: the benchmarks of all crates that have one, each under the profile that suits it.

use std::path::Path;

use crate::Error;
use crate::program::cargo;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only the benchmark of this crate; repeat for several
    #[arg(long, value_name = "CRATE")]
    only: Vec<String>,
    /// Run under this Cargo profile instead of each benchmark's own
    #[arg(long)]
    profile: Option<String>,
}

/// The crates that have a benchmark, `crates/<name>/examples/bench.rs`, the profile it runs under, and
/// what it shows. The AWS SDK is compiled once more for that of collecting, which takes half an hour on two cores.
const BENCHES: &[(&str, &str, &str)] = &[
    ("engine", "release", "evaluation of a synthetic snapshot"),
    (
        "policy",
        "release",
        "decisions, and all escalation chains of an account",
    ),
    (
        "report",
        "release",
        "a synthetic report of 120,000 findings, in every format",
    ),
    (
        "collect",
        "release",
        "a simulated organization against its floor",
    ),
    ("fleet", "dev", "answers of the simulated fleet"),
];

pub(crate) fn run(root: &Path, args: &Args) -> Result<bool, Error> {
    for name in &args.only {
        if !BENCHES.iter().any(|(known, ..)| known == name) {
            let known: Vec<&str> = BENCHES.iter().map(|(name, ..)| *name).collect();
            return Err(format!(
                "no crate {name:?} has a benchmark; those that have: {}",
                known.join(", ")
            )
            .into());
        }
    }
    let mut sound = true;
    for (name, own, shows) in BENCHES {
        if !args.only.is_empty() && !args.only.iter().any(|only| only == name) {
            continue;
        }
        println!("== {name}: {shows}");
        let file = format!("crates/{name}/examples/bench.rs");
        if !root.join(&file).is_file() {
            println!("missing: there is no {file}\n");
            sound = false;
            continue;
        }
        let package = format!("posture-{name}");
        let status = cargo(root)
            .args([
                "run",
                "--quiet",
                "--profile",
                args.profile.as_deref().unwrap_or(own),
            ])
            .args(["--package", &package, "--example", "bench"])
            .status()?;
        if !status.success() {
            println!("failed: {status}");
            sound = false;
        }
        println!();
    }
    Ok(sound)
}
