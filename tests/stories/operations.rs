//! Operations of FHIR: `$validate`, `$meta`, `$lastn`.

use serde_json::{Value, json};

use crate::support::http::{Fhir, Reply, ask};
use crate::support::server::Hilum;

fn result(patient: &str, code: &str, day: u8, status: &str) -> Value {
    json!({ "resourceType": "Observation", "status": status, "subject": { "reference": patient },
            "category": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory" }] }],
            "code": { "coding": [{ "system": "http://loinc.org", "code": code }] },
            "effectiveDateTime": format!("2026-03-{day:02}"), "valueString": format!("{code} {day}") })
}

fn issues(reply: &Reply) -> Vec<(String, String)> {
    let outcome = reply.json();
    assert_eq!((reply.status, &outcome["resourceType"]), (200, &json!("OperationOutcome")), "{}", reply.text);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let issues = outcome["issue"].as_array().expect("issues").iter();
    issues.map(|issue| (text(&issue["severity"]), text(&issue["expression"][0]))).collect()
}

#[test]
fn a_resource_is_judged_without_being_written() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let good = json!({ "resourceType": "Patient", "text": { "status": "generated",
        "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>" } });
    assert_eq!(issues(&fhir.post("Patient/$validate", &[], &good)), [("information".into(), String::new())]);
    // pat-1: a contact needs a name, telecom, address or organization.
    let bad = json!({ "resourceType": "Patient", "contact": [{ "gender": "male" }] });
    let wrapped = json!({ "resourceType": "Parameters", "parameter": [{ "name": "resource", "resource": bad }] });
    for body in [&bad, &wrapped] {
        let found = issues(&fhir.post("Patient/$validate", &[], body));
        assert!(found.contains(&("error".into(), "Patient.contact[0]".into())), "{found:?}");
    }
    let unreadable = json!({ "resourceType": "Patient", "birthDate": "yesterday" });
    let found = issues(&fhir.post("Patient/$validate", &[], &unreadable));
    assert_eq!(found, [("error".to_owned(), "Patient.birthDate".to_owned())]);
    assert_eq!(issues(&fhir.post("Observation/$validate", &[], &good))[0].0, "error", "it is no Observation");
    fhir.none("Patient");
    let id = fhir.post("Patient", &[], &bad).json()["id"].as_str().expect("it is taken, as the site wants").to_owned();
    assert!(issues(&fhir.get(&format!("Patient/{id}/$validate"))).iter().any(|(severity, _)| severity == "error"));
    assert_eq!(fhir.get("Patient/nobody/$validate").status, 404);
}

