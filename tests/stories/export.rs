//! A registry fetches whole records in bulk: of everybody, of patients, of a Group; what changed since; and what another may
//! not see (FHIR Bulk Data Access IG 3.0).

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::http::{Reply, ask};
use crate::support::server::Hilum;

const ASYNC: (&str, &str) = ("prefer", "respond-async");

fn kick_off(server: &Hilum, path: &str) -> Reply {
    ask("GET", &format!("{}/{path}", server.fhir().base), &[ASYNC], &[])
}

/// Waits for the manifest.
fn wait(begun: &Reply) -> Value {
    assert_eq!(begun.status, 202, "{}", begun.text);
    let end = Instant::now() + PATIENCE;
    loop {
        let status = ask("GET", begun.header("content-location"), &[], &[]);
        if status.status != 202 {
            assert_eq!((status.status, status.header("content-type")), (200, "application/json"), "{}", status.text);
            assert!(!status.header("expires").is_empty());
            return status.json();
        }
        assert!(!status.header("x-progress").is_empty() && !status.header("retry-after").is_empty());
        assert!(Instant::now() < end, "it never ends");
    }
}

fn export(server: &Hilum, path: &str) -> Value {
    wait(&kick_off(server, path))
}

/// `Type/id` of all resources of a list, each of which has to be of its file's type and be counted.
fn keys(list: &Value) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for part in list.as_array().expect("a list") {
        let file = ask("GET", part["url"].as_str().expect("a url"), &[("accept-encoding", "identity")], &[]);
        assert_eq!((file.status, file.header("content-type")), (200, "application/fhir+ndjson"), "{}", file.text);
        let lines: Vec<Value> =
            file.text.lines().map(|line| serde_json::from_str(line).expect("JSON a line")).collect();
        assert_eq!(part["count"], json!(lines.len()));
        for resource in lines {
            assert_eq!(resource["resourceType"], part["type"]);
            let key = format!("{}/{}", resource["resourceType"], resource["id"]).replace('"', "");
            assert!(keys.insert(key.clone()), "{key} is given twice");
        }
    }
    keys
}

fn names(keys: &[&str]) -> BTreeSet<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

fn put(server: &Hilum, resource: Value) {
    let path = format!("{}/{}", resource["resourceType"], resource["id"]).replace('"', "");
    let reply = server.fhir().put(&path, &[], &resource);
    assert!([200, 201].contains(&reply.status), "{}", reply.text);
}

fn result(id: &str, patient: &str, status: &str) -> Value {
    json!({ "resourceType": "Observation", "id": id, "status": status, "code": { "text": "sodium" },
            "subject": { "reference": format!("Patient/{patient}") } })
}

/// Three patients with a result each, a clinic that is nobody's, and a Group of the first two, one of whom has left.
fn ward() -> Hilum {
    let server = Hilum::start();
    for id in ["a", "b", "c"] {
        put(&server, json!({ "resourceType": "Patient", "id": id, "name": [{ "family": "Doe" }] }));
        put(&server, result(&format!("o{id}"), id, if id == "b" { "preliminary" } else { "final" }));
    }
    put(&server, json!({ "resourceType": "Organization", "id": "x", "name": "Clinic" }));
    let member =
        |id: &str, inactive: bool| json!({ "entity": { "reference": format!("Patient/{id}") }, "inactive": inactive });
    put(
        &server,
        json!({ "resourceType": "Group", "id": "g", "type": "person", "actual": true,
            "member": [member("a", false), member("b", false), member("c", true)] }),
    );
    server
}

