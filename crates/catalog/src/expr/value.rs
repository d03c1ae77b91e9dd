//! Resources as CEL values: a tree that is built once from JSON, guided by the schema, and then
//! shared by every check.
//!
//! Scalars are stored as the interpreter's own types, so that reading a field borrows and copies
//! nothing; structs, lists and maps are shared by reference count.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use cel::ExecutionError;
use cel::common::traits::{self, Adder, Container, Indexer, Iterable, Sizer};
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelNull, CelString, LIST_TYPE, MAP_TYPE, Type,
};
use cel::common::value::{CowVal, StaticVal, Val};
use posture_model::{Gap, GapReason, Resource, Timestamp};
use serde_json::Value;

use super::frame;
use super::policies::{Documents, Identity, Owner, PolicyData};
use super::types::{Field, ObjectId, Ty};

/// One value of a resource.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    /// Not configured.
    Null,
    /// A truth value.
    Bool(CelBool),
    /// A whole number.
    Int(CelInt),
    /// A number.
    Double(CelDouble),
    /// Text; points in time too, in the one form that sorts as time does.
    Text(CelString<'static>),
    /// A list.
    List(ListVal),
    /// Values by keys that the schema does not name.
    Map(MapVal),
    /// A struct.
    Object(ObjectVal),
    /// A policy document.
    Policy(PolicyVal),
    /// A whole resource, in the lists that look-ups return.
    Resource(ResourceVal),
    /// Could not be read.
    Gap(Arc<Gap>),
}

static NULL: CelNull = CelNull;

impl Node {
    /// The value for the interpreter; a gap is an error of a kind of its own.
    pub(crate) fn read(&self) -> Result<&(dyn Val + 'static), ExecutionError> {
        Ok(match self {
            Self::Null => &NULL,
            Self::Bool(value) => value,
            Self::Int(value) => value,
            Self::Double(value) => value,
            Self::Text(value) => value,
            Self::List(value) => value,
            Self::Map(value) => value,
            Self::Object(value) => value,
            Self::Policy(value) => value,
            Self::Resource(value) => value,
            Self::Gap(gap) => return Err(frame::gap(gap)),
        })
    }

    /// Builds a value of a type that belongs to no resource.
    pub(crate) fn build(ty: &Ty, json: &Value) -> Self {
        Builder {
            owner: None,
            documents: &Documents::default(),
        }
        .node(ty, json, false, 0)
    }

    /// The text, if it is text.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.inner()),
            _ => None,
        }
    }
}

impl Node {
    /// The value as text, much as JSON would write it.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.inner().to_owned(),
            node => {
                let mut text = String::new();
                node.write(&mut text);
                text
            }
        }
    }

    fn write(&self, out: &mut String) {
        // Enough for any reader; a long list is cut here rather than after it was written.
        if out.len() > MAX_TEXT {
            return;
        }
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(&value.inner().to_string()),
            Self::Int(value) => out.push_str(&value.inner().to_string()),
            Self::Double(value) => out.push_str(&value.inner().to_string()),
            Self::Text(text) => {
                out.push('"');
                out.push_str(text.inner());
                out.push('"');
            }
            Self::Gap(gap) => {
                out.push('(');
                out.push_str(&gap.to_string());
                out.push(')');
            }
            Self::Policy(policy) => out.push_str(&policy.data.document.to_string()),
            Self::Resource(resource) => out.push_str(&resource.0.arn),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.items().iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Map(entries) => write_entries(out, entries.entries()),
            Self::Object(object) => {
                let names = object.0.id.get().fields.iter().map(|f| f.name.as_str());
                let shown = names
                    .zip(&object.0.fields)
                    .filter(|(name, _)| *name != FINGERPRINT);
                write_entries(out, shown);
            }
        }
    }
}

/// Text longer than this is not continued.
const MAX_TEXT: usize = 64 * 1024;

/// What tells equal secrets apart from different ones within one run of a scan. Its key is of that run alone, so
/// that shown as evidence it would make the same finding look changed each time.
const FINGERPRINT: &str = "fingerprint";

