//! Conditions, evaluated against a request of which only a part may be known.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::document::printable;
use crate::instant;
use crate::pattern::{Pattern, Resolved, Syntax, VariableValue};
use crate::tri::Tri;

/// What is known about one key of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The request does not carry the key.
    Absent,
    /// Its value or values.
    Values(Vec<String>),
    /// Not known.
    Unknown,
}

/// The context of a request. A key that is not set is unknown, not absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    facts: BTreeMap<String, Fact>,
    /// Keys that are not set are absent.
    closed: bool,
    /// So are those that begin like this.
    prefixes: Vec<String>,
}

/// Keys that every request carries.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
const ALWAYS_THERE: [&str; 12] = [
    "aws:currenttime",
    "aws:epochtime",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalisawsservice",
    "aws:principaltype",
    "aws:requestedregion",
    "aws:resourceaccount",
    "aws:securetransport",
    "aws:useragent",
    "aws:userid",
    "aws:viaawsservice",
];

impl Request {
    /// A request of which nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a single value.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.set(key, Fact::Values(vec![value.to_owned()]));
        self
    }

    /// Says that the request does not carry the key.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        self.set(key, Fact::Absent);
        self
    }

    /// Sets what is known about a key; key names ignore case.
    pub fn set(&mut self, key: &str, fact: Fact) {
        self.facts.insert(key.to_lowercase(), fact);
    }

    /// What is known about a key.
    pub fn fact(&self, key: &str) -> &Fact {
        self.fact_lower(&key.to_lowercase())
    }

    /// What is known about a key that is in lower case already.
    pub(crate) fn fact_lower(&self, key: &str) -> &Fact {
        if let Some(fact) = self.facts.get(key) {
            return fact;
        }
        if self.closed && !ALWAYS_THERE.contains(&key)
            || self.prefixes.iter().any(|prefix| key.starts_with(prefix))
        {
            &Fact::Absent
        } else {
            &Fact::Unknown
        }
    }

    /// Says that the request carries no other keys than those that are set, apart from those that AWS
    /// puts into every request: what is not set of them is unknown.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Says that all keys which begin like this, such as `aws:PrincipalTag/`, are set.
    pub fn close_prefix(&mut self, prefix: &str) {
        self.prefixes.push(prefix.to_lowercase());
    }

    pub(crate) fn unset(&mut self, key: &str) {
        self.facts.remove(key);
    }

    pub(crate) fn variable(&self, key: &str) -> VariableValue {
        match self.fact_lower(key) {
            Fact::Absent => VariableValue::Absent,
            Fact::Unknown => VariableValue::Unknown,
            Fact::Values(values) => match values.as_slice() {
                [value] => VariableValue::Value(value.clone()),
                // Multi-valued keys have no meaning as variables.
                _ => VariableValue::Absent,
            },
        }
    }
}

/// How many of the request's values must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// No prefix.
    Single,
    /// `ForAllValues:`.
    All,
    /// `ForAnyValue:`.
    Any,
}

/// What an operator compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `StringEquals` and its kin.
    String {
        /// Letter case does not matter.
        ignore_case: bool,
        /// `StringLike`.
        wildcards: bool,
    },
    /// `Numeric...`.
    Numeric(Order),
    /// `Date...`.
    Date(Order),
    /// `Bool`.
    Bool,
    /// `BinaryEquals`.
    Binary,
    /// `IpAddress`.
    Ip,
    /// `ArnEquals` and `ArnLike`, which are the same.
    Arn,
    /// `Null`.
    Null,
}

/// How two quantities compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Equal.
    Equal,
    /// Less than.
    Less,
    /// Less than or equal.
    LessOrEqual,
    /// Greater than.
    Greater,
    /// Greater than or equal.
    GreaterOrEqual,
}

