//! From an evaluation to a report.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use posture_catalog::{BestPractice, CheckFile, Frameworks};
use posture_engine::{CoverageEntry, Evaluation, Tally, Waiver, WaiverOutcome, WaiverState};
use posture_model::{CheckId, Region};

use crate::fill;
use crate::source::{Source, Visit};
use crate::v1::{self, Assessable};

/// What a report needs to know of the catalogue that judged.
#[derive(Debug, Clone)]
pub struct CatalogView<'a> {
    checks: BTreeMap<&'a CheckId, &'a CheckFile>,
    frameworks: &'a Frameworks,
}

impl<'a> CatalogView<'a> {
    /// Of these checks, as overridden by the configuration, and these frameworks.
    pub fn new(
        checks: impl IntoIterator<Item = &'a CheckFile>,
        frameworks: &'a Frameworks,
    ) -> Self {
        Self {
            checks: checks.into_iter().map(|check| (&check.id, check)).collect(),
            frameworks,
        }
    }

    fn check(&self, id: &CheckId) -> Result<&'a CheckFile, BuildError> {
        self.checks
            .get(id)
            .copied()
            .ok_or_else(|| BuildError::UnknownCheck { id: id.clone() })
    }
}

/// Why no report could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The evaluation and the catalogue do not belong together.
    #[error("the evaluation holds verdicts of check {id}, which the catalogue does not have")]
    UnknownCheck {
        /// The check.
        id: CheckId,
    },
    /// The findings cannot be read back.
    #[error("failed to read findings from a temporary file: {why}")]
    Findings {
        /// The system's answer.
        why: String,
    },
}

/// Makes the whole report of an evaluation, in memory. For many findings [`Live`] is the better way.
pub fn build(evaluation: &Evaluation, catalog: &CatalogView<'_>) -> Result<v1::Report, BuildError> {
    let live = Live::new(evaluation, catalog.clone())?;
    let findings = evaluation
        .findings
        .iter()
        .map(|found| {
            let found = found.map_err(|error| BuildError::Findings {
                why: error.to_string(),
            })?;
            Ok(finding(evaluation, &found, catalog.check(&found.check)?))
        })
        .collect::<Result<_, BuildError>>()?;
    Ok(v1::Report {
        head: live.head,
        findings,
    })
}

/// The report of an evaluation, whose findings are worded one at a time.
#[derive(Debug)]
pub struct Live<'a> {
    head: v1::Head,
    evaluation: &'a Evaluation,
    catalog: CatalogView<'a>,
}

impl<'a> Live<'a> {
    /// Of an evaluation and the catalogue that judged.
    pub fn new(evaluation: &'a Evaluation, catalog: CatalogView<'a>) -> Result<Self, BuildError> {
        Ok(Self {
            // All that can fail fails here, for the head knows every check that was run: a renderer is to fail
            // for its output alone.
            head: head(evaluation, &catalog)?,
            evaluation,
            catalog,
        })
    }

    /// Notes in the report what it is compared with.
    pub fn set_baseline(&mut self, baseline: v1::Baseline) {
        self.head.scan.baseline = Some(baseline);
    }
}

impl Source for Live<'_> {
    fn head(&self) -> &v1::Head {
        &self.head
    }

    fn each(&self, see: &mut Visit<'_>) -> io::Result<()> {
        for found in self.evaluation.findings.iter() {
            let found = found?;
            let check = self.catalog.check(&found.check).map_err(io::Error::other)?;
            see(&finding(self.evaluation, &found, check))?;
        }
        Ok(())
    }
}

fn head(evaluation: &Evaluation, catalog: &CatalogView<'_>) -> Result<v1::Head, BuildError> {
    Ok(v1::Head {
        schema_version: v1::SCHEMA_VERSION.to_owned(),
        scan: scan(evaluation),
        summary: summary(evaluation, catalog)?,
        scores: v1::Scores {
            overall: overall(&evaluation.tallies.overall),
            well_architected: well_architected(evaluation, catalog)?,
            owasp_serverless: owasp_serverless(evaluation, catalog),
            accounts: accounts(evaluation),
        },
        coverage: coverage(evaluation),
        checks: evaluation
            .runs
            .iter()
            .map(|(id, verdicts)| Ok(check_run(catalog.check(id)?, verdicts)))
            .collect::<Result<_, BuildError>>()?,
        waivers: evaluation.waivers.iter().map(waiver_record).collect(),
        manual: evaluation
            .manual
            .iter()
            .map(|id| Ok(manual(catalog.check(id)?)))
            .collect::<Result<_, BuildError>>()?,
        resources: evaluation.resource_keys.iter().collect(),
    })
}

