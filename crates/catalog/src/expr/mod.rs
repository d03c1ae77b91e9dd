//! Expressions of checks: the only module that knows CEL.
//!
//! An expression is parsed, type-checked against the model's schema and rewritten once; evaluating it
//! then borrows the resource and copies nothing. Reading something that could not be read is an error
//! of a kind of its own. `&&`, `||`, `all` and `exists` absorb an error only when the other side
//! decides, which is exactly three-valued logic; an error that is left is `unknown`.

mod check;
mod frame;
mod functions;
mod networks;
mod policies;
mod types;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::common::ast::IdedExpr;
use cel::common::types::{CelBool, CelString};
use cel::common::value::CowVal;
use cel::context::VariableResolver;
use cel::parser::{Parser, PrattParser};
use cel::{Context, ExecutionError, ParseErrors, Value};
use posture_model::{Gap, GapReason};

pub(crate) use check::Reads;
pub use policies::Documents;
pub(crate) use policies::{Identity, LastUse};
pub(crate) use types::{ObjectId, Ty, schema, type_name, type_names, type_number};
pub(crate) use value::{ListVal, MapVal, Node, PolicyVal, ResourceVal, build_resource};

use crate::world::World;

/// Expressions longer than this are refused; none that a person can read comes near it.
const MAX_LENGTH: usize = 8192;

/// Begins variables that stand for a path of slots from the resource down, one character a slot. No
/// variable that is written in an expression begins so.
const SLOTS: char = '\0';

/// The character for a slot.
fn step(slot: usize) -> Option<char> {
    char::from_u32(u32::try_from(slot).ok()?.checked_add(1)?)
}

/// The slots of such a variable.
fn slots(variable: &str) -> Option<impl Iterator<Item = usize>> {
    let path = variable.strip_prefix(SLOTS)?;
    Some(
        path.chars()
            .map(|c| usize::try_from(u32::from(c) - 1).unwrap_or(usize::MAX)),
    )
}

/// A compiled expression.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    expr: IdedExpr,
    /// What it reads.
    pub(crate) reads: Reads,
}

/// A mistake in an expression and where it is in its text, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// Where it starts.
    pub(crate) offset: usize,
    /// How much to underline.
    pub(crate) length: usize,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
}

/// The parameters of a check: their types and values.
#[derive(Debug, Clone)]
pub(crate) struct Params {
    types: BTreeMap<String, Ty>,
    values: MapVal,
}

impl Params {
    /// From the values in the check file.
    pub(crate) fn new(values: &BTreeMap<String, serde_json::Value>) -> Self {
        let types: BTreeMap<String, Ty> = values
            .iter()
            .map(|(name, value)| (name.clone(), type_of(value)))
            .collect();
        let nodes = values
            .iter()
            .map(|(name, value)| {
                let ty = types.get(name).unwrap_or(&Ty::Dyn);
                (name.clone(), Node::build(ty, value))
            })
            .collect();
        Self {
            types,
            values: MapVal::new(nodes),
        }
    }
}

/// A constant to be put in another's place, in the form that expressions over the other expect; the type that it
/// should have where it has not.
pub(crate) fn in_place_of(
    old: &serde_json::Value,
    new: serde_json::Value,
) -> Result<serde_json::Value, String> {
    let wanted = type_of(old);
    let fits = |given: &Ty| given.join(&wanted).as_ref() == Some(&wanted);
    match (&wanted, type_of(&new)) {
        (Ty::Double, Ty::Int) => Ok(new.as_f64().into()),
        (_, given) if fits(&given) => Ok(new),
        _ => Err(wanted.to_string()),
    }
}

/// The type of a constant.
fn type_of(value: &serde_json::Value) -> Ty {
    use serde_json::Value;
    match value {
        Value::Null => Ty::Null,
        Value::Bool(_) => Ty::Bool,
        Value::Number(number) if number.is_i64() => Ty::Int,
        Value::Number(_) => Ty::Double,
        Value::String(_) => Ty::String,
        Value::Array(items) => Ty::List(Box::new(
            items
                .iter()
                .map(type_of)
                .reduce(|a, b| a.join(&b).unwrap_or(Ty::Dyn))
                .unwrap_or(Ty::Never),
        )),
        Value::Object(entries) => Ty::Map(Box::new(
            entries
                .values()
                .map(type_of)
                .reduce(|a, b| a.join(&b).unwrap_or(Ty::Dyn))
                .unwrap_or(Ty::Never),
        )),
    }
}

impl Program {
    /// Compiles an expression about resources of type `of`.
    pub(crate) fn compile(
        source: &str,
        of: u16,
        params: &Params,
        wanted: &Ty,
    ) -> Result<Self, Vec<Mistake>> {
        if source.len() > MAX_LENGTH {
            return Err(vec![Mistake {
                offset: 0,
                length: 1,
                message: format!("an expression may have at most {MAX_LENGTH} bytes"),
                help: None,
            }]);
        }
        let mut expr = PrattParser::new()
            .parse(source)
            .map_err(|errors| syntax(source, &errors))?;
        let mut checker = check::Checker::new(of, &params.types);
        checker.expect(&mut expr, wanted);
        if checker.errors.is_empty() {
            return Ok(Self {
                expr,
                reads: checker.reads,
            });
        }
        if checker.too_deep {
            // The parser that keeps places would overflow the stack over it.
            return Err(vec![Mistake {
                offset: 0,
                length: 1,
                message: "the expression is nested too deeply, or has too many operators in a row"
                    .to_owned(),
                help: None,
            }]);
        }
        Err(locate(source, of, params, wanted))
    }

