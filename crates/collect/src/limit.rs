//! How fast calls may leave: a scan shares its API quotas with production.
//!
//! A [`Bucket`] does two things. It paces: whoever wants to call waits in line for a token, and the pace
//! adapts to what AWS throttles. And it guards the door: when a call leaves through the HTTP client, the
//! configured rate is checked once more, since between the token and the door a busy machine may let calls
//! pile up. Only the door can say that the rate was never exceeded.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::{MutexGuard, Notify};
use tokio::time::Instant;

/// How fast calls of one kind may be made: in any span of time no more than `burst`, and `per_second` for
/// each second of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Calls that may go out at once after a pause.
    pub burst: f64,
    /// Calls a second in the long run.
    pub per_second: f64,
}

/// Calls that go out before anything has been answered: a quota may be half used up by others.
const FIRST_CALLS: f64 = 10.0;

/// Further calls that every answer lets go, until the whole burst has been used.
const GROWTH: f64 = 1.3;

/// Below this a scan would not end; AWS refills its own buckets faster.
const SLOWEST: f64 = 0.2;

/// Answers in a row after which the limit that was learnt is tried again.
const CALM: f64 = 100.0;

/// A token bucket that slows down when AWS throttles and wins its pace back slowly.
#[derive(Debug)]
pub(crate) struct Bucket {
    contract: Rate,
    /// Its holder is next; the others queue for it in the order they came.
    turn: tokio::sync::Mutex<()>,
    /// Wakes the holder when the pace has changed.
    changed: Notify,
    pace: Mutex<Pace>,
    door: tokio::sync::Mutex<Tokens>,
}

/// Tokens that refill with time.
#[derive(Debug)]
struct Tokens {
    count: f64,
    at: Instant,
}

impl Tokens {
    fn refill(&mut self, rate: Rate) {
        let now = Instant::now();
        let elapsed = (now - self.at).as_secs_f64();
        self.at = now;
        self.count = (self.count + elapsed * rate.per_second).min(rate.burst);
    }

    /// How long until there is a whole one; none when there is.
    fn wait(&self, rate: Rate) -> Option<Duration> {
        let missing = 1.0 - self.count;
        // Sums of fractions miss one by a hair, and no timer waits for a hair.
        (missing > 1e-9).then(|| {
            Duration::from_secs_f64(missing / rate.per_second).max(Duration::from_micros(1))
        })
    }
}

/// What a bucket lets through at present.
#[derive(Debug)]
struct Pace {
    tokens: Tokens,
    rate: Rate,
    /// Set once AWS has throttled.
    learnt: Option<Learnt>,
    /// Calls answered since the pace last fell.
    calm: u32,
    slowed_at: Option<Instant>,
    held_until: Option<Instant>,
}

/// What throttling has taught.
#[derive(Debug)]
struct Learnt {
    /// The pace that was too fast.
    limit: f64,
    /// What every answered call adds to the pace.
    step: f64,
}

impl Bucket {
    pub(crate) fn new(contract: Rate) -> Self {
        let contract = Rate {
            // A bucket that never holds a whole token lets nothing through.
            burst: contract.burst.max(1.0),
            per_second: contract.per_second.max(f64::MIN_POSITIVE),
        };
        let first = contract.burst.min(FIRST_CALLS);
        let full = |count| Tokens {
            count,
            at: Instant::now(),
        };
        Self {
            contract,
            turn: tokio::sync::Mutex::default(),
            changed: Notify::new(),
            pace: Mutex::new(Pace {
                tokens: full(first),
                rate: Rate {
                    burst: first,
                    ..contract
                },
                learnt: None,
                calm: 0,
                slowed_at: None,
                held_until: None,
            }),
            door: tokio::sync::Mutex::new(full(contract.burst)),
        }
    }

    /// The rate that is never exceeded.
    pub(crate) fn contract(&self) -> Rate {
        self.contract
    }

