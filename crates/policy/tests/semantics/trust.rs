use std::collections::BTreeSet;

use posture_policy::{
    ResourceContext, is_public, trusted_services, trusts_without_external_id, unpinned_federation,
};
use serde_json::{Value, json};

use crate::{OTHER, OWN, document, parse};

fn assume(principal: Value, condition: Value) -> Value {
    document(
        &json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition}),
    )
}

fn role(known: &BTreeSet<String>) -> ResourceContext<'_> {
    ResourceContext {
        account: Some(OWN),
        arn: Some("arn:aws:iam::111122223333:role/r"),
        service: Some("sts"),
        organization: Some("o-own"),
        known_accounts: Some(known),
        others_are_foreign: true,
        ..ResourceContext::default()
    }
}

#[test]
fn third_parties() {
    let known = BTreeSet::from(["777788889999".to_owned()]);
    for (principal, condition, expected) in [
        (json!({"AWS": OTHER}), json!({}), vec![OTHER]),
        (
            json!({"AWS": format!("arn:aws:iam::{OTHER}:role/x")}),
            json!({}),
            vec![OTHER],
        ),
        (
            json!({"AWS": OTHER}),
            json!({"StringEquals": {"sts:ExternalId": "s3cret"}}),
            vec![],
        ),
        (
            json!({"AWS": OTHER}),
            json!({"StringEqualsIfExists": {"sts:ExternalId": "s3cret"}}),
            vec![OTHER],
        ),
        (
            json!({"AWS": OTHER}),
            json!({"StringLike": {"sts:ExternalId": "*"}}),
            vec![OTHER],
        ),
        (
            json!({"AWS": OTHER}),
            json!({"Null": {"sts:ExternalId": "true"}}),
            vec![OTHER],
        ),
        (
            json!({"AWS": OTHER}),
            json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
            vec![OTHER],
        ),
        (json!({"AWS": [OWN, "777788889999"]}), json!({}), vec![]),
        (json!("*"), json!({}), vec!["*"]),
        (
            json!("*"),
            json!({"StringEquals": {"sts:ExternalId": "s3cret"}}),
            vec![],
        ),
        (
            json!("*"),
            json!({"StringEquals": {"aws:PrincipalOrgID": "o-own"}}),
            vec![],
        ),
        (
            json!("*"),
            json!({"StringEquals": {"aws:PrincipalAccount": OTHER}}),
            vec![OTHER],
        ),
        (json!({"Service": "ec2.amazonaws.com"}), json!({}), vec![]),
    ] {
        let found = trusts_without_external_id(
            &parse(&assume(principal.clone(), condition.clone())),
            &role(&known),
        );
        assert_eq!(
            found.complete().unwrap(),
            expected,
            "{principal} {condition}"
        );
    }
    let unknown = ResourceContext {
        others_are_foreign: false,
        ..role(&known)
    };
    let policy = parse(&assume(json!({"AWS": OTHER}), json!({})));
    assert!(
        trusts_without_external_id(&policy, &unknown)
            .complete()
            .is_err()
    );
    let policy = parse(&assume(
        json!({"AWS": OTHER}),
        json!({"StringEquals": {"sts:ExternalId": "x"}}),
    ));
    assert!(
        trusts_without_external_id(&policy, &unknown)
            .complete()
            .unwrap()
            .is_empty()
    );
    // An external id is no identity: it does not make an open role closed.
    let policy = parse(&assume(
        json!("*"),
        json!({"StringEquals": {"sts:ExternalId": "x"}}),
    ));
    assert!(is_public(&policy, &unknown).is_yes());
}

