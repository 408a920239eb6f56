//! One value of a search parameter, ready to be compared (R4 §3.1.1.4.5 and §3.1.1.5).

use crate::search::value::{UCUM, rises};
use crate::search::{Interval, Range};
use crate::ucum;

/// How the resource's value stands to the asked one. `eq` where nothing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Prefix {
    #[default]
    Eq,
    Ne,
    Gt,
    Lt,
    Ge,
    Le,
    /// Starts after.
    Sa,
    /// Ends before.
    Eb,
    /// Approximately: within a tenth for a number; for a date within its own width on either side, because a clock
    /// would make the same link give other answers tomorrow.
    Ap,
}

/// What a stored value is compared with. The owner of the clause says by which modifier.
#[derive(Debug, Clone, PartialEq)]
pub enum Criterion {
    Token(Code),
    /// `:of-type`: `system|code|value`.
    OfType {
        system: Option<String>,
        code: String,
        value: String,
    },
    /// Compared from the start of the normalised text unless the modifier says otherwise.
    String {
        normalised: String,
        exact: String,
    },
    /// `Type/id`, or `id` alone where `kind` is `None`: then any of the parameter's target types.
    Reference {
        kind: Option<&'static str>,
        id: String,
    },
    /// An absolute URL or URN; with a version only canonicals of that version.
    Url {
        url: String,
        version: Option<String>,
    },
    /// `:identifier` on a reference: `Reference.identifier`.
    Identifier(Code),
    Date {
        prefix: Prefix,
        interval: Interval,
    },
    Number {
        prefix: Prefix,
        bounds: Bounds,
    },
    Quantity {
        prefix: Prefix,
        bounds: Bounds,
        unit: QuantityUnit,
        /// For amounts in other units of the same kind; none where the unit is not one of UCUM.
        in_base: Option<InBase>,
    },
    Uri(String),
    /// One value for each component of a composite, in their order, all of one element.
    Composite(Vec<Criterion>),
    /// The codes of this value set, by its canonical URL or `ValueSet/id`, which [`crate::search::resolve()`] puts in its place.
    ValueSet(String),
    /// `:missing=true` (no value is indexed) or `false`.
    Missing(bool),
}

/// A token as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// `code`: in any system or none.
    AnySystem(String),
    /// `system|code`.
    InSystem { system: String, code: String },
    /// `|code`: only where there is no system.
    NoSystem(String),
    /// `system|`: any code of the system.
    System(String),
}

/// A number as asked, and what its precision covers: `5.4` is `[5.35, 5.45)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    pub value: f64,
    /// For `eq`, `ne`: half a unit of the last digit below, within.
    pub low: f64,
    /// For `eq`, `ne`: half a unit of the last digit above, outside.
    pub high: f64,
}

/// The unit of a quantity as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuantityUnit {
    /// `5.4`: any unit.
    Any,
    /// `5.4||mg`: the code or the printed unit.
    CodeOrUnit(String),
    /// `5.4|http://unitsofmeasure.org|mg`.
    Coded { system: String, code: String },
}

/// The asked amount in UCUM's base units.
#[derive(Debug, Clone, PartialEq)]
pub struct InBase {
    pub bounds: Bounds,
    /// The base units' expression.
    pub unit: String,
}

impl InBase {
    pub(super) fn of(bounds: Bounds, unit: &QuantityUnit) -> Option<InBase> {
        let QuantityUnit::Coded { system, code } = unit else { return None };
        if system != UCUM || !rises(code) {
            return None;
        }
        let (value, unit) = ucum::canonical(bounds.value, code)?;
        let (low, high) = (ucum::canonical(bounds.low, code)?.0, ucum::canonical(bounds.high, code)?.0);
        // Where base units are so much smaller or larger that the ends meet, the value itself must still be within.
        Some(InBase { bounds: Bounds { value, low, high: high.max(value.next_up()) }, unit })
    }
}

impl Bounds {
    /// A tenth of the value on either side: what `ap` means of a number.
    pub fn around(self) -> Range {
        let tenth = self.value.abs() / 10.0;
        Range { low: self.value - tenth, high: self.value + tenth }
    }
}
