//! Amazon API Gateway: HTTP and WebSocket APIs.

use crate::TypeInfo;

/// The types of this service.
pub(crate) const TYPES: &[TypeInfo] = &[];
