//! How fast expressions are compiled and evaluated; `cargo bench -p fhir --bench fhirpath`, with `--profile dist` for
//! figures.

use divan::{Bencher, black_box};
use fhir::fhirpath::{Environment, Expression, Item};
use fhir::{Resource, json, schema, ucum};

/// In the shape and size of what a synthetic record generator writes.
const OBSERVATION: &[u8] = br#"{"resourceType":"Observation","id":"5c8f2a62-a4ff-4d1d-8a3e-0a5c3d1e9f10","meta":{"lastUpdated":"2024-05-06T07:08:09.123Z","profile":["http://hl7.org/fhir/StructureDefinition/bp"]},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"vital-signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"Blood Pressure"}],"text":"Blood Pressure"},"subject":{"reference":"Patient/0d1f7b7e-2d3e-4f0a-8d6c-5b6a7c8d9e0f"},"encounter":{"reference":"Encounter/1e2f3a4b-5c6d-4e8f-9a0b-1c2d3e4f5a6b"},"effectiveDateTime":"2019-03-15T09:21:44-04:00","issued":"2019-03-15T09:21:44.123-04:00","component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4","display":"Diastolic Blood Pressure"}],"text":"Diastolic Blood Pressure"},"valueQuantity":{"value":82.10,"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6","display":"Systolic Blood Pressure"}],"text":"Systolic Blood Pressure"},"valueQuantity":{"value":121.7,"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}"#;

const PATHS: [&str; 6] = [
    "Observation.status",
    "Observation.code.coding.code",
    "(Observation.component.value as Quantity).value",
    "Observation.subject.where(resolve() is Patient).reference",
    "component.where(code.coding.code = '8480-6').value.value > 100",
    "component.first().value > 80000 'Pa'",
];

/// Those of an Observation that are asked of the whole resource, and the two that are asked of every element.
const INVARIANTS: [&str; 7] = [
    "dataAbsentReason.empty() or value.empty()",
    "value.empty() or component.code.where(coding.intersect(%resource.code.coding).exists()).empty()",
    "contained.contained.empty()",
    "contained.where((('#'+id in (%resource.descendants().reference | %resource.descendants().as(canonical) | %resource.descendants().as(uri) | %resource.descendants().as(url))) or descendants().where(reference = '#').exists() or descendants().where(as(canonical) = '#').exists() or descendants().where(as(canonical) = '#').exists()).not()).trace('unmatched', id).empty()",
    "text.`div`.exists()",
    "hasValue() or (children().count() > id.count())",
    "identifier.empty() or identifier.value.matches('[A-Z]([A-Za-z0-9_]){0,254}')",
];

fn main() {
    divan::main();
}

fn observation() -> Resource<'static> {
    json::read(OBSERVATION).expect("good")
}

fn compiled(text: &str) -> Expression {
    Expression::compile(text, schema::r4().resource("Observation").expect("R4")).expect("compiles")
}

#[divan::bench(args = PATHS.into_iter().chain(INVARIANTS))]
fn compile(bencher: Bencher, text: &str) {
    let context = schema::r4().resource("Observation").expect("R4");
    bencher.bench(|| Expression::compile(black_box(text), context).is_ok());
}

#[divan::bench(args = PATHS)]
fn evaluate(bencher: Bencher, text: &str) {
    let (resource, expression) = (observation(), compiled(text));
    bencher.bench(|| expression.evaluate(black_box(&resource)).expect("evaluates").len());
}

#[divan::bench(args = INVARIANTS)]
fn holds(bencher: Bencher, text: &str) {
    let (resource, expression) = (observation(), compiled(text));
    let environment = Environment::of(&resource).expect("R4");
    let context = Item::Element(environment.resource);
    bencher.bench(|| expression.holds(black_box(&environment), &context).expect("evaluates"));
}

#[divan::bench(args = ["mm[Hg]", "g", "Cel", "[pH]", "tablet"])]
fn canonical(bencher: Bencher, unit: &str) {
    bencher.bench(|| ucum::canonical(black_box(121.7), unit));
}
