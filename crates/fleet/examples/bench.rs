//! How many calls a second the fleet answers, with clients on the same machine.
//!
//! `cargo run --package posture-fleet --example bench`. The clients cost about as much as the server, so
//! that the figure is what a scanner on this machine can get at most.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::unwrap_used, reason = "a benchmark may stop where it likes")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use posture_fleet::{Account, Config, Estate, Fleet};

const CONNECTIONS: usize = 256;
const DURATION: Duration = Duration::from_secs(3);

fn main() {
    let estate = Estate {
        accounts: 20,
        ..Estate::default()
    };
    let fleet = Fleet::start(Config {
        estate,
        ..Config::default()
    })
    .unwrap();
    println!("{CONNECTIONS} connections, {} s each", DURATION.as_secs());
    for (name, service, head, body) in [
        (
            "one resource (JSON)",
            "ecr",
            "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.DescribeRegistry\r\n",
            "{}",
        ),
        (
            "one setting (XML)",
            "ec2",
            "",
            "Action=GetEbsEncryptionByDefault",
        ),
        (
            "a page of keys (JSON)",
            "kms",
            "X-Amz-Target: TrentService.ListKeys\r\n",
            "{}",
        ),
        (
            "a page of hosts (XML)",
            "ec2",
            "",
            "Action=DescribeInstances",
        ),
        (
            "a page of roles (XML)",
            "iam",
            "",
            "Action=GetAccountAuthorizationDetails&Filter.member.1=Role",
        ),
    ] {
        let calls: u64 = thread::scope(|scope| {
            let clients: Vec<_> = (0..CONNECTIONS)
                .map(|number| {
                    let request = request(service, Account::nth(number % 20), head, body);
                    let port = fleet.port();
                    scope.spawn(move || client(port, &request))
                })
                .collect();
            clients
                .into_iter()
                .map(|client| client.join().unwrap())
                .sum()
        });
        println!(
            "{name:<24} {:>7} calls a second",
            calls / DURATION.as_secs()
        );
    }
}

fn request(service: &str, account: Account, head: &str, body: &str) -> Vec<u8> {
    format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\n{head}Authorization: AWS4-HMAC-SHA256 Credential={}/20261101/\
         us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0\r\nContent-Length: {}\r\n\r\n{body}",
        account.access_key(),
        body.len()
    )
    .into_bytes()
}

/// Calls on one connection until time is up.
fn client(port: u16, request: &[u8]) -> u64 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let started = Instant::now();
    let mut buffer = vec![0; 256 * 1024];
    let mut calls = 0;
    while started.elapsed() < DURATION {
        stream.write_all(request).unwrap();
        let (mut filled, mut whole) = (0, usize::MAX);
        while filled < whole {
            filled += stream.read(&mut buffer[filled..]).unwrap();
            if whole == usize::MAX {
                whole = length(&buffer[..filled]).unwrap_or(usize::MAX);
            }
        }
        calls += 1;
    }
    calls
}

/// The length of an answer, once its head is there.
fn length(bytes: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(bytes);
    let (head, _) = text.split_once("\r\n\r\n")?;
    let body: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))?
        .parse()
        .ok()?;
    Some(head.len() + 4 + body)
}
