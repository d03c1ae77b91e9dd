//! Amazon S3.

use crate::TypeInfo;

/// The types of this service.
pub(crate) const TYPES: &[TypeInfo] = &[];
