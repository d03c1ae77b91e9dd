//! The functions that expressions can use beside CEL's own, each with its signature and body.
//!
//! `docs/design/architecture.md` lists them for authors of checks.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use cel::common::functions::Function as Body;
use cel::common::types::{CelBool, CelInt, CelNull, CelString, DYN_TYPE, NULL_TYPE, STRING_TYPE};
use cel::common::value::{CowVal, FromVal, Val};
use cel::{Env, ExecutionError};
use posture_model::{Gap, GapReason, Timestamp};
use regex::Regex;

use super::frame;
use super::value::{ListVal, PolicyVal, ResourceVal, equal};
use super::{networks, policies};
use crate::world::arn_part;

/// What a function is a member of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receiver {
    /// Nothing: `lower(s)`.
    None,
    /// A policy document: `p.is_public()`.
    Policy,
    /// An IAM user, group or role: `r.is_administrator()`.
    Principal,
    /// Text: `s.matches(re)`.
    Text,
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Param {
    /// Text.
    Text,
    /// A whole number.
    Int,
    /// A point in time.
    Moment,
    /// A list of text.
    Texts,
    /// A literal resource type.
    Type,
    /// A literal path of fields of the type that an earlier parameter names.
    Path,
    /// Text or a whole number.
    Key,
    /// A list of security-group rules.
    Rules,
    /// A literal IAM action such as `s3:GetObject`.
    Action,
    /// A literal regular expression.
    Pattern,
}

/// What a function returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Returns {
    /// A truth value.
    Bool,
    /// A whole number.
    Int,
    /// Text.
    Text,
    /// A list of text.
    Texts,
    /// The resource of the type that the first parameter names, or `null`.
    Resource,
    /// A list of those.
    Resources,
}

/// A function.
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is a member of.
    pub(crate) receiver: Receiver,
    /// Its parameters.
    pub(crate) params: &'static [Param],
    /// Its result.
    pub(crate) returns: Returns,
    body: Body,
}

macro_rules! functions {
    ($($receiver:ident . $name:ident($($param:ident),*) -> $returns:ident = $body:expr;)*) => {
        &[$(Function {
            name: stringify!($name),
            receiver: Receiver::$receiver,
            params: &[$(Param::$param),*],
            returns: Returns::$returns,
            body: $body,
        }),*]
    };
}

/// All functions of our own.
pub(crate) static FUNCTIONS: &[Function] = functions! {
    None.lookup(Type, Key) -> Resource = lookup;
    None.related(Type, Path, Key) -> Resources = related;
    None.resources(Type) -> Resources = resources;
    None.age_days(Moment) -> Int = age_days;
    None.days_until(Moment) -> Int = days_until;
    None.join(Texts, Text) -> Text = join;
    None.lower(Text) -> Text = lower;
    None.account_of(Text) -> Text = account_of;
    None.region_of(Text) -> Text = region_of;
    None.service_of(Text) -> Text = service_of;
    None.is_known_account(Text) -> Bool = is_known_account;
    None.lambda_runtime_deprecated(Text) -> Bool = lambda_runtime_deprecated;
    None.cidr_is_world(Text) -> Bool = networks::cidr_is_world;
    None.opens_to_world(Rules, Text, Int) -> Bool = networks::opens_to_world;
    None.world_open_ports(Rules) -> Texts = networks::world_open_ports;
    Text.matches(Pattern) -> Bool = matches;
    Policy.is_public() -> Bool = policies::is_public;
    Policy.allows_anonymous(Action) -> Bool = policies::allows_anonymous;
    Policy.public_statements() -> Texts = policies::public_statements;
    Policy.principals_allowed(Action) -> Texts = policies::principals_allowed;
    Policy.external_accounts() -> Texts = policies::external_accounts;
    Policy.unpinned_services() -> Texts = policies::unpinned_services;
    Policy.denies_insecure_transport() -> Bool = policies::denies_insecure_transport;
    Policy.is_administrator() -> Bool = policies::policy_is_administrator;
    Policy.wildcard_actions() -> Texts = policies::policy_wildcard_actions;
    Policy.allows(Action) -> Bool = policies::policy_allows;
    Policy.allows_on_all(Action) -> Bool = policies::policy_allows_on_all;
    Policy.trusts_without_external_id() -> Texts = policies::trusts_without_external_id;
    Policy.unpinned_federation() -> Texts = policies::unpinned_federation;
    Policy.trusted_services() -> Texts = policies::trusted_services;
    Principal.is_administrator() -> Bool = policies::principal_is_administrator;
    Principal.wildcard_actions() -> Texts = policies::principal_wildcard_actions;
    Principal.allows(Action) -> Bool = policies::principal_allows;
    Principal.allows_on_all(Action) -> Bool = policies::principal_allows_on_all;
    Principal.can_escalate() -> Bool = policies::can_escalate;
    Principal.escalation() -> Texts = policies::escalation;
    Principal.leaves_services_unused(Int) -> Bool = policies::leaves_services_unused;
    Principal.unused_services(Int) -> Texts = policies::unused_services;
};

