//! AWS WAF: web ACLs from empty to thorough, for regional resources and, in the home region, for
//! CloudFront.

use serde_json::{Value, json};

use super::{Answer, Operation, Protocol, Service, apigateway};
use crate::ask::{Ask, Page, Place};
use crate::dice::Dice;
use crate::id;
use crate::refusal::Refusal;

pub(super) const SERVICE: Service = Service {
    name: "wafv2",
    signs_as: "wafv2",
    protocol: Protocol::Json("AWSWAF_20190729"),
    global: false,
    operations: &[
        Operation::new("GetIPSet", get_ip_set).after("ListIPSets"),
        Operation::new("GetLoggingConfiguration", get_logging).after("ListWebACLs"),
        Operation::new("GetRuleGroup", get_rule_group).after("ListRuleGroups"),
        Operation::new("GetWebACL", get_web_acl).after("ListWebACLs"),
        Operation::new("ListIPSets", |ask| list(ask, &IP_SET)).paged("NextMarker", "Limit"),
        Operation::new("ListRegexPatternSets", |ask| list(ask, &PATTERNS))
            .paged("NextMarker", "Limit"),
        Operation::new("ListResourcesForWebACL", list_resources).after("ListWebACLs"),
        Operation::new("ListRuleGroups", |ask| list(ask, &RULE_GROUP)).paged("NextMarker", "Limit"),
        Operation::new("ListTagsForResource", list_tags)
            .after("ListWebACLs")
            .paged("NextMarker", "Limit"),
        Operation::new("ListWebACLs", |ask| list(ask, &WEB_ACL)).paged("NextMarker", "Limit"),
    ],
};

/// A kind of thing: how it is called in ARNs and in listings, and for how many resources there is one.
struct Kind {
    name: &'static str,
    listing: &'static str,
    one_for: usize,
}

const WEB_ACL: Kind = Kind {
    name: "webacl",
    listing: "WebACLs",
    one_for: 5,
};
const RULE_GROUP: Kind = Kind {
    name: "rulegroup",
    listing: "RuleGroups",
    one_for: 10,
};
const IP_SET: Kind = Kind {
    name: "ipset",
    listing: "IPSets",
    one_for: 10,
};
const PATTERNS: Kind = Kind {
    name: "regexpatternset",
    listing: "RegexPatternSets",
    one_for: 20,
};

/// The things of one scope.
#[derive(Clone, Copy)]
struct Scope<'a> {
    place: Place<'a>,
    /// `regional` or `global`, as ARNs write it.
    name: &'static str,
}

fn scope<'a>(ask: &Ask<'a>) -> Result<Scope<'a>, Refusal> {
    let place = ask.place;
    match ask.needed("Scope")? {
        "CLOUDFRONT" if !crate::server::is_home(place.region) => Err(Refusal::new(
            400,
            "WAFInvalidParameterException",
            "The scope is not valid., field: SCOPE_VALUE, parameter: CLOUDFRONT",
        )),
        "CLOUDFRONT" => Ok(Scope {
            place,
            name: "global",
        }),
        _ => Ok(Scope {
            place,
            name: "regional",
        }),
    }
}

impl Scope<'_> {
    /// There is less for CloudFront.
    fn count(&self, kind: &Kind) -> usize {
        let resources = self.place.count("wafv2");
        match self.name {
            "global" => resources.div_ceil(kind.one_for * 4),
            _ => resources.div_ceil(kind.one_for),
        }
    }

    fn dice(&self, kind: &Kind, index: usize) -> Dice {
        self.place.dice(kind.name, index).with(self.name)
    }

    fn id(&self, kind: &Kind, index: usize) -> String {
        id::uuid(self.dice(kind, index), index)
    }

    fn name(&self, kind: &Kind, index: usize) -> String {
        id::name(
            &["front", "api", "office", "bots", "partners"],
            self.dice(kind, index),
            index,
        )
    }

    fn arn(&self, kind: &Kind, index: usize) -> String {
        self.place.arn(
            "wafv2",
            &format!(
                "{}/{}/{}/{}",
                self.name,
                kind.name,
                self.name(kind, index),
                self.id(kind, index)
            ),
        )
    }
}

