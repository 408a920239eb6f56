//! What stands in fields, as real systems fill them (bad input 32 to 64): everything that can be read is.

use serde_json::{Value, json};

use crate::support::message::{adt, control_id, header, message, oru};
use crate::support::server::Hilum;

/// One message each; a search, and what its one match says.
fn check(cases: &[(&str, Vec<u8>, &str, Value)]) {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    for (name, bytes, query, expected) in cases {
        let answer = line.say(bytes);
        assert_eq!(answer.code(), "AA", "{name}: {}", answer.0);
        let mut found = hilum.fhir().search(query);
        assert_eq!(found.len(), 1, "{name}: {query}: {found:#?}");
        let found = found.remove(0);
        if let Err(fault) = crate::support::json::contains(&found, expected) {
            panic!("{name}: {fault}\n{found:#}");
        }
    }
}

fn person(number: &str, rest: &str) -> Vec<u8> {
    adt("A28", "20260301", &format!("PID|1||{number}^^^NORTH^MR||{rest}"))
}

#[test]
fn headers_are_read_as_they_come() {
    let with = |number: &str, head: &str| {
        let head = head.replace("ID", &control_id());
        message(&format!("{head}\nPID|1||{number}^^^NORTH^MR||Maran^Ilse||19710304|F"))
    };
    let is = |number: &str| format!("Patient?identifier={number}");
    let expected = json!({ "name": [{ "family": "Maran", "given": ["Ilse"] }] });
    let cases: Vec<(&str, Vec<u8>, String)> = vec![
        ("32 five characters", with("1", "MSH|^~\\&#|HIS|NORTH|HILUM|HUB|20260301||ADT^A28|ID|P|2.7"), is("1")),
        ("32 three characters", with("2", "MSH|^~\\|HIS|NORTH|HILUM|HUB|20260301||ADT^A28|ID|P|2.5"), is("2")),
        ("34 no sender and no time", with("4", "MSH|^~\\&|||||||ADT^A28|ID|P|2.5"), is("4")),
        ("35 version 2.1", with("5", "MSH|^~\\&|HIS|NORTH|HILUM|HUB|20260301||ADT^A28|ID|P|2.1"), is("5")),
        ("36 no structure", with("6", "MSH|^~\\&|HIS|NORTH|HILUM|HUB|20260301||ADT^A28|ID|P|2.5"), is("6")),
        (
            "37 the wrong structure",
            with("7", "MSH|^~\\&|HIS|NORTH|HILUM|HUB|20260301||ADT^A28^ADT_A01|ID|P|2.5"),
            is("7"),
        ),
        ("53 lower-case ids", with("8", "msh|^~\\&|HIS|NORTH|HILUM|HUB|20260301||ADT^A28|ID|P|2.5"), is("8")),
    ];
    let cases: Vec<_> =
        cases.iter().map(|(name, bytes, query)| (*name, bytes.clone(), query.as_str(), expected.clone())).collect();
    check(&cases);
}

#[test]
fn a_message_with_delimiters_of_its_own_is_answered_in_them() {
    let hilum = Hilum::start();
    let id = control_id();
    let head = format!("MSH$%~!@$HIS$NORTH$HILUM$HUB$20260301$$ADT%A28${id}$P$2.5");
    let answer = hilum.line().say(&message(&format!("{head}\nPID$1$$3%%%NORTH%MR$$Maran%Ilse")));
    assert!(answer.0.contains(&format!("MSA$AA${id}")), "{}", answer.0);
    hilum.fhir().expect("Patient?identifier=3", &json!({ "name": [{ "family": "Maran", "given": ["Ilse"] }] }));
}

#[test]
fn header_escaped_twice_is_refused_clearly() {
    let hilum = Hilum::start();
    // 33: on its way through JSON MSH-2 became `^~\\&`.
    let answer =
        hilum.line().say(&message("MSH|^~\\\\&|HIS|NORTH|HILUM|HUB|20260301||ADT^A28|X1|P|2.5\nPID|1||1^^^NORTH^MR"));
    assert!(["AE", "AR"].contains(&answer.code()), "{}", answer.0);
    assert_eq!(answer.field("ERR", 2), "MSH^1^2", "{}", answer.0);
}

#[test]
fn values_are_read_as_they_come() {
    check(&[
        (
            "43 escapes",
            person("1", r"Smith \T\ Sons^An\E\n^\X41\^\Zxx\^4\5||19710304|F"),
            "Patient?identifier=1",
            json!({ "name": [{ "family": "Smith & Sons", "given": ["An\\n", "A"] }] }),
        ),
        (
            "45 repeats, empty ones among them",
            person("2", "Maran^Ilse~~Maran^Ilsa^^^^^N~"),
            "Patient?identifier=2",
            json!({ "name": [{ "given": ["Ilse"] }, { "given": ["Ilsa"] }] }),
        ),
        (
            "47 subcomponents in a plain text",
            person("3", "Maran^Ilse&X"),
            "Patient?identifier=3",
            json!({ "name": [{ "family": "Maran" }] }),
        ),
        (
            "54 & unescaped in a name",
            person("4", "Smith & Sons^Ann"),
            "Patient?identifier=4",
            json!({ "name": [{ "given": ["Ann"] }] }),
        ),
        (
            "55 markup",
            person("5", "<b>Maran</b>^&lt;Ilse&gt;"),
            "Patient?identifier=5",
            json!({ "name": [{ "family": "<b>Maran</b>" }] }),
        ),
        (
            "56 control bytes",
            person("6", "Mar\u{1}an^Il\0se"),
            "Patient?identifier=6",
            json!({ "resourceType": "Patient" }),
        ),
        (
            "73 two numbers of one type",
            adt("A28", "20260301", "PID|1||7^^^NORTH^MR~77^^^NORTH^MR||Maran^Ilse"),
            "Patient?identifier=7",
            json!({ "identifier": [{ "value": "7" }, { "value": "77" }] }),
        ),
        (
            "73 a newborn without a name of its own",
            person("8", "^BABY||20260301|U"),
            "Patient?identifier=8",
            json!({ "birthDate": "2026-03-01", "gender": "unknown" }),
        ),
    ]);
}

