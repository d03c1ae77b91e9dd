//! Tickets as GitHub issues.
//!
//! An issue carries the label `posture`, by which all of them are listed, and its text ends in a comment that HTML
//! does not show, which holds the key and the ledger's entry. What people write above or below posture's own
//! part of the text stays.

use std::time::Duration;

use posture_report::clean;
use serde_json::{Value, json};
use ureq::http::Method;

use super::http::{Answer, Client, HttpError, Secret, encoded};
use super::ledger::Ticket;
use super::memory::Memory;
use super::operation::{Operation, Resolution};
use super::sink::{Found, Sink, SinkError};
use super::{Document, GroupBy};

/// Where github.com's API is.
const API: &str = "https://api.github.com";
/// The label that all issues have.
const LABEL: &str = "posture";
/// GitHub takes 65,536 characters of text; each part has its share.
const TEXT: usize = 28_000;
const MEMORY: usize = 28_000;
const TITLE: usize = 250;
const BEGIN: &str = "<!-- posture:begin -->";
const END: &str = "<!-- posture:end ";
const CLOSED: &str = " -->";

/// Issues of one repository.
#[derive(Debug)]
pub struct GitHub {
    client: Client,
    repository: String,
    /// The repository as a path of the API.
    path: String,
    group_by: GroupBy,
    settles_in: Duration,
    /// Set when issues cannot be labelled, and so would not be found again.
    unlabelled: bool,
}

impl GitHub {
    /// A repository, `owner/name`, at github.com or at another address of the API.
    pub fn new(
        api: Option<&str>,
        repository: &str,
        token: &Secret,
        group_by: GroupBy,
        pace: Duration,
    ) -> Result<Self, SinkError> {
        let parts: Vec<&str> = repository.split('/').collect();
        let [owner, name] = parts.as_slice() else {
            return Err(Self::no_name(repository));
        };
        if owner.is_empty() || name.is_empty() {
            return Err(Self::no_name(repository));
        }
        let authorization = Secret::new(format!("Bearer {}", token.reveal()));
        let client = Client::new(api.unwrap_or(API), authorization)?
            .header("x-github-api-version", "2022-11-28")
            .pace(pace);
        Ok(Self {
            client,
            repository: repository.to_owned(),
            path: format!("/repos/{}/{}", encoded(owner), encoded(name)),
            group_by,
            settles_in: pace * 10,
            unlabelled: false,
        })
    }

    fn no_name(repository: &str) -> SinkError {
        SinkError::Stop {
            message: format!("{repository:?} is no repository"),
            help: "write it as owner/name".to_owned(),
        }
    }

    /// Waits by this instead of sleeping.
    #[must_use]
    pub fn sleep_by(mut self, sleep: impl FnMut(Duration) + Send + 'static) -> Self {
        self.client = self.client.sleep_by(sleep);
        self
    }

    /// The name by which a ledger knows the repository.
    pub fn name(api: Option<&str>, repository: &str) -> String {
        match api
            .map(|api| api.trim_end_matches('/'))
            .filter(|api| *api != API)
        {
            Some(api) => format!("github:{repository} at {api}"),
            None => format!("github:{repository}"),
        }
    }

    /// The answer, if it is a success.
    fn expect(
        &self,
        answer: Result<Answer, HttpError>,
        of_issue: bool,
    ) -> Result<Answer, SinkError> {
        let answer = answer?;
        if answer.is_success() {
            return Ok(answer);
        }
        let body = answer.json();
        let said = self
            .client
            .told(body["message"].as_str().unwrap_or_default());
        let repository = clean(&self.repository);
        let stop = |message: String, help: &str| SinkError::Stop {
            message,
            help: help.to_owned(),
        };
        Err(match answer.status {
            401 => stop(
                format!("{} does not accept the token: {said}", self.client.host()),
                "GITHUB_TOKEN must hold a token that is still valid",
            ),
            403 => stop(
                format!("the token may not do this in {repository}: {said}"),
                "it needs to read and write issues of the repository",
            ),
            404 | 410 if of_issue => SinkError::Missing,
            410 => stop(
                format!("{repository} has no issues: {said}"),
                "switch issues on in the repository's settings",
            ),
            404 => stop(
                format!("there is no repository {repository} that the token can see"),
                "check --repo, and that the token may read and write its issues",
            ),
            status => SinkError::Refused(format!("status {status}: {said}{}", self.errors(&body))),
        })
    }

