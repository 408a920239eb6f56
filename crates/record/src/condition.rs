//! Whether what a commit was decided on still holds when its turn comes (optimistic concurrency over searches).
//!
//! A caller searches at a position, decides, and hands the search over with its commit. The writer, whose order is the
//! order of the log, then asks one thing: has anything been written since that changes what the search finds? It looks
//! only at what was written since, most of which a look at its hashes rules out; the rest it decides by the body, as
//! [`fhir::search::matches`] does. So of many identical conditional creates one makes the resource and the others are
//! told to search again, while commits about other things never notice each other.

use std::collections::VecDeque;

use fhir::search::{ACROSS, Clause, Code, Criterion, Modifier, Query};
use rusqlite::Connection;

use crate::commit::{CommitError, Condition};
use crate::derived;
use crate::hash;
use crate::merged;
use crate::read;
use crate::transaction::Fault;
use crate::version::{Key, Position};

/// Versions that the writer remembers. A condition from before them is told to search again.
const VERSIONS_MAX: usize = 32_768;
/// And their rows, at 16 bytes each: with the above some 20 MiB at most.
const MARKS_MAX: usize = 1 << 20;
/// Bodies that are read for the conditions of one commit. When they do not suffice, it is told to search again.
const BODIES_MAX: usize = 256;

/// What was written last, in the order of the log.
pub struct Recent {
    versions: VecDeque<Written>,
    marks: usize,
    /// Everything after this position is in `versions`.
    floor: i64,
    /// The last position at which a redirect began or ended, and the one before the present group.
    redirected: [i64; 2],
}

/// A version that was written, by what a condition can be held against.
struct Written {
    seq: i64,
    key: Key,
    /// None after a delete.
    marks: Option<Marks>,
}

/// What of a version's index rows rules a query out without reading the body.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    /// Of tokens, references and uris: parameter and hash.
    pub hashes: Box<[(u16, i64)]>,
    /// Of strings: parameter and how the normalised text begins.
    pub strings: Box<[(u16, [u8; 8])]>,
}

impl Recent {
    /// Of a log that ends at `end`; what came before is not known.
    pub fn new(end: i64) -> Recent {
        Recent { versions: VecDeque::new(), marks: 0, floor: end, redirected: [0, 0] }
    }

    pub fn add(&mut self, seq: i64, key: Key, marks: Option<Marks>) {
        let written = Written { seq, key, marks };
        self.marks += written.len();
        self.versions.push_back(written);
        while self.versions.len() > VERSIONS_MAX || self.marks > MARKS_MAX {
            let Some(oldest) = self.versions.pop_front() else { return };
            self.marks -= oldest.len();
            self.floor = oldest.seq;
        }
    }

    /// A redirect changed in the commit that ended at `seq`.
    pub fn redirected(&mut self, seq: i64) {
        self.redirected[0] = seq;
    }

    /// The group became durable.
    pub fn keep(&mut self) {
        self.redirected[1] = self.redirected[0];
    }

    /// The group failed, and the log ends at `end` as before it.
    pub fn undo(&mut self, end: i64) {
        self.redirected[0] = self.redirected[1];
        while self.versions.back().is_some_and(|last| last.seq > end) {
            let last = self.versions.pop_back().expect("there is a last one");
            self.marks -= last.len();
        }
    }

    /// Whether all conditions hold at `end`, where the log ends now; [`CommitError::Moved`] where one does not or
    /// cannot be told.
    pub fn check(&self, db: &Connection, conditions: &[Condition], end: i64) -> Result<(), Fault> {
        let mut bodies = BODIES_MAX;
        for condition in conditions {
            if condition.since.0 < self.floor || self.moved(db, condition, end, &mut bodies)? {
                return Err(Fault::Said(CommitError::Moved));
            }
        }
        Ok(())
    }

