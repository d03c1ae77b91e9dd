//! The ways in which things go wrong, each in its protocol's form.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind as Io;

use posture_fleet::{Account, Death, ErrorKind, ErrorRule, Faults, Fleet, Limit, Sessions};
use serde_json::json;

use crate::client::{Answer, Ask, Client};
use crate::crawl::{form, get, json_1_1};
use crate::{estate, fleet};

/// A call to each service.
fn one_of_each() -> Vec<Ask> {
    vec![
        form("sts", "GetCallerIdentity", &[]),
        form("iam", "ListRoles", &[]),
        form("ec2", "DescribeVpcs", &[]),
        get("s3", "ListBuckets", "/"),
        get("s3control", "ListAccessPoints", "/v20180820/accesspoint"),
        json_1_1("kms", "ListKeys", &json!({})),
        json_1_1("ecr", "DescribeRepositories", &json!({})),
        json_1_1("organizations", "ListRoots", &json!({})),
        json_1_1("wafv2", "ListWebACLs", &json!({"Scope": "REGIONAL"})),
        get("lambda", "ListFunctions", "/2015-03-31/functions"),
        get("apigateway", "GetRestApis", "/restapis"),
        get("apigatewayv2", "GetApis", "/v2/apis"),
        Ask {
            method: "POST",
            body: json!({"AlternateContactType": "SECURITY"}).to_string(),
            ..get("account", "GetAlternateContact", "/getAlternateContact")
        },
    ]
}

fn rule(kind: ErrorKind) -> ErrorRule {
    ErrorRule {
        kind,
        rate: 1.0,
        account: None,
        region: None,
        service: None,
        operation: None,
        attempts: None,
    }
}

fn failing(rule: ErrorRule) -> Faults {
    Faults {
        errors: vec![rule],
        ..Faults::default()
    }
}

#[test]
fn too_many_calls_are_refused_as_each_service_refuses_them() {
    let limits = BTreeMap::from([("*".to_owned(), Limit::new(2.0, 0.001))]);
    let fleet = fleet(
        estate(),
        Faults {
            limits,
            ..Faults::default()
        },
    );
    let mut client = Client::new(&fleet);
    let mut forms = Vec::new();
    for ask in one_of_each() {
        for _ in 0..2 {
            let answer = client.send(&ask);
            assert_ne!(
                answer.code_or_none(),
                Some("Throttling".to_owned()),
                "{}",
                ask.name()
            );
        }
        let refused = client.send(&ask);
        let wait = refused
            .headers
            .get("retry-after")
            .map_or("", String::as_str);
        forms.push(format!(
            "{} {} {} {wait}",
            ask.service,
            refused.status,
            refused.code()
        ));
    }
    assert_eq!(
        forms,
        [
            "sts 400 Throttling ",
            "iam 400 Throttling ",
            "ec2 503 RequestLimitExceeded ",
            "s3 503 SlowDown ",
            "s3control 503 SlowDown ",
            "kms 400 ThrottlingException ",
            "ecr 400 ThrottlingException ",
            "organizations 400 TooManyRequestsException ",
            "wafv2 400 ThrottlingException ",
            "lambda 429 TooManyRequestsException 1",
            "apigateway 429 TooManyRequestsException 1",
            "apigatewayv2 429 TooManyRequestsException 1",
            "account 429 TooManyRequestsException ",
        ]
    );
    let totals = fleet.stats().totals.counts;
    assert_eq!((totals.calls, totals.throttled), (39, 13));
}

impl Answer {
    fn code_or_none(&self) -> Option<String> {
        (self.status != 200).then(|| self.code())
    }
}

#[test]
fn the_wait_that_is_asked_for_can_be_chosen() {
    let mut limit = Limit::new(1.0, 0.001);
    limit.retry_after_s = Some(7);
    let mut silent = Limit::new(1.0, 0.001);
    silent.retry_after_s = Some(0);
    let limits = BTreeMap::from([("kms".to_owned(), limit), ("lambda".to_owned(), silent)]);
    let fleet = fleet(
        estate(),
        Faults {
            limits,
            ..Faults::default()
        },
    );
    let mut client = Client::new(&fleet);
    let mut second = |ask: Ask| {
        client.send(&ask);
        client.send(&ask)
    };
    let refused = second(json_1_1("kms", "ListKeys", &json!({})));
    assert_eq!(refused.headers["retry-after"], "7");
    let refused = second(get("lambda", "ListFunctions", "/2015-03-31/functions"));
    assert_eq!(
        (refused.status, refused.headers.get("retry-after")),
        (429, None)
    );
}

