//! Amounts with units: order, equality and arithmetic (FHIRPath §6.1, §6.2, §6.6 of Quantity).
//!
//! UCUM says which units measure the same. The words of a calendar (`day`, `months`) are UCUM's units from a week down;
//! a year and a month are of no fixed length, so that a calendar's year is compared with UCUM's only where both of its
//! lengths have the same answer.

use std::cmp::Ordering;

use super::temporal::{Order, Unit};
use crate::decimal::Decimal;
use crate::ucum;

/// An amount and its unit.
pub type Amount<'u> = (Decimal, &'u str);

const DAY_SECONDS: f64 = 86_400.0;

pub fn compare(left: Amount<'_>, right: Amount<'_>) -> Order {
    if left.1 == right.1 {
        return Order::Known(left.0.compare(right.0));
    }
    if let (Some(left), Some(right)) = (months(left), months(right)) {
        return left.zip(right).map_or(Order::Unknown, |(left, right)| Order::Known(left.compare(right)));
    }
    if is_long(left.1) || is_long(right.1) {
        return seconds(left).zip(seconds(right)).map_or(Order::Unknown, |(left, right)| {
            if left.1 < right.0 {
                Order::Known(Ordering::Less)
            } else if right.1 < left.0 {
                Order::Known(Ordering::Greater)
            } else {
                Order::Unknown
            }
        });
    }
    let base = |(value, unit): Amount<'_>| ucum::canonical(value.to_f64(), fixed(unit));
    match (base(left), base(right)) {
        (Some((left, unit)), Some((right, other))) if unit == other => {
            left.partial_cmp(&right).map_or(Order::Unknown, Order::Known)
        }
        _ => Order::Unknown,
    }
}

/// Equal when both are as precise as the less precise of them (FHIRPath §6.1.2); a calendar's year is UCUM's.
pub fn equivalent(left: Amount<'_>, right: Amount<'_>) -> bool {
    let (unit, other) = (loose(left.1), loose(right.1));
    let places = left.0.places().min(right.0.places());
    let converted = if unit == other { Some(right.0) } else { convert(right.0, other, unit) };
    converted.is_some_and(|right| left.0.round(places).compare(right.round(places)).is_eq())
}

/// In the left one's unit; `None` where the two do not measure the same.
pub fn add(left: Amount<'_>, right: Amount<'_>) -> Option<Decimal> {
    if left.1 == right.1 {
        return left.0.add(right.0);
    }
    if is_long(left.1) || is_long(right.1) {
        let (total, unit) = (months(left)??.add(months(right)??)?, Unit::calendar(left.1)?);
        return if unit == Unit::Year { total.divide(Decimal::from(12)) } else { Some(total) };
    }
    left.0.add(convert(right.0, fixed(right.1), fixed(left.1))?)
}

/// A product or, with `/`, a quotient. Its unit is in UCUM's base units, unless a side is a plain number.
pub fn scale(left: Amount<'_>, operator: char, right: Amount<'_>) -> Option<(Decimal, String)> {
    let count = |left: Decimal, right: Decimal| if operator == '/' { left.divide(right) } else { left.multiply(right) };
    if right.1 == "1" {
        return Some((count(left.0, right.0)?, left.1.to_owned()));
    }
    if left.1 == "1" && operator == '*' {
        return Some((count(left.0, right.0)?, right.1.to_owned()));
    }
    let (value, unit) = ucum::canonical(left.0.to_f64(), fixed(left.1))?;
    let (by, other) = ucum::canonical(right.0.to_f64(), fixed(right.1))?;
    let (_, unit) = ucum::canonical(1.0, &format!("({unit}){}({other})", if operator == '/' { '/' } else { '.' }))?;
    Some((count(Decimal::from_f64(value)?, Decimal::from_f64(by)?)?, unit))
}

/// Whether two units measure the same.
pub fn comparable(left: &str, right: &str) -> bool {
    left == right || ucum::same_dimension(loose(left), loose(right))
}

fn convert(value: Decimal, from: &str, to: &str) -> Option<Decimal> {
    Decimal::from_f64(ucum::convert(value.to_f64(), from, to)?)
}

/// A calendar's words from a week down as UCUM has them.
fn fixed(unit: &str) -> &str {
    match Unit::calendar(unit) {
        Some(Unit::Year | Unit::Month) | None => unit,
        Some(known) => known.ucum(),
    }
}

