//! A proxy before an emulator that writes down what is sent, and waits when it is told to.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One request as it was on the wire.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// `X-Amz-Target`, the operation of the JSON protocols.
    pub(crate) target: Option<String>,
    /// The service that the request was signed for.
    pub(crate) service: String,
    /// `User-Agent`.
    pub(crate) agent: String,
    pub(crate) body: String,
}

#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    requests: Mutex<Vec<Request>>,
    delay: Duration,
}

impl Proxy {
    pub(crate) fn start(endpoint: &str) -> Self {
        Self::slow(endpoint, Duration::ZERO)
    }

    /// A proxy that waits before each request.
    pub(crate) fn slow(endpoint: &str, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            upstream: endpoint.trim_start_matches("http://").to_owned(),
            requests: Mutex::default(),
            delay,
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let serving = Arc::clone(&serving);
                // A connection that breaks ends; whoever uses it notices.
                std::thread::spawn(move || serving.serve(client));
            }
        });
        Self { port, shared }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Shared {
    fn serve(&self, client: TcpStream) -> std::io::Result<()> {
        let mut upstream = TcpStream::connect(&self.upstream)?;
        upstream.set_nodelay(true)?;
        client.set_nodelay(true)?;
        let mut back = client.try_clone()?;
        let mut answers = upstream.try_clone()?;
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut answers, &mut back);
            let _ = back.shutdown(Shutdown::Write);
        });
        let mut client = BufReader::new(client);
        while let Some((bytes, request)) = read_request(&mut client)? {
            self.requests
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(request);
            std::thread::sleep(self.delay);
            upstream.write_all(&bytes)?;
        }
        upstream.shutdown(Shutdown::Write)
    }
}

fn read_request(client: &mut impl BufRead) -> std::io::Result<Option<(Vec<u8>, Request)>> {
    let mut bytes = Vec::new();
    let mut request = Request::default();
    let mut length = 0;
    loop {
        let mut line = Vec::new();
        if client.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        if bytes.is_empty() {
            let mut words = text.split(' ');
            request.method = words.next().unwrap_or_default().to_owned();
            request.path = words.next().unwrap_or_default().to_owned();
        }
        bytes.extend_from_slice(&line);
        if text.is_empty() {
            break;
        }
        let (name, value) = text.split_once(':').unwrap_or((&text, ""));
        match (name.to_lowercase().as_str(), value.trim()) {
            ("content-length", value) => length = value.parse().unwrap_or(0),
            ("user-agent", value) => request.agent = value.to_owned(),
            ("x-amz-target", value) => request.target = Some(value.to_owned()),
            ("authorization", value) => {
                // AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, ...
                request.service = value.split('/').nth(3).unwrap_or_default().to_owned();
            }
            ("transfer-encoding", value) => panic!("a request with {value} cannot be written down"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    client.read_exact(&mut body)?;
    bytes.extend_from_slice(&body);
    request.body = String::from_utf8_lossy(&body).into_owned();
    Ok(Some((bytes, request)))
}