fn write_entries<'a>(out: &mut String, entries: impl Iterator<Item = (&'a str, &'a Node)>) {
    out.push('{');
    for (index, (name, value)) in entries.enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        out.push_str(name);
        out.push_str(": ");
        value.write(out);
    }
    out.push('}');
}

/// Deeper trees are refused, so that nothing that walks them can overflow the stack.
const MAX_DEPTH: usize = 100;

fn misfit(expected: &Ty) -> Node {
    Node::Gap(Arc::new(Gap {
        code: Some(format!(
            "the snapshot holds something other than {expected}"
        )),
        ..Gap::bare(GapReason::Malformed)
    }))
}

/// Builds the values of one resource.
struct Builder<'a> {
    owner: Option<Arc<Owner>>,
    documents: &'a Documents,
}

impl Builder<'_> {
    /// Builds a value of a type. What does not fit the type is a gap: a snapshot may be damaged or
    /// forged, and a wrong guess would be a wrong verdict.
    fn node(&self, ty: &Ty, json: &Value, collected: bool, depth: usize) -> Node {
        if depth > MAX_DEPTH {
            return misfit(ty);
        }
        if let Some(gap) = gap_in(json, collected) {
            return gap;
        }
        match (ty, json) {
            (Ty::Nullable(_) | Ty::Null | Ty::Dyn, Value::Null) => Node::Null,
            (_, Value::Null) if collected => Node::Null,
            (Ty::Nullable(inner), json) => self.node(inner, json, false, depth),
            (Ty::Dyn, json) => build_open(json, depth),
            (Ty::Bool, Value::Bool(value)) => Node::Bool((*value).into()),
            (Ty::Int, Value::Number(number)) => number
                .as_i64()
                .map_or_else(|| misfit(ty), |value| Node::Int(value.into())),
            (Ty::Double, Value::Number(number)) => number
                .as_f64()
                .map_or_else(|| misfit(ty), |value| Node::Double(value.into())),
            (Ty::String, Value::String(text)) => Node::Text(text.clone().into()),
            (Ty::Timestamp, Value::String(text)) => Timestamp::parse(text).map_or_else(
                || misfit(ty),
                |moment| Node::Text(moment.to_string().into()),
            ),
            (Ty::Policy, document) => Node::Policy(PolicyVal {
                data: self.documents.policy(document),
                owner: self.owner.clone(),
            }),
            (Ty::List(of), Value::Array(items)) => list(
                items
                    .iter()
                    .map(|item| self.node(of, item, false, depth + 1)),
            ),
            (Ty::Map(of), Value::Object(entries)) => map(entries
                .iter()
                .map(|(key, value)| (key.clone(), self.node(of, value, false, depth + 1)))),
            (Ty::Object(id), Value::Object(entries)) => Node::Object(ObjectVal(Arc::new(Object {
                id: *id,
                fields: id
                    .get()
                    .fields
                    .iter()
                    .map(|field| self.field(field, entries.get(&field.name), depth + 1))
                    .collect(),
            }))),
            _ => misfit(ty),
        }
    }

    /// Builds a field. One that the snapshot does not hold at all was not collected by the version
    /// that made it: nothing is known of it, unless the schema says what it was then.
    fn field(&self, field: &Field, json: Option<&Value>, depth: usize) -> Node {
        match json.or(field.before.as_ref()) {
            Some(json) => self.node(&field.ty, json, field.collected, depth),
            None => Node::Gap(Arc::new(Gap {
                code: Some("the snapshot does not hold this field".to_owned()),
                ..Gap::bare(GapReason::Unsupported)
            })),
        }
    }
}

/// A `Collected` that could not be read. Looked for in every field that may be one, and nowhere
/// else, so that a policy with a key of that name stays a policy.
fn gap_in(json: &Value, collected: bool) -> Option<Node> {
    if !collected {
        return None;
    }
    let object = json.as_object().filter(|object| object.len() == 1)?;
    let gap = object.get("unavailable")?;
    Some(Node::Gap(Arc::new(
        serde_json::from_value(gap.clone()).unwrap_or_else(|_| Gap::bare(GapReason::Malformed)),
    )))
}

