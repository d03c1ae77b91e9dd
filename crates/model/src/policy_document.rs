//! An IAM policy document as AWS returned it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A JSON policy document, kept whole. `policy` gives it meaning; the model only carries it.
///
/// In checks it is a value with member functions (`is_public()`, `allows_anonymous(action)`, ...),
/// which the catalogue offers wherever the schema's format says `iam-policy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PolicyDocument(pub serde_json::Value);

impl PolicyDocument {
    /// Reads the document from JSON text.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }

    /// Reads a document that AWS returned percent-encoded, as IAM does (RFC 3986).
    pub fn parse_percent_encoded(text: &str) -> Result<Self, serde_json::Error> {
        Self::parse(&percent_decode(text))
    }
}

/// Decodes `%XX` sequences; anything that is not one stays as it is, so that decoding text that was
/// never encoded does no harm (JSON itself has no use for `%`outside strings).
fn percent_decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escape = bytes
            .get(at + 1..at + 3)
            .filter(|_| byte == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escape {
            Some(value) => {
                decoded.push(value);
                at += 3;
            }
            None => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

impl JsonSchema for PolicyDocument {
    fn schema_name() -> Cow<'static, str> {
        "PolicyDocument".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "format": "iam-policy"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iam_documents_are_percent_encoded() {
        let document = PolicyDocument::parse_percent_encoded(
            "%7B%22Statement%22%3A%5B%7B%22Sid%22%3A%22%C3%A9%22%7D%5D%7D",
        )
        .unwrap();
        assert_eq!(document.0["Statement"][0]["Sid"], "é");
    }

    #[test]
    fn plain_text_survives() {
        assert_eq!(
            percent_decode("100% {\"a\":\"%zz\"}"),
            "100% {\"a\":\"%zz\"}"
        );
    }
}
