//! Before the first unit: who scans, which accounts, with whose keys, and which regions they have.

use std::collections::BTreeMap;
use std::sync::Arc;

use posture_model::{AccountId, Gap, Partition, Region};
use posture_snapshot::{AccountRecord, LedgerEntry};

use crate::accounts::{self, Facts, Target};
use crate::cx::{Cx, Deadline, Place, Shared};
use crate::operation::Operation;
use crate::scan::{ScanError, ScanRequest};
use crate::session::{self, Caller, Holder, Session};

/// An account that is scanned, or would be.
pub(crate) struct Plan {
    pub(crate) record: AccountRecord,
    pub(crate) session: Option<Session>,
    /// Those that entered the account and found its regions; they go on counting what they call.
    contexts: Vec<Cx>,
    /// Gaps that follow from answers that were no errors.
    notes: Vec<Gap>,
}

impl Plan {
    /// The account's record as of now: with the calls so far, and whether its keys still are good.
    pub(crate) fn record(&self, facts: &Facts) -> AccountRecord {
        let mut record = self.record.clone();
        facts.complete(&mut record);
        let mut ledger = Ledger::default();
        for cx in &self.contexts {
            ledger.keep(cx);
        }
        for gap in &self.notes {
            ledger.note(gap);
        }
        record.ledger = ledger.into_entries();
        record.gaps.extend(self.expired());
        record
    }

    /// Why there are no keys to the account any more.
    pub(crate) fn expired(&self) -> Option<Gap> {
        let keys = self.session.as_ref()?.keys();
        let dead = keys.dead().filter(|_| !keys.are_own())?;
        Some(session::lost(&dead))
    }
}

/// Calls by operation.
#[derive(Default)]
struct Ledger(BTreeMap<String, LedgerEntry>);

impl Ledger {
    /// Adds the calls of a context.
    fn keep(&mut self, cx: &Cx) {
        for entry in cx.ledger() {
            let whole = self.0.entry(entry.operation.clone()).or_default();
            whole.operation = entry.operation;
            whole.iam_action = entry.iam_action;
            whole.calls += entry.calls;
            whole.pages += entry.pages;
            whole.retries += entry.retries;
            whole.throttled += entry.throttled;
            whole.denied += entry.denied;
            whole.failed += entry.failed;
            whole.milliseconds += entry.milliseconds;
            for gap in entry.gaps {
                if !whole.gaps.contains(&gap) {
                    whole.gaps.push(gap);
                }
            }
        }
    }

    /// Adds what follows from an answer that was no error.
    fn note(&mut self, gap: &Gap) {
        if let Some(entry) = self.0.get_mut(&gap.operation)
            && !entry.gaps.contains(gap)
        {
            entry.gaps.push(gap.clone());
        }
    }

    fn into_entries(self) -> Vec<LedgerEntry> {
        self.0.into_values().collect()
    }
}

/// The calls that find accounts and regions, and the caller's ledger of them.
pub(crate) struct Core {
    shared: Arc<Shared>,
    deadline: Option<Deadline>,
    /// The caller's own calls outside any account that it enters.
    contexts: Vec<Cx>,
}

impl Core {
    pub(crate) fn new(shared: Arc<Shared>, deadline: Option<Deadline>) -> Self {
        Self {
            shared,
            deadline,
            contexts: Vec::new(),
        }
    }

    /// The caller's calls so far.
    pub(crate) fn ledger(&self) -> Vec<LedgerEntry> {
        let mut ledger = Ledger::default();
        for cx in &self.contexts {
            ledger.keep(cx);
        }
        ledger.into_entries()
    }

