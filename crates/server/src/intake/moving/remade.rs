//! A resource as it is taken back under one patient, and made anew under another. Pure.

use std::collections::{BTreeMap, BTreeSet};

use fhir::reference::{Literal, literal};
use fhir::{Node, Object, Resource};
use gateway::IdKey;
use record::{Key, Time};

use super::{Item, Moved};

/// Where each type says that it was entered in error (R4, the value sets of these elements). A type that is not listed has no word
/// for it.
const WORDS: &[(&str, &str)] = &[
    ("Account", "status"),
    ("CarePlan", "status"),
    ("Communication", "status"),
    ("Composition", "status"),
    ("DiagnosticReport", "status"),
    ("DocumentReference", "status"),
    ("Encounter", "status"),
    ("Flag", "status"),
    ("Goal", "lifecycleStatus"),
    ("ImagingStudy", "status"),
    ("Immunization", "status"),
    ("List", "status"),
    ("Media", "status"),
    ("MedicationAdministration", "status"),
    ("MedicationDispense", "status"),
    ("MedicationRequest", "status"),
    ("MedicationStatement", "status"),
    ("Observation", "status"),
    ("Procedure", "status"),
    ("QuestionnaireResponse", "status"),
    ("RiskAssessment", "status"),
    ("ServiceRequest", "status"),
    ("Specimen", "status"),
];
/// The types that say it by a concept, whose clinicalStatus then has to go (con-5, ait-2).
const VERIFIED: &[(&str, &str)] = &[
    ("AllergyIntolerance", "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"),
    ("Condition", "http://terminology.hl7.org/CodeSystem/condition-ver-status"),
];
const ERROR: &str = "entered-in-error";

/// Whether a person may move one. Visits and accounts are their source's to move (A43 to A45).
pub fn is_movable(kind: &str) -> bool {
    let known = WORDS.iter().chain(VERIFIED).any(|(known, _)| *known == kind);
    known && !matches!(kind, "Account" | "Encounter")
}

/// Entered in error; none where the type has no word for it.
pub fn retracted(mut resource: Resource<'static>) -> Option<Resource<'static>> {
    let kind = resource.kind().to_owned();
    if let Some((_, element)) = WORDS.iter().find(|(known, _)| *known == kind) {
        resource.object.set(element, Node::text(ERROR));
        return Some(resource);
    }
    let (_, system) = VERIFIED.iter().find(|(known, _)| *known == kind)?;
    let coding = object([("system", Node::text(*system)), ("code", Node::text(ERROR))]);
    resource.object.set("verificationStatus", object([("coding", Node::List(vec![coding]))]));
    resource.object.remove("clinicalStatus");
    Some(resource)
}

/// From whom to whom.
pub struct Remake<'r> {
    pub from: &'r Key,
    /// The ids by which the old patient is referred to.
    pub aliases: &'r BTreeSet<String>,
    pub to: &'r Key,
    /// What is moved, by its old key.
    pub named: &'r BTreeMap<Key, Key>,
    /// What references are left out to.
    pub left: &'r BTreeSet<Key>,
}

impl Remake<'_> {
    pub fn copy(&self, resource: &Resource<'static>, new: &Key) -> Resource<'static> {
        let mut copy = resource.clone();
        copy.object.set("id", Node::text(new.id.clone()));
        self.object(&mut copy.object);
        copy
    }

    /// Lets references name what is meant now. False: nothing is left of the node.
    fn node(&self, node: &mut Node<'static>) -> bool {
        match node {
            Node::List(items) => {
                items.retain_mut(|item| self.node(item));
                !items.is_empty()
            }
            Node::Object(object) => {
                if let Some(key) = referred(object) {
                    if self.left.contains(&key) {
                        return false;
                    }
                    if let Some(now) = self.meant(&key) {
                        object.set("reference", Node::text(now.to_string()));
                    }
                }
                self.object(object);
                !object.is_empty()
            }
            _ => true,
        }
    }

    fn object(&self, object: &mut Object<'static>) {
        object.fields.retain_mut(|(_, node)| self.node(node));
    }

    fn meant(&self, key: &Key) -> Option<Key> {
        let is_old = key.kind == "Patient" && (key == self.from || self.aliases.contains(&key.id));
        if is_old { Some(self.to.clone()) } else { self.named.get(key).cloned() }
    }
}

