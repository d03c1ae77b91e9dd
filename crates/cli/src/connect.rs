//! From flags to a session, and from a scan's error to what a person can do about it.

use std::path::Path;
use std::time::Duration;

use posture_collect::{AccountRole, CallPolicy, ScanError, Session, SessionOptions};
use posture_model::{AccountId, Arn, Region};
use posture_snapshot::{Snapshot, SnapshotError};

use crate::args::{ConnectArgs, KeyValue, RoleArgs, SessionArgs};
use crate::exit::{Failure, INCOMPLETE, NOTHING, USAGE, did_you_mean};
use crate::object_store::{self, Access};

pub(crate) async fn session(
    args: &ConnectArgs,
    region: Option<&Region>,
) -> Result<Session, Failure> {
    check_endpoint(args)?;
    Ok(Session::load(&SessionOptions {
        profile: args.profile.clone(),
        endpoint_url: args.endpoint_url.clone(),
        region: region.cloned(),
        connect_timeout: None,
    })
    .await)
}

/// An endpoint that is no address would be found out by the first call only, and in other words.
pub(crate) fn check_endpoint(args: &ConnectArgs) -> Result<(), Failure> {
    if let Some(url) = &args.endpoint_url
        && !(url.starts_with("http://") || url.starts_with("https://"))
    {
        return Err(Failure::usage(format!(
            "the endpoint {url:?} is no URL; it must begin with http:// or https://"
        ))
        .help("such as --endpoint-url http://127.0.0.1:4566"));
    }
    Ok(())
}

pub(crate) fn role(args: &RoleArgs, sessions: &SessionArgs) -> Option<AccountRole> {
    Some(AccountRole {
        external_id: args.external_id.clone(),
        session_name: sessions.session_name.clone(),
        session_tags: pairs(&sessions.session_tag),
        ..AccountRole::new(args.role_name.clone()?)
    })
}

/// The roles on the way to the accounts. External id and tags are for the last step, which is not among them.
pub(crate) fn role_chain(args: &SessionArgs) -> Vec<AccountRole> {
    args.via
        .iter()
        .map(|arn| AccountRole {
            session_name: args.session_name.clone(),
            ..AccountRole::new(arn)
        })
        .collect()
}

