//! An operator takes a backup while eight senders stream, loses the disk, and restores: every acknowledged message of the
//! time before is there, the log is known to be another, and each sender is told from where to send again.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::Value;

use crate::support::cli::{hilum, program};
use crate::support::directory::Directory;
use crate::support::http::ask;
use crate::support::message::{adt, id_of};
use crate::support::mllp::Line;
use crate::support::server::{Hilum, WARD};

const SENDERS: usize = 8;

fn admission(sender: usize, number: usize) -> Vec<u8> {
    let person = format!("PID|1||B{sender}-{number}^^^NORTH^MR||Backup{sender}^Ilse{number}||19710304|F");
    adt("A28", "20260301090000", &person)
}

/// All messages that a server has, and what they are.
fn control_ids(server: &Hilum) -> BTreeSet<String> {
    let (mut ids, mut before) = (BTreeSet::new(), String::new());
    loop {
        let page = server.messages(&format!("outcome=applied{before}"));
        let Some(last) = page.last() else { return ids };
        before = format!("&before={}", last["id"]);
        ids.extend(page.iter().map(|message| message["control_id"].as_str().expect("it has one").to_owned()));
    }
}

#[test]
fn a_backup_under_eight_senders_is_restored_whole() {
    let mut server = Hilum::start();
    let file = server.directory().join("record.backup");
    let data = server.directory().join("data");
    let (file, data) = (file.display().to_string(), data.display().to_string());
    let stop = AtomicBool::new(false);
    // What was acknowledged before the backup was begun, and all that was.
    let (before, sent, kept) = thread::scope(|scope| {
        let (address, stop) = (server.mllp(0).to_owned(), &stop);
        let first: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let message = admission(sender, 0);
                server.line().accepted(&message);
                id_of(&message)
            })
            .collect();
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let address = address.clone();
                scope.spawn(move || {
                    let (mut line, mut ids) = (Line::connect(&address), Vec::new());
                    for number in 1.. {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        let message = admission(sender, number);
                        line.accepted(&message);
                        ids.push(id_of(&message));
                    }
                    ids
                })
            })
            .collect();
        let taken = hilum(&["backup", "--data", &data, &file, "-o", "json"]).done();
        stop.store(true, Ordering::Relaxed);
        let sent: BTreeSet<String> = senders.into_iter().flat_map(|sender| sender.join().expect("no panic")).collect();
        (first, sent, taken.json())
    });
    assert_eq!(std::fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
    let whole = control_ids(&server);
    assert!(sent.is_subset(&whole));
    let again = hilum(&["backup", "--data", &data, &file]);
    assert_eq!((again.code, again.talk.contains("--replace")), (2, true), "{again:?}");
    assert_eq!(hilum(&["restore", &file, "--data", &data]).code, 3, "a directory in use");
    server.kill();
    assert_eq!(hilum(&["restore", &file, "--data", &data]).code, 2, "a directory that is not empty");

    let place = Directory::new();
    let target = place.join("data").display().to_string();
    let restored = hilum(&["restore", &file, "--data", &target, "-o", "json"]).done().json();
    assert_eq!(restored["backup"], kept);
    assert_ne!(restored["epoch"], kept["epoch"], "the log is another");
    let text = format!("[http]\nlisten = \"127.0.0.1:0\"\nopen_on_loopback = true\n[store]\ndata = {target:?}\n{WARD}");
    let settings = place.write("hilum.toml", text).display().to_string();
    let second = Hilum::with_arguments(place, &["serve", "--config", &settings]);
    let found = control_ids(&second);
    assert_eq!(found.len() as u64, kept["messages"].as_u64().expect("a count"));
    assert!(found.is_subset(&whole) && before.iter().all(|id| found.contains(id)));
    let last = restored["sources"][0]["last"].as_array().expect("a list");
    assert_eq!(restored["sources"][0]["source"], "ward");
    assert!(!last.is_empty() && last.iter().all(|one| found.contains(one["control_id"].as_str().expect("an id"))));
    same_records(&second, &found);
    // What is sent again from there is known where it is known, and new where it was lost.
    let lost = admission(0, 0);
    second.line().accepted(&lost);
}

/// Each message's bytes are there, and what they made.
fn same_records(server: &Hilum, ids: &BTreeSet<String>) {
    let history = server.fhir().get("Patient?_summary=count").json();
    let patients = history["total"].as_u64().expect("a total");
    assert_eq!(patients as usize, ids.len(), "a patient a message");
    let newest = server.newest();
    let raw = ask("GET", &format!("{}/hilum/messages/{}/raw", server.http(), newest["id"]), &[], &[]);
    assert!(raw.text.contains(newest["control_id"].as_str().expect("an id")), "{raw:?}");
}

#[test]
fn a_backup_that_was_cut_off_is_none() {
    let server = Hilum::start();
    for number in 0..40 {
        server.line().accepted(&admission(0, number));
    }
    let data = server.directory().join("data").display().to_string();
    let file = server.directory().join("cut.backup");
    for _ in 0..10 {
        let mut child = Command::new(program())
            .args(["backup", "--data", &data, "--replace"])
            .arg(&file)
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("hilum starts");
        let part = server.directory().join(".cut.backup.part");
        while !part.exists() && !file.exists() && child.try_wait().expect("our own child").is_none() {
            thread::yield_now();
        }
        child.kill().and_then(|()| child.wait()).expect("our own child");
        // It was killed before its end, or it was quicker.
        if file.exists() {
            hilum(&["backup", "--verify", &file.display().to_string()]).done();
        }
        if part.exists() {
            let target = server.directory().join("target").display().to_string();
            let tried = hilum(&["restore", &part.display().to_string(), "--data", &target]);
            // Where the seal was on it, it was whole and only had not its name yet.
            let is_whole = tried.code == 0 && tried.out.starts_with("restored 40 versions");
            assert!(is_whole || tried.code == 1, "{tried:?}");
            assert_eq!(server.directory().join("target/record.db").exists(), is_whole);
            std::fs::remove_dir_all(server.directory().join("target")).expect("our own directory");
        }
    }
    // What was left in the way is no hindrance.
    hilum(&["backup", "--data", &data, "--replace", &file.display().to_string()]).done();
    let mut bytes = std::fs::read(&file).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&file, bytes).expect("our own file");
    let damaged = hilum(&["backup", "--verify", &file.display().to_string()]);
    assert_eq!((damaged.code, damaged.talk.contains("damaged")), (1, true), "{damaged:?}");
    let nothing: Value = server.messages("outcome=parked").into();
    assert_eq!(nothing, Value::Array(Vec::new()));
}