/// AWS gives a marker with every page that holds something, the last one too.
fn marked(mut answer: Value, page: &Page) -> String {
    if !page.items.is_empty() {
        answer["NextMarker"] = page.marker().into();
    }
    answer.to_string()
}

fn list(ask: &Ask<'_>, kind: &Kind) -> Answer {
    let scope = scope(ask)?;
    let page = ask.page(scope.count(kind));
    let items: Vec<Value> = page
        .items
        .clone()
        .map(|index| {
            json!({
                "Name": scope.name(kind, index), "Id": scope.id(kind, index), "Description": "",
                "LockToken": id::uuid(scope.dice(kind, index).with("lock"), index),
                "ARN": scope.arn(kind, index)})
        })
        .collect();
    Ok(marked(json!({kind.listing: items}), &page))
}

/// The thing that a request names by scope and id.
fn named<'a>(ask: &Ask<'a>, kind: &Kind) -> Result<(Scope<'a>, usize), Refusal> {
    let scope = scope(ask)?;
    let index = ask.named("Id", scope.count(kind), |index| scope.id(kind, index))?;
    Ok((scope, index))
}

/// The thing of some kind that an ARN names.
fn by_arn<'a>(
    ask: &Ask<'a>,
    arn: &str,
    kinds: &[Kind],
) -> Result<(Scope<'a>, Dice, usize), Refusal> {
    let place = ask.place;
    ["regional", "global"]
        .into_iter()
        .map(|name| Scope { place, name })
        .flat_map(|scope| kinds.iter().map(move |kind| (scope, kind)))
        .find_map(|(scope, kind)| {
            let index = id::find(arn, scope.count(kind), |index| scope.arn(kind, index))?;
            Some((scope, scope.dice(kind, index), index))
        })
        .ok_or_else(|| Refusal::missing(ask.service, arn))
}

fn list_tags(ask: &Ask<'_>) -> Answer {
    let arn = ask.needed("ResourceARN")?;
    let (_, dice, _) = by_arn(ask, arn, &[WEB_ACL, RULE_GROUP, IP_SET, PATTERNS])?;
    let all = ask.place.tags(dice);
    let page = ask.page(all.len());
    let tags: Vec<Value> = all
        .get(page.items.clone())
        .unwrap_or_default()
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    let mut answer = json!({"TagInfoForResource": {"ResourceARN": arn, "TagList": tags}});
    if let Some(next) = page.next {
        answer["NextMarker"] = next.into();
    }
    Ok(answer.to_string())
}

fn get_logging(ask: &Ask<'_>) -> Answer {
    let arn = ask.needed("ResourceArn")?;
    let (_, dice, _) = by_arn(ask, arn, &[WEB_ACL])?;
    if dice.percent(50, "no logging") {
        return Err(Refusal::new(
            400,
            "WAFNonexistentItemException",
            "AWS WAF couldn't perform the operation because your resource doesn't exist.",
        ));
    }
    let redacted = match dice.percent(50, "redacted") {
        true => {
            json!([{"SingleHeader": {"Name": "Authorization"}}, {"SingleHeader": {"Name": "Cookie"}}])
        }
        false => json!([]),
    };
    let log = ask.place.arn(
        "logs",
        &format!("log-group:aws-waf-logs-{}", dice.lower(6, "log")),
    );
    Ok(json!({"LoggingConfiguration": {
        "ResourceArn": arn, "LogDestinationConfigs": [log], "RedactedFields": redacted,
        "ManagedByFirewallManager": false}})
    .to_string())
}

fn list_resources(ask: &Ask<'_>) -> Answer {
    let arn = ask.needed("WebACLArn")?;
    let (_, dice, _) = by_arn(ask, arn, &[WEB_ACL])?;
    let stage = apigateway::some_stage(ask.place, dice)
        .filter(|_| ask.text("ResourceType") == Some("API_GATEWAY") && dice.percent(50, "in use"));
    let arns: Vec<String> = stage.into_iter().collect();
    Ok(json!({"ResourceArns": arns}).to_string())
}

fn visibility(dice: Dice, name: &str) -> Value {
    json!({
        "SampledRequestsEnabled": true, "CloudWatchMetricsEnabled": dice.percent(80, "metrics"),
        "MetricName": name})
}

