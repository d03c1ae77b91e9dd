//! What the fleet is made of, and how it misbehaves. All of it is JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::service;

/// A whole configuration.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What there is. Fixed while the server runs.
    pub estate: Estate,
    /// What goes wrong. Changed at run time by `POST /_fleet/config`.
    pub faults: Faults,
}

/// The organization, its accounts and what is in them. The same estate gives the same answers, byte for
/// byte, whatever is asked first and whatever goes wrong in between.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Estate {
    /// From which every property of every resource is drawn.
    pub seed: u64,
    /// Partition of the ARNs: `aws`, `aws-us-gov`, `aws-cn`.
    pub partition: String,
    /// Active accounts of the organization. The first is the management account, and whoever signs with
    /// a key that is not of this server's making.
    pub accounts: usize,
    /// Further accounts that are suspended: listed, and nothing else.
    pub suspended_accounts: usize,
    /// Enabled regions, in every account.
    pub regions: Vec<String>,
    /// Regions that no account has switched on.
    pub disabled_regions: Vec<String>,
    /// Resources of the main kind of each service, in an account and (for regional services) region.
    pub resources: usize,
    /// The same for single services.
    pub resources_of: BTreeMap<String, usize>,
    /// Items on a page, at most. A smaller number in a request is respected.
    pub page_size: usize,
    /// The same for single operations, as `service:Operation`.
    pub page_size_of: BTreeMap<String, usize>,
    /// The moment at which the estate is looked at, in Unix seconds. The server's clock has no part in it.
    pub now: i64,
    /// Members that may list the organization beside the management account.
    pub delegated_administrators: BTreeSet<Account>,
    /// The one role that can be assumed, as path and name; any when there is none.
    pub role: Option<String>,
    /// The external id without which it cannot.
    pub external_id: Option<String>,
}

impl Default for Estate {
    fn default() -> Self {
        Self {
            seed: 1,
            partition: "aws".to_owned(),
            accounts: 4,
            suspended_accounts: 0,
            regions: vec!["us-east-1".to_owned(), "eu-west-1".to_owned()],
            disabled_regions: vec!["af-south-1".to_owned()],
            resources: 20,
            resources_of: BTreeMap::new(),
            page_size: 50,
            page_size_of: BTreeMap::new(),
            // 2026-11-01.
            now: 1_793_491_200,
            delegated_administrators: BTreeSet::new(),
            role: None,
            external_id: None,
        }
    }
}

/// What goes wrong. None of it changes what a successful answer holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// How long answers take.
    pub latency: Latency,
    /// How much is let through. A call must be let through by every rule that names its service
    /// (`lambda`) or operation (`lambda:GetPolicy`); `*` stands for services that no rule names.
    pub limits: BTreeMap<String, Limit>,
    /// Calls that fail. The first rule that strikes decides.
    pub errors: Vec<ErrorRule>,
    /// Regions that do not answer.
    pub dead_regions: BTreeMap<String, Death>,
    /// Accounts in which no role can be assumed.
    pub unassumable: BTreeSet<Account>,
    /// The credentials of assumed roles.
    pub sessions: Sessions,
}

/// How long answers take, in milliseconds; the parts add up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Latency {
    /// Every answer.
    pub base_ms: u64,
    /// Up to so much more, drawn from the request.
    pub jitter_ms: u64,
    /// More for slow regions.
    pub regions: BTreeMap<String, u64>,
    /// More for slow services (`iam`) or operations (`iam:GetCredentialReport`).
    pub operations: BTreeMap<String, u64>,
}

/// A token bucket for each (account, region) that a rule is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Calls let through at once after a pause.
    pub burst: f64,
    /// Calls let through a second in the long run.
    pub per_second: f64,
    /// Services and operations that draw on the same bucket.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<String>,
    /// Operations of the service that have quotas of their own and do not draw on this bucket.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// Seconds that a refused call is told to wait. Without it `Retry-After: 1` is said where AWS's
    /// protocol has a place for it (Lambda, API Gateway), and 0 says it nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
}

