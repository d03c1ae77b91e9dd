//! A Security Hub that holds callers to what AWS documents, and more strictly than the emulator does: one for
//! each account and region, in a local server of its own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

/// The account of the keys `local`.
pub(crate) const CALLER: &str = "111111111111";

/// An account and region.
type Place = (String, String);

#[derive(Debug, Default)]
struct State {
    /// Findings by id.
    findings: BTreeMap<Place, BTreeMap<String, Value>>,
    /// Operations in the order in which they came, those that were refused included.
    calls: Vec<String>,
    /// Where it is not enabled.
    absent: Vec<Place>,
    /// Ids that are not taken.
    refused: Vec<String>,
    /// Calls that are throttled before one is answered.
    throttled: u32,
    /// Findings on a page.
    page: usize,
}

/// The server. It ends with the test process.
#[derive(Debug)]
pub(crate) struct Hub {
    port: u16,
    state: Arc<Mutex<State>>,
}

/// What is asked, by whom.
struct Ask {
    method: String,
    path: String,
    body: String,
    place: Place,
}

impl Hub {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            page: 100,
            ..State::default()
        }));
        let serving = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let serving = Arc::clone(&serving);
                std::thread::spawn(move || serve(client, &serving));
            }
        });
        Self { port, state }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// There is no Security Hub in this account and region.
    pub(crate) fn disable(&self, account: &str, region: &str) {
        self.state()
            .absent
            .push((account.to_owned(), region.to_owned()));
    }

    /// The next calls are throttled.
    pub(crate) fn throttle(&self, calls: u32) {
        self.state().throttled = calls;
    }

    /// A finding with this id is not taken.
    pub(crate) fn refuse(&self, id: &str) {
        self.state().refused.push(id.to_owned());
    }

    /// Findings on a page.
    pub(crate) fn pages_of(&self, count: usize) {
        self.state().page = count;
    }

    /// Changes a finding as a person or AWS would.
    pub(crate) fn change(&self, id: &str, change: impl Fn(&mut Map<String, Value>)) {
        for findings in self.state().findings.values_mut() {
            if let Some(finding) = findings.get_mut(id) {
                change(finding.as_object_mut().unwrap());
                return;
            }
        }
        panic!("no finding {id}");
    }

    /// All findings by id, wherever they are.
    pub(crate) fn findings(&self) -> BTreeMap<String, Value> {
        let state = self.state();
        let all = state.findings.values().flatten();
        all.map(|(id, finding)| (id.clone(), finding.clone()))
            .collect()
    }

    /// How often an operation was called.
    pub(crate) fn calls(&self, operation: &str) -> usize {
        self.state()
            .calls
            .iter()
            .filter(|call| *call == operation)
            .count()
    }

    pub(crate) fn forget_calls(&self) {
        self.state().calls.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(client: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut writer = client.try_clone()?;
    let mut reader = BufReader::new(client);
    while let Some(ask) = read(&mut reader)? {
        let (status, kind, body) = answer(&ask, state);
        let error = if status == 200 { "" } else { body.as_str() };
        let code = serde_json::from_str::<Value>(error).ok();
        let code = code.and_then(|body| Some(body["Code"].as_str()?.to_owned()));
        let header = code.map(|code| format!("x-amzn-errortype: {code}\r\n"));
        write!(
            writer,
            "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{}content-length: {}\r\n\r\n{body}",
            header.unwrap_or_default(),
            body.len()
        )?;
    }
    Ok(())
}

fn read(reader: &mut impl BufRead) -> std::io::Result<Option<Ask>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let mut place = (String::new(), String::new());
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            // AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, ...
            "authorization" => {
                let parts: Vec<&str> = value.split('/').collect();
                let key = parts[0].rsplit('=').next().unwrap();
                let account = key.strip_prefix("ASIA").unwrap_or(CALLER);
                place = (account.to_owned(), parts[2].to_owned());
            }
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Ask {
        method,
        path,
        body: String::from_utf8(body).unwrap(),
        place,
    }))
}

fn answer(ask: &Ask, state: &Mutex<State>) -> (u16, &'static str, String) {
    if ask.path == "/" {
        return (200, "text/xml", sts(&ask.body));
    }
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let operation = match (ask.method.as_str(), ask.path.as_str()) {
        ("POST", "/findings/import") => "BatchImportFindings",
        ("POST", "/findings") => "GetFindings",
        ("PATCH", "/findings/batchupdate") => "BatchUpdateFindings",
        other => panic!("{other:?} is no call of an import"),
    };
    state.calls.push(operation.to_owned());
    if state.throttled > 0 {
        state.throttled -= 1;
        return error(429, "TooManyRequestsException", "slow down");
    }
    if state.absent.contains(&ask.place) {
        let message = format!(
            "Account {} is not subscribed to AWS Security Hub",
            ask.place.0
        );
        return error(401, "InvalidAccessException", &message);
    }
    let body: Value = serde_json::from_str(&ask.body).unwrap();
    let answered = match operation {
        "BatchImportFindings" => state.import(&ask.place, &body),
        "GetFindings" => state.list(&ask.place, &body),
        _ => state.update(&ask.place, &body),
    };
    match answered {
        Ok(body) => (200, "application/json", body.to_string()),
        Err(message) => error(400, "InvalidInputException", &message),
    }
}

fn error(status: u16, code: &str, message: &str) -> (u16, &'static str, String) {
    let body = json!({"Code": code, "Message": message});
    (status, "application/json", body.to_string())
}

