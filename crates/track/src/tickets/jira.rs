//! Tickets as Jira issues, in the cloud and on a server of one's own.
//!
//! An issue carries the label `posture`, by which all of them are searched, a label of its key, and a property
//! `posture` with the ledger's entry, which people do not see.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use posture_report::clean;
use serde_json::{Value, json};
use ureq::http::Method;

use super::http::{Answer, Client, HttpError, Secret, encoded};
use super::ledger::Ticket;
use super::memory::Memory;
use super::operation::Operation;
use super::sink::{Found, Sink, SinkError};
use super::{Document, GroupBy, adf, wiki};

/// The label and the property that all issues have.
const NAME: &str = "posture";
/// Jira takes 32,768 characters of a property.
const MEMORY: usize = 30_000;
const TITLE: usize = 250;
/// Fields that not every project lets one set; an issue without them is better than none.
const OPTIONAL: [&str; 1] = ["duedate"];

/// Who one is for Jira.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A user, by e-mail address, with an API token; or with a password on a server.
    Basic {
        /// The user.
        user: String,
        /// The token.
        token: Secret,
    },
    /// A personal access token.
    Bearer(Secret),
}

impl Credentials {
    fn header(&self) -> Secret {
        match self {
            Self::Basic { user, token } => {
                let pair = BASE64_STANDARD.encode(format!("{user}:{}", token.reveal()));
                Secret::new(format!("Basic {pair}"))
            }
            Self::Bearer(token) => Secret::new(format!("Bearer {}", token.reveal())),
        }
    }
}

/// Issues of one project.
#[derive(Debug)]
pub struct Jira {
    client: Client,
    address: String,
    project: String,
    issue_type: String,
    group_by: GroupBy,
    settles_in: Duration,
    /// Whether it is Jira Cloud, once that is known.
    cloud: Option<bool>,
    /// Optional fields that the project does not take.
    refused: Vec<&'static str>,
}

