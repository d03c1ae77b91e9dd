//! Static types, read from the model's JSON Schema.

use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, OnceLock};

use posture_model::{Resource, TypeInfo, all_types};
use serde_json::Value;

/// The type of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ty {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Double,
    /// Text.
    String,
    /// A point in time.
    Timestamp,
    /// An IAM policy document.
    Policy,
    /// A list of one type.
    List(Box<Ty>),
    /// Values by text keys.
    Map(Box<Ty>),
    /// A struct of the model; a whole resource when it is its schema's first.
    Object(ObjectId),
    /// The type or `null`.
    Nullable(Box<Ty>),
    /// Where the schema is open: nothing is known.
    Dyn,
    /// The element type of an empty list literal: fits every type.
    Never,
}

/// Names a struct: the resource type's number and the struct's number in its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ObjectId {
    /// Index into `all_types()`.
    pub(crate) of: u16,
    /// Index into the schema's objects; 0 is the resource itself.
    pub(crate) object: u16,
}

impl ObjectId {
    /// Whether this is a whole resource rather than a part of one.
    pub(crate) fn is_resource(self) -> bool {
        self.object == 0
    }

    /// The struct.
    pub(crate) fn get(self) -> &'static ObjectType {
        static NOTHING: ObjectType = ObjectType {
            name: String::new(),
            fields: Vec::new(),
        };
        schema(self.of)
            .and_then(|schema| schema.objects.get(usize::from(self.object)))
            .unwrap_or(&NOTHING)
    }
}

/// A struct: fields in the order of their names.
#[derive(Debug)]
pub(crate) struct ObjectType {
    /// The struct's name; for a resource, its type.
    pub(crate) name: String,
    /// Its fields.
    pub(crate) fields: Vec<Field>,
}

impl ObjectType {
    /// A field and its slot.
    pub(crate) fn field(&self, name: &str) -> Option<(usize, &Field)> {
        let slot = self
            .fields
            .binary_search_by(|field| field.name.as_str().cmp(name))
            .ok()?;
        Some((slot, self.fields.get(slot)?))
    }
}

/// A field of a struct.
#[derive(Debug)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: String,
    /// Its type.
    pub(crate) ty: Ty,
    /// Whether a call of its own fills it, so that it can be a gap.
    pub(crate) collected: bool,
    /// The operations that fill it; empty where they are the resource's own.
    pub(crate) sources: Vec<String>,
    /// What it was for versions that did not know of it, where that is certain.
    pub(crate) before: Option<Value>,
}

/// What is known of a resource type.
#[derive(Debug)]
pub(crate) struct ResourceSchema {
    /// Its structs, the resource itself first.
    pub(crate) objects: Vec<ObjectType>,
    /// The operations whose success lists it.
    pub(crate) sources: Vec<String>,
}

static INFOS: LazyLock<Vec<&'static TypeInfo>> = LazyLock::new(|| all_types().collect());

static NUMBERS: LazyLock<HashMap<&'static str, u16>> = LazyLock::new(|| {
    INFOS
        .iter()
        .enumerate()
        .filter_map(|(index, info)| Some((info.name, u16::try_from(index).ok()?)))
        .collect()
});

// Compiled one by one on first use: a run over one service needs few of them.
static SCHEMAS: LazyLock<Vec<OnceLock<ResourceSchema>>> =
    LazyLock::new(|| INFOS.iter().map(|_| OnceLock::new()).collect());

/// The number of a resource type.
pub(crate) fn type_number(name: &str) -> Option<u16> {
    NUMBERS.get(name).copied()
}

/// The names of all resource types.
pub(crate) fn type_names() -> impl Iterator<Item = &'static str> + Clone {
    INFOS.iter().map(|info| info.name)
}

/// The schema of a resource type.
pub(crate) fn schema(number: u16) -> Option<&'static ResourceSchema> {
    let index = usize::from(number);
    let (info, slot) = INFOS.get(index).zip(SCHEMAS.get(index))?;
    Some(slot.get_or_init(|| compile(number, info.name, info.schema().as_value())))
}

