//! The one asynchronous face of the store. Each method hands its work to the writer or to a reader and waits.

use std::path::Path;
use std::sync::Arc;

use consent::{Access, Reach};
use fhir::Resource;
use fhir::search::{Definition, Query, Registry};
use rusqlite::Connection;

use crate::checkpoint::Checkpointer;
use crate::commit::{Commit, CommitError, Committed};
use crate::error::{OpenError, ReadError};
use crate::fulltext;
use crate::history::{self, HistoryPage, HistoryQuery};
use crate::labels;
use crate::maintenance::{self, Counts, Erasure, Finding};
use crate::message::{Message, MessageFilter};
use crate::message_read;
use crate::notes;
use crate::own::{self, InForce, Progress};
use crate::page::PageKey;
use crate::prepare::{Prepared, prepare};
use crate::read::{self, Member};
use crate::reader::Readers;
use crate::schema::{self, Place};
use crate::search::{self, Page, SearchLimits};
use crate::version::{Key, MessageId, Position, Time, Version};
use crate::writer::Writer;

/// More keys than these are read by a reader's thread, so that the caller's is not held up.
const KEYS_HERE: usize = 4;
/// Batches by which a search for words first lets their index follow, and a decision that depends on one.
const BATCHES_OF_A_SEARCH: usize = 4;
const BATCHES_OF_A_DECISION: usize = 100;

/// How to open a store. The defaults suit a clinic.
#[derive(Debug, Clone)]
pub struct Options {
    /// Threads that read, each with a connection of its own.
    pub readers: usize,
    /// Reads and commits that may wait; more are answered `Busy`.
    pub queue: usize,
    /// The id key of a store that is made now; random where none is given. An existing store keeps its own.
    pub id_key: Option<[u8; 32]>,
    /// How much one search may bring and cost.
    pub search: SearchLimits,
}

/// An open store. Clones share it.
#[derive(Clone)]
pub struct Record {
    shared: Arc<Shared>,
}

/// In the order in which they end: the writer finishes what it was given before the checkpointer goes.
struct Shared {
    writer: Writer,
    readers: Readers,
    _checkpointer: Checkpointer,
    id_key: [u8; 32],
    epoch: String,
    limits: Arc<SearchLimits>,
    in_force: InForce,
    /// Holds the directory's lock to the end.
    _place: Place,
}

impl Default for Options {
    fn default() -> Options {
        Options { readers: 4, queue: 4_096, id_key: None, search: SearchLimits::default() }
    }
}

impl Record {
    /// Opens the store in `dir`, makes it if there is none, and brings an older schema up to date.
    pub fn open(dir: &Path, options: Options) -> Result<Record, OpenError> {
        let place = schema::place(dir)?;
        let opened = schema::open_writer(&place, &options)?;
        let checkpointer = Checkpointer::start(&place)?;
        let readers = Readers::start(&place, options.readers, options.queue)?;
        let in_force = InForce::default();
        let writer = Writer::start(opened.connection, options.queue, checkpointer.caller(), in_force.clone())?;
        Ok(Record {
            shared: Arc::new(Shared {
                writer,
                readers,
                _checkpointer: checkpointer,
                id_key: opened.id_key,
                epoch: opened.epoch,
                limits: Arc::new(options.search),
                in_force,
                _place: place,
            }),
        })
    }

    /// The key of the deterministic ids (`safety.md` 10), made with the store and kept in it.
    pub fn id_key(&self) -> &[u8; 32] {
        &self.shared.id_key
    }

    /// A random name of this log. A restored backup gets another, so that cursors of the lost log are recognised.
    pub fn epoch(&self) -> &str {
        &self.shared.epoch
    }

    /// The search parameters in force.
    pub fn registry(&self) -> Arc<Registry> {
        self.shared.in_force.now()
    }

    /// Makes ready what is to be committed, by the search parameters in force; see [`prepare`].
    pub fn prepare(&self, resource: &Resource<'_>) -> Prepared {
        prepare(resource, &self.registry())
    }

    /// Makes everything in `commit` durable, or nothing. Answers after the fsync.
    pub async fn commit(&self, access: &Access, commit: Commit) -> Result<Committed, CommitError> {
        self.shared.writer.commit(access, commit).await
    }

