//! Hostile use of HTTP itself, against the running server (hostile input 61 to 68). `tests/README.md` has the list.

use std::io::{Read, Write};
use std::time::Instant;

use serde_json::json;

use crate::support::http::ask;
use crate::support::raw::{connect, hear, say};
use crate::support::server::{Hilum, WARD};
use crate::support::siege::{CANARY, Siege};

/// A request's head and body, with lines ended as HTTP ends them.
fn request(head: &str, body: &str) -> Vec<u8> {
    format!("{}\r\n\r\n{body}", head.replace('\n', "\r\n")).into_bytes()
}

#[test]
fn hostile_61_a_request_has_one_end() {
    let siege = Siege::begin();
    let hidden = "GET /fhir/Patient HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let length = hidden.len();
    let post = "POST /fhir/Patient HTTP/1.1\nHost: localhost\nContent-Type: application/fhir+json";
    let chunked = format!("0\r\n\r\n{hidden}");
    for (what, head, body) in [
        ("CL.TE", format!("{post}\nContent-Length: {}\nTransfer-Encoding: chunked", chunked.len()), chunked.clone()),
        ("TE.CL", format!("{post}\nTransfer-Encoding: chunked\nContent-Length: 4"), chunked.clone()),
        ("two lengths", format!("{post}\nContent-Length: 0\nContent-Length: {length}"), hidden.to_owned()),
        ("a list of lengths", format!("{post}\nContent-Length: 0, {length}"), hidden.to_owned()),
        ("a length with a sign", format!("{post}\nContent-Length: +{length}"), hidden.to_owned()),
        ("another coding", format!("{post}\nTransfer-Encoding: xchunked"), chunked.clone()),
        ("chunked twice", format!("{post}\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked"), chunked.clone()),
        ("chunked and more", format!("{post}\nTransfer-Encoding: chunked, identity"), chunked.clone()),
        ("a folded line", format!("{post}\nX-A: b\n c\nContent-Length: 0"), String::new()),
        ("a blank before the colon", format!("{post}\nContent-Length : {length}"), hidden.to_owned()),
        ("two hosts", format!("{post}\nHost: evil.example\nContent-Length: 0"), String::new()),
        ("no host", "GET /fhir/metadata HTTP/1.1\nAccept: */*".to_owned(), String::new()),
        ("a NUL in a header", format!("{post}\nX-A: a\0b\nContent-Length: 0"), String::new()),
    ] {
        let said = say(&siege.hilum().http(), &request(&head, &body));
        assert_eq!((said.status(), said.answers(), said.closed), (400, 1, true), "{what}: {said:?}");
    }
    // Chunks that lie about their size.
    for (what, body) in
        [("a size beyond all", "ffffffffffffffffff\r\nabc"), ("no size", "zz\r\nabc"), ("LF alone", "3\nabc\n0\n\n")]
    {
        let said = say(&siege.hilum().http(), &request(&format!("{post}\nTransfer-Encoding: chunked"), body));
        assert!(said.status() == 400 && said.answers() == 1 && said.closed, "{what}: {said:?}");
    }
    assert_eq!(siege.strangers(), 0, "nothing was created");
    siege.withstood();
}

/// A server that waits for two seconds.
fn impatient() -> Siege {
    Siege::of(Hilum::with_http("request_seconds = 2\nconnections_max = 400", WARD))
}

#[test]
fn hostile_62_who_is_slow_is_hung_up_on_and_holds_nobody_up() {
    let siege = impatient();
    let http = siege.hilum().http();
    // Connections that say nothing, half a head, and half a body.
    let mut silent: Vec<_> = (0..100).map(|_| connect(&http)).collect();
    let mut half_heads: Vec<_> = (0..100).map(|_| connect(&http)).collect();
    for stream in &mut half_heads {
        stream.write_all(b"GET /fhir/Patient HTTP/1.1\r\nHost: loc").expect("it listens");
    }
    let mut half_body = connect(&http);
    let head =
        "POST /fhir/Patient HTTP/1.1\nHost: localhost\nContent-Type: application/fhir+json\nContent-Length: 1000";
    half_body.write_all(&request(head, "{\"resourceType\":")).expect("it listens");
    // Somebody who asks for much and reads nothing.
    let mut deaf = connect(&http);
    let ask_much = request("GET /fhir/metadata HTTP/1.1\nHost: localhost", "");
    for _ in 0..50 {
        deaf.write_all(&ask_much).expect("it listens");
    }
    let began = Instant::now();
    for _ in 0..50 {
        assert_eq!(siege.get("Patient?_summary=count").status, 200, "others are served");
    }
    assert!(began.elapsed().as_secs() < 30);
    let said = hear(&mut half_body);
    assert_eq!(said.status(), 408, "{said:?}");
    for stream in silent.iter_mut().chain(&mut half_heads) {
        let said = hear(stream);
        assert!(said.closed && [0, 408].contains(&said.status()), "{said:?}");
    }
    drop(deaf);
    siege.withstood();
}

