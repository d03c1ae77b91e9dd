//! For tests only: an AWS that answers from a list, and breaks where it is told to.

mod replay;
mod reply;
pub mod world;

pub use replay::{Fault, OperationOf, Replay};
pub use reply::{Reply, reply};
