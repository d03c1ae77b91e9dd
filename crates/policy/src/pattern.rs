//! Text with `*` and `?`, and with policy variables, compiled once.

use std::collections::HashSet;

/// What a wildcard is filled with when a sample is needed: text that no author would write, so that
/// only patterns which cover everything in its place match it.
pub(crate) const FRESH: &str = "posture0fresh";

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Char(char),
    One,
    Many,
    Variable {
        key: String,
        default: Option<String>,
    },
}

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    tokens: Vec<Token>,
    /// The same for quick matching, where it has no variables.
    quick: Option<Box<[u8]>>,
}

/// Stand for `*` and `?` in `Pattern::quick`; no UTF-8 has these bytes.
const MANY: u8 = 0xff;
const ONE: u8 = 0xfe;

/// What in a text has a meaning beside its characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Syntax {
    /// `*` and `?` are wildcards.
    pub wildcards: bool,
    /// `${key}` is a policy variable; only documents of version 2012-10-17 have them.
    pub variables: bool,
    /// Letter case does not matter.
    pub ignore_case: bool,
}

/// A pattern whose variables were looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resolved {
    Pattern(Pattern),
    /// A variable has no value and no default: the pattern matches nothing.
    Nothing,
    /// The value of this key is not known.
    Unknown(String),
}

/// What a variable stands for in some request.
pub(crate) enum VariableValue {
    Value(String),
    Absent,
    Unknown,
}

