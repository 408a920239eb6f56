//! The index of words against what versions say, through updates, deletes, trimming and erasure.

use std::path::PathBuf;
use std::sync::Arc;

use consent::{Access, Policy};
use rusqlite::Connection;
use tokio::runtime::Runtime;

use super::{FOLLOWER, is_kept, says};
use crate::commit::{Change, Commit, Expect, Write};
use crate::version::{Key, Time};
use crate::{Erasure, Options, Record, prepare, read, schema};

struct Store {
    dir: PathBuf,
    record: Record,
    runtime: Runtime,
}

const HOURS_2_US: i64 = 7_200_000_000;

impl Store {
    fn new(name: &str) -> Store {
        let dir = std::env::temp_dir().join(format!("hilum-words-{name}-{}", std::process::id()));
        let record = Record::open(&dir, Options::default()).expect("a store");
        Store { dir, record, runtime: Runtime::new().expect("a runtime") }
    }

    fn access(&self) -> Access {
        Policy::site().intake()
    }

    /// A Basic with words in its narrative and beside it; deletes it where there are none.
    fn write(&self, id: &str, words: Option<(&str, &str)>, now: Time) {
        let change = words.map_or(Change::Delete, |(narrative, text)| {
            let json = format!(
                r#"{{"resourceType":"Basic","id":"{id}","text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><b>{narrative}</b></div>"}},"code":{{"text":"{text}"}}}}"#
            );
            Change::Put(prepare(&fhir::json::read(json.as_bytes()).expect("a Basic"), &Arc::default()))
        });
        let (key, expect, origin) = (Key::new("Basic", id), Expect::Any, "test".to_owned());
        let write = Write { key, expect, change, origin, source_time: None, state: Vec::new(), groups: Vec::new() };
        let commit = Commit { now, writes: vec![write], ..Commit::default() };
        self.runtime.block_on(self.record.commit(&self.access(), commit)).expect("a commit");
    }

    fn follow(&self, limit: usize) -> usize {
        let mut passed = 0;
        loop {
            match self.runtime.block_on(self.record.follow_text(limit)).expect("follows") {
                0 => return passed,
                some => passed += some,
            }
        }
    }

    fn db(&self) -> Connection {
        schema::open_reader(&self.dir.join("record.db")).expect("a reader")
    }

    fn found(&self, words: &str) -> Vec<i64> {
        let db = self.db();
        let mut rows = db.prepare("SELECT rowid FROM fulltext WHERE fulltext MATCH ?1 ORDER BY rowid").expect("SQL");
        let rows = rows.query_map([words], |row| row.get(0)).expect("rows");
        rows.collect::<Result<_, _>>().expect("positions")
    }

    /// Whether each word finds the kept versions that say it and no others.
    fn agrees(&self, words: &[&str]) {
        let db = self.db();
        let sql = format!("SELECT {} FROM version v ORDER BY v.seq", read::COLUMNS);
        let mut rows = db.prepare(&sql).expect("SQL");
        let versions = rows.query_map([], read::read_version).expect("rows").map(|version| version.expect("a version"));
        let bodies: Vec<(i64, Vec<u8>)> =
            versions.filter_map(|version| version.body.map(|body| (version.position.0, body))).collect();
        let upto = read::cursor(&db, FOLLOWER).expect("a cursor").0;
        for word in words {
            let says = |body: &[u8]| {
                let said = says(body).expect("words");
                said.narrative.split(' ').chain(said.elsewhere.split(' ')).any(|of| of == *word)
            };
            let kept = |seq: i64| seq <= upto && is_kept(&db, seq).expect("SQL");
            let expected = bodies.iter().filter(|(seq, body)| kept(*seq) && says(body)).map(|(seq, _)| *seq);
            assert_eq!(self.found(word), expected.collect::<Vec<_>>(), "{word}");
        }
        assert_eq!(self.runtime.block_on(self.record.check()).expect("a check"), []);
    }

    /// Whether the bytes of a word stand anywhere in the index.
    fn holds(&self, word: &str) -> bool {
        let db = self.db();
        let mut rows = db.prepare("SELECT block FROM fulltext_data").expect("SQL");
        let blocks = rows.query_map([], |row| row.get::<_, Vec<u8>>(0)).expect("rows");
        let blocks: Vec<Vec<u8>> = blocks.collect::<Result<_, _>>().expect("blocks");
        blocks.iter().any(|block| block.windows(word.len()).any(|window| window == word.as_bytes()))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // What is left behind in the temporary directory harms nobody.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

#[test]
fn words_are_found_where_they_are_said() {
    let store = Store::new("found");
    store.write("a", Some(("Bone and Liver", "Métastases")), Time(0));
    store.write("b", Some(("liver", "lung")), Time(0));
    assert_eq!(store.found("liver"), [0; 0], "nothing followed yet");
    assert_eq!(store.follow(1), 2);
    assert_eq!(store.found("liver"), [1, 2]);
    assert_eq!(store.found("div : (\"bone and liver\")"), [1]);
    assert_eq!(store.found("metastases"), [1]);
    assert_eq!(store.found("div : (metastases)"), [0; 0]);
    store.write("a", None, Time(0));
    store.write("b", Some(("kidney", "lung")), Time(0));
    assert_eq!(store.follow(100), 2);
    assert_eq!(
        (store.found("liver"), store.found("kidney")),
        (vec![1, 2], vec![4]),
        "pages pinned before see them yet"
    );
    store.agrees(&["bone", "liver", "kidney", "metastases"]);
}

#[test]
fn trimming_and_erasing_take_the_words_along() {
    let store = Store::new("gone");
    let words = ["xylophonist", "liver", "bone", "kidney"];
    let key = Key::new("Basic", "a");
    // Followed in part only: what was not is not to be removed.
    store.write("a", Some(("xylophonist", "liver")), Time(0));
    store.write("b", Some(("bone", "liver")), Time(0));
    store.follow(100);
    store.write("a", Some(("bone", "lung")), Time(1_000));
    store.write("a", Some(("kidney", "bone")), Time(2_000));
    store.write("b", None, Time(2_000));
    assert!(store.holds("xylophonist"));
    store.agrees(&words);
    let trim = |now| store.runtime.block_on(store.record.trim(now, 100)).expect("trims");
    assert_eq!(trim(Time(HOURS_2_US)), 3);
    assert!(!store.holds("xylophonist"), "trimmed");
    store.agrees(&words);
    store.follow(100);
    store.agrees(&words);
    assert_eq!(store.found("bone"), [4]);
    store.write("a", Some(("xylophonist", "heart")), Time(HOURS_2_US));
    store.write("c", Some(("liver", "xylophonists")), Time(HOURS_2_US));
    store.follow(1);
    store.write("a", Some(("other", "xylophonist")), Time(HOURS_2_US));
    assert_eq!(store.found("xylophonist"), [6]);
    let access = store.access();
    let erased = store.record.erase(&access, &key, Erasure::Versions);
    assert_eq!(store.runtime.block_on(erased).expect("erases"), 5);
    assert!(!store.holds("heart"));
    assert_eq!(store.found("xylophonist"), [0; 0]);
    store.follow(100);
    store.agrees(&["xylophonist", "xylophonists", "liver", "heart", "other"]);
    assert_eq!(store.found("xylophonists"), [7]);
    trim(Time(3 * HOURS_2_US));
    store.agrees(&["xylophonists", "liver"]);
}
