//! The JSON forms of questions: what they take, what they refuse, and where.

use posture_policy::public_question::{TYPES, public};
use posture_policy::question::{QuestionError, evaluate, is_action};
use serde_json::{Value, json};

use crate::authorize::{allow, ask, decide};
use crate::{OTHER, OWN, document};

fn refused(question: &Value) -> QuestionError {
    match evaluate(question) {
        Ok(answer) => panic!("{question} is answered with {answer}"),
        Err(error) => error,
    }
}

#[test]
fn bad_input_is_refused_with_its_place() {
    let full = allow("*", "*");
    for (extra, path, problem) in [
        (json!({"principle": "x"}), "principle", "unknown element"),
        (json!({"principal": null}), "principal", "missing"),
        (json!({"principal": 7}), "principal", "not a string"),
        (
            json!({"principal": "ann"}),
            "principal",
            "names no principal",
        ),
        (
            json!({"principal": "arn:aws:iam::1:user/ann"}),
            "principal",
            "names no principal",
        ),
        (
            json!({"principal": "arn:aws:iam::111122223333:user/*"}),
            "principal",
            "names no principal",
        ),
        (
            json!({"principal": "arn:aws:iam::111122223333:user/"}),
            "principal",
            "names no principal",
        ),
        (
            json!({"principal": "arn:aws:sts::111122223333:assumed-role/app"}),
            "principal",
            "names no principal",
        ),
        (
            json!({"principal": "arn:aws:iam::111122223333:group/g"}),
            "principal",
            "names no principal",
        ),
        (
            json!({"principal": ".amazonaws.com"}),
            "principal",
            "names no principal",
        ),
        (json!({"principal": ""}), "principal", "names no principal"),
        (json!({"action": null}), "action", "missing"),
        (
            json!({"action": ["s3:GetObject"]}),
            "action",
            "not a string",
        ),
        (json!({"action": "s3:Get*"}), "action", "is not one action"),
        (
            json!({"action": "GetObject"}),
            "action",
            "is not one action",
        ),
        (json!({"action": "s3:"}), "action", "is not one action"),
        (json!({"action": ":x"}), "action", "is not one action"),
        (json!({"action": "s3:a:b"}), "action", "is not one action"),
        (
            json!({"action": "s3:GetObjéct"}),
            "action",
            "is not one action",
        ),
        (json!({"resource": 1}), "resource", "not a string"),
        (
            json!({"resource_account": 111_122_223_333_u64}),
            "resource_account",
            "not a string",
        ),
        (
            json!({"identity_policies": [full, 3]}),
            "identity_policies[1].$",
            "not an object",
        ),
        (
            json!({"identity_policies": "{"}),
            "identity_policies.$",
            "not JSON",
        ),
        (
            json!({"identity_policies": [{"Statement": 3}]}),
            "identity_policies[0].Statement",
            "neither an object nor an array",
        ),
        (
            json!({"identity_policies": [{"Version": "2020-01-01", "Statement": []}]}),
            "identity_policies[0].Version",
            "unknown version",
        ),
        (
            json!({"identity_policies": [{"Version": "2012-10-17"}]}),
            "identity_policies[0].Statement",
            "missing",
        ),
        (
            json!({"identity_policies": [{"Statement": [], "Statements": []}]}),
            "identity_policies[0].Statements",
            "unknown element",
        ),
        (
            json!({"session_policies": [null]}),
            "session_policies[0].$",
            "not an object",
        ),
        (
            json!({"permission_boundary": [full]}),
            "permission_boundary.$",
            "not an object",
        ),
        (
            json!({"resource_policy": "nonsense"}),
            "resource_policy.$",
            "not JSON",
        ),
        (json!({"scps": full}), "scps", "not a list of levels"),
        (
            json!({"scps": [[full], [full, true]]}),
            "scps[1][1].$",
            "not an object",
        ),
        (json!({"rcps": "x"}), "rcps", "not a list of levels"),
        (json!({"context": []}), "context", "not an object"),
        (
            json!({"context": {"aws:SourceIp": {"a": 1}}}),
            "context.aws:SourceIp",
            "neither a string nor a number",
        ),
        (
            json!({"context": {"aws:TagKeys": ["a", null]}}),
            "context.aws:TagKeys",
            "neither a string nor a number",
        ),
    ] {
        let question = ask(extra);
        let error = refused(&question);
        assert_eq!(error.path, path, "{question}: {error}");
        assert!(error.problem.contains(problem), "{question}: {error}");
        // In a list the place begins with the number.
        let error = refused(&json!([ask(json!({})), question]));
        assert_eq!(error.path, format!("[1].{path}"));
    }
    for question in [json!(null), json!("x"), json!(1.5), json!(true)] {
        assert_eq!(refused(&question).to_string(), "$: not an object");
        assert_eq!(refused(&json!([question])).path, "[0]");
    }
    assert_eq!(refused(&json!({"": 1})).path, "$");
    let error = refused(&json!({}));
    assert_eq!(error.to_string(), "principal: missing");
    // What somebody else wrote is shown without its control characters.
    let error = refused(&ask(json!({"\u{1b}[31m": 1})));
    assert!(!error.to_string().contains('\u{1b}'), "{error:?}");
}

