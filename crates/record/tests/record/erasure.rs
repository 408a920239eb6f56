//! Erasing for the law: the content goes, the keys stay, and nothing finds it any more.

use record::{Attempt, CommitError, Erasure, Expect, HistoryOf, HistoryQuery, Key, NewMessage, Outcome, Receipt};

use crate::{NEW_YEAR, Place, all, commit, found, observation, patient, put, writes};

#[tokio::test]
async fn an_erased_resource_keeps_its_keys_and_loses_its_content() {
    let place = Place::new();
    let record = place.open();
    let mut filing = writes(vec![put(&patient("a", "Adams"), Expect::Absent)]);
    filing.receipt = Some(Receipt::New(NewMessage {
        source: "ward".into(),
        control_id: Some("1".into()),
        kind: "ADT^A01".into(),
        raw: b"MSH|Adams".to_vec(),
        received: NEW_YEAR,
        event_time: None,
        patients: vec!["a".into()],
        trace_id: String::new(),
        attempt: Attempt { outcome: Outcome::Applied, issues: Vec::new(), residue: b"Adams".to_vec() },
    }));
    let message = record.commit(&all(), filing).await.unwrap().message.unwrap();
    let mut second = put(&patient("a", "Baker"), Expect::Version(1));
    (second.state, second.groups) = (b"Baker".to_vec(), vec![5]);
    commit(&record, vec![second, put(&observation("o", "a", "1-8"), Expect::Absent)]).await;

    let key = Key::new("Patient", "a");
    let nobody = record.erase(&consent::Access::nobody(), &key, Erasure::Versions).await;
    assert_eq!(nobody, Err(CommitError::Denied(key.clone())));
    assert_eq!(record.erase(&all(), &key, Erasure::VersionsAndMessages).await.unwrap(), 2);

    let of = HistoryOf::Resource(key.clone());
    let history = HistoryQuery { of, before: None, since: None, at: None, limit: 10 };
    let history = record.history(&all(), &history).await.unwrap();
    assert_eq!(history.versions.iter().map(|version| version.vid).collect::<Vec<_>>(), [2, 1]);
    assert!(history.versions.iter().all(|version| version.body.is_none() && version.state.is_empty()));
    assert!(found(&record, "Patient", &[]).await.is_empty());
    assert!(found(&record, "Patient", &[("family", "baker")]).await.is_empty());
    assert!(record.members(&all(), "Patient", 5).await.unwrap().is_empty());
    assert_eq!(record.raw(&all(), message).await.unwrap(), None);
    assert!(record.message(&all(), message).await.unwrap().unwrap().attempts[0].attempt.residue.is_empty());
    assert_eq!(found(&record, "Observation", &[]).await, ["o"], "others stay");
    assert_eq!(record.erase(&all(), &key, Erasure::Versions).await.unwrap(), 0);
    assert_eq!(record.check().await.unwrap(), []);
    // The id goes on: whoever writes it again expects the version that it had.
    assert_eq!(commit(&record, vec![put(&patient("a", "New"), Expect::Version(2))]).await.versions[0].vid, 3);
}
