//! Backups: of a store that is written to, restored, compared; and what is no backup.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use record::{
    Attempt, BackupError, Commit, Expect, Kept, NewMessage, Outcome, Position, Receipt, Record, back_up, restore,
    verify,
};

use crate::{NEW_YEAR, Place, all, open, patient, put};

const WRITERS: usize = 8;

fn take(dir: &Path, file: &Path, replace: bool) -> Result<Kept, BackupError> {
    back_up(dir, file, NEW_YEAR, replace, &mut |_, _, _| {})
}

/// A version with its message, as a sender's is filed.
fn filed(writer: usize, number: usize) -> Commit {
    let id = format!("p{writer}-{}", number / 2);
    let expect = if number.is_multiple_of(2) { Expect::Absent } else { Expect::Version(1) };
    let attempt = Attempt { outcome: Outcome::Applied, issues: Vec::new(), residue: Vec::new() };
    let message = NewMessage {
        source: format!("ward{writer}"),
        control_id: Some(format!("{writer}-{number}")),
        kind: "ADT^A28".to_owned(),
        raw: format!("MSH|{writer}|{number}|{}", "x".repeat(number * 7 % 900)).into_bytes(),
        received: NEW_YEAR,
        event_time: None,
        patients: vec![id.clone()],
        trace_id: String::new(),
        attempt,
    };
    let writes = vec![put(&patient(&id, &format!("Family{number}")), expect)];
    Commit { now: NEW_YEAR, writes, receipt: Some(Receipt::New(message)), ..Commit::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_is_backed_up_under_its_writers_and_restored_to_the_byte() {
    let place = Place::new();
    let store = place.0.join("store");
    let record = open(&store);
    for writer in 0..WRITERS {
        for number in 0..20 {
            record.commit(&all(), filed(writer, number)).await.unwrap();
        }
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (record, stop) = (record.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut number = 20;
                while !stop.load(Ordering::Relaxed) && number < 1_000 {
                    record.commit(&all(), filed(writer, number)).await.unwrap();
                    number += 1;
                }
                number
            })
        })
        .collect();
    let before = record.position().await.unwrap();
    let (from, file) = (store.clone(), place.0.join("backup"));
    let to = file.clone();
    let kept = tokio::task::spawn_blocking(move || take(&from, &to, false)).await.unwrap().unwrap();
    stop.store(true, Ordering::Relaxed);
    let mut written = 0;
    for writer in writers {
        written += writer.await.unwrap();
    }
    assert!(kept.position >= before && kept.versions <= written as u64, "{kept:?} of {written}");
    assert_eq!(kept.messages, kept.versions);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(verify(&file, &mut |_, _, _| {}).unwrap(), kept);

    let restored = restore(&file, &place.0.join("again"), &mut |_, _, _| {}).unwrap();
    let again = open(&place.0.join("again"));
    assert_eq!(again.check().await.unwrap(), []);
    assert_eq!(again.id_key(), record.id_key());
    assert_eq!(again.epoch(), restored.epoch);
    assert_ne!(again.epoch(), record.epoch());
    assert_eq!(again.position().await.unwrap(), kept.position);
    same_versions(&record, &again, kept.position).await;
    same_messages(&again, &restored.sources, kept.messages).await;
    // It goes on where the log ended.
    again.commit(&all(), filed(99, 0)).await.unwrap();
    assert_eq!(again.position().await.unwrap(), kept.position.next());
}

async fn same_versions(one: &Record, other: &Record, end: Position) {
    let mut after = Position::START;
    while after < end {
        let (expected, _) = one.log(&all(), after, 500).await.unwrap();
        let (found, next) = other.log(&all(), after, 500).await.unwrap();
        assert!(!found.is_empty() && found[..] == expected[..found.len()]);
        after = next;
    }
}

/// Every message is there byte for byte, and each source is told its newest.
async fn same_messages(again: &Record, sources: &[record::Last], count: u64) {
    assert_eq!(sources.len(), WRITERS);
    let mut seen = 0;
    for (writer, last) in sources.iter().enumerate() {
        let filter = record::MessageFilter { source: Some(last.source.clone()), limit: 1_000, ..Default::default() };
        let messages = again.messages(&all(), &filter).await.unwrap();
        let newest: Vec<_> = messages.iter().take(record::LAST_MAX).map(|of| of.control_id.clone().unwrap()).collect();
        assert_eq!(last.messages.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), newest);
        for message in &messages {
            let number = message.control_id.as_ref().and_then(|id| id.split_once('-')).unwrap().1.parse().unwrap();
            let Some(Receipt::New(sent)) = filed(writer, number).receipt else { unreachable!("it is new") };
            assert_eq!(again.raw(&all(), message.id).await.unwrap().unwrap(), sent.raw);
        }
        seen += messages.len() as u64;
    }
    assert_eq!(seen, count, "a page holds them all");
}

#[tokio::test]
async fn what_is_not_whole_is_not_restored() {
    let place = Place::new();
    let (store, file) = (place.0.join("store"), place.0.join("backup"));
    let record = open(&store);
    for number in 0..200 {
        record.commit(&all(), filed(0, number)).await.unwrap();
    }
    take(&store, &file, false).unwrap();
    let whole = fs::read(&file).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let mut cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("without its last byte", whole[..whole.len() - 1].to_vec()),
        ("without its seal", whole[..whole.len() - 56].to_vec()),
        ("a byte longer", [&whole[..], b"x"].concat()),
        ("something else", b"not a backup ".repeat(1_000)),
        ("the store's own file", fs::read(store.join("record.db")).unwrap()),
    ];
    cases.extend((0..40).map(|part| ("a bit that fell over", flipped(part * (whole.len() - 1) / 39))));
    let bad = place.0.join("bad");
    let target = place.0.join("again");
    for (what, bytes) in cases {
        fs::write(&bad, bytes).unwrap();
        let refused = restore(&bad, &target, &mut |_, _, _| {});
        assert!(matches!(refused, Err(BackupError::Broken(_))), "{what}: {refused:?}");
        assert!(verify(&bad, &mut |_, _, _| {}).is_err(), "{what}");
        let left: Vec<_> = fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["lock"], "{what}");
    }
    restore(&file, &target, &mut |_, _, _| {}).unwrap();
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let place = Place::new();
    let (store, file) = (place.0.join("store"), place.0.join("backup"));
    let record = open(&store);
    record.commit(&all(), filed(0, 0)).await.unwrap();
    let first = take(&store, &file, false).unwrap();
    record.commit(&all(), filed(0, 1)).await.unwrap();
    assert!(matches!(take(&store, &file, false), Err(BackupError::Exists(_))));
    assert_eq!(verify(&file, &mut |_, _, _| {}).unwrap(), first);
    let second = take(&store, &file, true).unwrap();
    assert_eq!((second.versions, verify(&file, &mut |_, _, _| {}).unwrap()), (2, second.clone()));
    let refused = restore(&file, &store, &mut |_, _, _| {});
    assert!(matches!(refused, Err(BackupError::Store(record::OpenError::Locked(_)))), "{refused:?}");
    drop(record);
    assert!(matches!(restore(&file, &store, &mut |_, _, _| {}), Err(BackupError::NotEmpty(_))));
    assert!(matches!(take(&place.0.join("nowhere"), &file, true), Err(BackupError::Missing(_))));
    let names = fs::read_dir(&place.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert_eq!(names, ["backup", "store"], "nothing is left beside it");
}
