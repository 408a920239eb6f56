//! Patients that nobody is: the work that they cost is bounded.

use identity::batch::{self, Registrations};
use identity::{Engine, Model, Registration, key, line, registration};

fn engine() -> Engine {
    Engine::new(Model::default(), 20_000)
}

#[test]
fn ten_thousand_names_are_four() {
    let name = |at: usize| format!(r#"{{"family":"F{at}","given":["G{at}"]}}"#);
    let names: Vec<String> = (0..10_000).map(name).collect();
    let text = format!(r#"{{"resourceType":"Patient","id":"a","name":[{}]}}"#, names.join(","));
    let read = line::read(text.as_bytes()).expect("a Patient");
    assert_eq!(read.names.len(), registration::NAMES_MAX);
    assert!(engine().keys(&read).len() <= key::KEYS_MAX);
}

#[test]
fn half_a_megabyte_is_cut() {
    let long = "Ångström-".repeat(1 << 16);
    let text = format!(
        r#"{{"resourceType":"Patient","id":"a","name":[{{"family":"{long}","given":["{long}"],"suffix":["{long}"]}}],
            "telecom":[{{"system":"email","value":"{long}@x.example"}},{{"system":"phone","value":"{long}"}}],
            "address":[{{"line":["{long}"],"city":"{long}","postalCode":"{long}"}}],
            "identifier":[{{"system":"urn:a","value":"{long}"}}]}}"#
    );
    let read = line::read(text.as_bytes()).expect("a Patient");
    assert!(identity::pack::pack(&read).len() < 1_500, "{}", identity::pack::pack(&read).len());
    let comparison = engine().compare(&read, &read);
    assert!(comparison.weight.is_finite() && comparison.probability.is_finite());
}

#[test]
fn who_are_all_the_same_are_not_compared() {
    let text =
        r#"{"resourceType":"Patient","id":"a","name":[{"family":"Hale","given":["Emma"]}],"birthDate":"1980-05-06"}"#;
    let one = line::read(text.as_bytes()).expect("a Patient");
    let all = (0..20_000).map(|at| Registration { id: format!("a{at:05}"), ..one.clone() }).collect();
    let linked = batch::link(&Registrations::new(all), &engine(), &|_, _, _| {});
    assert_eq!((linked.candidates, linked.pairs.len()), (0, 0));
    assert!(linked.blocks_skipped > 0, "what was left out is counted");
}

#[test]
fn placeholders_make_no_keys() {
    for text in [
        r#""name":[{"family":"Doe","given":["John"]}],"birthDate":"1900-01-01""#,
        r#""name":[{"family":"Test","given":["Patient"]}],"telecom":[{"system":"phone","value":"999-999-9999"}]"#,
        r#""name":[{"family":"Unknown","given":["Unknown"]}],"identifier":[{"system":"urn:example:ssn4","value":"0000"}]"#,
        r#""telecom":[{"system":"phone","value":"000-000-0000"},{"system":"email","value":"none@none.example"}]"#,
        r#""address":[{"line":["homeless"],"postalCode":"00000"}],"identifier":[{"system":"urn:x","value":"999999999"}]"#,
    ] {
        let text = format!(r#"{{"resourceType":"Patient","id":"a",{text}}}"#);
        let read = line::read(text.as_bytes()).expect("a Patient");
        assert_eq!(engine().keys(&read), [0u64; 0], "{text}");
    }
}

#[test]
fn a_number_of_another_assigner_is_no_number() {
    let of = |system: &str| {
        let text =
            format!(r#"{{"resourceType":"Patient","id":"a","identifier":[{{"system":"{system}","value":"777123"}}]}}"#);
        line::read(text.as_bytes()).expect("a Patient")
    };
    let engine = engine();
    let same = engine.compare(&of("urn:one"), &of("urn:other"));
    assert!(same.fields.iter().all(|bits| *bits == 0.0 || bits.abs() < 1.0), "{:?}", same.reasons());
    assert!(engine.keys(&of("urn:one")).iter().all(|key| !engine.keys(&of("urn:other")).contains(key)));
}