#[test]
fn what_is_asked_for_is_what_is_given() {
    let server = ward();
    let all = names(&["Patient/a", "Patient/b", "Patient/c", "Observation/oa", "Observation/ob", "Observation/oc"]);
    let whole = names(&["Organization/x", "Group/g"]).union(&all).cloned().collect::<BTreeSet<_>>();
    for (path, expected) in [
        ("$export", whole.clone()),
        ("$export?_type=Organization,Group", names(&["Organization/x", "Group/g"])),
        ("$export?_outputFormat=ndjson&_type=Patient", names(&["Patient/a", "Patient/b", "Patient/c"])),
        (
            "$export?_typeFilter=Observation%3Fstatus%3Dfinal&_type=Observation",
            names(&["Observation/oa", "Observation/oc"]),
        ),
        (
            "$export?_type=Observation&_typeFilter=Observation%3Fstatus%3Dfinal,Observation%3Fsubject%3DPatient/a",
            names(&["Observation/oa", "Observation/oc"]),
        ),
        ("Group/g/$export", names(&["Patient/a", "Patient/b", "Observation/oa", "Observation/ob", "Group/g"])),
        ("Group/g/$export?_type=Observation", names(&["Observation/oa", "Observation/ob"])),
        ("$export?_since=2999-01-01T00:00:00Z", names(&[])),
        ("$export?_since=1900-01-01T00:00:00Z", whole.clone()),
        ("$export?_until=1900-01-01T00:00:00Z", names(&[])),
    ] {
        let manifest = export(&server, path);
        assert_eq!(keys(&manifest["output"]), expected, "{path}");
        assert!(manifest["request"].as_str().is_some_and(|request| request.ends_with(path)), "{manifest}");
        assert_eq!((&manifest["deleted"], &manifest["error"]), (&json!([]), &json!([])));
    }
    let patients = keys(&export(&server, "Patient/$export")["output"]);
    assert!(all.is_subset(&patients) && !patients.contains("Organization/x"), "{patients:?}");
    let parameters = json!({ "resourceType": "Parameters", "parameter": [
        { "name": "patient", "valueReference": { "reference": "Patient/c" } }, { "name": "_type", "valueString": "Patient" } ] });
    let posted = server.fhir().post("Patient/$export", &[ASYNC], &parameters);
    assert_eq!(keys(&wait(&posted)["output"]), names(&["Patient/c"]));
    let foreign = server.fhir().post("Group/g/$export", &[ASYNC], &parameters);
    assert_eq!(foreign.status, 400, "who is no member is not given: {}", foreign.text);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let server = ward();
    for (path, status) in [
        ("$export?colour=red", 400),
        ("$export?_since=yesterday", 400),
        ("$export?_type=Nothing", 400),
        ("$export?_outputFormat=text/csv", 400),
        ("$export?_typeFilter=Observation", 400),
        ("$export?_typeFilter=Observation%3Fcolour%3Dred", 400),
        ("$export?_typeFilter=Observation%3F_count%3D5", 400),
        ("$export?_type=Patient&_typeFilter=Observation%3Fstatus%3Dfinal", 400),
        ("$export?patient=Patient/a", 400),
        ("Patient/$export?_type=Organization", 400),
        ("Group/nobody/$export", 404),
        ("Group/g/$export?_elements=id", 400),
    ] {
        let refused = kick_off(&server, path);
        assert_eq!(refused.status, status, "{path}: {}", refused.text);
        assert_eq!(refused.json()["resourceType"], "OperationOutcome", "{path}");
    }
    assert_eq!(server.fhir().get("$export").status, 400, "it has to be asked for later");
    let lenient = [("prefer", "respond-async, handling=lenient")];
    let begun = ask("GET", &format!("{}/$export?colour=red&_type=Group", server.fhir().base), &lenient, &[]);
    assert_eq!(keys(&wait(&begun)["output"]), names(&["Group/g"]));
    for path in ["bulk/x", "bulk/..%2F..", "bulk/x/1.ndjson"] {
        assert_eq!(ask("GET", &format!("{}/hilum/{path}", server.http()), &[], &[]).status, 404, "{path}");
    }
}

#[test]
fn what_changed_since_is_given_and_what_was_deleted() {
    let server = ward();
    let first = export(&server, "$export?_type=Patient,Observation");
    let since = first["transactionTime"].as_str().expect("an instant").replace('+', "%2B");
    put(&server, result("od", "a", "final"));
    for id in ["oc", "ob"] {
        assert_eq!(server.fhir().delete(&format!("Observation/{id}"), &[]).status, 204);
    }
    put(&server, result("ob", "b", "final"));
    let second = export(&server, &format!("$export?_type=Patient,Observation&_since={since}"));
    let changed = keys(&second["output"]);
    assert!(changed.contains("Observation/od") && changed.contains("Observation/ob"), "{changed:?}");
    let gone = ask("GET", second["deleted"][0]["url"].as_str().expect("a url"), &[], &[]);
    let gone: Value = serde_json::from_str(gone.text.trim_end()).expect("one Bundle");
    assert_eq!(gone["entry"], json!([{ "request": { "method": "DELETE", "url": "Observation/oc" } }]));
    let of_group = export(&server, &format!("Group/g/$export?_since={since}"));
    assert_eq!(of_group["deleted"], json!([]), "it was about somebody else");
}

