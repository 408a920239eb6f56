//! XML that is taken, and what it says as JSON.

use fhir::{Resource, json, xml};

pub fn patient(elements: &str) -> String {
    format!("<Patient xmlns=\"http://hl7.org/fhir\">{elements}</Patient>")
}

#[track_caller]
pub fn takes(xml: &str) -> Resource<'_> {
    xml::read(xml.as_bytes()).unwrap_or_else(|issues| panic!("{xml}\n{issues:#?}"))
}

/// What is taken, as JSON.
#[track_caller]
pub fn says(xml: &str, expected: &str) {
    let mut json = Vec::new();
    json::write(&takes(xml), &mut json);
    assert_eq!(String::from_utf8(json).expect("text"), expected, "{xml}");
}
