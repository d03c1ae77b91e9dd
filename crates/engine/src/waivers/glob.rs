//! Globs over ARNs.

/// Whether the whole text matches: `*` stands for any run of characters, `?` for one; there is no other
/// magic.
pub(super) fn matches(glob: &str, text: &str) -> bool {
    let (mut glob, mut text) = (glob.as_bytes(), text.as_bytes());
    // The last star and what it has not swallowed: where to go on when what follows does not fit.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        let fits = match (glob, text) {
            ([], []) => return true,
            ([b'*', rest @ ..], _) => {
                star = Some((rest, text));
                glob = rest;
                continue;
            }
            ([b'?', rest @ ..], [_, ..]) => Some((rest, past_character(text))),
            ([a, rest @ ..], [b, after @ ..]) if a == b => Some((rest, after)),
            _ => None,
        };
        (glob, text) = match (fits, star) {
            (Some(next), _) => next,
            (None, Some((rest, left))) if !left.is_empty() => {
                let left = past_character(left);
                star = Some((rest, left));
                (rest, left)
            }
            (None, _) => return false,
        };
    }
}

/// Whether a glob stands for one text alone.
pub(super) fn is_literal(glob: &str) -> bool {
    !glob.contains(['*', '?'])
}

/// The text after its first character.
fn past_character(text: &[u8]) -> &[u8] {
    let more = text.iter().skip(1);
    let length = 1 + more.take_while(|byte| **byte & 0xc0 == 0x80).count();
    text.get(length..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_glob_is_anchored_and_knows_star_and_question_mark() {
        for (glob, text, expected) in [
            ("arn:aws:s3:::logs", "arn:aws:s3:::logs", true),
            ("arn:aws:s3:::logs", "arn:aws:s3:::logs-2", false),
            ("arn:aws:s3:::logs", "xarn:aws:s3:::logs", false),
            ("arn:aws:s3:::log*", "arn:aws:s3:::log", true),
            ("arn:aws:s3:::log*", "arn:aws:s3:::logs/a:b", true),
            ("*", "", true),
            ("*", "arn:aws:s3:::logs", true),
            ("**a**", "bab", true),
            ("?", "", false),
            ("?", "ä", true),
            ("?", "äö", false),
            ("*?", "ä", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*-tmp-*-x", "a-tmp-b-tmp-c-x", true),
            ("*-tmp-*-x", "a-tmp-b-tmp-c-y", false),
            ("a*b*c", "abbbbbc", true),
            ("[a]", "a", false),
            ("A", "a", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(glob, text), expected, "{glob} {text}");
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let text = "a".repeat(2_000);
        assert!(!matches(&("*a".repeat(200) + "b"), &text));
        assert!(matches(&"*a".repeat(200), &text));
    }
}
