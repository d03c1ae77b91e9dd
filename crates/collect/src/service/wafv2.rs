//! AWS WAF.
//!
//! Regional web ACLs are read in every region; those of CloudFront once, in the global unit, since AWS
//! keeps them in one region. What rules compare requests with is not kept: it can hold shared secrets.

use aws_sdk_wafv2::Client;
use aws_sdk_wafv2::types::{self as sdk, ResourceType, Scope};
use posture_model::wafv2::{
    Association, BodyInspectionLimit, IpSet, Logging, ProtectedField, RegexPatternSet, Rule,
    RuleGroup, RuleOverride, Statement, WebAcl,
};

use crate::prelude::*;

operations! { "wafv2":
    GET_IP_SET = "GetIPSet" => "wafv2:GetIPSet",
    GET_LOGGING_CONFIGURATION = "GetLoggingConfiguration" => "wafv2:GetLoggingConfiguration",
    GET_RULE_GROUP = "GetRuleGroup" => "wafv2:GetRuleGroup",
    GET_WEB_ACL = "GetWebACL" => "wafv2:GetWebACL",
    LIST_IP_SETS = "ListIPSets" => "wafv2:ListIPSets",
    LIST_REGEX_PATTERN_SETS = "ListRegexPatternSets" => "wafv2:ListRegexPatternSets",
    LIST_RESOURCES = "ListResourcesForWebACL" => "wafv2:ListResourcesForWebACL",
    LIST_RULE_GROUPS = "ListRuleGroups" => "wafv2:ListRuleGroups",
    LIST_TAGS = "ListTagsForResource" => "wafv2:ListTagsForResource",
    LIST_WEB_ACLS = "ListWebACLs" => "wafv2:ListWebACLs",
}

const TYPES: &[&str] = &[
    WebAcl::TYPE,
    RuleGroup::TYPE,
    IpSet::TYPE,
    RegexPatternSet::TYPE,
];

pub(crate) const SERVICE: Service = Service {
    name: "wafv2",
    placement: Placement::Both,
    regional_types: TYPES,
    global_types: TYPES,
    operations: OPERATIONS,
    run: |cx| Box::pin(run(cx)),
};

/// Items on a page: the most that AWS gives.
const PAGE: i32 = 100;

/// What AWS WAF answers when no logging is configured.
const NOT_FOUND: &[&str] = &["WAFNonexistentItemException"];

/// Everything beside distributions that a web ACL can stand before.
const PROTECTED: [ResourceType; 8] = [
    ResourceType::ApplicationLoadBalancer,
    ResourceType::ApiGateway,
    ResourceType::Appsync,
    ResourceType::CognitioUserPool,
    ResourceType::AppRunnerService,
    ResourceType::VerifiedAccessInstance,
    ResourceType::Amplify,
    ResourceType::AgentcoreGateway,
];

async fn run(cx: Cx) {
    let (client, scope) = if cx.is_global() {
        let home = cx.sdk_config_in(cx.partition().home_region());
        let configuration = aws_sdk_wafv2::config::Builder::from(&home)
            .interceptor(cx.guard())
            .build();
        (Client::from_conf(configuration), Scope::Cloudfront)
    } else {
        (client!(cx, aws_sdk_wafv2), Scope::Regional)
    };
    tokio::join!(
        web_acls(&cx, &client, &scope),
        rule_groups(&cx, &client, &scope),
        ip_sets(&cx, &client, &scope),
        regex_pattern_sets(&cx, &client, &scope),
    );
}

/// Splits a page. AWS WAF may give a marker with the last page too, so that only an empty one ends a
/// listing.
fn page<T>(items: Option<Vec<T>>, marker: Option<String>) -> (Vec<T>, Option<String>) {
    let items = items.unwrap_or_default();
    let marker = marker.filter(|_| !items.is_empty());
    (items, marker)
}

