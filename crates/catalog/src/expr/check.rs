//! Type-checks expressions and rewrites them for the interpreter, in one walk.
//!
//! The rewrites make use of what the types say: fields become slots, `has` becomes what its readers
//! take it for, and lists are compared element by element whatever they are made of.

use std::collections::{BTreeMap, BTreeSet};

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators};
use cel::common::types::{CelInt, CelString};

use super::functions::{EQUAL, FUNCTIONS, Function, Param, Receiver, Returns};
use super::types::{Field, ObjectId, Ty, schema, type_name, type_names, type_number};
use crate::diagnostic::did_you_mean;

/// How deeply expressions may be nested.
const MAX_DEPTH: usize = 100;

/// A mistake in an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TypeError {
    /// The node of the syntax tree that it concerns.
    pub(crate) node: u64,
    /// The text within the node to underline, when that is not its start.
    pub(crate) word: Option<String>,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
}

/// What an expression reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reads {
    /// Paths of fields with the operations that fill them, by resource type.
    pub(crate) fields: BTreeMap<u16, BTreeMap<String, Vec<String>>>,
    /// Those among the fields, or above them, that a call of its own fills.
    pub(crate) collected: BTreeMap<u16, BTreeSet<String>>,
    /// Types reached through look-ups.
    pub(crate) lookups: BTreeSet<u16>,
    /// Operations that fill what is read.
    pub(crate) sources: BTreeSet<String>,
}

/// A place within a resource: its type's number and the names down to it.
#[derive(Debug, Clone)]
struct Path {
    of: u16,
    names: Vec<String>,
    sources: Vec<String>,
}

impl Path {
    fn root(of: u16) -> Self {
        Self {
            of,
            names: Vec::new(),
            sources: schema(of).map(|s| s.sources.clone()).unwrap_or_default(),
        }
    }

    fn text(&self) -> String {
        self.names.join(".")
    }
}

struct Typed {
    ty: Ty,
    path: Option<Path>,
}

impl From<Ty> for Typed {
    fn from(ty: Ty) -> Self {
        Self { ty, path: None }
    }
}

/// Checks one expression.
pub(crate) struct Checker<'a> {
    of: u16,
    params: &'a BTreeMap<String, Ty>,
    variables: Vec<(String, Typed)>,
    depth: usize,
    /// Whether the expression goes deeper than the interpreter should.
    pub(crate) too_deep: bool,
    /// What was found wrong.
    pub(crate) errors: Vec<TypeError>,
    /// What is read.
    pub(crate) reads: Reads,
}

impl<'a> Checker<'a> {
    /// A checker for expressions about a resource type.
    pub(crate) fn new(of: u16, params: &'a BTreeMap<String, Ty>) -> Self {
        Self {
            of,
            params,
            variables: Vec::new(),
            depth: 0,
            too_deep: false,
            errors: Vec::new(),
            reads: Reads::default(),
        }
    }

    /// Checks that an expression is of a type, and rewrites it.
    pub(crate) fn expect(&mut self, expr: &mut IdedExpr, wanted: &Ty) {
        let typed = self.check(expr);
        self.read(&typed);
        if self.errors.is_empty() && !fits(&typed.ty, wanted) {
            self.error(
                expr.id,
                format!("this must be {wanted}, and it is {}", typed.ty),
                None,
            );
        }
    }

    fn error(&mut self, node: u64, message: String, help: Option<String>) {
        self.errors.push(TypeError {
            node,
            word: None,
            message,
            help,
        });
    }

    fn error_at(&mut self, node: u64, word: &str, message: String, help: Option<String>) {
        self.errors.push(TypeError {
            node,
            word: Some(word.to_owned()),
            message,
            help,
        });
    }

    /// Notes that the value at a path is used.
    fn read(&mut self, typed: &Typed) {
        let Some(path) = &typed.path else { return };
        if path.names.is_empty() {
            return;
        }
        let fields = self.reads.fields.entry(path.of).or_default();
        fields.insert(path.text(), path.sources.clone());
        self.reads.sources.extend(path.sources.iter().cloned());
    }

    /// Checks a node whose value is used as it is.
    fn value(&mut self, expr: &mut IdedExpr) -> Ty {
        let typed = self.check(expr);
        self.read(&typed);
        typed.ty
    }