#[test]
fn many_requests_are_answered_in_their_order() {
    let no = ask(json!({}));
    let yes = ask(json!({"identity_policies": [allow("s3:*", "*")]}));
    let answers = evaluate(&json!([no, yes, no])).expect("they are questions");
    let decisions: Vec<&str> = answers
        .as_array()
        .expect("a list")
        .iter()
        .map(|answer| answer["decision"].as_str().expect("a text"))
        .collect();
    assert_eq!(decisions, ["implicit_deny", "allowed", "implicit_deny"]);
    assert_eq!(evaluate(&json!([])), Ok(json!([])));
}

#[test]
fn documents_come_as_objects_as_text_and_alone() {
    let policy = allow("s3:*", "*");
    let text = policy.to_string();
    for policies in [
        json!([policy]),
        json!([text]),
        json!(policy),
        json!(text),
        json!([{"Statement": []}, text]),
    ] {
        let (decision, _) = decide(&ask(json!({"identity_policies": policies})));
        assert_eq!(decision, "allowed", "{policies}");
    }
    for extra in [
        json!({"identity_policies": null}),
        json!({"identity_policies": []}),
        json!({"identity_policies": [policy], "scps": [[policy], null]}),
    ] {
        let (decision, _) = decide(&ask(extra.clone()));
        assert_eq!(decision, "implicit_deny", "{extra}");
    }
    // A level of one document.
    let (decision, _) = decide(&ask(
        json!({"identity_policies": text, "scps": [policy, text]}),
    ));
    assert_eq!(decision, "allowed");
}

#[test]
fn contexts() {
    let needs = |condition: Value| {
        document(
            &json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}),
        )
    };
    for (condition, context, expected) in [
        (
            json!({"Null": {"aws:MultiFactorAuthAge": true}}),
            json!({"aws:MultiFactorAuthAge": null}),
            "allowed",
        ),
        (
            json!({"Null": {"aws:UserAgent": true}}),
            json!({"aws:UserAgent": null}),
            "allowed",
        ),
        (
            json!({"Null": {"aws:UserAgent": true}}),
            json!({}),
            "unknown",
        ),
        (
            json!({"Null": {"aws:MultiFactorAuthAge": true}}),
            Value::Null,
            "unknown",
        ),
        (
            json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}),
            json!({"aws:TagKeys": ["b", "a", "b"]}),
            "allowed",
        ),
        (
            json!({"ForAnyValue:StringLike": {"aws:TagKeys": "a*"}}),
            json!({"AWS:TAGKEYS": ["x", "ab"]}),
            "allowed",
        ),
        (
            json!({"NumericGreaterThan": {"s3:max-keys": 9}}),
            json!({"s3:max-keys": 10}),
            "allowed",
        ),
        (
            json!({"NumericGreaterThan": {"s3:max-keys": 9}}),
            json!({"s3:max-keys": "10"}),
            "allowed",
        ),
        (
            json!({"Bool": {"aws:ViaAWSService": "false"}}),
            json!({"aws:ViaAWSService": false}),
            "allowed",
        ),
        // What is given goes before what follows from the principal.
        (
            json!({"StringEquals": {"aws:username": "bob"}}),
            json!({"aws:username": "bob"}),
            "allowed",
        ),
        (
            json!({"StringEquals": {"aws:PrincipalType": "User"}}),
            json!({}),
            "allowed",
        ),
        (
            json!({"Bool": {"aws:PrincipalIsAWSService": "false"}}),
            json!({}),
            "allowed",
        ),
    ] {
        let (decision, reasons) = decide(&ask(
            json!({"identity_policies": [needs(condition.clone())], "context": context}),
        ));
        assert_eq!(decision, expected, "{condition} on {context}: {reasons}");
    }
    // Left out altogether it is as if it were null.
    let mut question = ask(json!({"identity_policies": [needs(json!({"Null": {"aws:x": true}}))]}));
    question
        .as_object_mut()
        .expect("an object")
        .remove("context");
    assert_eq!(decide(&question).0, "unknown");
}