impl Jira {
    /// A project at an address, such as `https://example.atlassian.net`.
    pub fn new(
        address: &str,
        project: &str,
        issue_type: &str,
        credentials: &Credentials,
        group_by: GroupBy,
        pace: Duration,
    ) -> Result<Self, SinkError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if project.is_empty() || !project.chars().all(plain) {
            return Err(SinkError::Stop {
                message: format!("{project:?} is no key of a project"),
                help: "it is what stands before the numbers of its issues, such as SEC".to_owned(),
            });
        }
        let client = Client::new(address, credentials.header())?.pace(pace);
        Ok(Self {
            client,
            address: address.trim_end_matches('/').to_owned(),
            project: project.to_owned(),
            issue_type: issue_type.to_owned(),
            group_by,
            // Its search is behind by some seconds.
            settles_in: pace * 20,
            cloud: None,
            refused: Vec::new(),
        })
    }

    /// Waits by this instead of sleeping.
    #[must_use]
    pub fn sleep_by(mut self, sleep: impl FnMut(Duration) + Send + 'static) -> Self {
        self.client = self.client.sleep_by(sleep);
        self
    }

    /// The name by which a ledger knows the project.
    pub fn name(address: &str, project: &str) -> String {
        format!("jira:{project} at {}", address.trim_end_matches('/'))
    }

    /// Whether it is Jira Cloud, whose search and whose text are others than a server's.
    fn is_cloud(&mut self) -> Result<bool, SinkError> {
        if let Some(cloud) = self.cloud {
            return Ok(cloud);
        }
        let answer = self.client.get("/rest/api/2/serverInfo");
        let info = self.expect(answer, false)?.json();
        let Some(kind) = info["deploymentType"].as_str() else {
            return Err(SinkError::Stop {
                message: format!("{} does not answer like Jira", self.client.host()),
                help: "check --url: it is the address of Jira itself, such as https://example.atlassian.net"
                    .to_owned(),
            });
        };
        let cloud = kind == "Cloud";
        self.cloud = Some(cloud);
        Ok(cloud)
    }

    fn api(&mut self) -> Result<&'static str, SinkError> {
        Ok(if self.is_cloud()? {
            "/rest/api/3"
        } else {
            "/rest/api/2"
        })
    }

    fn text(&mut self, document: &Document) -> Result<Value, SinkError> {
        Ok(if self.is_cloud()? {
            adf::render(document)
        } else {
            wiki::render(document).into()
        })
    }

    fn expect(
        &self,
        answer: Result<Answer, HttpError>,
        of_issue: bool,
    ) -> Result<Answer, SinkError> {
        let answer = answer?;
        if answer.is_success() {
            return Ok(answer);
        }
        let said = self.said(&answer.json());
        let stop = |message: String, help: &str| SinkError::Stop {
            message,
            help: help.to_owned(),
        };
        Err(match answer.status {
            401 => stop(
                format!(
                    "{} does not accept the credentials: {said}",
                    self.client.host()
                ),
                "JIRA_USER and JIRA_TOKEN, or JIRA_BEARER, must hold credentials that are still valid",
            ),
            403 => stop(
                format!("the user may not do this in {}: {said}", self.project),
                "it needs to browse the project, and to create, edit, transition and comment its issues",
            ),
            404 if of_issue => SinkError::Missing,
            404 => stop(
                format!(
                    "{} has no {} that the user can see: {said}",
                    self.client.host(),
                    self.project
                ),
                "check --url and --project, and that the user may browse the project",
            ),
            status => SinkError::Refused(format!("status {status}: {said}")),
        })
    }

    /// The messages of an error.
    fn said(&self, body: &Value) -> String {
        let mut words: Vec<String> = Vec::new();
        let messages = body["errorMessages"].as_array().into_iter().flatten();
        words.extend(messages.filter_map(|message| message.as_str().map(str::to_owned)));
        for (field, problem) in body["errors"].as_object().into_iter().flatten() {
            words.push(format!("{field}: {}", problem.as_str().unwrap_or_default()));
        }
        if let Some(message) = body["message"].as_str() {
            words.push(message.to_owned());
        }
        self.client.told(&words.join("; "))
    }

    fn property(&self, operation: &Operation) -> Value {
        let memory = Memory::of(self.group_by, &operation.after, MEMORY);
        // As text: Jira changes nothing in it.
        json!({"memory": memory.text()})
    }

    fn labels(&self, operation: &Operation) -> Vec<String> {
        let key = format!("posture-{}-{}", self.group_by, operation.key);
        let labels = operation.labels.iter().cloned().chain([key]);
        labels
            .map(|label| label.replace(char::is_whitespace, "-"))
            .collect()
    }

    /// Sends fields, once more without those that the project does not take.
    fn send_fields(
        &mut self,
        mut body: Value,
        send: impl Fn(&mut Client, &Value) -> Result<Answer, HttpError>,
        of_issue: bool,
    ) -> Result<Answer, SinkError> {
        for field in &self.refused {
            drop_field(&mut body, field);
        }
        let answer = send(&mut self.client, &body)?;
        if answer.status != 400 {
            return self.expect(Ok(answer), of_issue);
        }
        let errors = answer.json();
        let refused: Vec<&'static str> = OPTIONAL
            .into_iter()
            .filter(|field| !errors["errors"][field].is_null())
            .collect();
        if refused.is_empty() {
            return self.expect(Ok(answer), of_issue);
        }
        for field in &refused {
            drop_field(&mut body, field);
        }
        self.refused.extend(refused);
        let answer = send(&mut self.client, &body);
        self.expect(answer, of_issue)
    }

    fn issue(&mut self, ticket: &Ticket) -> Result<String, SinkError> {
        Ok(format!("{}/issue/{}", self.api()?, encoded(&ticket.id)))
    }

    /// Title, text, labels, due date and memory.
    fn edit(&mut self, ticket: &Ticket, operation: &Operation) -> Result<(), SinkError> {
        let path = self.issue(ticket)?;
        let mut fields = json!({"duedate": operation.due});
        if let Some(title) = &operation.title {
            fields["summary"] = title_of(title).into();
        }
        if let Some(body) = &operation.body {
            fields["description"] = self.text(body)?;
        }
        let labels = self.labels(operation);
        let changes: Vec<Value> = ["critical", "high", "medium", "low", "info"]
            .into_iter()
            .map(|severity| format!("posture-{severity}"))
            .filter(|label| !labels.contains(label))
            .map(|label| json!({"remove": label}))
            .chain(labels.iter().map(|label| json!({"add": label})))
            .collect();
        let body = json!({"fields": fields, "update": {"labels": changes}});
        let send = |client: &mut Client, body: &Value| client.change(&Method::PUT, &path, body);
        self.send_fields(body, send, true)?;
        let answer = self.client.change(
            &Method::PUT,
            &format!("{path}/properties/{NAME}"),
            &self.property(operation),
        );
        self.expect(answer, true)?;
        Ok(())
    }

    /// Moves an issue into a status that is done, or into one that is not.
    fn transition(&mut self, ticket: &Ticket, to_done: bool) -> Result<(), SinkError> {
        let path = self.issue(ticket)?;
        if self.is_done(&path)? == to_done {
            return Ok(());
        }
        let answer = self
            .client
            .get(&format!("{path}/transitions?expand=transitions.fields"));
        let transitions = self.expect(answer, true)?.json();
        let category = |one: &Value| {
            one["to"]["statusCategory"]["key"]
                .as_str()
                .map(str::to_owned)
        };
        let mut fitting: Vec<&Value> = transitions["transitions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|one| category(one).is_some_and(|key| (key == "done") == to_done))
            .collect();
        // Reopened is rather to do than in progress.
        fitting.sort_by_key(|one| category(one).as_deref() != Some("new"));
        let Some(chosen) = fitting.first() else {
            return Err(SinkError::Refused(format!(
                "the workflow has no way for {} to a status that is {}",
                clean(&ticket.id),
                if to_done { "done" } else { "not done" }
            )));
        };
        let mut body = json!({"transition": {"id": chosen["id"]}});
        if let Some(resolution) = resolution(chosen) {
            body["fields"] = json!({"resolution": {"name": resolution}});
        }
        let answer = self.client.make(&format!("{path}/transitions"), &body);
        match self.expect(answer, true) {
            // Whether it moved is easily seen.
            Err(SinkError::Unsure(_)) if self.is_done(&path)? == to_done => Ok(()),
            other => other.map(|_| ()),
        }
    }

    fn is_done(&mut self, path: &str) -> Result<bool, SinkError> {
        let answer = self.client.get(&format!("{path}?fields=status"));
        let issue = self.expect(answer, true)?.json();
        Ok(is_done(&issue))
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
        let path = format!("{}/comment", self.issue(ticket)?);
        let mark = format!("posture operation {}", operation.id);
        if again && self.commented(&path, &operation.id)? {
            return Ok(());
        }
        let mut comment = comment.clone();
        comment.prose(mark);
        let body = json!({"body": self.text(&comment)?});
        let answer = self.client.make(&path, &body);
        self.expect(answer, true)?;
        Ok(())
    }

    /// Whether an operation was told; the latest comments will do.
    fn commented(&mut self, path: &str, id: &str) -> Result<bool, SinkError> {
        let answer = self
            .client
            .get(&format!("{path}?orderBy=-created&maxResults=100"));
        let comments = self.expect(answer, true)?.json();
        Ok(comments["comments"].to_string().contains(id))
    }

    /// One page of the issues that have the label, and what asks for the next one.
    fn page(&mut self, from: Option<String>) -> Result<(Vec<Value>, Option<String>), SinkError> {
        let jql = format!(
            "project = \"{}\" AND labels = \"{NAME}\" ORDER BY created ASC",
            self.project
        );
        let query = format!(
            "jql={}&fields=status,labels&properties={NAME}&maxResults=100",
            encoded(&jql)
        );
        let path = if self.is_cloud()? {
            let token = from.map(|from| format!("&nextPageToken={}", encoded(&from)));
            format!(
                "/rest/api/3/search/jql?{query}{}",
                token.unwrap_or_default()
            )
        } else {
            let start = from.unwrap_or_else(|| "0".to_owned());
            format!("/rest/api/2/search?{query}&startAt={start}")
        };
        let answer = self.client.get(&path);
        let answer = match self.expect(answer, false) {
            // Jira says so of a project that does not exist, or that one may not see.
            Err(SinkError::Refused(why)) => {
                return Err(SinkError::Stop {
                    message: format!("the issues of {} cannot be searched: {why}", self.project),
                    help: "check --project, and that the user may browse it".to_owned(),
                });
            }
            other => other?,
        };
        let page = answer.json();
        let issues = page["issues"].as_array().cloned().unwrap_or_default();
        let next = if self.is_cloud()? {
            page["nextPageToken"].as_str().map(str::to_owned)
        } else {
            let total = page["total"].as_u64().unwrap_or(0);
            let seen = page["startAt"].as_u64().unwrap_or(0) + issues.len() as u64;
            (seen < total && !issues.is_empty()).then(|| seen.to_string())
        };
        Ok((issues, next))
    }

    fn found(&self, issue: &Value) -> Option<Found> {
        let prefix = format!("posture-{}-", self.group_by);
        let labels = issue["fields"]["labels"].as_array().into_iter().flatten();
        let key = labels
            .filter_map(Value::as_str)
            .find_map(|label| label.strip_prefix(&prefix))?
            .to_owned();
        let memory = issue["properties"][NAME]["memory"].as_str();
        let entry = memory
            .and_then(|memory| Memory::read(memory, self.group_by))
            .filter(|entry| entry.key == key);
        Some(Found {
            ticket: self.ticket(issue)?,
            open: !is_done(issue),
            entry,
            key,
        })
    }

    fn ticket(&self, issue: &Value) -> Option<Ticket> {
        let key = clean(issue["key"].as_str()?);
        Some(Ticket {
            url: format!("{}/browse/{key}", self.address),
            id: key,
        })
    }
}

