//! Dates, times and both together, as precise as they are written (FHIRPath §4.1.3 to §4.1.5): reading and order.
//!
//! `@2024-02` is the whole month. What is only partly known is neither equal nor unequal to what lies within it: the
//! order of two such values is unknown, and FHIRPath answers with nothing. `count` adds to them, `boundary` has their
//! first and last moment. The intervals that a search compares (`interval.rs`) are not enough here: they suppose a zone
//! where there is none.

mod boundary;
mod count;

use std::cmp::Ordering;

use jiff::civil;

pub use count::Unit;

/// What a value is known to. Seconds with and without a fraction are of one precision where they are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Fraction,
}

/// A date, a date with a time, or a time of day. What is not known is the first that it could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// None for a time of day.
    date: Option<civil::Date>,
    hour: u8,
    minute: u8,
    /// 60 in a leap second, which R4 allows.
    second: u8,
    nanosecond: u32,
    /// How many digits the fraction of the second has.
    digits: u8,
    precision: Precision,
    /// Minutes east of Greenwich.
    zone: Option<i16>,
}

/// How two values stand to one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Known(Ordering),
    /// One lies within the other, or only one says its zone.
    Unknown,
    /// A time of day has no order with a date.
    None,
}

const SECOND_NS: i128 = 1_000_000_000;
const HOUR_NS: i128 = 3600 * SECOND_NS;
const DAY_NS: i128 = 24 * HOUR_NS;
/// Zones are from 12 hours west to 14 hours east of Greenwich.
const ZONE_WEST_NS: i128 = 12 * HOUR_NS;
const ZONE_EAST_NS: i128 = 14 * HOUR_NS;

impl Moment {
    /// `2024`, `2024-02`, `2024-02-03`.
    pub fn date(text: &str) -> Option<Moment> {
        let (date, precision) = read_date(text)?;
        Some(Moment { date: Some(date), precision, ..Moment::MIDNIGHT })
    }

    /// A date, or a day with a time to any precision, `2024-02-03T10`, with a zone (`Z`, `+01:00`) or without.
    pub fn date_time(text: &str) -> Option<Moment> {
        let Some((date, clock)) = text.split_once('T') else { return Moment::date(text) };
        let moment = Moment::date(date)?;
        if clock.is_empty() {
            return Some(moment);
        }
        let (clock, zone) = split_zone(clock)?;
        let time = Moment::time(clock)?;
        (moment.precision == Precision::Day).then_some(Moment { date: moment.date, zone, ..time })
    }

    /// `10`, `10:30`, `10:30:00`, `10:30:00.123`.
    pub fn time(text: &str) -> Option<Moment> {
        let (clock, fraction) = match text.split_once('.') {
            Some((clock, fraction)) => (clock, Some(fraction)),
            None => (text, None),
        };
        let mut parts = clock.split(':');
        let mut part = |max: u8| -> Option<Option<u8>> {
            let Some(part) = parts.next() else { return Some(None) };
            let value = number(part, 2).and_then(|value| u8::try_from(value).ok())?;
            (value <= max).then_some(Some(value))
        };
        let (hour, minute, second) = (part(23)??, part(59)?, part(60)?);
        if parts.next().is_some() || (second.is_none() && fraction.is_some()) {
            return None;
        }
        let precision = match (minute, second, fraction) {
            (None, ..) => Precision::Hour,
            (_, None, _) => Precision::Minute,
            (.., None) => Precision::Second,
            _ => Precision::Fraction,
        };
        let (nanosecond, digits) = fraction.map_or(Some((0, 0)), read_fraction)?;
        let (minute, second) = (minute.unwrap_or(0), second.unwrap_or(0));
        Some(Moment { hour, minute, second, nanosecond, digits, precision, ..Moment::MIDNIGHT })
    }

    const MIDNIGHT: Moment = Moment {
        date: None,
        hour: 0,
        minute: 0,
        second: 0,
        nanosecond: 0,
        digits: 0,
        precision: Precision::Fraction,
        zone: None,
    };

    /// How many digits its precision has: 4 for a year, 17 for a date and time to the millisecond, 9 for such a time.
    pub fn digits(&self) -> i64 {
        let before = if self.date.is_some() { 0 } else { 8 };
        let digits = match self.precision {
            Precision::Year => 4,
            Precision::Month => 6,
            Precision::Day => 8,
            Precision::Hour => 10,
            Precision::Minute => 12,
            Precision::Second => 14,
            Precision::Fraction => 17,
        };
        digits - before
    }

    pub fn compare(&self, other: &Moment) -> Order {
        if self.date.is_some() != other.date.is_some() {
            return Order::None;
        }
        let clocks = self.precision >= Precision::Hour && other.precision >= Precision::Hour;
        let (left, right) = match (self.zone, other.zone) {
            (Some(_), Some(_)) if clocks => (self.span_in_utc(), other.span_in_utc()),
            (Some(_), None) if clocks => return apart(self.span_in_utc(), anywhere(other.span())),
            (None, Some(_)) if clocks => return apart(anywhere(self.span()), other.span_in_utc()),
            // A date without a time is the day there where the other's clock stands.
            _ => (self.span(), other.span()),
        };
        let exact = self.precision.min(other.precision) >= Precision::Second;
        if exact || (left == right && self.precision == other.precision) {
            return Order::Known(left.0.cmp(&right.0));
        }
        apart(left, right)
    }

