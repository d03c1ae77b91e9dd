//! The findings' view. The script replaces what is here; without it the failing checks can be read.

use std::io;

use super::markup::{Page, put};
use super::overview::who;
use super::survey::Survey;
use crate::text::number;
use crate::v1::Head;

pub(super) fn write(head: &Head, survey: &Survey, page: &mut Page<'_>) -> io::Result<()> {
    put!(page; "<section id=\"findings\" class=\"view\" aria-labelledby=\"findings-title\">\n"
        "<h2 id=\"findings-title\" class=\"big\">Findings</h2>\n<div id=\"explorer\">\n"
        "<noscript><p class=\"note\">Search, filters and the findings one by one need JavaScript. These are the "
        "checks that fail.</p></noscript>\n<p id=\"loading\" class=\"note\" hidden>Unfolding the findings…</p>\n");
    if survey.groups.is_empty() {
        put!(page; "<p class=\"note\">No failing finding is listed in this report.</p>\n"
        );
    } else {
        failing_checks(head, survey, page)?;
    }
    put!(page; "</div>\n</section>\n");
    Ok(())
}

fn failing_checks(head: &Head, survey: &Survey, page: &mut Page<'_>) -> io::Result<()> {
    put!(page; "<div class=\"panel scroll\"><table class=\"checks\"><thead><tr><th scope=\"col\">Severity</th>"
        "<th scope=\"col\">Check</th><th scope=\"col\" class=\"r\">Fail</th><th scope=\"col\">Where</th></tr></thead>"
        "<tbody>\n");
    for group in &survey.groups {
        let Some(worst) = group.shown.first() else {
            continue;
        };
        put!(page; "<tr><td><span class=\"severity " (worst.severity.as_str()) "\">" (worst.severity.as_str())
            "</span></td><th scope=\"row\"><bdi>" (worst.title) "</bdi> <code class=\"dim\">" (group.check)
            "</code></th><td class=\"r\">" (number(group.count as u64)) "</td><td>");
        who(head, worst, page)?;
        let more = group.count.saturating_sub(1) as u64;
        if more > 0 {
            put!(page; " <span class=\"dim\">and " (number(more)) " more</span>");
        }
        put!(page; "</td></tr>\n");
    }
    put!(page; "</tbody></table></div>\n");
    Ok(())
}
