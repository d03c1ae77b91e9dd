//! Arbitrary text as a policy document: whatever can be read can be judged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posture_policy::{Policy, ResourceContext, is_public, shared_with};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(policy) = Policy::parse_text(text) else {
        return;
    };
    for statement in &policy.statements {
        let label = statement.label();
        assert!(!label.chars().any(char::is_control), "{label:?}");
    }
    let context = ResourceContext {
        account: Some("111122223333"),
        arn: Some("arn:aws:s3:::b"),
        service: Some("s3"),
        ..ResourceContext::default()
    };
    let public = is_public(&policy, &context);
    let shared = shared_with(&policy, &context);
    assert_eq!(public, shared.everyone);
    assert_eq!(
        public.is_yes(),
        shared.names().iter().any(|name| name == "*")
    );
});