async fn tags(cx: &Cx, client: &Client, arn: &str) -> Collected<Tags> {
    let listed = cx
        .list(
            &LIST_TAGS,
            |marker| {
                client
                    .list_tags_for_resource()
                    .resource_arn(arn)
                    .limit(PAGE)
                    .set_next_marker(marker)
                    .send()
            },
            |answer| {
                page(
                    answer.tag_info_for_resource.and_then(|info| info.tag_list),
                    answer.next_marker,
                )
            },
        )
        .await;
    match listed.gap {
        Some(gap) => Collected::Unavailable(gap),
        None => Collected::Known(
            listed
                .items
                .into_iter()
                .map(|tag| (tag.key, tag.value))
                .collect(),
        ),
    }
}

async fn web_acls(cx: &Cx, client: &Client, scope: &Scope) {
    let listed = cx
        .list(
            &LIST_WEB_ACLS,
            |marker| {
                client
                    .list_web_acls()
                    .scope(scope.clone())
                    .limit(PAGE)
                    .set_next_marker(marker)
                    .send()
            },
            |answer| page(answer.web_acls, answer.next_marker),
        )
        .await;
    let acls = cx
        .each(listed.items, |summary| web_acl(cx, client, scope, summary))
        .await;
    cx.publish(listed.gap, acls);
}

async fn web_acl(
    cx: &Cx,
    client: &Client,
    scope: &Scope,
    summary: sdk::WebAclSummary,
) -> Result<TypedResource<WebAcl>, Gap> {
    let (Some(name), Some(id), Some(arn)) = (summary.name, summary.id, summary.arn) else {
        return Err(cx.malformed(&LIST_WEB_ACLS));
    };
    let (answer, logging, associations, tags) = tokio::join!(
        cx.get(&GET_WEB_ACL, &[], || client
            .get_web_acl()
            .name(&name)
            .id(&id)
            .scope(scope.clone())
            .send()),
        logging(cx, client, &arn),
        associations(cx, client, scope, &arn),
        tags(cx, client, &arn),
    );
    let acl = answer.and_then(|answer| match answer.web_acl {
        Some(acl) if !acl.arn.is_empty() => Collected::Known(acl),
        _ => Collected::Unavailable(cx.malformed(&GET_WEB_ACL)),
    });
    let properties = WebAcl {
        scope: scope.as_str().to_owned(),
        default_action: fact(&acl, |acl| default_action(cx, acl)),
        capacity: fact(&acl, |acl| Collected::Known(acl.capacity)),
        rules: fact(&acl, |acl| Collected::Known(all_rules(acl))),
        managed_by_firewall_manager: fact(&acl, |acl| {
            Collected::Known(acl.managed_by_firewall_manager)
        }),
        sampled_requests_enabled: fact(&acl, |acl| {
            visibility(cx, acl).map(|v| v.sampled_requests_enabled)
        }),
        metrics_enabled: fact(&acl, |acl| {
            visibility(cx, acl).map(|v| v.cloud_watch_metrics_enabled)
        }),
        protected_fields: fact(&acl, |acl| Collected::Known(protected_fields(acl))),
        body_inspection_limits: fact(&acl, |acl| Collected::Known(inspection_limits(acl))),
        logging,
        associations,
    };
    let identity = Identity {
        arn,
        id,
        name,
        tags,
        created: None,
    };
    Ok(cx.resource(identity, properties))
}

/// One fact out of an answer that holds several: where the answer is missing, each of them is.
fn fact<T, U>(answer: &Collected<T>, read: impl FnOnce(&T) -> Collected<U>) -> Collected<U> {
    match answer {
        Collected::Known(answer) => read(answer),
        Collected::Absent => Collected::Absent,
        Collected::Unavailable(gap) => Collected::Unavailable(gap.clone()),
    }
}

fn default_action(cx: &Cx, acl: &sdk::WebAcl) -> Collected<String> {
    let action = match acl.default_action.as_ref() {
        Some(action) if action.block.is_some() => "BLOCK",
        Some(action) if action.allow.is_some() => "ALLOW",
        _ => return Collected::Unavailable(cx.malformed(&GET_WEB_ACL)),
    };
    Collected::Known(action.to_owned())
}

