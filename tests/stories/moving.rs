//! What was filed under the wrong patient is moved to the right one, and taken back where it was (safety 14).

use serde_json::{Value, json};

use crate::support::http::{Fhir, Reply, ask, reference};
use crate::support::message::{adt, oru};
use crate::support::mllp::Line;
use crate::support::server::Hilum;

const TWINS: [(&str, &str); 3] = [("1001", "Maran^Ilse"), ("1002", "Maran^Iris"), ("1003", "Quist^Tora")];

fn pid(number: &str) -> String {
    let name = TWINS.iter().find(|(known, _)| *known == number).expect("one of them").1;
    format!("PID|1||{number}^^^NORTH^MR||{name}||19710304|F")
}

/// A ward with twins and somebody else.
fn ward() -> (Hilum, Line, [String; 3]) {
    let hilum = Hilum::start();
    let mut line = hilum.line();
    for (number, _) in TWINS {
        line.accepted(&adt("A28", "20260301090000", &pid(number)));
    }
    let fhir = hilum.fhir();
    let patients = TWINS.map(|(number, _)| fhir.reference(&format!("Patient?identifier={number}")));
    (hilum, line, patients)
}

/// An order with its results: name, value, status.
fn order(number: &str, status: &str, results: &[(&str, &str)]) -> String {
    let mut text = format!("OBR|1||{number}^LAB|CHEM^Chemistry^L|||202603010800||||||||||||||||||{status}\n");
    for (at, (name, value)) in results.iter().enumerate() {
        text.push_str(&format!("OBX|{}|NM|{name}^{name}^L||{value}|mmol/L|||||{status}|||202603010800\n", at + 1));
    }
    text
}

fn results(patient: &str, time: &str, orders: &str) -> Vec<u8> {
    oru(time, &format!("{}\n{orders}", pid(patient)))
}

/// Values of the results that count for a patient.
fn valid(fhir: &Fhir, patient: &str) -> Vec<String> {
    let found = fhir.search(&format!("Observation?patient={patient}&status:not=entered-in-error"));
    let mut values: Vec<String> = found.iter().map(|of| of["valueQuantity"]["value"].to_string()).collect();
    values.sort_unstable();
    values
}

fn message_id(hilum: &Hilum) -> String {
    hilum.newest()["id"].to_string()
}

fn moved(hilum: &Hilum, message: &str, to: &str) -> String {
    hilum.command(&["message", "move", message, "--to", to]).done().out
}

