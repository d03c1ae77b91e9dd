//! What a snapshot holds: typed resources, one module a service, and the few types they share.
//!
//! Nothing here does I/O. The JSON Schema of these types is what the check catalogue is type-checked
//! against, so a field's doc comment is also its public documentation: say the unit and the source.

mod collected;
mod ids;
mod policy_document;
mod registry;
mod resource;
mod secret;
mod timestamp;

pub mod account;
pub mod apigateway;
pub mod apigatewayv2;
pub mod ec2;
pub mod ecr;
pub mod iam;
pub mod kms;
pub mod lambda;
pub mod organizations;
pub mod s3;
pub mod s3control;
pub mod wafv2;

pub use collected::{Collected, Gap, GapReason};
pub use ids::{AccountId, Arn, CheckId, FindingId, GLOBAL_REGION, IdError, Partition, Region};
pub use policy_document::PolicyDocument;
pub use registry::{TypeInfo, all_types, find_type};
pub use resource::{Resource, ResourceKind, Tags, TypedResource};
pub use secret::{ExaminedText, ExaminedValue, SecretHit};
pub use timestamp::Timestamp;
