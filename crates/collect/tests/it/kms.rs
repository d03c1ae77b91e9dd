//! Written with the collector.
