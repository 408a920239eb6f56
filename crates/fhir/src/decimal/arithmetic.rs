//! Counting with decimals (FHIRPath §6.6): exact where 36 digits hold the result, otherwise rounded to 28 digits.
//!
//! What is larger than that, or divided by zero, has no answer, as FHIRPath has it.

use super::{DIGITS_MAX, Decimal, EXPONENT_MAX};

/// How many digits a quotient has: as many as FHIRPath asks for.
const QUOTIENT_DIGITS: u32 = 28;
/// The largest power of ten that an i128 holds with a mantissa of one digit.
const POWER_MAX: u32 = 37;

impl From<i64> for Decimal {
    fn from(value: i64) -> Decimal {
        Decimal { mantissa: i128::from(value), exponent: 0 }
    }
}

impl Decimal {
    /// The shortest decimal that is nearest to the double; none for what is not finite.
    pub fn from_f64(value: f64) -> Option<Decimal> {
        Decimal::read(&format!("{value:e}")).map(Decimal::trimmed)
    }

    pub fn negate(self) -> Decimal {
        Decimal { mantissa: -self.mantissa, ..self }
    }

    pub fn abs(self) -> Decimal {
        Decimal { mantissa: self.mantissa.abs(), ..self }
    }

    pub fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// Digits after the point, as written.
    pub fn places(self) -> u32 {
        u32::try_from(-self.exponent).unwrap_or(0)
    }

    pub fn add(self, other: Decimal) -> Option<Decimal> {
        let (left, right, exponent) = self.aligned(other)?;
        Decimal { mantissa: left.checked_add(right)?, exponent }.bounded()
    }

    pub fn subtract(self, other: Decimal) -> Option<Decimal> {
        self.add(other.negate())
    }

    pub fn multiply(self, other: Decimal) -> Option<Decimal> {
        let product = |left: Decimal, right: Decimal| {
            let exponent = left.exponent.checked_add(right.exponent)?;
            Some(Decimal { mantissa: left.mantissa.checked_mul(right.mantissa)?, exponent })
        };
        let exact = product(self, other).or_else(|| product(self.trimmed(), other.trimmed()));
        let digits = |of: Decimal| of.round_to_digits(QUOTIENT_DIGITS / 2 + 4);
        exact.or_else(|| product(digits(self), digits(other)))?.bounded()
    }

    /// None where the divisor is zero.
    pub fn divide(self, by: Decimal) -> Option<Decimal> {
        if by.is_zero() {
            return None;
        }
        let room = POWER_MAX - digit_count(self.mantissa).min(POWER_MAX);
        let shift = room.min(QUOTIENT_DIGITS + digit_count(by.mantissa));
        let numerator = self.mantissa.checked_mul(10i128.pow(shift))?;
        let mantissa = divide_rounded(numerator, by.mantissa);
        let exponent = self.exponent.checked_sub(by.exponent)?.checked_sub(i32::try_from(shift).ok()?)?;
        Decimal { mantissa, exponent }.round_to_digits(QUOTIENT_DIGITS).trimmed().bounded()
    }

    /// The quotient without its fraction, and what remains; none where the divisor is zero.
    pub fn divide_whole(self, by: Decimal) -> Option<(Decimal, Decimal)> {
        let (left, right, exponent) = self.aligned(by)?;
        let quotient = left.checked_div(right)?;
        Some((Decimal { mantissa: quotient, exponent: 0 }, Decimal { mantissa: left - quotient * right, exponent }))
    }

    /// With so many digits after the point: a half goes away from zero.
    pub fn round(self, places: u32) -> Decimal {
        self.cut(places, divide_rounded)
    }

    pub fn floor(self, places: u32) -> Decimal {
        self.cut(places, i128::div_euclid)
    }

    pub fn ceiling(self, places: u32) -> Decimal {
        self.negate().floor(places).negate()
    }

    pub fn truncate(self, places: u32) -> Decimal {
        self.cut(places, |mantissa, power| mantissa / power)
    }

    /// Written with so many digits after the point; those that it has not are zeros, those beyond are left as they are.
    pub fn with_places(self, places: u32) -> Option<Decimal> {
        let exponent = -i32::try_from(places).ok()?;
        match self.exponent > exponent {
            true => Some(Decimal { mantissa: self.scaled(exponent)?, exponent }),
            false => Some(self),
        }
    }

    /// A whole number of 64 bits, where it is one.
    pub fn whole(self) -> Option<i64> {
        let trimmed = self.trimmed();
        if trimmed.exponent < 0 {
            return None;
        }
        i64::try_from(trimmed.scaled(0)?).ok()
    }

    /// Without zeros at the end of the fraction.
    pub fn trimmed(mut self) -> Decimal {
        while self.exponent < 0 && self.mantissa % 10 == 0 {
            self.mantissa /= 10;
            self.exponent += 1;
        }
        self
    }

    fn cut(self, places: u32, divide: impl Fn(i128, i128) -> i128) -> Decimal {
        let exponent = -i32::try_from(places).unwrap_or(EXPONENT_MAX);
        let Ok(drop) = u32::try_from(exponent - self.exponent) else { return self };
        // What is dropped is longer than any mantissa: only its sign is left.
        let power = 10i128.pow(drop.min(POWER_MAX));
        Decimal { mantissa: divide(self.mantissa, power), exponent }
    }

