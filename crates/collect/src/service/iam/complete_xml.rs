//! Refuses answers whose XML is not whole.
//!
//! The SDK's XML decoder takes the end of a document for the end of every element that is still open.
//! An answer that was cut would be read as a shorter one: fewer roles, no permission boundary, no MFA
//! device. Nothing in the decoded output tells the two apart, so the text itself is looked at.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Interceptor for services that answer in XML.
#[derive(Debug)]
pub(super) struct CompleteXml;

#[derive(Debug, thiserror::Error)]
#[error("the answer is not a whole XML document")]
struct Incomplete;

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for CompleteXml {
    fn name(&self) -> &'static str {
        "posture-complete-xml"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if context.output_or_error().is_err() {
            return Ok(());
        }
        let whole = context
            .response()
            .body()
            .bytes()
            .and_then(|body| std::str::from_utf8(body).ok())
            .is_some_and(|text| text.trim().is_empty() || is_whole(text));
        if whole {
            Ok(())
        } else {
            Err(Incomplete.into())
        }
    }
}

/// Whether every element that is opened is closed, and nothing is left over. Beyond that it trusts the
/// decoder.
fn is_whole(text: &str) -> bool {
    // A raw control character ends the decoder's work as silently as the end of the text does.
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
    {
        return false;
    }
    let mut open: Vec<&str> = Vec::new();
    let mut roots = 0;
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = rest.get(at..).unwrap_or_default();
        let special = [("<?", "?>"), ("<!--", "-->"), ("<![CDATA[", "]]>")];
        if let Some((start, end)) = special.iter().find(|(start, _)| rest.starts_with(start)) {
            let Some((_, after)) = rest.get(start.len()..).and_then(|s| s.split_once(end)) else {
                return false;
            };
            rest = after;
            continue;
        }
        let Some(end) = end_of_tag(rest) else {
            return false;
        };
        let (tag, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        let tag = tag.get(1..).unwrap_or_default();
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name.trim_end()) {
                return false;
            }
            continue;
        }
        if open.is_empty() {
            roots += 1;
        }
        if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap_or_default());
        }
    }
    open.is_empty() && roots == 1
}

/// Where the tag at the start ends: the first `>` outside quotes.
fn end_of_tag(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in tag.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(c),
            (Some(q), _) if q == c => quote = None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "<?xml version=\"1.0\"?>\n<A xmlns=\"https://x/>\"><!-- < --><B/><C a='>'>text &lt;</C>\
        <D><![CDATA[</A>]]></D></A>\n";

    #[test]
    fn a_whole_document_is_whole() {
        assert!(is_whole(WHOLE));
        assert!(is_whole("<A/>"));
    }

    #[test]
    fn no_beginning_of_one_is() {
        let whole = WHOLE.trim_end();
        for end in 0..whole.len() {
            assert!(!is_whole(&whole[..end]), "{}", &whole[..end]);
        }
    }

    #[test]
    fn nor_what_the_decoder_would_stop_at() {
        for text in ["<A><B></A>", "<A></A><B/>", "<A>\u{1}</A>", "no xml"] {
            assert!(!is_whole(text), "{text:?}");
        }
    }
}
