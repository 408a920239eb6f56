//! What lies in Redis tells nobody anything who lacks the key: registrations are sealed (AES-256-GCM), block keys and ids are
//! keyed hashes. All keys come of the store's id key (HKDF-SHA256, RFC 5869).

use std::hash::Hasher;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf;
use record::Position;
use siphasher::sip::SipHasher13;

use crate::index::Found;
use crate::pack;

/// Bytes of a key: the number of its hash, and a field in it. Two keys that are taken for one bring a candidate too many, which
/// the comparison tells apart.
pub const KEY_BYTES: usize = 7;
/// Bytes of an id: the number of its hash, and a field in it. With these no two ids are taken for one.
pub const ID_BYTES: usize = 10;
/// So many times more hashes are there for block keys than for ids.
const KEYS_PER_ID: u32 = 12;

pub struct Seal {
    key: RandomizedNonceKey,
    hash: [u64; 2],
}

impl Seal {
    pub fn new(id_key: &[u8; 32]) -> Seal {
        let whole = hkdf::Salt::new(hkdf::HKDF_SHA256, b"hilum identity index 1").extract(id_key);
        let key: [u8; 32] = expand(&whole, b"registrations");
        let hash: [u8; 16] = expand(&whole, b"keys");
        let half = |at: usize| u64::from_be_bytes(hash[at..at + 8].try_into().expect("eight bytes"));
        let key = RandomizedNonceKey::new(&AES_256_GCM, &key).expect("the key has 32 bytes");
        Seal { key, hash: [half(0), half(8)] }
    }

    /// A block key in one of `buckets` hashes.
    pub fn block_key(&self, key: u64, buckets: u32) -> [u8; KEY_BYTES] {
        let hash = self.hash(b'b', &key.to_be_bytes());
        let mut out = [0; KEY_BYTES];
        out[..4].copy_from_slice(&((hash >> 32) as u32 % buckets).to_be_bytes());
        out[4..].copy_from_slice(&hash.to_be_bytes()[5..]);
        out
    }

    /// An id, in one of far fewer hashes: an id is one field, and a registration has many keys.
    pub fn id(&self, id: &str, buckets: u32) -> [u8; ID_BYTES] {
        let buckets = buckets.div_ceil(KEYS_PER_ID);
        let (hash, more) = (self.hash(b'i', id.as_bytes()), self.hash(b'j', id.as_bytes()));
        let mut out = [0; ID_BYTES];
        out[..4].copy_from_slice(&(more as u32 % buckets).to_be_bytes());
        out[4..].copy_from_slice(&hash.to_be_bytes()[2..]);
        out
    }

    /// A registration under seal: nonce, ciphertext, tag.
    pub fn close(&self, found: &Found) -> Vec<u8> {
        let registration = &found.registration;
        let mut bytes = found.first.to_string().parse::<i64>().unwrap_or_default().to_be_bytes().to_vec();
        bytes.push(u8::try_from(registration.id.len()).expect("an id has at most 64 characters"));
        bytes.extend(registration.id.as_bytes());
        bytes.extend(pack::pack(registration));
        let nonce = self.key.seal_in_place_append_tag(Aad::empty(), &mut bytes).expect("a registration is short");
        [&nonce.as_ref()[..], &bytes].concat()
    }

    /// None where it was sealed with another key, or is damaged.
    pub fn open(&self, sealed: &[u8]) -> Option<Arc<Found>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let bytes: &[u8] = self.key.open_in_place(nonce, Aad::empty(), &mut sealed).ok()?;
        let (first, bytes) = bytes.split_first_chunk::<8>()?;
        let (length, bytes) = bytes.split_first()?;
        let (id, bytes) = bytes.split_at_checked(usize::from(*length))?;
        let registration = pack::unpack(std::str::from_utf8(id).ok()?, bytes)?;
        let first: Position = i64::from_be_bytes(*first).to_string().parse().ok()?;
        Some(Arc::new(Found { registration, first }))
    }

    fn hash(&self, of: u8, bytes: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.hash[0], self.hash[1]);
        hasher.write(&[of]);
        hasher.write(bytes);
        hasher.finish()
    }
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(whole: &hkdf::Prk, what: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    let what = [what];
    let made = whole.expand(&what, Length(N)).and_then(|made| made.fill(&mut out));
    made.expect("HKDF gives up to 8160 bytes");
    out
}
