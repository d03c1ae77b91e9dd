use posture_policy::Tri;
use posture_policy::s3::{AclGrant, BlockPublicAccess, Exposure, Input, effective_public};
use serde_json::json;

use crate::{bucket, document, parse};

fn known<T>(value: T) -> Input<T> {
    Input::Known(value)
}

fn unread<T>() -> Input<T> {
    Input::Unread("access denied".to_owned())
}

#[test]
fn effect() {
    let open = parse(&document(
        &json!({"Sid": "Open", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}),
    ));
    let shut = parse(&document(&json!([])));
    let everyone = [AclGrant {
        grantee: "http://acs.amazonaws.com/groups/global/AllUsers".into(),
        permission: "READ".into(),
    }];
    let signed = [AclGrant {
        grantee: "http://acs.amazonaws.com/groups/global/AuthenticatedUsers".into(),
        permission: "READ".into(),
    }];
    let nobody = [AclGrant {
        grantee: "http://acs.amazonaws.com/groups/s3/LogDelivery".into(),
        permission: "WRITE".into(),
    }];
    let none = BlockPublicAccess::default();
    let restrict = BlockPublicAccess {
        restrict_public_buckets: true,
        ..none
    };
    let ignore = BlockPublicAccess {
        ignore_public_acls: true,
        ..none
    };
    let new_only = BlockPublicAccess {
        block_public_acls: true,
        block_public_policy: true,
        ..none
    };
    type Case<'a> = (
        Input<&'a posture_policy::Policy>,
        Input<&'a [AclGrant]>,
        Input<bool>,
        Input<BlockPublicAccess>,
        Input<BlockPublicAccess>,
        Option<bool>,
    );
    let cases: Vec<Case<'_>> = vec![
        (
            known(&open),
            known(&nobody[..]),
            known(false),
            Input::Absent,
            Input::Absent,
            Some(true),
        ),
        (
            known(&open),
            known(&nobody[..]),
            known(false),
            known(restrict),
            Input::Absent,
            Some(false),
        ),
        (
            known(&open),
            known(&nobody[..]),
            known(false),
            Input::Absent,
            known(restrict),
            Some(false),
        ),
        (
            known(&open),
            known(&nobody[..]),
            known(false),
            known(none),
            known(new_only),
            Some(true),
        ),
        (
            known(&open),
            known(&nobody[..]),
            known(false),
            known(ignore),
            known(ignore),
            Some(true),
        ),
        (
            known(&open),
            known(&nobody[..]),
            known(false),
            unread(),
            known(restrict),
            Some(false),
        ),
        (
            known(&open),
            known(&nobody[..]),
            known(false),
            unread(),
            known(none),
            None,
        ),
        (
            known(&shut),
            known(&nobody[..]),
            known(false),
            unread(),
            unread(),
            Some(false),
        ),
        (
            Input::Absent,
            known(&everyone[..]),
            known(false),
            Input::Absent,
            Input::Absent,
            Some(true),
        ),
        (
            Input::Absent,
            known(&signed[..]),
            Input::Absent,
            Input::Absent,
            Input::Absent,
            Some(true),
        ),
        (
            Input::Absent,
            known(&everyone[..]),
            known(true),
            Input::Absent,
            Input::Absent,
            Some(false),
        ),
        (
            Input::Absent,
            known(&everyone[..]),
            unread(),
            Input::Absent,
            Input::Absent,
            None,
        ),
        (
            Input::Absent,
            known(&everyone[..]),
            unread(),
            known(ignore),
            Input::Absent,
            Some(false),
        ),
        (
            Input::Absent,
            known(&everyone[..]),
            known(false),
            known(ignore),
            Input::Absent,
            Some(false),
        ),
        (
            Input::Absent,
            known(&everyone[..]),
            known(false),
            known(restrict),
            known(new_only),
            Some(true),
        ),
        (
            unread(),
            known(&nobody[..]),
            known(false),
            Input::Absent,
            Input::Absent,
            None,
        ),
        (
            unread(),
            known(&everyone[..]),
            known(false),
            Input::Absent,
            Input::Absent,
            Some(true),
        ),
        (
            unread(),
            unread(),
            known(false),
            known(restrict),
            known(ignore),
            Some(false),
        ),
        (unread(), unread(), unread(), unread(), unread(), None),
    ];
    for (policy, acl, acls_disabled, account, bucket_block, expected) in cases {
        let exposure = Exposure {
            policy,
            acl,
            acls_disabled,
            blocks: vec![("account", account), ("bucket", bucket_block)],
        };
        let result = effective_public(&exposure, &bucket());
        match expected {
            Some(expected) => assert_eq!(result.public, Tri::from(expected), "{exposure:?}"),
            None => assert!(matches!(result.public, Tri::Unknown(_)), "{exposure:?}"),
        }
    }
    let result = effective_public(
        &Exposure {
            policy: known(&open),
            acl: Input::Absent,
            acls_disabled: Input::Absent,
            blocks: vec![("account", known(restrict))],
        },
        &bucket(),
    );
    assert_eq!(
        result.explanation,
        "the bucket policy is public by statement 1 \"Open\", but RestrictPublicBuckets of the account neutralises it; there is no ACL"
    );
}
