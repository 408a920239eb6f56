//! How a name sounds: Double Metaphone, its first code.

use rphonetic::DoubleMetaphone;

/// The code of a name of Latin letters; empty for an empty name.
pub fn of(name: &str) -> String {
    if name.is_empty() {
        return String::new();
    }
    DoubleMetaphone::new(Some(6)).double_metaphone(name).primary()
}
