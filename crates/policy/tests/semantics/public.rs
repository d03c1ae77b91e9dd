use posture_policy::{
    ResourceContext, Tri, allows_anonymous, denies_insecure_transport, external_accounts,
    is_public, public_statements, unpinned_services,
};
use serde_json::{Value, json};

use crate::{OTHER, OWN, bucket, document, parse};

/// An `Allow` for everyone on the bucket's objects, with a condition.
fn open_if(condition: Value) -> Value {
    json!({"Sid": "Open", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::b/*", "Condition": condition})
}

fn allow(principal: Value) -> Value {
    json!({"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"})
}

fn public(statements: Value) -> Tri {
    is_public(&parse(&document(&statements)), &bucket())
}

#[track_caller]
fn expect(statements: Value, expected: bool) {
    assert_eq!(
        public(statements.clone()),
        Tri::from(expected),
        "{statements:#}"
    );
}

#[track_caller]
fn undecided(statements: Value) {
    assert!(
        matches!(public(statements.clone()), Tri::Unknown(_)),
        "{statements:#}"
    );
}

#[test]
fn principals() {
    for (principal, expected) in [
        (json!("*"), true),
        (json!({"AWS": "*"}), true),
        (json!({"AWS": ["*"]}), true),
        (json!({"AWS": [OTHER, "*"]}), true),
        (json!({"AWS": OTHER}), false),
        (json!({"AWS": format!("arn:aws:iam::{OTHER}:root")}), false),
        (
            json!({"AWS": format!("arn:aws:iam::{OTHER}:role/r")}),
            false,
        ),
        (json!({"Service": "cloudfront.amazonaws.com"}), false),
        (
            json!({"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}),
            false,
        ),
        (
            json!({"Federated": "cognito-identity.amazonaws.com"}),
            false,
        ),
        (
            json!({"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}),
            false,
        ),
        (json!({"AWS": "AIDACKCEVSQ6C2EXAMPLE"}), false),
        (
            json!({"AWS": format!("arn:aws:iam::{OTHER}:role/*")}),
            false,
        ),
    ] {
        expect(allow(principal), expected);
    }
    undecided(allow(json!({"AWS": "arn:aws:iam::*:root"})));
    undecided(allow(json!({"Service": "*"})));
    for (principal, expected) in [
        (json!({"AWS": OTHER}), true),
        (json!("*"), false),
        (json!({"AWS": "*"}), false),
    ] {
        expect(
            json!({"Effect": "Allow", "NotPrincipal": principal, "Action": "s3:*", "Resource": "*"}),
            expected,
        );
    }
}

#[test]
fn fixed_values_pin() {
    for (key, value) in [
        ("aws:PrincipalOrgID", "o-own"),
        ("aws:PrincipalAccount", OTHER),
        ("aws:PrincipalArn", "arn:aws:iam::444455556666:role/r"),
        ("aws:SourceArn", "arn:aws:sns:eu-west-1:444455556666:t"),
        ("aws:SourceArn", "arn:aws:s3:::other"),
        ("aws:SourceVpc", "vpc-1"),
        ("aws:SourceVpce", "vpce-1"),
        ("aws:SourceAccount", OTHER),
        ("aws:SourceOwner", OTHER),
        ("AWS:SourceOwner", OTHER),
        ("aws:userid", "AIDACKCEVSQ6C2EXAMPLE"),
        (
            "s3:DataAccessPointArn",
            "arn:aws:s3:eu-west-1:444455556666:accesspoint/a",
        ),
        ("s3:DataAccessPointAccount", OTHER),
        ("kms:CallerAccount", OTHER),
        ("aws:PrincipalOrgID", "${aws:ResourceOrgID}"),
        ("aws:PrincipalAccount", "${aws:ResourceAccount}"),
    ] {
        expect(open_if(json!({"StringEquals": {key: value}})), false);
        expect(open_if(json!({"StringLike": {key: [value]}})), false);
        // Not one of these guards anything when the request may lack the key, or in the negative.
        expect(open_if(json!({"StringEqualsIfExists": {key: value}})), true);
        expect(
            open_if(json!({"ForAllValues:StringEquals": {key: value}})),
            true,
        );
        expect(open_if(json!({"StringNotEquals": {key: value}})), true);
        expect(open_if(json!({"Null": {key: "false"}})), true);
        // One fixed value beside an open one is open.
        expect(open_if(json!({"StringLike": {key: [value, "*"]}})), true);
    }
    expect(
        open_if(json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-own/*"}})),
        false,
    );
    expect(
        open_if(json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-*"}})),
        true,
    );
}

#[test]
fn open_values_do_not_pin() {
    for condition in [
        json!({"StringLike": {"aws:PrincipalOrgID": "o-*"}}),
        json!({"StringLike": {"aws:SourceVpce": "vpce-*"}}),
        json!({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}}),
        json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}}),
        json!({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}}),
        json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::logs-*"}}),
        json!({"StringLike": {"aws:userid": "AROACKCEVSQ6C2EXAMPLE:*"}}),
        json!({"StringLike": {"s3:DataAccessPointArn": "arn:aws:s3:*:*:accesspoint/*"}}),
        json!({"StringEquals": {"aws:SourceAccount": "${aws:PrincipalAccount}"}}),
        json!({"StringEquals": {"aws:userid": "${aws:userid}"}}),
        json!({"Bool": {"aws:SecureTransport": "true"}}),
        json!({"StringEquals": {"aws:PrincipalTag/team": "red"}}),
        json!({"StringEquals": {"aws:username": "ann"}}),
        json!({"StringLike": {"aws:Referer": "https://example.com/*"}}),
        json!({"StringEquals": {"aws:UserAgent": "secret"}}),
        json!({"StringEquals": {"s3:prefix": "public/"}}),
        json!({"StringEquals": {"s3:ExistingObjectTag/public": "yes"}}),
        json!({"NumericGreaterThanEquals": {"s3:TlsVersion": "1.2"}}),
        json!({"NumericLessThan": {"s3:signatureAge": 600000}}),
        json!({"Bool": {"aws:MultiFactorAuthPresent": true}}),
        json!({"Null": {"aws:SourceVpce": true}}),
        json!({}),
    ] {
        expect(open_if(condition), true);
    }
}

#[test]
fn wildcards_within_one_account_pin() {
    for condition in [
        json!({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:444455556666:*"}}),
        json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:bucket-name"}}),
        json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/*"}}),
        json!({"StringLike": {"s3:DataAccessPointArn": "arn:aws:s3:*:444455556666:accesspoint/*"}}),
    ] {
        expect(open_if(condition), false);
    }
}

#[test]
fn conditions_that_never_hold_admit_nobody() {
    expect(
        open_if(json!({"StringEquals": {"aws:SourceVpce": "vpce-*"}})),
        false,
    );
    expect(
        open_if(json!({"StringEquals": {"aws:username": []}})),
        false,
    );
    expect(
        open_if(json!({"Bool": {"aws:PrincipalIsAWSService": "true"}})),
        false,
    );
    expect(
        open_if(json!({"StringEquals": {"s3:prefix": "a"}, "StringNotEquals": {"s3:prefix": "a"}})),
        false,
    );
}

#[test]
fn addresses() {
    for (blocks, expected) in [
        (json!("0.0.0.0/0"), true),
        (json!("::/0"), true),
        (json!(["203.0.113.0/24", "0.0.0.0/0"]), true),
        (json!(["0.0.0.0/1", "128.0.0.0/1"]), true),
        (json!("64.0.0.0/7"), true),
        (json!("64.0.0.0/8"), false),
        (json!("203.0.113.0/24"), false),
        (json!("203.0.113.7"), false),
        (json!("10.0.0.0/8"), false),
        (json!("172.16.0.0/12"), false),
        (json!("2001:d00::/31"), true),
        (json!("2001:d00::/32"), false),
        (json!("fc00::/7"), false),
    ] {
        expect(
            open_if(json!({"IpAddress": {"aws:SourceIp": blocks}})),
            expected,
        );
    }
    let many: Vec<String> = (1..=223).map(|n| format!("{n}.0.0.0/8")).collect();
    expect(open_if(json!({"IpAddress": {"aws:SourceIp": many}})), true);
    expect(
        open_if(json!({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}})),
        true,
    );
    expect(
        open_if(json!({"IpAddressIfExists": {"aws:SourceIp": "203.0.113.0/24"}})),
        true,
    );
    undecided(open_if(
        json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/99"}}),
    ));
}

#[test]
fn keys_are_joined_by_and() {
    expect(
        open_if(
            json!({"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:PrincipalOrgID": "o-own"}}),
        ),
        false,
    );
    // What is not understood cannot open what something else shuts.
    expect(
        open_if(
            json!({"StringMatches": {"x": "y"}, "StringEquals": {"aws:PrincipalOrgID": "o-own"}}),
        ),
        false,
    );
}

#[test]
fn what_is_not_understood_is_undecided() {
    undecided(open_if(
        json!({"StringMatches": {"aws:PrincipalOrgID": "o-own"}}),
    ));
    undecided(open_if(json!({"StringEquals": {"aws:BrandNewKey": "x"}})));
    undecided(open_if(json!({"StringEquals": {"newservice:Key": "x"}})));
    undecided(
        json!({"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*", "Extra": 1}),
    );
    undecided(json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}));
    // Something else decides.
    expect(
        json!([
            open_if(json!({"StringMatches": {"a": "b"}})),
            allow(json!("*"))
        ]),
        true,
    );
    // A deny that is not understood may shut out, and cannot let in.
    let odd =
        json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Extra": 1});
    undecided(json!([allow(json!("*")), odd]));
    expect(json!([allow(json!({"AWS": OTHER})), odd]), false);
}

#[test]
fn time() {
    let until = open_if(json!({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}));
    undecided(until.clone());
    for (now, expected) in [(1_500_000_000, true), (1_600_000_000, false)] {
        let context = ResourceContext {
            now: Some(now),
            ..bucket()
        };
        assert_eq!(
            is_public(&parse(&document(&until)), &context),
            Tri::from(expected)
        );
    }
}

fn deny(more: Value) -> Value {
    let mut statement = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]});
    for (key, value) in more.as_object().into_iter().flatten() {
        statement[key] = value.clone();
        if let Some(plain) = key.strip_prefix("Not") {
            statement.as_object_mut().map(|o| o.remove(plain));
        }
    }
    statement
}

#[test]
fn denials() {
    for (more, expected) in [
        (json!({}), false),
        (json!({"Principal": {"AWS": "*"}}), false),
        (json!({"Action": "*", "Resource": "*"}), false),
        (json!({"Resource": "arn:aws:s3:::b/*"}), false),
        (json!({"Resource": "arn:aws:s3:::b"}), true),
        (json!({"Resource": "arn:aws:s3:::b/private/*"}), true),
        (json!({"Action": "S3:getobject"}), false),
        (json!({"Action": "s3:Get*"}), false),
        (json!({"Action": "s3:PutObject"}), true),
        (json!({"Principal": {"AWS": OTHER}}), true),
        (json!({"NotPrincipal": {"AWS": OWN}}), false),
        (json!({"NotPrincipal": "*"}), true),
        (json!({"NotAction": "s3:PutObject"}), false),
        (json!({"NotAction": "s3:GetObject"}), true),
        (json!({"NotResource": "arn:aws:s3:::b/public/*"}), true),
        (json!({"NotResource": "arn:aws:s3:::other/*"}), false),
        // Conditions: what a stranger cannot bring about, and what he can.
        (
            json!({"Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-own"}}}),
            false,
        ),
        (
            json!({"Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-own"}}}),
            false,
        ),
        (
            json!({"Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}}),
            false,
        ),
        (
            json!({"Condition": {"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24", "10.0.0.0/8"]}}}),
            false,
        ),
        (
            json!({"Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}, "StringNotEquals": {"aws:SourceVpce": "vpce-1"}}}),
            false,
        ),
        (
            json!({"Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/*"}}}),
            false,
        ),
        (
            json!({"Condition": {"NotIpAddress": {"aws:SourceIp": "0.0.0.0/0"}}}),
            true,
        ),
        (
            json!({"Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}),
            true,
        ),
        (
            json!({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}),
            true,
        ),
        (
            json!({"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-own"}}}),
            true,
        ),
        (
            json!({"Condition": {"Null": {"aws:SourceVpce": "true"}}}),
            true,
        ),
        (
            json!({"Condition": {"StringNotEquals": {"aws:UserAgent": "secret"}}}),
            true,
        ),
        // An anonymous request does not carry the key, so this denies signed requests only.
        (
            json!({"Condition": {"Bool": {"aws:PrincipalIsAWSService": "false"}}}),
            true,
        ),
        (
            json!({"Condition": {"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}}),
            false,
        ),
    ] {
        let denial = deny(more);
        expect(json!([allow(json!("*")), denial]), expected);
        expect(json!([denial, allow(json!("*"))]), expected);
    }
    // Together they cover what none covers alone.
    expect(
        json!([
            json!({"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}),
            deny(json!({"Resource": "arn:aws:s3:::b/*"})),
            deny(json!({"Resource": "arn:aws:s3:::b"})),
        ]),
        false,
    );
    expect(
        json!([
            allow(json!("*")),
            deny(json!({"Condition": {"Bool": {"aws:SecureTransport": "false"}}})),
            deny(json!({"Condition": {"Bool": {"aws:SecureTransport": "true"}}})),
        ]),
        false,
    );
    // The allowing statement asks for what the denying one refuses.
    expect(
        json!([
            open_if(json!({"Bool": {"aws:SecureTransport": "false"}})),
            deny(json!({"Condition": {"Bool": {"aws:SecureTransport": "false"}}})),
        ]),
        false,
    );
    expect(json!([deny(json!({}))]), false);
    expect(json!([]), false);
}

#[test]
fn a_broad_allow_survives_a_narrow_deny_only_where_the_deny_ends() {
    let all = json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"});
    expect(json!([all, deny(json!({"Action": "s3:Delete*"}))]), true);
    // Actions of other services mean nothing on a bucket.
    expect(json!([all, deny(json!({"Action": "s3:*"}))]), false);
    expect(
        json!([
            all,
            deny(json!({"NotAction": "s3:GetObject", "Resource": "*"}))
        ]),
        true,
    );
    let not_action =
        json!({"Effect": "Allow", "Principal": "*", "NotAction": "s3:Put*", "Resource": "*"});
    expect(json!([not_action]), true);
    expect(
        json!([not_action, deny(json!({"NotAction": "s3:PutObject"}))]),
        false,
    );
}

#[test]
fn statements_do_not_leak_into_each_other() {
    let pinned =
        open_if(json!({"ArnEquals": {"aws:SourceArn": "arn:aws:sns:eu-west-1:444455556666:t"}}));
    let open = open_if(json!({}));
    for order in [json!([pinned, open]), json!([open, pinned])] {
        expect(order, true);
    }
    let not_action =
        json!({"Effect": "Deny", "Principal": "*", "NotAction": "s3:*", "Resource": "*"});
    expect(json!([not_action, open]), true);
    let found = public_statements(&parse(&document(&json!([pinned, open]))), &bucket());
    assert_eq!(found.complete().unwrap(), ["statement 2 \"Open\""]);
}

#[test]
fn lambda() {
    let context = ResourceContext {
        account: Some(OWN),
        arn: Some("arn:aws:lambda:eu-west-1:111122223333:function:f"),
        service: Some("lambda"),
        ..ResourceContext::default()
    };
    let url = json!({"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl",
        "Resource": "arn:aws:lambda:eu-west-1:111122223333:function:f",
        "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}});
    let invoke = json!({"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction",
        "Resource": "arn:aws:lambda:eu-west-1:111122223333:function:f",
        "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}});
    let policy = parse(&document(&json!([url])));
    assert_eq!(is_public(&policy, &context), Tri::Yes);
    assert_eq!(
        allows_anonymous(&policy, "lambda:invokefunctionURL", &context),
        Tri::Yes
    );
    assert_eq!(
        allows_anonymous(&policy, "lambda:InvokeFunction", &context),
        Tri::No
    );
    let policy = parse(&document(&json!([url, invoke])));
    assert_eq!(
        allows_anonymous(&policy, "lambda:InvokeFunction", &context),
        Tri::Yes
    );
    let policy = parse(&document(
        &json!([{"Effect": "Allow", "Principal": "*", "Action": "lambda:*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-own"}}}]),
    ));
    assert_eq!(
        allows_anonymous(&policy, "lambda:InvokeFunctionUrl", &context),
        Tri::No
    );
    let api = json!({"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "lambda:InvokeFunction",
        "Resource": "arn:aws:lambda:eu-west-1:111122223333:function:f",
        "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:execute-api:eu-west-1:111122223333:abc/*/GET/x"}}});
    let policy = parse(&document(&api));
    assert_eq!(is_public(&policy, &context), Tri::No);
    assert!(
        unpinned_services(&policy, &context)
            .complete()
            .unwrap()
            .is_empty()
    );
    assert!(
        external_accounts(&policy, &context)
            .complete()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn other_spellings_of_the_resource_are_judged_as_written() {
    let context = ResourceContext {
        service: Some("execute-api"),
        arn: Some("arn:aws:apigateway:eu-west-1::/restapis/abc"),
        ..bucket()
    };
    let policy = parse(&document(
        &json!({"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke",
        "Resource": "execute-api:/*"}),
    ));
    assert_eq!(is_public(&policy, &context), Tri::Yes);
    // A wrong guess of the service must not hide a grant either.
    let context = ResourceContext {
        service: Some("apigateway"),
        ..context
    };
    assert_eq!(is_public(&policy, &context), Tri::Yes);
}

#[test]
fn confused_deputies() {
    let service = |condition: Value| {
        json!({"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::b/*", "Condition": condition})
    };
    for (condition, pinned) in [
        (json!({}), false),
        (json!({"StringEquals": {"aws:SourceAccount": OWN}}), true),
        (
            json!({"ArnEquals": {"aws:SourceArn": "arn:aws:sns:eu-west-1:111122223333:t"}}),
            true,
        ),
        (
            json!({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:111122223333:*"}}),
            true,
        ),
        (
            json!({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:t"}}),
            false,
        ),
        (
            json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}}),
            false,
        ),
        (
            json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}, "StringEquals": {"aws:SourceAccount": OWN}}),
            true,
        ),
        (json!({"StringEquals": {"aws:SourceOrgID": "o-own"}}), true),
        (
            json!({"ForAnyValue:StringLike": {"aws:SourceOrgPaths": "o-own/*"}}),
            true,
        ),
        (
            json!({"StringEqualsIfExists": {"aws:SourceAccount": OWN}}),
            false,
        ),
        (
            json!({"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}),
            false,
        ),
        (
            json!({"StringEquals": {"aws:SourceAccount": "${aws:ResourceAccount}"}}),
            true,
        ),
    ] {
        let policy = parse(&document(&service(condition.clone())));
        let expected: &[&str] = if pinned { &[] } else { &["sns.amazonaws.com"] };
        let found = unpinned_services(&policy, &bucket()).complete().unwrap();
        assert_eq!(found, expected, "{condition}");
        assert_eq!(is_public(&policy, &bucket()), Tri::No);
    }
    // A deny elsewhere pins as well.
    let policy = parse(&document(&json!([
        service(json!({})),
        deny(json!({"Condition": {"StringNotEquals": {"aws:SourceAccount": OWN}}})),
    ])));
    assert!(unpinned_services(&policy, &bucket()).items.is_empty());
}

#[test]
fn external() {
    let list = |statements: Value| external_accounts(&parse(&document(&statements)), &bucket());
    for (statements, expected) in [
        (json!([allow(json!({"AWS": OTHER}))]), vec![OTHER]),
        (
            json!([allow(
                json!({"AWS": [format!("arn:aws:iam::{OTHER}:root"), OTHER, OWN]})
            )]),
            vec![OTHER],
        ),
        (
            json!([allow(
                json!({"AWS": format!("arn:aws:iam::{OTHER}:role/r")})
            )]),
            vec![OTHER],
        ),
        (
            json!([allow(
                json!({"AWS": format!("arn:aws:sts::{OTHER}:assumed-role/r/s")})
            )]),
            vec![OTHER],
        ),
        (
            json!([allow(json!({"AWS": format!("arn:aws:iam::{OWN}:root")}))]),
            vec![],
        ),
        (
            json!([open_if(
                json!({"StringEquals": {"aws:PrincipalAccount": [OTHER, OWN]}})
            )]),
            vec![OTHER],
        ),
        (
            json!([open_if(
                json!({"StringEquals": {"aws:SourceAccount": OTHER}})
            )]),
            vec![OTHER],
        ),
        (
            json!([open_if(
                json!({"ArnLike": {"aws:PrincipalArn": format!("arn:aws:iam::{OTHER}:role/*")}})
            )]),
            vec![OTHER],
        ),
        (
            json!([open_if(
                json!({"StringEquals": {"aws:PrincipalOrgID": "o-own"}})
            )]),
            vec![],
        ),
        (
            json!([allow(json!({"AWS": OTHER})), deny(json!({}))]),
            vec![],
        ),
        (
            json!([
                allow(json!({"AWS": OTHER})),
                deny(json!({"Principal": {"AWS": OTHER}}))
            ]),
            vec![],
        ),
        (
            json!([
                allow(json!({"AWS": OTHER})),
                deny(json!({"Condition": {"StringNotEquals": {"aws:PrincipalAccount": OWN}}}))
            ]),
            vec![],
        ),
        (
            json!([
                allow(json!({"AWS": OTHER})),
                deny(json!({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}))
            ]),
            vec![OTHER],
        ),
        (json!([allow(json!("*"))]), vec![]),
        (
            json!([allow(json!({"AWS": "AIDACKCEVSQ6C2EXAMPLE"}))]),
            vec![],
        ),
    ] {
        assert_eq!(
            list(statements.clone()).complete().unwrap(),
            expected,
            "{statements:#}"
        );
    }
    for statements in [
        json!([allow(json!({"CanonicalUser": "79a59df900b9"}))]),
        json!([open_if(
            json!({"StringEquals": {"aws:PrincipalOrgID": "o-theirs"}})
        )]),
        json!([{"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "s3:*", "Resource": "*", "Extra": 1}]),
    ] {
        assert!(
            list(statements.clone()).undecided.is_some(),
            "{statements:#}"
        );
    }
    // What is certain stays beside what is not.
    let both = list(json!([allow(
        json!({"CanonicalUser": "79a5", "AWS": OTHER})
    )]));
    assert_eq!(both.items, [OTHER]);
    assert!(both.undecided.is_some());
    let unknown_owner = external_accounts(
        &parse(&document(&allow(json!({"AWS": OTHER})))),
        &ResourceContext::default(),
    );
    assert!(unknown_owner.complete().is_err());
}

#[test]
fn insecure_transport() {
    let tls = json!({"Bool": {"aws:SecureTransport": "false"}});
    for (statements, expected) in [
        (json!([deny(json!({"Condition": tls}))]), true),
        (
            json!([deny(
                json!({"Condition": {"Bool": {"aws:SecureTransport": false}}})
            )]),
            true,
        ),
        (
            json!([deny(
                json!({"Condition": {"BoolIfExists": {"aws:securetransport": ["false"]}}})
            )]),
            true,
        ),
        (
            json!([deny(
                json!({"Condition": tls, "Action": "*", "Resource": "*"})
            )]),
            true,
        ),
        (
            json!([deny(json!({"Condition": tls, "Principal": {"AWS": "*"}}))]),
            true,
        ),
        (
            json!([deny(
                json!({"Condition": tls, "Resource": "arn:aws:s3:::b*"})
            )]),
            true,
        ),
        (
            json!([
                deny(json!({"Condition": tls, "Resource": "arn:aws:s3:::b"})),
                deny(json!({"Condition": tls, "Resource": "arn:aws:s3:::b/*"}))
            ]),
            true,
        ),
        (json!([deny(json!({}))]), true),
        (
            json!([deny(
                json!({"Condition": tls, "Resource": "arn:aws:s3:::b"})
            )]),
            false,
        ),
        (
            json!([deny(
                json!({"Condition": tls, "Resource": "arn:aws:s3:::b/*"})
            )]),
            false,
        ),
        (
            json!([deny(json!({"Condition": tls, "Action": "s3:GetObject"}))]),
            false,
        ),
        (
            json!([deny(json!({"Condition": tls, "Principal": {"AWS": OTHER}}))]),
            false,
        ),
        (
            json!([deny(
                json!({"Condition": tls, "NotPrincipal": {"AWS": OTHER}})
            )]),
            false,
        ),
        (
            json!([deny(
                json!({"Condition": {"Bool": {"aws:SecureTransport": "true"}}})
            )]),
            false,
        ),
        (
            json!([deny(
                json!({"Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}})
            )]),
            false,
        ),
        (
            json!([deny(
                json!({"Condition": {"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"aws:PrincipalOrgID": "o-own"}}})
            )]),
            false,
        ),
        (
            json!([open_if(json!({"Bool": {"aws:SecureTransport": "true"}}))]),
            false,
        ),
        (json!([]), false),
    ] {
        let policy = parse(&document(&statements));
        assert_eq!(
            denies_insecure_transport(&policy, &bucket()),
            Tri::from(expected),
            "{statements:#}"
        );
        let context = ResourceContext {
            arn: None,
            ..bucket()
        };
        let named = statements.to_string().contains("s3:::b*\"");
        if !named {
            assert_eq!(
                denies_insecure_transport(&policy, &context),
                Tri::from(expected),
                "{statements:#}"
            );
        }
    }
    let odd = json!([deny(json!({"Condition": tls, "Extra": 1}))]);
    assert!(matches!(
        denies_insecure_transport(&parse(&document(&odd)), &bucket()),
        Tri::Unknown(_)
    ));
    let topic = ResourceContext {
        account: Some(OWN),
        arn: Some("arn:aws:sns:eu-west-1:111122223333:t"),
        service: Some("sns"),
        ..ResourceContext::default()
    };
    let publish = json!({"Effect": "Deny", "Principal": "*", "Action": "sns:Publish",
        "Resource": "arn:aws:sns:eu-west-1:111122223333:t", "Condition": tls});
    assert_eq!(
        denies_insecure_transport(&parse(&document(&publish)), &topic),
        Tri::Yes
    );
}

#[test]
fn large_policies_end() {
    // Many keys that a stranger controls, all of them needed at once.
    let keys: serde_json::Map<String, Value> = (0..40)
        .map(|n| (format!("aws:PrincipalTag/{n}"), json!("x")))
        .collect();
    expect(open_if(json!({"StringEquals": keys})), true);
    let mut statements = vec![allow(json!("*"))];
    statements.extend((0..60).map(|n| {
        deny(json!({"Condition": {"StringEquals": {format!("aws:PrincipalTag/{n}"): "x"}}}))
    }));
    expect(json!(statements), true);
    // Many patterns, as in the largest managed policies.
    let actions =
        |verb: &str| -> Vec<String> { (0..800).map(|n| format!("s3:{verb}*{n:03}")).collect() };
    let many =
        json!({"Effect": "Allow", "Principal": "*", "Action": actions("Get"), "Resource": "*"});
    expect(
        json!([
            many,
            deny(json!({"Resource": "*", "Action": actions("Get")[..799]}))
        ]),
        true,
    );
    expect(
        json!([many, deny(json!({"Resource": "*", "Action": "s3:G*"}))]),
        false,
    );
    // A knot that takes too long is undecided, not guessed.
    let mut knot = vec![allow(json!("*"))];
    for n in 0..20 {
        for value in ["true", "false"] {
            knot.push(deny(
                json!({"Condition": {"StringEquals": {format!("aws:PrincipalTag/{n}"): value},
                "Bool": {"aws:SecureTransport": value}}}),
            ));
        }
    }
    let _ = public(json!(knot));
}
