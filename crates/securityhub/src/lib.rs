//! Imports the findings of a report into AWS Security Hub, and archives what a report proves resolved.
//!
//! The scanner reads and nothing else, and that is enforced where it collects. Here is the one place that
//! writes to AWS: with clients of its own, which can call nothing but [`OPERATIONS`].

mod convert;
mod guard;
mod hub;
mod import;
mod session;

pub use guard::{OPERATIONS, Operation};
pub use import::{Counts, Outcome, Refused, Unreachable, import};
pub use session::{ImportError, Options, Role};
