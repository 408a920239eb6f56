//! A source says that two records are one person's, or that they are not: A24 and A37 (safety 4).

use serde_json::{Value, json};

use crate::identity::until;
use crate::support::http::Fhir;
use crate::support::message::adt;
use crate::support::mllp::Line;
use crate::support::server::Hilum;

const ILSE: &str = "Maran^Ilse||19710304|F";
/// Nothing that the engine would join with the first.
const TORA: &str = "Quist^Tora||19880101|F";

fn pid(number: &str, rest: &str) -> String {
    format!("PID|1||{number}^^^NORTH^MR||{rest}")
}

fn says(trigger: &str, one: &str, other: &str) -> Vec<u8> {
    adt(trigger, "20260302090000", &format!("{}\n{}", pid(one, ILSE), pid(other, TORA)))
}

/// A ward that knows 1001 and 1002, who seem to be two people, and a gateway that knows who is one person.
fn ward() -> (Hilum, Line, [String; 2]) {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    for (number, rest) in [("1001", ILSE), ("1002", TORA)] {
        line.accepted(&adt("A28", "20260301090000", &pid(number, rest)));
    }
    let fhir = hilum.fhir();
    let ids = ["1001", "1002"].map(|number| id(&fhir.one(&format!("Patient?identifier={number}"))));
    until("the index", || explain(&fhir, &ids).is_some());
    (hilum, line, ids)
}

fn id(resource: &Value) -> String {
    resource["id"].as_str().expect("an id").to_owned()
}

