//! What holds while many write at once: a commit that was decided on a search or a read is refused once that changed.

use record::{Commit, CommitError, Condition, Expect, Key, Method, Position, Record, Redirect, Why, Written};

use crate::{Place, all, commit, delete, observation, patient, put, query, write, writes};

const ROUNDS_MAX: usize = 200;

/// As a conditional create does it: search, then write if nothing was found, and search again when told to. The ids
/// found or made, and how often it was tried.
async fn create(record: &Record, json: &str, kind: &str, pairs: &[(&str, &str)]) -> (String, usize) {
    for round in 1..=ROUNDS_MAX {
        let position = record.position().await.unwrap();
        let page = record.search_at(&all(), &query(kind, pairs), position).await.unwrap();
        assert_eq!(page.position, position);
        if let [one] = page.versions.as_slice() {
            return (one.key.id.clone(), round);
        }
        assert!(page.versions.is_empty(), "more than one was made");
        let mut list = writes(vec![put(json, Expect::Absent)]);
        let id = list.writes[0].key.id.clone();
        list.conditions = vec![condition(kind, pairs, position, &[])];
        match record.commit(&all(), list).await {
            Ok(_) => return (id, round),
            Err(error) => assert_eq!(error, CommitError::Moved),
        }
    }
    panic!("never came to an end");
}

fn condition(kind: &str, pairs: &[(&str, &str)], since: Position, found: &[&str]) -> Condition {
    Condition { query: query(kind, pairs), since, found: found.iter().map(|id| Key::new(kind, *id)).collect() }
}

fn with_mrn(id: &str, mrn: &str) -> String {
    format!(
        r#"{{"resourceType":"Patient","id":"{id}","identifier":[{{"system":"urn:mrn","value":"{mrn}"}}],"name":[{{"family":"{mrn} Adams"}}],"birthDate":"1970-01-0{}"}}"#,
        1 + mrn.len() % 9
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_same_conditional_creates_make_one_resource() {
    let place = Place::new();
    let record = place.open();
    type Value = fn(usize) -> String;
    let searches: [(&str, Value); 4] = [
        ("identifier", |group| format!("urn:mrn|{group}")),
        ("family", |group| format!("{group} adams")),
        ("identifier", |group| format!("{group},{group}0000")),
        ("family:exact", |group| format!("{group} Adams")),
    ];
    for (round, (name, value)) in searches.into_iter().enumerate() {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..64 {
            // Sixteen persons, each four times, in one moment.
            let (record, group) = (record.clone(), round * 16 + number % 16);
            tasks.spawn(async move {
                let json = with_mrn(&format!("p{round}-{number}"), &group.to_string());
                let (id, rounds) = create(&record, &json, "Patient", &[(name, &value(group))]).await;
                (group, id, rounds)
            });
        }
        let mut made = std::collections::BTreeMap::new();
        for (group, id, rounds) in tasks.join_all().await {
            assert!(rounds <= 2, "whoever is told to search again finds the winner");
            assert_eq!(made.entry(group).or_insert_with(|| id.clone()), &id, "{name}: one for each person");
        }
        assert_eq!(record.position().await.unwrap().to_string(), (16 * (round + 1)).to_string());
    }
    assert_eq!(record.check().await.unwrap(), []);
}

#[tokio::test]
async fn a_condition_holds_while_the_search_finds_the_same() {
    let place = Place::new();
    let record = place.open();
    commit(&record, vec![put(&with_mrn("a", "1"), Expect::Absent), put(&with_mrn("b", "2"), Expect::Absent)]).await;
    let then = record.position().await.unwrap();
    // b is found no more and c is; a is written again and stays as it is; d goes as it came.
    commit(&record, vec![put(&with_mrn("a", "1"), Expect::Version(1)), put(&with_mrn("b", "3"), Expect::Version(1))])
        .await;
    commit(
        &record,
        vec![put(&with_mrn("c", "4"), Expect::Absent), put(&observation("o", "a", "718-7"), Expect::Absent)],
    )
    .await;
    commit(&record, vec![put(&with_mrn("d", "5"), Expect::Absent)]).await;
    commit(&record, vec![delete("Patient", "d", 1)]).await;
    type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str], bool);
    let cases: [Case; 22] = [
        ("Patient", &[("identifier", "1")], &["a"], true),
        ("Patient", &[("identifier", "urn:mrn|1")], &["a"], true),
        ("Patient", &[("identifier", "urn:mrn|2")], &["b"], false),
        ("Patient", &[("identifier", "urn:mrn|3")], &[], false),
        ("Patient", &[("identifier", "urn:other|3")], &[], true),
        ("Patient", &[("identifier", "urn:mrn|")], &["a", "b"], false),
        ("Patient", &[("identifier", "|3")], &[], true),
        ("Patient", &[("identifier", "urn:mrn|4")], &[], false),
        ("Patient", &[("identifier", "urn:mrn|5")], &[], false),
        ("Patient", &[("identifier", "urn:mrn|6")], &[], true),
        ("Patient", &[("identifier", "urn:mrn|3"), ("family", "nobody")], &[], true),
        ("Patient", &[("family", "3")], &[], false),
        ("Patient", &[("family", "3 adams and more")], &[], true),
        ("Patient", &[("family:contains", "adam")], &["a", "b"], false),
        ("Patient", &[("family:contains", "eve")], &[], true),
        ("Patient", &[("birthdate", "1999")], &[], true),
        ("Patient", &[("birthdate", "1970")], &["a", "b"], false),
        ("Patient", &[("gender:missing", "false")], &[], true),
        ("Patient", &[("identifier:not", "urn:mrn|1")], &["b"], false),
        ("Patient", &[("_id", "a")], &["a"], true),
        ("Patient", &[("_id", "c")], &[], false),
        ("Observation", &[("subject", "Patient/b")], &[], true),
    ];
    for (kind, pairs, found, holds) in cases {
        assert_eq!(record.search_at(&all(), &query(kind, pairs), then).await.unwrap().versions.len(), found.len());
        let decided = Commit { conditions: vec![condition(kind, pairs, then, found)], ..Commit::default() };
        let expected = if holds { None } else { Some(CommitError::Moved) };
        assert_eq!(record.commit(&all(), decided).await.err(), expected, "{pairs:?}");
        // Nothing was written since now.
        let now = record.position().await.unwrap();
        let decided = Commit { conditions: vec![condition(kind, pairs, now, &[])], ..Commit::default() };
        assert!(record.commit(&all(), decided).await.is_ok(), "{pairs:?}");
    }
    assert!(CommitError::Moved.retry());
}