fn check_run(check: &CheckFile, verdicts: &BTreeMap<posture_catalog::Status, u64>) -> v1::CheckRun {
    v1::CheckRun {
        id: check.id.clone(),
        title: check.title.clone(),
        severity: check.severity.into(),
        resource: check.resource.clone().unwrap_or_default(),
        digest: check.rule_digest(),
        verdicts: by_status(verdicts),
    }
}

fn by_status(counts: &BTreeMap<posture_catalog::Status, u64>) -> v1::ByStatus {
    use posture_catalog::Status;

    let count = |status| counts.get(&status).copied().unwrap_or(0);
    v1::ByStatus {
        fail: count(Status::Fail),
        unknown: count(Status::Unknown),
        pass: count(Status::Pass),
        not_applicable: count(Status::NotApplicable),
        waived: count(Status::Waived),
    }
}

fn scan(evaluation: &Evaluation) -> v1::Scan {
    v1::Scan {
        id: evaluation.scan_id.clone(),
        started_at: evaluation.started_at,
        finished_at: evaluation.finished_at,
        tool: v1::Tool {
            name: "posture".to_owned(),
            version: evaluation.tool_version.clone(),
            catalog_digest: evaluation.catalog_digest.clone(),
        },
        accounts: evaluation
            .accounts
            .iter()
            .map(|account| v1::Account {
                id: account.id.clone(),
                name: account.name.clone(),
                regions: account.regions.clone(),
                ou_path: account.ou_path.clone(),
                email: account.email.clone(),
                tags: account.tags.clone(),
                gaps: account.gaps.iter().map(gap).collect(),
            })
            .collect(),
        places: evaluation
            .places
            .iter()
            .map(|place| v1::Place {
                account: place.account.clone(),
                region: place.region.clone(),
                services: place.services.clone(),
                incomplete: place.incomplete.clone(),
            })
            .collect(),
        statuses: evaluation
            .kept
            .iter()
            .copied()
            .map(v1::Status::from)
            .collect(),
        baseline: None,
        shards: evaluation.shards.as_ref().map(|shards| v1::Shards {
            of: shards.of,
            missing: shards.missing.clone(),
        }),
    }
}

fn summary(evaluation: &Evaluation, catalog: &CatalogView<'_>) -> Result<v1::Summary, BuildError> {
    // From the tallies, because `findings` holds only the statuses that were asked for.
    let mut by_severity = v1::BySeverity::default();
    for (id, tally) in &evaluation.tallies.checks {
        *by_severity.get_mut(catalog.check(id)?.severity.into()) += tally.fail;
    }
    Ok(v1::Summary {
        resources: evaluation.resources,
        checks: evaluation.checks,
        complete: evaluation.complete,
        by_status: by_status(&evaluation.by_status),
        by_severity,
    })
}

fn overall(tally: &Tally) -> v1::OverallScore {
    v1::OverallScore {
        score: tally.score(),
        coverage: tally.coverage(),
        pass: tally.pass,
        fail: tally.fail,
        unknown: tally.unknown,
    }
}

fn accounts(evaluation: &Evaluation) -> Vec<v1::AccountScore> {
    evaluation
        .accounts
        .iter()
        .map(|account| {
            let tally = evaluation.tallies.accounts.get(&account.id);
            let tally = tally.copied().unwrap_or_default();
            v1::AccountScore {
                id: account.id.clone(),
                name: account.name.clone(),
                score: tally.score(),
                coverage: tally.coverage(),
                pass: tally.pass,
                fail: tally.fail,
                unknown: tally.unknown,
            }
        })
        .collect()
}

