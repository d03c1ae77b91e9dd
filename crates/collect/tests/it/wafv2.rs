use posture_model::GapReason;
use posture_testkit::{Fault, Replay, Reply, reply, world};
use serde_json::{Value, json};

use crate::support::{Scanned, assert_world_is_whole, scan_only, scan_replay, scan_world};

#[tokio::test(start_paused = true)]
async fn every_operation_is_reached() {
    assert_world_is_whole("wafv2").await;
}

fn rule<'a>(scanned: &'a Scanned, acl: &str, name: &str) -> &'a Value {
    scanned.named("wafv2.web_acl", acl).properties["rules"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|rule| rule["name"] == name)
        .unwrap_or_else(|| panic!("no rule {name}"))
}

#[tokio::test(start_paused = true)]
async fn rules_stand_in_the_order_of_their_evaluation() {
    let scanned = scan_world("wafv2", vec![]).await;
    let front = &scanned.named("wafv2.web_acl", "front").properties;
    let names: Vec<_> = front["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "reputation",
            "core",
            "own",
            "rate",
            "abroad",
            "injection",
            "origin",
            "large",
            "secret",
            "networks",
            "patterns"
        ]
    );
    assert_eq!(front["rules"][0]["origin"], "firewall_manager_first");
    assert_eq!(front["default_action"], "ALLOW");
    assert_eq!(front["scope"], "REGIONAL");
    assert_eq!(
        front["protected_fields"],
        json!([{"field": "header:cookie", "action": "HASH"},
               {"field": "cookies", "action": "SUBSTITUTION"}])
    );
    assert_eq!(
        front["logging"]["redacted_fields"],
        json!(["header:authorization", "query_string"])
    );
    assert_eq!(front["logging"]["default_behavior"], "DROP");
    let bare = &scanned.named("wafv2.web_acl", "bare").properties;
    assert_eq!(bare["logging"], json!(null), "AWS says there is none");
    assert_eq!(bare["rules"], json!([]));
    assert_eq!(bare["metrics_enabled"], false);
}

