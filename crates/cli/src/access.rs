//! `posture can` and `posture who-can`: effective permissions in a snapshot.

use std::path::Path;

use posture_engine::{EngineError, Input};
use posture_policy::estate::{Attempt, Estate};
use posture_policy::question::is_action;
use posture_policy::{Decided, Requester, Verdict};
use posture_report::{clean, json_text};
use serde_json::{Value, json};

use crate::args::{CanArgs, ListFormat, WhoCanArgs};
use crate::connect::{open_snapshot, snapshot_failure};
use crate::exit::{Failure, did_you_mean};

pub(crate) fn can(args: &CanArgs) -> Result<u8, Failure> {
    let action = action(&args.action)?;
    let attempt = attempt(&action, &args.resource)?;
    let input = open(&args.snapshot.snapshot)?;
    let estate = input.world().estate();
    let (principal, decided) = match principal(estate, &args.principal)? {
        Asker::Inside(arn) => {
            let actor = estate
                .actor(&arn)
                .ok_or_else(|| unknown_principal(estate, &args.principal))?;
            (arn, estate.can(actor, &attempt))
        }
        Asker::Outside(requester) => (
            requester.arn.clone(),
            estate.can_from_outside(&requester, &attempt),
        ),
    };
    crate::print(&match args.snapshot.output {
        ListFormat::Json => {
            let mut answer = answer(&decided);
            if let Value::Object(answer) = &mut answer {
                answer.insert("principal".to_owned(), principal.into());
                answer.insert("action".to_owned(), args.action.clone().into());
                answer.insert("resource".to_owned(), args.resource.clone().into());
            }
            json_text(&answer).map_err(Failure::usage)?
        }
        ListFormat::Table => {
            let mut text = format!(
                "{}: {} {} on {}\n",
                word(decided.verdict),
                clean(&principal),
                clean(&args.action),
                clean(&args.resource)
            );
            for reason in &decided.reasons {
                text.push_str(&format!("  {}\n", clean(&reason.to_string())));
            }
            text
        }
    })
}

pub(crate) fn who_can(args: &WhoCanArgs) -> Result<u8, Failure> {
    let action = action(&args.action)?;
    let attempt = attempt(&action, &args.resource)?;
    let input = open(&args.snapshot.snapshot)?;
    let estate = input.world().estate();
    let found = estate.who_can(&attempt);
    let outside = estate.outsiders(&attempt);
    let missing = estate.missing_actors();
    crate::print(&match args.snapshot.output {
        ListFormat::Json => {
            let principals: Vec<Value> = found
                .iter()
                .map(|(actor, decided)| {
                    let mut answer = answer(decided);
                    if let Value::Object(answer) = &mut answer {
                        answer.insert("principal".to_owned(), actor.arn().into());
                    }
                    answer
                })
                .collect();
            json_text(&json!({
                "action": args.action,
                "resource": args.resource,
                "principals": principals,
                "outside": outside,
                "unread": missing,
            }))
            .map_err(Failure::usage)?
        }
        ListFormat::Table => {
            let allowed = found
                .iter()
                .filter(|(_, d)| d.verdict == Verdict::Allowed)
                .count();
            let mut text = format!(
                "{allowed} can {} on {}; of {} that cannot be told\n",
                clean(&args.action),
                clean(&args.resource),
                found.len() - allowed
            );
            for (actor, decided) in &found {
                text.push_str(&format!(
                    "\n{}: {}\n",
                    word(decided.verdict),
                    clean(actor.arn())
                ));
                for reason in &decided.reasons {
                    text.push_str(&format!("  {}\n", clean(&reason.to_string())));
                }
            }
            if !outside.is_empty() {
                text.push_str("\nthe resource's policy also lets in:\n");
                for name in &outside {
                    text.push_str(&format!("  {}\n", clean(name)));
                }
            }
            if !missing.is_empty() {
                text.push_str("\nthere may be more, since these could not be read:\n");
                for why in &missing {
                    text.push_str(&format!("  {}\n", clean(why)));
                }
            }
            text
        }
    })
}

fn answer(decided: &Decided<'_>) -> Value {
    let reasons: Vec<String> = decided.reasons.iter().map(ToString::to_string).collect();
    json!({"decision": decided.verdict.as_str(), "reasons": reasons})
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allowed => "allowed",
        Verdict::ExplicitDeny => "denied by a statement",
        Verdict::ImplicitDeny => "not allowed",
        Verdict::Unknown => "cannot be told",
    }
}

fn action(text: &str) -> Result<String, Failure> {
    if is_action(text) {
        Ok(text.to_lowercase())
    } else {
        Err(Failure::usage(format!("{text:?} is not one action"))
            .help("such as s3:GetObject, without wildcards"))
    }
}

fn attempt<'a>(action: &'a str, resource: &'a str) -> Result<Attempt<'a>, Failure> {
    if resource != "*" && !(resource.starts_with("arn:") && resource.splitn(6, ':').count() == 6) {
        return Err(Failure::usage(format!("{resource:?} is no ARN")).help(
            "such as arn:aws:s3:::bucket/key; leave it away for actions that take no resource",
        ));
    }
    Ok(Attempt {
        action,
        resource,
        passed_to: None,
    })
}

/// Reads and indexes a snapshot.
pub(crate) fn open(snapshot: &Path) -> Result<Input, Failure> {
    let snapshot = open_snapshot(snapshot)?;
    Input::read(&snapshot).map_err(|error| match EngineError::from(error) {
        EngineError::Snapshot(error) => snapshot_failure(error),
        other => Failure::nothing(other),
    })
}

/// Who asks, as the snapshot knows it.
pub(crate) enum Asker {
    /// A user or role of the snapshot, by its ARN.
    Inside(String),
    /// Anybody else.
    Outside(Requester),
}

/// Finds a principal by its ARN, or by a name that only one has.
pub(crate) fn principal(estate: &Estate, name: &str) -> Result<Asker, Failure> {
    if estate.actor(name).is_some() {
        return Ok(Asker::Inside(name.to_owned()));
    }
    let same: Vec<&str> = estate
        .actors
        .iter()
        .map(|actor| actor.arn())
        .filter(|arn| {
            let short = arn.splitn(6, ':').nth(5).unwrap_or_default();
            short == name || arn.rsplit('/').next() == Some(name)
        })
        .collect();
    match same.as_slice() {
        [one] => return Ok(Asker::Inside((*one).to_owned())),
        [] => {}
        several => {
            return Err(
                Failure::usage(format!("several principals are named {name:?}"))
                    .help(format!("give an ARN: {}", several.join(", "))),
            );
        }
    }
    match Requester::parse(name) {
        // A user or role of a scanned account that the snapshot does not hold is a slip of the pen.
        Ok(requester) if !estate.knows_account_of(&requester) => Ok(Asker::Outside(requester)),
        Ok(requester) if !requester.is_user_or_role() => Ok(Asker::Outside(requester)),
        _ => Err(unknown_principal(estate, name)),
    }
}

pub(crate) fn unknown_principal(estate: &Estate, name: &str) -> Failure {
    let hint = did_you_mean(name, estate.actors.iter().map(|actor| actor.arn()));
    let hint = if hint.is_empty() {
        did_you_mean(
            name,
            estate.actors.iter().map(|actor| actor.requester.name()),
        )
    } else {
        hint
    };
    Failure::usage(format!("the snapshot holds no principal {name:?}{hint}"))
        .help("give the ARN of a user or role, its name, an account id, a service or *")
}