/// Photos of patients, 12 MB together: more than the network takes from the server for somebody who does not read.
fn album(siege: &Siege) -> usize {
    let photo = "A".repeat(40_000);
    let patient = |number: usize| {
        let resource = json!({ "resourceType": "Patient", "id": format!("p{number}"), "photo": [{ "data": photo }] });
        json!({ "resource": resource, "request": { "method": "PUT", "url": format!("Patient/p{number}") } })
    };
    let entry: Vec<_> = (0..300).map(patient).collect();
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entry });
    let stored = siege.post("", "application/fhir+json", bundle.to_string());
    assert_eq!(stored.status, 200, "{}", stored.text);
    300 * photo.len()
}

#[test]
fn hostile_62_who_takes_nothing_of_an_answer_is_hung_up_on() {
    let siege = Siege::of(Hilum::with_http("write_seconds = 1\nworkers = 1\nconnections_max = 1", WARD));
    let bytes = album(&siege);
    let mut deaf = connect(&siege.hilum().http());
    deaf.write_all(&request("GET /fhir/Patient?_count=1000 HTTP/1.1\nHost: localhost", "")).expect("it listens");
    // Its answer has begun, so that it holds the only place.
    deaf.read_exact(&mut [0; 64]).expect("it answers");
    assert_eq!(siege.get("Patient?_summary=count").status, 200, "the place has become free");
    let said = hear(&mut deaf);
    assert!(said.closed && said.text.len() < bytes, "{} of {bytes} bytes", said.text.len());
    siege.withstood();
}

#[test]
fn who_reads_slowly_and_steadily_gets_all_of_an_answer() {
    let siege = Siege::of(Hilum::with_http("write_seconds = 1", WARD));
    let bytes = album(&siege);
    let mut slow = connect(&siege.hilum().http());
    let head = "GET /fhir/Patient?_count=1000 HTTP/1.1\nHost: localhost\nConnection: close";
    slow.write_all(&request(head, "")).expect("it listens");
    let (mut heard, mut chunk) = (0, [0; 16 * 1024]);
    let began = Instant::now();
    loop {
        // It does something else between two reads, for longer than the server waits for one.
        for _ in 0..(if began.elapsed().as_secs() < 4 { 5 } else { 0 }) {
            assert_eq!(siege.get("metadata").status, 200);
        }
        match slow.read(&mut chunk).expect("nobody hangs up") {
            0 => break,
            count => heard += count,
        }
    }
    assert!(heard > bytes, "{heard} of {bytes} bytes");
    siege.withstood();
}

#[test]
fn a_client_that_goes_away_leaves_nothing_half_done() {
    let mut hilum = Hilum::start();
    let entry = r#"{"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}"#;
    let body = format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}]}}"#, vec![entry; 500].join(","));
    let head = |path: &str, length: usize| {
        format!(
            "POST /fhir{path} HTTP/1.1\nHost: localhost\nContent-Type: application/fhir+json\nContent-Length: {length}"
        )
    };
    for sent in [body.len(), body.len() / 2, 10] {
        let mut stream = connect(&hilum.http());
        let whole = request(&head("", body.len()), &body);
        stream.write_all(&whole[..whole.len() - body.len() + sent]).expect("it listens");
        drop(stream);
    }
    let one = r#"{"resourceType":"Observation","status":"final","code":{"text":"x"}}"#;
    let mut stream = connect(&hilum.http());
    stream.write_all(&request(&head("/Observation", one.len() + 1), one)).expect("it listens");
    drop(stream);
    // What was begun is done or not done when the server has ended.
    assert!(hilum.stop().0.success());
    hilum.start_again();
    let count = |kind: &str| hilum.fhir().get(&format!("{kind}?_summary=count")).json()["total"].as_u64();
    assert!([Some(0), Some(500)].contains(&count("Patient")), "{:?}", count("Patient"));
    assert_eq!(count("Observation"), Some(0));
}