/// A condition operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    /// How many of the request's values must match.
    pub quantifier: Quantifier,
    /// What is compared.
    pub comparison: Comparison,
    /// A `Not` form.
    pub negated: bool,
    /// Holds when the request lacks the key.
    pub if_exists: bool,
}

impl Operator {
    /// Reads an operator's name; none when AWS documents no such operator.
    pub fn parse(name: &str) -> Option<Self> {
        let (quantifier, base) = if let Some(base) = name.strip_prefix("ForAllValues:") {
            (Quantifier::All, base)
        } else if let Some(base) = name.strip_prefix("ForAnyValue:") {
            (Quantifier::Any, base)
        } else {
            (Quantifier::Single, name)
        };
        let (base, if_exists) = match base.strip_suffix("IfExists") {
            Some(base) => (base, true),
            None => (base, false),
        };
        let string = |ignore_case, wildcards| Comparison::String {
            ignore_case,
            wildcards,
        };
        let (comparison, negated) = match base {
            "StringEquals" => (string(false, false), false),
            "StringNotEquals" => (string(false, false), true),
            "StringEqualsIgnoreCase" => (string(true, false), false),
            "StringNotEqualsIgnoreCase" => (string(true, false), true),
            "StringLike" => (string(false, true), false),
            "StringNotLike" => (string(false, true), true),
            "NumericEquals" => (Comparison::Numeric(Order::Equal), false),
            "NumericNotEquals" => (Comparison::Numeric(Order::Equal), true),
            "NumericLessThan" => (Comparison::Numeric(Order::Less), false),
            "NumericLessThanEquals" => (Comparison::Numeric(Order::LessOrEqual), false),
            "NumericGreaterThan" => (Comparison::Numeric(Order::Greater), false),
            "NumericGreaterThanEquals" => (Comparison::Numeric(Order::GreaterOrEqual), false),
            "DateEquals" => (Comparison::Date(Order::Equal), false),
            "DateNotEquals" => (Comparison::Date(Order::Equal), true),
            "DateLessThan" => (Comparison::Date(Order::Less), false),
            "DateLessThanEquals" => (Comparison::Date(Order::LessOrEqual), false),
            "DateGreaterThan" => (Comparison::Date(Order::Greater), false),
            "DateGreaterThanEquals" => (Comparison::Date(Order::GreaterOrEqual), false),
            "Bool" => (Comparison::Bool, false),
            "BinaryEquals" => (Comparison::Binary, false),
            "IpAddress" => (Comparison::Ip, false),
            "NotIpAddress" => (Comparison::Ip, true),
            "ArnEquals" | "ArnLike" => (Comparison::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Comparison::Arn, true),
            "Null" if !if_exists => (Comparison::Null, false),
            _ => return None,
        };
        Some(Self {
            quantifier,
            comparison,
            negated,
            if_exists,
        })
    }
}

/// A value to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// Text, perhaps with wildcards and variables.
    Text(Pattern),
    /// An ARN, whose six parts are compared one by one.
    Arn {
        /// The whole.
        whole: Pattern,
        /// The parts, when there are six.
        parts: Option<Vec<Pattern>>,
    },
    /// A number.
    Number(Number),
    /// Seconds since 1970.
    Date(Number),
    /// A boolean.
    Bool(bool),
    /// Base64 text without padding.
    Binary(String),
    /// A block of addresses.
    Net(IpNet),
}

/// A finite number, compared by value.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Number(f64);

// Finite by construction, so equality is total.
impl Eq for Number {}

impl Number {
    /// Reads a decimal number.
    pub fn parse(text: &str) -> Option<Self> {
        let value: f64 = text.trim().parse().ok()?;
        value.is_finite().then_some(Self(value))
    }

    /// The value.
    pub fn value(self) -> f64 {
        self.0
    }
}

/// One operator with one key: a line of a `Condition` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The key as written.
    pub key: String,
    /// The values as written; one must match (none, for a negated operator).
    pub values: Vec<String>,
    /// The operator as written.
    pub operator_name: String,
    /// The compiled form, or why it is not understood.
    pub compiled: Result<(Operator, Vec<Operand>), String>,
    key_lower: String,
}

