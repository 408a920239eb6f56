//! The index of one node without Redis: slots, and the block keys that lead to them.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Asked, Found, Put};

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
    found: Arc<Found>,
    keys: Vec<u64>,
}

impl Memory {
    /// How many registrations there are.
    pub fn size(&self) -> usize {
        self.by_id.len()
    }

    pub fn get(&self, id: &str) -> Option<&Arc<Found>> {
        self.slots.get(*self.by_id.get(id)? as usize)?.as_ref().map(|slot| &slot.found)
    }

    /// The others that share a key, each once. Blocks of more than `block_max` say too little and are passed over.
    pub fn look_up(&self, asked: &Asked, block_max: usize) -> Vec<Arc<Found>> {
        let blocks = asked.keys.iter().filter_map(|key| self.blocks.get(key)).filter(|block| block.len() <= block_max);
        let mut slots: Vec<u32> = blocks.flatten().copied().collect();
        slots.sort_unstable();
        slots.dedup();
        let found = slots.into_iter().filter_map(|slot| self.slots[slot as usize].as_ref());
        found.map(|slot| &slot.found).filter(|found| found.registration.id != asked.id).cloned().collect()
    }

    /// Puts a registration in the place of what was there of its id.
    pub fn put(&mut self, Put { found, keys }: Put) {
        self.remove(&found.registration.id);
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("fewer registrations than there are people")
        });
        for key in &keys {
            self.blocks.entry(*key).or_default().push(at);
        }
        self.by_id.insert(found.registration.id.clone(), at);
        self.slots[at as usize] = Some(Slot { found, keys });
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
}
