//! One canned answer.

/// What a service answers to an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The service, as the collector names it.
    pub service: String,
    /// The SDK's name of the operation.
    pub operation: String,
    /// Text that the request's URI or body must contain for this answer; empty for any request.
    pub when: Vec<String>,
    /// HTTP status.
    pub status: u16,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: String,
    /// Whether the answer is given once only, then the next that fits.
    pub once: bool,
}

/// An answer with status 200 to `service:Operation`. A JSON value is written as JSON; XML comes as text.
pub fn reply(operation: &str, body: impl ToString) -> Reply {
    let (service, operation) = operation.split_once(':').unwrap_or(("", operation));
    Reply {
        service: service.to_owned(),
        operation: operation.to_owned(),
        when: Vec::new(),
        status: 200,
        headers: Vec::new(),
        body: body.to_string(),
        once: false,
    }
}

impl Reply {
    /// Only for requests that contain this text in URI or body.
    #[must_use]
    pub fn when(mut self, text: &str) -> Self {
        self.when.push(text.to_owned());
        self
    }

    /// Once only.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// With this HTTP status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// With this header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The error answer of a service, in its protocol's own form.
    pub fn error(operation: &str, status: u16, code: &str) -> Self {
        let made = reply(operation, "").status(status);
        let message = "replayed";
        match made.service.as_str() {
            "iam" | "sts" | "core"
                if made.operation != "ListAccounts" && made.operation != "DescribeRegions" =>
            {
                Self {
                    body: format!(
                        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
                    ),
                    ..made
                }
            }
            "ec2" | "core" if made.operation != "ListAccounts" => Self {
                body: format!(
                    "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>r</RequestID></Response>"
                ),
                ..made
            },
            "s3" => Self {
                body: format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
                ..made
            },
            "s3control" => Self {
                body: format!(
                    "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
                ),
                ..made
            },
            // awsJson takes the type from the body, restJson from the header: give both.
            _ => Self {
                body: format!(r#"{{"__type":"{code}","message":"{message}"}}"#),
                ..made.header("x-amzn-errortype", code)
            },
        }
    }
}
