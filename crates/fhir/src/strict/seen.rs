//! Which elements of an object have been met, and what may be said of a name that is none.

use crate::node::Object;
use crate::schema::{Element, Type};

/// Longest part of an unknown name that an issue repeats.
const SHOWN_BYTES_MAX: usize = 64;

/// A stranger's name made fit for a path: what could not be an element's name may be anything, so it is not repeated.
pub fn shown(name: &str) -> String {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if plain && !name.is_empty() && name.len() <= SHOWN_BYTES_MAX { name.to_owned() } else { "?".to_owned() }
}

/// The elements of an object that have been met, a bit for each slot of its type.
pub struct Seen {
    kind: &'static Type,
    pub values: u128,
    pub siblings: u128,
    /// Lists in which a null stood.
    pub nulls: u128,
    pub resource_type: bool,
}

/// Why an element may not be there.
pub enum Clash {
    Duplicate,
    /// Another name of the same choice.
    Choice(&'static str),
}

impl Clash {
    pub fn text(&self) -> String {
        match self {
            Clash::Duplicate => "is there twice; write it once".to_owned(),
            Clash::Choice(other) => format!("only one of its types is allowed, and {other} is there too"),
        }
    }
}

impl Seen {
    pub fn none_of(kind: &'static Type) -> Seen {
        Seen { kind, values: 0, siblings: 0, nulls: 0, resource_type: false }
    }

    /// Notes an element under its own name or its sibling's, unless that clashes with what the object has.
    #[inline]
    pub fn admit(&mut self, element: &Element, sibling: bool, object: &Object) -> Result<(), Clash> {
        let bit = bit(element);
        let either = self.values | self.siblings;
        let met = if sibling { &mut self.siblings } else { &mut self.values };
        if *met & bit != 0 || (element.choice && either & bit != 0) {
            clash(self.kind, element, sibling, object)?;
        }
        *met |= bit;
        Ok(())
    }
}

pub fn bit(element: &Element) -> u128 {
    1 << element.slot
}

/// `valueString` and `_valueString` go together; `valueString` and `valueCode`, or either of them twice, do not.
fn clash(kind: &Type, element: &Element, sibling: bool, object: &Object) -> Result<(), Clash> {
    let name = if sibling { element.sibling } else { element.name };
    if object.get(name).is_some() || !element.choice {
        return Err(Clash::Duplicate);
    }
    for (other, _) in &object.fields {
        let chosen = kind.element(other.trim_start_matches('_')).filter(|chosen| chosen.slot == element.slot);
        if chosen.is_some_and(|chosen| chosen.name != element.name) {
            return Err(Clash::Choice(other));
        }
    }
    Ok(())
}