    fn check(&mut self, expr: &mut IdedExpr) -> Typed {
        // The interpreter calls itself for each level, and so does this.
        if self.depth >= MAX_DEPTH {
            self.too_deep = true;
            self.error(expr.id, "the expression is nested too deeply".into(), None);
            return Ty::Dyn.into();
        }
        self.depth += 1;
        let typed = self.check_node(expr);
        self.depth -= 1;
        typed
    }

    fn check_node(&mut self, expr: &mut IdedExpr) -> Typed {
        let id = expr.id;
        match &mut expr.expr {
            Expr::Literal(literal) => literal_type(literal).map_or_else(
                || {
                    self.error(
                        id,
                        "bytes and unsigned numbers have no use here".into(),
                        None,
                    );
                    Ty::Dyn.into()
                },
                Typed::from,
            ),
            Expr::Ident(name) => {
                let name = name.clone();
                self.ident(id, &name)
            }
            Expr::Select(_) => self.select(expr),
            Expr::Call(_) => self.call(expr),
            Expr::List(list) => {
                if !list.optional_indices.is_empty() {
                    self.error(id, "optional syntax is not supported".into(), None);
                }
                let mut joined = Ty::Never;
                for element in &mut list.elements {
                    let node = element.id;
                    let ty = self.value(element);
                    joined = match joined.join(&ty) {
                        Some(ty) => ty,
                        None => {
                            self.error(node, format!("{ty} in a list of {joined}"), None);
                            joined
                        }
                    };
                }
                Ty::List(Box::new(joined)).into()
            }
            Expr::Comprehension(_) => self.comprehension(expr),
            Expr::Map(_) | Expr::Struct(_) => {
                self.error(id, "map and struct literals have no use here".into(), None);
                Ty::Dyn.into()
            }
            Expr::Unspecified => {
                self.error(id, "the expression is empty".into(), None);
                Ty::Dyn.into()
            }
        }
    }

    fn ident(&mut self, id: u64, name: &str) -> Typed {
        if let Some((_, typed)) = self.variables.iter().rev().find(|(v, _)| v == name) {
            return Typed {
                ty: typed.ty.clone(),
                path: typed.path.clone(),
            };
        }
        if name == "resource" {
            return Typed {
                ty: Ty::Object(ObjectId {
                    of: self.of,
                    object: 0,
                }),
                path: Some(Path::root(self.of)),
            };
        }
        let mut known: Vec<&str> = vec!["resource", "params"];
        known.extend(self.variables.iter().map(|(v, _)| v.as_str()));
        known.retain(|known| !known.starts_with('@'));
        let message = if name == "params" {
            "name one of the parameters, as in `params.max_age_days`".to_owned()
        } else {
            format!("nothing is called `{name}`")
        };
        let help = did_you_mean(name, known.iter().copied());
        self.error(id, message, help);
        Ty::Dyn.into()
    }

    fn select(&mut self, expr: &mut IdedExpr) -> Typed {
        let id = expr.id;
        let Expr::Select(select) = &mut expr.expr else {
            return Ty::Dyn.into();
        };
        let SelectExpr {
            operand,
            field,
            test,
        } = std::mem::take(select);
        let mut operand = *operand;
        if matches!(&operand.expr, Expr::Ident(name) if name == "params")
            && !self.variables.iter().any(|(name, _)| name == "params")
        {
            return self.param(expr, operand, &field, test);
        }
        let typed = self.check(&mut operand);
        match typed.ty.some().clone() {
            Ty::Object(of) => {
                let object = of.get();
                let Some((slot, found)) = object.field(&field) else {
                    let names = object.fields.iter().map(|field| field.name.as_str());
                    let help = did_you_mean(&field, names);
                    self.error_at(
                        id,
                        &field,
                        format!("{} has no field `{field}`", object.name),
                        help,
                    );
                    return Ty::Dyn.into();
                };
                let result = self.field(&typed, of, found);
                let read = read_slot(id, operand, slot);
                if test {
                    // As its readers take it: "is it set". CEL's own `has` would be true for null.
                    self.read(&result);
                    if !result.ty.admits_null() {
                        self.error_at(
                            id,
                            &field,
                            format!("`{field}` is always set: has() says nothing here"),
                            None,
                        );
                    }
                    *expr = call(id, operators::NOT_EQUALS, vec![read, literal_null(id)]);
                    return Ty::Bool.into();
                }
                *expr = read;
                result
            }
            Ty::Map(of) => {
                let key = literal_text(id, &field);
                let path = typed.path.map(|mut path| {
                    path.names.push(field);
                    path
                });
                if test {
                    let typed = Typed { ty: Ty::Bool, path };
                    self.read(&typed);
                    *expr = call(id, operators::IN, vec![key, operand]);
                    return Ty::Bool.into();
                }
                *expr = call(id, operators::INDEX, vec![operand, key]);
                Typed { ty: *of, path }
            }
            Ty::Dyn => {
                let key = literal_text(id, &field);
                self.read(&typed);
                *expr = if test {
                    call(id, operators::IN, vec![key, operand])
                } else {
                    call(id, operators::INDEX, vec![operand, key])
                };
                if test {
                    Ty::Bool.into()
                } else {
                    Ty::Dyn.into()
                }
            }
            other => {
                self.error_at(id, &field, format!("{other} has no fields"), None);
                Ty::Dyn.into()
            }
        }
    }

