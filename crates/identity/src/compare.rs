//! Two registrations, field by field: each field's agreement is a level, not a yes or no.
//!
//! Address, telephone and place are folded into one field, because a household shares them all: three agreements would count one
//! fact three times. What the levels are worth is the model's (`model.rs`).

mod name;
mod place;
mod small;

use crate::registration::Registration;

/// The fields that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Field {
    Given,
    Family,
    Middle,
    Suffix,
    Birth,
    Sex,
    Contact,
    Email,
    LastFour,
    Identifier,
}

pub const FIELDS: usize = 10;
/// The most levels that a field has.
pub const LEVELS_MAX: usize = 15;

impl Field {
    pub const ALL: [Field; FIELDS] = [
        Field::Given,
        Field::Family,
        Field::Middle,
        Field::Suffix,
        Field::Birth,
        Field::Sex,
        Field::Contact,
        Field::Email,
        Field::LastFour,
        Field::Identifier,
    ];

    /// As the model's file and an explanation call it.
    pub fn name(self) -> &'static str {
        ["given", "family", "middle", "suffix", "birth", "sex", "contact", "email", "last-four", "identifier"]
            [self as usize]
    }

    /// The levels in words, in their order. The first says nothing: it is left out of every sum.
    pub fn levels(self) -> &'static [&'static str] {
        match self {
            Field::Given => &[
                "not given",
                "same",
                "short form or transliteration",
                "one letter apart",
                "sounds alike",
                "alike, but both are usual names",
                "the other's middle name",
                "initial of the other",
                "swapped with the family name",
                "different",
                "newborn without a name and a name",
                "both newborn without a name",
                "beginning of the other",
                "begins like the other's middle name",
                "newborn of a multiple birth and a name",
            ],
            Field::Family => &[
                "not given",
                "same",
                "part of the other",
                "one or two letters apart",
                "sounds alike",
                "different, of a woman or newborn child",
                "different",
            ],
            Field::Middle => &["not given", "same", "same initial", "alike", "different"],
            Field::Suffix => &["none", "same", "only one has one", "different"],
            Field::Birth => &[
                "not given",
                "same",
                "day and month swapped",
                "same year, day unknown",
                "day or month different",
                "only the year different",
                "same year",
                "less than 12 years apart",
                "12 years apart or more",
                "one digit of the year different",
            ],
            Field::Sex => &["not given", "same", "different"],
            Field::Contact => &[
                "nothing to compare",
                "same telephone and address",
                "same address",
                "same telephone",
                "nearly the same address or telephone",
                "street, number or place alike",
                "same area",
                "different",
            ],
            Field::Email => &["not given", "same", "alike", "different", "same, but made of the name they share"],
            Field::LastFour => &["not given", "same", "one digit apart or two swapped", "neighbours", "different"],
            Field::Identifier => &["nothing to compare", "same", "one letter apart", "different", "different for life"],
        }
    }
}

/// The level of each field, in the order of [`Field::ALL`].
pub type Levels = [u8; FIELDS];

/// The levels of [`Field::Given`] by name, and so on below.
pub mod given {
    pub const NONE: u8 = 0;
    pub const SAME: u8 = 1;
    pub const FORM: u8 = 2;
    pub const TYPO: u8 = 3;
    pub const SOUND: u8 = 4;
    pub const USUAL: u8 = 5;
    pub const MIDDLE: u8 = 6;
    pub const INITIAL: u8 = 7;
    pub const SWAPPED: u8 = 8;
    pub const DIFFERENT: u8 = 9;
    pub const NEWBORN: u8 = 10;
    pub const BOTH_NEWBORN: u8 = 11;
    pub const BEGINNING: u8 = 12;
    pub const MIDDLE_INITIAL: u8 = 13;
    pub const MULTIPLE: u8 = 14;
}

pub mod family {
    pub const NONE: u8 = 0;
    pub const SAME: u8 = 1;
    pub const PART: u8 = 2;
    pub const TYPO: u8 = 3;
    pub const SOUND: u8 = 4;
    pub const DIFFERENT_WOMAN: u8 = 5;
    pub const DIFFERENT: u8 = 6;
}

