//! Reading: by id, by version, history, the log, snapshot lists; and that what comes out is what went in.

use consent::Access;
use record::{Commit, Expect, HistoryOf, HistoryQuery, Key, Member, Position, Time, Write};

use crate::{HOUR_US, NEW_YEAR, Place, all, commit, delete, observation, patient, put, writes};

/// What is stored, and what comes out with `meta` of the log whatever the caller wrote there.
const SPLICED: [(&str, &str); 4] = [
    (
        r#"{"resourceType":"Patient","id":"a","active":true}"#,
        r#"{"resourceType":"Patient","id":"a","meta":{"versionId":"1","lastUpdated":"2026-01-01T00:00:00.000Z"},"active":true}"#,
    ),
    (
        r#"{"resourceType":"Patient","id":"b"}"#,
        r#"{"resourceType":"Patient","id":"b","meta":{"versionId":"1","lastUpdated":"2026-01-01T00:00:00.000Z"}}"#,
    ),
    (
        r#"{"active":true,"meta":{"versionId":"77","lastUpdated":"1999-01-01T00:00:00Z","source":"urn:x"},"id":"c","resourceType":"Patient"}"#,
        r#"{"resourceType":"Patient","id":"c","meta":{"versionId":"1","lastUpdated":"2026-01-01T00:00:00.000Z","source":"urn:x"},"active":true}"#,
    ),
    (
        r#"{"resourceType":"Patient","meta":{"versionId":"77"},"id":"d","birthDate":"1970-01"}"#,
        r#"{"resourceType":"Patient","id":"d","meta":{"versionId":"1","lastUpdated":"2026-01-01T00:00:00.000Z"},"birthDate":"1970-01"}"#,
    ),
];

#[tokio::test]
async fn version_and_time_are_put_into_meta_on_the_way_out() {
    let place = Place::new();
    let record = place.open();
    for (stored, shown) in SPLICED {
        let write = put(stored, Expect::Absent);
        let key = write.key.clone();
        commit(&record, vec![write]).await;
        let version = record.read(&all(), &key).await.unwrap().unwrap();
        assert_eq!(String::from_utf8(version.body.unwrap()).unwrap(), shown);
    }
}

#[tokio::test]
async fn state_origin_and_times_come_back() {
    let place = Place::new();
    let record = place.open();
    for (id, state) in [("short", vec![7; 3]), ("long", (0..=255).cycle().take(5_000).collect()), ("none", vec![])] {
        let mut write = put(&patient(id, "Adams"), Expect::Absent);
        (write.state, write.origin, write.source_time) = (state.clone(), "ward".into(), Some(Time(-5)));
        commit(&record, vec![write]).await;
        let read = record.current(&all(), &Key::new("Patient", id)).await.unwrap().unwrap();
        assert_eq!((read.state, read.origin.as_str(), read.source_time), (state, "ward", Some(Time(-5))));
        assert_eq!((read.time, read.message), (NEW_YEAR, None));
    }
}

#[tokio::test]
async fn a_large_resource_comes_back_whole() {
    let place = Place::new();
    let record = place.open();
    let div = "x1&lt;".repeat(400_000);
    let json = format!(
        r#"{{"resourceType":"Patient","id":"a","text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">{div}</div>"}}}}"#
    );
    commit(&record, vec![put(&json, Expect::Absent)]).await;
    let body = record.read(&all(), &Key::new("Patient", "a")).await.unwrap().unwrap().body.unwrap();
    assert!(String::from_utf8(body).unwrap().contains(&div));
}

async fn three_versions(record: &record::Record) {
    commit(record, vec![put(&patient("a", "One"), Expect::Absent), put(&patient("b", "Other"), Expect::Absent)]).await;
    commit(record, vec![put(&patient("a", "Two"), Expect::Version(1))]).await;
    commit(record, vec![delete("Patient", "a", 2), put(&observation("o", "b", "1-8"), Expect::Absent)]).await;
}

async fn history(record: &record::Record, access: &Access, of: HistoryOf, limit: usize) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut query = HistoryQuery { of, before: None, since: None, at: None, limit };
    loop {
        let page = record.history(access, &query).await.unwrap();
        pages.push(page.versions.iter().map(|version| format!("{}/{}", version.key, version.vid)).collect());
        query.before = page.next;
        if query.before.is_none() {
            return pages;
        }
    }
}

#[tokio::test]
async fn history_is_newest_first_in_pages() {
    let place = Place::new();
    let record = place.open();
    three_versions(&record).await;
    let all = all();
    let one = history(&record, &all, HistoryOf::Resource(Key::new("Patient", "a")), 2).await;
    assert_eq!(one, [vec!["Patient/a/3", "Patient/a/2"], vec!["Patient/a/1"]]);
    let kind = history(&record, &all, HistoryOf::Kind("Patient".into()), 10).await;
    assert_eq!(kind, [vec!["Patient/a/3", "Patient/a/2", "Patient/b/1", "Patient/a/1"]]);
    let everything = history(&record, &all, HistoryOf::Everything, 3).await;
    assert_eq!(everything, [vec!["Observation/o/1", "Patient/a/3", "Patient/a/2"], vec!["Patient/b/1", "Patient/a/1"]]);
    for of in [HistoryOf::Everything, HistoryOf::Kind("Patient".into()), HistoryOf::Resource(Key::new("Patient", "a"))]
    {
        assert_eq!(history(&record, &Access::nobody(), of, 5).await, [Vec::<String>::new()]);
    }
}

