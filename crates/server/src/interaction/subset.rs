//! `_summary` and `_elements`: a resource without the elements that were not asked for (R4 §3.1.1.6.3 and §3.1.1.6.4).
//!
//! What was left out is said by the tag SUBSETTED, so that nobody writes the rest back as the whole. Elements that R4
//! requires stay, because without them it is no resource.

use std::borrow::Cow;

use fhir::schema::{self, Class, Element, Type};
use fhir::search::{Query, Summary};
use fhir::{Node, Object, Resource};

use crate::http::{Failure, Kind};

/// Which elements are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    Everything,
    /// Those that R4 marks as summary.
    Summary,
    /// Narrative, and what is required.
    Text,
    /// Everything but narrative.
    Data,
    /// These top-level elements by their FHIRPath names, and what is required.
    Elements(Vec<&'static str>),
}

const ALWAYS: [&str; 3] = ["resourceType", "id", "meta"];
/// R4's code system of what a server has to say about how it shows a resource.
const OBSERVATION_VALUE: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";
const SUBSETTED: &str = "SUBSETTED";

impl View {
    pub fn of_query(query: &Query) -> View {
        match query.summary {
            Summary::True => View::Summary,
            Summary::Text => View::Text,
            Summary::Data => View::Data,
            Summary::False | Summary::Count if query.elements.is_empty() => View::Everything,
            Summary::False | Summary::Count => View::Elements(query.elements.clone()),
        }
    }

    /// What a read asks for: the same parameters in the same grammar.
    pub fn of(kind: &str, pairs: &[(String, String)]) -> Result<View, Failure> {
        Ok(Shape::of(Some(kind), pairs)?.view(kind))
    }

    /// The JSON of a resource, cut.
    pub fn show(&self, body: Vec<u8>) -> Vec<u8> {
        if *self == View::Everything {
            return body;
        }
        let Ok(mut resource) = fhir::json::read(&body) else { return body };
        let kind = schema::r4().resource(resource.kind()).expect("what was read is of a type of R4");
        resource.object.fields.retain(|(name, _)| ALWAYS.contains(name) || self.keeps(kind, name));
        if *self == View::Summary {
            summarise(&mut resource.object, kind);
        }
        tag(&mut resource);
        let mut out = Vec::with_capacity(body.len());
        fhir::json::write(&resource, &mut out);
        out
    }

    fn keeps(&self, kind: &Type, name: &str) -> bool {
        let Some(element) = element(kind, name) else { return false };
        match self {
            View::Everything => true,
            View::Summary => element.summary || element.min > 0,
            View::Text => element.name == "text" || element.min > 0,
            View::Data => element.name != "text",
            View::Elements(names) => names.contains(&element.stem) || element.min > 0,
        }
    }
}

/// `_summary` and `_elements` as they were asked for, of one type or of many.
#[derive(Debug)]
pub struct Shape {
    summary: Summary,
    elements: Vec<String>,
}

impl Shape {
    /// `kind` where all that is shown is of one type: then it has to have the elements. Of many types one has to.
    pub fn of(kind: Option<&str>, pairs: &[(String, String)]) -> Result<Shape, Failure> {
        let value = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let elements: Vec<String> =
            value("_elements").map(|names| names.split(',').map(str::to_owned).collect()).unwrap_or_default();
        let has = |kind: &Type, name: &str| kind.stem(name).next().is_some();
        for name in &elements {
            let known = match kind {
                Some(kind) => schema::r4().resource(kind).is_some_and(|kind| has(kind, name)),
                None => schema::r4().resources().any(|kind| has(kind, name)),
            };
            if !known {
                let text = format!("_elements must name elements of {}, with commas", kind.unwrap_or("some type"));
                return Err(Failure::at(Kind::Invalid, "http._elements", text));
            }
        }
        let summary = match value("_summary") {
            None | Some("false" | "count") => Summary::False,
            Some("true") => Summary::True,
            Some("text") => Summary::Text,
            Some("data") => Summary::Data,
            Some(_) => {
                let text = "_summary must be true, text, data, count or false";
                return Err(Failure::at(Kind::Invalid, "http._summary", text));
            }
        };
        Ok(Shape { summary, elements })
    }

