//! The message store: kept byte for byte, once, found by what is known of it, tried again, pruned.

use consent::{Access, Policy};
use record::{
    Attempt, Commit, CommitError, Expect, MessageFilter, MessageId, NewMessage, Outcome, Receipt, Record, Replay, Time,
};

use crate::{HOUR_US, NEW_YEAR, Place, all, patient, put, writes};

const RAW: &[u8] = b"MSH|^~\\&|A|B|C|D|20260101||ADT^A01|7|P|2.5.1\rPID|1||17^^^A^MR\r";

fn message(control_id: Option<&str>, raw: &[u8], outcome: Outcome) -> NewMessage {
    NewMessage {
        source: "ward".into(),
        control_id: control_id.map(str::to_owned),
        kind: "ADT^A01^ADT_A01".into(),
        raw: raw.to_vec(),
        received: NEW_YEAR,
        event_time: Some(Time(NEW_YEAR.0 - HOUR_US)),
        patients: vec!["a".into()],
        trace_id: "t-1".into(),
        attempt: Attempt { outcome, issues: b"[]".to_vec(), residue: Vec::new() },
    }
}

fn filing(message: NewMessage) -> Commit {
    Commit { now: NEW_YEAR, receipt: Some(Receipt::New(message)), ..Commit::default() }
}

async fn file(record: &Record, message: NewMessage) -> MessageId {
    record.commit(&all(), filing(message)).await.unwrap().message.unwrap()
}

async fn ids(record: &Record, filter: MessageFilter) -> Vec<i64> {
    let filter = MessageFilter { limit: if filter.limit == 0 { 100 } else { filter.limit }, ..filter };
    record.messages(&all(), &filter).await.unwrap().iter().map(|message| message.id.0).collect()
}

#[tokio::test]
async fn a_message_is_filed_with_what_it_made() {
    let place = Place::new();
    let record = place.open();
    let mut commit = filing(message(Some("7"), RAW, Outcome::Applied));
    commit.writes = vec![put(&patient("a", "Adams"), Expect::Absent), put(&patient("b", "Brown"), Expect::Absent)];
    let id = record.commit(&all(), commit).await.unwrap().message.unwrap();
    let kept = record.message(&all(), id).await.unwrap().unwrap();
    assert_eq!((kept.outcome(), kept.attempts[0].versions, kept.pruned), (Outcome::Applied, 2, false));
    assert_eq!(
        (kept.source.as_str(), kept.control_id.as_deref(), kept.raw_bytes),
        ("ward", Some("7"), RAW.len() as u64)
    );
    assert_eq!(kept.attempts[0].attempt.issues, b"[]");
    assert_eq!(record.raw(&all(), id).await.unwrap().unwrap(), RAW);
    let made = record.made_by(&all(), id).await.unwrap();
    assert_eq!(made.iter().map(|version| version.key.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(made.iter().all(|version| version.message == Some(id)));
}

#[tokio::test]
async fn the_same_message_is_filed_once() {
    let place = Place::new();
    let record = place.open();
    let id = file(&record, message(Some("7"), RAW, Outcome::Applied)).await;
    let mut again = filing(message(Some("7"), RAW, Outcome::Applied));
    again.writes = vec![put(&patient("a", "Adams"), Expect::Absent)];
    assert_eq!(record.commit(&all(), again).await, Err(CommitError::Duplicate(id)));
    assert_eq!(record.position().await.unwrap().to_string(), "0");
    // Another source, other bytes under a reused control id, or no control id: not the same message.
    let mut elsewhere = message(Some("7"), RAW, Outcome::Applied);
    elsewhere.source = "lab".into();
    file(&record, elsewhere).await;
    file(&record, message(Some("7"), b"MSH|other", Outcome::Applied)).await;
    file(&record, message(None, RAW, Outcome::Applied)).await;
    file(&record, message(None, RAW, Outcome::Applied)).await;
    assert_eq!(ids(&record, MessageFilter::default()).await.len(), 5);
}

/// The same message on two connections at once: one is filed, the other told.
#[tokio::test]
async fn duplicates_that_meet_in_one_group_are_seen() {
    let place = Place::new();
    let record = place.open();
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let record = record.clone();
            tokio::spawn(async move { record.commit(&all(), filing(message(Some("7"), RAW, Outcome::Parked))).await })
        })
        .collect();
    let mut filed = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => filed += 1,
            Err(error) => assert_eq!(error, CommitError::Duplicate(MessageId(1))),
        }
    }
    assert_eq!((filed, ids(&record, MessageFilter::default()).await), (1, vec![1]));
}