fn visibility<'a>(cx: &Cx, acl: &'a sdk::WebAcl) -> Collected<&'a sdk::VisibilityConfig> {
    // The SDK makes up what is required and missing, empty; a metric always has a name.
    match acl.visibility_config.as_ref() {
        Some(config) if !config.metric_name.is_empty() => Collected::Known(config),
        _ => Collected::Unavailable(cx.malformed(&GET_WEB_ACL)),
    }
}

fn protected_fields(acl: &sdk::WebAcl) -> Vec<ProtectedField> {
    let protections = acl
        .data_protection_config
        .as_ref()
        .map(|config| config.data_protections.as_slice())
        .unwrap_or_default();
    let mut fields = Vec::new();
    for protection in protections {
        let Some(field) = protection.field.as_ref() else {
            continue;
        };
        let action = Some(protection.action.as_str().to_owned());
        let kind = match field.field_type {
            sdk::FieldToProtectType::SingleHeader => "header",
            sdk::FieldToProtectType::SingleCookie => "cookie",
            sdk::FieldToProtectType::SingleQueryArgument => "query_argument",
            sdk::FieldToProtectType::QueryString => "query_string",
            sdk::FieldToProtectType::Body => "body",
            ref other => other.as_str(),
        };
        let keys = field.field_keys.as_deref().unwrap_or_default();
        let single = matches!(kind, "header" | "cookie" | "query_argument");
        if keys.is_empty() {
            // Without keys all of the kind are meant.
            let field = if single {
                format!("{kind}s")
            } else {
                kind.to_owned()
            };
            fields.push(ProtectedField { field, action });
            continue;
        }
        fields.extend(keys.iter().map(|key| ProtectedField {
            field: format!("{kind}:{}", key.to_ascii_lowercase()),
            action: action.clone(),
        }));
    }
    fields
}

fn inspection_limits(acl: &sdk::WebAcl) -> Vec<BodyInspectionLimit> {
    let mut limits: Vec<BodyInspectionLimit> = acl
        .association_config
        .as_ref()
        .and_then(|config| config.request_body.as_ref())
        .into_iter()
        .flatten()
        .map(|(kind, config)| BodyInspectionLimit {
            resource_type: kind.as_str().to_owned(),
            limit: config.default_size_inspection_limit.as_str().to_owned(),
        })
        .collect();
    limits.sort_by(|a, b| a.resource_type.cmp(&b.resource_type));
    limits
}

async fn logging(cx: &Cx, client: &Client, arn: &str) -> Collected<Logging> {
    cx.get(&GET_LOGGING_CONFIGURATION, NOT_FOUND, || {
        client.get_logging_configuration().resource_arn(arn).send()
    })
    .await
    .and_then(|answer| match answer.logging_configuration {
        None => Collected::Absent,
        // AWS WAF logs to exactly one place; the SDK makes up a list of none when it is missing.
        Some(found) if found.log_destination_configs.is_empty() => {
            Collected::Unavailable(cx.malformed(&GET_LOGGING_CONFIGURATION))
        }
        Some(found) => Collected::Known(found),
    })
    .map(|found| Logging {
        destination_arns: found.log_destination_configs,
        redacted_fields: found
            .redacted_fields
            .unwrap_or_default()
            .iter()
            .filter_map(field)
            .collect(),
        default_behavior: found
            .logging_filter
            .as_ref()
            .map(|filter| filter.default_behavior.as_str().to_owned()),
        filter_count: found
            .logging_filter
            .map_or(0, |filter| count(filter.filters.len())),
        managed_by_firewall_manager: found.managed_by_firewall_manager,
    })
}

fn count(items: usize) -> i64 {
    i64::try_from(items).unwrap_or(i64::MAX)
}

async fn associations(cx: &Cx, client: &Client, scope: &Scope, arn: &str) -> Vec<Association> {
    if *scope == Scope::Cloudfront {
        // Distributions are listed by CloudFront, not here.
        return vec![Association {
            resource_type: Scope::Cloudfront.as_str().to_owned(),
            arns: Collected::Unavailable(Gap {
                reason: GapReason::Unsupported,
                operation: LIST_RESOURCES.to_string(),
                iam_action: LIST_RESOURCES.action.to_owned(),
                code: None,
            }),
        }];
    }
    cx.each(PROTECTED, async |kind| Association {
        resource_type: kind.as_str().to_owned(),
        arns: cx
            .get(&LIST_RESOURCES, &[], || {
                client
                    .list_resources_for_web_acl()
                    .web_acl_arn(arn)
                    .resource_type(kind.clone())
                    .send()
            })
            .await
            .map(|answer| answer.resource_arns.unwrap_or_default()),
    })
    .await
}