    /// What is shown of a resource of this type.
    pub fn view(&self, kind: &str) -> View {
        match self.summary {
            Summary::True => View::Summary,
            Summary::Text => View::Text,
            Summary::Data => View::Data,
            Summary::False | Summary::Count if self.elements.is_empty() => View::Everything,
            Summary::False | Summary::Count => {
                let kind = schema::r4().resource(kind).expect("the store holds only types of R4");
                let stems = self.elements.iter().filter_map(|name| kind.stem(name).next());
                View::Elements(stems.map(|element| element.stem).collect())
            }
        }
    }
}

/// `_birthDate` is as much of the element as `birthDate`.
fn element<'t>(kind: &'t Type, name: &str) -> Option<&'t Element> {
    kind.element(name.strip_prefix('_').unwrap_or(name))
}

/// Only a resource's own parts have elements that are no summary; a datatype that is shown is shown whole.
fn summarise(object: &mut Object<'_>, kind: &Type) {
    for (name, node) in &mut object.fields {
        let Some(part) = element(kind, name).map(|element| schema::r4().kind_of(element)) else { continue };
        if part.class != Class::Backbone {
            continue;
        }
        let cut = |node: &mut Node<'_>| {
            if let Node::Object(object) = node {
                object.fields.retain(|(name, _)| element(part, name).is_some_and(|of| of.summary || of.min > 0));
                summarise(object, part);
            }
        };
        match node {
            Node::List(items) => items.iter_mut().for_each(cut),
            other => cut(other),
        }
    }
    // A part of which nothing is left would be no FHIR.
    object.fields.retain_mut(|(_, node)| match node {
        Node::List(items) => {
            items.retain(|item| !matches!(item, Node::Object(object) if object.is_empty()));
            !items.is_empty()
        }
        Node::Object(object) => !object.is_empty(),
        _ => true,
    });
}

/// Whether a resource says that it was cut.
pub fn is_subset(resource: &Resource<'_>) -> bool {
    let tags = resource.get("meta").and_then(Node::as_object).map_or(&[][..], |meta| meta.items("tag"));
    let mut tags = tags.iter().filter_map(Node::as_object);
    tags.any(|tag| tag.str("system") == Some(OBSERVATION_VALUE) && tag.str("code") == Some(SUBSETTED))
}

fn tag(resource: &mut Resource<'_>) {
    let coding = [("system", OBSERVATION_VALUE), ("code", SUBSETTED)];
    let fields = coding.map(|(name, value)| (name, Node::Text(Cow::Borrowed(value)))).to_vec();
    let tag = Node::Object(Object { fields });
    match resource.object.get_mut("meta") {
        Some(Node::Object(meta)) => meta.push("tag", tag),
        _ => resource.object.set("meta", Node::Object(Object { fields: vec![("tag", Node::List(vec![tag]))] })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENT: &str = r#"{"resourceType":"Patient","id":"a","meta":{"versionId":"3"},
        "text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"},
        "name":[{"family":"Doe"}],"birthDate":"1980","_birthDate":{"id":"b"},
        "contact":[{"gender":"male"}],"communication":[{"language":{"text":"de"},"preferred":true}],
        "link":[{"other":{"reference":"Patient/b"},"type":"seealso"}]}"#;

    #[test]
    fn views_keep_what_they_say_and_what_is_required() {
        for (view, kept) in [
            (View::Everything, "id meta text name birthDate _birthDate contact communication link"),
            (View::Summary, "id meta name birthDate _birthDate link"),
            (View::Text, "id meta text"),
            (View::Data, "id meta name birthDate _birthDate contact communication link"),
            (View::Elements(vec!["birthDate"]), "id meta birthDate _birthDate"),
        ] {
            let shown = view.show(PATIENT.as_bytes().to_vec());
            let shown = fhir::json::read(&shown).unwrap_or_else(|issues| panic!("{view:?}: {issues:?}"));
            let names: Vec<&str> = shown.object.fields.iter().skip(1).map(|(name, _)| *name).collect();
            assert_eq!(names.join(" "), kept, "{view:?}");
            assert_eq!(is_subset(&shown), view != View::Everything, "{view:?}");
        }
    }

    #[test]
    fn a_summary_goes_into_parts() {
        let observation = br#"{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},
            "component":[{"code":{"text":"y"},"valueString":"z","referenceRange":[{"text":"r"}]}],
            "note":[{"text":"n"}]}"#;
        let shown = String::from_utf8(View::Summary.show(observation.to_vec())).expect("JSON is UTF-8");
        assert!(shown.contains(r#""component":[{"code":{"text":"y"},"valueString":"z"}]"#), "{shown}");
        assert!(!shown.contains("note"), "{shown}");
    }
}
