//! `GET /hilum/digests`: what this store holds, as a tree of digests by which another finds in few questions where the two differ.
//!
//! A resource's digest is the SHA-256 of its canonical JSON: without `meta.versionId`, `meta.lastUpdated` and `meta.source`, which are
//! each store's own, with the elements of every object in the order of their names, decimals as written. Its place in the tree
//! is the type and then the SHA-256 of its id, a hexadecimal digit a level. A subtree's digest is the sum of its resources', so
//! that their order says nothing.
//!
//! Golden Patients and identity's decisions are each store's own word on what it holds, and are not in it.
//!
//! The tree is in memory, made of the log when it is first asked for, and follows it when it is asked again: some 60 bytes a
//! resource. Until it has come to the end of the log the answer is 503, as half a tree would be a difference.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::Query;
use consent::Reach;
use fhir::{Node, Object, Resource};
use identity::linkage::is_decision;
use record::{Key, Position, Version};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::sync::Mutex;

use crate::http::{Ask, Failure, Kind};

mod tree;

use tree::{Answer, Prefix, Tree};

/// Prefixes of one question.
const PREFIXES_MAX: usize = 64;
/// Versions that the tree follows at once, and batches of one question.
const BATCH: usize = 2_000;
const BATCHES_MAX: usize = 20;

/// The tree, shared by all who ask.
#[derive(Clone, Default)]
pub struct Digests(Arc<Mutex<Tree>>);

#[derive(Deserialize)]
pub struct Asked {
    /// `Patient/` or `Patient/3f`, several with commas; without one, the types.
    prefix: Option<String>,
}

pub async fn show(ask: Ask, asked: Query<Asked>) -> Result<HttpResponse, Failure> {
    // A digest of a type says something of what one may not see.
    if *ask.access.read() != Reach::Everything {
        return Err(Failure::new(
            Kind::Forbidden,
            "the digests tell of everything; the policy does not let you read that",
        ));
    }
    let asked = asked.into_inner().prefix.unwrap_or_default();
    let prefixes: Option<Vec<Prefix>> =
        if asked.is_empty() { Some(Vec::new()) } else { asked.split(',').map(Prefix::read).collect() };
    let prefixes = prefixes.filter(|prefixes| prefixes.len() <= PREFIXES_MAX).ok_or_else(|| {
        Failure::new(
            Kind::Invalid,
            "prefix must be a type, a / and hexadecimal digits, such as Patient/3f; 64 of them at most",
        )
    })?;
    let mut tree = ask.app.digests.0.lock().await;
    let (position, end) = follow(&ask, &mut tree).await?;
    if position < end {
        let body = json!({ "position": position.to_string(), "end": end.to_string() }).to_string();
        let mut response = HttpResponse::build(StatusCode::SERVICE_UNAVAILABLE);
        return Ok(response.insert_header((RETRY_AFTER, "0")).content_type("application/json").body(body));
    }
    let mut subtrees = Map::new();
    if prefixes.is_empty() {
        subtrees.insert(String::new(), tree.types().into_iter().map(|(name, sum)| (name, json!(sum))).collect());
    }
    for prefix in &prefixes {
        subtrees.insert(prefix.to_string(), shown(&ask, tree.below(prefix)).await?);
    }
    drop(tree);
    let body = json!({ "position": position.to_string(), "subtrees": subtrees }).to_string();
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
}

/// Subtrees by their next digit, or resources by their id.
async fn shown(ask: &Ask, answer: Answer) -> Result<Value, Failure> {
    match answer {
        Answer::Subtrees(list) => {
            Ok(list.into_iter().map(|(digit, sum)| (digit, json!(sum))).collect::<Map<_, _>>().into())
        }
        Answer::Leaves(leaves) => {
            let mut ids = Vec::new();
            for leaf in leaves {
                // The log has it where the tree found it.
                let (found, _) = ask.app.record.log(&ask.access, leaf.after, 1).await?;
                ids.extend(found.into_iter().next().map(|version| json!([version.key.id, leaf.digest()])));
            }
            Ok(json!({ "resources": ids }))
        }
    }
}