#[tokio::test]
async fn a_deleted_resource_is_no_longer_found() {
    let place = Place::new();
    let record = place.open();
    commit(&record, vec![put(&with_mrn("a", "1"), Expect::Absent)]).await;
    let then = record.position().await.unwrap();
    commit(&record, vec![delete("Patient", "a", 1)]).await;
    let mut decided = writes(vec![put(&observation("o", "a", "718-7"), Expect::Absent)]);
    decided.conditions = vec![condition("Patient", &[("identifier", "1")], then, &["a"])];
    assert_eq!(record.commit(&all(), decided).await, Err(CommitError::Moved));
    assert_eq!(crate::found(&record, "Observation", &[]).await, [""; 0]);
}

#[tokio::test]
async fn a_merge_changes_what_a_reference_finds() {
    let place = Place::new();
    let record = place.open();
    commit(&record, vec![put(&patient("a", "Adams"), Expect::Absent), put(&patient("b", "Adams"), Expect::Absent)])
        .await;
    let then = record.position().await.unwrap();
    let by_a = |since| condition("Observation", &[("subject", "Patient/a")], since, &[]);
    let mut merge = writes(vec![put(&patient("a", "Was"), Expect::Version(1))]);
    let (kind, from, to) = ("Patient".into(), "a".into(), "b".into());
    merge.redirects = vec![Redirect::Begin { kind, from, to, why: Why::Merged }];
    record.commit(&all(), merge).await.unwrap();
    let decided = |since| Commit { conditions: vec![by_a(since)], ..Commit::default() };
    assert_eq!(record.commit(&all(), decided(then)).await, Err(CommitError::Moved));
    let since = record.position().await.unwrap();
    assert!(record.commit(&all(), decided(since)).await.is_ok());
    // What is filed under the survivor is found by the prior too.
    commit(&record, vec![put(&observation("o", "b", "718-7"), Expect::Absent)]).await;
    assert_eq!(record.commit(&all(), decided(since)).await, Err(CommitError::Moved));
}

