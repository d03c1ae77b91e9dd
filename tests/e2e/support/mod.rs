//! What all tests use: the binary, the emulators, and ways to look at what came out.

mod browser;
mod findings;
mod hook;
mod hub;
pub(crate) mod planted;
mod program;
mod proxy;
mod scanned;
mod server;

pub(crate) use browser::Browser;
pub(crate) use findings::{Finding, Key, findings, read_json};
pub(crate) use hook::Hook;
pub(crate) use hub::Hub;
pub(crate) use program::{Posture, Ran, binary, manifest_dir, with_file_system};
pub(crate) use proxy::{Proxy, Request};
pub(crate) use scanned::{demo, work_dir};
pub(crate) use server::{Kind, Server, Setup};
