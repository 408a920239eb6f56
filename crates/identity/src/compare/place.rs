//! Where a person lives and is called: one field for address, telephone and place; e-mail.

use strsim::{jaro_winkler, osa_distance};

use super::{contact, email};
use crate::normal::address::Address;
use crate::normal::phone;
use crate::registration::Registration;

/// The points of an address from which it is the same, nearly the same, alike in part.
const SAME: u32 = 7;
const NEARLY: u32 = 5;
const PARTLY: u32 = 3;

pub fn contact(one: &Registration, other: &Registration) -> u8 {
    let phone = phones(one, other);
    let points = one.addresses.iter().flat_map(|a| other.addresses.iter().map(move |b| points(a, b))).max();
    match (phone, points) {
        (None, None) => contact::NONE,
        (Some(Phone::Same), Some(NEARLY..)) => contact::BOTH,
        (_, Some(SAME..)) => contact::ADDRESS,
        (Some(Phone::Same), _) => contact::PHONE,
        (Some(Phone::Near), _) | (_, Some(NEARLY..)) => contact::NEARLY,
        (_, Some(PARTLY..)) => contact::PARTLY,
        (_, Some(1..)) => contact::AREA,
        _ => contact::DIFFERENT,
    }
}

enum Phone {
    Same,
    Near,
    Different,
}

fn phones(one: &Registration, other: &Registration) -> Option<Phone> {
    if one.phones.is_empty() || other.phones.is_empty() {
        return None;
    }
    let any = |test: &dyn Fn(u64, u64) -> bool| one.phones.iter().any(|a| other.phones.iter().any(|b| test(*a, *b)));
    Some(match () {
        () if any(&|a, b| a == b) => Phone::Same,
        () if any(&phone::differ_in_one_digit) => Phone::Near,
        () => Phone::Different,
    })
}

/// 3 for the street (2 if alike), 2 for the number, 2 for the postal code (1 if one digit is different), 1 for the town.
fn points(a: &Address, b: &Address) -> u32 {
    let street = match () {
        () if a.street.is_empty() || b.street.is_empty() => 0,
        () if a.street == b.street => 3,
        () if jaro_winkler(&a.street, &b.street) >= 0.88 => 2,
        () => 0,
    };
    let number = match () {
        () if a.number.is_empty() || b.number.is_empty() => 0,
        () if a.number == b.number => 2,
        () if a.number.len() > 2 && osa_distance(&a.number, &b.number) == 1 && street > 0 => 1,
        () => 0,
    };
    let code = match () {
        () if a.postcode.is_empty() || b.postcode.is_empty() => 0,
        () if a.postcode == b.postcode => 2,
        () if osa_distance(&a.postcode, &b.postcode) == 1 => 1,
        () => 0,
    };
    let city = !a.city.is_empty() && !b.city.is_empty() && (a.city == b.city || jaro_winkler(&a.city, &b.city) >= 0.9);
    street + number + code + u32::from(city)
}

pub fn email(one: &Registration, other: &Registration) -> u8 {
    if one.emails.is_empty() || other.emails.is_empty() {
        return email::NONE;
    }
    let mut level = email::DIFFERENT;
    for a in &one.emails {
        for b in &other.emails {
            let found = match () {
                () if a == b && !is_made_of_names(local(a), one, other) => return email::SAME,
                () if a == b => email::MADE,
                () if (local(a) == local(b) && local(a).len() > 4) || osa_distance(a, b) <= 1 => email::ALIKE,
                () => continue,
            };
            if level != email::MADE {
                level = found;
            }
        }
    }
    level
}

fn local(email: &str) -> &str {
    email.split('@').next().unwrap_or_default()
}

/// Whether an address is what everybody of a name would choose, and both have that name: jsmith, john.smith, smithj80. That two
/// of one name have it tells less than their names do already.
fn is_made_of_names(local: &str, one: &Registration, other: &Registration) -> bool {
    let letters: String = local.chars().filter(char::is_ascii_alphabetic).collect();
    let near = |rest: &str, family: &str| rest == family || (family.len() > 3 && osa_distance(rest, family) <= 1);
    let of = |registration: &Registration| {
        registration.names.iter().any(|name| {
            let (given, family) = (name.given.as_str(), name.family.as_str());
            let initial = given.get(..1).unwrap_or_default();
            let begins =
                [initial, given].iter().any(|own| letters.strip_prefix(own).is_some_and(|rest| near(rest, family)));
            let ends =
                [initial, given].iter().any(|own| letters.strip_suffix(own).is_some_and(|rest| near(rest, family)));
            !initial.is_empty() && !family.is_empty() && (begins || ends)
        })
    };
    of(one) && of(other)
}
