//! Changes the index: slots first, then the blocks that registrations enter and leave, then the registrations themselves.

use std::sync::Arc;

use ::redis::FromRedisValue;

use super::script::Script;
use super::seal::ID_BYTES;
use super::{BlockKey, PART, Redis, Slot};
use crate::index::{Found, Put};
use crate::key;
use crate::worker::Trouble;

/// Scripts that are sent before an answer is waited for.
const SENT_MAX: usize = 64;

/// Of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Out,
    In,
}

/// What registrations leave behind, and what they bring.
#[derive(Default)]
struct Change {
    moves: Vec<(BlockKey, Way, Slot)>,
    /// Nothing under seal: it goes.
    records: Vec<(Slot, [u8; ID_BYTES], Vec<u8>)>,
}

impl Redis {
    pub async fn put(&mut self, puts: &[Put]) -> Result<(), Trouble> {
        let ids: Vec<&str> = puts.iter().map(|put| put.found.registration.id.as_str()).collect();
        let slots = self.slots(&ids).await?;
        let mut change = Change::default();
        for (put, (slot, before)) in puts.iter().zip(slots) {
            // Keys that it had before are put in again: the change that is repeated here may have taken them out.
            let mut gone = before.map(|before| key::keys(&before.registration, self.secret)).unwrap_or_default();
            gone.retain(|key| !put.keys.contains(key));
            self.moves(&mut change, &gone, slot, Way::Out)?;
            self.moves(&mut change, &put.keys, slot, Way::In)?;
            change.records.push((slot, self.id(&put.found.registration.id)?, self.seal.close(&put.found)));
        }
        self.write(change).await
    }

    pub async fn remove(&mut self, ids: &[&str]) -> Result<(), Trouble> {
        let mut change = Change::default();
        for (id, (slot, before)) in ids.iter().zip(self.slots(ids).await?) {
            let gone = before.map(|before| key::keys(&before.registration, self.secret)).unwrap_or_default();
            self.moves(&mut change, &gone, slot, Way::Out)?;
            change.records.push((slot, self.id(id)?, Vec::new()));
        }
        self.write(change).await
    }

    /// The slots of these, and what is there of them.
    async fn slots(&mut self, ids: &[&str]) -> Result<Vec<(Slot, Option<Arc<Found>>)>, Trouble> {
        let mut scripts = Vec::new();
        for part in ids.chunks(PART) {
            let mut hashes = Vec::with_capacity(part.len() * ID_BYTES);
            for id in part {
                hashes.extend(self.id(id)?);
            }
            scripts.push((Script::Slots, vec![hashes]));
        }
        let mut slots = Vec::with_capacity(ids.len());
        for entry in self.run::<Vec<Vec<u8>>>(scripts).await?.into_iter().flatten() {
            let (slot, sealed) = entry.split_first_chunk::<4>().ok_or(Trouble::Warming)?;
            let found = match sealed {
                [] => None,
                sealed => Some(self.seal.open(sealed).ok_or(Trouble::Warming)?),
            };
            slots.push((*slot, found));
        }
        if slots.len() == ids.len() { Ok(slots) } else { Err(Trouble::Warming) }
    }

    fn moves(&self, change: &mut Change, keys: &[u64], slot: Slot, way: Way) -> Result<(), Trouble> {
        let buckets = self.link()?.buckets;
        change.moves.extend(keys.iter().map(|key| (self.seal.block_key(*key, buckets), way, slot)));
        Ok(())
    }

    /// Makes a change: the blocks first, so that whoever is there is in all the blocks of its keys.
    async fn write(&mut self, mut change: Change) -> Result<(), Trouble> {
        change.moves.sort_unstable();
        let mut blocks = Vec::new();
        for block in change.moves.chunk_by(|one, other| one.0 == other.0) {
            let slots = |way| block.iter().filter(|of| of.1 == way).flat_map(|of| of.2).collect::<Vec<u8>>();
            blocks.push([block[0].0.to_vec(), slots(Way::Out), slots(Way::In)]);
        }
        let records = change.records.into_iter().map(|(slot, id, sealed)| [slot.to_vec(), id.to_vec(), sealed]);
        let records: Vec<[Vec<u8>; 3]> = records.collect();
        let blocks = blocks.chunks(PART).map(|part| (Script::Blocks, part.concat()));
        let records = records.chunks(PART).map(|part| (Script::Records, part.concat()));
        self.run::<i64>(blocks.chain(records).collect()).await?;
        Ok(())
    }

    /// Runs scripts that write, in order, each with its arguments.
    pub(super) async fn run<T: FromRedisValue>(
        &mut self,
        scripts: Vec<(Script, Vec<Vec<u8>>)>,
    ) -> Result<Vec<T>, Trouble> {
        let mut answers = Vec::with_capacity(scripts.len());
        for part in scripts.chunks(SENT_MAX) {
            let mut pipe = ::redis::pipe();
            for (script, arguments) in part {
                let link = self.link_mut()?;
                let mut call = link.call(*script);
                link.writes += 1;
                call.arg(arguments);
                pipe.add_command(call);
            }
            answers.extend(self.query::<Vec<T>>(&pipe).await?);
        }
        Ok(answers)
    }

    fn id(&self, id: &str) -> Result<[u8; ID_BYTES], Trouble> {
        Ok(self.seal.id(id, self.link()?.buckets))
    }
}
