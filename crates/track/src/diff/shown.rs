//! The few changes that a person is shown of each kind.

use std::collections::BTreeMap;
use std::io;

use posture_report::clean;
use posture_report::v1::{Finding, Head};

use super::{Change, Diff, Kind};

/// The first changes of each kind, the worst first.
pub(super) fn first(
    diff: &Diff<'_>,
    most: usize,
) -> io::Result<BTreeMap<Kind, Vec<(Change, Finding)>>> {
    let mut shown: BTreeMap<Kind, Vec<(Change, Finding)>> = BTreeMap::new();
    if most == 0 {
        return Ok(shown);
    }
    diff.each(&mut |change, finding| {
        let of_kind = shown.entry(change.kind).or_default();
        // By severity, and within one in the order of the reports: a kind is fed from both.
        let place = of_kind.partition_point(|(_, other)| other.severity >= finding.severity);
        if place < most {
            of_kind.insert(place, (change.clone(), finding.clone()));
            of_kind.truncate(most);
        }
        Ok(())
    })?;
    Ok(shown)
}

/// `805377356735 prod`, by whichever report knows the name.
pub(super) fn account(heads: [&Head; 2], finding: &Finding) -> String {
    let name = heads
        .into_iter()
        .find_map(|head| head.account_name(&finding.account));
    match name {
        Some(name) => format!("{} {}", finding.account, clean(name)),
        None => finding.account.to_string(),
    }
}

/// What the resource is called; a listing that failed has none.
pub(super) fn resource(finding: &Finding) -> String {
    if finding.resource.id == "*" {
        format!("every {}", clean(&finding.resource.r#type))
    } else {
        clean(&finding.resource.name)
    }
}

/// What a reader needs beside the kind.
pub(super) fn aside(change: &Change) -> Option<String> {
    use super::WaiverChange;
    use crate::standing::State;

    let mut parts = Vec::new();
    match (change.kind, change.was) {
        (Kind::New, State::Unknown | State::Unread) => {
            parts.push("was: unknown".to_owned());
        }
        (Kind::CheckChanged | Kind::ScopeChanged, _) => {
            parts.push(format!("{} → {}", words(change.was), words(change.now)))
        }
        _ => {}
    }
    match change.waiver {
        Some(WaiverChange::Began) => parts.push("waived".to_owned()),
        Some(WaiverChange::Ended) => parts.push("waiver ended".to_owned()),
        None => {}
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn words(state: crate::standing::State) -> &'static str {
    use crate::standing::State;
    match state {
        State::Fail => "fail",
        State::Waived => "waived",
        State::Unknown => "unknown",
        State::Pass => "pass",
        State::NotApplicable => "not applicable",
        State::Sound => "sound",
        State::Gone => "not there",
        State::Unread => "not readable",
        State::NotLooked => "not looked at",
    }
}
