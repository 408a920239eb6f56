//! Expressions and queries are written by strangers: whatever they send, nothing panics, recurses without end or takes
//! long, and what is accepted can be used.
//!
//! Bounded under `cargo test`; `cargo bolero test -p fhir <name>` goes on for as long as it is let.

use std::collections::BTreeSet;

use bolero::check;
use fhir::fhirpath::{Expression, Form, Item};
use fhir::search::{self, Handling, Query};
use fhir::{Node, json, schema};

const PATIENT: &str = r#"{"resourceType":"Patient","id":"p","active":true,"contained":[{"resourceType":"Organization","id":"o","name":"n"}],"extension":[{"url":"u","valueString":"v"}],"identifier":[{"system":"urn:a","value":"1"}],"name":[{"family":"a","given":["b",null,"c"],"_given":[null,{"id":"x"},null]},{"given":["d"]}],"birthDate":"2024-02-29","_birthDate":{"id":"y"},"managingOrganization":{"reference":"Organization/1"}}"#;

/// Parts of the grammar, so that the bytes of the fuzzer become expressions more often than noise.
const PARTS: &str = "Patient . . . . name given ( ) [ ] 0 1 1.5 'a' | and or is as string where( exists() first() select( \
    count() not() $this $index %resource {} = != < >= in contains @2024-02 @T10:00 resolve() birthDate identifier value , - \
    extension ` contained id ofType(Organization) ofType(string) .name .given .extension .contained [0] [1]";

fn parts(bytes: &[u8]) -> String {
    let parts: Vec<&str> = PARTS.split_ascii_whitespace().collect();
    bytes.iter().map(|byte| parts[usize::from(*byte) % parts.len()]).collect::<Vec<_>>().join(" ")
}

/// Where an expression has paths, they come to the elements that the evaluator comes to.
fn evaluate(text: &str) {
    let resource = json::read(PATIENT.as_bytes()).expect("good");
    let patient = schema::r4().resource("Patient").expect("R4");
    let Ok(expression) = Expression::compile(text, patient) else { return };
    let answer = expression.evaluate(&resource);
    let Some(paths) = expression.paths() else { return };
    let mut followed = BTreeSet::new();
    for path in paths {
        path.each(&resource, &mut |node| _ = followed.insert(place(node)));
    }
    let found: BTreeSet<usize> = answer.expect("a path always has an answer").iter().filter_map(item_place).collect();
    assert!(found == followed || (text.contains('|') && found.is_subset(&followed)), "{text}");
}

fn place(node: &Node) -> usize {
    match node {
        Node::Object(object) => std::ptr::from_ref(object).addr(),
        other => std::ptr::from_ref(other).addr(),
    }
}

/// A primitive that has only extensions is no value of a path.
fn item_place(item: &Item) -> Option<usize> {
    let Item::Element(element) = item else { return None };
    match element.form {
        Form::Object(object) => Some(std::ptr::from_ref(object).addr()),
        Form::Primitive { value, .. } => value.map(place),
    }
}

#[test]
fn any_expression_is_taken_or_refused() {
    check!().with_iterations(20_000).for_each(|bytes: &[u8]| {
        evaluate(&String::from_utf8_lossy(bytes));
        evaluate(&parts(bytes));
    });
}

#[test]
fn any_query_is_taken_or_refused() {
    let resource = json::read(PATIENT.as_bytes()).expect("good");
    check!().with_iterations(20_000).for_each(|bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let pairs: Vec<(String, String)> = text.split('&').map(pair).collect();
        for handling in [Handling::Strict, Handling::Lenient] {
            if let Ok(query) = Query::parse("Patient", &pairs, handling) {
                assert!(query.clauses.iter().all(|clause| !clause.values.is_empty()));
                search::matches(&query, &resource);
            }
        }
    });
}

/// A byte that chooses a parameter, then its value; or what is sent, as it is.
fn pair(text: &str) -> (String, String) {
    if let Some((name, value)) = text.split_once('=') {
        return (name.to_owned(), value.to_owned());
    }
    let parameters = search::table().parameters("Patient");
    let mut characters = text.chars();
    let at = characters.next().map_or(0, |first| first as usize) % parameters.len();
    (parameters[at].code.to_owned(), characters.as_str().to_owned())
}

#[test]
fn what_is_normalised_is_normal() {
    check!().with_iterations(20_000).for_each(|bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let once = search::normalise(&text).into_owned();
        assert_eq!(search::normalise(&once), once);
    });
}
