//! Given, middle and family names of two people. Of several names the two that agree best are told.

use strsim::{jaro_winkler, osa_distance};

use super::{family, given, middle};
use crate::normal::name::Name;
use crate::normal::nickname;
use crate::registration::{Registration, Sex};
use crate::sound;

/// How two names agree.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    pub given: u8,
    pub family: u8,
    pub middle: u8,
    pub at: (usize, usize),
}

/// Names that are alike by Jaro and Winkler from here on are read as slips of one name.
const ALIKE: f64 = 0.92;
const SOUNDS: f64 = 0.80;

pub fn compare(one: &Registration, other: &Registration, usual: &impl Fn(&str) -> bool) -> Names {
    // A newborn child has its mother's name, which may be another than it gets.
    let newborn = one.newborn.is_some() || other.newborn.is_some();
    let woman = newborn || one.sex == Some(Sex::Female) || other.sex == Some(Sex::Female);
    if one.names.len() <= 1 && other.names.len() <= 1 {
        return pair(one, other, one.name(), other.name(), woman, usual);
    }
    let mut best: Option<(u32, Names)> = None;
    for i in 0..one.names.len().max(1) {
        for j in 0..other.names.len().max(1) {
            let (a, b) = (one.names.get(i).unwrap_or(one.name()), other.names.get(j).unwrap_or(other.name()));
            let names = Names { at: (i, j), ..pair(one, other, a, b, woman, usual) };
            let rank = rank(&names);
            if best.is_none_or(|(highest, _)| rank > highest) {
                best = Some((rank, names));
            }
        }
    }
    best.expect("there is at least one pair").1
}

/// How well names agree, to find the best of several.
fn rank(names: &Names) -> u32 {
    let given = match names.given {
        given::SAME => 9,
        given::FORM | given::SWAPPED => 8,
        given::TYPO | given::SOUND => 6,
        given::MIDDLE | given::BEGINNING => 5,
        given::INITIAL => 4,
        given::MIDDLE_INITIAL => 1,
        given::DIFFERENT => 0,
        _ => 2,
    };
    let family = match names.family {
        family::SAME => 9,
        family::PART | family::TYPO => 7,
        family::SOUND => 6,
        family::NONE => 2,
        _ => 0,
    };
    given + family
}

fn pair(
    one: &Registration,
    other: &Registration,
    a: &Name,
    b: &Name,
    woman: bool,
    usual: &impl Fn(&str) -> bool,
) -> Names {
    if is_swapped(a, b) {
        // The one level speaks for both names.
        return Names { given: given::SWAPPED, family: family::NONE, middle: middles(a, b), at: (0, 0) };
    }
    let given = match (one.newborn.is_some(), other.newborn.is_some()) {
        (true, true) => given::BOTH_NEWBORN,
        (true, false) if !b.given.is_empty() => newborn(one),
        (false, true) if !a.given.is_empty() => newborn(other),
        _ => givens(a, b, usual),
    };
    let middle = if matches!(given, given::MIDDLE | given::MIDDLE_INITIAL) { middle::NONE } else { middles(a, b) };
    Names { given, family: families(a, b, woman), middle, at: (0, 0) }
}

/// A letter says that there is a twin, so that every named child of that day has one who fits as well.
fn newborn(of: &Registration) -> u8 {
    match of.newborn.and_then(|newborn| newborn.letter) {
        Some(_) => given::MULTIPLE,
        None => given::NEWBORN,
    }
}

/// The first name stands where the family name should, in one of the two. Both must be told and agree, or nearly.
fn is_swapped(a: &Name, b: &Name) -> bool {
    let told = |text: &str| text.len() > 1;
    if ![&a.given, &a.family, &b.given, &b.family].into_iter().all(|text| told(text)) || a.given == b.given {
        return false;
    }
    let near = |x: &str, y: &str| x == y || (x.len() > 3 && osa_distance(x, y) <= 1);
    let part = |x: &Name, y: &str| near(&x.family, y) || x.parts.iter().any(|part| near(part, y));
    let form = |x: &str, y: &str| near(x, y) || nickname::are_one_name(x, y);
    (part(a, &b.given) && form(&a.given, &b.family) && a.given != a.family)
        || (part(b, &a.given) && form(&b.given, &a.family) && b.given != b.family)
}