fn sts(body: &str) -> String {
    let parameter = |name: &str| {
        let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .filter(|(known, _)| *known == name)
            .map(|(_, value)| value)
            .next()
    };
    match parameter("Action").unwrap() {
        "GetCallerIdentity" => format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetCallerIdentityResult><Arn>arn:aws:iam::{CALLER}:user/importer</Arn><UserId>U</UserId>\
             <Account>{CALLER}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        ),
        "AssumeRole" => {
            // arn%3Aaws%3Aiam%3A%3A222222222222%3Arole%2FImporter
            let role = parameter("RoleArn").unwrap();
            let account = role.split("%3A").nth(4).unwrap();
            assert!(role.ends_with("role%2FImporter"), "{role}");
            format!(
                "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
                 <Credentials><AccessKeyId>ASIA{account}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
                 <SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>\
                 <AssumedRoleUser><AssumedRoleId>A:s</AssumedRoleId><Arn>arn:aws:sts::{account}:assumed-role/Importer/s</Arn>\
                 </AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"
            )
        }
        other => panic!("sts:{other}"),
    }
}

impl State {
    fn import(&mut self, place: &Place, body: &Value) -> Result<Value, String> {
        let findings = body["Findings"].as_array().ok_or("no Findings")?;
        if findings.is_empty() || findings.len() > 100 {
            return Err(format!("{} findings in one request", findings.len()));
        }
        let mut failed = Vec::new();
        for finding in findings {
            let id = finding["Id"].as_str().unwrap_or_default().to_owned();
            if self.refused.contains(&id) {
                failed.push(json!({"Id": id, "ErrorCode": "InvalidInput", "ErrorMessage": "refused by the test"}));
                continue;
            }
            self.take(place, &id, finding)?;
        }
        Ok(json!({
            "FailedCount": failed.len(),
            "SuccessCount": findings.len() - failed.len(),
            "FailedFindings": failed,
        }))
    }

    fn take(&mut self, place: &Place, id: &str, finding: &Value) -> Result<(), String> {
        let (account, region) = place;
        let text = |name: &str| finding[name].as_str().unwrap_or_default();
        for required in [
            "SchemaVersion",
            "Id",
            "ProductArn",
            "GeneratorId",
            "AwsAccountId",
            "CreatedAt",
            "UpdatedAt",
            "Title",
            "Description",
        ] {
            if text(required).is_empty() {
                return Err(format!("{required} is missing"));
            }
        }
        for (name, most) in [("Title", 256), ("Description", 1024), ("Id", 512)] {
            if text(name).chars().count() > most {
                return Err(format!("{name} is too long"));
            }
        }
        let product = format!("arn:aws:securityhub:{region}:{account}:product/{account}/default");
        if text("ProductArn") != product || text("AwsAccountId") != account {
            return Err(format!("{} imports into {product}", text("ProductArn")));
        }
        if finding["Resources"]
            .as_array()
            .is_none_or(|list| list.is_empty())
        {
            return Err("no Resources".to_owned());
        }
        let known = self.findings.entry(place.clone()).or_default();
        let mut merged = finding.as_object().cloned().unwrap();
        match known.get(id) {
            Some(old) => {
                if text("UpdatedAt") <= old["UpdatedAt"].as_str().unwrap_or_default() {
                    return Err(format!("{id} was updated later"));
                }
                // These are the customer's; an import that carries them is a mistake.
                for theirs in ["Note", "Workflow", "VerificationState", "UserDefinedFields"] {
                    if merged.contains_key(theirs) {
                        return Err(format!("{theirs} of a finding that exists"));
                    }
                    if let Some(value) = old.get(theirs) {
                        merged.insert(theirs.to_owned(), value.clone());
                    }
                }
            }
            None => {
                merged.entry("Workflow").or_insert(json!({"Status": "NEW"}));
            }
        }
        merged.insert("Region".to_owned(), json!(region));
        merged.insert("ProcessedAt".to_owned(), json!("2026-01-01T00:00:00Z"));
        merged.insert("WorkflowState".to_owned(), json!("NEW"));
        known.insert(id.to_owned(), Value::Object(merged));
        Ok(())
    }

    fn list(&self, place: &Place, body: &Value) -> Result<Value, String> {
        let filters = &body["Filters"];
        let product = filters["ProductArn"][0]["Value"]
            .as_str()
            .ok_or("no filter for the product")?;
        let prefix = filters["GeneratorId"][0]["Value"]
            .as_str()
            .unwrap_or_default();
        let known = self.findings.get(place);
        let matching: Vec<&Value> = known
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter(|finding| finding["ProductArn"] == product)
            .filter(|finding| finding["GeneratorId"].as_str().unwrap().starts_with(prefix))
            .collect();
        let from: usize = body["NextToken"]
            .as_str()
            .map_or(0, |token| token.parse().unwrap());
        let page: Vec<&Value> = matching
            .iter()
            .skip(from)
            .take(self.page)
            .copied()
            .collect();
        let next = from + page.len();
        let mut answer = json!({"Findings": page});
        if next < matching.len() {
            answer["NextToken"] = json!(next.to_string());
        }
        Ok(answer)
    }

    fn update(&mut self, place: &Place, body: &Value) -> Result<Value, String> {
        let ids = body["FindingIdentifiers"]
            .as_array()
            .ok_or("no FindingIdentifiers")?;
        if ids.len() > 100 {
            return Err("too many".to_owned());
        }
        let known = self.findings.entry(place.clone()).or_default();
        let mut note = body["Note"].clone();
        note["UpdatedAt"] = json!("2026-01-01T00:00:00Z");
        for id in ids {
            let finding = known
                .get_mut(id["Id"].as_str().unwrap())
                .ok_or("no such finding")?;
            finding["Workflow"] = body["Workflow"].clone();
            finding["Note"] = note.clone();
        }
        Ok(json!({"ProcessedFindings": ids, "UnprocessedFindings": []}))
    }
}
