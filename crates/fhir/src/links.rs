//! Every link of a resource, to be read or rewritten (R4 §3.1.0.11.2 "Transaction Processing Rules").
//!
//! When a transaction gives resources their ids, what refers to them has to follow: `Reference.reference`, elements of
//! the types uri, url, canonical, oid and uuid, and `href` and `src` in narrative. Contained resources and extensions
//! are gone into like everything else.

use std::borrow::Cow;

use crate::schema::{self, Class, Type};
use crate::{Node, Object, Resource};

/// Where a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// `Reference.reference`
    Reference,
    /// uri, url, canonical, oid, uuid: it may name a resource or anything else.
    Uri,
    /// `href` or `src` in narrative.
    Narrative,
}

/// Shows every link to `visit`, in the order of the resource; what it returns stands in the link's place.
pub fn relink(resource: &mut Resource<'_>, visit: &mut dyn FnMut(Link, &str) -> Option<String>) {
    if let Some(kind) = schema::r4().resource(resource.kind()) {
        of_object(&mut resource.object, kind, visit);
    }
}

type Visit<'v> = &'v mut dyn FnMut(Link, &str) -> Option<String>;

fn of_object(object: &mut Object<'_>, kind: &'static Type, visit: Visit<'_>) {
    let is_reference = kind.name == "Reference";
    for (name, node) in &mut object.fields {
        if let Some(element) = kind.element(name) {
            let link = match element.kind {
                "string" if is_reference && element.name == "reference" => Some(Link::Reference),
                "uri" | "url" | "canonical" | "oid" | "uuid" => Some(Link::Uri),
                "xhtml" => Some(Link::Narrative),
                _ => None,
            };
            match link {
                Some(link) => of_texts(node, link, visit),
                None if element.primitive.is_none() => of_node(node, schema::r4().kind_of(element), visit),
                None => {}
            }
        } else if name.starts_with('_') {
            // What a primitive has beside its value: an id and extensions.
            of_node(node, schema::r4().kind("Element").expect("Element is a type of R4"), visit);
        }
    }
}

fn of_node(node: &mut Node<'_>, kind: &'static Type, visit: Visit<'_>) {
    match node {
        Node::List(items) => items.iter_mut().for_each(|item| of_node(item, kind, visit)),
        Node::Object(object) if kind.class == Class::Abstract => {
            let own = object.str("resourceType").and_then(|name| schema::r4().resource(name));
            if let Some(own) = own {
                of_object(object, own, visit);
            }
        }
        Node::Object(object) => of_object(object, kind, visit),
        _ => {}
    }
}

fn of_texts(node: &mut Node<'_>, link: Link, visit: Visit<'_>) {
    match node {
        Node::List(items) => items.iter_mut().for_each(|item| of_texts(item, link, visit)),
        Node::Text(text) => {
            let changed = if link == Link::Narrative { narrative(text, visit) } else { visit(link, text) };
            if let Some(changed) = changed {
                *text = Cow::Owned(changed);
            }
        }
        _ => {}
    }
}

/// The narrative with its links rewritten; none where none was.
fn narrative(div: &str, visit: Visit<'_>) -> Option<String> {
    let mut out = String::new();
    let mut kept = 0;
    for (at, _) in div.match_indices('=') {
        let before = &div[..at];
        let is_link = [" href", " src", "\nhref", "\nsrc", "\thref", "\tsrc"].iter().any(|name| before.ends_with(name));
        let Some(quote) = div[at + 1..].chars().next().filter(|c| is_link && matches!(c, '"' | '\'')) else { continue };
        let start = at + 2;
        let Some(length) = div[start..].find(quote) else { continue };
        if let Some(changed) = visit(Link::Narrative, &div[start..start + length]) {
            out.push_str(&div[kept..start]);
            out.push_str(&changed);
            kept = start + length;
        }
    }
    (kept > 0).then(|| out + &div[kept..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_follow_wherever_they_stand() {
        let text = r##"{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"urn:x"}]},
            "text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href=\"urn:x\">x</a> href=urn:x <img src='urn:x' alt='urn:x'/></div>"},
            "contained":[{"resourceType":"Patient","id":"p","managingOrganization":{"reference":"urn:x"}}],
            "subject":{"reference":"urn:x","display":"urn:x"},
            "_issued":{"extension":[{"url":"urn:x","valueReference":{"reference":"urn:x"}}]},
            "issued":"2024-01-01T00:00:00Z","valueString":"urn:x","performer":[{"reference":"urn:y"}]}"##;
        let mut resource = crate::json::read(text.as_bytes()).unwrap_or_else(|issues| panic!("{issues:?}"));
        let mut seen = Vec::new();
        relink(&mut resource, &mut |link, text| {
            seen.push((link, text.to_owned()));
            (text == "urn:x").then(|| "Patient/1".to_owned())
        });
        let mut out = Vec::new();
        crate::json::write(&resource, &mut out);
        let out = String::from_utf8(out).expect("JSON is UTF-8");
        assert_eq!(out.matches("Patient/1").count(), 7, "{out}");
        assert!(out.contains(r#"<a href=\"Patient/1\">x</a> href=urn:x <img src='Patient/1' alt='urn:x'/>"#), "{out}");
        assert!(out.contains(r#""display":"urn:x""#) && out.contains(r#""valueString":"urn:x""#), "{out}");
        assert!(seen.contains(&(Link::Reference, "urn:y".to_owned())));
    }
}
