//! The program: started, asked, and its books turned into a floor.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use posture_fleet::{Config, Fleet};
use serde_json::Value;

use crate::client::Client;
use crate::crawl::form;

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_posture-fleet"))
}

fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().unwrap()
}

/// Ends the program with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn it_serves_and_says_where() {
    let mut running = Running(
        program()
            .args([
                "serve",
                "--accounts",
                "3",
                "--regions",
                "eu-west-1,us-east-1",
                "--resources",
                "5",
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut line = String::new();
    BufReader::new(running.0.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    let port = said["port"].as_u64().unwrap();
    assert_eq!(said["url"], format!("http://127.0.0.1:{port}"));
    let mut client = Client::to(u16::try_from(port).unwrap());
    let config = client.control("GET", "config", "").json();
    assert_eq!(config["estate"]["accounts"], 3);
    assert_eq!(config["estate"]["regions"][0], "eu-west-1");
    assert_eq!(
        client.send(&form("iam", "GetAccountSummary", &[])).status,
        200
    );
}

#[test]
fn a_configuration_that_it_prints_it_also_reads() {
    let printed = run(&[
        "config",
        "--accounts",
        "7",
        "--published-limits",
        "--latency-ms",
        "50",
    ]);
    let text = String::from_utf8(printed.stdout).unwrap();
    let config = Config::parse(&text).unwrap();
    assert_eq!(
        (config.estate.accounts, config.faults.latency.base_ms),
        (7, 50)
    );
    assert!(config.faults.limits.contains_key("ec2"));
    let file = scratch("config.json");
    std::fs::write(&file, &text).unwrap();
    let again = run(&[
        "config",
        "--config",
        file.to_str().unwrap(),
        "--accounts",
        "8",
    ]);
    let again = Config::parse(&String::from_utf8(again.stdout).unwrap()).unwrap();
    assert_eq!((again.estate.accounts, again.faults), (8, config.faults));
}

#[test]
fn what_makes_no_sense_is_an_error_of_one_line() {
    for arguments in [
        &["serve", "--accounts", "0"][..],
        &["serve", "--config", "no/such/file.json"],
        &[
            "floor",
            "--stats",
            "no/such/file.json",
            "--latency-ms",
            "50",
        ],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.starts_with("error: ") && said.lines().count() == 1,
            "{said}"
        );
    }
}

#[test]
fn it_prints_the_floor_of_a_run() {
    let fleet = Fleet::start(Config::default()).unwrap();
    let mut client = Client::new(&fleet);
    client.send(&form("sts", "GetCallerIdentity", &[]));
    client.send(&form("iam", "ListRoles", &[]));
    let file = scratch("stats.json");
    std::fs::write(&file, client.control("GET", "stats", "").body).unwrap();
    let output = run(&[
        "floor",
        "--stats",
        file.to_str().unwrap(),
        "--latency-ms",
        "100",
    ]);
    let floor: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(floor["seconds"], 0.2, "{floor}");
    assert_eq!(floor["calls"], 2);
    assert_eq!(floor["decided_by"], "111000000000/us-east-1/iam");
}

/// A file that lives as long as the target directory.
fn scratch(name: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(&directory).unwrap();
    directory.join(name)
}