/// The name under which lists are compared; `@` cannot be written in an expression.
pub(crate) const EQUAL: &str = "@equal";

/// The environment of every expression: CEL's standard library and our own functions.
pub(crate) fn environment() -> Env {
    let mut env = Env::stdlib();
    for function in FUNCTIONS {
        // Types were checked when the expression was loaded; at run time any value is let through
        // and a body says what it did not expect.
        let args = function.params.iter().map(|_| DYN_TYPE).collect();
        let id = format!("posture_{:?}_{}", function.receiver, function.name);
        // A declaration can only fail when it is made twice, which a test over the table excludes.
        let _ = match function.receiver {
            Receiver::None => env.add_overload(function.name, &id, args, function.body),
            _ => env.add_member_overload(
                function.name,
                &id,
                receiver_type(function.receiver),
                args,
                function.body,
            ),
        };
    }
    let _ = env.add_overload(
        EQUAL,
        "posture_equal",
        vec![DYN_TYPE, DYN_TYPE],
        lists_equal,
    );
    let _ = env.add_overload("string", "posture_string_null", vec![NULL_TYPE], |_| {
        Ok(CowVal::owned(CelString::from("none")))
    });
    env
}

fn receiver_type(receiver: Receiver) -> cel::common::types::Type {
    match receiver {
        Receiver::None => DYN_TYPE,
        Receiver::Text => STRING_TYPE,
        Receiver::Policy => <PolicyVal as Val>::cel_type().to_owned(),
        Receiver::Principal => <ResourceVal as Val>::cel_type().to_owned(),
    }
}

pub(crate) type Args<'b, 'v> = Vec<CowVal<'b, 'v>>;
pub(crate) type Outcome<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

/// An argument of an expected kind.
pub(crate) fn arg<'a, 'v, T: FromVal<'a, 'v>>(
    function: &str,
    args: &'a [CowVal<'_, 'v>],
    index: usize,
) -> Result<&'a T, ExecutionError> {
    args.get(index)
        .and_then(|value| value.as_ref().downcast_ref::<T>())
        .ok_or_else(|| {
            let got = args.get(index).map_or("nothing", |v| v.get_type().name());
            ExecutionError::function_error(function, format!("got {got}"))
        })
}

/// An argument that is text.
pub(crate) fn text<'a>(
    function: &str,
    args: &'a [CowVal<'_, '_>],
    index: usize,
) -> Result<&'a str, ExecutionError> {
    arg::<CelString>(function, args, index).map(CelString::inner)
}

/// What a member function is called on.
pub(crate) fn receiver<'a, 'v, T: FromVal<'a, 'v>>(
    args: &'a [CowVal<'_, 'v>],
) -> Result<&'a T, ExecutionError> {
    arg::<T>("member function", args, 0)
}

/// The action that a member function asks about.
pub(crate) fn action<'a>(args: &'a [CowVal<'_, '_>]) -> Result<&'a str, ExecutionError> {
    text("member function", args, 1)
}

/// The number that a member function asks about.
pub(crate) fn int_arg(args: &[CowVal<'_, '_>]) -> Result<i64, ExecutionError> {
    Ok(*arg::<CelInt>("member function", args, 1)?.inner())
}

/// Text, or a number as text: how look-ups compare.
fn key<'a>(
    function: &str,
    args: &'a [CowVal<'_, '_>],
    index: usize,
) -> Result<Cow<'a, str>, ExecutionError> {
    if let Some(number) = args
        .get(index)
        .and_then(|value| value.downcast_ref::<CelInt>())
    {
        return Ok(number.inner().to_string().into());
    }
    text(function, args, index).map(Cow::Borrowed)
}

/// A resource type: the checker puts its number in the place of its name.
fn kind(function: &str, args: &[CowVal<'_, '_>]) -> Result<u16, ExecutionError> {
    u16::try_from(*arg::<CelInt>(function, args, 0)?.inner())
        .map_err(|_| ExecutionError::function_error(function, "no such type"))
}

/// A truth value.
pub(crate) fn bool<'b, 'v>(value: bool) -> Outcome<'b, 'v> {
    Ok(CowVal::owned(CelBool::from(value)))
}

fn int<'b, 'v>(value: i64) -> Outcome<'b, 'v> {
    Ok(CowVal::owned(CelInt::from(value)))
}

fn string<'b, 'v>(value: String) -> Outcome<'b, 'v> {
    Ok(CowVal::owned(CelString::from(value)))
}

