//! Killed at any moment: whatever was acknowledged is there, once, and what is derived agrees with it.
//!
//! The test runs itself as a child that commits and prints what was acknowledged, and kills it after a number of
//! acknowledgements that a printed seed gives.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use record::{Expect, Key, Position};

use crate::{Dice, Place, all, observation, open, patient, put, writes};

const DIRECTORY: &str = "HILUM_RECORD_CRASH";
const ROUNDS: u64 = 6;
const WRITERS: u64 = 4;

#[test]
fn what_was_acknowledged_survives_sigkill() {
    let seed = 0x9e37_79b9_7f4a_7c15;
    let (place, mut dice) = (Place::new(), Dice(seed));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut acknowledged: Vec<String> = Vec::new();
    for round in 0..ROUNDS {
        acknowledged.extend(run_and_kill(&place, 1 + dice.below(400)));
        runtime.block_on(account(&place, &acknowledged, round));
    }
    assert!(acknowledged.len() > ROUNDS as usize, "seed {seed}");
}

/// Starts a child, reads `count` acknowledgements, kills it, and reads what it still had written.
fn run_and_kill(place: &Place, count: u64) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--ignored", "--nocapture"])
        .env(DIRECTORY, &place.0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    for line in lines {
        if let Some((_, id)) = line.unwrap().split_once("acknowledged ") {
            acknowledged.push(id.to_owned());
            if acknowledged.len() as u64 == count {
                child.kill().unwrap();
            }
        }
    }
    child.wait().unwrap();
    acknowledged
}

async fn account(place: &Place, acknowledged: &[String], round: u64) {
    let record = open(&place.0);
    assert_eq!(record.check().await.unwrap(), [], "round {round}");
    let mut seen: HashMap<String, u64> = HashMap::new();
    let mut after = Position::START;
    loop {
        let (versions, next) = record.log(&all(), after, 1_000).await.unwrap();
        if next == after {
            break;
        }
        after = next;
        for version in versions {
            *seen.entry(version.key.to_string()).or_default() += 1;
        }
    }
    for id in acknowledged {
        assert_eq!(seen.get(&format!("Observation/{id}")), Some(&1), "{id} in round {round}");
        assert_eq!(seen.get(&format!("Patient/{id}")), Some(&1), "{id} in round {round}");
    }
    // Both or neither, whether acknowledged or not.
    for key in seen.keys() {
        let (kind, id) = key.split_once('/').unwrap();
        let other = if kind == "Patient" { "Observation" } else { "Patient" };
        assert!(seen.contains_key(&format!("{other}/{id}")), "half of {id} in round {round}");
    }
    if let Some(id) = acknowledged.last() {
        assert!(record.read(&all(), &Key::new("Patient", id.as_str())).await.unwrap().is_some());
        assert_eq!(crate::found(&record, "Observation", &[("patient", id)]).await, [id.as_str()]);
    }
}

/// Not a test of its own: what `what_was_acknowledged_survives_sigkill` kills.
#[test]
#[ignore = "run by what_was_acknowledged_survives_sigkill"]
fn child() {
    let Ok(dir) = std::env::var(DIRECTORY) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let record = open(std::path::Path::new(&dir));
        let begin = record.position().await.unwrap();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let record = record.clone();
                tokio::spawn(async move {
                    for number in 0..100_000 {
                        let id = format!("{begin}-{writer}-{number}");
                        let list = vec![
                            put(&patient(&id, "Adams"), Expect::Absent),
                            put(&observation(&id, &id, "718-7"), Expect::Absent),
                        ];
                        record.commit(&all(), writes(list)).await.unwrap();
                        // One write a line: the parent never reads half of it.
                        std::io::stdout().write_all(format!("\nacknowledged {id}\n").as_bytes()).unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
}