    fn moved(&self, db: &Connection, condition: &Condition, end: i64, bodies: &mut usize) -> rusqlite::Result<bool> {
        let Condition { query, since, found } = condition;
        if since.0 >= end {
            return Ok(false);
        }
        if self.redirected[0] > since.0 && follows_redirects(query) {
            return Ok(true);
        }
        if query.kind == ACROSS || !query.stands_alone() {
            // What it finds depends on other resources too: any of their types may have moved it.
            let touched = query.touched();
            let from = self.versions.partition_point(|written| written.seq <= since.0);
            return Ok(self
                .versions
                .range(from..)
                .any(|written| touched.contains(&written.key.kind.as_str()) && !written.key.is_golden()));
        }
        // What is filed under a merged record is found by the one that survived.
        let query = merged::follow(db, query, end)?;
        let bars: Vec<Bar> = query.clauses.iter().map(Bar::of).collect();
        let from = self.versions.partition_point(|written| written.seq <= since.0);
        // What names no golden Patient finds none.
        let counts = |written: &&Written| written.key.kind == query.kind && !written.key.is_golden();
        for written in self.versions.range(from..).filter(counts) {
            let found = found.contains(&written.key);
            let possible = written.marks.as_ref().is_some_and(|marks| bars.iter().all(|bar| bar.lets(written, marks)));
            if !possible && !found {
                continue;
            }
            if *bodies == 0 {
                return Ok(true);
            }
            *bodies -= usize::from(possible);
            if found != (possible && matches(db, &query, written.seq)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Written {
    fn len(&self) -> usize {
        self.marks.as_ref().map_or(0, |marks| marks.hashes.len() + marks.strings.len())
    }
}

/// A search by a reference also finds what is filed under the records that are merged with the one asked for.
fn follows_redirects(query: &Query) -> bool {
    let criteria = query.clauses.iter().flat_map(|clause| &clause.values);
    criteria.into_iter().any(|criterion| matches!(criterion, Criterion::Reference { .. }))
}

fn matches(db: &Connection, query: &Query, seq: i64) -> rusqlite::Result<bool> {
    let Some(version) = read::at(db, Position(seq))? else { return Ok(false) };
    let Some(body) = version.body else { return Ok(false) };
    // A body that cannot be read was no body that `prepare` made; that is for the check of the store to find.
    Ok(fhir::json::read(&body).is_ok_and(|resource| fhir::search::matches(query, &resource)))
}

/// What a clause asks of a version's marks before its body need be read.
enum Bar {
    /// One of these ids.
    Ids(Vec<String>),
    /// One of these hashes.
    Hashes(Vec<(u16, i64)>),
    /// A string that begins with one of these, as far as eight bytes tell.
    Strings(Vec<(u16, Vec<u8>)>),
    /// The marks do not tell.
    Open,
}

impl Bar {
    fn of(clause: &Clause) -> Bar {
        let hashed =
            matches!(clause.modifier, Modifier::Plain | Modifier::OfType | Modifier::Identifier | Modifier::Type(_));
        let parts = derived::parts(clause.parameter);
        let bar = match clause.modifier {
            Modifier::Plain if clause.parameter.code == "_id" => ids(clause).map(Bar::Ids),
            Modifier::Plain | Modifier::Exact if clause.values.iter().all(is_string) => {
                Some(Bar::Strings(strings(clause, &parts)))
            }
            _ if hashed => hashes(clause, &parts).map(Bar::Hashes),
            _ => None,
        };
        bar.unwrap_or(Bar::Open)
    }

    fn lets(&self, written: &Written, marks: &Marks) -> bool {
        match self {
            Bar::Ids(ids) => ids.contains(&written.key.id),
            Bar::Hashes(hashes) => marks.hashes.iter().any(|mark| hashes.contains(mark)),
            Bar::Strings(strings) => strings
                .iter()
                .any(|(p, text)| marks.strings.iter().any(|(of, begin)| of == p && begin.starts_with(text))),
            Bar::Open => true,
        }
    }
}

fn ids(clause: &Clause) -> Option<Vec<String>> {
    let id = |criterion: &Criterion| match criterion {
        Criterion::Token(Code::AnySystem(id) | Code::NoSystem(id)) => Some(id.clone()),
        _ => None,
    };
    clause.values.iter().map(id).collect()
}

fn is_string(criterion: &Criterion) -> bool {
    matches!(criterion, Criterion::String { .. })
}

fn strings(clause: &Clause, parts: &[u16]) -> Vec<(u16, Vec<u8>)> {
    let mut strings = Vec::new();
    for criterion in &clause.values {
        if let Criterion::String { normalised, .. } = criterion {
            let begin = normalised.as_bytes();
            strings.extend(parts.iter().map(|p| (*p, begin[..begin.len().min(8)].to_vec())));
        }
    }
    strings
}

/// The hashes of which a version that matches has one; none where hashes do not tell.
fn hashes(clause: &Clause, parts: &[u16]) -> Option<Vec<(u16, i64)>> {
    let mut hashes = Vec::new();
    for criterion in &clause.values {
        let mut any = |hash: i64| hashes.extend(parts.iter().map(|p| (*p, hash)));
        match criterion {
            Criterion::Token(code) | Criterion::Identifier(code) => match code {
                Code::AnySystem(code) | Code::InSystem { code, .. } | Code::NoSystem(code) => {
                    any(hash::code_hash(code));
                }
                Code::System(_) => return None,
            },
            Criterion::OfType { code, value, .. } => any(hash::of_type_hash(code, value)),
            Criterion::Reference { kind: Some(kind), id } => any(hash::local_hash(kind, id)),
            Criterion::Reference { kind: None, id } => {
                clause.parameter.targets().for_each(|kind| any(hash::local_hash(kind, id)));
            }
            Criterion::Url { url, version } => any(hash::url_hash(url, version.as_deref())),
            Criterion::Uri(uri) => any(hash::url_hash(uri, None)),
            Criterion::String { .. }
            | Criterion::Date { .. }
            | Criterion::Number { .. }
            | Criterion::Quantity { .. }
            | Criterion::Composite(_)
            | Criterion::ValueSet(_)
            | Criterion::Missing(_) => return None,
        }
    }
    Some(hashes)
}
