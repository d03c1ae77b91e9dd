//! Credentials that are renewed before they end, once for all who use them.
//!
//! The SDK has a cache of its own, which is not used: it cannot be told that AWS took credentials for
//! expired, and not be asked whether it has any before a call queues for its turn.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_async::time::SharedTimeSource;
use futures::future::BoxFuture;

use crate::failure::Failure;
use crate::limit::lock;
use crate::session::chain;

/// Credentials are renewed when they have this much left, or a quarter of their life.
const AHEAD: Duration = Duration::from_secs(5 * 60);

/// What is so close to its end is not sent any more.
const TOO_CLOSE: Duration = Duration::from_secs(1);

/// How long a renewal that failed is not tried again, while the credentials still are good.
const AGAIN: Duration = Duration::from_secs(10);

/// Code of calls that could not be made because credentials ended and could not be renewed.
const NOT_RENEWED: &str = "CredentialsNotRenewed";

/// Where credentials come from.
pub(crate) trait Issue: fmt::Debug + Send + Sync {
    /// Asks for new ones.
    fn issue(&self) -> BoxFuture<'_, Result<Credentials, Failure>>;
}

/// The SDK's own chain: environment, profiles, SSO and so on.
#[derive(Debug)]
pub(crate) struct Chain(pub(crate) SharedCredentialsProvider);

impl Issue for Chain {
    fn issue(&self) -> BoxFuture<'_, Result<Credentials, Failure>> {
        Box::pin(async {
            self.0
                .provide_credentials()
                .await
                .map_err(|error| Failure::no_credentials(NOT_RENEWED, Some(chain(&error))))
        })
    }
}

/// Nothing that could give any.
#[derive(Debug)]
pub(crate) struct Nobody;

impl Issue for Nobody {
    fn issue(&self) -> BoxFuture<'_, Result<Credentials, Failure>> {
        let detail = Some("no provider is configured".to_owned());
        Box::pin(async { Err(Failure::no_credentials(NOT_RENEWED, detail)) })
    }
}

/// The credentials of one principal. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Keys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: Box<dyn Issue>,
    /// Whether these are the caller's own: without them nothing can go on.
    own: bool,
    time: SharedTimeSource,
    state: Mutex<State>,
    /// One renewal at a time.
    renewing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    current: Option<Current>,
    /// Counts what was issued.
    generation: u64,
    /// Why there will be no more.
    dead: Option<Failure>,
}

#[derive(Debug)]
struct Current {
    credentials: Credentials,
    renew_at: Option<SystemTime>,
    /// Whether AWS refused the ones before as expired, though they should have been good.
    after_refusal: bool,
    /// Whether AWS accepted these.
    worked: bool,
}

impl Current {
    fn is_good(&self, now: SystemTime) -> bool {
        self.credentials
            .expiry()
            .is_none_or(|end| now + TOO_CLOSE < end)
    }
}

impl Keys {
    /// The caller's own.
    pub(crate) fn own(source: impl Issue + 'static, time: SharedTimeSource) -> Self {
        Self::new(source, time, true)
    }

    /// Those of a role that was taken.
    pub(crate) fn taken(source: impl Issue + 'static, time: SharedTimeSource) -> Self {
        Self::new(source, time, false)
    }

    fn new(source: impl Issue + 'static, time: SharedTimeSource, own: bool) -> Self {
        Self(Arc::new(Inner {
            source: Box::new(source),
            own,
            time,
            state: Mutex::default(),
            renewing: tokio::sync::Mutex::default(),
        }))
    }

    /// Whether these are the caller's own.
    pub(crate) fn are_own(&self) -> bool {
        self.0.own
    }

    /// Why there are none any more.
    pub(crate) fn dead(&self) -> Option<Failure> {
        lock(&self.0.state).dead.clone()
    }

    /// Which issue is current; for [`Self::refused`].
    pub(crate) fn generation(&self) -> u64 {
        lock(&self.0.state).generation
    }

