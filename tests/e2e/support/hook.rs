//! A server that webhooks are posted to.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Hook {
    port: u16,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    answer: &'static str,
    posted: Vec<Value>,
}

impl Hook {
    /// What no output may hold.
    pub(crate) const SECRET: &'static str = "CANARYhook0b9c7c3e5f";

    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Mutex::new(Shared {
            answer: "200 OK",
            posted: Vec::new(),
        }));
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let mut client = BufReader::new(client);
                let body = read(&mut client);
                let mut shared = serving.lock().unwrap_or_else(PoisonError::into_inner);
                shared.posted.push(body);
                let answer = shared.answer;
                let text =
                    format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                client.get_mut().write_all(text.as_bytes()).unwrap();
            }
        });
        Self { port, shared }
    }

    /// Its address, which is a secret as those of chat services are.
    pub(crate) fn url(&self) -> String {
        format!(
            "http://127.0.0.1:{}/services/{}?key={}",
            self.port,
            Self::SECRET,
            Self::SECRET
        )
    }

    /// Answers so from now on.
    pub(crate) fn answer(&self, answer: &'static str) {
        self.shared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .answer = answer;
    }

    /// What was posted since this was last asked.
    pub(crate) fn posted(&self) -> Vec<Value> {
        std::mem::take(
            &mut self
                .shared
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .posted,
        )
    }
}

/// The body of a request that is as it has to be.
fn read(client: &mut impl BufRead) -> Value {
    let mut line = String::new();
    client.read_line(&mut line).unwrap();
    let path = format!(
        "POST /services/{}?key={} HTTP/1.1",
        Hook::SECRET,
        Hook::SECRET
    );
    assert_eq!(line.trim(), path);
    let mut length = 0;
    loop {
        let mut line = String::new();
        client.read_line(&mut line).unwrap();
        let line = line.trim().to_lowercase();
        match line.split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse().unwrap(),
            Some(("content-type", value)) => assert_eq!(value.trim(), "application/json"),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    client.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap()
}
