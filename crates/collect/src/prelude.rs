//! What every collector uses.

pub(crate) use posture_model::{
    Collected, ExaminedValue, Gap, GapReason, PolicyDocument, Region, ResourceKind, Tags,
    Timestamp, TypedResource,
};

pub(crate) use crate::convert::{flag, parse_policy, required_policy, strings, tag_map, timestamp};
pub(crate) use crate::cx::{Cx, Identity, Listed};
pub(crate) use crate::limit::Rate;
pub(crate) use crate::operation::operations;
pub(crate) use crate::service::{Placement, Service};

/// A rate that suits services which publish none: their consoles do as much.
pub(crate) const STANDARD_RATE: Rate = Rate {
    burst: 400.0,
    per_second: 50.0,
};

/// A client of the unit's account and region that can send declared operations only.
macro_rules! client {
    ($cx:expr, $sdk:ident) => {
        $sdk::Client::from_conf(
            $sdk::config::Builder::from($cx.sdk_config())
                .interceptor($cx.guard())
                .build(),
        )
    };
}
pub(crate) use client;