    /// What is wrong with which field.
    fn errors(&self, body: &Value) -> String {
        let errors = body["errors"].as_array().into_iter().flatten();
        let words: Vec<String> = errors
            .map(|error| match error["message"].as_str() {
                Some(message) => message.to_owned(),
                None => format!(
                    "{} {}",
                    error["field"].as_str().unwrap_or_default(),
                    error["code"].as_str().unwrap_or_default()
                ),
            })
            .collect();
        if words.is_empty() {
            return String::new();
        }
        format!(" ({})", self.client.told(&words.join("; ")))
    }

    fn issue(&self, ticket: &Ticket) -> String {
        format!("{}/issues/{}", self.path, encoded(&ticket.id))
    }

    /// Brings an issue to what an operation says, and tells those who follow it.
    fn change(
        &mut self,
        ticket: &Ticket,
        operation: &Operation,
        again: bool,
        state: Option<Value>,
    ) -> Result<(), SinkError> {
        let path = self.issue(ticket);
        let answer = self.client.get(&path);
        let issue = self.expect(answer, true)?.json();
        let mut fields = json!({
            "body": self.body(operation, issue["body"].as_str().unwrap_or_default()),
            "labels": labels(&issue, operation),
        });
        if let Some(title) = &operation.title {
            fields["title"] = title_of(title).into();
        }
        if let (Some(Value::Object(state)), Some(fields)) = (state, fields.as_object_mut()) {
            fields.extend(state);
        }
        let answer = self.client.change(&Method::PATCH, &path, &fields);
        self.expect(answer, true)?;
        self.comment(ticket, operation, again)
    }

    fn comment(
        &mut self,
        ticket: &Ticket,
        operation: &Operation,
        again: bool,
    ) -> Result<(), SinkError> {
        let Some(comment) = &operation.comment else {
            return Ok(());
        };
        let mark = format!("<!-- posture:operation {} -->", operation.id);
        if again && self.commented(ticket, &mark)? {
            return Ok(());
        }
        let body = json!({"body": format!("{}\n{mark}", markdown(comment))});
        let path = format!("{}/comments", self.issue(ticket));
        let answer = self.client.make(&path, &body);
        self.expect(answer, true)?;
        Ok(())
    }

    fn commented(&mut self, ticket: &Ticket, mark: &str) -> Result<bool, SinkError> {
        let mut next = Some(format!("{}/comments?per_page=100", self.issue(ticket)));
        while let Some(path) = next {
            let answer = self.client.get(&path);
            let answer = self.expect(answer, true)?;
            let body = answer.json();
            let mut comments = body.as_array().into_iter().flatten();
            if comments.any(|one| one["body"].as_str().unwrap_or_default().contains(mark)) {
                return Ok(true);
            }
            next = next_page(&answer);
        }
        Ok(false)
    }

    /// The issue's text with posture's part of it as the operation wants it.
    fn body(&self, operation: &Operation, before: &str) -> String {
        let memory = Memory::of(self.group_by, &operation.after, MEMORY).text();
        let (above, own, below) = parts(before);
        let own = match &operation.body {
            Some(document) => markdown(document),
            None => own.to_owned(),
        };
        let part = format!("{BEGIN}\n{own}\n{END}{memory}{CLOSED}");
        let mut text = String::new();
        for piece in [above.trim_end(), &part, below.trim_start()] {
            if !piece.is_empty() {
                if !text.is_empty() {
                    text.push_str("\n\n");
                }
                text.push_str(piece);
            }
        }
        text
    }

    fn found(&self, issue: &Value) -> Option<Found> {
        if !issue["pull_request"].is_null() {
            return None;
        }
        let body = issue["body"].as_str().unwrap_or_default();
        let (_, rest) = body.rsplit_once(END)?;
        let (memory, _) = rest.split_once(CLOSED)?;
        let entry = Memory::read(memory, self.group_by)?;
        Some(Found {
            key: entry.key.clone(),
            ticket: ticket(issue)?,
            open: issue["state"].as_str() == Some("open"),
            entry: Some(entry),
        })
    }
}

impl Sink for GitHub {
    fn find(&mut self) -> Result<Vec<Found>, SinkError> {
        let mut found = Vec::new();
        let mut next = Some(format!(
            "{}/issues?labels={LABEL}&state=all&sort=created&direction=asc&per_page=100",
            self.path
        ));
        while let Some(path) = next {
            let answer = self.client.get(&path);
            let answer = self.expect(answer, false)?;
            let issues = answer.json();
            let issues = issues.as_array().ok_or_else(|| SinkError::Stop {
                message: format!("{} does not answer like GitHub", self.client.host()),
                help: "check --api-url; for GitHub Enterprise Server it ends in /api/v3".to_owned(),
            })?;
            found.extend(issues.iter().filter_map(|issue| self.found(issue)));
            next = next_page(&answer);
        }
        Ok(found)
    }

