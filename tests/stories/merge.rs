//! Two files turn out to be one person's, and a number changes (safety 3 and 4).

use serde_json::json;

use crate::support::message::{adt, oru};
use crate::support::mllp::Line;
use crate::support::server::Hilum;

fn pid(number: &str, name: &str) -> String {
    format!("PID|1||{number}^^^NORTH^MR||{name}||19710304|F")
}

fn register(line: &mut Line, numbers: &[&str]) {
    for number in numbers {
        line.accepted(&adt("A28", "20260301090000", &pid(number, "Maran^Ilse")));
    }
}

/// `prior` becomes part of `survivor`.
fn merge(trigger: &str, time: &str, survivor: &str, prior: &str) -> Vec<u8> {
    adt(trigger, time, &format!("{}\nMRG|{prior}^^^NORTH^MR", pid(survivor, "Maran^Ilse")))
}

fn sodium(number: &str, order: &str) -> Vec<u8> {
    oru(
        "20260301100000",
        &format!(
            "{}
            OBR|1||{order}^LAB|NA^Sodium^L|||202603010800||||||||||||||||||F
            OBX|1|NM|NA^Sodium^L||140|mmol/L|||||F",
            pid(number, "Maran^Ilse")
        ),
    )
}

fn parked(hilum: &Hilum) -> usize {
    hilum.parked().len()
}

#[test]
fn a_merge_retires_the_prior_for_the_survivor() {
    for trigger in ["A18", "A30", "A34", "A36", "A39", "A40"] {
        let hilum = Hilum::start();
        let mut line = hilum.line();
        register(&mut line, &["1001", "1002"]);
        line.accepted(&sodium("1002", "F1"));
        let fhir = hilum.fhir();
        let (survivor, prior) = (fhir.reference("Patient?identifier=1001"), fhir.reference("Patient?identifier=1002"));
        line.accepted(&merge(trigger, "20260302090000", "1001", "1002"));

        let retired = fhir.get(&prior).json();
        assert_eq!(retired["active"], false, "{trigger}: {retired:#}");
        assert_eq!(retired["link"][0]["type"], "replaced-by", "{trigger}");
        assert_eq!(retired["link"][0]["other"]["reference"], survivor.as_str(), "{trigger}");
        let kept = fhir.get(&survivor).json();
        assert_ne!(kept["active"], false, "{trigger}");
        assert_eq!(kept["link"][0]["type"], "replaces", "{trigger}");
        assert_eq!(kept["link"][0]["other"]["reference"], prior.as_str(), "{trigger}");
        // Stored references stay as they are; search by patient follows the chain.
        let result = fhir.one(&format!("Observation?patient={survivor}"));
        assert_eq!(result["subject"]["reference"], prior.as_str(), "{trigger}");
        assert_eq!(fhir.versions(&format!("Observation/{}", result["id"].as_str().expect("an id"))), 1);
    }
}

#[test]
fn a_late_message_for_the_prior_files_under_the_survivor_and_never_wakes_it() {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    register(&mut line, &["1001", "1002"]);
    let fhir = hilum.fhir();
    let (survivor, prior) = (fhir.reference("Patient?identifier=1001"), fhir.reference("Patient?identifier=1002"));
    line.accepted(&merge("A40", "20260302090000", "1001", "1002"));
    let before = fhir.versions(&prior);

    line.accepted(&sodium("1002", "F2"));
    line.accepted(&adt("A31", "20260303090000", &pid("1002", "Marran^Ilsa")));
    let result = fhir.one(&format!("Observation?patient={survivor}"));
    assert_eq!(result["subject"]["reference"], survivor.as_str());
    assert_eq!(fhir.versions(&prior), before, "the prior is not touched any more");
    assert_eq!(fhir.get(&prior).json()["active"], false);
}

#[test]
fn a_chain_of_merges_is_followed_to_its_end() {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    register(&mut line, &["1001", "1002", "1003"]);
    line.accepted(&sodium("1003", "F3"));
    line.accepted(&merge("A40", "20260302090000", "1002", "1003"));
    line.accepted(&merge("A40", "20260303090000", "1001", "1002"));
    line.accepted(&sodium("1003", "F4"));
    let fhir = hilum.fhir();
    let survivor = fhir.reference("Patient?identifier=1001&active:not=false");
    assert_eq!(
        fhir.search(&format!("Observation?patient={survivor}")).len(),
        2,
        "both results are found at the end of the chain"
    );
    assert_eq!(fhir.search("Patient?active=false").len(), 2);
}

