//! How long a small patch of an ordinary resource takes, by either form.

use divan::{Bencher, black_box};
use fhir::{json, patch};

fn main() {
    divan::main();
}

const PATIENT: &[u8] = br#"{"resourceType":"Patient","id":"p1","active":true,"identifier":[{"system":"urn:oid:1.2.36.146.595.217.0.1","value":"12345"}],"name":[{"use":"official","family":"Chalmers","given":["Peter","James"]},{"use":"usual","given":["Jim"]}],"telecom":[{"system":"phone","value":"(03) 5555 6473","use":"work","rank":1}],"gender":"male","birthDate":"1974-12-25","address":[{"use":"home","type":"both","text":"534 Erewhon St","line":["534 Erewhon St"],"city":"PleasantVille"}],"contact":[{"name":{"family":"du March","given":["Ben"]},"gender":"female"}],"managingOrganization":{"reference":"Organization/1"}}"#;

#[divan::bench]
fn json_patch(bencher: Bencher<'_, '_>) {
    let patient = json::read(PATIENT).expect("good");
    let operations = br#"[{"op":"test","path":"/name/0/family","value":"Chalmers"},{"op":"replace","path":"/name/0/family","value":"Chambers"},{"op":"add","path":"/telecom/-","value":{"system":"email"}}]"#;
    bencher.bench(|| patch::json_patch(black_box(&patient), operations));
}

#[divan::bench]
fn fhirpath_patch(bencher: Bencher<'_, '_>) {
    let patient = json::read(PATIENT).expect("good");
    let operations = json::read(br#"{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Patient.name.where(use = 'official').family"},{"name":"value","valueString":"Chambers"}]},{"name":"operation","part":[{"name":"type","valueCode":"add"},{"name":"path","valueString":"Patient"},{"name":"name","valueString":"telecom"},{"name":"value","valueContactPoint":{"system":"email"}}]}]}"#).expect("good");
    bencher.bench(|| patch::fhirpath_patch(black_box(&patient), &operations));
}
