//! Dates and times as FHIR writes them, down to whatever they were known to (R4 §2.24.0.1 date, dateTime, instant).
//!
//! A date known to the month is the whole month: `[low_us, high_us)` in microseconds since 1970 UTC. A time without a
//! zone is read as UTC here; that is for comparing and indexing only, and never for telling a clinician the time.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};

/// Time as `[low_us, high_us)`. An open end is `i64::MIN` or `i64::MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    pub low_us: i64,
    pub high_us: i64,
}

const SECOND_US: i64 = 1_000_000;

impl Interval {
    /// Reads `2024`, `2024-02`, `2024-02-03`, `2024-02-03T10:30`, with seconds, with up to nine digits of fraction, and
    /// with a zone (`Z`, `+01:00`) after a time. Minutes without seconds are what searches allow and resources do not.
    pub fn read(text: &str) -> Option<Interval> {
        let (date, time) = match text.split_once('T') {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let (first, next) = read_date(date)?;
        let Some(time) = time else {
            let start = |date| microseconds(date, Time::midnight());
            return Some(Interval { low_us: start(first), high_us: next.map_or(i64::MAX, start) });
        };
        if date.len() != 10 {
            return None;
        }
        let (clock, zone) = split_zone(time)?;
        let (time, width_us, leap_us) = read_clock(clock)?;
        let low_us = microseconds(first, time) + leap_us - zone.as_secs() * SECOND_US;
        Some(Interval { low_us, high_us: low_us + width_us })
    }

    /// Wider by its own width on either side: what `ap` means of a date.
    pub fn widened(self) -> Interval {
        let width_us = self.high_us.saturating_sub(self.low_us);
        let (low_us, high_us) = (self.low_us.saturating_sub(width_us), self.high_us.saturating_add(width_us));
        Interval { low_us, high_us }
    }
}

fn microseconds(date: Date, time: Time) -> i64 {
    let since = DateTime::from_parts(date, time).duration_since(DateTime::new(1970, 1, 1, 0, 0, 0, 0).expect("a date"));
    // Nanoseconds are cut: an index of microseconds is what the log's own clock has.
    since.as_secs() * SECOND_US + i64::from(since.subsec_nanos()).div_euclid(1000)
}

/// The first day, and the first day after; none after the year 9999, where the calendar ends.
fn read_date(text: &str) -> Option<(Date, Option<Date>)> {
    let bytes = text.as_bytes();
    // There was no year 0.
    let year = number(bytes.get(..4)?).filter(|year| *year > 0)?;
    let two = |at: usize| -> Option<i8> {
        if bytes[at] != b'-' {
            return None;
        }
        i8::try_from(number(&bytes[at + 1..at + 3])?).ok()
    };
    let date = |year: i32, month, day| Date::new(i16::try_from(year).ok()?, month, day).ok();
    let (first, next) = match bytes.len() {
        4 => (date(year, 1, 1)?, date(year + 1, 1, 1)),
        7 => match two(4)? {
            12 => (date(year, 12, 1)?, date(year + 1, 1, 1)),
            month => (date(year, month, 1)?, date(year, month + 1, 1)),
        },
        10 => {
            let first = date(year, two(4)?, two(7)?)?;
            (first, first.tomorrow().ok())
        }
        _ => return None,
    };
    Some((first, next))
}

/// The time, how many microseconds its precision covers, and the second to add for a leap second (`:60`, which R4
/// allows and civil clocks do not).
fn read_clock(text: &str) -> Option<(Time, i64, i64)> {
    let bytes = text.as_bytes();
    if bytes.len() < 5 || bytes[2] != b':' {
        return None;
    }
    let (hour, minute) = (number(&bytes[..2])?, number(&bytes[3..5])?);
    let (mut second, mut nanosecond, mut width_us, mut leap_us) = (0, 0, 60 * SECOND_US, 0);
    if bytes.len() > 5 {
        if bytes[5] != b':' || bytes.len() < 8 {
            return None;
        }
        second = number(&bytes[6..8])?;
        width_us = SECOND_US;
        if second == 60 {
            (second, leap_us) = (59, SECOND_US);
        }
    }
    if bytes.len() > 8 {
        let digits = bytes[8..].strip_prefix(b".").filter(|digits| (1..=9).contains(&digits.len()))?;
        let places = u32::try_from(digits.len()).ok()?;
        nanosecond = number(digits)? * 10i32.pow(9 - places);
        width_us = (SECOND_US / 10i64.pow(places.min(6))).max(1);
    }
    let part = |value: i32| i8::try_from(value).ok();
    let time = Time::new(part(hour)?, part(minute)?, part(second)?, nanosecond).ok()?;
    Some((time, width_us, leap_us))
}

/// The clock's part and the zone; no zone counts as UTC.
fn split_zone(text: &str) -> Option<(&str, SignedDuration)> {
    if let Some(clock) = text.strip_suffix('Z') {
        return Some((clock, SignedDuration::ZERO));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, SignedDuration::ZERO)) };
    let (clock, zone) = text.split_at(at);
    let bytes = zone.as_bytes();
    if bytes.len() != 6 || bytes[3] != b':' {
        return None;
    }
    let (hours, minutes) = (number(&bytes[1..3])?, number(&bytes[4..6])?);
    if hours > 14 || minutes > 59 {
        return None;
    }
    let away = SignedDuration::from_mins(i64::from(hours * 60 + minutes));
    Some((clock, if bytes[0] == b'-' { -away } else { away }))
}

