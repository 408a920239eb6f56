//! An import against a server of the test's own, which says what each story needs.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use super::*;

/// What was asked: method and path, and the body.
type Asked = (String, String);
/// A status line's number, headers, and the body.
type Said = (u16, &'static str, String);

struct Peer {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A server that answers the n-th request as it is told.
fn peer(answer: impl Fn(usize, &Asked) -> Said + Send + Sync + 'static) -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
    let (seen, answer) = (asked.clone(), Arc::new(answer));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (seen, answer) = (seen.clone(), answer.clone());
            let stream = stream.expect("a client");
            thread::spawn(move || while serve(&stream, &seen, &*answer).is_some() {});
        }
    });
    Peer { url, asked }
}

fn serve(mut stream: &TcpStream, seen: &Mutex<Vec<Asked>>, answer: &dyn Fn(usize, &Asked) -> Said) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|count| *count > 0)?;
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).ok()? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let asked = (first.trim_end_matches(" HTTP/1.1\r\n").to_owned(), String::from_utf8(body).expect("text"));
    let number = {
        let mut seen = seen.lock().expect("no test fails while it holds the list");
        seen.push(asked.clone());
        seen.len() - 1
    };
    let (status, headers, said) = answer(number, &asked);
    write!(stream, "HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n{said}", said.len()).ok()
}

