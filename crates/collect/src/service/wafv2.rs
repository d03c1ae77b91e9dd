//! Stub until the collector is written.

use crate::prelude::*;

operations! { "wafv2": }

pub(crate) const SERVICE: Service = Service {
    name: "wafv2",
    placement: Placement::Both,
    regional_types: &[],
    global_types: &[],
    operations: OPERATIONS,
    rate: STANDARD_RATE,
    run: |cx| Box::pin(run(cx)),
};

async fn run(_cx: Cx) {}
