//! Markdown, as a parser of GitHub's reads it.

use posture_report::{Format, clean};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::{Many, empty, full, hostile_reports, rendered};

/// Longest comment on GitHub.
const COMMENT: usize = 65_536;

/// What a reader would see outside code, and the HTML between.
struct Seen {
    prose: String,
    html: Vec<String>,
    links: Vec<String>,
    headings: usize,
    tables: usize,
    lists: usize,
}

fn seen(text: &str) -> Seen {
    let mut seen = Seen {
        prose: String::new(),
        html: Vec::new(),
        links: Vec::new(),
        headings: 0,
        tables: 0,
        lists: 0,
    };
    let mut in_code = false;
    for event in Parser::new_ext(text, Options::all()) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Text(text) if !in_code => {
                seen.prose.push_str(&text);
                seen.prose.push('\n');
            }
            Event::Html(html) | Event::InlineHtml(html) => seen.html.push(html.to_string()),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                seen.links.push(dest_url.to_string());
            }
            Event::Start(Tag::Heading { .. }) => seen.headings += 1,
            Event::Start(Tag::Table(_)) => seen.tables += 1,
            Event::Start(Tag::Item) => seen.lists += 1,
            Event::InlineMath(_) | Event::DisplayMath(_) | Event::FootnoteReference(_) => {
                panic!("{event:?} in {text}")
            }
            _ => {}
        }
    }
    seen
}

/// Nothing of a hostile text means anything: no link of its own, no HTML, no mention, no reference.
pub(crate) fn assert_inert(markdown: &str, text: &str) {
    let seen = seen(markdown);
    for link in &seen.links {
        assert!(
            link.starts_with("https://docs.aws.amazon.com/") || text.contains(link.as_str()),
            "{link}"
        );
        assert!(!link.starts_with("javascript"), "{link} of {text:?}");
    }
    for html in &seen.html {
        let known = [
            "<details>",
            "</details>",
            "<sub>",
            "</sub>",
            "<code>",
            "</code>",
        ];
        assert!(
            known.iter().any(|tag| html.trim_start().starts_with(tag)),
            "{html} of {text:?}"
        );
        assert!(
            !html.contains("<script") && !html.contains("<img"),
            "{html} of {text:?}"
        );
    }
    for mark in [
        "@octocat",
        "#1",
        "GH-2",
        "evil.example",
        "0123456789abcdef",
        ":tada:",
        "alert(1)",
    ] {
        assert!(
            !seen.prose.contains(mark),
            "{mark} in prose of {text:?}: {}",
            seen.prose
        );
    }
}

#[test]
fn a_report_has_its_parts_in_their_order() {
    let text = rendered(Format::Markdown, &full());
    let seen = seen(&text);
    assert_eq!((seen.headings, seen.tables), (4, 1));
    let places: Vec<usize> = [
        "## posture",
        "| critical",
        "Incomplete",
        "### Do this first",
        "### Could not be read",
        "### Findings",
        "<details>",
    ]
    .iter()
    .map(|part| text.find(part).unwrap_or_else(|| panic!("no {part}")))
    .collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(seen.links.is_empty());
    // Every finding is listed where there are few.
    for finding in &full().findings {
        assert!(text.contains(finding.id.as_str().get(..8).unwrap()));
    }
}

#[test]
fn a_sound_account_says_so_and_an_unread_one_does_not() {
    let mut report = empty();
    report.head.summary.by_status.fail = 0;
    let unread = rendered(Format::Markdown, &report);
    assert!(unread.contains("the rest is open"), "{unread}");
    assert!(!unread.contains("everything was read."));
    report.head.summary.by_status.unknown = 0;
    report.head.summary.complete = true;
    report.head.coverage.clear();
    assert!(
        rendered(Format::Markdown, &report).contains("Nothing failed, and everything was read.")
    );
}

#[test]
fn many_findings_fit_into_a_comment_and_the_rest_is_counted() {
    for count in [400, 4_000, 40_000] {
        let text = rendered(Format::Markdown, &Many::new(count));
        assert!(text.len() <= COMMENT, "{} bytes", text.len());
        let first = text.find("<details>").unwrap();
        assert!(text.get(first..).unwrap().contains(" more"));
    }
    // Of as many checks as do not fit, the last are left out, and how many is said.
    let mut report = full();
    let template = report.findings[0].clone();
    report.findings = (0..2_000)
        .map(|serial| {
            let mut finding = template.clone();
            finding.check = posture_model::CheckId::new(format!("check-{serial}")).unwrap();
            finding
        })
        .collect();
    let text = rendered(Format::Markdown, &report);
    assert!(text.len() <= COMMENT, "{} bytes", text.len());
    let shown = text.matches("<details>").count();
    assert!(shown > 100);
    let left = 2_000 - shown;
    let commas = |n: usize| {
        if n < 1_000 {
            n.to_string()
        } else {
            format!("{},{:03}", n / 1000, n % 1000)
        }
    };
    let said = format!(
        "{} more findings of {} checks left out",
        commas(left),
        commas(left)
    );
    assert!(text.contains(&said), "{said}");
}

#[test]
fn hostile_text_means_nothing() {
    let plain = seen(&rendered(Format::Markdown, &crate::hostile("plain")));
    for (text, report) in hostile_reports() {
        let markdown = rendered(Format::Markdown, &report);
        assert!(markdown.len() <= COMMENT);
        assert_inert(&markdown, text);
        let seen = seen(&markdown);
        assert_eq!(seen.headings, plain.headings, "{text:?}");
        assert_eq!(seen.tables, 1, "{text:?}");
        assert!(seen.links.is_empty(), "{:?} of {text:?}", seen.links);
        let name = clean(text);
        if name.len() > 3 && name.trim() == name && name.len() < 60 {
            let inline = Parser::new_ext(&markdown, Options::all());
            let mut codes = inline.filter_map(|event| match event {
                Event::Code(code) => Some(code.to_string()),
                _ => None,
            });
            assert!(
                codes.any(|code| code == name),
                "{name:?} is not shown as it is"
            );
        }
    }
}
