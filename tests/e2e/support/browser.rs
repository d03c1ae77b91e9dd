//! A real Chromium without a window, spoken to in its own DevTools protocol over a pair of pipes: no driver, no
//! port. It ends with the pipes, and so with the test process however that ends.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::scanned::work_dir;

/// Longest wait for an answer, or for something to come true on the page.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where a page is, for messages.
const WHERE: &str = "`${location.href.slice(-80)}, ${document.visibilityState}, \
     ${document.hasFocus() ? 'with' : 'without'} focus on ${document.activeElement?.outerHTML.slice(0, 80)}, \
     dialogs open: ${document.querySelectorAll('dialog[open]').length}`";

/// Where browsers are installed.
const PLACES: [&str; 4] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/opt/google/chrome/chrome",
];

const FLAGS: [&str; 11] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
    "about:blank",
];

/// A browser with one page.
pub(crate) struct Browser {
    process: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    session: String,
    serial: u64,
    /// What the page did meanwhile, as the protocol tells it.
    events: Vec<Value>,
}

/// The browser to use; none when there is none, which is said aloud.
fn program() -> Option<PathBuf> {
    let say = |why: &str| {
        // Past the harness, which shows nothing of a test that passes.
        let _ = writeln!(
            std::io::stderr(),
            "browser test skipped: {why}; `make browser` installs one"
        );
    };
    if std::env::var_os("POSTURE_E2E").is_some_and(|value| value == "skip") {
        return None;
    }
    if let Some(given) = std::env::var_os("POSTURE_BROWSER") {
        if given == "skip" {
            say("POSTURE_BROWSER=skip");
            return None;
        }
        return Some(given.into());
    }
    let found = PLACES.iter().map(Path::new).find(|path| path.exists());
    if found.is_none() {
        say("there is no Chromium");
    }
    found.map(Path::to_owned)
}