/// Rows of every pillar and question, assessed or not. Tallied by check rather than by best practice:
/// a check keyed to two best practices of one question would count twice in the sum of theirs.
fn well_architected(
    evaluation: &Evaluation,
    catalog: &CatalogView<'_>,
) -> Result<Vec<v1::WellArchitectedScore>, BuildError> {
    let practices = in_order(&catalog.frameworks.well_architected);
    let places: BTreeMap<&str, (&str, &str)> = practices
        .iter()
        .map(|p| (p.id.as_str(), (p.pillar.as_str(), p.question_id.as_str())))
        .collect();
    let mut pillars: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut questions: BTreeMap<&str, Tally> = BTreeMap::new();
    for (id, tally) in &evaluation.tallies.checks {
        let of_check: Vec<_> = catalog
            .check(id)?
            .well_architected
            .iter()
            .filter_map(|practice| places.get(practice.as_str()))
            .collect();
        for pillar in of_check.iter().map(|(p, _)| *p).collect::<BTreeSet<_>>() {
            add(pillars.entry(pillar).or_default(), tally);
        }
        for question in of_check.iter().map(|(_, q)| *q).collect::<BTreeSet<_>>() {
            add(questions.entry(question).or_default(), tally);
        }
    }

    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    for pillar in &practices {
        if !seen.insert(("pillar", pillar.pillar.as_str())) {
            continue;
        }
        let prefix = letters(&pillar.question_id);
        rows.push(well_architected_row(
            v1::WellArchitectedKind::Pillar,
            prefix,
            &pillar.pillar,
            &pillar.pillar,
            pillars.get(pillar.pillar.as_str()),
        ));
        for practice in practices.iter().filter(|p| p.pillar == pillar.pillar) {
            if seen.insert(("question", practice.question_id.as_str())) {
                rows.push(well_architected_row(
                    v1::WellArchitectedKind::Question,
                    &practice.question_id,
                    &practice.question,
                    &practice.pillar,
                    questions.get(practice.question_id.as_str()),
                ));
            }
        }
    }
    Ok(rows)
}

/// Best practices in the order in which AWS presents its pillars, and of their ids.
fn in_order(practices: &BTreeMap<String, BestPractice>) -> Vec<&BestPractice> {
    const PILLARS: [&str; 6] = ["OPS", "SEC", "REL", "PERF", "COST", "SUS"];
    let mut ordered: Vec<&BestPractice> = practices.values().collect();
    ordered.sort_by_key(|practice| {
        let prefix = letters(&practice.question_id);
        let pillar = PILLARS.iter().position(|known| *known == prefix);
        (pillar.unwrap_or(PILLARS.len()), practice.id.as_str())
    });
    ordered
}

/// `SEC` of `SEC03`.
fn letters(id: &str) -> &str {
    id.trim_end_matches(|c: char| c.is_ascii_digit())
}

fn well_architected_row(
    kind: v1::WellArchitectedKind,
    id: &str,
    title: &str,
    pillar: &str,
    tally: Option<&Tally>,
) -> v1::WellArchitectedScore {
    let tally = tally.copied().unwrap_or_default();
    v1::WellArchitectedScore {
        kind,
        id: id.to_owned(),
        title: title.to_owned(),
        pillar: pillar.to_owned(),
        score: tally.score(),
        coverage: tally.coverage(),
        pass: tally.pass,
        fail: tally.fail,
        unknown: tally.unknown,
    }
}

fn owasp_serverless(evaluation: &Evaluation, catalog: &CatalogView<'_>) -> Vec<v1::OwaspScore> {
    let mut categories: Vec<_> = catalog.frameworks.owasp_serverless.values().collect();
    // S10 comes after S9, not after S1.
    categories.sort_by_key(|category| (category.id.len(), category.id.as_str()));
    categories
        .into_iter()
        .map(|category| {
            let tally = evaluation.tallies.owasp_serverless.get(&category.id);
            let tally = tally.copied().unwrap_or_default();
            // What can be seen only in part can be shown weak, never sound: a clean sheet is no score.
            let assessable = category.assessable.into();
            let judged = match assessable {
                Assessable::Yes => true,
                Assessable::Partly => tally.fail > 0,
                Assessable::No => false,
            };
            v1::OwaspScore {
                id: category.id.clone(),
                code: category.code.clone(),
                title: category.name.clone(),
                assessable,
                score: tally.score().filter(|_| judged),
                coverage: tally.coverage().filter(|_| assessable != Assessable::No),
                pass: tally.pass,
                fail: tally.fail,
                unknown: tally.unknown,
            }
        })
        .collect()
}

fn add(sum: &mut Tally, tally: &Tally) {
    sum.pass += tally.pass;
    sum.fail += tally.fail;
    sum.unknown += tally.unknown;
    sum.pass_weight += tally.pass_weight;
    sum.fail_weight += tally.fail_weight;
    sum.unknown_weight += tally.unknown_weight;
}

fn coverage(evaluation: &Evaluation) -> Vec<v1::Coverage> {
    let mut rows: Vec<v1::Coverage> = evaluation.coverage.iter().flat_map(outcomes).collect();
    // An account that could not be entered has no unit whose ledger would tell.
    for account in &evaluation.accounts {
        for gap in &account.gaps {
            let row = v1::Coverage {
                account: account.id.clone(),
                region: Region::global(),
                service: service_of(&gap.operation).to_owned(),
                operation: gap.operation.clone(),
                iam_action: gap.iam_action.clone(),
                outcome: gap.reason.into(),
                count: 1,
                error: gap.code.clone(),
            };
            let told = rows.iter().any(|known| {
                known.account == row.account
                    && known.operation == row.operation
                    && known.outcome == row.outcome
            });
            if !told {
                rows.push(row);
            }
        }
    }
    rows.sort();
    rows
}