    fn open(&mut self, operation: &Operation) -> Result<Ticket, SinkError> {
        if self.unlabelled {
            return Err(SinkError::Stop {
                message: format!("issues in {} cannot be labelled", clean(&self.repository)),
                help: format!(
                    "without the label {LABEL:?} they are not found again; the token needs write access"
                ),
            });
        }
        let fields = json!({
            "title": title_of(operation.title.as_deref().unwrap_or_default()),
            "body": self.body(operation, ""),
            "labels": operation.labels,
        });
        let path = format!("{}/issues", self.path);
        let answer = self.client.make(&path, &fields);
        let issue = self.expect(answer, false)?.json();
        self.unlabelled = !names(&issue).iter().any(|name| name == LABEL);
        ticket(&issue).ok_or_else(|| SinkError::Unsure("the answer names no issue".to_owned()))
    }

    fn update(
        &mut self,
        ticket: &Ticket,
        operation: &Operation,
        again: bool,
    ) -> Result<(), SinkError> {
        self.change(ticket, operation, again, None)
    }

    fn reopen(
        &mut self,
        ticket: &Ticket,
        operation: &Operation,
        again: bool,
    ) -> Result<(), SinkError> {
        self.change(ticket, operation, again, Some(json!({"state": "open"})))
    }

    fn close(
        &mut self,
        ticket: &Ticket,
        operation: &Operation,
        again: bool,
    ) -> Result<(), SinkError> {
        let accepted = operation
            .resolved
            .iter()
            .any(|one| one.why == Resolution::Waived);
        let reason = if accepted { "not_planned" } else { "completed" };
        let state = json!({"state": "closed", "state_reason": reason});
        self.change(ticket, operation, again, Some(state))
    }

    fn settles_in(&self) -> Duration {
        self.settles_in
    }

    fn wait(&mut self, time: Duration) {
        self.client.wait(time);
    }
}

fn ticket(issue: &Value) -> Option<Ticket> {
    Some(Ticket {
        id: issue["number"].as_u64()?.to_string(),
        url: clean(issue["html_url"].as_str().unwrap_or_default()),
    })
}

/// What is before, in and after posture's part of a text.
fn parts(body: &str) -> (&str, &str, &str) {
    let split = body.split_once(BEGIN).and_then(|(above, rest)| {
        let (own, rest) = rest.rsplit_once(END)?;
        let (_, below) = rest.split_once(CLOSED)?;
        Some((above, own.trim(), below))
    });
    // Without its marks the text is someone's own, and stays below.
    split.unwrap_or(("", "", body))
}

/// The labels of an issue that are not posture's, and then those of the operation.
fn labels(issue: &Value, operation: &Operation) -> Vec<String> {
    let mut labels: Vec<String> = names(issue)
        .into_iter()
        .filter(|name| name != LABEL && !name.starts_with("posture-"))
        .collect();
    for label in &operation.labels {
        if !labels.contains(label) {
            labels.push(label.clone());
        }
    }
    labels
}

fn names(issue: &Value) -> Vec<String> {
    let labels = issue["labels"].as_array().into_iter().flatten();
    let names = labels.filter_map(|label| label["name"].as_str().or(label.as_str()));
    names.map(str::to_owned).collect()
}

/// Whole blocks of a document, as many as there is room for.
fn markdown(document: &Document) -> String {
    let text = document.markdown();
    if text.chars().count() <= TEXT {
        return text;
    }
    let mut kept = Document::default();
    for block in &document.blocks {
        kept.blocks.push(block.clone());
        if kept.markdown().chars().count() > TEXT {
            kept.blocks.pop();
        }
    }
    format!("{}\n(cut: too long for an issue)\n", kept.markdown())
}

fn title_of(title: &str) -> String {
    let title = clean(title);
    match title.char_indices().nth(TITLE) {
        Some((end, _)) => format!("{}…", title.get(..end).unwrap_or_default()),
        None => title,
    }
}

/// The next page, as the answer names it.
fn next_page(answer: &Answer) -> Option<String> {
    let links = answer.headers.get("link")?.to_str().ok()?;
    let next = links
        .split(',')
        .find(|link| link.contains("rel=\"next\""))?;
    let (_, rest) = next.split_once('<')?;
    let (address, _) = rest.split_once('>')?;
    Some(address.to_owned())
}