    /// Good credentials, renewed when it is time. Fails when there are none and will be none.
    pub(crate) async fn get(&self) -> Result<Credentials, Failure> {
        if let Some(settled) = self.settled() {
            return settled;
        }
        let _one = self.0.renewing.lock().await;
        // Whoever held it may have settled it.
        if let Some(settled) = self.settled() {
            return settled;
        }
        self.renew(false).await
    }

    /// AWS took these credentials, of this issue, for good.
    pub(crate) fn accepted(&self, generation: u64) {
        let mut state = lock(&self.0.state);
        if state.generation == generation
            && let Some(current) = &mut state.current
        {
            current.worked = true;
        }
    }

    /// AWS says that credentials of this issue have expired. Gives whether there are others now.
    pub(crate) async fn refused(&self, generation: u64, failure: &Failure) -> bool {
        let _one = self.0.renewing.lock().await;
        let before = {
            let mut state = lock(&self.0.state);
            if state.dead.is_some() || state.generation != generation {
                return state.dead.is_none();
            }
            // New ones that never worked and are refused too: there is no end to that.
            let hopeless = state
                .current
                .as_ref()
                .is_some_and(|current| current.after_refusal && !current.worked);
            if hopeless {
                state.dead = Some(failure.clone());
                return false;
            }
            state.current.take().map(|current| current.credentials)
        };
        let renewed = self.renew(true).await;
        let same = |a: &Credentials, b: &Credentials| {
            a.access_key_id() == b.access_key_id() && a.session_token() == b.session_token()
        };
        match (renewed, before) {
            // A source that has nothing else to give.
            (Ok(after), Some(before)) if same(&after, &before) => {
                lock(&self.0.state).dead = Some(failure.clone());
                false
            }
            (renewed, _) => renewed.is_ok(),
        }
    }

    /// What can be said without asking anybody.
    fn settled(&self) -> Option<Result<Credentials, Failure>> {
        let now = self.0.time.now();
        let state = lock(&self.0.state);
        if let Some(failure) = &state.dead {
            return Some(Err(failure.clone()));
        }
        let current = state.current.as_ref()?;
        let due = current.renew_at.is_some_and(|at| now >= at);
        (!due && current.is_good(now)).then(|| Ok(current.credentials.clone()))
    }

    /// The holder of `renewing` asks the source.
    async fn renew(&self, after_refusal: bool) -> Result<Credentials, Failure> {
        let issued = self.0.source.issue().await;
        let now = self.0.time.now();
        let mut state = lock(&self.0.state);
        match issued {
            Ok(credentials) => {
                state.generation += 1;
                state.current = Some(Current {
                    renew_at: credentials.expiry().map(|end| {
                        let left = end.duration_since(now).unwrap_or_default();
                        end - AHEAD.min(left / 4)
                    }),
                    credentials: credentials.clone(),
                    after_refusal,
                    worked: false,
                });
                Ok(credentials)
            }
            Err(failure) => {
                if let Some(current) = &mut state.current
                    && current.is_good(now)
                {
                    current.renew_at = Some(now + AGAIN);
                    return Ok(current.credentials.clone());
                }
                state.dead = Some(failure.clone());
                Err(failure)
            }
        }
    }
}

