//! Findings over time: generated histories against what is true, both sinks against local servers, and what is
//! written.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

mod model;
mod sinks;
mod written;