#[test]
fn an_export_is_of_one_moment_resumes_and_goes_away() {
    let mut server = ward();
    let begun = kick_off(&server, "$export?_type=Patient");
    let id = begun.header("content-location").rsplit('/').next().expect("a name").to_owned();
    // Whether or not it was done, it is there after the power failed.
    server.kill();
    server.start_again();
    let at = format!("{}/hilum/bulk/{id}", server.http());
    let moved = Reply {
        headers: vec![("content-location".to_owned(), at.clone())],
        status: 202,
        bytes: Vec::new(),
        text: String::new(),
    };
    let manifest = wait(&moved);
    assert_eq!(keys(&manifest["output"]), names(&["Patient/a", "Patient/b", "Patient/c"]));
    let directory = server.directory().join("data/bulk");
    for path in [directory.clone(), directory.join(&id)] {
        assert_eq!(std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777, 0o700);
    }
    let url = manifest["output"][0]["url"].as_str().expect("a url");
    let whole = ask("GET", url, &[], &[]);
    let part = ask("GET", url, &[("range", "bytes=10-19")], &[]);
    assert_eq!((part.status, &part.bytes[..]), (206, &whole.bytes[10..20]));
    assert_eq!(part.header("content-range"), format!("bytes 10-19/{}", whole.bytes.len()));
    assert_eq!(ask("GET", url, &[("range", "bytes=999999-")], &[]).status, 416);
    let stranger = [("via", "1.1 proxy")];
    assert_eq!(ask("GET", &at, &stranger, &[]).status, 401, "who is not let in");
    assert_eq!(ask("DELETE", &at, &[], &[]).status, 202);
    assert_eq!((ask("GET", &at, &[], &[]).status, ask("GET", url, &[], &[]).status), (404, 404));
    assert!(!directory.join(&id).exists());
}

#[test]
fn exports_are_bounded_in_number_and_bytes() {
    let settings = format!("{}\n[bulk]\njobs_max = 2\nbytes_max = 100\n", crate::support::server::WARD);
    let server = Hilum::configured(&settings);
    put(&server, json!({ "resourceType": "Patient", "id": "a", "name": [{ "family": "Doe".repeat(60) }] }));
    let begun: Vec<Reply> = (0..3).map(|_| kick_off(&server, "$export")).collect();
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    begun.iter().for_each(|reply| *statuses.entry(reply.status).or_default() += 1);
    assert_eq!(statuses, BTreeMap::from([(202, 2), (429, 1)]));
    let end = Instant::now() + PATIENCE;
    let status = loop {
        let status = ask("GET", begun[0].header("content-location"), &[], &[]);
        if status.status != 202 {
            break status;
        }
        assert!(Instant::now() < end, "it never ends");
    };
    assert_eq!(status.status, 500);
    assert!(status.outcome("exception").contains("bulk.bytes_max"), "{}", status.text);
}

#[test]
fn an_operator_fetches_files_and_two_stores_are_compared() {
    let (server, other) = (ward(), ward());
    let out = server.directory().join("out").display().to_string();
    let done = server.command(&["export", "--out", &out, "--type", "Patient,Observation", "-o", "json"]).done().json();
    let files: Vec<&str> =
        done["files"].as_array().expect("a list").iter().filter_map(|one| one["file"].as_str()).collect();
    assert_eq!(files, ["Observation-1.ndjson", "Patient-2.ndjson"]);
    let patients = std::fs::read_to_string(format!("{out}/Patient-2.ndjson")).expect("it is there");
    assert_eq!(patients.lines().count(), 3);
    assert_eq!(server.command(&["export", "--out", &out]).code, 2, "a directory that is not empty");
    let group = server.directory().join("group").display().to_string();
    server.command(&["export", "--out", &group, "--group", "g", "--type", "Patient"]).done();
    let members = std::fs::read_to_string(format!("{group}/Patient-1.ndjson")).expect("it is there");
    assert_eq!(members.lines().count(), 2);
    assert_eq!(server.command(&["export", "--out", &format!("{group}x"), "--group", "nobody"]).code, 1);

    let digests = |server: &Hilum, query: &str| {
        let reply = ask("GET", &format!("{}/hilum/digests{query}", server.http()), &[], &[]);
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["subtrees"].clone()
    };
    assert_eq!(digests(&server, ""), digests(&other, ""), "versions and times are each store's own");
    put(&other, result("ob", "b", "amended"));
    let (one, two) = (digests(&server, "")[""].clone(), digests(&other, "")[""].clone());
    assert_ne!(one["Observation"], two["Observation"]);
    assert_eq!(one["Patient"], two["Patient"]);
    let resources = |server: &Hilum| {
        let below = digests(server, "?prefix=Observation/");
        let list = below["Observation/"]["resources"].as_array().expect("a list").clone();
        list.into_iter().map(|one| one.to_string()).collect::<BTreeSet<_>>()
    };
    let (one, two) = (resources(&server), resources(&other));
    let differing: Vec<&String> = one.symmetric_difference(&two).collect();
    assert!(differing.len() == 2 && differing.iter().all(|one| one.contains("\"ob\"")), "{differing:?}");
    assert_eq!(ask("GET", &format!("{}/hilum/digests?prefix=Nothing/", server.http()), &[], &[]).status, 400);
}