/// Element, line and column of each error.
fn places(reply: &Reply) -> Vec<(String, u64, u64)> {
    let outcome = reply.json();
    let number = |issue: &Value, of: &str| {
        let extensions = issue["extension"].as_array().cloned().unwrap_or_default();
        let url = format!("http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-{of}");
        extensions.iter().find(|extension| extension["url"] == url).and_then(|found| found["valueInteger"].as_u64())
    };
    let errors = outcome["issue"].as_array().expect("issues").iter().filter(|issue| issue["severity"] != "warning");
    errors
        .map(|issue| {
            let element = issue["expression"][0].as_str().unwrap_or_default().to_owned();
            (element, number(issue, "line").unwrap_or(0), number(issue, "col").unwrap_or(0))
        })
        .collect()
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_column() {
    let judging = Hilum::configured("[fhir]\nvalidate = \"base\"\n");
    let post = |path: &str, media: &str, body: &str| {
        let url = format!("{}{path}", judging.fhir().base);
        ask("POST", &url, &[("content-type", media)], body.as_bytes())
    };
    let (json, xml) = ("application/fhir+json", "application/fhir+xml");
    let bad = "{\"resourceType\":\"Patient\",\n \"contact\":[\n  {\"gender\":\"male\"}]}";
    let at = |element: &str, line: u64, column: u64| vec![(element.to_owned(), line, column)];
    assert_eq!(places(&post("/Patient/$validate", json, bad)), at("Patient.contact[0]", 3, 3));
    let wrapped = format!(
        "{{\"resourceType\":\"Parameters\",\"parameter\":[{{\"name\":\"mode\",\"valueCode\":\"create\"}},\n\n{{\"name\":\"resource\",\"resource\":{bad}}}]}}"
    );
    assert_eq!(places(&post("/Patient/$validate", json, &wrapped)), at("Patient.contact[0]", 5, 3));
    let in_xml = "<Patient xmlns=\"http://hl7.org/fhir\">\n<contact>\n<gender value=\"male\"/></contact></Patient>";
    assert_eq!(places(&post("/Patient/$validate", xml, in_xml)), at("Patient.contact[0]", 2, 1));
    let unreadable = "{\"resourceType\":\"Patient\",\n\"birthDate\":\"yesterday\"}";
    assert_eq!(places(&post("/Patient/$validate", json, unreadable)), at("Patient.birthDate", 2, 13));
    // What is refused when it is written.
    for (status, media, body, told) in [
        (422, json, bad, at("Patient.contact[0]", 3, 3)),
        (422, xml, in_xml, at("Patient.contact[0]", 2, 1)),
        (400, json, unreadable, at("Patient.birthDate", 2, 13)),
    ] {
        let refused = post("/Patient", media, body);
        assert_eq!((refused.status, places(&refused)), (status, told), "{}", refused.text);
    }
    let put = ask(
        "PUT",
        &format!("{}/Patient/a", judging.fhir().base),
        &[("content-type", json)],
        bad.replace("\"contact", "\"id\":\"a\",\n\"contact").as_bytes(),
    );
    assert_eq!((put.status, places(&put)), (422, at("Patient.contact[0]", 4, 3)), "{}", put.text);
    let request = "\"request\":{\"method\":\"POST\",\"url\":\"Patient\"}";
    let bundle = format!(
        "{{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[\n{{{request},\"resource\":{{\"resourceType\":\"Patient\"}}}},\n{{{request},\"resource\":{bad}}}]}}"
    );
    let refused = post("", json, &bundle);
    let told = at("Bundle.entry[1].resource.contact[0]", 5, 3);
    assert_eq!((refused.status, places(&refused)), (422, told), "{}", refused.text);
    judging.fhir().none("Patient");
}

#[test]
fn a_site_may_judge_what_is_written() {
    let hilum = Hilum::configured("[fhir]\nvalidate = \"base\"\n");
    let fhir = hilum.fhir();
    let bad = json!({ "resourceType": "Patient", "contact": [{ "gender": "male" }] });
    let refused = fhir.post("Patient", &[], &bad);
    assert_eq!(refused.status, 422, "{}", refused.text);
    refused.outcome("invariant");
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
        { "resource": { "resourceType": "Patient" }, "request": { "method": "POST", "url": "Patient" } },
        { "resource": bad, "request": { "method": "POST", "url": "Patient" } } ] });
    let refused = fhir.post("", &[], &bundle);
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!(refused.json()["issue"][0]["expression"][0], "Bundle.entry[1].resource.contact[0]");
    fhir.none("Patient");
}