pub mod middle {
    pub const NONE: u8 = 0;
    pub const SAME: u8 = 1;
    pub const INITIAL: u8 = 2;
    pub const ALIKE: u8 = 3;
    pub const DIFFERENT: u8 = 4;
}

pub mod suffix {
    pub const NONE: u8 = 0;
    pub const SAME: u8 = 1;
    pub const ONE: u8 = 2;
    pub const DIFFERENT: u8 = 3;
}

pub mod birth {
    pub const NONE: u8 = 0;
    pub const SAME: u8 = 1;
    pub const SWAPPED: u8 = 2;
    pub const YEAR_ONLY: u8 = 3;
    pub const DAY_OR_MONTH: u8 = 4;
    pub const OTHER_YEAR: u8 = 5;
    pub const SAME_YEAR: u8 = 6;
    pub const NEAR: u8 = 7;
    pub const FAR: u8 = 8;
    pub const YEAR_DIGIT: u8 = 9;
}

pub mod sex {
    pub const NONE: u8 = 0;
    pub const SAME: u8 = 1;
    pub const DIFFERENT: u8 = 2;
}

pub mod contact {
    pub const NONE: u8 = 0;
    pub const BOTH: u8 = 1;
    pub const ADDRESS: u8 = 2;
    pub const PHONE: u8 = 3;
    pub const NEARLY: u8 = 4;
    pub const PARTLY: u8 = 5;
    pub const AREA: u8 = 6;
    pub const DIFFERENT: u8 = 7;
}

pub mod email {
    pub const NONE: u8 = 0;
    pub const SAME: u8 = 1;
    pub const ALIKE: u8 = 2;
    pub const DIFFERENT: u8 = 3;
    pub const MADE: u8 = 4;
}

pub mod last_four {
    pub const NONE: u8 = 0;
    pub const SAME: u8 = 1;
    pub const TYPO: u8 = 2;
    pub const NEIGHBOURS: u8 = 3;
    pub const DIFFERENT: u8 = 4;
}

pub mod identifier {
    pub const NONE: u8 = 0;
    pub const SAME: u8 = 1;
    pub const TYPO: u8 = 2;
    pub const DIFFERENT: u8 = 3;
    pub const DIFFERENT_STRONG: u8 = 4;
}

/// Whether the years of birth are another and nothing else that is short agrees: telephone, e-mail, house, number, identifier.
pub fn is_apart(one: &Registration, other: &Registration) -> bool {
    matches!(small::birth(one, other), birth::NEAR | birth::FAR)
        && !matches!(small::last_four(one, other), last_four::SAME | last_four::TYPO)
        && !one.phones.iter().any(|phone| other.phones.contains(phone))
        && !one.emails.iter().any(|email| other.emails.contains(email))
        && !one.addresses.iter().any(|a| other.addresses.iter().any(|b| a.number == b.number || a.street == b.street))
        && small::identifier(one, other) != identifier::SAME
}

/// How two registrations agree. `usual` says whether a name, folded, is one that many people bear.
pub fn compare(one: &Registration, other: &Registration, usual: &impl Fn(&str) -> bool) -> Agreement {
    let names = name::compare(one, other, usual);
    let mut levels = [0; FIELDS];
    levels[Field::Given as usize] = names.given;
    levels[Field::Family as usize] = names.family;
    levels[Field::Middle as usize] = names.middle;
    levels[Field::Suffix as usize] = small::suffix(one, other);
    levels[Field::Birth as usize] = small::birth(one, other);
    levels[Field::Sex as usize] = small::sex(one, other, names.given);
    levels[Field::Contact as usize] = place::contact(one, other);
    levels[Field::Email as usize] = place::email(one, other);
    levels[Field::LastFour as usize] = small::last_four(one, other);
    levels[Field::Identifier as usize] = small::identifier(one, other);
    Agreement { levels, at: names.at }
}

/// The levels, and which names of the two they are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreement {
    pub levels: Levels,
    /// The index of the name in each registration.
    pub at: (usize, usize),
}
