//! When AWS deprecates Lambda runtimes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use posture_model::Timestamp;
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    runtime: String,
    /// Null while AWS has not published a date.
    deprecated: Option<String>,
}

static TABLE: LazyLock<BTreeMap<String, Option<Timestamp>>> = LazyLock::new(|| {
    let text = include_str!(concat!(env!("OUT_DIR"), "/lambda_runtimes.json"));
    let rows: Vec<Row> = serde_json::from_str(text).unwrap_or_default();
    rows.into_iter()
        .map(|row| {
            let date = row
                .deprecated
                .and_then(|day| Timestamp::parse(&format!("{day}T00:00:00Z")));
            (row.runtime, date)
        })
        .collect()
});

/// Whether a runtime is past its deprecation date at a moment; `None` when the table does not know it.
pub(crate) fn is_deprecated(runtime: &str, at: Timestamp) -> Option<bool> {
    let date = TABLE.get(runtime)?;
    Some(date.is_some_and(|date| date <= at))
}
