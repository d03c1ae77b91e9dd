//! Questions for people, waivers, and what this report is.

use std::io;

use super::markup::{Page, put};
use crate::text::{counted, number};
use crate::v1::{Head, WaiverState};

pub(super) fn write(head: &Head, page: &mut Page<'_>) -> io::Result<()> {
    put!(page; "<section id=\"about\" class=\"view\" aria-labelledby=\"about-title\">\n"
        "<h2 id=\"about-title\" class=\"big\">About this report</h2>\n");
    questions(head, page)?;
    waivers(head, page)?;
    scope(head, page)?;
    reading(page)?;
    put!(page; "</section>\n");
    Ok(())
}

fn questions(head: &Head, page: &mut Page<'_>) -> io::Result<()> {
    if head.manual.is_empty() {
        return Ok(());
    }
    put!(page; "<h3>Questions for you</h3>\n<p>No AWS API answers these; a person must.</p>\n<ul class=\"asked\">\n"
    );
    for manual in &head.manual {
        put!(page; "<li class=\"panel\"><h4><bdi>" (manual.title) "</bdi></h4><p><bdi>" (manual.question)
            "</bdi></p><p class=\"dim\"><code>" (manual.check) "</code> " (manual.practices.join(", ")) "</p></li>\n");
    }
    put!(page; "</ul>\n");
    Ok(())
}

fn waivers(head: &Head, page: &mut Page<'_>) -> io::Result<()> {
    if head.waivers.is_empty() {
        return Ok(());
    }
    put!(page; "<h3>Waivers</h3>\n<div class=\"panel scroll\"><table><thead><tr><th scope=\"col\">Check</th>"
        "<th scope=\"col\">Resource</th><th scope=\"col\">State</th><th scope=\"col\">Expires</th>"
        "<th scope=\"col\" class=\"r\">Findings</th><th scope=\"col\">Owner and reason</th></tr></thead><tbody>\n");
    for waiver in &head.waivers {
        let (class, state) = match waiver.state {
            WaiverState::Live => ("good", "in force"),
            WaiverState::Unused => ("fair", "covers nothing"),
            WaiverState::Unknown => ("fair", "may be needed: not all was read"),
            WaiverState::Expired => ("poor", "expired"),
        };
        put!(page; "<tr><th scope=\"row\"><code>" (waiver.check) "</code></th><td><code><bdi>" (waiver.resource)
            "</bdi></code></td><td><b class=\"" (class) "\">" (state) "</b></td><td>"
            (super::day_of(&waiver.expires)) "</td><td class=\"r\">" (number(waiver.matched)) "</td><td><bdi>"
            (waiver.owner) "</bdi>: <bdi>" (waiver.reason) "</bdi> <span class=\"dim\"><bdi>" (waiver.ticket)
            "</bdi> <bdi>" (waiver.source) "</bdi></span></td></tr>\n");
    }
    put!(page; "</tbody></table></div>\n");
    Ok(())
}

fn scope(head: &Head, page: &mut Page<'_>) -> io::Result<()> {
    let scan = &head.scan;
    put!(page; "<h3>What was scanned</h3>\n<div class=\"panel scroll\"><table><thead><tr><th scope=\"col\">Account</th>"
        "<th scope=\"col\">Organizational unit</th><th scope=\"col\">Regions</th></tr></thead><tbody>\n");
    for account in &scan.accounts {
        put!(page; "<tr><th scope=\"row\">");
        if let Some(name) = account
            .name
            .as_deref()
            .filter(|name| !name.trim().is_empty())
        {
            put!(page; "<bdi>" (name) "</bdi> ");
        }
        put!(page; "<span class=\"dim\">" (account.id) "</span></th><td><bdi>" (account.ou_path.as_deref().unwrap_or("–"))
            "</bdi></td><td>");
        if account.regions.is_empty() {
            put!(page; "<b class=\"poor\">not entered</b>");
        }
        let regions: Vec<&str> = account
            .regions
            .iter()
            .map(posture_model::Region::as_str)
            .collect();
        put!(page; (regions.join(", ")) "</td></tr>\n");
    }
    put!(page; "</tbody></table></div>\n");
    let incomplete: Vec<_> = scan
        .places
        .iter()
        .filter(|place| !place.incomplete.is_empty())
        .collect();
    if !incomplete.is_empty() {
        put!(page; "<details><summary>" (counted(incomplete.len() as u64, "place", "places"))
            " where there may be more than was seen</summary><ul>");
        for place in incomplete {
            put!(page; "<li>" (place.account) " " (place.region) ": <bdi>" (place.incomplete.join(", ")) "</bdi></li>");
        }
        put!(page; "</ul></details>\n");
    }
    put!(page; "<dl class=\"facts\"><dt>Scan</dt><dd><code>" (scan.id) "</code></dd><dt>Started</dt><dd>" (scan.started_at)
        "</dd><dt>Finished</dt><dd>");
    match scan.finished_at {
        Some(end) => put!(page; (end)),
        None => put!(page; "interrupted"),
    }
    put!(page; "</dd><dt>Program</dt><dd>" (scan.tool.name) " " (scan.tool.version) "</dd><dt>Catalogue</dt><dd><code>"
        (scan.tool.catalog_digest) "</code></dd>");
    if let Some(baseline) = &scan.baseline {
        put!(page; "<dt>First seen since</dt><dd>" (baseline.started_at) " <code class=\"dim\">" (baseline.scan)
            "</code></dd>");
    }
    put!(page; "</dl>\n");
    Ok(())
}

fn reading(page: &mut Page<'_>) -> io::Result<()> {
    put!(page; "<h3>How to read it</h3>\n<dl class=\"facts\">"
        "<dt>Score</dt><dd>The share of passes among passes and failures, weighted by severity: critical 20, high 10, "
        "medium 5, low 2, info 1.</dd>"
        "<dt>Coverage</dt><dd>The share of verdicts that could be reached, weighted alike. What could not be read "
        "moves no score: it lowers coverage. A score of 95 % at a coverage of 30 % says little.</dd>"
        "<dt>Unknown</dt><dd>A fact that decides could not be read. Neither sound nor weak.</dd>"
        "<dt>Critical</dt><dd>Open to the world, or the keys to everything.</dd>"
        "<dt>High</dt><dd>Likely to be used against the account.</dd>"
        "<dt>Medium</dt><dd>A weakness that needs another to be used.</dd>"
        "<dt>Low</dt><dd>Hygiene.</dd><dt>Info</dt><dd>Worth knowing.</dd>"
        "<dt>⟨U+202E⟩</dt><dd>A character that does not show, or that would change how others show. Names come from "
        "AWS, and whoever names a resource may want to deceive.</dd></dl>\n");
    Ok(())
}
