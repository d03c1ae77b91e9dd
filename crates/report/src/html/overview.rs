//! The first view: how it stands, what is worst, what to do about it.

use std::collections::BTreeSet;
use std::io;

use super::markup::{Page, put};
use super::survey::Survey;
use super::{bar, moment, scores, tone, trend};
use crate::format::{Earlier, RenderOptions};
use crate::seen::Group;
use crate::text::{counted, number, percent};
use crate::v1::{Finding, Head, Severity};

/// Checks in "Do this first".
const FIRST_CHECKS: usize = 5;
/// Accounts that are named below the title, at most.
const NAMED: usize = 6;

pub(super) fn write(
    head: &Head,
    survey: &Survey,
    options: &RenderOptions,
    page: &mut Page<'_>,
) -> io::Result<()> {
    put!(page; "<section id=\"overview\" class=\"view\" aria-labelledby=\"overview-title\">\n"
    );
    title(head, page)?;
    standing(head, options, page)?;
    incomplete(head, page)?;
    do_this_first(head, survey, page)?;
    trend::write(head, &options.earlier, page)?;
    scores::write(head, page)?;
    put!(page; "</section>\n");
    Ok(())
}

fn title(head: &Head, page: &mut Page<'_>) -> io::Result<()> {
    let accounts = &head.scan.accounts;
    put!(page; "<div class=\"title\"><h1 id=\"overview-title\">");
    match accounts.as_slice() {
        [only] => {
            let name = only.name.as_deref().filter(|name| !name.is_empty());
            put!(page; "Posture of <bdi>" (name.unwrap_or(only.id.as_str())) "</bdi>");
        }
        _ => put!(page; "Posture of " (counted(accounts.len() as u64, "account", "accounts"))
        ),
    }
    let regions: BTreeSet<_> = accounts
        .iter()
        .flat_map(|account| &account.regions)
        .filter(|region| !region.is_global())
        .collect();
    put!(page; "</h1><p>");
    // Of a few one wants to read who they are.
    if (2..=NAMED).contains(&accounts.len()) {
        for (index, account) in accounts.iter().enumerate() {
            if index > 0 {
                put!(page; ", ");
            }
            let name = account.name.as_deref().filter(|name| !name.is_empty());
            put!(page; "<bdi>" (name.unwrap_or(account.id.as_str())) "</bdi>");
        }
        put!(page; " · ");
    }
    put!(page; (counted(regions.len() as u64, "region", "regions")) " · "
        (counted(head.summary.resources, "resource", "resources")) " · "
        (counted(head.summary.checks, "check", "checks")) " · <time>" (moment(head)) "</time>, "
        (crate::table::lasted(head)) "</p></div>\n");
    Ok(())
}

/// Score, coverage, and what fails.
fn standing(head: &Head, options: &RenderOptions, page: &mut Page<'_>) -> io::Result<()> {
    let overall = &head.scores.overall;
    put!(page; "<div class=\"standing\">\n<div class=\"panel score\">"
    );
    ring(overall.score, page)?;
    put!(page; "<div><h2>Score</h2>");
    match overall.score {
        Some(_) => {
            put!(page; "<p>" (number(overall.pass)) " of " (number(overall.pass + overall.fail))
            " verdicts are sound, weighted by severity.</p>")
        }
        None => put!(page; "<p>Nothing was judged.</p>"),
    }
    since(head, &options.earlier, page)?;
    put!(page; "<h3>Coverage <b>" (percent(overall.coverage)) "</b></h3>");
    bar(overall.coverage, page)?;
    put!(page; "<p>");
    match overall.unknown {
        0 if overall.coverage.is_some() => put!(page; "Every verdict could be reached."),
        0 => put!(page; "There was nothing to judge."),
        unknown => {
            put!(page; "<a href=\"#findings?status=unknown\">" (counted(unknown, "verdict", "verdicts"))
            "</a> could not be reached.")
        }
    }
    put!(page; "</p></div></div>\n");
    failing(head, page)?;
    put!(page; "</div>\n");
    Ok(())
}