impl Limit {
    /// A bucket of this size.
    pub fn new(burst: f64, per_second: f64) -> Self {
        Self {
            burst,
            per_second,
            covers: Vec::new(),
            except: Vec::new(),
            retry_after_s: None,
        }
    }

    /// The limits that AWS publishes for what a scan calls. What AWS does not publish is not limited.
    pub fn published() -> BTreeMap<String, Self> {
        let mut limits = BTreeMap::from([
            // Describing calls, paged or filtered.
            ("ec2".to_owned(), Self::new(100.0, 20.0)),
            // One bucket for the control plane, one for GetPolicy.
            (
                "lambda".to_owned(),
                Self {
                    except: vec!["GetPolicy".to_owned()],
                    ..Self::new(15.0, 15.0)
                },
            ),
            ("lambda:GetPolicy".to_owned(), Self::new(15.0, 15.0)),
            // Everything that manages APIs, of either kind.
            (
                "apigateway".to_owned(),
                Self {
                    covers: vec!["apigatewayv2".to_owned()],
                    ..Self::new(40.0, 10.0)
                },
            ),
        ]);
        for (operation, rate) in [
            ("DescribeKey", 2000.0),
            ("GetKeyPolicy", 1000.0),
            ("GetKeyRotationStatus", 1000.0),
            ("ListAliases", 500.0),
            ("ListGrants", 100.0),
            ("ListKeys", 500.0),
            ("ListResourceTags", 2000.0),
        ] {
            limits.insert(format!("kms:{operation}"), Self::new(rate, rate));
        }
        limits
    }
}

/// Calls that fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorRule {
    /// How they fail.
    pub kind: ErrorKind,
    /// The share of attempts that fail, drawn from the request and the number of the attempt: 1 for all.
    #[serde(default = "always")]
    pub rate: f64,
    /// Only in this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
    /// Only in this region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Only this service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Only this operation, by its name alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Only the first so many attempts at one call: whoever tries again often enough gets through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
}

fn always() -> f64 {
    1.0
}

/// A way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The service broke: HTTP 500, in the protocol's form.
    Internal,
    /// The service is overloaded: HTTP 503 without a body that any protocol knows.
    Unavailable,
    /// Not permitted, in the protocol's form.
    Denied,
    /// Too many calls, in the protocol's form, without regard to any bucket.
    Throttled,
    /// The connection ends without an answer.
    Close,
    /// The connection ends in the middle of the answer.
    Truncated,
    /// The answer comes whole and with the right length, but stops in the middle of its document.
    Malformed,
    /// No answer, and the connection stays open.
    Hang,
}

/// How a region is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Death {
    /// Connections are accepted and never answered.
    Hang,
    /// Connections are closed when something is asked.
    Close,
}

/// The credentials of assumed roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sessions {
    /// How long they work.
    pub lifetime_ms: u64,
    /// How long AWS says they do; the same when there is none. More makes calls fail that a careful
    /// client believes good.
    pub promised_ms: Option<u64>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            lifetime_ms: 3_600_000,
            promised_ms: None,
        }
    }
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is no JSON of the documented form.
    #[error("configuration: {0}")]
    Form(#[from] serde_json::Error),
    /// A number that makes no sense.
    #[error("`{field}` is {value}; give {wanted}")]
    Value {
        /// The field's path.
        field: String,
        /// What it holds.
        value: String,
        /// What it may hold.
        wanted: &'static str,
    },
    /// A service, operation, region or account that the fleet does not have.
    #[error("`{field}` names {name:?}, which this fleet does not have{}", hint(.name, .known))]
    Unknown {
        /// The field's path.
        field: String,
        /// What it names.
        name: String,
        /// What it may name.
        known: Vec<String>,
    },
}

fn hint(name: &str, known: &[String]) -> String {
    known
        .iter()
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or_else(String::new, |(_, known)| {
            format!("; did you mean {known:?}?")
        })
}

impl Config {
    /// Reads a configuration; what it leaves out is as by default.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = serde_json::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    /// Whether everything that it names exists and every number makes sense.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.estate.check()?;
        self.faults.check(&self.estate)
    }
}

