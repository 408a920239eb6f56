//! Golden Patients: the one record of a person over those of several sources, written by identity alone.
//!
//! A golden Patient is a resource like any other, with a `link` of type `seealso` to each of its sources. A reference to it
//! means all of them: whoever searches by it finds what is filed under each, as its version of that moment has them. It is
//! known by its id, so that nothing has to be read to know that an ordinary Patient is none.

use fhir::reference::{Literal, literal};
use fhir::{Node, Resource};
use rusqlite::Connection;

use crate::read;
use crate::version::{Key, Position};
use consent::Reach;

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
