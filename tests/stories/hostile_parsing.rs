//! Hostile bodies, against the running server (hostile input 1 to 24). `tests/README.md` has the list.

use std::io::Write;
use std::net::TcpListener;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::support::http::ask;
use crate::support::siege::{CANARY, Siege};

const JSON: &str = "application/fhir+json";
const XML: &str = "application/fhir+xml";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::best());
    out.write_all(bytes).expect("memory takes all that is written");
    out.finish().expect("memory takes all that is written")
}

fn patient(parts: &str) -> String {
    format!(r#"{{"resourceType":"Patient",{parts}}}"#)
}

fn amount(number: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","status":"final","code":{{"text":"x"}},"valueQuantity":{{"value":{number}}}}}"#
    )
}

/// Each body is refused, and nothing of it is stored.
fn refused(media: &str, statuses: &[u16], bodies: &[(&str, Vec<u8>)]) {
    let siege = Siege::begin();
    for (what, body) in bodies {
        siege.refused(what, &siege.post("Patient", media, body), statuses);
    }
    assert_eq!(siege.strangers(), 0, "nothing of it is stored");
    siege.withstood();
}

fn bodies<const N: usize>(bodies: [(&'static str, String); N]) -> [(&'static str, Vec<u8>); N] {
    bodies.map(|(what, body)| (what, body.into_bytes()))
}

#[test]
fn hostile_1_what_is_nested_without_end_is_not_followed() {
    let nested = |count: usize, end: &str| {
        let open = r#"[{"url":"u","extension":"#.repeat(count);
        patient(&format!(r#""extension":{open}[{{"url":"{CANARY}"}}]{}"#, end.repeat(count)))
    };
    let json = bodies([
        ("128 extensions", nested(128, "}]")),
        ("100,000 extensions", nested(100_000, "}]")),
        ("100,000 extensions that never end", nested(100_000, "")),
        ("100,000 lists", "[".repeat(100_000)),
        ("100,000 lists in an element", patient(&format!(r#""name":{}"#, "[".repeat(100_000)))),
        ("100,000 unknown objects", patient(&format!(r#""x":{}"#, r#"{"a":"#.repeat(100_000)))),
    ]);
    refused(JSON, &[400], &json);
    let open = r#"<extension url="u">"#.repeat(100_000);
    let xml = format!(r#"<Patient xmlns="http://hl7.org/fhir">{open}{}</Patient>"#, "</extension>".repeat(100_000));
    let div = format!(
        r#"<Patient xmlns="http://hl7.org/fhir"><text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">{}{}</div></text></Patient>"#,
        "<b>".repeat(100_000),
        "</b>".repeat(100_000)
    );
    refused(XML, &[400], &bodies([("XML", xml), ("a narrative", div)]));
}

#[test]
fn hostile_2_a_key_stands_once() {
    let twice = [
        ("id", patient(&format!(r#""id":"a","id":"{CANARY}""#))),
        ("resourceType", patient(r#""resourceType":"Patient""#)),
        ("in a part", patient(r#""name":[{"family":"a","family":"b"}]"#)),
    ];
    refused(JSON, &[400], &bodies(twice));
}

#[test]
fn hostile_3_an_escaped_key_is_the_same_key() {
    refused(JSON, &[400], &bodies([("id", patient(r#""id":"a","\u0069d":"b""#))]));
}

#[test]
fn hostile_4_the_private_keys_of_libraries_mean_nothing() {
    let number = r#"{"$serde_json::private::Number":"1"}"#;
    let raw = r#"{"$serde_json::private::RawValue":"{}"}"#;
    refused(
        JSON,
        &[400],
        &bodies([
            ("a key", patient(r#""$serde_json::private::Number":"1""#)),
            ("a number", amount(number)),
            ("a value", patient(&format!(r#""contact":[{raw}]"#))),
            ("a whole body", number.to_owned()),
        ]),
    );
}

#[test]
fn hostile_5_a_heap_of_values_is_no_resource() {
    let zeros = |count: usize| patient(&format!(r#""multipleBirthInteger":[{}0]"#, "0,".repeat(count)));
    let names = |count: usize| patient(&format!(r#""name":[{{"given":[{}"a"]}}]"#, "\"a\",".repeat(count)));
    let long =
        |count: usize| patient(&format!(r#""name":[{{"given":[{}"a"]}}]"#, "\"aaaaaaaaaaaaaaaa\",".repeat(count)));
    refused(
        JSON,
        &[413],
        &bodies([
            ("20 MB of zeros", zeros(10_000_000)),
            ("10 MB of zeros", zeros(5_000_000)),
            ("3,000,000 names", names(3_000_000)),
            ("300,000 names that are longer", long(300_000)),
        ]),
    );
}

#[test]
fn hostile_6_a_number_of_a_megabyte_is_none() {
    let digits = "1".repeat(1_000_000);
    refused(
        JSON,
        &[400],
        &bodies([
            ("before the point", amount(&digits)),
            ("behind it", amount(&format!("0.{digits}"))),
            ("an exponent", amount(&format!("1e{digits}"))),
        ]),
    );
}

#[test]
fn hostile_7_a_number_is_kept_as_it_is_written() {
    let siege = Siege::begin();
    for number in ["1e400", "-0", "1.10", "0.123456789012345678901234567890", "1E-7", "100000000000000000000000000001"]
    {
        let stored = siege.post("Observation", JSON, amount(number));
        assert_eq!(stored.status, 201, "{number}: {}", stored.text);
        let at = format!("Observation/{}", stored.json()["id"].as_str().expect("an id"));
        let expected = format!(r#""value":{number}}}"#);
        assert!(siege.get(&at).text.contains(&expected), "{number}: {}", siege.get(&at).text);
        let xml = siege.get(&format!("{at}?_format=xml"));
        assert!(xml.text.contains(&format!(r#"<value value="{number}"/>"#)), "{number}: {}", xml.text);
    }
    for number in ["01", "+1", ".5", "1.", "0x1", "1e", "--1"] {
        siege.refused(number, &siege.post("Observation", JSON, amount(number)), &[400]);
    }
    siege.withstood();
}

#[test]
fn hostile_8_what_is_not_json_is_refused() {
    refused(
        JSON,
        &[400],
        &bodies([
            ("NaN", amount("NaN")),
            ("Infinity", amount("Infinity")),
            ("trailing bytes", format!(r#"{{"resourceType":"Patient"}}{CANARY}"#)),
            ("two documents", r#"{"resourceType":"Patient"}{"resourceType":"Patient"}"#.to_owned()),
            ("a comment", r#"{"resourceType":"Patient"/*x*/}"#.to_owned()),
            ("a comma too many", r#"{"resourceType":"Patient","active":true,}"#.to_owned()),
            ("two marks", "\u{feff}\u{feff}{\"resourceType\":\"Patient\"}".to_owned()),
            ("UTF-16", "{\0\"\0r\0".to_owned()),
            ("nothing", String::new()),
        ]),
    );
    // One byte order mark is no part of the document (RFC 8259 §8.1).
    let siege = Siege::begin();
    assert_eq!(siege.post("Patient", JSON, "\u{feff}{\"resourceType\":\"Patient\"}").status, 201);
    siege.withstood();
}

#[test]
fn hostile_9_text_is_unicode_without_control_characters() {
    let name = |text: &[u8]| [br#"{"resourceType":"Patient","name":[{"family":""#, text, br#""}]}"#].concat();
    refused(
        JSON,
        &[400],
        &[
            ("an escaped NUL", name(br"a\u0000b")),
            ("a NUL", name(b"a\0b")),
            ("half a pair", name(br"a\ud800b")),
            ("the other half", name(br"\udc00")),
            ("overlong", name(b"\xc0\xaf")),
            ("a surrogate in UTF-8", name(b"\xed\xa0\x80")),
            ("beyond Unicode", name(b"\xf4\x90\x80\x80")),
        ],
    );
    let xml = br#"<Patient xmlns="http://hl7.org/fhir"><language value="a&#0;"/></Patient>"#.to_vec();
    refused(XML, &[400], &[("a NUL in XML", xml)]);
}

#[test]
fn hostile_10_entities_are_not_declared_here() {
    let laughs: String =
        (1..10).map(|n| format!(r#"<!ENTITY l{n} "{}">"#, format!("&l{};", n - 1).repeat(10))).collect();
    let bomb = format!(
        r#"<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "{CANARY}">{laughs}]><Patient xmlns="http://hl7.org/fhir"><language value="&l9;"/></Patient>"#
    );
    let unknown = r#"<Patient xmlns="http://hl7.org/fhir"><language value="&lol;"/></Patient>"#.to_owned();
    refused(XML, &[400], &bodies([("a billion laughs", bomb), ("an entity that nobody declared", unknown)]));
}

/// A listener that must never be called.
fn trap() -> (TcpListener, String) {
    let trap = TcpListener::bind("127.0.0.1:0").expect("a free port");
    trap.set_nonblocking(true).expect("it can be asked without waiting");
    let at = format!("http://{}", trap.local_addr().expect("bound"));
    (trap, at)
}

fn was_not_called(trap: &TcpListener) {
    let called = trap.accept();
    assert!(called.is_err(), "somebody fetched what a body names: {called:?}");
}

#[test]
fn hostile_11_nothing_that_a_document_names_is_fetched() {
    let (trap, at) = trap();
    let within = |entity: &str| {
        format!(r#"<!DOCTYPE x [{entity}]><Patient xmlns="http://hl7.org/fhir"><language value="&e;"/></Patient>"#)
    };
    let cases = [
        ("a file", within(r#"<!ENTITY e SYSTEM "file:///etc/hostname">"#)),
        ("an address", within(&format!(r#"<!ENTITY e SYSTEM "{at}/e">"#))),
        ("a parameter entity", within(&format!(r#"<!ENTITY % p SYSTEM "{at}/p"> %p;"#))),
        ("a DTD elsewhere", format!(r#"<!DOCTYPE x SYSTEM "{at}/d"><Patient xmlns="http://hl7.org/fhir"/>"#)),
    ];
    refused(XML, &[400], &bodies(cases));
    was_not_called(&trap);
}

#[test]
fn hostile_12_hints_to_fetch_are_passed_over_or_refused() {
    let (trap, at) = trap();
    let siege = Siege::begin();
    let hints = format!(
        r#"<?xml-stylesheet href="{at}/s.xsl"?><Patient xmlns="http://hl7.org/fhir" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://hl7.org/fhir {at}/x.xsd"><active value="true"/></Patient>"#
    );
    let taken = siege.post("Patient", XML, hints);
    assert_eq!((taken.status, taken.json()["active"].clone()), (201, json!(true)), "{}", taken.text);
    let include = r#"<Patient xmlns="http://hl7.org/fhir" xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/hostname"/></Patient>"#;
    siege.refused("XInclude", &siege.post("Patient", XML, include), &[400]);
    was_not_called(&trap);
    siege.withstood();
}

#[test]
fn hostile_13_a_packed_bomb_is_unpacked_only_so_far() {
    let siege = Siege::begin();
    let url = format!("{}/Patient", siege.fhir().base);
    let zeros = vec![b' '; 200 << 20];
    let zstd = zstd::bulk::compress(&zeros, 19).expect("memory takes all that is written");
    let gzip_of = |bytes: usize| gzip(&zeros[..bytes]);
    for (what, coding, body) in [
        ("gzip of 200 MB", "gzip", gzip_of(200 << 20)),
        ("gzip of 1 MB, a thousand to one", "gzip", gzip_of(1 << 20)),
        ("many members", "gzip", gzip_of(10 << 20).repeat(20)),
        ("zstd of 200 MB", "zstd", zstd.clone()),
        ("zstd frames", "zstd", zstd.repeat(20)),
    ] {
        let reply = ask("POST", &url, &[("content-type", JSON), ("content-encoding", coding)], &body);
        siege.refused(what, &reply, &[413]);
    }
    let half = gzip(patient(r#""active":true"#).as_bytes());
    for (what, body) in [("half of it", &half[..half.len() / 2]), ("no gzip", b"{}")] {
        let reply = ask("POST", &url, &[("content-type", JSON), ("content-encoding", "gzip")], body);
        siege.refused(what, &reply, &[400]);
    }
    assert_eq!(siege.strangers(), 0);
    siege.withstood();
}

#[test]
fn hostile_14_a_body_is_packed_once() {
    let siege = Siege::begin();
    let url = format!("{}/Patient", siege.fhir().base);
    let twice = gzip(&gzip(patient(r#""active":true"#).as_bytes()));
    for coding in ["gzip, gzip", "gzip,zstd", "br", "deflate", "compress", "", "gzip;q=1"] {
        let reply = ask("POST", &url, &[("content-type", JSON), ("content-encoding", coding)], &twice);
        siege.refused(coding, &reply, &[415]);
        assert_eq!(reply.header("accept-encoding"), "gzip, zstd", "{coding}");
    }
    siege.withstood();
}

#[test]
fn hostile_18_a_line_that_was_cut_is_named_and_the_rest_is_kept() {
    let siege = Siege::begin();
    let line = |id: &str| format!(r#"{{"resourceType":"Patient","id":"{id}","name":[{{"family":"{CANARY}"}}]}}"#);
    let (whole, cut) = (format!("{}\n{}\n", line("a"), line("b")), line("c"));
    let file = siege.hilum().directory().write("export.ndjson", whole.clone() + &cut[..cut.len() / 2]);
    let import = || siege.hilum().command(&["import", file.to_str().expect("UTF-8")]);
    let ran = import();
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(ran.talk.contains("export.ndjson:3") && !ran.talk.contains(CANARY), "{ran:?}");
    assert_eq!((siege.strangers(), siege.get("Patient/c").status), (2, 404));
    // The file came again, whole.
    siege.hilum().directory().write("export.ndjson", whole + &cut);
    import().done();
    assert_eq!((siege.strangers(), siege.get("Patient/c").status), (3, 200));
    siege.withstood();
}

#[test]
fn hostile_19_a_bundle_of_a_million_entries_is_not_worked_on() {
    let siege = Siege::begin();
    let bundle = |kind: &str, entry: &str, count: usize| {
        format!(r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{}{entry}]}}"#, format!("{entry},").repeat(count))
    };
    let asks = r#"{"request":{"method":"GET","url":"Patient"}}"#;
    let posts = r#"{"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}"#;
    for (what, body) in [
        ("a million of nothing", bundle("batch", "{}", 1_000_000)),
        ("300,000 questions", bundle("batch", asks, 300_000)),
        ("150,000 resources", bundle("transaction", posts, 150_000)),
        ("2,000,000 questions", bundle("batch", asks, 2_000_000)),
    ] {
        siege.refused(what, &siege.post("", JSON, body), &[400, 413]);
    }
    assert_eq!(siege.strangers(), 0);
    siege.withstood();
}

#[test]
fn hostile_20_what_is_contained_contains_nothing() {
    let siege = Siege::begin();
    let deep = patient(
        r#""contained":[{"resourceType":"Patient","id":"a","contained":[{"resourceType":"Patient","id":"b"}]}]"#,
    );
    siege.refused("contained in what is contained", &siege.post("Patient", JSON, deep), &[422]);
    // A circle of references is legal; whoever follows it has to come to an end.
    let circle = patient(
        r##""contained":[{"resourceType":"Patient","id":"a","link":[{"other":{"reference":"#a"},"type":"refer"}]}],"link":[{"other":{"reference":"#a"},"type":"refer"}]"##,
    );
    let stored = siege.post("Patient", JSON, circle);
    assert_eq!(stored.status, 201, "{}", stored.text);
    let at = format!("Patient/{}", stored.json()["id"].as_str().expect("an id"));
    for path in [format!("{at}?_format=xml"), format!("{at}?_summary=true"), "Patient?link=Patient/a".to_owned()] {
        assert_eq!(siege.get(&path).status, 200, "{path}");
    }
    siege.withstood();
}

#[test]
fn hostile_21_an_extension_is_no_file() {
    let deep = format!(r#"{}[{{"url":"u"}}]{}"#, r#"[{"url":"u","extension":"#.repeat(100), "}]".repeat(100));
    let large = format!(r#"[{{"url":"u","valueString":"{}"}}]"#, "y".repeat(10 << 20));
    let many = format!(
        r#"[{}{{"url":"u"}}]"#,
        format!(r#"{{"url":"u","valueString":"{}"}},"#, "y".repeat(1000)).repeat(10_000)
    );
    refused(
        JSON,
        &[400, 413, 422],
        &bodies([
            ("100 deep", patient(&format!(r#""extension":{deep}"#))),
            ("10 MB in one", patient(&format!(r#""extension":{large}"#))),
            ("10 MB in many", patient(&format!(r#""extension":{many}"#))),
        ]),
    );
}

#[test]
fn hostile_22_an_attachment_is_bounded_and_its_url_is_nobodys_business() {
    let (trap, at) = trap();
    let siege = Siege::begin();
    let huge = patient(&format!(r#""photo":[{{"data":"{}"}}]"#, "AAAA".repeat(50 << 20)));
    siege.refused("200 MB", &siege.post("Patient", JSON, huge), &[413]);
    let named = patient(&format!(r#""photo":[{{"url":"{at}/photo"}}]"#));
    let stored = siege.post("Patient", JSON, named);
    assert_eq!(stored.status, 201, "{}", stored.text);
    assert_eq!(stored.json()["photo"][0]["url"], format!("{at}/photo"));
    was_not_called(&trap);
    siege.withstood();
}

#[test]
fn hostile_23_a_type_is_one_of_r4() {
    let siege = Siege::begin();
    for kind in
        ["__proto__", "constructor", "..%2f", "Patient%00", "patient", "PATIENT", "Patient;a=b", "%2e%2e", "Resource"]
    {
        siege.refused(kind, &siege.get(kind), &[400, 404]);
        siege.refused(kind, &siege.get(&format!("{kind}/x")), &[400, 404]);
        siege.refused(kind, &siege.post(kind, JSON, patient(r#""active":true"#)), &[400, 404]);
    }
    for kind in ["__proto__", "patient", "", "DomainResource", "Patient\\u0000"] {
        let body = format!(r#"{{"resourceType":"{kind}"}}"#);
        siege.refused(kind, &siege.post("Patient", JSON, body), &[400]);
    }
    siege.withstood();
}

#[test]
fn hostile_24_an_id_is_one_of_r4() {
    let siege = Siege::begin();
    let long = "a".repeat(65);
    for id in [long.as_str(), "a%2fb", "%2e%2e", "a%0d%0ax-evil:%201", "a_b", "%00", "a%20b", "%c3%a4", "*"] {
        let at = format!("Patient/{id}");
        siege.refused(id, &siege.get(&at), &[400]);
        siege.refused(id, &siege.get(&format!("{at}/_history")), &[400]);
        let put = siege.fhir().put(&at, &[], &json!({ "resourceType": "Patient", "id": "x" }));
        siege.refused(id, &put, &[400]);
        siege.refused(id, &siege.fhir().delete(&at, &[]), &[400]);
    }
    for id in [long.as_str(), "a/b", "..\\n", "a_b", ""] {
        let body = patient(&format!(r#""id":"{id}""#));
        let reply = ask("PUT", &format!("{}/Patient/x", siege.fhir().base), &[("content-type", JSON)], body.as_bytes());
        siege.refused(id, &reply, &[400]);
    }
    siege.withstood();
}