fn ring(score: Option<f64>, page: &mut Page<'_>) -> io::Result<()> {
    put!(page; "<div class=\"ring " (tone(score)) "\"><svg viewBox=\"0 0 120 120\" aria-hidden=\"true\">"
        "<circle cx=\"60\" cy=\"60\" r=\"52\"/>");
    if let Some(score) = score.filter(|score| *score > 0.0) {
        put!(page; "<circle class=\"reached\" cx=\"60\" cy=\"60\" r=\"52\" pathLength=\"100\" stroke-dasharray=\""
            (format!("{:.1}", score.min(100.0))) " 100\" transform=\"rotate(-90 60 60)\"/>");
    }
    put!(page; "</svg><p><strong>");
    match score {
        Some(score) if score >= 100.0 => put!(page; "100"),
        Some(score) => put!(page; (format!("{score:.1}"))),
        None => put!(page; "–"),
    }
    put!(page; "</strong><span>percent</span></p></div>");
    Ok(())
}

/// The change from the latest earlier report.
fn since(head: &Head, earlier: &[Earlier], page: &mut Page<'_>) -> io::Result<()> {
    let before = earlier
        .iter()
        .filter(|report| report.started_at < head.scan.started_at)
        .max_by_key(|report| report.started_at);
    let (Some(before), Some(now)) = (before, head.scores.overall.score) else {
        return Ok(());
    };
    let Some(score) = before.score else {
        return Ok(());
    };
    let change = now - score;
    let (class, sign) = match change {
        change if change >= 0.05 => ("up", "+"),
        change if change <= -0.05 => ("down", "−"),
        _ => ("same", "±"),
    };
    put!(page; "<p class=\"since " (class) "\"><b>" (sign) (format!("{:.1}", change.abs())) "</b> since "
        (super::day_of(&before.started_at)) "</p>");
    Ok(())
}

fn failing(head: &Head, page: &mut Page<'_>) -> io::Result<()> {
    let summary = &head.summary;
    put!(page; "<div class=\"panel failing\"><h2>Failing</h2><ul class=\"tiles\">"
    );
    for severity in Severity::ALL {
        let count = summary.by_severity.get(severity);
        let class = if count == 0 {
            "empty"
        } else {
            severity.as_str()
        };
        put!(page; "<li><a class=\"tile " (class) "\" href=\"#findings?status=fail&amp;severity=" (severity.as_str())
            "\"><b>" (number(count)) "</b> " (severity.as_str()) "</a></li>");
    }
    let by_status = &summary.by_status;
    put!(page; "</ul>");
    verdicts_bar(head, page)?;
    put!(page; "<p class=\"verdicts\">");
    for (count, class, name) in [
        (by_status.fail, "fail", "fail"),
        (by_status.unknown, "unknown", "unknown"),
        (by_status.pass, "pass", "pass"),
        (by_status.waived, "waived", "waived"),
        (by_status.not_applicable, "na", "not applicable"),
    ] {
        // Waivers are rare: no word about them where there are none.
        if count > 0 || class != "waived" {
            put!(page; "<span class=\"key " (class) "\"><b>" (number(count)) "</b> " (name) "</span> ");
        }
    }
    put!(page; "</p></div>\n");
    Ok(())
}

/// Verdicts that say something, in proportion.
fn verdicts_bar(head: &Head, page: &mut Page<'_>) -> io::Result<()> {
    let by_status = &head.summary.by_status;
    let parts = [
        (by_status.fail, "fail"),
        (by_status.unknown, "unknown"),
        (by_status.waived, "waived"),
        (by_status.pass, "pass"),
    ];
    let all: u64 = parts.iter().map(|(count, _)| count).sum();
    if all == 0 {
        return Ok(());
    }
    put!(page; "<svg class=\"split\" viewBox=\"0 0 1000 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
    );
    let mut start = 0.0;
    for (count, class) in parts {
        let width = share(count, all) * 1000.0;
        put!(page; "<rect class=\"" (class) "\" x=\"" (format!("{start:.1}")) "\" width=\"" (format!("{width:.1}"))
            "\" height=\"1\"/>");
        start += width;
    }
    put!(page; "</svg>");
    Ok(())
}

pub(super) fn share(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a share to be drawn")]
    let (part, whole) = (part as f64, whole.max(1) as f64);
    part / whole
}

fn incomplete(head: &Head, page: &mut Page<'_>) -> io::Result<()> {
    if !head.summary.complete {
        put!(page; "<p class=\"note warn\"><b>Incomplete.</b> Not everything could be read, and what was not read is "
            "unknown rather than sound. <a href=\"#unread\">See what is missing, and what to grant</a>.</p>\n");
    }
    Ok(())
}

