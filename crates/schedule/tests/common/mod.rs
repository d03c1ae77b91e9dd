//! Reports as small as they can be, and a server that writes down what it is sent.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use posture_model::{AccountId, CheckId, FindingId, Region, Timestamp};
use posture_report::v1::{
    Account, BySeverity, ByStatus, Confidence, Finding, Fix, Head, OverallScore, Report, Resource,
    SCHEMA_VERSION, Scan, Scores, Severity, Status, Summary, Tool,
};

pub(crate) const ACCOUNT: &str = "111122223333";

pub(crate) fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub(crate) fn finding(serial: u32, status: Status, severity: Severity, name: &str) -> Finding {
    Finding {
        id: FindingId::new(format!("{serial:032x}")).unwrap(),
        check: CheckId::new("a-check").unwrap(),
        title: "Bucket is open".to_owned(),
        status,
        severity,
        confidence: Confidence::High,
        account: AccountId::new(ACCOUNT).unwrap(),
        region: Region::new("eu-west-1").unwrap(),
        resource: Resource {
            r#type: "s3.bucket".to_owned(),
            arn: format!("arn:aws:s3:::{name}"),
            id: name.to_owned(),
            name: name.to_owned(),
            tags: BTreeMap::new(),
        },
        message: format!("Bucket is open: {name}"),
        evidence: Vec::new(),
        gaps: Vec::new(),
        practices: Vec::new(),
        well_architected: Vec::new(),
        owasp_serverless: Vec::new(),
        serverless_lens: Vec::new(),
        risk: String::new(),
        fix: Fix::default(),
        references: Vec::new(),
        first_seen: None,
        waiver: None,
    }
}

pub(crate) fn report(findings: Vec<Finding>) -> Report {
    Report {
        head: Head {
            schema_version: SCHEMA_VERSION.to_owned(),
            scan: Scan {
                id: "scan-1".to_owned(),
                started_at: time("2026-01-31T12:00:00Z"),
                finished_at: None,
                tool: Tool {
                    name: "posture".to_owned(),
                    version: "0".to_owned(),
                    catalog_digest: String::new(),
                },
                accounts: vec![Account {
                    id: AccountId::new(ACCOUNT).unwrap(),
                    name: Some("prod <!here>".to_owned()),
                    regions: Vec::new(),
                    ou_path: None,
                    email: None,
                    tags: BTreeMap::new(),
                    gaps: Vec::new(),
                }],
                places: Vec::new(),
                statuses: vec![Status::Fail, Status::Unknown],
                baseline: None,
                shards: None,
            },
            summary: Summary {
                resources: 1,
                checks: 1,
                complete: true,
                by_status: ByStatus::default(),
                by_severity: BySeverity::default(),
            },
            scores: Scores {
                overall: OverallScore {
                    score: None,
                    coverage: None,
                    pass: 0,
                    fail: 0,
                    unknown: 0,
                },
                well_architected: Vec::new(),
                owasp_serverless: Vec::new(),
                accounts: Vec::new(),
            },
            coverage: Vec::new(),
            checks: Vec::new(),
            waivers: Vec::new(),
            manual: Vec::new(),
            resources: Vec::new(),
        },
        findings,
    }
}

pub(crate) fn write(report: &Report, path: &Path) {
    let mut bytes = Vec::new();
    posture_report::render_json(report, &mut bytes).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
}

/// Answers each request with the next of these, and the last one from then on.
pub(crate) struct Server {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(crate) fn answering(answers: &[&'static str]) -> Self {
        let answers: Vec<&'static str> = answers.to_vec();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for (number, client) in listener.incoming().flatten().enumerate() {
                let mut reader = BufReader::new(client);
                let mut request = Request::default();
                reader.read_line(&mut request.line).unwrap();
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    let line = line.trim().to_lowercase();
                    if line.is_empty() {
                        break;
                    }
                    if let Some(value) = line.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    request.headers.push(line);
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                request.body = String::from_utf8(body).unwrap();
                seen.lock().unwrap().push(request);
                let answer = answers.get(number).or(answers.last()).unwrap();
                reader
                    .get_mut()
                    .write_all(
                        format!(
                            "HTTP/1.1 {answer}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
                        )
                        .as_bytes(),
                    )
                    .unwrap();
            }
        });
        Self { port, requests }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}
