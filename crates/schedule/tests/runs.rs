//! Directories of runs: what is whole, what is latest, what is kept, and what is new.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests may fail as the tests may"
)]
#![expect(dead_code, reason = "the fixtures are shared with other tests")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use common::{finding, report, time, write};
use posture_config::Keep;
use posture_report::v1::{Severity, Status};
use posture_schedule::{Known, LIMIT, News, Run, RunError, Runs, previous_report};

/// A run with these failing findings, over.
fn run(runs: &Runs, started: &str, complete: bool, told: bool, fails: &[u32]) -> Run {
    let begun = runs.begin().unwrap();
    fs::create_dir_all(begun.join("snapshot")).unwrap();
    let findings = fails
        .iter()
        .map(|serial| finding(*serial, Status::Fail, Severity::High, "x"));
    write(&report(findings.collect()), &begun.join("report.json"));
    let destination = runs.destination(time(started));
    let run = runs
        .finish(&destination, time(started), complete, told)
        .unwrap();
    if complete {
        runs.set_latest(&run).unwrap();
    }
    run
}

fn names(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_run_takes_its_place_when_it_is_over() {
    let directory = tempfile::tempdir().unwrap();
    let runs = Runs::open(directory.path()).unwrap();
    assert_eq!(previous_report(directory.path()), None);
    let begun = runs.begin().unwrap();
    assert!(runs.all().unwrap().is_empty(), "nothing is over");
    assert!(begun.starts_with(directory.path()));
    let first = run(&runs, "2026-01-31T12:00:00Z", true, true, &[1]);
    assert!(first.directory.ends_with("2026-01-31T120000Z"));
    assert_eq!(
        previous_report(directory.path()),
        Some(directory.path().join("2026-01-31T120000Z/report.json"))
    );
    let again = run(&runs, "2026-01-31T12:00:00Z", true, true, &[1]);
    assert!(again.directory.ends_with("2026-01-31T120000Z-2"));
    assert_eq!(runs.latest().unwrap(), again);
    assert_eq!(runs.all().unwrap(), [again, first]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            fs::read_link(directory.path().join("latest")).unwrap(),
            Path::new("2026-01-31T120000Z-2")
        );
        let mode = directory
            .path()
            .join("2026-01-31T120000Z")
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}

#[test]
fn an_incomplete_run_is_not_latest() {
    let directory = tempfile::tempdir().unwrap();
    let runs = Runs::open(directory.path()).unwrap();
    let whole = run(&runs, "2026-01-30T12:00:00Z", true, true, &[1]);
    run(&runs, "2026-01-31T12:00:00Z", false, true, &[1]);
    assert_eq!(runs.latest(), Some(whole));
    assert_eq!(runs.all().unwrap().len(), 2);
}

#[test]
fn latest_may_be_a_file_and_leads_nowhere_else() {
    let directory = tempfile::tempdir().unwrap();
    let runs = Runs::open(directory.path()).unwrap();
    let whole = run(&runs, "2026-01-30T12:00:00Z", true, true, &[1]);
    let latest = directory.path().join("latest");
    fs::remove_file(&latest).unwrap();
    fs::write(&latest, "2026-01-30T120000Z\n").unwrap();
    assert_eq!(runs.latest(), Some(whole));
    for elsewhere in [
        "../2026-01-30T120000Z",
        "/etc",
        ".",
        "",
        ".unfinished",
        "2026-01-29T120000Z",
    ] {
        fs::write(&latest, elsewhere).unwrap();
        assert_eq!(runs.latest(), None, "{elsewhere}");
    }
    fs::remove_file(&latest).unwrap();
    fs::create_dir(&latest).unwrap();
    let other = runs.all().unwrap().remove(0);
    assert!(matches!(
        runs.set_latest(&other),
        Err(RunError::Foreign { .. })
    ));
    // Known before the next scan begins.
    assert!(matches!(
        Runs::open(directory.path()),
        Err(RunError::Foreign { .. })
    ));
}

#[test]
fn an_interrupted_run_goes_on_and_one_that_ended_later_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let runs = Runs::open(directory.path()).unwrap();
    let begun = runs.begin().unwrap();
    let manifest = |end: &str| format!("{{\"scan\": {{\"finished_at\": {end}}}}}");
    fs::create_dir(begun.join("snapshot")).unwrap();
    fs::write(begun.join("snapshot/manifest.json"), manifest("null")).unwrap();
    assert_eq!(runs.begin().unwrap(), begun);
    assert!(
        begun.join("snapshot/manifest.json").exists(),
        "the scan goes on"
    );
    fs::write(
        begun.join("snapshot/manifest.json"),
        manifest("\"2026-01-31T12:00:00Z\""),
    )
    .unwrap();
    fs::write(begun.join("report.json"), "half").unwrap();
    runs.begin().unwrap();
    assert_eq!(
        names(&begun),
        [".posture-run.json".to_owned()].into(),
        "begun anew"
    );
    // Somebody else's directory is left alone.
    fs::remove_file(begun.join(".posture-run.json")).unwrap();
    fs::write(begun.join("letters"), "dear").unwrap();
    assert!(matches!(runs.begin(), Err(RunError::Foreign { .. })));
    assert!(begun.join("letters").exists());
}

