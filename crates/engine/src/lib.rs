//! Judges a snapshot by a catalogue of checks. No async, no SDK, no CEL: facts in, findings out.
//!
//! The same snapshot and catalogue give the same evaluation, byte for byte, whatever the number of
//! threads.

pub mod bench;
mod elsewhere;
mod evaluate;
mod explain;
mod finding_id;
mod findings;
mod input;
mod parallel;
mod places;
mod plan;
mod reader;
mod result;
mod waivers;

pub use evaluate::{Limits, Options, evaluate, evaluate_input, evaluate_within};
pub use explain::{Explanation, Fact, explain};
pub use finding_id::{ResourceKeys, finding_id, resource_key};
pub use findings::Findings;
pub use input::Input;
pub use result::{
    CoverageEntry, Evaluation, Evidence, Finding, FindingResource, PlaceRecord, Tallies, Tally,
};
pub use waivers::{Waiver, WaiverOutcome, WaiverState, Waivers};

/// Why a snapshot could not be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The snapshot cannot be read.
    #[error(transparent)]
    Snapshot(#[from] posture_snapshot::SnapshotError),
    /// Two findings share an id. Cannot happen short of a collision of SHA-256; asserted because
    /// waivers and tickets hang on it.
    #[error("two findings have the id {0}")]
    AmbiguousId(posture_model::FindingId),
    /// The temporary file for findings cannot be written, or read back.
    #[error(
        "failed to keep findings in a temporary file: {0}; set TMPDIR to a directory with room for them"
    )]
    Findings(std::io::Error),
}