/// A number of at most nine digits, and nothing but digits.
fn number(digits: &[u8]) -> Option<i32> {
    digits.iter().try_fold(0, |sum: i32, digit| digit.is_ascii_digit().then(|| sum * 10 + i32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_what_was_written() {
        const DAY: i64 = 86_400 * SECOND_US;
        for (text, low_us, width_us) in [
            ("1970", 0, 365 * DAY),
            ("1970-02", 31 * DAY, 28 * DAY),
            ("1972-02-29", 789 * DAY, DAY),
            ("1970-01-01T01:00", 3600 * SECOND_US, 60 * SECOND_US),
            ("1970-01-01T00:00:00Z", 0, SECOND_US),
            ("1970-01-01T00:00:00.5Z", 500_000, 100_000),
            ("1970-01-01T00:00:00.000001Z", 1, 1),
            ("1970-01-01T00:00:00.000001999Z", 1, 1),
            ("1970-01-01T01:00:00+01:00", 0, SECOND_US),
            ("1969-12-31T19:00:00-05:00", 0, SECOND_US),
            ("1969-12-31T23:59:60Z", 0, SECOND_US),
            ("1969", -365 * DAY, 365 * DAY),
            ("1969-12", -31 * DAY, 31 * DAY),
        ] {
            let interval = Interval::read(text).expect(text);
            assert_eq!((interval.low_us, interval.high_us - interval.low_us), (low_us, width_us), "{text}");
        }
    }

    #[test]
    fn the_last_day_of_the_calendar_is_open() {
        for text in ["9999", "9999-12", "9999-12-31"] {
            assert_eq!(Interval::read(text).expect(text).high_us, i64::MAX, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_date() {
        for text in [
            "",
            "70",
            "1970-1",
            "1970-13",
            "1970-02-30",
            "1970-01-01T",
            "1970-01-01T1:00",
            "1970-01T10:00",
            "1970-01-01T25:00",
            "1970-01-01T10:00:00.Z",
            "1970-01-01T10:00:00+1",
            "1970-01-01T10:00:00+15:00",
            "+970-01-01",
            "１９７０",
            "1970-01-01T10:00:00.1234567890Z",
            "1970-01-01 10:00",
        ] {
            assert!(Interval::read(text).is_none(), "{text}");
        }
    }
}
