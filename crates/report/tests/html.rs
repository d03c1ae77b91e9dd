//! The HTML page: its static part, its data, its size, and what it does with hostile text. How it behaves in a
//! browser is tested end to end.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests may fail as the tests may"
)]

mod common;
#[path = "common/synthetic.rs"]
mod synthetic;

use base64::Engine as _;
use posture_catalog::Status;
use posture_report::v1::{Finding, Report};
use posture_report::{Earlier, Format, RenderOptions, Source};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use synthetic::Synthetic;

/// What a page of 100,000 findings may weigh.
const BUDGET: f64 = 25e6;

/// Texts that would do harm in a page that took them for more than text.
const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "<svg/onload=alert(1)>",
    "&lt;b&gt;&amp;#x3c;",
    "javascript:alert(1)",
    "]]><x>",
    "{{constructor.constructor('alert(1)')()}}",
    "\u{1b}[31mred",
    "safe\u{202e}gpj.exe",
    "\u{2066}isolated\u{2069}",
    "ze\u{200b}ro\u{feff}\u{e0041}",
    "two\nlines\r\u{2028}three",
    "\u{0}\u{1}0\u{2}\u{3}",
    "\u{1}2\u{1}9",
    "שרת-הייצור",
    "",
    "   ",
];

fn page_of(source: &dyn Source, options: &RenderOptions) -> String {
    let mut out = Vec::new();
    Format::Html.render(source, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn page(source: &dyn Source) -> String {
    page_of(source, &RenderOptions::default())
}

/// What stands between the start and the end of each such element.
fn contents<'a>(page: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    page.split(start)
        .skip(1)
        .map(|rest| {
            let body = rest.split_once('>').unwrap().1;
            body.split(end).next().unwrap()
        })
        .collect()
}

/// The page without styles, scripts and data.
fn markup(page: &str) -> String {
    let mut out = String::new();
    let mut rest = page;
    while let Some((before, from)) = rest.split_once("<s") {
        let end = ["cript", "tyle"]
            .iter()
            .find(|name| from.starts_with(**name));
        out.push_str(before);
        let Some(name) = end else {
            out.push_str("<s");
            rest = from;
            continue;
        };
        rest = from.split_once(&format!("</s{name}>")).unwrap().1;
    }
    out + rest
}

fn blocks(page: &str, kind: &str) -> Vec<Value> {
    let start = format!("<script type=\"application/octet-stream\" data-block=\"{kind}\"");
    contents(page, &start, "</script>")
        .into_iter()
        .map(|text| {
            let packed = base64::engine::general_purpose::STANDARD
                .decode(text)
                .unwrap();
            let json = miniz_oxide::inflate::decompress_to_vec(&packed).unwrap();
            serde_json::from_slice(&json).unwrap()
        })
        .collect()
}

/// A finding as `report.js` puts it together again.
#[derive(Debug, PartialEq)]
struct Unfolded {
    id: String,
    check: String,
    account: String,
    region: String,
    kind: String,
    name: String,
    resource: String,
    arn: String,
    cli: Option<String>,
    terraform: Option<String>,
    evidence: Vec<(String, String, String)>,
    references: Vec<String>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn at(list: &Value, index: &Value) -> Value {
    list[usize::try_from(index.as_u64().unwrap()).unwrap()].clone()
}

fn unfolded(page: &str) -> Vec<Unfolded> {
    let meta = blocks(page, "meta").remove(0);
    let facts = blocks(page, "facts");
    let per_block = usize::try_from(meta["block"].as_u64().unwrap()).unwrap();
    let mut all = Vec::new();
    for rows in blocks(page, "rows") {
        for index in 0..rows["check"].as_array().unwrap().len() {
            let column = |name: &str| text(&at(&rows["texts"], &rows[name][index]));
            let listed = |list: &str, name: &str| at(&meta[list], &rows[name][index]);
            let account = text(&listed("accounts", "account")["id"]);
            let region = text(&listed("regions", "region"));
            let name = column("name");
            let slots = |text: String, id: &str, arn: &str| {
                let values = [name.as_str(), id, arn, region.as_str(), account.as_str()];
                let mut out = String::new();
                let mut parts = text.split('\u{1}');
                out.push_str(parts.next().unwrap());
                for part in parts {
                    let (slot, rest) = part.split_at(1);
                    out.push_str(values[slot.parse::<usize>().unwrap()]);
                    out.push_str(rest);
                }
                out
            };
            let resource = slots(column("id"), "", "");
            let arn = slots(column("arn"), &resource, "");
            let full = |text: String| slots(text, &resource, &arn);
            let number = all.len();
            let block = &facts[number / per_block];
            let fact = &block["findings"][number % per_block];
            let shared: Value =
                serde_json::from_str(&text(&at(&block["shared"], &fact["shared"]))).unwrap();
            let words: Vec<String> = fact["evidence"]
                .as_array()
                .unwrap()
                .iter()
                .map(|number| full(text(&at(&block["texts"], number))))
                .collect();
            all.push(Unfolded {
                id: text(&rows["ids"])[index * 32..index * 32 + 32].to_owned(),
                check: text(&listed("checks", "check")[0]),
                kind: text(&listed("types", "kind")),
                cli: shared["cli"].as_str().map(|text| full(text.to_owned())),
                terraform: shared["terraform"]
                    .as_str()
                    .map(|text| full(text.to_owned())),
                references: shared["references"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|url| full(text(url)))
                    .collect(),
                evidence: words
                    .chunks(3)
                    .map(|fact| (fact[0].clone(), fact[1].clone(), fact[2].clone()))
                    .collect(),
                account: account.clone(),
                region: region.clone(),
                name: name.clone(),
                resource,
                arn,
            });
        }
    }
    all
}

/// What the page must hold of a finding whose texts are all plain.
fn expected(finding: &Finding) -> Unfolded {
    let resource = &finding.resource;
    let facts = finding.evidence.iter();
    Unfolded {
        id: finding.id.to_string(),
        check: finding.check.to_string(),
        account: finding.account.to_string(),
        region: finding.region.to_string(),
        kind: resource.r#type.clone(),
        name: resource.name.clone(),
        resource: resource.id.clone(),
        arn: resource.arn.clone(),
        cli: finding.fix.cli.clone(),
        terraform: finding.fix.terraform.clone(),
        evidence: facts
            .map(|fact| {
                (
                    fact.field.clone(),
                    fact.value.clone(),
                    fact.source.join("\u{2}"),
                )
            })
            .collect(),
        references: finding.references.clone(),
    }
}

/// A report in which every text that AWS, or a stored file, controls is `text`.
fn hostile(text: &str) -> Report {
    let mut report = common::report();
    let head = &mut report.head;
    head.scan.id = text.to_owned();
    head.scan.tool.name = text.to_owned();
    head.scan.tool.catalog_digest = text.to_owned();
    for account in &mut head.scan.accounts {
        account.name = Some(text.to_owned());
        account.ou_path = Some(text.to_owned());
    }
    for account in &mut head.scores.accounts {
        account.name = Some(text.to_owned());
    }
    for row in &mut head.scores.well_architected {
        row.title = text.to_owned();
    }
    for row in &mut head.scores.owasp_serverless {
        row.id = text.to_owned();
        row.title = text.to_owned();
    }
    for row in &mut head.coverage {
        row.iam_action = text.to_owned();
        row.operation = text.to_owned();
        row.service = text.to_owned();
        row.error = Some(text.to_owned());
    }
    for question in &mut head.manual {
        question.title = text.to_owned();
        question.question = text.to_owned();
    }
    for finding in &mut report.findings {
        finding.title = text.to_owned();
        finding.message = text.to_owned();
        finding.risk = text.to_owned();
        finding.fix.cli = Some(text.to_owned());
        finding.fix.terraform = Some(text.to_owned());
        finding.fix.console = Some(text.to_owned());
        finding.references = vec![text.to_owned()];
        finding.practices = vec![text.to_owned()];
        finding.resource.name = text.to_owned();
        finding.resource.id = text.to_owned();
        finding.resource.arn = text.to_owned();
        finding.resource.r#type = text.to_owned();
        finding.resource.tags = [(text.to_owned(), text.to_owned())].into();
        for fact in &mut finding.evidence {
            fact.value = text.to_owned();
            fact.source = vec![text.to_owned()];
        }
        for gap in &mut finding.gaps {
            gap.operation = Some(text.to_owned());
            gap.code = Some(text.to_owned());
        }
    }
    report
}

#[test]
fn the_static_part() {
    let mut report = common::report();
    // The page is dated by the scan, so nothing of it changes from day to day.
    report.head.summary.complete = false;
    let options = RenderOptions {
        earlier: vec![Earlier {
            started_at: posture_model::Timestamp::parse("2026-01-24T12:00:00Z").unwrap(),
            score: Some(80.0),
            coverage: Some(95.0),
            ..Earlier::from(&report.head)
        }],
        ..RenderOptions::default()
    };
    let page = markup(&page_of(&report, &options));
    // The policy holds hashes of style and script, which change with them.
    let (before, policy) = page.split_once("content=\"default-src").unwrap();
    let (_, after) = policy.split_once("\">").unwrap();
    insta::assert_snapshot!(format!("{before}content=\"...\">{after}"));
}

#[test]
fn nothing_is_loaded_and_the_policy_knows_what_is_inline() {
    let page = page(&common::report());
    let (_, policy) = page.split_once("Security-Policy\" content=\"").unwrap();
    let (policy, _) = policy.split_once('"').unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let scripts = page
        .split("<script>")
        .skip(1)
        .map(|rest| rest.split("</script>").next().unwrap());
    let inline: Vec<&str> = contents(&page, "<style", "</style>")
        .into_iter()
        .chain(scripts)
        .collect();
    assert_eq!(inline.len(), 4);
    for text in inline {
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text));
        assert!(
            policy.contains(&format!("'sha256-{hash}'")),
            "no hash of {text:.60}"
        );
    }
    let markup = markup(&page);
    for loads in [
        " src=",
        "url(",
        "<link rel=\"stylesheet",
        "<iframe",
        "<img",
        "@import",
        " style=",
        " onclick=",
    ] {
        assert!(!markup.contains(loads), "{loads}");
    }
    assert_eq!(
        markup.matches("<link").count(),
        1,
        "the icon, which is inline"
    );
}

