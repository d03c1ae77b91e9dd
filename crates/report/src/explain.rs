//! One finding in full, for a person.

use posture_catalog::Frameworks;

use crate::clean::clean;
use crate::table::{Page, account_label, clean_lines, moment, resource_name};
use crate::text::{Tone, width};
use crate::v1::{Evidence, Finding, Gap, GapReason, Head, Status};

const INDENT: usize = 2;

/// Everything there is to know of a finding of this report: the verdict, the facts it rests on and
/// where they came from, what is missing and who could grant it, why it matters and what to do.
/// `columns` and `color` are as in [`crate::TableOptions`].
pub fn explain(
    report: &Head,
    finding: &Finding,
    frameworks: &Frameworks,
    columns: usize,
    color: bool,
) -> String {
    let mut page = Page::new(columns, color);
    head(report, finding, &mut page);
    facts(finding, &mut page);
    missing(finding, &mut page);
    if !finding.risk.is_empty() {
        page.heading("Why it matters");
        page.prose(INDENT, Tone::Plain, &clean(&finding.risk));
    }
    remedy(finding, &mut page);
    keyed_to(finding, frameworks, &mut page);
    if !finding.references.is_empty() {
        page.heading("References");
        for reference in &finding.references {
            // Not wrapped: an address that is broken cannot be opened.
            page.line(INDENT, &clean(reference));
        }
    }
    page.text
}

