//! Expressions and queries are written by strangers: whatever they send, nothing panics, recurses without end or takes
//! long, and what is accepted can be used.
//!
//! Bounded under `cargo test`; `cargo bolero test -p fhir <name>` goes on for as long as it is let.

use bolero::check;
use fhir::fhirpath::Expression;
use fhir::search::{self, Handling, Query};
use fhir::{json, schema};

const PATIENT: &str = r#"{"resourceType":"Patient","id":"p","active":true,"identifier":[{"system":"urn:a","value":"1"}],"name":[{"family":"a","given":["b","c"]}],"birthDate":"2024-02-29","managingOrganization":{"reference":"Organization/1"}}"#;

/// Parts of the grammar, so that the bytes of the fuzzer become expressions more often than noise.
const PARTS: [&str; 44] = [
    "Patient",
    ".",
    "name",
    "given",
    "(",
    ")",
    "[",
    "]",
    "0",
    "1.5",
    "'a'",
    "|",
    " and ",
    " or ",
    " is ",
    " as ",
    "string",
    "where",
    "exists",
    "first",
    "select",
    "count",
    "not",
    "$this",
    "$index",
    "%resource",
    "{",
    "}",
    "=",
    "!=",
    "<",
    ">=",
    " in ",
    " contains ",
    "@2024-02",
    "@T10:00",
    "resolve()",
    "birthDate",
    "identifier",
    "value",
    ",",
    "-",
    "extension",
    "`",
];

fn parts(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| PARTS[usize::from(*byte) % PARTS.len()]).collect()
}

fn evaluate(expression: &str) {
    let resource = json::read(PATIENT.as_bytes()).expect("good");
    let patient = schema::r4().resource("Patient").expect("R4");
    if let Ok(expression) = Expression::compile(expression, patient) {
        let _ = expression.evaluate(&resource);
        for path in expression.paths().unwrap_or_default() {
            path.each(&resource, &mut |_| {});
        }
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