#[test]
fn a_result_of_the_wrong_twin_is_moved_with_all_that_comes_for_it_later() {
    let (hilum, mut line, [wrong, right, other]) = ward();
    let fhir = hilum.fhir();
    line.accepted(&results("1001", "20260301100000", &order("F1", "F", &[("NA", "140"), ("K", "4.1")])));
    let message = message_id(&hilum);
    line.accepted(&results("1001", "20260301100000", &order("F2", "F", &[("CL", "101")])));
    let old = fhir.one(&format!("Observation?patient={wrong}&code=K"));

    // First it is said what will be done.
    let before = fhir.history(&reference(&old)).len();
    let preview = hilum.command(&["message", "move", &message, "--to", &right, "--preview"]).done();
    assert!(preview.out.contains(&reference(&old)) && preview.out.contains("entered-in-error"), "{}", preview.out);
    assert_eq!((fhir.history(&reference(&old)).len(), valid(&fhir, &right).len()), (before, 0));

    let told = moved(&hilum, &message, &right);
    assert!(told.contains(&wrong) && told.contains(&right), "{told}");
    assert_eq!((valid(&fhir, &wrong), valid(&fhir, &right)), (vec!["101".into()], vec!["140".into(), "4.1".into()]));

    // Under the wrong twin it is there as an error, in everything that is asked of her.
    let taken_back = fhir.get(&reference(&old)).json();
    assert_eq!(
        (&taken_back["status"], &taken_back["subject"]["reference"]),
        (&json!("entered-in-error"), &json!(wrong))
    );
    let everything = fhir.get(&format!("{wrong}/$everything?_type=Observation,DiagnosticReport,ServiceRequest")).json();
    for entry in everything["entry"].as_array().expect("entries") {
        let resource = &entry["resource"];
        let is_other = resource.to_string().contains("F2") || resource["valueQuantity"]["value"] == 101;
        assert!(is_other || resource["status"] == "entered-in-error", "{resource:#}");
    }
    let lastn = |patient: &str| {
        fhir.get(&format!("Observation/$lastn?patient={patient}&code=K,NA,CL&max=5")).json()["total"].clone()
    };
    assert_eq!((lastn(&wrong), lastn(&right)), (json!(1), json!(2)));
    // Under the right one it is whole: the report names the new results.
    let report = fhir.one(&format!("DiagnosticReport?patient={right}"));
    assert_eq!(report["result"].as_array().map(Vec::len), Some(2), "{report:#}");
    let new = fhir.one(&format!("Observation?patient={right}&code=K"));
    assert!(report["result"].to_string().contains(&reference(&new)), "{report:#}");
    assert_ne!(new["id"], old["id"]);
    let provenance = fhir.one(&format!("Provenance?target={}", reference(&new)));
    assert!(provenance.to_string().contains(&reference(&old)) && provenance["agent"][0]["who"]["display"].is_string());
    assert!(hilum.newest().to_string().contains(&message_id(&hilum)));
    let shown = hilum.command(&["message", "show", &message]).done();
    assert!(shown.out.contains("moved by"), "{}", shown.out);

    // Done again, and replayed, it changes nothing.
    assert!(moved(&hilum, &message, &right).contains("nothing to move"));
    hilum.command(&["message", "replay", &message]).done();
    assert_eq!((valid(&fhir, &wrong), valid(&fhir, &right)), (vec!["101".into()], vec!["140".into(), "4.1".into()]));
    assert_eq!(fhir.versions(&reference(&new)), 1);

    // A correction follows, whichever twin the laboratory names; so does a result that it adds, and no other order.
    let corrected = format!(
        "{}{}",
        order("F1", "C", &[("NA", "140"), ("K", "5.2"), ("MG", "0.9")]),
        order("F2", "C", &[("CL", "99")])
    );
    line.accepted(&results("1001", "20260301110000", &corrected));
    assert!(hilum.parked().is_empty(), "{}", hilum.newest());
    assert_eq!(valid(&fhir, &wrong), ["99"]);
    assert_eq!(valid(&fhir, &right), ["0.9", "140", "5.2"]);
    line.accepted(&results("1002", "20260301120000", &order("F1", "C", &[("K", "5.3")])));
    assert!(hilum.parked().is_empty());
    assert_eq!(
        (valid(&fhir, &wrong), valid(&fhir, &right)),
        (vec!["99".into()], vec!["0.9".into(), "140".into(), "5.3".into()])
    );
    assert_eq!(fhir.get(&reference(&old)).json()["status"], "entered-in-error");
    // A third patient is nobody's guess.
    line.accepted(&results("1003", "20260301130000", &order("F1", "C", &[("K", "9.9")])));
    assert_eq!((hilum.parked().len(), valid(&fhir, &other).len()), (1, 0));
}

#[test]
fn what_was_moved_wrongly_is_moved_back() {
    let (hilum, mut line, [wrong, right, _]) = ward();
    let fhir = hilum.fhir();
    line.accepted(&results("1001", "20260301100000", &order("F1", "F", &[("K", "4.1")])));
    let message = message_id(&hilum);
    for _ in 0..2 {
        moved(&hilum, &message, &right);
        assert_eq!((valid(&fhir, &wrong).len(), valid(&fhir, &right).len()), (0, 1));
        moved(&hilum, &message, &wrong);
        assert_eq!((valid(&fhir, &wrong).len(), valid(&fhir, &right).len()), (1, 0));
    }
    line.accepted(&results("1001", "20260301110000", &order("F1", "C", &[("K", "5.2")])));
    assert_eq!((valid(&fhir, &wrong), valid(&fhir, &right).len()), (vec!["5.2".to_owned()], 0));
    assert!(hilum.parked().is_empty());
}

#[test]
fn what_a_message_overwrote_is_there_again() {
    let (hilum, mut line, [one, other, _]) = ward();
    let fhir = hilum.fhir();
    let mut messages = Vec::new();
    for (time, status, value) in [("10", "P", "4.1"), ("11", "F", "4.2"), ("12", "C", "4.3")] {
        line.accepted(&results("1001", &format!("20260301{time}0000"), &order("F1", status, &[("K", value)])));
        messages.push(message_id(&hilum));
    }
    let refused = hilum.command(&["message", "move", &messages[1], "--to", &other]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.talk.contains("changed again after it"), "{refused:?}");
    assert_eq!((valid(&fhir, &one), valid(&fhir, &other).len()), (vec!["4.3".to_owned()], 0), "nothing was done");
    let told = moved(&hilum, &messages[2], &other);
    assert!(told.contains("restored"), "{told}");
    assert_eq!((valid(&fhir, &one), valid(&fhir, &other)), (vec!["4.2".to_owned()], vec!["4.3".to_owned()]));
}