/// The name of a resource type.
pub(crate) fn type_name(number: u16) -> &'static str {
    INFOS
        .get(usize::from(number))
        .map_or("unknown", |info| info.name)
}

impl Ty {
    /// The type without `null`.
    pub(crate) fn some(&self) -> &Ty {
        match self {
            Self::Nullable(inner) => inner,
            other => other,
        }
    }

    /// The type or `null`.
    pub(crate) fn nullable(self) -> Self {
        match self {
            Self::Nullable(_) | Self::Null | Self::Dyn => self,
            other => Self::Nullable(Box::new(other)),
        }
    }

    /// Whether `null` is one of its values.
    pub(crate) fn admits_null(&self) -> bool {
        matches!(self, Self::Null | Self::Nullable(_) | Self::Dyn)
    }

    /// The narrowest type that holds both, if there is one.
    pub(crate) fn join(&self, other: &Self) -> Option<Self> {
        Some(match (self, other) {
            (a, b) if a == b => a.clone(),
            (Self::Dyn, _) | (_, Self::Dyn) => Self::Dyn,
            (Self::Never, ty) | (ty, Self::Never) => ty.clone(),
            (Self::Null, ty) | (ty, Self::Null) => ty.clone().nullable(),
            (Self::Nullable(a), Self::Nullable(b)) => a.join(b)?.nullable(),
            (Self::Nullable(a), b) | (b, Self::Nullable(a)) => a.join(b)?.nullable(),
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.join(b)?)),
            (Self::Map(a), Self::Map(b)) => Self::Map(Box::new(a.join(b)?)),
            _ => return None,
        })
    }
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Double => f.write_str("double"),
            Self::String => f.write_str("string"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Policy => f.write_str("policy"),
            Self::List(of) if **of == Self::Never => f.write_str("list"),
            Self::List(of) => write!(f, "list of {of}"),
            Self::Map(of) => write!(f, "map of {of}"),
            Self::Object(id) => f.write_str(&id.get().name),
            Self::Nullable(of) => write!(f, "{of} or null"),
            Self::Dyn => f.write_str("anything"),
            Self::Never => f.write_str("nothing"),
        }
    }
}

struct Compiler<'a> {
    of: u16,
    definitions: Option<&'a serde_json::Map<String, Value>>,
    objects: Vec<ObjectType>,
    named: HashMap<String, u16>,
}

fn compile(number: u16, name: &'static str, root: &Value) -> ResourceSchema {
    let mut compiler = Compiler {
        of: number,
        definitions: root.get("$defs").and_then(Value::as_object),
        objects: vec![ObjectType {
            name: name.to_owned(),
            fields: Vec::new(),
        }],
        named: HashMap::new(),
    };
    let mut fields = envelope();
    fields.extend(compiler.fields(root));
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(object) = compiler.objects.first_mut() {
        object.fields = fields;
    }
    ResourceSchema {
        objects: compiler.objects,
        sources: sources(root),
    }
}

/// The fields that every resource has. `tags` come from calls of their own in many services.
fn envelope() -> Vec<Field> {
    Resource::ENVELOPE
        .iter()
        .map(|name| Field {
            name: (*name).to_owned(),
            ty: match *name {
                "tags" => Ty::Map(Box::new(Ty::String)).nullable(),
                "created" => Ty::Timestamp.nullable(),
                _ => Ty::String,
            },
            collected: *name == "tags",
            sources: Vec::new(),
            before: None,
        })
        .collect()
}

