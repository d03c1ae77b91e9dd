//! The envelope that every resource wears.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{AccountId, Collected, Partition, Region, Timestamp};

/// Tags by key. Keys and values are chosen by others: hostile text.
pub type Tags = BTreeMap<String, String>;

/// The properties of one resource type.
pub trait ResourceKind: Serialize + DeserializeOwned + JsonSchema {
    /// The type's name, `service.noun`.
    const TYPE: &'static str;
}

/// One resource of a known type: an envelope, the same for all types, and typed properties.
///
/// Checks see both as one object (`resource.name`, `resource.url`); no property may therefore have
/// the name of an envelope field, which a test asserts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource<P = serde_json::Value> {
    /// The resource's type, `service.noun`.
    pub r#type: String,
    /// Its ARN; where AWS defines none, one built in the same form.
    pub arn: String,
    /// The id that AWS's API uses for it.
    pub id: String,
    /// The name that a person would call it by; the id where there is none.
    pub name: String,
    /// The account that owns it.
    pub account: AccountId,
    /// The region it is in, or `global`.
    pub region: Region,
    /// The partition it is in.
    pub partition: Partition,
    /// Its tags, where the type has any.
    #[serde(default)]
    pub tags: Collected<Tags>,
    /// When it was created, where AWS tells.
    #[serde(default)]
    pub created: Option<Timestamp>,
    /// What is particular to the type.
    pub properties: P,
}

/// A resource whose properties are typed.
pub type TypedResource<P> = Resource<P>;

impl Resource {
    /// The names of the envelope's fields, as checks see them.
    pub const ENVELOPE: [&'static str; 9] = [
        "type",
        "arn",
        "id",
        "name",
        "account",
        "region",
        "partition",
        "tags",
        "created",
    ];
}

impl<P: Serialize> Resource<P> {
    /// Forgets the static type of the properties.
    pub fn erase(self) -> Result<Resource, serde_json::Error> {
        Ok(Resource {
            properties: serde_json::to_value(&self.properties)?,
            r#type: self.r#type,
            arn: self.arn,
            id: self.id,
            name: self.name,
            account: self.account,
            region: self.region,
            partition: self.partition,
            tags: self.tags,
            created: self.created,
        })
    }
}
