//! Golden Patients: the one record of a person over those of several sources, written by identity alone.
//!
//! A golden Patient is a resource like any other, with a `link` of type `seealso` to each of its sources. A reference to it
//! means all of them: whoever searches by it finds what is filed under each, as its version of that moment has them. It is
//! known by its id, so that nothing has to be read to know that an ordinary Patient is none.
//!
//! A search finds it where it names it: by `_id`, `link`, `_tag`, or in its own compartment. Any other finds the sources, so that
//! whoever looks for an identifier finds who has it, and a conditional create is not kept from its one answer.

use fhir::reference::{Literal, literal};
use fhir::search::{Clause, Filter, Relation, table};
use fhir::{Node, Resource};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::version::{Key, Position};
use crate::{hash, read};
use consent::Reach;

/// System and code of the tag that marks one.
pub const GOLDEN_TAG: (&str, &str) = ("urn:hilum:identity", "golden");

const PREFIX: &str = "golden-";
/// Letters of the hash in the id.
const HASH: usize = 32;
/// Sources of one person. More are taken for an error and not followed.
pub const SOURCES_MAX: usize = 256;

impl Key {
    /// The key of a golden Patient, from 16 bytes that name the person.
    pub fn golden(name: [u8; 16]) -> Key {
        let hash: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        Key::new("Patient", format!("{PREFIX}{hash}"))
    }

    /// Whether it is the key of a golden Patient, which identity alone writes.
    pub fn is_golden(&self) -> bool {
        is_golden(&self.kind, &self.id)
    }
}

pub fn is_golden(kind: &str, id: &str) -> bool {
    let hash = |rest: &str| rest.len() == HASH && rest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    kind == "Patient" && id.strip_prefix(PREFIX).is_some_and(hash)
}

/// The ids of the Patients that a golden one refers to as its sources.
pub fn sources_of(golden: &Resource<'_>) -> Vec<String> {
    let links = golden.object.items("link").iter().filter_map(Node::as_object);
    let sources = links.filter(|link| link.str("type") == Some("seealso")).filter_map(|link| {
        match literal(link.get("other")?.as_object()?.str("reference")?)? {
            Literal::Local { kind: "Patient", id, .. } => Some(id.to_owned()),
            _ => None,
        }
    });
    sources.take(SOURCES_MAX).collect()
}

/// The condition that a version, of `span` as `s`, is no golden Patient; none where the filter names them, or there are none.
pub fn left_out(db: &Connection, filter: &Filter) -> rusqlite::Result<Option<(String, Vec<Value>)>> {
    let names = |clause: &Clause| matches!(clause.parameter.code, "_id" | "link" | "_tag");
    let within = |of: &Relation| matches!(of, Relation::Within { kind, id } if is_golden(kind, id));
    if filter.kind != "Patient" || filter.clauses.iter().any(names) || filter.relations.iter().any(within) {
        return Ok(None);
    }
    let tag = table().find("Patient", "_tag").expect("every type has it").id.0;
    let values =
        vec![Value::from(tag), hash::code_hash(GOLDEN_TAG.1).into(), hash::system_hash(Some(GOLDEN_TAG.0)).into()];
    let any = "SELECT 1 FROM token WHERE p = ?1 AND h = ?2 AND s = ?3 LIMIT 1";
    if !db.prepare_cached(any)?.exists(params_from_iter(&values))? {
        return Ok(None);
    }
    let sql = "NOT EXISTS (SELECT 1 FROM token WHERE p = ? AND h = ? AND s = ? AND seq = s.seq)";
    Ok(Some((sql.to_owned(), values)))
}

/// The sources that the golden Patient of this id has at a position; none where it is no golden one, or deleted.
pub fn sources(db: &Connection, kind: &str, id: &str, position: i64) -> rusqlite::Result<Vec<String>> {
    if !is_golden(kind, id) {
        return Ok(Vec::new());
    }
    let key = Key::new(kind, id);
    let found = read::current(db, &Reach::Everything, &[key], Position(position))?;
    let body = found.into_iter().flatten().next().and_then(|version| version.body);
    let resource = body.as_deref().and_then(|body| fhir::json::read(body).ok());
    Ok(resource.map(|golden| sources_of(&golden)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_golden_patient_is_known_by_its_id() {
        let key = Key::golden([0xab; 16]);
        assert!(key.is_golden(), "{key}");
        for (kind, id) in [
            ("Person", key.id.as_str()),
            ("Patient", "golden-1"),
            ("Patient", "golden-ABABABABABABABABABABABABABABABAB"),
            ("Patient", &key.id[1..]),
        ] {
            assert!(!is_golden(kind, id), "{kind}/{id}");
        }
    }
}
