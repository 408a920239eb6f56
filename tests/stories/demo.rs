//! `hilum serve --demo`: what a newcomer sees first.

use std::process::Command;

use serde_json::json;

use crate::support::PATIENCE;
use crate::support::cli::{hilum, program, run};
use crate::support::directory::Directory;
use crate::support::http::ask;
use crate::support::server::Hilum;
use crate::support::{shared, tree};

const FREE: [&str; 4] = ["--http", "127.0.0.1:0", "--mllp", "127.0.0.1:0"];

fn demo(how: &str) -> Hilum {
    Hilum::with_arguments(Directory::new(), &[&["serve", how][..], &FREE].concat())
}

#[test]
fn the_day_is_played_and_what_it_says_to_type_works() {
    let hilum = demo("--demo");
    hilum.wait_for("The day is over", PATIENCE * 2);
    let printed = hilum.log();
    assert!(!printed.contains("ERROR") && !printed.contains("panicked"), "{printed}");
    assert!(printed.contains(&format!("{}/fhir/", hilum.http())), "it says what to open: {printed}");
    let samples = shared::samples().len();
    assert_eq!(hilum.messages("").len(), samples, "every message of the day came in");

    // The commands that it prints, as they stand there.
    let commands = printed
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("curl ") || line.contains("hilum message ") || line.contains("hilum send "));
    let mut typed = 0;
    for line in commands {
        let mut shell = Command::new("timeout");
        let path = program().parent().expect("a folder").display();
        shell.args(["60", "sh", "-c", line]).current_dir(tree::root());
        shell.env("PATH", format!("{path}:{}", std::env::var("PATH").unwrap_or_default()));
        let ran = run(shell, b"");
        assert_eq!(ran.code, 0, "{line}: {ran:?}");
        assert!(!ran.out.trim().is_empty() && !ran.out.contains("OperationOutcome"), "{line}: {ran:?}");
        typed += 1;
    }
    assert!(typed >= 3, "it says what to type: {printed}");
}

#[test]
fn the_day_leaves_the_record_that_it_tells_of() {
    let hilum = demo("--demo=quiet");
    for (name, bytes) in shared::samples() {
        let answer = hilum.line().say(&bytes);
        assert_eq!(answer.code(), "AA", "{name}: {}", answer.0);
    }
    let fhir = hilum.fhir();
    fhir.expect("Encounter?identifier=V-60002", &json!({ "status": "in-progress", "class": { "code": "IMP" } }));
    // Merged: number 700561 belongs to the file of 700560.
    fhir.expect("Patient?identifier=700561&active=false", &json!({ "link": [{ "type": "replaced-by" }] }));
    // A woman known to two clinics is two source Patients; nothing is joined on a guess.
    assert_eq!(fhir.search("Patient?family=lindqvist").len(), 2);
    // The correction that came first stands.
    let corrected = fhir.search("Observation?status=corrected");
    assert!(!corrected.is_empty(), "the correction is there");
    // The day again changes nothing.
    let count = || fhir.get("Patient?_summary=count").json()["total"].clone();
    let before = (count(), hilum.messages("").len());
    for (_, bytes) in shared::samples() {
        hilum.line().accepted(&bytes);
    }
    assert_eq!((count(), hilum.messages("").len()), before);
}

#[test]
fn a_quiet_demonstration_is_empty_and_says_only_where_it_is() {
    let mut hilum = demo("--demo=quiet");
    assert_eq!(hilum.fhir().search("Patient").len(), 0);
    // Any sender, any processing id.
    let any = crate::support::message::message(
        "MSH|^~\\&|ANY|ANYBODY|HILUM|HUB|20260301||ADT^A28|D1|D|2.5.1\nPID|1||1^^^X^MR||Test^Tora",
    );
    hilum.line().accepted(&any);
    let (status, log) = hilum.stop();
    assert!(status.success());
    assert!(!log.contains("curl"), "{log}");
}

#[test]
fn a_demonstration_never_listens_beyond_this_machine() {
    for arguments in
        [["--http", "0.0.0.0:0", "--mllp", "127.0.0.1:0"], ["--http", "127.0.0.1:0", "--mllp", "0.0.0.0:0"]]
    {
        let ran = hilum(&[&["serve", "--demo=quiet"][..], &arguments].concat());
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
    }
}

#[test]
fn its_data_may_be_kept() {
    let directory = Directory::new();
    let data = directory.join("kept").display().to_string();
    let mut first =
        Hilum::with_arguments(directory, &[&["serve", "--demo=quiet", "--data", &data][..], &FREE].concat());
    let patient = json!({ "resourceType": "Patient", "id": "kept" });
    assert_eq!(first.fhir().put("Patient/kept", &[], &patient).status, 201);
    first.stop();
    first.start_again();
    assert_eq!(ask("GET", &format!("{}/Patient/kept", first.fhir().base), &[], &[]).status, 200);
}
