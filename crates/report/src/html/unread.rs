//! What could not be read, and what to do about it.

use std::io;

use super::markup::{Encoded, Page, put};
use crate::text::{counted, number};
use crate::unread::{Row, Unread};
use crate::v1::{Head, Outcome};

/// Rows of one outcome that are shown at once.
const ROWS: usize = 30;

/// Outcomes in the order of their tables, with their headings and what to do.
const KINDS: [(&[Outcome], &str, &str); 4] = [
    (
        &[Outcome::AccessDenied],
        "Access denied",
        "Grant these actions to the scanning role. Where one is granted already, a permissions boundary, a service \
         control policy or a policy of the resource denies it.",
    ),
    (
        &[Outcome::Throttled, Outcome::Timeout, Outcome::Error],
        "Throttled, no answer, failed",
        "Usually passes: scan again, perhaps at a quieter time.",
    ),
    (
        &[Outcome::Unsupported],
        "Not supported",
        "The endpoint does not know these calls, as emulators and some partitions do not. Look by hand.",
    ),
    (
        &[Outcome::Malformed],
        "Not understood",
        "The answer had not the shape that AWS documents. Please report it.",
    ),
];

pub(super) fn write(head: &Head, unread: &Unread<'_>, page: &mut Page<'_>) -> io::Result<()> {
    put!(page; "<section id=\"unread\" class=\"view\" aria-labelledby=\"unread-title\">\n"
        "<h2 id=\"unread-title\" class=\"big\">Could not be read</h2>\n");
    if unread.rows.is_empty() {
        if head.summary.complete {
            put!(page; "<p class=\"note fine\">Everything that was asked for could be read.</p>\n"
            );
        } else {
            put!(page; "<p class=\"note warn\">The scan is incomplete, though no call failed: it was interrupted, or part "
                "of it never began. Scan again.</p>\n");
        }
    } else {
        put!(page; "<p class=\"lead\">What was not read is unknown: it counts neither as sound nor as weak, and lowers "
            "coverage. The rows with the most waiting verdicts are worth the most.</p>\n");
    }
    grant(unread, page)?;
    for (outcomes, title, advice) in KINDS {
        let rows: Vec<&Row<'_>> = unread
            .rows
            .iter()
            .filter(|row| outcomes.contains(&row.outcome))
            .collect();
        if !rows.is_empty() {
            put!(page; "<h3>" (title) "</h3>\n<p>" (advice) "</p>\n");
            if outcomes.contains(&Outcome::AccessDenied) && unread.no_entry() {
                put!(page; "<p><code>sts:AssumeRole</code>: the role does not exist in that account, or does not trust the "
                    "caller.</p>\n");
            }
            table(head, &rows, page)?;
        }
    }
    if !unread.not_offered.is_empty() {
        let services: Vec<&str> = unread.not_offered.iter().copied().collect();
        put!(page; "<h3>Not offered</h3>\n<p>Nothing to do: some regions do not have " (services.join(", ")) ".</p>\n");
    }
    put!(page; "</section>\n");
    Ok(())
}

/// The missing actions as a policy, to be copied.
fn grant(unread: &Unread<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let actions = unread.to_grant();
    if actions.is_empty() {
        return Ok(());
    }
    let policy = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}],
    });
    let policy = serde_json::to_string_pretty(&policy)?;
    put!(page; "<div class=\"panel grant\"><h3>What to grant</h3>\n<p>"
        (counted(actions.len() as u64, "action", "actions"))
        ", all of them read-only. <code>posture permissions</code> prints the whole policy of a scan.</p>\n"
        "<pre class=\"command\" id=\"actions\" tabindex=\"0\" aria-label=\"IAM actions to grant\"><code>");
    page.lines(&actions.join("\n"))?;
    put!(page; "</code></pre>\n<details><summary>As a policy</summary><pre class=\"command\" tabindex=\"0\" aria-label=\"IAM policy to grant\"><code>"
    );
    page.lines(&policy)?;
    put!(page; "</code></pre></details></div>\n");
    Ok(())
}

fn table(head: &Head, rows: &[&Row<'_>], page: &mut Page<'_>) -> io::Result<()> {
    put!(page; "<div class=\"panel scroll\"><table class=\"unread\"><thead><tr><th scope=\"col\">IAM action</th>"
        "<th scope=\"col\">Outcome</th><th scope=\"col\" class=\"r\">Waiting verdicts</th>"
        "<th scope=\"col\" class=\"r\">Places</th><th scope=\"col\">Where</th></tr></thead><tbody>\n");
    for row in rows.iter().take(ROWS) {
        put!(page; "<tr><th scope=\"row\"><code><bdi>" (row.subject) "</bdi></code></th><td>" (row.outcome.phrase()));
        if let Some(error) = row.errors.first() {
            put!(page; " <span class=\"dim\"><bdi>" (error) "</bdi></span>");
        }
        put!(page; "</td><td class=\"r\">");
        if row.verdicts > 0 {
            put!(page; "<a href=\"#findings?status=unknown&amp;q=" (Encoded(row.subject)) "\">" (number(row.verdicts)) "</a>");
        } else {
            put!(page; "0");
        }
        put!(page; "</td><td class=\"r\">" (number(row.places.len() as u64)) "</td><td class=\"dim\"><bdi>"
            (crate::table::places(head, &row.places)) "</bdi></td></tr>\n");
    }
    put!(page; "</tbody></table></div>\n");
    let more = rows.len().saturating_sub(ROWS) as u64;
    if more > 0 {
        put!(page; "<p class=\"dim\">and " (number(more)) " more in the JSON report</p>\n");
    }
    Ok(())
}
