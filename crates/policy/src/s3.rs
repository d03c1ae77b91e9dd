//! Whether a bucket is public in effect: policy and ACL, as far as block-public-access lets them.

use crate::document::Policy;
use crate::public::{ResourceContext, is_public, public_statements};
use crate::tri::{Tri, Undecided};

/// A fact that may not be configured, or may not have been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input<T> {
    /// Read.
    Known(T),
    /// Not configured.
    Absent,
    /// Could not be read, and why.
    Unread(String),
}

/// The four flags of block-public-access, at one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BlockPublicAccess {
    /// New public ACLs are refused. Says nothing about those in place.
    pub block_public_acls: bool,
    /// Public ACLs have no effect.
    pub ignore_public_acls: bool,
    /// New public policies are refused. Says nothing about the one in place.
    pub block_public_policy: bool,
    /// A public policy admits only the owner's account and services.
    pub restrict_public_buckets: bool,
}

/// One grant of an ACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclGrant {
    /// The grantee: a group's URI, or a canonical user id.
    pub grantee: String,
    /// `READ`, `WRITE`, `READ_ACP`, `WRITE_ACP` or `FULL_CONTROL`.
    pub permission: String,
}

impl AclGrant {
    /// The group, when everybody is in it.
    pub fn public_group(&self) -> Option<&'static str> {
        match self.grantee.rsplit('/').next() {
            Some("AllUsers") => Some("AllUsers"),
            Some("AuthenticatedUsers") => Some("AuthenticatedUsers"),
            _ => None,
        }
    }
}

/// What decides whether a bucket is public.
#[derive(Debug, Clone)]
pub struct Exposure<'a> {
    /// The bucket policy.
    pub policy: Input<&'a Policy>,
    /// The grants of the bucket's ACL.
    pub acl: Input<&'a [AclGrant]>,
    /// Whether object ownership is `BucketOwnerEnforced`, under which ACLs have no effect.
    pub acls_disabled: Input<bool>,
    /// Block-public-access at each level that applies, with the level's name: organization, account,
    /// bucket, access point. The strictest wins, flag by flag.
    pub blocks: Vec<(&'a str, Input<BlockPublicAccess>)>,
}

/// The answer, and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectivePublic {
    /// Whether anyone gets in.
    pub public: Tri,
    /// What lets them in: `policy`, `acl`.
    pub through: Vec<&'static str>,
    /// Why, in a sentence or two.
    pub explanation: String,
}

/// Whether a bucket is public in effect.
pub fn effective_public(exposure: &Exposure<'_>, context: &ResourceContext<'_>) -> EffectivePublic {
    let mut notes = Vec::new();
    let mut through = Vec::new();
    let (policy, policy_note) = through_policy(exposure, context);
    let (acl, acl_note) = through_acl(exposure);
    for (name, answer, note) in [("policy", &policy, policy_note), ("acl", &acl, acl_note)] {
        if answer.is_yes() {
            through.push(name);
        }
        notes.push(note);
    }
    EffectivePublic {
        public: policy.or(acl),
        through,
        explanation: notes.join("; "),
    }
}

fn through_policy(exposure: &Exposure<'_>, context: &ResourceContext<'_>) -> (Tri, String) {
    let (policy_public, labels) = match &exposure.policy {
        Input::Absent => return (Tri::No, "there is no bucket policy".to_owned()),
        Input::Unread(reason) => (
            Tri::opaque(format!("the bucket policy could not be read: {reason}")),
            Vec::new(),
        ),
        Input::Known(policy) => (
            is_public(policy, context),
            public_statements(policy, context).items,
        ),
    };
    let restricted = flag(exposure, |block| block.restrict_public_buckets);
    let note = match (&policy_public, &restricted) {
        (Tri::No, _) => "the bucket policy is not public".to_owned(),
        (_, (Tri::Yes, level)) => format!(
            "{}, but RestrictPublicBuckets of the {level} neutralises it",
            describe(&policy_public, &labels)
        ),
        (_, (Tri::Unknown(reason), _)) => {
            format!("{}; {reason}", describe(&policy_public, &labels))
        }
        (_, (Tri::No, _)) => describe(&policy_public, &labels),
    };
    (policy_public.and(!restricted.0), note)
}

fn describe(public: &Tri, labels: &[String]) -> String {
    match public {
        Tri::Yes => format!("the bucket policy is public by {}", labels.join(", ")),
        Tri::No => "the bucket policy is not public".to_owned(),
        Tri::Unknown(reason) => {
            format!("whether the bucket policy is public is undecided: {reason}")
        }
    }
}

fn through_acl(exposure: &Exposure<'_>) -> (Tri, String) {
    let (acl_public, what) = match &exposure.acl {
        Input::Absent => return (Tri::No, "there is no ACL".to_owned()),
        Input::Unread(reason) => (
            Tri::opaque(format!("the ACL could not be read: {reason}")),
            "the ACL could not be read".to_owned(),
        ),
        Input::Known(grants) => {
            let public: Vec<String> = grants
                .iter()
                .filter_map(|g| Some(format!("{} to {}", g.permission, g.public_group()?)))
                .collect();
            if public.is_empty() {
                return (Tri::No, "the ACL is not public".to_owned());
            }
            (Tri::Yes, format!("the ACL grants {}", public.join(", ")))
        }
    };
    let (ignored, level) = flag(exposure, |block| block.ignore_public_acls);
    let disabled = match &exposure.acls_disabled {
        Input::Known(disabled) => Tri::from(*disabled),
        Input::Absent => Tri::No,
        Input::Unread(reason) => {
            Tri::opaque(format!("object ownership could not be read: {reason}"))
        }
    };
    let note = if disabled.is_yes() {
        format!("{what}, but object ownership disables ACLs")
    } else if ignored.is_yes() {
        format!("{what}, but IgnorePublicAcls of the {level} neutralises it")
    } else {
        match ignored.clone().or(disabled.clone()) {
            Tri::Unknown(reason) => format!("{what}; {reason}"),
            _ => what,
        }
    };
    (acl_public.and(!ignored).and(!disabled), note)
}

/// Whether a flag is on at some level, and at which.
fn flag(exposure: &Exposure<'_>, of: fn(&BlockPublicAccess) -> bool) -> (Tri, String) {
    let mut result = Tri::No;
    for (level, block) in &exposure.blocks {
        let here = match block {
            Input::Known(block) => Tri::from(of(block)),
            Input::Absent => Tri::No,
            Input::Unread(reason) => Tri::Unknown(Undecided::opaque(format!(
                "block-public-access of the {level} could not be read: {reason}"
            ))),
        };
        if here.is_yes() {
            return (Tri::Yes, (*level).to_owned());
        }
        result = result.or(here);
    }
    (result, String::new())
}
