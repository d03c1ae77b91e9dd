//! Score cards: pillars, OWASP Serverless categories, accounts. Coverage stands beside every score.

use std::io;

use super::markup::{Encoded, Page, put};
use super::{bar, tone};
use crate::text::{counted, number, percent};
use crate::v1::{Assessable, Head, OwaspScore, WellArchitectedKind, WellArchitectedScore};

/// Accounts shown at once.
const ACCOUNTS: usize = 12;

pub(super) fn write(head: &Head, page: &mut Page<'_>) -> io::Result<()> {
    put!(page; "<div id=\"scores\">\n");
    well_architected(head, page)?;
    owasp_serverless(head, page)?;
    accounts(head, page)?;
    put!(page; "</div>\n");
    Ok(())
}

fn well_architected(head: &Head, page: &mut Page<'_>) -> io::Result<()> {
    let rows = &head.scores.well_architected;
    if rows.is_empty() {
        return Ok(());
    }
    put!(page; "<h2>AWS Well-Architected</h2>\n<ul class=\"cards\">\n"
    );
    for row in rows
        .iter()
        .filter(|row| row.kind == WellArchitectedKind::Pillar)
    {
        let counts = Counts {
            score: row.score,
            coverage: row.coverage,
            pass: row.pass,
            fail: row.fail,
            unknown: row.unknown,
        };
        put!(page; "<li class=\"panel card\"><h3><bdi>" (row.title) "</bdi></h3>\n");
        if counts.judged() {
            counts.write(&format!("wa:{}", row.id), page)?;
            questions(
                rows.iter()
                    .filter(|q| q.kind == WellArchitectedKind::Question && q.pillar == row.pillar),
                page,
            )?;
        } else {
            without_score("Not assessed", "No check of this scan looks at it.", page)?;
        }
        put!(page; "</li>\n");
    }
    put!(page; "</ul>\n");
    Ok(())
}

fn questions<'a>(
    rows: impl Iterator<Item = &'a WellArchitectedScore>,
    page: &mut Page<'_>,
) -> io::Result<()> {
    let (mut judged, rest): (Vec<_>, Vec<_>) =
        rows.partition(|row| row.pass + row.fail + row.unknown > 0);
    // The lowest first; one whose verdicts are all unknown is not known to be any better.
    judged.sort_by(|a, b| a.score.unwrap_or(-1.0).total_cmp(&b.score.unwrap_or(-1.0)));
    put!(page; "<details><summary>" (counted(judged.len() as u64, "question", "questions")) " assessed, "
        (number(rest.len() as u64)) " not</summary><ul class=\"questions\">");
    for row in judged {
        put!(page; "<li><a href=\"#findings?framework=" (Encoded(&format!("wa:{}", row.id))) "\"><span class=\"id\">"
            (row.id) "</span> <bdi>" (row.title) "</bdi></a> <b class=\"" (tone(row.score)) "\">" (percent(row.score))
            "</b> <span class=\"dim\">coverage " (percent(row.coverage)) "</span></li>");
    }
    put!(page; "</ul></details>");
    Ok(())
}

fn owasp_serverless(head: &Head, page: &mut Page<'_>) -> io::Result<()> {
    let rows = &head.scores.owasp_serverless;
    if rows.is_empty() {
        return Ok(());
    }
    put!(page; "<h2>OWASP Serverless Top 10</h2>\n<ul class=\"cards small\">\n"
    );
    for row in rows {
        put!(page; "<li class=\"panel card\"><h3><span class=\"id\">" (row.id) "</span> <bdi>" (row.title) "</bdi></h3>\n");
        category(row, page)?;
        put!(page; "</li>\n");
    }
    put!(page; "</ul>\n");
    Ok(())
}

fn category(row: &OwaspScore, page: &mut Page<'_>) -> io::Result<()> {
    let counts = Counts {
        score: row.score,
        coverage: row.coverage,
        pass: row.pass,
        fail: row.fail,
        unknown: row.unknown,
    };
    match row.assessable {
        Assessable::No => without_score(
            "Not assessable",
            "It lives in code; configuration cannot show it.",
            page,
        ),
        Assessable::Partly | Assessable::Yes if !counts.judged() => {
            without_score("Not assessed", "No check of this scan looks at it.", page)
        }
        Assessable::Partly if row.score.is_none() => {
            without_score(
                "None seen",
                "Configuration shows weaknesses of this kind, never their absence.",
                page,
            )?;
            put!(page; "<p class=\"dim\">coverage " (percent(row.coverage)) "</p>");
            Ok(())
        }
        Assessable::Partly => {
            counts.write(&format!("owasp:{}", row.id), page)?;
            put!(page; "<p class=\"dim\">Seen in part: there may be more in code.</p>"
            );
            Ok(())
        }
        Assessable::Yes => counts.write(&format!("owasp:{}", row.id), page),
    }
}