/// All of a calendar's words as UCUM has them.
fn loose(unit: &str) -> &str {
    match Unit::calendar(unit) {
        Some(known) => known.ucum(),
        None => unit,
    }
}

fn is_long(unit: &str) -> bool {
    matches!(Unit::calendar(unit), Some(Unit::Year | Unit::Month))
}

/// Of a calendar's years and months how many months they are; `None` for another unit, nothing where it is too many.
fn months((value, unit): Amount<'_>) -> Option<Option<Decimal>> {
    match Unit::calendar(unit)? {
        Unit::Year => Some(value.multiply(Decimal::from(12))),
        Unit::Month => Some(Some(value)),
        _ => None,
    }
}

/// Of an amount of time the least and the most that it may be.
fn seconds((value, unit): Amount<'_>) -> Option<(f64, f64)> {
    let value = value.to_f64();
    let (low, high) = match Unit::calendar(unit) {
        Some(Unit::Year) => (365.0 * DAY_SECONDS, 366.0 * DAY_SECONDS),
        Some(Unit::Month) => (28.0 * DAY_SECONDS, 31.0 * DAY_SECONDS),
        _ => {
            let (seconds, base) = ucum::canonical(value, fixed(unit))?;
            return (base == "s").then_some((seconds, seconds));
        }
    };
    Some(if value < 0.0 { (value * high, value * low) } else { (value * low, value * high) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount<'_> {
        let (value, unit) = text.split_once(' ').expect("a unit");
        (Decimal::read(value).expect("a number"), unit)
    }

    #[test]
    fn order_as_far_as_units_tell() {
        const EQUAL: Order = Order::Known(Ordering::Equal);
        const LESS: Order = Order::Known(Ordering::Less);
        for (left, right, expected) in [
            ("1 mg", "0.001 g", EQUAL),
            ("185 [lb_av]", "83.9145884500 kg", EQUAL),
            ("6 days", "1 week", LESS),
            ("7 days", "1 wk", EQUAL),
            ("12 months", "1 year", EQUAL),
            ("1 year", "1 a", Order::Unknown),
            ("17 years", "18 a", LESS),
            ("1 month", "1 mo", Order::Unknown),
            ("360 d", "1 year", LESS),
            ("-1 year", "-1 d", LESS),
            ("1 cm", "1 s", Order::Unknown),
            ("1 year", "1 cm", Order::Unknown),
            ("1 tablet", "1 tablet", EQUAL),
            ("1 tablet", "2 puff", Order::Unknown),
            ("37 Cel", "310.15 K", EQUAL),
        ] {
            assert_eq!(compare(amount(left), amount(right)), expected, "{left} {right}");
        }
    }

    #[test]
    fn equivalence_forgives_precision() {
        for (left, right) in [("4 g", "4040 mg"), ("4 g", "4000 mg"), ("1 year", "1 a"), ("1 month", "1 mo")] {
            assert!(equivalent(amount(left), amount(right)), "{left} {right}");
        }
        for (left, right) in [("4.0 g", "4.1 g"), ("1 g", "1 s"), ("1 tablet", "1 puff")] {
            assert!(!equivalent(amount(left), amount(right)), "{left} {right}");
        }
    }

    #[test]
    fn counts() {
        let sum = |left, right| add(amount(left), amount(right)).map(|sum| sum.to_string());
        for (left, right, expected) in [
            ("1 g", "500 mg", Some("1.5")),
            ("1 day", "12 h", Some("1.5")),
            ("1 year", "6 months", Some("1.5")),
            ("1 month", "1 year", Some("13")),
            ("1 year", "1 a", None),
            ("1 g", "1 s", None),
        ] {
            assert_eq!(sum(left, right).as_deref(), expected, "{left} {right}");
        }
        for (left, operator, right, expected) in [
            ("2.0 cm", '*', "2.0 m", Some("0.04 m2")),
            ("4.0 g", '/', "2.0 m", Some("2 g.m-1")),
            ("1.0 m", '/', "1.0 m", Some("1 1")),
            ("3 mg", '*', "2 1", Some("6 mg")),
            ("2 1", '*', "3 mg", Some("6 mg")),
            ("3 mg", '/', "0 1", None),
            ("3 tablet", '*', "3 m", None),
            ("1 year", '*', "1 m", None),
        ] {
            let found = scale(amount(left), operator, amount(right)).map(|(value, unit)| format!("{value} {unit}"));
            assert_eq!(found.as_deref(), expected, "{left} {operator} {right}");
        }
    }
}
