//! The formats of the primitive types (R4 §2.24.0.1), as the specification's regular expressions give them.
//!
//! Hand-written because they run on every value that is read. Numbers and booleans have their own JSON types; the
//! rest is text. A fault says what was expected, never what was there.

mod time;

pub use time::{date, date_time, instant, time};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Primitive {
    Base64Binary,
    Boolean,
    Canonical,
    Code,
    Date,
    DateTime,
    Decimal,
    Id,
    Instant,
    Integer,
    Markdown,
    Oid,
    PositiveInt,
    String,
    Time,
    UnsignedInt,
    Uri,
    Url,
    Uuid,
    Xhtml,
}

/// The JSON type that a primitive is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Text,
    Number,
    Bool,
}

/// What a value should have been, to be put behind "must be".
pub type Expected = &'static str;

/// R4 §2.24.0.1: a string shall not exceed 1 MB.
pub const STRING_BYTES_MAX: usize = 1024 * 1024;

impl Primitive {
    pub fn named(name: &str) -> Option<Primitive> {
        Some(match name {
            "base64Binary" => Primitive::Base64Binary,
            "boolean" => Primitive::Boolean,
            "canonical" => Primitive::Canonical,
            "code" => Primitive::Code,
            "date" => Primitive::Date,
            "dateTime" => Primitive::DateTime,
            "decimal" => Primitive::Decimal,
            "id" => Primitive::Id,
            "instant" => Primitive::Instant,
            "integer" => Primitive::Integer,
            "markdown" => Primitive::Markdown,
            "oid" => Primitive::Oid,
            "positiveInt" => Primitive::PositiveInt,
            "string" => Primitive::String,
            "time" => Primitive::Time,
            "unsignedInt" => Primitive::UnsignedInt,
            "uri" => Primitive::Uri,
            "url" => Primitive::Url,
            "uuid" => Primitive::Uuid,
            "xhtml" => Primitive::Xhtml,
            _ => return None,
        })
    }

    pub fn form(self) -> Form {
        match self {
            Primitive::Boolean => Form::Bool,
            Primitive::Decimal | Primitive::Integer | Primitive::PositiveInt | Primitive::UnsignedInt => Form::Number,
            _ => Form::Text,
        }
    }

    /// Checks the text of a value: what stood between the quotes, or a number as written.
    pub fn check(self, value: &str) -> Result<(), Expected> {
        let (fits, expected) = match self {
            Primitive::Boolean => (value == "true" || value == "false", "true or false"),
            Primitive::Base64Binary => (base64(value), "base64 in groups of four characters"),
            Primitive::Canonical | Primitive::Uri | Primitive::Url => (uri(value), "a URI without blanks"),
            Primitive::Code => (code(value), "a code without blanks at its ends or two in a row"),
            Primitive::Date => (date(value), "a date that exists: YYYY, YYYY-MM or YYYY-MM-DD"),
            Primitive::DateTime => {
                (date_time(value), "a date that exists, or a date and time with seconds and zone: YYYY-MM-DDThh:mm:ssZ")
            }
            Primitive::Decimal => (decimal(value), "a decimal number"),
            Primitive::Id => (id(value), "an id of 1 to 64 letters, digits, - and ."),
            Primitive::Instant => (instant(value), "an instant with seconds and zone: YYYY-MM-DDThh:mm:ssZ"),
            Primitive::Integer => (whole(value, i32::MIN), "a whole number of 32 bits"),
            Primitive::Oid => (oid(value), "an OID: urn:oid:1.2.3"),
            Primitive::PositiveInt => (whole(value, 1), "a whole number from 1 to 2147483647"),
            Primitive::String | Primitive::Markdown => return string(value),
            Primitive::Time => (time(value), "a time of day with seconds: hh:mm:ss"),
            Primitive::UnsignedInt => (whole(value, 0), "a whole number from 0 to 2147483647"),
            Primitive::Uuid => (uuid(value), "a UUID in lower case: urn:uuid:…"),
            Primitive::Xhtml => (xhtml(value), "an XHTML <div> element"),
        };
        if fits { Ok(()) } else { Err(expected) }
    }
}

fn string(value: &str) -> Result<(), Expected> {
    if value.is_empty() {
        Err("not empty: leave the element out instead")
    } else if value.len() > STRING_BYTES_MAX {
        Err("at most 1 MB; put longer content into an Attachment or Binary")
    } else if has_control(value) {
        Err("without control characters other than tab, CR and LF")
    } else {
        Ok(())
    }
}

fn has_control(value: &str) -> bool {
    value.bytes().any(|byte| byte < 0x20 && !matches!(byte, b'\t' | b'\r' | b'\n'))
}