fn build_open(json: &Value, depth: usize) -> Node {
    if depth > MAX_DEPTH {
        return misfit(&Ty::Dyn);
    }
    match json {
        Value::Null => Node::Null,
        Value::Bool(value) => Node::Bool((*value).into()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => Node::Int(value.into()),
            (None, Some(value)) => Node::Double(value.into()),
            (None, None) => misfit(&Ty::Double),
        },
        Value::String(text) => Node::Text(text.clone().into()),
        Value::Array(items) => list(items.iter().map(|item| build_open(item, depth + 1))),
        Value::Object(entries) => map(entries
            .iter()
            .map(|(key, value)| (key.clone(), build_open(value, depth + 1)))),
    }
}

/// A list, or the gap of its first item that is one. Iterators and `==` cannot fail, so a list with
/// a hole in it could not say so; better no list at all.
fn list(items: impl Iterator<Item = Node>) -> Node {
    let items: Vec<Node> = items.collect();
    match items.iter().find(|item| matches!(item, Node::Gap(_))) {
        Some(gap) => gap.clone(),
        None => Node::List(ListVal::new(items)),
    }
}

/// A map, or the gap of its first value that is one.
fn map(entries: impl Iterator<Item = (String, Node)>) -> Node {
    let entries: Vec<(String, Node)> = entries.collect();
    match entries
        .iter()
        .find(|(_, value)| matches!(value, Node::Gap(_)))
    {
        Some((_, gap)) => gap.clone(),
        None => Node::Map(MapVal::new(entries)),
    }
}

/// A struct of the model.
#[derive(Debug)]
pub(crate) struct Object {
    /// Which struct.
    pub(crate) id: ObjectId,
    /// Its fields, by slot.
    pub(crate) fields: Vec<Node>,
}

/// A shared struct.
#[derive(Debug, Clone)]
pub(crate) struct ObjectVal(pub(crate) Arc<Object>);

impl ObjectVal {
    /// A field by name.
    pub(crate) fn field(&self, name: &str) -> Option<&Node> {
        let (slot, _) = self.0.id.get().field(name)?;
        self.0.fields.get(slot)
    }
}

fn no_field(idx: &dyn Val) -> ExecutionError {
    ExecutionError::function_error("field access", format!("no field {idx:?}"))
}

impl ResourceVal {
    /// The node that a path of slots leads to; `None` where something on it is null.
    pub(crate) fn walk(&self, slots: impl Iterator<Item = usize>) -> Option<&Node> {
        let mut object = &self.0.object;
        let mut node: Option<&Node> = None;
        for slot in slots {
            if let Some(node) = node {
                match node {
                    Node::Object(next) => object = next,
                    // What lies below what could not be read cannot be read either.
                    gap @ Node::Gap(_) => return Some(gap),
                    _ => return None,
                }
            }
            node = Some(object.0.fields.get(slot)?);
        }
        node
    }
}

/// Type-checked expressions address fields by slot; see `check::Checker::select`.
fn get_field<'b>(object: &'b Object, idx: &dyn Val) -> Result<CowVal<'b, 'static>, ExecutionError> {
    idx.downcast_ref::<CelInt>()
        .and_then(|slot| usize::try_from(*slot.inner()).ok())
        .and_then(|slot| object.fields.get(slot))
        .ok_or_else(|| no_field(idx))?
        .read()
        .map(CowVal::Borrowed)
}

static OBJECT: Type = Type::new_unspecified_type("object");
static RESOURCE: Type = Type::new_unspecified_type("resource");
static POLICY: Type = Type::new_unspecified_type("policy");

/// The parts of `Val` that are the same for each of our types.
macro_rules! val {
    ($name:ident, $type:expr, [$($capability:tt)*]) => {
        impl Val for $name {
            fn get_type(&self) -> &Type {
                $type
            }

            fn cel_type() -> &'static Type {
                $type
            }

            fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
                Box::new(self.clone())
            }

            fn as_any(&self) -> Option<&dyn Any> {
                Some(self)
            }

            $($capability)*
        }

        impl StaticVal for $name {}
    };
}

