//! Units of measure: The Unified Code for Units of Measure (UCUM 2.2), which R4 asks for in quantities (R4 §2.24.0.1).
//!
//! A kept library knows the units; this is its one door. An amount is brought to the base units of UCUM (g, m, s, rad, K,
//! C, cd, and arbitrary units such as `[iU]`, which nothing but themselves converts to), so that two amounts can be
//! compared or indexed together. It is counted with 28 decimal digits and rounded to a double once, at the end: 1 mg is
//! 0.001 g, not nearly. What a unit means is remembered for each thread, for so many units; nobody waits for a lock.
//!
//! Units that are not UCUM (`tablet`, `mmHg`) have no answer here: what they compare to, if anything, the caller knows.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use octofhir_ucum::{Number, evaluate, get_canonical_units, parse_expression};

/// What a Quantity says as its system where its code is a unit of UCUM.
pub const SYSTEM: &str = "http://unitsofmeasure.org";

/// The longest unit that is read. UCUM's own examples have 30 characters, with annotations (`{…}`) somewhat more.
pub const UNIT_BYTES_MAX: usize = 128;
/// How many units a thread remembers, unknown ones among them; it begins anew when there are more.
const REMEMBERED_MAX: usize = 1024;

/// What a unit means.
struct Unit {
    /// The base units that it is made of: `g.m-3`, `m-3.[iU]`, `1` for a number.
    base: Rc<str>,
    scale: Scale,
}

enum Scale {
    /// An amount `v` is `v × factor + offset` in base units; only temperatures have an offset.
    Linear { factor: Number, offset: Number },
    /// A logarithm or another function: `[pH]`, `dB`.
    Function,
}

/// An amount in UCUM's base units, with the expression of those: 1 `mg` is 0.001 `g`, 37 `Cel` is 310.15 `K`, 7 `[pH]`
/// is 6.02214076e19 `m-3`. `None` where the unit is not UCUM, or the amount cannot be told in base units.
///
/// Two amounts can be compared exactly where the second parts are the same. A function may turn the order round: of
/// two `[pH]` the higher is less in base units.
pub fn canonical(value: f64, unit: &str) -> Option<(f64, String)> {
    let known = find(unit)?;
    Some((in_base(value, unit, &known)?, known.base.to_string()))
}

/// An amount in another unit: 4040 `mg` are 4.04 `g`. `None` where one is not UCUM or they do not measure the same.
pub fn convert(value: f64, from: &str, to: &str) -> Option<f64> {
    if from == to {
        return Some(value);
    }
    let (source, target) = (find(from)?, find(to)?);
    if source.base != target.base {
        return None;
    }
    match (&source.scale, &target.scale) {
        (Scale::Linear { factor, offset }, Scale::Linear { factor: by, offset: less }) => {
            let base = Number::from_f64(value)?.checked_mul(*factor)?.checked_add(*offset)?;
            let number = base.checked_sub(*less)?.checked_div(*by)?.to_f64();
            number.is_finite().then_some(number)
        }
        _ => octofhir_ucum::convert(value, from, to).ok(),
    }
}

/// Whether two units measure the same thing, so that amounts in them can be compared; `false` where one is not UCUM.
pub fn same_dimension(left: &str, right: &str) -> bool {
    matches!((find(left), find(right)), (Some(left), Some(right)) if left.base == right.base)
}

/// Whether a unit is written as UCUM has it, case counting.
pub fn is_unit(unit: &str) -> bool {
    find(unit).is_some()
}

fn in_base(value: f64, unit: &str, known: &Unit) -> Option<f64> {
    let number = match known.scale {
        Scale::Linear { factor, offset } if factor == Number::ONE && offset.is_zero() => return Some(value),
        Scale::Linear { factor, offset } => Number::from_f64(value)?.checked_mul(factor)?.checked_add(offset)?.to_f64(),
        Scale::Function => octofhir_ucum::convert(value, unit, &known.base).ok()?,
    };
    number.is_finite().then_some(number)
}

fn find(unit: &str) -> Option<Rc<Unit>> {
    thread_local! {
        static REMEMBERED: RefCell<HashMap<Box<str>, Option<Rc<Unit>>>> = RefCell::new(HashMap::new());
    }
    if unit.len() > UNIT_BYTES_MAX {
        return None;
    }
    REMEMBERED.with_borrow_mut(|remembered| {
        if let Some(known) = remembered.get(unit) {
            return known.clone();
        }
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        let known = read(unit).map(Rc::new);
        remembered.insert(unit.into(), known.clone());
        known
    })
}

fn read(unit: &str) -> Option<Unit> {
    let term = evaluate(&parse_expression(unit).ok()?).ok()?;
    let scale = match term.special {
        None => Scale::Linear { factor: term.factor, offset: Number::ZERO },
        Some(_) => match get_canonical_units(unit) {
            Ok(linear) => Scale::Linear { factor: linear.factor, offset: linear.offset },
            Err(_) => Scale::Function,
        },
    };
    Some(Unit { base: base(&term.dim.0, &term.arbitrary), scale })
}