/// The rules in the order of their evaluation: Firewall Manager's first, the web ACL's own, Firewall
/// Manager's last.
fn all_rules(acl: &sdk::WebAcl) -> Vec<Rule> {
    let of_manager = |groups: &Option<Vec<sdk::FirewallManagerRuleGroup>>, origin: &str| {
        let mut rules: Vec<Rule> = groups
            .iter()
            .flatten()
            .map(|group| manager_rule(group, origin))
            .collect();
        rules.sort_by_key(|rule| rule.priority);
        rules
    };
    let mut rules = of_manager(
        &acl.pre_process_firewall_manager_rule_groups,
        "firewall_manager_first",
    );
    rules.extend(own_rules(acl.rules.as_deref().unwrap_or_default()));
    rules.extend(of_manager(
        &acl.post_process_firewall_manager_rule_groups,
        "firewall_manager_last",
    ));
    rules
}

fn own_rules(found: &[sdk::Rule]) -> Vec<Rule> {
    let mut rules: Vec<Rule> = found
        .iter()
        .map(|found| Rule {
            name: found.name.clone(),
            priority: i64::from(found.priority),
            origin: "own".to_owned(),
            action: found.action.as_ref().map(action),
            override_action: found.override_action.as_ref().map(override_action),
            statements: flatten(found.statement.as_ref()),
        })
        .collect();
    rules.sort_by_key(|rule| rule.priority);
    rules
}

fn manager_rule(group: &sdk::FirewallManagerRuleGroup, origin: &str) -> Rule {
    let statement = group.firewall_manager_statement.as_ref();
    let mut statements = Vec::new();
    let top = Place::default();
    if let Some(managed) = statement.and_then(|s| s.managed_rule_group_statement.as_ref()) {
        managed_group(managed, top, &mut statements);
    }
    if let Some(reference) = statement.and_then(|s| s.rule_group_reference_statement.as_ref()) {
        statements.push(group_reference(reference, top));
    }
    if statements.is_empty() {
        statements.push(top.statement("unknown"));
    }
    Rule {
        name: group.name.clone(),
        priority: i64::from(group.priority),
        origin: origin.to_owned(),
        action: None,
        override_action: group.override_action.as_ref().map(override_action),
        statements,
    }
}

fn action(action: &sdk::RuleAction) -> String {
    match action {
        sdk::RuleAction { block: Some(_), .. } => "BLOCK",
        sdk::RuleAction { allow: Some(_), .. } => "ALLOW",
        sdk::RuleAction { count: Some(_), .. } => "COUNT",
        sdk::RuleAction {
            captcha: Some(_), ..
        } => "CAPTCHA",
        sdk::RuleAction {
            challenge: Some(_), ..
        } => "CHALLENGE",
        sdk::RuleAction {
            monetize: Some(_), ..
        } => "MONETIZE",
        _ => "UNKNOWN",
    }
    .to_owned()
}

fn override_action(action: &sdk::OverrideAction) -> String {
    match action {
        sdk::OverrideAction { count: Some(_), .. } => "COUNT",
        sdk::OverrideAction { none: Some(_), .. } => "NONE",
        _ => "UNKNOWN",
    }
    .to_owned()
}

/// Where in a rule's tree a statement stands.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    depth: i64,
    negated: bool,
    scope_down: bool,
}

impl Place {
    fn below(self) -> Self {
        Self {
            depth: self.depth + 1,
            ..self
        }
    }

    fn statement(self, kind: &str) -> Statement {
        Statement {
            kind: kind.to_owned(),
            depth: self.depth,
            negated: self.negated,
            scope_down: self.scope_down,
            ..Statement::default()
        }
    }
}

