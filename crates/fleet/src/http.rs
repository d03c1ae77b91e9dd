//! As much of HTTP/1.1 as AWS's clients speak: requests with a length, answers with a length, connections
//! that are kept.
//!
//! One thread a connection, over `std`: the standard library is compiled optimised whatever the profile,
//! and nothing that the AWS SDK is built of gets another feature for the sake of a test server.

use std::io::{self, Read, Write};
use std::net::TcpStream;

/// The longest head and body of a request.
const LONGEST_HEAD: usize = 64 * 1024;
const LONGEST_BODY: usize = 4 * 1024 * 1024;

/// A request as it came.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the client wants the connection closed after the answer.
    pub(crate) last: bool,
}

impl Request {
    /// A header's value; names are compared without regard to case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The path, still percent-encoded.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The query, still percent-encoded.
    pub(crate) fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    #[cfg(test)]
    pub(crate) fn for_test(
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.as_bytes().to_vec(),
            last: false,
        }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self {
            status,
            content_type: "application/json",
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        }
    }

    /// As bytes on the wire.
    pub(crate) fn bytes(&self, last: bool) -> Vec<u8> {
        let mut head = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n",
            self.status,
            reason(self.status),
            self.content_type,
            self.body.len()
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if last {
            head.push_str("Connection: close\r\n");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

/// The requests of one connection.
#[derive(Debug)]
pub(crate) struct Connection<'a> {
    stream: &'a TcpStream,
    /// What was read and does not belong to a request yet.
    pending: Vec<u8>,
}

impl<'a> Connection<'a> {
    pub(crate) fn new(stream: &'a TcpStream) -> Self {
        Self {
            stream,
            pending: Vec::with_capacity(4096),
        }
    }

    /// The next request; `None` when the client is done. What is no HTTP is an error.
    pub(crate) fn next(&mut self) -> io::Result<Option<Request>> {
        let end = loop {
            if let Some(end) = end_of_head(&self.pending) {
                break end;
            }
            if self.pending.len() > LONGEST_HEAD {
                return Err(malformed("the head does not end"));
            }
            if !self.read()? {
                return match self.pending.is_empty() {
                    true => Ok(None),
                    false => Err(malformed("the head was cut")),
                };
            }
        };
        let head: Vec<u8> = self.pending.drain(..end).collect();
        let (mut request, length) = parse(&head)?;
        while self.pending.len() < length {
            if !self.read()? {
                return Err(malformed("the body was cut"));
            }
        }
        request.body = self.pending.drain(..length).collect();
        Ok(Some(request))
    }

    /// Whether there was something.
    fn read(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.pending
                        .extend_from_slice(buffer.get(..count).unwrap_or_default());
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Waits until the client gives up.
    pub(crate) fn wait_for_end(&mut self) {
        while self.read().unwrap_or(false) {
            self.pending.clear();
        }
    }
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .map(|at| at + 4)
}

/// The request that a head begins, and the length of its body.
fn parse(head: &[u8]) -> io::Result<(Request, usize)> {
    let text = std::str::from_utf8(head).map_err(|_| malformed("the head is not text"))?;
    let mut lines = text.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (first.next(), first.next(), first.next(), first.next())
    else {
        return Err(malformed("the first line is not of HTTP"));
    };
    if !version.starts_with("HTTP/1.") {
        return Err(malformed("the version is not HTTP/1"));
    }
    let headers: Vec<(String, String)> = lines
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| malformed("a header has no value"))?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        })
        .collect::<io::Result<_>>()?;
    let mut request = Request {
        method: method.to_owned(),
        target: target.to_owned(),
        headers,
        body: Vec::new(),
        last: version == "HTTP/1.0",
    };
    if request.header("transfer-encoding").is_some() {
        return Err(malformed("a body without a length"));
    }
    let length = match request.header("content-length") {
        None => 0,
        Some(length) => length
            .parse()
            .ok()
            .filter(|length| *length <= LONGEST_BODY)
            .ok_or_else(|| malformed("the length of the body"))?,
    };
    if request
        .header("connection")
        .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    {
        request.last = true;
    }
    Ok((request, length))
}

/// Text without its percent signs. What is no encoding stays as it is.
pub(crate) fn decoded(text: &str, plus_is_space: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) if plus_is_space => {
                bytes.push(b' ');
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Names and values of a query or form.
pub(crate) fn pairs(text: &str, plus_is_space: bool) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name, plus_is_space), decoded(value, plus_is_space))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// What a server reads of what a client writes.
    fn read(bytes: &'static [u8]) -> Vec<io::Result<Option<Request>>> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = std::thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            // In two parts, so that nothing rests on reading it at once.
            let (first, second) = bytes.split_at(bytes.len() / 2);
            stream.write_all(first).unwrap();
            stream.flush().unwrap();
            std::thread::sleep(std::time::Duration::from_millis(5));
            stream.write_all(second).unwrap();
        });
        let (stream, _) = listener.accept().unwrap();
        let mut connection = Connection::new(&stream);
        let mut found = Vec::new();
        loop {
            let next = connection.next();
            let more = matches!(next, Ok(Some(_)));
            found.push(next);
            if !more {
                break;
            }
        }
        client.join().unwrap();
        found
    }

    #[test]
    fn requests_follow_each_other_on_one_connection() {
        let found = read(
            b"GET /a?x=1 HTTP/1.1\r\nHost: h\r\nX-Thing:  spaced \r\n\r\n\
              POST / HTTP/1.1\r\ncontent-length: 5\r\nConnection: close\r\n\r\nhello",
        );
        let requests: Vec<&Request> = found
            .iter()
            .filter_map(|next| next.as_ref().unwrap().as_ref())
            .collect();
        let [first, second] = requests.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(
            (first.method.as_str(), first.path(), first.query()),
            ("GET", "/a", "x=1")
        );
        assert_eq!(first.header("x-thing"), Some("spaced"));
        assert!(!first.last);
        assert_eq!(second.body, b"hello");
        assert!(second.last);
    }

    #[test]
    fn what_is_no_request_is_an_error() {
        for bytes in [
            &b"GET / HTTP/1.1\r\nHost"[..],
            b"hello\r\n\r\n",
            b"GET / HTTP/2\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nshort",
            b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            let found = read(bytes);
            assert!(
                found.last().unwrap().is_err(),
                "{}",
                String::from_utf8_lossy(bytes)
            );
        }
    }

    #[test]
    fn percent_signs_are_undone_once() {
        assert_eq!(decoded("arn%3Aaws%3Ax%2fy+z%2", false), "arn:aws:x/y+z%2");
        assert_eq!(decoded("a+b%2B%C3%BC", true), "a b+ü");
        assert_eq!(
            pairs("Action=X&Empty=&Bare", true),
            [("Action", "X"), ("Empty", ""), ("Bare", "")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
