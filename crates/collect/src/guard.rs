//! Read-only by construction: nothing that is not declared leaves the process.
//!
//! Two locks, one behind the other. The interceptor compares the operation that the SDK is about to
//! send with the declared ones and marks the request; the HTTP client underneath sends only marked
//! requests. A client that someone builds without the interceptor can therefore send nothing at all.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, Metadata};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use crate::operation::Operation;

/// Mark of a request whose operation is declared.
#[derive(Debug, Clone, Copy)]
struct Declared(&'static Operation);

/// The declared operation that a request carries out; for tests that look at requests.
pub fn operation_of(request: &HttpRequest) -> Option<(&'static str, &'static str)> {
    request
        .extension::<Declared>()
        .map(|mark| (mark.0.service, mark.0.name))
}

/// Interceptor that lets a client of one service call the given operations only.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    operations: &'static [&'static Operation],
}

impl Guard {
    pub(crate) fn new(operations: &'static [&'static Operation]) -> Self {
        Self { operations }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0} is not a declared read-only operation; the request was not sent")]
struct Refused(String);

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for Guard {
    fn name(&self) -> &'static str {
        "posture-read-only"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let name = cfg
            .load::<Metadata>()
            .map(Metadata::name)
            .unwrap_or("an operation without a name");
        let Some(operation) = self.operations.iter().find(|op| op.name == name) else {
            return Err(Refused(name.to_owned()).into());
        };
        context.request_mut().add_extension(Declared(operation));
        Ok(())
    }
}

/// HTTP client that sends nothing but marked requests.
#[derive(Debug)]
pub(crate) struct GuardedClient {
    inner: SharedHttpClient,
}

impl GuardedClient {
    pub(crate) fn shared(inner: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(Self { inner })
    }
}

impl HttpClient for GuardedClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(GuardedConnector {
            inner: self.inner.http_connector(settings, components),
        })
    }
}

#[derive(Debug)]
struct GuardedConnector {
    inner: SharedHttpConnector,
}

impl HttpConnector for GuardedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if request.extension::<Declared>().is_none() {
            return HttpConnectorFuture::ready(Err(ConnectorError::user(
                Refused("a request".to_owned()).into(),
            )));
        }
        self.inner.call(request)
    }
}
