//! Reading and writing snapshots: a directory of Hive-style partitions, a manifest, and a record for
//! each unit of work. `docs/design/architecture.md` describes the layout.

mod error;
mod files;
mod format;
mod read;
mod shard;
mod store;
mod write;

pub use error::SnapshotError;
pub use files::{write_atomically, write_atomically_with};
pub use format::{
    AccountRecord, LedgerEntry, Listing, Manifest, SCHEMA_VERSION, ScanRecord, Scope, Shards,
    ToolRecord, UnitKey, UnitRecord,
};
pub use read::{Envelope, Line, Snapshot, missing_shards};
pub use shard::{Shard, ShardError};
pub use store::{Directory, See, Store};
pub use write::{SnapshotWriter, UnitWriter};
