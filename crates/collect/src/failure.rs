//! What an SDK error means: whether to try again, and which gap it leaves.

use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{DispatchFailure, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::ErrorKind;
use posture_model::{Gap, GapReason};

use crate::clock::moment;
use crate::operation::Operation;

/// A call that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) reason: GapReason,
    pub(crate) code: Option<String>,
    /// Whether another attempt may succeed.
    pub(crate) transient: bool,
    /// How long the service asked us to wait.
    pub(crate) retry_after: Option<Duration>,
    /// Whether there was an answer at all.
    pub(crate) answered: bool,
    /// More, for a person.
    pub(crate) detail: Option<String>,
}

impl Failure {
    fn new(reason: GapReason, code: Option<&str>, transient: bool) -> Self {
        Self {
            reason,
            code: code.map(bounded),
            transient,
            retry_after: None,
            answered: false,
            detail: None,
        }
    }

    pub(crate) fn timeout() -> Self {
        Self::new(GapReason::Timeout, None, true)
    }

    /// The call was not made, or not waited for, since its time was over.
    pub(crate) fn deadline(which: &str) -> Self {
        Self::new(GapReason::Timeout, Some(which), false)
    }

    /// The call was not made, since there are no credentials to make it with.
    pub(crate) fn no_credentials(code: &str, detail: Option<String>) -> Self {
        Self {
            detail,
            ..Self::new(GapReason::Error, Some(code), false)
        }
    }

    pub(crate) fn malformed() -> Self {
        Self::new(GapReason::Malformed, None, false)
    }

    /// Whether AWS says that the credentials are no longer good.
    pub(crate) fn is_expired(&self) -> bool {
        self.code
            .as_deref()
            .is_some_and(|code| EXPIRED.contains(&code))
    }

    /// The gap that this failure of this operation leaves.
    pub(crate) fn gap(&self, operation: &Operation) -> Gap {
        Gap {
            reason: self.reason,
            operation: operation.to_string(),
            iam_action: operation.action.to_owned(),
            code: self.code.clone(),
        }
    }
}

/// Codes come from the wire. They go into files and terminals, so they are kept short and plain.
fn bounded(code: &str) -> String {
    code.chars()
        .filter(|c| c.is_ascii_graphic())
        .take(120)
        .collect()
}

/// Codes by which AWS services say "too fast". The list is the SDKs' own, plus EC2's and S3's.
const THROTTLING: &[&str] = &[
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
    "WAFLimitsExceededException",
];

/// Codes by which AWS services say "you may not".
const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "AccessDeniedFault",
    "AuthFailure",
    "AuthorizationError",
    "AuthorizationErrorException",
    "ForbiddenException",
    "NotAuthorized",
    "NotAuthorizedException",
    "UnauthorizedAccess",
    "UnauthorizedException",
    "UnauthorizedOperation",
    "AllAccessDisabled",
];

/// Codes by which services say that credentials were good once. EC2 has one code for that and for a
/// request that is too old.
const EXPIRED: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "TokenRefreshRequired",
];

/// Codes by which services refuse a signature. A clock that runs wrong is one reason.
const SIGNATURE: &[&str] = &[
    "InvalidSignatureException",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
];

/// A clock that is further off makes signatures invalid.
const SKEW: Duration = Duration::from_secs(4 * 60);

/// Codes by which services, and emulators of them, say "no such operation here".
const UNSUPPORTED: &[&str] = &[
    "InvalidAction",
    "MethodNotAllowed",
    "NotImplemented",
    "UnknownOperation",
    "UnknownOperationException",
    "UnsupportedOperation",
    "UnsupportedOperationException",
    "InternalFailureNotImplemented",
];

/// Codes by which a region says that the account has not switched it on.
const NOT_OFFERED: &[&str] = &["OptInRequired", "RegionDisabledException"];

