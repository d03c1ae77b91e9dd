//! Tells a whole XML document from the beginning of one.
//!
//! The SDK's XML decoder takes the end of a text for the end of every element that is still open. An
//! answer that was cut would be read as a shorter one: fewer roles, no permission boundary, no MFA
//! device. Nothing in the decoded output tells the two apart, so the text itself is looked at.

use quick_xml::Reader;
use quick_xml::events::Event;

/// Whether every element that is opened is closed, and nothing is left over.
pub(crate) fn is_whole(text: &str) -> bool {
    // A raw control character ends the decoder's work as silently as the end of the text does.
    if has_control(text) {
        return false;
    }
    let mut reader = Reader::from_str(text);
    let (mut depth, mut roots) = (0_u32, 0_u32);
    loop {
        match reader.read_event() {
            Ok(Event::Start(_)) => {
                roots += u32::from(depth == 0);
                depth += 1;
            }
            // The reader itself refuses an end that has no beginning.
            Ok(Event::End(_)) => depth = depth.saturating_sub(1),
            Ok(Event::Empty(_)) => roots += u32::from(depth == 0),
            Ok(Event::Text(text)) if depth == 0 => {
                if !text.iter().all(u8::is_ascii_whitespace) {
                    return false;
                }
            }
            Ok(Event::Eof) => return depth == 0 && roots == 1,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

/// Whether there is a control character that no document may hold.
fn has_control(text: &str) -> bool {
    // Nearly every answer is settled by looking at its bytes, many at once: the other control characters begin with C2.
    let suspect = |byte: u8| {
        (byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')) || matches!(byte, 0x7f | 0xc2)
    };
    let mut pieces = text.as_bytes().chunks(64);
    pieces.any(|piece| {
        piece
            .iter()
            .fold(false, |found, byte| found | suspect(*byte))
    }) && text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
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
        assert!(is_whole("<A>\t\u{a0}\u{bf}\r\n</A>"));
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
        for text in [
            "<A><B></A>",
            "<A></A><B/>",
            "<A>\u{1}</A>",
            "<A>\u{7f}</A>",
            "<A>\u{85}</A>",
            "no xml",
            "<A/>x",
        ] {
            assert!(!is_whole(text), "{text:?}");
        }
    }
}
