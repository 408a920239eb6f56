//! What a key of a JSON object stands for, and which of an object's elements have been met.

use crate::node::Object;
use crate::schema::{Element, Type};

/// Longest part of an unknown key that an issue repeats.
const SHOWN_BYTES_MAX: usize = 64;

pub enum Key {
    Value(&'static Element),
    /// `_birthDate`: the id and extensions of a primitive.
    Sibling(&'static Element),
    ResourceType,
    Unknown(String),
}

impl Key {
    #[inline]
    pub fn of(kind: &'static Type, key: &str) -> Key {
        if let Some(element) = kind.element(key) {
            return Key::Value(element);
        }
        let primitive = key.strip_prefix('_').and_then(|name| kind.element(name));
        match primitive.filter(|element| element.primitive.is_some()) {
            Some(element) => Key::Sibling(element),
            None if key == "resourceType" => Key::ResourceType,
            None => Key::Unknown(shown(key)),
        }
    }
}

/// A stranger's key made fit for a path: a key that could not be an element's name may be anything, so it is not repeated.
fn shown(key: &str) -> String {
    let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if plain && !key.is_empty() && key.len() <= SHOWN_BYTES_MAX { key.to_owned() } else { "?".to_owned() }
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