impl Browser {
    /// With an empty page of 1440 by 1000 pixels; none when there is no browser.
    pub(crate) fn start() -> Option<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let program = program()?;
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let profile = work_dir().join(format!("browser-{number}"));
        // The protocol's pipes are descriptors 3 and 4, which only a shell can give to a child from here.
        let mut process = Command::new("sh")
            .args([
                "-c",
                "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1",
            ])
            .arg(&program)
            .arg(format!("--user-data-dir={}", profile.display()))
            .args(FLAGS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (send, messages) = channel();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while output
                .read_until(0, &mut message)
                .is_ok_and(|read| read > 0)
            {
                message.pop();
                let Ok(value) = serde_json::from_slice(&message) else {
                    return;
                };
                if send.send(value).is_err() {
                    return;
                }
                message.clear();
            }
        });
        let mut browser = Self {
            input: process.stdin.take().unwrap(),
            process,
            messages,
            session: String::new(),
            serial: 0,
            events: Vec::new(),
        };
        browser.open_page();
        Some(browser)
    }

    fn open_page(&mut self) {
        let target = self.call("Target.createTarget", json!({"url": "about:blank"}));
        let attached = self.call(
            "Target.attachToTarget",
            json!({"targetId": target["targetId"], "flatten": true}),
        );
        attached["sessionId"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.session);
        for domain in ["Page", "Runtime", "Network", "Log"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
        self.size(1440, 1000);
    }

    /// Asks the browser for something.
    #[track_caller]
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.serial += 1;
        let mut message = json!({"id": self.serial, "method": method, "params": parameters});
        if !self.session.is_empty() {
            message["sessionId"] = self.session.as_str().into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.input.write_all(&bytes).unwrap();
        loop {
            let mut answer = self
                .messages
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|error| panic!("no answer to {method}: {error}"));
            if answer["id"] != self.serial {
                self.events.push(answer);
                continue;
            }
            assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
            return answer["result"].take();
        }
    }

    /// The value of an expression on the page, promises awaited, as if a person had just clicked.
    #[track_caller]
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let mut answer = self.call(
            "Runtime.evaluate",
            json!({"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true}),
        );
        let failed = &answer["exceptionDetails"];
        assert!(failed.is_null(), "{expression}: {failed}");
        answer["result"]["value"].take()
    }

    /// The text of an expression on the page.
    #[track_caller]
    pub(crate) fn text(&mut self, expression: &str) -> String {
        let value = self.evaluate(expression);
        value
            .as_str()
            .unwrap_or_else(|| panic!("{expression} is {value}"))
            .to_owned()
    }

    /// The number that an expression on the page gives.
    #[track_caller]
    pub(crate) fn number(&mut self, expression: &str) -> f64 {
        let value = self.evaluate(expression);
        value
            .as_f64()
            .unwrap_or_else(|| panic!("{expression} is {value}"))
    }

    /// Waits until an expression is true on the page.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        let safe = format!(
            "(() => {{ try {{ return Boolean({expression}); }} catch {{ return false; }} }})()"
        );
        while self.evaluate(&safe) != true {
            assert!(
                Instant::now() < deadline,
                "never true: {expression}; the page is {}",
                self.evaluate(WHERE)
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Opens an address afresh, and waits until the page's script has unfolded the findings.
    #[track_caller]
    pub(crate) fn open(&mut self, url: &str) {
        // From elsewhere: a new fragment of the same page would load nothing.
        self.call("Page.navigate", json!({"url": "about:blank"}));
        self.wait_for("location.href === 'about:blank'");
        self.call("Page.navigate", json!({"url": url}));
        self.wait_for("document.documentElement.dataset.ready === 'true'");
    }

    /// Goes to another fragment of the open page.
    #[track_caller]
    pub(crate) fn go(&mut self, fragment: &str) {
        self.evaluate(&format!("location.hash = {}", json!(fragment)));
        // Its event comes when the script that set it has ended.
        self.settle();
    }

    /// Waits for what the page has put off to its next frames.
    #[track_caller]
    pub(crate) fn settle(&mut self) {
        self.evaluate(
            "new Promise((done) => setTimeout(() => requestAnimationFrame(() => setTimeout(done, 20)), 60))",
        );
    }

    #[track_caller]
    pub(crate) fn click(&mut self, selector: &str) {
        let selector = json!(selector);
        let found = self.evaluate(&format!("Boolean(document.querySelector({selector}))"));
        assert_eq!(found, true, "there is no {selector} to click");
        self.evaluate(&format!("document.querySelector({selector}).click()"));
        self.settle();
    }

    /// Presses a key, named as in the DOM.
    #[track_caller]
    pub(crate) fn press(&mut self, key: &str) {
        let code = match key {
            "Enter" => 13,
            "Escape" => 27,
            "Tab" => 9,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            other => other.chars().next().map_or(0, |c| c as u32),
        };
        let text = match key {
            "Enter" => "\r",
            short if short.chars().count() == 1 => short,
            _ => "",
        };
        let down = if text.is_empty() {
            "rawKeyDown"
        } else {
            "keyDown"
        };
        for kind in [down, "keyUp"] {
            let mut event =
                json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            if kind == "keyDown" {
                event["text"] = text.into();
            }
            self.call("Input.dispatchKeyEvent", event);
        }
        self.settle();
    }

    /// Types into what has the focus.
    #[track_caller]
    pub(crate) fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
        self.settle();
    }

    pub(crate) fn size(&mut self, width: u32, height: u32) {
        self.call(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}),
        );
    }

    /// Shows the page as on such a medium, to someone who prefers such colours.
    pub(crate) fn media(&mut self, medium: &str, colors: &str) {
        self.call(
            "Emulation.setEmulatedMedia",
            json!({"media": medium, "features": [{"name": "prefers-color-scheme", "value": colors}]}),
        );
    }

    /// What the page did that a report must not: requests beyond the page itself, errors, dialogs.
    pub(crate) fn misdeeds(&mut self) -> Vec<String> {
        // Events stand before the answer to whatever is asked next.
        self.evaluate("0");
        let mut found = Vec::new();
        for event in std::mem::take(&mut self.events) {
            let parameters = &event["params"];
            match event["method"].as_str().unwrap_or_default() {
                "Network.requestWillBeSent" => {
                    let url = parameters["request"]["url"].as_str().unwrap_or_default();
                    // The pages are those that the test opens itself.
                    if parameters["type"] != "Document" && !url.starts_with("data:") {
                        found.push(format!("asks for {url}"));
                    }
                }
                "Network.webSocketCreated" | "Page.javascriptDialogOpening" | "Page.windowOpen" => {
                    found.push(event.to_string());
                }
                "Runtime.exceptionThrown" => {
                    found.push(parameters["exceptionDetails"].to_string());
                }
                "Runtime.consoleAPICalled" | "Log.entryAdded" => found.push(parameters.to_string()),
                _ => {}
            }
        }
        found
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
