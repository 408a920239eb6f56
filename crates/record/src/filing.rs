//! Storing the message of a commit: its id, its bytes, the attempt and what it made.

use rusqlite::{Connection, OptionalExtension, params};

use crate::commit::CommitError;
use crate::message::{Attempt, NewMessage, Receipt, Replay};
use crate::transaction::Fault;
use crate::version::{MessageId, Time};

/// The id that the message has, or gets if it was never seen.
pub fn claim(db: &Connection, receipt: &Receipt, hash: &[u8; 32]) -> Result<MessageId, Fault> {
    let message = match receipt {
        Receipt::Replay(replay) => {
            let there = "SELECT 1 FROM message WHERE id=?1";
            return match db.prepare_cached(there)?.exists([replay.message.0])? {
                true => Ok(replay.message),
                false => Err(Fault::Said(CommitError::Refused("there is no such message to replay"))),
            };
        }
        Receipt::New(message) => message,
    };
    if let Some(control_id) = &message.control_id {
        let seen = "SELECT id FROM message WHERE control_id=?1 AND source=?2 AND hash=?3";
        let seen: Option<i64> = db
            .prepare_cached(seen)?
            .query_row(params![control_id, message.source, hash], |row| row.get(0))
            .optional()?;
        if let Some(id) = seen {
            return Err(Fault::Said(CommitError::Duplicate(MessageId(id))));
        }
    }
    let next = "SELECT coalesce(max(id), 0) + 1 FROM message";
    Ok(MessageId(db.prepare_cached(next)?.query_row([], |row| row.get(0))?))
}

/// Stores a try with the versions that it made: where they begin and how many.
pub fn attempt(
    db: &Connection,
    receipt: &Receipt,
    id: MessageId,
    now: Time,
    made: (i64, usize),
) -> rusqlite::Result<()> {
    let (number, raw, patients, attempt) = match receipt {
        Receipt::New(message) => (1, Some(&message.raw), &message.patients, &message.attempt),
        Receipt::Replay(replay) => (again(db, replay)?, replay.mended.as_ref(), &replay.patients, &replay.attempt),
    };
    if let Some(raw) = raw {
        db.prepare_cached("INSERT INTO message_body VALUES (?,?,?)")?.execute(params![id.0, number, raw])?;
    }
    for patient in patients {
        let find = "INSERT OR IGNORE INTO message_patient VALUES (?,?)";
        db.prepare_cached(find)?.execute(params![patient, id.0])?;
    }
    let Attempt { outcome, issues, residue } = attempt;
    db.prepare_cached("INSERT INTO attempt VALUES (?,?,?,?,?,?,?,?)")?.execute(params![
        id.0,
        number,
        now.0,
        outcome.code(),
        (!issues.is_empty()).then_some(issues),
        (!residue.is_empty()).then_some(residue),
        made.0,
        made.1,
    ])?;
    Ok(())
}

pub fn arrival(
    db: &Connection,
    id: MessageId,
    message: &NewMessage,
    hash: &[u8; 32],
    raw_bytes: usize,
) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO message VALUES (?,?,?,?,?,?,?,?,?,?)")?.execute(params![
        id.0,
        message.source,
        message.control_id,
        message.kind,
        message.received.0,
        message.event_time.map(|time| time.0),
        message.trace_id,
        hash,
        raw_bytes,
        message.attempt.outcome.code(),
    ])?;
    Ok(())
}

/// The number of a further attempt, whose outcome becomes the message's.
fn again(db: &Connection, replay: &Replay) -> rusqlite::Result<i64> {
    let outcome = replay.attempt.outcome.code();
    db.prepare_cached("UPDATE message SET outcome=?2 WHERE id=?1")?.execute(params![replay.message.0, outcome])?;
    let next = "SELECT coalesce(max(attempt), 0) + 1 FROM attempt WHERE message=?1";
    db.prepare_cached(next)?.query_row([replay.message.0], |row| row.get(0))
}
