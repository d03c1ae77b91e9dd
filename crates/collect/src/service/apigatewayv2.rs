//! Stub until the collector is written.

use crate::prelude::*;

operations! { "apigatewayv2": }

pub(crate) const SERVICE: Service = Service {
    name: "apigatewayv2",
    placement: Placement::Regional,
    regional_types: &[],
    global_types: &[],
    operations: OPERATIONS,
    rate: STANDARD_RATE,
    run: |cx| Box::pin(run(cx)),
};

async fn run(_cx: Cx) {}