macro_rules! indexer {
    ($name:ident, |$this:ident, $idx:ident| $get:expr) => {
        impl Indexer for $name {
            fn get<'b, 'v>(&'b self, $idx: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
            where
                Self: 'v,
            {
                let $this = self;
                $get
            }

            fn steal<'v>(
                self: Box<Self>,
                idx: &dyn Val,
            ) -> Result<Box<dyn Val + 'v>, ExecutionError>
            where
                Self: 'v,
            {
                self.get(idx).map(CowVal::into_owned)
            }
        }
    };
}

val!(ObjectVal, &OBJECT, [
    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)> where Self: 'v {
        Some(self)
    }
]);
indexer!(ObjectVal, |this, idx| get_field(&this.0, idx));

/// A whole resource.
#[derive(Debug, Clone)]
pub(crate) struct ResourceVal(pub(crate) Arc<ResourceData>);

/// What a whole resource is, apart from its fields, for functions that need to know.
pub(crate) struct ResourceData {
    /// The fields, envelope and properties as one struct.
    pub(crate) object: ObjectVal,
    /// The account.
    pub(crate) account: String,
    /// The region it is in.
    pub(crate) region: String,
    /// Its type.
    pub(crate) r#type: &'static str,
    /// Its ARN.
    pub(crate) arn: String,
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// For IAM principals, all policies in effect; gathered when first asked about.
    pub(crate) identity: OnceLock<Arc<Identity>>,
    /// The documents of its world.
    pub(crate) documents: Arc<Documents>,
}

impl fmt::Debug for ResourceData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.arn)
    }
}

val!(ResourceVal, &RESOURCE, [
    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)> where Self: 'v {
        Some(self)
    }
]);
indexer!(ResourceVal, |this, idx| get_field(&this.0.object.0, idx));

