//! Where a resource is at home, and what it is called elsewhere.
//!
//! A node's resources are replicas at others, under an id that everybody computes alike from the home's name, the type and the
//! id at home. Which version of the home a replica shows stands in `meta.source`: `urn:hilum:NODE:Patient:17:3`.

use std::fmt;

use fhir::reference::is_id;
use fhir::{Node, Resource};
use record::{Key, Version};
use sha2::{Digest, Sha256};

/// What the origin of a version begins with that another node sent; its name follows.
const ORIGIN: &str = "hilum:";
/// The follower under whose name the record keeps which version of its home a deleted replica was, as a [`Source`].
pub const TOMBSTONES: &str = "sync tombstones";
const SOURCE: &str = "urn:hilum:";
const REPLICA: &str = "h-";
/// Hexadecimal digits of a node's name, and of a replica's id.
const NODE_DIGITS: usize = 16;
const REPLICA_DIGITS: usize = 40;

/// A version, as its home names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub node: String,
    pub key: Key,
    pub version: u64,
}

impl Source {
    /// Reads `meta.source`; none where it is nobody's or another system's.
    pub fn read(text: &str) -> Option<Source> {
        let mut parts = text.strip_prefix(SOURCE)?.split(':');
        let (node, kind, id, version) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let sound = parts.next().is_none() && is_node(node) && is_id(id) && fhir::search::resource_name(kind).is_some();
        let version = version.parse().ok().filter(|version| *version > 0)?;
        sound.then(|| Source { node: node.to_owned(), key: Key::new(kind, id), version })
    }

    /// Where the resource is at home; none where that is here.
    pub fn of(resource: &Resource<'_>) -> Option<Source> {
        Source::read(resource.get("meta")?.as_object()?.str("source")?)
    }

    /// The same of a stored version; none of a delete, which says nothing.
    pub fn of_version(version: &Version) -> Option<Source> {
        Source::of(&fhir::json::read(version.body.as_deref()?).ok()?)
    }

    /// What the resource is called away from home.
    pub fn replica(&self) -> Key {
        let name = format!("{}:{}", self.node, self.key);
        Key::new(self.key.kind.clone(), format!("{REPLICA}{}", digits(name.as_bytes(), REPLICA_DIGITS)))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{SOURCE}{}:{}:{}:{}", self.node, self.key.kind, self.key.id, self.version)
    }
}

/// The name of the node with this key: the same as long as its store lives.
pub fn node_name(id_key: &[u8; 32]) -> String {
    digits(&[b"the name of a node".as_slice(), id_key].concat(), NODE_DIGITS)
}

pub fn is_node(text: &str) -> bool {
    is_hex(text, NODE_DIGITS)
}

/// Whether an id is that of a replica; nothing else may be called so.
pub fn is_replica(id: &str) -> bool {
    id.strip_prefix(REPLICA).is_some_and(|digits| is_hex(digits, REPLICA_DIGITS))
}

/// The origin of what a node sent.
pub fn origin(node: &str) -> String {
    format!("{ORIGIN}{node}")
}

/// The node that an origin names; none for all other senders.
pub fn node_of(origin: &str) -> Option<&str> {
    origin.strip_prefix(ORIGIN)
}

/// Marks a resource with where it is at home.
pub fn mark(resource: &mut Resource<'static>, source: &Source) {
    let mut meta = match resource.object.remove("meta") {
        Some(Node::Object(meta)) => meta,
        _ => fhir::Object::default(),
    };
    for name in ["versionId", "lastUpdated"] {
        meta.remove(name);
    }
    meta.set("source", Node::text(source.to_string()));
    resource.object.set("meta", Node::Object(meta));
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn digits(of: &[u8], count: usize) -> String {
    let hash = Sha256::digest(of);
    hash.iter().take(count / 2).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_read_as_it_is_written() {
        let node = node_name(&[7; 32]);
        let source = Source { node, key: Key::new("Patient", "a.b-1"), version: 3 };
        assert_eq!(Source::read(&source.to_string()), Some(source.clone()));
        assert!(is_replica(&source.replica().id) && is_id(&source.replica().id));
        let other = Source { node: node_name(&[8; 32]), ..source.clone() };
        assert_ne!(other.replica(), source.replica());
        let later = Source { version: 4, ..source.clone() };
        assert_eq!(later.replica(), source.replica());
    }

    #[test]
    fn what_is_no_source_is_none() {
        for text in [
            "",
            "urn:hilum:",
            "https://example.org/x#1",
            "urn:hilum:0011223344556677:Patient:17",
            "urn:hilum:0011223344556677:Patient:17:0",
            "urn:hilum:0011223344556677:Patient:17:1:2",
            "urn:hilum:0011223344556677:Nobody:17:1",
            "urn:hilum:0011223344556677:Patient:a b:1",
            "urn:hilum:THERE:Patient:17:1",
        ] {
            assert_eq!(Source::read(text), None, "{text}");
        }
    }
}
