//! The HTTP client of the sinks: JSON over HTTP/1.1, blocking, to one host.
//!
//! A token goes to the host that it was given for and to no other, is never sent in the clear, and is in no
//! message. A request whose answer did not come is told apart from one that was not sent.

use std::fmt;
use std::time::{Duration, Instant};

use posture_http::{Handshake, is_local};
use posture_model::Timestamp;
use posture_report::clean;
use serde_json::Value;
use ureq::Agent;
use ureq::http::{HeaderMap, Method, Request, Response, Uri, header};

/// The longest time for one answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest time that is waited for a server that asks for patience, over a whole run.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// Attempts at a request that may be repeated.
const ATTEMPTS: u32 = 4;
/// GitHub's advice where it limits and does not say how long.
const LIMITED: Duration = Duration::from_secs(60);
/// Redirects to other addresses of the same host.
const REDIRECTS: u32 = 5;
/// The largest answer.
const LARGEST: u64 = 32 << 20;

/// A secret, such as a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The address is none to talk to.
    #[error("{0}")]
    Address(String),
    /// No connection came about; the request was not sent.
    #[error("{host} cannot be reached: {problem}")]
    Unreachable {
        /// The host.
        host: String,
        /// Why.
        problem: String,
    },
    /// The request was sent, and whether it was carried out is not known.
    #[error("{host} did not answer: {problem}")]
    Unsure {
        /// The host.
        host: String,
        /// Why.
        problem: String,
    },
    /// The server limits, for longer than one waits.
    #[error(
        "{host} asks to wait {seconds} s before the next request; run the same command later, it goes on from there"
    )]
    Limited {
        /// The host.
        host: String,
        /// How long.
        seconds: u64,
    },
    /// The server points to another one, which is not to see the token.
    #[error(
        "{host} redirects to {to}; the token is not sent there, so give that address if it is the right one"
    )]
    Redirected {
        /// The host.
        host: String,
        /// The other one.
        to: String,
    },
}

/// An answer, whatever it says.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    /// The body, where it is JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether the server asks for patience, and for how long.
    fn limited(&self) -> Option<Duration> {
        let spent = self.header("x-ratelimit-remaining") == Some("0");
        let asked = self.header("retry-after");
        let limits = match self.status {
            429 => true,
            // GitHub says 403 for its limits as well as for what is forbidden.
            403 => spent || asked.is_some() || self.mentions("rate limit"),
            503 => asked.is_some(),
            _ => false,
        };
        if !limits {
            return None;
        }
        let until_reset = || {
            let reset: i64 = self.header("x-ratelimit-reset")?.parse().ok()?;
            let wait = reset.saturating_sub(Timestamp::now().unix()).max(0);
            // A second for clocks that are not quite the same.
            Some(Duration::from_secs(u64::try_from(wait).ok()? + 1))
        };
        let seconds = asked.and_then(|text| text.trim().parse().ok());
        Some(
            seconds
                .map(Duration::from_secs)
                .or_else(|| until_reset().filter(|_| spent))
                .unwrap_or(LIMITED),
        )
    }

    fn mentions(&self, words: &str) -> bool {
        String::from_utf8_lossy(&self.body)
            .to_lowercase()
            .contains(words)
    }
}

/// How it waits.
pub(crate) type Sleep = Box<dyn FnMut(Duration) + Send>;

