//! How much of its quota of a service a scan takes, fitted to what AWS publishes.
//!
//! A new service that AWS publishes limits for gets an entry here, with the page that says so. What AWS
//! publishes for one account (and region, where the service has them) is shared with production: a scan
//! takes nine tenths of it at most. What is throttled all the same slows down further; see `limit`.

use crate::limit::Rate;

/// The limits of a service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quota {
    /// Whose bucket it is: services that draw on one quota have one name here.
    pub(crate) name: &'static str,
    /// All calls together that have no limit of their own.
    pub(crate) total: Option<Rate>,
    /// Every operation by itself, unless it is named below.
    pub(crate) each: Option<Rate>,
    /// Operations with a limit of their own.
    pub(crate) operations: &'static [(&'static str, Rate)],
    /// Whether calls of those operations count towards `total` too.
    pub(crate) counted: bool,
}

/// Our part of a published limit; the rest is left to others.
const SHARE: f64 = 0.9;

/// Our share of a limit that AWS publishes.
const fn published(burst: f64, per_second: f64) -> Rate {
    Rate {
        burst: burst * SHARE,
        per_second: per_second * SHARE,
    }
}

/// Our share of a limit that AWS publishes as so many requests a second, without a burst: in no second are there
/// more than that, whichever way AWS counts its seconds.
const fn each_second(limit: f64) -> Rate {
    Rate {
        burst: limit * (1.0 - SHARE),
        per_second: limit * SHARE,
    }
}

/// A pace of our own choice: AWS publishes none, or far more than a scan needs.
const fn chosen(burst: f64, per_second: f64) -> Rate {
    Rate { burst, per_second }
}

const OTHERS: Quota = Quota {
    name: "",
    total: Some(chosen(200.0, 50.0)),
    each: None,
    operations: &[],
    counted: true,
};

/// <https://docs.aws.amazon.com/accounts/latest/reference/quotas.html>
const ACCOUNT: Quota = Quota {
    name: "account",
    total: Some(published(15.0, 10.0)),
    ..OTHERS
};

/// Fixed quotas for managing APIs of every kind, "total operations" and `GetResources`:
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html>
const API_GATEWAY: Quota = Quota {
    name: "apigateway",
    total: Some(published(40.0, 10.0)),
    operations: &[("GetResources", published(5.0, 2.5))],
    ..OTHERS
};

/// Non-mutating, paginated calls. AWS keeps a bucket for every API and one for all of them, of which it
/// publishes the former; taking that for all calls together is on the safe side.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
const EC2: Quota = Quota {
    name: "ec2",
    total: Some(published(100.0, 20.0)),
    ..OTHERS
};

/// Not published. One control plane serves all regions, and it throttles sooner than most.
const IAM: Quota = Quota {
    name: "iam",
    total: Some(chosen(100.0, 20.0)),
    ..OTHERS
};

/// Every call has a quota of its own: `ListGrants` 100 a second, the others 500 and more, of which a scan takes
/// less than it could.
/// <https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html>
const KMS: Quota = Quota {
    name: "kms",
    total: None,
    each: Some(chosen(100.0, 100.0)),
    operations: &[("ListGrants", each_second(100.0))],
    ..OTHERS
};

/// `GetPolicy`, and "the remainder of the control plane API", across all of it.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html#api-requests>
const LAMBDA: Quota = Quota {
    name: "lambda",
    total: Some(each_second(15.0)),
    operations: &[("GetPolicy", each_second(15.0))],
    counted: false,
    ..OTHERS
};

/// Rate and burst of every operation for one account.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html#throttling-limits>
const ORGANIZATIONS: Quota = Quota {
    name: "organizations",
    total: None,
    each: Some(published(2.0, 1.0)),
    operations: &[
        ("DescribePolicy", published(2.0, 2.0)),
        ("ListAccounts", published(12.0, 8.0)),
        ("ListAccountsForParent", published(8.0, 5.0)),
        ("ListOrganizationalUnitsForParent", published(8.0, 5.0)),
        ("ListPolicies", published(8.0, 5.0)),
        ("ListTagsForResource", published(15.0, 10.0)),
        ("ListTargetsForPolicy", published(8.0, 5.0)),
    ],
    ..OTHERS
};

/// Not published for the calls that read the settings of buckets, of which there are fifteen a bucket.
const S3: Quota = Quota {
    name: "s3",
    total: Some(chosen(300.0, 150.0)),
    ..OTHERS
};