#[test]
fn labels_are_added_and_taken_away() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    let patient = json!({ "resourceType": "Patient", "id": "p", "meta": { "tag": [{ "system": "s", "code": "a" }] } });
    assert_eq!(fhir.put("Patient/p", &[], &patient).status, 201);
    let given = |codes: &[&str]| {
        let tags: Vec<Value> = codes.iter().map(|code| json!({ "system": "s", "code": code })).collect();
        json!({ "resourceType": "Parameters", "parameter": [{ "name": "meta", "valueMeta": { "tag": tags } }] })
    };
    let tags = |fhir: &Fhir| {
        let meta = fhir.get("Patient/p/$meta").json()["parameter"][0]["valueMeta"].clone();
        let tags = meta["tag"].as_array().cloned().unwrap_or_default();
        tags.iter().map(|tag| tag["code"].as_str().expect("a code").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(fhir.post("Patient/p/$meta-add", &[], &given(&["a", "b"])).status, 200);
    assert_eq!(tags(&fhir), ["a", "b"]);
    assert_eq!(fhir.search("Patient?_tag=s|b").len(), 1);
    assert_eq!(fhir.post("Patient/p/$meta-delete", &[], &given(&["a", "b"])).status, 200);
    assert_eq!(tags(&fhir), [""; 0]);
    fhir.none("Patient?_tag=s|b");
    assert_eq!(fhir.post("Patient/p/$meta-add", &[], &patient).status, 400);
    assert_eq!(fhir.get("Patient/q/$meta").status, 404);
}

#[test]
fn labels_in_use_are_told_of_a_type_and_of_everything() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    assert_eq!(fhir.get("$meta").json(), json!({ "resourceType": "Parameters" }), "nothing is in use");
    let store = |kind: &str, id: &str, meta: Value| {
        let resource = json!({ "resourceType": kind, "id": id, "meta": meta });
        assert!([200, 201].contains(&fhir.put(&format!("{kind}/{id}"), &[], &resource).status), "{kind}/{id}");
    };
    let tag = |system: &str, code: &str| json!({ "system": system, "code": code });
    store("Patient", "a", json!({ "tag": [tag("s", "x"), tag("s", "y")], "profile": ["http://p/1"] }));
    store("Patient", "b", json!({ "tag": [tag("s", "x"), tag("t", "x")], "security": [tag("l", "R")] }));
    store("Organization", "c", json!({ "tag": [tag("s", "z")], "profile": ["http://p/2", "http://p/1"] }));
    // What was in use and is no more: in a version before, and on a resource that is deleted.
    store("Patient", "a", json!({ "tag": [tag("s", "y"), { "code": "w" }], "profile": ["http://p/1"] }));
    store("Patient", "d", json!({ "tag": [tag("s", "gone")] }));
    assert_eq!(fhir.delete("Patient/d", &[]).status, 204);
    let used = |path: &str| {
        let reply = fhir.get(path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        assert_eq!(reply.json()["parameter"][0]["name"], "return");
        let meta = reply.json()["parameter"][0]["valueMeta"].clone();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let codings = |list: &str| {
            let items = meta[list].as_array().cloned().unwrap_or_default();
            items
                .iter()
                .map(|of| format!("{}|{}", text(&of["system"]), text(&of["code"])))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let profiles: Vec<String> = meta["profile"].as_array().into_iter().flatten().map(text).collect();
        (profiles.join(" "), codings("security"), codings("tag"))
    };
    let told = |profile: &str, security: &str, tag: &str| (profile.to_owned(), security.to_owned(), tag.to_owned());
    assert_eq!(used("Patient/$meta"), told("http://p/1", "l|R", "|w s|x s|y t|x"));
    assert_eq!(used("Organization/$meta"), told("http://p/1 http://p/2", "", "s|z"));
    assert_eq!(used("$meta"), told("http://p/1 http://p/2", "l|R", "|w s|x s|y s|z t|x"));
    assert_eq!(fhir.get("Observation/$meta").json(), json!({ "resourceType": "Parameters" }));
    assert_eq!(fhir.get("Patience/$meta").status, 404);
    assert_eq!(fhir.get("$meta?colour=red").status, 400);
    // More of them than an overview has.
    let tags: Vec<Value> = (0..1_001).map(|number| tag("many", &number.to_string())).collect();
    store("Device", "e", json!({ "tag": tags }));
    for path in ["$meta", "Device/$meta"] {
        let reply = fhir.get(path);
        assert_eq!(reply.status, 422, "{}", reply.text);
        assert!(reply.outcome("too-costly").contains("1000"), "{}", reply.text);
    }
    assert_eq!(used("Organization/$meta").2, "s|z");
}

#[test]
fn the_newest_results_of_each_kind_are_found() {
    let hilum = Hilum::start();
    let fhir = hilum.fhir();
    for (patient, code, day, status) in [
        ("Patient/a", "2823-3", 1, "final"),
        ("Patient/a", "2823-3", 3, "final"),
        ("Patient/a", "2823-3", 2, "final"),
        ("Patient/a", "2823-3", 9, "entered-in-error"),
        ("Patient/a", "2951-2", 2, "final"),
        ("Patient/b", "2951-2", 8, "final"),
    ] {
        assert_eq!(fhir.post("Observation", &[], &result(patient, code, day, status)).status, 201);
    }
    let values = |query: &str| {
        let found = fhir.search(&format!("Observation/$lastn?{query}"));
        found.iter().map(|of| of["valueString"].as_str().expect("a value").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(values("patient=Patient/a&category=laboratory"), ["2823-3 3", "2951-2 2"]);
    assert_eq!(values("patient=Patient/a&category=laboratory&max=2"), ["2823-3 3", "2823-3 2", "2951-2 2"]);
    assert_eq!(values("patient=Patient/a&code=2823-3&status=entered-in-error"), ["2823-3 9"]);
    for wrong in ["category=laboratory", "patient=Patient/a", "patient=Patient/a&code=x&max=0"] {
        assert_eq!(fhir.get(&format!("Observation/$lastn?{wrong}")).status, 400, "{wrong}");
    }
}
