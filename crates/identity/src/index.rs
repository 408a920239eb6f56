//! Where the registrations are found that one is to be compared with: by block key, and by id.
//!
//! It is no truth of its own: whatever is lost is made again of the log. An index that is not whole says so, because "nobody
//! like that" would make a second record of somebody who is there.

use std::sync::Arc;

use record::Position;

pub use self::memory::Memory;
pub use self::redis::{MEMBERS_MAX, Redis, RedisSettings};
use crate::registration::Registration;
use crate::worker::Trouble;

mod memory;
mod redis;

/// A registration as it is found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub registration: Registration,
    /// Where in the log the Patient was first written.
    pub first: Position,
}

/// A registration as it is put in.
#[derive(Debug, Clone)]
pub struct Put {
    pub found: Arc<Found>,
    pub keys: Vec<u64>,
}

/// Whose likes are looked up.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// It does not find itself. Empty: it is not in the index.
    pub id: String,
    pub keys: Vec<u64>,
}

/// What the index has to be of.
#[derive(Debug, Clone)]
pub struct Log {
    /// Another epoch is another log.
    pub epoch: String,
    /// The later worker has the larger one; whoever has a smaller one is refused from then on.
    pub lease: i64,
    /// How far the worker has come: an index of more than that is of a log that was set back.
    pub cursor: Position,
    /// About how many registrations there will be.
    pub expected: usize,
}

/// Where the registrations are.
pub enum Index {
    Memory(Memory),
    Redis(Box<Redis>),
}

impl Index {
    /// Takes the index over. The position up to which it is whole, and from which on it is to be brought on; `None`: it is
    /// empty now, and everything is to be put into it.
    pub async fn begin(&mut self, log: &Log) -> Result<Option<Position>, Trouble> {
        match self {
            Index::Memory(memory) => {
                *memory = Memory::default();
                Ok(None)
            }
            Index::Redis(redis) => redis.begin(log).await,
        }
    }

    /// Whether it still holds what was put into it, all of it, and has room. False: begin again.
    pub async fn is_whole(&mut self) -> Result<bool, Trouble> {
        match self {
            Index::Memory(_) => Ok(true),
            Index::Redis(redis) => redis.is_whole().await,
        }
    }

    /// Says that everything up to here is in it.
    pub async fn mark_whole(&mut self, position: Position) -> Result<(), Trouble> {
        match self {
            Index::Memory(_) => Ok(()),
            Index::Redis(redis) => redis.mark_whole(position).await,
        }
    }

    /// For each that is asked for the others that share a block key with it, in one trip. Blocks of more than `block_max` say
    /// too little and are passed over. An index that is not whole is [`Trouble::Warming`], never "nobody".
    pub async fn look_up(&mut self, asked: &[Asked], block_max: usize) -> Result<Vec<Vec<Arc<Found>>>, Trouble> {
        match self {
            Index::Memory(memory) => Ok(asked.iter().map(|asked| memory.look_up(asked, block_max)).collect()),
            Index::Redis(redis) => redis.look_up(asked, block_max).await,
        }
    }

    /// What is held of each id.
    pub async fn get(&mut self, ids: &[&str]) -> Result<Vec<Option<Arc<Found>>>, Trouble> {
        match self {
            Index::Memory(memory) => Ok(ids.iter().map(|id| memory.get(id).cloned()).collect()),
            Index::Redis(redis) => redis.get(ids).await,
        }
    }

    /// Puts registrations in the place of what was there of their ids. No id comes twice.
    pub async fn put(&mut self, puts: Vec<Put>) -> Result<(), Trouble> {
        match self {
            Index::Memory(memory) => puts.into_iter().for_each(|put| memory.put(put)),
            Index::Redis(redis) => redis.put(&puts).await?,
        }
        Ok(())
    }

    pub async fn remove(&mut self, ids: &[&str]) -> Result<(), Trouble> {
        match self {
            Index::Memory(memory) => ids.iter().for_each(|id| memory.remove(id)),
            Index::Redis(redis) => redis.remove(ids).await?,
        }
        Ok(())
    }

    /// How many registrations there are.
    pub async fn size(&mut self) -> Result<usize, Trouble> {
        match self {
            Index::Memory(memory) => Ok(memory.size()),
            Index::Redis(redis) => redis.size().await,
        }
    }
}
