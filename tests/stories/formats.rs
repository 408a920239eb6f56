//! What an answer looks like is the client's to say: JSON or XML, packed or not, all or a part (R4 §3.1.0.1.10, §3.1.0.1.11).

use std::io::Read;
use std::process::Command;

use serde_json::{Value, json};

use crate::fhir_clients::python;
use crate::support::cli::run;
use crate::support::http::{Reply, ask, reference};
use crate::support::server::Hilum;

const XML: &str = r#"<Patient xmlns="http://hl7.org/fhir"><text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><p>Ilse &#38; <b>Maran</b></p></div></text><name><family value="Maran"/></name><birthDate value="1971-03-04"/></Patient>"#;

fn get(url: &str, headers: &[(&str, &str)]) -> Reply {
    ask("GET", url, headers, &[])
}

/// A server with twenty Patients, and the address of them all.
fn filled() -> (Hilum, String) {
    let hilum = Hilum::start();
    for number in 0..20 {
        let patient =
            json!({ "resourceType": "Patient", "active": true, "name": [{ "family": format!("Maran{number}") }] });
        assert_eq!(hilum.fhir().post("Patient", &[], &patient).status, 201);
    }
    let url = format!("{}/Patient", hilum.fhir().base);
    (hilum, url)
}

#[test]
fn a_resource_goes_in_as_xml_and_out_as_either() {
    let hilum = Hilum::start();
    let url = format!("{}/Patient", hilum.fhir().base);
    let created = ask(
        "POST",
        &url,
        &[("content-type", "application/fhir+xml; charset=utf-8"), ("accept", "application/fhir+xml")],
        XML.as_bytes(),
    );
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.header("content-type"), "application/fhir+xml; charset=utf-8");
    let at = created.header("location").split("/_history").next().expect("an address").to_owned();
    let xml = get(&at, &[("accept", "text/xml")]);
    assert!(xml.text.contains(r#"<name><family value="Maran"/></name>"#), "{}", xml.text);
    assert!(xml.text.contains("<p>Ilse &#38; <b>Maran</b></p>"), "narrative keeps its bytes: {}", xml.text);
    let read = get(&at, &[]);
    assert_eq!(read.header("content-type"), "application/fhir+json; charset=utf-8");
    assert_eq!(read.json()["name"][0]["family"], "Maran");
    // Back as it came, and nothing has changed.
    let back = ask("PUT", &at, &[("content-type", "text/xml")], xml.text.as_bytes());
    assert_eq!(back.status, 200, "{}", back.text);
    for part in ["text", "name", "birthDate"] {
        assert_eq!(back.json()[part], read.json()[part]);
    }
    let refused = ask(
        "POST",
        &url,
        &[("content-type", "application/fhir+xml")],
        br#"<Patient xmlns="http://hl7.org/fhir"><gender value="f"/></Patient>"#,
    );
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["issue"][0]["expression"][0], "Patient.gender");
}

#[test]
fn everything_comes_in_the_format_that_is_asked_for() {
    let (hilum, url) = filled();
    let base = hilum.fhir().base;
    let at = format!("{base}/{}", reference(&hilum.fhir().search("Patient?family=Maran1")[0]));
    let xml = [("accept", "application/fhir+xml")];
    for (address, status, root) in [
        (url.as_str(), 200, "<Bundle "),
        (at.as_str(), 200, "<Patient "),
        (&format!("{at}/_history"), 200, "<Bundle "),
        (&format!("{base}/metadata"), 200, "<CapabilityStatement "),
        (&format!("{base}/Patient/nobody"), 404, "<OperationOutcome "),
        (&format!("{base}/Patient?colour=red"), 400, "<OperationOutcome "),
        (&format!("{base}/a/b/c/d/e/f"), 404, "<OperationOutcome "),
    ] {
        let reply = get(address, &xml);
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (status, "application/fhir+xml; charset=utf-8"),
            "{address}"
        );
        assert!(reply.text.contains(root), "{address}: {}", reply.text);
        let sign = if address.contains('?') { '&' } else { '?' };
        let reply = get(&format!("{address}{sign}_format=json&_pretty=true"), &xml);
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (status, "application/fhir+json; charset=utf-8"),
            "{address}"
        );
        assert!(reply.text.contains("\n  \""), "{address} is laid out: {}", reply.text);
    }
    let deleted = ask(
        "PUT",
        &at,
        &[
            ("accept", "application/fhir+xml"),
            ("prefer", "return=OperationOutcome"),
            ("content-type", "application/fhir+json"),
        ],
        get(&at, &[]).text.as_bytes(),
    );
    assert!(deleted.text.contains("<OperationOutcome "), "{}", deleted.text);
}

