//! The fleet from outside: over sockets, as a client of AWS meets it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod answers;
mod books;
mod client;
mod crawl;
mod faults;
mod pages;
mod program;

use posture_fleet::{Config, Estate, Faults, Fleet};

/// A small fleet in which all the same there is some of everything.
fn estate() -> Estate {
    Estate {
        accounts: 6,
        suspended_accounts: 1,
        resources: 12,
        ..Estate::default()
    }
}

fn fleet(estate: Estate, faults: Faults) -> Fleet {
    Fleet::start(Config { estate, faults }).unwrap()
}
