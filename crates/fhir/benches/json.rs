//! How fast resources are read and written; `cargo bench -p fhir --bench json`, with `--profile dist` for figures.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use fhir::{json, schema};

/// In the shape and size of what a synthetic record generator writes.
const OBSERVATION: &[u8] = br#"{"resourceType":"Observation","id":"5c8f2a62-a4ff-4d1d-8a3e-0a5c3d1e9f10","meta":{"profile":["http://hl7.org/fhir/StructureDefinition/bp"]},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"vital-signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"Blood Pressure"}],"text":"Blood Pressure"},"subject":{"reference":"urn:uuid:0d1f7b7e-2d3e-4f0a-8d6c-5b6a7c8d9e0f"},"encounter":{"reference":"urn:uuid:1e2f3a4b-5c6d-4e8f-9a0b-1c2d3e4f5a6b"},"effectiveDateTime":"2019-03-15T09:21:44-04:00","issued":"2019-03-15T09:21:44.123-04:00","component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4","display":"Diastolic Blood Pressure"}],"text":"Diastolic Blood Pressure"},"valueQuantity":{"value":82.10,"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6","display":"Systolic Blood Pressure"}],"text":"Systolic Blood Pressure"},"valueQuantity":{"value":121.7,"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}"#;

fn main() {
    schema::r4();
    divan::main();
}

#[divan::bench]
fn read(bencher: Bencher) {
    counted(bencher).bench(|| json::read(black_box(OBSERVATION)).is_ok());
}

#[divan::bench]
fn write(bencher: Bencher) {
    let resource = json::read(OBSERVATION).expect("good");
    let mut out = Vec::with_capacity(OBSERVATION.len());
    counted(bencher).bench_local(|| {
        out.clear();
        json::write(black_box(&resource), &mut out);
        out.len()
    });
}

#[divan::bench]
fn find_an_element(bencher: Bencher) {
    let kind = schema::r4().resource("Observation").expect("R4");
    bencher.bench(|| kind.element(black_box("effectiveDateTime")).is_some());
}

fn counted<'a, 'b>(bencher: Bencher<'a, 'b>) -> Bencher<'a, 'b> {
    bencher.counter(BytesCount::new(OBSERVATION.len())).counter(ItemsCount::new(1usize))
}