#[test]
fn hostile_64_our_own_address_is_not_the_requesters_to_say() {
    let patient = br#"{"resourceType":"Patient","name":[{"family":"Maran"}]}"#;
    let json = ("content-type", "application/fhir+json");
    let siege = Siege::of(Hilum::with_http("base_url = \"https://fhir.clinic.example/fhir\"", WARD));
    let url = format!("{}/Patient", siege.fhir().base);
    for header in [("host", "127.0.0.1:1"), ("host", "localhost.")] {
        let reply = ask("GET", &format!("{url}?_count=1"), &[header], &[]);
        assert!(reply.status == 401 || !reply.text.contains(header.1), "{header:?}: {}", reply.text);
    }
    let created = ask("POST", &url, &[json], patient);
    assert!(created.header("location").starts_with("https://fhir.clinic.example/fhir/Patient/"), "{created:?}");
    let page = ask("GET", &format!("{url}?_count=1"), &[], &[]).json();
    for link in page["link"].as_array().expect("links") {
        let link = link["url"].as_str().expect("an address");
        assert!(link.starts_with("https://fhir.clinic.example/fhir/Patient?"), "{link}");
    }
    let full_url = page["entry"][0]["fullUrl"].as_str().expect("an address");
    assert!(full_url.starts_with("https://fhir.clinic.example/fhir/Patient/"), "{full_url}");
    // Where none is configured a foreign name is nobody's, and no markup comes back.
    let open = Siege::begin();
    for host in ["evil.example", "localhost\"><script>", "localhost@evil.example", "evil.example:80#localhost"] {
        let said = say(
            &open.hilum().http(),
            &request(
                &format!("GET /fhir/Patient HTTP/1.1\nHost: {host}\nX-Forwarded-Host: evil.example\nConnection: close"),
                "",
            ),
        );
        assert!([400, 401].contains(&said.status()) && !said.text.contains("evil.example"), "{host}: {said:?}");
    }
    open.withstood();
    siege.withstood();
}

#[test]
fn hostile_67_a_head_has_bounds() {
    let siege = Siege::begin();
    let http = siege.hilum().http();
    let get = "GET /fhir/metadata HTTP/1.1\nHost: localhost";
    for (what, head) in [
        ("one header of 1 MB", format!("{get}\nX-A: {}", CANARY.repeat(100_000))),
        ("10,000 headers", format!("{get}{}", "\nX-A: b".repeat(10_000))),
        ("200 headers", format!("{get}{}", "\nX-A: b".repeat(200))),
    ] {
        let said = say(&http, &request(&head, ""));
        assert!(said.closed && said.answers() <= 1, "{what}: {said:?}");
        // Who is still sending may lose the answer together with the connection.
        assert!([0, 431].contains(&said.status()), "{what}: {said:?}");
    }
    for (what, bytes, statuses) in
        [("20 kB", 20_000, [414, 414]), ("70 kB", 70_000, [400, 414]), ("1 MB", 1_000_000, [0, 431])]
    {
        let head = format!("GET /fhir/Patient?name={} HTTP/1.1\nHost: localhost\nConnection: close", "a".repeat(bytes));
        let said = say(&http, &request(&head, ""));
        assert!(said.closed && statuses.contains(&said.status()), "an address of {what}: {said:?}");
    }
    siege.withstood();
}

#[test]
fn hostile_68_neither_ranges_nor_multipart() {
    let siege = Siege::begin();
    let url = format!("{}/Patient", siege.fhir().base);
    let many = format!("bytes={}", vec!["0-0"; 1_000].join(","));
    for range in ["bytes=0-0,1-1", many.as_str(), "lines=1-2", "bytes 0-1"] {
        siege.refused(range, &ask("GET", &url, &[("range", range)], &[]), &[416]);
    }
    // One range may be passed over (RFC 9110 §14.2): the answer is whole.
    let whole = ask("GET", &url, &[("range", "bytes=0-10")], &[]);
    assert_eq!((whole.status, whole.json()["resourceType"].as_str()), (200, Some("Bundle")));
    let part = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n".repeat(10_000) + "--x--";
    for media in ["multipart/form-data; boundary=x", "multipart/mixed; boundary=x", "application/zip"] {
        siege.refused(media, &siege.post("Patient", media, &part), &[415]);
        siege.refused(media, &siege.post("Patient/_search", media, &part), &[415]);
        siege.refused(media, &siege.post("", media, &part), &[415]);
    }
    siege.withstood();
}