/// Brings the tree to the end of the log, or nearer.
async fn follow(ask: &Ask, tree: &mut Tree) -> Result<(Position, Position), Failure> {
    let record = &ask.app.record;
    let end = record.position().await?;
    for _ in 0..BATCHES_MAX {
        if tree.position >= end {
            break;
        }
        let (versions, seen) = record.log(&ask.access, tree.position, BATCH).await?;
        let digests = actix_web::web::block(move || {
            let of = |version: Version| (version.body.as_deref().and_then(digest), version.position, version.key);
            versions.into_iter().map(of).collect::<Vec<_>>()
        });
        let digests = digests.await;
        let digests = digests.map_err(|_| Failure::new(Kind::Busy, "more is asked for than there are threads"))?;
        let mut after = tree.position;
        for (digest, position, key) in digests {
            if !key.is_golden() && !is_decision(&key) {
                tree.put(&key, digest, after);
            }
            after = position;
        }
        tree.position = seen;
    }
    Ok((tree.position, end))
}

/// The digest of a resource; none where it cannot be read.
pub fn digest(json: &[u8]) -> Option<[u8; 32]> {
    let mut resource = fhir::json::read(json).ok()?;
    let is_left = match resource.object.get_mut("meta") {
        Some(Node::Object(meta)) => {
            let own = ["versionId", "_versionId", "lastUpdated", "_lastUpdated", "source", "_source"];
            meta.fields.retain(|(name, _)| !own.contains(name));
            !meta.is_empty()
        }
        _ => true,
    };
    if !is_left {
        resource.object.remove("meta");
    }
    sort(&mut resource.object);
    let mut canonical = Vec::with_capacity(json.len());
    fhir::json::write(&Resource { object: resource.object }, &mut canonical);
    Some(Sha256::digest(&canonical).into())
}

fn sort(object: &mut Object<'_>) {
    object.fields.sort_by_key(|(name, _)| *name);
    for (_, node) in &mut object.fields {
        sort_node(node);
    }
}

fn sort_node(node: &mut Node<'_>) {
    match node {
        Node::Object(object) => sort(object),
        Node::List(items) => items.iter_mut().for_each(sort_node),
        _ => {}
    }
}

/// Where an id stands in its type.
fn place(key: &Key) -> u64 {
    let hash = Sha256::digest(key.id.as_bytes());
    u64::from_be_bytes(hash[..8].try_into().expect("a SHA-256 has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::digest;

    #[test]
    fn a_digest_is_of_what_is_said_and_not_of_how() {
        let one = r#"{"resourceType":"Patient","id":"a","meta":{"versionId":"1","lastUpdated":"2026-01-01T00:00:00Z","source":"x"},"active":true,"name":[{"family":"Doe","given":["J"]}]}"#;
        for (other, same) in [
            (r#"{"resourceType":"Patient","id":"a","name":[{"given":["J"],"family":"Doe"}],"active":true}"#, true),
            (
                r#"{"resourceType":"Patient","id":"a","meta":{"versionId":"7"},"active":true,"name":[{"family":"Doe","given":["J"]}]}"#,
                true,
            ),
            (r#"{"resourceType":"Patient","id":"a","active":false,"name":[{"family":"Doe","given":["J"]}]}"#, false),
            (
                r#"{"resourceType":"Patient","id":"a","meta":{"tag":[{"code":"x"}]},"active":true,"name":[{"family":"Doe","given":["J"]}]}"#,
                false,
            ),
            (r#"{"resourceType":"Patient","id":"a","active":true,"name":[{"family":"Doe","given":["J","K"]}]}"#, false),
        ] {
            assert_eq!(digest(one.as_bytes()) == digest(other.as_bytes()), same, "{other}");
            assert!(digest(other.as_bytes()).is_some());
        }
        let number = |value: &str| {
            digest(format!(r#"{{"resourceType":"Observation","status":"final","code":{{"text":"x"}},"valueQuantity":{{"value":{value}}}}}"#).as_bytes())
        };
        assert_ne!(number("1.0"), number("1.00"), "decimals count as written");
    }
}
