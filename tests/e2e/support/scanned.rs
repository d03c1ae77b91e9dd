//! Directories, and the one scan of everything that several tests look at.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::program::{Posture, Ran};
use super::proxy::{Proxy, Request};
use super::{Server, read_json};

/// Where this run of the tests writes. The process cannot tidy up at its end, so later runs do.
pub(crate) fn work_dir() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e");
        std::fs::create_dir_all(&parent).unwrap();
        for old in std::fs::read_dir(&parent).unwrap().flatten() {
            let age = old
                .metadata()
                .and_then(|data| data.modified())
                .ok()
                .and_then(|time| SystemTime::now().duration_since(time).ok());
            if age.is_some_and(|age| age > Duration::from_secs(3600)) {
                let _ = std::fs::remove_dir_all(old.path());
            }
        }
        let own = parent.join(std::process::id().to_string());
        let _ = std::fs::remove_dir_all(&own);
        std::fs::create_dir(&own).unwrap();
        own
    })
}

/// A scan, and all that it left behind.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) ran: Ran,
    pub(crate) snapshot: PathBuf,
    pub(crate) report_path: PathBuf,
    pub(crate) report: Value,
    pub(crate) requests: Vec<Request>,
}

/// The demo: the whole organization, with every log line, past a proxy that writes requests down.
pub(crate) fn demo() -> Option<&'static Scanned> {
    static DEMO: OnceLock<Option<Scanned>> = OnceLock::new();
    DEMO.get_or_init(|| {
        let server = Server::moto()?;
        let proxy = Proxy::start(&server.endpoint);
        let directory = work_dir().join("demo");
        std::fs::create_dir(&directory).unwrap();
        let snapshot = directory.join("snapshot");
        let report_path = directory.join("report.json");
        let ran = Posture::new(["scan", "-vv", "--org", "--role-name", "PostureScan"])
            .args(["--region", "us-east-1,eu-west-1", "--last-accessed"])
            .args(["-o", "table", "-o"])
            .args([format!("json={}", report_path.display())])
            .args([Path::new("--snapshot"), &snapshot])
            .keys("local", "local")
            .at(&proxy.endpoint())
            .run();
        assert!(report_path.exists(), "no report: {}", tail(&ran.stderr));
        Some(Scanned {
            report: read_json(&report_path),
            requests: proxy.requests(),
            ran,
            snapshot,
            report_path,
        })
    })
    .as_ref()
}

fn tail(text: &str) -> &str {
    let start = text.len().saturating_sub(2000);
    text.get(start..).unwrap_or(text)
}
