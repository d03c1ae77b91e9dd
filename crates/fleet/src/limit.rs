//! Token buckets, as AWS keeps them: a call that finds none is refused and costs nothing.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use crate::account::Account;
use crate::config::Limit;

/// The buckets of all places.
#[derive(Debug, Default)]
pub(crate) struct Buckets(HashMap<(Account, String, String), Bucket>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    fn fill(&mut self, limit: &Limit, now: Instant) {
        let elapsed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = self.filled.max(now);
        self.tokens = (self.tokens + elapsed * limit.per_second).min(limit.burst);
    }
}

/// The rules that a call falls under, each with the name of its bucket.
pub(crate) fn rules<'a>(
    limits: &'a BTreeMap<String, Limit>,
    service: &str,
    operation: &str,
) -> Vec<(String, &'a Limit)> {
    let whole = format!("{service}:{operation}");
    let named = |name: &str| name == service || name == whole;
    let mut rules: Vec<(String, &Limit)> = limits
        .iter()
        .filter(|(name, limit)| named(name) || limit.covers.iter().any(|name| named(name)))
        .filter(|(_, limit)| !limit.except.iter().any(|name| name == operation))
        .map(|(name, limit)| (name.clone(), limit))
        .collect();
    if rules.is_empty()
        && let Some(limit) = limits.get("*")
    {
        rules.push((service.to_owned(), limit));
    }
    rules
}

impl Buckets {
    /// Takes a token from every bucket, or from none: then the rule that ran dry is given.
    pub(crate) fn take<'a>(
        &mut self,
        account: Account,
        region: &str,
        rules: &[(String, &'a Limit)],
        now: Instant,
    ) -> Result<(), &'a Limit> {
        let key = |name: &str| (account, region.to_owned(), name.to_owned());
        for (name, limit) in rules {
            let bucket = self.0.entry(key(name)).or_insert_with(|| Bucket {
                tokens: limit.burst,
                filled: now,
            });
            bucket.fill(limit, now);
            // Many small sums leave a whole token a hair short.
            if bucket.tokens < 1.0 - 1e-9 {
                return Err(limit);
            }
        }
        for (name, _) in rules {
            if let Some(bucket) = self.0.get_mut(&key(name)) {
                bucket.tokens -= 1.0;
            }
        }
        Ok(())
    }

    /// Fills all buckets.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn let_through(
        buckets: &mut Buckets,
        limits: &BTreeMap<String, Limit>,
        what: &str,
        now: Instant,
    ) -> bool {
        let (service, operation) = what.split_once(':').unwrap();
        let rules = rules(limits, service, operation);
        buckets
            .take(Account::nth(0), "eu-west-1", &rules, now)
            .is_ok()
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let limits = BTreeMap::from([("kms".to_owned(), Limit::new(5.0, 2.0))]);
        let mut buckets = Buckets::default();
        let start = Instant::now();
        let passed = (0..100)
            .filter(|n| {
                let now = start + Duration::from_millis(n * 100);
                let_through(&mut buckets, &limits, "kms:ListKeys", now)
            })
            .count();
        // Five at once and two a second for 9.9 seconds; what is refused costs nothing.
        assert_eq!(passed, 5 + 19);
        assert!(let_through(
            &mut buckets,
            &limits,
            "lambda:ListFunctions",
            start
        ));
    }

    #[test]
    fn places_do_not_share_a_bucket() {
        let limits = BTreeMap::from([("*".to_owned(), Limit::new(1.0, 1.0))]);
        let mut buckets = Buckets::default();
        let now = Instant::now();
        for (account, region, service) in [
            (0, "a", "kms"),
            (1, "a", "kms"),
            (0, "b", "kms"),
            (0, "a", "ecr"),
        ] {
            let rules = rules(&limits, service, "X");
            assert!(
                buckets
                    .take(Account::nth(account), region, &rules, now)
                    .is_ok()
            );
            assert!(
                buckets
                    .take(Account::nth(account), region, &rules, now)
                    .is_err()
            );
        }
    }

    #[test]
    fn a_call_needs_a_token_of_every_rule_and_takes_none_when_refused() {
        let limits = BTreeMap::from([
            (
                "lambda".to_owned(),
                Limit {
                    except: vec!["GetPolicy".to_owned()],
                    ..Limit::new(2.0, 1.0)
                },
            ),
            ("lambda:GetPolicy".to_owned(), Limit::new(1.0, 1.0)),
            ("lambda:ListTags".to_owned(), Limit::new(1.0, 1.0)),
            (
                "apigateway".to_owned(),
                Limit {
                    covers: vec!["apigatewayv2".to_owned()],
                    ..Limit::new(1.0, 1.0)
                },
            ),
        ]);
        let mut buckets = Buckets::default();
        let now = Instant::now();
        let mut through = |what: &str| let_through(&mut buckets, &limits, what, now);
        assert!(through("lambda:GetPolicy") && !through("lambda:GetPolicy"));
        assert!(through("lambda:ListTags") && !through("lambda:ListTags"));
        assert!(through("lambda:ListLayers"), "refusals took tokens");
        assert!(!through("lambda:ListLayers"));
        assert!(through("apigateway:GetAccount") && !through("apigatewayv2:GetApis"));
        assert!(through("ecr:DescribeImages"), "no rule, no limit");
    }
}