impl Estate {
    /// All accounts, the suspended ones last.
    pub fn all_accounts(&self) -> impl Iterator<Item = Account> + use<> {
        (0..self.accounts + self.suspended_accounts).map(Account::nth)
    }

    /// The account that manages the organization.
    pub fn management_account(&self) -> Account {
        Account::nth(0)
    }

    /// Whether an account can be acted in.
    pub(crate) fn is_active(&self, account: Account) -> bool {
        account.index().is_some_and(|index| index < self.accounts)
    }

    pub(crate) fn is_suspended(&self, account: Account) -> bool {
        account.index().is_some_and(|index| {
            (self.accounts..self.accounts + self.suspended_accounts).contains(&index)
        })
    }

    pub(crate) fn has_region(&self, region: &str) -> bool {
        self.regions.iter().any(|known| known == region)
    }

    /// Resources of a service's main kind in one place.
    pub(crate) fn resources_of(&self, service: &str) -> usize {
        self.resources_of
            .get(service)
            .copied()
            .unwrap_or(self.resources)
    }

    pub(crate) fn page_size(&self, service: &str, operation: &str) -> usize {
        self.page_size_of
            .get(&format!("{service}:{operation}"))
            .copied()
            .unwrap_or(self.page_size)
            .max(1)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let at_least = |field: &str, value: usize, least: usize| {
            if value >= least {
                return Ok(());
            }
            Err(ConfigError::Value {
                field: format!("estate.{field}"),
                value: value.to_string(),
                wanted: "at least 1",
            })
        };
        at_least("accounts", self.accounts, 1)?;
        at_least("regions", self.regions.len(), 1)?;
        at_least("page_size", self.page_size, 1)?;
        for service in self.resources_of.keys() {
            known("estate.resources_of", service, service_names())?;
        }
        for (operation, size) in &self.page_size_of {
            known("estate.page_size_of", operation, operation_names())?;
            at_least("page_size_of", *size, 1)?;
        }
        Ok(())
    }
}

impl Faults {
    /// Takes over the fields that a patch holds, each as a whole.
    pub fn patched(&self, patch: &str) -> Result<Self, ConfigError> {
        let mut whole = serde_json::to_value(self)?;
        let patch: serde_json::Map<String, serde_json::Value> = serde_json::from_str(patch)?;
        for (field, value) in patch {
            whole[&field] = value;
        }
        Ok(serde_json::from_value(whole)?)
    }

    pub(crate) fn check(&self, estate: &Estate) -> Result<(), ConfigError> {
        let region = |field: &str, name: &str| {
            let regions = estate.regions.iter().chain(&estate.disabled_regions);
            // Global services are signed for in the home region, whether it is scanned or not.
            let home = ["us-east-1", "us-gov-west-1", "cn-north-1"];
            let all = regions.cloned().chain(home.map(str::to_owned)).collect();
            known(field, name, all)
        };
        let account = |field: &str, account: Account| {
            let all = estate.all_accounts().map(|known| known.to_string());
            known(field, &account.to_string(), all.collect())
        };
        let place = |field: &str, name: &str| {
            let mut names = service_names();
            names.extend(operation_names());
            known(field, name, names)
        };
        for (name, limit) in &self.limits {
            if name != "*" {
                place("faults.limits", name)?;
            }
            for name in &limit.covers {
                place("faults.limits.covers", name)?;
            }
            for (field, value) in [("burst", limit.burst), ("per_second", limit.per_second)] {
                let least = if field == "burst" {
                    1.0
                } else {
                    f64::MIN_POSITIVE
                };
                if !value.is_finite() || value < least {
                    return Err(ConfigError::Value {
                        field: format!("faults.limits.{name}.{field}"),
                        value: value.to_string(),
                        wanted: "a burst of 1 or more, and a rate above 0",
                    });
                }
            }
        }
        for rule in &self.errors {
            if !(0.0..=1.0).contains(&rule.rate) {
                return Err(ConfigError::Value {
                    field: "faults.errors.rate".to_owned(),
                    value: rule.rate.to_string(),
                    wanted: "a number from 0 to 1",
                });
            }
            if let Some(name) = &rule.region {
                region("faults.errors.region", name)?;
            }
            if let Some(id) = rule.account {
                account("faults.errors.account", id)?;
            }
            if let Some(name) = &rule.service {
                known("faults.errors.service", name, service_names())?;
            }
            if let Some(name) = &rule.operation {
                let all = service::all()
                    .flat_map(|s| s.operations)
                    .map(|o| o.name.to_owned());
                known("faults.errors.operation", name, all.collect())?;
            }
        }
        for name in self.dead_regions.keys().chain(self.latency.regions.keys()) {
            region("faults.dead_regions or faults.latency.regions", name)?;
        }
        for name in self.latency.operations.keys() {
            place("faults.latency.operations", name)?;
        }
        for id in &self.unassumable {
            account("faults.unassumable", *id)?;
        }
        Ok(())
    }
}