    /// Evaluates to a truth value.
    pub(crate) fn truth(
        &self,
        world: &World,
        resource: &ResourceVal,
        params: &Params,
    ) -> Answer<bool> {
        self.evaluate(world, resource, params, |value| {
            value.downcast_ref::<CelBool>().map(|b| *b.inner())
        })
    }

    /// Evaluates to text.
    pub(crate) fn text(
        &self,
        world: &World,
        resource: &ResourceVal,
        params: &Params,
    ) -> Answer<String> {
        self.evaluate(world, resource, params, |value| {
            value
                .downcast_ref::<CelString>()
                .map(|s| s.inner().to_owned())
        })
    }

    fn evaluate<T>(
        &self,
        world: &World,
        resource: &ResourceVal,
        params: &Params,
        read: impl FnOnce(&CowVal<'_, '_>) -> Option<T>,
    ) -> Answer<T> {
        frame::enter(world, resource);
        let variables = Variables { resource, params };
        ROOT.with(|root| {
            let mut context = scope(root);
            context.set_variable_resolver(&variables);
            match Value::resolve_val(&self.expr, &context) {
                Ok(value) => read(&value).map_or_else(
                    || Answer::Broken(vec![broken("the result has another type")]),
                    |value| {
                        frame::forget_gaps();
                        Answer::Known(value)
                    },
                ),
                Err(error) if frame::is_gap(&error) => Answer::Unknown(frame::take_gaps()),
                Err(ExecutionError::UndeclaredReference(name)) if name.starts_with(SLOTS) => {
                    match variables.node(&name) {
                        Some(_) => Answer::Unknown(frame::take_gaps()),
                        None => failed("a field of null was read"),
                    }
                }
                Err(error) => failed(&error.to_string()),
            }
        })
    }
}

/// What an evaluation yields.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer<T> {
    /// A value.
    Known(T),
    /// It depends on what could not be read.
    Unknown(Vec<Gap>),
    /// The expression failed; a mistake in the check, or a snapshot that nobody thought of.
    Broken(Vec<Gap>),
}

/// Messages of the interpreter print the values involved, which may be large.
const MAX_MESSAGE: usize = 300;

fn failed<T>(message: &str) -> Answer<T> {
    let mut gaps = frame::take_gaps();
    gaps.push(broken(message));
    Answer::Broken(gaps)
}

fn broken(message: &str) -> Gap {
    Gap {
        code: Some(message.chars().take(MAX_MESSAGE).collect()),
        ..Gap::bare(GapReason::Error)
    }
}

struct Variables<'a> {
    resource: &'a ResourceVal,
    params: &'a Params,
}

impl Variables<'_> {
    /// The node that a variable of slots stands for; `None` when something above it is null.
    fn node(&self, variable: &str) -> Option<&Node> {
        self.resource.walk(slots(variable)?)
    }
}

impl VariableResolver for Variables<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        match variable {
            // A variable cannot be an error. One that is not there is, and `evaluate` finds out why.
            _ if variable.starts_with(SLOTS) => {
                self.node(variable)?.read().ok().map(CowVal::Borrowed)
            }
            "resource" => Some(CowVal::Borrowed(self.resource)),
            "params" => Some(CowVal::Borrowed(&self.params.values)),
            _ => None,
        }
    }
}

thread_local! {
    // One environment a thread: shared by all, its reference count would be fought over.
    static ROOT: Context<'static, 'static> = Context::with_env(Arc::new(functions::environment()));
}

/// A scope whose variables live shorter than the root.
fn scope<'p, 'v>(root: &'p Context<'p, 'v>) -> Context<'p, 'v> {
    root.new_inner_scope()
}

fn syntax(source: &str, errors: &ParseErrors) -> Vec<Mistake> {
    errors
        .errors
        .iter()
        .map(|error| {
            let (line, column) = error.pos;
            let line = usize::try_from(line - 1).unwrap_or_default();
            let column = usize::try_from(column - 1).unwrap_or_default();
            let before: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
            Mistake {
                offset: (before + column).min(source.len()),
                length: 1,
                message: error.msg.replace('\n', " "),
                help: None,
            }
        })
        .collect()
}

/// Says where the mistakes are. The fast parser does not keep places, so the expression is parsed
/// and checked again with the one that does.
fn locate(source: &str, of: u16, params: &Params, wanted: &Ty) -> Vec<Mistake> {
    let (mut expr, places) = match Parser::new().parse_with_source_info(source) {
        Ok(parsed) => parsed,
        Err(errors) => return syntax(source, &errors),
    };
    let mut checker = check::Checker::new(of, &params.types);
    checker.expect(&mut expr, wanted);
    checker
        .errors
        .into_iter()
        .map(|error| {
            let (start, stop) = places.offset_for(error.node).unwrap_or((0, 0));
            let start = usize::try_from(start).unwrap_or_default();
            let stop = usize::try_from(stop).unwrap_or_default();
            let (offset, length) = word(source, start, stop, error.word.as_deref());
            Mistake {
                offset,
                length,
                message: error.message,
                help: error.help,
            }
        })
        .collect()
}

/// The place of a word that is named at or after some position, or the token there.
fn word(source: &str, start: usize, stop: usize, word: Option<&str>) -> (usize, usize) {
    let token = stop.saturating_sub(start) + 1;
    let Some(word) = word else {
        return (start, token);
    };
    source
        .get(start..)
        .and_then(|rest| rest.find(word))
        .map_or((start, token), |at| (start + at, word.len()))
}
