//! A translation as one Bundle, as `hilum convert` shows it: every resource as if nothing were known before.

use fhir::apply::{self, Applied};
use fhir::{Node, Object, Resource};

use crate::run::Translation;

/// A transaction Bundle that would put these resources: each under its own id, so that sending it twice makes nothing new.
pub fn bundle(translation: Translation<'_>) -> Resource<'_> {
    let mut entries = Vec::with_capacity(translation.planned.len());
    for planned in translation.planned {
        let Applied { mut resource, .. } = apply::apply(None, planned.change);
        apply::complete(&mut resource);
        let address = format!("{}/{}", resource.kind(), resource.id().unwrap_or_default());
        let request = Object { fields: vec![("method", Node::text("PUT")), ("url", Node::text(address))] };
        entries.push(Node::Object(Object {
            fields: vec![("resource", Node::Object(resource.object)), ("request", Node::Object(request))],
        }));
    }
    let mut bundle = Resource::new("Bundle");
    bundle.object.set("type", Node::text("transaction"));
    if !entries.is_empty() {
        bundle.object.set("entry", Node::List(entries));
    }
    bundle
}
