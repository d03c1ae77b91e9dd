//! End to end: the `posture` binary as a person runs it, against an emulated AWS.
//!
//! The tests know the program from outside only: its arguments, exit codes, files and what it sends.
//! `make test` says which Python runs the emulators (`POSTURE_MOTO_PYTHON`, `POSTURE_LOCALSTACK_PYTHON`);
//! without it the tests fail and say so. `POSTURE_E2E=skip` skips them, and `POSTURE_BIN` names a binary
//! to test instead of the one that is built here. `POSTURE_BROWSER` names a Chromium, or is `skip`; where there is
//! none, the browser's tests say so and pass.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod shards;
mod support;
/// A large report, the one that the report's own tests and benchmarks use.
#[path = "../../crates/report/tests/common/synthetic.rs"]
mod synthetic;

mod access;
mod bad_input;
mod browser;
mod commands;
mod configuration;
mod demo;
mod denied;
mod deploy;
mod fleet;
mod hostile;
mod interrupted;
mod localstack;
mod organization;
mod report;
mod scheduled;
mod securityhub;
mod thousand;
mod ticketing;
mod unused;
mod waivers;
mod wire;