/// Statements below this are cut: AWS WAF allows far fewer levels.
const DEEPEST: i64 = 64;

fn flatten(statement: Option<&sdk::Statement>) -> Vec<Statement> {
    let mut statements = Vec::new();
    walk(statement, Place::default(), &mut statements);
    statements
}

fn walk(statement: Option<&sdk::Statement>, place: Place, out: &mut Vec<Statement>) {
    let Some(statement) = statement.filter(|_| place.depth < DEEPEST) else {
        out.push(place.statement("unknown"));
        return;
    };
    let before = out.len();
    combined(statement, place, out);
    if out.len() == before {
        out.push(leaf(statement, place));
    }
}

/// Statements that hold other statements.
fn combined(statement: &sdk::Statement, place: Place, out: &mut Vec<Statement>) {
    if let Some(and) = &statement.and_statement {
        out.push(place.statement("and"));
        for inner in &and.statements {
            walk(Some(inner), place.below(), out);
        }
    } else if let Some(or) = &statement.or_statement {
        out.push(place.statement("or"));
        for inner in &or.statements {
            walk(Some(inner), place.below(), out);
        }
    } else if let Some(not) = &statement.not_statement {
        out.push(place.statement("not"));
        let inner = Place {
            negated: !place.negated,
            ..place.below()
        };
        walk(not.statement.as_deref(), inner, out);
    } else if let Some(managed) = &statement.managed_rule_group_statement {
        managed_group(managed, place, out);
    } else if let Some(rate) = &statement.rate_based_statement {
        out.push(Statement {
            rate_limit: Some(rate.limit),
            rate_window: Some(rate.evaluation_window_sec).filter(|seconds| *seconds > 0),
            rate_key: Some(rate.aggregate_key_type.as_str().to_owned()),
            ..place.statement("rate_based")
        });
        scope_down(rate.scope_down_statement.as_deref(), place, out);
    }
}

fn scope_down(statement: Option<&sdk::Statement>, place: Place, out: &mut Vec<Statement>) {
    if statement.is_some() {
        let inner = Place {
            scope_down: true,
            ..place.below()
        };
        walk(statement, inner, out);
    }
}

fn managed_group(managed: &sdk::ManagedRuleGroupStatement, place: Place, out: &mut Vec<Statement>) {
    out.push(Statement {
        vendor: Some(managed.vendor_name.clone()),
        group: Some(managed.name.clone()),
        version: managed.version.clone(),
        overrides: overrides(&managed.excluded_rules, &managed.rule_action_overrides),
        ..place.statement("managed_rule_group")
    });
    scope_down(managed.scope_down_statement.as_deref(), place, out);
}

fn group_reference(reference: &sdk::RuleGroupReferenceStatement, place: Place) -> Statement {
    Statement {
        reference_arn: Some(reference.arn.clone()),
        overrides: overrides(&reference.excluded_rules, &reference.rule_action_overrides),
        ..place.statement("rule_group")
    }
}

/// Rules of a group that do something else here. Excluding a rule is the old way to say "count".
fn overrides(
    excluded: &Option<Vec<sdk::ExcludedRule>>,
    overridden: &Option<Vec<sdk::RuleActionOverride>>,
) -> Vec<RuleOverride> {
    let excluded = excluded.iter().flatten().map(|rule| RuleOverride {
        rule: rule.name.clone(),
        action: "COUNT".to_owned(),
    });
    let overridden = overridden.iter().flatten().map(|rule| RuleOverride {
        rule: rule.name.clone(),
        action: rule
            .action_to_use
            .as_ref()
            .map_or_else(|| "UNKNOWN".to_owned(), action),
    });
    excluded.chain(overridden).collect()
}