    /// A context for calls that belong to the caller.
    fn callers(
        &mut self,
        session: &Session,
        caller: &Caller,
        operations: &'static [&'static Operation],
    ) -> Cx {
        let cx = self.cx(session, &caller.account, &caller.partition, operations);
        self.contexts.push(cx.clone());
        cx
    }

    /// A context for calls to what is global in an account.
    fn cx(
        &self,
        session: &Session,
        account: &AccountId,
        partition: &Partition,
        operations: &'static [&'static Operation],
    ) -> Cx {
        let home = home_region(session, partition);
        self.cx_at(session, account, partition, &home, operations)
    }

    fn cx_at(
        &self,
        session: &Session,
        account: &AccountId,
        partition: &Partition,
        region: &str,
        operations: &'static [&'static Operation],
    ) -> Cx {
        let place = Place {
            account: account.clone(),
            region: Region::global(),
            partition: partition.clone(),
        };
        Cx::new(
            place,
            operations,
            session,
            region,
            Arc::clone(&self.shared),
            self.deadline,
        )
    }

    /// Who the session belongs to.
    async fn caller(&mut self, session: &Session) -> Result<Caller, ScanError> {
        // The caller's partition is not known yet: the session's own region is the best guess.
        let configured = session.region().map_or_else(String::new, String::from);
        let partition = Partition::of_region(&configured);
        let region = if configured.is_empty() {
            partition.home_region().to_owned()
        } else {
            configured
        };
        let cx = self.cx_at(
            session,
            &placeholder_account(),
            &partition,
            &region,
            session::OPERATIONS,
        );
        self.contexts.push(cx.clone());
        session::caller(&cx).await
    }

    /// The caller, behind the roles that lead to it.
    pub(crate) async fn arrive(
        &mut self,
        request: &ScanRequest,
    ) -> Result<(Session, Caller), ScanError> {
        let mut session = request.session.clone();
        let mut caller = self.caller(&session).await?;
        for role in &request.role_chain {
            let cx = self.callers(&session, &caller, session::OPERATIONS);
            session = session::assume(&cx, &session, role.role.clone(), role, Holder::Caller)
                .await
                .map_err(|gap| ScanError::Chain {
                    role: role.role.clone(),
                    gap,
                })?;
            caller = self.caller(&session).await?;
        }
        let cx = self.cx(
            &session,
            &caller.account,
            &caller.partition,
            session::OPERATIONS,
        );
        self.shared.network.ask(session::probe(&cx));
        Ok((session, caller))
    }

    /// The accounts to scan, in the order of their ids.
    pub(crate) async fn targets(
        &mut self,
        request: &ScanRequest,
        session: &Session,
        caller: &Caller,
    ) -> Result<Vec<Target>, ScanError> {
        let mut targets = if request.organization {
            let cx = self.callers(session, caller, session::OPERATIONS);
            let members = accounts::members(&cx)
                .await
                .map_err(ScanError::Organization)?;
            named(request, members)?
        } else if request.accounts.is_empty() {
            vec![Target::bare(caller.account.clone())]
        } else {
            request.accounts.iter().cloned().map(Target::bare).collect()
        };
        targets.sort_by(|a, b| a.id.cmp(&b.id));
        targets.dedup_by(|a, b| a.id == b.id);
        let cx = self.callers(session, caller, accounts::OPERATIONS);
        let targets = accounts::filtered(&cx, &request.filter, targets).await?;
        if targets.is_empty() {
            return Err(ScanError::Request(
                "no account is left to scan: the filters leave all of them out".to_owned(),
            ));
        }
        let foreign = targets.iter().filter(|target| target.id != caller.account);
        for target in foreign {
            let Some(role) = &request.role else {
                return Err(ScanError::Request(
                    "accounts other than the caller's need a role to assume: give --role-name"
                        .to_owned(),
                ));
            };
            role.leads_to(&caller.partition, &target.id)?;
        }
        Ok(targets)
    }

    /// A context to ask the organization about accounts, for the time of the scan.
    pub(crate) fn organization(&mut self, session: &Session, caller: &Caller) -> Cx {
        self.callers(session, caller, accounts::OPERATIONS)
    }

    pub(crate) async fn plan_all(
        &self,
        request: &ScanRequest,
        session: &Session,
        caller: &Caller,
        targets: &[Target],
    ) -> Result<Vec<Plan>, ScanError> {
        let outcomes = futures::future::join_all(
            targets
                .iter()
                .map(|target| self.plan(request, session, caller, target)),
        )
        .await;
        let mut plans = Vec::with_capacity(outcomes.len());
        let mut known = session::Regions::default();
        for (plan, regions) in outcomes {
            known.enabled.extend(regions.enabled);
            known.disabled.extend(regions.disabled);
            plans.push(plan);
        }
        check_regions(request, &known)?;
        Ok(plans)
    }

    /// A session for the account, and the regions to scan in it.
    async fn plan(
        &self,
        request: &ScanRequest,
        callers: &Session,
        caller: &Caller,
        target: &Target,
    ) -> (Plan, session::Regions) {
        let mut plan = Plan {
            record: target.record(&caller.partition),
            session: None,
            contexts: Vec::new(),
            notes: Vec::new(),
        };
        let session = match &request.role {
            Some(role) if target.id != caller.account => {
                let cx = self.cx(
                    callers,
                    &caller.account,
                    &caller.partition,
                    session::OPERATIONS,
                );
                plan.contexts.push(cx.clone());
                let arn = role.arn(&caller.partition, &target.id);
                session::assume(&cx, callers, arn, role, Holder::Account).await
            }
            _ => Ok(callers.clone()),
        };
        let session = match session {
            Ok(session) => session,
            Err(gap) => {
                plan.record.gaps.push(gap);
                return (plan, session::Regions::default());
            }
        };
        let cx = self.cx(&session, &target.id, &caller.partition, session::OPERATIONS);
        plan.contexts.push(cx.clone());
        let regions = match session::regions(&cx).await {
            Ok(regions) => regions,
            Err(gap) => {
                // Which regions there are is not known: those asked for are tried, or the session's
                // own, and the account is marked as incomplete.
                plan.record.gaps.push(gap);
                session::Regions::default()
            }
        };
        plan.record.regions = regions_to_scan(request, &session, &regions, &mut plan.record.gaps);
        plan.notes = plan.record.gaps.clone();
        plan.session = Some(session);
        (plan, regions)
    }
}