pub(crate) fn classify<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Failure {
    match error {
        SdkError::TimeoutError(_) => Failure::timeout(),
        SdkError::DispatchFailure(dispatch) if dispatch.is_user() => {
            Failure::new(GapReason::Error, Some("NotSent"), false)
        }
        SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => Failure::timeout(),
        SdkError::DispatchFailure(dispatch) if is_lost_connection(dispatch) => {
            Failure::new(GapReason::Timeout, Some("ConnectionFailed"), true)
        }
        SdkError::DispatchFailure(_) => {
            // What is left is most often credentials that could not be had.
            Failure::new(GapReason::Error, Some("DispatchFailure"), false)
        }
        SdkError::ConstructionFailure(_) => Failure::new(GapReason::Error, Some("NotSent"), false),
        // The answer did not parse. Once more, since a proxy may have cut it, then give up.
        SdkError::ResponseError(_) => Failure {
            answered: true,
            ..Failure::new(GapReason::Malformed, None, true)
        },
        SdkError::ServiceError(service) => {
            let raw = service.raw();
            let failure = by_code(service.err().code(), raw.status().as_u16());
            let skewed = failure
                .code
                .as_deref()
                .is_some_and(|code| SIGNATURE.contains(&code))
                && is_skewed(raw.headers().get("date"), SystemTime::now());
            Failure {
                // The clock that signs has learnt from the answer by how much this machine's is off.
                transient: failure.transient || skewed,
                retry_after: retry_after(|name| raw.headers().get(name)),
                answered: true,
                ..failure
            }
        }
        _ => Failure::new(GapReason::Error, None, false),
    }
}

/// Whether there was no connection, or it ended before the answer. The latter is what the SDK's client calls an
/// error of another, transient kind.
fn is_lost_connection(dispatch: &DispatchFailure) -> bool {
    dispatch.is_io() || dispatch.as_other() == Some(ErrorKind::TransientError)
}

/// `Retry-After` as seconds or as a date, or Amazon's own header in milliseconds. A date is compared with that of
/// the answer, not with this machine's.
fn retry_after<'a>(header: impl Fn(&'static str) -> Option<&'a str>) -> Option<Duration> {
    if let Some(milliseconds) = header("x-amz-retry-after").and_then(|value| value.parse().ok()) {
        return Some(Duration::from_millis(milliseconds));
    }
    let value = header("retry-after")?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = header("date").and_then(moment);
    let now = now.unwrap_or_else(SystemTime::now);
    // A moment that has passed asks for no wait.
    Some(moment(value)?.duration_since(now).unwrap_or_default())
}

fn is_skewed(date: Option<&str>, now: SystemTime) -> bool {
    let Some(there) = date.and_then(moment) else {
        return false;
    };
    let off = match there.duration_since(now) {
        Ok(ahead) => ahead,
        Err(behind) => behind.duration(),
    };
    off > SKEW
}

