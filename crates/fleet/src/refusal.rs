//! Answers that say no, in the form of each protocol.

use serde_json::json;

use crate::http::Response;
use crate::service::{Protocol, Service};

/// An error answer, before a protocol gives it a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            headers: Vec::new(),
        }
    }

    /// Too many calls.
    pub(crate) fn throttled(service: &Service, retry_after_s: Option<u64>) -> Self {
        let (status, code) = match (service.protocol, service.name) {
            (Protocol::Ec2, _) => (503, "RequestLimitExceeded"),
            (Protocol::Query(_), _) => (400, "Throttling"),
            (Protocol::S3 | Protocol::S3Control, _) => (503, "SlowDown"),
            (Protocol::RestJson, _) => (429, "TooManyRequestsException"),
            (Protocol::Json(_), "organizations") => (400, "TooManyRequestsException"),
            (Protocol::Json(_), _) => (400, "ThrottlingException"),
        };
        let usual = match service.name {
            "lambda" | "apigateway" | "apigatewayv2" => Some(1),
            _ => None,
        };
        let mut refusal = Self::new(status, code, "Rate exceeded");
        if let Some(seconds) = retry_after_s.or(usual).filter(|seconds| *seconds > 0) {
            refusal.headers.push(("Retry-After", seconds.to_string()));
        }
        refusal
    }

    /// Not permitted.
    pub(crate) fn denied(service: &Service) -> Self {
        let code = match service.protocol {
            Protocol::Ec2 => "UnauthorizedOperation",
            Protocol::Query(_) | Protocol::S3 | Protocol::S3Control => "AccessDenied",
            Protocol::Json(_) | Protocol::RestJson => "AccessDeniedException",
        };
        let status = match service.protocol {
            Protocol::Json(_) => 400,
            _ => 403,
        };
        Self::new(
            status,
            code,
            "You are not authorized to perform this operation.",
        )
    }

    /// The credentials are past their time.
    pub(crate) fn expired(service: &Service) -> Self {
        let (status, code) = match service.protocol {
            Protocol::Ec2 => (400, "RequestExpired"),
            Protocol::Query(_) => (403, "ExpiredToken"),
            Protocol::S3 | Protocol::S3Control => (400, "ExpiredToken"),
            Protocol::Json(_) => (400, "ExpiredTokenException"),
            Protocol::RestJson => (403, "ExpiredTokenException"),
        };
        Self::new(
            status,
            code,
            "The security token included in the request is expired",
        )
    }

    /// Nobody is known by that key, or not in that region.
    pub(crate) fn unknown_caller(service: &Service) -> Self {
        let (status, code) = match service.protocol {
            Protocol::Ec2 => (401, "AuthFailure"),
            Protocol::Query(_) => (403, "InvalidClientTokenId"),
            Protocol::S3 | Protocol::S3Control => (403, "InvalidAccessKeyId"),
            Protocol::Json(_) => (400, "UnrecognizedClientException"),
            Protocol::RestJson => (403, "UnrecognizedClientException"),
        };
        Self::new(
            status,
            code,
            "The security token included in the request is invalid.",
        )
    }

    /// The service broke.
    pub(crate) fn internal(service: &Service) -> Self {
        let code = match service.protocol {
            Protocol::Ec2 | Protocol::S3 | Protocol::S3Control => "InternalError",
            Protocol::Query(_) => "ServiceFailure",
            Protocol::Json(_) => "InternalFailure",
            Protocol::RestJson => "ServiceException",
        };
        Self::new(500, code, "An internal error has occurred")
    }

    /// What was asked for by name is not there.
    pub(crate) fn missing(service: &Service, what: &str) -> Self {
        let (status, code) = match (service.protocol, service.name) {
            (Protocol::Ec2, _) => (400, "InvalidParameterValue"),
            (Protocol::Query(_), _) => (404, "NoSuchEntity"),
            (Protocol::S3, _) => (404, "NoSuchBucket"),
            (Protocol::S3Control, _) => (404, "NoSuchAccessPoint"),
            (Protocol::Json(_), "kms") => (400, "NotFoundException"),
            (Protocol::Json(_), "wafv2") => (400, "WAFNonexistentItemException"),
            (Protocol::Json(_), "ecr") => (400, "RepositoryNotFoundException"),
            (Protocol::Json(_), _) => (400, "InvalidInputException"),
            (Protocol::RestJson, "lambda" | "account") => (404, "ResourceNotFoundException"),
            (Protocol::RestJson, _) => (404, "NotFoundException"),
        };
        Self::new(status, code, &format!("{what} does not exist"))
    }

    /// A page's token that was given out for another question, or never.
    pub(crate) fn invalid_token(service: &Service) -> Self {
        let code = match (service.protocol, service.name) {
            (Protocol::Ec2, _) => "InvalidNextToken",
            (Protocol::Query(_), _) => "ValidationError",
            (Protocol::RestJson, "lambda") => "InvalidParameterValueException",
            (Protocol::RestJson, _) => "BadRequestException",
            (Protocol::S3 | Protocol::S3Control, _) => "InvalidArgument",
            (Protocol::Json(_), "kms") => "InvalidMarkerException",
            (Protocol::Json(_), _) => "InvalidParameterException",
        };
        Self::new(
            400,
            code,
            "The pagination token is not valid for this request",
        )
    }

    /// A request that the fleet does not understand.
    pub(crate) fn unknown_operation(service: &Service) -> Self {
        let (status, code) = match service.protocol {
            Protocol::Ec2 | Protocol::Query(_) => (400, "InvalidAction"),
            Protocol::S3 | Protocol::S3Control => (501, "NotImplemented"),
            Protocol::Json(_) | Protocol::RestJson => (404, "UnknownOperationException"),
        };
        Self::new(status, code, "The fleet does not know this operation")
    }

    /// In the form of the service's protocol.
    pub(crate) fn response(&self, service: &Service, request_id: &str) -> Response {
        let Self { code, message, .. } = self;
        let mut headers = self.headers.clone();
        let (content_type, body) = match service.protocol {
            Protocol::Query(namespace) => (
                XML,
                format!(
                    "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>Sender</Type>\
                     <Code>{code}</Code><Message>{message}</Message></Error>\
                     <RequestId>{request_id}</RequestId></ErrorResponse>"
                ),
            ),
            Protocol::Ec2 => (
                XML,
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>\
                     <Code>{code}</Code><Message>{message}</Message></Error></Errors>\
                     <RequestID>{request_id}</RequestID></Response>"
                ),
            ),
            Protocol::S3 => (
                XML,
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
                     <Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"
                ),
            ),
            Protocol::S3Control => (
                XML,
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ErrorResponse><Error>\
                     <Code>{code}</Code><Message>{message}</Message></Error>\
                     <RequestId>{request_id}</RequestId></ErrorResponse>"
                ),
            ),
            Protocol::Json(_) => (
                "application/x-amz-json-1.1",
                json!({"__type": code, "message": message}).to_string(),
            ),
            Protocol::RestJson => {
                headers.push(("x-amzn-ErrorType", code.clone()));
                ("application/json", json!({"message": message}).to_string())
            }
        };
        Response {
            status: self.status,
            content_type,
            headers,
            body: body.into_bytes(),
        }
    }
}

pub(crate) const XML: &str = "text/xml";
