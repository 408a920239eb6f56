//! A site's own search parameters: kept, put in force, and brought to what is stored already.
//!
//! Once defined, every version that is written has its rows for them; what was written before is looked through by a
//! follower, from the first version to where the log ended at that moment. Only then can they be asked for. A definition
//! that changes is another parameter with another number, so that rows of the one are never taken for the other's; those
//! of the old one are removed afterwards, a bounded part at a time.

use std::sync::{Arc, PoisonError, RwLock};

use fhir::search::{Definition, OWN_MAX, Own, ParameterClass, ParameterId, Registry, resource_name};
use rusqlite::{Connection, Row, params};

use crate::index::{self, Rows};
use crate::read::{self, COLUMNS, read_version};
use crate::version::Position;

/// Where the follower stands, and where it has to come to.
const FOLLOWER: &str = "record:reindex";
const END: &str = "record:reindex:end";
/// Positions that one step passes, most of them without reading a body.
const POSITIONS_A_STEP: i64 = 20_000;
/// Versions of the types in question that one step reads.
const VERSIONS_A_STEP: usize = 500;
/// Rows of a parameter that is no more wanted, that one step removes from one table.
const ROWS_A_STEP: usize = 2_000;

/// The parameters in force, shared by all who read, prepare and write. Only the writer's thread sets them.
#[derive(Clone, Default)]
pub struct InForce(Arc<RwLock<Arc<Registry>>>);

/// How far the follower has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub position: Position,
    /// Equal to `position` when all that is stored was looked through.
    pub end: Position,
}

impl InForce {
    pub fn now(&self) -> Arc<Registry> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn set(&self, registry: Registry) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(registry);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    OnItsWay,
    Ready,
    Retired,
}

struct Kept {
    id: ParameterId,
    definition: Definition,
    state: State,
}

/// What is kept, as it is in force.
pub fn load(db: &Connection) -> rusqlite::Result<Registry> {
    registry(&kept(db)?, &Registry::default())
}

/// Makes these the site's own parameters. What is new has to be looked for in all that is stored; what is not among them
/// any more is no longer known. Their registry is to be put in force once this is committed.
pub fn define(db: &Connection, now: &Registry, definitions: &[Definition]) -> rusqlite::Result<Registry> {
    let mut set = db.prepare_cached("UPDATE own_parameter SET state = ?2 WHERE id = ?1")?;
    let kept_now = kept(db)?;
    for of in kept_now.iter().filter(|of| of.state != State::Retired && !definitions.contains(&of.definition)) {
        set.execute(params![of.id.0, code(State::Retired)])?;
    }
    let lives = |of: &&Definition| !kept_now.iter().any(|kept| kept.state != State::Retired && kept.definition == **of);
    let sql = "INSERT INTO own_parameter(kind, code, class, expression, targets, url, state) VALUES (?,?,?,?,?,?,?)";
    let mut added = false;
    for Definition { kind, code: name, class, expression, targets, url } in
        definitions.iter().filter(lives).take(OWN_MAX)
    {
        let row = params![kind, name, class.name(), expression, targets, url, code(State::OnItsWay)];
        db.prepare_cached(sql)?.execute(row)?;
        added = true;
    }
    if added {
        let advance = "INSERT OR REPLACE INTO cursor VALUES (?1, ?2)";
        db.prepare_cached(advance)?.execute(params![FOLLOWER, 0])?;
        db.prepare_cached(advance)?.execute(params![END, read::end(db)?.0])?;
    }
    registry(&kept(db)?, now)
}

pub fn progress(db: &Connection) -> rusqlite::Result<Progress> {
    Ok(Progress { position: read::cursor(db, FOLLOWER)?, end: read::cursor(db, END)? })
}

/// A part of what is stored, looked through for the parameters that are on their way.
pub struct Batch {
    registry: Arc<Registry>,
    after: Position,
    to: Position,
    rows: Vec<(i64, Rows)>,
}

/// Reads on from where the follower stands; none where nothing is on its way.
pub fn next(db: &Connection, registry: Arc<Registry>) -> rusqlite::Result<Option<Batch>> {
    let wanted: Vec<Own> = registry.own().iter().filter(|own| !own.ready).copied().collect();
    if wanted.is_empty() {
        return Ok(None);
    }
    let Progress { position: after, end } = progress(db)?;
    let window = end.0.min(after.0.saturating_add(POSITIONS_A_STEP));
    let mut batch = Batch { registry, after, to: Position(window), rows: Vec::new() };
    let sql = format!(
        "SELECT {COLUMNS} FROM version v JOIN kind k ON k.kind = v.kind JOIN span s ON s.kind = v.kind AND s.seq = v.seq \
         WHERE v.seq > ?1 AND v.seq <= ?2 AND s.until IS NULL AND k.name IN (SELECT kind FROM own_parameter WHERE state = 0) \
         ORDER BY v.seq LIMIT ?3"
    );
    let mut found = db.prepare_cached(&sql)?;
    let mut count = 0;
    for version in found.query_map(params![after.0, window, VERSIONS_A_STEP], read_version)? {
        let version = version?;
        count += 1;
        if count == VERSIONS_A_STEP {
            batch.to = version.position;
        }
        // What cannot be read has no entries, here and when it is trimmed.
        let Some(Ok(resource)) = version.body.as_deref().map(fhir::json::read) else { continue };
        batch.rows.push((version.position.0, Rows::of_own(&resource, &wanted)));
    }
    Ok(Some(batch))
}