#[test]
fn actions_are_spelled_out() {
    for action in ["s3:GetObject", "S3:x", "sso-directory:a_b", "ec2:1"] {
        assert!(is_action(action), "{action}");
    }
    for action in ["", "s3", "s3:", ":a", "s3:*", "s3:a?", "s3:a b", "s3:${a}"] {
        assert!(!is_action(action), "{action}");
    }
}

const ALL: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const SIGNED: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

fn grant(uri: &str) -> Value {
    json!({"Grantee": {"Type": "Group", "URI": uri}, "Permission": "READ"})
}

fn open(principal: Value, condition: Value) -> Value {
    document(
        &json!({"Sid": "Open", "Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": "*", "Condition": condition}),
    )
}

#[test]
fn public_policies() {
    let everyone = || json!("*");
    let no_action = json!({"Effect": "Allow", "Principal": {"AWS": OTHER}, "NotAction": "s3:Put*", "Resource": "*"});
    let one =
        json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"});
    let pinned = json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*",
        "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:111122223333:t"}}});
    let lambda = document(&json!([
        {"Effect": "Allow", "Principal": "*", "Action": ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"], "Resource": "*",
         "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}},
    ]));
    for (what, kind, policy, expected) in [
        ("*", "s3", open(everyone(), json!({})), json!(true)),
        (
            "AWS *",
            "s3",
            open(json!({"AWS": "*"}), json!({})),
            json!(true),
        ),
        (
            "a statement that is an object",
            "sqs",
            document(&one),
            json!(true),
        ),
        (
            "a NotAction statement, then a public one",
            "s3",
            document(&json!([no_action, one])),
            json!(true),
        ),
        (
            "deny for everybody",
            "s3",
            document(&json!({"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"})),
            json!(false),
        ),
        (
            "one organization",
            "s3",
            open(
                everyone(),
                json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
            ),
            json!(false),
        ),
        (
            "all but one organization",
            "s3",
            open(
                everyone(),
                json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}),
            ),
            json!(true),
        ),
        (
            "any address",
            "s3",
            open(
                everyone(),
                json!({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}),
            ),
            json!(true),
        ),
        (
            "two halves of all addresses",
            "s3",
            open(
                everyone(),
                json!({"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}}),
            ),
            json!(true),
        ),
        (
            "an office",
            "s3",
            open(
                everyone(),
                json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
            ),
            json!(false),
        ),
        (
            "a function URL without authorization",
            "lambda",
            lambda,
            json!(true),
        ),
        (
            "a pinned statement before an open one",
            "sns",
            document(&json!([pinned, one])),
            json!(true),
        ),
        (
            "an open statement before a pinned one",
            "sns",
            document(&json!([one, pinned])),
            json!(true),
        ),
        (
            "a pinned one alone",
            "sns",
            document(&json!([pinned])),
            json!(false),
        ),
        (
            "IfExists guards nothing",
            "s3",
            open(
                everyone(),
                json!({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}),
            ),
            json!(true),
        ),
        (
            "one account",
            "s3",
            open(json!({"AWS": OTHER}), json!({})),
            json!(false),
        ),
        (
            "an operator that nobody knows",
            "s3",
            open(everyone(), json!({"StringMatches": {"aws:x": "y"}})),
            json!("unknown"),
        ),
        (
            "a key that nobody knows",
            "s3",
            open(everyone(), json!({"StringEquals": {"aws:BrandNew": "y"}})),
            json!("unknown"),
        ),
        ("no statements", "kms", document(&json!([])), json!(false)),
    ] {
        for input in [
            policy.clone(),
            json!({"policy": policy}),
            json!({"policy": policy.to_string()}),
        ] {
            let answer = public(kind, &input).expect("it is a question");
            assert_eq!(answer["public"], expected, "{what}: {answer}");
            let names = answer["principals"].as_array().expect("a list");
            assert_eq!(
                names.contains(&json!("*")),
                expected == json!(true),
                "{what}: {answer}"
            );
            assert!(
                !answer["reasons"].as_array().expect("a list").is_empty(),
                "{what}: {answer}"
            );
        }
    }
}