    fn round_to_digits(self, digits: u32) -> Decimal {
        let Some(drop) = digit_count(self.mantissa).checked_sub(digits).filter(|drop| *drop > 0) else { return self };
        let exponent = self.exponent + i32::try_from(drop).unwrap_or(0);
        Decimal { mantissa: divide_rounded(self.mantissa, 10i128.pow(drop)), exponent }
    }

    /// Both with one exponent, where that fits.
    fn aligned(self, other: Decimal) -> Option<(i128, i128, i32)> {
        let exponent = self.exponent.min(other.exponent);
        match (self.scaled(exponent), other.scaled(exponent)) {
            (Some(left), Some(right)) => Some((left, right, exponent)),
            _ => {
                let (left, right) = (self.trimmed(), other.trimmed());
                let exponent = left.exponent.min(right.exponent);
                Some((left.scaled(exponent)?, right.scaled(exponent)?, exponent))
            }
        }
    }

    /// None beyond the bounds of what is read as a number.
    fn bounded(self) -> Option<Decimal> {
        let fits = digit_count(self.mantissa) as usize <= DIGITS_MAX;
        let fitting = if fits { self } else { self.round_to_digits(QUOTIENT_DIGITS) };
        (fitting.exponent.abs() <= EXPONENT_MAX).then_some(fitting)
    }
}

fn digit_count(mantissa: i128) -> u32 {
    mantissa.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1)
}

/// To the nearest, a half away from zero.
fn divide_rounded(dividend: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (dividend / divisor, dividend % divisor);
    let half_or_more = rest.unsigned_abs() >= divisor.unsigned_abs() - rest.unsigned_abs();
    match (half_or_more, (dividend < 0) == (divisor < 0)) {
        (false, _) => quotient,
        (true, true) => quotient + 1,
        (true, false) => quotient - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Decimal {
        Decimal::read(text).expect("a number")
    }

    fn shown(found: Option<Decimal>) -> String {
        found.map_or_else(|| String::from("none"), |found| found.to_string())
    }

    #[test]
    fn counts_as_people_do() {
        for (left, sign, right, expected) in [
            ("1.2", '+', "1.80", "3.00"),
            ("1.8", '-', "1.2", "0.6"),
            ("1.2", '*', "1.8", "2.16"),
            ("0.1", '+', "0.2", "0.3"),
            ("1", '/', "2", "0.5"),
            ("4.0", '/', "2.0", "2"),
            ("2", '/', "3", "0.6666666666666666666666666667"),
            ("-2", '/', "3", "-0.6666666666666666666666666667"),
            ("1", '/', "0", "none"),
            ("0", '/', "7", "0"),
            ("100", '/', "1e-2", "10000"),
            ("999999999999999999999999999999999999", '+', "1", "1e36"),
            ("999999999999999999999999999999999999", '*', "10", "1e37"),
            ("1e300", '*', "1e300", "none"),
            ("1e300", '+', "1e-300", "none"),
        ] {
            let (left, right) = (read(left), read(right));
            let found = match sign {
                '+' => left.add(right),
                '-' => left.subtract(right),
                '*' => left.multiply(right),
                _ => left.divide(right),
            };
            let same = |found: Decimal| expected != "none" && found.compare(read(expected)).is_eq();
            assert!(found.map_or(expected == "none", same), "{left} {sign} {right}: {found:?}");
        }
        assert_eq!(shown(read("1.2").add(read("1.80"))), "3.00", "as precise as the more precise");
    }

    #[test]
    fn divides_whole() {
        for (left, right, quotient, rest) in
            [("5", "2", "2", "1"), ("2.2", "1.8", "1", "0.4"), ("-5", "2", "-2", "-1"), ("5.5", "0.7", "7", "0.6")]
        {
            let (found, remains) = read(left).divide_whole(read(right)).expect("not by zero");
            assert_eq!((found.to_string(), remains.to_string()), (quotient.to_owned(), rest.to_owned()));
        }
        assert!(read("5").divide_whole(read("0.0")).is_none());
    }

    #[test]
    fn cuts_digits() {
        for (text, places, round, floor, ceiling, truncate) in [
            ("3.14159", 3, "3.142", "3.141", "3.142", "3.141"),
            ("-1.56", 0, "-2", "-2", "-1", "-1"),
            ("2.5", 0, "3", "2", "3", "2"),
            ("7", 2, "7", "7", "7", "7"),
            ("0.0004", 2, "0.00", "0.00", "0.01", "0.00"),
            ("1e-50", 0, "0", "0", "1", "0"),
            ("-1e-50", 0, "0", "-1", "0", "0"),
        ] {
            let number = read(text);
            let found = [number.round(places), number.floor(places), number.ceiling(places), number.truncate(places)];
            assert_eq!(found.map(|found| found.to_string()), [round, floor, ceiling, truncate], "{text}");
        }
    }

    #[test]
    fn knows_whole_numbers() {
        for (text, whole) in [("1.00", Some(1)), ("1.5", None), ("1e3", Some(1000)), ("-7", Some(-7)), ("1e30", None)] {
            assert_eq!(read(text).whole(), whole, "{text}");
        }
    }
}