/// Builds a resource. `None` when its type is not known to this build.
pub(crate) fn build_resource(
    resource: &Resource,
    documents: &Arc<Documents>,
) -> Option<ResourceVal> {
    let of = super::types::type_number(&resource.r#type)?;
    let id = ObjectId { of, object: 0 };
    let text = |text: &str| Node::Text(text.to_owned().into());
    let builder = Builder {
        owner: Some(Arc::new(Owner {
            kind: super::types::type_name(of),
            account: resource.account.as_str().to_owned(),
            arn: resource.arn.clone(),
        })),
        documents,
    };
    let fields = id
        .get()
        .fields
        .iter()
        .map(|field| match field.name.as_str() {
            "type" => text(&resource.r#type),
            "arn" => text(&resource.arn),
            "id" => text(&resource.id),
            "name" => text(&resource.name),
            "account" => text(resource.account.as_str()),
            "region" => text(resource.region.as_str()),
            "partition" => text(resource.partition.as_str()),
            "tags" => match &resource.tags {
                posture_model::Collected::Known(tags) => Node::Map(MapVal::new(
                    tags.iter().map(|(k, v)| (k.clone(), text(v))).collect(),
                )),
                posture_model::Collected::Absent => Node::Null,
                posture_model::Collected::Unavailable(gap) => Node::Gap(Arc::new(gap.clone())),
            },
            "created" => resource
                .created
                .map_or(Node::Null, |moment| text(&moment.to_string())),
            name => builder.field(field, resource.properties.get(name), 0),
        })
        .collect();
    Some(ResourceVal(Arc::new(ResourceData {
        object: ObjectVal(Arc::new(Object { id, fields })),
        account: resource.account.as_str().to_owned(),
        region: resource.region.as_str().to_owned(),
        r#type: super::types::type_name(of),
        arn: resource.arn.clone(),
        id: resource.id.clone(),
        name: resource.name.clone(),
        identity: OnceLock::new(),
        documents: Arc::clone(documents),
    })))
}

/// A policy document, parsed when first asked about.
#[derive(Debug, Clone)]
pub(crate) struct PolicyVal {
    /// The document and what is known of it.
    pub(crate) data: Arc<PolicyData>,
    /// The resource that it belongs to.
    pub(crate) owner: Option<Arc<Owner>>,
}

val!(PolicyVal, &POLICY, []);

/// A list.
#[derive(Debug, Clone)]
pub(crate) struct ListVal(Arc<Vec<Node>>);

impl ListVal {
    /// A list of these.
    pub(crate) fn new(items: Vec<Node>) -> Self {
        Self(Arc::new(items))
    }

    /// A list of texts.
    pub(crate) fn of_texts(items: Vec<String>) -> Self {
        Self::new(
            items
                .into_iter()
                .map(|item| Node::Text(item.into()))
                .collect(),
        )
    }

    /// Whether two handles are on the same list.
    pub(crate) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Its items.
    pub(crate) fn items(&self) -> &[Node] {
        &self.0
    }
}

val!(ListVal, &LIST, [
    fn as_adder<'b, 'v>(&'b self) -> Option<&'b (dyn Adder + 'v)> where Self: 'v {
        Some(self)
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)> where Self: 'v {
        Some(self)
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)> where Self: 'v {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        // Expressions that compare lists are rewritten to `functions::EQUAL`, which can fail.
        equal(self, other).unwrap_or_default()
    }
]);

static LIST: Type = LIST_TYPE;
static MAP: Type = MAP_TYPE;

indexer!(ListVal, |this, idx| {
    idx.downcast_ref::<CelInt>()
        .and_then(|index| usize::try_from(*index.inner()).ok())
        .and_then(|index| this.0.get(index))
        .ok_or_else(|| {
            ExecutionError::function_error("index", format!("{idx:?} is outside of the list"))
        })?
        .read()
        .map(CowVal::Borrowed)
});

impl Sizer for ListVal {
    fn size(&self) -> CelInt {
        i64::try_from(self.0.len()).unwrap_or(i64::MAX).into()
    }
}

impl Container for ListVal {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self
            .0
            .iter()
            .any(|node| node.read().is_ok_and(|item| item.equals(value))))
    }
}

impl Adder for ListVal {
    fn add<'b, 'v>(&'b self, rhs: &(dyn Val + 'v)) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let mut joined: Vec<Box<dyn Val + 'v>> = Vec::new();
        for node in self.0.iter() {
            joined.push(node.read()?.clone_as_boxed());
        }
        let mut more = rhs
            .as_iterable()
            .ok_or_else(|| ExecutionError::function_error("+", "a list is added to no list"))?
            .iter();
        while let Some(item) = more.next() {
            joined.push(item.clone_as_boxed());
        }
        Ok(CowVal::owned(CelList::from(joined)))
    }
}

impl Iterable for ListVal {
    fn iter<'b, 'v>(&'b self) -> Box<dyn traits::Iterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(NodeIterator(self.0.iter()))
    }
}

struct NodeIterator<'b>(std::slice::Iter<'b, Node>);

impl<'b, 'v> traits::Iterator<'b, 'v> for NodeIterator<'b> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        // A list holds no gaps, see `list`; were there one, the walk would end as at an error below.
        self.0
            .next()
            .map(|node| node.read().unwrap_or(&NULL) as &(dyn Val + 'v))
    }
}

/// Values by keys that the schema does not name.
#[derive(Debug, Clone)]
pub(crate) struct MapVal(Arc<MapData>);

#[derive(Debug)]
struct MapData {
    /// Sorted by key.
    keys: Vec<CelString<'static>>,
    values: Vec<Node>,
}

impl MapVal {
    /// A map of these; the last of several entries under one key wins.
    pub(crate) fn new(entries: Vec<(String, Node)>) -> Self {
        let sorted: std::collections::BTreeMap<String, Node> = entries.into_iter().collect();
        let (keys, values) = sorted
            .into_iter()
            .map(|(key, value)| (CelString::from(key), value))
            .unzip();
        Self(Arc::new(MapData { keys, values }))
    }

