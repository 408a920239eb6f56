//! A resource as it goes to a peer: under the name that it has there, marked with its home, and with references that lead to what
//! is there.

use std::collections::HashMap;

use fhir::links::{Link, relink};
use fhir::reference::{Literal, literal};
use fhir::{Node, Resource};
use record::{Key, Version};

use crate::home::{self, Source};

/// The replicas that a resource refers to: whoever sends it has to know where they are at home.
pub fn replicas(resource: &mut Resource<'_>) -> Vec<Key> {
    let mut found = Vec::new();
    relink(resource, &mut |link, text| {
        if link == Link::Reference
            && let Some(Literal::Local { kind, id, .. }) = literal(text)
            && home::is_replica(id)
        {
            found.push(Key::new(kind, id));
        }
        None
    });
    found
}

/// What a version of ours is at home: its own source, or with us.
pub fn source(node: &str, version: &Version, resource: &Resource<'_>) -> Source {
    let foreign = Source::of(resource).filter(|source| source.replica() == version.key);
    foreign.unwrap_or_else(|| Source { node: node.to_owned(), key: version.key.clone(), version: version.vid })
}

/// The name there and the body. `homes` says where the replicas among its references are at home.
pub fn outgoing(
    mut resource: Resource<'static>,
    source: &Source,
    node: &str,
    peer: &str,
    homes: &HashMap<Key, Source>,
) -> (Key, Vec<u8>) {
    relink(&mut resource, &mut |link, text| {
        let Some(Literal::Local { kind, id, .. }) = literal(text).filter(|_| link == Link::Reference) else {
            return None;
        };
        let key = Key::new(kind, id);
        let there = match homes.get(&key) {
            Some(home) if home.node == peer => home.key.clone(),
            _ if home::is_replica(id) => key,
            _ => Source { node: node.to_owned(), key, version: 1 }.replica(),
        };
        // Versions have other numbers there.
        Some(there.to_string())
    });
    let there = source.replica();
    resource.object.set("id", Node::text(there.id.clone()));
    home::mark(&mut resource, source);
    let mut body = Vec::new();
    fhir::json::write(&resource, &mut body);
    (there, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_lead_to_what_is_there() {
        let (us, peer) = (home::node_name(&[1; 32]), home::node_name(&[2; 32]));
        let theirs = Source { node: peer.clone(), key: Key::new("Patient", "p"), version: 4 };
        let third = Source { node: home::node_name(&[3; 32]), key: Key::new("Patient", "q"), version: 1 };
        let text = format!(
            r##"{{"resourceType":"Observation","id":"o","meta":{{"versionId":"2","lastUpdated":"2026-01-01T00:00:00Z","source":"urn:x"}},"status":"final","code":{{"text":"x"}},"subject":{{"reference":"{}"}},"focus":[{{"reference":"{}"}},{{"reference":"#c"}},{{"reference":"https://x.example/Patient/1"}}],"encounter":{{"reference":"Encounter/e/_history/3"}}}}"##,
            theirs.replica(),
            third.replica()
        );
        let mut resource = fhir::json::read(text.as_bytes()).expect("it is R4").into_owned();
        assert_eq!(replicas(&mut resource), [theirs.replica(), third.replica()]);
        let source = Source { node: us.clone(), key: Key::new("Observation", "o"), version: 2 };
        let homes = HashMap::from([(theirs.replica(), theirs), (third.replica(), third.clone())]);
        let (key, body) = outgoing(resource, &source, &us, &peer, &homes);
        let sent = fhir::json::read(&body).expect("it is R4 still");
        assert_eq!((sent.id(), Source::of(&sent)), (Some(key.id.as_str()), Some(source)));
        let body = String::from_utf8(body.clone()).expect("text");
        let encounter = Source { node: us, key: Key::new("Encounter", "e"), version: 1 }.replica();
        for (text, times) in [
            (r#""reference":"Patient/p""#.to_owned(), 1),
            (format!(r#""reference":"{}""#, third.replica()), 1),
            (format!(r#""reference":"{encounter}""#), 1),
            (r##""reference":"#c""##.to_owned(), 1),
            (r#""reference":"https://x.example/Patient/1""#.to_owned(), 1),
            ("versionId".to_owned(), 0),
            ("urn:x".to_owned(), 0),
        ] {
            assert_eq!(body.matches(&text).count(), times, "{text} in {body}");
        }
    }
}
