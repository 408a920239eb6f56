-- Schema 1. A step that was released is never edited; the next change is a file of its own.
--
-- Positions are `seq`: the rowid of `version`, given by the one writer, never used twice.
-- `kind` numbers the resource types in the order of their first use. `p` is fhir::search::ParameterId.
-- `h`, `s`, `c`, `u` are hashes (hash.rs); a match by hash is checked against the body before it is shown.

CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE kind(kind INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

-- The log. Only an erasure changes a row.
CREATE TABLE version(
  seq INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  id TEXT NOT NULL,
  vid INTEGER NOT NULL,
  method INTEGER NOT NULL,
  tx INTEGER NOT NULL,
  time INTEGER NOT NULL,
  origin TEXT NOT NULL,
  message INTEGER,
  source_time INTEGER,
  groups BLOB,
  state BLOB,
  body BLOB
) STRICT;

-- Every version of every id. The greatest vid is the current one, so a separate current table would say it twice.
CREATE TABLE resource(
  kind INTEGER NOT NULL, id TEXT NOT NULL, vid INTEGER NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (kind, id, vid)
) STRICT, WITHOUT ROWID;

-- From where to where a version is visible: seq <= position < until. NULL: still. A delete is never visible: until = seq.
CREATE TABLE span(
  kind INTEGER NOT NULL, seq INTEGER NOT NULL, until INTEGER,
  PRIMARY KEY (kind, seq)
) STRICT, WITHOUT ROWID;

-- Versions whose index rows are still to be trimmed.
CREATE TABLE superseded(
  until INTEGER NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (until, seq)
) STRICT, WITHOUT ROWID;

-- The search index, one row a value. What is compared by range is also found by version, so that a plan which has its
-- candidates from elsewhere can check them and sort them.
CREATE TABLE token(
  p INTEGER NOT NULL, h INTEGER NOT NULL, seq INTEGER NOT NULL, s INTEGER NOT NULL,
  PRIMARY KEY (p, h, seq, s)
) STRICT, WITHOUT ROWID;

-- References, canonicals and uris.
CREATE TABLE reference(
  p INTEGER NOT NULL, h INTEGER NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (p, h, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE date(
  p INTEGER NOT NULL, low INTEGER NOT NULL, seq INTEGER NOT NULL, high INTEGER NOT NULL,
  PRIMARY KEY (p, low, seq, high)
) STRICT, WITHOUT ROWID;
CREATE INDEX date_seq ON date(seq);

-- `exact` is empty where it is the same as `text`.
CREATE TABLE string(
  p INTEGER NOT NULL, text TEXT NOT NULL, seq INTEGER NOT NULL, exact TEXT NOT NULL,
  PRIMARY KEY (p, text, seq, exact)
) STRICT, WITHOUT ROWID;
CREATE INDEX string_seq ON string(seq);

CREATE TABLE number(
  p INTEGER NOT NULL, low REAL NOT NULL, seq INTEGER NOT NULL, high REAL NOT NULL,
  PRIMARY KEY (p, low, seq, high)
) STRICT, WITHOUT ROWID;
CREATE INDEX number_seq ON number(seq);

-- s: the unit's system and code; c: its code; u: what is printed. `||mg` asks for either of the last two.
CREATE TABLE quantity(
  p INTEGER NOT NULL, low REAL NOT NULL, seq INTEGER NOT NULL, high REAL NOT NULL,
  s INTEGER NOT NULL, c INTEGER NOT NULL, u INTEGER NOT NULL,
  PRIMARY KEY (p, low, seq, high, s, c, u)
) STRICT, WITHOUT ROWID;
CREATE INDEX quantity_seq ON quantity(seq);

-- Members of snapshot lists (safety.md 5); h is the caller's.
CREATE TABLE member(
  kind INTEGER NOT NULL, h INTEGER NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (kind, h, seq)
) STRICT, WITHOUT ROWID;

-- One resource stands for another: from `since` to before `until`. why: 0 alias, 1 merged.
CREATE TABLE redirect(
  kind INTEGER NOT NULL, prior TEXT NOT NULL, since INTEGER NOT NULL,
  survivor TEXT NOT NULL, why INTEGER NOT NULL, until INTEGER,
  PRIMARY KEY (kind, prior, since)
) STRICT, WITHOUT ROWID;
CREATE INDEX redirect_survivor ON redirect(kind, survivor);

-- What sources sent. outcome is that of the last attempt.
CREATE TABLE message(
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  control_id TEXT,
  kind TEXT NOT NULL,
  received INTEGER NOT NULL,
  event_time INTEGER,
  trace_id TEXT NOT NULL,
  hash BLOB NOT NULL,
  raw_bytes INTEGER NOT NULL,
  outcome INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX message_once ON message(control_id, source, hash) WHERE control_id IS NOT NULL;
CREATE INDEX message_received ON message(received);
CREATE INDEX message_open ON message(outcome) WHERE outcome <> 0;

-- The bytes: attempt 1 as they came, a later number as they were mended for that attempt. Gone after pruning.
CREATE TABLE message_body(
  message INTEGER NOT NULL, attempt INTEGER NOT NULL, raw BLOB NOT NULL,
  PRIMARY KEY (message, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempt(
  message INTEGER NOT NULL, attempt INTEGER NOT NULL, time INTEGER NOT NULL, outcome INTEGER NOT NULL,
  issues BLOB, residue BLOB, first_seq INTEGER NOT NULL, versions INTEGER NOT NULL,
  PRIMARY KEY (message, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE message_patient(
  patient TEXT NOT NULL, message INTEGER NOT NULL,
  PRIMARY KEY (patient, message)
) STRICT, WITHOUT ROWID;

-- Followers of the log.
CREATE TABLE cursor(name TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT, WITHOUT ROWID;
