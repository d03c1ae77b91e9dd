//! `cargo xtask bench`: the benchmarks of all crates that have one, with release optimisation.

use std::path::Path;

use crate::Error;
use crate::program::cargo;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only the benchmark of this crate; repeat for several
    #[arg(long, value_name = "CRATE")]
    only: Vec<String>,
    /// Run under this Cargo profile
    #[arg(long, default_value = "release")]
    profile: String,
}

/// The crates that have a benchmark, `crates/<name>/examples/bench.rs`, and what it shows.
const BENCHES: &[(&str, &str)] = &[
    ("engine", "evaluation of a synthetic snapshot"),
    ("collect", "collection from a replayed account"),
];

pub(crate) fn run(root: &Path, args: &Args) -> Result<bool, Error> {
    for name in &args.only {
        if !BENCHES.iter().any(|(known, _)| known == name) {
            let known: Vec<&str> = BENCHES.iter().map(|(name, _)| *name).collect();
            return Err(format!(
                "no crate {name:?} has a benchmark; those that have: {}",
                known.join(", ")
            )
            .into());
        }
    }
    let mut sound = true;
    for (name, shows) in BENCHES {
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
            .args(["run", "--quiet", "--profile", &args.profile])
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