/// Statements that look at one thing.
fn leaf(statement: &sdk::Statement, place: Place) -> Statement {
    if let Some(found) = &statement.rule_group_reference_statement {
        return group_reference(found, place);
    }
    if let Some(found) = &statement.ip_set_reference_statement {
        return Statement {
            reference_arn: Some(found.arn.clone()),
            ..place.statement("ip_set")
        };
    }
    if let Some(found) = &statement.regex_pattern_set_reference_statement {
        return Statement {
            reference_arn: Some(found.arn.clone()),
            field: found.field_to_match.as_ref().and_then(field),
            ..place.statement("regex_pattern_set")
        };
    }
    if let Some(found) = &statement.size_constraint_statement {
        return Statement {
            field: found.field_to_match.as_ref().and_then(field),
            comparison: Some(found.comparison_operator.as_str().to_owned()),
            size: Some(found.size),
            ..place.statement("size_constraint")
        };
    }
    if let Some(found) = &statement.geo_match_statement {
        return Statement {
            country_codes: strings(
                found
                    .country_codes
                    .iter()
                    .flatten()
                    .map(sdk::CountryCode::as_str),
            ),
            ..place.statement("geo_match")
        };
    }
    if let Some(found) = &statement.label_match_statement {
        return Statement {
            label: Some(found.key.clone()),
            ..place.statement("label_match")
        };
    }
    let looking_at = |kind: &str, at: Option<&sdk::FieldToMatch>| Statement {
        field: at.and_then(field),
        ..place.statement(kind)
    };
    if let Some(found) = &statement.byte_match_statement {
        return looking_at("byte_match", found.field_to_match.as_ref());
    }
    if let Some(found) = &statement.regex_match_statement {
        return looking_at("regex_match", found.field_to_match.as_ref());
    }
    if let Some(found) = &statement.sqli_match_statement {
        return looking_at("sqli_match", found.field_to_match.as_ref());
    }
    if let Some(found) = &statement.xss_match_statement {
        return looking_at("xss_match", found.field_to_match.as_ref());
    }
    if statement.asn_match_statement.is_some() {
        return place.statement("asn_match");
    }
    place.statement("unknown")
}

/// The part of a request that is meant, in one word.
fn field(part: &sdk::FieldToMatch) -> Option<String> {
    if let Some(header) = &part.single_header {
        return Some(format!("header:{}", header.name.to_ascii_lowercase()));
    }
    if let Some(argument) = &part.single_query_argument {
        return Some(format!(
            "query_argument:{}",
            argument.name.to_ascii_lowercase()
        ));
    }
    [
        (part.body.is_some(), "body"),
        (part.json_body.is_some(), "json_body"),
        (part.uri_path.is_some(), "uri_path"),
        (part.query_string.is_some(), "query_string"),
        (part.all_query_arguments.is_some(), "all_query_arguments"),
        (part.headers.is_some(), "headers"),
        (part.header_order.is_some(), "header_order"),
        (part.cookies.is_some(), "cookies"),
        (part.method.is_some(), "method"),
        (part.uri_fragment.is_some(), "uri_fragment"),
    ]
    .into_iter()
    .find(|(present, _)| *present)
    .map(|(_, name)| name.to_owned())
}

async fn rule_groups(cx: &Cx, client: &Client, scope: &Scope) {
    let listed = cx
        .list(
            &LIST_RULE_GROUPS,
            |marker| {
                client
                    .list_rule_groups()
                    .scope(scope.clone())
                    .limit(PAGE)
                    .set_next_marker(marker)
                    .send()
            },
            |answer| page(answer.rule_groups, answer.next_marker),
        )
        .await;
    let groups = cx
        .each(listed.items, |summary| {
            rule_group(cx, client, scope, summary)
        })
        .await;
    cx.publish(listed.gap, groups);
}

async fn rule_group(
    cx: &Cx,
    client: &Client,
    scope: &Scope,
    summary: sdk::RuleGroupSummary,
) -> Result<TypedResource<RuleGroup>, Gap> {
    let (Some(name), Some(id), Some(arn)) = (summary.name, summary.id, summary.arn) else {
        return Err(cx.malformed(&LIST_RULE_GROUPS));
    };
    let (answer, tags) = tokio::join!(
        cx.get(&GET_RULE_GROUP, &[], || client
            .get_rule_group()
            .name(&name)
            .id(&id)
            .scope(scope.clone())
            .send()),
        tags(cx, client, &arn),
    );
    let group = answer.and_then(|answer| match answer.rule_group {
        Some(group) if !group.arn.is_empty() => Collected::Known(group),
        _ => Collected::Unavailable(cx.malformed(&GET_RULE_GROUP)),
    });
    let properties = RuleGroup {
        scope: scope.as_str().to_owned(),
        capacity: fact(&group, |group| Collected::Known(group.capacity)),
        rules: fact(&group, |group| {
            Collected::Known(own_rules(group.rules.as_deref().unwrap_or_default()))
        }),
    };
    let identity = Identity {
        arn,
        id,
        name,
        tags,
        created: None,
    };
    Ok(cx.resource(identity, properties))
}