/// Names and powers, mass first as people write it: `g.m-3`.
fn base(powers: &[i8; 7], arbitrary: &[(&str, i32)]) -> Rc<str> {
    const ORDER: [(usize, &str); 7] = [(2, "g"), (0, "m"), (1, "s"), (3, "rad"), (4, "K"), (5, "C"), (6, "cd")];
    let base = ORDER.iter().map(|&(at, name)| (name, i32::from(powers[at])));
    let mut parts: Vec<String> = Vec::new();
    for (name, power) in base.chain(arbitrary.iter().copied()) {
        match power {
            0 => {}
            1 => parts.push(name.to_owned()),
            _ => parts.push(format!("{name}{power}")),
        }
    }
    if parts.is_empty() { "1".into() } else { parts.join(".").into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_told_in_base_units() {
        for (value, unit, expected, base) in [
            (1.0, "mg", 0.001, "g"),
            (0.001, "g", 0.001, "g"),
            (3.0, "kg", 3000.0, "g"),
            (2.0, "mg/dL", 20.0, "g.m-3"),
            (120.0, "mm[Hg]", 15_998_640.0, "g.m-1.s-2"),
            (37.0, "Cel", 310.15, "K"),
            (98.6, "[degF]", 310.15, "K"),
            (-40.0, "Cel", 233.15, "K"),
            (1.0, "[lb_av]", 453.592_37, "g"),
            (6.0, "[in_i]", 0.1524, "m"),
            (1.0, "h", 3600.0, "s"),
            (5.0, "%", 0.05, "1"),
            (4.0, "{score}", 4.0, "1"),
            (4.0, "1", 4.0, "1"),
            (8.0, "[iU]/mL", 8e6, "m-3.[iU]"),
            (8.0, "[IU]/mL", 8e6, "m-3.[iU]"),
            (7.0, "[pH]", 6.022_140_76e19, "m-3"),
            (10.0, "10*9/L", 1e13, "m-3"),
            (0.1, "mmol/L", 6.022_140_76e22, "m-3"),
        ] {
            assert_eq!(canonical(value, unit), Some((expected, base.to_owned())), "{value} {unit}");
        }
    }

    #[test]
    fn amounts_are_told_in_other_units() {
        for (value, from, expected, to) in [
            (4040.0, "mg", 4.04, "g"),
            (98.6, "[degF]", 37.0, "Cel"),
            (185.0, "kg", 407.855_185_042_023_55, "[lb_av]"),
            (7.0, "[pH]", 1e-7, "mol/L"),
            (1.0, "tablet", 1.0, "tablet"),
        ] {
            assert_eq!(convert(value, from, to), Some(expected), "{value} {from} {to}");
        }
        for (from, to) in [("mg", "mL"), ("mg", "tablet"), ("[iU]", "mg")] {
            assert_eq!(convert(1.0, from, to), None, "{from} {to}");
        }
    }

    #[test]
    fn what_is_no_unit_has_no_answer() {
        let long = "m".repeat(UNIT_BYTES_MAX + 1);
        let deep = "(".repeat(UNIT_BYTES_MAX);
        for unit in ["", "mmHg", "tablet", "KG", "m//s", "k", "Cel.m", "mg ", " ", "é", "m1000", &long, &deep] {
            assert_eq!(canonical(1.0, unit), None, "{unit}");
            assert!(!is_unit(unit) && !same_dimension(unit, unit), "{unit}");
        }
        assert_eq!(canonical(f64::INFINITY, "mg"), None);
        assert_eq!(canonical(1e300, "Ym"), None, "no double is so large");
    }

    #[test]
    fn only_what_measures_the_same_is_compared() {
        for (left, right) in [("mg", "kg"), ("Cel", "K"), ("N", "kg.m/s2"), ("/min", "Hz"), ("{a}", "%"), ("L", "cm3")]
        {
            assert!(same_dimension(left, right), "{left} {right}");
        }
        for (left, right) in [("mg", "mL"), ("[iU]", "mg"), ("[iU]", "[arb'U]"), ("m", "m2"), ("s", "Hz")] {
            assert!(!same_dimension(left, right), "{left} {right}");
        }
    }

    /// More units than are remembered, and each is still read right.
    #[test]
    fn forgetting_changes_nothing() {
        for factor in 1..=REMEMBERED_MAX + 10 {
            let unit = format!("{factor}.mg");
            let expected = format!("{factor}e-3").parse().expect("a number");
            assert_eq!(canonical(1.0, &unit), Some((expected, String::from("g"))), "{unit}");
        }
    }
}