fn known(field: &str, name: &str, known: Vec<String>) -> Result<(), ConfigError> {
    if known.iter().any(|known| known == name) {
        return Ok(());
    }
    Err(ConfigError::Unknown {
        field: field.to_owned(),
        name: name.to_owned(),
        known,
    })
}

fn service_names() -> Vec<String> {
    service::all()
        .map(|service| service.name.to_owned())
        .collect()
}

fn operation_names() -> Vec<String> {
    service::all()
        .flat_map(|service| {
            service
                .operations
                .iter()
                .map(|operation| format!("{}:{}", service.name, operation.name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_as_by_default() {
        let config = Config::parse(r#"{"estate": {"accounts": 50}}"#).unwrap();
        assert_eq!(config.estate.accounts, 50);
        assert_eq!(config.estate.page_size, Estate::default().page_size);
        assert_eq!(config.faults, Faults::default());
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(Config::parse(&text).unwrap(), config);
    }

    #[test]
    fn names_that_do_not_exist_are_told_with_the_nearest() {
        let error = |text: &str| Config::parse(text).unwrap_err().to_string();
        for (text, said) in [
            (
                r#"{"estate": {"resources_of": {"lamda": 3}}}"#,
                "\"lambda\"",
            ),
            (
                r#"{"faults": {"limits": {"ec2:DescribeVpc": {"burst": 1, "per_second": 1}}}}"#,
                "\"ec2:DescribeVpcs\"",
            ),
            (
                r#"{"faults": {"dead_regions": {"eu-west-2": "hang"}}}"#,
                "\"eu-west-1\"",
            ),
            (
                r#"{"faults": {"unassumable": ["111000000009"]}}"#,
                "111000000009",
            ),
            (
                r#"{"faults": {"errors": [{"kind": "internal", "rate": 2}]}}"#,
                "from 0 to 1",
            ),
            (
                r#"{"faults": {"limits": {"*": {"burst": 0, "per_second": 1}}}}"#,
                "burst",
            ),
            (r#"{"estate": {"accounts": 0}}"#, "estate.accounts"),
            (r#"{"estate": {"acounts": 1}}"#, "acounts"),
        ] {
            assert!(error(text).contains(said), "{text}: {}", error(text));
        }
    }

    #[test]
    fn a_patch_replaces_whole_fields() {
        let faults = Faults {
            unassumable: BTreeSet::from([Account::nth(1)]),
            ..Faults::default()
        };
        let patched = faults.patched(r#"{"latency": {"base_ms": 5}}"#).unwrap();
        assert_eq!(patched.latency.base_ms, 5);
        assert_eq!(patched.unassumable, faults.unassumable);
        let patched = patched.patched(r#"{"unassumable": []}"#).unwrap();
        assert!(patched.unassumable.is_empty());
        assert!(patched.patched(r#"{"latencies": {}}"#).is_err());
        assert!(patched.patched("[]").is_err());
    }

    #[test]
    fn published_limits_are_sound() {
        let faults = Faults {
            limits: Limit::published(),
            ..Faults::default()
        };
        faults.check(&Estate::default()).unwrap();
    }
}