#[test]
fn retention_removes_its_own_runs_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let runs = Runs::open(directory.path()).unwrap();
    for day in 1..=8 {
        run(
            &runs,
            &format!("2026-01-0{day}T12:00:00Z"),
            day != 8,
            true,
            &[1],
        );
    }
    // What looks like a run and is none.
    for other in [
        "2025-01-01T120000Z",
        "2025-01-02T120000Z-x",
        "keep",
        ".removing-keep",
    ] {
        fs::create_dir(directory.path().join(other)).unwrap();
        fs::write(directory.path().join(other).join("report.json"), "mine").unwrap();
    }
    fs::write(directory.path().join("2025-01-03T120000Z"), "a file").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(
        "2026-01-01T120000Z",
        directory.path().join("2025-01-04T120000Z"),
    )
    .unwrap();
    let others: BTreeSet<String> = names(directory.path())
        .into_iter()
        .filter(|name| !name.starts_with("2026-"))
        .collect();
    let now = time("2026-01-08T12:00:00Z");
    let left = |keep: &str| {
        runs.prune(keep.parse().unwrap(), now).unwrap();
        let all = names(directory.path());
        assert!(others.is_subset(&all), "{all:?}");
        all.into_iter()
            .filter_map(|name| Some(name.strip_prefix("2026-01-")?.get(..2)?.to_owned()))
            .collect::<Vec<_>>()
    };
    // Either reason is enough to stay.
    assert_eq!(left("3,6d"), ["03", "04", "05", "06", "07", "08"]);
    assert_eq!(left("5"), ["04", "05", "06", "07", "08"]);
    assert_eq!(left("3d"), ["06", "07", "08"]);
    // The seventh is the last complete one.
    assert_eq!(left("1"), ["07", "08"]);
    assert_eq!(
        runs.prune(Keep::default(), now).unwrap(),
        Vec::<String>::new()
    );
    assert!(directory.path().join("latest/report.json").exists());
}

#[test]
fn a_removal_that_was_killed_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let runs = Runs::open(directory.path()).unwrap();
    let old = run(&runs, "2026-01-01T12:00:00Z", true, true, &[]);
    run(&runs, "2026-01-02T12:00:00Z", true, true, &[]);
    let doomed = directory.path().join(".removing-2026-01-01T120000Z");
    fs::rename(&old.directory, &doomed).unwrap();
    fs::remove_file(doomed.join("report.json")).unwrap();
    runs.prune("1".parse().unwrap(), time("2026-01-02T12:00:00Z"))
        .unwrap();
    assert!(!doomed.exists());
}

fn news(runs: &Runs, fails: &[u32]) -> (Vec<u64>, bool) {
    let known = Known::of(runs).unwrap();
    let findings = fails
        .iter()
        .map(|serial| finding(*serial, Status::Fail, Severity::High, "x"));
    let news = News::of(&report(findings.collect()), &known, Severity::Info).unwrap();
    let serials = news
        .worst
        .iter()
        .map(|f| u64::from_str_radix(f.id.as_str(), 16).unwrap());
    (serials.collect(), known.any)
}

