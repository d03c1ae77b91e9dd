//! A client of as much HTTP as is needed, over one kept connection.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use posture_fleet::{Account, Fleet};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

/// What is asked, and in whose name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ask {
    pub(crate) service: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) account: Account,
    pub(crate) region: String,
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) amz_target: Option<String>,
    pub(crate) body: String,
    /// The security token of a session, with its key.
    pub(crate) session: Option<(String, String)>,
}

impl Ask {
    pub(crate) fn in_region(mut self, region: &str) -> Self {
        self.region = region.to_owned();
        self
    }

    pub(crate) fn by(mut self, account: Account) -> Self {
        self.account = account;
        self
    }

    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.service, self.operation)
    }

    fn bytes(&self) -> Vec<u8> {
        let signs_as = match self.service {
            "s3control" => "s3",
            "apigatewayv2" => "apigateway",
            service => service,
        };
        let (key, token) = match &self.session {
            Some((key, token)) => (key.clone(), format!("X-Amz-Security-Token: {token}\r\n")),
            None => (self.account.access_key(), String::new()),
        };
        let target = self
            .amz_target
            .as_ref()
            .map_or_else(String::new, |target| format!("X-Amz-Target: {target}\r\n"));
        format!(
            "{} {} HTTP/1.1\r\nHost: localhost\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential={key}/20261101/{}/{signs_as}/aws4_request, SignedHeaders=host, Signature=0\r\n\
             {token}{target}Content-Length: {}\r\n\r\n{}",
            self.method,
            self.target,
            self.region,
            self.body.len(),
            self.body
        )
        .into_bytes()
    }
}

/// An answer as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// By lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The texts of all elements of this name.
    pub(crate) fn xml(&self, name: &str) -> Vec<String> {
        let mut reader = Reader::from_str(&self.body);
        let mut path: Vec<String> = Vec::new();
        let mut found = Vec::new();
        loop {
            match reader
                .read_event()
                .unwrap_or_else(|error| panic!("{error}: {}", self.body))
            {
                Event::Start(start) => {
                    path.push(String::from_utf8_lossy(start.name().as_ref()).into_owned());
                    if path.last().is_some_and(|last| last == name) {
                        found.push(String::new());
                    }
                }
                Event::End(_) => {
                    path.pop();
                }
                Event::Text(text) if path.last().is_some_and(|last| last == name) => {
                    found.last_mut().unwrap().push_str(&text.decode().unwrap());
                }
                Event::GeneralRef(entity) if path.last().is_some_and(|last| last == name) => {
                    let text = match entity.decode().unwrap().as_ref() {
                        "quot" => "\"",
                        "amp" => "&",
                        "lt" => "<",
                        "gt" => ">",
                        other => panic!("&{other};"),
                    };
                    found.last_mut().unwrap().push_str(text);
                }
                Event::Eof => {
                    assert!(path.is_empty(), "{path:?} left open: {}", self.body);
                    return found;
                }
                _ => {}
            }
        }
    }

    /// The error code, in whichever form the protocol has.
    pub(crate) fn code(&self) -> String {
        if let Some(code) = self.headers.get("x-amzn-errortype") {
            return code.clone();
        }
        if self.body.starts_with('<') {
            return self.xml("Code").concat();
        }
        self.json()["__type"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) fn new(fleet: &Fleet) -> Self {
        Self::to(fleet.port())
    }

    pub(crate) fn to(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        // A server that answers, answers within this on any machine.
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        Self(stream)
    }

    /// One that gives up soon.
    pub(crate) fn impatient(fleet: &Fleet) -> Self {
        let client = Self::new(fleet);
        client
            .0
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        client
    }

    pub(crate) fn send(&mut self, ask: &Ask) -> Answer {
        self.try_send(ask).unwrap()
    }

    pub(crate) fn try_send(&mut self, ask: &Ask) -> io::Result<Answer> {
        self.exchange(&ask.bytes())
    }

    /// A request to the control endpoint.
    pub(crate) fn control(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let request = format!(
            "{method} /_fleet/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.exchange(request.as_bytes()).unwrap()
    }

    pub(crate) fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.0.write_all(request)?;
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            if self.0.read(&mut byte)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.lines();
        let status = lines
            .next()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        self.0.read_exact(&mut body)?;
        Ok(Answer {
            status,
            headers,
            body: String::from_utf8(body).unwrap(),
        })
    }
}

/// Text as it may stand in a URL.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
