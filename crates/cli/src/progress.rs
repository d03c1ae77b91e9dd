//! What a person, or a log, sees of a scan that runs.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use posture_collect::{Progress, UnitWaits};
use posture_model::{AccountId, Gap, Timestamp};
use posture_snapshot::UnitKey;

/// A bar on a terminal, log lines elsewhere.
#[derive(Debug)]
pub(crate) struct Shown {
    bar: ProgressBar,
    /// How often it was told what is being waited for.
    told: AtomicU32,
}

/// Without a bar, what is being waited for is logged every so many seconds.
const LOG_EVERY: u32 = 10;

impl Shown {
    pub(crate) fn new(quiet: bool) -> Self {
        let visible = !quiet && std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(
            None,
            if visible {
                ProgressDrawTarget::stderr()
            } else {
                ProgressDrawTarget::hidden()
            },
        );
        bar.set_message("asking who and where we are");
        bar.enable_steady_tick(Duration::from_millis(120));
        Self {
            bar,
            told: AtomicU32::new(0),
        }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Shown {
    fn planned(&self, accounts: usize, units: usize) {
        tracing::info!(accounts, units, "scan planned");
        self.bar.set_length(units as u64);
        // The template is a constant; were it wrong, the default bar would do.
        if let Ok(style) =
            ProgressStyle::with_template("{bar:30} {pos}/{len} units  {msg}  {elapsed}")
        {
            self.bar.set_style(style);
        }
    }

    fn account_failed(&self, account: &AccountId, gap: &Gap) {
        self.bar
            .suspend(|| tracing::warn!(%account, %gap, "account cannot be scanned as asked"));
    }

    fn unit_done(&self, unit: &UnitKey, resources: u64, gaps: usize) {
        tracing::info!(%unit, resources, gaps, "unit read");
        self.bar.inc(1);
    }

    fn waiting(&self, units: &[UnitWaits]) {
        let told = waiting_for(units);
        if !self.bar.is_hidden() {
            self.bar.set_message(told);
        } else if self.told.fetch_add(1, Ordering::Relaxed) % LOG_EVERY == LOG_EVERY - 1 {
            tracing::info!("{told}");
        }
    }

    fn forgotten(&self, began: Timestamp) {
        self.bar.suspend(|| {
            tracing::warn!(
                %began,
                "an interrupted scan did not begin within the last day: everything is read anew"
            );
        });
    }

    fn resumed(&self, units: usize) {
        self.bar
            .suspend(|| tracing::warn!(units, "an interrupted scan goes on: units already read"));
    }
}

/// What the calls of all units wait for, and the unit that has been under way for longest.
fn waiting_for(units: &[UnitWaits]) -> String {
    let sum = |part: fn(&UnitWaits) -> u32| units.iter().map(part).sum::<u32>();
    let counts = [
        (sum(|unit| unit.answer), "for answers"),
        (sum(|unit| unit.limit), "for rate limits"),
        (sum(|unit| unit.slot), "for their turn"),
        (sum(|unit| unit.pause), "to try again"),
        (sum(|unit| unit.credentials), "for credentials"),
    ];
    let calls: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let calls = match calls.as_slice() {
        [] => String::new(),
        calls => format!("; calls wait: {}", calls.join(", ")),
    };
    let longest = units
        .first()
        .map(|unit| format!("; longest: {} ({} s)", unit.unit, unit.running.as_secs()));
    format!(
        "under way: {} units{calls}{}",
        units.len(),
        longest.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use posture_model::{AccountId, Region};

    use super::*;

    #[test]
    fn what_is_waited_for_is_said_in_one_line() {
        let unit = |service: &str, seconds, answer, limit| UnitWaits {
            unit: UnitKey {
                account: AccountId::new("111122223333").unwrap(),
                region: Region::new("eu-west-1").unwrap(),
                service: service.to_owned(),
            },
            running: Duration::from_secs(seconds),
            credentials: 0,
            limit,
            slot: 0,
            answer,
            pause: 0,
        };
        assert_eq!(
            waiting_for(&[unit("lambda", 40, 3, 17), unit("kms", 2, 1, 0)]),
            "under way: 2 units; calls wait: 4 for answers, 17 for rate limits; longest: \
             111122223333/eu-west-1/lambda (40 s)"
        );
        assert_eq!(waiting_for(&[]), "under way: 0 units");
    }
}