#[test]
fn a_visit_that_a_result_made_by_the_way_is_taken_back() {
    let (hilum, mut line, [wrong, right, _]) = ward();
    let fhir = hilum.fhir();
    let visit = |number: &str| format!("PV1|1|I|WEST^12||||||||||||||||{number}^^^NORTH");
    let stay = adt("A01", "20260301090000", &format!("{}\n{}", pid("1001"), visit("V1")));
    line.accepted(&stay);
    let sent = |number: &str, of: &str| {
        oru("20260301100000", &format!("{}\n{}\n{}", pid("1001"), visit(of), order(number, "F", &[("K", "4.1")])))
    };
    for (number, of) in [("F1", "V1"), ("F2", "V2")] {
        line.accepted(&sent(number, of));
        moved(&hilum, &message_id(&hilum), &right);
    }
    for result in fhir.search(&format!("Observation?patient={right}")) {
        assert!(result.get("encounter").is_none(), "the visit is the other patient's: {result:#}");
    }
    assert_eq!(fhir.search(&format!("Encounter?patient={wrong}&status=in-progress")).len(), 1, "admission's own stays");
    assert_eq!(fhir.search(&format!("Encounter?patient={wrong}&status=entered-in-error")).len(), 1);
    fhir.none(&format!("Encounter?patient={right}"));
}

#[test]
fn what_cannot_be_moved_is_refused_with_its_reason() {
    let (hilum, mut line, [one, other, third]) = ward();
    let fhir = hilum.fhir();
    let admission = message_id(&hilum);
    line.accepted(&results("1001", "20260301100000", &order("F1", "F", &[("K", "4.1")])));
    let result = message_id(&hilum);
    let two = format!(
        "{}\n{}{}\n{}",
        pid("1001"),
        order("F2", "F", &[("K", "1")]),
        pid("1002"),
        order("F3", "F", &[("K", "2")])
    );
    line.accepted(&oru("20260301100000", &two));
    let both = message_id(&hilum);
    line.accepted(&results("1003", "20260301100000", &order("F1", "F", &[("K", "4.1")])));
    let parked = message_id(&hilum);
    let written = || fhir.get("_history?_count=1").json()["total"].clone();
    let before = written();
    for (message, to, why) in [
        (&admission, &one, "says who"),
        (&both, &third, "several patients"),
        (&parked, &one, "made nothing"),
        (&result, &"Patient/nobody".to_owned(), "there is no Patient/nobody"),
        (&result, &"Observation/x".to_owned(), "to=Patient/ID"),
        (&"999".to_owned(), &other, "no such message"),
    ] {
        let refused = hilum.command(&["message", "move", message, "--to", to]);
        assert_eq!(refused.code, 1, "{message} {to}: {refused:?}");
        assert!(refused.talk.contains(why), "{message} {to}: {refused:?}");
    }
    assert_eq!(written(), before, "nothing was written");
    line.accepted(&adt("A40", "20260302090000", &format!("{}\nMRG|1002^^^NORTH^MR", pid("1001"))));
    let refused = hilum.command(&["message", "move", &result, "--to", &other]);
    assert!(refused.code == 1 && refused.talk.contains("was merged into"), "{refused:?}");
    assert_eq!(ask("GET", &format!("{}/hilum/messages/1/move", hilum.http()), &[], &[]).status, 405);
}

fn relocate(fhir: &Fhir, what: &str, to: &str, preview: bool) -> Reply {
    let patient = json!({ "name": "patient", "valueReference": { "reference": to } });
    let preview = json!({ "name": "preview", "valueBoolean": preview });
    fhir.post(&format!("{what}/$move"), &[], &json!({ "resourceType": "Parameters", "parameter": [patient, preview] }))
}

