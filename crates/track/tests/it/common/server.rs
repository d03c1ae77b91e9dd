//! A local HTTP server that is asked like GitHub or Jira, keeps what it is told, and fails on demand.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let known = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, value)| value.as_str())
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    /// A parameter of the query, decoded.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        let pair = query
            .split('&')
            .find_map(|pair| pair.strip_prefix(&format!("{name}=")))?;
        Some(decoded(pair))
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// What the server says.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Said {
    pub(crate) fn new(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
        }
    }

    pub(crate) fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }
}

/// What goes wrong with one request.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// This is said instead, and nothing is done.
    Instead(Said),
    /// It is done, and the connection breaks before the answer.
    Hangup,
    /// The connection breaks before anything is done.
    Deaf,
}

/// Which requests go wrong: method, a part of the path, and how, each time the next.
type Faults = VecDeque<(&'static str, String, Fault)>;

/// What answers.
pub(crate) trait Office: Send + 'static {
    fn answer(&mut self, asked: &Asked, host: &str) -> Said;
}

/// A server that runs until the process ends.
pub(crate) struct Server<O> {
    pub(crate) address: String,
    pub(crate) office: Arc<Mutex<O>>,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
    faults: Arc<Mutex<Faults>>,
}

impl<O: Office> Server<O> {
    pub(crate) fn start(office: O) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = Self {
            address: address.clone(),
            office: Arc::new(Mutex::new(office)),
            asked: Arc::default(),
            faults: Arc::default(),
        };
        let (office, asked, faults) = (
            server.office.clone(),
            server.asked.clone(),
            server.faults.clone(),
        );
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                let _ = serve(stream, &address, &office, &asked, &faults);
            }
        });
        server
    }

    /// Makes the next request of this method, whose target contains this, go wrong.
    pub(crate) fn fault(&self, method: &'static str, part: &str, fault: Fault) {
        let mut faults = self.faults.lock().unwrap();
        faults.push_back((method, part.to_owned(), fault));
    }

    /// The requests since the last call.
    pub(crate) fn taken(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    pub(crate) fn log(&self) -> Vec<String> {
        let all = self.taken();
        all.iter()
            .map(|one| format!("{} {}", one.method, one.path()))
            .collect()
    }
}

fn serve<O: Office>(
    stream: TcpStream,
    host: &str,
    office: &Mutex<O>,
    all: &Mutex<Vec<Asked>>,
    faults: &Mutex<Faults>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(());
    };
    let mut asked = Asked {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: Vec::new(),
        body: Value::Null,
    };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap();
        asked
            .headers
            .push((name.to_owned(), value.trim().to_owned()));
    }
    let length: usize = asked
        .header("content-length")
        .map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    if length > 0 {
        asked.body = serde_json::from_slice(&body).unwrap();
    }
    all.lock().unwrap().push(asked.clone());
    let fault = {
        let mut faults = faults.lock().unwrap();
        let at = faults.iter().position(|(method, part, _)| {
            *method == asked.method && asked.target.contains(part.as_str())
        });
        at.and_then(|at| faults.remove(at))
            .map(|(_, _, fault)| fault)
    };
    let said = match fault {
        Some(Fault::Deaf) => return Ok(()),
        Some(Fault::Hangup) => {
            office.lock().unwrap().answer(&asked, host);
            return Ok(());
        }
        Some(Fault::Instead(said)) => said,
        None => office.lock().unwrap().answer(&asked, host),
    };
    let body = match &said.body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    let mut answer = format!(
        "HTTP/1.1 {} x\r\ncontent-length: {}\r\ncontent-type: application/json\r\nconnection: close\r\n",
        said.status,
        body.len()
    );
    for (name, value) in &said.headers {
        answer.push_str(&format!("{name}: {value}\r\n"));
    }
    answer.push_str("\r\n");
    answer.push_str(&body);
    let mut stream = stream;
    stream.write_all(answer.as_bytes())?;
    stream.flush()
}