pub(crate) fn pairs(given: &[KeyValue]) -> Vec<(String, String)> {
    given
        .iter()
        .map(|KeyValue(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// What AWS would refuse with less to say.
pub(crate) fn sessions_are_sound(role: &RoleArgs, args: &SessionArgs) -> Result<(), Failure> {
    let name = &args.session_name;
    let plain = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if !(2..=64).contains(&name.len()) || !name.chars().all(plain) {
        return Err(
            Failure::usage(format!("--session-name {name:?} is no name of a session"))
                .help("2 to 64 letters, digits and _ + = , . @ -"),
        );
    }
    if let Some(arn) = args.via.iter().find(|arn| !is_role(arn)) {
        return Err(
            Failure::usage(format!("--via {arn:?} is not the ARN of a role"))
                .help("such as arn:aws:iam::111122223333:role/Audit"),
        );
    }
    if let Some(name) = role
        .role_name
        .as_ref()
        .filter(|name| name.starts_with("arn:"))
    {
        let filled = name
            .replace("{account}", "111122223333")
            .replace("{partition}", "aws");
        if !is_role(&filled) {
            return Err(
                Failure::usage(format!("--role-name {name:?} is not the ARN of a role"))
                    .help("such as arn:{partition}:iam::{account}:role/PostureScan"),
            );
        }
    }
    if !args.session_tag.is_empty() && role.role_name.is_none() {
        return Err(
            Failure::usage("session tags are for a role, and no role is named")
                .help("name it with --role-name"),
        );
    }
    Ok(())
}

fn is_role(arn: &str) -> bool {
    Arn::new(arn.to_owned()).is_ok_and(|arn| {
        arn.service() == "iam"
            && AccountId::new(arn.account().to_owned()).is_ok()
            && arn.resource().starts_with("role/")
    })
}

/// The two may come from different places, so that the parser of flags cannot hold them together.
pub(crate) fn role_is_named(args: &RoleArgs) -> Result<(), Failure> {
    if args.external_id.is_some() && args.role_name.is_none() {
        return Err(
            Failure::usage("an external id is for a role, and no role is named")
                .help("name it with --role-name"),
        );
    }
    Ok(())
}

pub(crate) fn policy(args: &ConnectArgs) -> CallPolicy {
    CallPolicy {
        attempts: args.max_attempts,
        throttled_attempts: args.max_attempts.saturating_mul(2),
        attempt_timeout: Duration::from_secs(args.call_timeout.max(1)),
        ..CallPolicy::default()
    }
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    posture_collect::runtime().map_err(|e| Failure::nothing(format!("failed to start: {e}")))
}

pub(crate) fn scan_failure(error: ScanError) -> Failure {
    let message = error.to_string();
    match error {
        ScanError::Credentials { .. } => Failure::new(NOTHING, message).help(
            "sign in (aws sso login), name a profile (--profile) or set AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY\nthen run: posture doctor",
        ),
        ScanError::Unreachable { .. } => Failure::new(NOTHING, message)
            .help("check the network, the proxy and --endpoint-url\nthen run: posture doctor"),
        ScanError::Region { region, known, .. } => {
            let hint = did_you_mean(region.as_str(), known.iter().map(String::as_str));
            Failure::new(USAGE, format!("{message}{hint}"))
                .help(format!("enabled regions: {}", known.join(", ")))
        }
        ScanError::Organization(gap) => Failure::new(NOTHING, message).help(format!(
            "run from the management or a delegated administrator account with {}, or name accounts \
             with --account",
            gap.iam_action
        )),
        ScanError::OrganizationalUnit { name, known } => {
            let hint = did_you_mean(&name, known.iter().map(String::as_str));
            Failure::new(USAGE, format!("{message}{hint}")).help(format!(
                "name it by its id (ou-...) or its path; there are: {}",
                known.join(", ")
            ))
        }
        ScanError::Undecided { gap, .. } => Failure::new(NOTHING, message).help(format!(
            "grant {} to the caller, or name the accounts with --account",
            gap.iam_action
        )),
        ScanError::Chain { .. } => Failure::new(NOTHING, message).help(
            "each role of --via must trust the one before it, and the first one the caller; only the role in \
             each account is given --external-id",
        ),
        ScanError::Expired { .. } => Failure::new(INCOMPLETE, message).help(
            "sign in again and run the same command: it goes on where it stopped",
        ),
        ScanError::Lost => Failure::new(INCOMPLETE, message).help(
            "when the network is back, run the same command: it goes on where it stopped",
        ),
        ScanError::Nothing { .. } => Failure::new(NOTHING, message).help(
            "the role must exist in each account and trust the caller: posture permissions -o \
             cloudformation",
        ),
        ScanError::Snapshot(error) => snapshot_failure(error),
        ScanError::Unwritable(error) => {
            let first = match &error {
                SnapshotError::Io { source, .. } if is_full(source) => "free some space",
                _ => "see to it that it can be written to",
            };
            Failure::new(INCOMPLETE, message).help(format!(
                "{first} and run the same command again: it goes on where it stopped"
            ))
        }
        ScanError::Request(_) | ScanError::Examiner(_) => Failure::new(USAGE, message),
    }
}

/// Opens the snapshot that a location names.
pub(crate) fn open_snapshot(location: &Path) -> Result<Snapshot, Failure> {
    let store = object_store::store(location, Access::default())?;
    Snapshot::open_in(store).map_err(snapshot_failure)
}

pub(crate) fn snapshot_failure(error: SnapshotError) -> Failure {
    let message = error.to_string();
    match error {
        SnapshotError::NotASnapshot { .. } => Failure::new(USAGE, message)
            .help("name the directory that a scan wrote: posture scan --snapshot DIR"),
        SnapshotError::NotEmpty { .. }
        | SnapshotError::OtherScope { .. }
        | SnapshotError::Newer { .. } => Failure::new(USAGE, message),
        // The rest of the snapshot is there, but nothing may be concluded from a damaged one.
        SnapshotError::Corrupt { .. } => Failure::new(NOTHING, message),
        SnapshotError::Io { ref source, .. } => {
            if is_full(source) {
                Failure::new(INCOMPLETE, message)
                    .help("free some space and run the same command again")
            } else {
                Failure::new(USAGE, message)
            }
        }
    }
}

fn is_full(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::StorageFull
}
