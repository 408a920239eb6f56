//! Times as v2 writes them (data types DTM, TS, DT; HL7 v2.9 §2.A.22): `YYYY[MM[DD[HH[MM[SS[.S+]]]]]][+/-ZZZZ]`.
//!
//! A time is read into its parts with the precision that was sent, never rounded, shifted or completed. Which zone holds where
//! none was sent is the reader's to know; this file does no arithmetic and reads no clock.

use std::borrow::Cow;
use std::fmt;

/// A time that exists in the calendar. Parts beyond [`Timestamp::precision`] are 1 (month, day) or 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    pub year: u16,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    /// 60 is a leap second.
    pub second: u8,
    pub nanosecond: u32,
    /// How many digits of the fraction were sent, 0 to 9.
    pub fraction_digits: u8,
    pub precision: Precision,
    /// Minutes east of UTC, where a zone was sent.
    pub offset_minutes: Option<i16>,
    /// `-0000` was sent: UTC, with the local zone unknown.
    pub local_zone_unknown: bool,
    /// It was written as ISO 8601 writes, with `-`, `:` or `T`.
    pub iso: bool,
}

/// The smallest part that was sent.
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

/// Why a text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadTime {
    Empty,
    /// Something else than a time, or a number of digits that ends inside a part.
    Form,
    Year,
    Month,
    /// The month has no such day.
    Day,
    Hour,
    Minute,
    Second,
    /// More than nine digits.
    Fraction,
    Offset,
}

impl Timestamp {
    /// Reads a time; blanks around it are passed over.
    pub fn read(text: &str) -> Result<Timestamp, BadTime> {
        let text = text.trim();
        if text.is_empty() {
            return Err(BadTime::Empty);
        }
        let (text, offset) = split_offset(text);
        let (digits, fraction, iso) = compact(text)?;
        let mut time = parts(&digits)?;
        time.iso = iso || offset.is_some_and(|offset| offset == "Z" || offset.contains(':'));
        if let Some(fraction) = fraction {
            time.read_fraction(fraction)?;
        }
        if let Some(offset) = offset {
            time.offset_minutes = Some(offset_minutes(offset)?);
            time.local_zone_unknown = offset.starts_with('-') && time.offset_minutes == Some(0);
        }
        Ok(time)
    }

    fn read_fraction(&mut self, digits: &str) -> Result<(), BadTime> {
        if self.precision != Precision::Second || digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Err(BadTime::Form);
        }
        if digits.len() > 9 {
            return Err(BadTime::Fraction);
        }
        self.nanosecond = format!("{digits:0<9}").parse().expect("nine digits fit 32 bits");
        self.fraction_digits = digits.len() as u8;
        self.precision = Precision::Fraction;
        Ok(())
    }
}

/// Cuts the zone off. In an ISO date a `-` before the time of day belongs to the date.
fn split_offset(text: &str) -> (&str, Option<&str>) {
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return (time, Some("Z"));
    }
    let iso_date = text.as_bytes().get(4) == Some(&b'-') && text.as_bytes().get(7).is_none_or(|&byte| byte == b'-');
    let from = if iso_date { 8.min(text.len()) } else { 0 };
    match text.as_bytes()[from..].iter().position(|byte| matches!(byte, b'+' | b'-')) {
        Some(at) => (&text[..from + at], Some(&text[from + at..])),
        None => (text, None),
    }
}

/// The digits of date and time, the digits of the fraction, and whether ISO punctuation was taken out.
fn compact(text: &str) -> Result<(Cow<'_, str>, Option<&str>, bool), BadTime> {
    let point = text.bytes().position(|byte| matches!(byte, b'.' | b','));
    let (whole, fraction) = point.map_or((text, None), |at| (&text[..at], Some(&text[at + 1..])));
    if whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok((Cow::Borrowed(whole), fraction, false));
    }
    let mut digits = String::with_capacity(14);
    for (at, c) in whole.char_indices() {
        let belongs = match c {
            '-' => at == 4 || at == 7,
            'T' | 't' | ' ' => digits.len() == 8,
            ':' => digits.len() == 10 || digits.len() == 12,
            _ => c.is_ascii_digit(),
        };
        if !belongs || digits.len() > 14 {
            return Err(BadTime::Form);
        }
        if c.is_ascii_digit() {
            digits.push(c);
        }
    }
    let iso = digits.len() != whole.len();
    Ok((Cow::Owned(digits), fraction, iso))
}

fn parts(digits: &str) -> Result<Timestamp, BadTime> {
    let precision = match digits.len() {
        4 => Precision::Year,
        6 => Precision::Month,
        8 => Precision::Day,
        10 => Precision::Hour,
        12 => Precision::Minute,
        14 => Precision::Second,
        _ => return Err(BadTime::Form),
    };
    let part = |at: usize, least: u8, most: u8, bad: BadTime| match digits.get(at..at + 2) {
        None => Ok(least),
        Some(part) => part.parse().ok().filter(|value| (least..=most).contains(value)).ok_or(bad),
    };
    let year: u16 = digits[..4].parse().map_err(|_| BadTime::Year)?;
    if year == 0 {
        return Err(BadTime::Year);
    }
    let month = part(4, 1, 12, BadTime::Month)?;
    Ok(Timestamp {
        year,
        month,
        day: part(6, 1, days_in(year, month), BadTime::Day)?,
        hour: part(8, 0, 23, BadTime::Hour)?,
        minute: part(10, 0, 59, BadTime::Minute)?,
        second: part(12, 0, 60, BadTime::Second)?,
        nanosecond: 0,
        fraction_digits: 0,
        precision,
        offset_minutes: None,
        local_zone_unknown: false,
        iso: false,
    })
}

fn days_in(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// `+0100`, `+01:00`, `+01` or `Z`, within 14 hours.
fn offset_minutes(offset: &str) -> Result<i16, BadTime> {
    if offset == "Z" {
        return Ok(0);
    }
    let digits: String = offset[1..].chars().filter(|&c| c != ':').collect();
    let well_formed = digits.bytes().all(|byte| byte.is_ascii_digit()) && matches!(digits.len(), 2 | 4);
    let colon_fits = offset.find(':').is_none_or(|at| at == 3) && offset.len() <= 6;
    if !well_formed || !colon_fits {
        return Err(BadTime::Offset);
    }
    let number = |part: &str| part.parse::<i16>().expect("two digits");
    let (hours, minutes) = (number(&digits[..2]), digits.get(2..4).map_or(0, number));
    if minutes > 59 || hours * 60 + minutes > 14 * 60 {
        return Err(BadTime::Offset);
    }
    let total = hours * 60 + minutes;
    Ok(if offset.starts_with('-') { -total } else { total })
}

impl fmt::Display for BadTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadTime::Empty => "no time",
            BadTime::Form => "not of the form YYYY[MM[DD[HH[MM[SS[.S]]]]]][+/-ZZZZ]",
            BadTime::Year => "no such year",
            BadTime::Month => "no such month",
            BadTime::Day => "no such day in that month",
            BadTime::Hour => "no such hour: midnight is 00",
            BadTime::Minute => "no such minute",
            BadTime::Second => "no such second",
            BadTime::Fraction => "more than nine digits of a second",
            BadTime::Offset => "zone is not +/-HHMM within 14 hours",
        })
    }
}

impl std::error::Error for BadTime {}
