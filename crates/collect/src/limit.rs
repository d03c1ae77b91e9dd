//! The token bucket of one (account, region, service): a scan shares the API quota with production.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// How fast one service may be called.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Calls that may go out at once after a pause.
    pub burst: f64,
    /// Calls a second in the long run.
    pub per_second: f64,
}

/// Below this a scan would not end; AWS recovers its own buckets faster.
const SLOWEST: f64 = 1.0;

/// A token bucket that halves its rate when AWS throttles and wins it back slowly.
#[derive(Debug)]
pub(crate) struct Bucket {
    ceiling: Rate,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tokens: f64,
    per_second: f64,
    refilled: Instant,
    slowed: Option<Instant>,
}

impl Bucket {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            ceiling: rate,
            state: Mutex::new(State {
                tokens: rate.burst,
                per_second: rate.per_second,
                refilled: Instant::now(),
                slowed: None,
            }),
        }
    }

    /// Waits until a call may go out.
    ///
    /// A token is taken at once even when there is none, leaving a debt that later callers wait for:
    /// they queue in the order they came, without a queue.
    pub(crate) async fn take(&self) {
        let wait = {
            let mut state = lock(&self.state);
            state.refill(&self.ceiling);
            state.tokens -= 1.0;
            (state.tokens < 0.0).then(|| Duration::from_secs_f64(-state.tokens / state.per_second))
        };
        if let Some(wait) = wait {
            tokio::time::sleep(wait).await;
        }
    }

    /// AWS throttled a call: half the rate from now on, and no burst left.
    pub(crate) fn slow_down(&self) {
        let mut state = lock(&self.state);
        state.refill(&self.ceiling);
        let now = Instant::now();
        // Calls in flight are throttled together; that is one signal, not twenty.
        if state
            .slowed
            .is_some_and(|at| now - at < Duration::from_millis(500))
        {
            return;
        }
        state.slowed = Some(now);
        state.per_second = (state.per_second / 2.0).max(SLOWEST);
        state.tokens = state.tokens.min(0.0);
    }
}

impl State {
    fn refill(&mut self, ceiling: &Rate) {
        let now = Instant::now();
        let elapsed = (now - self.refilled).as_secs_f64();
        self.refilled = now;
        self.tokens = (self.tokens + elapsed * self.per_second).min(ceiling.burst);
        if self.slowed.is_some() {
            // A twentieth of the ceiling a second: twenty quiet seconds win everything back.
            self.per_second =
                (self.per_second + elapsed * ceiling.per_second / 20.0).min(ceiling.per_second);
        }
    }
}

/// A poisoned lock guards plain numbers here; the panic that poisoned it is reported elsewhere.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn burst_then_rate() {
        let bucket = Bucket::new(Rate {
            burst: 10.0,
            per_second: 5.0,
        });
        let start = Instant::now();
        for _ in 0..10 {
            bucket.take().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..10 {
            bucket.take().await;
        }
        let seconds = start.elapsed().as_secs_f64();
        assert!((1.9..2.1).contains(&seconds), "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_halves_once_for_a_volley_and_recovers() {
        let bucket = Bucket::new(Rate {
            burst: 1.0,
            per_second: 8.0,
        });
        for _ in 0..5 {
            bucket.slow_down();
        }
        assert!((lock(&bucket.state).per_second - 4.0).abs() < 0.01);
        tokio::time::sleep(Duration::from_secs(30)).await;
        bucket.take().await;
        assert!((lock(&bucket.state).per_second - 8.0).abs() < 0.01);
    }
}