#[tokio::test]
async fn a_parked_message_is_mended_and_replayed_and_its_history_stays() {
    let place = Place::new();
    let record = place.open();
    let id = file(&record, message(Some("7"), RAW, Outcome::Parked)).await;
    let attempt = Attempt { outcome: Outcome::Applied, issues: Vec::new(), residue: b"PID-9".to_vec() };
    let replay = Replay { message: id, mended: Some(b"MSH|mended".to_vec()), patients: vec!["b".into()], attempt };
    let mut commit = writes(vec![put(&patient("b", "Brown"), Expect::Absent)]);
    commit.receipt = Some(Receipt::Replay(replay.clone()));
    assert_eq!(record.commit(&all(), commit).await.unwrap().message, Some(id));
    let kept = record.message(&all(), id).await.unwrap().unwrap();
    let outcomes: Vec<Outcome> = kept.attempts.iter().map(|tried| tried.attempt.outcome).collect();
    assert_eq!(outcomes, [Outcome::Parked, Outcome::Applied]);
    assert_eq!(record.raw(&all(), id).await.unwrap().unwrap(), RAW, "the original stays");
    assert_eq!(record.made_by(&all(), id).await.unwrap().len(), 1);
    assert!(ids(&record, MessageFilter { outcome: Some(Outcome::Parked), ..Default::default() }).await.is_empty());
    let mut missing = writes(Vec::new());
    missing.receipt = Some(Receipt::Replay(Replay { message: MessageId(99), ..replay }));
    assert!(matches!(record.commit(&all(), missing).await, Err(CommitError::Refused(_))));
}

#[tokio::test]
async fn messages_are_found_by_what_is_known_of_them() {
    let place = Place::new();
    let record = place.open();
    for number in 0..6_i64 {
        let outcome = if number == 2 { Outcome::Parked } else { Outcome::Applied };
        let mut one = message(Some(&format!("c{number}")), RAW, outcome);
        one.received = Time(NEW_YEAR.0 + number);
        one.patients = vec![format!("p{}", number % 2)];
        if number > 3 {
            (one.source, one.kind) = ("lab".into(), "ORU^R01".into());
        }
        file(&record, one).await;
    }
    let none = MessageFilter::default;
    let cases: [(MessageFilter, &[i64]); 11] = [
        (none(), &[6, 5, 4, 3, 2, 1]),
        (MessageFilter { limit: 2, ..none() }, &[6, 5]),
        (MessageFilter { limit: 2, before: Some(MessageId(5)), ..none() }, &[4, 3]),
        (MessageFilter { outcome: Some(Outcome::Parked), ..none() }, &[3]),
        (MessageFilter { outcome: Some(Outcome::Applied), ..none() }, &[6, 5, 4, 2, 1]),
        (MessageFilter { source: Some("lab".into()), ..none() }, &[6, 5]),
        (MessageFilter { kind: Some("ADT".into()), ..none() }, &[4, 3, 2, 1]),
        (MessageFilter { kind: Some("ADT^A0%".into()), ..none() }, &[]),
        (MessageFilter { control_id: Some("c3".into()), ..none() }, &[4]),
        (MessageFilter { patient: Some("p1".into()), ..none() }, &[6, 4, 2]),
        (MessageFilter { from: Some(Time(NEW_YEAR.0 + 1)), to: Some(Time(NEW_YEAR.0 + 3)), ..none() }, &[3, 2]),
    ];
    for (filter, expected) in cases {
        assert_eq!(ids(&record, filter.clone()).await, expected, "{filter:?}");
    }
    let counts = record.counts().await.unwrap();
    assert_eq!(counts.messages, [(Outcome::Applied, 5), (Outcome::Parked, 1)]);
}

#[tokio::test]
async fn old_bytes_are_pruned_but_not_of_parked_messages() {
    let place = Place::new();
    let record = place.open();
    for (number, outcome) in
        [Outcome::Applied, Outcome::Parked, Outcome::Refused, Outcome::Applied].into_iter().enumerate()
    {
        let mut one = message(Some(&number.to_string()), RAW, outcome);
        one.received = Time(NEW_YEAR.0 + i64::try_from(number).unwrap() * HOUR_US);
        file(&record, one).await;
    }
    let until = Time(NEW_YEAR.0 + 3 * HOUR_US);
    assert_eq!(record.prune_bodies(until, 1).await.unwrap(), 1);
    assert_eq!(record.prune_bodies(until, 100).await.unwrap(), 1);
    assert_eq!(record.prune_bodies(until, 100).await.unwrap(), 0);
    for (id, pruned) in [(1, true), (2, false), (3, true), (4, false)] {
        assert_eq!(record.message(&all(), MessageId(id)).await.unwrap().unwrap().pruned, pruned, "{id}");
        assert_eq!(record.raw(&all(), MessageId(id)).await.unwrap().is_none(), pruned, "{id}");
    }
    // What was pruned is still known when it comes again.
    let again = record.commit(&all(), filing(message(Some("0"), RAW, Outcome::Applied))).await;
    assert_eq!(again, Err(CommitError::Duplicate(MessageId(1))));
}

#[tokio::test]
async fn messages_are_for_those_who_may_see_everything() {
    let place = Place::new();
    let record = place.open();
    let id = file(&record, message(Some("7"), RAW, Outcome::Applied)).await;
    let nobody = Access::nobody();
    assert_eq!(record.message(&nobody, id).await.unwrap(), None);
    assert_eq!(record.raw(&nobody, id).await.unwrap(), None);
    let filter = MessageFilter { limit: 10, ..MessageFilter::default() };
    assert_eq!(record.messages(&nobody, &filter).await.unwrap(), []);
    assert_eq!(record.made_by(&nobody, id).await.unwrap(), []);
    let read_only = Policy::site().feed();
    assert!(record.message(&read_only, id).await.unwrap().is_some());
    let refused = record.commit(&read_only, filing(message(Some("8"), RAW, Outcome::Applied))).await;
    assert!(matches!(refused, Err(CommitError::Refused(_))));
}