/// One row an outcome.
fn outcomes(entry: &CoverageEntry) -> Vec<v1::Coverage> {
    use posture_model::GapReason;

    let ledger = &entry.ledger;
    let row = |outcome, count, error| v1::Coverage {
        account: entry.account.clone(),
        region: entry.region.clone(),
        service: entry.service.clone(),
        operation: ledger.operation.clone(),
        iam_action: ledger.iam_action.clone(),
        outcome,
        count,
        error,
    };
    let mut rows = Vec::new();
    let answered = ledger
        .calls
        .saturating_sub(ledger.denied)
        .saturating_sub(ledger.failed);
    if answered > 0 {
        rows.push(row(v1::Outcome::Ok, answered, None));
    }
    let (denials, failures): (Vec<_>, Vec<_>) = ledger
        .gaps
        .iter()
        .partition(|gap| gap.reason == GapReason::AccessDenied);
    if ledger.denied > 0 || !denials.is_empty() {
        let codes = denials.iter().filter_map(|gap| gap.code.as_deref());
        let error = listed(codes);
        rows.push(row(v1::Outcome::AccessDenied, ledger.denied, error));
    }
    let kinds: BTreeSet<_> = failures.iter().map(|gap| gap.reason).collect();
    match (kinds.len(), kinds.first()) {
        (1, Some(kind)) => {
            let error = listed(failures.iter().filter_map(|gap| gap.code.as_deref()));
            rows.push(row((*kind).into(), ledger.failed, error));
        }
        (0, _) if ledger.failed == 0 => {}
        // The ledger counts all failures together; saying how many were of which kind would be a guess.
        _ => {
            let named: Vec<String> = failures
                .iter()
                .map(|gap| match &gap.code {
                    Some(code) => format!("{} ({code})", gap.reason.as_str()),
                    None => gap.reason.as_str().to_owned(),
                })
                .collect();
            let error = listed(named.iter().map(String::as_str));
            rows.push(row(v1::Outcome::Error, ledger.failed, error));
        }
    }
    rows
}

/// The texts without repetition, in order; null when there are none.
fn listed<'a>(texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let distinct: BTreeSet<&str> = texts.collect();
    (!distinct.is_empty()).then(|| distinct.into_iter().collect::<Vec<_>>().join(", "))
}

fn service_of(operation: &str) -> &str {
    operation.split(':').next().unwrap_or_default()
}

fn finding(
    evaluation: &Evaluation,
    found: &posture_engine::Finding,
    check: &CheckFile,
) -> v1::Finding {
    let values = |path: &str| value(path, found, check);
    // Prose must read well for a listing that failed, too.
    let in_prose = |path: &str| {
        let stands_in = found.resource.id == "*" && path.starts_with("resource.");
        values(path).or_else(|| stands_in.then(|| "the resource".to_owned()))
    };
    v1::Finding {
        id: found.id.clone(),
        check: found.check.clone(),
        title: check.title.clone(),
        status: found.status.into(),
        severity: check.severity.into(),
        confidence: check.confidence.into(),
        account: found.account.clone(),
        region: found.region.clone(),
        resource: v1::Resource {
            r#type: found.resource.r#type.clone(),
            arn: found.resource.arn.clone(),
            id: found.resource.id.clone(),
            name: found.resource.name.clone(),
            tags: found.resource.tags.clone(),
        },
        message: message(found, check),
        evidence: found
            .evidence
            .iter()
            .map(|fact| v1::Evidence {
                field: fact.field.clone(),
                value: fact.value.clone(),
                source: fact.source.clone(),
            })
            .collect(),
        gaps: found.gaps.iter().map(gap).collect(),
        practices: check.practices.clone(),
        well_architected: check.well_architected.clone(),
        owasp_serverless: check.owasp_serverless.clone(),
        serverless_lens: check.serverless_lens.clone(),
        risk: fill::prose(&check.risk, &in_prose),
        fix: v1::Fix {
            cli: check.fix.cli.as_deref().map(|t| fill::shell(t, &values)),
            terraform: check
                .fix
                .terraform
                .as_deref()
                .map(|t| fill::terraform(t, &values)),
            console: check
                .fix
                .console
                .as_deref()
                .map(|t| fill::prose(t, &in_prose)),
        },
        references: check
            .references
            .iter()
            .map(|t| fill::address(t, &values))
            .collect(),
        first_seen: None,
        waiver: found
            .waiver
            .and_then(|index| evaluation.waivers.get(index))
            .map(|outcome| waiver(&outcome.waiver)),
    }
}

