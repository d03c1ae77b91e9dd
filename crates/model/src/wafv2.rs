//! AWS WAF.

use crate::TypeInfo;

/// The types of this service.
pub(crate) const TYPES: &[TypeInfo] = &[];
