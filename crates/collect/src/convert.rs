//! Small conversions from SDK types that all collectors share.

use posture_model::{Collected, PolicyDocument, Tags, Timestamp};

use crate::cx::Cx;
use crate::operation::Operation;

/// A moment as the SDK gives it. Values that no calendar holds are dropped.
pub(crate) fn timestamp(moment: Option<&aws_smithy_types::DateTime>) -> Option<Timestamp> {
    moment.and_then(|moment| Timestamp::from_unix(moment.secs()))
}

/// A policy document that came as JSON text. Text that is no JSON leaves a gap: nothing may be
/// concluded from a policy that cannot be read.
pub(crate) fn parse_policy(
    cx: &Cx,
    operation: &'static Operation,
    text: Option<String>,
) -> Collected<PolicyDocument> {
    match text {
        None => Collected::Absent,
        Some(text) => match PolicyDocument::parse(&text) {
            Ok(document) if document.0.is_object() => Collected::Known(document),
            _ => Collected::Unavailable(cx.malformed(operation)),
        },
    }
}

/// The same for answers that AWS gives only where there is a document: one without it is malformed.
pub(crate) fn required_policy(
    cx: &Cx,
    operation: &'static Operation,
    text: Option<String>,
) -> Collected<PolicyDocument> {
    match text {
        None => Collected::Unavailable(cx.malformed(operation)),
        text => parse_policy(cx, operation, text),
    }
}

/// Tags from pairs of key and value; pairs without a key are dropped, a missing value is empty.
pub(crate) fn tag_map(pairs: impl IntoIterator<Item = (Option<String>, Option<String>)>) -> Tags {
    pairs
        .into_iter()
        .filter_map(|(key, value)| Some((key?, value.unwrap_or_default())))
        .collect()
}

/// Enum values as AWS spells them.
pub(crate) fn strings<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    values
        .into_iter()
        .map(|value| value.as_ref().to_owned())
        .collect()
}

/// A flag that AWS leaves out when it is off.
pub(crate) fn flag(value: Option<bool>) -> bool {
    value.unwrap_or_default()
}
