//! What a request asks for, wherever its protocol puts it: path, query, form or JSON.

use serde_json::Value;

use crate::dice::{fold, mix};

/// The parameters of a call, by the names that AWS gives them.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Parameters {
    pairs: Vec<(String, String)>,
    body: Value,
}

impl Parameters {
    pub(crate) fn new(pairs: Vec<(String, String)>, body: Value) -> Self {
        Self { pairs, body }
    }

    /// A text; an empty one is none.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let pair = self
            .pairs
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str());
        pair.or_else(|| self.body.get(name)?.as_str())
            .filter(|text| !text.is_empty())
    }

    /// A number, as text or as JSON has it.
    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        match self.text(name) {
            Some(text) => text.parse().ok(),
            None => usize::try_from(self.body.get(name)?.as_u64()?).ok(),
        }
    }

    /// A list: `Name.1` (EC2), `Name.member.1` (query) or a JSON array of texts.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        let numbered = self.pairs.iter().filter_map(|(known, value)| {
            let rest = known.strip_prefix(name)?.strip_prefix('.')?;
            let number = rest.strip_prefix("member.").unwrap_or(rest);
            number.parse::<u32>().is_ok().then_some(value.as_str())
        });
        let array = self.body.get(name).and_then(Value::as_array);
        numbered
            .chain(array.into_iter().flatten().filter_map(Value::as_str))
            .collect()
    }

    /// A value of the JSON body.
    pub(crate) fn json(&self, name: &str) -> Option<&Value> {
        self.body.get(name)
    }

    /// Names that begin with this, without what follows the next dot: `Filter.1` of `Filter.1.Name`.
    pub(crate) fn begins_with(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .filter(move |(name, _)| name.starts_with(prefix))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A number that equal parameters share, in whatever order they came.
    pub(crate) fn fingerprint(&self, except: &[&str]) -> u64 {
        let mut sum = 0_u64;
        for (name, value) in &self.pairs {
            if !except.contains(&name.as_str()) {
                sum = sum.wrapping_add(entry(name, value));
            }
        }
        for (name, value) in self.body.as_object().into_iter().flatten() {
            if !except.contains(&name.as_str()) {
                sum = sum.wrapping_add(entry(name, &value.to_string()));
            }
        }
        sum
    }
}

fn entry(name: &str, value: &str) -> u64 {
    mix(fold(mix(fold(1, name.as_bytes())), value.as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(pairs: &[(&str, &str)], body: Value) -> Parameters {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Parameters::new(pairs.collect(), body)
    }

    #[test]
    fn lists_are_read_in_every_form() {
        assert_eq!(
            of(&[("Owner.1", "self")], Value::Null).list("Owner"),
            ["self"]
        );
        assert_eq!(
            of(
                &[("Filter.member.1", "User"), ("Filter.member.2", "Role")],
                Value::Null
            )
            .list("Filter"),
            ["User", "Role"]
        );
        assert_eq!(
            of(&[], json!({"names": ["a", "b"]})).list("names"),
            ["a", "b"]
        );
        assert_eq!(
            of(&[("Filter.1.Name", "x")], Value::Null).list("Filter"),
            [""; 0]
        );
    }

    #[test]
    fn numbers_are_read_as_text_and_as_json() {
        assert_eq!(
            of(&[("MaxItems", "5")], Value::Null).number("MaxItems"),
            Some(5)
        );
        assert_eq!(of(&[], json!({"Limit": 7})).number("Limit"), Some(7));
        assert_eq!(of(&[], json!({"Limit": "x"})).number("Limit"), None);
    }

    #[test]
    fn fingerprints_are_of_what_is_asked() {
        let one = of(&[("A", "1"), ("B", "2")], Value::Null);
        let other = of(&[("B", "2"), ("A", "1"), ("Token", "x")], Value::Null);
        assert_eq!(one.fingerprint(&[]), other.fingerprint(&["Token"]));
        assert_ne!(one.fingerprint(&[]), other.fingerprint(&[]));
        assert_ne!(
            of(&[("A", "2"), ("B", "1")], Value::Null).fingerprint(&[]),
            one.fingerprint(&[])
        );
    }
}
