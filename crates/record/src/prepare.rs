//! What the caller's thread does before the writer: JSON, compression, index rows.

use std::sync::Arc;

use fhir::Resource;
use fhir::search::Registry;

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
    /// By which its rows were made.
    pub(crate) registry: Arc<Registry>,
}

/// Makes ready what `fhir` accepted. `meta.versionId` and `meta.lastUpdated` are left out: the log gives them.
///
/// # Panics
/// If the resource has no id: every stored resource has one before it comes here.
pub fn prepare(resource: &Resource<'_>, registry: &Arc<Registry>) -> Prepared {
    let id = resource.id().expect("a resource has its id before it is stored");
    let rows = Box::new(Rows::of(resource, registry));
    let key = Key::new(resource.kind(), id);
    Prepared { body: body::of(resource, &key), key, marks: rows.marks(), rows, registry: Arc::clone(registry) }
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

    /// Makes the rows anew where the search parameters in force are others than when it was prepared.
    pub(crate) fn refresh(&mut self, registry: &Arc<Registry>) {
        if self.registry.extracts_as(registry) {
            return;
        }
        let json = self.shown(1, Time::default());
        let resource = fhir::json::read(&json).expect("it was a resource when it was prepared");
        *self.rows = Rows::of(&resource, registry);
        self.marks = self.rows.marks();
        self.registry = Arc::clone(registry);
    }

    /// What the writer has to write, about.
    pub(crate) fn bytes(&self) -> usize {
        self.body.len() + self.rows.len() * 24
    }
}