#[test]
fn services() {
    let known = BTreeSet::new();
    let policy = parse(&assume(
        json!({"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]}),
        json!({"StringEquals": {"aws:SourceAccount": OWN}}),
    ));
    assert_eq!(
        trusted_services(&policy, &role(&known)).complete().unwrap(),
        ["ec2.amazonaws.com", "lambda.amazonaws.com"]
    );
    let denied = json!([
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:*"},
        {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}
    ]);
    assert!(
        trusted_services(&parse(&document(&denied)), &role(&known))
            .complete()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn federation() {
    let known = BTreeSet::new();
    let github = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com";
    let (sub, aud) = (
        "token.actions.githubusercontent.com:sub",
        "token.actions.githubusercontent.com:aud",
    );
    let eks = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ABC";
    let cognito = "cognito-identity.amazonaws.com";
    let sts = json!({"StringEquals": {aud: "sts.amazonaws.com"}});
    let with = |mut condition: Value, operator: &str, key: &str, value: Value| {
        condition[operator][key] = value;
        condition
    };
    for (provider, condition, expected) in [
        (
            github,
            json!({}),
            "token.actions.githubusercontent.com: sub, aud",
        ),
        (
            github,
            sts.clone(),
            "token.actions.githubusercontent.com: sub",
        ),
        (
            github,
            with(sts.clone(), "StringLike", sub, json!("repo:acme/app:*")),
            "",
        ),
        (
            github,
            with(sts.clone(), "StringLike", sub, json!("repo:acme/*")),
            "",
        ),
        (
            github,
            with(
                sts.clone(),
                "StringEquals",
                sub,
                json!("repo:acme/app:ref:refs/heads/main"),
            ),
            "",
        ),
        (
            github,
            with(
                sts.clone(),
                "ForAnyValue:StringLike",
                sub,
                json!(["repo:acme/app:*"]),
            ),
            "",
        ),
        (
            github,
            with(
                sts.clone(),
                "ForAllValues:StringLike",
                sub,
                json!(["repo:acme/app:*"]),
            ),
            "token.actions.githubusercontent.com: sub",
        ),
        (
            github,
            with(sts.clone(), "StringLike", sub, json!("*")),
            "token.actions.githubusercontent.com: sub",
        ),
        (
            github,
            with(sts.clone(), "StringLike", sub, json!("repo:*")),
            "token.actions.githubusercontent.com: sub",
        ),
        (
            github,
            with(
                sts.clone(),
                "StringLike",
                sub,
                json!("repo:*/*:ref:refs/heads/main"),
            ),
            "token.actions.githubusercontent.com: sub",
        ),
        (
            github,
            with(sts.clone(), "StringLike", sub, json!("repo:acme*")),
            "token.actions.githubusercontent.com: sub",
        ),
        (
            github,
            with(
                sts.clone(),
                "StringLike",
                sub,
                json!(["repo:acme/app:*", "repo:*"]),
            ),
            "token.actions.githubusercontent.com: sub",
        ),
        (
            github,
            with(sts.clone(), "StringNotEquals", sub, json!("repo:evil/app")),
            "token.actions.githubusercontent.com: sub",
        ),
        (
            github,
            with(json!({}), "StringLike", sub, json!("repo:acme/app:*")),
            "token.actions.githubusercontent.com: aud",
        ),
        (
            github,
            with(
                sts.clone(),
                "StringEquals",
                "token.actions.githubusercontent.com:repository",
                json!("acme/app"),
            ),
            "",
        ),
        (
            eks,
            json!({"StringEquals": {"oidc.eks.eu-west-1.amazonaws.com/id/ABC:sub": "system:serviceaccount:ns:sa", "oidc.eks.eu-west-1.amazonaws.com/id/ABC:aud": "sts.amazonaws.com"}}),
            "",
        ),
        (
            eks,
            json!({"StringLike": {"oidc.eks.eu-west-1.amazonaws.com/id/ABC:sub": "system:serviceaccount:ns:*"}, "StringEquals": {"oidc.eks.eu-west-1.amazonaws.com/id/ABC:aud": "sts.amazonaws.com"}}),
            "",
        ),
        (
            eks,
            json!({"StringLike": {"oidc.eks.eu-west-1.amazonaws.com/id/ABC:sub": "system:serviceaccount:*:*"}, "StringEquals": {"oidc.eks.eu-west-1.amazonaws.com/id/ABC:aud": "sts.amazonaws.com"}}),
            "oidc.eks.eu-west-1.amazonaws.com/id/ABC: sub",
        ),
        (
            cognito,
            json!({}),
            "cognito-identity.amazonaws.com: aud, amr",
        ),
        (
            cognito,
            json!({"StringEquals": {"cognito-identity.amazonaws.com:aud": "eu-west-1:1"}}),
            "cognito-identity.amazonaws.com: amr",
        ),
        (
            cognito,
            json!({"StringEquals": {"cognito-identity.amazonaws.com:aud": "eu-west-1:1"}, "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"}}),
            "",
        ),
        (
            "accounts.google.com",
            json!({"StringEquals": {"accounts.google.com:aud": "app"}}),
            "",
        ),
        ("accounts.google.com", json!({}), "accounts.google.com: aud"),
    ] {
        let policy = parse(&document(
            &json!({"Effect": "Allow", "Principal": {"Federated": provider},
            "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}),
        ));
        let found = unpinned_federation(&policy, &role(&known))
            .complete()
            .unwrap();
        assert_eq!(found.join("|"), expected, "{provider} {condition}");
        assert!(is_public(&policy, &role(&known)).is_no());
    }
    let saml = "arn:aws:iam::111122223333:saml-provider/idp";
    for (condition, open) in [
        (
            json!({"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}),
            false,
        ),
        (json!({}), true),
    ] {
        let policy = parse(&document(
            &json!({"Effect": "Allow", "Principal": {"Federated": saml},
            "Action": "sts:AssumeRoleWithSAML", "Condition": condition}),
        ));
        assert_eq!(
            !unpinned_federation(&policy, &role(&known)).items.is_empty(),
            open
        );
    }
}