fn get_web_acl(ask: &Ask<'_>) -> Answer {
    let (scope, index) = named(ask, &WEB_ACL)?;
    let dice = scope.dice(&WEB_ACL, index);
    let name = scope.name(&WEB_ACL, index);
    let mut rules = Vec::new();
    for (managed, percent) in [
        ("AWSManagedRulesCommonRuleSet", 60),
        ("AWSManagedRulesKnownBadInputsRuleSet", 50),
        ("AWSManagedRulesSQLiRuleSet", 40),
        ("AWSManagedRulesAmazonIpReputationList", 50),
    ] {
        if dice.percent(percent, managed) {
            rules.push(managed_rule(dice, managed, rules.len()));
        }
    }
    if dice.percent(50, "rate") {
        rules.push(json!({
            "Name": "rate", "Priority": rules.len(), "Action": {"Block": {}},
            "Statement": {"RateBasedStatement": {
                "Limit": 2000, "EvaluationWindowSec": 300, "AggregateKeyType": "IP"}},
            "VisibilityConfig": visibility(dice, "rate")}));
    }
    if scope.count(&IP_SET) > 0 && dice.percent(40, "office") {
        let set = scope.arn(&IP_SET, dice.below(scope.count(&IP_SET), "set"));
        rules.push(json!({
            "Name": "office", "Priority": rules.len(), "Action": {"Allow": {}},
            "Statement": {"IPSetReferenceStatement": {"ARN": set}},
            "VisibilityConfig": visibility(dice, "office")}));
    }
    Ok(
        json!({"LockToken": id::uuid(dice.with("lock"), index), "WebACL": {
        "Name": name, "Id": scope.id(&WEB_ACL, index), "ARN": scope.arn(&WEB_ACL, index),
        "DefaultAction": {"Allow": {}}, "Capacity": 100 * rules.len(), "Rules": rules,
        "ManagedByFirewallManager": false, "VisibilityConfig": visibility(dice, &name)}})
        .to_string(),
    )
}

fn managed_rule(dice: Dice, managed: &str, priority: usize) -> Value {
    let action = if dice.percent(20, "counting") {
        "Count"
    } else {
        "None"
    };
    let mut statement = json!({"VendorName": "AWS", "Name": managed});
    if dice.with(managed).percent(20, "weakened") {
        statement["RuleActionOverrides"] =
            json!([{"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}]);
    }
    json!({
        "Name": managed, "Priority": priority, "OverrideAction": {action: {}},
        "Statement": {"ManagedRuleGroupStatement": statement},
        "VisibilityConfig": visibility(dice, managed)})
}

fn get_rule_group(ask: &Ask<'_>) -> Answer {
    let (scope, index) = named(ask, &RULE_GROUP)?;
    let dice = scope.dice(&RULE_GROUP, index);
    let name = scope.name(&RULE_GROUP, index);
    Ok(json!({"LockToken": id::uuid(dice.with("lock"), index), "RuleGroup": {
        "Name": name, "Id": scope.id(&RULE_GROUP, index), "ARN": scope.arn(&RULE_GROUP, index), "Capacity": 10,
        "VisibilityConfig": visibility(dice, &name),
        "Rules": [{
            "Name": "abroad", "Priority": 0, "Action": {"Block": {}},
            "Statement": {"GeoMatchStatement": {"CountryCodes": ["KP"]}},
            "VisibilityConfig": visibility(dice, "abroad")}]}})
    .to_string())
}

fn get_ip_set(ask: &Ask<'_>) -> Answer {
    let (scope, index) = named(ask, &IP_SET)?;
    let dice = scope.dice(&IP_SET, index);
    let addresses = match dice.percent(20, "wide") {
        true => json!(["0.0.0.0/1", "203.0.113.0/24"]),
        false => json!(["198.51.100.7/32", "203.0.113.0/24"]),
    };
    Ok(json!({"LockToken": id::uuid(dice.with("lock"), index), "IPSet": {
        "Name": scope.name(&IP_SET, index), "Id": scope.id(&IP_SET, index), "ARN": scope.arn(&IP_SET, index),
        "IPAddressVersion": "IPV4", "Addresses": addresses}})
    .to_string())
}
