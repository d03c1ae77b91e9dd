//! Amazon EC2: instances, networks, volumes.

use crate::TypeInfo;

/// The types of this service.
pub(crate) const TYPES: &[TypeInfo] = &[];