/// What a server says of so many entries that are all new.
fn created(asked: &Asked) -> Said {
    let entries = asked.1.matches(r#""request":"#).count();
    let entry = r#"{"response":{"status":"201 Created"}}"#;
    let list = vec![entry; entries].join(",");
    (200, "", format!(r#"{{"resourceType":"Bundle","type":"transaction-response","entry":[{list}]}}"#))
}

fn asked(peer: &Peer) -> Vec<Asked> {
    peer.asked.lock().expect("no test fails while it holds the list").clone()
}

fn import_from(from: &str, peer: &Peer) -> (Summary, Result<(), Failure>) {
    let args = Args { from: from.to_owned(), server: Some(peer.url.clone()), config: None, parallel: 1, output: None };
    let inputs = source::find(from).expect("there is something");
    super::super::runtime().expect("a runtime").block_on(import(&args, inputs))
}

/// A directory of these files, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn of(name: &str, files: &[(&str, &str)]) -> Folder {
        let path = std::env::temp_dir().join(format!("hilum-import-{name}-{}", std::process::id()));
        for (file, content) in files {
            let file = path.join(file);
            fs::create_dir_all(file.parent().expect("it is below the folder")).expect("made");
            fs::write(file, content).expect("written");
        }
        Folder(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a plain path")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const HOSPITALS: &str = r#"{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Organization","name":"n"},"request":{"method":"POST","url":"Organization"}}]}"#;

#[test]
fn a_directory_is_walked_and_each_file_is_taken_by_what_it_holds() {
    let lines = "{\"resourceType\":\"Patient\",\"id\":\"a\"}\n\n  {\"resourceType\":\"Patient\",\"id\":\"b\"}\r\n\
                 {\"resourceType\":\"Patient\",\"id\":\"c\",\"birthDate\":\"x\"}\n{\"resourceType\":\"Patient\"}\n{\"resourceType\"";
    let folder = Folder::of(
        "walk",
        &[
            ("a/patients.ndjson", lines),
            (
                "b.json",
                r#"{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:00000000-0000-4000-8000-000000000001","resource":{"resourceType":"Patient"}},{"resource":{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.10}}}]}"#,
            ),
            (
                "c.json",
                r#"{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"Patient","id":"d"},"search":{"mode":"match"}},{"resource":{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"invalid"}]},"search":{"mode":"outcome"}}]}"#,
            ),
            ("d.json", r#"{"resourceType":"Patient","id":"e"}"#),
            ("e.json", r#"{"resourceType":"Bundle","type":"history"}"#),
            ("f.json", "[]"),
            ("notes.txt", "not for import"),
            ("z/hospitalInformation1.json", HOSPITALS),
        ],
    );
    let peer = peer(|_, asked| created(asked));
    let (summary, ended) = import_from(folder.path(), &peer);
    assert!(ended.is_ok(), "{ended:?}");
    let asked = asked(&peer);
    assert!(asked.iter().all(|(to, _)| to == "POST /fhir"), "{asked:?}");
    let bodies: Vec<&str> = asked.iter().map(|(_, body)| body.as_str()).collect();
    assert_eq!(
        bodies,
        [
            HOSPITALS,
            r#"{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"urn:uuid:00000000-0000-4000-8000-000000000001","resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}},{"resource":{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.10}},"request":{"method":"PUT","url":"Observation/o"}}]}"#,
            r#"{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Patient","id":"a"},"request":{"method":"PUT","url":"Patient/a"}},{"resource":{"resourceType":"Patient","id":"b"},"request":{"method":"PUT","url":"Patient/b"}},{"resource":{"resourceType":"Patient","id":"d"},"request":{"method":"PUT","url":"Patient/d"}},{"resource":{"resourceType":"Patient","id":"e"},"request":{"method":"PUT","url":"Patient/e"}}]}"#,
        ]
    );
    assert!(bodies.iter().all(|body| fhir::json::read(body.as_bytes()).is_ok()), "what is sent is FHIR");
    // The line with no date, the one without an id, the one cut off, the history and the list.
    assert_eq!((summary.files, summary.stored, summary.created, summary.refused), (7, 7, 7, 5));
}

#[test]
fn a_refused_transaction_is_told_entry_by_entry() {
    let folder = Folder::of(
        "refused",
        &[("p.ndjson", "{\"resourceType\":\"Patient\",\"id\":\"a\"}\n{\"resourceType\":\"Patient\",\"id\":\"b\"}\n")],
    );
    let peer = peer(|number, _| {
        match number {
        0 => (422, "", r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"invalid"}]}"#.to_owned()),
        _ => (200, "", r#"{"resourceType":"Bundle","type":"batch-response","entry":[{"response":{"status":"200 OK"}},{"response":{"status":"422","outcome":{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"invalid","diagnostics":"no"}]}}}]}"#.to_owned()),
    }
    });
    let (summary, ended) = import_from(folder.path(), &peer);
    assert!(ended.is_ok());
    assert_eq!((summary.stored, summary.created, summary.refused, summary.requests), (1, 0, 1, 2));
    assert!(asked(&peer)[1].1.contains(r#""type":"batch""#));
}

#[test]
fn a_busy_server_is_asked_again_and_a_closed_one_is_not() {
    let folder = Folder::of("busy", &[("p.json", r#"{"resourceType":"Patient","id":"a"}"#)]);
    let busy = peer(|number, asked| match number {
        0 => (503, "retry-after: 0\r\n", String::new()),
        1 => (429, "retry-after: 0\r\n", String::new()),
        _ => created(asked),
    });
    let (summary, ended) = import_from(folder.path(), &busy);
    assert!(ended.is_ok());
    assert_eq!((summary.stored, summary.requests), (1, 3));

    for (status, code) in [(403, 1), (500, 3), (501, 3)] {
        let closed = peer(move |_, _| (status, "", String::new()));
        let (summary, ended) = import_from(folder.path(), &closed);
        assert_eq!((summary.stored, ended.map_err(|failure| failure.code())), (0, Err(code)), "{status}");
        assert_eq!(asked(&closed).len(), 1);
    }
    let gone = Peer { url: "http://127.0.0.1:9".to_owned(), asked: Arc::default() };
    assert_eq!(import_from(folder.path(), &gone).1.map_err(|failure| failure.code()), Err(3));
    let away = Peer { url: "http://10.1.2.3".to_owned(), asked: Arc::default() };
    assert_eq!(import_from(folder.path(), &away).1.map_err(|failure| failure.code()), Err(2));
}

#[test]
fn transactions_are_of_bounded_size_and_have_no_resource_twice() {
    let line = |id: usize| format!("{{\"resourceType\":\"Patient\",\"id\":\"{id}\"}}\n");
    let twice = line(0) + &line(0);
    let many: String = (0..parcel::RESOURCES_MAX + 1).map(line).collect();
    for (name, lines, requests) in [("twice", twice, 2), ("many", many, 2)] {
        let folder = Folder::of(name, &[("p.ndjson", &lines)]);
        let peer = peer(|_, asked| created(asked));
        let (summary, _) = import_from(folder.path(), &peer);
        assert_eq!((summary.requests, summary.refused), (requests, 0), "{name}");
        assert_eq!(summary.stored, lines.lines().count(), "{name}");
    }
}

#[test]
fn a_line_without_end_costs_only_itself() {
    let long = format!("{}\n{{\"resourceType\":\"Patient\",\"id\":\"a\"}}", "x".repeat(40 * 1024 * 1024));
    let folder = Folder::of("long", &[("p.ndjson", &long)]);
    let peer = peer(|_, asked| created(asked));
    let (summary, ended) = import_from(folder.path(), &peer);
    assert!(ended.is_ok());
    assert_eq!((summary.stored, summary.refused), (1, 1));
}

#[test]
fn an_address_is_read_as_it_comes() {
    let peer = peer(|_, asked| match asked.0.as_str() {
        "GET /export/1?x=y" => (
            200,
            "content-type: application/fhir+ndjson\r\n",
            "{\"resourceType\":\"Patient\",\"id\":\"a\"}\n{\"resourceType\":\"Patient\",\"id\":\"b\"}".to_owned(),
        ),
        "GET /gone" => (404, "", String::new()),
        _ => created(asked),
    });
    let (summary, ended) = import_from(&format!("{}/export/1?x=y", peer.url), &peer);
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!((summary.files, summary.stored), (1, 2));
    let (_, ended) = import_from(&format!("{}/gone", peer.url), &peer);
    assert_eq!(ended.map_err(|failure| failure.code()), Err(1));
    let (_, ended) = import_from("http://169.254.169.254/latest", &peer);
    assert_eq!(ended.map_err(|failure| failure.code()), Err(2));
}
