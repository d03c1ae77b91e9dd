//! A fleet of AWS accounts that answers on loopback: the bench for whole scans.
//!
//! A [`Fleet`] is an HTTP server that speaks the protocols of the services that collectors call. It has N
//! accounts with M resources a service in each of R regions, sound and weak ones, and it can be slow,
//! throttle, fail, hang and refuse as AWS does. It counts what it saw ([`Stats`]), from which the shortest
//! possible duration of a scan follows ([`Floor`]).
//!
//! The account is taken from the access key of the request's signature, region and service from its
//! credential scope. Nobody checks the signature. For development and tests only.

mod account;
mod ask;
mod clock;
mod config;
mod dice;
mod floor;
mod http;
mod id;
mod limit;
mod parameters;
mod refusal;
mod server;
mod service;
mod signer;
mod stats;

pub use account::{Account, NoAccount};
pub use config::{
    Config, ConfigError, Death, ErrorKind, ErrorRule, Estate, Faults, Latency, Limit, Sessions,
};
pub use floor::{Floor, PlaceFloor};
pub use server::{Fleet, StartError};
pub use stats::{Chain, Counts, OperationStats, PlaceStats, Stats, Totals};

/// What is planted wherever a secret may be: in environment variables, user data and the like. It must
/// occur in nothing that a scan writes.
pub const CANARY: &str = "fleet-canary-5d1c2e";

/// Every operation that the fleet answers, as `(service, operation)`.
pub fn operations() -> impl Iterator<Item = (&'static str, &'static str)> {
    service::all().flat_map(|service| {
        service
            .operations
            .iter()
            .map(|operation| (service.name, operation.name))
    })
}
