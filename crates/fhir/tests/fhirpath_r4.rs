//! R4's own expressions: every invariant of its definitions compiles, and has an answer on every element of the official
//! examples. What the invariants say of them is for the validator to judge; here only the known faults of the examples
//! and of the invariants are counted, so that a change of the evaluator would be seen.
//!
//! The data lies beside the checkout; where it is absent the tests say so and pass.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fhir::fhirpath::{Environment, Expression, Item};
use fhir::schema::{self, Class};
use fhir::{Resource, json};
use serde_json::Value;

/// Invariants of R4 that ask for what is not there.
const MISTAKEN: [(&str, &str); 1] = [("cid-0", "ChargeItemDefinition has no element name")];

fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(path);
    if !path.exists() {
        #[expect(clippy::print_stderr, reason = "a skipped test is seen")]
        {
            eprintln!("skipped: {} is not here", path.display());
        }
        return None;
    }
    Some(path)
}

/// An invariant, and where it is stated.
struct Invariant {
    key: String,
    path: String,
    expression: Expression,
}

/// The invariants of each type, by the type's name.
type Invariants = BTreeMap<&'static str, Vec<Invariant>>;

/// Those of an element that is no type of its own (`Organization.telecom`) are asked of the type that has it.
fn invariants(file: &Path) -> Invariants {
    let text = std::fs::read_to_string(file).expect("the definitions can be read");
    let mut found = Invariants::new();
    for line in text.lines() {
        let definition: Value = serde_json::from_str(line).expect("a definition is JSON");
        let known = definition["type"].as_str().and_then(|name| schema::r4().kind(name)).is_some();
        if definition["derivation"] == "constraint" || !known {
            continue;
        }
        for element in definition["snapshot"]["element"].as_array().expect("elements") {
            for constraint in element["constraint"].as_array().into_iter().flatten() {
                add(&mut found, element, constraint);
            }
        }
    }
    found
}

fn add(found: &mut Invariants, element: &Value, constraint: &Value) {
    let (Some(path), Some(text)) = (element["path"].as_str(), constraint["expression"].as_str()) else { return };
    let key = constraint["key"].as_str().expect("a key").to_owned();
    let (kind, text) = match schema::r4().kind(path) {
        Some(kind) => (kind, text.to_owned()),
        // Every element and every extension has these; they are asked of each by its own type.
        None if matches!(key.as_str(), "ele-1" | "ext-1") => return,
        None => {
            let (owner, name) = path.rsplit_once('.').expect("an element is of a type");
            let Some(kind) = schema::r4().kind(owner) else { return };
            let stem = name.trim_end_matches("[x]");
            if let Some(of) = of_a_type(element, &key) {
                // The type states it by itself.
                assert!(schema::r4().kind(of).is_some(), "{path} {key}");
                return;
            }
            (kind, format!("`{stem}`.all({text})"))
        }
    };
    let expression = match Expression::compile(&text, kind) {
        Ok(expression) => expression,
        Err(error) if MISTAKEN.contains(&(key.as_str(), error.text.as_str())) => return,
        Err(error) => panic!("{path} {key} {text}: {error}"),
    };
    assert!(!expression.finds_nothing(), "{path} {key}");
    found.entry(kind.name).or_default().push(Invariant { key, path: path.to_owned(), expression });
}

fn of_a_type<'v>(element: &'v Value, key: &str) -> Option<&'v str> {
    let source = element["constraint"].as_array()?.iter().find(|constraint| constraint["key"] == key)?;
    let source = source["source"].as_str()?.rsplit('/').next()?;
    (element["path"].as_str()?.split('.').next()? != source).then_some(source)
}

/// What the invariants find in the official examples, all of it true of them: names with a hyphen, narratives without a
/// word, no narrative at all. Only que-7 is itself mistaken: it wants a System.Boolean where FHIR has a boolean.
const BROKEN: [(&str, usize); 5] = [("dom-6", 181), ("pdf-0", 4), ("que-7", 1), ("txt-1", 4), ("txt-2", 4)];

#[test]
fn every_invariant_has_an_answer_on_every_example() {
    let (Some(definitions), Some(examples)) =
        (shared("fhir-r4-definitions/StructureDefinition.ndjson"), shared("fhir-r4-examples/json"))
    else {
        return;
    };
    let invariants = invariants(&definitions);
    let stated: BTreeSet<&str> = invariants.values().flatten().map(|invariant| invariant.key.as_str()).collect();
    assert_eq!(stated.len(), 236);
    let (mut asked, mut faults, mut broken) = (0usize, Vec::new(), BTreeMap::<&str, usize>::new());
    each_resource(&examples, &mut |name, resource| {
        for element in elements(resource) {
            let Item::Element(within) = &element else { continue };
            let environment = match within.kind.class {
                Class::Resource => Environment::around(*within),
                _ => Environment::of(resource).expect("R4"),
            };
            for invariant in invariants.get(within.kind.name).into_iter().flatten() {
                asked += 1;
                match invariant.expression.holds(&environment, &element) {
                    Ok(Some(true) | None) => {}
                    Ok(Some(false)) => *broken.entry(&invariant.key).or_default() += 1,
                    Err(error) => faults.push(format!("{name} {}: {error}", invariant.path)),
                }
            }
        }
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(asked > 50_000, "{asked}");
    assert_eq!(broken, BTreeMap::from(BROKEN));
}

fn each_resource(folder: &Path, visit: &mut dyn FnMut(&str, &Resource)) {
    for entry in std::fs::read_dir(folder).expect("a folder can be listed") {
        let path = entry.expect("a folder can be listed").path();
        let bytes = std::fs::read(&path).expect("an example can be read");
        if let Ok(resource) = json::read(&bytes) {
            visit(&path.display().to_string(), &resource);
        }
    }
}

/// The resource and all that is in it.
fn elements<'r>(resource: &'r Resource<'_>) -> Vec<Item<'r>> {
    let context = schema::r4().resource(resource.kind()).expect("R4");
    let all = Expression::compile("$this.combine(descendants())", context).expect("compiles");
    all.evaluate(resource).expect("evaluates")
}

/// As they are published, several types in one expression, on every resource of each of their types.
#[test]
fn every_search_parameter_has_an_answer_on_every_example() {
    let (Some(definitions), Some(examples)) =
        (shared("fhir-r4-definitions/SearchParameter.ndjson"), shared("fhir-r4-examples/json"))
    else {
        return;
    };
    let text = std::fs::read_to_string(definitions).expect("the definitions can be read");
    let mut expressions: BTreeMap<&str, Vec<(String, Expression)>> = BTreeMap::new();
    for line in text.lines() {
        let parameter: Value = serde_json::from_str(line).expect("a definition is JSON");
        let Some(text) = parameter["expression"].as_str() else { continue };
        for base in parameter["base"].as_array().expect("bases").iter().filter_map(Value::as_str) {
            let Some(kind) = schema::r4().kind(base) else { continue };
            let expression = Expression::compile(text, kind).unwrap_or_else(|error| panic!("{base} {text}: {error}"));
            expressions.entry(kind.name).or_default().push((text.to_owned(), expression));
        }
    }
    let (mut asked, mut found) = (0usize, 0usize);
    each_resource(&examples, &mut |name, resource| {
        let own = expressions.get(resource.kind()).into_iter().flatten();
        for (text, expression) in own.chain(expressions.get("Resource").into_iter().flatten()) {
            let items = expression.evaluate(resource).unwrap_or_else(|error| panic!("{name} {text}: {error}"));
            asked += 1;
            found += items.len();
        }
    });
    assert!(asked > 5_000 && found > 5_000, "{asked} {found}");
}
