//! `date`, `dateTime`, `instant` and `time` (R4 §2.24.0.1): the shape, and that the day exists in the calendar.

/// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
pub fn date(value: &str) -> bool {
    let bytes = value.as_bytes();
    match bytes.len() {
        4 => year(bytes).is_some(),
        7 => year(&bytes[..4]).is_some() && bytes[4] == b'-' && month(&bytes[5..]).is_some(),
        10 => day(bytes),
        _ => false,
    }
}

/// A date, or a day with time and zone.
pub fn date_time(value: &str) -> bool {
    date(value) || instant(value)
}

/// A day with a time to the second or finer, and a zone.
pub fn instant(value: &str) -> bool {
    let bytes = value.as_bytes();
    let Some((date, rest)) = bytes.split_at_checked(10) else { return false };
    let Some((b"T", rest)) = rest.split_at_checked(1) else { return false };
    let zone = rest.iter().position(|byte| matches!(byte, b'Z' | b'+' | b'-'));
    zone.is_some_and(|at| clock(&rest[..at]) && offset(&rest[at..])) && day(date)
}

/// `hh:mm:ss`, with or without a fraction of the second; no zone.
pub fn time(value: &str) -> bool {
    clock(value.as_bytes())
}

fn year(bytes: &[u8]) -> Option<u32> {
    number(bytes, 4).filter(|year| *year > 0)
}

fn month(bytes: &[u8]) -> Option<u32> {
    number(bytes, 2).filter(|month| (1..=12).contains(month))
}

fn day(bytes: &[u8]) -> bool {
    let [y @ .., b'-', m1, m2, b'-', d1, d2] = bytes else { return false };
    let (Some(year), Some(month), Some(day)) = (year(y), month(&[*m1, *m2]), number(&[*d1, *d2], 2)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (1..=days).contains(&day)
}

/// 23:59:60 is a leap second, which the specification allows.
fn clock(bytes: &[u8]) -> bool {
    let Some(([h1, h2, b':', m1, m2, b':', s1, s2], fraction)) = bytes.split_first_chunk::<8>() else {
        return false;
    };
    let within = |digits: [&u8; 2], max| number(&[*digits[0], *digits[1]], 2).is_some_and(|n| n <= max);
    let fraction = match fraction {
        [] => true,
        [b'.', digits @ ..] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    fraction && within([h1, h2], 23) && within([m1, m2], 59) && within([s1, s2], 60)
}

fn offset(bytes: &[u8]) -> bool {
    match bytes {
        b"Z" => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => match (number(&[*h1, *h2], 2), number(&[*m1, *m2], 2)) {
            (Some(hours), Some(minutes)) => (hours < 14 && minutes < 60) || (hours == 14 && minutes == 0),
            _ => false,
        },
        _ => false,
    }
}

fn number(bytes: &[u8], digits: usize) -> Option<u32> {
    let plain = bytes.len() == digits && bytes.iter().all(u8::is_ascii_digit);
    plain.then(|| bytes.iter().fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_and_calendar() {
        type Case = (fn(&str) -> bool, &'static [&'static str], &'static [&'static str]);
        let cases: [Case; 4] = [
            (
                date,
                &["2024", "2024-02", "2024-02-29", "2000-02-29", "0001-01-01", "1999-12-31"],
                &[
                    "",
                    "24",
                    "0000",
                    "2024-13",
                    "2024-00",
                    "2023-02-29",
                    "1900-02-29",
                    "2024-04-31",
                    "2024-1-1",
                    "20240101",
                ],
            ),
            (
                date_time,
                &[
                    "2024",
                    "2024-02-29",
                    "2024-02-29T00:00:00Z",
                    "2015-02-07T13:28:17.239+02:00",
                    "2016-12-31T23:59:60Z",
                ],
                &[
                    "2024-02-29T00:00Z",
                    "2024-02-29T00:00:00",
                    "2024-02-30T00:00:00Z",
                    "2024-02T00:00:00Z",
                    "2024-01-01T",
                    "é234567890",
                ],
            ),
            (
                instant,
                &["2024-01-01T23:59:59-14:00", "2024-01-01T00:00:00.123456789Z"],
                &[
                    "2024-01-01",
                    "2024-01-01T24:00:00Z",
                    "2024-01-01T00:00:00+14:30",
                    "2024-01-01T00:00:00.Z",
                    "2024-01-01 00:00:00Z",
                ],
            ),
            (time, &["00:00:00", "23:59:59.9"], &["24:00:00", "12:00", "12:60:00", "12:00:00Z", "12:00:61", "1:00:00"]),
        ];
        for (check, good, bad) in cases {
            for value in good {
                assert!(check(value), "{value}");
            }
            for value in bad {
                assert!(!check(value), "{value}");
            }
        }
    }
}
