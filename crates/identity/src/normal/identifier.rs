//! Identifiers: which of them tell a person apart, and the last four digits of a social security number.
//!
//! A medical record number is its hospital's own; that one hospital gave somebody two of them is the very fault that is
//! looked for, so two of them do not part. A number of the state's does.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// An identifier as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifier {
    /// The system, hashed: it is only asked whether two are the same.
    pub system: u64,
    /// Letters and digits in lower case.
    pub value: String,
    /// One person has one, for life: two different ones of one system are two people.
    pub strong: bool,
}

/// What one Identifier says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    Whole(Identifier),
    /// The last four digits of a social security number.
    LastFour(u16),
}

const VALUE_BYTES_MAX: usize = 32;
/// Types of table v2-0203 that are given once to a person.
const STRONG_TYPES: [&str; 6] = ["SS", "NI", "NH", "NIIP", "SB", "SIN"];
/// The system of US social security numbers.
const SSN: &str = "http://hl7.org/fhir/sid/us-ssn";

/// Reads an identifier of `system` (its assigner where there is none) and of the types `types`. None where the value is missing or a
/// placeholder: 999-99-9999, 000…, 123456789, one digit over and over.
pub fn read<'a>(system: &str, types: impl Iterator<Item = &'a str>, value: &str) -> Option<Read> {
    let value: String = super::cut(value, super::TEXT_BYTES_MAX)
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(VALUE_BYTES_MAX)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    let system = super::cut(system.trim(), 512);
    if value.is_empty() || system.is_empty() || is_placeholder(&value) {
        return None;
    }
    let strong = system == SSN || types.into_iter().any(|kind| STRONG_TYPES.contains(&kind));
    let digits = value.bytes().all(|digit| digit.is_ascii_digit());
    let ssn = system == SSN || system.to_ascii_lowercase().contains("ssn");
    if ssn && digits && value.len() == 4 {
        return value.parse().ok().map(Read::LastFour);
    }
    Some(Read::Whole(Identifier { system: hash(system), value, strong }))
}

fn is_placeholder(value: &str) -> bool {
    let bytes = value.as_bytes();
    let same = bytes.len() >= 4 && bytes.iter().all(|byte| *byte == bytes[0]);
    same || matches!(
        value,
        "1234"
            | "12345"
            | "123456"
            | "1234567"
            | "12345678"
            | "123456789"
            | "unknown"
            | "none"
            | "na"
            | "test"
            | "pending"
    ) || (bytes.len() == 9 && (value.starts_with("99999") || value.starts_with("000000")))
}

fn hash(text: &str) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(0x6869_6c75_6d20_6964, 0x656e_7469_6669_6572);
    hasher.write(text.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_read() {
        let told = |system: &str, kind: &'static str, value: &str| match read(system, [kind].into_iter(), value) {
            None => "-".to_owned(),
            Some(Read::LastFour(four)) => format!("last {four:04}"),
            Some(Read::Whole(whole)) => format!("{}{}", whole.value, if whole.strong { " strong" } else { "" }),
        };
        for (system, kind, value, expected) in [
            ("urn:a", "MR", "00-A 12", "00a12"),
            ("urn:a", "NI", "77x", "77x strong"),
            (SSN, "", "123-45-6780", "123456780 strong"),
            (SSN, "", "999-99-9999", "-"),
            (SSN, "", "000-00-0000", "-"),
            ("urn:example:ssn4", "", "0420", "last 0420"),
            ("urn:example:ssn4", "", "0000", "-"),
            ("urn:example:ssn4", "", "9999", "-"),
            ("urn:example:ssn4", "", "1234", "-"),
            ("", "MR", "17", "-"),
            ("urn:a", "MR", "--", "-"),
        ] {
            assert_eq!(told(system, kind, value), expected, "{system} {value}");
        }
    }
}