/// AWS gives 600 a second; a scan takes a role once in an account and hour.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-sts-requests>
const STS: Quota = Quota {
    name: "sts",
    total: Some(chosen(100.0, 100.0)),
    ..OTHERS
};

/// Every `Get` and `List` by itself, and one that has less.
/// <https://docs.aws.amazon.com/waf/latest/developerguide/limits.html>
const WAF: Quota = Quota {
    name: "wafv2",
    total: None,
    each: Some(each_second(5.0)),
    operations: &[("ListResourcesForWebACL", each_second(1.0))],
    ..OTHERS
};

/// The quota of a service, by the name of its SDK crate.
pub(crate) fn of(service: &'static str) -> Quota {
    match service {
        "account" => ACCOUNT,
        "apigateway" | "apigatewayv2" => API_GATEWAY,
        "ec2" => EC2,
        "iam" => IAM,
        "kms" => KMS,
        "lambda" => LAMBDA,
        "organizations" => ORGANIZATIONS,
        "s3" => S3,
        "sts" => STS,
        "wafv2" => WAF,
        name => Quota { name, ..OTHERS },
    }
}

impl Quota {
    /// The limit that an operation has to itself.
    pub(crate) fn own(&self, operation: &str) -> Option<Rate> {
        self.operations
            .iter()
            .find(|(name, _)| *name == operation)
            .map(|(_, rate)| *rate)
            .or(self.each)
    }

    /// The limit that it shares with others.
    pub(crate) fn shared(&self, operation: &str) -> Option<Rate> {
        let apart = !self.counted && self.operations.iter().any(|(name, _)| *name == operation);
        self.total.filter(|_| !apart)
    }

    /// The pace in the long run of the slowest of its calls: what is slow should start first.
    pub(crate) fn slowest(&self) -> f64 {
        self.operations
            .iter()
            .map(|(_, rate)| *rate)
            .chain(self.total)
            .chain(self.each)
            .map(|rate| rate.per_second)
            .fold(f64::INFINITY, f64::min)
    }
}

/// A pace that a scan keeps to by itself, for benchmarks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// The service that calls.
    pub service: &'static str,
    /// Whose bucket it is: that of the service, or of one that it shares with.
    pub quota: &'static str,
    /// The operation that has it to itself; none for what a service's other calls share.
    pub operation: Option<&'static str>,
    /// Whether calls of that operation draw on what is shared too.
    pub counted: bool,
    /// How fast.
    pub rate: Rate,
}

/// All paces of the collectors.
pub fn paces() -> Vec<Pace> {
    let mut paces = Vec::new();
    for service in crate::service::all() {
        let quota = of(service.name);
        let pace = |operation, counted, rate| Pace {
            service: service.name,
            quota: quota.name,
            operation,
            counted,
            rate,
        };
        paces.extend(quota.total.map(|rate| pace(None, true, rate)));
        for operation in service.operations {
            let counted = quota.shared(operation.name).is_some();
            let own = quota.own(operation.name);
            paces.extend(own.map(|rate| pace(Some(operation.name), counted, rate)));
        }
    }
    paces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service;

    #[test]
    fn operations_that_are_named_exist_and_every_call_has_a_limit() {
        for service in service::all() {
            let quota = of(service.name);
            for operation in service.operations {
                assert!(
                    quota.own(operation.name).is_some() || quota.shared(operation.name).is_some(),
                    "{operation} has no limit"
                );
            }
        }
        let all: Vec<&str> = service::all()
            .iter()
            .flat_map(|service| service.operations)
            .map(|operation| operation.name)
            .collect();
        for service in service::all() {
            for (name, _) in of(service.name).operations {
                assert!(
                    all.contains(name),
                    "{}: {name} is no operation that is called",
                    service.name
                );
            }
        }
    }

    #[test]
    fn a_published_limit_is_not_used_up() {
        let lambda = of("lambda");
        assert_eq!(lambda.own("GetPolicy"), Some(each_second(15.0)));
        assert_eq!(lambda.shared("GetPolicy"), None);
        let rest = lambda.shared("ListFunctions");
        assert!(rest.is_some_and(|rate| rate.per_second < 15.0));
        let gateway = of("apigatewayv2");
        assert_eq!(gateway.name, "apigateway");
        assert!(gateway.own("GetResources").is_some() && gateway.shared("GetResources").is_some());
        assert!(gateway.own("GetApis").is_none());
        assert!(of("organizations").shared("ListRoots").is_none());
        assert!(of("ecr").shared("DescribeImages").is_some());
    }
}