/// Writes a batch; some registry where that was the last one. Nothing where others came first or the parameters changed.
pub fn write(db: &Connection, now: &Arc<Registry>, batch: Batch) -> rusqlite::Result<Option<Registry>> {
    if !Arc::ptr_eq(now, &batch.registry) || read::cursor(db, FOLLOWER)? != batch.after {
        return Ok(None);
    }
    let mut rows = index::Batch::default();
    let visible = "SELECT 1 FROM version v JOIN span s ON s.kind = v.kind AND s.seq = v.seq \
                   WHERE v.seq = ?1 AND v.body IS NOT NULL AND s.until IS NULL";
    let mut visible = db.prepare_cached(visible)?;
    for (seq, of) in batch.rows {
        // It may have been replaced or erased since it was read, and its rows would be left behind.
        if visible.exists([seq])? {
            rows.add(of, seq);
        }
    }
    rows.write(db)?;
    let advance = "INSERT OR REPLACE INTO cursor VALUES (?1, ?2)";
    db.prepare_cached(advance)?.execute(params![FOLLOWER, batch.to.0])?;
    if batch.to < read::cursor(db, END)? {
        return Ok(None);
    }
    db.execute("UPDATE own_parameter SET state = 1 WHERE state = 0", [])?;
    registry(&kept(db)?, now).map(Some)
}

/// Removes some rows of parameters that are no more wanted. False: there are none.
pub fn remove(db: &Connection) -> rusqlite::Result<bool> {
    let Some(of) = kept(db)?.into_iter().find(|of| of.state == State::Retired) else { return Ok(false) };
    if index::remove_parameter(db, of.id.0, ROWS_A_STEP)? == 0 {
        db.prepare_cached("DELETE FROM own_parameter WHERE id = ?1")?.execute([of.id.0])?;
    }
    Ok(true)
}

/// Whether some are still to be removed.
pub fn has_retired(db: &Connection) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM own_parameter WHERE state = 2 LIMIT 1")?.exists([])
}

fn kept(db: &Connection) -> rusqlite::Result<Vec<Kept>> {
    let sql = "SELECT id, kind, code, class, expression, targets, url, state FROM own_parameter ORDER BY id";
    let mut rows = db.prepare_cached(sql)?;
    let rows = rows.query_map([], row)?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(rows.into_iter().flatten().collect())
}

/// None where another release of the program knew a type or class that this one does not.
fn row(row: &Row<'_>) -> rusqlite::Result<Option<Kept>> {
    let (kind, class): (String, String) = (row.get(1)?, row.get(3)?);
    let (Some(kind), Some(class)) = (resource_name(&kind), ParameterClass::read(&class)) else { return Ok(None) };
    let state = match row.get(7)? {
        0 => State::OnItsWay,
        1 => State::Ready,
        _ => State::Retired,
    };
    let (code, expression, targets, url) = (row.get(2)?, row.get(4)?, row.get(5)?, row.get(6)?);
    let definition = Definition { kind, code, class, expression, targets, url };
    Ok(Some(Kept { id: ParameterId(row.get(0)?), definition, state }))
}

fn code(state: State) -> i64 {
    match state {
        State::OnItsWay => 0,
        State::Ready => 1,
        State::Retired => 2,
    }
}

/// What is compiled already stays the same parameter.
fn registry(kept: &[Kept], before: &Registry) -> rusqlite::Result<Registry> {
    let mut own = Vec::new();
    for Kept { id, definition, state } in kept.iter().filter(|of| of.state != State::Retired) {
        let known = before.own().iter().find(|own| own.parameter.id == *id).map(|own| own.parameter);
        match known.map_or_else(|| definition.compile(*id), Ok) {
            Ok(parameter) => own.push(Own { parameter, ready: *state == State::Ready }),
            // It was read before it was kept; another release of the program may judge otherwise.
            Err(issue) => {
                tracing::error!(url = %definition.url, why = %issue.text, "a search parameter of this site is left out");
            }
        }
    }
    Ok(Registry::new(own))
}
