//! The seed's labels against a report.

use std::collections::BTreeMap;
use std::path::Path;

use super::findings::Key;
use super::{Finding, Server};

/// Where a label and the catalogue speak of different things; each with its reason.
pub(crate) struct Exceptions<'a> {
    /// Weak resources for which the catalogue speaks of another resource: note, check that fails there.
    pub(crate) elsewhere: &'a [(&'a str, &'a str)],
    /// Weak resources that nothing reports: part of the ARN or the note, and why that is right.
    pub(crate) not_reported: &'a [(&'a str, &'a str)],
    /// Parts of the ARNs of resources that no check judges by themselves.
    pub(crate) not_judged: &'a [&'a str],
}

/// The seed names S3's account settings by an ARN of its own.
fn reported_arn(planted: &str) -> String {
    match planted.strip_prefix("arn:aws:s3:::account/") {
        Some(account) => format!("arn:aws:s3control::{account}:account-settings"),
        None => planted.to_owned(),
    }
}

struct Planted {
    arn: String,
    weak: bool,
    note: String,
}

impl Planted {
    fn all(server: &Server) -> Vec<Self> {
        server.seed["resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|resource| Self {
                arn: reported_arn(resource["arn"].as_str().unwrap()),
                weak: resource["weak"].as_bool().unwrap(),
                note: resource["note"].as_str().unwrap().to_owned(),
            })
            .collect()
    }

    fn is(&self, text: &str) -> bool {
        self.note == text || self.arn.contains(text)
    }

    /// Whether a finding is about this resource or a part of it, such as a route of an API.
    fn has(&self, finding: &Finding) -> bool {
        finding.arn == self.arn || finding.arn.starts_with(&format!("{}/", self.arn))
    }
}

/// Every resource planted weak has a failing finding.
#[track_caller]
pub(crate) fn assert_weak_is_found(
    server: &Server,
    found: &BTreeMap<Key, Finding>,
    exceptions: &Exceptions<'_>,
) {
    let failing: Vec<&Finding> = found.values().filter(|f| f.status == "fail").collect();
    let mut missed = Vec::new();
    let mut excused = Vec::new();
    for planted in Planted::all(server).iter().filter(|planted| planted.weak) {
        let elsewhere = exceptions.elsewhere.iter().find(|e| planted.is(e.0));
        let reported = match elsewhere {
            Some((_, check)) => failing.iter().any(|f| f.check == *check),
            None => failing.iter().any(|f| planted.has(f)),
        };
        if reported {
            continue;
        }
        match exceptions.not_reported.iter().find(|e| planted.is(e.0)) {
            Some(exception) => excused.push(exception),
            None => missed.push(format!("{} ({})", planted.arn, planted.note)),
        }
    }
    assert!(missed.is_empty(), "planted weak, not found: {missed:#?}");
    let needless: Vec<_> = exceptions
        .not_reported
        .iter()
        .filter(|exception| !excused.contains(exception))
        .collect();
    assert!(
        needless.is_empty(),
        "reported after all; drop the exceptions: {needless:#?}"
    );
}

/// Every resource planted sound is judged, and has no finding at critical or high. Takes a report with
/// every verdict.
#[track_caller]
pub(crate) fn assert_sound_is_left_alone(
    server: &Server,
    found: &BTreeMap<Key, Finding>,
    exceptions: &Exceptions<'_>,
) {
    let all = Planted::all(server);
    let mut blamed = Vec::new();
    let mut unseen = Vec::new();
    for planted in all.iter().filter(|planted| !planted.weak) {
        let own: Vec<&Finding> = found.values().filter(|f| planted.has(f)).collect();
        let judged = |part: &&str| planted.arn.contains(*part);
        if own.is_empty() && !exceptions.not_judged.iter().any(judged) {
            unseen.push(format!("{} ({})", planted.arn, planted.note));
        }
        for finding in own {
            let grave = finding.status == "fail"
                && ["critical", "high"].contains(&finding.severity.as_str());
            // A part that is planted weak in a sound whole has a label of its own.
            let labelled = all.iter().any(|p| p.weak && p.arn == finding.arn);
            if grave && !labelled {
                blamed.push(format!(
                    "{} ({}): {}: {}",
                    planted.arn, planted.note, finding.check, finding.message
                ));
            }
        }
    }
    assert!(blamed.is_empty(), "planted sound, blamed: {blamed:#?}");
    assert!(unseen.is_empty(), "planted, but never judged: {unseen:#?}");
}

/// No planted secret is in any of these.
#[track_caller]
pub(crate) fn assert_no_canary(server: &Server, written: &[(String, Vec<u8>)]) {
    let canaries: Vec<&str> = server.seed["canaries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|canary| canary.as_str().unwrap())
        .collect();
    assert!(!canaries.is_empty());
    let mut read = false;
    for (name, bytes) in written {
        let text = String::from_utf8_lossy(bytes).to_lowercase();
        for canary in &canaries {
            let found = text.contains(&canary.to_lowercase());
            assert!(!found, "{canary} is in {name}");
        }
        read |= text.contains("weak-secrets");
    }
    // The search itself works, and the resources that hold the secrets were read.
    assert!(read, "no trace of the function that holds secrets");
}

/// The files below a directory, compressed ones also decompressed.
pub(crate) fn add_files(directory: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add_files(&path, into);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "zst") {
            let plain = zstd::decode_all(bytes.as_slice()).unwrap();
            into.push((format!("{} (decompressed)", path.display()), plain));
        }
        into.push((path.display().to_string(), bytes));
    }
}