    fn field(&mut self, typed: &Typed, of: ObjectId, field: &Field) -> Typed {
        let mut path = match (&typed.path, of.is_resource()) {
            (Some(path), _) => path.clone(),
            (None, true) => Path::root(of.of),
            (None, false) => {
                return field.ty.clone().into();
            }
        };
        path.names.push(field.name.clone());
        if !field.sources.is_empty() {
            path.sources.clone_from(&field.sources);
        }
        if field.collected {
            self.reads
                .collected
                .entry(path.of)
                .or_default()
                .insert(path.text());
        }
        let ty = if field.collected {
            field.ty.clone().nullable()
        } else {
            field.ty.clone()
        };
        Typed {
            ty,
            path: Some(path),
        }
    }

    fn param(&mut self, expr: &mut IdedExpr, operand: IdedExpr, name: &str, test: bool) -> Typed {
        let id = expr.id;
        if test {
            self.error(id, "a parameter is always set".into(), None);
        }
        let Some(ty) = self.params.get(name) else {
            let help = did_you_mean(name, self.params.keys().map(String::as_str));
            self.error_at(
                id,
                name,
                format!("the check has no parameter `{name}`"),
                help,
            );
            return Ty::Dyn.into();
        };
        *expr = call(id, operators::INDEX, vec![operand, literal_text(id, name)]);
        ty.clone().into()
    }

