//! Dates as policies write them: ISO 8601 in its shorter and longer forms, or seconds since 1970.

use time::{Date, Month, PrimitiveDateTime, Time, UtcOffset};

use crate::condition::Number;

/// Seconds since 1970.
pub(crate) fn parse(text: &str) -> Option<Number> {
    let text = text.trim();
    if let Some(epoch) = Number::parse(text) {
        // A bare year would read as a number of seconds; AWS wants a full date.
        return (text.len() != 4).then_some(epoch);
    }
    let (date, clock) = match text.split_once(['T', 't']) {
        Some((date, clock)) => (date, Some(clock)),
        None => (text, None),
    };
    let mut parts = date.splitn(3, '-');
    let year: i32 = parts.next()?.parse().ok()?;
    let month: u8 = parts.next()?.parse().ok()?;
    let day: u8 = parts.next()?.parse().ok()?;
    let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
    let (time, offset) = match clock {
        Some(clock) => time_and_offset(clock)?,
        None => (Time::MIDNIGHT, UtcOffset::UTC),
    };
    let seconds = PrimitiveDateTime::new(date, time)
        .assume_offset(offset)
        .unix_timestamp();
    Number::parse(&seconds.to_string())
}

fn time_and_offset(clock: &str) -> Option<(Time, UtcOffset)> {
    let (clock, offset) = if let Some(clock) = clock.strip_suffix(['Z', 'z']) {
        (clock, UtcOffset::UTC)
    } else if let Some((clock, offset)) = clock.split_once('+') {
        (clock, offset_of(offset, 1)?)
    } else if let Some((clock, offset)) = clock.split_once('-') {
        (clock, offset_of(offset, -1)?)
    } else {
        (clock, UtcOffset::UTC)
    };
    let mut parts = clock.splitn(3, ':');
    let hour = parts.next()?.parse().ok()?;
    let minute = parts.next().map_or(Some(0), |p| p.parse().ok())?;
    // Fractions of a second never decide a policy.
    let second = parts
        .next()
        .map_or(Some(0), |p| p.split('.').next()?.parse().ok())?;
    Some((Time::from_hms(hour, minute, second).ok()?, offset))
}

fn offset_of(text: &str, sign: i8) -> Option<UtcOffset> {
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    let hours: i8 = digits.get(..2)?.parse().ok()?;
    let minutes: i8 = match digits.get(2..) {
        None | Some("") => 0,
        Some(rest) => rest.parse().ok()?,
    };
    UtcOffset::from_hms(hours.checked_mul(sign)?, minutes.checked_mul(sign)?, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let new_year = Some(1_577_836_800.0);
        for (text, expected) in [
            ("2020-01-01T00:00:00Z", new_year),
            ("2020-01-01T00:00:00.123Z", new_year),
            ("2020-01-01T00:00Z", new_year),
            ("2020-01-01", new_year),
            ("2019-12-31T23:00:00-01:00", new_year),
            ("2020-01-01T05:30:00+0530", new_year),
            ("1577836800", new_year),
            ("2020", None),
            ("2020-13-01", None),
            ("soon", None),
            ("é-01-01", None),
            ("2020-01-01T00:00:00+é", None),
        ] {
            assert_eq!(parse(text).map(Number::value), expected, "{text}");
        }
    }
}
