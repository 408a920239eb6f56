//! What the caller's thread does before the writer: JSON, compression, index rows.

use fhir::Resource;

use crate::body;
use crate::condition::Marks;
use crate::index::Rows;
use crate::version::Key;

/// A resource ready to be written.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub(crate) key: Key,
    pub(crate) body: Vec<u8>,
    pub(crate) rows: Box<Rows>,
    pub(crate) marks: Marks,
}

/// Makes ready what `fhir` accepted. `meta.versionId` and `meta.lastUpdated` are left out: the log gives them.
///
/// # Panics
/// If the resource has no id: every stored resource has one before it comes here.
pub fn prepare(resource: &Resource<'_>) -> Prepared {
    let id = resource.id().expect("a resource has its id before it is stored");
    let rows = Box::new(Rows::of(resource));
    Prepared {
        key: Key::new(resource.kind(), id),
        body: body::pack(&body::canonical(resource), true),
        marks: rows.marks(),
        rows,
    }
}

impl Prepared {
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// What the writer has to write, about.
    pub(crate) fn bytes(&self) -> usize {
        self.body.len() + self.rows.len() * 24
    }
}