    fn call(&mut self, expr: &mut IdedExpr) -> Typed {
        let id = expr.id;
        let Expr::Call(given) = &mut expr.expr else {
            return Ty::Dyn.into();
        };
        let CallExpr {
            func_name,
            target,
            mut args,
        } = std::mem::take(given);
        let mut target = target.map(|target| *target);
        let ty = match (func_name.as_str(), target.is_some(), args.len()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, false, 2) => {
                for arg in &mut args {
                    self.argument(arg, &Ty::Bool);
                }
                Ty::Bool
            }
            (operators::LOGICAL_NOT, false, 1) => {
                for arg in &mut args {
                    self.argument(arg, &Ty::Bool);
                }
                // The interpreter prepares an error message for each `!` that it evaluates.
                args.push(literal_bool(id, false));
                args.push(literal_bool(id, true));
                *expr = call(id, operators::CONDITIONAL, args);
                return Ty::Bool.into();
            }
            (operators::NOT_STRICTLY_FALSE, false, 1) => {
                for arg in &mut args {
                    self.argument(arg, &Ty::Bool);
                }
                Ty::Bool
            }
            (operators::CONDITIONAL, false, 3) => self.conditional(id, &mut args),
            (operators::EQUALS | operators::NOT_EQUALS, false, 2) => {
                if self.equality(id, &mut args) {
                    let same = call(id, EQUAL, args);
                    *expr = if func_name == operators::EQUALS {
                        same
                    } else {
                        let swap = vec![same, literal_bool(id, false), literal_bool(id, true)];
                        call(id, operators::CONDITIONAL, swap)
                    };
                    return Ty::Bool.into();
                }
                Ty::Bool
            }
            (
                operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS,
                false,
                2,
            ) => {
                self.ordering(id, &mut args);
                Ty::Bool
            }
            (operators::IN, false, 2) => {
                self.membership(id, &mut args);
                Ty::Bool
            }
            (operators::INDEX, false, 2) => {
                let typed = self.index(id, &mut args);
                *expr = call(id, operators::INDEX, args);
                return typed;
            }
            (operators::ADD, false, 2) => self.addition(id, &mut args),
            (
                operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO,
                false,
                2,
            ) => self.arithmetic(id, &mut args),
            (operators::NEGATE, false, 1) => self.arithmetic(id, &mut args),
            ("size", member, _) => self.size(id, member, &mut target, &mut args),
            ("contains" | "startsWith" | "endsWith", true, 1) => {
                if let Some(target) = &mut target {
                    self.argument(target, &Ty::String);
                }
                for arg in &mut args {
                    self.argument(arg, &Ty::String);
                }
                Ty::Bool
            }
            ("string", false, 1) => {
                for arg in &mut args {
                    let ty = self.value(arg);
                    if !scalar(ty.some()) && ty != Ty::Null {
                        self.error(arg.id, format!("string() does not take {ty}"), None);
                    }
                }
                Ty::String
            }
            ("int", false, 1) => {
                for arg in &mut args {
                    let ty = self.value(arg);
                    if !matches!(ty.some(), Ty::Int | Ty::Double | Ty::String | Ty::Dyn) {
                        self.error(arg.id, format!("int() does not take {ty}"), None);
                    }
                }
                Ty::Int
            }
            _ => self.function(id, &func_name, &mut target, &mut args),
        };
        expr.expr = Expr::Call(CallExpr {
            func_name,
            target: target.map(Box::new),
            args,
        });
        ty.into()
    }

    /// Checks an argument against the one type it may have; null is a matter of run time.
    fn argument(&mut self, arg: &mut IdedExpr, wanted: &Ty) {
        let errors = self.errors.len();
        let ty = self.value(arg);
        if errors == self.errors.len() && !fits(ty.some(), wanted) {
            self.error(arg.id, format!("expected {wanted}, got {ty}"), None);
        }
    }

    fn pair(&mut self, args: &mut [IdedExpr]) -> Option<(Ty, Ty)> {
        let errors = self.errors.len();
        let types: Vec<Ty> = args.iter_mut().map(|arg| self.value(arg)).collect();
        if errors != self.errors.len() {
            return None;
        }
        match types.as_slice() {
            [a, b] => Some((a.clone(), b.clone())),
            [a] => Some((a.clone(), a.clone())),
            _ => None,
        }
    }

    fn conditional(&mut self, id: u64, args: &mut [IdedExpr]) -> Ty {
        let [condition, then, otherwise] = args else {
            return Ty::Dyn;
        };
        self.argument(condition, &Ty::Bool);
        let then = self.value(then);
        let otherwise = self.value(otherwise);
        match then.join(&otherwise) {
            Some(ty) => ty,
            None => {
                self.error(
                    id,
                    format!("one branch is {then}, the other {otherwise}"),
                    None,
                );
                Ty::Dyn
            }
        }
    }

    /// Checks `==`. Returns whether lists or structs are compared.
    fn equality(&mut self, id: u64, args: &mut [IdedExpr]) -> bool {
        let Some((a, b)) = self.pair(args) else {
            return false;
        };
        let null = |x: &Ty, y: &Ty| *x == Ty::Null && y.admits_null();
        if null(&a, &b) || null(&b, &a) {
            return false;
        }
        if a == Ty::Null || b == Ty::Null {
            let other = if a == Ty::Null { &b } else { &a };
            self.error(id, format!("{other} is never null"), None);
            return false;
        }
        if let Some(whole) = [a.some(), b.some()].into_iter().find(|ty| match ty {
            Ty::Object(id) => id.is_resource(),
            ty => matches!(ty, Ty::Map(_) | Ty::Policy),
        }) {
            let help = Some("compare its fields, or compare with null".to_owned());
            self.error(id, format!("{whole} cannot be compared as a whole"), help);
            return false;
        }
        if !comparable(a.some(), b.some()) {
            self.error(id, format!("{a} is never equal to {b}"), None);
        }
        [a.some(), b.some()]
            .iter()
            .any(|ty| matches!(ty, Ty::List(_) | Ty::Object(_)))
    }

    fn ordering(&mut self, id: u64, args: &mut [IdedExpr]) {
        let Some((a, b)) = self.pair(args) else {
            return;
        };
        let (x, y) = (a.some(), b.some());
        if !comparable(x, y) || !scalar(x) || !scalar(y) {
            self.error(id, format!("{a} has no order with {b}"), None);
        }
    }

    fn membership(&mut self, id: u64, args: &mut [IdedExpr]) {
        let Some((item, container)) = self.pair(args) else {
            return;
        };
        let ok = match container.some() {
            Ty::List(of) => {
                (scalar(item.some()) || item == Ty::Null) && comparable(item.some(), of.some())
            }
            Ty::Map(_) => matches!(item.some(), Ty::String | Ty::Dyn),
            Ty::Dyn => scalar(item.some()),
            _ => false,
        };
        if !ok {
            self.error(id, format!("{item} is never in {container}"), None);
        }
    }

    fn index(&mut self, id: u64, args: &mut [IdedExpr]) -> Typed {
        let [container, index] = args else {
            return Ty::Dyn.into();
        };
        let container = self.check(container);
        let key = self.value(index);
        match (container.ty.some(), key.some()) {
            (Ty::List(of), Ty::Int | Ty::Dyn) => Typed {
                ty: (**of).clone(),
                path: container.path.clone(),
            },
            (Ty::Map(of), Ty::String | Ty::Dyn) => {
                self.read(&container);
                (**of).clone().into()
            }
            (Ty::Dyn, _) => {
                self.read(&container);
                Ty::Dyn.into()
            }
            (of, by) => {
                self.error(id, format!("{of} has no index of {by}"), None);
                Ty::Dyn.into()
            }
        }
    }

    fn addition(&mut self, id: u64, args: &mut [IdedExpr]) -> Ty {
        let Some((a, b)) = self.pair(args) else {
            return Ty::Dyn;
        };
        match (a.some(), b.some()) {
            (Ty::Dyn, _) | (_, Ty::Dyn) => Ty::Dyn,
            (Ty::Int, Ty::Int) => Ty::Int,
            (Ty::Double, Ty::Double) => Ty::Double,
            (Ty::String | Ty::Timestamp, Ty::String | Ty::Timestamp) => Ty::String,
            (x @ Ty::List(_), y @ Ty::List(_)) if x.join(y).is_some() => {
                x.join(y).unwrap_or(Ty::Dyn)
            }
            _ => {
                let text = [a.some(), b.some()].contains(&&Ty::String);
                let help = text.then(|| "string(...) turns a value into text".to_owned());
                self.error(id, format!("{a} and {b} cannot be added"), help);
                if text { Ty::String } else { Ty::Dyn }
            }
        }
    }

    fn arithmetic(&mut self, id: u64, args: &mut [IdedExpr]) -> Ty {
        let Some((a, b)) = self.pair(args) else {
            return Ty::Dyn;
        };
        match (a.some(), b.some()) {
            (Ty::Int | Ty::Dyn, Ty::Int | Ty::Dyn) => Ty::Int,
            (Ty::Double | Ty::Dyn, Ty::Double | Ty::Dyn) => Ty::Double,
            _ => {
                self.error(id, format!("no arithmetic with {a} and {b}"), None);
                Ty::Dyn
            }
        }
    }

    fn size(
        &mut self,
        id: u64,
        member: bool,
        target: &mut Option<IdedExpr>,
        args: &mut [IdedExpr],
    ) -> Ty {
        let (subject, rest) = match (member, target.as_mut(), args) {
            (true, Some(target), rest) => (target, rest.len()),
            (_, _, [one]) => (one, 0),
            _ => {
                self.error(id, "size() takes one argument".into(), None);
                return Ty::Int;
            }
        };
        if rest > 0 {
            self.error(id, "size() takes no more arguments".into(), None);
        }
        let node = subject.id;
        let ty = self.value(subject);
        if !matches!(ty.some(), Ty::List(_) | Ty::Map(_) | Ty::String | Ty::Dyn) {
            self.error(node, format!("{ty} has no size"), None);
        }
        Ty::Int
    }

    fn function(
        &mut self,
        id: u64,
        name: &str,
        target: &mut Option<IdedExpr>,
        args: &mut [IdedExpr],
    ) -> Ty {
        let subject = target.as_mut().map(|target| {
            let typed = self.check(target);
            self.read(&typed);
            typed.ty
        });
        let receiver = match subject.as_ref().map(Ty::some) {
            None => Some(Receiver::None),
            Some(Ty::Policy) => Some(Receiver::Policy),
            Some(Ty::String) => Some(Receiver::Text),
            Some(Ty::Object(of)) if is_principal(*of) => Some(Receiver::Principal),
            // Something was wrong below and has been said, or nothing is known.
            Some(Ty::Dyn) => return Ty::Dyn,
            Some(_) => None,
        };
        let Some(function) = FUNCTIONS
            .iter()
            .find(|function| function.name == name && Some(function.receiver) == receiver)
        else {
            self.no_function(id, name, subject.as_ref(), receiver);
            for arg in args {
                self.value(arg);
            }
            return Ty::Dyn;
        };
        if args.len() != function.params.len() {
            self.error_at(
                id,
                name,
                format!(
                    "`{name}` takes {} arguments, not {}",
                    function.params.len(),
                    args.len()
                ),
                None,
            );
            return Ty::Dyn;
        }
        if receiver == Some(Receiver::Principal) {
            self.principal(subject.as_ref());
            if matches!(name, "leaves_services_unused" | "unused_services") {
                self.last_accessed(id, name, subject.as_ref());
            }
        }
        self.arguments(function, args)
    }

    /// What the members of principals read beside the principal.
    fn principal(&mut self, subject: Option<&Ty>) {
        let Some(Ty::Object(of)) = subject.map(Ty::some) else {
            return;
        };
        for name in [
            "inline_policies",
            "attached_policy_arns",
            "permissions_boundary_arn",
        ] {
            if let Some((_, field)) = of.get().field(name) {
                self.read_field(*of, field);
            }
        }
        for kind in ["iam.policy", "iam.group"] {
            if let Some(of) = type_number(kind) {
                self.reads.lookups.insert(of);
            }
        }
    }

    /// What those read that set grants beside uses.
    fn last_accessed(&mut self, id: u64, name: &str, subject: Option<&Ty>) {
        let Some(Ty::Object(of)) = subject.map(Ty::some) else {
            return;
        };
        match of.get().field("service_last_accessed") {
            Some((_, field)) => self.read_field(*of, field),
            None => {
                let message = format!("`{name}` is known of users and roles only");
                self.error_at(id, name, message, None);
            }
        }
    }

    fn read_field(&mut self, of: ObjectId, field: &Field) {
        let whole = Typed {
            ty: Ty::Object(of),
            path: None,
        };
        let typed = self.field(&whole, of, field);
        self.read(&typed);
    }

    fn no_function(
        &mut self,
        id: u64,
        name: &str,
        subject: Option<&Ty>,
        receiver: Option<Receiver>,
    ) {
        let mut names: Vec<&str> = FUNCTIONS
            .iter()
            .filter(|function| Some(function.receiver) == receiver)
            .map(|function| function.name)
            .collect();
        match subject.map(Ty::some) {
            None => names.extend(["size", "string", "int", "has"]),
            Some(Ty::String) => names.extend(["contains", "startsWith", "endsWith", "size"]),
            Some(Ty::List(_) | Ty::Map(_)) => {
                names.extend(["all", "exists", "exists_one", "map", "filter", "size"]);
            }
            Some(_) => {}
        }
        let message = match subject {
            None => format!("there is no function `{name}`"),
            Some(ty) => format!("{ty} has no function `{name}`"),
        };
        let help = did_you_mean(name, names.iter().copied());
        self.error_at(id, name, message, help);
    }

    fn arguments(&mut self, function: &Function, args: &mut [IdedExpr]) -> Ty {
        let mut kind = None;
        for (param, arg) in function.params.iter().zip(args) {
            let id = arg.id;
            match param {
                Param::Text => self.argument(arg, &Ty::String),
                Param::Int => self.argument(arg, &Ty::Int),
                Param::Moment => self.argument(arg, &Ty::Timestamp),
                Param::Texts => self.argument(arg, &Ty::List(Box::new(Ty::String))),
                Param::Key => {
                    let ty = self.value(arg);
                    if !matches!(ty.some(), Ty::String | Ty::Int | Ty::Dyn) {
                        self.error(id, format!("expected text, got {ty}"), None);
                    }
                }
                Param::Rules => {
                    let ty = self.value(arg);
                    if !matches!(ty.some(), Ty::List(of) if matches!(**of, Ty::Object(_) | Ty::Dyn | Ty::Never))
                    {
                        self.error(id, format!("expected a list of rules, got {ty}"), None);
                    }
                }
                Param::Type => {
                    kind = self.type_argument(arg);
                    if let Some(of) = kind {
                        *arg = literal_int(id, i64::from(of));
                    }
                }
                Param::Path => {
                    if let (Some(of), Some(path)) = (kind, self.literal(arg, "a path of fields")) {
                        self.path(id, of, &path);
                    }
                }
                Param::Action => {
                    if let Some(action) = self.literal(arg, "an IAM action")
                        && action.split(':').count() != 2
                    {
                        let help = Some("write it as `service:Action`".to_owned());
                        self.error(id, format!("`{action}` is no IAM action"), help);
                    }
                }
                Param::Pattern => {
                    if let Some(pattern) = self.literal(arg, "a regular expression")
                        && let Err(error) = regex::Regex::new(&pattern)
                    {
                        self.error(id, error.to_string().replace('\n', " "), None);
                    }
                }
            }
        }
        let resource = || kind.map_or(Ty::Dyn, |of| Ty::Object(ObjectId { of, object: 0 }));
        match function.returns {
            Returns::Bool => Ty::Bool,
            Returns::Int => Ty::Int,
            Returns::Text => Ty::String,
            Returns::Texts => Ty::List(Box::new(Ty::String)),
            Returns::Resource => resource().nullable(),
            Returns::Resources => Ty::List(Box::new(resource())),
        }
    }

    /// The text of an argument that must be a literal.
    fn literal(&mut self, arg: &IdedExpr, what: &str) -> Option<String> {
        if let Expr::Literal(LiteralValue::String(text)) = &arg.expr {
            return Some(text.inner().to_owned());
        }
        self.error(arg.id, format!("{what} must be written out as text"), None);
        None
    }

    fn type_argument(&mut self, arg: &IdedExpr) -> Option<u16> {
        let name = self.literal(arg, "a resource type")?;
        let Some(of) = type_number(&name) else {
            let help = did_you_mean(&name, type_names());
            self.error(arg.id, format!("there is no resource type `{name}`"), help);
            return None;
        };
        self.reads.lookups.insert(of);
        if let Some(schema) = schema(of) {
            self.reads.sources.extend(schema.sources.iter().cloned());
        }
        Some(of)
    }

    /// Checks a dotted path that walks structs and lists of a type.
    fn path(&mut self, id: u64, of: u16, path: &str) {
        let mut typed = Typed {
            ty: Ty::Object(ObjectId { of, object: 0 }),
            path: Some(Path::root(of)),
        };
        for name in path.split('.') {
            let mut ty = typed.ty.some().clone();
            while let Ty::List(inner) = ty {
                ty = inner.some().clone();
            }
            match ty {
                Ty::Object(object) => {
                    let Some((_, field)) = object.get().field(name) else {
                        let names = object.get().fields.iter().map(|f| f.name.as_str());
                        let help = did_you_mean(name, names);
                        let message = format!("{} has no field `{name}`", object.get().name);
                        self.error_at(id, name, message, help);
                        return;
                    };
                    typed = self.field(&typed, object, field);
                }
                Ty::Map(inner) => typed.ty = *inner,
                Ty::Dyn => typed.ty = Ty::Dyn,
                other => {
                    self.error(id, format!("{other} has no field `{name}`"), None);
                    return;
                }
            }
        }
        self.read(&typed);
    }

    fn comprehension(&mut self, expr: &mut IdedExpr) -> Typed {
        let Expr::Comprehension(over) = &mut expr.expr else {
            return Ty::Dyn.into();
        };
        let range = self.check(&mut over.iter_range);
        let item = match range.ty.some() {
            Ty::List(of) => Typed {
                ty: (**of).clone(),
                path: range.path.clone(),
            },
            Ty::Map(_) => {
                self.read(&range);
                Ty::String.into()
            }
            Ty::Dyn => {
                self.read(&range);
                Ty::Dyn.into()
            }
            other => {
                let message = format!("{other} has no elements");
                self.error(over.iter_range.id, message, None);
                Ty::Dyn.into()
            }
        };
        self.read(&Typed {
            ty: range.ty.clone(),
            path: range.path.clone(),
        });
        if matches!(over.iter_var.as_str(), "resource" | "params")
            || self.variables.iter().any(|(v, _)| *v == over.iter_var)
        {
            let message = format!("`{}` means something else already", over.iter_var);
            self.error(expr.id, message, None);
            return Ty::Dyn.into();
        }
        let start = self.value(&mut over.accu_init);
        self.variables
            .push((over.accu_var.clone(), start.clone().into()));
        self.variables.push((over.iter_var.clone(), item));
        self.argument(&mut over.loop_cond, &Ty::Bool);
        let step = self.value(&mut over.loop_step);
        self.variables.pop();
        self.variables.pop();
        let sum = start.join(&step).unwrap_or(step);
        self.variables.push((over.accu_var.clone(), sum.into()));
        let result = self.value(&mut over.result);
        self.variables.pop();
        result.into()
    }
}

