//! What every collector uses.

pub(crate) use posture_model::{
    Collected, ExaminedValue, Gap, GapReason, PolicyDocument, Region, ResourceKind, Tags,
    Timestamp, TypedResource,
};

pub(crate) use crate::convert::{flag, parse_policy, required_policy, strings, tag_map, timestamp};
pub(crate) use crate::cx::{Cx, Identity, Listed};
pub(crate) use crate::operation::operations;
pub(crate) use crate::service::{Placement, Service};

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
