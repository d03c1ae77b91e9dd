//! Whether there still is a network: a region that does not answer is a finding about the region, a network
//! that went away is none about anything.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::limit::lock;

/// Asks somebody who answered before; gives whether they still do.
pub(crate) type Probe = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// What can be said of a call that got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Others are answered: it is this call's own matter.
    There,
    /// There was no network for a while, and there is again.
    Back,
    /// There is none any more.
    Gone,
}

/// The network as the scan's calls see it.
pub(crate) struct Network {
    patience: Duration,
    state: Mutex<State>,
    probe: OnceLock<Probe>,
    /// One probe at a time.
    probing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    heard: Option<Instant>,
    back: Option<Instant>,
    gone: bool,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// The first wait between two probes; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest wait between two probes.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Network {
    /// A network that may be away for so long before the scan stops.
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            patience,
            state: Mutex::default(),
            probe: OnceLock::new(),
            probing: tokio::sync::Mutex::default(),
        }
    }

    /// Whom to ask; there is no judgement before.
    pub(crate) fn ask(&self, probe: Probe) {
        // It is set once, when somebody has answered for the first time.
        let _ = self.probe.set(probe);
    }

    /// Somebody answered something.
    pub(crate) fn heard(&self) {
        lock(&self.state).heard = Some(Instant::now());
    }

    /// Judges a call that was sent at this moment and got no answer; waits for the network to come back.
    pub(crate) async fn judge(&self, sent: Instant) -> Verdict {
        if let Some(known) = self.known(sent) {
            return known;
        }
        let _one = self.probing.lock().await;
        if let Some(known) = self.known(sent) {
            return known;
        }
        let Some(probe) = self.probe.get() else {
            return Verdict::There;
        };
        if probe().await {
            self.heard();
            return Verdict::There;
        }
        tracing::warn!("nothing answers any more; waiting for the network");
        let until = Instant::now() + self.patience;
        let mut pause = FIRST_PAUSE;
        while Instant::now() < until {
            tokio::time::sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
            if probe().await {
                tracing::warn!("the network is back");
                self.heard();
                lock(&self.state).back = Some(Instant::now());
                return Verdict::Back;
            }
        }
        lock(&self.state).gone = true;
        Verdict::Gone
    }

    fn known(&self, sent: Instant) -> Option<Verdict> {
        let state = lock(&self.state);
        if state.gone {
            return Some(Verdict::Gone);
        }
        if state.back.is_some_and(|back| sent <= back) {
            return Some(Verdict::Back);
        }
        let others = state.heard.is_some_and(|heard| heard > sent);
        others.then_some(Verdict::There)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A network that answers from the given probe on.
    fn network(answers_from: u32) -> (Arc<Network>, Arc<AtomicU32>) {
        let network = Arc::new(Network::new(Duration::from_secs(30)));
        let probes = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&probes);
        network.ask(Arc::new(move || {
            let number = counted.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move { number >= answers_from })
        }));
        (network, probes)
    }

    async fn a_second_ago() -> Instant {
        let now = Instant::now();
        tokio::time::sleep(Duration::from_secs(1)).await;
        now
    }

    #[tokio::test(start_paused = true)]
    async fn while_others_are_answered_nobody_is_asked() {
        let (network, probes) = network(0);
        let sent = a_second_ago().await;
        network.heard();
        assert_eq!(network.judge(sent).await, Verdict::There);
        assert_eq!(probes.load(Ordering::Relaxed), 0);
        let sent = a_second_ago().await;
        let sent = sent + Duration::from_secs(1);
        assert_eq!(network.judge(sent).await, Verdict::There);
        assert_eq!(probes.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_waited_learn_that_it_is_back() {
        let (network, probes) = network(3);
        let sent = a_second_ago().await;
        let verdicts = futures::future::join_all((0..20).map(|_| network.judge(sent))).await;
        assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Back));
        assert_eq!(probes.load(Ordering::Relaxed), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends() {
        let (network, _) = network(u32::MAX);
        let sent = a_second_ago().await;
        let verdicts = futures::future::join_all((0..20).map(|_| network.judge(sent))).await;
        assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Gone));
    }

    #[tokio::test(start_paused = true)]
    async fn without_anybody_to_ask_there_is_no_judgement() {
        let network = Network::new(Duration::from_secs(30));
        assert_eq!(network.judge(Instant::now()).await, Verdict::There);
    }
}