    /// From when until when, in nanoseconds of the place's own clock.
    fn span(&self) -> (i128, i128) {
        let low = self.days() * DAY_NS + self.of_day();
        let width = match (self.precision, self.date) {
            (Precision::Year, Some(date)) => i128::from(date.days_in_year()) * DAY_NS,
            (Precision::Month, Some(date)) => i128::from(date.days_in_month()) * DAY_NS,
            (Precision::Year | Precision::Month | Precision::Day, _) => DAY_NS,
            (Precision::Hour, _) => HOUR_NS,
            (Precision::Minute, _) => 60 * SECOND_NS,
            (Precision::Second, _) => SECOND_NS,
            (Precision::Fraction, _) => SECOND_NS / 10i128.pow(u32::from(self.digits)),
        };
        (low, low + width)
    }

    fn span_in_utc(&self) -> (i128, i128) {
        let away = i128::from(self.zone.unwrap_or(0)) * 60 * SECOND_NS;
        let (low, high) = self.span();
        (low - away, high - away)
    }

    /// Days since 1970.
    fn days(&self) -> i128 {
        self.date.map_or(0, |date| i128::from(date.duration_since(civil::date(1970, 1, 1)).as_secs() / 86_400))
    }

    /// Nanoseconds since midnight.
    fn of_day(&self) -> i128 {
        let seconds = i128::from(self.hour) * 3600 + i128::from(self.minute) * 60 + i128::from(self.second);
        seconds * SECOND_NS + i128::from(self.nanosecond)
    }
}

/// Where a clock without a zone may stand.
fn anywhere((low, high): (i128, i128)) -> (i128, i128) {
    (low - ZONE_EAST_NS, high + ZONE_WEST_NS)
}

/// The order of two spans that do not meet.
fn apart(left: (i128, i128), right: (i128, i128)) -> Order {
    if left.1 <= right.0 {
        Order::Known(Ordering::Less)
    } else if right.1 <= left.0 {
        Order::Known(Ordering::Greater)
    } else {
        Order::Unknown
    }
}

/// As it is written, without marks such as `@`.
impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(date) = self.date {
            write!(f, "{:04}", date.year())?;
            if self.precision >= Precision::Month {
                write!(f, "-{:02}", date.month())?;
            }
            if self.precision >= Precision::Day {
                write!(f, "-{:02}", date.day())?;
            }
            if self.precision >= Precision::Hour {
                f.write_str("T")?;
            }
        }
        if self.precision >= Precision::Hour {
            write!(f, "{:02}", self.hour)?;
        }
        if self.precision >= Precision::Minute {
            write!(f, ":{:02}", self.minute)?;
        }
        if self.precision >= Precision::Second {
            write!(f, ":{:02}", self.second)?;
        }
        if self.precision >= Precision::Fraction {
            let fraction = format!("{:09}", self.nanosecond);
            write!(f, ".{}", &fraction[..usize::from(self.digits)])?;
        }
        match self.zone {
            Some(0) if self.precision >= Precision::Hour => f.write_str("Z"),
            Some(zone) if self.precision >= Precision::Hour => {
                let sign = if zone < 0 { '-' } else { '+' };
                write!(f, "{sign}{:02}:{:02}", zone.abs() / 60, zone.abs() % 60)
            }
            _ => Ok(()),
        }
    }
}

fn read_date(text: &str) -> Option<(civil::Date, Precision)> {
    let mut parts = text.split('-');
    let year = number(parts.next()?, 4).filter(|year| *year > 0)?;
    let (month, day) = (parts.next(), parts.next());
    if parts.next().is_some() {
        return None;
    }
    let small = |part: Option<&str>| part.map_or(Some(1), |part| number(part, 2)?.try_into().ok());
    let date = civil::Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()?;
    let precision = match (month, day) {
        (None, _) => Precision::Year,
        (_, None) => Precision::Month,
        _ => Precision::Day,
    };
    Some((date, precision))
}

/// Nanoseconds and how many digits there were. What is finer than a nanosecond is not a time that we compare.
fn read_fraction(text: &str) -> Option<(u32, u8)> {
    let digits = u8::try_from(text.len()).ok().filter(|digits| (1..=9).contains(digits))?;
    let value = u32::try_from(number(text, text.len())?).ok()?;
    Some((value * 10u32.pow(9 - u32::from(digits)), digits))
}

/// The clock and its zone in minutes.
fn split_zone(text: &str) -> Option<(&str, Option<i16>)> {
    if let Some(clock) = text.strip_suffix('Z') {
        return Some((clock, Some(0)));
    }
    let Some(at) = text.find(['+', '-']) else { return Some((text, None)) };
    let (clock, zone) = text.split_at(at);
    let (hours, minutes) = zone[1..].split_once(':')?;
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    if hours > 14 || minutes > 59 {
        return None;
    }
    let away = i16::try_from(hours * 60 + minutes).ok()?;
    Some((clock, Some(if zone.starts_with('-') { -away } else { away })))
}

/// A number of just so many digits, and nothing but digits; at most nine.
fn number(text: &str, digits: usize) -> Option<i32> {
    if text.len() != digits {
        return None;
    }
    text.bytes().try_fold(0, |sum: i32, digit| digit.is_ascii_digit().then(|| sum * 10 + i32::from(digit - b'0')))
}

#[cfg(test)]
mod tests;