#[test]
fn what_cannot_be_assessed_is_never_full_marks() {
    let page = markup(&page(&common::report()));
    let card = |title: &str| {
        page.split(&format!("<bdi>{title}</bdi></h3>"))
            .nth(1)
            .unwrap()
            .split("</li>")
            .next()
            .unwrap()
            .to_owned()
    };
    for title in ["XML External Entities (XXE)", "Insecure Deserialization"] {
        let card = card(title);
        assert!(
            card.contains("Not assessable") && !card.contains('%'),
            "{card}"
        );
    }
    let cost = card("Cost Optimization");
    assert!(
        cost.contains("Not assessed") && !cost.contains('%'),
        "{cost}"
    );
    for judged in ["Security", "Broken Authentication"] {
        let card = card(judged);
        assert!(card.contains("coverage "), "{card}");
    }
}

#[test]
fn there_is_a_trend_only_over_several_reports() {
    let report = common::report();
    assert!(!page(&report).contains("<h2>Trend</h2>"));
    let itself = RenderOptions {
        earlier: vec![Earlier::from(&report.head)],
        ..RenderOptions::default()
    };
    assert!(!page_of(&report, &itself).contains("<h2>Trend</h2>"));
}

#[test]
fn the_data_unfold_to_the_findings() {
    // More than one block of the list, and a last block of details that is not full.
    let source = Synthetic::new(4_500);
    let page = page(&source);
    assert_eq!(blocks(&page, "rows").len(), 2);
    let unfolded = unfolded(&page);
    let mut number = 0;
    source
        .each(&mut |finding| {
            assert_eq!(unfolded[number], expected(finding));
            number += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(unfolded.len(), number);
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "a size in bytes")]
fn a_hundred_thousand_findings_fit() {
    // What is there once is weighed apart from what grows with the findings. Larger reports compress no
    // worse: blocks have the same size in all of them.
    let (few, many) = (1_000, 4_000);
    let [small, large] = [few, many].map(|findings| page(&Synthetic::new(findings)).len() as f64);
    let each = (large - small) / (many - few) as f64;
    let whole = small + each * (100_000 - few) as f64;
    assert!(each > 32.0, "{each} bytes a finding: its id alone has more");
    assert!(
        whole < BUDGET,
        "{:.1} MB of {:.1} MB, {each:.0} bytes a finding",
        whole / 1e6,
        BUDGET / 1e6
    );
}

#[test]
fn hostile_text_stays_text() {
    for text in HOSTILE {
        let page = page(&hostile(text));
        let markup = markup(&page);
        assert_eq!(
            page.matches("<script").count(),
            page.matches("</script").count(),
            "{text:?}"
        );
        for tag in ["<img", "<svg/", "<x>", "<b>&", "<!--", "onerror=alert(1)>"] {
            assert!(!markup.contains(tag), "{tag} of {text:?}");
        }
        for c in markup.chars().filter(|c| *c != '\n') {
            assert!(!c.is_control(), "{c:?} of {text:?}");
            assert!(
                !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                    | '\u{feff}' | '\u{e0000}'..='\u{e0fff}'),
                "{c:?} of {text:?}"
            );
        }
        // Attributes are quoted and hold no quote, so each tag has an even number of them.
        for tag in markup.split('<').skip(1) {
            let tag = tag.split('>').next().unwrap();
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag:?} of {text:?}");
        }
    }
}