impl Pattern {
    /// Compiles a text.
    pub fn new(text: &str, syntax: Syntax) -> Self {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if syntax.variables
                && let Some((token, after)) = variable(rest)
            {
                tokens.push(token);
                rest = after;
                continue;
            }
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            match c {
                '*' if syntax.wildcards => tokens.push(Token::Many),
                '?' if syntax.wildcards => tokens.push(Token::One),
                c if syntax.ignore_case => tokens.extend(c.to_lowercase().map(Token::Char)),
                c => tokens.push(Token::Char(c)),
            }
        }
        Self::of(text.to_owned(), normalise(tokens))
    }

    fn of(text: String, tokens: Vec<Token>) -> Self {
        let quick = quick(&tokens);
        Self {
            text,
            tokens,
            quick,
        }
    }

    /// An action pattern: wildcards, no variables, letter case ignored.
    pub fn action(text: &str) -> Self {
        Self::new(
            text,
            Syntax {
                wildcards: true,
                variables: false,
                ignore_case: true,
            },
        )
    }

    /// A text that stands for itself.
    pub fn literal(text: &str) -> Self {
        Self::new(text, Syntax::default())
    }

    /// Everything.
    pub fn everything() -> Self {
        Self::of("*".to_owned(), vec![Token::Many])
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it matches every text.
    pub fn is_everything(&self) -> bool {
        matches!(self.tokens.as_slice(), [Token::Many])
    }

    /// Whether it has no wildcard and no variable.
    pub fn is_literal(&self) -> bool {
        self.tokens.iter().all(|t| matches!(t, Token::Char(_)))
    }

    /// Whether it has a policy variable.
    pub fn has_variable(&self) -> bool {
        self.quick.is_none()
    }

    /// Names of the policy variables in it, lower case.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Variable { key, .. } => Some(key.as_str()),
            _ => None,
        })
    }

    /// The text up to the first wildcard or variable.
    pub fn literal_prefix(&self) -> String {
        self.tokens
            .iter()
            .map_while(|token| match token {
                Token::Char(c) => Some(*c),
                _ => None,
            })
            .collect()
    }

    /// Whether a text matches. Variables match nothing here; see [`Pattern::may_match`].
    pub fn matches(&self, text: &str) -> bool {
        match &self.quick {
            Some(pattern) => quick_glob(pattern, text.as_bytes()),
            None => glob(&self.tokens, text, false),
        }
    }

    /// Whether a text matches for some value of the variables.
    pub fn may_match(&self, text: &str) -> bool {
        match &self.quick {
            Some(pattern) => quick_glob(pattern, text.as_bytes()),
            None => glob(&self.tokens, text, true),
        }
    }

    /// Whether every text that `other` matches is matched by this one.
    ///
    /// Sound, not complete: `true` is always right. Variables of `self` are taken to match nothing,
    /// those of `other` to match anything.
    pub fn covers(&self, other: &Self) -> bool {
        let (a, b) = (&self.tokens, &other.tokens);
        let (mut i, mut j) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        loop {
            let step = match (a.get(i), b.get(j)) {
                (None, None) => return true,
                (Some(Token::Many), _) => {
                    retry = Some((i, j));
                    i += 1;
                    continue;
                }
                (Some(Token::One), Some(Token::Char(_) | Token::One)) => true,
                (Some(Token::Char(x)), Some(Token::Char(y))) => x == y,
                _ => false,
            };
            if step {
                i += 1;
                j += 1;
                continue;
            }
            match retry {
                Some((star, from)) if from < b.len() => {
                    retry = Some((star, from + 1));
                    i = star + 1;
                    j = from + 1;
                }
                _ => return false,
            }
        }
    }

    /// A text that both match, with a filler that no author would write where both leave all open.
    pub fn witness(&self, other: &Self) -> Option<String> {
        // Most patterns are plain; only two with wildcards need the search.
        if other.is_literal() {
            let text = other.literal_prefix();
            return self.may_match(&text).then_some(text);
        }
        if self.is_literal() {
            return other.witness(self);
        }
        let (a, b) = (&self.tokens, &other.tokens);
        if ends_differ(a.iter(), b.iter()) || ends_differ(a.iter().rev(), b.iter().rev()) {
            return None;
        }
        // Depth-first over pairs of positions; the first way to the end wins, and each pair is tried
        // once, so the work is bounded by the product of the lengths.
        let mut seen = HashSet::new();
        let mut stack = vec![(0_usize, 0_usize, String::new())];
        while let Some((i, j, text)) = stack.pop() {
            if !seen.insert((i, j)) {
                continue;
            }
            let (x, y) = (a.get(i).map(wide), b.get(j).map(wide));
            let with = |tail: &str| {
                let mut longer = text.clone();
                longer.push_str(tail);
                longer
            };
            match (x, y) {
                (None, None) => return Some(text),
                (Some(Wide::Many), Some(Wide::Many)) => {
                    stack.push((i, j + 1, with(FRESH)));
                    stack.push((i + 1, j, with(FRESH)));
                }
                (Some(Wide::Many), None) => stack.push((i + 1, j, text)),
                (None, Some(Wide::Many)) => stack.push((i, j + 1, text)),
                (Some(Wide::Many), Some(single)) => {
                    stack.push((i, j + 1, with(&single.sample())));
                    stack.push((i + 1, j, text));
                }
                (Some(single), Some(Wide::Many)) => {
                    stack.push((i + 1, j, with(&single.sample())));
                    stack.push((i, j + 1, text));
                }
                (Some(Wide::Char(x)), Some(Wide::Char(y))) if x != y => {}
                (Some(Wide::One), Some(single)) | (Some(single), Some(_)) => {
                    stack.push((i + 1, j + 1, with(&single.sample())));
                }
                (None, Some(_)) | (Some(_), None) => {}
            }
        }
        None
    }

    /// Whether some text matches both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.witness(other).is_some()
    }

    /// A text that it matches.
    pub fn sample(&self) -> String {
        self.witness(&Self::everything()).unwrap_or_default()
    }

    /// Puts values in the place of variables.
    pub(crate) fn resolve(&self, look_up: impl Fn(&str) -> VariableValue) -> Resolved {
        if !self.has_variable() {
            return Resolved::Pattern(self.clone());
        }
        let mut tokens = Vec::with_capacity(self.tokens.len());
        for token in &self.tokens {
            match token {
                Token::Variable { key, default } => match (look_up(key), default) {
                    (VariableValue::Value(value), _) => {
                        tokens.extend(value.chars().map(Token::Char))
                    }
                    (VariableValue::Absent, Some(default)) => {
                        tokens.extend(default.chars().map(Token::Char));
                    }
                    (VariableValue::Absent, None) => return Resolved::Nothing,
                    (VariableValue::Unknown, _) => return Resolved::Unknown(key.clone()),
                },
                token => tokens.push(token.clone()),
            }
        }
        Resolved::Pattern(Self::of(self.text.clone(), tokens))
    }

    /// Splits at the first `count - 1` colons, as ARNs are compared part by part.
    pub(crate) fn split_colons(&self, count: usize) -> Option<Vec<Self>> {
        let mut parts: Vec<Vec<Token>> = vec![Vec::new()];
        for token in &self.tokens {
            if *token == Token::Char(':') && parts.len() < count {
                parts.push(Vec::new());
            } else if let Some(last) = parts.last_mut() {
                last.push(token.clone());
            }
        }
        (parts.len() == count).then(|| {
            parts
                .into_iter()
                .map(|tokens| Self::of(tokens.iter().map(written).collect(), tokens))
                .collect()
        })
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wide {
    Char(char),
    One,
    Many,
}

impl Wide {
    fn sample(self) -> String {
        match self {
            Self::Char(c) => c.to_string(),
            Self::One => "0".to_owned(),
            Self::Many => FRESH.to_owned(),
        }
    }
}

/// Whether two patterns disagree before either leaves anything open.
fn ends_differ<'t>(a: impl Iterator<Item = &'t Token>, b: impl Iterator<Item = &'t Token>) -> bool {
    for (x, y) in a.zip(b) {
        match (x, y) {
            (Token::Char(x), Token::Char(y)) if x == y => {}
            (Token::Char(_), Token::Char(_)) => return true,
            _ => return false,
        }
    }
    false
}

