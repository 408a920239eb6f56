//! How fast a resource is indexed and a query is read; `cargo bench -p fhir --bench search`, with `--profile dist` for
//! figures.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use fhir::fhirpath::Expression;
use fhir::search::{self, Handling, Query};
use fhir::{Resource, json, schema};

/// In the shape and size of what a synthetic record generator writes.
const OBSERVATION: &[u8] = br#"{"resourceType":"Observation","id":"5c8f2a62-a4ff-4d1d-8a3e-0a5c3d1e9f10","meta":{"lastUpdated":"2024-05-06T07:08:09.123Z","profile":["http://hl7.org/fhir/StructureDefinition/bp"]},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"vital-signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"Blood Pressure"}],"text":"Blood Pressure"},"subject":{"reference":"Patient/0d1f7b7e-2d3e-4f0a-8d6c-5b6a7c8d9e0f"},"encounter":{"reference":"Encounter/1e2f3a4b-5c6d-4e8f-9a0b-1c2d3e4f5a6b"},"effectiveDateTime":"2019-03-15T09:21:44-04:00","issued":"2019-03-15T09:21:44.123-04:00","component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4","display":"Diastolic Blood Pressure"}],"text":"Diastolic Blood Pressure"},"valueQuantity":{"value":82.10,"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6","display":"Systolic Blood Pressure"}],"text":"Systolic Blood Pressure"},"valueQuantity":{"value":121.7,"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}"#;

const PATIENT: &[u8] = br#"{"resourceType":"Patient","id":"0d1f7b7e-2d3e-4f0a-8d6c-5b6a7c8d9e0f","meta":{"lastUpdated":"2024-05-06T07:08:09.123Z"},"identifier":[{"system":"https://a.example/synthetic","value":"0d1f7b7e-2d3e-4f0a-8d6c-5b6a7c8d9e0f"},{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR","display":"Medical Record Number"}],"text":"Medical Record Number"},"system":"http://hospital.example","value":"0d1f7b7e"}],"name":[{"use":"official","family":"M\u00fcller","given":["Jos\u00e9","Ann"],"prefix":["Mr."]}],"telecom":[{"system":"phone","value":"555-110-2932","use":"home"}],"gender":"male","birthDate":"1974-12-25","address":[{"line":["678 Pfeffer Brook Suite 9"],"city":"Framingham","state":"Massachusetts","postalCode":"01701","country":"US"}],"maritalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M","display":"M"}],"text":"M"},"multipleBirthBoolean":false,"communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"en-US","display":"English"}],"text":"English"}}]}"#;

fn main() {
    divan::main();
}

/// With each, what a store pays for a version: the entries, one by one, without a list of them.
#[divan::bench(args = ["Observation", "Patient"])]
fn each(bencher: Bencher, kind: &str) {
    let resource = resource(kind);
    bencher.counter(ItemsCount::new(1usize)).bench(|| {
        let mut entries = 0;
        search::each(black_box(&resource), &mut |entry| {
            black_box(entry);
            entries += 1;
        });
        entries
    });
}

#[divan::bench(args = ["Observation", "Patient"])]
fn extract(bencher: Bencher, kind: &str) {
    let resource = resource(kind);
    bencher.counter(ItemsCount::new(1usize)).bench(|| search::extract(black_box(&resource)).len());
}

#[divan::bench(args = ["Observation", "Patient"])]
fn patients(bencher: Bencher, kind: &str) {
    let resource = resource(kind);
    bencher.bench(|| fhir::compartment::patients(black_box(&resource)).len());
}

#[divan::bench]
fn query(bencher: Bencher) {
    let pairs =
        [("patient", "Patient/17"), ("code", "http://loinc.org|85354-9,8462-4"), ("date", "ge2024"), ("_count", "20")];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    bencher.bench(|| Query::parse("Observation", black_box(&pairs), Handling::Strict).is_ok());
}

/// What the first resource of a type pays.
#[divan::bench(args = ["Observation", "Patient", "Binary"])]
fn compile_a_type(bencher: Bencher, kind: &str) {
    let context = schema::r4().resource(kind).expect("R4");
    let parameters = search::table().parameters(kind).iter().filter(|parameter| parameter.is_indexed());
    let expressions: Vec<&str> = parameters.map(|parameter| parameter.expression).collect();
    bencher.bench(|| expressions.iter().filter(|text| Expression::compile(black_box(text), context).is_ok()).count());
}

/// The tables are read and the type compiled before anything is measured.
fn resource(kind: &str) -> Resource<'static> {
    let resource = json::read(if kind == "Patient" { PATIENT } else { OBSERVATION }).expect("good");
    search::extract(&resource);
    resource
}