/// Who moved what, when, and where it was.
pub fn provenance(ids: &IdKey, who: &str, moved: &Moved, now: Time) -> Resource<'static> {
    let mut provenance = Resource::new("Provenance");
    let reference = |key: &Key| object([("reference", Node::text(key.to_string()))]);
    let news = moved.items.iter().filter_map(|item: &Item| item.new.as_ref());
    let targets: Vec<Node<'static>> = news.chain(moved.items.iter().map(|item| &item.old)).map(reference).collect();
    let entity = |item: &Item| object([("role", Node::text("source")), ("what", reference(&item.old))]);
    let names = moved.items.iter().map(|item| item.old.to_string()).collect::<Vec<_>>().join(" ");
    let id = ids.id(["moved", &names, &moved.to.id, &now.0.to_string()]);
    let time = jiff::Timestamp::from_microsecond(now.0).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
    let mut set = |name: &'static str, node: Node<'static>| provenance.object.set(name, node);
    set("id", Node::text(id));
    set("target", Node::List(targets));
    set("recorded", Node::text(time.to_string()));
    set("activity", object([("text", Node::text("moved from a patient under whom it was filed wrongly"))]));
    set("agent", Node::List(vec![object([("who", object([("display", Node::text(who.to_owned()))]))])]));
    set("entity", Node::List(moved.items.iter().filter(|item| item.new.is_some()).map(entity).collect()));
    provenance
}

/// The resources of this record that a node refers to.
pub fn local_references(node: &Node<'_>) -> Vec<Key> {
    match node {
        Node::List(items) => items.iter().flat_map(local_references).collect(),
        Node::Object(object) => {
            let inner = object.fields.iter().flat_map(|(_, inner)| local_references(inner));
            referred(object).into_iter().chain(inner).collect()
        }
        _ => Vec::new(),
    }
}

fn referred(object: &Object<'_>) -> Option<Key> {
    match literal(object.str("reference")?)? {
        Literal::Local { kind, id, .. } => Some(Key::new(kind, id)),
        _ => None,
    }
}

fn object<const N: usize>(fields: [(&'static str, Node<'static>); N]) -> Node<'static> {
    Node::Object(Object { fields: Vec::from(fields) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Resource<'static> {
        fhir::json::read(json.as_bytes()).unwrap_or_else(|issues| panic!("{issues:?}")).into_owned()
    }

    fn written(resource: &Resource<'_>) -> String {
        let mut json = Vec::new();
        fhir::json::write(resource, &mut json);
        String::from_utf8(json).expect("JSON is UTF-8")
    }

    #[test]
    fn each_type_says_that_it_was_an_error_in_its_own_way() {
        for (kind, element) in WORDS {
            let resource = retracted(Resource::new(kind)).expect("it has a word");
            assert_eq!(resource.str(element), Some(ERROR), "{kind}");
            // The strict reader knows the codes of each type.
            let issues = fhir::json::read(written(&resource).as_bytes()).err().unwrap_or_default();
            let path = format!("{kind}.{element}");
            assert!(issues.iter().all(|issue| issue.path != path), "{kind}: {issues:?}");
        }
        for (kind, system) in VERIFIED {
            let mut resource = Resource::new(kind);
            resource.object.set("clinicalStatus", object([("text", Node::text("x"))]));
            let coding = format!(r#"{{"system":"{system}","code":"entered-in-error"}}"#);
            let expected = format!(r#"{{"resourceType":"{kind}","verificationStatus":{{"coding":[{coding}]}}}}"#);
            assert_eq!(retracted(resource).map(|of| written(&of)), Some(expected));
        }
        assert!(retracted(Resource::new("Coverage")).is_none());
        assert!(!is_movable("Patient") && !is_movable("Encounter") && is_movable("Observation"));
    }

    #[test]
    fn a_copy_speaks_of_the_other_patient_and_of_what_goes_with_it() {
        let (from, to) = (Key::new("Patient", "a"), Key::new("Patient", "b"));
        let named = BTreeMap::from([(Key::new("Observation", "o"), Key::new("Observation", "p"))]);
        let (left, aliases) = (BTreeSet::from([Key::new("Encounter", "e")]), BTreeSet::from(["a2".to_owned()]));
        let remake = Remake { from: &from, aliases: &aliases, to: &to, named: &named, left: &left };
        let report = read(
            r#"{"resourceType":"DiagnosticReport","id":"d","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/a2"},
                "encounter":{"reference":"Encounter/e"},"result":[{"reference":"Observation/o"},{"reference":"Observation/z"}],
                "performer":[{"reference":"Patient/c"},{"reference":"Patient/a"}]}"#,
        );
        let copy = written(&remake.copy(&report, &Key::new("DiagnosticReport", "n")));
        assert_eq!(
            copy,
            r#"{"resourceType":"DiagnosticReport","id":"n","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/b"},"result":[{"reference":"Observation/p"},{"reference":"Observation/z"}],"performer":[{"reference":"Patient/c"},{"reference":"Patient/b"}]}"#
        );
    }
}
