//! The HTTP client that answers from a list.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use tokio::time::Instant;

use crate::{Reply, reply};

/// Tells which operation a request carries out, as `(service, operation)`.
pub type OperationOf = fn(&HttpRequest) -> Option<(&'static str, &'static str)>;

/// A way for an operation to break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Access denied, in the protocol's form.
    AccessDenied,
    /// Throttled at every attempt.
    Throttled,
    /// No answer within any patience.
    Timeout,
    /// HTTP 500 without a body.
    Http500,
    /// HTTP 200 with a body cut in the middle.
    Malformed,
}

impl Fault {
    /// All faults.
    pub const ALL: [Self; 5] = [
        Self::AccessDenied,
        Self::Throttled,
        Self::Timeout,
        Self::Http500,
        Self::Malformed,
    ];
}

/// An AWS made of replies. Clones share their state.
#[derive(Debug, Clone)]
pub struct Replay {
    operation_of: OperationOf,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    replies: Vec<Reply>,
    faults: Vec<(String, Fault)>,
    seen: BTreeMap<String, u64>,
    arrivals: Vec<(String, Instant)>,
    unanswered: Vec<String>,
    latency: Duration,
}

impl Replay {
    /// An AWS that knows nothing yet. `operation_of` is `posture_collect::operation_of`.
    pub fn new(operation_of: OperationOf) -> Self {
        Self {
            operation_of,
            state: Arc::default(),
        }
    }

    /// Adds answers. An earlier answer that fits a request goes before a later one.
    #[must_use]
    pub fn with(self, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.state().replies.extend(replies);
        self
    }

    /// Puts answers before all others.
    #[must_use]
    pub fn first(self, replies: impl IntoIterator<Item = Reply>) -> Self {
        let mut all: Vec<Reply> = replies.into_iter().collect();
        {
            let mut state = self.state();
            all.append(&mut state.replies);
            state.replies = all;
        }
        self
    }

    /// Breaks an operation, given as `service:Operation`.
    #[must_use]
    pub fn breaking(self, operation: &str, fault: Fault) -> Self {
        self.state().faults.push((operation.to_owned(), fault));
        self
    }

    /// Waits before every answer.
    #[must_use]
    pub fn latency(self, latency: Duration) -> Self {
        self.state().latency = latency;
        self
    }

    /// The operations seen so far, with the number of requests.
    pub fn seen(&self) -> BTreeMap<String, u64> {
        self.state().seen.clone()
    }

    /// When each request came, in that order; of tokio's clock, which tests can stop.
    pub fn arrivals(&self) -> Vec<(String, Instant)> {
        self.state().arrivals.clone()
    }

    /// Requests for which there was no answer: a hole in the replies.
    pub fn unanswered(&self) -> Vec<String> {
        self.state().unanswered.clone()
    }

    /// As an HTTP client for the SDK.
    pub fn client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &HttpRequest) -> Answer {
        let mut state = self.state();
        let Some((service, operation)) = (self.operation_of)(request) else {
            state
                .unanswered
                .push(format!("unmarked request {}", request.uri()));
            return Answer::Refused;
        };
        let name = format!("{service}:{operation}");
        *state.seen.entry(name.clone()).or_default() += 1;
        state.arrivals.push((name.clone(), Instant::now()));
        let text = format!(
            "{} {}\n{}",
            request.method(),
            request.uri(),
            request
                .body()
                .bytes()
                .map(String::from_utf8_lossy)
                .unwrap_or_default()
        );
        let position = state.replies.iter().position(|reply| {
            reply.service == service
                && reply.operation == operation
                && reply.when.iter().all(|when| text.contains(when.as_str()))
        });
        let found = position.and_then(|position| {
            let reply = state.replies.get(position).cloned()?;
            if reply.once {
                state.replies.remove(position);
            }
            Some(reply)
        });
        let fault = state
            .faults
            .iter()
            .find(|(broken, _)| *broken == name)
            .map(|(_, fault)| *fault);
        match fault {
            None => found.map_or_else(
                || {
                    state.unanswered.push(text.clone());
                    Answer::Reply(Reply::error(&name, 501, "NotImplemented"))
                },
                Answer::Reply,
            ),
            Some(Fault::AccessDenied) => {
                let code = match service {
                    "ec2" => "UnauthorizedOperation",
                    "iam" | "s3" | "s3control" | "sts" => "AccessDenied",
                    _ => "AccessDeniedException",
                };
                Answer::Reply(Reply::error(&name, 403, code))
            }
            Some(Fault::Throttled) => {
                let (status, code) = match service {
                    "ec2" => (503, "RequestLimitExceeded"),
                    "s3" | "s3control" => (503, "SlowDown"),
                    "iam" => (400, "Throttling"),
                    "lambda" | "apigateway" | "apigatewayv2" => (429, "TooManyRequestsException"),
                    _ => (400, "ThrottlingException"),
                };
                Answer::Reply(Reply::error(&name, status, code))
            }
            Some(Fault::Timeout) => Answer::Never,
            Some(Fault::Http500) => Answer::Reply(reply(&name, "").status(500)),
            Some(Fault::Malformed) => {
                Answer::Reply(cut(found.unwrap_or_else(|| reply(&name, "{}"))))
            }
        }
    }
}

/// The first half of an answer, and never a whole one.
fn cut(mut answer: Reply) -> Reply {
    let half = answer.body.chars().count() / 2;
    answer.body = answer.body.chars().take(half).collect();
    // What is left must not parse in any protocol, even when there was little to cut.
    answer.body.push_str("<{\"");
    answer
}

enum Answer {
    Reply(Reply),
    Never,
    Refused,
}

impl HttpClient for Replay {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Replay {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.answer(&request);
        let latency = self.state().latency;
        HttpConnectorFuture::new(async move {
            if !latency.is_zero() {
                tokio::time::sleep(latency).await;
            }
            match answer {
                Answer::Refused => Err(ConnectorError::user("request without a mark".into())),
                Answer::Never => {
                    // Longer than any time-out; paused test clocks skip over it.
                    tokio::time::sleep(Duration::from_secs(86_400)).await;
                    Err(ConnectorError::timeout("never answered".into()))
                }
                Answer::Reply(reply) => response(reply),
            }
        })
    }
}

fn response(reply: Reply) -> Result<HttpResponse, ConnectorError> {
    let failed = |e: String| ConnectorError::user(e.into());
    let status = reply
        .status
        .try_into()
        .map_err(|_| failed(format!("status {}", reply.status)))?;
    let mut response = HttpResponse::new(status, SdkBody::from(reply.body));
    for (name, value) in reply.headers {
        response
            .headers_mut()
            .try_insert(name, value)
            .map_err(|e| failed(e.to_string()))?;
    }
    Ok(response)
}