/// The members that the request names, or all.
fn named(request: &ScanRequest, members: Vec<Target>) -> Result<Vec<Target>, ScanError> {
    let stranger = request
        .accounts
        .iter()
        .find(|id| !members.iter().any(|member| member.id == **id));
    if let Some(stranger) = stranger {
        return Err(ScanError::Request(format!(
            "{stranger} is no active account of the organization"
        )));
    }
    let all = request.accounts.is_empty();
    Ok(members
        .into_iter()
        .filter(|member| all || request.accounts.contains(&member.id))
        .collect())
}

fn regions_to_scan(
    request: &ScanRequest,
    session: &Session,
    known: &session::Regions,
    gaps: &mut Vec<Gap>,
) -> Vec<Region> {
    let mut wanted: Vec<Region> = if request.regions.is_empty() {
        if known.enabled.is_empty() {
            session.region().into_iter().collect()
        } else {
            known.enabled.clone()
        }
    } else {
        request.regions.clone()
    };
    wanted.retain(|region| !request.excluded_regions.contains(region));
    wanted.retain(|region| {
        let off = known.disabled.contains(region);
        if off {
            gaps.push(session::not_enabled(region));
        }
        !off
    });
    wanted.sort();
    wanted.dedup();
    wanted
}

/// A name that no account has as a region is a slip of the pen, and an error before anything is read.
fn check_regions(request: &ScanRequest, known: &session::Regions) -> Result<(), ScanError> {
    if known.enabled.is_empty() {
        return Ok(());
    }
    for region in request.regions.iter().chain(&request.excluded_regions) {
        if !known.enabled.contains(region) && !known.disabled.contains(region) {
            let mut names: Vec<String> = known.enabled.iter().map(ToString::to_string).collect();
            names.sort();
            names.dedup();
            return Err(ScanError::Region {
                region: region.clone(),
                problem: "not a region of these accounts",
                known: names,
            });
        }
    }
    Ok(())
}

/// Where global services are signed for. A custom endpoint serves whatever region the session names.
pub(crate) fn home_region(session: &Session, partition: &Partition) -> String {
    match session.region() {
        Some(region) if session.custom_endpoint => region.to_string(),
        _ => partition.home_region().to_owned(),
    }
}

/// Stands in until `sts:GetCallerIdentity` has answered; it is never written anywhere.
fn placeholder_account() -> AccountId {
    #[expect(clippy::expect_used, reason = "a constant of the right shape")]
    AccountId::new("000000000000").expect("twelve digits")
}