#[test]
fn a_resource_of_a_client_is_moved_by_itself() {
    let (hilum, _line, [wrong, right, _]) = ward();
    let fhir = hilum.fhir();
    let subject = json!({ "reference": wrong });
    let put = |resource: Value| {
        let reply = fhir.put(&reference(&resource), &[], &resource);
        assert_eq!(reply.status, 201, "{}", reply.text);
    };
    let result = |id: &str| json!({ "resourceType": "Observation", "id": id, "status": "final", "code": { "text": "K" }, "subject": subject, "valueString": id });
    put(result("alone"));
    put(result("one"));
    put(result("two"));
    put(
        json!({ "resourceType": "DiagnosticReport", "id": "report", "status": "final", "code": { "text": "x" }, "subject": subject,
                "result": [{ "reference": "Observation/one" }, { "reference": "Observation/two" }] }),
    );
    put(json!({ "resourceType": "DocumentReference", "id": "letter", "status": "current", "subject": subject,
                "content": [{ "attachment": { "contentType": "text/plain", "data": "aGVsbG8=" } }] }));
    put(json!({ "resourceType": "Condition", "id": "illness", "subject": subject, "code": { "text": "x" },
                "clinicalStatus": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active" }] } }));
    put(
        json!({ "resourceType": "Encounter", "id": "visit", "status": "finished", "class": { "code": "AMB" }, "subject": subject }),
    );

    let preview = relocate(&fhir, "Observation/alone", &right, true);
    assert_eq!(preview.status, 200, "{}", preview.text);
    assert!(preview.text.contains("Observation/alone") && fhir.versions("Observation/alone") == 1, "{}", preview.text);
    for (what, count) in [
        ("Observation/alone", 1),
        ("DiagnosticReport/report", 3),
        ("DocumentReference/letter", 1),
        ("Condition/illness", 1),
    ] {
        let reply = relocate(&fhir, what, &right, false);
        assert_eq!(reply.status, 200, "{what}: {}", reply.text);
        assert_eq!(reply.text.matches(r#""name":"moved""#).count(), count, "{what}: {}", reply.text);
        let again = relocate(&fhir, what, &right, false);
        assert_eq!((again.status, again.text.matches(r#""name":"moved""#).count()), (200, 0), "{what}: {}", again.text);
    }
    for (query, status) in [("Observation", "status"), ("DiagnosticReport", "status"), ("DocumentReference", "status")]
    {
        for old in fhir.search(&format!("{query}?patient={wrong}")) {
            assert_eq!(old[status], "entered-in-error", "{old:#}");
        }
    }
    // Whoever writes it again does not make it valid again.
    for (id, method) in [("alone", "PUT"), ("one", "PUT"), ("alone", "transaction")] {
        let again = result(id);
        let entry = json!({ "resource": again, "request": { "method": "PUT", "url": format!("Observation/{id}") } });
        let reply = match method {
            "PUT" => fhir.put(&format!("Observation/{id}"), &[], &again),
            _ => fhir.post("", &[], &json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry] })),
        };
        assert_eq!(reply.status, 409, "{method} {id}: {}", reply.text);
    }
    let illness = fhir.get("Condition/illness").json();
    assert_eq!(
        (&illness["verificationStatus"]["coding"][0]["code"], illness.get("clinicalStatus")),
        (&json!("entered-in-error"), None)
    );
    fhir.expect(
        &format!("Condition?patient={right}"),
        &json!({ "clinicalStatus": { "coding": [{ "code": "active" }] } }),
    );
    fhir.expect(&format!("DocumentReference?patient={right}"), &json!({ "status": "current" }));
    let report = fhir.one(&format!("DiagnosticReport?patient={right}"));
    for of in report["result"].as_array().expect("two") {
        assert_eq!(
            fhir.get(of["reference"].as_str().expect("a reference")).json()["subject"]["reference"],
            json!(right)
        );
    }

    put(
        json!({ "resourceType": "Observation", "id": "listed", "status": "final", "code": { "text": "K" }, "subject": subject }),
    );
    put(
        json!({ "resourceType": "DiagnosticReport", "id": "whole", "status": "final", "code": { "text": "x" }, "subject": subject,
                "result": [{ "reference": "Observation/listed" }] }),
    );
    for (what, to, status) in [
        ("Observation/listed", right.as_str(), 422),
        ("Encounter/visit", &right, 422),
        (&wrong, &right, 422),
        ("Observation/nobody", &right, 404),
        ("Observation/listed", "Patient/nobody", 404),
        ("Observation/listed", "Observation/one", 400),
    ] {
        let reply = relocate(&fhir, what, to, false);
        assert_eq!(reply.status, status, "{what} to {to}: {}", reply.text);
    }
    assert_eq!(fhir.get("OperationDefinition/hilum-move").json()["instance"], true);
    assert!(fhir.get("metadata").text.contains("OperationDefinition/hilum-move"));
}
