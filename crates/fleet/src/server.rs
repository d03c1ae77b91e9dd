//! The server: connections, faults, and the books.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::ask::{Ask, Place};
use crate::config::{Config, ConfigError, Death, ErrorKind, Estate, Faults};
use crate::dice::{Dice, fold, mix};
use crate::http::{Connection, Request, Response, pairs};
use crate::limit::{Buckets, rules};
use crate::refusal::{Refusal, XML};
use crate::service::{self, Operation, Protocol, Routed, Service};
use crate::signer::Signer;
use crate::stats::{Ending, Key, Recorder, Stats};

/// A running server. Dropping it ends it and every connection to it.
#[derive(Debug)]
pub struct Fleet {
    address: SocketAddr,
    state: Arc<State>,
    accepting: Option<JoinHandle<()>>,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The port is not to be had.
    #[error("cannot listen on 127.0.0.1:{port}: {source}; give another port, or 0 for any")]
    Listen {
        /// The port asked for.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
}

impl Fleet {
    /// Starts on a free port of the loopback interface.
    pub fn start(config: Config) -> Result<Self, StartError> {
        Self::start_on(0, config)
    }

    /// Starts on a port of the loopback interface; 0 is any.
    pub fn start_on(port: u16, config: Config) -> Result<Self, StartError> {
        config.check()?;
        let listen = |source| StartError::Listen { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let state = Arc::new(State::new(config));
        let accepting = {
            let state = Arc::clone(&state);
            thread::Builder::new()
                .name("fleet accept".to_owned())
                .spawn(move || accept(&listener, &state))
                .map_err(listen)?
        };
        Ok(Self {
            address,
            state,
            accepting: Some(accepting),
        })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What clients take for `--endpoint-url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was seen since the start or the last reset, in windows of a second.
    pub fn stats(&self) -> Stats {
        self.stats_in(Duration::from_secs(1), false)
    }

    /// The same in windows of another length, and on demand with the moment of every arrival.
    pub fn stats_in(&self, window: Duration, with_arrivals: bool) -> Stats {
        lock(&self.state.recorder).stats(window, with_arrivals)
    }

    /// Forgets what was seen and fills all buckets.
    pub fn reset(&self) {
        self.state.reset();
    }

    /// What goes wrong from now on. Buckets are filled anew.
    pub fn set_faults(&self, faults: Faults) -> Result<(), ConfigError> {
        self.state.set_faults(faults)
    }

    /// What goes wrong now.
    pub fn faults(&self) -> Faults {
        Faults::clone(&lock(&self.state.faults))
    }

    /// What there is.
    pub fn estate(&self) -> &Estate {
        &self.state.estate
    }

    /// Waits until the server ends, which it does not by itself.
    pub fn wait(mut self) {
        if let Some(accepting) = self.accepting.take() {
            // A panic of that thread has been told of where it happened.
            let _ = accepting.join();
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.state.stopping.store(true, Ordering::SeqCst);
        // The accepting thread looks at the flag when somebody comes.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        for connection in lock(&self.state.connections).values() {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

#[derive(Debug)]
struct State {
    estate: Estate,
    faults: Mutex<Arc<Faults>>,
    recorder: Mutex<Recorder>,
    buckets: Mutex<Buckets>,
    /// How often each request came, by its fingerprint: what errors are drawn from.
    attempts: Mutex<HashMap<u64, u32>>,
    connections: Mutex<HashMap<u64, Arc<TcpStream>>>,
    next_connection: AtomicU64,
    stopping: AtomicBool,
}

/// A poisoned lock guards plain values here; the panic that poisoned it is reported elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread's stack: enough for a page of anything, and small for hundreds of connections.
const STACK: usize = 512 * 1024;

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for stream in listener.incoming() {
        if state.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else {
            // Too many open files, most likely: some will be closed.
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        let id = state.next_connection.fetch_add(1, Ordering::Relaxed);
        let stream = Arc::new(stream);
        lock(&state.connections).insert(id, Arc::clone(&stream));
        let serving = {
            let state = Arc::clone(state);
            thread::Builder::new()
                .name("fleet connection".to_owned())
                .stack_size(STACK)
                .spawn(move || {
                    serve(&stream, &state);
                    // Whoever still holds the stream would keep the connection open.
                    let _ = stream.shutdown(Shutdown::Both);
                    lock(&state.connections).remove(&id);
                })
        };
        if serving.is_err() {
            lock(&state.connections).remove(&id);
        }
    }
}

/// Answers one connection's requests until one side has enough.
fn serve(stream: &TcpStream, state: &State) {
    // Answers are written at once; waiting for more to send would only add to the latency.
    let _ = stream.set_nodelay(true);
    let mut connection = Connection::new(stream);
    while let Ok(Some(request)) = connection.next() {
        let arrived = Instant::now();
        if let Some(response) = state.control(&request) {
            if connection.write(&response.bytes(request.last)).is_err() || request.last {
                return;
            }
            continue;
        }
        let going_on = {
            let _under_way = UnderWay::begin(&state.recorder);
            let reply = state.reply(&request, arrived);
            thread::sleep((arrived + reply.delay).saturating_duration_since(Instant::now()));
            match reply.deed {
                Deed::Answer(response) => {
                    connection.write(&response.bytes(request.last)).is_ok() && !request.last
                }
                Deed::Cut(response) => {
                    let bytes = response.bytes(true);
                    let half = bytes.len() - response.body.len().div_ceil(2);
                    let _ = connection.write(bytes.get(..half).unwrap_or_default());
                    false
                }
                Deed::Close => false,
                Deed::Hang => {
                    connection.wait_for_end();
                    false
                }
            }
        };
        if !going_on {
            return;
        }
    }
}

/// Counts a call as under way for as long as it lives.
struct UnderWay<'a>(&'a Mutex<Recorder>);

impl<'a> UnderWay<'a> {
    fn begin(recorder: &'a Mutex<Recorder>) -> Self {
        lock(recorder).begin();
        Self(recorder)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        lock(self.0).end();
    }
}

/// What to do about a request, and when.
struct Reply {
    delay: Duration,
    deed: Deed,
}

enum Deed {
    Answer(Response),
    /// Half an answer, then the end of the connection.
    Cut(Response),
    Close,
    Hang,
}

/// A call with everything that is known of it before it is answered.
struct Call<'a> {
    signer: &'a Signer,
    service: &'static Service,
    operation: &'static Operation,
    /// Equal for equal calls, whenever and however often they come.
    fingerprint: u64,
}

impl State {
    fn new(config: Config) -> Self {
        Self {
            estate: config.estate,
            faults: Mutex::new(Arc::new(config.faults)),
            recorder: Mutex::new(Recorder::new()),
            buckets: Mutex::default(),
            attempts: Mutex::default(),
            connections: Mutex::default(),
            next_connection: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
        }
    }

    fn reset(&self) {
        lock(&self.recorder).reset();
        lock(&self.buckets).clear();
        lock(&self.attempts).clear();
    }

    fn set_faults(&self, faults: Faults) -> Result<(), ConfigError> {
        faults.check(&self.estate)?;
        *lock(&self.faults) = Arc::new(faults);
        lock(&self.buckets).clear();
        Ok(())
    }

    fn reply(&self, request: &Request, arrived: Instant) -> Reply {
        let faults = Arc::clone(&lock(&self.faults));
        let at_once = |deed| Reply {
            delay: Duration::from_millis(faults.latency.base_ms),
            deed,
        };
        let Some(signer) = Signer::of(request, &self.estate) else {
            self.unknown(request);
            return at_once(Deed::Answer(unsigned()));
        };
        let routed = match service::route(request, &signer.service) {
            Ok(routed) => routed,
            Err(service) => {
                self.unknown(request);
                let response = match service {
                    Some(service) => Refusal::unknown_operation(service).response(service, "fleet"),
                    None => unsigned(),
                };
                return at_once(Deed::Answer(response));
            }
        };
        let call = Call {
            fingerprint: fingerprint(&signer, &routed),
            signer: &signer,
            service: routed.service,
            operation: routed.operation,
        };
        let (ending, deed, chain) = self.decide(&call, &routed, &faults, arrived);
        let key = Key {
            account: signer.account,
            region: signer.region.clone(),
            service: call.service.name,
            operation: call.operation.name,
        };
        lock(&self.recorder).book(key, arrived, ending, call.fingerprint, chain);
        Reply {
            delay: latency(&call, &faults, &self.estate),
            deed,
        }
    }

    fn unknown(&self, request: &Request) {
        let named = request
            .header("x-amz-target")
            .map(str::to_owned)
            .or_else(|| {
                pairs(&String::from_utf8_lossy(&request.body), true)
                    .into_iter()
                    .find_map(|(name, value)| (name == "Action").then_some(value))
            })
            .unwrap_or_default();
        let text = format!("{} {} {named}", request.method, request.path());
        let text: String = text
            .trim_end()
            .chars()
            .filter(|c| !c.is_control())
            .take(200)
            .collect();
        lock(&self.recorder).book_unknown(text);
    }

    /// How the call ends. A dead region goes before everything: nobody there to throttle or refuse.
    fn decide(
        &self,
        call: &Call<'_>,
        routed: &Routed,
        faults: &Faults,
        arrived: Instant,
    ) -> (Ending, Deed, (Option<&'static str>, u32)) {
        let dependence = call.operation.dependence(&routed.parameters);
        let nothing = (dependence.after, 0);
        let refuse = |ending, refusal: Refusal| {
            let response = refusal.response(call.service, &request_id(call.fingerprint));
            (ending, Deed::Answer(response), nothing)
        };
        match faults.dead_regions.get(&call.signer.region) {
            Some(Death::Hang) => return (Ending::Failed, Deed::Hang, nothing),
            Some(Death::Close) => return (Ending::Failed, Deed::Close, nothing),
            None => {}
        }
        let rules = rules(&faults.limits, call.service.name, call.operation.name);
        let taken =
            lock(&self.buckets).take(call.signer.account, &call.signer.region, &rules, arrived);
        if let Err(limit) = taken {
            let refusal = Refusal::throttled(call.service, limit.retry_after_s);
            return refuse(Ending::Throttled, refusal);
        }
        if call.signer.has_expired(now_ms()) {
            return refuse(Ending::Expired, Refusal::expired(call.service));
        }
        if let Some(refusal) = self.stranger(call) {
            return refuse(Ending::Denied, refusal);
        }
        let broken = self.error(call, faults);
        match broken {
            Some(ErrorKind::Denied) => {
                return refuse(Ending::Denied, Refusal::denied(call.service));
            }
            Some(ErrorKind::Throttled) => {
                return refuse(Ending::Throttled, Refusal::throttled(call.service, None));
            }
            Some(ErrorKind::Internal) => {
                return refuse(Ending::Failed, Refusal::internal(call.service));
            }
            Some(ErrorKind::Unavailable) => {
                return (Ending::Failed, Deed::Answer(unavailable()), nothing);
            }
            Some(ErrorKind::Close) => return (Ending::Failed, Deed::Close, nothing),
            Some(ErrorKind::Hang) => return (Ending::Failed, Deed::Hang, nothing),
            Some(ErrorKind::Truncated | ErrorKind::Malformed) | None => {}
        }
        let (ending, response, page) = self.answer(call, routed, faults);
        match broken {
            Some(ErrorKind::Truncated) => (Ending::Failed, Deed::Cut(response), nothing),
            Some(ErrorKind::Malformed) => (Ending::Failed, Deed::Answer(spoilt(response)), nothing),
            _ => {
                let chain = (dependence.after, dependence.between + page + 1);
                (ending, Deed::Answer(response), chain)
            }
        }
    }

    /// The refusal of a caller that the fleet does not have, or not in that region.
    fn stranger(&self, call: &Call<'_>) -> Option<Refusal> {
        let region = &call.signer.region;
        let here = self.estate.has_region(region)
            || is_home(region)
            || call.service.global
            || call.operation.name == "DescribeRegions";
        (!self.estate.is_active(call.signer.account) || !here)
            .then(|| Refusal::unknown_caller(call.service))
    }

    /// The error that a rule has in store for this attempt.
    fn error(&self, call: &Call<'_>, faults: &Faults) -> Option<ErrorKind> {
        if faults.errors.is_empty() {
            return None;
        }
        let attempt = {
            let mut attempts = lock(&self.attempts);
            let attempt = attempts.entry(call.fingerprint).or_default();
            *attempt = attempt.saturating_add(1);
            *attempt
        };
        let fits =
            |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        (0_u64..).zip(&faults.errors).find_map(|(number, rule)| {
            let strikes = rule
                .account
                .is_none_or(|account| account == call.signer.account)
                && fits(&rule.region, &call.signer.region)
                && fits(&rule.service, call.service.name)
                && fits(&rule.operation, call.operation.name)
                && rule.attempts.is_none_or(|most| attempt <= most)
                && Dice::new(self.estate.seed ^ call.fingerprint)
                    .at(number)
                    .at(u64::from(attempt))
                    .share("error")
                    < rule.rate;
            strikes.then_some(rule.kind)
        })
    }

    /// What AWS would say, and the number of the page.
    fn answer(&self, call: &Call<'_>, routed: &Routed, faults: &Faults) -> (Ending, Response, u32) {
        let place = Place {
            estate: &self.estate,
            account: call.signer.account,
            region: if call.service.global {
                ""
            } else {
                &call.signer.region
            },
        };
        let request_id = request_id(call.fingerprint);
        let asked = Ask::new(
            place,
            call.service,
            call.operation,
            &routed.parameters,
            call.signer,
            faults,
            now_ms(),
        );
        let answered = asked.and_then(|ask| {
            let page = ask.page_number();
            Ok(((call.operation.answer)(&ask)?, page))
        });
        match answered {
            Ok((body, page)) => {
                let body = enveloped(call.service, call.operation.name, body, &request_id);
                let response = Response {
                    status: 200,
                    content_type: content_type(call.service, &body),
                    headers: vec![("x-amzn-RequestId", request_id)],
                    body: body.into_bytes(),
                };
                (Ending::Answered, response, page)
            }
            Err(refusal) => {
                let denied = refusal.code.starts_with("AccessDenied")
                    || refusal.code == "UnauthorizedOperation";
                let ending = if denied {
                    Ending::Denied
                } else {
                    Ending::Answered
                };
                (ending, refusal.response(call.service, &request_id), 0)
            }
        }
    }

    // ---- The control endpoint --------------------------------------------------------------------

    /// The answer to a request that is not AWS's business.
    fn control(&self, request: &Request) -> Option<Response> {
        let what = request.path().strip_prefix("/_fleet/")?;
        let (status, body) = match (request.method.as_str(), what) {
            ("GET", "stats") => (200, self.stats(request.query())),
            ("GET", "config") => (200, self.config()),
            ("POST", "config") => {
                let text = String::from_utf8_lossy(&request.body);
                let current = Faults::clone(&lock(&self.faults));
                match current
                    .patched(&text)
                    .and_then(|faults| self.set_faults(faults))
                {
                    Ok(()) => (200, self.config()),
                    Err(error) => (400, json!({"error": error.to_string()})),
                }
            }
            ("POST", "reset") => {
                self.reset();
                (200, json!({}))
            }
            ("GET" | "POST", _) => {
                let known = "GET stats, GET config, POST config, POST reset";
                (
                    404,
                    json!({"error": format!("no /_fleet/{what}; there are {known}")}),
                )
            }
            _ => (405, json!({"error": "use GET or POST"})),
        };
        Some(Response::json(status, &body))
    }

    fn stats(&self, query: &str) -> Value {
        let asked = pairs(query, true);
        let value = |name: &str| {
            asked
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
        };
        let window = value("window_ms")
            .and_then(|text| text.parse().ok())
            .unwrap_or(1000);
        let arrivals = value("arrivals").is_some_and(|value| value != "false");
        let stats = lock(&self.recorder).stats(Duration::from_millis(window), arrivals);
        serde_json::to_value(stats).unwrap_or_default()
    }

    fn config(&self) -> Value {
        json!({"estate": self.estate, "faults": Faults::clone(&lock(&self.faults))})
    }
}

/// The region in which global services are signed for and CloudFront's things are kept.
pub(crate) fn is_home(region: &str) -> bool {
    ["us-east-1", "us-gov-west-1", "cn-north-1"].contains(&region)
}

fn fingerprint(signer: &Signer, routed: &Routed) -> u64 {
    let place = [
        signer.account.to_string().as_str(),
        &signer.region,
        routed.service.name,
        routed.operation.name,
    ]
    .iter()
    .fold(0, |state, part| mix(fold(state, part.as_bytes())));
    mix(place ^ routed.parameters.fingerprint(&[]))
}

fn request_id(fingerprint: u64) -> String {
    crate::id::uuid(Dice::new(fingerprint), 0)
}

fn latency(call: &Call<'_>, faults: &Faults, estate: &Estate) -> Duration {
    let latency = &faults.latency;
    let more = |names: &std::collections::BTreeMap<String, u64>, name: &str| {
        names.get(name).copied().unwrap_or(0)
    };
    let jitter = match latency.jitter_ms {
        0 => 0,
        most => Dice::new(estate.seed ^ call.fingerprint).number("jitter") % (most + 1),
    };
    let whole = format!("{}:{}", call.service.name, call.operation.name);
    let milliseconds = [
        latency.base_ms,
        jitter,
        more(&latency.regions, &call.signer.region),
        more(&latency.operations, call.service.name),
        more(&latency.operations, &whole),
    ];
    Duration::from_millis(
        milliseconds
            .iter()
            .fold(0, |sum, part| sum.saturating_add(*part)),
    )
}

fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

/// What a protocol wraps around an answer.
fn enveloped(service: &Service, operation: &str, body: String, request_id: &str) -> String {
    match service.protocol {
        Protocol::Query(namespace) => format!(
            "<{operation}Response xmlns=\"{namespace}\"><{operation}Result>{body}</{operation}Result>\
             <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
        ),
        Protocol::Ec2 => format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <{operation}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
             <requestId>{request_id}</requestId>{body}</{operation}Response>"
        ),
        _ => body,
    }
}

fn content_type(service: &Service, body: &str) -> &'static str {
    match service.protocol {
        Protocol::Json(_) => "application/x-amz-json-1.1",
        Protocol::RestJson => "application/json",
        // A bucket's policy comes as it was put.
        Protocol::S3 if body.starts_with('{') => "application/json",
        _ => XML,
    }
}

fn unsigned() -> Response {
    Response::json(403, &json!({"message": "Missing Authentication Token"}))
}

/// What a load balancer says before a service that does not answer.
fn unavailable() -> Response {
    Response {
        status: 503,
        content_type: "text/html",
        headers: Vec::new(),
        body: b"<html><body><b>Http/1.1 Service Unavailable</b></body> </html>".to_vec(),
    }
}

/// An answer whose document stops in the middle.
fn spoilt(mut response: Response) -> Response {
    response.body.truncate(response.body.len() / 2);
    // What is left must not parse in any protocol, even when there was little to cut.
    response.body.extend_from_slice(b"<{\"");
    response
}
