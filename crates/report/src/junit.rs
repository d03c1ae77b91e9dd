//! The findings as JUnit XML, for the test reports of build servers.
//!
//! Made of what Jenkins, GitLab and Surefire agree on. A check is a class and a resource a test of it. What
//! could not be decided is an error: no build server shows an error as passed, and each shows it apart from
//! a failure. The first suite says whether the scan could read everything, so that a report without findings
//! is not mistaken for a sound account.

use std::io::{self, Write};

use posture_model::CheckId;

use crate::clean::clean;
use crate::source::Source;
use crate::table::{account_label, clean_lines, resource_name};
use crate::unread::unread;
use crate::v1::{Finding, Head, Outcome, Severity, Status};

/// Places named for each call that was not answered.
const PLACES: usize = 20;

/// How many tests there are, and how they ended.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    tests: u64,
    failures: u64,
    errors: u64,
    skipped: u64,
}

impl Counts {
    fn add(&mut self, status: Status) {
        self.tests += 1;
        match status {
            Status::Fail => self.failures += 1,
            Status::Unknown => self.errors += 1,
            Status::NotApplicable | Status::Waived => self.skipped += 1,
            Status::Pass => {}
        }
    }

    fn sum(&mut self, more: Self) {
        self.tests += more.tests;
        self.failures += more.failures;
        self.errors += more.errors;
        self.skipped += more.skipped;
    }

    fn attributes(self) -> String {
        format!(
            "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"",
            self.tests, self.failures, self.errors, self.skipped
        )
    }
}

/// Findings of one check that follow one another.
#[derive(Debug)]
struct Suite {
    check: CheckId,
    severity: Severity,
    counts: Counts,
}

/// Writes the report. The counts stand before what they count, so the findings are gone over twice.
pub(crate) fn render(source: &dyn Source, out: &mut dyn Write) -> io::Result<()> {
    let head = source.head();
    let suites = suites(source)?;
    let mut all = coverage_counts(head);
    for suite in &suites {
        all.sum(suite.counts);
    }
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"posture\" {}>", all.attributes())?;
    coverage(head, out)?;
    let mut suites = suites.iter();
    let mut left = 0;
    source.each(&mut |finding| {
        if left == 0 {
            let Some(suite) = suites.next() else {
                return Err(io::Error::other("the report changed while it was read"));
            };
            left = suite.counts.tests;
            open_suite(head, suite, out)?;
        }
        testcase(head, finding, out)?;
        left -= 1;
        if left == 0 {
            writeln!(out, "</testsuite>")?;
        }
        Ok(())
    })?;
    writeln!(out, "</testsuites>")
}

fn suites(source: &dyn Source) -> io::Result<Vec<Suite>> {
    let mut suites: Vec<Suite> = Vec::new();
    source.each(&mut |finding| {
        match suites.last_mut() {
            Some(suite) if suite.check == finding.check => suite.counts.add(finding.status),
            _ => {
                let mut counts = Counts::default();
                counts.add(finding.status);
                suites.push(Suite {
                    check: finding.check.clone(),
                    severity: finding.severity,
                    counts,
                });
            }
        }
        Ok(())
    })?;
    Ok(suites)
}

fn coverage_counts(head: &Head) -> Counts {
    Counts {
        tests: 1,
        errors: u64::from(!head.summary.complete),
        ..Counts::default()
    }
}

/// The suite of one test: was everything read?
fn coverage(head: &Head, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<testsuite name=\"posture.coverage\" {} timestamp=\"{}\">",
        coverage_counts(head).attributes(),
        moment(head)
    )?;
    let case =
        "<testcase classname=\"posture.coverage\" name=\"everything that was asked for was read\"";
    if head.summary.complete {
        writeln!(out, "{case}/>")?;
    } else {
        let missing: Vec<String> = unread(head)
            .iter()
            .map(|entry| entry.sentence(head, PLACES))
            .collect();
        writeln!(
            out,
            "{case}>\n<error type=\"incomplete\" message=\"not everything could be read\">{}</error>\n</testcase>",
            text(&missing.join("\n"))
        )?;
    }
    writeln!(out, "</testsuite>")
}

