//! How fast JSON becomes XML and XML is read, and for comparison JSON read, on a whole record in the shape of what a
//! synthetic record generator writes; `cargo bench -p fhir --bench xml`, with `--profile dist` for figures.
//!
//! The records lie beside the checkout; where they are absent a made one stands in.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use fhir::{json, schema, xml};

/// A hundred of them are the record that stands in.
const ENTRY: &str = r#"{"fullUrl":"urn:uuid:5c8f2a62-a4ff-4d1d-8a3e-0a5c3d1e9f10","resource":{"resourceType":"Observation","id":"5c8f2a62-a4ff-4d1d-8a3e-0a5c3d1e9f10","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"vital-signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"Blood Pressure"}],"text":"Blood Pressure"},"subject":{"reference":"urn:uuid:0d1f7b7e-2d3e-4f0a-8d6c-5b6a7c8d9e0f"},"effectiveDateTime":"2019-03-15T09:21:44-04:00","issued":"2019-03-15T09:21:44.123-04:00","valueQuantity":{"value":82.10,"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}}"#;

fn main() {
    schema::r4();
    divan::main();
}

/// Records as they were written, for people, with many blanks.
fn records() -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/synthea-r4-smart");
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
    files.sort();
    if files.is_empty() {
        let entries = vec![ENTRY; 100].join(",");
        return vec![format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{entries}]}}"#).into_bytes()];
    }
    files.iter().map(|path| std::fs::read(path).expect("a record can be read")).collect()
}

/// The same without a blank too many, as it travels.
fn compact_records() -> Vec<Vec<u8>> {
    let compact = |bytes: Vec<u8>| {
        let mut out = Vec::with_capacity(bytes.len());
        json::write(&json::read(&bytes).expect("good"), &mut out);
        out
    };
    records().into_iter().map(compact).collect()
}

fn bytes_of(records: &[Vec<u8>]) -> BytesCount {
    BytesCount::new(records.iter().map(Vec::len).sum::<usize>())
}

#[divan::bench]
fn json_read(bencher: Bencher) {
    let records = records();
    bencher
        .counter(bytes_of(&records))
        .bench_local(|| records.iter().all(|record| json::read(black_box(record)).is_ok()));
}

#[divan::bench]
fn json_read_compact(bencher: Bencher) {
    let records = compact_records();
    bencher
        .counter(bytes_of(&records))
        .bench_local(|| records.iter().all(|record| json::read(black_box(record)).is_ok()));
}

/// Reading strictly and writing, per byte of the JSON without blanks.
#[divan::bench]
fn json_to_xml(bencher: Bencher) {
    let records = compact_records();
    let mut out = Vec::new();
    bencher.counter(bytes_of(&records)).bench_local(|| {
        for record in &records {
            out.clear();
            xml::write(&json::read(black_box(record)).expect("good"), &mut out);
        }
        out.len()
    });
}

/// Writing alone, per byte of the XML.
#[divan::bench]
fn xml_write(bencher: Bencher) {
    let records = compact_records();
    let resources: Vec<_> = records.iter().map(|record| json::read(record).expect("good")).collect();
    let mut out = Vec::new();
    resources.iter().for_each(|resource| xml::write(resource, &mut out));
    let size = BytesCount::new(out.len());
    bencher.counter(size).bench_local(|| {
        out.clear();
        resources.iter().for_each(|resource| xml::write(black_box(resource), &mut out));
        out.len()
    });
}

/// Per byte of the XML.
#[divan::bench]
fn xml_read(bencher: Bencher) {
    let in_xml = |record: Vec<u8>| {
        let mut out = Vec::new();
        xml::write(&json::read(&record).expect("good"), &mut out);
        out
    };
    let records: Vec<Vec<u8>> = compact_records().into_iter().map(in_xml).collect();
    bencher
        .counter(bytes_of(&records))
        .bench_local(|| records.iter().all(|record| xml::read(black_box(record)).is_ok()));
}
