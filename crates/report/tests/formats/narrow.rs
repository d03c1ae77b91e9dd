//! A report narrowed to some of its findings.

use posture_model::CheckId;
use posture_report::v1::{Severity, Status};
use posture_report::{CannotNarrow, Format, Narrow, Narrowed, Source};

use crate::{common, full, rendered};

fn kept(narrow: Narrow) -> (usize, posture_report::v1::Head) {
    let report = full();
    let narrowed = Narrowed::new(&report, narrow).unwrap();
    let mut count = 0;
    narrowed
        .each(&mut |_| {
            count += 1;
            Ok(())
        })
        .unwrap();
    (count, narrowed.head().clone())
}

#[test]
fn nothing_asked_for_changes_nothing() {
    let report = full();
    let narrowed = Narrowed::new(&report, Narrow::default()).unwrap();
    assert_eq!(
        rendered(Format::Json, &narrowed),
        rendered(Format::Json, &report)
    );
}

#[test]
fn a_narrowed_report_does_not_say_that_what_it_left_out_was_checked() {
    let critical = Narrow {
        severities: [Severity::Critical].into(),
        ..Narrow::default()
    };
    let (count, head) = kept(critical);
    let expected = full()
        .findings
        .iter()
        .filter(|f| f.severity == Severity::Critical)
        .count();
    assert_eq!(count, expected);
    assert!(
        head.checks
            .iter()
            .all(|check| check.severity == Severity::Critical)
    );
    assert_eq!(head.summary.checks, 2);
    assert_eq!(head.summary.by_severity.critical, 2);
    assert_eq!(head.summary.by_severity.high, 0);
    assert_eq!(head.summary.by_status.unknown, 2);

    let id = CheckId::new("s3-bucket-policy-public").unwrap();
    let one = Narrow {
        checks: [id.clone()].into(),
        statuses: vec![Status::Fail],
        ..Narrow::default()
    };
    let (_, head) = kept(one);
    assert_eq!(head.checks.len(), 1);
    assert_eq!(head.checks[0].id, id);
    assert_eq!(head.scan.statuses, [Status::Fail]);
}

#[test]
fn verdicts_that_are_not_listed_cannot_be_asked_for() {
    let report = common::report();
    let passes = Narrow {
        statuses: vec![Status::Fail, Status::Pass],
        ..Narrow::default()
    };
    let refused = |report: &posture_report::v1::Report| {
        Narrowed::new(report, passes.clone())
            .err()
            .unwrap()
            .to_string()
    };
    assert_eq!(
        refused(&report),
        "the report does not list pass verdicts, only fail, unknown"
    );
    let mut silent = report.clone();
    silent.head.scan.statuses.clear();
    assert!(refused(&silent).contains("does not say which verdicts it lists"));

    let unknown = Narrow {
        checks: [CheckId::new("s3-bucket-policy-publik").unwrap()].into(),
        ..Narrow::default()
    };
    let error = Narrowed::new(&report, unknown).err().unwrap();
    assert!(
        matches!(&error, CannotNarrow::NoCheck { close: Some(near), .. } if near == "s3-bucket-policy-public")
    );
}