fn givens(a: &Name, b: &Name, usual: &impl Fn(&str) -> bool) -> u8 {
    let (x, y) = (a.given.as_str(), b.given.as_str());
    if x.is_empty() || y.is_empty() {
        return given::NONE;
    }
    if x == y {
        return if x.len() == 1 { given::INITIAL } else { given::SAME };
    }
    let initial = |short: &str, long: &str| short.len() == 1 && long.starts_with(short);
    if initial(x, y) || initial(y, x) {
        return given::INITIAL;
    }
    if nickname::are_one_name(x, y) {
        return given::FORM;
    }
    let (both_usual, alike) = (usual(x) && usual(y), likeness(x, y));
    match alike {
        Likeness::Apart => {}
        _ if both_usual => return given::USUAL,
        Likeness::Typo => return given::TYPO,
        Likeness::Sound => return given::SOUND,
    }
    let middle = |given: &str, other: &Name| {
        other.middle.len() > 1
            && given.len() > 1
            && (given == other.middle || (given.len() > 3 && osa_distance(given, &other.middle) <= 1))
    };
    if middle(x, b) || middle(y, a) {
        return given::MIDDLE;
    }
    let beginning = |short: &str, long: &str| short.len() >= 3 && long.starts_with(short);
    if beginning(x, y) || beginning(y, x) || joined(a, b) || joined(b, a) {
        return given::BEGINNING;
    }
    // An initial typed wrongly or a name cut to one letter says no more than that.
    let short_form =
        |x: &str, y: &str| nickname::full_forms(x).iter().any(|full| matches!(likeness(full, y), Likeness::Typo));
    if short_form(x, y) || short_form(y, x) {
        return given::SOUND;
    }
    // One is called by a middle name of which the other has the initial; the other's own name must have no place to stand.
    let middle_initial = |given: &str, other: &Name, own: &Name| {
        other.middle.len() == 1 && given.starts_with(other.middle.as_str()) && own.middle.is_empty()
    };
    if middle_initial(x, b, a) || middle_initial(y, a, b) {
        return given::MIDDLE_INITIAL;
    }
    given::DIFFERENT
}

/// Mary Ann and Maryann.
fn joined(a: &Name, b: &Name) -> bool {
    !a.middle.is_empty() && b.given.strip_prefix(a.given.as_str()) == Some(a.middle.as_str())
}

enum Likeness {
    Typo,
    Sound,
    Apart,
}

fn likeness(x: &str, y: &str) -> Likeness {
    let (shorter, longer) = (x.len().min(y.len()), x.len().max(y.len()));
    if shorter < 2 {
        return Likeness::Apart;
    }
    if longer - shorter <= 2 {
        let distance = osa_distance(x, y);
        if distance == 1 || (distance == 2 && shorter >= 6) {
            return Likeness::Typo;
        }
    }
    let winkler = jaro_winkler(x, y);
    if winkler >= ALIKE && shorter >= 4 && longer - shorter <= 2 {
        return Likeness::Typo;
    }
    if winkler >= SOUNDS && longer - shorter <= 3 {
        let (one, other) = (sound::of(x), sound::of(y));
        if one == other && one.len() >= 2 {
            return Likeness::Sound;
        }
    }
    Likeness::Apart
}

fn families(a: &Name, b: &Name, woman: bool) -> u8 {
    let (x, y) = (a.family.as_str(), b.family.as_str());
    if x.is_empty() || y.is_empty() {
        return family::NONE;
    }
    if x == y {
        return family::SAME;
    }
    let parts = |name: &Name| -> Vec<String> {
        if name.parts.is_empty() { vec![name.family.clone()] } else { name.parts.clone() }
    };
    if !a.parts.is_empty() || !b.parts.is_empty() {
        let others = parts(b);
        let near = |one: &str, other: &str| one == other || (one.len() > 4 && osa_distance(one, other) <= 1);
        if parts(a).iter().any(|part| part.len() > 1 && others.iter().any(|other| near(part, other))) {
            return family::PART;
        }
    }
    match likeness(x, y) {
        Likeness::Typo => family::TYPO,
        Likeness::Sound => family::SOUND,
        // Written as one word, of which the other has a part.
        Likeness::Apart
            if x.len().min(y.len()) >= 4
                && (x.starts_with(y) || y.starts_with(x) || x.ends_with(y) || y.ends_with(x)) =>
        {
            family::PART
        }
        Likeness::Apart if woman => family::DIFFERENT_WOMAN,
        Likeness::Apart => family::DIFFERENT,
    }
}

fn middles(a: &Name, b: &Name) -> u8 {
    let (x, y) = (a.middle.as_str(), b.middle.as_str());
    if x.is_empty() || y.is_empty() {
        return middle::NONE;
    }
    if x == y && x.len() > 1 {
        return middle::SAME;
    }
    if x.len() == 1 || y.len() == 1 {
        return if x[..1] == y[..1] { middle::INITIAL } else { middle::DIFFERENT };
    }
    match likeness(x, y) {
        Likeness::Typo | Likeness::Sound => middle::ALIKE,
        Likeness::Apart if nickname::are_one_name(x, y) => middle::ALIKE,
        Likeness::Apart => middle::DIFFERENT,
    }
}
