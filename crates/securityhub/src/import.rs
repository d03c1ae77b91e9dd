//! The import: what is listed is sent, what is resolved is archived, and everything else is left alone.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_securityhub::types::{AwsSecurityFinding, WorkflowStatus};
use posture_model::Timestamp;
use posture_report::asff::{BATCH, Converter, SecurityFinding, product_arn, target};
use posture_report::v1::{Finding, Status};
use posture_report::{Batches, Past, Scope, Source, Standing, Target, Undecided};
use tokio::runtime::Runtime;

use crate::convert::{archived, to_sdk};
use crate::hub::{CallFailed, Earlier, Hub, NotTaken, is_active, mark};
use crate::session::{ImportError, Options, Session};

/// Bytes that a finding takes while it waits, about: more than most of them do.
const SIZE: usize = 8 << 10;

/// What was done in one account and region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Findings that were not there.
    pub created: u64,
    /// Findings that were there.
    pub updated: u64,
    /// Findings that are resolved.
    pub archived: u64,
    /// Findings suppressed for a waiver, or no longer.
    pub suppressed: u64,
    /// Findings of which a later scan has told, left alone.
    pub newer: u64,
}

/// A finding that Security Hub did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Where.
    pub target: Target,
    /// Its id there; empty where Security Hub did not say.
    pub id: String,
    /// The error's code.
    pub code: String,
    /// What Security Hub said.
    pub message: String,
}

/// An account and region where nothing more could be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// Where.
    pub target: Target,
    /// Why.
    pub message: String,
    /// Findings that were to be sent there and were not.
    pub findings: u64,
}

/// What came of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What was done, or in a dry run would be.
    pub done: BTreeMap<Target, Counts>,
    /// What was not taken.
    pub refused: Vec<Refused>,
    /// Where nothing could be done.
    pub unreachable: Vec<Unreachable>,
    /// Findings of earlier that are no longer listed and yet not proved resolved, by why.
    pub kept: BTreeMap<Undecided, u64>,
}

/// Sends the findings of `source`, and archives what `scope` proves resolved. `now` is when it happens.
pub fn import(
    runtime: &Runtime,
    source: &dyn Source,
    scope: &Scope<'_>,
    options: &Options,
    now: Timestamp,
) -> Result<Outcome, ImportError> {
    let converter = Converter::of(source.head());
    let session = runtime.block_on(Session::load(options, converter.partition()))?;
    let mut run = Run {
        runtime,
        session,
        converter,
        scope,
        options,
        now,
        scanned: source.head().scan.started_at,
        hubs: BTreeMap::new(),
        outcome: Outcome::default(),
    };
    let mut batches = Batches::new(BATCH);
    source.each(&mut |finding| {
        let to = run.converter.target(finding);
        if run.is_wanted(&to) {
            let item = Item::of(&run.converter, finding);
            for (target, batch) in batches.push(to, item, SIZE) {
                run.send(&target, batch);
            }
        }
        Ok(())
    })?;
    for (target, batch) in batches.rest() {
        run.send(&target, batch);
    }
    run.look_everywhere();
    Ok(run.outcome)
}

/// A finding on its way. Not the SDK's yet, which takes fifty times the room for the resource alone.
struct Item {
    finding: SecurityFinding,
    /// What the note says, for a waived one.
    waiver: Option<String>,
}

impl Item {
    fn of(converter: &Converter<'_>, finding: &Finding) -> Self {
        let converted = converter.convert(finding);
        let waiver = converted.note.as_ref().map(|note| note.text.clone());
        Self {
            waiver: waiver.filter(|_| finding.status == Status::Waived),
            finding: converted,
        }
    }
}

struct Run<'a> {
    runtime: &'a Runtime,
    session: Session,
    converter: Converter<'a>,
    scope: &'a Scope<'a>,
    options: &'a Options,
    now: Timestamp,
    scanned: Timestamp,
    /// What is there; none where nothing can be done.
    hubs: BTreeMap<Target, Option<Hub>>,
    outcome: Outcome,
}