fn open_suite(head: &Head, suite: &Suite, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<testsuite name=\"{}\" {} timestamp=\"{}\">",
        suite.check,
        suite.counts.attributes(),
        moment(head)
    )?;
    let properties = [
        ("severity", suite.severity.as_str().to_owned()),
        ("scan", attribute(&head.scan.id)),
    ];
    writeln!(out, "<properties>")?;
    for (name, value) in properties {
        writeln!(out, "<property name=\"{name}\" value=\"{value}\"/>")?;
    }
    writeln!(out, "</properties>")
}

fn testcase(head: &Head, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let service = finding.resource.r#type.split('.').next();
    // The beginning of the id tells resources apart that share an ARN, and is what `explain` takes.
    let id = finding.id.as_str();
    write!(
        out,
        "<testcase classname=\"posture.{}.{}\" name=\"{} ({} {}) {}\"",
        attribute(service.unwrap_or_default()),
        finding.check,
        attribute(&finding.resource.arn),
        finding.account,
        finding.region,
        id.get(..12).unwrap_or(id)
    )?;
    let (element, kind) = match finding.status {
        Status::Pass => return writeln!(out, "/>"),
        Status::Fail => ("failure", finding.severity.as_str()),
        Status::Unknown => ("error", "unknown"),
        Status::Waived | Status::NotApplicable => {
            let why = attribute(&skipped(finding));
            return writeln!(out, ">\n<skipped message=\"{why}\"/>\n</testcase>");
        }
    };
    writeln!(
        out,
        ">\n<{element} type=\"{kind}\" message=\"{}\">{}</{element}>\n</testcase>",
        attribute(&finding.message),
        text(&details(head, finding))
    )
}

fn skipped(finding: &Finding) -> String {
    match &finding.waiver {
        Some(waiver) => {
            let by = waiver.owner.as_deref().map(|owner| format!(" by {owner}"));
            let ticket = waiver
                .ticket
                .as_deref()
                .map(|ticket| format!(" ({ticket})"));
            format!(
                "waived until {}{}: {}{}",
                waiver.expires,
                by.unwrap_or_default(),
                waiver.reason,
                ticket.unwrap_or_default()
            )
        }
        None => finding.message.clone(),
    }
}

/// What a person reads who opens the test.
fn details(head: &Head, finding: &Finding) -> String {
    let resource = &finding.resource;
    let mut lines = vec![
        clean(&finding.title),
        format!(
            "resource: {} ({})",
            resource_name(finding),
            clean(&resource.r#type)
        ),
        format!("arn: {}", clean(&resource.arn)),
        format!("account: {}", account_label(head, &finding.account)),
        format!("region: {}", finding.region),
    ];
    for gap in &finding.gaps {
        let what = gap.iam_action.as_deref().or(gap.operation.as_deref());
        let why = Outcome::from(gap.reason).phrase();
        lines.push(format!(
            "not read: {}: {why}",
            clean(what.unwrap_or("a fact"))
        ));
    }
    if !finding.risk.is_empty() {
        lines.push(format!("risk: {}", clean(&finding.risk)));
    }
    if let Some(fix) = finding
        .fix
        .cli
        .as_deref()
        .or(finding.fix.console.as_deref())
    {
        lines.push(format!("fix: {}", clean_lines(fix)));
    }
    lines.push(format!("more: posture explain {}", finding.id));
    lines.join("\n")
}

/// When the scan started, as Surefire writes it: without a zone, in UTC.
fn moment(head: &Head) -> String {
    head.scan.started_at.to_string().replace('Z', "")
}

/// Text for an attribute, on one line.
fn attribute(hostile: &str) -> String {
    escaped(&clean(hostile))
}

/// Text for an element; keeps its lines.
fn text(hostile: &str) -> String {
    escaped(&clean_lines(hostile))
}

/// Text without what XML 1.0 cannot hold, and without markup.
fn escaped(clean: &str) -> String {
    let mut out = String::with_capacity(clean.len());
    for c in clean.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => {}
            '\n' => out.push('\n'),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}
