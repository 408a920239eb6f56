//! What a key of a JSON object stands for.

use crate::schema::{Element, Type};
use crate::strict::shown;

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
        match kind.element(key) {
            Some(element) => Key::Value(element),
            None => Key::beside(kind, key),
        }
    }

    fn beside(kind: &'static Type, key: &str) -> Key {
        let primitive = key.strip_prefix('_').and_then(|name| kind.element(name));
        match primitive.filter(|element| !element.sibling.is_empty()) {
            Some(element) => Key::Sibling(element),
            None if key == "resourceType" => Key::ResourceType,
            None => Key::Unknown(shown(key)),
        }
    }
}
