//! Words in what is written (`_text`, `_content`, and `:text` of codes), by the full-text index that a follower of the log
//! keeps ([`crate::fulltext`]).
//!
//! Its rows are found by position and never changed, so that a search sees what its position lets it see. A search by
//! `_text` or `_content` first lets the index follow, and says so where it is still behind; one by `:text` reads what the
//! index does not know.

use fhir::search::{Clause, Criterion, Words};
use fhir::{Issue, IssueType};
use rusqlite::types::Value;

use super::broken;
use super::moment::Moment;
use super::probe::{Entry, Probe};
use crate::error::ReadError;
use crate::fulltext::FOLLOWER;
use crate::read;

/// The positions of versions that hold the words, as SQL.
pub fn positions(words: &Words) -> (String, Vec<Value>) {
    ("SELECT rowid FROM fulltext WHERE fulltext MATCH ?".to_owned(), vec![expression(words).into()])
}

/// What may have a code or reference whose words begin as asked: all that has those words anywhere, and all that the index
/// does not know yet. None where a value does not end in a word.
pub fn beginnings(moment: &Moment<'_>, kind: i64, clause: &Clause) -> rusqlite::Result<Option<Probe>> {
    const TABLE: &str = "(SELECT rowid AS seq FROM fulltext WHERE fulltext MATCH ? \
                         UNION ALL SELECT seq FROM span WHERE kind = ? AND seq > ?)";
    let mut phrases = Vec::with_capacity(clause.values.len());
    for criterion in &clause.values {
        match criterion {
            Criterion::String { normalised, .. } if normalised.ends_with(char::is_alphanumeric) => {
                phrases.push(format!("{} *", quoted(normalised)));
            }
            _ => return Ok(None),
        }
    }
    let cursor = read::cursor(moment.db, FOLLOWER)?.0;
    let values = vec![phrases.join(" OR ").into(), kind.into(), cursor.into()];
    Ok(Some(Probe::new(TABLE, Entry::Many, "1", values)))
}

/// In FTS5's grammar. Every phrase is quoted, so that nothing in it is an operator.
fn expression(words: &Words) -> String {
    let all = |phrases: &Vec<String>| {
        format!("({})", phrases.iter().map(|phrase| quoted(phrase)).collect::<Vec<_>>().join(" AND "))
    };
    let any = words.any_of.iter().map(all).collect::<Vec<_>>().join(" OR ");
    let column = if words.narrative { "div" } else { "{div content}" };
    format!("{column} : ({any})")
}

fn quoted(phrase: &str) -> String {
    format!("\"{}\"", phrase.replace('"', "\"\""))
}

/// What the index of words does not know yet of what the search sees.
pub fn behind(moment: &Moment<'_>) -> Result<Option<Issue>, ReadError> {
    let cursor = read::cursor(moment.db, FOLLOWER).map_err(broken)?.0;
    let text = "the index of words is behind the record: what was written last may be missing; ask again soon";
    Ok((cursor < moment.position).then(|| Issue::warning(IssueType::Transient, "", text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_phrase_is_an_operator() {
        let words = |any_of: &[&[&str]], narrative| Words {
            narrative,
            any_of: any_of.iter().map(|all| all.iter().map(|word| (*word).to_owned()).collect()).collect(),
        };
        assert_eq!(expression(&words(&[&["a", "b c"], &["d"]], true)), r#"div : (("a" AND "b c") OR ("d"))"#);
        assert_eq!(expression(&words(&[&["NEAR(\"x\" *)"]], false)), r#"{div content} : (("NEAR(""x"" *)"))"#);
    }
}
