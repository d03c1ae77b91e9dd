//! Webhooks: what is sent, to whom, how often, and what is said when it does not get there.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests may fail as the tests may"
)]
#![expect(dead_code, reason = "the fixtures are shared with other tests")]

mod common;

use std::time::Duration;

use common::{Server, finding, report};
use posture_report::v1::{Severity, Status};
use posture_schedule::{Address, Form, Known, News, PostError, post};
use serde_json::Value;

const HOSTILE: &str =
    "<!channel> @here @channel <https://evil.example|click>\u{1b}[31m & *bold*\n`x`\u{202e}";

fn send(
    url: &str,
    form: Form,
    count: u32,
    name: &str,
    waits: &mut Vec<u64>,
) -> Result<(), PostError> {
    let findings = (0..count).map(|n| finding(n, Status::Fail, Severity::High, name));
    let report = report(findings.collect());
    let news = News::of(&report, &Known::default(), Severity::High).unwrap();
    let address: Address = url.parse().unwrap();
    post(
        &address,
        form,
        &report.head,
        &news,
        "runs/x/report.json",
        &mut |time: Duration| waits.push(time.as_secs()),
    )
}

fn posted(form: Form, count: u32, name: &str) -> Value {
    let server = Server::answering(&["200 OK"]);
    let url = format!("http://127.0.0.1:{}/hook/SECRET?token=SECRET", server.port);
    send(&url, form, count, name, &mut Vec::new()).unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        requests[0].line.trim(),
        "POST /hook/SECRET?token=SECRET HTTP/1.1"
    );
    let has = |header: &str| {
        requests[0]
            .headers
            .iter()
            .any(|line| line.starts_with(header))
    };
    assert!(
        has("content-type: application/json") && has("user-agent: posture/"),
        "{requests:?}"
    );
    serde_json::from_str(&requests[0].body).unwrap()
}

#[test]
fn json_says_what_is_new_and_no_more_than_twenty_of_it() {
    let body = posted(Form::Json, 45, HOSTILE);
    assert_eq!(body["event"], "new_findings");
    assert_eq!(body["new"]["total"], 45);
    assert_eq!(body["new"]["by_severity"]["high"], 45);
    assert_eq!(body["findings"].as_array().unwrap().len(), 20);
    let first = &body["findings"][0];
    assert_eq!(first["severity"], "high");
    assert_eq!(first["account_name"], "prod <!here>");
    let name = first["resource"]["name"].as_str().unwrap();
    assert!(
        !name.contains('\u{1b}') && !name.contains('\n') && !name.contains('\u{202e}'),
        "{name}"
    );
    let long = posted(Form::Json, 20, &"x".repeat(100_000)).to_string();
    assert!(long.len() < 50_000, "{}", long.len());
}

#[test]
fn slack_reads_no_markup_in_names() {
    let body = posted(Form::Slack, 45, HOSTILE);
    assert_eq!(body["text"], "posture: 45 new findings: 45 high");
    let blocks = body["blocks"].as_array().unwrap();
    assert_eq!(blocks.len(), 22);
    let text = body.to_string();
    for part in [
        "<!", "<http", "@here", "@channel", "\u{1b}", "\\u001b", "\u{202e}", "mrkdwn",
    ] {
        assert!(!text.contains(part), "{part:?} is in {text}");
    }
    assert!(text.contains("&lt;!channel&gt;") && text.contains("&amp;"));
    for block in blocks {
        let shown = block["text"]
            .as_object()
            .or(block["elements"][0].as_object())
            .unwrap();
        assert_eq!(shown["type"], "plain_text");
        assert!(shown["text"].as_str().unwrap().chars().count() <= 3_000);
    }
    assert!(blocks[21].to_string().contains("and 25 more"));
    let long = posted(Form::Slack, 20, &"<".repeat(100_000));
    for block in long["blocks"].as_array().unwrap() {
        assert!(block.to_string().chars().count() < 3_200);
    }
}

#[test]
fn it_is_tried_again_where_that_may_help() {
    for (answers, requests, waits) in [
        (&["500 Oops", "200 OK"][..], 2, vec![2]),
        (
            &[
                "429 Slow\r\nRetry-After: 7",
                "503 Busy\r\nRetry-After: 3",
                "204 None",
            ],
            3,
            vec![7, 3],
        ),
        (
            &["502 Bad", "502 Bad", "502 Bad", "200 OK"],
            4,
            vec![2, 4, 8],
        ),
    ] {
        let server = Server::answering(answers);
        let mut waited = Vec::new();
        send(
            &format!("http://localhost:{}/x", server.port),
            Form::Json,
            1,
            "x",
            &mut waited,
        )
        .unwrap();
        assert_eq!(server.requests().len(), requests);
        assert_eq!(waited, waits);
    }
}

#[test]
fn what_fails_is_said_without_the_address() {
    // The port of a listener that is closed.
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };

    for (answers, requests, part) in [
        (&["404 No"][..], 1, "answered with status 404"),
        (&["403 No"], 1, "answered with status 403"),
        (&["500 Oops"], 4, "answered with status 500"),
        (
            &["429 Slow\r\nRetry-After: 100000"],
            1,
            "answered with status 429",
        ),
        (
            &["302 Found\r\nLocation: http://127.0.0.1:1/SECRET"],
            1,
            "points to another address",
        ),
        (
            &["307 Other\r\nLocation: /SECRET"],
            1,
            "points to another address",
        ),
    ] {
        let server = Server::answering(answers);
        let url = format!("http://127.0.0.1:{}/SECRET/x?y=SECRET", server.port);
        let error = send(&url, Form::Slack, 1, "x", &mut Vec::new()).unwrap_err();
        let said = error.to_string();
        assert!(
            said.starts_with(&format!(
                "the webhook at http://127.0.0.1:{}/... {part}",
                server.port
            )),
            "{said}"
        );
        assert!(!format!("{error:?}{said}").contains("SECRET"), "{error:?}");
        assert_eq!(server.requests().len(), requests, "{answers:?}");
    }
    let said = send(
        &format!("http://127.0.0.1:{closed}/SECRET"),
        Form::Json,
        1,
        "x",
        &mut Vec::new(),
    )
    .unwrap_err()
    .to_string();
    assert!(
        said.contains("cannot be reached: ") && !said.contains("SECRET"),
        "{said}"
    );
}

#[test]
fn only_a_safe_address_is_taken() {
    for good in [
        "https://hooks.slack.com/services/SECRET",
        "http://127.0.0.1:1/SECRET",
        "http://[::1]:1/",
        "http://localhost/x",
        " https://a.example/SECRET\n",
    ] {
        let address: Address = good.parse().unwrap();
        assert!(
            !format!("{address} {address:?}").contains("SECRET"),
            "{address}"
        );
    }
    for bad in [
        "http://alerts.example.com/SECRET",
        "http://127.0.0.1.evil.example/SECRET",
        "https://me:SECRET@a.example/",
        "ftp://a.example/SECRET",
        "SECRET",
        "",
        "https://",
    ] {
        let error = bad.parse::<Address>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("SECRET"), "{error}");
    }
}