#[test]
fn refusals_of_every_kind_are_in_the_form_of_the_protocol() {
    let fleet = fleet(estate(), failing(rule(ErrorKind::Denied)));
    let mut client = Client::new(&fleet);
    for ask in one_of_each() {
        let (status, code) = match ask.service {
            "ec2" => (403, "UnauthorizedOperation"),
            "sts" | "iam" | "s3" | "s3control" => (403, "AccessDenied"),
            "kms" | "ecr" | "organizations" | "wafv2" => (400, "AccessDeniedException"),
            _ => (403, "AccessDeniedException"),
        };
        let answer = client.send(&ask);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{}",
            ask.name()
        );
    }
    fleet
        .set_faults(failing(rule(ErrorKind::Internal)))
        .unwrap();
    for ask in one_of_each() {
        let answer = client.send(&ask);
        assert_eq!(answer.status, 500, "{}", ask.name());
        assert!(!answer.code().is_empty(), "{}", ask.name());
    }
    fleet
        .set_faults(failing(rule(ErrorKind::Unavailable)))
        .unwrap();
    assert_eq!(client.send(&form("iam", "ListRoles", &[])).status, 503);
    let counts = fleet.stats().totals.counts;
    assert_eq!((counts.denied, counts.failed, counts.answered), (13, 14, 0));
}

#[test]
fn broken_connections_break() {
    let ask = get("lambda", "ListFunctions", "/2015-03-31/functions");
    let fleet = fleet(estate(), failing(rule(ErrorKind::Close)));
    let end = |fleet: &Fleet| Client::new(fleet).try_send(&ask).unwrap_err().kind();
    assert_eq!(end(&fleet), Io::UnexpectedEof);
    fleet
        .set_faults(failing(rule(ErrorKind::Truncated)))
        .unwrap();
    assert_eq!(end(&fleet), Io::UnexpectedEof);
    fleet.set_faults(failing(rule(ErrorKind::Hang))).unwrap();
    let silence = Client::impatient(&fleet).try_send(&ask).unwrap_err().kind();
    assert!(
        [Io::WouldBlock, Io::TimedOut].contains(&silence),
        "{silence:?}"
    );
    fleet
        .set_faults(failing(rule(ErrorKind::Malformed)))
        .unwrap();
    let spoilt = Client::new(&fleet).send(&ask);
    assert_eq!(spoilt.status, 200);
    assert!(serde_json::from_str::<serde_json::Value>(&spoilt.body).is_err());
    let counts = fleet.stats().totals.counts;
    assert_eq!((counts.calls, counts.failed), (4, 4));
}

#[test]
fn a_dead_region_says_nothing_and_the_others_answer() {
    let dead = |death| Faults {
        dead_regions: BTreeMap::from([("eu-west-1".to_owned(), death)]),
        ..Faults::default()
    };
    let fleet = fleet(estate(), dead(Death::Hang));
    let ask = form("ec2", "DescribeVpcs", &[]);
    let there = ask.clone().in_region("eu-west-1");
    let silence = Client::impatient(&fleet)
        .try_send(&there)
        .unwrap_err()
        .kind();
    assert!(
        [Io::WouldBlock, Io::TimedOut].contains(&silence),
        "{silence:?}"
    );
    assert_eq!(Client::new(&fleet).send(&ask).status, 200);
    fleet.set_faults(dead(Death::Close)).unwrap();
    assert_eq!(
        Client::new(&fleet).try_send(&there).unwrap_err().kind(),
        Io::UnexpectedEof
    );
    let stats = fleet.stats();
    let place = stats
        .places
        .iter()
        .find(|place| place.region == "eu-west-1")
        .unwrap();
    assert_eq!((place.counts.calls, place.counts.failed), (2, 2));
    // And back to life.
    fleet.set_faults(Faults::default()).unwrap();
    assert_eq!(Client::new(&fleet).send(&there).status, 200);
}

