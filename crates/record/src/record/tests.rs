//! What an access that reaches some types only finds: policies of today make no such access, so that it is tried from inside. And
//! what followers keep.

use std::collections::BTreeSet;
use std::sync::Arc;

use consent::{Policy, Reach};
use fhir::search::{Handling, Query};

use super::*;
use crate::{Change, Expect, Note, Time, Write, prepare};

fn write(json: &str) -> Write {
    let resource = fhir::json::read(json.as_bytes()).unwrap_or_else(|issues| panic!("{issues:?} in {json}"));
    let key = Key::new(resource.kind(), resource.id().expect("the test gives an id"));
    let change = Change::Put(prepare(&resource, &Arc::default()));
    let (origin, state, groups) = ("test".to_owned(), Vec::new(), Vec::new());
    Write { key, expect: Expect::Absent, change, origin, source_time: None, state, groups }
}

#[tokio::test]
async fn what_is_not_reached_is_neither_found_nor_asked() {
    let place = std::env::temp_dir().join(format!("hilum-reach-{}", std::process::id()));
    std::fs::create_dir_all(&place).expect("the temporary directory can be written");
    let record = Record::open(&place, Options::default()).expect("a new store");
    let writes = [
        r#"{"resourceType":"Patient","id":"p","name":[{"family":"Maran"}],"managingOrganization":{"reference":"Organization/o"}}"#,
        r#"{"resourceType":"Organization","id":"o","name":"North"}"#,
        r#"{"resourceType":"Observation","id":"b","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}"#,
    ];
    let commit = Commit { now: Time(1), writes: writes.map(write).into(), ..Commit::default() };
    record.commit(&Policy::site().intake(), commit).await.expect("it is stored");

    let reach = Reach::Kinds(BTreeSet::from(["Patient".to_owned()]));
    for (kind, name, value, expected) in [
        ("Patient", "family", "maran", Ok((1, 0))),
        // What is included is asked of the access like all else, and left out without a word.
        ("Patient", "_include", "Patient:organization", Ok((1, 0))),
        ("Patient", "_revinclude", "Observation:subject", Ok((1, 0))),
        ("Patient", "_include", "*", Ok((1, 0))),
        ("Patient", "_revinclude", "*", Ok((1, 0))),
        ("Organization", "name", "north", Ok((0, 0))),
        // Whether something matches would tell what may not be seen.
        ("Patient", "organization.name", "north", Err(ReadError::Forbidden("Organization"))),
        ("Patient", "_has:Observation:subject:status", "final", Err(ReadError::Forbidden("Observation"))),
        ("Patient", "_list", "1", Err(ReadError::Forbidden("List"))),
    ] {
        let pairs = [(name.to_owned(), value.to_owned())];
        let query = Query::parse(kind, &pairs, Handling::Strict).unwrap_or_else(|issues| panic!("{issues:?}"));
        let (reach, limits) = (reach.clone(), Arc::clone(&record.shared.limits));
        let found = record
            .shared
            .readers
            .run_checked(move |db| search::page(db, &reach, &Registry::default(), &limits, &query, None))
            .await;
        let counts = found.map(|page| (page.versions.len(), page.included.len()));
        assert_eq!(counts, expected, "{kind}?{name}={value}");
    }
    drop(record);
    std::fs::remove_dir_all(&place).expect("it is ours");
}

#[tokio::test]
async fn what_a_follower_keeps_moves_with_its_cursor() {
    let place = std::env::temp_dir().join(format!("hilum-notes-{}", std::process::id()));
    std::fs::create_dir_all(&place).expect("the temporary directory can be written");
    let record = Record::open(&place, Options::default()).expect("a new store");
    let note = |name: &str, value: Option<&[u8]>| Note {
        follower: "peer".to_owned(),
        name: name.to_owned(),
        value: value.map(<[u8]>::to_vec),
    };
    let access = Policy::site().intake();
    let json = r#"{"resourceType":"Organization","id":"o","name":"North"}"#;
    let first = Commit { notes: vec![note("a", Some(b"1")), note("b", Some(b"2"))], ..Commit::default() };
    record.commit(&access, first).await.expect("it is kept");
    let second = vec![note("a", None), note("c", Some(b"3")), note("b", Some(b"4"))];
    let second = Commit { now: Time(1), writes: vec![write(json)], notes: second, ..Commit::default() };
    record.commit(&access, second).await.expect("it is kept");
    // A commit that fails keeps nothing.
    let failing = Commit { writes: vec![write(json)], notes: vec![note("d", Some(b"5"))], ..Commit::default() };
    assert!(matches!(record.commit(&access, failing).await, Err(CommitError::Stale(_))));
    let all = record.notes("peer", "", 10).await.expect("they are read");
    assert_eq!(all, [("b".to_owned(), b"4".to_vec()), ("c".to_owned(), b"3".to_vec())]);
    assert_eq!(record.notes("peer", "b", 10).await.expect("they are read").len(), 1);
    assert_eq!(record.note("peer", "c").await.expect("it is read").as_deref(), Some(&b"3"[..]));
    assert_eq!(record.note("other", "c").await.expect("it is read"), None);
    drop(record);
    std::fs::remove_dir_all(&place).expect("it is ours");
}