#[test]
fn public_names_whom_it_lets_in() {
    let policy = document(&json!([
        {"Effect": "Allow", "Principal": {"AWS": OTHER, "Service": "sns.amazonaws.com"}, "Action": "sqs:*", "Resource": "*"},
    ]));
    let answer = public("sqs", &policy).expect("it is a question");
    assert_eq!(answer["public"], json!(false));
    assert_eq!(answer["principals"], json!([OTHER, "sns.amazonaws.com"]));
    let reasons = answer["reasons"].to_string();
    assert!(
        reasons.contains("sns.amazonaws.com may act for anyone"),
        "{reasons}"
    );
    let answer = public("kms", &json!({})).expect("it is a question");
    assert_eq!(
        answer,
        json!({"public": false, "principals": [], "reasons": ["there is no policy"]})
    );
    for kind in TYPES {
        let everything =
            document(&json!({"Sid": "All", "Effect": "Allow", "Principal": "*", "Action": "*"}));
        let answer = public(kind, &everything).expect("it is a question");
        assert_eq!(answer["public"], json!(true), "{kind}: {answer}");
        assert!(
            answer["reasons"].to_string().contains("All"),
            "{kind}: {answer}"
        );
    }
}

#[test]
fn buckets_in_effect() {
    let policy = || open(json!("*"), json!({}));
    let closed = || open(json!({"AWS": OWN}), json!({}));
    let restrict = || json!({"RestrictPublicBuckets": true});
    let ignore = || json!({"IgnorePublicAcls": true});
    let new_only = || json!({"BlockPublicPolicy": true, "BlockPublicAcls": true});
    let wrapped = |block: Value| json!({"PublicAccessBlockConfiguration": block});
    let odd = || open(json!("*"), json!({"StringMatches": {"aws:x": "y"}}));
    for (what, input, expected) in [
        ("a public policy", json!({"policy": policy()}), json!(true)),
        (
            "restricted by the bucket",
            json!({"policy": policy(), "bucket_block": restrict()}),
            json!(false),
        ),
        (
            "restricted by the account",
            json!({"policy": policy(), "account_block": restrict()}),
            json!(false),
        ),
        (
            "the stricter of the two",
            json!({"policy": policy(), "account_block": {"RestrictPublicBuckets": false}, "bucket_block": restrict()}),
            json!(false),
        ),
        (
            "as AWS answers",
            json!({"policy": policy(), "bucket_block": wrapped(restrict())}),
            json!(false),
        ),
        (
            "in snake case",
            json!({"policy": policy(), "bucket_block": {"restrict_public_buckets": true}}),
            json!(false),
        ),
        (
            "flags about what is new",
            json!({"policy": policy(), "bucket_block": new_only()}),
            json!(true),
        ),
        (
            "the flag for ACLs",
            json!({"policy": policy(), "bucket_block": ignore()}),
            json!(true),
        ),
        (
            "no block",
            json!({"policy": policy(), "bucket_block": null, "account_block": null}),
            json!(true),
        ),
        (
            "a list of grants",
            json!({"acl": [grant(ALL)]}),
            json!(true),
        ),
        (
            "anyone with credentials",
            json!({"acl": [grant(SIGNED)]}),
            json!(true),
        ),
        (
            "log delivery",
            json!({"acl": [grant(DELIVERY)]}),
            json!(false),
        ),
        (
            "an owner",
            json!({"acl": [{"Grantee": {"ID": "79a5", "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]}),
            json!(false),
        ),
        (
            "as GetBucketAcl answers",
            json!({"acl": {"Owner": {"ID": "79a5"}, "Grants": [grant(ALL)]}}),
            json!(true),
        ),
        (
            "flat grants",
            json!({"acl": [{"grantee": ALL, "permission": "WRITE"}]}),
            json!(true),
        ),
        ("no grants", json!({"acl": {"Grants": []}}), json!(false)),
        ("private", json!({"acl": "private"}), json!(false)),
        ("public-read", json!({"acl": "public-read"}), json!(true)),
        (
            "public-read-write",
            json!({"acl": "public-read-write"}),
            json!(true),
        ),
        (
            "authenticated-read",
            json!({"acl": "authenticated-read"}),
            json!(true),
        ),
        (
            "bucket-owner-full-control",
            json!({"acl": "bucket-owner-full-control"}),
            json!(false),
        ),
        (
            "log-delivery-write",
            json!({"acl": "log-delivery-write"}),
            json!(false),
        ),
        (
            "an ACL that is ignored",
            json!({"acl": "public-read", "bucket_block": ignore()}),
            json!(false),
        ),
        (
            "ignored by the account",
            json!({"acl": "public-read", "account_block": wrapped(ignore())}),
            json!(false),
        ),
        (
            "the flag for policies",
            json!({"acl": "public-read", "bucket_block": restrict()}),
            json!(true),
        ),
        (
            "flags about what is new, on an ACL",
            json!({"acl": "public-read", "bucket_block": new_only()}),
            json!(true),
        ),
        (
            "ACLs that are disabled",
            json!({"acl": "public-read", "object_ownership": "BucketOwnerEnforced"}),
            json!(false),
        ),
        (
            "ACLs that are not",
            json!({"acl": "public-read", "object_ownership": "ObjectWriter"}),
            json!(true),
        ),
        (
            "a closed policy and an open ACL",
            json!({"policy": closed(), "acl": "public-read"}),
            json!(true),
        ),
        (
            "an open policy and a closed ACL",
            json!({"policy": policy(), "acl": "private"}),
            json!(true),
        ),
        (
            "each shut by its flag",
            json!({"policy": policy(), "acl": "public-read", "bucket_block": ignore(), "account_block": restrict()}),
            json!(false),
        ),
        ("nothing", json!({}), json!(false)),
        (
            "a policy that is not understood",
            json!({"policy": odd()}),
            json!("unknown"),
        ),
        (
            "the same, restricted",
            json!({"policy": odd(), "bucket_block": restrict()}),
            json!(false),
        ),
        (
            "the same, beside an open ACL",
            json!({"policy": odd(), "acl": "public-read"}),
            json!(true),
        ),
    ] {
        let answer = public("s3", &input).expect("it is a question");
        assert_eq!(answer["public"], expected, "{what}: {answer}");
        let names = answer["principals"].as_array().expect("a list");
        assert_eq!(
            names.contains(&json!("*")),
            expected == json!(true),
            "{what}: {answer}"
        );
    }
    // A neutralised policy says why it is none.
    let answer = public(
        "s3",
        &json!({"policy": policy(), "account_block": restrict()}),
    )
    .expect("a question");
    let reasons = answer["reasons"].to_string();
    assert!(
        reasons.contains("RestrictPublicBuckets of the account neutralises"),
        "{reasons}"
    );
}

#[test]
fn public_refuses_what_it_cannot_read() {
    for (kind, input, path) in [
        ("s3", json!("*"), "$"),
        ("s3", json!([]), "$"),
        ("s3", json!({"police": {}}), "police"),
        ("s3", json!({"": {}}), "$"),
        ("s3", json!({"": {}, "Statement": []}), "$"),
        ("sqs", json!({"policy": null, "acl": "private"}), "acl"),
        ("s3", json!({"policy": 3}), "policy.$"),
        ("s3", json!({"policy": "{"}), "policy.$"),
        (
            "s3",
            json!({"policy": {"Statement": 3}}),
            "policy.Statement",
        ),
        ("s3", json!({"Statement": 3}), "Statement"),
        ("s3", json!({"Statement": [], "Extra": 1}), "Extra"),
        ("s3", json!({"acl": "mine"}), "acl"),
        ("s3", json!({"acl": 3}), "acl"),
        ("s3", json!({"acl": {"Owner": {}}}), "acl"),
        ("s3", json!({"acl": [grant(ALL), 3]}), "acl[1]"),
        ("s3", json!({"acl": [{"Permission": "READ"}]}), "acl[0]"),
        ("s3", json!({"acl": [{"Grantee": {"URI": ALL}}]}), "acl[0]"),
        ("s3", json!({"bucket_block": true}), "bucket_block"),
        (
            "s3",
            json!({"bucket_block": {"RestrictPublicBuckets": "yes"}}),
            "bucket_block",
        ),
        (
            "s3",
            json!({"bucket_block": {"Restrict": true}}),
            "bucket_block",
        ),
        (
            "s3",
            json!({"account_block": {"PublicAccessBlockConfiguration": 1}}),
            "account_block",
        ),
        ("s3", json!({"object_ownership": true}), "object_ownership"),
    ] {
        match public(kind, &input) {
            Ok(answer) => panic!("{input} is answered with {answer}"),
            Err(error) => assert_eq!(error.path, path, "{input}: {error}"),
        }
    }
}