#[test]
fn times_keep_their_precision_and_lose_nothing() {
    let visit = |number: &str, start: &str| {
        adt(
            "A01",
            "20260301",
            &format!(
                "PID|1||1^^^NORTH^MR||Maran^Ilse\nPV1|1|I|WEST||||||||||||||||{number}^^^NORTH|||||||||||||||||||||||||{start}"
            ),
        )
    };
    let cases: Vec<(&str, &str, &str, Value)> = vec![
        ("57 a year", "V1", "2026", json!("2026")),
        ("57 a month", "V2", "202603", json!("2026-03")),
        ("57 a day", "V3", "20260301", json!("2026-03-01")),
        ("58 no zone: the source's", "V4", "202607011005", json!("2026-07-01T10:05:00+02:00")),
        ("59 +0000", "V5", "20260301100500+0000", json!("2026-03-01T10:05:00+00:00")),
        ("59 -0000: the local zone is not known", "V6", "20260301100500-0000", json!("2026-03-01T10:05:00Z")),
        ("60 fractions", "V7", "20260301100500.25+0100", json!("2026-03-01T10:05:00.25+01:00")),
        ("61 no such day", "V8", "20260230", Value::Null),
        ("61 all zeros", "V9", "00000000", Value::Null),
        ("63 ISO", "V10", "2026-03-01T10:05:00+01:00", json!("2026-03-01T10:05:00+01:00")),
    ];
    let hilum = Hilum::start();
    let mut line = hilum.line();
    for (name, number, start, expected) in cases {
        line.accepted(&visit(number, start));
        let found = hilum.fhir().one(&format!("Encounter?identifier={number}"));
        let found = found["period"]["start"].clone();
        let instant = |value: &Value| value.as_str().map(|text| text.replace("+00:00", "Z"));
        assert_eq!(instant(&found), instant(&expected), "{name}");
    }
}

#[test]
fn results_out_of_their_order_are_still_somebodys() {
    check(&[
        (
            "52 no ORC and no OBR before the result",
            oru(
                "20260301",
                "PID|1||1^^^NORTH^MR||Maran^Ilse\nOBX|1|NM|A^A^L||1|mg/L|||||F\nOBR|1||F1^LAB|P^P^L|||20260301||||||||||||||||||F",
            ),
            "DiagnosticReport?identifier=F1",
            json!({ "status": "final" }),
        ),
        (
            "51 EVN where it does not belong",
            oru(
                "20260301",
                "EVN|R01|20260301\nPID|1||1^^^NORTH^MR||Maran^Ilse\nOBR|1||F2^LAB|P^P^L|||20260301||||||||||||||||||F\nZZZ|1\nOBX|1|NM|B^B^L||1|mg/L|||||F",
            ),
            "Observation?code=B",
            json!({ "status": "final" }),
        ),
        (
            "48 a document with blanks and line ends in it, and in hexadecimal",
            oru(
                "20260301",
                "PID|1||1^^^NORTH^MR||Maran^Ilse\nOBR|1||F3^LAB|P^P^L|||20260301||||||||||||||||||F\nOBX|1|ED|D^D^L||^application^PDF^Base64^JVBE\\.br\\Ri0x LjQK||||||F\nOBX|2|ED|E^E^L||^text^plain^Hex^48696C756D||||||F",
            ),
            "DiagnosticReport?identifier=F3",
            json!({ "presentedForm": [{ "data": "JVBERi0xLjQK" }] }),
        ),
    ]);
}

#[test]
fn a_long_result_is_filed_whole() {
    let hilum = Hilum::start();
    // 50 and 48: many observations, and a document of two megabytes.
    let many: String = (0..500).map(|number| format!("OBX|{number}|NM|C{number}^C^L||{number}|mg/L|||||F\n")).collect();
    let document = "QUJD".repeat(500_000);
    hilum.line().accepted(&message(&format!(
        "{}\nPID|1||1^^^NORTH^MR||Maran^Ilse\nOBR|1||F1^LAB|P^P^L|||20260301||||||||||||||||||F\n{many}OBX|501|ED|PDF^Report^L||^application^PDF^Base64^{document}||||||F",
        header("ORU^R01^ORU_R01", "20260301")
    )));
    let fhir = hilum.fhir();
    assert_eq!(fhir.get("Observation?_summary=count").json()["total"], 500);
    let report = fhir.one("DiagnosticReport");
    assert_eq!(report["result"].as_array().map(Vec::len), Some(500));
    assert_eq!(report["presentedForm"][0]["data"].as_str().map(str::len), Some(2_000_000));
}
