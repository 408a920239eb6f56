//! How many messages become a FHIR Bundle in a second, on one core, trace off.

use gateway::{Gateway, IdKey, Source};
use hl7v2::{Message, Options};

/// The program's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

/// The message as it comes, to the Bundle's JSON: parsed, translated, put together and written.
fn convert(bencher: divan::Bencher<'_, '_>, file: &str) {
    let path = format!("{}/../../tests/data/hl7v2/{file}", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(path).expect("the sample is there");
    let gateway = Gateway::load([]).expect("the base profiles load");
    let (source, ids, options) = (Source::convert(), IdKey::fixed(), Options::default());
    let mut json = Vec::new();
    bencher.counter(divan::counter::ItemsCount::new(1usize)).bench_local(|| {
        let parsed = Message::parse(&bytes, &options).expect("a message");
        let translation = gateway.translate(&parsed.message, &source, &ids, false).expect("a profile is for it");
        let bundle = gateway::bundle(translation);
        json.clear();
        fhir::json::write(&bundle, &mut json);
        json.len()
    });
}

#[divan::bench]
fn adt_a01(bencher: divan::Bencher<'_, '_>) {
    convert(bencher, "07-stanne-a01-brandt.hl7");
}

#[divan::bench]
fn oru_r01_with_20_obx(bencher: divan::Bencher<'_, '_>) {
    convert(bencher, "13-stanne-oru-panel-brandt.hl7");
}