#[test]
fn errors_are_drawn_from_the_call_and_the_attempt() {
    let calls: Vec<Ask> = (0..200)
        .map(|n| json_1_1("kms", "ListKeys", &json!({"Limit": 1 + n})))
        .collect();
    let faults = failing(ErrorRule {
        rate: 0.3,
        ..rule(ErrorKind::Internal)
    });
    let statuses = |fleet: &Fleet, calls: &[Ask]| -> BTreeMap<String, u16> {
        let mut client = Client::new(fleet);
        calls
            .iter()
            .map(|ask| (ask.body.clone(), client.send(ask).status))
            .collect()
    };
    let one = fleet(estate(), faults.clone());
    let first = statuses(&one, &calls);
    let failed = first.values().filter(|status| **status == 500).count();
    assert!((40..80).contains(&failed), "{failed} of 200");
    // Another server, another order: the same calls fail.
    let other = fleet(estate(), faults);
    let backwards: Vec<Ask> = calls.iter().rev().cloned().collect();
    assert_eq!(statuses(&other, &backwards), first);
    // The second attempt is drawn anew, and a reset begins at the first again.
    assert_ne!(statuses(&one, &calls), first);
    one.reset();
    assert_eq!(statuses(&one, &calls), first);
}

#[test]
fn errors_can_be_kept_to_places_and_first_attempts() {
    let narrow = ErrorRule {
        account: Some(Account::nth(1)),
        region: Some("eu-west-1".to_owned()),
        service: Some("kms".to_owned()),
        operation: Some("ListKeys".to_owned()),
        attempts: Some(2),
        ..rule(ErrorKind::Internal)
    };
    let fleet = fleet(estate(), failing(narrow));
    let mut client = Client::new(&fleet);
    let ask = json_1_1("kms", "ListKeys", &json!({}))
        .in_region("eu-west-1")
        .by(Account::nth(1));
    for other in [
        ask.clone().by(Account::nth(2)),
        ask.clone().in_region("us-east-1"),
        json_1_1("kms", "ListAliases", &json!({}))
            .in_region("eu-west-1")
            .by(Account::nth(1)),
    ] {
        assert_eq!(client.send(&other).status, 200, "{}", other.name());
    }
    let statuses: Vec<u16> = (0..4).map(|_| client.send(&ask).status).collect();
    assert_eq!(statuses, [500, 500, 200, 200]);
}

// ---- Roles and their credentials -----------------------------------------------------------------

fn assume(client: &mut Client, account: Account, more: &[(&str, &str)]) -> Answer {
    let arn = format!("arn:aws:iam::{account}:role/audit/PostureScan");
    let mut parameters = vec![("RoleArn", arn.as_str()), ("RoleSessionName", "scan")];
    parameters.extend(more);
    client.send(&form("sts", "AssumeRole", &parameters))
}

/// A question in the name of a session.
fn as_session(ask: Ask, assumed: &Answer) -> Ask {
    let text = |name: &str| assumed.xml(name).concat();
    Ask {
        session: Some((text("AccessKeyId"), text("SessionToken"))),
        ..ask
    }
}

#[test]
fn a_session_acts_in_its_account() {
    let fleet = fleet(estate(), Faults::default());
    let mut client = Client::new(&fleet);
    let account = Account::nth(3);
    let assumed = assume(&mut client, account, &[]);
    assert_eq!(assumed.status, 200, "{}", assumed.body);
    let identity = client.send(&as_session(form("sts", "GetCallerIdentity", &[]), &assumed));
    assert_eq!(identity.xml("Account"), [account.to_string()]);
    assert_eq!(
        identity.xml("Arn"),
        [format!(
            "arn:aws:sts::{account}:assumed-role/PostureScan/scan"
        )]
    );
    // The same answer as with the account's own key.
    let ask = json_1_1("kms", "ListKeys", &json!({})).by(account);
    assert_eq!(
        client.send(&as_session(ask.clone(), &assumed)),
        client.send(&ask)
    );
    // A role taken by a role.
    let next = form(
        "sts",
        "AssumeRole",
        &[
            ("RoleArn", "arn:aws:iam::111000000004:role/Next"),
            ("RoleSessionName", "n"),
        ],
    );
    let chained = client.send(&as_session(next, &assumed));
    let identity = client.send(&as_session(form("sts", "GetCallerIdentity", &[]), &chained));
    assert_eq!(identity.xml("Account"), ["111000000004"]);
}

