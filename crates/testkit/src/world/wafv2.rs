//! AWS WAF: a web ACL with every kind of statement, and an empty one; nothing for CloudFront.

use serde_json::{Value, json};

use super::CANARY;
use crate::{Reply, reply};

const ACL: &str = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/front/11111111-2222-3333-4444-555555555555";
const BARE: &str = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/bare/66666666-2222-3333-4444-555555555555";
const GROUP: &str = "arn:aws:wafv2:eu-west-1:123456789012:regional/rulegroup/own/22222222-2222-3333-4444-555555555555";
const OFFICE: &str = "arn:aws:wafv2:eu-west-1:123456789012:regional/ipset/office/33333333-2222-3333-4444-555555555555";
const PATTERNS: &str = "arn:aws:wafv2:eu-west-1:123456789012:regional/regexpatternset/bots/44444444-2222-3333-4444-555555555555";

pub(super) fn replies() -> Vec<Reply> {
    vec![
        reply("wafv2:ListWebACLs", json!({"WebACLs": []})).when("CLOUDFRONT"),
        reply("wafv2:ListRuleGroups", json!({"RuleGroups": []})).when("CLOUDFRONT"),
        reply("wafv2:ListIPSets", json!({"IPSets": []})).when("CLOUDFRONT"),
        reply("wafv2:ListRegexPatternSets", json!({"RegexPatternSets": []})).when("CLOUDFRONT"),
        // The marker of a last page is AWS's habit; the page behind it is empty.
        reply("wafv2:ListWebACLs", json!({"WebACLs": []})).when("NextMarker"),
        reply(
            "wafv2:ListWebACLs",
            json!({"NextMarker": "bare", "WebACLs": [
                {"Name": "front", "Id": "11111111-2222-3333-4444-555555555555", "ARN": ACL, "LockToken": "t"},
                {"Name": "bare", "Id": "66666666-2222-3333-4444-555555555555", "ARN": BARE, "LockToken": "t"},
            ]}),
        ),
        reply("wafv2:GetWebACL", front()).when("\"front\""),
        reply(
            "wafv2:GetWebACL",
            json!({"LockToken": "t", "WebACL": {
                "Name": "bare", "Id": "66666666-2222-3333-4444-555555555555", "ARN": BARE,
                "DefaultAction": {"Allow": {}}, "Rules": [], "Capacity": 0,
                "VisibilityConfig": visibility(false)}}),
        ),
        reply(
            "wafv2:GetLoggingConfiguration",
            json!({"LoggingConfiguration": {
                "ResourceArn": ACL,
                "LogDestinationConfigs": ["arn:aws:logs:eu-west-1:123456789012:log-group:aws-waf-logs-front"],
                "RedactedFields": [{"SingleHeader": {"Name": "Authorization"}}, {"QueryString": {}}],
                "LoggingFilter": {"DefaultBehavior": "DROP", "Filters": [{
                    "Behavior": "KEEP", "Requirement": "MEETS_ANY",
                    "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}]}]}}}),
        )
        .when("webacl/front"),
        Reply::error("wafv2:GetLoggingConfiguration", 400, "WAFNonexistentItemException"),
        reply(
            "wafv2:ListResourcesForWebACL",
            json!({"ResourceArns": ["arn:aws:apigateway:eu-west-1::/restapis/a1b2c3d4e5/stages/prod"]}),
        )
        .when("webacl/front")
        .when("API_GATEWAY"),
        reply("wafv2:ListResourcesForWebACL", json!({"ResourceArns": []})),
        reply(
            "wafv2:ListRuleGroups",
            json!({"RuleGroups": [{"Name": "own", "Id": "22222222-2222-3333-4444-555555555555", "ARN": GROUP}]}),
        ),
        reply(
            "wafv2:GetRuleGroup",
            json!({"LockToken": "t", "RuleGroup": {
                "Name": "own", "Id": "22222222-2222-3333-4444-555555555555", "ARN": GROUP, "Capacity": 10,
                "VisibilityConfig": visibility(true),
                "Rules": [{
                    "Name": "slow", "Priority": 0, "Action": {"Block": {}}, "VisibilityConfig": visibility(true),
                    "Statement": {"RateBasedStatement": {"Limit": 500, "AggregateKeyType": "IP"}}}]}}),
        ),
        reply(
            "wafv2:ListIPSets",
            json!({"IPSets": [{"Name": "office", "Id": "33333333-2222-3333-4444-555555555555", "ARN": OFFICE}]}),
        ),
        reply(
            "wafv2:GetIPSet",
            json!({"LockToken": "t", "IPSet": {
                "Name": "office", "Id": "33333333-2222-3333-4444-555555555555", "ARN": OFFICE,
                "IPAddressVersion": "IPV4", "Addresses": ["203.0.113.0/24", "128.0.0.0/1"]}}),
        ),
        reply(
            "wafv2:ListRegexPatternSets",
            json!({"RegexPatternSets": [{"Name": "bots", "Id": "44444444-2222-3333-4444-555555555555", "ARN": PATTERNS}]}),
        ),
        reply(
            "wafv2:ListTagsForResource",
            json!({"TagInfoForResource": {"ResourceARN": ACL, "TagList": [{"Key": "team", "Value": "edge"}]}}),
        ),
    ]
}

fn visibility(on: bool) -> Value {
    json!({"SampledRequestsEnabled": on, "CloudWatchMetricsEnabled": on, "MetricName": "m"})
}

fn front() -> Value {
    let transformations = json!([{"Priority": 0, "Type": "NONE"}]);
    let rule = |name: &str, priority: i32, what: Value, statement: Value| {
        let mut rule = json!({"Name": name, "Priority": priority, "Statement": statement,
                              "VisibilityConfig": visibility(true)});
        for (key, value) in what.as_object().into_iter().flatten() {
            rule[key] = value.clone();
        }
        rule
    };
    let block = json!({"Action": {"Block": {}}});
    let header = json!({"SingleHeader": {"Name": "X-Origin-Verify"}});
    json!({"LockToken": "t", "WebACL": {
    "Name": "front", "Id": "11111111-2222-3333-4444-555555555555", "ARN": ACL,
    "DefaultAction": {"Allow": {}}, "Capacity": 1200, "ManagedByFirewallManager": true,
    "VisibilityConfig": visibility(true),
    "PreProcessFirewallManagerRuleGroups": [{
        "Name": "reputation", "Priority": 0, "OverrideAction": {"None": {}},
        "VisibilityConfig": visibility(true),
        "FirewallManagerStatement": {"ManagedRuleGroupStatement": {
            "VendorName": "AWS", "Name": "AWSManagedRulesAmazonIpReputationList"}}}],
    "DataProtectionConfig": {"DataProtections": [
        {"Field": {"FieldType": "SINGLE_HEADER", "FieldKeys": ["Cookie"]}, "Action": "HASH"},
        {"Field": {"FieldType": "SINGLE_COOKIE"}, "Action": "SUBSTITUTION"}]},
    "AssociationConfig": {"RequestBody": {"API_GATEWAY": {"DefaultSizeInspectionLimit": "KB_16"}}},
    "Rules": [
        rule("patterns", 9, block.clone(), json!({"RegexPatternSetReferenceStatement": {
            "ARN": PATTERNS, "FieldToMatch": {"UriPath": {}}, "TextTransformations": transformations}})),
        rule("core", 0, json!({"OverrideAction": {"None": {}}}), json!({"ManagedRuleGroupStatement": {
            "VendorName": "AWS", "Name": "AWSManagedRulesCommonRuleSet", "Version": "Version_1.0",
            "ExcludedRules": [{"Name": "NoUserAgent_HEADER"}],
            "RuleActionOverrides": [{"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}]}})),
        rule("own", 1, json!({"OverrideAction": {"Count": {}}}), json!({"RuleGroupReferenceStatement": {"ARN": GROUP}})),
        rule("rate", 2, block.clone(), json!({"RateBasedStatement": {
            "Limit": 2000, "EvaluationWindowSec": 300, "AggregateKeyType": "IP",
            "ScopeDownStatement": {"NotStatement": {"Statement": {"IPSetReferenceStatement": {"ARN": OFFICE}}}}}})),
        rule("abroad", 3, block.clone(), json!({"NotStatement": {"Statement": {
            "GeoMatchStatement": {"CountryCodes": ["DE", "AT"]}}}})),
        rule("injection", 4, block.clone(), json!({"OrStatement": {"Statements": [
            {"SqliMatchStatement": {"FieldToMatch": {"Body": {"OversizeHandling": "CONTINUE"}}, "TextTransformations": transformations}},
            {"XssMatchStatement": {"FieldToMatch": {"QueryString": {}}, "TextTransformations": transformations}}]}})),
        rule("origin", 5, block.clone(), json!({"AndStatement": {"Statements": [
            {"ByteMatchStatement": {"SearchString": "cG9zdHVyZS1jYW5hcnktN2YzYTlj", "FieldToMatch": header,
                                    "TextTransformations": transformations, "PositionalConstraint": "EXACTLY"}},
            {"LabelMatchStatement": {"Scope": "LABEL", "Key": "awswaf:managed:token:absent"}}]}})),
        rule("large", 6, block.clone(), json!({"SizeConstraintStatement": {
            "FieldToMatch": {"Body": {"OversizeHandling": "MATCH"}}, "ComparisonOperator": "GT", "Size": 8192,
            "TextTransformations": transformations}})),
        rule("secret", 7, json!({"Action": {"Count": {}}}), json!({"RegexMatchStatement": {
            "RegexString": CANARY, "FieldToMatch": {"Headers": {"MatchPattern": {"All": {}}, "MatchScope": "ALL", "OversizeHandling": "MATCH"}},
            "TextTransformations": transformations}})),
        rule("networks", 8, json!({"Action": {"Captcha": {}}}), json!({"AsnMatchStatement": {"AsnList": [64496]}})),
    ]}})
}
