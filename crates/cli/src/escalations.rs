//! `posture escalations`: how principals of a snapshot can become administrators.

use posture_catalog::escalations::builtin;
use posture_policy::escalation::{Chain, Escalation, Hop};
use posture_report::{clean, json_text};
use serde_json::{Value, json};

use crate::access::{Asker, open, principal, unknown_principal};
use crate::args::{EscalationsArgs, ListFormat};
use crate::exit::Failure;

/// Chains of one principal that the terminal shows.
const SHOWN_CHAINS: usize = 3;
/// Steps to cut that the terminal shows.
const SHOWN_CUTS: usize = 5;
/// Names that are listed before the rest is counted.
const SHOWN_NAMES: usize = 8;

pub(crate) fn run(args: &EscalationsArgs) -> Result<u8, Failure> {
    let input = open(&args.snapshot.snapshot)?;
    let estate = input.world().estate();
    let only = match &args.principal {
        None => None,
        Some(name) => match principal(estate, name)? {
            Asker::Inside(arn) => Some(arn),
            Asker::Outside(_) => return Err(unknown_principal(estate, name)),
        },
    };
    let all = input.world().escalations();
    let wanted = |arn: &str| only.as_deref().is_none_or(|only| only == arn);
    let principals: Vec<&Escalation> = all
        .principals
        .iter()
        .filter(|p| wanted(&p.principal))
        .collect();
    let cuts: Vec<_> = all
        .cuts
        .iter()
        .filter(|cut| cut.principals.iter().any(|arn| wanted(arn)))
        .collect();
    let undecided: Vec<_> = all
        .undecided
        .iter()
        .filter(|(arn, _)| wanted(arn))
        .collect();
    let assumptions = estate.assumptions();
    let missing = estate.missing_actors();
    if args.snapshot.output == ListFormat::Json {
        let text = json_text(&json!({
            "principals": principals.iter().map(|p| json!({
                "principal": p.principal,
                "administrator": p.administrator,
                "chains": p.chains.iter().map(chain).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "cuts": cuts.iter().map(|cut| json!({
                "from": cut.from,
                "to": cut.to,
                "paths": cut.paths,
                "principals": cut.principals,
            })).collect::<Vec<_>>(),
            "undecided": undecided.iter().map(|(arn, reasons)| json!({
                "principal": arn,
                "reasons": reasons,
            })).collect::<Vec<_>>(),
            "assumptions": assumptions,
            "unread": missing,
        }))
        .map_err(Failure::usage)?;
        return crate::print(&text);
    }
    let administrators = principals.iter().filter(|p| p.administrator).count();
    let escalating: Vec<&&Escalation> = principals.iter().filter(|p| !p.administrator).collect();
    let mut text = format!(
        "{administrators} administrators, {} principals that can become one, {} of whom that cannot be told\n",
        escalating.len(),
        undecided.len()
    );
    if administrators > 0 {
        text.push_str("\nadministrators\n");
        for one in principals.iter().filter(|p| p.administrator) {
            text.push_str(&format!("  {}\n", clean(&one.principal)));
        }
    }
    for one in &escalating {
        text.push_str(&format!("\n{}\n", clean(&one.principal)));
        for (way, chain) in (1..).zip(one.chains.iter().take(SHOWN_CHAINS)) {
            if one.chains.len() > 1 {
                text.push_str(&format!("  way {way}\n"));
            }
            for (number, hop) in (1..).zip(&chain.hops) {
                text.push_str(&line(number, hop));
            }
        }
        if one.chains.len() > SHOWN_CHAINS {
            text.push_str(&format!(
                "  and {} further ways: -o json\n",
                one.chains.len() - SHOWN_CHAINS
            ));
        }
    }
    if !cuts.is_empty() {
        text.push_str("\nwhat to cut first\n");
        for cut in cuts.iter().take(SHOWN_CUTS) {
            text.push_str(&format!(
                "  {} -> {} ({}): cuts off {}\n",
                clean(short(&cut.from)),
                clean(short(&cut.to)),
                cut.paths.join(", "),
                names(&cut.principals)
            ));
        }
    }
    if !undecided.is_empty() {
        text.push_str("\nof whom that cannot be told\n");
        for (arn, reasons) in &undecided {
            let first = reasons.first().map(String::as_str).unwrap_or_default();
            text.push_str(&format!("  {}: {}\n", clean(arn), clean(first)));
        }
    }
    for (title, lines) in [
        (
            "taken to allow everything, since they could not be read",
            &assumptions,
        ),
        ("there may be more, since these could not be read", &missing),
    ] {
        if !lines.is_empty() {
            text.push_str(&format!("\n{title}\n"));
            for line in lines {
                text.push_str(&format!("  {}\n", clean(line)));
            }
        }
    }
    crate::print(&text)
}

fn chain(chain: &Chain) -> Value {
    json!({
        "target": chain.target,
        "hops": chain.hops.iter().map(|hop| json!({
            "from": hop.from,
            "to": hop.to,
            "path": hop.path,
            "title": builtin().get(&hop.path).map(|path| path.path.title.as_str()),
            "through": hop.through,
            "grants_administrator": hop.grants,
            "statements": hop.statements,
        })).collect::<Vec<_>>(),
    })
}

fn line(number: usize, hop: &Hop) -> String {
    let title = builtin()
        .get(&hop.path)
        .map_or("", |path| path.path.title.as_str());
    let through = hop
        .through
        .as_deref()
        .map(|arn| format!(" through {}", clean(short(arn))))
        .unwrap_or_default();
    let to = if hop.grants && hop.to == hop.from {
        "itself, as administrator".to_owned()
    } else if hop.grants {
        format!("{}, made an administrator", clean(short(&hop.to)))
    } else {
        clean(short(&hop.to))
    };
    let mut text = format!(
        "  {number}. {} -> {to}{through}: {} ({})\n",
        clean(short(&hop.from)),
        title,
        hop.path
    );
    for statement in &hop.statements {
        text.push_str(&format!("       {}\n", clean(statement)));
    }
    text
}

/// An ARN without partition and service; the account stays.
pub(crate) fn short(arn: &str) -> &str {
    arn.splitn(5, ':')
        .nth(4)
        .map_or(arn, |rest| rest.trim_start_matches(':'))
}

fn names(arns: &[String]) -> String {
    let mut text = arns
        .iter()
        .take(SHOWN_NAMES)
        .map(|arn| clean(short(arn)))
        .collect::<Vec<_>>()
        .join(", ");
    if arns.len() > SHOWN_NAMES {
        text.push_str(&format!(" and {} more", arns.len() - SHOWN_NAMES));
    }
    text
}
