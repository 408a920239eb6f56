//! A version of the log as the engine sees it: how it is called, with whom it travels, where it came from.

use std::hash::{DefaultHasher, Hash, Hasher};

use record::{Position, Version};

use crate::engine::{Item, What};
use crate::home::{self, Source};

/// Types that stay where they were written: decisions and settings of this node.
const AT_HOME: [&str; 8] = [
    "AuditEvent",
    "CapabilityStatement",
    "Linkage",
    "OperationDefinition",
    "SearchParameter",
    "StructureDefinition",
    "Subscription",
    "Task",
];

/// Whether resources of this type stay where they were written.
pub fn stays_at_home(kind: &str) -> bool {
    AT_HOME.contains(&kind)
}

/// A position as a number, which the engine counts with.
pub fn number(position: Position) -> u64 {
    position.to_string().parse().expect("positions are numbers")
}

pub fn position(number: u64) -> Position {
    number.to_string().parse().unwrap_or(Position::END)
}

/// `types` are those that the peer gets; none means all.
pub fn item(version: &Version, is_newest: bool, types: &[String]) -> Item {
    let resource = version.body.as_deref().and_then(|body| fhir::json::read(body).ok());
    let origin = home::node_of(&version.origin).map(str::to_owned);
    let source = resource.as_ref().and_then(Source::of).filter(|source| source.replica() == version.key);
    // Of what is deleted only its home may say so.
    let home = if version.is_deleted() { origin.clone() } else { source.map(|source| source.node) };
    let patient = resource.as_ref().and_then(|resource| {
        let patients = fhir::compartment::patients(resource);
        patients.first().map(|id| format!("Patient/{id}"))
    });
    let key = version.key.to_string();
    let kind = version.key.kind.as_str();
    let stays = !is_newest
        || version.key.is_golden()
        || stays_at_home(kind)
        || (!types.is_empty() && !types.iter().any(|wanted| wanted == kind))
        || (resource.is_none() && !version.is_deleted());
    Item {
        position: number(version.position),
        version: version.vid,
        lane: hash(patient.as_ref().unwrap_or(&key)),
        what: match version.is_deleted() {
            _ if stays => What::Stays,
            true => What::Delete,
            false => What::Put,
        },
        origin,
        home,
        digest: resource.map_or(0, digest),
        key,
    }
}

/// Of what the resource says, without what every server puts in.
fn digest(mut resource: fhir::Resource<'_>) -> u64 {
    if let Some(fhir::Node::Object(meta)) = resource.object.get_mut("meta") {
        for name in ["versionId", "lastUpdated", "source"] {
            meta.remove(name);
        }
    }
    let mut body = Vec::new();
    fhir::json::write(&resource, &mut body);
    hash(&body)
}

fn hash(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}