fn wide(token: &Token) -> Wide {
    match token {
        Token::Char(c) => Wide::Char(*c),
        Token::One => Wide::One,
        Token::Many | Token::Variable { .. } => Wide::Many,
    }
}

fn written(token: &Token) -> String {
    match token {
        Token::Char(c) => c.to_string(),
        Token::One => "?".to_owned(),
        Token::Many => "*".to_owned(),
        Token::Variable { key, default: None } => format!("${{{key}}}"),
        Token::Variable {
            key,
            default: Some(default),
        } => format!("${{{key}, '{default}'}}"),
    }
}

/// Runs of wildcards in one order (`?` before one `*`), so that equal patterns look equal.
fn normalise(tokens: Vec<Token>) -> Vec<Token> {
    let mut result: Vec<Token> = Vec::with_capacity(tokens.len());
    for token in tokens {
        match (&token, result.last()) {
            (Token::Many, Some(Token::Many)) => {}
            (Token::One, Some(Token::Many)) => {
                let at = result.len() - 1;
                result.insert(at, Token::One);
            }
            _ => result.push(token),
        }
    }
    result
}

/// `${key}`, `${key, 'default'}`, or one of the escapes `${*}`, `${?}`, `${$}`.
fn variable(text: &str) -> Option<(Token, &str)> {
    let body = text.strip_prefix("${")?;
    let end = body.find('}')?;
    let inside = body.get(..end)?;
    let after = body.get(end + 1..)?;
    let token = match inside {
        "*" | "?" | "$" => Token::Char(inside.chars().next()?),
        _ => {
            let (key, default) = match inside.split_once(',') {
                Some((key, default)) => {
                    let default = default.trim();
                    let default = default
                        .strip_prefix('\'')
                        .and_then(|d| d.strip_suffix('\''))?;
                    (key, Some(default.to_owned()))
                }
                None => (inside, None),
            };
            let key = key.trim();
            if key.is_empty() || key.contains('{') {
                return None;
            }
            Token::Variable {
                key: key.to_lowercase(),
                default,
            }
        }
    };
    Some((token, after))
}

/// The tokens as bytes; none where there are variables.
fn quick(tokens: &[Token]) -> Option<Box<[u8]>> {
    let mut bytes = Vec::with_capacity(tokens.len());
    for token in tokens {
        match token {
            Token::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Token::One => bytes.push(ONE),
            Token::Many => bytes.push(MANY),
            Token::Variable { .. } => return None,
        }
    }
    Some(bytes.into())
}