impl Condition {
    /// Compiles a line. `variables` says whether the document's version has policy variables.
    pub fn new(operator_name: &str, key: &str, values: Vec<String>, variables: bool) -> Self {
        Self {
            key: key.to_owned(),
            key_lower: key.to_lowercase(),
            compiled: compile(operator_name, &values, variables),
            operator_name: operator_name.to_owned(),
            values,
        }
    }

    /// The key in lower case.
    pub fn key_lower(&self) -> &str {
        &self.key_lower
    }

    /// Keys that its values refer to as policy variables.
    pub(crate) fn variables(&self) -> Vec<&str> {
        self.compiled.as_ref().map_or_else(
            |_| Vec::new(),
            |(_, operands)| {
                operands
                    .iter()
                    .filter_map(|operand| match operand {
                        Operand::Text(pattern) | Operand::Arn { whole: pattern, .. } => {
                            Some(pattern)
                        }
                        _ => None,
                    })
                    .flat_map(Pattern::variables)
                    .collect()
            },
        )
    }

    /// Whether it holds for a request.
    pub fn evaluate(&self, request: &Request) -> Tri {
        let (operator, operands) = match &self.compiled {
            Ok(compiled) => compiled,
            Err(problem) => return Tri::opaque(problem.clone()),
        };
        let fact = request.fact_lower(&self.key_lower);
        let dependent = || {
            Tri::depends(format!(
                "depends on {} of the request",
                printable(&self.key)
            ))
        };
        if operator.comparison == Comparison::Null {
            let absent = match fact {
                Fact::Unknown => return dependent(),
                Fact::Absent => true,
                Fact::Values(values) => values.is_empty(),
            };
            return Tri::from(operands.contains(&Operand::Bool(absent)));
        }
        match fact {
            Fact::Unknown => dependent(),
            Fact::Absent => Tri::from(self.without_key(*operator)),
            Fact::Values(values) if values.is_empty() => Tri::from(self.without_key(*operator)),
            Fact::Values(values) => {
                let one = |value: &String| {
                    let hit = Tri::any(
                        operands
                            .iter()
                            .map(|operand| matches(operator.comparison, operand, value, request)),
                    );
                    if operator.negated { !hit } else { hit }
                };
                match operator.quantifier {
                    Quantifier::All => Tri::all(values.iter().map(one)),
                    Quantifier::Any => Tri::any(values.iter().map(one)),
                    // AWS leaves a plain operator on several values undefined; a negated one that
                    // holds must hold for each.
                    Quantifier::Single if operator.negated => Tri::all(values.iter().map(one)),
                    Quantifier::Single => Tri::any(values.iter().map(one)),
                }
            }
        }
    }

    fn without_key(&self, operator: Operator) -> bool {
        operator.if_exists
            || match operator.quantifier {
                Quantifier::All => true,
                Quantifier::Any => false,
                Quantifier::Single => operator.negated,
            }
    }
}

/// Whether all conditions hold.
pub fn evaluate_all(conditions: &[Condition], request: &Request) -> Tri {
    Tri::all(conditions.iter().map(|c| c.evaluate(request)))
}

fn compile(
    operator_name: &str,
    values: &[String],
    variables: bool,
) -> Result<(Operator, Vec<Operand>), String> {
    let operator = Operator::parse(operator_name).ok_or_else(|| {
        format!(
            "condition operator {} is not known",
            printable(operator_name)
        )
    })?;
    let operands = values
        .iter()
        .map(|value| {
            operand(operator.comparison, value, variables).ok_or_else(|| {
                format!(
                    "{} is no value for {}",
                    printable(value),
                    printable(operator_name)
                )
            })
        })
        .collect::<Result<_, _>>()?;
    Ok((operator, operands))
}