impl Sink for Jira {
    fn find(&mut self) -> Result<Vec<Found>, SinkError> {
        let mut found = Vec::new();
        let mut from = None;
        loop {
            let (issues, next) = self.page(from)?;
            found.extend(issues.iter().filter_map(|issue| self.found(issue)));
            if next.is_none() {
                return Ok(found);
            }
            from = next;
        }
    }

    fn open(&mut self, operation: &Operation) -> Result<Ticket, SinkError> {
        let empty = Document::default();
        let mut fields = json!({
            "project": {"key": self.project},
            "issuetype": {"name": self.issue_type},
            "summary": title_of(operation.title.as_deref().unwrap_or_default()),
            "description": self.text(operation.body.as_ref().unwrap_or(&empty))?,
            "labels": self.labels(operation),
        });
        if let Some(due) = &operation.due {
            fields["duedate"] = due.as_str().into();
        }
        let body = json!({
            "fields": fields,
            "properties": [{"key": NAME, "value": self.property(operation)}],
        });
        let path = format!("{}/issue", self.api()?);
        let send = |client: &mut Client, body: &Value| client.make(&path, body);
        let issue = self.send_fields(body, send, false)?.json();
        self.ticket(&issue)
            .ok_or_else(|| SinkError::Unsure("the answer names no issue".to_owned()))
    }