impl Run<'_> {
    fn is_wanted(&self, target: &Target) -> bool {
        let Options {
            accounts, regions, ..
        } = self.options;
        (accounts.is_empty() || accounts.contains(&target.account))
            && (regions.is_empty() || regions.contains(&target.region))
    }

    /// Sends a batch.
    fn send(&mut self, target: &Target, batch: Vec<Item>) {
        let count = batch.len() as u64;
        if let Err(failed) = self.try_send(target, batch) {
            self.give_up(target, &failed, count);
        }
    }

    fn try_send(&mut self, target: &Target, batch: Vec<Item>) -> Result<(), CallFailed> {
        self.open(target)?;
        let Some(Some(hub)) = self.hubs.get(target) else {
            return Err(CallFailed {
                code: None,
                message: String::new(),
            });
        };
        let mut counts = Counts::default();
        let mut findings = Vec::with_capacity(batch.len());
        let (mut suppress, mut release) = (BTreeMap::new(), BTreeMap::new());
        for Item {
            mut finding,
            waiver,
        } in batch
        {
            let id = finding.id.clone();
            let earlier = hub.earlier.get(&id);
            if earlier.is_some_and(|earlier| earlier.is_newer_than(self.scanned)) {
                counts.newer += 1;
                continue;
            }
            let updated = earlier.map_or(self.now, |earlier| earlier.next_update(self.now));
            finding.updated_at = updated.to_string();
            match earlier {
                Some(earlier) => {
                    counts.updated += 1;
                    if let Some(created) = &earlier.created_at {
                        finding.created_at.clone_from(created);
                    }
                    // Those that are there already take neither from an import.
                    finding.workflow = None;
                    finding.note = None;
                    let change = match waiver {
                        Some(note) if !earlier.suppressed => Some((&mut suppress, note)),
                        None if earlier.suppressed_by_us => {
                            Some((&mut release, "The waiver is no longer in force.".to_owned()))
                        }
                        _ => None,
                    };
                    if let Some((changes, note)) = change {
                        let ids: &mut Vec<String> = changes.entry(note).or_default();
                        ids.push(id);
                        counts.suppressed += 1;
                    }
                }
                None => counts.created += 1,
            }
            findings.push(to_sdk(finding));
        }
        let refused = if self.options.dry_run || findings.is_empty() {
            Vec::new()
        } else {
            let mut refused = self.runtime.block_on(hub.import(findings))?;
            let changes = [
                (WorkflowStatus::Suppressed, suppress),
                (WorkflowStatus::New, release),
            ];
            for (status, notes) in changes {
                refused.extend(self.runtime.block_on(hub.set_workflow(status, notes))?);
            }
            refused
        };
        self.note(target, counts, refused);
        Ok(())
    }

    /// Looks what is there already, once, and archives what is resolved of it.
    fn open(&mut self, target: &Target) -> Result<(), CallFailed> {
        if self.hubs.contains_key(target) {
            return Ok(());
        }
        // Until it has been opened, nothing can be done there.
        self.hubs.insert(target.clone(), None);
        let partition = self.converter.partition().clone();
        let client = self.session.client(target, &partition);
        let client = self
            .runtime
            .block_on(client)
            .map_err(|message| CallFailed {
                code: None,
                message,
            })?;
        let mut hub = Hub::new(client, product_arn(&partition, target));
        let mut resolved = Vec::new();
        let mut token = None;
        loop {
            let (findings, next) = self.runtime.block_on(hub.page(token))?;
            for finding in &findings {
                let earlier = finding.id.as_ref().and_then(|id| hub.earlier.get(id));
                let Some(earlier) = earlier else { continue };
                if self.is_resolved(finding, earlier) {
                    let now = earlier.next_update(self.now).to_string();
                    resolved.push(archived(finding, &now));
                }
            }
            token = next;
            if token.is_none() {
                break;
            }
        }
        // Not between the pages: what is archived changes what the next page would be.
        while !resolved.is_empty() {
            let batch = resolved.split_off(resolved.len().saturating_sub(BATCH));
            let counts = Counts {
                archived: batch.len() as u64,
                ..Counts::default()
            };
            let refused = if self.options.dry_run {
                Vec::new()
            } else {
                self.runtime.block_on(hub.import(batch))?
            };
            self.note(target, counts, refused);
        }
        self.hubs.insert(target.clone(), Some(hub));
        Ok(())
    }

    fn is_resolved(&mut self, finding: &AwsSecurityFinding, earlier: &Earlier) -> bool {
        let newer = earlier.is_newer_than(self.scanned);
        if !self.options.archive || !is_active(finding) || newer {
            return false;
        }
        let standing = mark(finding).map_or(Standing::Undecided(Undecided::CheckNotRun), |mark| {
            self.scope.judge(&Past {
                id: &mark.id,
                check: &mark.check,
                account: &mark.account,
                region: &mark.region,
                resource_type: &mark.resource_type,
                resource_key: &mark.resource_key,
            })
        });
        match standing {
            Standing::Listed => false,
            Standing::Sound | Standing::Gone => true,
            Standing::Undecided(why) => {
                *self.outcome.kept.entry(why).or_default() += 1;
                false
            }
        }
    }

    /// Where nothing is to be sent, something may still be resolved.
    fn look_everywhere(&mut self) {
        if !self.options.archive {
            return;
        }
        let partition = self.converter.partition().clone();
        let places: BTreeSet<Target> = self
            .scope
            .head()
            .scan
            .places
            .iter()
            .map(|place| target(&partition, &place.account, &place.region))
            .collect();
        for target in places {
            if self.hubs.contains_key(&target) || !self.is_wanted(&target) {
                continue;
            }
            match self.open(&target) {
                // Nothing was ever imported there.
                Err(failed) if failed.is_absent() => {}
                Err(failed) => self.give_up(&target, &failed, 0),
                Ok(()) => {}
            }
        }
    }

    fn note(&mut self, target: &Target, counts: Counts, refused: Vec<NotTaken>) {
        let done = self.outcome.done.entry(target.clone()).or_default();
        done.created += counts.created;
        done.updated += counts.updated;
        done.archived += counts.archived;
        done.suppressed += counts.suppressed;
        done.newer += counts.newer;
        self.outcome
            .refused
            .extend(refused.into_iter().map(|failure| Refused {
                target: target.clone(),
                id: failure.id,
                code: failure.code,
                message: failure.message,
            }));
    }

    /// Tries nothing more there. Said once, whatever more was to be sent.
    fn give_up(&mut self, target: &Target, failed: &CallFailed, findings: u64) {
        self.hubs.insert(target.clone(), None);
        let mut known = self.outcome.unreachable.iter_mut();
        match known.find(|known| known.target == *target) {
            Some(known) => known.findings += findings,
            None => self.outcome.unreachable.push(Unreachable {
                target: target.clone(),
                message: failed.message.clone(),
                findings,
            }),
        }
    }
}