/// Whether the two are one person; `None` while that is not known.
fn explain(fhir: &Fhir, [one, other]: &[String; 2]) -> Option<bool> {
    let reply = fhir.get(&format!("Patient/$identity-explain?patient={one}&patient={other}"));
    (reply.status == 200).then(|| reply.text.contains(r#""onePerson","valueBoolean":true"#))
}

fn decide(fhir: &Fhir, [one, other]: &[String; 2], decision: &str) {
    let patient = |id: &str| json!({ "name": "patient", "valueReference": { "reference": format!("Patient/{id}") } });
    let decision = json!({ "name": "decision", "valueCode": decision });
    let body = json!({ "resourceType": "Parameters", "parameter": [patient(one), patient(other), decision] });
    let reply = fhir.post("Patient/$identity-decide", &[], &body);
    assert_eq!(reply.status, 200, "{}", reply.text);
}

/// The decision of the two, as the log has it.
fn linkage(fhir: &Fhir) -> Value {
    fhir.one("Linkage")
}

#[test]
fn a_source_links_two_and_takes_it_back() {
    let (hilum, mut line, ids) = ward();
    let fhir = hilum.fhir();
    assert_eq!(explain(&fhir, &ids), Some(false));
    line.accepted(&says("A24", "1001", "1002"));
    assert_eq!(explain(&fhir, &ids), Some(true), "it is done when it is answered");
    let golden = fhir.one(&format!("Patient?link=Patient/{}&_tag=urn:hilum:identity|golden", ids[1]));
    assert_eq!(golden["link"].as_array().map(Vec::len), Some(2), "{golden:#}");
    let decided = linkage(&fhir);
    assert!(decided.to_string().contains("source ward, message"), "it says who decided: {decided:#}");
    assert_eq!(hilum.newest()["outcome"], "applied");
    assert!(hilum.parked().is_empty());
    // Both are sources as they were: nobody is retired, nobody's data is overwritten.
    assert!(fhir.search("Patient?active=false").is_empty());
    assert_eq!(ids.each_ref().map(|id| fhir.versions(&format!("Patient/{id}"))), [1, 1]);

    // Said again, in another message and the other way round, it changes nothing.
    let before = fhir.versions(&format!("Linkage/{}", id(&decided)));
    line.accepted(&says("A24", "1002", "1001"));
    assert_eq!(fhir.versions(&format!("Linkage/{}", id(&decided))), before);

    for _ in 0..2 {
        line.accepted(&says("A37", "1001", "1002"));
        assert_eq!(explain(&fhir, &ids), Some(false));
        assert_eq!(fhir.versions(&format!("Linkage/{}", id(&decided))), before + 1);
    }
    fhir.none("Patient?_tag=urn:hilum:identity|golden");
    assert!(hilum.parked().is_empty());
}

#[test]
fn a_stewards_word_stands_against_every_message() {
    let (hilum, mut line, ids) = ward();
    let fhir = hilum.fhir();
    decide(&fhir, &ids, "not-same");
    line.accepted(&says("A24", "1001", "1002"));
    assert_eq!(explain(&fhir, &ids), Some(false));
    let parked = hilum.parked();
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert!(hilum.newest().to_string().contains("a person has decided otherwise"), "{}", hilum.newest());
    // The steward changes his mind and replays.
    decide(&fhir, &ids, "undo");
    hilum.command(&["message", "replay", &parked[0]["id"].to_string()]).done();
    assert_eq!(explain(&fhir, &ids), Some(true));
    assert!(hilum.parked().is_empty());
    // And may take back what the source said.
    decide(&fhir, &ids, "undo");
    assert_eq!(explain(&fhir, &ids), Some(false));
    decide(&fhir, &ids, "link");
    line.accepted(&says("A37", "1001", "1002"));
    assert_eq!(explain(&fhir, &ids), Some(true));
    assert_eq!(hilum.parked().len(), 1);
}

#[test]
fn a_message_does_not_part_whom_stewards_joined_through_a_third() {
    let (hilum, mut line, ids) = ward();
    let fhir = hilum.fhir();
    line.accepted(&adt("A28", "20260301090000", &pid("1003", "Berg^Anna||19600501|F")));
    let third = id(&fhir.one("Patient?identifier=1003"));
    until("the third", || explain(&fhir, &[ids[0].clone(), third.clone()]).is_some());
    for one in &ids {
        decide(&fhir, &[one.clone(), third.clone()], "link");
    }
    assert_eq!(explain(&fhir, &ids), Some(true));
    line.accepted(&says("A37", "1001", "1002"));
    assert_eq!(explain(&fhir, &ids), Some(true), "the stewards' links stand");
    assert_eq!(hilum.parked().len(), 1);
}

#[test]
fn records_that_nobody_knew_become_known_by_the_message_itself() {
    let (hilum, mut line, _) = ward();
    line.accepted(&says("A24", "2001", "2002"));
    let fhir = hilum.fhir();
    let ids = ["2001", "2002"].map(|number| id(&fhir.one(&format!("Patient?identifier={number}"))));
    assert_eq!(explain(&fhir, &ids), Some(true));
    assert!(hilum.parked().is_empty());
    // One record is nobody's pair.
    line.accepted(&adt("A24", "20260302090000", &format!("{}\n{}", pid("2001", ILSE), pid("2001", ILSE))));
    assert!(hilum.parked().is_empty());
}

#[test]
fn what_was_merged_is_linked_already_and_not_parted_by_an_unlink() {
    let (hilum, mut line, _) = ward();
    line.accepted(&adt("A40", "20260302090000", &format!("{}\nMRG|1002^^^NORTH^MR", pid("1001", ILSE))));
    line.accepted(&says("A24", "1001", "1002"));
    assert!(hilum.parked().is_empty());
    line.accepted(&says("A37", "1001", "1002"));
    assert_eq!(hilum.parked().len(), 1);
    assert!(hilum.newest().to_string().contains("take the merge back first"), "{}", hilum.newest());
}

/// While the index is made nothing is decided: the message is kept, and a replay does it.
#[test]
fn without_the_index_the_message_waits() {
    let (mut hilum, mut line, ids) = ward();
    let data = hilum.directory().join("data").display().to_string();
    let config = hilum.directory().join("hilum.toml").display().to_string();
    line.accepted(&says("A24", "1001", "1002"));
    drop(line);
    let number = hilum.newest()["id"].to_string();
    decide(&hilum.fhir(), &ids, "undo");
    hilum.stop();
    // While no server runs nobody follows the log.
    let replayed = crate::support::cli::hilum(&["message", "replay", &number, "--data", &data, "--config", &config]);
    assert_eq!(replayed.code, 1, "{}", replayed.talk);
    hilum.start_again();
    assert_eq!(hilum.parked().len(), 1, "it waits");
    let fhir = hilum.fhir();
    until("the index", || explain(&fhir, &ids).is_some());
    hilum.command(&["message", "replay", &number]).done();
    assert_eq!(explain(&fhir, &ids), Some(true));
    assert!(hilum.parked().is_empty());
}
