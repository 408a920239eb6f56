//! Reads the index: pipelines of plain commands between two looks at the sentinel.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use ::redis::Cmd;

use super::script::{self, Script};
use super::{BlockKey, Link, PART, Redis, Slot};
use crate::index::{Asked, Found};
use crate::worker::Trouble;

/// Fields that are read before an answer is waited for.
const READ_MAX: usize = 4_096;

impl Redis {
    pub async fn look_up(&mut self, asked: &[Asked], block_max: usize) -> Result<Vec<Vec<Arc<Found>>>, Trouble> {
        if !self.link()?.whole {
            return Err(Trouble::Warming);
        }
        let buckets = self.link()?.buckets;
        let keys_of = |asked: &Asked| -> Vec<BlockKey> {
            asked.keys.iter().map(|key| self.seal.block_key(*key, buckets)).collect()
        };
        let keys: Vec<Vec<BlockKey>> = asked.iter().map(keys_of).collect();
        // What several share is asked for once, and whoever is found by several is opened once.
        let blocks = self.blocks(keys.iter().flatten().copied().collect(), block_max).await?;
        let found = self.records(blocks.values().flatten().copied().collect()).await?;
        let mut all = Vec::with_capacity(asked.len());
        for (asked, keys) in asked.iter().zip(&keys) {
            let slots: BTreeSet<Slot> = keys.iter().filter_map(|key| blocks.get(key)).flatten().copied().collect();
            let found = slots.iter().filter_map(|slot| found.get(slot)).cloned();
            all.push(found.filter(|found| found.registration.id != asked.id).collect());
        }
        Ok(all)
    }

    /// The members of each block that is not too large.
    async fn blocks(
        &mut self,
        keys: BTreeSet<BlockKey>,
        block_max: usize,
    ) -> Result<HashMap<BlockKey, Vec<Slot>>, Trouble> {
        let link = self.link()?;
        let fields = self.read(keys.iter().map(|key| link.field('b', key)).collect()).await?;
        let mut slots: HashMap<BlockKey, Vec<u8>> =
            keys.into_iter().zip(fields).filter_map(|(key, field)| Some((key, field?))).collect();
        let long: Vec<BlockKey> = slots.iter().filter(|(_, slots)| slots.is_empty()).map(|(key, _)| *key).collect();
        let link = self.link()?;
        let longer = self.read(long.iter().map(|key| link.long(key)).collect()).await?;
        slots.extend(long.into_iter().zip(longer.into_iter().map(Option::unwrap_or_default)));
        // One that is full for good is marked by less than a slot.
        slots.retain(|_, slots| slots.len() <= 4 * block_max);
        Ok(slots.into_iter().map(|(key, slots)| (key, slots.as_chunks().0.to_vec())).collect())
    }

    async fn records(&mut self, slots: BTreeSet<Slot>) -> Result<HashMap<Slot, Arc<Found>>, Trouble> {
        let link = self.link()?;
        let sealed = self.read(slots.iter().map(|slot| link.record(*slot)).collect()).await?;
        let mut found = HashMap::with_capacity(slots.len());
        for (slot, sealed) in slots.into_iter().zip(sealed) {
            if let Some(sealed) = sealed {
                found.insert(slot, self.seal.open(&sealed).ok_or(Trouble::Warming)?);
            }
        }
        Ok(found)
    }

    /// Reads, between two looks at the sentinel: what was read is of one index, and of the one that is believed in.
    async fn read(&mut self, commands: Vec<Cmd>) -> Result<Vec<Option<Vec<u8>>>, Trouble> {
        let mut answers = Vec::with_capacity(commands.len());
        for part in commands.chunks(READ_MAX) {
            let mut pipe = ::redis::pipe();
            let check = self.link()?.call(Script::Check);
            pipe.add_command(check.clone());
            for command in part {
                pipe.add_command(command.clone());
            }
            pipe.add_command(check);
            let mut read: Vec<Option<Vec<u8>>> = self.query(&pipe).await?;
            read.pop();
            answers.extend(read.into_iter().skip(1));
        }
        Ok(answers)
    }

    pub async fn get(&mut self, ids: &[&str]) -> Result<Vec<Option<Arc<Found>>>, Trouble> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let buckets = self.link()?.buckets;
        let mut pipe = ::redis::pipe();
        for part in ids.chunks(PART) {
            let hashes: Vec<u8> = part.iter().flat_map(|id| self.seal.id(id, buckets)).collect();
            let mut get = self.link()?.call(Script::Get);
            get.arg(hashes);
            pipe.add_command(get);
        }
        let answers: Vec<Vec<Option<Vec<u8>>>> = self.query(&pipe).await?;
        let mut found = Vec::with_capacity(ids.len());
        for (id, sealed) in ids.iter().zip(answers.into_iter().flatten()) {
            let one = match sealed {
                None => None,
                Some(sealed) => Some(self.seal.open(&sealed).ok_or(Trouble::Warming)?),
            };
            found.push(one.filter(|one| one.registration.id == *id));
        }
        if found.len() == ids.len() { Ok(found) } else { Err(Trouble::Warming) }
    }
}

impl Link {
    /// Reads a field of a hash, whose number stands before it.
    fn field(&self, of: char, packed: &[u8]) -> Cmd {
        let (number, field) = packed.split_first_chunk().expect("it is longer");
        let mut get = ::redis::cmd("HGET");
        get.arg(format!("{}{of}{}", self.prefix, u32::from_be_bytes(*number))).arg(field);
        get
    }

    /// Reads a block that is too long for a field.
    fn long(&self, key: &BlockKey) -> Cmd {
        let mut get = ::redis::cmd("GET");
        get.arg([self.prefix.as_bytes(), b"B", key].concat());
        get
    }

    fn record(&self, slot: Slot) -> Cmd {
        let slot = u32::from_be_bytes(slot);
        let mut get = ::redis::cmd("HGET");
        get.arg(format!("{}r{}", self.prefix, slot / script::SLOTS_EACH)).arg(slot % script::SLOTS_EACH);
        get
    }
}
