//! Read-only by construction: nothing that is not declared leaves the process.
//!
//! Two locks, one behind the other. The interceptor compares the operation that the SDK is about to
//! send with the declared ones and marks the request; the HTTP client underneath sends only marked
//! requests. A client that someone builds without the interceptor can therefore send nothing at all.

use std::borrow::Cow;
use std::sync::Arc;

use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::service_clock_skew::ServiceClockSkewInterceptor;
use aws_runtime::user_agent::UserAgentInterceptor;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextRef,
    BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, disable_interceptor};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, Metadata};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_types::app_name::AppName;

use crate::clock::Clock;
use crate::complete_xml::is_whole;
use crate::gate::Lane;
use crate::operation::Operation;

/// Mark of a request whose operation is declared, and the way by which it leaves.
#[derive(Debug, Clone)]
struct Declared(&'static Operation, Arc<Lane>);

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
    lane: Arc<Lane>,
    /// Who calls, as CloudTrail records it.
    agent: Cow<'static, str>,
}

/// Who calls, unless the user has named an application (`AWS_SDK_UA_APP_ID`, `sdk_ua_app_id`) too.
const AGENT: &str = concat!("posture/", env!("CARGO_PKG_VERSION"));

impl Guard {
    pub(crate) fn new(
        operations: &'static [&'static Operation],
        lane: Arc<Lane>,
        application: Option<&AppName>,
    ) -> Self {
        Self {
            operations,
            lane,
            agent: match application {
                Some(name) => Cow::Owned(format!("{AGENT} app/{name}")),
                None => Cow::Borrowed(AGENT),
            },
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the answer is not a whole document")]
struct Incomplete;

#[derive(Debug, thiserror::Error)]
#[error("{0} is not a declared read-only operation; the request was not sent")]
struct Refused(String);

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for Guard {
    fn name(&self) -> &'static str {
        "posture-read-only"
    }

    /// What the SDK says in its headers of attempts, of clocks and of itself is worked out and mostly signed for each
    /// call, a twelfth of its instructions. Attempts and clocks are not the SDK's here, so it would be wrong too.
    fn read_before_execution(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        cfg.interceptor_state()
            .store_put(disable_interceptor::<UserAgentInterceptor>(
                "it is set here",
            ))
            .store_put(disable_interceptor::<InvocationIdInterceptor>(
                "attempts are counted by the caller",
            ))
            .store_put(disable_interceptor::<RequestInfoInterceptor>(
                "attempts are counted by the caller",
            ))
            .store_put(disable_interceptor::<ServiceClockSkewInterceptor>(
                "the session's clock is AWS's",
            ));
        Ok(())
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
        let request = context.request_mut();
        request.add_extension(Declared(operation, Arc::clone(&self.lane)));
        request
            .headers_mut()
            .try_insert("user-agent", self.agent.clone())?;
        Ok(())
    }

    /// An answer that was cut must not be read as a shorter one; see `complete_xml`.
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if context.output_or_error().is_err() {
            return Ok(());
        }
        let Some(body) = context.response().body().bytes() else {
            return Ok(());
        };
        let is_xml = body.trim_ascii_start().starts_with(b"<");
        let whole = !is_xml || std::str::from_utf8(body).is_ok_and(is_whole);
        if whole {
            Ok(())
        } else {
            Err(Incomplete.into())
        }
    }
}

/// HTTP client that sends nothing but marked requests, and looks at what time it is where answers come from.
#[derive(Debug)]
pub(crate) struct GuardedClient {
    inner: SharedHttpClient,
    clock: Clock,
}

impl GuardedClient {
    pub(crate) fn shared(inner: SharedHttpClient, clock: Clock) -> SharedHttpClient {
        SharedHttpClient::new(Self { inner, clock })
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
            clock: self.clock.clone(),
        })
    }
}

#[derive(Debug)]
struct GuardedConnector {
    inner: SharedHttpConnector,
    clock: Clock,
}

impl HttpConnector for GuardedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Some(Declared(operation, lane)) = request.extension::<Declared>().cloned() else {
            return HttpConnectorFuture::ready(Err(ConnectorError::user(
                Refused("a request".to_owned()).into(),
            )));
        };
        let (inner, clock) = (self.inner.clone(), self.clock.clone());
        HttpConnectorFuture::new(async move {
            let under_way = lane.leave(operation, || inner.call(request)).await;
            let answer = under_way.await?;
            clock.told(answer.headers().get("date"));
            Ok(answer)
        })
    }
}

#[cfg(all(test, feature = "lambda"))]
#[expect(clippy::expect_used, reason = "a test stops at the first surprise")]
mod tests {
    use posture_testkit::{Replay, reply};

    use super::*;
    use crate::gate::Gates;
    use crate::session::Session;

    static LIST_FUNCTIONS: Operation = Operation {
        service: "lambda",
        name: "ListFunctions",
        action: "lambda:ListFunctions",
    };
    static DECLARED: &[&Operation] = &[&LIST_FUNCTIONS];

    /// An AWS that would carry out whatever reaches it.
    fn willing() -> (Replay, Session) {
        let replay = Replay::new(operation_of).with([
            reply("lambda:ListFunctions", r#"{"Functions": []}"#),
            reply("lambda:DeleteFunction", "{}"),
        ]);
        let session = Session::fixed(replay.client(), Some("http://replay.invalid"));
        (replay, session)
    }

    fn lane() -> Arc<Lane> {
        let account = posture_model::AccountId::new("123456789012").expect("an account");
        Arc::new(Arc::new(Gates::new(1, None)).lane(&account, "eu-west-1", DECLARED))
    }

    #[tokio::test]
    async fn a_mutating_call_is_not_sent() {
        let (replay, session) = willing();
        let client = aws_sdk_lambda::Client::from_conf(
            aws_sdk_lambda::config::Builder::from(&session.in_region("us-east-1"))
                .interceptor(Guard::new(DECLARED, lane(), None))
                .build(),
        );
        assert!(client.list_functions().send().await.is_ok());
        let refused = client.delete_function().function_name("f").send().await;
        assert!(refused.is_err());
        assert_eq!(
            replay.seen().into_keys().collect::<Vec<_>>(),
            ["lambda:ListFunctions"]
        );
        assert!(replay.unanswered().is_empty(), "{:?}", replay.unanswered());
    }

    #[tokio::test]
    async fn a_client_without_the_interceptor_sends_nothing() {
        let (replay, session) = willing();
        let client = aws_sdk_lambda::Client::new(&session.in_region("us-east-1"));
        assert!(client.list_functions().send().await.is_err());
        assert!(
            client
                .delete_function()
                .function_name("f")
                .send()
                .await
                .is_err()
        );
        assert!(replay.seen().is_empty());
        assert!(replay.unanswered().is_empty(), "{:?}", replay.unanswered());
    }
}