#[test]
fn a_merge_that_comes_twice_is_one_merge() {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    register(&mut line, &["1001", "1002"]);
    for _ in 0..2 {
        line.accepted(&merge("A40", "20260302090000", "1001", "1002"));
    }
    let fhir = hilum.fhir();
    for query in ["Patient?active=false", "Patient?link:missing=false&active:not=false"] {
        assert_eq!(fhir.versions(&fhir.reference(query)), 2, "{query}");
    }
    assert_eq!(parked(&hilum), 0);
}

#[test]
fn a_circle_is_a_persons_business() {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    register(&mut line, &["1001", "1002"]);
    line.accepted(&merge("A40", "20260302090000", "1001", "1002"));
    line.accepted(&merge("A40", "20260303090000", "1002", "1001"));
    assert_eq!(parked(&hilum), 1);
    assert_eq!(hilum.fhir().search("Patient?active=false").len(), 1, "one of the two still lives");
    // The file still takes what comes.
    line.accepted(&sodium("1002", "F5"));
    let survivor = hilum.fhir().reference("Patient?active:not=false");
    hilum.fhir().one(&format!("Observation?patient={survivor}"));
}

#[test]
fn a_survivor_nobody_knows_is_a_stub_and_a_person_is_asked() {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    register(&mut line, &["1002"]);
    let prior = hilum.fhir().reference("Patient?identifier=1002");
    line.accepted(&merge("A40", "20260302090000", "1001", "1002"));
    assert_eq!(parked(&hilum), 1);
    assert_ne!(hilum.fhir().get(&prior).json()["active"], false, "nothing is merged on a guess");
    hilum.fhir().one("Patient?identifier=1001");
    // The person confirms it: the message is replayed, and now the survivor is known.
    hilum.command(&["message", "replay", &hilum.parked()[0]["id"].to_string()]).done();
    assert_eq!(parked(&hilum), 0);
    assert_eq!(hilum.fhir().get(&prior).json()["active"], false);
}

#[test]
fn a_prior_nobody_knows_is_remembered() {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    register(&mut line, &["1001"]);
    line.accepted(&merge("A40", "20260302090000", "1001", "1002"));
    line.accepted(&sodium("1002", "F6"));
    let survivor = hilum.fhir().reference("Patient?identifier=1001");
    hilum.fhir().expect(&format!("Observation?patient={survivor}"), &json!({ "subject": { "reference": survivor } }));
}

#[test]
fn several_pairs_in_one_message_are_all_merged() {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    register(&mut line, &["1001", "1002", "2001", "2002"]);
    let pair = |survivor: &str, prior: &str| format!("{}\nMRG|{prior}^^^NORTH^MR\n", pid(survivor, "Maran^Ilse"));
    line.accepted(&adt("A40", "20260302090000", &format!("{}{}", pair("1001", "1002"), pair("2001", "2002"))));
    assert_eq!(hilum.fhir().search("Patient?active=false").len(), 2);
    for number in ["1002", "2002"] {
        assert_eq!(hilum.fhir().search(&format!("Patient?identifier={number}&active=false")).len(), 1, "{number}");
    }
}

#[test]
fn a_changed_number_keeps_the_patient() {
    for trigger in ["A46", "A47"] {
        let hilum = Hilum::start();
        let mut line = hilum.line();
        register(&mut line, &["1001"]);
        let fhir = hilum.fhir();
        let patient = fhir.reference("Patient?identifier=1001");
        line.accepted(&merge(trigger, "20260302090000", "1009", "1001"));
        assert_eq!(fhir.reference("Patient?identifier=1009"), patient, "{trigger}: the same id, a new number");
        assert_ne!(fhir.get(&patient).json()["active"], false);
        // What still comes with the old number, and with the new one, is filed there.
        line.accepted(&sodium("1001", "F7"));
        line.accepted(&sodium("1009", "F8"));
        assert_eq!(fhir.search(&format!("Observation?patient={patient}")).len(), 2, "{trigger}");
        assert_eq!(fhir.search("Patient").len(), 1, "{trigger}");
    }
}

#[test]
fn moves_are_decided_by_a_person() {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    register(&mut line, &["1001", "1002"]);
    let visit = "MRG|1002^^^NORTH^MR||||V1^^^NORTH\nPV1|1|I|||||||||||||||||V1^^^NORTH";
    for trigger in ["A43", "A45"] {
        let before = parked(&hilum);
        line.accepted(&adt(trigger, "20260302090000", &format!("{}\n{visit}", pid("1001", "Maran^Ilse"))));
        assert_eq!(parked(&hilum), before + 1, "{trigger}");
    }
    assert!(hilum.fhir().search("Patient?active=false").is_empty(), "nobody was retired");
}
