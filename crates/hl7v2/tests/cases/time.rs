//! Times of v2: read to their precision, refused when no calendar has them.

use hl7v2::{BadTime, Precision, Timestamp};

#[test]
fn times_are_read_to_their_precision() {
    use Precision::{Day, Fraction, Hour, Minute, Month, Second, Year};
    let cases = [
        ("57 year", "2024", Year, "2024-1-1 0:0:0.0", None),
        ("57 month", "202402", Month, "2024-2-1 0:0:0.0", None),
        ("57 day", "20240229", Day, "2024-2-29 0:0:0.0", None),
        ("hour", "2024022913", Hour, "2024-2-29 13:0:0.0", None),
        ("58 minute, no zone", "202402291305", Minute, "2024-2-29 13:5:0.0", None),
        ("second", "20240229130507", Second, "2024-2-29 13:5:7.0", None),
        ("60 fraction", "20240229130507.25", Fraction, "2024-2-29 13:5:7.250000000", None),
        ("60 long fraction", "20240229130507.123456789", Fraction, "2024-2-29 13:5:7.123456789", None),
        ("59 +0000", "20240229130507+0000", Second, "2024-2-29 13:5:7.0", Some(0)),
        ("59 -0000", "20240229130507-0000", Second, "2024-2-29 13:5:7.0", Some(0)),
        ("zone", "202402291305-0730", Minute, "2024-2-29 13:5:0.0", Some(-450)),
        ("zone on a day", "20240229+0100", Day, "2024-2-29 0:0:0.0", Some(60)),
        ("leap second", "20161231235960", Second, "2016-12-31 23:59:60.0", None),
        ("1900 has no leap day, 2000 has", "20000229", Day, "2000-2-29 0:0:0.0", None),
        ("blanks around", " 20240229 ", Day, "2024-2-29 0:0:0.0", None),
        ("63 ISO day", "2024-02-29", Day, "2024-2-29 0:0:0.0", None),
        ("63 ISO month", "2024-02", Month, "2024-2-1 0:0:0.0", None),
        ("63 ISO Z", "2024-02-29T13:05:07Z", Second, "2024-2-29 13:5:7.0", Some(0)),
        ("63 ISO zone", "2024-02-29T13:05:07.5+05:30", Fraction, "2024-2-29 13:5:7.500000000", Some(330)),
        ("63 ISO with a blank", "2024-02-29 13:05", Minute, "2024-2-29 13:5:0.0", None),
    ];
    for (name, text, precision, parts, offset) in cases {
        let time = Timestamp::read(text).unwrap_or_else(|bad| panic!("{name}: {bad}"));
        let Timestamp { year, month, day, hour, minute, second, nanosecond, .. } = time;
        assert_eq!(format!("{year}-{month}-{day} {hour}:{minute}:{second}.{nanosecond}"), parts, "{name}");
        assert_eq!((time.precision, time.offset_minutes), (precision, offset), "{name}");
        assert_eq!(time.iso, name.contains("ISO"), "{name}");
        assert_eq!(time.local_zone_unknown, text.ends_with("-0000"), "{name}");
    }
}

#[test]
fn impossible_times_are_refused_with_their_reason() {
    let cases = [
        ("", BadTime::Empty),
        ("00000000", BadTime::Year),
        ("20240230", BadTime::Day),
        ("19000229", BadTime::Day),
        ("20240100", BadTime::Day),
        ("20241301", BadTime::Month),
        ("202401012400", BadTime::Hour),
        ("20240101240000", BadTime::Hour),
        ("202401011260", BadTime::Minute),
        ("20240101120061", BadTime::Second),
        ("240000", BadTime::Month),
        ("2024010", BadTime::Form),
        ("202401011", BadTime::Form),
        ("Aug 15, 1942", BadTime::Form),
        ("\"\"", BadTime::Form),
        ("20240101.5", BadTime::Form),
        ("20240101120000.", BadTime::Form),
        ("20240101120000.1234567890", BadTime::Fraction),
        ("20240101+2500", BadTime::Offset),
        ("20240101+0160", BadTime::Offset),
        ("20240101+1", BadTime::Offset),
        ("20240101120000+", BadTime::Offset),
        ("01/02/2024", BadTime::Form),
        ("2024-13-01", BadTime::Month),
        ("２０２４", BadTime::Form),
    ];
    for (text, bad) in cases {
        assert_eq!(Timestamp::read(text), Err(bad), "{text}");
        assert!(text.is_empty() || !bad.to_string().contains(text), "{text} is repeated");
    }
}
