-- Schema 2: the words of versions, for _text and _content, found by position (rowid is version.seq).
--
-- Filled by a follower of the log (fulltext.rs). No texts are kept here, so a row is removed by saying them again.
CREATE VIRTUAL TABLE fulltext USING fts5(
  div, content, content='', columnsize=0, tokenize='unicode61 remove_diacritics 2'
);
-- What is removed is gone at once and not when its page is next rewritten: an erasure needs it.
INSERT INTO fulltext(fulltext, rank) VALUES ('secure-delete', 1);
