//! New logical ids: for what a client creates without saying how it is called.
//!
//! A millisecond and 80 random bits, in an alphabet whose order is that of its values, so that ids made one after another
//! stand beside each other in the store's tables. What messages make has ids by a keyed hash instead (`safety.md` 10).

use record::Time;

/// Crockford's digits, in lower case: none is taken for another.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const CHARACTERS: usize = 26;

/// An id that nobody has. `None` where the system has no random bytes.
pub fn fresh(now: Time) -> Option<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random[6..]).ok()?;
    let milliseconds = u64::try_from(now.0 / 1_000).unwrap_or(0).to_be_bytes();
    random[..6].copy_from_slice(&milliseconds[2..]);
    let mut number = u128::from_be_bytes(random);
    let mut id = [0; CHARACTERS];
    for place in id.iter_mut().rev() {
        *place = DIGITS[(number & 31) as usize];
        number >>= 5;
    }
    Some(id.into_iter().map(char::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ids_differ_and_follow_the_clock() {
        let at = |milliseconds: i64| fresh(Time(milliseconds * 1_000)).expect("random bytes");
        let ids = [at(1_700_000_000_000), at(1_700_000_000_001), at(1_800_000_000_000)];
        assert!(ids.iter().all(|id| super::super::is_id(id) && id.len() == CHARACTERS));
        assert!(ids.is_sorted(), "{ids:?}");
        assert_ne!(at(5), at(5));
    }
}