/// Narrative is kept as written; its content is judged where it is shown.
fn xhtml(value: &str) -> bool {
    let rest = value.trim_start().strip_prefix("<div");
    rest.is_some_and(|rest| rest.starts_with(['>', ' ', '\t', '\r', '\n', '/'])) && !has_control(value)
}

fn uri(value: &str) -> bool {
    !value.is_empty() && !value.bytes().any(is_blank)
}

fn code(value: &str) -> bool {
    let mut last_blank = true;
    for byte in value.bytes() {
        let blank = is_blank(byte);
        if blank && last_blank {
            return false;
        }
        last_blank = blank;
    }
    !last_blank && !has_control(value)
}

/// What `\s` matches, and the control characters, which no format allows.
fn is_blank(byte: u8) -> bool {
    byte <= b' '
}

pub fn id(value: &str) -> bool {
    (1..=64).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

fn oid(value: &str) -> bool {
    let Some(arcs) = value.strip_prefix("urn:oid:") else { return false };
    let arc =
        |arc: &str| !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit()) && (arc == "0" || !arc.starts_with('0'));
    matches!(arcs.split_once('.'), Some(("0" | "1" | "2", rest)) if rest.split('.').all(arc))
}

fn uuid(value: &str) -> bool {
    let Some(uuid) = value.strip_prefix("urn:uuid:") else { return false };
    uuid.len() == 36
        && uuid.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

fn base64(value: &str) -> bool {
    let (mut count, mut padding) = (0usize, 0usize);
    for byte in value.bytes() {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            b'=' => padding += 1,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => {}
            _ => return false,
        }
        count += 1;
    }
    count > 0 && count.is_multiple_of(4) && padding <= 2
}

/// A number as JSON writes it: whatever JSON accepts is a decimal.
fn decimal(value: &str) -> bool {
    let value = value.strip_prefix('-').unwrap_or(value);
    let (mantissa, exponent) = match value.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        None => (value, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    [whole, fraction, exponent].iter().all(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
        && (whole == "0" || !whole.starts_with('0'))
}

fn whole(value: &str, min: i32) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let plain = value == "0" || matches!(digits.as_bytes(), [b'1'..=b'9', ..]);
    plain && value.parse::<i32>().is_ok_and(|number| number >= min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        use Primitive::*;
        let cases: [(Primitive, &[&str], &[&str]); 15] = [
            (Boolean, &["true", "false"], &["True", "1", ""]),
            (Id, &["a", "A-1.b", &"x".repeat(64)], &["", "a_b", "ä", "a b", &"x".repeat(65)]),
            (Code, &["a", "a b", "a\tb", "<="], &["", " a", "a ", "a  b", "a\t\tb", " ", "a\u{1}b"]),
            (Uri, &["http://x", "urn:oid:1.2", "x", "ü"], &["", "a b", "a\n"]),
            (Oid, &["urn:oid:1.2.3", "urn:oid:2.16.840.0"], &["1.2.3", "urn:oid:3.1", "urn:oid:1", "urn:oid:1.02"]),
            (
                Uuid,
                &["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
                &["c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:C757873D-EC9A-4326-A141-556F43239520"],
            ),
            (
                Base64Binary,
                &["QQ==", "QUI=", "QUJD", "QU\nJD QQ=="],
                &["", "Q", "QQ=", "Q=Q=", "Q===", "QQ-_", "QQ==QQ=="],
            ),
            (Integer, &["0", "-1", "2147483647", "-2147483648"], &["-0", "01", "1.0", "1e3", "2147483648", "+1", ""]),
            (UnsignedInt, &["0", "2147483647"], &["-1", "2147483648"]),
            (PositiveInt, &["1", "2147483647"], &["0", "-1"]),
            (
                Decimal,
                &["1.10", "-0", "0.0", "1e400", "1E-7", "123456789012345678901234567890"],
                &["1.", ".1", "01", "+1", "1e", ""],
            ),
            (String, &["a", " ", "a\r\n\tb", "é", "\u{85}"], &["", "a\u{0}", "\u{1b}[0m"]),
            (Markdown, &["# a"], &[""]),
            (Xhtml, &["<div xmlns=\"x\">a</div>", "<div/>", "\n<div>"], &["", "a", "<p>a</p>", "<divx>"]),
            (Canonical, &["http://x|1"], &["a b"]),
        ];
        for (primitive, good, bad) in cases {
            for value in good {
                assert_eq!(primitive.check(value), Ok(()), "{primitive:?} {value:?}");
            }
            for value in bad {
                assert!(primitive.check(value).is_err(), "{primitive:?} {value:?}");
            }
        }
        assert!(String.check(&"x".repeat(STRING_BYTES_MAX + 1)).is_err());
    }
}
