//! Text of a message as FHIR primitives, and back.
//!
//! A value that cannot be what its element is gives a reason, never a guess: `240000` is no hour, `1,2` no decimal.
//! Times follow `safety.md` 11: a time without an offset takes the source's zone, and without a zone is cut to its date.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fhir::Node;
use fhir::apply::EventTime;
use hl7v2::{Precision, Timestamp};
use jiff::civil;
use jiff::tz::{Offset, TimeZone};

pub type Reason = &'static str;

/// The primitive of this type that `text` says.
pub fn primitive<'m>(kind: &str, text: Cow<'m, str>, zone: Option<&TimeZone>) -> Result<Node<'m>, Reason> {
    match kind {
        "boolean" => boolean(&text).map(Node::Bool),
        "decimal" => number(text).map(Node::Number),
        "integer" => integer(&text, i64::from(i32::MIN)),
        "unsignedInt" => integer(&text, 0),
        "positiveInt" => integer(&text, 1),
        "date" => date(&text).map(Node::text),
        "dateTime" => date_time(&text, zone).map(Node::text),
        "instant" => instant(&text, zone).map(Node::text),
        "time" => time(&text).map(Node::text),
        "code" => code(text).map(Node::Text),
        "uri" | "url" | "canonical" | "oid" | "uuid" => uri(text).map(Node::Text),
        "id" => Err("an id is made by a key, not by a rule"),
        "base64Binary" => base64(&text).map(Node::text),
        _ => string(text).map(Node::Text),
    }
}

fn boolean(text: &str) -> Result<bool, Reason> {
    match text.trim() {
        "Y" | "y" | "1" | "T" | "true" => Ok(true),
        "N" | "n" | "0" | "F" | "false" => Ok(false),
        _ => Err("neither Y nor N"),
    }
}

/// A v2 number as JSON writes one: no plus sign, no leading zeros, digits on both sides of the point. Digits after the
/// point stay as they were sent.
pub fn decimal(text: &str) -> Option<Cow<'_, str>> {
    let text = trimmed(text);
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let point = digits.bytes().position(|byte| byte == b'.');
    let (whole, fraction) = point.map_or((digits, ""), |at| (&digits[..at], &digits[at + 1..]));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let bare = whole.trim_start_matches('0');
    let bare = if bare.is_empty() { "0" } else { bare };
    let as_sent = bare.len() == whole.len() && fraction.is_empty() == point.is_none() && !text.starts_with('+');
    Some(match fraction {
        _ if as_sent => Cow::Borrowed(text),
        "" => Cow::Owned([sign, bare].concat()),
        _ => Cow::Owned([sign, bare, ".", fraction].concat()),
    })
}

