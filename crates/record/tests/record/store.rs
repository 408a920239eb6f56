//! Opening: what is made, kept, refused; and damage that is found.

use record::{CommitError, Expect, OpenError, Options, Record};

use crate::{Place, all, commit, observation, patient, put, writes};

#[tokio::test]
async fn keys_and_content_survive_a_restart() {
    let place = Place::new();
    let record = place.open();
    commit(&record, vec![put(&patient("a", "Adams"), Expect::Absent)]).await;
    let (key, epoch) = (*record.id_key(), record.epoch().to_owned());
    drop(record);
    let record = place.open();
    assert_eq!((*record.id_key(), record.epoch()), (key, epoch.as_str()));
    assert_ne!(key, [0; 32]);
    assert_eq!(crate::found(&record, "Patient", &[("family", "adams")]).await, ["a"]);
    commit(&record, vec![put(&observation("o", "a", "1-8"), Expect::Absent)]).await;
}

#[tokio::test]
async fn a_given_id_key_is_taken_once() {
    let place = Place::new();
    let with = |byte| Options { id_key: Some([byte; 32]), ..Options::default() };
    assert_eq!(Record::open(&place.0, with(7)).unwrap().id_key(), &[7; 32]);
    assert_eq!(Record::open(&place.0, with(8)).unwrap().id_key(), &[7; 32]);
}

#[test]
fn one_process_has_the_store() {
    let place = Place::new();
    let first = place.open();
    assert!(matches!(Record::open(&place.0, Options::default()), Err(OpenError::Locked(_))));
    drop(first);
    assert!(Record::open(&place.0, Options::default()).is_ok());
}

#[test]
fn a_file_that_is_no_store_is_refused() {
    let place = Place::new();
    std::fs::write(place.0.join("record.db"), "not a database, but long enough to have a header".repeat(100)).unwrap();
    let Err(error) = Record::open(&place.0, Options::default()) else { panic!("it was opened") };
    assert!(matches!(error, OpenError::Damaged(_)), "{error}");
}

/// What no interface of ours does: reaching into the file, to play what an accident or a newer program left there.
fn tamper(place: &Place, sql: &str) {
    rusqlite::Connection::open(place.0.join("record.db")).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_newer_schema_is_refused_and_says_so() {
    let place = Place::new();
    drop(place.open());
    tamper(&place, "INSERT INTO schema_version VALUES (99)");
    let Err(error) = Record::open(&place.0, Options::default()) else { panic!("it was opened") };
    assert!(
        matches!(error, OpenError::Newer { found: 99, .. }) && error.to_string().contains("newer program"),
        "{error}"
    );
}

#[tokio::test]
async fn a_check_finds_what_does_not_agree_with_the_log() {
    let cases = [
        ("DELETE FROM resource WHERE id = 'a'", "1 versions are not found by their id"),
        ("DELETE FROM span WHERE seq = 1", "1 versions have no span"),
        ("UPDATE span SET until = NULL WHERE seq = 1", "1 versions are visible although a newer one is there"),
        ("UPDATE version SET body = x'0201020304' WHERE seq = 2", "the body at position 2 is damaged"),
        ("INSERT INTO cursor VALUES ('peer', 77)", "1 cursors are beyond the log"),
    ];
    for (damage, expected) in cases {
        let place = Place::new();
        let record = place.open();
        commit(&record, vec![put(&patient("b", "Brown"), Expect::Absent)]).await;
        commit(&record, vec![put(&patient("b", "Baker"), Expect::Version(1))]).await;
        commit(&record, vec![put(&patient("a", "Adams"), Expect::Absent)]).await;
        assert_eq!(record.check().await.unwrap(), []);
        drop(record);
        tamper(&place, damage);
        let findings = place.open().check().await.unwrap();
        assert_eq!(findings.iter().map(|finding| finding.text.as_str()).collect::<Vec<_>>(), [expected], "{damage}");
    }
}

/// Two codes with one hash: what only the hash found is not shown.
#[tokio::test]
async fn a_collision_of_hashes_shows_nobody_elses_result() {
    let place = Place::new();
    let record = place.open();
    commit(&record, vec![put(&observation("o", "a", "718-7"), Expect::Absent)]).await;
    commit(&record, vec![put(&observation("x", "a", "1-8"), Expect::Absent)]).await;
    drop(record);
    let code = "SELECT p FROM token WHERE seq = 1 GROUP BY p, h HAVING h NOT IN (SELECT h FROM token WHERE seq = 2)";
    tamper(
        &place,
        &format!(
            "UPDATE token SET h = (SELECT h FROM token WHERE seq = 1 AND p IN ({code})) WHERE seq = 2 AND p IN ({code})"
        ),
    );
    let record = place.open();
    assert_eq!(crate::found(&record, "Observation", &[("code", "718-7")]).await, ["o"]);
    assert!(crate::found(&record, "Observation", &[("code", "1-8")]).await.is_empty());
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let place = Place::new();
    std::fs::write(place.0.join("file"), "").unwrap();
    let Err(error) = Record::open(&place.0.join("file"), Options::default()) else { panic!("it was opened") };
    assert!(error.to_string().contains("/file"), "{error}");
}

#[tokio::test]
async fn an_empty_commit_and_a_new_store_are_in_order() {
    let place = Place::new();
    let record = place.open();
    let done = record.commit(&all(), writes(Vec::new())).await.unwrap();
    assert_eq!((done.versions.len(), done.message), (0, None));
    assert_eq!(record.check().await.unwrap(), []);
    let counts = record.counts().await.unwrap();
    assert_eq!(counts.versions, 0);
    assert!(counts.disk_bytes > 0);
}

#[test]
fn only_what_may_succeed_later_is_worth_a_retry() {
    assert!(CommitError::Busy.retry() && CommitError::Full.retry());
    assert!(!CommitError::Broken.retry() && !CommitError::Refused("x").retry());
}

/// Whoever hands over a commit and goes away has still committed, also when the store closes at once.
#[test]
fn what_was_handed_over_is_committed() {
    let place = Place::new();
    let record = place.open();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let access = all();
        let commit = record.commit(&access, writes(vec![put(&patient("a", "Adams"), Expect::Absent)]));
        let mut commit = Box::pin(commit);
        // One poll hands it over; then the caller is gone.
        let polled = std::future::poll_fn(|context| std::task::Poll::Ready(commit.as_mut().poll(context).is_ready()));
        let _ = polled.await;
    });
    drop(record);
    let record = place.open();
    assert_eq!(runtime.block_on(crate::found(&record, "Patient", &[])), ["a"]);
}