/// Each of two reads both patients and changes one. In either order the second has read what is no longer so.
#[tokio::test]
async fn write_skew_is_refused() {
    let place = Place::new();
    let record = place.open();
    commit(&record, vec![put(&patient("a", "On"), Expect::Absent), put(&patient("b", "On"), Expect::Absent)]).await;
    let position = record.position().await.unwrap();
    let decided = |writes_to: &str, reads: &str| {
        let mut decided = writes(vec![put(&patient(writes_to, "Off"), Expect::Version(1))]);
        decided.unchanged = vec![(Key::new("Patient", reads), position), (Key::new("Patient", writes_to), position)];
        decided
    };
    let access = all();
    let (one, other) =
        tokio::join!(record.commit(&access, decided("a", "b")), record.commit(&access, decided("b", "a")));
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1);
    let refused = one.err().or(other.err());
    assert!(matches!(refused, Some(CommitError::Stale(_))), "{refused:?}");
    // Who read that there was nothing is told as well.
    let mut decided = writes(vec![put(&patient("d", "On"), Expect::Absent)]);
    decided.unchanged = vec![(Key::new("Patient", "c"), position)];
    commit(&record, vec![put(&patient("c", "On"), Expect::Absent)]).await;
    assert_eq!(record.commit(&all(), decided).await, Err(CommitError::Stale(Key::new("Patient", "c"))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_last_writer_has_the_last_word() {
    let place = Place::new();
    let record = place.open();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..64 {
        let record = record.clone();
        tasks.spawn(async move {
            let done = commit(&record, vec![put(&patient("a", &format!("N{number}")), Expect::Any)]).await;
            done.versions[0]
        });
    }
    let mut done: Vec<Written> = tasks.join_all().await;
    done.sort_by_key(|written| written.vid);
    let methods: Vec<Method> = done.iter().map(|written| written.method).collect();
    assert_eq!(methods, [[Method::Create].as_slice(), &[Method::Update; 63]].concat());
    assert!(done.iter().zip(1..).all(|(written, vid)| written.vid == vid && written.new));
    let gone = |id: &str| write(Key::new("Patient", id), record::Change::Delete, Expect::Any);
    let deleted = commit(&record, vec![gone("a"), gone("b")]).await;
    assert_eq!(deleted.versions[0].vid, 65);
    assert_eq!(deleted.versions[1], Written { position: Position::START, vid: 0, method: Method::Delete, new: false });
    // Twice is once, and what comes back is made anew.
    let again = commit(&record, vec![gone("a")]).await;
    assert_eq!(again.versions[0], Written { new: false, ..deleted.versions[0] });
    assert_eq!(again.position, deleted.position);
    let back = commit(&record, vec![put(&patient("a", "Back"), Expect::Any)]).await;
    assert_eq!((back.versions[0].vid, back.versions[0].method), (66, Method::Create));
    assert_eq!(record.check().await.unwrap(), []);
}

#[tokio::test]
async fn a_read_at_a_position_sees_what_was_there() {
    let place = Place::new();
    let record = place.open();
    let keys = [Key::new("Patient", "a"), Key::new("Patient", "b")];
    let mut positions = vec![record.position().await.unwrap()];
    let steps = [
        vec![put(&patient("a", "One"), Expect::Absent)],
        vec![put(&patient("b", "One"), Expect::Absent), put(&patient("a", "Two"), Expect::Version(1))],
        vec![delete("Patient", "a", 2)],
    ];
    for step in steps {
        positions.push(commit(&record, step).await.position);
    }
    let expected = [[None, None], [Some(1), None], [Some(2), Some(1)], [Some(3), Some(1)]];
    for (position, vids) in positions.into_iter().zip(expected) {
        let read = record.current_at(&all(), &keys, position).await.unwrap();
        assert_eq!(read.iter().map(|version| version.as_ref().map(|version| version.vid)).collect::<Vec<_>>(), vids);
        let page = record.search_at(&all(), &query("Patient", &[("_sort", "family")]), position).await.unwrap();
        let there = read.iter().flatten().filter(|version| !version.is_deleted()).count();
        assert_eq!((page.versions.len(), page.total), (there, Some(there as u64)));
    }
    let beyond = "99".parse().unwrap();
    assert!(record.search_at(&all(), &query("Patient", &[]), beyond).await.is_err());
}
