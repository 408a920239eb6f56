//! A full disk, played by a bound on the file's pages: nothing half done, and it goes on when there is room.

use std::path::Path;
use std::sync::Arc;

use consent::Policy;

use super::Writer;
use crate::checkpoint::Checkpointer;
use crate::commit::{Change, Commit, CommitError, Expect, Write};
use crate::own::InForce;
use crate::record::Options;
use crate::schema;
use crate::version::{Key, Position, Time};
use crate::{prepare, read};

fn commit(id: String) -> Commit {
    let json = format!(r#"{{"resourceType":"Patient","id":"{id}","name":[{{"family":"F{id}"}}]}}"#);
    let resource = fhir::json::read(json.as_bytes()).expect("a Patient");
    let write = Write {
        key: Key::new("Patient", id),
        expect: Expect::Absent,
        change: Change::Put(prepare(&resource, &Arc::default())),
        origin: "test".into(),
        source_time: None,
        state: Vec::new(),
        groups: Vec::new(),
    };
    Commit { now: Time(0), writes: vec![write], ..Commit::default() }
}

fn bounded(file: &Path, writer: &rusqlite::Connection, pages: i64) {
    let count: i64 = writer.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("a page count");
    let most: i64 =
        writer.query_row(&format!("PRAGMA max_page_count = {}", count + pages), [], |row| row.get(0)).expect("a bound");
    assert_eq!(most, count + pages, "{}", file.display());
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    let dir = std::env::temp_dir().join(format!("hilum-full-{}", std::process::id()));
    let place = schema::place(&dir).expect("a directory");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let access = Policy::site().intake();
    let mut acknowledged = 0;
    for round in 0..3 {
        let opened = schema::open_writer(&place, &Options::default()).expect("a store");
        bounded(&place.file, &opened.connection, 20);
        let checkpointer = Checkpointer::start(&place).expect("a checkpointer");
        let writer = Writer::start(opened.connection, 16, checkpointer.caller(), InForce::default()).expect("a writer");
        let mut full = 0;
        for number in 0..5_000 {
            match runtime.block_on(writer.commit(&access, commit(format!("p{round}-{number}")))) {
                Ok(_) => acknowledged += 1,
                Err(error) => {
                    assert_eq!(error, CommitError::Full);
                    full += 1;
                }
            }
        }
        assert!(full > 0, "twenty pages hold fewer than 5,000 patients");
        drop(writer);
        let reader = schema::open_reader(&place.file).expect("a reader");
        assert_eq!(read::end(&reader).expect("the end of the log"), Position(acknowledged));
        assert_eq!(crate::maintenance::check(&reader).expect("a check"), []);
    }
    std::fs::remove_dir_all(&dir).expect("the directory goes");
}