async fn ip_sets(cx: &Cx, client: &Client, scope: &Scope) {
    let listed = cx
        .list(
            &LIST_IP_SETS,
            |marker| {
                client
                    .list_ip_sets()
                    .scope(scope.clone())
                    .limit(PAGE)
                    .set_next_marker(marker)
                    .send()
            },
            |answer| page(answer.ip_sets, answer.next_marker),
        )
        .await;
    let sets = cx
        .each(listed.items, |summary| ip_set(cx, client, scope, summary))
        .await;
    cx.publish(listed.gap, sets);
}

async fn ip_set(
    cx: &Cx,
    client: &Client,
    scope: &Scope,
    summary: sdk::IpSetSummary,
) -> Result<TypedResource<IpSet>, Gap> {
    let (Some(name), Some(id), Some(arn)) = (summary.name, summary.id, summary.arn) else {
        return Err(cx.malformed(&LIST_IP_SETS));
    };
    let (answer, tags) = tokio::join!(
        cx.get(&GET_IP_SET, &[], || client
            .get_ip_set()
            .name(&name)
            .id(&id)
            .scope(scope.clone())
            .send()),
        tags(cx, client, &arn),
    );
    let set = answer.and_then(|answer| match answer.ip_set {
        Some(set) if !set.arn.is_empty() => Collected::Known(set),
        _ => Collected::Unavailable(cx.malformed(&GET_IP_SET)),
    });
    let properties = IpSet {
        scope: scope.as_str().to_owned(),
        ip_address_version: fact(&set, |set| {
            Collected::Known(set.ip_address_version.as_str().to_owned())
        }),
        address_count: fact(&set, |set| Collected::Known(count(set.addresses.len()))),
        widest_prefix: fact(&set, |set| widest_prefix(cx, &set.addresses)),
    };
    let identity = Identity {
        arn,
        id,
        name,
        tags,
        created: None,
    };
    Ok(cx.resource(identity, properties))
}

/// The shortest prefix length. One range that cannot be read could be the widest, so it leaves a gap.
fn widest_prefix(cx: &Cx, addresses: &[String]) -> Collected<i64> {
    let mut widest = None;
    for address in addresses {
        let length = address
            .rsplit_once('/')
            .and_then(|(_, length)| length.parse::<u8>().ok());
        let Some(length) = length.map(i64::from) else {
            return Collected::Unavailable(cx.malformed(&GET_IP_SET));
        };
        widest = Some(widest.map_or(length, |known: i64| known.min(length)));
    }
    widest.into()
}

async fn regex_pattern_sets(cx: &Cx, client: &Client, scope: &Scope) {
    let listed = cx
        .list(
            &LIST_REGEX_PATTERN_SETS,
            |marker| {
                client
                    .list_regex_pattern_sets()
                    .scope(scope.clone())
                    .limit(PAGE)
                    .set_next_marker(marker)
                    .send()
            },
            |answer| page(answer.regex_pattern_sets, answer.next_marker),
        )
        .await;
    let sets = cx
        .each(listed.items, async |summary| {
            let (Some(name), Some(id), Some(arn)) = (summary.name, summary.id, summary.arn) else {
                return Err(cx.malformed(&LIST_REGEX_PATTERN_SETS));
            };
            let identity = Identity {
                tags: tags(cx, client, &arn).await,
                arn,
                id,
                name,
                created: None,
            };
            let properties = RegexPatternSet {
                scope: scope.as_str().to_owned(),
            };
            Ok(cx.resource(identity, properties))
        })
        .await;
    cx.publish(listed.gap, sets);
}
