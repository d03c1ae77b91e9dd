//! `posture doctor`: what a person runs first when something is wrong.
//!
//! It does not guess from policies what is permitted. It makes every call that a scan would make, in
//! one region, and reports what AWS said.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use comfy_table::{ContentArrangement, Table, presets};
use posture_collect::{
    Operation, ScanRequest, Session, core_operations, find_service, scan, services,
};
use posture_model::GapReason;
use posture_snapshot::{Directory, LedgerEntry, Snapshot};
use serde_json::json;

use crate::args::{DoctorArgs, Global, ListFormat};
use crate::connect;
use crate::evaluate::width;
use crate::exit::{Failure, INCOMPLETE, OK};
use crate::permissions::unknown_service;
use crate::progress::Shown;
use crate::scan::tool;

/// Credentials that end sooner than this will not see a larger scan through.
const SHORT_LIFE: Duration = Duration::from_secs(15 * 60);

struct Diagnosis {
    credentials: String,
    credentials_short: bool,
    caller: String,
    accounts: Vec<String>,
    regions: Vec<String>,
    account_gaps: Vec<String>,
    operations: Vec<(&'static Operation, Outcome)>,
}

#[derive(Clone)]
enum Outcome {
    Answered,
    /// Nothing in the account needed the call, so nothing is known about it.
    NotNeeded,
    Denied(String),
    Failed(String),
}

pub(crate) fn run(args: &DoctorArgs, global: &Global) -> Result<u8, Failure> {
    connect::role_is_named(&args.role)?;
    connect::sessions_are_sound(&args.role, &args.sessions)?;
    for name in &args.service {
        if find_service(name).is_none() {
            return Err(unknown_service(name));
        }
    }
    let runtime = connect::runtime()?;
    let diagnosis = runtime.block_on(diagnose(args, global))?;
    runtime.shutdown_background();
    crate::print(&match args.output {
        ListFormat::Table => table(&diagnosis),
        ListFormat::Json => json_text(&diagnosis)?,
    })?;
    let sound = diagnosis.account_gaps.is_empty()
        && diagnosis
            .operations
            .iter()
            .all(|(_, outcome)| matches!(outcome, Outcome::Answered | Outcome::NotNeeded));
    Ok(if sound { OK } else { INCOMPLETE })
}

async fn diagnose(args: &DoctorArgs, global: &Global) -> Result<Diagnosis, Failure> {
    let session = connect::session(&args.connect, args.region.as_ref()).await?;
    let (credentials, credentials_short) = lifetime(&session).await?;
    // The snapshot is looked at for its ledger and thrown away.
    let directory = tempfile::tempdir()
        .map_err(|e| Failure::usage(format!("cannot make a temporary directory: {e}")))?;
    let region = match &args.region {
        Some(region) => region.clone(),
        None => session.region().ok_or_else(|| {
            Failure::usage("no region is configured")
                .help("name one: posture doctor --region eu-west-1")
        })?,
    };
    let request = ScanRequest {
        accounts: args.account.iter().cloned().collect(),
        role_chain: connect::role_chain(&args.sessions),
        role: connect::role(&args.role, &args.sessions),
        regions: vec![region],
        services: args.service.clone(),
        last_accessed: args.last_accessed.last_accessed,
        policy: connect::policy(&args.connect),
        unit_timeout: Duration::from_secs(300),
        ..ScanRequest::new(
            session,
            Directory::store(directory.path().join("snapshot")),
            tool(),
        )
    };
    let shown = Arc::new(Shown::new(global.quiet));
    let outcome = scan(request, shown.clone()).await;
    shown.finish();
    let summary = outcome.map_err(connect::scan_failure)?;
    let snapshot =
        Snapshot::open(&directory.path().join("snapshot")).map_err(connect::snapshot_failure)?;
    let manifest = snapshot.manifest();
    let mut ledger: BTreeMap<&str, Vec<&LedgerEntry>> = BTreeMap::new();
    for entry in manifest
        .units
        .iter()
        .flat_map(|unit| &unit.ledger)
        .chain(&manifest.ledger)
        .chain(manifest.accounts.iter().flat_map(|a| &a.ledger))
    {
        ledger.entry(&entry.operation).or_default().push(entry);
    }
    let chosen = services()
        .iter()
        .filter(|s| args.service.is_empty() || args.service.iter().any(|name| name == s.name));
    let operations = core_operations()
        .iter()
        .chain(chosen.flat_map(|service| service.operations))
        .map(|operation| {
            let entries = ledger.get(operation.to_string().as_str());
            (*operation, judge(entries.map_or(&[], Vec::as_slice)))
        })
        .collect();
    Ok(Diagnosis {
        credentials,
        credentials_short,
        caller: summary.caller.arn,
        accounts: manifest
            .accounts
            .iter()
            .map(|account| account.id.to_string())
            .collect(),
        regions: manifest
            .accounts
            .iter()
            .flat_map(|account| account.regions.iter().map(ToString::to_string))
            .collect(),
        account_gaps: manifest
            .accounts
            .iter()
            .flat_map(|account| account.gaps.iter().map(ToString::to_string))
            .collect(),
        operations,
    })
}

fn judge(entries: &[&LedgerEntry]) -> Outcome {
    let gaps: Vec<_> = entries.iter().flat_map(|entry| &entry.gaps).collect();
    let denied = gaps
        .iter()
        .find(|gap| gap.reason == GapReason::AccessDenied);
    match (denied, gaps.first()) {
        (Some(gap), _) => Outcome::Denied(gap.code.clone().unwrap_or_default()),
        (None, Some(gap)) => Outcome::Failed(match &gap.code {
            Some(code) => format!("{} ({code})", gap.reason.phrase()),
            None => gap.reason.phrase().to_owned(),
        }),
        (None, None) if entries.is_empty() => Outcome::NotNeeded,
        (None, None) => Outcome::Answered,
    }
}

async fn lifetime(session: &Session) -> Result<(String, bool), Failure> {
    let credentials = session.credentials().await.map_err(connect::scan_failure)?;
    let key = credentials.access_key_id();
    // The last four characters tell keys apart, as in AWS's own console.
    let tail: String = key
        .chars()
        .rev()
        .take(4)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect();
    Ok(match credentials.expiry() {
        None => (format!("access key ...{tail}, without an end"), false),
        Some(end) => match end.duration_since(SystemTime::now()) {
            Ok(left) => (
                format!("access key ...{tail}, {} minutes left", left.as_secs() / 60),
                left < SHORT_LIFE,
            ),
            Err(_) => (format!("access key ...{tail}, expired"), true),
        },
    })
}

fn table(diagnosis: &Diagnosis) -> String {
    let mut text = format!("credentials  {}\n", diagnosis.credentials);
    if diagnosis.credentials_short {
        text.push_str("             renew them before a larger scan\n");
    }
    text.push_str(&format!(
        "caller       {}\naccount      {}\nregion       {}\n",
        diagnosis.caller,
        diagnosis.accounts.join(", "),
        diagnosis.regions.join(", ")
    ));
    for gap in &diagnosis.account_gaps {
        text.push_str(&format!("             {gap}\n"));
    }
    let count = |wanted: fn(&Outcome) -> bool| {
        diagnosis
            .operations
            .iter()
            .filter(|(_, o)| wanted(o))
            .count()
    };
    text.push_str(&format!(
        "actions      {} answered, {} denied, {} failed, {} not needed here\n",
        count(|o| matches!(o, Outcome::Answered)),
        count(|o| matches!(o, Outcome::Denied(_))),
        count(|o| matches!(o, Outcome::Failed(_))),
        count(|o| matches!(o, Outcome::NotNeeded)),
    ));
    let mut rows = Table::new();
    rows.load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width().max(60)).unwrap_or(100));
    let mut any = false;
    for (operation, outcome) in &diagnosis.operations {
        let (what, detail) = match outcome {
            Outcome::Denied(code) => ("denied", code),
            Outcome::Failed(detail) => ("failed", detail),
            Outcome::Answered | Outcome::NotNeeded => continue,
        };
        any = true;
        rows.add_row([what, operation.action, &operation.to_string(), detail]);
    }
    if any {
        text.push_str(&format!("\n{}\n\n", rows.trim_fmt()));
        if diagnosis
            .operations
            .iter()
            .any(|(_, outcome)| matches!(outcome, Outcome::Denied(_)))
        {
            text.push_str("grant what is denied: posture permissions prints the whole policy\n");
        }
    } else {
        text.push_str("\nnothing stands in the way of a scan: posture scan\n");
    }
    text
}

fn json_text(diagnosis: &Diagnosis) -> Result<String, Failure> {
    let operations: Vec<_> = diagnosis
        .operations
        .iter()
        .map(|(operation, outcome)| {
            let (name, detail) = match outcome {
                Outcome::Answered => ("answered", None),
                Outcome::NotNeeded => ("not_needed", None),
                Outcome::Denied(code) => ("denied", Some(code)),
                Outcome::Failed(detail) => ("failed", Some(detail)),
            };
            json!({"operation": operation.to_string(), "iam_action": operation.action,
                   "outcome": name, "detail": detail})
        })
        .collect();
    posture_report::json_text(&json!({
        "credentials": diagnosis.credentials,
        "credentials_short_lived": diagnosis.credentials_short,
        "caller": diagnosis.caller,
        "accounts": diagnosis.accounts,
        "regions": diagnosis.regions,
        "account_gaps": diagnosis.account_gaps,
        "operations": operations,
    }))
    .map_err(Failure::usage)
}
