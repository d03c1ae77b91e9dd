//! `posture report --to securityhub`.

use std::time::Duration;

use posture_model::Timestamp;
use posture_report::{Narrow, Narrowed, Scope, Source, Target, clean, v1};
use posture_securityhub::{Counts, ImportError, Options, Outcome, Role};

use crate::args::ImportArgs;
use crate::connect;
use crate::exit::{Failure, NOTHING, OK, USAGE};

/// Failed findings that are named.
const NAMED: usize = 20;

/// Flags that do nothing without `--to`.
pub(crate) fn unused(args: &ImportArgs) -> Result<(), Failure> {
    let given = [
        (args.dry_run, "--dry-run"),
        (args.no_archive, "--no-archive"),
        (!args.region.is_empty(), "--region"),
        (!args.account.is_empty(), "--account"),
        (args.role.role_name.is_some(), "--role-name"),
        (args.connect.profile.is_some(), "--profile"),
        (args.connect.endpoint_url.is_some(), "--endpoint-url"),
    ];
    match given.iter().find(|(given, _)| *given) {
        Some((_, flag)) => Err(Failure::usage(format!("{flag} goes with --to"))
            .help("a report is rendered without AWS; --to securityhub imports it")),
        None => Ok(()),
    }
}

/// Imports the findings of `shown`; what `within` proves resolved is archived.
pub(crate) fn import(
    within: &dyn Source,
    shown: &dyn Source,
    chosen: bool,
    args: &ImportArgs,
) -> Result<u8, Failure> {
    connect::check_endpoint(&args.connect)?;
    // A passing verdict is no finding, unless it is asked for.
    let open = [v1::Status::Fail, v1::Status::Unknown, v1::Status::Waived];
    let listed = &shown.head().scan.statuses;
    let narrow = Narrow {
        statuses: listed
            .iter()
            .copied()
            .filter(|status| chosen || open.contains(status))
            .collect(),
        ..Narrow::default()
    };
    let sent = Narrowed::new(shown, narrow).map_err(Failure::usage)?;
    let scope = Scope::of(within).map_err(Failure::nothing)?;
    let runtime = connect::runtime()?;
    let options = options(args);
    let outcome = posture_securityhub::import(&runtime, &sent, &scope, &options, Timestamp::now())
        .map_err(failure)?;
    runtime.shutdown_background();
    crate::print(&text(within.head(), &outcome, args.dry_run))?;
    finish(&outcome)
}

fn options(args: &ImportArgs) -> Options {
    Options {
        profile: args.connect.profile.clone(),
        endpoint_url: args.connect.endpoint_url.clone(),
        role: args.role.role_name.clone().map(|name| Role {
            name,
            external_id: args.role.external_id.clone(),
        }),
        call_timeout: Duration::from_secs(args.connect.call_timeout.max(1)),
        attempts: args.connect.max_attempts,
        dry_run: args.dry_run,
        archive: !args.no_archive,
        accounts: args.account.clone(),
        regions: args.region.clone(),
    }
}

fn failure(error: ImportError) -> Failure {
    let message = error.to_string();
    match error {
        ImportError::Credentials { .. } => Failure::new(NOTHING, message).help(
            "sign in (aws sso login), name a profile (--profile) or set AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY",
        ),
        ImportError::Report(_) => Failure::usage(message),
    }
}

fn text(head: &v1::Head, outcome: &Outcome, dry_run: bool) -> String {
    let mut text = String::new();
    if dry_run {
        text.push_str("Nothing was sent; this is what would be:\n");
    }
    let mut sum = Counts::default();
    for (target, counts) in &outcome.done {
        text.push_str(&format!("{}  {}\n", place(head, target), words(*counts)));
        sum.created += counts.created;
        sum.updated += counts.updated;
        sum.archived += counts.archived;
        sum.suppressed += counts.suppressed;
        sum.newer += counts.newer;
    }
    text.push_str(&format!("in all  {}\n", words(sum)));
    for (why, count) in &outcome.kept {
        text.push_str(&format!(
            "left as they are: {} not listed now, because {}\n",
            counted(*count, "earlier finding"),
            why.phrase()
        ));
    }
    text
}

fn counted(count: u64, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

fn place(head: &v1::Head, target: &Target) -> String {
    let name = head
        .account_name(&target.account)
        .map(clean)
        .unwrap_or_default();
    let account = format!("{} {name}", target.account);
    format!("{} {}", account.trim_end(), target.region)
}

fn words(counts: Counts) -> String {
    let mut words = vec![
        format!("{} new", counts.created),
        format!("{} updated", counts.updated),
        format!("{} archived", counts.archived),
    ];
    if counts.suppressed > 0 {
        words.push(format!("{} suppressed or released", counts.suppressed));
    }
    if counts.newer > 0 {
        words.push(format!(
            "{} left, a later scan has told of them",
            counts.newer
        ));
    }
    words.join(", ")
}

/// What was not taken is an output that was not written.
fn finish(outcome: &Outcome) -> Result<u8, Failure> {
    let mut lines = Vec::new();
    for failed in &outcome.unreachable {
        lines.push(format!(
            "{} {}: {} ({} not sent)",
            failed.target.account,
            failed.target.region,
            clean(&failed.message),
            counted(failed.findings, "finding")
        ));
    }
    for refused in outcome.refused.iter().take(NAMED) {
        lines.push(format!(
            "{} {}: {}: {} {}",
            refused.target.account,
            refused.target.region,
            clean(&refused.id),
            clean(&refused.code),
            clean(&refused.message)
        ));
    }
    let more = outcome.refused.len().saturating_sub(NAMED);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    if lines.is_empty() {
        return Ok(OK);
    }
    let message = format!("not everything was imported\n  {}", lines.join("\n  "));
    Err(Failure::new(USAGE, message).help(
        "Security Hub must be enabled there, and the credentials may do what posture permissions --for \
         securityhub prints; then import again: what is there is updated, not doubled",
    ))
}
