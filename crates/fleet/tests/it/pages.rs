//! Listings come in pages, whole and without duplicates.

use std::collections::BTreeSet;

use posture_fleet::{Estate, Faults, Fleet};
use serde_json::{Value, json};

use crate::client::{Answer, Ask, Client, encoded};
use crate::crawl::{form, get, json_1_1};
use crate::{estate, fleet};

/// A listing: how it is asked for with a token, the token of the next page, and its items' ids.
struct Listing {
    ask: fn(Option<&str>) -> Ask,
    next: fn(&Answer) -> Option<String>,
    ids: fn(&Answer) -> Vec<String>,
}

fn json_text(answer: &Answer, name: &str) -> Option<String> {
    answer.json()[name].as_str().map(str::to_owned)
}

fn json_ids(answer: &Answer, list: &str, id: &str) -> Vec<String> {
    let of = |item: &Value| item[id].as_str().unwrap().to_owned();
    answer.json()[list]
        .as_array()
        .unwrap()
        .iter()
        .map(of)
        .collect()
}

fn xml_text(answer: &Answer, name: &str) -> Option<String> {
    answer.xml(name).into_iter().next()
}

fn with(target: &str, token: Option<(&str, &str)>) -> String {
    let mark = if target.contains('?') { '&' } else { '?' };
    token.map_or_else(
        || target.to_owned(),
        |(name, token)| format!("{target}{mark}{name}={}", encoded(token)),
    )
}

fn iam(operation: &'static str, more: &[(&str, &str)], token: Option<&str>) -> Ask {
    let mut parameters = more.to_vec();
    parameters.extend(token.map(|token| ("Marker", token)));
    form("iam", operation, &parameters)
}

fn ec2(operation: &'static str, token: Option<&str>) -> Ask {
    let parameters: Vec<(&str, &str)> = token
        .map(|token| ("NextToken", token))
        .into_iter()
        .collect();
    form("ec2", operation, &parameters)
}

fn kms(operation: &'static str, token: Option<&str>) -> Ask {
    json_1_1(
        "kms",
        operation,
        &token.map_or_else(|| json!({}), |token| json!({"Marker": token})),
    )
}

const LISTINGS: &[Listing] = &[
    Listing {
        ask: |token| kms("ListKeys", token),
        next: |answer| json_text(answer, "NextMarker"),
        ids: |answer| json_ids(answer, "Keys", "KeyId"),
    },
    Listing {
        ask: |token| kms("ListAliases", token),
        next: |answer| json_text(answer, "NextMarker"),
        ids: |answer| json_ids(answer, "Aliases", "AliasArn"),
    },
    Listing {
        ask: |token| {
            json_1_1(
                "organizations",
                "ListAccounts",
                &token.map_or_else(|| json!({}), |token| json!({"NextToken": token})),
            )
        },
        next: |answer| json_text(answer, "NextToken"),
        ids: |answer| json_ids(answer, "Accounts", "Id"),
    },
    Listing {
        ask: |token| {
            json_1_1(
                "ecr",
                "DescribeRepositories",
                &token.map_or_else(|| json!({}), |token| json!({"nextToken": token})),
            )
        },
        next: |answer| json_text(answer, "nextToken"),
        ids: |answer| json_ids(answer, "repositories", "repositoryArn"),
    },
    Listing {
        ask: |token| {
            get(
                "lambda",
                "ListFunctions",
                &with(
                    "/2015-03-31/functions",
                    token.map(|token| ("Marker", token)),
                ),
            )
        },
        next: |answer| json_text(answer, "NextMarker"),
        ids: |answer| json_ids(answer, "Functions", "FunctionArn"),
    },
    Listing {
        ask: |token| {
            get(
                "apigateway",
                "GetRestApis",
                &with(
                    "/restapis?limit=500",
                    token.map(|token| ("position", token)),
                ),
            )
        },
        next: |answer| json_text(answer, "position"),
        ids: |answer| json_ids(answer, "item", "id"),
    },
    Listing {
        ask: |token| {
            get(
                "apigatewayv2",
                "GetApis",
                &with("/v2/apis", token.map(|token| ("nextToken", token))),
            )
        },
        next: |answer| json_text(answer, "nextToken"),
        ids: |answer| json_ids(answer, "items", "apiId"),
    },
    Listing {
        ask: |token| {
            get(
                "s3",
                "ListBuckets",
                &with(
                    "/?max-buckets=1000",
                    token.map(|token| ("continuation-token", token)),
                ),
            )
        },
        next: |answer| xml_text(answer, "ContinuationToken"),
        ids: |answer| answer.xml("Name"),
    },
    Listing {
        ask: |token| {
            get(
                "s3control",
                "ListAccessPoints",
                &with(
                    "/v20180820/accesspoint",
                    token.map(|token| ("nextToken", token)),
                ),
            )
        },
        next: |answer| xml_text(answer, "NextToken"),
        ids: |answer| answer.xml("AccessPointArn"),
    },
    Listing {
        ask: |token| iam("ListRoles", &[("MaxItems", "500")], token),
        next: |answer| xml_text(answer, "Marker"),
        ids: |answer| answer.xml("Arn"),
    },
    // Users, groups, roles and policies in one listing, whose pages go across kinds.
    Listing {
        ask: |token| iam("GetAccountAuthorizationDetails", &[], token),
        next: |answer| xml_text(answer, "Marker"),
        ids: |answer| answer.xml("Arn"),
    },
    Listing {
        ask: |token| ec2("DescribeInstances", token),
        next: |answer| xml_text(answer, "nextToken"),
        ids: |answer| answer.xml("instanceId"),
    },
    Listing {
        ask: |token| ec2("DescribeSecurityGroups", token),
        next: |answer| xml_text(answer, "nextToken"),
        // Its own id stands before those of its rules.
        ids: |answer| {
            answer
                .body
                .split("<ownerId>")
                .skip(1)
                .map(|item| item.to_owned())
                .collect()
        },
    },
];