/// A client of one host.
pub struct Client {
    agent: Agent,
    /// Scheme, host and port.
    origin: String,
    host: String,
    /// What all paths begin with; without a slash at its end.
    prefix: String,
    authorization: Secret,
    headers: Vec<(&'static str, String)>,
    /// The least time between two requests that change something.
    pace: Duration,
    changed: Option<Instant>,
    waited: Duration,
    sleep: Sleep,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the host of an address, below its path. The secret is the whole `authorization` header.
    pub fn new(address: &str, authorization: Secret) -> Result<Self, HttpError> {
        let wrong = |problem: &str| HttpError::Address(format!("{address:?} {problem}"));
        let uri: Uri = address
            .trim_end_matches('/')
            .parse()
            .map_err(|_| wrong("is no address"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong("is no address; write it with https://"));
        };
        if authority.as_str().contains('@') {
            return Err(HttpError::Address(
                "the address holds a user or a password; give them in the environment".to_owned(),
            ));
        }
        let local = is_local(authority.host());
        match scheme {
            "https" => {}
            "http" if local => {}
            "http" => return Err(wrong("is not https: the token would go there in the clear")),
            _ => return Err(wrong("is no https address")),
        }
        if uri.query().is_some() {
            return Err(wrong("has a query; give the address without it"));
        }
        Ok(Self {
            agent: posture_http::agent(local, TIMEOUT).map_err(HttpError::Address)?,
            origin: format!("{scheme}://{authority}"),
            host: authority.to_string(),
            prefix: uri.path().trim_end_matches('/').to_owned(),
            authorization,
            headers: Vec::new(),
            pace: Duration::ZERO,
            changed: None,
            waited: Duration::ZERO,
            sleep: Box::new(std::thread::sleep),
        })
    }

    /// Sends this header with every request.
    #[must_use]
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Lets at least this time pass between two requests that change something.
    #[must_use]
    pub fn pace(mut self, pace: Duration) -> Self {
        self.pace = pace;
        self
    }

    /// Waits by this instead of sleeping.
    #[must_use]
    pub fn sleep_by(mut self, sleep: impl FnMut(Duration) + Send + 'static) -> Self {
        self.sleep = Box::new(sleep);
        self
    }

    /// The host, with its port.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Asks for something.
    pub(crate) fn get(&mut self, path: &str) -> Result<Answer, HttpError> {
        self.send(&Method::GET, path, None, true)
    }

    /// Changes something to what the body says; doing it twice does no harm.
    pub(crate) fn change(
        &mut self,
        method: &Method,
        path: &str,
        body: &Value,
    ) -> Result<Answer, HttpError> {
        self.pause();
        self.send(method, path, Some(body), true)
    }

    /// Makes something; doing it twice makes two.
    pub(crate) fn make(&mut self, path: &str, body: &Value) -> Result<Answer, HttpError> {
        self.pause();
        self.send(&Method::POST, path, Some(body), false)
    }

    /// Waits so long.
    pub(crate) fn wait(&mut self, time: Duration) {
        if !time.is_zero() {
            (self.sleep)(time);
        }
    }

    /// Text from the server for a message, without the secret and without what a terminal would obey.
    pub(crate) fn told(&self, text: &str) -> String {
        let mut text = clean(text);
        for secret in [self.authorization.reveal(), self.token()] {
            if !secret.is_empty() {
                text = text.replace(secret, "(secret)");
            }
        }
        match text.char_indices().nth(300) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
            None => text,
        }
    }

    /// The secret without the word before it.
    fn token(&self) -> &str {
        let all = self.authorization.reveal();
        all.split_once(' ').map_or(all, |(_, token)| token)
    }

    fn pause(&mut self) {
        if let Some(last) = self.changed {
            let since = last.elapsed();
            if since < self.pace {
                self.wait(self.pace.saturating_sub(since));
            }
        }
        self.changed = Some(Instant::now());
    }

    /// Sends a request until there is an answer to make something of.
    fn send(
        &mut self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        repeatable: bool,
    ) -> Result<Answer, HttpError> {
        let mut target = self.target(path)?;
        let mut redirects = 0;
        let mut attempt = 1;
        loop {
            let answer = match self.once(method, &target, body) {
                Ok(answer) => answer,
                Err(error) => {
                    let sent = matches!(error, HttpError::Unsure { .. });
                    if attempt >= ATTEMPTS || (sent && !repeatable) {
                        return Err(error);
                    }
                    self.back_off(attempt);
                    attempt += 1;
                    continue;
                }
            };
            if let Some(wait) = answer.limited() {
                self.be_patient(wait)?;
                continue;
            }
            if (500..600).contains(&answer.status) {
                let unsure = HttpError::Unsure {
                    host: self.host.clone(),
                    problem: format!("status {}", answer.status),
                };
                // A gateway may have passed it on before it gave up.
                if attempt >= ATTEMPTS || !repeatable {
                    return Err(unsure);
                }
                self.back_off(attempt);
                attempt += 1;
                continue;
            }
            if (300..400).contains(&answer.status) && answer.status != 304 {
                redirects += 1;
                target = self.follow(method, &answer, redirects)?;
                continue;
            }
            return Ok(answer);
        }
    }

