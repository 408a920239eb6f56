-- Schema 3: the search parameters that a site defines itself (own.rs), one row for each type that one can be asked of.
--
-- `id` is the `p` of their index rows and never used twice. state: 0 what is stored is being looked through, 1 can be
-- asked for, 2 no more wanted, its rows are being removed.
CREATE TABLE own_parameter(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL, code TEXT NOT NULL, class TEXT NOT NULL, expression TEXT NOT NULL, targets TEXT NOT NULL,
  url TEXT NOT NULL, state INTEGER NOT NULL
) STRICT;
-- Below are R4's own.
INSERT INTO sqlite_sequence VALUES ('own_parameter', 8191);
