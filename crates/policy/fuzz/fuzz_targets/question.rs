//! Arbitrary JSON as a question: it is answered or refused with a place, and nothing else.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posture_policy::public_question::{TYPES, public};
use posture_policy::question::evaluate;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let Ok(question) = serde_json::from_slice::<Value>(rest) else {
        return;
    };
    match evaluate(&question) {
        Ok(Value::Array(answers)) => answers.iter().for_each(decided),
        Ok(answer) => decided(&answer),
        Err(error) => assert!(!error.path.is_empty()),
    }
    // The first byte picks a type of resource.
    let kind = TYPES[usize::from(*first) % TYPES.len()];
    match public(kind, &question) {
        Ok(answer) => {
            let answer = &answer["public"];
            assert!(answer.is_boolean() || answer == "unknown", "{answer}");
        }
        Err(error) => assert!(!error.path.is_empty()),
    }
});

fn decided(answer: &Value) {
    let decision = answer["decision"].as_str().unwrap_or_default();
    assert!(
        ["allowed", "explicit_deny", "implicit_deny", "unknown"].contains(&decision),
        "{answer}"
    );
    assert!(answer["reasons"].is_array(), "{answer}");
}
