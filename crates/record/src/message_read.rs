//! Reading the message store.

use consent::Reach;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use crate::message::{Attempt, MESSAGE_PAGE_MAX, Message, MessageFilter, Outcome, Tried};
use crate::read::{COLUMNS, LOG_PAGE_MAX, read_version, unpack};
use crate::version::{MessageId, Time, Version};

const MESSAGE: &str = "m.id, m.source, m.control_id, m.kind, m.received, m.event_time, m.trace_id, m.raw_bytes, \
                       EXISTS (SELECT 1 FROM message_body b WHERE b.message = m.id)";

pub fn message(db: &Connection, id: MessageId) -> rusqlite::Result<Option<Message>> {
    let sql = format!("SELECT {MESSAGE} FROM message m WHERE m.id = ?1");
    let found = db.prepare_cached(&sql)?.query_row([id.0], read_message).optional()?;
    found.map(|message| with_attempts(db, message)).transpose()
}

pub fn page(db: &Connection, filter: &MessageFilter) -> rusqlite::Result<Vec<Message>> {
    let mut sql = format!("SELECT {MESSAGE} FROM message m WHERE m.id < ?");
    let mut values = vec![Value::from(filter.before.map_or(i64::MAX, |before| before.0))];
    let mut narrow = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            sql.push_str(condition);
            values.push(value);
        }
    };
    narrow(" AND m.source = ?", filter.source.clone().map(Value::from));
    narrow(" AND m.control_id = ?", filter.control_id.clone().map(Value::from));
    // The partial index serves only what says that it is not `Applied`.
    match filter.outcome {
        Some(Outcome::Applied) => narrow(" AND m.outcome = ?", Some(Outcome::Applied.code().into())),
        other => narrow(" AND m.outcome <> 0 AND m.outcome = ?", other.map(|outcome| outcome.code().into())),
    }
    narrow(" AND m.received >= ?", filter.from.map(|time| time.0.into()));
    narrow(" AND m.received < ?", filter.to.map(|time| time.0.into()));
    let patient = " AND m.id IN (SELECT message FROM message_patient WHERE patient = ?)";
    narrow(patient, filter.patient.clone().map(Value::from));
    if let Some(kind) = &filter.kind {
        sql.push_str(" AND substr(m.kind, 1, ?) = ?");
        values.push(i64::try_from(kind.chars().count()).unwrap_or(i64::MAX).into());
        values.push(kind.clone().into());
    }
    sql.push_str(" ORDER BY m.id DESC LIMIT ?");
    values.push(i64::try_from(filter.limit.min(MESSAGE_PAGE_MAX)).unwrap_or(i64::MAX).into());
    let mut rows = db.prepare_cached(&sql)?;
    let found: Vec<Message> = rows.query_map(params_from_iter(values), read_message)?.collect::<Result<_, _>>()?;
    found.into_iter().map(|message| with_attempts(db, message)).collect()
}

pub fn raw(db: &Connection, id: MessageId) -> rusqlite::Result<Option<Vec<u8>>> {
    let sql = "SELECT raw FROM message_body WHERE message = ?1 AND attempt = 1";
    let mut raw = db.prepare_cached(sql)?;
    raw.query_row([id.0], |row| unpack(row.get_ref(0)?.as_blob()?)).optional()
}

/// The versions of all its attempts.
pub fn made_by(db: &Connection, reach: &Reach, id: MessageId) -> rusqlite::Result<Vec<Version>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM attempt a JOIN version v ON v.seq >= a.first_seq AND v.seq < a.first_seq + a.versions \
         WHERE a.message = ?1 ORDER BY v.seq LIMIT ?2"
    );
    let mut rows = db.prepare_cached(&sql)?;
    let mut versions: Vec<Version> =
        rows.query_map(params![id.0, LOG_PAGE_MAX], read_version)?.collect::<Result<_, _>>()?;
    versions.retain(|version| reach.covers(&version.key.kind));
    Ok(versions)
}

fn read_message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        id: MessageId(row.get(0)?),
        source: row.get(1)?,
        control_id: row.get(2)?,
        kind: row.get(3)?,
        received: Time(row.get(4)?),
        event_time: row.get::<_, Option<i64>>(5)?.map(Time),
        trace_id: row.get(6)?,
        raw_bytes: row.get(7)?,
        pruned: !row.get::<_, bool>(8)?,
        attempts: Vec::new(),
    })
}

fn with_attempts(db: &Connection, mut message: Message) -> rusqlite::Result<Message> {
    let sql = "SELECT time, outcome, issues, residue, versions FROM attempt WHERE message = ?1 ORDER BY attempt";
    let mut rows = db.prepare_cached(sql)?;
    message.attempts = rows.query_map([message.id.0], read_attempt)?.collect::<Result<_, _>>()?;
    Ok(message)
}

fn read_attempt(row: &Row<'_>) -> rusqlite::Result<Tried> {
    let text = |at| row.get_ref(at)?.as_blob_or_null()?.map_or(Ok(Vec::new()), unpack);
    let attempt = Attempt { outcome: Outcome::read(row.get(1)?), issues: text(2)?, residue: text(3)? };
    Ok(Tried { time: Time(row.get(0)?), attempt, versions: row.get(4)? })
}
