//! All resource types, with their schemas. A new service adds one line here.

use schemars::Schema;
use schemars::generate::SchemaSettings;

use crate::ResourceKind;

/// What is known about a resource type without any resource at hand.
#[derive(Clone, Copy)]
pub struct TypeInfo {
    /// The type's name, `service.noun`.
    pub name: &'static str,
    schema: fn() -> Schema,
}

impl TypeInfo {
    /// The entry for a type.
    pub const fn of<P: ResourceKind>() -> Self {
        Self {
            name: P::TYPE,
            schema: schema_of::<P>,
        }
    }

    /// The JSON Schema (draft 2020-12) of the type's properties.
    pub fn schema(&self) -> Schema {
        (self.schema)()
    }

    /// The collector that fills the type: what stands before the dot.
    pub fn service(&self) -> &'static str {
        self.name.split('.').next().unwrap_or(self.name)
    }
}

fn schema_of<P: ResourceKind>() -> Schema {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<P>()
}

/// Every service's types, in the order of the services' names.
static SERVICES: &[&[TypeInfo]] = &[
    crate::account::TYPES,
    crate::apigateway::TYPES,
    crate::apigatewayv2::TYPES,
    crate::ec2::TYPES,
    crate::ecr::TYPES,
    crate::iam::TYPES,
    crate::kms::TYPES,
    crate::lambda::TYPES,
    crate::organizations::TYPES,
    crate::s3::TYPES,
    crate::s3control::TYPES,
    crate::wafv2::TYPES,
];

/// Every resource type.
pub fn all_types() -> impl Iterator<Item = &'static TypeInfo> {
    SERVICES.iter().flat_map(|types| types.iter())
}

/// The type of this name.
pub fn find_type(name: &str) -> Option<&'static TypeInfo> {
    all_types().find(|info| info.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Resource;

    #[test]
    fn names_are_unique_and_well_formed() {
        let mut seen = BTreeSet::new();
        for info in all_types() {
            assert!(seen.insert(info.name), "{} is defined twice", info.name);
            assert_eq!(info.name.split('.').count(), 2, "{}", info.name);
        }
    }

    #[test]
    fn no_property_hides_an_envelope_field_or_a_gap() {
        for info in all_types() {
            let schema = info.schema();
            let Some(properties) = schema.get("properties").and_then(|p| p.as_object()) else {
                panic!("{} has no properties", info.name);
            };
            for name in properties.keys() {
                assert!(
                    !Resource::ENVELOPE.contains(&name.as_str()) && name != "unavailable",
                    "{}.{name} hides an envelope field",
                    info.name
                );
            }
        }
    }

    #[test]
    fn every_field_is_documented() {
        for info in all_types() {
            let schema = serde_json::to_value(info.schema()).unwrap();
            let mut objects = vec![("", &schema)];
            if let Some(defs) = schema.get("$defs").and_then(|d| d.as_object()) {
                objects.extend(defs.iter().map(|(name, def)| (name.as_str(), def)));
            }
            for (name, object) in objects {
                for (field, of) in object
                    .get("properties")
                    .and_then(|p| p.as_object())
                    .into_iter()
                    .flatten()
                {
                    assert!(
                        of.get("description").is_some(),
                        "{} {name}.{field} has no doc comment",
                        info.name
                    );
                }
            }
        }
    }

    #[test]
    fn every_type_and_collected_field_names_its_source() {
        for info in all_types() {
            let schema = serde_json::to_value(info.schema()).unwrap();
            assert!(
                schema["x-source"].is_array(),
                "{} has no x-source",
                info.name
            );
            let mut objects = vec![&schema];
            objects.extend(
                schema
                    .get("$defs")
                    .and_then(|d| d.as_object())
                    .into_iter()
                    .flat_map(|defs| defs.values()),
            );
            for object in objects {
                for (field, of) in object
                    .get("properties")
                    .and_then(|p| p.as_object())
                    .into_iter()
                    .flatten()
                {
                    let collected = of.get("x-collected").is_some();
                    assert!(
                        !collected || of["x-source"].is_array(),
                        "{} {field} is collected by a call of its own but names no x-source",
                        info.name
                    );
                }
            }
        }
    }
}
