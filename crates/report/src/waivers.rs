//! The waivers that a person has to look at: those that no longer hold, those that nothing needs, and those
//! that will soon run out.

use crate::clean::clean;
use crate::table::{Page, moment};
use crate::text::{Tone, counted, number, truncate};
use crate::v1::{Head, WaiverRecord, WaiverState};

const INDENT: usize = 2;
const ROWS: usize = 12;
/// Days before its end at which a waiver is worth a word.
const SOON: i64 = 14;

/// The table's section; nothing where no waivers were given.
pub(crate) fn section(head: &Head, page: &mut Page) {
    if head.waivers.is_empty() {
        return;
    }
    page.heading("Waivers");
    let mut rows: Vec<(&WaiverRecord, Tone, String)> = head
        .waivers
        .iter()
        .filter_map(|waiver| {
            let (tone, words) = word(head, waiver)?;
            Some((waiver, tone, words))
        })
        .collect();
    // Stable, so that waivers of one kind stay in the order of their file.
    rows.sort_by_key(|(waiver, ..)| match waiver.state {
        WaiverState::Expired => 0,
        WaiverState::Live => 1,
        WaiverState::Unused | WaiverState::Unknown => 2,
    });
    for (waiver, tone, words) in rows.iter().take(ROWS) {
        let who = [&waiver.ticket, &waiver.owner, &waiver.source].map(|text| clean(text));
        let line = format!(
            "{}  {}",
            page.paint(*tone, words),
            page.paint(Tone::Dim, &who.join(", "))
        );
        page.line(INDENT, &line);
        let what = format!("{}  {}", waiver.check, clean(&waiver.resource));
        page.line(
            2 * INDENT,
            &truncate(&what, page.width.saturating_sub(2 * INDENT)),
        );
    }
    let more = rows.len().saturating_sub(ROWS) as u64;
    if more > 0 {
        let text = format!("and {} more in the JSON report", number(more));
        page.prose(INDENT, Tone::Dim, &text);
    }
    page.prose(INDENT, Tone::Dim, &counts(head));
}

/// What is to be said of a waiver, if anything.
fn word(head: &Head, waiver: &WaiverRecord) -> Option<(Tone, String)> {
    let expires = moment(&waiver.expires.to_string());
    let day = expires.get(..10).unwrap_or(&expires);
    match waiver.state {
        WaiverState::Expired if waiver.matched > 0 => {
            let fail = counted(waiver.matched, "fails again", "fail again");
            Some((Tone::Bad, format!("expired {day}: {fail}")))
        }
        WaiverState::Expired => Some((Tone::Dim, format!("expired {day}"))),
        WaiverState::Live => {
            let days = head.scan.started_at.days_until(waiver.expires);
            (days < SOON).then(|| (Tone::Warn, format!("expires {day}")))
        }
        WaiverState::Unused => Some((Tone::Warn, "covers nothing".to_owned())),
        WaiverState::Unknown => None,
    }
}

fn counts(head: &Head) -> String {
    let count = |state| head.waivers.iter().filter(|w| w.state == state).count() as u64;
    let mut text = format!(
        "{} by {}.",
        counted(
            head.summary.by_status.waived,
            "finding is waived",
            "findings are waived"
        ),
        counted(count(WaiverState::Live), "waiver", "waivers"),
    );
    let open = count(WaiverState::Unknown);
    if open > 0 {
        text.push_str(&format!(
            " {} something that was not looked at here, or could not be read.",
            counted(open, "more speaks of", "more speak of")
        ));
    }
    text
}