fn head(report: &Head, finding: &Finding, page: &mut Page) {
    page.prose(0, Tone::Strong, &clean(&finding.title));
    let verdict = finding.status.as_str().replace('_', " ").to_uppercase();
    let line = format!(
        "{}  {}",
        page.paint(Tone::of_status(finding.status), &verdict),
        page.paint(
            Tone::of_severity(finding.severity),
            &format!(
                "{} severity, {} confidence",
                finding.severity.as_str(),
                finding.confidence.as_str()
            )
        ),
    );
    page.line(0, &line);
    page.blank();
    let resource = &finding.resource;
    let tags: Vec<String> = resource
        .tags
        .iter()
        .map(|(key, value)| format!("{}={}", clean(key), clean(value)))
        .collect();
    let mut rows = vec![
        ("resource", resource_name(finding)),
        ("type", clean(&resource.r#type)),
        ("id", clean(&resource.id)),
        ("arn", clean(&resource.arn)),
        ("account", account_label(report, &finding.account)),
        ("region", finding.region.to_string()),
        ("tags", tags.join(", ")),
        ("check", finding.check.to_string()),
        ("finding", finding.id.to_string()),
    ];
    if let Some(seen) = finding.first_seen {
        rows.push(("first seen", seen.to_string()));
    }
    if let Some(waiver) = &finding.waiver {
        let owner = waiver.owner.as_deref().map(clean).unwrap_or_default();
        let by = if owner.is_empty() {
            String::new()
        } else {
            format!(" by {owner}")
        };
        let expires = moment(&waiver.expires.to_string());
        rows.push(("waived", format!("until {expires}{by}")));
        rows.push(("reason", clean(&waiver.reason)));
        let ticket = waiver.ticket.as_deref().map(clean);
        rows.push(("ticket", ticket.unwrap_or_default()));
    }
    for (label, value) in rows {
        // The id repeats the name for most types.
        if value.is_empty() || (label == "id" && value == clean(&resource.name)) || value == "*" {
            continue;
        }
        let line = format!("{}{value}", page.paint(Tone::Dim, &format!("{label:<12}")));
        page.line(INDENT, &line);
    }
}

fn facts(finding: &Finding, page: &mut Page) {
    page.heading("What was found");
    let tone = Tone::of_status(finding.status);
    page.prose(INDENT, tone, &clean(&finding.message));
    for fact in &finding.evidence {
        if fact.field == "summary" {
            let from = source(fact);
            if !from.is_empty() {
                page.prose(INDENT, Tone::Dim, &from);
            }
            continue;
        }
        let text = format!("{} = {}", clean(&fact.field), clean(&fact.value));
        page.prose(INDENT, Tone::Plain, &text);
        let from = source(fact);
        if !from.is_empty() {
            page.prose(INDENT + 2, Tone::Dim, &from);
        }
    }
}

fn source(fact: &Evidence) -> String {
    if fact.source.is_empty() {
        return String::new();
    }
    let operations: Vec<String> = fact.source.iter().map(|text| clean(text)).collect();
    format!("from {}", operations.join(", "))
}

fn missing(finding: &Finding, page: &mut Page) {
    if finding.gaps.is_empty() {
        return;
    }
    page.heading("What could not be read");
    for gap in &finding.gaps {
        page.prose(INDENT, Tone::Warn, &gap_text(gap));
        page.prose(INDENT + 2, Tone::Plain, &gap_remedy(gap));
    }
}

fn gap_text(gap: &Gap) -> String {
    let what = gap
        .operation
        .as_deref()
        .map_or_else(|| "a fact".to_owned(), clean);
    let reason = match gap.reason {
        GapReason::AccessDenied => "access denied",
        GapReason::Throttled => "throttled until the retries ran out",
        GapReason::Timeout => "no answer in time",
        GapReason::NotOffered => "not offered in this region",
        GapReason::Unsupported => "not supported by this endpoint",
        GapReason::NotRequested => "not asked for",
        GapReason::Malformed => "the answer could not be understood",
        GapReason::Error => "failed",
    };
    match gap.code.as_deref().map(clean) {
        Some(code) if !code.is_empty() => format!("{what}: {reason} ({code})"),
        _ => format!("{what}: {reason}"),
    }
}

fn gap_remedy(gap: &Gap) -> String {
    match (gap.reason, gap.iam_action.as_deref().map(clean)) {
        (GapReason::AccessDenied, Some(action)) => format!(
            "Grant {action} to the scanning role; `posture permissions` prints the whole policy."
        ),
        (GapReason::AccessDenied, None) => {
            "Grant what `posture permissions` prints to the scanning role.".to_owned()
        }
        (GapReason::Throttled | GapReason::Timeout | GapReason::Error, Some(action)) => {
            format!("Usually passes; scan again. It needs {action}.")
        }
        (GapReason::Throttled | GapReason::Timeout | GapReason::Error, None) => {
            "Usually passes; scan again.".to_owned()
        }
        (GapReason::NotOffered, _) => "Nothing to do: the region does not have it.".to_owned(),
        (GapReason::Unsupported, _) => "The endpoint cannot tell; look by hand.".to_owned(),
        (GapReason::NotRequested, _) => "Tell the scan to ask for it.".to_owned(),
        (GapReason::Malformed, _) => {
            "Look by hand, and report it: this build does not know the answer's form.".to_owned()
        }
    }
}

fn remedy(finding: &Finding, page: &mut Page) {
    let fix = &finding.fix;
    if fix.cli.is_none() && fix.terraform.is_none() && fix.console.is_none() {
        return;
    }
    let title = match finding.status {
        Status::Fail | Status::Waived => "How to mend it",
        Status::Unknown | Status::Pass | Status::NotApplicable => "How it would be mended",
    };
    page.heading(title);
    let mut first = true;
    let mut part = |page: &mut Page, label: &str| {
        if !std::mem::take(&mut first) {
            page.blank();
        }
        page.prose(INDENT, Tone::Dim, label);
    };
    if let Some(cli) = &fix.cli {
        part(page, "AWS CLI");
        page.command(INDENT + 2, "", &clean_lines(cli));
    }
    if let Some(terraform) = &fix.terraform {
        part(page, "Terraform");
        for line in clean_lines(terraform).lines() {
            page.line(INDENT + 2, line);
        }
    }
    if let Some(console) = &fix.console {
        part(page, "Console");
        page.prose(INDENT + 2, Tone::Plain, &clean(console));
    }
}

fn keyed_to(finding: &Finding, frameworks: &Frameworks, page: &mut Page) {
    let groups = [
        ("Practices", &finding.practices),
        ("AWS Well-Architected", &finding.well_architected),
        ("Serverless Lens", &finding.serverless_lens),
        ("OWASP Serverless", &finding.owasp_serverless),
    ];
    if groups.iter().all(|(_, ids)| ids.is_empty()) {
        return;
    }
    page.heading("Asked for by");
    for (name, ids) in groups {
        if ids.is_empty() {
            continue;
        }
        page.prose(INDENT, Tone::Dim, name);
        for id in ids {
            let clean_id = clean(id);
            let title = title(frameworks, id).map(clean).unwrap_or_default();
            let pad = 12_usize.max(width(&clean_id) + 2);
            let indent = INDENT + 2;
            let lines = crate::text::wrap(&title, page.width.saturating_sub(indent + pad));
            page.line(
                indent,
                &format!(
                    "{clean_id:<pad$}{}",
                    lines.first().map_or("", String::as_str)
                ),
            );
            for line in lines.iter().skip(1) {
                page.line(indent + pad, line);
            }
        }
    }
}

/// The title of an id of any of the frameworks; their ids do not overlap.
fn title<'a>(frameworks: &'a Frameworks, id: &str) -> Option<&'a str> {
    let practice = frameworks.practices.get(id).map(|p| &p.practice);
    practice
        .or_else(|| frameworks.well_architected.get(id).map(|p| &p.title))
        .or_else(|| frameworks.serverless_lens.get(id).map(|q| &q.question))
        .or_else(|| frameworks.owasp_serverless.get(id).map(|c| &c.name))
        .map(String::as_str)
}
