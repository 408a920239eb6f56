//! What a search may not see, cost, or be talked into.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by stopping")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use consent::{Policy, Reach};
use fhir::search::{Context, Handling, Limits, Query, Registry};
use rusqlite::Connection;

use super::{Page, SearchLimits, Turns, page};
use crate::{Change, Commit, Expect, Key, Options, ReadError, Record, Redirect, Time, Version, Why, Write, prepare};

const NOW: Time = Time(1_767_225_600_000_000);

/// A store on disk, for as long as a test takes.
struct Store {
    dir: PathBuf,
    record: Record,
}

impl Store {
    async fn of(name: &str, json: &[&str]) -> Store {
        let dir = std::env::temp_dir().join(format!("hilum-search-{}-{name}", std::process::id()));
        let record = Record::open(&dir, Options::default()).unwrap();
        let store = Store { dir, record };
        store.put(json).await;
        store
    }

    async fn put(&self, json: &[&str]) {
        let write = |json: &&str| {
            let resource = fhir::json::read(json.as_bytes()).unwrap_or_else(|issues| panic!("{issues:?} in {json}"));
            Write {
                key: Key::new(resource.kind(), resource.id().unwrap()),
                expect: Expect::Absent,
                change: Change::Put(prepare(&resource, &Arc::default())),
                origin: "test".into(),
                source_time: None,
                state: Vec::new(),
                groups: Vec::new(),
            }
        };
        let commit = Commit { now: NOW, writes: json.iter().map(write).collect(), ..Commit::default() };
        self.record.commit(&Policy::site().intake(), commit).await.unwrap();
    }

    fn ask(&self, reach: &Reach, limits: &SearchLimits, query: &Query) -> Result<Page, ReadError> {
        let db: Connection = crate::schema::open_reader(&self.dir.join("record.db")).unwrap();
        page(&db, reach, &Registry::default(), limits, query, None)
    }

