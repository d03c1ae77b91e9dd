//! Telling someone what is new: one request, with a bounded body.

use std::fmt;
use std::time::Duration;

use posture_http::{agent, is_local};
use posture_report::clean;
use posture_report::v1::{Finding, Head};
use serde_json::{Value, json};
use ureq::http::{Request, Uri, header};

use crate::{LIMIT, News};

/// The longest time for one answer.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How often it is tried.
const ATTEMPTS: u32 = 4;
/// The longest that is waited for a server which asks for patience.
const PATIENCE: Duration = Duration::from_secs(120);
/// Characters of a text that AWS or a person wrote.
const MAX_TEXT: usize = 300;

/// What is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An object, for programs.
    Json,
    /// A message, for Slack and what understands its incoming webhooks.
    Slack,
}

/// Where it is posted. The path of such an address is often a password: only its host is ever shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    uri: Uri,
    local: bool,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        let host = self.uri.host().unwrap_or_default();
        match self.uri.port_u16() {
            Some(port) => write!(f, "{scheme}://{host}:{port}/..."),
            None => write!(f, "{scheme}://{host}/..."),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// Why an address is not one to post to. It does not say the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It cannot be parsed.
    #[error("the webhook's address is no URL; it must begin with https://")]
    NoUrl,
    /// It is in the clear.
    #[error("the webhook's address must begin with https://; http:// is for this machine alone")]
    InTheClear,
    /// It holds a user or a password.
    #[error(
        "the webhook's address holds a user or a password before its host, which is not supported"
    )]
    User,
}

impl std::str::FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let uri: Uri = text.trim().parse().map_err(|_| AddressError::NoUrl)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(AddressError::NoUrl);
        };
        if authority.as_str().contains('@') {
            return Err(AddressError::User);
        }
        let local = is_local(authority.host());
        match scheme {
            "https" => {}
            "http" if local => {}
            "http" => return Err(AddressError::InTheClear),
            _ => return Err(AddressError::NoUrl),
        }
        Ok(Self { uri, local })
    }
}

/// Why nobody was told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the webhook at {address} {problem}")]
pub struct PostError {
    address: String,
    problem: String,
}

/// Posts what is new, and tries again where that may help. `wait` is how it waits.
pub fn post(
    address: &Address,
    form: Form,
    head: &Head,
    news: &News,
    report: &str,
    wait: &mut dyn FnMut(Duration),
) -> Result<(), PostError> {
    let body = match form {
        Form::Json => as_json(head, news, report),
        Form::Slack => as_slack(head, news, report),
    };
    let failed = |problem: String| PostError {
        address: address.to_string(),
        problem,
    };
    let agent = agent(address.local, TIMEOUT).map_err(&failed)?;
    let mut attempt = 1;
    loop {
        let request = Request::post(address.uri.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.to_string())
            .map_err(|_| failed("has an address that cannot be sent to".to_owned()))?;
        let (problem, patience) = match agent.run(request) {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) if answer.status().is_redirection() => {
                // Whoever is pointed to was not named by the one who may see the findings.
                return Err(failed(
                    "points to another address; give that one".to_owned(),
                ));
            }
            Ok(answer) => {
                let status = answer.status().as_u16();
                let problem = format!("answered with status {status}");
                if status != 429 && status < 500 {
                    return Err(failed(problem));
                }
                let asked = answer.headers().get(header::RETRY_AFTER);
                let asked = asked.and_then(|value| value.to_str().ok()?.trim().parse().ok());
                (problem, asked.map(Duration::from_secs))
            }
            Err(error) => (format!("cannot be reached: {}", reason(&error)), None),
        };
        let patience = patience.unwrap_or(Duration::from_secs(1 << attempt));
        if attempt >= ATTEMPTS || patience > PATIENCE {
            return Err(failed(problem));
        }
        wait(patience);
        attempt += 1;
    }
}

/// Why there was no answer, in words that cannot hold the address.
fn reason(error: &ureq::Error) -> String {
    use ureq::Error;
    match error {
        Error::HostNotFound => "there is no such host".to_owned(),
        Error::ConnectionFailed => "no connection".to_owned(),
        Error::Timeout(_) => "no answer in time".to_owned(),
        Error::Tls(problem) => (*problem).to_owned(),
        Error::Io(error) => error.kind().to_string(),
        Error::Other(error) if error.is::<posture_http::Handshake>() => clean(&error.to_string()),
        Error::ConnectProxyFailed(_) | Error::InvalidProxyUrl => "the proxy refuses".to_owned(),
        _ => "the answer was not understood".to_owned(),
    }
}

fn as_json(head: &Head, news: &News, report: &str) -> Value {
    let shown = news.worst.iter().map(|finding| {
        json!({
            "id": finding.id,
            "check": finding.check,
            "title": short(&finding.title),
            "severity": finding.severity,
            "account": finding.account,
            "account_name": head.account_name(&finding.account).map(short),
            "region": finding.region,
            "resource": {
                "type": short(&finding.resource.r#type),
                "arn": cut(&finding.resource.arn, 2 * MAX_TEXT),
                "name": short(&finding.resource.name),
            },
            "message": short(&finding.message),
        })
    });
    json!({
        "schema_version": "1.0",
        "event": "new_findings",
        "scan": {
            "id": head.scan.id,
            "started_at": head.scan.started_at,
            "complete": head.summary.complete,
        },
        "report": report,
        "new": {
            "total": news.total(),
            "by_severity": news.by_severity,
        },
        "findings": shown.collect::<Vec<_>>(),
    })
}

/// Slack takes up to 50 blocks, and 3,000 characters in the text of one.
fn as_slack(head: &Head, news: &News, report: &str) -> Value {
    let total = news.total();
    let headline = match total {
        1 => format!("1 new finding: {}", news.counts()),
        _ => format!("{total} new findings: {}", news.counts()),
    };
    let mut blocks = vec![json!({"type": "header", "text": plain(&headline)})];
    for finding in &news.worst {
        blocks.push(json!({"type": "section", "text": plain(&line(head, finding))}));
    }
    let more = total.saturating_sub(LIMIT as u64);
    let mut closing = format!("{}, {}", head.scan.started_at, escaped(report));
    if more > 0 {
        closing = format!("and {more} more; {closing}");
    }
    if !head.summary.complete {
        closing.push_str("; not everything could be read");
    }
    blocks.push(json!({"type": "context", "elements": [plain(&closing)]}));
    // What notifications show; Slack reads its own markup in it, and here it has nothing but counts.
    json!({"text": format!("posture: {headline}"), "blocks": blocks})
}

/// Text in which Slack reads neither markup nor emoji.
fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "emoji": false, "text": cut(text, 2_900)})
}

fn line(head: &Head, finding: &Finding) -> String {
    let account = match head.account_name(&finding.account) {
        Some(name) => format!("{} {}", finding.account, escaped(&short(name))),
        None => finding.account.to_string(),
    };
    format!(
        "{}  {}\n{}, {account}, {}\n{}",
        finding.severity.as_str().to_uppercase(),
        escaped(&short(&finding.title)),
        escaped(&short(&finding.resource.name)),
        finding.region,
        escaped(&short(&finding.message)),
    )
}

/// Text in which Slack finds nobody to call and nothing to link, wherever it looks for that.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        // A word joiner shows as nothing, and `@channel` is no word for everybody any more.
        .replace('@', "@\u{2060}")
}

fn short(text: &str) -> String {
    cut(&clean(text), MAX_TEXT)
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
