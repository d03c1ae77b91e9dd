//! What policy documents mean: who is let in, and what a principal may do.
//!
//! Pure functions over parsed documents. Every answer has three values: what is not understood, or
//! rests on a fact that is not given, is undecided and says why. Nothing is guessed.

pub mod authorize;
pub mod condition;
pub mod document;
pub mod escalation;
pub mod estate;
pub mod identity;
pub mod least_privilege;
pub mod pattern;
pub mod public;
pub mod public_question;
pub mod question;
pub mod s3;
pub mod shared;
pub mod trust;

mod caller;
mod instant;
mod principal;
mod search;
mod tri;

pub use authorize::{
    Ask, Bound, Control, Decided, Layer, Layers, OnResource, PolicySet, Reason, authorize,
};
pub use document::{DocumentError, Policy, Statement};
pub use identity::{Boundary, IdentitySet, NamedPolicy, Origin, Verdict};
pub use principal::{Kind, NotAPrincipal, Requester};
pub use public::{
    ResourceContext, allows_anonymous, denies_insecure_transport, external_accounts, is_public,
    public_statements, unpinned_services,
};
pub use s3::effective_public;
pub use shared::{Shared, principals_allowed, shared_with};
pub use tri::{Found, Tri, Undecided};
pub use trust::{trusted_services, trusts_without_external_id, unpinned_federation};
