//! What a person, or a log, sees of a scan that runs.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use posture_collect::Progress;
use posture_model::{AccountId, Gap};
use posture_snapshot::UnitKey;

/// A bar on a terminal, log lines elsewhere.
#[derive(Debug)]
pub(crate) struct Shown {
    bar: ProgressBar,
}

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
        Self { bar }
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
        self.bar.set_message(unit.to_string());
        self.bar.inc(1);
    }

    fn resumed(&self, units: usize) {
        self.bar
            .suspend(|| tracing::warn!(units, "an interrupted scan goes on: units already read"));
    }
}
