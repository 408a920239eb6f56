//! Where the registrations are found that one is to be compared with: by block key, and by id.
//!
//! It is no truth of its own: whatever is lost is made again of the log. An index that is not whole says so, because "nobody
//! like that" would make a second record of somebody who is there.

use std::collections::HashMap;

use record::Position;

use crate::registration::Registration;

/// In the memory of one node.
#[derive(Debug, Default)]
pub struct Memory {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    by_id: HashMap<String, u32>,
    blocks: HashMap<u64, Vec<u32>>,
}

#[derive(Debug)]
struct Slot {
    registration: Registration,
    keys: Vec<u64>,
    /// Where in the log the Patient was first written.
    first: Position,
}

impl Memory {
    /// How many registrations there are.
    pub fn size(&self) -> usize {
        self.by_id.len()
    }

    pub fn get(&self, id: &str) -> Option<&Registration> {
        self.slot(id).map(|slot| &slot.registration)
    }

    /// The position at which a Patient was first written.
    pub fn first(&self, id: &str) -> Option<Position> {
        self.slot(id).map(|slot| slot.first)
    }

    /// The ids that share a key, each once, without this one. Blocks of more than `block_max` say too little and are passed
    /// over.
    pub fn candidates(&self, id: &str, keys: &[u64], block_max: usize) -> Vec<String> {
        let blocks = keys.iter().filter_map(|key| self.blocks.get(key)).filter(|block| block.len() <= block_max);
        let mut slots: Vec<u32> = blocks.flatten().copied().collect();
        slots.sort_unstable();
        slots.dedup();
        let found = slots.into_iter().filter_map(|slot| self.slots[slot as usize].as_ref());
        found.map(|slot| slot.registration.id.clone()).filter(|found| found != id).collect()
    }

    /// Puts a registration in the place of what was there of its id.
    pub fn put(&mut self, registration: Registration, keys: Vec<u64>, first: Position) {
        self.remove(&registration.id);
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("fewer registrations than there are people")
        });
        for key in &keys {
            self.blocks.entry(*key).or_default().push(at);
        }
        self.by_id.insert(registration.id.clone(), at);
        self.slots[at as usize] = Some(Slot { registration, keys, first });
    }

    pub fn remove(&mut self, id: &str) {
        let Some(at) = self.by_id.remove(id) else { return };
        let Some(slot) = self.slots[at as usize].take() else { return };
        for key in slot.keys {
            if let Some(block) = self.blocks.get_mut(&key) {
                block.retain(|other| *other != at);
                if block.is_empty() {
                    self.blocks.remove(&key);
                }
            }
        }
        self.free.push(at);
    }

    fn slot(&self, id: &str) -> Option<&Slot> {
        self.slots.get(*self.by_id.get(id)? as usize)?.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &str) -> Registration {
        Registration { id: id.to_owned(), ..Registration::default() }
    }

    fn at(position: i64) -> Position {
        position.to_string().parse().expect("a position")
    }

    #[test]
    fn what_shares_a_key_is_found_and_what_was_taken_away_is_not() {
        let mut index = Memory::default();
        index.put(of("a"), vec![1, 2], at(10));
        index.put(of("b"), vec![2, 3], at(11));
        index.put(of("c"), vec![3], at(12));
        assert_eq!(index.candidates("b", &[2, 3], 10), ["a", "c"]);
        assert_eq!(index.candidates("b", &[2, 3], 1), [""; 0], "both blocks are too large to say something");
        index.put(of("a"), vec![7], at(10));
        assert_eq!(index.candidates("b", &[2, 3], 10), ["c"]);
        index.remove("c");
        index.remove("nobody");
        assert_eq!(index.candidates("b", &[2, 3, 7], 10), ["a"]);
        assert_eq!((index.size(), index.first("a")), (2, Some(at(10))));
        index.put(of("d"), vec![3], at(13));
        assert_eq!(index.candidates("", &[3], 10), ["b", "d"]);
    }
}