/// What a card shows.
struct Counts {
    score: Option<f64>,
    coverage: Option<f64>,
    pass: u64,
    fail: u64,
    unknown: u64,
}

impl Counts {
    fn judged(&self) -> bool {
        self.pass + self.fail + self.unknown > 0
    }

    /// `framework` is what the findings of this card are filtered by.
    fn write(&self, framework: &str, page: &mut Page<'_>) -> io::Result<()> {
        let query = Encoded(framework);
        put!(page; "<p class=\"figure\"><b class=\"" (tone(self.score)) "\">");
        match self.score {
            Some(_) => put!(page; (percent(self.score))),
            None => put!(page; "No verdict"),
        }
        put!(page; "</b> <span class=\"dim\">coverage " (percent(self.coverage)) "</span></p>");
        bar(self.score, page)?;
        put!(page; "<p class=\"dim\"><a href=\"#findings?framework=" (query) "&amp;status=fail\">" (number(self.fail))
            " fail</a> · ");
        if self.unknown > 0 {
            put!(page; "<a href=\"#findings?framework=" (query) "&amp;status=unknown\">" (number(self.unknown)) " unknown</a> · ");
        }
        put!(page; (number(self.pass)) " pass</p>");
        Ok(())
    }
}

fn without_score(what: &'static str, why: &'static str, page: &mut Page<'_>) -> io::Result<()> {
    put!(page; "<p class=\"figure none\"><b>" (what) "</b></p><p class=\"dim\">" (why) "</p>");
    Ok(())
}

fn accounts(head: &Head, page: &mut Page<'_>) -> io::Result<()> {
    let mut rows: Vec<_> = head.scores.accounts.iter().collect();
    if rows.len() < 2 {
        return Ok(());
    }
    // Those that could not be judged at all come first: they need someone most.
    rows.sort_by(|a, b| {
        let key = |score: Option<f64>| score.unwrap_or(-1.0);
        key(a.score).total_cmp(&key(b.score)).then(a.id.cmp(&b.id))
    });
    put!(page; "<h2>Accounts</h2>\n");
    let (shown, rest) = rows.split_at(rows.len().min(ACCOUNTS));
    account_table(shown, page)?;
    if !rest.is_empty() {
        put!(page; "<details class=\"rest\"><summary>" (counted(rest.len() as u64, "more account", "more accounts"))
            "</summary>\n");
        account_table(rest, page)?;
        put!(page; "</details>\n");
    }
    Ok(())
}

fn account_table(rows: &[&crate::v1::AccountScore], page: &mut Page<'_>) -> io::Result<()> {
    put!(page; "<div class=\"panel scroll\"><table class=\"accounts\"><thead><tr><th scope=\"col\">Account</th>"
        "<th scope=\"col\" class=\"wide\"><span class=\"sr\">Bar</span></th><th scope=\"col\" class=\"r\">Score</th>"
        "<th scope=\"col\" class=\"r\">Coverage</th><th scope=\"col\" class=\"r\">Fail</th>"
        "<th scope=\"col\" class=\"r\">Unknown</th><th scope=\"col\" class=\"r\">Pass</th></tr></thead><tbody>\n");
    for row in rows {
        put!(page; "<tr><th scope=\"row\"><a href=\"#findings?account=" (row.id) "\">");
        match row.name.as_deref().filter(|name| !name.trim().is_empty()) {
            Some(name) => {
                put!(page; "<bdi>" (name) "</bdi></a> <span class=\"dim\">" (row.id) "</span>")
            }
            None => put!(page; (row.id) "</a>"),
        }
        put!(page; "</th><td class=\"wide\">");
        bar(row.score, page)?;
        put!(page; "</td><td class=\"r\"><b class=\"" (tone(row.score)) "\">");
        match row.score {
            Some(_) => put!(page; (percent(row.score))),
            None => put!(page; "not assessed"),
        }
        put!(page; "</b></td><td class=\"r\">" (percent(row.coverage)) "</td><td class=\"r\">" (number(row.fail))
            "</td><td class=\"r\">" (number(row.unknown)) "</td><td class=\"r\">" (number(row.pass)) "</td></tr>\n");
    }
    put!(page; "</tbody></table></div>\n");
    Ok(())
}