#[test]
fn an_answer_is_packed_where_the_client_takes_it() {
    let (_hilum, url) = filled();
    let plain = get(&url, &[]);
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
    let mut unzipped = String::new();
    let gzip = get(&url, &[("accept-encoding", "gzip, deflate, br")]);
    assert_eq!((gzip.header("content-encoding"), gzip.header("vary")), ("gzip", "accept-encoding"));
    flate2::read::GzDecoder::new(&gzip.bytes[..]).read_to_string(&mut unzipped).expect("it is gzip");
    assert_eq!(unzipped, plain.text);
    assert!(gzip.bytes.len() * 3 < plain.bytes.len());
    assert_eq!(gzip.header("content-length"), gzip.bytes.len().to_string());
    let zstd = get(&url, &[("accept-encoding", "gzip, zstd")]);
    assert_eq!(zstd.header("content-encoding"), "zstd");
    assert_eq!(zstd::stream::decode_all(&zstd.bytes[..]).expect("it is zstd"), plain.bytes);
    // Little is sent as it is, and so is what the client will not take packed.
    for (address, accept) in
        [(format!("{url}/nobody"), "gzip"), (url.clone(), "gzip;q=0"), (url.clone(), "br"), (url.clone(), "identity")]
    {
        assert_eq!(get(&address, &[("accept-encoding", accept)]).header("content-encoding"), "", "{address} {accept}");
    }
    // The tag is the version's and not the bytes'.
    let at = plain.json()["entry"][0]["fullUrl"].as_str().expect("an address").to_owned();
    assert_eq!(get(&at, &[("accept-encoding", "gzip")]).header("etag"), "W/\"1\"");
    // A client that nobody here wrote unpacks it.
    let mut curl = Command::new("curl");
    curl.args(["-s", "--compressed", &url]);
    assert_eq!(run(curl, b"").done().out, plain.text);
}

#[test]
fn a_body_may_come_packed() {
    let hilum = Hilum::start();
    let url = format!("{}/Patient", hilum.fhir().base);
    let body =
        json!({ "resourceType": "Patient", "name": [{ "family": "Maran", "given": vec!["Ilse"; 500] }] }).to_string();
    let zstd = zstd::bulk::compress(body.as_bytes(), 3).expect("memory takes all that is written");
    let created = ask("POST", &url, &[("content-type", "application/fhir+json"), ("content-encoding", "zstd")], &zstd);
    assert_eq!(created.status, 201, "{}", created.text);
    let mut shell = Command::new("sh");
    let sent = "gzip -c | curl -s -H 'content-type: application/fhir+json' -H 'content-encoding: gzip' --data-binary @- \"$0\"";
    shell.args(["-c", sent, &url]);
    let ran = run(shell, body.as_bytes()).done();
    assert_eq!(ran.json()["name"], created.json()["name"]);
}

#[test]
fn head_says_what_get_would_and_options_says_what_there_is() {
    let (hilum, url) = filled();
    let base = hilum.fhir().base;
    let at = get(&url, &[]).json()["entry"][0]["fullUrl"].as_str().expect("an address").to_owned();
    for address in [
        url.clone(),
        at.clone(),
        format!("{at}/_history"),
        format!("{at}/_history/1"),
        format!("{base}/_history"),
        format!("{base}/metadata"),
        format!("{}/livez", hilum.http()),
    ] {
        let (whole, head) = (get(&address, &[]), ask("HEAD", &address, &[], &[]));
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{address}");
        for name in ["content-type", "content-length", "etag", "last-modified"] {
            assert_eq!(head.header(name), whole.header(name), "{address} {name}");
        }
    }
    assert_eq!(ask("HEAD", &format!("{base}/Patient/nobody"), &[], &[]).status, 404);
    for (address, allow) in [
        (at.as_str(), "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
        (&url, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
        (&format!("{base}/Patient/_search"), "POST, OPTIONS"),
    ] {
        let options = ask("OPTIONS", address, &[], &[]);
        assert_eq!((options.status, options.header("allow")), (200, allow), "{address}");
        assert_eq!(ask("TRACE", address, &[], &[]).header("allow"), allow, "{address}");
    }
    let statement = ask("OPTIONS", &base, &[], &[]);
    assert_eq!(
        (statement.json()["resourceType"].as_str(), statement.header("allow")),
        (Some("CapabilityStatement"), "GET, HEAD, POST, OPTIONS")
    );
}

#[test]
fn a_part_is_shown_where_a_part_is_asked_for_and_says_so() {
    let (_hilum, url) = filled();
    let at = get(&url, &[]).json()["entry"][0]["fullUrl"].as_str().expect("an address").to_owned();
    for address in [at.clone(), format!("{at}/_history/1")] {
        let part = get(&format!("{address}?_elements=name"), &[]).json();
        assert_eq!((part["name"].is_array(), part["active"].clone()), (true, Value::Null), "{part}");
        assert_eq!(part["meta"]["tag"][0]["code"], "SUBSETTED", "{part}");
    }
    for address in
        [url.clone(), format!("{url}/_history"), format!("{at}/_history"), url.replace("/Patient", "/_history")]
    {
        let bundle = get(&format!("{address}?_elements=name&_count=3"), &[]).json();
        for entry in bundle["entry"].as_array().expect("entries") {
            assert!(
                entry["resource"]["active"].is_null() && entry["resource"]["name"].is_array(),
                "{address}: {entry}"
            );
        }
        assert_eq!(get(&format!("{address}?_elements=nothing"), &[]).status, 400, "{address}");
        assert_eq!(get(&format!("{address}?_summary=most"), &[]).status, 400, "{address}");
    }
}

#[test]
fn the_surface_is_described_and_the_description_is_valid() {
    let hilum = Hilum::start();
    let described = get(&format!("{}/openapi.json", hilum.http()), &[("accept-encoding", "gzip")]);
    assert_eq!((described.status, described.header("content-type")), (200, "application/json"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(&described.bytes[..]).read_to_string(&mut text).expect("it is gzip");
    let document: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(document["openapi"], "3.1.0");
    let Some(mut validator) = python("openapi-spec-validator") else { return };
    let file = hilum.directory().write("openapi.json", &text);
    validator.args(["-m", "openapi_spec_validator"]).arg(file);
    let ran = run(validator, b"").done();
    assert!(ran.out.contains("OK"), "{ran:?}");
}
