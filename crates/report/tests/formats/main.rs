//! The forms that other programs read: each is parsed with a real parser, validated against what its makers
//! published, and fed with hostile text.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests may fail as the tests may"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/edit.rs"]
mod edit;
#[path = "../common/hostile.rs"]
mod hostile;

mod asff;
mod csv;
mod jsonl;
mod junit;
mod markdown;
mod narrow;
mod ocsf;
mod sarif;
mod scope;

use hostile::{HOSTILE, hostile};
use posture_model::{AccountId, FindingId, Timestamp};
use posture_report::v1::{Baseline, BySeverity, Finding, Gap, GapReason, Report, Status, Waiver};
use posture_report::{Format, RenderOptions, Source, Visit};

/// The report in a form, as text.
fn rendered(format: Format, source: &dyn Source) -> String {
    let mut out = Vec::new();
    format
        .render(source, &RenderOptions::default(), &mut out)
        .unwrap();
    String::from_utf8(out).unwrap()
}

/// The validator of a schema; making one takes longer than using it.
fn validator(schema: &str) -> jsonschema::Validator {
    jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap()
}

/// The usual report, with a verdict of every kind and everything that a finding can have.
fn full() -> Report {
    let mut report = common::report();
    let statuses = [
        Status::Fail,
        Status::Unknown,
        Status::Pass,
        Status::NotApplicable,
        Status::Waived,
    ];
    report.head.scan.statuses = statuses.to_vec();
    let template = report.findings[0].clone();
    for (index, status) in statuses.into_iter().enumerate().skip(2) {
        let mut finding = template.clone();
        finding.id = FindingId::new(format!("{:08x}{:024x}", 0xabc_0000 + index, 0)).unwrap();
        finding.status = status;
        if status == Status::Waived {
            finding.waiver = Some(Waiver {
                reason: "behind the office's network".to_owned(),
                owner: Some("alice".to_owned()),
                ticket: Some("SEC-12".to_owned()),
                expires: Timestamp::parse("2026-06-30T00:00:00Z").unwrap(),
            });
        }
        report.findings.push(finding);
    }
    report.findings[0].first_seen = Timestamp::parse("2026-01-01T12:00:00Z");
    report
}

/// As if it had been compared with an earlier one.
fn compared(mut report: Report) -> Report {
    report.head.scan.baseline = Some(baseline());
    report
}

fn baseline() -> Baseline {
    let started_at = Timestamp::parse("2026-01-01T12:00:00Z").unwrap();
    Baseline {
        new: BySeverity::default(),
        uncompared: BySeverity::default(),
        scan: "earlier".to_owned(),
        started_at,
    }
}

/// A report without findings, of a scan that read nothing.
fn empty() -> Report {
    let mut report = common::report();
    report.findings.clear();
    report.head.checks.clear();
    report.head.scan.finished_at = None;
    report
}

/// So many findings, worded alike, without holding them.
struct Many {
    report: Report,
    count: u32,
}

impl Many {
    fn new(count: u32) -> Self {
        Self {
            report: common::report(),
            count,
        }
    }
}

impl Source for Many {
    fn head(&self) -> &posture_report::v1::Head {
        &self.report.head
    }

    fn each(&self, see: &mut Visit<'_>) -> std::io::Result<()> {
        let kinds = &self.report.findings;
        for serial in 0..self.count {
            // Those of one kind follow one another, as in a real report.
            let kind = serial as usize * kinds.len() / self.count as usize;
            let mut finding = kinds[kind].clone();
            finding.id = FindingId::new(format!("{serial:032x}")).unwrap();
            finding.resource.name = format!("{}-{serial}", finding.resource.name);
            finding.account = AccountId::new(format!("{:012}", serial % 7)).unwrap();
            see(&finding)?;
        }
        Ok(())
    }
}

fn shortened(mut report: Report) -> Report {
    let mut kinds = std::collections::BTreeSet::new();
    report
        .findings
        .retain(|finding| kinds.insert(finding.status.as_str()));
    report
        .head
        .coverage
        .retain(|row| row.outcome != posture_report::v1::Outcome::Ok);
    report
}

/// Every form that programs read.
fn forms() -> impl Iterator<Item = Format> {
    Format::ALL
        .iter()
        .copied()
        .filter(|format| !matches!(format, Format::Table | Format::Json))
}

