//! FHIRPath over one resource: the cases of `fhirpath.txt`, and the bounds of an expression.

use fhir::fhirpath::{Element, Environment, Expression, Form, Item, LENGTH_MAX_BYTES, NESTING_MAX, NODES_MAX, Scalar};
use fhir::{Node, Resource, json, schema};

#[test]
fn expressions_give_what_they_say_or_are_refused() {
    let mut lines = include_str!("fhirpath.txt").lines().filter(|line| !line.starts_with("# "));
    let resource = json::read(lines.next().expect("a resource").as_bytes()).expect("a good resource");
    let mut faults = Vec::new();
    for line in lines {
        let (expression, expected) = match line.split_once(" !! ") {
            Some((expression, refusal)) => (expression, Err(refusal)),
            None => line.split_once(" => ").map(|(expression, shown)| (expression, Ok(shown))).expect(line),
        };
        match (answer(expression, &resource), expected) {
            (Ok(shown), Ok(expected)) if shown == expected => {}
            (Err(told), Err(refusal)) if told.starts_with(refusal) => {}
            (answer, _) => faults.push(format!("{line}\n    {answer:?}")),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
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
    for link in [".select($this)", ".where(true)", ".combine({})", ".repeat({})", ".iif(true, $this)", ".id", "[0]"] {
        let chains = (1..NODES_MAX).rev().map(|links| answer(&format!("id{}", link.repeat(links)), &resource));
        let too_long = |answer: &Result<_, String>| answer.as_ref().is_err_and(|told| told.contains("512 parts"));
        let longest = chains.into_iter().find(|answer| !too_long(answer));
        assert!(longest.is_some_and(|answer| answer.is_ok()), "{link}");
    }
    for operator in ["&", "|", "=", "and", "in", "~"] {
        let long = format!("'a'{}", format!(" {operator} 'a'").repeat(NODES_MAX / 2 - 1));
        assert!(answer(&long, &resource).is_ok(), "{operator}");
    }
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

fn lines(items: &[Item]) -> Vec<String> {
    let written = items.iter().map(|item| {
        let mut line = Vec::new();
        item.write_json(&mut line);
        String::from_utf8(line).expect("JSON is UTF-8")
    });
    written.collect()
}

const BUNDLE: &str = r##"{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","id":"a","name":[{"family":"A"}],"contained":[{"resourceType":"Organization","id":"o","name":"first"}],"managingOrganization":{"reference":"#o"}}},{"fullUrl":"https://a.org/fhir/Patient/b","resource":{"resourceType":"Patient","id":"b","contained":[{"resourceType":"Organization","id":"o","name":"second"}],"managingOrganization":{"reference":"#o"}}},{"resource":{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"urn:uuid:1"},"focus":[{"reference":"https://a.org/fhir/Patient/b"},{"reference":"Patient/b"},{"reference":"Patient/c"},{"reference":"urn:uuid:2"}]}}]}"##;

/// What is at hand is found by its fullUrl, by type and id, or among what its own resource contains.
#[test]
fn references_are_followed_within_a_bundle() {
    let bundle = json::read(BUNDLE.as_bytes()).expect("good");
    let context = schema::r4().resource("Bundle").expect("R4");
    for (expression, expected) in [
        ("entry.resource.managingOrganization.resolve().name", &["\"first\"", "\"second\""][..]),
        ("entry.resource.subject.resolve().name.family", &["\"A\""]),
        ("entry.resource.subject.resolve() is Patient", &["true"]),
        ("entry.resource.focus.resolve().id", &["\"b\"", "\"b\""]),
        ("entry.resource.focus.where(resolve() is Patient).count()", &["3"]),
        ("entry.resource.focus.last().resolve() is Patient", &["false"]),
        ("entry.resource.ofType(Patient).managingOrganization.where(resolve() is Organization).count()", &["2"]),
    ] {
        let items = Expression::compile(expression, context).expect(expression).evaluate(&bundle).expect(expression);
        assert_eq!(lines(&items), expected, "{expression}");
    }
}

#[test]
fn an_element_is_asked_in_its_surroundings() {
    let bundle = json::read(BUNDLE.as_bytes()).expect("good");
    let patient = schema::r4().resource("Patient").expect("R4");
    let find =
        |expression: &str| Expression::compile(expression, schema::r4().kind("Bundle").expect("R4")).expect("good");
    let entry = find("entry.first().resource").evaluate(&bundle).expect("found").remove(0);
    let Item::Element(resource) = &entry else { panic!("a resource") };
    let environment = Environment { bundle: Some(&bundle.object), ..Environment::around(*resource) };
    let environment = environment.at("2024-05-06T07:08:09.123+02:00");
    for (expression, expected) in [
        ("%resource.id", "\"a\""),
        ("%rootResource.id", "\"a\""),
        ("%context.id", "\"a\""),
        ("managingOrganization.resolve().name", "\"first\""),
        ("now()", "\"2024-05-06T07:08:09.123+02:00\""),
        ("today()", "\"2024-05-06\""),
        ("timeOfDay()", "\"07:08:09.123\""),
        ("today() = now()", ""),
        ("today() - 1 month", "\"2024-04-06\""),
        ("1.50 'mg'", "{\"value\":1.50,\"unit\":\"mg\"}"),
        ("'a\\'b\"'", "\"a'b\\\"\""),
        ("1.type()", "{\"namespace\":\"System\",\"name\":\"Integer\"}"),
        ("name", "{\"family\":\"A\"}"),
        ("10000000000 * 10000000000.0", "100000000000000000000.0"),
    ] {
        let items = Expression::compile(expression, patient).expect(expression);
        let items = items.evaluate_in(&environment, entry.clone()).expect(expression);
        assert_eq!(lines(&items).join(" "), expected, "{expression}");
    }
    // What is contained knows the resource around it.
    let contained = find("entry.first().resource.contained").evaluate(&bundle).expect("found").remove(0);
    let Item::Element(inner) = contained else { panic!("a resource") };
    let environment = Environment { root: environment.resource, ..Environment::around(inner) };
    let asked = Expression::compile("%resource.id & ' in ' & %rootResource.id", inner.kind).expect("good");
    let items = asked.evaluate_in(&environment, Item::Element(inner)).expect("found");
    assert_eq!(lines(&items), ["\"o in a\""]);
}

/// A choice is compiled for all of its types at once: what one of them has is no mistake.
#[test]
fn an_expression_is_compiled_for_several_types() {
    let kinds = ["decimal", "Range"].map(|name| schema::r4().kind(name).expect("R4"));
    let among = |text: &str| Expression::compile_among(text, &kinds);
    let expression = among("low.empty() or low.code = '%'").expect("Range has it");
    assert_eq!(among("lower.exists()").expect_err("neither has it").text, "decimal has no element lower");
    let resource = json::read(br#"{"resourceType":"RiskAssessment","status":"final","subject":{"display":"a"},"prediction":[{"probabilityDecimal":0.5},{"probabilityRange":{"low":{"value":1,"code":"mg"}}}]}"#).expect("good");
    let environment = Environment::of(&resource).expect("R4");
    let items = Expression::compile("prediction.probability", environment.resource.kind).expect("good");
    let items = items.evaluate(&resource).expect("found");
    let holds = items.iter().map(|item| expression.holds(&environment, item).expect("answers"));
    assert_eq!(holds.collect::<Vec<_>>(), [Some(true), Some(false)]);
}

/// Each of these would take long, or much memory, if nothing counted.
#[test]
fn what_grows_without_end_is_stopped() {
    let names = vec![r#"{"given":["a","b","c","d"],"family":"e"}"#; 200].join(",");
    let patient = format!(r#"{{"resourceType":"Patient","name":[{names}]}}"#);
    let resource = json::read(patient.as_bytes()).expect("good");
    for (expression, told) in [
        ("name.given.select(%resource.name.given.select(%resource.name.given)).count()", "takes more than"),
        (
            "descendants().descendants().select(%resource.descendants()).select(%resource.descendants()).count()",
            "takes",
        ),
        ("name.select(%resource.name ~ %resource.name.skip(1).combine(%resource.name.first())).count()", "takes"),
        ("name.given.aggregate($total & %resource.name.given.join('') & $total, 'a')", "takes more than"),
        ("name.given.aggregate($total.replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'), 'a')", "makes"),
        ("name.given.aggregate($total.combine($total), 1).count()", "takes more than"),
        ("(1 | 2).repeat($this + 1).count()", "takes more than"),
    ] {
        let error = answer(expression, &resource).expect_err(expression);
        assert!(error.contains(told), "{expression}: {error}");
    }
}

#[test]
fn elements_of_a_resource_are_public() {
    let resource = json::read(br#"{"resourceType":"Patient","id":"a"}"#).expect("good");
    let root = Element::root(&resource).expect("R4");
    assert_eq!((root.kind.name, root.has_value()), ("Patient", false));
}
