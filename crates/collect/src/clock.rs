//! The time as AWS tells it.
//!
//! Signatures, the ends of credentials and the ages that checks reckon with must not hang on this machine's clock: it
//! may be wrong, and it may be set while a scan runs. Every answer says what time it is where it came from, and a
//! local clock that differs by more than a little is corrected by that.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use posture_model::Timestamp;

/// Differences up to here are the seconds that an answer takes and that its date leaves out.
const TOLERANCE: i64 = 60;

/// A clock that follows that of the answers. Clones share what they have learnt.
#[derive(Debug, Clone)]
pub(crate) struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    local: SharedTimeSource,
    /// By how many seconds the answers are ahead of the local clock.
    ahead: AtomicI64,
}

impl Clock {
    pub(crate) fn new(local: SharedTimeSource) -> Self {
        Self(Arc::new(Inner {
            local,
            ahead: AtomicI64::new(0),
        }))
    }

    /// Learns from the `Date` of an answer that has just come.
    pub(crate) fn told(&self, date: Option<&str>) {
        let Some(there) = date.and_then(moment) else {
            return;
        };
        let known = self.0.ahead.load(Ordering::Relaxed);
        let ahead = seconds(there) - seconds(self.0.local.now());
        if (ahead - known).abs() <= TOLERANCE {
            return;
        }
        let ahead = if ahead.abs() <= TOLERANCE { 0 } else { ahead };
        if self.0.ahead.swap(ahead, Ordering::Relaxed) != known {
            return;
        }
        match ahead {
            0 => tracing::warn!("this machine's clock agrees with that of AWS again"),
            _ => tracing::warn!(
                seconds = ahead.unsigned_abs(),
                "this machine's clock is {} that of AWS; times are taken from AWS",
                if ahead > 0 { "behind" } else { "ahead of" }
            ),
        }
    }

    /// The time of day, to the second.
    pub(crate) fn timestamp(&self) -> Timestamp {
        Timestamp::from_unix(seconds(self.now())).unwrap_or_else(Timestamp::now)
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        let ahead = self.0.ahead.load(Ordering::Relaxed);
        let by = Duration::from_secs(ahead.unsigned_abs());
        let local = self.0.local.now();
        let corrected = if ahead < 0 {
            local.checked_sub(by)
        } else {
            local.checked_add(by)
        };
        corrected.unwrap_or(local)
    }
}

/// The moment that a date of HTTP names.
pub(crate) fn moment(date: &str) -> Option<SystemTime> {
    SystemTime::try_from(DateTime::from_str(date, Format::HttpDate).ok()?).ok()
}

fn seconds(time: SystemTime) -> i64 {
    let whole = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX / 4);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => whole(since),
        Err(before) => -whole(before.duration()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::limit::lock;

    /// A local clock that is set by hand.
    #[derive(Debug, Clone)]
    struct Local(Arc<Mutex<SystemTime>>);

    impl TimeSource for Local {
        fn now(&self) -> SystemTime {
            *lock(&self.0)
        }
    }

    const NOON: u64 = 1_790_000_000;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn date(seconds: u64) -> String {
        DateTime::from(at(seconds)).fmt(Format::HttpDate).unwrap()
    }

    fn clock(local: u64) -> (Clock, Local) {
        let local = Local(Arc::new(Mutex::new(at(local))));
        (Clock::new(SharedTimeSource::new(local.clone())), local)
    }

    #[test]
    fn a_clock_that_is_right_is_left_alone() {
        let (clock, local) = clock(NOON);
        clock.told(Some(&date(NOON + 60)));
        clock.told(Some(&date(NOON - 60)));
        clock.told(Some("noon"));
        clock.told(None);
        assert_eq!(clock.now(), local.now());
    }

    #[test]
    fn whichever_way_it_is_wrong_or_jumps_the_answers_are_right() {
        for wrong in [NOON + 100_000_000, NOON - 100_000_000, 0] {
            let (clock, local) = clock(wrong);
            clock.told(Some(&date(NOON)));
            assert_eq!(clock.now(), at(NOON), "{wrong}");
            assert_eq!(clock.timestamp().unix(), NOON as i64);
            // It goes on at the local pace, and follows when the local clock is set right.
            *lock(&local.0) = at(wrong + 5);
            clock.told(Some(&date(NOON + 7)));
            assert_eq!(clock.now(), at(NOON + 5), "{wrong}");
            *lock(&local.0) = at(NOON + 9);
            clock.told(Some(&date(NOON + 8)));
            assert_eq!(clock.now(), at(NOON + 9), "{wrong}");
        }
    }
}