    /// Waits, in line, until a call may go out.
    pub(crate) async fn take(&self) {
        let _turn = self.turn.lock().await;
        loop {
            let Some(wait) = lock(&self.pace).take() else {
                return;
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// A call was answered, and not with throttling.
    pub(crate) fn answered(&self) {
        lock(&self.pace).answered(self.contract);
        self.changed.notify_one();
    }

    /// AWS throttled a call that was sent at this moment.
    pub(crate) fn throttled(&self, sent: Instant) {
        lock(&self.pace).throttled(sent);
        self.changed.notify_one();
    }

    /// AWS asked to be left alone for a while.
    pub(crate) fn hold(&self, pause: Duration) {
        let mut pace = lock(&self.pace);
        let until = Instant::now() + pause;
        pace.held_until = Some(pace.held_until.map_or(until, |known| known.max(until)));
    }

    /// Waits until the contract lets a call through the door. Nobody else passes before the guard has gone.
    pub(crate) async fn door(&self) -> Door<'_> {
        let mut tokens = self.door.lock().await;
        loop {
            tokens.refill(self.contract);
            let Some(wait) = tokens.wait(self.contract) else {
                return Door(tokens);
            };
            tokio::time::sleep(wait).await;
        }
    }
}

/// The open door of a bucket.
#[derive(Debug)]
pub(crate) struct Door<'a>(MutexGuard<'a, Tokens>);

impl Door<'_> {
    /// The call has left. It counts from now on: what would have come in while it left does not.
    pub(crate) fn passed(mut self) {
        self.0.count -= 1.0;
        self.0.at = Instant::now();
    }
}

impl Pace {
    /// Takes a token, or says how long there will be none.
    fn take(&mut self) -> Option<Duration> {
        let now = Instant::now();
        if let Some(until) = self.held_until {
            if until > now {
                return Some(until - now);
            }
            self.held_until = None;
        }
        self.tokens.refill(self.rate);
        let wait = self.tokens.wait(self.rate);
        if wait.is_none() {
            self.tokens.count -= 1.0;
        }
        wait
    }

    fn answered(&mut self, contract: Rate) {
        self.calm = self.calm.saturating_add(1);
        let Some(learnt) = &mut self.learnt else {
            let more = GROWTH.min(contract.burst - self.rate.burst);
            self.rate.burst += more;
            self.tokens.count += more;
            return;
        };
        self.tokens.refill(self.rate);
        if self.rate.per_second >= contract.per_second {
            // As fast as ever. The burst comes back slowly, as it was too much once.
            self.rate.burst = (self.rate.burst + 0.1).min(contract.burst);
            return;
        }
        // Quickly up to where it was too much, slowly there, and faster again when nothing happens.
        let beyond = f64::from(self.calm) / CALM - 2.0;
        let step = if self.rate.per_second < learnt.limit * 0.95 {
            learnt.step
        } else if beyond < 0.0 {
            learnt.step / 8.0
        } else {
            learnt.step * beyond.exp2().min(64.0) / 8.0
        };
        self.rate.per_second = (self.rate.per_second + step).min(contract.per_second);
    }

    /// Half the pace, or a little less than a pace that held for long; and no burst.
    fn throttled(&mut self, sent: Instant) {
        // Calls that were under way together are throttled together: that is one signal, not twenty.
        if self.slowed_at.is_some_and(|at| sent <= at) {
            return;
        }
        self.tokens.refill(self.rate);
        let was = self.rate.per_second;
        let held = self.learnt.is_some() && f64::from(self.calm) >= CALM / 4.0;
        let factor = if held { 0.85 } else { 0.5 };
        let now = (was * factor).max(SLOWEST.min(was));
        self.rate = Rate {
            burst: 1.0,
            per_second: now,
        };
        self.tokens.count = self.tokens.count.min(0.0);
        self.learnt = Some(Learnt {
            limit: was,
            step: (was - now) / CALM,
        });
        self.calm = 0;
        self.slowed_at = Some(Instant::now());
    }
}

/// Never more than so many calls in any second, over the whole scan.
#[derive(Debug)]
pub(crate) struct Ceiling {
    most: usize,
    left: tokio::sync::Mutex<VecDeque<Instant>>,
}