#[test]
fn new_is_what_nobody_was_told() {
    let directory = tempfile::tempdir().unwrap();
    let runs = Runs::open(directory.path()).unwrap();
    assert_eq!(
        news(&runs, &[1, 2]),
        (vec![1, 2], false),
        "the first run knows nothing"
    );
    run(&runs, "2026-01-01T12:00:00Z", true, true, &[1, 2]);
    assert_eq!(news(&runs, &[1, 2, 3]), (vec![3], true));
    // An incomplete run that did not see 2 told of 3.
    run(&runs, "2026-01-02T12:00:00Z", false, true, &[1, 3]);
    assert_eq!(news(&runs, &[1, 2, 3, 4]), (vec![4], true));
    // One whose webhook did not answer told nobody of 4.
    run(&runs, "2026-01-03T12:00:00Z", true, false, &[1, 2, 3, 4]);
    assert_eq!(news(&runs, &[1, 2, 3, 4, 5]), (vec![4, 5], true));
    let mut told = run(&runs, "2026-01-04T12:00:00Z", true, false, &[2, 4, 5]);
    told.told().unwrap();
    // It ends with the last complete one: what failed before and came back is new again.
    assert_eq!(news(&runs, &[1, 2, 4, 5]), (vec![1], true));
    // The one that was told stays, however few are kept.
    run(&runs, "2026-01-05T12:00:00Z", true, false, &[2]);
    run(&runs, "2026-01-06T12:00:00Z", true, false, &[2]);
    runs.prune("1".parse().unwrap(), time("2026-01-06T12:00:00Z"))
        .unwrap();
    let left: Vec<bool> = runs.all().unwrap().iter().map(Run::is_told).collect();
    assert_eq!(left, [false, true]);
}

#[test]
fn what_is_waived_unknown_or_mild_is_no_news() {
    let directory = tempfile::tempdir().unwrap();
    let runs = Runs::open(directory.path()).unwrap();
    let mut earlier = report(vec![
        finding(1, Status::Waived, Severity::High, "x"),
        finding(2, Status::Unknown, Severity::High, "x"),
    ]);
    let begun = runs.begin().unwrap();
    write(&earlier, &begun.join("report.json"));
    let at = time("2026-01-01T12:00:00Z");
    runs.finish(&runs.destination(at), at, true, true).unwrap();
    let now = report(vec![
        finding(1, Status::Fail, Severity::Critical, "x"),
        finding(2, Status::Fail, Severity::High, "x"),
        finding(3, Status::Fail, Severity::Medium, "x"),
        finding(4, Status::Waived, Severity::High, "x"),
        finding(5, Status::Unknown, Severity::High, "x"),
    ]);
    let known = Known::of(&runs).unwrap();
    let news = News::of(&now, &known, Severity::High).unwrap();
    // The waiver ended, the fact became known.
    assert_eq!(
        (news.total(), news.counts().as_str()),
        (2, "1 critical, 1 high")
    );
    assert_eq!(News::of(&now, &known, Severity::Info).unwrap().total(), 3);

    // A report that does not list failures says nothing by their absence.
    earlier.head.scan.statuses = vec![Status::Pass];
    write(&earlier, &runs.all().unwrap()[0].report());
    let known = Known::of(&runs).unwrap();
    assert!(!known.any && known.unreadable.len() == 1, "{known:?}");
    fs::write(runs.all().unwrap()[0].report(), "{").unwrap();
    assert_eq!(Known::of(&runs).unwrap().unreadable.len(), 1);

    let many: Vec<_> = (0..50)
        .map(|n| finding(n, Status::Fail, Severity::High, "x"))
        .collect();
    let news = News::of(&report(many), &Known::default(), Severity::High).unwrap();
    assert_eq!((news.total(), news.worst.len()), (50, LIMIT));
}
