-- Schema 4: what a follower keeps beside its cursor (notes.rs), such as what is in flight or parked.
CREATE TABLE note(
  follower TEXT NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL,
  PRIMARY KEY(follower, name)
) STRICT, WITHOUT ROWID;
