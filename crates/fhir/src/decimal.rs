//! A decimal exactly as written: what its digits say and how precise they are (R4 §2.24.0.1: `1.10` is not `1.1`).
//!
//! Comparison is exact as far as 38 digits reach, which is twice what R4 asks of anyone. `arithmetic` counts with them.

mod arithmetic;

use std::cmp::Ordering;

/// `mantissa × 10^exponent`. `1.10` is 110 and -2, `1e3` is 1 and 3.
#[derive(Debug, Clone, Copy)]
pub struct Decimal {
    pub mantissa: i128,
    pub exponent: i32,
}

/// More digits or a larger exponent than this is not a number that we search or compare by.
const DIGITS_MAX: usize = 36;
const EXPONENT_MAX: i32 = 400;

impl Decimal {
    /// Reads the JSON form of a number; a plus sign before it is let through, because a client may send one.
    pub fn read(text: &str) -> Option<Decimal> {
        let (digits, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, digits) = match digits.as_bytes().first()? {
            b'-' => (true, &digits[1..]),
            b'+' => (false, &digits[1..]),
            _ => (false, digits),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let point = digits.contains('.');
        if whole.is_empty() || (point && fraction.is_empty()) || whole.len() + fraction.len() > DIGITS_MAX {
            return None;
        }
        let mut mantissa: i128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            if !digit.is_ascii_digit() {
                return None;
            }
            mantissa = mantissa * 10 + i128::from(digit - b'0');
        }
        let exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        if exponent.abs() > EXPONENT_MAX {
            return None;
        }
        Some(Decimal { mantissa: if negative { -mantissa } else { mantissa }, exponent })
    }

    /// The nearest double.
    pub fn to_f64(self) -> f64 {
        // The standard library's reader rounds correctly; dividing by a power of ten would not.
        format!("{}e{}", self.mantissa, self.exponent).parse().expect("a mantissa and an exponent are a number")
    }

    /// The number half a unit of the last written digit away: below where `direction` is -1, above where it is 1.
    pub fn half_unit(self, direction: i128) -> Decimal {
        Decimal { mantissa: self.mantissa * 10 + 5 * direction, exponent: self.exponent - 1 }
    }

    /// Whether it was written without a fraction.
    pub fn is_whole(self) -> bool {
        self.exponent >= 0
    }

    pub fn compare(self, other: Decimal) -> Ordering {
        let exponent = self.exponent.min(other.exponent);
        match (self.scaled(exponent), other.scaled(exponent)) {
            (Some(left), Some(right)) => left.cmp(&right),
            // Too far apart in size to be written with one exponent, so that doubles tell them apart.
            _ => self.to_f64().total_cmp(&other.to_f64()),
        }
    }

    /// The mantissa for a smaller exponent, where it fits.
    fn scaled(self, exponent: i32) -> Option<i128> {
        let power = u32::try_from(self.exponent - exponent).ok()?;
        10i128.checked_pow(power).and_then(|factor| self.mantissa.checked_mul(factor))
    }
}

/// As a person writes it, and JSON takes it: `1.10`, `-0.5`, `1e40` only where there would be many zeros.
impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const ZEROS_MAX: u32 = 20;
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let digits = self.mantissa.unsigned_abs();
        let places = self.exponent.unsigned_abs();
        if self.exponent.unsigned_abs() > 2 * ZEROS_MAX || (self.exponent > 0 && places > ZEROS_MAX) {
            return write!(f, "{sign}{digits}e{}", self.exponent);
        }
        if self.exponent >= 0 {
            let zeros = if digits == 0 { 0 } else { places as usize };
            return write!(f, "{sign}{digits}{}", "0".repeat(zeros));
        }
        let padded = format!("{digits:0>width$}", width = places as usize + 1);
        let (whole, fraction) = padded.split_at(padded.len() - places as usize);
        write!(f, "{sign}{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_a_number_and_nothing_else() {
        for (text, mantissa, exponent) in
            [("1.10", 110, -2), ("-0.5", -5, -1), ("100", 100, 0), ("1e3", 1, 3), ("1.5E-2", 15, -3), ("+7", 7, 0)]
        {
            let decimal = Decimal::read(text).expect(text);
            assert_eq!((decimal.mantissa, decimal.exponent), (mantissa, exponent), "{text}");
        }
        for text in ["", "-", ".5", "5.", "1e", "0x1", "1 ", "NaN", "1e999999999999", "1e500", &"9".repeat(40)] {
            assert!(Decimal::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn is_written_as_it_was_read() {
        for text in ["1.10", "-0.5", "100", "0", "0.00", "-12.340", "123456789012345678901234567890.123456"] {
            assert_eq!(Decimal::read(text).expect("a number").to_string(), text);
        }
        for (text, shown) in [("1e3", "1000"), ("1e40", "1e40"), ("1.5e-100", "15e-101"), ("0e5", "0"), ("+7", "7")] {
            assert_eq!(Decimal::read(text).expect("a number").to_string(), shown);
        }
    }

    #[test]
    fn compares_by_value_and_not_by_writing() {
        for (left, right, expected) in [
            ("1.10", "1.1", Ordering::Equal),
            ("1e2", "100", Ordering::Equal),
            ("0.1", "0.10000000000000000000000000001", Ordering::Less),
            ("-1", "1", Ordering::Less),
            ("1e300", "1e-300", Ordering::Greater),
        ] {
            let read = |text| Decimal::read(text).expect("a number");
            assert_eq!(read(left).compare(read(right)), expected, "{left} {right}");
        }
    }
}