impl Ceiling {
    pub(crate) fn new(most: u32) -> Self {
        Self {
            most: usize::try_from(most).unwrap_or(usize::MAX).max(1),
            left: tokio::sync::Mutex::default(),
        }
    }

    /// Waits, in line, until another call stays within the ceiling. Nobody else passes before the guard
    /// has gone.
    pub(crate) async fn pass(&self) -> Passing<'_> {
        let mut left = self.left.lock().await;
        while left.len() >= self.most {
            let Some(first) = left.front().copied() else {
                break;
            };
            // A second and a little: the ends of a second belong to it.
            let free = first + Duration::from_millis(1_001);
            if Instant::now() < free {
                tokio::time::sleep_until(free).await;
            }
            left.pop_front();
        }
        Passing(left)
    }
}

/// A place below the ceiling.
#[derive(Debug)]
pub(crate) struct Passing<'a>(MutexGuard<'a, VecDeque<Instant>>);

impl Passing<'_> {
    /// The call has left.
    pub(crate) fn passed(mut self) {
        self.0.push_back(Instant::now());
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
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn rate(burst: f64, per_second: f64) -> Rate {
        Rate { burst, per_second }
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_then_the_rate() {
        let bucket = Bucket::new(rate(10.0, 5.0));
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
    async fn answers_release_the_burst() {
        let bucket = Bucket::new(rate(40.0, 0.001));
        for _ in 0..10 {
            bucket.take().await;
        }
        assert!(lock(&bucket.pace).take().is_some(), "the eleventh waits");
        for _ in 0..24 {
            bucket.answered();
        }
        for _ in 0..30 {
            assert!(lock(&bucket.pace).take().is_none());
        }
        assert!(lock(&bucket.pace).take().is_some(), "forty in all");
    }

    #[tokio::test(start_paused = true)]
    async fn a_volley_that_is_throttled_is_one_signal_and_the_pace_comes_back() {
        let bucket = Bucket::new(rate(1.0, 8.0));
        let sent = Instant::now();
        for _ in 0..5 {
            bucket.throttled(sent);
        }
        assert!((lock(&bucket.pace).rate.per_second - 4.0).abs() < 0.01);
        for _ in 0..1_000 {
            bucket.take().await;
            bucket.answered();
        }
        assert!((lock(&bucket.pace).rate.per_second - 8.0).abs() < 0.01);
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_holds_everybody() {
        let bucket = Bucket::new(rate(10.0, 10.0));
        bucket.hold(Duration::from_secs(7));
        let start = Instant::now();
        bucket.take().await;
        assert!(start.elapsed() >= Duration::from_secs(7));
    }

    /// Whoever waits does not hold to a pace that is no more.
    #[tokio::test(start_paused = true)]
    async fn those_in_line_notice_a_change() {
        let bucket = Arc::new(Bucket::new(rate(1.0, 0.01)));
        bucket.take().await;
        let waiting = tokio::spawn({
            let bucket = Arc::clone(&bucket);
            async move { bucket.take().await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        lock(&bucket.pace).rate.per_second = 10.0;
        bucket.changed.notify_one();
        let start = Instant::now();
        waiting.await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(1));
    }

    /// A server with a token bucket of its own, as AWS's services have.
    struct Server {
        tokens: Mutex<Tokens>,
        rate: Rate,
        seen: AtomicU32,
    }

    impl Server {
        fn lets_through(&self) -> bool {
            self.seen.fetch_add(1, Ordering::Relaxed);
            let mut tokens = lock(&self.tokens);
            tokens.refill(self.rate);
            if tokens.count < 1.0 {
                return false;
            }
            tokens.count -= 1.0;
            true
        }
    }

    /// Makes so many calls of a server that lets through less than the contract says; gives the attempts
    /// for each thousand calls, and how the time compares with the least that it can take.
    async fn campaign(server: Rate, contract: Rate, thousands: u32) -> (Vec<u32>, f64) {
        let bucket = Arc::new(Bucket::new(contract));
        let server = Arc::new(Server {
            tokens: Mutex::new(Tokens {
                count: server.burst,
                at: Instant::now(),
            }),
            rate: server,
            seen: AtomicU32::new(0),
        });
        let start = Instant::now();
        let mut attempts = Vec::new();
        for _ in 0..thousands {
            let before = server.seen.load(Ordering::Relaxed);
            let calls = (0..1_000).map(|_| {
                let (bucket, server) = (Arc::clone(&bucket), Arc::clone(&server));
                async move {
                    loop {
                        bucket.take().await;
                        let sent = Instant::now();
                        tokio::time::sleep(Duration::from_millis(25)).await;
                        let fine = server.lets_through();
                        tokio::time::sleep(Duration::from_millis(25)).await;
                        if fine {
                            bucket.answered();
                            return;
                        }
                        bucket.throttled(sent);
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                }
            });
            use futures::stream::{self, StreamExt};
            stream::iter(calls)
                .buffer_unordered(64)
                .collect::<Vec<()>>()
                .await;
            attempts.push(server.seen.load(Ordering::Relaxed) - before);
        }
        let least = f64::from(thousands * 1_000) / server.rate.per_second;
        (attempts, start.elapsed().as_secs_f64() / least)
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_throttles_is_asked_hardly_more_often_than_need_be() {
        for server in [
            rate(1.0, 2.0),
            rate(20.0, 5.0),
            rate(5.0, 10.0),
            rate(50.0, 25.0),
            rate(100.0, 40.0),
        ] {
            let (attempts, slowness) = campaign(server, rate(200.0, 50.0), 4).await;
            let all: u32 = attempts.iter().sum();
            assert!(all <= 4_080, "{server:?}: {all} attempts at 4000 calls");
            // What it costs to learn the limit is paid once.
            for later in attempts.iter().skip(1) {
                assert!(
                    *later <= 1_010,
                    "{server:?}: {later} attempts at 1000 calls"
                );
            }
            assert!(slowness < 1.25, "{server:?}: {slowness} times the least");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_as_good_as_its_word_throttles_nothing() {
        let published = rate(90.0, 18.0);
        let (attempts, _) = campaign(rate(100.0, 20.0), published, 2).await;
        assert_eq!(attempts, [1_000, 1_000]);
    }

    /// The moments at which calls left, by a door or ceiling that many hurry through.
    fn most_in_a_second(moments: &[Instant]) -> usize {
        (0..moments.len())
            .map(|i| {
                moments[i..]
                    .iter()
                    .take_while(|at| **at - moments[i] <= Duration::from_secs(1))
                    .count()
            })
            .max()
            .unwrap_or_default()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn nobody_gets_through_the_door_too_early() {
        let bucket = Arc::new(Bucket::new(rate(5.0, 20.0)));
        let moments = Arc::new(Mutex::new(Vec::new()));
        let all = (0..60).map(|_| {
            let (bucket, moments) = (Arc::clone(&bucket), Arc::clone(&moments));
            tokio::spawn(async move {
                let door = bucket.door().await;
                lock(&moments).push(Instant::now());
                door.passed();
            })
        });
        futures::future::join_all(all).await;
        let moments = lock(&moments);
        assert_eq!(moments.len(), 60);
        for (i, from) in moments.iter().enumerate() {
            for (j, to) in moments.iter().enumerate().skip(i) {
                let allowed = 5.0 + 20.0 * (*to - *from).as_secs_f64();
                assert!((j - i + 1) as f64 <= allowed + 1e-6, "{i}..={j}");
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_second_has_more_calls_than_the_ceiling() {
        let ceiling = Arc::new(Ceiling::new(20));
        let moments = Arc::new(Mutex::new(Vec::new()));
        let all = (0..50).map(|_| {
            let (ceiling, moments) = (Arc::clone(&ceiling), Arc::clone(&moments));
            tokio::spawn(async move {
                let passing = ceiling.pass().await;
                lock(&moments).push(Instant::now());
                passing.passed();
            })
        });
        futures::future::join_all(all).await;
        assert_eq!(lock(&moments).len(), 50);
        assert_eq!(most_in_a_second(&lock(&moments)), 20);
    }
}
