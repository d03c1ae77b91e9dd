//! Moments, as AWS's protocols write them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// `2026-11-01T00:00:00Z`.
pub(crate) fn iso(unix: i64) -> String {
    OffsetDateTime::from_unix_timestamp(unix)
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// `2026-11-01T00:00:00.000Z`, as EC2 and S3 write it.
pub(crate) fn iso_millis(unix: i64) -> String {
    iso(unix).replace('Z', ".000Z")
}

/// `2026-11-01T00:00:00+00:00`, as the credential report writes it.
pub(crate) fn iso_offset(unix: i64) -> String {
    iso(unix).replace('Z', "+00:00")
}

/// `2026-11-01T00:00:00.000+0000`, as Lambda writes it.
pub(crate) fn lambda(unix: i64) -> String {
    iso(unix).replace('Z', ".000+0000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_aws_writes_them() {
        assert_eq!(iso(1_793_491_200), "2026-11-01T00:00:00Z");
        assert_eq!(iso_millis(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso_offset(0), "1970-01-01T00:00:00+00:00");
        assert_eq!(lambda(0), "1970-01-01T00:00:00.000+0000");
    }
}
