//! What is sent at once: a Bundle as it stands, or resources of files put together.

use std::collections::HashSet;

use fhir::{Node, Object, Resource};

/// Resources that are put in one transaction, and the bytes after which no more are added.
pub const RESOURCES_MAX: usize = 200;
pub const BYTES_MAX: usize = 4 * 1024 * 1024;

pub enum Parcel {
    /// A transaction or batch, and which of its entries store something.
    Whole { place: String, bytes: Vec<u8>, stores: Vec<bool> },
    /// Each put by itself.
    Puts(Vec<Put>),
}

/// One resource and where it was read.
pub struct Put {
    pub place: String,
    /// `Patient/1`
    pub url: String,
    pub resource: Vec<u8>,
}

/// How an entry of several is to be taken: all or none, or each for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Together {
    Transaction,
    Batch,
}

/// The Bundle that puts these resources.
pub fn bundle(puts: &[Put], together: Together) -> Vec<u8> {
    let kind = match together {
        Together::Transaction => "transaction",
        Together::Batch => "batch",
    };
    let size = puts.iter().map(|put| put.resource.len() + 128).sum::<usize>();
    let mut bytes = Vec::with_capacity(size);
    bytes.extend_from_slice(format!(r#"{{"resourceType":"Bundle","type":"{kind}","entry":["#).as_bytes());
    for (at, put) in puts.iter().enumerate() {
        bytes.extend_from_slice(if at == 0 { br#"{"resource":"# } else { br#",{"resource":"# });
        bytes.extend_from_slice(&put.resource);
        // A type and an id need no escape.
        bytes.extend_from_slice(format!(r#","request":{{"method":"PUT","url":"{}"}}}}"#, put.url).as_bytes());
    }
    bytes.extend_from_slice(b"]}");
    bytes
}

/// Collects resources until there are enough for a transaction.
#[derive(Default)]
pub struct Collector {
    puts: Vec<Put>,
    bytes: usize,
    urls: HashSet<String>,
}

impl Collector {
    /// Adds one; what was collected before it is given out where that is enough, or has the same resource, which a
    /// transaction must not have twice.
    pub fn add(&mut self, put: Put) -> Option<Parcel> {
        let full = self.puts.len() >= RESOURCES_MAX || self.bytes + put.resource.len() > BYTES_MAX;
        let parcel = if full || self.urls.contains(&put.url) { self.take() } else { None };
        self.bytes += put.resource.len();
        self.urls.insert(put.url.clone());
        self.puts.push(put);
        parcel
    }

    pub fn take(&mut self) -> Option<Parcel> {
        self.bytes = 0;
        self.urls.clear();
        let puts = std::mem::take(&mut self.puts);
        (!puts.is_empty()).then_some(Parcel::Puts(puts))
    }
}

/// What is to be done with a document that was read.
pub enum Content {
    Parcel(Parcel),
    Puts(Vec<Put>),
}

/// Takes a document apart: a Bundle that asks for something is sent as it is, one that only holds resources becomes
/// puts, and any other resource is one.
pub fn content(resource: &Resource<'_>, bytes: &[u8], place: &str) -> Result<Content, String> {
    if resource.kind() != "Bundle" {
        return put(&resource.object, bytes.to_vec(), place.to_owned()).map(|put| Content::Puts(vec![put]));
    }
    let entries = resource.object.items("entry");
    match resource.str("type") {
        Some("transaction" | "batch") => {
            let stores = entries.iter().map(stores).collect();
            Ok(Content::Parcel(Parcel::Whole { place: place.to_owned(), bytes: bytes.to_vec(), stores }))
        }
        Some("collection" | "searchset") => held(entries, place),
        Some(kind) => Err(format!("a Bundle of type {kind} is neither a request nor a collection of resources")),
        None => Err("a Bundle without a type".to_owned()),
    }
}

/// A request may also read, or delete.
fn stores(entry: &Node<'_>) -> bool {
    let request = entry.as_object().and_then(|entry| entry.get("request")).and_then(Node::as_object);
    request.is_some_and(|request| matches!(request.str("method"), Some("POST" | "PUT" | "PATCH")))
}

/// The resources of a collection. Where entries are known by `urn:uuid:` they may refer to each other by that, which
/// only the server can resolve, and only within one transaction.
fn held(entries: &[Node<'_>], place: &str) -> Result<Content, String> {
    let objects = || entries.iter().filter_map(Node::as_object).enumerate();
    let entangled = objects().any(|(_, entry)| entry.str("fullUrl").is_some_and(|url| url.starts_with("urn:")));
    if entangled {
        return Ok(Content::Parcel(transaction(entries, place)?));
    }
    let mut puts = Vec::with_capacity(entries.len());
    for (at, entry) in objects() {
        let Some(Node::Object(resource)) = entry.get("resource").filter(|_| !is_talk(entry)) else { continue };
        puts.push(put(resource, written(resource), format!("{place}: entry[{at}]"))?);
    }
    Ok(Content::Puts(puts))
}

/// A search says something about itself in entries of this mode.
fn is_talk(entry: &Object<'_>) -> bool {
    let search = entry.get("search").and_then(Node::as_object);
    search.is_some_and(|search| search.str("mode") == Some("outcome"))
}

fn transaction(entries: &[Node<'_>], place: &str) -> Result<Parcel, String> {
    let mut bundle = Resource::new("Bundle");
    bundle.object.set("type", Node::text("transaction"));
    let mut count = 0;
    for entry in entries.iter().filter_map(Node::as_object) {
        let Some(Node::Object(resource)) = entry.get("resource").filter(|_| !is_talk(entry)) else { continue };
        let kind = resource.str("resourceType").unwrap_or_default();
        let (method, url) = match resource.str("id") {
            Some(id) => ("PUT", format!("{kind}/{id}")),
            None => ("POST", kind.to_owned()),
        };
        let mut request = Object::default();
        request.set("method", Node::text(method));
        request.set("url", Node::text(url));
        let mut made = Object::default();
        for name in ["fullUrl", "resource"] {
            if let Some(node) = entry.get(name) {
                made.set(name, node.clone());
            }
        }
        made.set("request", Node::Object(request));
        bundle.object.push("entry", Node::Object(made));
        count += 1;
    }
    if count == 0 {
        return Err("a Bundle without resources".to_owned());
    }
    let mut bytes = Vec::new();
    fhir::json::write(&bundle, &mut bytes);
    Ok(Parcel::Whole { place: place.to_owned(), bytes, stores: vec![true; count] })
}

/// One resource, to be put where its id says.
pub fn put(object: &Object<'_>, resource: Vec<u8>, place: String) -> Result<Put, String> {
    let kind = object.str("resourceType").unwrap_or_default();
    match object.str("id") {
        Some(id) => Ok(Put { url: format!("{kind}/{id}"), place, resource }),
        None => Err(format!("a {kind} without an id, so there is no place to put it")),
    }
}

fn written(object: &Object<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    fhir::json::write_node(&Node::Object(object.clone()), &mut bytes);
    bytes
}
