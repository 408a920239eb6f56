//! What an access reaches, as a part of every plan.

use consent::Reach;
use rusqlite::types::Value;

/// The predicate that an access lowers to, over `version` as `v`.
pub fn predicate(reach: &Reach) -> (String, Vec<Value>) {
    match reach {
        Reach::Nothing => ("0".to_owned(), Vec::new()),
        Reach::Everything => ("1".to_owned(), Vec::new()),
        Reach::Kinds(kinds) => {
            let marks = vec!["?"; kinds.len()].join(",");
            let values = kinds.iter().map(|kind| Value::from(kind.clone())).collect();
            (format!("v.kind IN (SELECT kind FROM kind WHERE name IN ({marks}))"), values)
        }
    }
}
