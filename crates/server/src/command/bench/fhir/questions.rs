//! The requests of each kind, ready to be sent.

use std::net::SocketAddr;

use super::known::Known;
use super::people;
use super::wire;
use crate::http::{FHIR, encoded};

/// Requests that are made ready for each kind; clients ask them in turn, over and over.
const READY: usize = 5_000;
/// Codes that every visit may have; Synthea has them too.
const CODES: [&str; 4] = ["8302-2", "29463-7", "39156-5", "85354-9"];
/// Days of a hundredth of [`people::DAYS`].
const WINDOW_DAYS: i64 = (people::DAYS / 100) as i64;

pub fn small_transactions(address: SocketAddr, known: &Known) -> Vec<Vec<u8>> {
    ready(&known.patients, |at, patient| wire::post(address, FHIR, &people::small_transaction(at as u64, patient)))
}

pub fn large_transactions(address: SocketAddr, known: &Known, observations: usize) -> Vec<Vec<u8>> {
    let patients = known.patients.iter().take(4).enumerate();
    let transactions = patients.map(|(at, patient)| people::large_transaction(at as u64, patient, observations));
    transactions.map(|body| wire::post(address, FHIR, &body)).collect()
}

/// What is asked, by how many clients, and how it is asked.
pub type Questions = Vec<(&'static str, usize, Vec<Vec<u8>>)>;

pub fn questions(address: SocketAddr, known: &Known, many: usize) -> Questions {
    let get = |path: String| wire::get(address, &format!("{FHIR}/{path}"));
    let code = |at: usize| encoded(&format!("http://loinc.org|{}", CODES[at % CODES.len()]));
    let patients = |ask: &dyn Fn(usize, &String) -> String| ready(&known.patients, |at, id| get(ask(at, id)));
    let identified = |ask: &dyn Fn(usize, String) -> String| {
        ready(&known.identifiers, |at, identifier| get(ask(at, encoded(identifier))))
    };
    let window = |at: usize| {
        let begins = people::FIRST_DAY
            .saturating_add(jiff::Span::new().days((at as i64 * 97) % (people::DAYS as i64 - WINDOW_DAYS)));
        let ends = begins.saturating_add(jiff::Span::new().days(WINDOW_DAYS));
        format!("date=ge{begins}&date=lt{ends}")
    };
    let dated = (0..READY).map(|at| get(format!("Observation?code={}&{}&_sort=date&_count=50", code(at), window(at))));
    let asked = vec![
        ("read by id", many, ready(&known.resources, |_, place| get(place.clone()))),
        ("patient and code", many, patients(&|at, id| format!("Observation?patient={id}&code={}", code(at)))),
        ("code, 1 % of dates, by date", 1, dated.collect()),
        (
            "_include",
            1,
            patients(&|_, id| format!("MedicationRequest?patient={id}&_include=MedicationRequest:encounter")),
        ),
        ("_revinclude", 1, patients(&|_, id| format!("Patient?_id={id}&_revinclude=Condition:patient"))),
        ("chain", 1, identified(&|at, who| format!("Observation?patient.identifier={who}&code={}", code(at)))),
        (
            "_has",
            1,
            identified(&|at, who| format!("Patient?identifier={who}&_has:Observation:patient:code={}", code(at))),
        ),
    ];
    asked.into_iter().filter(|(_, _, requests)| !requests.is_empty()).collect()
}

/// A request for each of these, over and over, without their order.
fn ready(of: &[String], make: impl Fn(usize, &String) -> Vec<u8>) -> Vec<Vec<u8>> {
    // A step that no usual count shares a divisor with comes past all of them.
    const STEP: usize = 7_919;
    if of.is_empty() {
        return Vec::new();
    }
    (0..READY.max(of.len())).map(|at| make(at, &of[(at * STEP) % of.len()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_ready_to_be_sent() {
        let address = "127.0.0.1:1".parse().expect("an address");
        let mut known = Known::default();
        known.patients = vec!["a".to_owned(), "b".to_owned()];
        known.resources = vec!["Patient/a".to_owned()];
        known.identifiers = vec!["urn:x|1 2".to_owned()];
        let asked = questions(address, &known, 16);
        let firsts: Vec<String> = asked
            .iter()
            .map(|(what, _, requests)| {
                assert!(requests.len() >= READY, "{what}");
                let text = String::from_utf8(requests[0].clone()).expect("text");
                assert!(text.ends_with("\r\n\r\n"), "{what}");
                text.split(' ').nth(1).expect("a path").to_owned()
            })
            .collect();
        assert_eq!(
            firsts,
            [
                "/fhir/Patient/a",
                "/fhir/Observation?patient=a&code=http://loinc.org|8302-2",
                "/fhir/Observation?code=http://loinc.org|8302-2&date=ge2010-01-01&date=lt2010-02-06&_sort=date&_count=50",
                "/fhir/MedicationRequest?patient=a&_include=MedicationRequest:encounter",
                "/fhir/Patient?_id=a&_revinclude=Condition:patient",
                "/fhir/Observation?patient.identifier=urn:x|1%202&code=http://loinc.org|8302-2",
                "/fhir/Patient?identifier=urn:x|1%202&_has:Observation:patient:code=http://loinc.org|8302-2",
            ]
        );
    }

    #[test]
    fn where_nobody_is_known_only_dates_are_asked_for() {
        let address = "127.0.0.1:1".parse().expect("an address");
        let asked = questions(address, &Known::default(), 16);
        assert_eq!(asked.iter().map(|(what, ..)| *what).collect::<Vec<_>>(), ["code, 1 % of dates, by date"]);
        assert!(small_transactions(address, &Known::default()).is_empty());
    }
}