fn quick_glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut i, mut j) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(i), text.get(j)) {
            (None, None) => return true,
            (Some(&MANY), _) => {
                if i + 1 == pattern.len() {
                    return true;
                }
                retry = Some((i + 1, j));
                i += 1;
                continue;
            }
            (Some(&ONE), Some(_)) => {
                i += 1;
                j += 1;
                // The rest of the character.
                while text.get(j).is_some_and(|byte| byte & 0xc0 == 0x80) {
                    j += 1;
                }
                continue;
            }
            (Some(a), Some(b)) if a == b => {
                i += 1;
                j += 1;
                continue;
            }
            _ => {}
        }
        // The last `*` takes one character more.
        match retry {
            Some((after, from)) if from < text.len() => {
                let mut next = from + 1;
                while text.get(next).is_some_and(|byte| byte & 0xc0 == 0x80) {
                    next += 1;
                }
                retry = Some((after, next));
                i = after;
                j = next;
            }
            _ => return false,
        }
    }
}

fn glob(tokens: &[Token], text: &str, variables_match: bool) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut i, mut j) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let step = match (tokens.get(i), text.get(j)) {
            (None, None) => return true,
            (Some(Token::Many), _) => {
                retry = Some((i, j));
                i += 1;
                continue;
            }
            (Some(Token::Variable { .. }), _) if variables_match => {
                retry = Some((i, j));
                i += 1;
                continue;
            }
            (Some(Token::One), Some(_)) => true,
            (Some(Token::Char(x)), Some(y)) => x == y,
            _ => false,
        };
        if step {
            i += 1;
            j += 1;
            continue;
        }
        match retry {
            Some((star, from)) if from < text.len() => {
                retry = Some((star, from + 1));
                i = star + 1;
                j = from + 1;
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wild(text: &str) -> Pattern {
        Pattern::new(
            text,
            Syntax {
                wildcards: true,
                variables: true,
                ignore_case: false,
            },
        )
    }

    #[test]
    fn matching() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbbd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b", "xxaxxbxab", true),
            ("", "", true),
            ("", "x", false),
            ("${*}x", "*x", true),
            ("${*}x", "yx", false),
        ] {
            assert_eq!(wild(pattern).matches(text), expected, "{pattern} on {text}");
        }
        assert!(Pattern::action("S3:putobject").matches("s3:putobject"));
    }

    #[test]
    fn covering() {
        for (a, b, expected) in [
            ("*", "s3:*", true),
            ("s3:*", "*", false),
            ("s3:*", "s3:Get*", true),
            ("s3:Get*", "s3:GetObject", true),
            ("s3:Get?bject", "s3:Get*", false),
            ("?*", "*?", true),
            ("a*", "a", true),
            ("a*", "${aws:username}", false),
            ("*", "${aws:username}", true),
            ("${aws:username}", "x", false),
        ] {
            assert_eq!(wild(a).covers(&wild(b)), expected, "{a} covers {b}");
        }
    }

    #[test]
    fn witnesses_match_both() {
        for (a, b) in [
            ("s3:*Object", "s3:Get*"),
            ("*", "*"),
            ("a?*c", "*bc"),
            ("*:iam::*", "arn:aws:iam::1:role/*"),
        ] {
            let text = wild(a).witness(&wild(b)).unwrap();
            assert!(wild(a).matches(&text) && wild(b).matches(&text), "{text}");
        }
        assert_eq!(wild("a*").witness(&wild("b*")), None);
        assert_eq!(wild("a?").witness(&wild("a")), None);
    }

    #[test]
    fn variables_resolve_with_defaults() {
        let pattern = wild("home/${aws:PrincipalTag/team, 'none'}/*");
        assert_eq!(
            pattern.variables().collect::<Vec<_>>(),
            ["aws:principaltag/team"]
        );
        let Resolved::Pattern(absent) = pattern.resolve(|_| VariableValue::Absent) else {
            panic!("has a default");
        };
        assert!(absent.matches("home/none/x"));
        let Resolved::Pattern(tricky) = pattern.resolve(|_| VariableValue::Value("*".into()))
        else {
            panic!("has a value");
        };
        // A value that holds a wildcard stands for that character only.
        assert!(!tricky.matches("home/other/x"));
        assert_eq!(
            wild("${aws:username}").resolve(|_| VariableValue::Absent),
            Resolved::Nothing
        );
    }
}