#[tokio::test]
async fn history_at_a_time_is_what_was_current_then() {
    let place = Place::new();
    let record = place.open();
    let at = |hour: i64, list: Vec<Write>| Commit {
        now: Time(NEW_YEAR.0 + hour * HOUR_US),
        writes: list,
        ..Commit::default()
    };
    for commit in [
        at(0, vec![put(&patient("a", "One"), Expect::Absent)]),
        at(2, vec![put(&patient("a", "Two"), Expect::Version(1)), put(&patient("b", "Other"), Expect::Absent)]),
        at(4, vec![delete("Patient", "a", 2)]),
    ] {
        record.commit(&all(), commit).await.unwrap();
    }
    let hour = |hour: i64| Time(NEW_YEAR.0 + hour * HOUR_US);
    for (from, to, expected) in [
        (-2, -1, &[][..]),
        (-1, 0, &[]),
        (-1, 1, &["Patient/a/1"]),
        (1, 2, &["Patient/a/1"]),
        (1, 3, &["Patient/b/1", "Patient/a/2", "Patient/a/1"]),
        (2, 3, &["Patient/b/1", "Patient/a/2"]),
        (3, 5, &["Patient/a/3", "Patient/b/1", "Patient/a/2"]),
        (5, 6, &["Patient/b/1"]),
    ] {
        for of in [HistoryOf::Everything, HistoryOf::Kind("Patient".into())] {
            let query = HistoryQuery { of, before: None, since: None, at: Some((hour(from), hour(to))), limit: 10 };
            let page = record.history(&all(), &query).await.unwrap();
            let mut found: Vec<String> =
                page.versions.iter().map(|version| format!("{}/{}", version.key, version.vid)).collect();
            let mut expected = expected.to_vec();
            found.sort();
            expected.sort();
            assert_eq!(found, expected, "{from} to {to}");
        }
    }
}

#[tokio::test]
async fn every_version_can_be_read_and_others_are_absent() {
    let place = Place::new();
    let record = place.open();
    three_versions(&record).await;
    let (key, all) = (Key::new("Patient", "a"), all());
    for (vid, family) in [(1, "One"), (2, "Two")] {
        let version = record.vread(&all, &key, vid).await.unwrap().unwrap();
        assert!(String::from_utf8(version.body.unwrap()).unwrap().contains(family));
    }
    assert!(record.vread(&all, &key, 3).await.unwrap().unwrap().is_deleted());
    for absent in [0, 4, u64::MAX] {
        assert_eq!(record.vread(&all, &key, absent).await.unwrap(), None);
    }
    assert_eq!(record.vread(&Access::nobody(), &key, 1).await.unwrap(), None);
    assert_eq!(record.read(&Access::nobody(), &key).await.unwrap(), None);
    assert_eq!(record.read(&all, &Key::new("Location", "a")).await.unwrap(), None);
    let keys = [Key::new("Patient", "b"), Key::new("Patient", "zz"), key];
    let many = record.current_many(&all, &keys).await.unwrap();
    let vids: Vec<Option<u64>> = many.iter().map(|found| found.as_ref().map(|version| version.vid)).collect();
    assert_eq!(vids, [Some(1), None, Some(3)]);
}

#[tokio::test]
async fn a_follower_sees_every_version_once_in_order() {
    let place = Place::new();
    let record = place.open();
    three_versions(&record).await;
    let (mut after, mut seen) = (Position::START, Vec::new());
    loop {
        let (versions, next) = record.log(&all(), after, 2).await.unwrap();
        if next == after {
            break;
        }
        seen.extend(versions.iter().map(|version| format!("{}/{}", version.key, version.vid)));
        after = next;
    }
    assert_eq!(seen, ["Patient/a/1", "Patient/b/1", "Patient/a/2", "Patient/a/3", "Observation/o/1"]);
    let (blind, next) = record.log(&Access::nobody(), Position::START, 100).await.unwrap();
    assert_eq!((blind.len(), next), (0, after));
}

#[tokio::test]
async fn a_snapshot_list_is_that_of_the_newest_versions() {
    let place = Place::new();
    let record = place.open();
    let with = |id: &str, expect, groups: &[u64]| {
        let mut write = put(&patient(id, "Adams"), expect);
        write.groups = groups.to_vec();
        write
    };
    let list = vec![
        with("a", Expect::Absent, &[9]),
        with("b", Expect::Absent, &[9, u64::MAX]),
        with("c", Expect::Absent, &[9, 9]),
        with("d", Expect::Absent, &[]),
    ];
    commit(&record, list).await;
    commit(&record, vec![with("a", Expect::Version(1), &[9]), with("b", Expect::Version(1), &[])]).await;
    record.commit(&all(), writes(vec![delete("Patient", "c", 1)])).await.unwrap();
    let members = record.members(&all(), "Patient", 9).await.unwrap();
    assert_eq!(members, [Member { id: "a".into(), vid: 2 }]);
    for (kind, group) in [("Patient", u64::MAX), ("Patient", 1), ("Condition", 9)] {
        assert!(record.members(&all(), kind, group).await.unwrap().is_empty());
    }
    assert!(record.members(&Access::nobody(), "Patient", 9).await.unwrap().is_empty());
}