/// Whether a value of one type can be used where another is wanted.
fn fits(ty: &Ty, wanted: &Ty) -> bool {
    match (ty, wanted) {
        (Ty::Dyn | Ty::Never, _) => true,
        (Ty::Timestamp, Ty::String) => true,
        // Whether an item is null is a matter of run time, as it is for a field.
        (Ty::List(a), Ty::List(b)) => fits(a.some(), b),
        (a, b) => a == b,
    }
}

/// Whether two values can be equal at all.
fn comparable(a: &Ty, b: &Ty) -> bool {
    match (a, b) {
        (Ty::Dyn | Ty::Never, _) | (_, Ty::Dyn | Ty::Never) => true,
        (Ty::Int | Ty::Double, Ty::Int | Ty::Double) => true,
        (Ty::Null, other) | (other, Ty::Null) => other.admits_null(),
        (Ty::List(a), Ty::List(b)) => comparable(a.some(), b.some()),
        (Ty::Object(a), Ty::Object(b)) => a == b && !a.is_resource(),
        (a, b) => scalar(a) && a == b,
    }
}

fn scalar(ty: &Ty) -> bool {
    matches!(
        ty,
        Ty::Bool | Ty::Int | Ty::Double | Ty::String | Ty::Timestamp | Ty::Dyn
    )
}

