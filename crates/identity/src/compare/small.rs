//! What is short: birth date, sex, suffix, the last four digits, identifiers.

use strsim::osa_distance;

use super::{birth, given, identifier, last_four, sex, suffix};
use crate::normal::birth::Birth;
use crate::registration::Registration;

pub fn suffix(one: &Registration, other: &Registration) -> u8 {
    match (one.suffix, other.suffix) {
        (None, None) => suffix::NONE,
        (Some(one), Some(other)) if one == other => suffix::SAME,
        (Some(_), Some(_)) => suffix::DIFFERENT,
        _ => suffix::ONE,
    }
}

/// That the sexes agree says nothing new where the given names do.
pub fn sex(one: &Registration, other: &Registration, given: u8) -> u8 {
    match (one.sex, other.sex) {
        (Some(one), Some(other)) if one != other => sex::DIFFERENT,
        (Some(_), Some(_)) if !matches!(given, given::SAME | given::FORM | given::TYPO | given::SWAPPED) => sex::SAME,
        _ => sex::NONE,
    }
}

pub fn birth(one: &Registration, other: &Registration) -> u8 {
    let (Some(one), Some(other)) = (one.birth, other.birth) else { return birth::NONE };
    let apart = one.year.abs_diff(other.year);
    if one.year == other.year {
        return same_year(one, other);
    }
    let same_day = one.is_whole() && other.is_whole() && (one.month, one.day) == (other.month, other.day);
    if same_day && matches!(apart, 1 | 2 | 10) {
        return birth::OTHER_YEAR;
    }
    if same_day && digits_different(one.year, other.year) == 1 {
        return birth::YEAR_DIGIT;
    }
    if apart >= 12 { birth::FAR } else { birth::NEAR }
}

fn same_year(one: Birth, other: Birth) -> u8 {
    if one == other {
        return if one.is_whole() { birth::SAME } else { birth::YEAR_ONLY };
    }
    if !one.is_whole() || !other.is_whole() {
        return birth::YEAR_ONLY;
    }
    if one.month == other.day && one.day == other.month {
        return birth::SWAPPED;
    }
    if one.month == other.month || one.day == other.day { birth::DAY_OR_MONTH } else { birth::SAME_YEAR }
}

fn digits_different(one: u16, other: u16) -> u32 {
    [1, 10, 100, 1000].into_iter().map(|unit| u32::from(one / unit % 10 != other / unit % 10)).sum()
}

pub fn last_four(one: &Registration, other: &Registration) -> u8 {
    let (Some(one), Some(other)) = (one.last_four, other.last_four) else { return last_four::NONE };
    if one == other {
        return last_four::SAME;
    }
    // Numbers of twins are often issued one behind the other.
    if one.abs_diff(other) == 1 {
        return last_four::NEIGHBOURS;
    }
    if is_one_slip(one, other) { last_four::TYPO } else { last_four::DIFFERENT }
}

/// One digit is another, or two neighbours are swapped. A digit left out shifts the others, which four digits cannot tell from
/// another number.
fn is_one_slip(one: u16, other: u16) -> bool {
    let digits = |n: u16| [n / 1000 % 10, n / 100 % 10, n / 10 % 10, n % 10];
    let (a, b) = (digits(one), digits(other));
    let differ: Vec<usize> = (0..4).filter(|at| a[*at] != b[*at]).collect();
    match differ[..] {
        [_] => true,
        [i, j] => j == i + 1 && a[i] == b[j] && a[j] == b[i],
        _ => false,
    }
}

pub fn identifier(one: &Registration, other: &Registration) -> u8 {
    let mut level = identifier::NONE;
    for a in &one.identifiers {
        for b in other.identifiers.iter().filter(|b| b.system == a.system) {
            if a.value == b.value {
                return identifier::SAME;
            }
            let found = match (a.strong || b.strong, near(&a.value, &b.value)) {
                (true, false) => identifier::DIFFERENT_STRONG,
                (true, true) => identifier::TYPO,
                (false, _) => identifier::DIFFERENT,
            };
            level = level.max(found);
        }
    }
    level
}

fn near(one: &str, other: &str) -> bool {
    one.len() >= 6 && one.len().abs_diff(other.len()) <= 1 && osa_distance(one, other) == 1
}