#[test]
fn each_form_looks_as_it_did() {
    let report = shortened(full());
    for format in [
        Format::Jsonl,
        Format::Csv,
        Format::Markdown,
        Format::Junit,
        Format::Sarif,
        Format::Ocsf,
        Format::Asff,
    ] {
        insta::assert_snapshot!(format.as_str(), rendered(format, &report));
    }
}

/// Bytes a finding may take, over a report of many like those of the usual one. JSON's own measure stands
/// beside: what a form needs beyond it is its own doing.
#[test]
fn each_form_keeps_to_its_size() {
    const COUNT: u32 = 1_000;
    let many = Many::new(COUNT);
    for (format, bytes) in [
        (Format::Json, 3_000),
        (Format::Jsonl, 1_900),
        (Format::Csv, 1_000),
        (Format::Junit, 1_300),
        (Format::Sarif, 1_500),
        (Format::Ocsf, 3_000),
        (Format::Asff, 2_700),
    ] {
        let size = rendered(format, &many).len() / COUNT as usize;
        assert!(size <= bytes, "{format}: {size} bytes a finding");
        // A budget that is far off holds nothing.
        assert!(
            size * 2 > bytes,
            "{format}: only {size} bytes a finding; lower its budget"
        );
    }
}

#[test]
fn each_form_is_the_same_from_a_stored_report() {
    let report = full();
    let directory = std::env::temp_dir().join(format!("posture-formats-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("report.json");
    std::fs::write(&path, rendered(Format::Json, &report)).unwrap();
    let stored = posture_report::Stored::open(&path).unwrap();
    for format in forms().chain([Format::Json, Format::Table]) {
        assert_eq!(
            rendered(format, &stored),
            rendered(format, &report),
            "{format}"
        );
    }
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn no_form_holds_what_a_terminal_would_obey_or_an_eye_be_deceived_by() {
    for text in HOSTILE {
        let report = hostile(text);
        for format in Format::ALL {
            for c in rendered(*format, &report).chars() {
                let line_end = c == '\n' || (c == '\r' && *format == Format::Csv);
                assert!(line_end || !c.is_control(), "{format}: {c:?} of {text:?}");
                assert!(
                    !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                        | '\u{2060}'..='\u{206f}' | '\u{feff}'),
                    "{format}: {c:?} of {text:?}"
                );
            }
        }
    }
}

#[test]
fn an_output_that_breaks_ends_the_report_with_its_own_error() {
    struct Broken(usize);
    impl std::io::Write for Broken {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if self.0 == 0 {
                return Err(std::io::ErrorKind::BrokenPipe.into());
            }
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            Ok(taken)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let report = full();
    for format in Format::ALL {
        for room in [0, 100, 5_000] {
            let error = format
                .render(&report, &RenderOptions::default(), &mut Broken(room))
                .unwrap_err();
            assert_eq!(
                error.kind(),
                std::io::ErrorKind::BrokenPipe,
                "{format} {room}"
            );
        }
    }
}

/// A gap with these words.
fn gap(text: &str) -> Gap {
    Gap {
        reason: GapReason::AccessDenied,
        operation: Some(text.to_owned()),
        iam_action: Some(text.to_owned()),
        code: Some(text.to_owned()),
    }
}

/// A stored report may have been changed by anyone: every text of a finding is this one.
fn tampered(text: &str) -> Report {
    let mut report = hostile(text);
    let Finding {
        title,
        message,
        risk,
        fix,
        references,
        practices,
        well_architected,
        gaps,
        ..
    } = &mut report.findings[0];
    for field in [title, message, risk] {
        text.clone_into(field);
    }
    fix.cli = Some(text.to_owned());
    fix.terraform = Some(text.to_owned());
    fix.console = Some(text.to_owned());
    *references = vec![text.to_owned()];
    *practices = vec![text.to_owned()];
    *well_architected = vec![text.to_owned()];
    *gaps = vec![gap(text)];
    report.head.scan.tool.version = text.to_owned();
    for row in &mut report.head.coverage {
        text.clone_into(&mut row.iam_action);
        text.clone_into(&mut row.operation);
    }
    for check in &mut report.head.checks {
        text.clone_into(&mut check.title);
    }
    report
}

/// Every hostile text, as AWS could give it and as a changed report could.
fn hostile_reports() -> impl Iterator<Item = (&'static str, Report)> {
    HOSTILE
        .iter()
        .flat_map(|text| [(*text, hostile(text)), (*text, tampered(text))])
}
