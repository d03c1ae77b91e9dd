//! Reads the configuration of AWS accounts into a snapshot.
//!
//! `service/` holds one collector a service; `cx` is what they work with; `scan` runs them over
//! accounts and regions. Only this crate, the command line and the end-to-end tests link the AWS SDK.

mod accounts;
mod clock;
mod complete_xml;
mod convert;
mod credentials;
mod cx;
mod failure;
mod gate;
mod guard;
mod limit;
mod network;
mod operation;
mod plan;
mod prelude;
mod quota;
mod scan;
mod secrets;
mod service;
mod session;
mod units;

pub use accounts::AccountFilter;
pub use cx::CallPolicy;
pub use guard::operation_of;
pub use limit::Rate;
pub use operation::Operation;
pub use quota::{Pace, paces};
pub use scan::{
    Progress, ScanError, ScanRequest, ScanSummary, UNIT_TIMEOUT, UnitWaits, WORKERS, runtime, scan,
};
pub use secrets::ExaminerError;
pub use service::{Placement, Service, all as services, find as find_service};
pub use session::{AccountRole, Caller, SESSION_NAME, Session, SessionOptions};

/// The operations that find accounts and regions, before any collector runs.
pub fn core_operations() -> &'static [&'static Operation] {
    session::OPERATIONS
}

/// The operations by which the scanning principal finds the accounts of its organization and tells them apart.
pub fn organization_operations() -> impl Iterator<Item = &'static Operation> {
    accounts::OPERATIONS.iter().copied()
}