fn number(text: Cow<'_, str>) -> Result<Cow<'_, str>, Reason> {
    let number = match &text {
        Cow::Borrowed(text) => decimal(text),
        Cow::Owned(text) => decimal(text).map(|number| Cow::Owned(number.into_owned())),
    };
    number.ok_or("not a number")
}

fn integer<'m>(text: &str, least: i64) -> Result<Node<'m>, Reason> {
    let number: i64 = text.trim().parse().map_err(|_| "not a whole number")?;
    if number < least || number > i64::from(i32::MAX) {
        return Err("a number that this element cannot hold");
    }
    Ok(Node::Number(Cow::Owned(number.to_string())))
}

fn string(text: Cow<'_, str>) -> Result<Cow<'_, str>, Reason> {
    let allowed = |byte: u8| byte >= b' ' || matches!(byte, b'\t' | b'\r' | b'\n');
    let legal = text.bytes().all(allowed);
    let text =
        if legal { text } else { Cow::Owned(text.chars().filter(|c| !c.is_ascii() || allowed(*c as u8)).collect()) };
    let text = match text {
        Cow::Borrowed(text) => Cow::Borrowed(trimmed(text)),
        Cow::Owned(text) if trimmed(&text).len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(trimmed(&text).to_owned()),
    };
    if text.is_empty() { Err("nothing but blanks") } else { Ok(text) }
}

/// Without blanks at its ends. Hardly any value has them, and that is seen by its first and last byte.
pub fn trimmed(text: &str) -> &str {
    let is_plain = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_graphic);
    let bytes = text.as_bytes();
    if is_plain(bytes.first()) && is_plain(bytes.last()) { text } else { text.trim() }
}

fn code(text: Cow<'_, str>) -> Result<Cow<'_, str>, Reason> {
    let text = string(text)?;
    if text.bytes().all(|byte| byte.is_ascii_graphic()) || !text.contains(char::is_whitespace) {
        return Ok(text);
    }
    // R4 §2.24.0.1: a code has single blanks inside and none at its ends.
    Ok(Cow::Owned(text.split_whitespace().collect::<Vec<_>>().join(" ")))
}

fn uri(text: Cow<'_, str>) -> Result<Cow<'_, str>, Reason> {
    let text = string(text)?;
    if text.contains(char::is_whitespace) { Err("a uri has no blanks") } else { Ok(text) }
}

/// Base64 with what interfaces put inside it (line ends, blanks) taken out.
pub fn base64(text: &str) -> Result<String, Reason> {
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    match STANDARD.decode(&compact) {
        Ok(bytes) if !bytes.is_empty() => Ok(compact),
        _ => Err("not base64"),
    }
}

pub fn encode_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    digits.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

fn read(text: &str) -> Result<Timestamp, Reason> {
    Timestamp::read(trimmed(text)).map_err(|_| "not a date or time that exists")
}

/// A date never shifts: whatever zone came with it, it is the day that was written.
fn date(text: &str) -> Result<String, Reason> {
    read(text).map(|time| day(&time))
}

fn day(time: &Timestamp) -> String {
    // The longest that can follow: a day, a clock with nine digits of fraction, and a zone.
    let mut text = String::with_capacity(36);
    push_digits(&mut text, u32::from(time.year), 4);
    let parts = match time.precision {
        Precision::Year => 0,
        Precision::Month => 1,
        _ => 2,
    };
    for part in [time.month, time.day].into_iter().take(parts) {
        text.push('-');
        push_digits(&mut text, u32::from(part), 2);
    }
    text
}

fn push_digits(text: &mut String, number: u32, width: u32) {
    for place in (0..width).rev() {
        text.push(char::from(b'0' + (number / 10u32.pow(place) % 10) as u8));
    }
}

fn date_time(text: &str, zone: Option<&TimeZone>) -> Result<String, Reason> {
    let time = read(text)?;
    match offset_minutes(&time, zone) {
        Some(offset) if time.precision >= Precision::Hour => Ok(moment(&time, offset)),
        _ => Ok(day(&time)),
    }
}

fn instant(text: &str, zone: Option<&TimeZone>) -> Result<String, Reason> {
    let time = read(text)?;
    let offset = offset_minutes(&time, zone).ok_or("a moment needs a zone: configure one for the source")?;
    if time.precision < Precision::Minute {
        return Err("a moment needs its time of day");
    }
    Ok(moment(&time, offset))
}

fn moment(time: &Timestamp, offset_minutes: i32) -> String {
    let mut text = day(time);
    text.push('T');
    push_clock(&mut text, time);
    text.push(if offset_minutes < 0 { '-' } else { '+' });
    let minutes = offset_minutes.unsigned_abs();
    push_digits(&mut text, minutes / 60, 2);
    text.push(':');
    push_digits(&mut text, minutes % 60, 2);
    text
}

/// TM: `HH[MM[SS[.S]]]`. A zone has no place in FHIR's time and is cut.
fn time(text: &str) -> Result<String, Reason> {
    let text = text.trim().replace(':', "");
    let end = text.find(['+', '-']).unwrap_or(text.len());
    let mut padded = format!("20000101{}", &text[..end]);
    if padded.len() == 10 {
        padded.push_str("00");
    }
    let time = read(&padded)?;
    if time.precision < Precision::Hour {
        return Err("not a time of day");
    }
    let mut text = String::with_capacity(18);
    push_clock(&mut text, &time);
    Ok(text)
}

fn push_clock(text: &mut String, time: &Timestamp) {
    push_digits(text, u32::from(time.hour), 2);
    for part in [time.minute, time.second] {
        text.push(':');
        push_digits(text, u32::from(part), 2);
    }
    let digits = u32::from(time.fraction_digits).min(9);
    if digits > 0 {
        text.push('.');
        push_digits(text, time.nanosecond / 10u32.pow(9 - digits), digits);
    }
}

fn civil(time: &Timestamp) -> Option<civil::DateTime> {
    let number = |part: u8| i8::try_from(part).ok();
    let date =
        civil::Date::new(i16::try_from(time.year).ok()?, number(time.month.max(1))?, number(time.day.max(1))?).ok()?;
    let second = number(time.second.min(59))?;
    let clock =
        civil::Time::new(number(time.hour)?, number(time.minute)?, second, i32::try_from(time.nanosecond).ok()?)
            .ok()?;
    Some(civil::DateTime::from_parts(date, clock))
}

/// The offset that was sent, else the source's zone at that local time. A local time that the zone skipped or had
/// twice takes the zone's offset before the change.
fn offset_minutes(time: &Timestamp, zone: Option<&TimeZone>) -> Option<i32> {
    if let Some(minutes) = time.offset_minutes {
        return Some(i32::from(minutes));
    }
    let local = civil(time)?;
    let ambiguous = zone?.to_ambiguous_timestamp(local);
    let moment = ambiguous.compatible().ok()?;
    Some(zone?.to_offset(moment).seconds() / 60)
}

/// When something happened, as an interval: a whole day where only the day was sent, both readings of an hour that a
/// clock was set back in. Without any zone, times of one source are compared as they were written.
pub fn event_time(text: &str, zone: Option<&TimeZone>) -> Option<EventTime> {
    let time = read(text).ok()?;
    let local = civil(&time)?;
    let at = |offset: Offset| offset.to_timestamp(local).ok().map(|moment| moment.as_microsecond());
    let (low_us, high_us) = match (time.offset_minutes, zone) {
        (Some(minutes), _) => {
            let us = at(Offset::from_seconds(i32::from(minutes) * 60).ok()?)?;
            (us, us)
        }
        (None, Some(zone)) => match zone.to_ambiguous_timestamp(local).offset() {
            jiff::tz::AmbiguousOffset::Unambiguous { offset } => (at(offset)?, at(offset)?),
            jiff::tz::AmbiguousOffset::Gap { before, after } | jiff::tz::AmbiguousOffset::Fold { before, after } => {
                let (a, b) = (at(before)?, at(after)?);
                (a.min(b), a.max(b))
            }
        },
        (None, None) => (at(Offset::UTC)?, at(Offset::UTC)?),
    };
    Some(EventTime { low_us, high_us: high_us + width_us(&time) })
}

fn width_us(time: &Timestamp) -> i64 {
    const SECOND: i64 = 1_000_000;
    match time.precision {
        Precision::Year => 366 * 86_400 * SECOND - 1,
        Precision::Month => 31 * 86_400 * SECOND - 1,
        Precision::Day => 86_400 * SECOND - 1,
        Precision::Hour => 3_600 * SECOND - 1,
        Precision::Minute => 60 * SECOND - 1,
        _ => 0,
    }
}

/// `<5`, `>= 7.0`: the comparator, and the number as written.
pub fn compared(text: &str) -> Option<(&'static str, Cow<'_, str>)> {
    let text = trimmed(text);
    let (sign, rest) = ["<=", ">=", "<", ">"].into_iter().find_map(|sign| Some((sign, text.strip_prefix(sign)?)))?;
    Some((sign, decimal(rest)?))
}

/// The bounds of a reference range as laboratories write them: `3.5-5.3`, `[49 - 92]`, `<5`, `up to 5`, `>= 7`.
pub fn bounds(text: &str) -> (Option<Cow<'_, str>>, Option<Cow<'_, str>>) {
    let text = trimmed(text).trim_start_matches(['[', '(']).trim_end_matches([']', ')']).trim();
    if let Some((sign, number)) = compared(text) {
        return if sign.starts_with('<') { (None, Some(number)) } else { (Some(number), None) };
    }
    if let Some(rest) = text.strip_prefix("up to ") {
        return (None, decimal(rest));
    }
    // The first character may be the sign of the lower bound.
    let from = text.chars().next().map_or(0, char::len_utf8);
    for parted in [" to ", " - ", "–", "-"] {
        let Some(at) = position(&text[from..], parted).map(|at| at + from) else { continue };
        if let (Some(low), Some(high)) = (decimal(&text[..at]), decimal(&text[at + parted.len()..])) {
            return (Some(low), Some(high));
        }
    }
    (None, None)
}

/// Where `part` begins. The text is a few characters: a plain search is done before a clever one is set up.
fn position(text: &str, part: &str) -> Option<usize> {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    (0..text.len()).find(|at| text[*at] == part[0] && text[*at..].starts_with(part))
}

/// FHIR's date, dateTime, instant or time as v2 writes it.
pub fn to_v2_time(text: &str) -> String {
    let (date, clock) =
        text.split_once('T').unwrap_or_else(|| if text.contains(':') { ("", text) } else { (text, "") });
    let mut v2: String = date.chars().filter(char::is_ascii_digit).collect();
    let zone_at = clock.find(['Z', '+', '-']).unwrap_or(clock.len());
    v2.extend(clock[..zone_at].chars().filter(|c| *c != ':'));
    match &clock[zone_at..] {
        "Z" => v2.push_str("+0000"),
        zone => v2.extend(zone.chars().filter(|c| *c != ':')),
    }
    v2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(kind: &str, text: &str, zone: Option<&str>) -> String {
        let zone = zone.map(|name| TimeZone::get(name).expect("a zone"));
        match primitive(kind, Cow::Borrowed(text), zone.as_ref()) {
            Ok(Node::Text(text) | Node::Number(text)) => text.into_owned(),
            Ok(other) => format!("{other:?}"),
            Err(reason) => format!("! {reason}"),
        }
    }

    #[test]
    fn times() {
        let london = Some("Europe/London");
        for (kind, text, zone, expected) in [
            ("date", "19700102", None, "1970-01-02"),
            ("date", "19700102233000-0800", None, "1970-01-02"),
            ("date", "1970", None, "1970"),
            ("dateTime", "202007011230", None, "2020-07-01"),
            ("dateTime", "202007011230", london, "2020-07-01T12:30:00+01:00"),
            ("dateTime", "20200701123015.25-0400", london, "2020-07-01T12:30:15.25-04:00"),
            ("dateTime", "20200701", london, "2020-07-01"),
            ("instant", "20200701123015", None, "! a moment needs a zone: configure one for the source"),
            ("instant", "20200101123015", london, "2020-01-01T12:30:15+00:00"),
            ("date", "20240230", None, "! not a date or time that exists"),
            ("time", "0930", None, "09:30:00"),
        ] {
            assert_eq!(say(kind, text, zone), expected, "{kind} {text} {zone:?}");
        }
    }

    #[test]
    fn numbers_stay_as_written() {
        for (text, expected) in
            [("1.10", "1.10"), (".5", "0.5"), ("+3", "3"), ("007", "7"), ("-0.0", "-0.0"), ("5.", "5")]
        {
            assert_eq!(decimal(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "1,2", "<5", "1e3", "-", ".", "1.2.3", "POS"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    #[test]
    fn ranges() {
        let said = |text| {
            let (low, high) = bounds(text);
            format!("{}..{}", low.unwrap_or_default(), high.unwrap_or_default())
        };
        for (text, expected) in [
            ("3.5-5.3", "3.5..5.3"),
            ("[49 - 92]", "49..92"),
            ("-2 - 3", "-2..3"),
            ("3.5–5.3", "3.5..5.3"),
            ("3.5 to 5.3", "3.5..5.3"),
            ("<5", "..5"),
            ("up to 5", "..5"),
            (">= 7.0", "7.0.."),
            ("Negative", ".."),
            ("[ ]", ".."),
            ("70_105", ".."),
        ] {
            assert_eq!(said(text), expected, "{text}");
        }
    }

    #[test]
    fn an_hour_that_comes_twice_is_an_interval() {
        let zone = TimeZone::get("Europe/London").expect("a zone");
        let time = event_time("20201025013000", Some(&zone)).expect("a time");
        assert_eq!(time.high_us - time.low_us, 3_600_000_000);
        let day = event_time("20201025", None).expect("a day");
        assert_eq!(day.high_us - day.low_us, 86_399_999_999);
    }

    #[test]
    fn base64_of_bytes() {
        assert_eq!(base64(" Zm 9v\r\n"), Ok("Zm9v".into()));
        assert!(base64("Zm9").is_err());
        assert_eq!(decode_hex("666F 6f"), Some(b"foo".to_vec()));
    }
}