    /// The keys of what is found, and of what comes with it behind a bar.
    fn find(&self, reach: &Reach, query: &str) -> Result<String, ReadError> {
        Ok(keys(&self.ask(reach, &SearchLimits::default(), &read(query))?))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // What is left behind in the temporary directory harms nobody.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn keys(page: &Page) -> String {
    let keys = |versions: &[Version]| versions.iter().map(|of| of.key.to_string()).collect::<Vec<_>>().join(" ");
    let (found, included) = (keys(&page.versions), keys(&page.included));
    if included.is_empty() { found } else { format!("{found} | {included}") }
}

fn read(query: &str) -> Query {
    let (kind, text) = query.split_once('?').unwrap();
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let pairs: Vec<(String, String)> = text.split('&').filter_map(pair).collect();
    // Twice as many values as by default: a site may raise it.
    let limits = Limits { values: 1_000, ..Limits::default() };
    let context = Context { limits: &limits, ..Context::default() };
    let query = match kind {
        "" => Query::across(context, &pairs, Handling::Strict),
        kind => Query::parse_within(context, kind, &pairs, Handling::Strict),
    };
    query.unwrap_or_else(|issues| panic!("{text}: {issues:?}"))
}

fn kinds(kinds: &[&str]) -> Reach {
    Reach::Kinds(kinds.iter().map(|kind| (*kind).to_owned()).collect::<BTreeSet<_>>())
}

const WARD: [&str; 9] = [
    r#"{"resourceType":"Organization","id":"o","name":"Acme"}"#,
    r#"{"resourceType":"Patient","id":"p","name":[{"family":"Ng"}],"managingOrganization":{"reference":"Organization/o"}}"#,
    r#"{"resourceType":"Device","id":"d","deviceName":[{"name":"Ng","type":"other"}]}"#,
    r#"{"resourceType":"Observation","id":"b","status":"final","code":{"coding":[{"system":"urn:c","code":"x"}]},"subject":{"reference":"Patient/p"}}"#,
    r#"{"resourceType":"Observation","id":"c","status":"final","code":{"coding":[{"code":"y"}]},"subject":{"reference":"Device/d"}}"#,
    r#"{"resourceType":"AuditEvent","id":"a","type":{"code":"rest"},"recorded":"2024-01-01T00:00:00Z","agent":[{"requestor":true}],"source":{"observer":{"display":"x"}},"entity":[{"what":{"reference":"Patient/p"}}]}"#,
    r#"{"resourceType":"List","id":"l","status":"current","mode":"working","entry":[{"item":{"reference":"Patient/p"}}]}"#,
    r#"{"resourceType":"ValueSet","id":"v","url":"http://a.org/v","status":"active","compose":{"include":[{"system":"urn:c","concept":[{"code":"x"}]}]}}"#,
    r#"{"resourceType":"CodeSystem","id":"s","url":"urn:c","status":"active","content":"complete","concept":[{"code":"top","concept":[{"code":"x"}]}]}"#,
];

/// A query, what an access to patients and observations finds or is refused, and what one to everything finds.
type Case = (&'static str, Result<&'static str, &'static str>, &'static str);

const HIDDEN: [Case; 15] = [
    ("Organization?", Ok(""), "Organization/o"),
    ("?_type=Organization,Patient", Ok("Patient/p"), "Patient/p Organization/o"),
    // A type that the client names and may not see is refused; of many, those that it may see are followed.
    ("Patient?organization.name=acme", Err("Organization"), "Patient/p"),
    ("Observation?subject:Device.device-name=ng", Err("Device"), "Observation/c"),
    ("Observation?subject.name=ng", Ok("Observation/b"), "Observation/b"),
    ("Observation?patient.organization.name=acme", Err("Organization"), "Observation/b"),
    ("Patient?_has:AuditEvent:entity:type=rest", Err("AuditEvent"), "Patient/p"),
    ("Patient?_has:Observation:patient:_has:AuditEvent:entity:type=rest", Err("AuditEvent"), ""),
    ("Patient?_list=l", Err("List"), "Patient/p"),
    ("Observation?code:in=http://a.org/v", Err("ValueSet"), "Observation/b"),
    ("Observation?code:below=urn:c|top", Err("CodeSystem"), "Observation/b"),
    // What would be included is left out as if it were not there.
    ("Patient?_include=*", Ok("Patient/p"), "Patient/p | Organization/o"),
    ("Patient?_revinclude=*", Ok("Patient/p | Observation/b"), "Patient/p | AuditEvent/a List/l Observation/b"),
    ("Observation?code=y&_include=Observation:subject", Ok("Observation/c"), "Observation/c | Device/d"),
    (
        "Observation?code=x&_include:iterate=*",
        Ok("Observation/b | Patient/p"),
        "Observation/b | Patient/p Organization/o",
    ),
];

#[tokio::test]
async fn what_lies_outside_the_access_is_neither_found_nor_inferred() {
    let store = Store::of("access", &WARD).await;
    let some = kinds(&["Patient", "Observation"]);
    for (query, by_some, by_all) in HIDDEN {
        let expected = by_some.map(str::to_owned).map_err(ReadError::Forbidden);
        assert_eq!(store.find(&some, query), expected, "{query}");
        assert_eq!(store.find(&Reach::Everything, query).as_deref(), Ok(by_all), "{query}");
        assert_eq!(store.find(&Reach::Nothing, query).unwrap_or_default(), "", "{query}");
    }
    assert_eq!(store.find(&some, "?").as_deref(), Ok("Observation/c Observation/b Patient/p"));
    let count = store.ask(&some, &SearchLimits::default(), &read("Organization?_summary=count")).unwrap();
    assert_eq!(count.total, Some(0), "a total tells nothing that may not be read");
}

#[tokio::test]
async fn nothing_in_a_value_is_an_instruction() {
    const VALUES: [&str; 11] = [
        "' OR 1=1--",
        "\" OR \"\"=\"",
        "x';DROP TABLE token;",
        "%",
        "_",
        "?",
        "[\"x\"]",
        "\u{0}",
        "x) OR (1",
        "*",
        "Ng*\" OR \"ng",
    ];
    const NAMES: [&str; 10] = [
        "name",
        "name:contains",
        "name:exact",
        "identifier",
        "identifier:text",
        "_id",
        "_tag",
        "_profile:below",
        "_text",
        "_content",
    ];
    let store = Store::of("values", &WARD).await;
    let mut asked = 0;
    for (value, name) in VALUES.iter().flat_map(|value| NAMES.map(|name| (value, name))) {
        let query = Query::parse("Patient", &[(name.to_owned(), (*value).to_owned())], Handling::Strict);
        // Some are no value of their parameter.
        let Ok(query) = query else { continue };
        let page = store.ask(&Reach::Everything, &SearchLimits::default(), &query);
        let found = page.unwrap_or_else(|error| panic!("{name}={value}: {error}")).versions.len();
        assert_eq!(found, 0, "{name}={value}");
        asked += 1;
    }
    assert!(asked > 70, "{asked}");
}

/// As many values as are let through, of every kind of parameter, alone and beside a condition that leads.
#[tokio::test]
async fn a_thousand_values_are_one_question() {
    let store = Store::of("many", &WARD).await;
    let turns = Turns { linked: 3, led: 3, gathered: 3, wide: 3 };
    let limits = SearchLimits { turns, ..SearchLimits::default() };
    let many = |of: &dyn Fn(usize) -> String| (0..1_000).map(of).collect::<Vec<_>>().join(",");
    for (query, expected) in [
        (format!("Observation?code=x,{}", many(&|at| format!("c{at}")).replace("c0,", "")), 1),
        (format!("Observation?code={}", many(&|at| format!("urn:{at}|c{at}"))), 0),
        (format!("Observation?code:not=x,{}", many(&|at| format!("c{at}")).replace("c0,", "")), 1),
        (format!("Observation?code={}", many(&|at| format!("urn:c{at}|"))), 0),
        (format!("Observation?subject={}", many(&|at| format!("Patient/{at}"))), 0),
        (format!("Observation?date={}", many(&|at| (1_000 + at).to_string())), 0),
        (format!("Observation?value-quantity={}", many(&|at| format!("{at}|http://unitsofmeasure.org|mg"))), 0),
        (format!("Observation?code-value-quantity={}", many(&|at| format!("x${at}"))), 0),
        (format!("Observation?subject.name={}", many(&|at| format!("n{at}"))), 0),
        (format!("Observation?code:text={}", many(&|at| format!("n{at}"))), 0),
        (format!("Patient?name={}", many(&|at| format!("n{at}"))), 0),
        (format!("Patient?_id=p,{}", many(&|at| format!("i{at}")).replace("i7,", "")), 1),
    ] {
        for more in ["", "&_lastUpdated=gt2020"] {
            let found = store.ask(&Reach::Everything, &limits, &read(&(query.clone() + more)));
            let found = found.unwrap_or_else(|error| panic!("{}…{more}: {error}", &query[..30]));
            assert_eq!(found.versions.len(), expected, "{}…{more}", &query[..30]);
        }
    }
}

#[tokio::test]
async fn a_limit_that_is_reached_is_named() {
    let store = Store::of("limits", &WARD).await;
    let more: Vec<String> = (0..20).map(|at| WARD[3].replace(r#""id":"b""#, &format!(r#""id":"m{at}""#))).collect();
    store.put(&more.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let all = Reach::Everything;
    let few = |included, bodies, versions| SearchLimits { included, bodies, versions, ..SearchLimits::default() };
    let query = read("Patient?_revinclude=Observation:subject");
    let page = store.ask(&all, &few(5, 100, 100), &query).unwrap();
    assert_eq!((page.versions.len(), page.included.len(), page.warnings.len()), (1, 5, 1));
    assert!(page.warnings[0].text.contains("more than 5 resources would be included"), "{:?}", page.warnings);
    let page = store.ask(&all, &few(21, 100, 100), &query).unwrap();
    assert_eq!((page.included.len(), page.warnings.len()), (21, 0));
    let shallow = SearchLimits { include_depth: 1, ..SearchLimits::default() };
    let page = store.ask(&all, &shallow, &read("Observation?_id=b&_include:iterate=*")).unwrap();
    assert_eq!((page.included.len(), page.warnings.len()), (1, 1), "{:?}", page.warnings);
    assert!(page.warnings[0].text.contains("followed 1 times"), "{:?}", page.warnings);
    let words = read("Observation?code:text=nobody&_total=accurate");
    assert!(matches!(store.ask(&all, &few(5, 3, 100), &words), Err(ReadError::TooCostly(_))));
    let every = read("Observation?status=final&_total=accurate&_count=1");
    assert!(matches!(store.ask(&all, &few(5, 100, 10), &every), Err(ReadError::TooCostly(_))));
    assert_eq!(store.ask(&all, &few(5, 100, 100), &every).unwrap().total, Some(22));
    let no_time = SearchLimits { time: Duration::ZERO, ..SearchLimits::default() };
    for query in [&words, &every, &query] {
        assert_eq!(store.ask(&all, &no_time, query).err(), Some(ReadError::OutOfTime));
    }
    let all_time = SearchLimits { time: Duration::MAX, ..SearchLimits::default() };
    assert_eq!(store.ask(&all, &all_time, &every).unwrap().total, Some(22));
}

/// What is filed under a record that was merged is found through the one that stands for it, along chains too.
#[tokio::test]
async fn merged_records_are_one_at_the_end_of_a_chain() {
    let store = Store::of("merged", &WARD).await;
    let old = r#"{"resourceType":"Patient","id":"old","name":[{"family":"Previous"}]}"#;
    let of_old = r#"{"resourceType":"Observation","id":"e","status":"final","code":{"coding":[{"code":"w"}]},"subject":{"reference":"Patient/old"}}"#;
    store.put(&[old, of_old]).await;
    let begin = Redirect::Begin { kind: "Patient".into(), from: "old".into(), to: "p".into(), why: Why::Merged };
    let commit = Commit { now: NOW, redirects: vec![begin], ..Commit::default() };
    store.record.commit(&Policy::site().intake(), commit).await.unwrap();
    let plain = SearchLimits::default();
    let turned = SearchLimits { turns: Turns { linked: 0, led: 1, gathered: 1, wide: 1 }, ..plain.clone() };
    for (query, expected) in [
        ("Observation?patient=p", "Observation/e Observation/b"),
        ("Observation?patient.name=ng", "Observation/e Observation/b"),
        ("Observation?patient.name=previous", "Observation/e Observation/b"),
        ("Observation?patient.name=ng&code=w", "Observation/e"),
        ("Patient?_has:Observation:patient:code=w", "Patient/old Patient/p"),
        ("Patient?_id=p&_revinclude=Observation:patient", "Patient/p | Observation/b Observation/e"),
    ] {
        for limits in [&plain, &turned] {
            let page = store.ask(&Reach::Everything, limits, &read(query)).unwrap();
            assert_eq!(keys(&page), expected, "{query}");
        }
    }
}
