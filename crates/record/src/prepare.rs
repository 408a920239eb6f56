//! What the caller's thread does before the writer: JSON, compression, index rows.

use fhir::Resource;

use crate::body;
use crate::condition::Marks;
use crate::index::Rows;
use crate::version::{Key, Time};

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
    let key = Key::new(resource.kind(), id);
    Prepared { body: body::of(resource, &key), key, marks: rows.marks(), rows }
}

impl Prepared {
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The JSON that a read shows once this is version `vid` of its resource, committed at `time`.
    pub fn shown(&self, vid: u64, time: Time) -> Vec<u8> {
        let json = body::unpack(&self.body).expect("it was packed here a moment ago");
        body::whole(&json, &self.key, vid, time)
    }

    /// What the writer has to write, about.
    pub(crate) fn bytes(&self) -> usize {
        self.body.len() + self.rows.len() * 24
    }
}
