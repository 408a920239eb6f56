//! Words in what is written (`_text`, `_content`), by the full-text index that a follower of the log keeps.
//!
//! The index is the FTS5 table `fulltext(div, content)`, whose rowid is the position of a version: `div` is the text of
//! its narrative, `content` all its texts. A row is never changed, so that a search sees what its position lets it see.
//! Words after the follower's cursor are not there yet, and the answer says so.

use fhir::search::Words;
use fhir::{Issue, IssueType};
use rusqlite::types::Value;

use super::broken;
use super::moment::Moment;
use crate::error::ReadError;
use crate::read;

/// The follower's cursor.
pub const FOLLOWER: &str = "record:fulltext";

/// This store keeps no such index.
pub fn not_there() -> ReadError {
    let text = "_text and _content are not served: this store keeps no index of words";
    ReadError::Unanswerable(Box::new(Issue::error(IssueType::NotSupported, "", text)))
}

/// The positions of versions that hold the words, as SQL; none where the store keeps no such index.
pub fn positions(moment: &Moment<'_>, words: &Words) -> Result<Option<(String, Vec<Value>)>, ReadError> {
    let there = "SELECT 1 FROM sqlite_schema WHERE name = 'fulltext'";
    if !moment.db.prepare_cached(there).and_then(|mut there| there.exists([])).map_err(broken)? {
        return Ok(None);
    }
    let sql = "SELECT rowid FROM fulltext WHERE fulltext MATCH ?".to_owned();
    Ok(Some((sql, vec![expression(words).into()])))
}

/// In FTS5's grammar. Every phrase is quoted, so that nothing in it is an operator.
fn expression(words: &Words) -> String {
    let phrase = |phrase: &String| format!("\"{}\"", phrase.replace('"', "\"\""));
    let all = |phrases: &Vec<String>| format!("({})", phrases.iter().map(phrase).collect::<Vec<_>>().join(" AND "));
    let any = words.any_of.iter().map(all).collect::<Vec<_>>().join(" OR ");
    let column = if words.narrative { "div" } else { "{div content}" };
    format!("{column} : ({any})")
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
