//! What a report says of a finding of earlier, which it does not list.
//!
//! Absence proves nothing by itself: the report may not list such verdicts, the check may not have run, nobody
//! may have looked there, or AWS may not have answered. Only what was judged anew, or is gone from a place
//! where everything was listed, is resolved.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use posture_model::{AccountId, CheckId, FindingId, Region};

use crate::source::Source;
use crate::v1::{CheckRun, Head, Place, Status};

/// Services that list the resources of all regions in one place, though each resource has its region. Guessed
/// from the report, a region that was not looked at could pass for one that is empty.
const LISTED_GLOBALLY: &[&str] = &["s3"];

/// A finding of earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past<'a> {
    /// Its id.
    pub id: &'a FindingId,
    /// Its check.
    pub check: &'a CheckId,
    /// The account.
    pub account: &'a AccountId,
    /// The region, or `global`.
    pub region: &'a Region,
    /// The type of its resource.
    pub resource_type: &'a str,
    /// The key of its resource; see [`posture_engine::resource_key`].
    pub resource_key: &'a str,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// The report lists it: it still fails, or is open.
    Listed,
    /// The check judged the resource and found nothing.
    Sound,
    /// Everything of the type was listed there, and the resource is not among it.
    Gone,
    /// The report cannot say.
    Undecided(Undecided),
}

/// Why a report cannot say what became of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Undecided {
    /// The report does not list failing, unknown and waived verdicts, or is too old to say what it lists.
    NotListed,
    /// The scan was interrupted.
    Interrupted,
    /// The check was not run, or judges another type of resource now.
    CheckNotRun,
    /// The scan did not look there.
    NotLookedThere,
    /// Not everything of the type could be listed there.
    NotAllListed,
}

impl Undecided {
    /// The reason in prose.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::NotListed => "the report does not list what still fails or is unknown",
            Self::Interrupted => "the scan was interrupted",
            Self::CheckNotRun => "the check was not run",
            Self::NotLookedThere => "the scan did not look there",
            Self::NotAllListed => "not everything could be listed there",
        }
    }
}

/// What a report covers.
#[derive(Debug)]
pub struct Scope<'a> {
    head: &'a Head,
    checks: BTreeMap<&'a CheckId, &'a CheckRun>,
    places: BTreeMap<(&'a AccountId, &'a Region), &'a Place>,
    /// Keys of the resources that were judged.
    judged: HashSet<&'a str>,
    listed: HashSet<FindingId>,
    /// Checks that could not see all of their resources somewhere.
    blind: BTreeSet<(CheckId, AccountId, Region)>,
}

impl<'a> Scope<'a> {
    /// Of a whole report; a selection of its findings would make the rest look resolved.
    pub fn of(source: &'a dyn Source) -> std::io::Result<Self> {
        let head = source.head();
        let mut scope = Self {
            head,
            checks: head.checks.iter().map(|check| (&check.id, check)).collect(),
            places: head
                .scan
                .places
                .iter()
                .map(|place| ((&place.account, &place.region), place))
                .collect(),
            judged: head.resources.iter().map(String::as_str).collect(),
            listed: HashSet::new(),
            blind: BTreeSet::new(),
        };
        source.each(&mut |finding| {
            match finding.status {
                Status::Fail | Status::Unknown | Status::Waived => {
                    scope.listed.insert(finding.id.clone());
                }
                Status::Pass | Status::NotApplicable => {}
            }
            if finding.resource.id == "*" {
                scope.blind.insert((
                    finding.check.clone(),
                    finding.account.clone(),
                    finding.region.clone(),
                ));
            }
            Ok(())
        })?;
        Ok(scope)
    }

    /// The report that it is the scope of.
    pub fn head(&self) -> &'a Head {
        self.head
    }

    /// What became of a finding.
    pub fn judge(&self, past: &Past<'_>) -> Standing {
        if self.listed.contains(past.id) {
            return Standing::Listed;
        }
        match self.proved(past) {
            Ok(standing) => standing,
            Err(why) => Standing::Undecided(why),
        }
    }

    fn proved(&self, past: &Past<'_>) -> Result<Standing, Undecided> {
        let check = self
            .checks
            .get(past.check)
            .filter(|check| check.resource == past.resource_type)
            .ok_or(Undecided::CheckNotRun)?;
        self.lists_what_is_open(check)?;
        if self.head.scan.finished_at.is_none() {
            return Err(Undecided::Interrupted);
        }
        if self.judged.contains(past.resource_key) {
            return Ok(Standing::Sound);
        }
        let service = past.resource_type.split('.').next().unwrap_or_default();
        let place = self.place(past.account, past.region, service)?;
        let global = Region::global();
        let cut = place
            .incomplete
            .iter()
            .any(|kind| kind == past.resource_type);
        let blind = [past.region, &global].into_iter().any(|region| {
            let key = (past.check.clone(), past.account.clone(), region.clone());
            self.blind.contains(&key)
        });
        if cut || blind {
            return Err(Undecided::NotAllListed);
        }
        Ok(Standing::Gone)
    }

    /// Whether a finding of the check that is still open would be among those listed.
    fn lists_what_is_open(&self, check: &CheckRun) -> Result<(), Undecided> {
        let lists = |status| self.head.scan.statuses.contains(&status);
        let waived = lists(Status::Waived) || check.verdicts.waived == 0;
        if lists(Status::Fail) && lists(Status::Unknown) && waived {
            Ok(())
        } else {
            Err(Undecided::NotListed)
        }
    }

    /// Where resources of a service that are in a region are listed.
    fn place(
        &self,
        account: &AccountId,
        region: &Region,
        service: &str,
    ) -> Result<&'a Place, Undecided> {
        let global = Region::global();
        let looked = |region: &Region| {
            let place = self.places.get(&(account, region)).copied();
            place.filter(|place| place.services.iter().any(|known| known == service))
        };
        looked(region)
            .or_else(|| looked(&global).filter(|_| LISTED_GLOBALLY.contains(&service)))
            .ok_or(Undecided::NotLookedThere)
    }
}