    fn once(
        &self,
        method: &Method,
        target: &str,
        body: Option<&Value>,
    ) -> Result<Answer, HttpError> {
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(header::ACCEPT, "application/json");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if !self.authorization.reveal().is_empty() {
            request = request.header(header::AUTHORIZATION, self.authorization.reveal());
        }
        let unsendable = |_| {
            HttpError::Address(
                "a header cannot be sent: does a token hold a line break?".to_owned(),
            )
        };
        let answered = match body {
            Some(body) => {
                let request = request
                    .header(header::CONTENT_TYPE, "application/json")
                    .body(body.to_string());
                self.agent.run(request.map_err(unsendable)?)
            }
            None => self.agent.run(request.body(()).map_err(unsendable)?),
        };
        let response = answered.map_err(|error| self.failed(&error))?;
        self.read(response)
    }

    fn read(&self, response: Response<ureq::Body>) -> Result<Answer, HttpError> {
        let (parts, body) = response.into_parts();
        let body = body
            .into_with_config()
            .limit(LARGEST)
            .read_to_vec()
            .map_err(|error| HttpError::Unsure {
                host: self.host.clone(),
                problem: self.told(&error.to_string()),
            })?;
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        })
    }

    /// Whether the request had left when it failed.
    fn failed(&self, error: &ureq::Error) -> HttpError {
        use std::io::ErrorKind;
        use ureq::{Error, Timeout};

        let host = self.host.clone();
        let problem = self.told(&error.to_string());
        let unsent = match error {
            Error::HostNotFound
            | Error::ConnectionFailed
            | Error::Tls(_)
            | Error::BadUri(_)
            | Error::Http(_)
            | Error::ConnectProxyFailed(_)
            | Error::InvalidProxyUrl
            | Error::Timeout(Timeout::Resolve | Timeout::Connect) => true,
            Error::Io(error) => matches!(
                error.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::HostUnreachable
                    | ErrorKind::NetworkUnreachable
                    | ErrorKind::AddrNotAvailable
            ),
            Error::Other(error) => error.is::<Handshake>(),
            _ => false,
        };
        if unsent {
            HttpError::Unreachable { host, problem }
        } else {
            HttpError::Unsure { host, problem }
        }
    }

    fn back_off(&mut self, attempt: u32) {
        self.wait(Duration::from_secs(1 << attempt.min(5)));
    }

    fn be_patient(&mut self, wait: Duration) -> Result<(), HttpError> {
        // At least a moment, so that a server which says 0 for ever comes to an end as well.
        let wait = wait.max(Duration::from_secs(1));
        if self.waited + wait > PATIENCE {
            return Err(HttpError::Limited {
                host: self.host.clone(),
                seconds: wait.as_secs(),
            });
        }
        self.waited += wait;
        self.wait(wait);
        Ok(())
    }

    fn target(&self, path: &str) -> Result<String, HttpError> {
        if path.starts_with('/') {
            return Ok(format!("{}{}{path}", self.origin, self.prefix));
        }
        self.own(path)
    }

    /// An address from an answer, if it is one of this host.
    fn own(&self, address: &str) -> Result<String, HttpError> {
        let elsewhere = || HttpError::Redirected {
            host: self.host.clone(),
            to: self.told(address),
        };
        if address.starts_with("//") {
            return Err(elsewhere());
        }
        let uri: Uri = address.parse().map_err(|_| elsewhere())?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        match (uri.scheme_str(), uri.authority()) {
            (None, None) if address.starts_with('/') => Ok(format!("{}{path}", self.origin)),
            (Some(scheme), Some(authority)) if format!("{scheme}://{authority}") == self.origin => {
                Ok(address.to_owned())
            }
            _ => Err(elsewhere()),
        }
    }

    fn follow(
        &self,
        method: &Method,
        answer: &Answer,
        redirects: u32,
    ) -> Result<String, HttpError> {
        let to = answer.header("location").unwrap_or_default();
        let target = self.own(to)?;
        // Other redirects turn what was to change something into a question.
        let keeps = *method == Method::GET || matches!(answer.status, 307 | 308);
        if redirects > REDIRECTS || !keeps {
            return Err(HttpError::Address(format!(
                "{} has moved this to {}; give its new name",
                self.host,
                self.told(&target)
            )));
        }
        Ok(target)
    }
}

/// A part of a path, encoded.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