fn sources(schema: &Value) -> Vec<String> {
    match schema.get("x-source") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(all)) => all
            .iter()
            .filter_map(|one| one.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

impl Compiler<'_> {
    fn fields(&mut self, schema: &Value) -> Vec<Field> {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return Vec::new();
        };
        properties
            .iter()
            .map(|(name, schema)| Field {
                name: name.clone(),
                ty: self.ty(schema, 0),
                collected: is_collected(schema),
                sources: sources(schema),
                before: schema.get("x-before").cloned(),
            })
            .collect()
    }

    fn ty(&mut self, schema: &Value, depth: usize) -> Ty {
        // The model is ours, but a type that referred to nothing but itself must not hang the tool.
        if depth > 32 {
            return Ty::Dyn;
        }
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.reference(reference, depth);
        }
        for key in ["anyOf", "oneOf", "allOf"] {
            if let Some(options) = schema.get(key).and_then(Value::as_array) {
                return self.any_of(options, is_collected(schema), depth);
            }
        }
        match schema.get("type") {
            Some(Value::String(one)) => self.simple(one, schema, depth),
            Some(Value::Array(several)) => {
                let mut names = several.iter().filter_map(Value::as_str);
                let null = names.clone().any(|name| name == "null");
                let mut others = names.by_ref().filter(|name| *name != "null");
                match (others.next(), others.next()) {
                    (Some(one), None) => {
                        let ty = self.simple(one, schema, depth);
                        if null { ty.nullable() } else { ty }
                    }
                    _ => Ty::Dyn,
                }
            }
            _ if schema.get("const").is_some_and(Value::is_string) => Ty::String,
            _ if schema
                .get("enum")
                .and_then(Value::as_array)
                .is_some_and(|values| values.iter().all(Value::is_string)) =>
            {
                Ty::String
            }
            _ => Ty::Dyn,
        }
    }

    fn any_of(&mut self, options: &[Value], collected: bool, depth: usize) -> Ty {
        let mut joined = Ty::Never;
        for option in options {
            // The gap of a `Collected` is no value.
            if collected && option.pointer("/properties/unavailable").is_some() {
                continue;
            }
            let ty = self.ty(option, depth + 1);
            joined = match joined.join(&ty) {
                Some(ty) => ty,
                None => return Ty::Dyn,
            };
        }
        match joined {
            Ty::Never => Ty::Dyn,
            ty => ty,
        }
    }

    fn simple(&mut self, name: &str, schema: &Value, depth: usize) -> Ty {
        let format = schema.get("format").and_then(Value::as_str);
        match (name, format) {
            (_, Some("iam-policy")) => Ty::Policy,
            ("null", _) => Ty::Null,
            ("boolean", _) => Ty::Bool,
            ("integer", _) => Ty::Int,
            ("number", _) => Ty::Double,
            ("string", Some("date-time")) => Ty::Timestamp,
            ("string", _) => Ty::String,
            ("array", _) => Ty::List(Box::new(
                schema
                    .get("items")
                    .map_or(Ty::Dyn, |items| self.ty(items, depth + 1)),
            )),
            ("object", _) if schema.get("properties").is_some() => {
                let title = schema.get("title").and_then(Value::as_str);
                let name = title.unwrap_or("object").to_owned();
                self.object(name, schema, false)
            }
            ("object", _) => match schema.get("additionalProperties") {
                Some(of @ Value::Object(_)) => Ty::Map(Box::new(self.ty(of, depth + 1))),
                _ => Ty::Dyn,
            },
            _ => Ty::Dyn,
        }
    }

    fn reference(&mut self, reference: &str, depth: usize) -> Ty {
        let name = reference.strip_prefix("#/$defs/").unwrap_or(reference);
        if let Some(object) = self.named.get(name) {
            return Ty::Object(ObjectId {
                of: self.of,
                object: *object,
            });
        }
        let Some(schema) = self.definitions.and_then(|all| all.get(name)) else {
            return Ty::Dyn;
        };
        if schema.get("properties").is_some() {
            self.object(name.to_owned(), schema, true)
        } else {
            self.ty(schema, depth + 1)
        }
    }

    fn object(&mut self, name: String, schema: &Value, shared: bool) -> Ty {
        let Ok(object) = u16::try_from(self.objects.len()) else {
            return Ty::Dyn;
        };
        // Known by number before its fields are looked at: it may contain itself.
        if shared {
            self.named.insert(name.clone(), object);
        }
        self.objects.push(ObjectType {
            name,
            fields: Vec::new(),
        });
        let mut fields = self.fields(schema);
        fields.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(slot) = self.objects.get_mut(usize::from(object)) {
            slot.fields = fields;
        }
        Ty::Object(ObjectId {
            of: self.of,
            object,
        })
    }
}

fn is_collected(schema: &Value) -> bool {
    schema.get("x-collected").and_then(Value::as_bool) == Some(true)
}
