//! All of R4's search parameters, over the official examples and synthetic records that nobody here wrote.
//!
//! The data lies beside the checkout; where it is absent the tests say so and pass.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fhir::fhirpath::{Expression, Form, Item};
use fhir::search::{self, Handling, ParameterClass, ParameterId, Query, Reference, Value};
use fhir::{Node, Resource, compartment, json, schema};

#[test]
fn every_expression_compiles_and_all_but_one_are_paths() {
    let mut count = 0;
    let mut other = Vec::new();
    for kind in search::table().kinds() {
        let context = schema::r4().resource(kind).expect("R4");
        for parameter in search::table().parameters(kind).iter().filter(|parameter| parameter.is_indexed()) {
            count += 1;
            let expression = Expression::compile(parameter.expression, context)
                .unwrap_or_else(|error| panic!("{kind} {}: {error}", parameter.code));
            match expression.paths() {
                Some(paths) => assert!(!paths.is_empty(), "{kind} {} finds nothing, ever", parameter.code),
                None => other.push((kind, parameter.code)),
            }
        }
    }
    assert_eq!(other, [("Patient", "deceased")]);
    assert_eq!(count, 1618 + 6 * 146);
}

/// The numbers are in every index on disk: if this fails, the table has changed and so must the index's version.
#[test]
fn the_numbers_of_parameters_never_change() {
    let mut digest: u64 = 0xcbf2_9ce4_8422_2325;
    for number in 0..=u16::MAX {
        let Some(parameter) = search::table().get(ParameterId(number)) else { continue };
        assert_eq!(parameter.id, ParameterId(number));
        assert_eq!(search::table().find(parameter.kind, parameter.code), Some(parameter));
        for byte in format!("{number} {} {}\n", parameter.kind, parameter.code).bytes() {
            digest = (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    assert_eq!(digest, 420_213_614_416_558_534);
}

fn shared(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(folder);
    let Ok(entries) = std::fs::read_dir(&root) else {
        #[expect(clippy::print_stderr, reason = "a skipped test is seen")]
        {
            eprintln!("skipped: {} is not here", root.display());
        }
        return Vec::new();
    };
    let files = entries.map(|entry| entry.expect("a folder can be listed").path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
    files.sort();
    files
}

/// Every resource of a folder that can be read, those inside a Bundle after it.
fn each_resource(folder: &str, visit: &mut dyn FnMut(&str, &Resource)) {
    for path in shared(folder) {
        let bytes = std::fs::read(&path).expect("an example can be read");
        let Ok(resource) = json::read(&bytes) else { continue };
        let name = path.display().to_string();
        visit(&name, &resource);
        for entry in resource.object.items("entry").iter().filter_map(Node::as_object) {
            if let Some(Node::Object(object)) = entry.get("resource") {
                visit(&name, &Resource { object: object.clone() });
            }
        }
    }
}

/// Where a value is in memory: the evaluator and the paths must come to the same places.
fn place(node: &Node) -> usize {
    match node {
        Node::Object(object) => std::ptr::from_ref(object).addr(),
        other => std::ptr::from_ref(other).addr(),
    }
}

#[test]
fn paths_find_what_the_evaluator_finds() {
    let mut compared = 0;
    each_resource("fhir-r4-examples/json", &mut |name, resource| {
        let context = schema::r4().resource(resource.kind()).expect("R4");
        for parameter in search::table().parameters(resource.kind()).iter().filter(|p| p.is_indexed()) {
            let expression = Expression::compile(parameter.expression, context).expect("tested above");
            let Some(paths) = expression.paths() else { continue };
            let mut followed = BTreeSet::new();
            for path in paths {
                path.each(resource, &mut |node| _ = followed.insert(place(node)));
            }
            let items = expression.evaluate(resource).unwrap_or_else(|e| panic!("{name} {}: {e}", parameter.code));
            let evaluated: BTreeSet<usize> = items.iter().filter_map(item_place).collect();
            let same = if parameter.expression.contains('|') {
                // A union leaves out what is equal to what it has.
                evaluated.is_subset(&followed) && evaluated.is_empty() == followed.is_empty()
            } else {
                evaluated == followed
            };
            assert!(same, "{name} {}: {}", parameter.code, parameter.expression);
            compared += followed.len();
        }
    });
    assert!(compared == 0 || compared > 5_000, "{compared}");
}

fn item_place(item: &Item) -> Option<usize> {
    let Item::Element(element) = item else { return None };
    match element.form {
        Form::Object(object) => Some(std::ptr::from_ref(object).addr()),
        Form::Primitive { value, .. } => value.map(place),
    }
}

/// Every entry of every resource can be asked for again, and the resource is found by it.
#[test]
fn what_is_extracted_is_found() {
    let (mut resources, mut entries) = (0, 0);
    for folder in ["fhir-r4-examples/json", "synthea-r4-smart"] {
        each_resource(folder, &mut |name, resource| {
            resources += 1;
            for entry in search::extract(resource) {
                entries += 1;
                let parameter = search::table().get(entry.parameter).expect("a parameter of the table");
                assert_eq!(parameter.kind, resource.kind());
                let Some((modifier, value)) = question(&entry.value) else { continue };
                let pair = (format!("{}{modifier}", parameter.code), value);
                let query = Query::parse(resource.kind(), &[pair], Handling::Strict)
                    .unwrap_or_else(|issues| panic!("{name} {}: {issues:?} {:?}", parameter.code, entry.value));
                assert!(search::matches(&query, resource), "{name} {}: {:?}", parameter.code, entry.value);
            }
        });
    }
    assert!(resources == 0 || (resources > 2_000 && entries > 20_000), "{resources} {entries}");
}

/// What asks for just this value; none where no question can (an empty code).
fn question(value: &Value) -> Option<(&'static str, String)> {
    let escape = |text: &str| text.replace('\\', "\\\\").replace(',', "\\,").replace('|', "\\|").replace('$', "\\$");
    let coded = |system: &Option<&str>, code: &str| match system {
        Some(system) => format!("{}|{}", escape(system), escape(code)),
        None => escape(code),
    };
    let number = |low: f64, high: f64| match (low.is_finite(), high.is_finite()) {
        (true, true) if low == high => format!("{low:?}"),
        (true, _) => format!("ge{low:?}"),
        (false, _) => format!("le{high:?}"),
    };
    Some(match value {
        Value::Token(token) => ("", coded(&token.system, token.code)),
        Value::OfType(of) => {
            (":of-type", format!("{}|{}", coded(&Some(of.system.unwrap_or("")), of.code), escape(of.value)))
        }
        Value::String(text) => (":exact", escape(text.exact)),
        Value::Reference(Reference::Local { kind, id }) => ("", format!("{kind}/{id}")),
        Value::Reference(Reference::Absolute { url }) => ("", escape(url)),
        Value::Reference(Reference::Canonical { url, version }) if url.contains(':') => {
            ("", escape(&version.map_or(url.to_string(), |version| format!("{url}|{version}"))))
        }
        Value::Reference(Reference::Canonical { .. }) => return None,
        Value::Reference(Reference::Identifier { system, value }) => (":identifier", coded(system, value)),
        Value::Date(_) => (":missing", String::from("false")),
        Value::Number(range) => ("", number(range.low, range.high)),
        Value::Quantity(quantity) => match (quantity.system, quantity.code, quantity.unit) {
            (Some(system), Some(code), _) => {
                ("", format!("{}|{}", number(quantity.range.low, quantity.range.high), coded(&Some(system), code)))
            }
            (_, Some(unit), _) | (_, None, Some(unit)) => {
                ("", format!("{}||{}", number(quantity.range.low, quantity.range.high), escape(unit)))
            }
            _ => ("", number(quantity.range.low, quantity.range.high)),
        },
        Value::Uri(uri) => ("", escape(uri)),
    })
}

/// A class of parameter that finds nothing in all the examples would be one that is not read.
#[test]
fn every_class_of_parameter_finds_something() {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    each_resource("fhir-r4-examples/json", &mut |_, resource| {
        for entry in search::extract(resource) {
            let class = search::table().get(entry.parameter).expect("of the table").class;
            *found.entry(format!("{class:?}")).or_default() += 1;
        }
    });
    for class in [
        ParameterClass::Number,
        ParameterClass::Date,
        ParameterClass::String,
        ParameterClass::Token,
        ParameterClass::Reference,
        ParameterClass::Quantity,
        ParameterClass::Uri,
    ] {
        assert!(found.is_empty() || found.contains_key(&format!("{class:?}")), "{class:?}");
    }
}

#[test]
fn a_resource_is_in_the_compartments_of_the_patients_it_names() {
    for (text, expected) in [
        (
            r#"{"resourceType":"Patient","id":"a","link":[{"other":{"reference":"Patient/b"},"type":"seealso"}]}"#,
            &["a", "b"][..],
        ),
        (r#"{"resourceType":"Patient","active":true}"#, &[]),
        (
            r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/a"},"performer":[{"reference":"Patient/a"},{"reference":"Practitioner/c"},{"reference":"Patient/d"}],"focus":[{"reference":"Patient/e"}]}"#,
            &["a", "d"],
        ),
        (
            r#"{"resourceType":"Encounter","status":"planned","class":{"code":"IMP"},"subject":{"reference":"Group/a"}}"#,
            &[],
        ),
        (r#"{"resourceType":"Organization","id":"o","name":"Patient/a"}"#, &[]),
        (
            r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"https://a.org/Patient/a"}}"#,
            &[],
        ),
    ] {
        let resource = json::read(text.as_bytes()).expect(text);
        assert_eq!(compartment::patients(&resource), expected, "{text}");
    }
    assert!(compartment::parameters("Organization").is_empty());
    let all: usize = search::table().kinds().map(|kind| compartment::parameters(kind).len()).sum();
    assert_eq!(all, 100);
}
