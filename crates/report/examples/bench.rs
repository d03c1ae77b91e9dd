//! Writes a synthetic report in every format and says how long that took and how much memory.
//!
//! `cargo run --release -p posture-report --example bench -- [FINDINGS] [FORMAT [PATH]]`. Each format is written by
//! a process of its own, so that the memory is that format's; to nowhere, unless a path is given.

#![expect(clippy::print_stdout, reason = "this is a command-line tool")]
#![expect(
    clippy::cast_precision_loss,
    reason = "figures to look at, and a synthetic report"
)]

#[path = "../tests/common/synthetic.rs"]
mod synthetic;

use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process::Command;
use std::time::Instant;

use posture_report::{Format, RenderOptions, Source};
use synthetic::Synthetic;

/// Failing findings of a scan with a million verdicts.
const FINDINGS: u64 = 120_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let findings = arguments.next().map_or(Ok(FINDINGS), |text| text.parse())?;
    if let Some(format) = arguments.next() {
        let out: Box<dyn Write> = match arguments.next() {
            Some(path) => Box::new(BufWriter::new(File::create(path)?)),
            None => Box::new(io::sink()),
        };
        return measure(findings, format.parse()?, out);
    }
    let source = Synthetic::new(findings);
    let started = Instant::now();
    source.each(&mut |_| Ok(()))?;
    println!(
        "{findings} findings; making them up takes {:.2} s of each pass below",
        started.elapsed().as_secs_f64()
    );
    for format in Format::ALL {
        let own = std::env::current_exe()?;
        let status = Command::new(own)
            .args([findings.to_string(), format.to_string()])
            .status()?;
        if !status.success() {
            return Err(format!("{format}: {status}").into());
        }
    }
    Ok(())
}

fn measure(findings: u64, format: Format, out: Box<dyn Write>) -> Result<(), Box<dyn Error>> {
    let source = Synthetic::new(findings);
    let mut out = Counter { written: 0, out };
    let started = Instant::now();
    format.render(&source, &RenderOptions::default(), &mut out)?;
    out.flush()?;
    let seconds = started.elapsed().as_secs_f64();
    let megabytes = out.written as f64 / 1e6;
    println!(
        "{format:<9} {seconds:6.2} s  {megabytes:8.2} MB  {:6.1} MB/s  peak {} of memory",
        megabytes / seconds,
        peak().unwrap_or_else(|| "unknown".to_owned())
    );
    Ok(())
}

/// Counts what is written through it.
struct Counter {
    written: u64,
    out: Box<dyn Write>,
}

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The most memory that this process ever had, where the system tells.
fn peak() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(format!("{:.0} MB", kibibytes * 1024.0 / 1e6))
}