    /// The newest version, which may be a delete. None: the id was never used, or lies outside the access.
    pub async fn read(&self, access: &Access, key: &Key) -> Result<Option<Version>, ReadError> {
        self.current(access, key).await
    }

    /// One version by its number.
    pub async fn vread(&self, access: &Access, key: &Key, vid: u64) -> Result<Option<Version>, ReadError> {
        if !access.read().covers(&key.kind) {
            return Ok(None);
        }
        let key = key.clone();
        self.shared.readers.run_here(move |db| read::version(db, &key, vid)).await
    }

    /// Former versions, newest first.
    pub async fn history(&self, access: &Access, query: &HistoryQuery) -> Result<HistoryPage, ReadError> {
        let (reach, query) = (access.read().clone(), query.clone());
        self.shared.readers.run(move |db| history::page(db, &reach, &query)).await
    }

    /// The newest version of one resource, as [`Record::read`].
    pub async fn current(&self, access: &Access, key: &Key) -> Result<Option<Version>, ReadError> {
        Ok(self.current_many(access, std::slice::from_ref(key)).await?.pop().flatten())
    }

    /// The newest versions of many resources in the order asked, all of one snapshot.
    pub async fn current_many(&self, access: &Access, keys: &[Key]) -> Result<Vec<Option<Version>>, ReadError> {
        self.current_at(access, keys, Position::END).await
    }

    /// What was the newest version of each at a position.
    pub async fn current_at(
        &self,
        access: &Access,
        keys: &[Key],
        position: Position,
    ) -> Result<Vec<Option<Version>>, ReadError> {
        let (reach, keys, few) = (access.read().clone(), keys.to_vec(), keys.len() <= KEYS_HERE);
        let read = move |db: &Connection| read::current(db, &reach, &keys, position);
        if few { self.shared.readers.run_here(read).await } else { self.shared.readers.run(read).await }
    }

    /// Where each key leads through aliases and merges: itself where nothing is redirected. A loop ends at the key that
    /// closes it, and is for a person to see to (`safety.md` 4).
    pub async fn resolve(&self, keys: &[Key]) -> Result<Vec<Key>, ReadError> {
        let keys = keys.to_vec();
        self.shared.readers.run(move |db| read::resolve(db, &keys)).await
    }

    /// The resources of `kind` whose newest version was written with this group, deleted ones left out.
    pub async fn members(&self, access: &Access, kind: &str, group: u64) -> Result<Vec<Member>, ReadError> {
        if !access.read().covers(kind) {
            return Ok(Vec::new());
        }
        let kind = kind.to_owned();
        self.shared.readers.run(move |db| read::members(db, &kind, group)).await
    }

    /// A page of matches. `page` is the `next` of the page before, with the same query.
    pub async fn search(&self, access: &Access, query: &Query, page: Option<&str>) -> Result<Page, ReadError> {
        let page = page.map(PageKey::read).transpose()?;
        if fulltext::asks(query) && page.is_none() {
            // What is missing after these the answer tells.
            self.words_up_to(self.shared.writer.end(), BATCHES_OF_A_SEARCH).await?;
        }
        self.page(access, query, page).await
    }

    /// The first page of a search as it was at a position: what a commit is decided on, and then names as a
    /// [`crate::Condition`]. It finds all that was there: `Busy` where the index of words is too far behind.
    pub async fn search_at(&self, access: &Access, query: &Query, position: Position) -> Result<Page, ReadError> {
        if fulltext::asks(query) && !self.words_up_to(position, BATCHES_OF_A_DECISION).await? {
            return Err(ReadError::Busy);
        }
        self.page(access, query, Some(PageKey::first(position))).await
    }

    async fn page(&self, access: &Access, query: &Query, page: Option<PageKey>) -> Result<Page, ReadError> {
        let (reach, query) = (access.read().clone(), query.clone());
        let (limits, registry) = (Arc::clone(&self.shared.limits), self.registry());
        let time = limits.time;
        let read = move |db: &Connection| search::page(db, &reach, &registry, &limits, &query, page);
        self.shared.readers.run_within(time, read).await
    }

