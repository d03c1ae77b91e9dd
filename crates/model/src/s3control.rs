//! Amazon S3 Control: account settings and access points.

use crate::TypeInfo;

/// The types of this service.
pub(crate) const TYPES: &[TypeInfo] = &[];
