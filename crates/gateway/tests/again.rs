//! What is said again in one message: a profile that reads nothing but its value is run once for equal values, and
//! nobody can tell.

use gateway::{Gateway, IdKey, Source};
use hl7v2::{Message, Options};

/// The family names of the message's practitioners, and the places of its residue.
fn convert(identifiers: &str, performers: &[&str]) -> (Vec<String>, Vec<String>) {
    let mut text = format!(
        "MSH|^~\\&|LAB|CLINIC|HUB|HUB|20260101||ORU^R01^ORU_R01|1|P|2.5.1\rPID|1||{identifiers}||A^B\rOBR|1||F-1^LAB|X^Panel^L\r"
    );
    for (at, performer) in performers.iter().enumerate() {
        text.push_str(&format!("OBX|{at}|NM|{at}^Sodium^L||138|mmol/L|||||F|||||{performer}\r"));
    }
    let parsed = Message::parse(text.as_bytes(), &Options::default()).expect("a message");
    let gateway = Gateway::load([]).expect("the base profiles load");
    let (source, ids) = (Source::convert(), IdKey::fixed());
    let translation = gateway.translate(&parsed.message, &source, &ids, false).expect("a profile is for it");
    let residue = translation.residue.clone();
    let bundle = gateway::bundle(translation);
    let mut families = Vec::new();
    for entry in bundle.object.items("entry") {
        let resource = entry.as_object().and_then(|entry| entry.get("resource")?.as_object()).expect("a resource");
        if resource.str("resourceType") == Some("Practitioner") {
            let names = resource.items("name").iter().filter_map(|name| name.as_object()?.str("family"));
            families.extend(names.map(str::to_owned));
        }
    }
    (families, residue)
}

#[test]
fn equal_values_leave_equal_residue() {
    // CX.6 is no rule's.
    let (_, residue) = convert("7^^^C^MR^WARD~7^^^C^MR^WARD", &[]);
    let of_identifiers: Vec<_> = residue.iter().filter(|place| place.starts_with("PID-3")).collect();
    assert_eq!(of_identifiers, ["PID-3.6", "PID-3[2].6"]);
}

#[test]
fn what_differs_is_said_beside_what_is_equal() {
    let (one, other) = ("4451^Adeyemi^^^^^^^STANNE", "4451^Cole^^^^^^^STANNE");
    assert_eq!(convert("7^^^C^MR", &[one, one]).0, ["Adeyemi"]);
    assert_eq!(convert("7^^^C^MR", &[one, other, one]).0, ["Adeyemi", "Cole"]);
}