    /// A value by key.
    pub(crate) fn value(&self, key: &str) -> Option<&Node> {
        let index = self.0.keys.binary_search_by(|k| k.inner().cmp(key)).ok()?;
        self.0.values.get(index)
    }

    /// Entries in the order of the keys.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &Node)> {
        let keys = self.0.keys.iter().map(CelString::inner);
        keys.zip(&self.0.values)
    }
}

val!(MapVal, &MAP, [
    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)> where Self: 'v {
        Some(self)
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)> where Self: 'v {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }
]);

indexer!(MapVal, |this, idx| {
    let key = idx
        .downcast_ref::<CelString>()
        .ok_or_else(|| ExecutionError::function_error("index", "a key is text"))?;
    this.value(key.inner())
        .ok_or_else(|| {
            ExecutionError::function_error("index", format!("there is no key {:?}", key.inner()))
        })?
        .read()
        .map(CowVal::Borrowed)
});

impl Sizer for MapVal {
    fn size(&self) -> CelInt {
        i64::try_from(self.0.keys.len()).unwrap_or(i64::MAX).into()
    }
}

impl Container for MapVal {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        let key = value
            .downcast_ref::<CelString>()
            .ok_or_else(|| ExecutionError::function_error("in", "a key is text"))?;
        Ok(self.value(key.inner()).is_some())
    }
}

impl Iterable for MapVal {
    fn iter<'b, 'v>(&'b self) -> Box<dyn traits::Iterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(KeyIterator(self.0.keys.iter()))
    }
}

struct KeyIterator<'b>(std::slice::Iter<'b, CelString<'static>>);

impl<'b, 'v> traits::Iterator<'b, 'v> for KeyIterator<'b> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.0.next().map(|key| key as &(dyn Val + 'v))
    }
}

/// Whether two values are equal: lists by their items and structs by their fields, whatever they are
/// made of. The interpreter's own `==` asks only the left side, its lists know no other lists, and
/// it has no way to say that a field could not be read.
pub(crate) fn equal(a: &dyn Val, b: &dyn Val) -> Result<bool, ExecutionError> {
    if let (Some(a), Some(b)) = (a.downcast_ref::<ObjectVal>(), b.downcast_ref::<ObjectVal>()) {
        return equal_objects(a, b);
    }
    let lists = is_list(a) || is_list(b);
    let (Some(left), Some(right)) = (a.as_iterable(), b.as_iterable()) else {
        return Ok(!lists && a.equals(b));
    };
    if !lists {
        return Ok(a.equals(b));
    }
    let (mut left, mut right) = (left.iter(), right.iter());
    let mut open = None;
    loop {
        match (left.next(), right.next()) {
            (None, None) => return open.map_or(Ok(true), Err),
            // A difference decides, whatever else could not be read.
            (Some(a), Some(b)) => match equal(a, b) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => open = Some(error),
            },
            _ => return Ok(false),
        }
    }
}

fn equal_objects(a: &ObjectVal, b: &ObjectVal) -> Result<bool, ExecutionError> {
    if a.0.id != b.0.id {
        return Ok(false);
    }
    let mut open = None;
    for (a, b) in a.0.fields.iter().zip(&b.0.fields) {
        match equal_nodes(a, b) {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(error) => open = Some(error),
        }
    }
    open.map_or(Ok(true), Err)
}

fn equal_nodes(a: &Node, b: &Node) -> Result<bool, ExecutionError> {
    match (a, b) {
        (Node::Map(a), Node::Map(b)) => {
            let (mut left, mut right) = (a.entries(), b.entries());
            loop {
                match (left.next(), right.next()) {
                    (None, None) => return Ok(true),
                    (Some((k, a)), Some((l, b))) if k == l && equal_nodes(a, b)? => {}
                    _ => return Ok(false),
                }
            }
        }
        (Node::Policy(a), Node::Policy(b)) => Ok(a.data.document == b.data.document),
        (a, b) => equal(a.read()?, b.read()?),
    }
}

fn is_list(value: &dyn Val) -> bool {
    value.get_type() == &LIST
}