#[test]
fn hostile_data_unfold_to_what_can_be_seen() {
    for (text, shown) in [
        ("safe\u{202e}gpj.exe", "safe⟨U+202E⟩gpj.exe"),
        ("\u{0}\u{1}0\u{2}\u{3}", "⟨U+0000⟩⟨U+0001⟩0⟨U+0002⟩⟨U+0003⟩"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("\u{1}2\u{1}9", "⟨U+0001⟩2⟨U+0001⟩9"),
    ] {
        for finding in unfolded(&page(&hostile(text))) {
            assert_eq!(
                (finding.name.as_str(), finding.arn.as_str()),
                (shown, shown)
            );
            assert_eq!(finding.cli.as_deref(), Some(shown));
            assert_eq!(finding.references, [shown]);
        }
    }
}

#[test]
fn a_report_without_findings_says_why() {
    let mut evaluation = common::evaluation();
    evaluation.findings.clear();
    let listed_elsewhere = page(&common::report_of(&evaluation));
    assert!(listed_elsewhere.contains("not listed here: this report was asked for other verdicts"));
    evaluation.tallies = posture_engine::Tallies::default();
    evaluation.by_status = [(Status::Pass, 3)].into();
    evaluation.complete = true;
    evaluation.coverage.clear();
    evaluation
        .accounts
        .iter_mut()
        .for_each(|account| account.gaps.clear());
    let sound = page(&common::report_of(&evaluation));
    assert!(sound.contains("Nothing failed, and everything was read."));
    assert!(sound.contains("Everything that was asked for could be read."));
    evaluation.by_status.clear();
    assert!(
        page(&common::report_of(&evaluation)).contains("Nothing was judged. Check the accounts")
    );
    assert!(unfolded(&sound).is_empty());
}

#[test]
fn the_same_report_gives_the_same_page() {
    assert!(page(&common::report()) == page(&common::report()));
}