#[tokio::test(start_paused = true)]
async fn statements_are_a_flat_tree() {
    let scanned = scan_world("wafv2", vec![]).await;
    let kinds = |name: &str| -> Vec<String> {
        rule(&scanned, "front", name)["statements"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["kind"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(kinds("rate"), ["rate_based", "not", "ip_set"]);
    let rate = &rule(&scanned, "front", "rate")["statements"];
    assert_eq!(rate[0]["rate_limit"], 2000);
    assert_eq!(rate[2]["scope_down"], true);
    assert_eq!(rate[2]["negated"], true);
    assert_eq!(rate[2]["depth"], 2);
    assert_eq!(kinds("abroad"), ["not", "geo_match"]);
    assert_eq!(kinds("injection"), ["or", "sqli_match", "xss_match"]);
    assert_eq!(kinds("origin"), ["and", "byte_match", "label_match"]);
    assert_eq!(
        rule(&scanned, "front", "origin")["statements"][1]["field"],
        "header:x-origin-verify"
    );
    let core = rule(&scanned, "front", "core");
    assert_eq!(core["override_action"], "NONE");
    assert_eq!(core["action"], json!(null));
    assert_eq!(
        core["statements"][0]["overrides"],
        json!([{"rule": "NoUserAgent_HEADER", "action": "COUNT"},
               {"rule": "SizeRestrictions_BODY", "action": "COUNT"}])
    );
    assert_eq!(kinds("networks"), ["asn_match"]);
    assert_eq!(rule(&scanned, "front", "networks")["action"], "CAPTCHA");
}

#[tokio::test(start_paused = true)]
async fn what_is_protected_is_known_by_type() {
    let scanned = scan_world(
        "wafv2",
        vec![
            Reply::error("wafv2:ListResourcesForWebACL", 400, "AccessDeniedException")
                .when("COGNITO_USER_POOL"),
        ],
    )
    .await;
    let associations = scanned.named("wafv2.web_acl", "front").properties["associations"].clone();
    let of = |kind: &str| {
        associations
            .as_array()
            .unwrap()
            .iter()
            .find(|a| a["resource_type"] == kind)
            .unwrap()["arns"]
            .clone()
    };
    assert_eq!(
        of("API_GATEWAY"),
        json!(["arn:aws:apigateway:eu-west-1::/restapis/a1b2c3d4e5/stages/prod"])
    );
    assert_eq!(of("APPLICATION_LOAD_BALANCER"), json!([]));
    assert_eq!(
        of("COGNITO_USER_POOL")["unavailable"]["reason"],
        "access_denied"
    );
}

#[tokio::test(start_paused = true)]
async fn cloudfront_is_read_once_and_its_distributions_are_unknown() {
    let arn = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/edge/1";
    let scanned = scan_world(
        "wafv2",
        vec![
            reply(
                "wafv2:ListWebACLs",
                json!({"WebACLs": [{"Name": "edge", "Id": "1", "ARN": arn}]}),
            )
            .when("CLOUDFRONT"),
            reply(
                "wafv2:GetWebACL",
                json!({"WebACL": {"Name": "edge", "Id": "1", "ARN": arn, "DefaultAction": {"Block": {}},
                                  "Rules": [], "Capacity": 0}}),
            )
            .when("CLOUDFRONT"),
        ],
    )
    .await;
    let edge = scanned.named("wafv2.web_acl", "edge");
    assert!(edge.region.is_global());
    assert_eq!(edge.properties["scope"], "CLOUDFRONT");
    assert_eq!(edge.properties["default_action"], "BLOCK");
    assert_eq!(
        edge.properties["metrics_enabled"]["unavailable"]["reason"], "malformed",
        "an answer without its visibility says nothing about it"
    );
    let associations = &edge.properties["associations"];
    assert_eq!(associations.as_array().unwrap().len(), 1);
    assert_eq!(
        associations[0]["arns"]["unavailable"]["reason"],
        "unsupported"
    );
}

#[tokio::test(start_paused = true)]
async fn sets_tell_their_widest_range() {
    let scanned = scan_world("wafv2", vec![]).await;
    let office = &scanned.named("wafv2.ip_set", "office").properties;
    assert_eq!(office["address_count"], 2);
    assert_eq!(office["widest_prefix"], 1);
    let odd = scan_world(
        "wafv2",
        vec![reply(
            "wafv2:GetIPSet",
            json!({"IPSet": {"Name": "office", "Id": "3", "ARN": "a", "IPAddressVersion": "IPV4",
                             "Addresses": ["203.0.113.0/24", "somewhere"]}}),
        )],
    )
    .await;
    let office = &odd.named("wafv2.ip_set", "office").properties;
    assert_eq!(
        office["widest_prefix"]["unavailable"]["reason"],
        "malformed"
    );
}

#[tokio::test(start_paused = true)]
async fn an_empty_account_is_empty_and_not_unknown() {
    let scanned = scan_only(
        "wafv2",
        vec![
            reply("wafv2:ListWebACLs", json!({"WebACLs": []})),
            reply("wafv2:ListRuleGroups", json!({"RuleGroups": []})),
            reply("wafv2:ListIPSets", json!({"IPSets": []})),
            reply(
                "wafv2:ListRegexPatternSets",
                json!({"RegexPatternSets": []}),
            ),
        ],
    )
    .await;
    assert!(scanned.resources.is_empty());
    for unit in &scanned.units {
        for (kind, listing) in &unit.listings {
            assert_eq!(listing.gap, None, "{kind}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_pages_are_one_listing() {
    let set =
        |name: &str| json!({"Name": name, "Id": name, "ARN": format!("arn:aws:wafv2:::{name}")});
    let scanned = scan_world(
        "wafv2",
        vec![
            reply(
                "wafv2:ListRegexPatternSets",
                json!({"RegexPatternSets": [set("b")]}),
            )
            .when("REGIONAL")
            .when("NextMarker"),
            reply(
                "wafv2:ListRegexPatternSets",
                json!({"RegexPatternSets": [set("a")], "NextMarker": "a"}),
            )
            .when("REGIONAL"),
        ],
    )
    .await;
    let names: Vec<_> = scanned
        .of("wafv2.regex_pattern_set")
        .iter()
        .map(|s| s.name.clone())
        .collect();
    assert_eq!(names, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_denied_web_acl_is_one_with_unknown_rules() {
    let replay = Replay::new(posture_collect::operation_of)
        .with(world::all())
        .breaking("wafv2:GetWebACL", Fault::AccessDenied);
    let scanned = scan_replay("wafv2", replay).await;
    let front = &scanned.named("wafv2.web_acl", "front").properties;
    for fact in [
        "rules",
        "default_action",
        "capacity",
        "protected_fields",
        "metrics_enabled",
    ] {
        assert_eq!(
            front[fact]["unavailable"],
            json!({"reason": "access_denied", "operation": "wafv2:GetWebACL",
                   "iam_action": "wafv2:GetWebACL", "code": "AccessDeniedException"}),
            "{fact}"
        );
    }
    assert_eq!(scanned.listing("wafv2.web_acl").gap, None);
}

#[tokio::test(start_paused = true)]
async fn a_logging_configuration_that_is_denied_is_not_a_missing_one() {
    let scanned = scan_world(
        "wafv2",
        vec![Reply::error(
            "wafv2:GetLoggingConfiguration",
            400,
            "AccessDeniedException",
        )],
    )
    .await;
    let front = &scanned.named("wafv2.web_acl", "front").properties;
    assert_eq!(front["logging"]["unavailable"]["reason"], "access_denied");
}

#[tokio::test(start_paused = true)]
async fn throttled_then_answered_is_an_answer() {
    let throttle = || {
        Reply::error("wafv2:ListRuleGroups", 400, "ThrottlingException")
            .when("REGIONAL")
            .once()
    };
    let scanned = scan_world("wafv2", vec![throttle(), throttle()]).await;
    assert_eq!(scanned.of("wafv2.rule_group").len(), 1);
    assert_eq!(scanned.ledger("wafv2:ListRuleGroups").failed, 0);
}

#[tokio::test(start_paused = true)]
async fn a_web_acl_without_an_id_makes_the_listing_incomplete() {
    let scanned = scan_world(
        "wafv2",
        vec![reply("wafv2:ListWebACLs", json!({"WebACLs": [{"Name": "front"}]})).when("REGIONAL")],
    )
    .await;
    let gap = scanned
        .units
        .iter()
        .filter_map(|unit| unit.listings.get("wafv2.web_acl"))
        .find_map(|listing| listing.gap.clone())
        .unwrap();
    assert_eq!(gap.reason, GapReason::Malformed);
}