fn is_principal(of: ObjectId) -> bool {
    of.is_resource() && matches!(type_name(of.of), "iam.user" | "iam.group" | "iam.role")
}

fn literal_type(literal: &LiteralValue) -> Option<Ty> {
    Some(match literal {
        LiteralValue::Boolean(_) => Ty::Bool,
        LiteralValue::Double(_) => Ty::Double,
        LiteralValue::Int(_) => Ty::Int,
        LiteralValue::Null => Ty::Null,
        LiteralValue::String(_) => Ty::String,
        LiteralValue::Bytes(_) | LiteralValue::UInt(_) => return None,
    })
}

/// Reads a field by its slot. A path from the resource down becomes one variable that names all slots:
/// the interpreter then takes one step for it, whatever its length.
fn read_slot(id: u64, operand: IdedExpr, slot: usize) -> IdedExpr {
    let path = match &operand.expr {
        Expr::Ident(name) if name == "resource" => Some(super::SLOTS.to_string()),
        Expr::Ident(name) if name.starts_with(super::SLOTS) => Some(name.clone()),
        _ => None,
    };
    if let (Some(mut path), Some(step)) = (path, super::step(slot)) {
        path.push(step);
        return IdedExpr {
            id,
            expr: Expr::Ident(path),
        };
    }
    let slot = literal_int(id, i64::try_from(slot).unwrap_or(i64::MAX));
    call(id, operators::INDEX, vec![operand, slot])
}

fn call(id: u64, name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    IdedExpr {
        id,
        expr: Expr::Call(CallExpr {
            func_name: name.to_owned(),
            target: None,
            args,
        }),
    }
}

fn literal(id: u64, value: LiteralValue) -> IdedExpr {
    IdedExpr {
        id,
        expr: Expr::Literal(value),
    }
}

fn literal_int(id: u64, value: i64) -> IdedExpr {
    literal(id, LiteralValue::Int(CelInt::from(value)))
}

fn literal_bool(id: u64, value: bool) -> IdedExpr {
    literal(id, LiteralValue::Boolean(value.into()))
}

fn literal_null(id: u64) -> IdedExpr {
    literal(id, LiteralValue::Null)
}

fn literal_text(id: u64, value: &str) -> IdedExpr {
    literal(id, LiteralValue::String(CelString::from(value.to_owned())))
}
