//! FHIRPath over one resource: the cases of `fhirpath.txt`, and the bounds of an expression.

use fhir::fhirpath::{Expression, Form, Item, LENGTH_MAX_BYTES, NESTING_MAX, NODES_MAX, Scalar};
use fhir::{Node, Resource, json, schema};

#[test]
fn expressions_give_what_they_say_or_are_refused() {
    let mut lines = include_str!("fhirpath.txt").lines().filter(|line| !line.starts_with('#'));
    let resource = json::read(lines.next().expect("a resource").as_bytes()).expect("a good resource");
    for line in lines {
        let (expression, expected) = match line.split_once(" !! ") {
            Some((expression, refusal)) => (expression, Err(refusal)),
            None => line.split_once(" => ").map(|(expression, shown)| (expression, Ok(shown))).expect(line),
        };
        match (answer(expression, &resource), expected) {
            (Ok(shown), Ok(expected)) => assert_eq!(shown, expected, "{line}"),
            (Err(told), Err(refusal)) => assert!(told.starts_with(refusal), "{line}\n{told}"),
            (answer, _) => panic!("{line}\n{answer:?}"),
        }
    }
}

fn answer(expression: &str, resource: &Resource) -> Result<String, String> {
    let context = schema::r4().resource(resource.kind()).expect("R4");
    let expression = Expression::compile(expression, context).map_err(|error| error.to_string())?;
    let items = expression.evaluate(resource).map_err(|error| error.to_string())?;
    Ok(items.iter().map(shown).collect::<Vec<_>>().join(", "))
}

fn shown(item: &Item) -> String {
    match item {
        Item::Element(element) => match element.form {
            Form::Object(_) => element.kind.name.to_owned(),
            Form::Primitive { value: Some(Node::Text(text)), .. } => format!("{text:?}"),
            Form::Primitive { value: Some(Node::Number(text)), .. } => text.to_string(),
            Form::Primitive { value: Some(Node::Bool(value)), .. } => value.to_string(),
            Form::Primitive { .. } => String::from("no value"),
        },
        Item::Scalar(Scalar::Boolean(value)) => value.to_string(),
        Item::Scalar(Scalar::Integer(value)) => value.to_string(),
        Item::Scalar(Scalar::String(text)) => format!("{text:?}"),
        Item::Scalar(other) => format!("{other:?}"),
    }
}

#[test]
fn an_expression_has_its_bounds() {
    let patient = schema::r4().resource("Patient").expect("R4");
    let compiles = |text: &str| Expression::compile(text, patient).is_ok();
    let nested = |depth: usize| format!("{}id{}", "(".repeat(depth), ")".repeat(depth));
    assert!(compiles(&nested(NESTING_MAX - 1)));
    assert!(!compiles(&nested(NESTING_MAX)));
    assert!(!compiles(&nested(100_000)));
    let union = |parts: usize| vec!["id"; parts].join("|");
    assert!(compiles(&union(NODES_MAX / 2)));
    assert!(!compiles(&union(NODES_MAX / 2 + 1)));
    assert!(!compiles(&format!("id{}", " ".repeat(LENGTH_MAX_BYTES))));
    assert!(!compiles(&"-".repeat(1000)), "signs are nested too");
}

/// The largest expressions of each shape run on a thread's ordinary stack.
#[test]
fn what_is_within_the_bounds_can_be_run() {
    let resource = json::read(br#"{"resourceType":"Patient","id":"a","active":true}"#).expect("good");
    let chain = format!("id{}", ".first()".repeat(NODES_MAX - 1));
    assert_eq!(answer(&chain, &resource).as_deref(), Ok(r#""a""#));
    let either = format!("active{}", " or active".repeat(NODES_MAX / 2 - 1));
    assert_eq!(answer(&either, &resource).as_deref(), Ok("true"));
    let nested = format!("{}id{}", "where(".repeat(NESTING_MAX - 1), ")".repeat(NESTING_MAX - 1));
    assert_eq!(answer(&nested, &resource).as_deref(), Ok("Patient"));
}

/// Each `value` of an extension is one of fifty types: followed by name, the ways would soon be millions.
#[test]
fn choices_of_choices_are_left_to_the_evaluator() {
    let patient = schema::r4().resource("Patient").expect("R4");
    let deep = format!("Patient{}", ".extension.value".repeat(100));
    assert!(Expression::compile(&deep, patient).expect("good").paths().is_none());
    assert!(Expression::compile("Patient.extension.value", patient).expect("good").paths().is_some());
}

#[test]
fn an_expression_that_multiplies_a_resource_is_stopped() {
    let patient = format!(r#"{{"resourceType":"Patient","name":[{{"given":[{}]}}]}}"#, vec![r#""a""#; 300].join(","));
    let resource = json::read(patient.as_bytes()).expect("good");
    let told = answer("name.given.select(%resource.name.given.select(%resource.name.given)).count()", &resource);
    assert!(told.expect_err("27 million items").contains("takes more than"));
}
