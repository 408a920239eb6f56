//! No name, number or value of a patient enters a log line, a metric, or an error told to another party (invariant 8).

use crate::support::cli::hilum_with;
use crate::support::http::ask;
use crate::support::message::{adt, header, message, oru};
use crate::support::mllp::framed;
use crate::support::server::{Hilum, WARD};

/// Words that stand in messages and nowhere else.
const CANARIES: [&str; 9] = [
    "Zzyzxfamily",
    "Zzyzxgiven",
    "77441122",
    "19010203",
    "1901-02-03",
    "Zzyzxstreet",
    "5550199",
    "Zzyzxvalue",
    "Zzyzxvisit",
];

const PERSON: &str =
    "PID|1||77441122^^^NORTH^MR||Zzyzxfamily^Zzyzxgiven||19010203|F|||Zzyzxstreet 9^^Norden||+49 5550199";

fn clean(what: &str, text: &str) {
    for canary in CANARIES {
        assert!(!text.contains(canary), "{what} says {canary}:\n{text}");
    }
}

/// Messages that go wrong in every way that there is a way for.
fn unlucky() -> Vec<Vec<u8>> {
    let visit = "PV1|1|I|WEST||||||||||||||||Zzyzxvisit^^^NORTH";
    let mut unlucky = vec![
        adt("A01", "20260301", &format!("{PERSON}\n{visit}")),
        // Everything disagrees; a merge into somebody unknown; nobody named.
        adt("A31", "20260302", "PID|1||77441122^^^NORTH^MR||Other^Person||19880101|M"),
        adt("A40", "20260302", &format!("{}\nMRG|77441122^^^NORTH^MR", PERSON.replace("77441122", "88"))),
        adt("A28", "20260302", "PID|1||77441122^^^^SS||Zzyzxfamily^Zzyzxgiven"),
        // Values that are not what they should be.
        adt(
            "A28",
            "20260302",
            "PID|1||9^^^NORTH^MR||Zzyzxfamily^Zzyzxgiven||Zzyzxvalue|Zzyzxvalue|||||||||||||||||||||Zzyzxvalue",
        ),
        oru(
            "20260302",
            &format!(
                "{PERSON}\nOBR|1||F1^LAB|A^A^L|||Zzyzxvalue||||||||||||||||||Zzyzxvalue\nOBX|1|NM|A^A^L||Zzyzxvalue|||||F|||Zzyzxvalue"
            ),
        ),
        oru(
            "20260302",
            &format!(
                "{PERSON}\nOBR|1||F2^LAB|A^A^L|||20260301||||||||||||||||||F\nOBX|1|ED|A^A^L||^application^PDF^Base64^Zzyzxvalue!||||||F"
            ),
        ),
        message(&format!("{}\n{PERSON}\nZZyzxvalue\nPV1|Zzyzxvalue|Zzyzxvalue", header("ADT^A01", "20260301"))),
        message(&format!("{}\n{PERSON}", header("XYZ^Z99", "20260301"))),
        message(&format!(
            "MSH|^~\\&|HIS|NORTH|HILUM|HUB|Zzyzxvalue||ADT^A28|Zzyzxvalue|Zzyzxvalue|Zzyzxvalue\n{PERSON}"
        )),
        PERSON.as_bytes().to_vec(),
        format!("MSH|^^^^|{PERSON}\r{PERSON}").into_bytes(),
        [header("ADT^A28", "20260301").as_bytes(), b"\rPID|1||9^^^NORTH^MR||Zzyzxfamily\xFF\xFE^Zzyzxgiven\r"].concat(),
        adt("A28", "20260302", &format!("{PERSON}\nNTE|1||{}", "Zzyzxvalue".repeat(20_000))),
    ];
    unlucky.push([b"FHS|^~\\&|Zzyzxvalue\r", &unlucky[0][..], b"BTS|Zzyzxvalue\r"].concat());
    unlucky
}

#[test]
fn what_goes_wrong_is_told_without_saying_of_whom() {
    let mut hilum = Hilum::configured(&format!("{WARD}message_bytes_max = 100000\n\n[log]\nlevel = \"trace\"\n"));
    for bytes in unlucky() {
        let mut line = hilum.line();
        line.write(&framed(&bytes));
        let answer = line.answer();
        // An answer goes back to whoever sent the header, with its control id.
        clean("the answer", &answer.0.replace(&format!("|{}", answer.of()), "|"));
        let http = ask("POST", &format!("{}/hl7v2", hilum.http()), &[("content-type", "text/plain")], &bytes);
        if http.status != 200 {
            clean("the refusal over HTTP", &http.text);
        }
    }
    // Half a frame, garbage, and a line that breaks.
    for bytes in [&framed(&unlucky()[0])[..60], PERSON.as_bytes(), b"\x0BZzyzxvalue\x1C"] {
        hilum.line().write(bytes);
    }
    // FHIR that is refused, and searches for people who are not there.
    let fhir = hilum.fhir();
    for body in [
        r#"{"resourceType":"Patient","name":[{"family":"Zzyzxfamily"}],"birthDate":"Zzyzxvalue"}"#,
        r#"{"resourceType":"Patient","name":[{"family":"Zzyzxfamily"}],"Zzyzxvalue":1}"#,
        r#"{"resourceType":"Patient","name":"Zzyzxfamily"#,
    ] {
        let url = format!("{}/Patient", fhir.base);
        let reply = ask("POST", &url, &[("content-type", "application/fhir+json")], body.as_bytes());
        assert_eq!(reply.status, 400, "{}", reply.text);
        let told = reply.text.replace("Patient.Zzyzxvalue", "the element");
        clean("the OperationOutcome", &told);
    }
    fhir.get("Patient?family=Zzyzxfamily&birthdate=1901-02-03");
    fhir.get("Patient?identifier=77441122&_sort=Zzyzxvalue");
    fhir.get("Patient/77441122");
    for message in hilum.messages("") {
        clean("the list of messages", &message["why"].to_string());
    }
    clean("the metrics", &ask("GET", &format!("{}/metrics", hilum.http()), &[], &[]).text);
    let (_, log) = hilum.stop();
    assert!(!log.contains("panicked"), "{log}");
    clean("the log", &log);
}

#[test]
fn commands_talk_without_saying_of_whom() {
    for bytes in unlucky() {
        let ran = hilum_with(&["convert", "-"], &bytes);
        clean("the talk of convert", &ran.talk);
        assert!(!ran.talk.contains("panicked"), "{ran:?}");
    }
}