fn malformed(what: &str) -> ExecutionError {
    frame::gap(&Arc::new(Gap {
        code: Some(what.to_owned()),
        ..Gap::bare(GapReason::Malformed)
    }))
}

fn lists_equal<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    match args.as_slice() {
        [a, b] => bool(equal(a.as_ref(), b.as_ref())?),
        _ => Err(ExecutionError::invalid_argument_count(2, args.len())),
    }
}

fn lookup<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let here = frame::here()?;
    let of = kind("lookup", &args)?;
    let key = key("lookup", &args, 1)?;
    match here.world().lookup(here.resource(), of, &key) {
        Ok(Some(found)) => Ok(CowVal::owned(found.0)),
        Ok(None) => Ok(CowVal::owned(CelNull)),
        Err(gap) => Err(frame::gap(&gap)),
    }
}

fn related<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let here = frame::here()?;
    let of = kind("related", &args)?;
    let path = text("related", &args, 1)?;
    let value = key("related", &args, 2)?;
    match here.world().related(here.resource(), of, path, &value) {
        Ok(found) => Ok(CowVal::owned(found)),
        Err(gap) => Err(frame::gap(&gap)),
    }
}

fn resources<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let here = frame::here()?;
    let of = kind("resources", &args)?;
    match here.world().around(here.resource(), of) {
        Ok(found) => Ok(CowVal::owned(found)),
        Err(gap) => Err(frame::gap(&gap)),
    }
}

fn moment(function: &str, args: &[CowVal<'_, '_>]) -> Result<Timestamp, ExecutionError> {
    let text = text(function, args, 0)?;
    Timestamp::parse(text).ok_or_else(|| malformed("not a point in time"))
}

fn age_days<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let now = frame::here()?.world().now();
    int(moment("age_days", &args)?.days_until(now))
}

fn days_until<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let now = frame::here()?.world().now();
    int(now.days_until(moment("days_until", &args)?))
}

fn join<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let separator = text("join", &args, 1)?;
    let mut items = args
        .first()
        .and_then(|list| list.as_iterable())
        .ok_or_else(|| ExecutionError::function_error("join", "the first argument is no list"))?
        .iter();
    let mut joined = String::new();
    let mut first = true;
    while let Some(item) = items.next() {
        if !first {
            joined.push_str(separator);
        }
        first = false;
        match item.downcast_ref::<CelString>() {
            Some(text) => joined.push_str(text.inner()),
            None => return Err(ExecutionError::function_error("join", "an item is no text")),
        }
    }
    string(joined)
}

fn lower<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    string(text("lower", &args, 0)?.to_lowercase())
}

fn part<'b, 'v>(function: &str, args: &Args<'b, 'v>, index: usize) -> Outcome<'b, 'v> {
    match arn_part(text(function, args, 0)?, index) {
        Some(part) => string(part.to_owned()),
        None => Err(malformed("not an ARN")),
    }
}

fn account_of<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    part("account_of", &args, 4)
}

fn region_of<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    part("region_of", &args, 3)
}

fn service_of<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    part("service_of", &args, 2)
}

fn is_known_account<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let here = frame::here()?;
    let id = text("is_known_account", &args, 0)?;
    match here.world().is_known_account(here.resource(), id) {
        Ok(known) => bool(known),
        Err(gap) => Err(frame::gap(&gap)),
    }
}

fn lambda_runtime_deprecated<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let now = frame::here()?.world().now();
    let runtime = text("lambda_runtime_deprecated", &args, 0)?;
    match crate::runtimes::is_deprecated(runtime, now) {
        Some(deprecated) => bool(deprecated),
        None => Err(frame::gap(&Arc::new(Gap {
            code: Some(format!("runtime {runtime} is not in the published table")),
            ..Gap::bare(GapReason::Unsupported)
        }))),
    }
}

/// Compiled patterns. They are literals of checks, so there are few.
static PATTERNS: RwLock<Option<HashMap<String, Regex>>> = RwLock::new(None);

fn matches<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let subject = text("matches", &args, 0)?;
    let pattern = text("matches", &args, 1)?;
    let cached = PATTERNS.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(compiled) = cached.as_ref().and_then(|patterns| patterns.get(pattern)) {
        return bool(compiled.is_match(subject));
    }
    drop(cached);
    let compiled =
        Regex::new(pattern).map_err(|error| ExecutionError::function_error("matches", error))?;
    let matched = compiled.is_match(subject);
    PATTERNS
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .get_or_insert_default()
        .insert(pattern.to_owned(), compiled);
    bool(matched)
}

/// A list of texts as a value.
pub(crate) fn texts<'b, 'v>(items: Vec<String>) -> Outcome<'b, 'v> {
    Ok(CowVal::owned(ListVal::of_texts(items)))
}
