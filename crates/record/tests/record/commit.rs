//! What a commit promises: all or nothing, the expected version, what members of one group see of each other.

use consent::Access;
use record::{CommitError, Expect, Key, Method, Position, Time};

use crate::{NEW_YEAR, Place, all, commit, delete, observation, patient, put, writes};

#[tokio::test]
async fn a_transaction_is_all_or_nothing() {
    let place = Place::new();
    let record = place.open();
    commit(&record, vec![put(&patient("a", "Adams"), Expect::Absent)]).await;
    let list = vec![put(&patient("b", "Brown"), Expect::Absent), put(&patient("a", "Again"), Expect::Absent)];
    let refused = record.commit(&all(), writes(list)).await;
    assert_eq!(refused, Err(CommitError::Stale(Key::new("Patient", "a"))));
    assert_eq!(record.read(&all(), &Key::new("Patient", "b")).await.unwrap(), None);
    assert_eq!(record.position().await.unwrap().to_string(), "1");
    assert!(crate::found(&record, "Patient", &[("family", "brown")]).await.is_empty());
}

#[tokio::test]
async fn only_the_expected_version_is_replaced() {
    let place = Place::new();
    let record = place.open();
    let (json, key) = (patient("a", "Adams"), Key::new("Patient", "a"));
    let stale = Err(CommitError::Stale(key.clone()));
    assert_eq!(record.commit(&all(), writes(vec![put(&json, Expect::Version(1))])).await, stale);
    let first = commit(&record, vec![put(&json, Expect::Absent)]).await;
    assert_eq!(first.versions[0].vid, 1);
    assert_eq!(commit(&record, vec![put(&json, Expect::Version(1))]).await.versions[0].vid, 2);
    for wrong in [Expect::Absent, Expect::Version(1), Expect::Version(3)] {
        assert_eq!(record.commit(&all(), writes(vec![put(&json, wrong)])).await, stale, "{wrong:?}");
    }
    assert_eq!(record.read(&all(), &key).await.unwrap().unwrap().vid, 2);
}

#[tokio::test]
async fn a_deleted_id_goes_on_with_its_history() {
    let place = Place::new();
    let record = place.open();
    commit(&record, vec![put(&patient("a", "Adams"), Expect::Absent)]).await;
    commit(&record, vec![delete("Patient", "a", 1)]).await;
    let gone = record.read(&all(), &Key::new("Patient", "a")).await.unwrap().unwrap();
    assert_eq!((gone.method, gone.vid, gone.body), (Method::Delete, 2, None));
    assert!(crate::found(&record, "Patient", &[]).await.is_empty());
    let json = patient("a", "Adams");
    assert!(record.commit(&all(), writes(vec![put(&json, Expect::Absent)])).await.is_err());
    assert_eq!(commit(&record, vec![put(&json, Expect::Version(2))]).await.versions[0].vid, 3);
    assert_eq!(crate::found(&record, "Patient", &[]).await, ["a"]);
}

/// Of many writers who all read version 1, one wins and the others are told; whether they met in one group or not.
#[tokio::test]
async fn members_of_a_group_see_the_ones_before_them() {
    let place = Place::new();
    let record = place.open();
    commit(&record, vec![put(&patient("a", "Adams"), Expect::Absent)]).await;
    let mut tasks = Vec::new();
    for number in 0..64 {
        let record = record.clone();
        let mine = observation(&format!("o{number}"), "a", "718-7");
        tasks.push(tokio::spawn(async move {
            let list = vec![put(&mine, Expect::Absent), put(&patient("a", "Race"), Expect::Version(1))];
            record.commit(&all(), writes(list)).await
        }));
    }
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => won += 1,
            Err(error) => assert_eq!(error, CommitError::Stale(Key::new("Patient", "a"))),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(crate::found(&record, "Observation", &[]).await.len(), 1, "the losers left nothing behind");
    assert_eq!(record.position().await.unwrap().to_string(), "3");
    assert_eq!(record.check().await.unwrap(), []);
}

#[tokio::test]
async fn time_never_runs_backwards() {
    let place = Place::new();
    let mut last = Time(0);
    for (round, now) in [NEW_YEAR.0, NEW_YEAR.0 - 5_000_000, NEW_YEAR.0 + 1_234_567, 0].into_iter().enumerate() {
        // Reopening forgets nothing.
        let record = place.open();
        let mut one = writes(vec![put(&patient(&format!("p{round}"), "Adams"), Expect::Absent)]);
        one.now = Time(now);
        let done = record.commit(&all(), one).await.unwrap();
        assert!(done.time >= last && done.time.0 % 1_000 == 0, "{done:?}");
        last = done.time;
    }
    assert_eq!(last, Time(NEW_YEAR.0 + 1_234_000));
}

#[tokio::test]
async fn nothing_is_written_without_access() {
    let place = Place::new();
    let record = place.open();
    let list = || writes(vec![put(&patient("a", "Adams"), Expect::Absent)]);
    let denied = Err(CommitError::Denied(Key::new("Patient", "a")));
    assert_eq!(record.commit(&Access::nobody(), list()).await, denied);
    assert_eq!(record.commit(&consent::Policy::site().feed(), list()).await, denied);
    assert_eq!(record.position().await.unwrap(), Position::START);
}

#[tokio::test]
async fn a_follower_moves_its_cursor_with_what_it_writes() {
    let place = Place::new();
    let record = place.open();
    let done = commit(&record, vec![put(&patient("a", "Adams"), Expect::Absent)]).await;
    let mut derived = writes(vec![put(&patient("golden", "Adams"), Expect::Absent)]);
    derived.cursors = vec![("identity".into(), done.position)];
    record.commit(&all(), derived).await.unwrap();
    let mut lost = writes(vec![put(&patient("golden", "Adams"), Expect::Absent)]);
    lost.cursors = vec![("identity".into(), Position::START)];
    assert!(record.commit(&all(), lost).await.is_err());
    assert_eq!(record.cursor("identity").await.unwrap(), done.position);
    assert_eq!(record.cursor("nobody").await.unwrap(), Position::START);
    record.advance("nobody", done.position).await.unwrap();
    drop(record);
    assert_eq!(place.open().cursor("nobody").await.unwrap(), done.position);
}