    fn update(
        &mut self,
        ticket: &Ticket,
        operation: &Operation,
        again: bool,
    ) -> Result<(), SinkError> {
        self.edit(ticket, operation)?;
        self.comment(ticket, operation, again)
    }

    fn reopen(
        &mut self,
        ticket: &Ticket,
        operation: &Operation,
        again: bool,
    ) -> Result<(), SinkError> {
        self.transition(ticket, false)?;
        self.edit(ticket, operation)?;
        self.comment(ticket, operation, again)
    }

    fn close(
        &mut self,
        ticket: &Ticket,
        operation: &Operation,
        again: bool,
    ) -> Result<(), SinkError> {
        // First its memory and then its status: many workflows do not let one edit what is done.
        self.edit(ticket, operation)?;
        self.transition(ticket, true)?;
        self.comment(ticket, operation, again)
    }

    fn settles_in(&self) -> Duration {
        self.settles_in
    }

    fn wait(&mut self, time: Duration) {
        self.client.wait(time);
    }
}

fn is_done(issue: &Value) -> bool {
    issue["fields"]["status"]["statusCategory"]["key"].as_str() == Some("done")
}

/// The resolution that a transition insists on: one that says done, else the first it offers.
fn resolution(transition: &Value) -> Option<String> {
    let field = &transition["fields"]["resolution"];
    if field["required"].as_bool() != Some(true) {
        return None;
    }
    let offered: Vec<&str> = field["allowedValues"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|value| value["name"].as_str())
        .collect();
    let wanted = ["Done", "Fixed", "Resolved"];
    let best = wanted.into_iter().find(|name| offered.contains(name));
    best.or(offered.first().copied()).map(str::to_owned)
}

fn drop_field(body: &mut Value, field: &str) {
    if let Some(fields) = body["fields"].as_object_mut() {
        fields.shift_remove(field);
    }
}

fn title_of(title: &str) -> String {
    let title = clean(title);
    match title.char_indices().nth(TITLE) {
        Some((end, _)) => format!("{}…", title.get(..end).unwrap_or_default()),
        None => title,
    }
}
