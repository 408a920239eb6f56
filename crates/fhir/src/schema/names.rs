//! An index from the names of one type's elements to their places: the look-up behind every key that is read.
//!
//! Names are few and known beforehand, so half-empty slots and a hash of a name's ends and length do; the caller
//! compares the candidates' names.

pub struct Names {
    /// Place + 1 in the list that was given; 0 is an empty slot. The length is a power of two.
    slots: Box<[u16]>,
}

impl Names {
    /// An index of names with their places.
    pub fn new(names: &[(usize, &str)]) -> Names {
        let mut slots = vec![0u16; (names.len() * 2).next_power_of_two().max(2)].into_boxed_slice();
        let mask = slots.len() - 1;
        for &(place, name) in names {
            let mut at = hash(name.as_bytes()) & mask;
            while slots[at] != 0 {
                at = (at + 1) & mask;
            }
            slots[at] = u16::try_from(place + 1).expect("no type of R4 has 65,535 elements");
        }
        Names { slots }
    }

    /// The places where the name may be, most likely first. It ends, since at least half of the slots are empty.
    #[inline]
    pub fn candidates(&self, name: &str) -> impl Iterator<Item = usize> {
        let mask = self.slots.len() - 1;
        let first = hash(name.as_bytes());
        (0..self.slots.len()).map_while(move |step| match self.slots[(first + step) & mask] {
            0 => None,
            place => Some(usize::from(place) - 1),
        })
    }
}

#[inline]
fn hash(name: &[u8]) -> usize {
    let (head, tail) = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
        _ => (name.iter().fold(0, |sum, &byte| (sum << 8) | u64::from(byte)), 0),
    };
    let mixed = (head ^ tail.rotate_left(23) ^ name.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 40) as usize
}
