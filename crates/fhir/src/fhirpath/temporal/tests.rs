//! Cases of reading, order, counting and boundaries.

use super::*;
use crate::decimal::Decimal;

/// A time of day begins with T.
fn read(text: &str) -> Moment {
    let moment = text.strip_prefix('T').map_or_else(|| Moment::date_time(text), Moment::time);
    moment.unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn is_written_as_it_was_read() {
    for text in [
        "2024",
        "2024-02",
        "2024-02-29",
        "2024-02-29T10",
        "2024-02-29T10:30",
        "2024-02-29T10:30:00",
        "2016-12-31T23:59:60Z",
        "2024-02-29T10:30:00.010",
        "2024-02-29T10:30:00.123456789-03:30",
        "2024-02-29T10Z",
        "0001-01-01",
        "9999-12-31T23:59:59.999+14:00",
    ] {
        assert_eq!(read(text).to_string(), text);
    }
    assert_eq!(read("T10:30").to_string(), "10:30");
    assert_eq!(read("2024T").to_string(), "2024");
}

#[test]
fn what_is_no_time_is_refused() {
    for text in [
        "",
        "24",
        "0000",
        "2024-13",
        "2023-02-29",
        "2024-2-1",
        "2024-01-01-01",
        "2024-02T10",
        "2024-02-29T24",
        "2024-02-29T10:60",
        "2024-02-29T10:30:61",
        "2024-02-29T10.5",
        "2024-02-29T10:30:00.",
        "2024-02-29T10:30:00.1234567890",
        "2024-02-29T10:30:00+15:00",
        "2024-02-29T10:30:00+1",
        "2024-02-29TZ",
        "２０２４",
    ] {
        assert!(Moment::date_time(text).is_none(), "{text}");
    }
    for text in ["", "1", "24", "10:3", "10:30Z", "10:30:00:00", "10:30.5", "10:30:00+01:00"] {
        assert!(Moment::time(text).is_none(), "{text}");
    }
}

#[test]
fn order_as_far_as_it_is_known() {
    const LESS: Order = Order::Known(Ordering::Less);
    const EQUAL: Order = Order::Known(Ordering::Equal);
    for (left, right, expected) in [
        ("2024", "2025", LESS),
        ("2024-02", "2024-02", EQUAL),
        ("2024", "2024-02", Order::Unknown),
        ("2024-01-31", "2024-02", LESS),
        ("2024-02-29", "2024-02-29T10:00:00Z", Order::Unknown),
        ("1974-12-25", "1974-12-25T23:30:00-10:00", Order::Unknown),
        ("1974-12-24", "1974-12-25T23:30:00-10:00", LESS),
        ("2024-01-01T10", "2024-01-01T10:30", Order::Unknown),
        ("2024-01-01T10:00:00", "2024-01-01T10:00:00.0", EQUAL),
        ("2024-01-01T10:00:00", "2024-01-01T10:00:00.1", LESS),
        ("2024-01-01T10:00:00Z", "2024-01-01T11:00:00+01:00", EQUAL),
        ("2024-01-01T23:59:59Z", "2024-01-02T00:00:00+01:00", Order::Known(Ordering::Greater)),
        ("2024-01-01T10:00:00", "2024-01-01T15:00:00Z", Order::Unknown),
        ("2024-01-01T10:00:00", "2024-01-03T10:00:00Z", LESS),
        ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00", Order::Unknown),
        ("T10", "T11:30", LESS),
        ("T10:30", "T10:30:00", Order::Unknown),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", EQUAL),
        ("T10", "2024", Order::None),
    ] {
        assert_eq!(read(left).compare(&read(right)), expected, "{left} {right}");
        let back = match expected {
            Order::Known(order) => Order::Known(order.reverse()),
            other => other,
        };
        assert_eq!(read(right).compare(&read(left)), back, "{right} {left}");
    }
}

#[test]
fn counts_days_as_a_calendar_does() {
    for (text, value, unit, expected) in [
        ("1973-12-25", "7.7", "days", "1974-01-01"),
        ("2024-01-31", "1", "month", "2024-02-29"),
        ("2024-02-29", "1", "year", "2025-02-28"),
        ("2024-02-29", "-4", "years", "2020-02-29"),
        ("2024", "23", "months", "2025"),
        ("2024", "800", "days", "2026"),
        ("2024-01", "2", "weeks", "2024-01"),
        ("2024-01", "5", "week", "2024-02"),
        ("2024-01-01", "36", "hours", "2024-01-02"),
        ("2024-01-01T10", "90", "minutes", "2024-01-01T11"),
        ("2024-01-01T23:30", "1", "h", "2024-01-02T00:30"),
        ("2024-01-01T00:00:00.000+10:00", "10", "ms", "2024-01-01T00:00:00.010+10:00"),
        ("2024-01-01T00:00:00.000+10:00", "0.1", "s", "2024-01-01T00:00:00.100+10:00"),
        ("2024-01-01T00:00:00Z", "-1", "millisecond", "2023-12-31T23:59:59.999Z"),
        ("1700-01-01T00:00:00Z", "10000000000.5", "s", "2016-11-20T17:46:40.5Z"),
        ("2024-03-01T00:00:00Z", "-1", "day", "2024-02-29T00:00:00Z"),
        ("T23:30", "1", "hour", "00:30"),
        ("T00:00:10", "-20", "seconds", "23:59:50"),
        ("T10", "1", "day", "10"),
    ] {
        let unit = Unit::counted(unit).expect("a unit");
        let found = read(text).plus(Decimal::read(value).expect("a number"), unit);
        assert_eq!(found.map(|found| found.to_string()).as_deref(), Some(expected), "{text} + {value}");
    }
    for (text, value, unit) in [
        ("9999", "1", Unit::Year),
        ("0001-01-01", "-1", Unit::Day),
        ("9999-12-31T23:59:59Z", "1", Unit::Second),
        ("2024", "99999999999999999999", Unit::Year),
        ("2024", "9223372036854775807", Unit::Month),
        ("2024-01-01", "9223372036854775807", Unit::Week),
        ("2024-01-01", "9223372036854775807", Unit::Day),
        ("2024-01-01T00:00:00Z", "9223372036854775807", Unit::Hour),
    ] {
        assert_eq!(read(text).plus(Decimal::read(value).expect("a number"), unit), None, "{text} + {value}");
    }
    assert!(["a", "mo", "cm", "", "dayss"].iter().all(|unit| Unit::counted(unit).is_none()));
}

#[test]
fn boundaries() {
    for (text, digits, low, high) in [
        ("2014", 6, "2014-01", "2014-12"),
        ("2024-02", 8, "2024-02-01", "2024-02-29"),
        ("2024", 17, "2024-01-01T00:00:00.000+14:00", "2024-12-31T23:59:59.999-12:00"),
        ("2014-01-01T08", 17, "2014-01-01T08:00:00.000+14:00", "2014-01-01T08:59:59.999-12:00"),
        ("2014-01-01T08:05+08:00", 17, "2014-01-01T08:05:00.000+08:00", "2014-01-01T08:05:59.999+08:00"),
        ("2014-01-01T08", 8, "2014-01-01", "2014-01-01"),
        ("T10:30", 9, "10:30:00.000", "10:30:59.999"),
        ("T10:30", 2, "10", "10"),
    ] {
        let shown = |found: Option<Moment>| found.map(|found| found.to_string()).unwrap_or_default();
        assert_eq!([shown(read(text).low(digits)), shown(read(text).high(digits))], [low, high], "{text}");
    }
    assert!([0, -1, 5, 18, i64::MAX, i64::MIN].iter().all(|digits| read("2024").low(*digits).is_none()));
    assert!(read("T10").high(0).is_none());
}