    /// The `meta` of current resources of these types: every profile, tag and security label in use stands in one of them.
    /// `TooCostly` where there are more of those than [`crate::LABELS_MAX`].
    pub async fn metas(
        &self,
        access: &Access,
        kinds: Vec<&'static str>,
    ) -> Result<Vec<fhir::Object<'static>>, ReadError> {
        let reach = access.read().clone();
        let time = self.shared.limits.time;
        self.shared.readers.run_within(time, move |db| labels::metas(db, &reach, &kinds)).await
    }

    /// Lets the index of words follow to a position, by so many batches at most. Whether it came there.
    async fn words_up_to(&self, position: Position, batches: usize) -> Result<bool, ReadError> {
        for _ in 0..batches {
            if self.cursor(fulltext::FOLLOWER).await? >= position {
                return Ok(true);
            }
            self.follow_text(fulltext::BATCH_MAX).await.map_err(|error| match error {
                CommitError::Broken => ReadError::Broken,
                _ => ReadError::Busy,
            })?;
        }
        Ok(self.cursor(fulltext::FOLLOWER).await? >= position)
    }

    /// Versions after a position, oldest first, at most [`crate::LOG_PAGE_MAX`]: what a follower reads. A follower whose
    /// access leaves types out still passes them; the position to go on from is the second value.
    pub async fn log(
        &self,
        access: &Access,
        after: Position,
        limit: usize,
    ) -> Result<(Vec<Version>, Position), ReadError> {
        let reach = access.read().clone();
        self.shared.readers.run(move |db| read::log(db, &reach, after, limit)).await
    }

    /// The end of the log. Costs nothing: the writer says it.
    pub async fn position(&self) -> Result<Position, ReadError> {
        Ok(self.shared.writer.end())
    }

    /// Where a follower stands; [`Position::START`] for a new one.
    pub async fn cursor(&self, name: &str) -> Result<Position, ReadError> {
        let name = name.to_owned();
        self.shared.readers.run(move |db| read::cursor(db, &name)).await
    }

    /// Moves a follower's cursor. One that writes moves it with its own [`Commit`] instead.
    pub async fn advance(&self, name: &str, position: Position) -> Result<(), CommitError> {
        let commit = Commit { cursors: vec![(name.to_owned(), position)], ..Commit::default() };
        self.shared.writer.commit(&Access::nobody(), commit).await.map(drop)
    }

    /// What a follower keeps under this name, see [`Commit::notes`].
    pub async fn note(&self, follower: &str, name: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let (follower, name) = (follower.to_owned(), name.to_owned());
        self.shared.readers.run(move |db| notes::one(db, &follower, &name)).await
    }

    /// What a follower keeps, by name, after this one; at most [`NOTES_PAGE_MAX`](crate::NOTES_PAGE_MAX).
    pub async fn notes(&self, follower: &str, after: &str, limit: usize) -> Result<Vec<(String, Vec<u8>)>, ReadError> {
        let (follower, after) = (follower.to_owned(), after.to_owned());
        self.shared.readers.run(move |db| notes::page(db, &follower, &after, limit)).await
    }

    /// A stored message. Messages hold whole records: only an access to everything reaches them.
    pub async fn message(&self, access: &Access, id: MessageId) -> Result<Option<Message>, ReadError> {
        if *access.read() != Reach::Everything {
            return Ok(None);
        }
        self.shared.readers.run(move |db| message_read::message(db, id)).await
    }

    /// A page of messages, newest first.
    pub async fn messages(&self, access: &Access, filter: &MessageFilter) -> Result<Vec<Message>, ReadError> {
        if *access.read() != Reach::Everything {
            return Ok(Vec::new());
        }
        let filter = filter.clone();
        self.shared.readers.run(move |db| message_read::page(db, &filter)).await
    }

    /// The message as it came, byte for byte. None where there is no such message or its bytes were pruned.
    pub async fn raw(&self, access: &Access, id: MessageId) -> Result<Option<Vec<u8>>, ReadError> {
        if *access.read() != Reach::Everything {
            return Ok(None);
        }
        self.shared.readers.run(move |db| message_read::raw(db, id)).await
    }

    /// The versions that a message made, in the order of the log, at most [`crate::LOG_PAGE_MAX`].
    pub async fn made_by(&self, access: &Access, id: MessageId) -> Result<Vec<Version>, ReadError> {
        let reach = access.read().clone();
        self.shared.readers.run(move |db| message_read::made_by(db, &reach, id)).await
    }

    /// Empties the bytes of messages received before `older_than`, but not of parked ones, at most `limit` at once.
    /// How many it emptied: fewer than `limit` means that it is done.
    pub async fn prune_bodies(&self, older_than: Time, limit: usize) -> Result<usize, CommitError> {
        self.shared.writer.alone(move |db| maintenance::prune_bodies(db, older_than, limit)).await
    }

    /// Drops index rows of versions superseded more than an hour before `now`, at most `limit` versions at once. How
    /// many it dropped: fewer than `limit` means that it is done.
    pub async fn trim(&self, now: Time, limit: usize) -> Result<usize, CommitError> {
        let in_force = self.shared.in_force.clone();
        self.shared.writer.alone(move |db| maintenance::trim(db, &in_force.now(), now, limit)).await
    }

    /// Lets the index of words follow the log by at most `limit` versions and `fulltext::BATCH_MAX`. How many it passed:
    /// 0 means that it has caught up.
    pub async fn follow_text(&self, limit: usize) -> Result<usize, CommitError> {
        let read = self.shared.readers.run(move |db| fulltext::next(db, limit)).await;
        let batch =
            read.map_err(|error| if error == ReadError::Busy { CommitError::Busy } else { CommitError::Broken })?;
        let passed = batch.passed;
        if passed > 0 {
            self.shared.writer.alone(move |db| fulltext::write(db, &batch)).await?;
        }
        Ok(passed)
    }

    /// Makes these the site's own search parameters. Each that is new can be asked for when [`Record::reindex`] has looked
    /// through all that is stored.
    pub async fn define(&self, definitions: Vec<Definition>) -> Result<(), CommitError> {
        let (in_force, after) = (self.shared.in_force.clone(), self.shared.in_force.clone());
        let work = move |db: &Connection| own::define(db, &in_force.now(), &definitions);
        self.shared.writer.alone_then(work, move |registry| after.set(registry)).await
    }

    /// Looks through a bounded part of what is stored for search parameters that are new, or removes a part of the index
    /// that is no more wanted. False: there is nothing to do.
    pub async fn reindex(&self) -> Result<bool, CommitError> {
        let registry = self.registry();
        let read = self.shared.readers.run(move |db| Ok((own::next(db, registry)?, own::has_retired(db)?))).await;
        let (batch, retired) =
            read.map_err(|error| if error == ReadError::Busy { CommitError::Busy } else { CommitError::Broken })?;
        let Some(batch) = batch else {
            return if retired { self.shared.writer.alone(own::remove).await } else { Ok(false) };
        };
        let (in_force, after) = (self.shared.in_force.clone(), self.shared.in_force.clone());
        let work = move |db: &Connection| own::write(db, &in_force.now(), batch);
        let put = move |registry: Option<Registry>| registry.into_iter().for_each(|registry| after.set(registry));
        self.shared.writer.alone_then(work, put).await?;
        Ok(true)
    }

    /// How far [`Record::reindex`] has come.
    pub async fn reindexed(&self) -> Result<Progress, ReadError> {
        self.shared.readers.run(own::progress).await
    }

    /// Empties every version of a resource, for the law, and keeps its keys. How many versions it emptied.
    pub async fn erase(&self, access: &Access, key: &Key, what: Erasure) -> Result<usize, CommitError> {
        if !access.write().covers(&key.kind) {
            return Err(CommitError::Denied(key.clone()));
        }
        let key = key.clone();
        let in_force = self.shared.in_force.clone();
        self.shared.writer.alone(move |db| maintenance::erase(db, &in_force.now(), &key, what)).await
    }

    /// Looks for damage: the file's structure, and whether what is derived agrees with the log.
    pub async fn check(&self) -> Result<Vec<Finding>, ReadError> {
        self.shared.readers.run(maintenance::check).await
    }

    /// Figures for metrics; they name no patient.
    pub async fn counts(&self) -> Result<Counts, ReadError> {
        self.shared.readers.run(maintenance::counts).await
    }
}

#[cfg(test)]
mod tests;