fn all(fleet: &Fleet, listing: &Listing) -> (Vec<String>, usize) {
    let mut client = Client::new(fleet);
    let (mut ids, mut pages, mut token) = (Vec::new(), 0, None);
    loop {
        let ask = (listing.ask)(token.as_deref());
        let answer = client.send(&ask);
        assert_eq!(answer.status, 200, "{}: {}", ask.name(), answer.body);
        pages += 1;
        assert!(pages < 1000, "{} does not end", ask.name());
        ids.extend((listing.ids)(&answer));
        token = (listing.next)(&answer);
        if token.is_none() {
            return (ids, pages);
        }
    }
}

#[test]
fn small_pages_hold_what_a_large_one_holds() {
    let large = fleet(
        Estate {
            page_size: 10_000,
            accounts: 20,
            resources: 23,
            ..estate()
        },
        Faults::default(),
    );
    let small = fleet(
        Estate {
            page_size: 4,
            accounts: 20,
            resources: 23,
            ..estate()
        },
        Faults::default(),
    );
    for listing in LISTINGS {
        let name = (listing.ask)(None).name();
        let (whole, one) = all(&large, listing);
        let (parts, many) = all(&small, listing);
        assert_eq!(one, 1, "{name}");
        assert!(
            many > 1 && whole.len() > 4,
            "{name}: {} on {many} pages",
            whole.len()
        );
        // Instances are named in what surrounds them too; what matters is that nothing is missing or new.
        if !name.contains("SecurityGroups") {
            assert_eq!(parts, whole, "{name}");
        }
        assert_eq!(parts.len(), whole.len(), "{name}");
        if !name.contains("AuthorizationDetails") {
            assert_eq!(
                parts.iter().collect::<BTreeSet<_>>().len(),
                parts.len(),
                "{name}"
            );
        }
    }
}

#[test]
fn web_acls_come_with_a_marker_even_at_the_end() {
    let fleet = fleet(
        Estate {
            page_size: 2,
            ..estate()
        },
        Faults::default(),
    );
    let mut client = Client::new(&fleet);
    let (mut found, mut marker, mut empty) = (Vec::new(), None::<String>, 0);
    for _ in 0..10 {
        let body = match &marker {
            None => json!({"Scope": "REGIONAL", "Limit": 100}),
            Some(marker) => json!({"Scope": "REGIONAL", "Limit": 100, "NextMarker": marker}),
        };
        let answer = client.send(&json_1_1("wafv2", "ListWebACLs", &body));
        let ids = json_ids(&answer, "WebACLs", "Id");
        empty += usize::from(ids.is_empty());
        found.extend(ids);
        marker = json_text(&answer, "NextMarker");
        if marker.is_none() {
            break;
        }
    }
    // Three of them: two, one, and an empty page behind.
    assert_eq!((found.len(), empty, marker), (3, 1, None));
}

#[test]
fn requests_may_ask_for_less_and_single_operations_have_their_own_size() {
    let mut estate = Estate {
        page_size: 5,
        ..estate()
    };
    estate.page_size_of.insert("kms:ListKeys".to_owned(), 7);
    let fleet = fleet(estate, Faults::default());
    let mut client = Client::new(&fleet);
    let mut count = |body: Value| {
        json_ids(
            &client.send(&json_1_1("kms", "ListKeys", &body)),
            "Keys",
            "KeyId",
        )
        .len()
    };
    assert_eq!(count(json!({})), 7);
    assert_eq!(count(json!({"Limit": 3})), 3);
    assert_eq!(count(json!({"Limit": 1000})), 7);
}

#[test]
fn a_token_of_another_listing_is_refused() {
    let fleet = fleet(
        Estate {
            page_size: 2,
            ..estate()
        },
        Faults::default(),
    );
    let mut client = Client::new(&fleet);
    let token = json_text(&client.send(&kms("ListKeys", None)), "NextMarker").unwrap();
    assert_eq!(client.send(&kms("ListKeys", Some(&token))).status, 200);
    let other = client.send(&kms("ListAliases", Some(&token)));
    assert_eq!(other.code(), "InvalidMarkerException");
    let elsewhere = client.send(&kms("ListKeys", Some(&token)).in_region("eu-west-1"));
    assert_eq!(elsewhere.code(), "InvalidMarkerException");
    assert_eq!(
        client.send(&ec2("DescribeVpcs", Some("x"))).code(),
        "InvalidNextToken"
    );
}
