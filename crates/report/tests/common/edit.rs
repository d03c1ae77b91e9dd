//! Changes to the evaluation that tests share.

use posture_engine::{Evaluation, Finding};

/// Changes the findings of an evaluation.
pub(crate) fn edit(evaluation: &mut Evaluation, change: impl FnOnce(&mut Vec<Finding>)) {
    let mut findings = evaluation.findings.to_vec().unwrap();
    change(&mut findings);
    evaluation.findings = findings.into();
}