#[test]
fn roles_that_cannot_be_assumed_are_denied() {
    let mut estate = estate();
    estate.role = Some("audit/PostureScan".to_owned());
    estate.external_id = Some("agreed".to_owned());
    let faults = Faults {
        unassumable: BTreeSet::from([Account::nth(2)]),
        ..Faults::default()
    };
    let fleet = fleet(estate, faults);
    let mut client = Client::new(&fleet);
    let agreed = [("ExternalId", "agreed")];
    assert_eq!(assume(&mut client, Account::nth(1), &agreed).status, 200);
    let elsewhere: Account = "222233334444".parse().unwrap();
    // Unassumable, suspended, not of this fleet, without the external id, with a wrong one.
    for (account, more) in [
        (Account::nth(2), &agreed[..]),
        (Account::nth(6), &agreed[..]),
        (elsewhere, &agreed[..]),
        (Account::nth(1), &[]),
        (Account::nth(1), &[("ExternalId", "guessed")]),
    ] {
        let answer = assume(&mut client, account, more);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, "AccessDenied"),
            "{account}"
        );
    }
    let other = [
        ("RoleArn", "arn:aws:iam::111000000001:role/Admin"),
        ("RoleSessionName", "s"),
        agreed[0],
    ];
    assert_eq!(
        client.send(&form("sts", "AssumeRole", &other)).code(),
        "AccessDenied"
    );
    assert_eq!(fleet.stats().totals.counts.denied, 6);
}

#[test]
fn sessions_end_and_each_service_says_so_in_its_way() {
    // Dead at birth, and said to live for an hour.
    let sessions = Sessions {
        lifetime_ms: 0,
        promised_ms: Some(3_600_000),
    };
    let fleet = fleet(
        estate(),
        Faults {
            sessions,
            ..Faults::default()
        },
    );
    let mut client = Client::new(&fleet);
    let dead = assume(&mut client, Account::nth(1), &[]);
    let codes: Vec<String> = one_of_each()
        .into_iter()
        .map(|ask| {
            let answer = client.send(&as_session(ask.clone(), &dead));
            format!("{} {}", ask.service, answer.code())
        })
        .collect();
    for (said, code) in codes.iter().zip([
        "sts ExpiredToken",
        "iam ExpiredToken",
        "ec2 RequestExpired",
        "s3 ExpiredToken",
        "s3control ExpiredToken",
        "kms ExpiredTokenException",
        "ecr ExpiredTokenException",
        "organizations ExpiredTokenException",
        "wafv2 ExpiredTokenException",
        "lambda ExpiredTokenException",
        "apigateway ExpiredTokenException",
        "apigatewayv2 ExpiredTokenException",
        "account ExpiredTokenException",
    ]) {
        assert_eq!(said, code);
    }
    assert_eq!(fleet.stats().totals.counts.expired, 13);
    // The end that was promised is later than the one that came.
    let promised = dead.xml("Expiration").concat();
    fleet.set_faults(Faults::default()).unwrap();
    let honest = assume(&mut client, Account::nth(1), &[]);
    assert!(honest.xml("Expiration").concat() >= promised);
    assert_eq!(
        client
            .send(&as_session(form("iam", "ListRoles", &[]), &honest))
            .status,
        200
    );
}

#[test]
fn nobody_is_known_in_a_region_that_is_not_enabled() {
    let fleet = fleet(estate(), Faults::default());
    let mut client = Client::new(&fleet);
    let there = |ask: Ask| ask.in_region("af-south-1");
    let code = |answer: Answer| answer.code();
    assert_eq!(
        code(client.send(&there(form("ec2", "DescribeVpcs", &[])))),
        "AuthFailure"
    );
    assert_eq!(
        code(client.send(&there(json_1_1("kms", "ListKeys", &json!({}))))),
        "UnrecognizedClientException"
    );
    // Global services do not mind.
    assert_eq!(
        client.send(&there(form("iam", "ListRoles", &[]))).status,
        200
    );
    let regions = client.send(&form("ec2", "DescribeRegions", &[("AllRegions", "true")]));
    assert_eq!(
        regions.xml("regionName"),
        ["us-east-1", "eu-west-1", "af-south-1"]
    );
    assert_eq!(regions.xml("optInStatus").last().unwrap(), "not-opted-in");
}
