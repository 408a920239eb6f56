//! What the search index holds: one [`Entry`] for each value that a search parameter finds in a resource.
//!
//! FHIR search, R4 §3.1.1.5. Everything borrows from the resource, so that extraction allocates nothing but the
//! normalised text of names that are not plain lower case. An entry says nothing about its place in the resource:
//! what joins two values of one element is a composite parameter's business, which looks at the resource.

use std::borrow::Cow;

pub use crate::interval::Interval;
use crate::ucum;

/// One parameter of one resource type, as a number that the index on disk may keep: the position of the pair in
/// `profiles/r4/search.txt`. It never changes for R4; a test holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParameterId(pub u16);

/// One value of one parameter in one resource. The same entry may come twice; an index keeps it once.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<'r> {
    pub parameter: ParameterId,
    pub value: Value<'r>,
}

/// A value in the form in which it is compared.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'r> {
    Token(Token<'r>),
    /// An Identifier by its type, for `:of-type`: one for each coding of `Identifier.type`.
    OfType(OfType<'r>),
    String(Text<'r>),
    Reference(Reference<'r>),
    Date(Interval),
    Number(Range),
    Quantity(Quantity<'r>),
    Uri(&'r str),
}

/// A code in its system. No system: the element has none (a boolean, a ContactPoint, a string), or it is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'r> {
    pub system: Option<&'r str>,
    pub code: &'r str,
}

/// `Identifier.type.coding` and `Identifier.value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfType<'r> {
    pub system: Option<&'r str>,
    pub code: &'r str,
    pub value: &'r str,
}

/// A string, or one part of a name or address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'r> {
    /// Lower case, without combining marks, white space single and trimmed: see `super::normalise`.
    pub normalised: Cow<'r, str>,
    /// As written.
    pub exact: &'r str,
}

/// What a Reference or canonical points at. A Reference with both a literal and an identifier gives two entries; one to
/// a contained resource (`#x`) gives none, because it cannot be searched from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference<'r> {
    /// `Patient/17` or `Patient/17/_history/2`; the version is dropped.
    Local { kind: &'r str, id: &'r str },
    /// An absolute URL or a URN. Whether its base is our own is for the caller to say before it stores the resource.
    Absolute { url: &'r str },
    /// `url|version`; also a `uri` element that a reference parameter names.
    Canonical { url: &'r str, version: Option<&'r str> },
    /// `Reference.identifier`.
    Identifier { system: Option<&'r str>, value: &'r str },
}

/// A number as `[low, high]`: a point unless a comparator or a Range opens it; an open end is infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    pub low: f64,
    pub high: f64,
}

/// A Quantity in the unit in which it was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantity<'r> {
    pub range: Range,
    pub system: Option<&'r str>,
    pub code: Option<&'r str>,
    pub unit: Option<&'r str>,
}

/// The system of UCUM, the one in which amounts of different units are compared.
pub const UCUM: &str = "http://unitsofmeasure.org";

impl Quantity<'_> {
    /// The same in UCUM's base units, with their expression; none where the unit is not one of UCUM, or one of its
    /// functions (`[pH]`), which may turn the order round.
    pub fn in_base(&self) -> Option<(Range, String)> {
        let code = self.code.filter(|_| self.system == Some(UCUM))?;
        let end = |value: f64| match value.is_finite() {
            true => ucum::canonical(value, code).map(|(value, unit)| (value, Some(unit))),
            false => Some((value, None)),
        };
        let ((low, of_low), (high, of_high)) = (end(self.range.low)?, end(self.range.high)?);
        let unit = of_low.or(of_high)?;
        (low <= high && rises(code)).then_some((Range { low, high }, unit))
    }
}

/// Whether more of the unit is more in base units, evenly.
pub fn rises(code: &str) -> bool {
    let at = |value: f64| ucum::canonical(value, code).map(|(value, _)| value);
    match (at(0.0), at(1.0), at(2.0)) {
        (Some(zero), Some(one), Some(two)) => {
            one > zero && ((two - one) - (one - zero)).abs() <= (two - one).abs() * 1e-9
        }
        _ => false,
    }
}