impl ProvideCredentials for Keys {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let told =
            |failure: Failure| CredentialsError::provider_error(failure.code.unwrap_or_default());
        match self.settled() {
            Some(settled) => future::ProvideCredentials::ready(settled.map_err(told)),
            None => future::ProvideCredentials::new(async move { self.get().await.map_err(told) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_async::time::TimeSource;

    use super::*;

    const START: SystemTime = SystemTime::UNIX_EPOCH;

    /// A clock that is set by hand.
    #[derive(Debug, Clone, Default)]
    struct Clock(Arc<Mutex<Duration>>);

    impl Clock {
        fn set(&self, seconds: u64) {
            *lock(&self.0) = Duration::from_secs(seconds);
        }
    }

    impl TimeSource for Clock {
        fn now(&self) -> SystemTime {
            START + *lock(&self.0)
        }
    }

    /// Issues credentials that live for a while, or refuses.
    #[derive(Debug, Clone)]
    struct Source {
        clock: Clock,
        state: Arc<Mutex<(u32, bool)>>,
        lifetime: Option<u64>,
    }

    impl Source {
        fn issued(&self) -> u32 {
            lock(&self.state).0
        }

        fn fail(&self, fails: bool) {
            lock(&self.state).1 = fails;
        }
    }

    impl Issue for Source {
        fn issue(&self) -> BoxFuture<'_, Result<Credentials, Failure>> {
            Box::pin(async {
                let mut state = lock(&self.state);
                state.0 += 1;
                if state.1 {
                    return Err(Failure::no_credentials("Refused", None));
                }
                let name = match self.lifetime {
                    None => "always".to_owned(),
                    Some(_) => state.0.to_string(),
                };
                let end = self
                    .lifetime
                    .map(|lifetime| self.clock.now() + Duration::from_secs(lifetime));
                Ok(Credentials::new(name, "secret", None, end, "test"))
            })
        }
    }

    fn keys(lifetime: Option<u64>) -> (Keys, Source, Clock) {
        let clock = Clock::default();
        let source = Source {
            clock: clock.clone(),
            state: Arc::default(),
            lifetime,
        };
        let keys = Keys::taken(source.clone(), SharedTimeSource::new(clock.clone()));
        (keys, source, clock)
    }

    async fn name(keys: &Keys) -> String {
        keys.get().await.unwrap().access_key_id().to_owned()
    }

    fn expired() -> Failure {
        Failure::no_credentials("ExpiredToken", None)
    }

    #[tokio::test]
    async fn they_are_renewed_before_they_end() {
        let (keys, source, clock) = keys(Some(100));
        assert_eq!(name(&keys).await, "1");
        clock.set(74);
        assert_eq!(name(&keys).await, "1");
        clock.set(76);
        assert_eq!(name(&keys).await, "2");
        assert_eq!(source.issued(), 2);
    }

    #[tokio::test]
    async fn many_who_ask_renew_once() {
        let (keys, source, _) = keys(Some(100));
        futures::future::join_all((0..50).map(|_| name(&keys))).await;
        assert_eq!(source.issued(), 1);
    }

    #[tokio::test]
    async fn while_they_are_good_a_renewal_may_fail_but_what_has_ended_is_never_given() {
        let (keys, source, clock) = keys(Some(100));
        name(&keys).await;
        source.fail(true);
        clock.set(80);
        assert_eq!(name(&keys).await, "1");
        clock.set(85);
        assert_eq!(name(&keys).await, "1");
        assert_eq!(source.issued(), 2, "not asked again at once");
        clock.set(99);
        let code = keys.get().await.unwrap_err().code;
        assert_eq!(code.as_deref(), Some("Refused"));
        source.fail(false);
        assert!(keys.get().await.is_err(), "what is dead stays dead");
        assert_eq!(keys.dead().unwrap().code.as_deref(), Some("Refused"));
    }

    #[tokio::test]
    async fn what_aws_takes_for_expired_is_renewed_once() {
        let (keys, source, _) = keys(Some(100));
        name(&keys).await;
        let first = keys.generation();
        assert!(keys.refused(first, &expired()).await);
        assert!(
            keys.refused(first, &expired()).await,
            "somebody was there before"
        );
        assert_eq!(source.issued(), 2);
        assert_eq!(name(&keys).await, "2");
        // They work for a while, and are refused again: that is another expiry.
        keys.accepted(keys.generation());
        assert!(keys.refused(keys.generation(), &expired()).await);
        // These never work.
        assert!(!keys.refused(keys.generation(), &expired()).await);
        assert!(keys.get().await.is_err());
        assert_eq!(source.issued(), 3);
    }

    #[tokio::test]
    async fn a_source_with_nothing_else_to_give_is_not_asked_for_ever() {
        let (keys, source, _) = keys(None);
        name(&keys).await;
        assert!(!keys.refused(keys.generation(), &expired()).await);
        assert_eq!(keys.dead().unwrap().code.as_deref(), Some("ExpiredToken"));
        assert_eq!(source.issued(), 2);
    }
}