fn waiver(waiver: &Waiver) -> v1::Waiver {
    v1::Waiver {
        reason: waiver.reason.clone(),
        owner: Some(waiver.owner.clone()),
        ticket: Some(waiver.ticket.clone()),
        expires: waiver.expires,
    }
}

fn waiver_record(outcome: &WaiverOutcome) -> v1::WaiverRecord {
    let waiver = &outcome.waiver;
    v1::WaiverRecord {
        check: waiver.check.clone(),
        resource: waiver.resource.clone(),
        account: waiver.account.clone(),
        region: waiver.region.clone(),
        tags: waiver.tags.clone(),
        reason: waiver.reason.clone(),
        owner: waiver.owner.clone(),
        ticket: waiver.ticket.clone(),
        expires: waiver.expires,
        state: match outcome.state {
            WaiverState::Live => v1::WaiverState::Live,
            WaiverState::Unused => v1::WaiverState::Unused,
            WaiverState::Unknown => v1::WaiverState::Unknown,
            WaiverState::Expired => v1::WaiverState::Expired,
        },
        matched: outcome.matched,
        source: waiver.source.clone(),
    }
}

fn gap(gap: &posture_model::Gap) -> v1::Gap {
    let some = |text: &String| (!text.is_empty()).then(|| text.clone());
    v1::Gap {
        reason: gap.reason.into(),
        operation: some(&gap.operation),
        iam_action: some(&gap.iam_action),
        code: gap.code.clone(),
    }
}

fn message(found: &posture_engine::Finding, check: &CheckFile) -> String {
    use posture_catalog::Status;

    let summary = found
        .evidence
        .iter()
        .find(|fact| fact.field == "summary" && !fact.value.is_empty())
        .map(|fact| fact.value.as_str());
    match found.status {
        Status::Fail | Status::Waived => match summary {
            Some(facts) => format!("{}: {facts}", check.title),
            None => check.title.clone(),
        },
        Status::Unknown => {
            let what = if found.resource.id == "*" {
                format!("could not list every {}", found.resource.r#type)
            } else {
                "could not be decided".to_owned()
            };
            let gaps: Vec<String> = found.gaps.iter().map(ToString::to_string).collect();
            if gaps.is_empty() {
                what
            } else {
                format!("{what}: {}", gaps.join("; "))
            }
        }
        Status::Pass => {
            summary.map_or_else(|| "sound".to_owned(), |facts| format!("sound: {facts}"))
        }
        Status::NotApplicable => "the check has nothing to say about this resource".to_owned(),
    }
}

/// A placeholder's value: a field of the envelope, a constant of the check, or a fact that the
/// verdict rests on.
fn value(path: &str, found: &posture_engine::Finding, check: &CheckFile) -> Option<String> {
    let resource = &found.resource;
    // A listing that failed is about no resource, and a command for `*` would be about all.
    let named = resource.id != "*";
    match path {
        "account" | "resource.account" => return Some(found.account.to_string()),
        "region" | "resource.region" => {
            // No command takes `global` for a region.
            return (!found.region.is_global()).then(|| found.region.to_string());
        }
        "resource.type" => return Some(resource.r#type.clone()),
        "resource.partition" => return resource.arn.split(':').nth(1).map(str::to_owned),
        "resource.name" => return named.then(|| resource.name.clone()),
        "resource.id" => return named.then(|| resource.id.clone()),
        "resource.arn" => return named.then(|| resource.arn.clone()),
        _ => {}
    }
    if let Some(param) = path.strip_prefix("params.") {
        return match check.params.get(param)? {
            serde_json::Value::String(text) => Some(text.clone()),
            value @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_)) => {
                Some(value.to_string())
            }
            _ => None,
        };
    }
    found
        .evidence
        .iter()
        .find(|fact| fact.field == path && path != "summary")
        .map(|fact| fact.value.clone())
}

fn manual(check: &CheckFile) -> v1::ManualQuestion {
    v1::ManualQuestion {
        check: check.id.clone(),
        title: check.title.clone(),
        question: check.manual.clone().unwrap_or_default(),
        practices: check.practices.clone(),
    }
}