fn do_this_first(head: &Head, survey: &Survey, page: &mut Page<'_>) -> io::Result<()> {
    put!(page; "<h2 id=\"first\">Do this first</h2>\n");
    if survey.groups.is_empty() {
        return nothing_failed(head, page);
    }
    put!(page; "<ol class=\"first\">\n");
    for group in survey.groups.iter().take(FIRST_CHECKS) {
        first(head, survey, group, page)?;
    }
    put!(page; "</ol>\n");
    let more = survey.groups.len().saturating_sub(FIRST_CHECKS) as u64;
    if more > 0 {
        put!(page; "<p class=\"more\"><a href=\"#findings\">Then " (counted(more, "more failing check", "more failing checks"))
            "</a></p>\n");
    }
    Ok(())
}

fn nothing_failed(head: &Head, page: &mut Page<'_>) -> io::Result<()> {
    let by_status = &head.summary.by_status;
    if by_status.fail > 0 {
        put!(page; "<p class=\"note\">" (counted(by_status.fail, "verdict fails", "verdicts fail"))
            ", not listed here: this report was asked for other verdicts.</p>\n");
    } else if by_status.pass == 0 && by_status.unknown == 0 {
        put!(page; "<p class=\"note warn\">Nothing was judged. Check the accounts, regions and services of the scan, and "
            "run <code>posture doctor</code>.</p>\n");
    } else if head.summary.complete && by_status.unknown == 0 {
        put!(page; "<p class=\"note fine\">Nothing failed, and everything was read.</p>\n"
        );
    } else {
        put!(page; "<p class=\"note warn\">Nothing failed in what could be read, but "
            (counted(by_status.unknown, "verdict is", "verdicts are"))
            " open. Let the scan read the rest, then scan again.</p>\n");
    }
    Ok(())
}

fn first(head: &Head, survey: &Survey, group: &Group, page: &mut Page<'_>) -> io::Result<()> {
    let Some(worst) = group.shown.first() else {
        return Ok(());
    };
    let accounts = survey
        .lists
        .checks
        .get(group.check.as_str())
        .map_or(0, |check| check.accounts.len());
    put!(page; "<li class=\"panel\"><h3><span class=\"severity " (worst.severity.as_str()) "\">" (worst.severity.as_str())
        "</span> <bdi>" (worst.title) "</bdi></h3>\n<p class=\"count\"><a href=\"#findings?check=" (group.check)
        "&amp;status=fail\">" (counted(group.count as u64, "resource", "resources")) "</a> in "
        (counted(accounts as u64, "account", "accounts")) "</p>\n<ul class=\"who\">");
    for finding in &group.shown {
        put!(page; "<li>");
        who(head, finding, page)?;
        put!(page; "</li>");
    }
    let more = group.count.saturating_sub(group.shown.len()) as u64;
    if more > 0 {
        put!(page; "<li class=\"dim\">and " (number(more)) " more</li>");
    }
    put!(page; "</ul>\n<p class=\"risk\"><bdi>" (worst.risk) "</bdi></p>\n");
    remedy(worst, page)?;
    put!(page; "</li>\n");
    Ok(())
}

/// The resource, and where it is.
pub(super) fn who(head: &Head, finding: &Finding, page: &mut Page<'_>) -> io::Result<()> {
    put!(page; "<a href=\"#" (finding.id) "\"><bdi>" (crate::table::resource_name(finding)) "</bdi></a> <span class=\"dim\"><bdi>"
        (crate::table::account_short(head, &finding.account)) "</bdi> " (finding.region) "</span>");
    Ok(())
}

fn remedy(finding: &Finding, page: &mut Page<'_>) -> io::Result<()> {
    let fix = &finding.fix;
    let code = fix.cli.as_deref().or(fix.terraform.as_deref());
    if let Some(code) = code {
        put!(page; "<pre class=\"command\" tabindex=\"0\" aria-label=\"Remedy\"><code>"
        );
        page.lines(code.trim_end())?;
        put!(page; "</code></pre>\n");
    } else if let Some(console) = &fix.console {
        put!(page; "<p class=\"console\"><bdi>" (console) "</bdi></p>\n");
    }
    Ok(())
}
