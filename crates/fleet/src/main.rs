//! `posture-fleet`: a fleet of AWS accounts on a port of this machine.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a command-line tool"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use posture_fleet::{Config, Estate, Fleet, Floor, Limit, Stats};
use serde_json::json;

/// What goes wrong, as a sentence for the person at the terminal.
type Error = Box<dyn std::error::Error>;

#[derive(Debug, Parser)]
#[command(
    name = "posture-fleet",
    about = "Answers as AWS would for many accounts, gently or not, and counts what it saw",
    max_term_width = 100
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer on a port of the loopback interface until interrupted
    Serve(Box<ServeArgs>),
    /// Print the shortest possible duration of a scan, from the counts of an unthrottled one
    Floor(FloorArgs),
    /// Print a whole configuration, as the flags give it
    Config(Box<ConfigArgs>),
}

/// The configuration: a file, and flags that go before it.
#[derive(Debug, clap::Args)]
struct ConfigArgs {
    /// Configuration as JSON; `posture-fleet config` prints one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Active accounts of the organization
    #[arg(long, value_name = "N")]
    accounts: Option<usize>,
    /// Enabled regions
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    regions: Option<Vec<String>>,
    /// Resources of each service's main kind in an account and region
    #[arg(long, value_name = "N")]
    resources: Option<usize>,
    /// Items on a page, at most
    #[arg(long, value_name = "N")]
    page_size: Option<usize>,
    /// From which everything is drawn
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Milliseconds that every answer takes
    #[arg(long, value_name = "MS")]
    latency_ms: Option<u64>,
    /// Throttle as AWS publishes that it does
    #[arg(long)]
    published_limits: bool,
}

impl ConfigArgs {
    fn read(&self) -> Result<Config, Error> {
        let mut config = match &self.config {
            Some(path) => {
                let text = read(path)?;
                Config::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?
            }
            None => Config::default(),
        };
        let estate = &mut config.estate;
        let set = |field: &mut usize, flag: Option<usize>| {
            if let Some(value) = flag {
                *field = value;
            }
        };
        set(&mut estate.accounts, self.accounts);
        set(&mut estate.resources, self.resources);
        set(&mut estate.page_size, self.page_size);
        if let Some(regions) = &self.regions {
            estate.regions.clone_from(regions);
        }
        estate.seed = self.seed.unwrap_or(estate.seed);
        let latency = &mut config.faults.latency;
        latency.base_ms = self.latency_ms.unwrap_or(latency.base_ms);
        if self.published_limits {
            config.faults.limits.extend(Limit::published());
        }
        config.check()?;
        Ok(config)
    }
}

#[derive(Debug, clap::Args)]
struct ServeArgs {
    /// The port; 0 is any
    #[arg(long, default_value_t = 0)]
    port: u16,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, clap::Args)]
struct FloorArgs {
    /// What `GET /_fleet/stats` gave after a scan without limits and faults
    #[arg(long, value_name = "FILE")]
    stats: PathBuf,
    /// Milliseconds that every answer takes
    #[arg(long, value_name = "MS")]
    latency_ms: f64,
    /// The configuration whose limits hold
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The limits that AWS publishes hold
    #[arg(long, conflicts_with = "config")]
    published_limits: bool,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(args) => serve(&args),
        Command::Floor(args) => floor(&args),
        Command::Config(args) => args.read().and_then(|config| {
            println!("{}", serde_json::to_string_pretty(&config)?);
            Ok(())
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn serve(args: &ServeArgs) -> Result<(), Error> {
    let fleet = Fleet::start_on(args.port, args.config.read()?)?;
    // One line, for whoever started this and waits for the port.
    println!("{}", json!({"url": fleet.url(), "port": fleet.port()}));
    fleet.wait();
    Ok(())
}

fn floor(args: &FloorArgs) -> Result<(), Error> {
    let stats: Stats = serde_json::from_str(&read(&args.stats)?)
        .map_err(|error| format!("{}: {error}", args.stats.display()))?;
    let config = match &args.config {
        Some(path) => {
            Config::parse(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))?
        }
        None => Config::default(),
    };
    let mut limits = config.faults.limits;
    if args.published_limits {
        limits.extend(Limit::published());
    }
    let estate: &Estate = &config.estate;
    let counts = stats.totals.counts;
    if counts.throttled + counts.failed + counts.expired > 0 {
        eprintln!(
            "warning: {} of these calls were throttled or broken; the floor is that of the rest",
            counts.throttled + counts.failed + counts.expired
        );
    }
    let floor = Floor::of(&stats, estate, args.latency_ms, &limits);
    println!("{}", serde_json::to_string_pretty(&floor)?);
    Ok(())
}

fn read(path: &PathBuf) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()).into())
}
