"""Web ACLs, regional ones and CloudFront's, with what they are made of."""

from __future__ import annotations

from .garden import HOME, Garden, Place, tag_list

MANAGED = [
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesSQLiRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesAmazonIpReputationList",
]


def plant(garden: Garden) -> None:
    prod = garden.place("prod")
    sets = addresses(prod)
    for scope in ("REGIONAL", "CLOUDFRONT"):
        web_acl(
            prod,
            "weak-counts-only",
            scope,
            True,
            "its rules only count",
            [managed(MANAGED[0], 0, count=True)],
        )
        rules = sound_rules()
        if scope == "REGIONAL":
            rules.append(office(sets["sound-office"]))
        web_acl(prod, "sound-edge", scope, False, "managed groups, a rate limit, logs", rules, logs=True)
    web_acl(
        prod, "weak-exceptions", "REGIONAL", True, "lets everyone past, overrides rules, half of its groups only count",
        [
            office(sets["weak-everyone"]),
            managed(MANAGED[0], 0, overrides=["SizeRestrictions_BODY"]),
            managed(MANAGED[1], 1, count=True),
        ],
        metrics=False, redact=["authorization"], logs=True,
    )  # fmt: skip
    web_acl(prod, "weak-empty", "REGIONAL", True, "allows everything, has no rules, stands idle", [])
    web_acl(
        garden.place("dev"),
        "weak-no-rate-limit",
        "REGIONAL",
        True,
        "no rate limit, no logs",
        [managed(MANAGED[0], 0)],
    )


def addresses(place: Place) -> dict[str, str]:
    waf = place.client("wafv2")
    sets = {}
    for name, weak, blocks, note in [
        ("weak-everyone", True, ["0.0.0.0/1", "128.0.0.0/1"], "an address set that is the whole internet"),
        ("sound-office", False, ["203.0.113.0/24"], "an address set of one office"),
    ]:
        summary = waf.create_ip_set(
            Name=name, Scope="REGIONAL", IPAddressVersion="IPV4", Addresses=blocks, Tags=tag_list(weak)
        )["Summary"]
        sets[name] = place.record(summary["ARN"], weak, note)
    group = place.optional(
        waf.create_rule_group,
        Name="sound-size-limits",
        Scope="REGIONAL",
        Capacity=50,
        Rules=[size_limit(0)],
        VisibilityConfig=visibility("size-limits"),
        Tags=tag_list(False),
    )
    if group:
        place.sound(group["Summary"]["ARN"], "a rule group that limits body sizes")
    place.optional(
        waf.create_regex_pattern_set,
        Name="sound-patterns",
        Scope="REGIONAL",
        RegularExpressionList=[{"RegexString": "^/admin"}],
        Tags=tag_list(False),
    )
    return sets


def web_acl(
    place: Place,
    name: str,
    scope: str,
    weak: bool,
    note: str,
    rules: list[dict],
    logs: bool = False,
    metrics: bool = True,
    redact: list[str] | None = None,
) -> str:
    waf = place.client("wafv2")
    acl = waf.create_web_acl(
        Name=name,
        Scope=scope,
        DefaultAction={"Allow": {}},
        Rules=rules,
        VisibilityConfig=visibility(name) | {"CloudWatchMetricsEnabled": metrics},
        Tags=tag_list(weak),
    )["Summary"]
    if logs:
        place.optional(
            waf.put_logging_configuration,
            LoggingConfiguration={
                "ResourceArn": acl["ARN"],
                "LogDestinationConfigs": [f"arn:aws:logs:{HOME}:{place.id}:log-group:aws-waf-logs-{name}"],
                "RedactedFields": [{"SingleHeader": {"Name": field}} for field in redact or ["authorization", "cookie"]],
            },
        )
    return place.record(acl["ARN"], weak, f"{note} ({scope.lower()})")


def sound_rules() -> list[dict]:
    return [
        *(managed(name, priority) for priority, name in enumerate(MANAGED)),
        {
            "Name": "rate-limit",
            "Priority": 10,
            "Statement": {"RateBasedStatement": {"Limit": 2000, "AggregateKeyType": "IP"}},
            "Action": {"Block": {}},
            "VisibilityConfig": visibility("rate-limit"),
        },
        size_limit(11),
        {
            "Name": "countries",
            "Priority": 12,
            "Statement": {"GeoMatchStatement": {"CountryCodes": ["KP"]}},
            "Action": {"Block": {}},
            "VisibilityConfig": visibility("countries"),
        },
    ]


def office(addresses: str) -> dict:
    return {
        "Name": "office",
        "Priority": 20,
        "Statement": {"IPSetReferenceStatement": {"ARN": addresses}},
        "Action": {"Allow": {}},
        "VisibilityConfig": visibility("office"),
    }


def managed(name: str, priority: int, count: bool = False, overrides: list[str] | None = None) -> dict:
    group: dict = {"VendorName": "AWS", "Name": name}
    if overrides:
        group["RuleActionOverrides"] = [{"Name": rule, "ActionToUse": {"Count": {}}} for rule in overrides]
    return {
        "Name": name,
        "Priority": priority,
        "Statement": {"ManagedRuleGroupStatement": group},
        "OverrideAction": {"Count": {}} if count else {"None": {}},
        "VisibilityConfig": visibility(name),
    }


def size_limit(priority: int) -> dict:
    return {
        "Name": "body-size",
        "Priority": priority,
        "Statement": {
            "SizeConstraintStatement": {
                "FieldToMatch": {"Body": {"OversizeHandling": "MATCH"}},
                "ComparisonOperator": "GT",
                "Size": 8192,
                "TextTransformations": [{"Priority": 0, "Type": "NONE"}],
            }
        },
        "Action": {"Block": {}},
        "VisibilityConfig": visibility("body-size"),
    }


def visibility(name: str) -> dict:
    return {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": name}