fn by_code(code: Option<&str>, status: u16) -> Failure {
    let plain = code.map(|code| {
        // `aws.protocoltests#Code:http://...` is what some protocols send.
        let code = code.rsplit('#').next().unwrap_or(code);
        code.split(':').next().unwrap_or(code)
    });
    let known = |list: &[&str]| plain.is_some_and(|code| list.contains(&code));
    if known(THROTTLING) || status == 429 {
        return Failure::new(GapReason::Throttled, plain.or(Some("429")), true);
    }
    if known(DENIED) {
        return Failure::new(GapReason::AccessDenied, plain, false);
    }
    if known(NOT_OFFERED) {
        return Failure::new(GapReason::NotOffered, plain, false);
    }
    if known(UNSUPPORTED) || status == 501 {
        return Failure::new(GapReason::Unsupported, plain, false);
    }
    let http = match status {
        200..=299 => None,
        _ => Some(format!("HTTP{status}")),
    };
    let shown = plain.or(http.as_deref());
    match (plain, status) {
        (_, 500..) => Failure::new(GapReason::Error, shown, true),
        (None, 401 | 403) => Failure::new(GapReason::AccessDenied, shown, false),
        (None, 404 | 405) => Failure::new(GapReason::Unsupported, shown, false),
        // An error answer without a code: the body was not what the protocol says.
        (None, 200..=299) => Failure::new(GapReason::Malformed, shown, true),
        _ => Failure::new(GapReason::Error, shown, false),
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    #[test]
    fn codes_decide_before_status() {
        assert_eq!(by_code(Some("SlowDown"), 503).reason, GapReason::Throttled);
        assert_eq!(
            by_code(Some("UnauthorizedOperation"), 403).reason,
            GapReason::AccessDenied
        );
        assert_eq!(
            by_code(Some("com.amazonaws#AccessDeniedException"), 400).reason,
            GapReason::AccessDenied
        );
        assert_eq!(by_code(None, 403).reason, GapReason::AccessDenied);
        assert_eq!(by_code(None, 500).reason, GapReason::Error);
        assert!(by_code(None, 500).transient);
        assert_eq!(
            by_code(Some("NotImplemented"), 501).reason,
            GapReason::Unsupported
        );
    }

    #[test]
    fn an_unknown_code_is_an_error_and_nothing_milder() {
        let failure = by_code(Some("ExpiredToken"), 400);
        assert_eq!(failure.reason, GapReason::Error);
        assert_eq!(failure.code.as_deref(), Some("ExpiredToken"));
        assert!(!failure.transient);
    }

    #[test]
    fn a_wait_is_said_in_seconds_as_a_date_or_in_milliseconds() {
        let said = |name: &'static str, value: &'static str| {
            retry_after(|header| match header {
                "date" => Some("Sun, 01 Nov 2026 00:00:00 GMT"),
                other => (other == name).then_some(value),
            })
        };
        assert_eq!(said("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(
            said("retry-after", "Sun, 01 Nov 2026 00:00:30 GMT"),
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            said("retry-after", "Sat, 31 Oct 2026 23:00:00 GMT"),
            Some(Duration::ZERO)
        );
        assert_eq!(
            said("x-amz-retry-after", "1500"),
            Some(Duration::from_millis(1_500))
        );
        assert_eq!(said("retry-after", "soon"), None);
    }

    #[test]
    fn a_wrong_clock_is_told_from_a_wrong_key() {
        let date = "Sun, 01 Nov 2026 00:00:00 GMT";
        let now = moment(date).unwrap();
        assert!(!is_skewed(Some(date), now + Duration::from_secs(60)));
        assert!(is_skewed(Some(date), now + Duration::from_secs(600)));
        assert!(is_skewed(Some(date), now - Duration::from_secs(600)));
        assert!(!is_skewed(None, now));
        assert!(by_code(Some("ExpiredTokenException"), 400).is_expired());
        assert!(!by_code(Some("AccessDenied"), 403).is_expired());
    }

    #[test]
    fn a_connection_that_ends_without_an_answer_is_tried_again() {
        let dispatch = |error| SdkError::<ErrorMetadata, HttpResponse>::dispatch_failure(error);
        let closed = ConnectorError::other("closed".into(), Some(ErrorKind::TransientError));
        for lost in [closed, ConnectorError::io("reset".into())] {
            let failure = classify(&dispatch(lost));
            assert!(failure.transient && !failure.answered, "{failure:?}");
            assert_eq!(failure.reason, GapReason::Timeout);
            assert_eq!(failure.code.as_deref(), Some("ConnectionFailed"));
        }
        let other = classify(&dispatch(ConnectorError::other("odd".into(), None)));
        assert!(!other.transient, "{other:?}");
    }

    #[test]
    fn codes_from_the_wire_are_harmless() {
        let failure = by_code(Some("\u{1b}[31mEvil\n"), 400);
        assert_eq!(failure.code.as_deref(), Some("[31mEvil"));
    }
}
