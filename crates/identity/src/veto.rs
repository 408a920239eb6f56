//! Why a machine may not link two registrations, however well the rest agrees.
//!
//! A veto is about what weights cannot see: that there may be a second person of whom nothing is registered yet. A vetoed pair
//! is never in one cluster unless a person puts it there.

use crate::compare::{Field, Levels, birth, contact, email, family, given, identifier, last_four, middle, sex, suffix};
use crate::registration::Registration;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Veto {
    Nameless,
    IdentifiersDiffer,
    GivenNamesDiffer,
    SuffixesDiffer,
    BirthYearsFarApart,
    TwinsCannotBeTold,
    NewbornCannotBeTold,
    LettersDiffer,
    BirthAndNumberDiffer,
    NamesakesCannotBeTold,
    SexesDiffer,
    NumbersAndHomesDiffer,
}

impl Veto {
    /// Whether two people are told apart, so that no third registration can join them. The other vetoes say only that these
    /// two registrations tell too little: a third may tell more.
    pub fn parts(self) -> bool {
        matches!(
            self,
            Veto::IdentifiersDiffer
                | Veto::GivenNamesDiffer
                | Veto::SuffixesDiffer
                | Veto::BirthYearsFarApart
                | Veto::BirthAndNumberDiffer
                | Veto::LettersDiffer
                | Veto::NumbersAndHomesDiffer
        )
    }

    pub fn words(self) -> &'static str {
        match self {
            Veto::Nameless => "one of the two has no name",
            Veto::IdentifiersDiffer => "one assigner gave them two different identifiers for life",
            Veto::GivenNamesDiffer => "the given names are no forms of one name",
            Veto::SuffixesDiffer => "the suffixes differ, as those of father and son",
            Veto::BirthYearsFarApart => "they were born twelve years apart or more",
            Veto::TwinsCannotBeTold => "they may be twins, and nothing tells them apart",
            Veto::NewbornCannotBeTold => "a newborn child without a name, and nothing tells that it is this one",
            Veto::LettersDiffer => "two newborn children of one birth, by their letters",
            Veto::BirthAndNumberDiffer => "birth date and last four digits both differ",
            Veto::NamesakesCannotBeTold => "they may be parent and child of one name, and nothing tells them apart",
            Veto::SexesDiffer => "the sexes differ, and nothing personal agrees",
            Veto::NumbersAndHomesDiffer => "last four digits and homes both differ, and nothing personal agrees",
        }
    }
}

/// The first veto that holds. Where nobody lives together (`households`), those against the people of one household do not.
pub fn veto(one: &Registration, other: &Registration, levels: &Levels, households: bool) -> Option<Veto> {
    let of = |field: Field| levels[field as usize];
    if of(Field::Identifier) == identifier::DIFFERENT_STRONG {
        return Some(Veto::IdentifiersDiffer);
    }
    let known = of(Field::Identifier) == identifier::SAME;
    if of(Field::Suffix) == suffix::DIFFERENT && !known {
        return Some(Veto::SuffixesDiffer);
    }
    if let Some(veto) = newborn_letters(one, other) {
        return Some(veto);
    }
    if !households {
        return None;
    }
    if (one.is_nameless() || other.is_nameless()) && !known {
        return Some(Veto::Nameless);
    }
    if of(Field::Given) == given::DIFFERENT {
        return Some(Veto::GivenNamesDiffer);
    }
    if of(Field::Birth) == birth::FAR && !known {
        return Some(Veto::BirthYearsFarApart);
    }
    let apart = matches!(of(Field::Birth), birth::SAME_YEAR | birth::NEAR | birth::YEAR_DIGIT);
    if apart && of(Field::LastFour) == last_four::DIFFERENT && !known {
        return Some(Veto::BirthAndNumberDiffer);
    }
    let telling = known || of(Field::LastFour) == last_four::SAME;
    if telling {
        return None;
    }
    let doubts = [twins, numbers_and_homes, namesakes, sexes];
    newborn(one, other, levels).or_else(|| doubts.iter().find_map(|doubt| doubt(levels)))
}

/// The letters of a multiple birth differ.
fn newborn_letters(one: &Registration, other: &Registration) -> Option<Veto> {
    let letters = (one.newborn.and_then(|n| n.letter), other.newborn.and_then(|n| n.letter));
    matches!(letters, (Some(one), Some(other)) if one != other).then_some(Veto::LettersDiffer)
}

/// A newborn child is the named one only where the birth date, the sex and the household are the same, and no letter says
/// that there were two.
fn newborn(one: &Registration, other: &Registration, levels: &Levels) -> Option<Veto> {
    let of = |field: Field| levels[field as usize];
    let home = matches!(of(Field::Contact), contact::BOTH | contact::ADDRESS | contact::PHONE);
    let letter = |of: &Registration| of.newborn.is_some_and(|newborn| newborn.letter.is_some());
    let told = of(Field::Birth) == birth::SAME && of(Field::Sex) == sex::SAME && home;
    match of(Field::Given) {
        given::MULTIPLE => Some(Veto::NewbornCannotBeTold),
        given::NEWBORN if !told => Some(Veto::NewbornCannotBeTold),
        given::BOTH_NEWBORN if !told || letter(one) != letter(other) => Some(Veto::NewbornCannotBeTold),
        _ => None,
    }
}

/// Born on one day, and the given name tells too little.
fn twins(levels: &Levels) -> Option<Veto> {
    let of = |field: Field| levels[field as usize];
    let vague = matches!(of(Field::Given), given::NONE | given::USUAL | given::MIDDLE_INITIAL);
    let family = matches!(of(Field::Family), family::SAME | family::PART | family::TYPO | family::SOUND | family::NONE);
    let personal = of(Field::Middle) == middle::SAME || of(Field::Email) == email::SAME;
    let twins =
        vague && !personal && family && matches!(of(Field::Birth), birth::SAME | birth::YEAR_ONLY | birth::NONE);
    (twins || (of(Field::LastFour) == last_four::NEIGHBOURS && of(Field::Given) != given::SAME))
        .then_some(Veto::TwinsCannotBeTold)
}

/// Two who share a name and a birthday, as there are more the more people there are.
fn numbers_and_homes(levels: &Levels) -> Option<Veto> {
    let of = |field: Field| levels[field as usize];
    let differ = of(Field::LastFour) == last_four::DIFFERENT && of(Field::Contact) == contact::DIFFERENT;
    let personal = matches!(of(Field::Middle), middle::SAME) || of(Field::Email) == email::SAME;
    (differ && !personal).then_some(Veto::NumbersAndHomesDiffer)
}

/// One name, and no birth date that would part father and son.
fn namesakes(levels: &Levels) -> Option<Veto> {
    let of = |field: Field| levels[field as usize];
    let undated = of(Field::Birth) == birth::NONE;
    (undated && of(Field::Email) != email::SAME).then_some(Veto::NamesakesCannotBeTold)
}

fn sexes(levels: &Levels) -> Option<Veto> {
    let of = |field: Field| levels[field as usize];
    let name = matches!(of(Field::Given), given::SAME | given::FORM | given::TYPO | given::SWAPPED);
    (of(Field::Sex) == sex::DIFFERENT && !name && of(Field::Email) != email::SAME).then_some(Veto::SexesDiffer)
}