fn operand(comparison: Comparison, text: &str, variables: bool) -> Option<Operand> {
    Some(match comparison {
        Comparison::String {
            ignore_case,
            wildcards,
        } => Operand::Text(Pattern::new(
            text,
            Syntax {
                wildcards,
                variables,
                ignore_case,
            },
        )),
        Comparison::Arn => {
            let whole = Pattern::new(
                text,
                Syntax {
                    wildcards: true,
                    variables,
                    ignore_case: false,
                },
            );
            let parts = whole.split_colons(6);
            Operand::Arn { whole, parts }
        }
        Comparison::Numeric(_) => Operand::Number(Number::parse(text)?),
        Comparison::Date(_) => Operand::Date(instant::parse(text)?),
        Comparison::Bool | Comparison::Null => Operand::Bool(boolean(text)?),
        Comparison::Binary => Operand::Binary(text.trim_end_matches('=').to_owned()),
        Comparison::Ip => Operand::Net(net(text)?),
    })
}

fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn net(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn matches(comparison: Comparison, operand: &Operand, value: &str, request: &Request) -> Tri {
    match (comparison, operand) {
        (Comparison::String { ignore_case, .. }, Operand::Text(pattern)) => {
            let lowered = value.to_lowercase();
            let look_up = |key: &str| match request.variable(key) {
                VariableValue::Value(text) if ignore_case => {
                    VariableValue::Value(text.to_lowercase())
                }
                other => other,
            };
            resolved(pattern, look_up, |p| {
                p.matches(if ignore_case { &lowered } else { value })
            })
        }
        (Comparison::Arn, Operand::Arn { whole, parts }) => {
            let pieces: Vec<&str> = value.splitn(6, ':').collect();
            match parts {
                Some(parts) if pieces.len() == parts.len() => {
                    Tri::all(parts.iter().zip(pieces).map(|(part, piece)| {
                        resolved(part, |key| request.variable(key), |p| p.matches(piece))
                    }))
                }
                Some(_) => Tri::No,
                // A pattern without six parts, such as a lone `*` or a variable that holds an ARN.
                None => resolved(whole, |key| request.variable(key), |p| p.matches(value)),
            }
        }
        (Comparison::Numeric(order), Operand::Number(right)) => {
            Tri::from(Number::parse(value).is_some_and(|left| ordered(order, left, *right)))
        }
        (Comparison::Date(order), Operand::Date(right)) => {
            Tri::from(instant::parse(value).is_some_and(|left| ordered(order, left, *right)))
        }
        (_, Operand::Bool(right)) => Tri::from(boolean(value) == Some(*right)),
        (_, Operand::Binary(right)) => Tri::from(value.trim_end_matches('=') == right),
        (_, Operand::Net(block)) => {
            Tri::from(value.parse::<IpAddr>().is_ok_and(|ip| block.contains(&ip)))
        }
        // `operand` makes the pairs above and no others.
        _ => Tri::opaque("operator and value do not fit"),
    }
}

fn resolved(
    pattern: &Pattern,
    look_up: impl Fn(&str) -> VariableValue,
    test: impl Fn(&Pattern) -> bool,
) -> Tri {
    if !pattern.has_variable() {
        return Tri::from(test(pattern));
    }
    match pattern.resolve(look_up) {
        Resolved::Pattern(pattern) => Tri::from(test(&pattern)),
        Resolved::Nothing => Tri::No,
        Resolved::Unknown(key) => Tri::depends(format!("depends on {key} of the request")),
    }
}

fn ordered(order: Order, left: Number, right: Number) -> bool {
    match order {
        Order::Equal => left == right,
        Order::Less => left < right,
        Order::LessOrEqual => left <= right,
        Order::Greater => left > right,
        Order::GreaterOrEqual => left >= right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(operator: &str, key: &str, values: &[&str]) -> Condition {
        Condition::new(
            operator,
            key,
            values.iter().map(|v| (*v).to_owned()).collect(),
            true,
        )
    }

    fn holds(operator: &str, wanted: &[&str], given: Option<&[&str]>) -> Tri {
        let mut request = Request::new();
        request.set(
            "K",
            given.map_or(Fact::Absent, |values| {
                Fact::Values(values.iter().map(|v| (*v).to_owned()).collect())
            }),
        );
        condition(operator, "k", wanted).evaluate(&request)
    }

    #[test]
    fn every_operator() {
        for (operator, wanted, given, expected) in [
            ("StringEquals", &["a", "b"][..], Some(&["b"][..]), true),
            ("StringEquals", &["a*"], Some(&["ab"]), false),
            ("StringEquals", &["A"], Some(&["a"]), false),
            ("StringEqualsIgnoreCase", &["A"], Some(&["a"]), true),
            ("StringNotEquals", &["a", "b"], Some(&["b"]), false),
            ("StringNotEquals", &["a", "b"], Some(&["c"]), true),
            ("StringNotEqualsIgnoreCase", &["A"], Some(&["a"]), false),
            ("StringLike", &["a*"], Some(&["ab"]), true),
            ("StringLike", &["a?"], Some(&["abc"]), false),
            ("StringNotLike", &["a*", "b*"], Some(&["c"]), true),
            ("NumericEquals", &["10"], Some(&["10.0"]), true),
            ("NumericNotEquals", &["10"], Some(&["11"]), true),
            ("NumericLessThan", &["10"], Some(&["9"]), true),
            ("NumericLessThan", &["10"], Some(&["x"]), false),
            ("NumericLessThanEquals", &["10"], Some(&["10"]), true),
            ("NumericGreaterThan", &["10"], Some(&["10"]), false),
            ("NumericGreaterThanEquals", &["10"], Some(&["10"]), true),
            (
                "DateEquals",
                &["2020-01-01T00:00:00Z"],
                Some(&["1577836800"]),
                true,
            ),
            (
                "DateNotEquals",
                &["2020-01-01"],
                Some(&["2020-01-02"]),
                true,
            ),
            (
                "DateLessThan",
                &["2020-01-01T00:00:00Z"],
                Some(&["2019-12-31T23:59:59Z"]),
                true,
            ),
            (
                "DateLessThanEquals",
                &["2020-01-01T01:00:00+01:00"],
                Some(&["2020-01-01T00:00Z"]),
                true,
            ),
            (
                "DateGreaterThan",
                &["2020-01-01T00:00:00Z"],
                Some(&["2020-01-01T00:00:00Z"]),
                false,
            ),
            (
                "DateGreaterThanEquals",
                &["2020-01-01T00:00:00Z"],
                Some(&["2020-01-01T00:00:00Z"]),
                true,
            ),
            ("Bool", &["true"], Some(&["TRUE"]), true),
            ("Bool", &["false"], Some(&["true"]), false),
            ("BinaryEquals", &["QmluYXJ5"], Some(&["QmluYXJ5"]), true),
            ("IpAddress", &["10.0.0.0/8"], Some(&["10.1.2.3"]), true),
            ("IpAddress", &["10.0.0.1"], Some(&["10.0.0.1"]), true),
            (
                "IpAddress",
                &["2001:db8::/32"],
                Some(&["2001:db8::1"]),
                true,
            ),
            ("IpAddress", &["::/0"], Some(&["10.0.0.1"]), false),
            ("NotIpAddress", &["10.0.0.0/8"], Some(&["11.0.0.1"]), true),
            (
                "ArnEquals",
                &["arn:aws:sns:*:1:t"],
                Some(&["arn:aws:sns:eu-west-1:1:t"]),
                true,
            ),
            (
                "ArnLike",
                &["arn:aws:*:t"],
                Some(&["arn:aws:sns:eu-west-1:1:t"]),
                true,
            ),
            (
                "ArnLike",
                &["arn:aws:sns:*:*:t"],
                Some(&["arn:aws:sns:r:x:y:t"]),
                false,
            ),
            (
                "ArnNotEquals",
                &["arn:aws:sns:r:1:t"],
                Some(&["arn:aws:sns:r:1:u"]),
                true,
            ),
            (
                "ArnNotLike",
                &["arn:aws:sns:r:1:*"],
                Some(&["arn:aws:sns:r:1:u"]),
                false,
            ),
            ("Null", &["true"], None, true),
            ("Null", &["false"], None, false),
            ("Null", &["false"], Some(&["x"]), true),
            // A key that is not there.
            ("StringEquals", &["a"], None, false),
            ("StringNotEquals", &["a"], None, true),
            ("StringEqualsIfExists", &["a"], None, true),
            ("BoolIfExists", &["true"], Some(&["false"]), false),
            ("ForAllValues:StringEquals", &["a"], None, true),
            ("ForAnyValue:StringEquals", &["a"], None, false),
            ("ForAnyValue:StringNotEquals", &["a"], None, false),
            ("ForAnyValue:StringEqualsIfExists", &["a"], None, true),
            // Several values.
            (
                "ForAllValues:StringEquals",
                &["a", "b"],
                Some(&["a", "b"]),
                true,
            ),
            (
                "ForAllValues:StringEquals",
                &["a", "b"],
                Some(&["a", "c"]),
                false,
            ),
            ("ForAnyValue:StringLike", &["a*"], Some(&["b", "ab"]), true),
            (
                "ForAnyValue:StringNotEquals",
                &["a"],
                Some(&["a", "b"]),
                true,
            ),
            (
                "ForAllValues:StringNotEquals",
                &["a"],
                Some(&["a", "b"]),
                false,
            ),
            ("StringEquals", &[], Some(&["a"]), false),
        ] {
            assert_eq!(
                holds(operator, wanted, given),
                Tri::from(expected),
                "{operator} {wanted:?} on {given:?}"
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_unknown() {
        for (operator, value) in [
            ("StringMatches", "a"),
            ("stringequals", "a"),
            ("NullIfExists", "true"),
            ("NumericEquals", "many"),
            ("DateLessThan", "tomorrow"),
            ("Bool", "maybe"),
            ("IpAddress", "10.0.0.0/40"),
        ] {
            let Tri::Unknown(reason) = holds(operator, &[value], Some(&["a"])) else {
                panic!("{operator} {value} must be unknown");
            };
            assert!(reason.is_opaque());
        }
    }

    #[test]
    fn unknown_keys_depend_on_the_request() {
        let Tri::Unknown(reason) =
            condition("StringEquals", "aws:PrincipalOrgID", &["o-a"]).evaluate(&Request::new())
        else {
            panic!("nothing is known");
        };
        assert!(!reason.is_opaque());
        assert_eq!(
            reason.to_string(),
            "depends on aws:PrincipalOrgID of the request"
        );
    }

    #[test]
    fn variables() {
        let home = condition("StringLike", "s3:prefix", &["home/${aws:username}/*"]);
        let request = Request::new().with("s3:prefix", "home/ann/x");
        assert!(
            home.evaluate(&request.clone().with("aws:UserName", "ann"))
                .is_yes()
        );
        assert!(
            home.evaluate(&request.clone().with("aws:username", "bob"))
                .is_no()
        );
        assert!(
            home.evaluate(&request.clone().with("aws:username", "*"))
                .is_no()
        );
        assert!(
            home.evaluate(&request.clone().without("aws:username"))
                .is_no()
        );
        assert!(matches!(home.evaluate(&request), Tri::Unknown(_)));
        // Documents of 2008 have none.
        let old = Condition::new("StringEquals", "k", vec!["${aws:username}".into()], false);
        assert!(
            old.evaluate(&Request::new().with("k", "${aws:username}"))
                .is_yes()
        );
    }
}
