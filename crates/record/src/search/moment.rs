//! The store as one search sees it: a connection, what may be seen, and the position that all of its pages see.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use consent::Reach;
use fhir::Resource;
use fhir::search::{Others, Parameter, ParameterClass, Registry};
use rusqlite::{Connection, OptionalExtension, params};

use super::limits::SearchLimits;
use crate::derived;
use crate::error::ReadError;
use crate::hash;
use crate::merged;
use crate::read::{self, COLUMNS, read_version};
use crate::version::{Key, Version};

pub struct Moment<'m> {
    pub db: &'m Connection,
    pub reach: &'m Reach,
    pub position: i64,
    pub registry: &'m Registry,
    pub limits: &'m SearchLimits,
    /// Bodies that may still be read to decide what matches, and versions that may still be looked at.
    bodies: Cell<usize>,
    versions: Cell<usize>,
    /// When the answer has to be there. For what is done between SQLite's rows: within them it looks by itself.
    end: Option<Instant>,
    /// What went wrong inside of a look at other resources, whose face has no place for it.
    fault: RefCell<Option<ReadError>>,
}

impl<'m> Moment<'m> {
    pub fn new(
        db: &'m Connection,
        reach: &'m Reach,
        position: i64,
        registry: &'m Registry,
        limits: &'m SearchLimits,
    ) -> Moment<'m> {
        let (bodies, versions) = (Cell::new(limits.bodies), Cell::new(limits.versions));
        let end = Instant::now().checked_add(limits.time);
        Moment { db, reach, position, registry, limits, bodies, versions, end, fault: RefCell::new(None) }
    }

    /// The number of a type that may be seen; none where it may not, or nothing of it was ever written.
    pub fn kind(&self, name: &str) -> rusqlite::Result<Option<i64>> {
        if self.reach.covers(name) { read::kind(self.db, name) } else { Ok(None) }
    }

    pub fn version(&self, seq: i64) -> rusqlite::Result<Version> {
        let sql = format!("SELECT {COLUMNS} FROM version v WHERE v.seq = ?1");
        self.db.prepare_cached(&sql)?.query_row([seq], read_version)
    }

    pub fn id(&self, seq: i64) -> rusqlite::Result<String> {
        self.db.prepare_cached("SELECT id FROM version WHERE seq = ?1")?.query_row([seq], |row| row.get(0))
    }

    /// Where a resource's version of this moment is; none where it is deleted or may not be seen.
    pub fn seq(&self, kind: &str, id: &str) -> rusqlite::Result<Option<i64>> {
        let Some(kind) = self.kind(kind)? else { return Ok(None) };
        let sql = "SELECT seq FROM resource WHERE kind = ?1 AND id = ?2 AND seq <= ?3 ORDER BY vid DESC LIMIT 1";
        let seq =
            self.db.prepare_cached(sql)?.query_row(params![kind, id, self.position], |row| row.get(0)).optional()?;
        match seq {
            Some(seq) if self.is_visible(kind, seq)? => Ok(Some(seq)),
            _ => Ok(None),
        }
    }

    pub fn is_visible(&self, kind: i64, seq: i64) -> rusqlite::Result<bool> {
        let sql = "SELECT 1 FROM span WHERE kind = ?1 AND seq = ?2 AND (until IS NULL OR until > ?3)";
        self.db.prepare_cached(sql)?.exists(params![kind, seq, self.position])
    }

    /// Whether anything refers to anything by the parameter.
    pub fn is_used(&self, by: &Parameter) -> rusqlite::Result<bool> {
        self.db.prepare_cached("SELECT 1 FROM reference WHERE p = ?1 LIMIT 1")?.exists([derived::local(by)])
    }

    /// The positions at which resources of the parameter's type, visible now, refer to any of these hashes; the newest,
    /// about as many as asked for.
    pub fn referring(&self, by: &Parameter, hashes: &[i64], most: usize) -> rusqlite::Result<Vec<i64>> {
        let Some(kind) = self.kind(by.kind)? else { return Ok(Vec::new()) };
        let sql = "SELECT r.seq FROM reference r CROSS JOIN span s ON s.kind = ?1 AND s.seq = r.seq \
                   WHERE r.p = ?2 AND r.h = ?3 AND r.seq <= ?4 AND (s.until IS NULL OR s.until > ?4) ORDER BY r.seq DESC LIMIT ?5";
        let mut found = Vec::new();
        let mut rows = self.db.prepare_cached(sql)?;
        for h in hashes {
            for seq in rows.query_map(params![kind, derived::local(by), h, self.position, most], |row| row.get(0))? {
                found.push(seq?);
            }
        }
        Ok(found)
    }

    /// The hashes of a resource and of all that are merged with it.
    pub fn hashes(&self, kind: &str, id: &str) -> rusqlite::Result<Vec<i64>> {
        let mut hashes = vec![hash::local_hash(kind, id)];
        let others = merged::same(self.db, kind, id, self.position)?;
        hashes.extend(others.iter().map(|id| hash::local_hash(kind, id)));
        Ok(hashes)
    }

    /// Shows the resource at a position. Each look is counted.
    pub fn see<T>(&self, version: &Version, look: impl FnOnce(&Resource<'_>) -> T) -> Result<Option<T>, ReadError> {
        let left = self.bodies.get().checked_sub(1).ok_or(ReadError::TooCostly(TOO_MANY_BODIES))?;
        self.bodies.set(left);
        self.in_time()?;
        let Some(body) = version.body.as_deref() else { return Ok(None) };
        match fhir::json::read(body) {
            Ok(resource) => Ok(Some(look(&resource))),
            Err(_) => {
                let Key { kind, id } = &version.key;
                tracing::error!(%kind, %id, "a stored body cannot be read");
                Ok(None)
            }
        }
    }

    /// Counts a candidate.
    pub fn step(&self) -> Result<(), ReadError> {
        let left = self.versions.get().checked_sub(1).ok_or(ReadError::TooCostly(TOO_MANY_VERSIONS))?;
        self.versions.set(left);
        if left % STEPS_A_LOOK == 0 || left + 1 == self.limits.versions { self.in_time() } else { Ok(()) }
    }

    fn in_time(&self) -> Result<(), ReadError> {
        if self.end.is_some_and(|end| Instant::now() >= end) { Err(ReadError::OutOfTime) } else { Ok(()) }
    }

    /// What went wrong while others were looked at.
    pub fn fault(&self) -> Result<(), ReadError> {
        self.fault.borrow_mut().take().map_or(Ok(()), Err)
    }

    fn show(&self, seq: i64, see: &mut dyn FnMut(&Resource<'_>)) -> Result<(), ReadError> {
        let version = self.version(seq).map_err(super::broken)?;
        self.see(&version, see).map(drop)
    }

    fn show_all(&self, found: rusqlite::Result<Vec<i64>>, see: &mut dyn FnMut(&Resource<'_>)) {
        let shown = found.map_err(super::broken).and_then(|seqs| seqs.iter().try_for_each(|seq| self.show(*seq, see)));
        if let Err(fault) = shown {
            self.fault.borrow_mut().get_or_insert(fault);
        }
    }

    /// The positions of canonical resources of this URL, by its hash.
    pub fn by_url(&self, kind: &str, url: &str) -> rusqlite::Result<Vec<i64>> {
        let by = fhir::search::resource_name(kind).and_then(|kind| fhir::search::table().find(kind, "url"));
        match by.filter(|by| by.class == ParameterClass::Uri) {
            Some(by) => self.referring(by, &[hash::url_hash(url, None)], usize::MAX >> 1),
            None => Ok(Vec::new()),
        }
    }
}

/// Candidates from one look at the clock to the next.
const STEPS_A_LOOK: usize = 64;

const TOO_MANY_VERSIONS: &str = "more versions would have to be looked at than one search may look at \
                                 (search.versions_max): narrow it, by a patient, a code or a date";
const TOO_MANY_BODIES: &str = "more resources would have to be read to answer than one search may read \
                               (search.bodies_max): narrow it, by a patient, a code or a date";

impl Others for Moment<'_> {
    /// With those that are merged with it: what is said of one is said of the person.
    fn one(&self, kind: &str, id: &str, see: &mut dyn FnMut(&Resource<'_>)) {
        let found = || {
            let mut ids = vec![id.to_owned()];
            ids.extend(merged::same(self.db, kind, id, self.position)?);
            let seqs = ids.iter().map(|id| self.seq(kind, id));
            Ok(seqs.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
        };
        self.show_all(found(), see);
    }

    fn named(&self, kind: &str, url: &str, see: &mut dyn FnMut(&Resource<'_>)) {
        self.show_all(self.by_url(kind, url), &mut |resource| {
            // The hash brought us here.
            if resource.str("url") == Some(url) {
                see(resource);
            }
        });
    }

    fn referring(&self, by: &Parameter, kind: &str, id: &str, see: &mut dyn FnMut(&Resource<'_>)) {
        let found = self.hashes(kind, id).and_then(|hashes| self.referring(by, &hashes, usize::MAX >> 1));
        self.show_all(found, see);
    }
}