fn submit(server: &Hilum, query: &str, media: &str, body: &str) -> Reply {
    let url = format!("{}/$import{query}", server.fhir().base);
    ask("POST", &url, &[ASYNC, ("content-type", media)], body.as_bytes())
}

#[test]
fn lines_are_put_one_by_one_and_the_same_again_makes_nothing_new() {
    let server = ward();
    let mut lines: Vec<String> =
        (0..200).map(|number| result(&format!("i{number}"), "a", "final").to_string()).collect();
    lines.push(result("oa", "a", "final").to_string());
    lines.push("{\"resourceType\":\"Patient\"".to_owned());
    lines.push(String::new());
    lines.push(json!({ "resourceType": "Patient", "name": [{ "family": "Nobody" }] }).to_string());
    let body = lines.join("\n");
    let first = submit(&server, "?submissionId=s1", "application/fhir+ndjson", &body);
    let manifest = wait(&first);
    let errors = ask("GET", manifest["error"][0]["url"].as_str().expect("a url"), &[], &[]);
    let told: Vec<Value> = errors.text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let places: Vec<&str> = told.iter().filter_map(|one| one["issue"][0]["diagnostics"].as_str()).collect();
    assert_eq!(places.len(), 2, "{places:?}");
    assert!(places[0].starts_with("input 1, line 202: ") && places[1].starts_with("input 1, line 204: "), "{places:?}");
    assert!(!errors.text.contains("Nobody"), "no value is repeated");
    assert_eq!(server.fhir().get("Observation?_summary=count").json()["total"], 203);
    assert_eq!(server.fhir().versions("Observation/oa"), 1, "it says what is there");
    let again = submit(&server, "?submissionId=s1", "application/fhir+ndjson", &body);
    assert_eq!(again.header("content-location"), first.header("content-location"), "the same submission");
    wait(&submit(&server, "?submissionId=s2", "application/fhir+ndjson", &body));
    assert_eq!(server.fhir().versions("Observation/i7"), 1, "no new version of what is the same");
}

#[test]
fn files_are_fetched_from_permitted_networks_and_nowhere_else() {
    let source = ward();
    let manifest = export(&source, "$export?_type=Patient,Observation");
    let inputs: Vec<Value> = manifest["output"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|part| json!({ "type": part["type"], "url": part["url"] }))
        .collect();
    let body =
        json!({ "inputFormat": "application/fhir+ndjson", "inputSource": source.http(), "input": inputs }).to_string();
    let settings = format!("{}\n[bulk]\nimport_networks = [\"127.0.0.1\"]\n", crate::support::server::WARD);
    for (server, stored) in [(Hilum::configured(&settings), 3), (Hilum::start(), 0)] {
        let manifest = wait(&submit(&server, "", "application/json", &body));
        let total = &server.fhir().get("Patient?_summary=count").json()["total"];
        assert_eq!(total, stored);
        if stored == 0 {
            let errors = ask("GET", manifest["error"][0]["url"].as_str().expect("a url"), &[], &[]);
            assert!(errors.text.contains("bulk.import_networks"), "{}", errors.text);
        }
    }
    let server = Hilum::configured(&settings);
    for (url, part) in [
        ("http://169.254.169.254/latest/meta-data", "in no network"),
        ("http://10.0.0.1/x.ndjson", "in no network"),
        ("file:///etc/passwd", "cannot be used"),
        ("http://user:word@127.0.0.1/x", "cannot be used"),
        ("http://127.0.0.1:1/x", "does not answer"),
        ("127.0.0.1/x", "url is none"),
    ] {
        let input = json!([{ "url": url }]);
        let body = json!({ "inputFormat": "application/fhir+ndjson", "input": input }).to_string();
        let manifest = wait(&submit(&server, "", "application/json", &body));
        let errors = ask("GET", manifest["error"][0]["url"].as_str().expect("a url"), &[], &[]);
        assert!(errors.text.contains(part), "{url}: {}", errors.text);
    }
    for body in ["{}", "[]", "{\"inputFormat\":\"application/fhir+ndjson\"}", "nothing"] {
        assert_eq!(submit(&server, "", "application/json", body).status, 400, "{body}");
    }
    assert_eq!(submit(&server, "", "text/csv", "x").status, 415);
}
