//! Conditional create, update, patch and delete (R4 §3.1.0.8.1, §3.1.0.4.3, §3.1.0.6.2, §3.1.0.7.1).

use serde_json::{Value, json};

use crate::support::http::ask;
use crate::support::server::Hilum;

fn patient(number: &str) -> Value {
    json!({ "resourceType": "Patient", "identifier": [{ "system": "http://clinic.example/mrn", "value": number }] })
}

#[test]
fn a_conditional_create_makes_what_is_not_there_and_finds_what_is() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let unless = [("if-none-exist", "identifier=http://clinic.example/mrn|1")];
    let first = fhir.post("Patient", &unless, &patient("1"));
    assert_eq!(first.status, 201, "{}", first.text);
    let second = fhir.post("Patient", &unless, &patient("1"));
    assert_eq!(second.status, 200, "{}", second.text);
    assert_eq!(second.header("location"), first.header("location"));
    assert_eq!(second.json(), first.json());
    assert_eq!(fhir.post("Patient", &[], &patient("1")).status, 201);
    let several = fhir.post("Patient", &unless, &patient("1"));
    assert_eq!(several.status, 412, "{}", several.text);
    for (criteria, status) in [("", 412), ("_count=1", 412), ("shoe-size=9", 400), ("identifier:exactly=1", 400)] {
        let headers = [("if-none-exist", criteria), ("prefer", "handling=lenient")];
        assert_eq!(fhir.post("Patient", &headers, &patient("9")).status, status, "{criteria}");
    }
    fhir.none("Patient?identifier=9");
}

#[test]
fn a_conditional_update_is_about_the_one_that_meets_it() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let at = "Patient?identifier=http://clinic.example/mrn|1";
    let made = fhir.put(at, &[], &patient("1"));
    assert_eq!((made.status, made.header("etag")), (201, "W/\"1\""), "{}", made.text);
    let id = made.json()["id"].clone();
    let mut changed = patient("1");
    changed["active"] = json!(true);
    let updated = fhir.put(at, &[], &changed);
    assert_eq!((updated.status, updated.json()["id"].clone()), (200, id.clone()), "{}", updated.text);
    assert_eq!(fhir.put(at, &[("if-match", "W/\"1\"")], &changed).status, 412);
    changed["id"] = json!("another");
    assert_eq!(fhir.put(at, &[], &changed).status, 400, "the id is not that of the one that meets it");
    let mut chosen = patient("2");
    chosen["id"] = json!("chosen");
    assert_eq!(fhir.put("Patient?identifier=2", &[], &chosen).status, 201);
    assert_eq!(fhir.get("Patient/chosen").status, 200);
    assert_eq!(fhir.put("Patient?identifier=3", &[], &chosen).status, 409, "the id is another's");
    assert_eq!(fhir.put("Patient?identifier=1,2", &[], &patient("1")).status, 412);
    assert_eq!(fhir.put("Patient", &[], &patient("1")).status, 412, "no condition");
}

#[test]
fn a_conditional_delete_takes_one_and_never_several() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    for number in ["1", "2", "3"] {
        assert_eq!(fhir.post("Patient", &[], &patient(number)).status, 201);
    }
    assert_eq!(fhir.delete("Patient?identifier=1,2", &[]).status, 412);
    assert_eq!(fhir.delete("Patient", &[]).status, 412);
    assert_eq!(fhir.delete("Patient?nonsense=1", &[("prefer", "handling=lenient")]).status, 400);
    assert_eq!(fhir.search("Patient").len(), 3);
    assert_eq!(fhir.delete("Patient?identifier=1", &[]).status, 204);
    assert_eq!(fhir.delete("Patient?identifier=1", &[]).status, 204, "it is gone already");
    assert_eq!(fhir.search("Patient").len(), 2);
}

#[test]
fn a_patch_changes_what_it_names() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let mut resource = patient("1");
    resource["birthDate"] = json!("1980-01-01");
    resource["id"] = json!("p");
    assert_eq!(fhir.put("Patient/p", &[], &resource).status, 201);
    let patch = |path: &str, media: &str, headers: &[(&str, &str)], body: &str| {
        let mut all = vec![("content-type", media)];
        all.extend_from_slice(headers);
        ask("PATCH", &format!("{}/{path}", fhir.base), &all, body.as_bytes())
    };
    let json_patch = "application/json-patch+json";
    let reply = patch(
        "Patient/p",
        json_patch,
        &[],
        r#"[{"op":"test","path":"/birthDate","value":"1980-01-01"},{"op":"add","path":"/active","value":true}]"#,
    );
    assert_eq!((reply.status, reply.header("etag")), (200, "W/\"2\""), "{}", reply.text);
    assert_eq!(reply.json()["active"], true, "{}", reply.text);
    let parameters = json!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": [
        { "name": "type", "valueCode": "replace" }, { "name": "path", "valueString": "Patient.birthDate" },
        { "name": "value", "valueDate": "1980-02-01" } ] }] })
    .to_string();
    let reply = patch("Patient?identifier=1", "application/fhir+json", &[], &parameters);
    assert_eq!((reply.status, reply.json()["birthDate"].clone()), (200, json!("1980-02-01")), "{}", reply.text);

    for (name, path, media, headers, body, status) in [
        (
            "a test that fails",
            "Patient/p",
            json_patch,
            &[][..],
            r#"[{"op":"test","path":"/active","value":false}]"#,
            422,
        ),
        ("no such place", "Patient/p", json_patch, &[], r#"[{"op":"remove","path":"/photo"}]"#, 422),
        ("no legal result", "Patient/p", json_patch, &[], r#"[{"op":"add","path":"/gender","value":"f"}]"#, 422),
        ("another id", "Patient/p", json_patch, &[], r#"[{"op":"replace","path":"/id","value":"q"}]"#, 422),
        ("no patch", "Patient/p", json_patch, &[], r#"{"op":"remove"}"#, 400),
        (
            "a stale version",
            "Patient/p",
            json_patch,
            &[("if-match", "W/\"1\"")],
            r#"[{"op":"remove","path":"/active"}]"#,
            412,
        ),
        ("nobody", "Patient/q", json_patch, &[], r#"[{"op":"remove","path":"/active"}]"#, 404),
        ("nobody meets it", "Patient?identifier=9", json_patch, &[], r#"[{"op":"remove","path":"/active"}]"#, 404),
        ("a resource", "Patient/p", "application/fhir+json", &[], r#"{"resourceType":"Patient","id":"p"}"#, 415),
        ("a merge patch", "Patient/p", "application/merge-patch+json", &[], r#"{"active":null}"#, 415),
    ] {
        let reply = patch(path, media, headers, body);
        assert_eq!(reply.status, status, "{name}: {}", reply.text);
        assert_eq!(reply.json()["resourceType"], "OperationOutcome", "{name}");
    }
    assert_eq!(fhir.versions("Patient/p"), 3);
    // `{"op":"remove","path":"/active"}` in base64, as a Bundle carries it.
    let binary = json!({ "resourceType": "Binary", "contentType": json_patch,
                         "data": "W3sib3AiOiJyZW1vdmUiLCJwYXRoIjoiL2FjdGl2ZSJ9XQ==" });
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction",
                         "entry": [{ "resource": binary, "request": { "method": "PATCH", "url": "Patient/p" } }] });
    let reply = fhir.post("", &[], &bundle);
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert!(fhir.get("Patient/p").json().get("active").is_none());
}
