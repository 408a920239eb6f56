//! Ids that are the same for the same thing, and tell nothing: a keyed hash of who gave an identifier and what it is.
//!
//! `safety.md` 10. The key is part of a node's backup; `hilum convert` uses a fixed one, so that its output is the same
//! everywhere. Never the identifier itself, never a hash that can be tried out without the key.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The secret that ids are made with.
#[derive(Clone)]
pub struct IdKey(Hmac<Sha256>);

impl std::fmt::Debug for IdKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// By an id that an [`IdKey`] made. Such an id is a keyed hash already, which nobody outside can steer.
pub(crate) type IdMap<V> = HashMap<String, V, BuildHasherDefault<IdHasher>>;

/// Takes an id's first eight characters as its hash.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            // Every character uses few of its bits: the product spreads them to the top, where a map looks.
            self.0 = u64::from_le_bytes(*first).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// How many characters an id has: 26 of 5 bits each, 130 bits.
const ID_CHARACTERS: usize = 26;
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

impl IdKey {
    pub fn new(secret: &[u8]) -> IdKey {
        IdKey(Hmac::new_from_slice(secret).expect("HMAC takes keys of any length"))
    }

    /// For `hilum convert` and tests of profiles, where ids need not be secret.
    pub fn fixed() -> IdKey {
        IdKey::new(b"hilum convert: a fixed key, so that the same message always gives the same ids")
    }

    /// The id of the thing that these parts name. Parts are told apart whatever they contain.
    pub fn id<'p>(&self, parts: impl IntoIterator<Item = &'p str>) -> String {
        let digest = self.digest(parts);
        // 130 bits from the front: 128 as one number, and two more.
        let front = u128::from_be_bytes(*digest.first_chunk().expect("16 bytes of 32"));
        let mut id = String::with_capacity(ID_CHARACTERS);
        for character in 0..ID_CHARACTERS - 1 {
            id.push(ALPHABET[(front >> (123 - 5 * character)) as usize & 31] as char);
        }
        let last = (front as usize & 7) << 2 | usize::from(digest[16] >> 6);
        id.push(ALPHABET[last] as char);
        id
    }

    /// A short hash of the same kind, for scopes of snapshots.
    pub fn scope<'p>(&self, parts: impl IntoIterator<Item = &'p str>) -> u64 {
        let digest = self.digest(parts);
        u64::from_le_bytes(digest[..8].try_into().expect("eight bytes of thirty-two"))
    }

    fn digest<'p>(&self, parts: impl IntoIterator<Item = &'p str>) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(&(part.len() as u32).to_le_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_legal_and_keyed() {
        let key = IdKey::fixed();
        let id = key.id(["Patient", "urn:oid:1.2", "42"]);
        assert_eq!(id, key.id(["Patient", "urn:oid:1.2", "42"]));
        assert_eq!(id.len(), ID_CHARACTERS);
        assert!(id.bytes().all(|b| ALPHABET.contains(&b)));
        assert_ne!(id, key.id(["Patient", "urn:oid:1.24", "2"]), "parts do not run together");
        assert_ne!(id, IdKey::new(b"another node").id(["Patient", "urn:oid:1.2", "42"]));
    }
}
