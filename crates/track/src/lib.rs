//! What becomes of findings over time: comparing reports, carrying the day on which a weakness was first seen,
//! and tickets that live for years without a duplicate.
//!
//! It works on reports ([`posture_report::Source`]) and keeps of each finding only what a comparison takes; the
//! findings themselves are read again where they are shown.
//!
//! One rule is above all others: what was not looked at is neither fixed nor gone.

mod baseline;
pub mod diff;
mod index;
mod markdown;
mod names;
mod standing;
pub mod tickets;

pub use baseline::Compared;
pub use diff::{Diff, diff_schema};
pub use standing::State;
