//! `hilum convert`: a file in, a Bundle out; whole folders of what real systems wrote.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::cli::{hilum, hilum_with, run};
use crate::support::directory::Directory;
use crate::support::message::adt;
use crate::support::{shared, tree};

const ADMISSION: &str =
    "PID|1||40017^^^NORTH^MR||Maran^Ilse||19710304|F\nPV1|1|I|WEST^12^A||||||||||||||||V8801^^^NORTH";

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Translates a folder; each file that came out is read back strictly.
fn batch(from: &Path) -> (Directory, Vec<PathBuf>) {
    let out = Directory::new();
    let mut command = Command::new("timeout");
    command.args(["600"]).arg(crate::support::cli::program());
    command.args(["convert", "--batch", text(from), "--out", text(out.path())]);
    let ran = run(command, b"");
    assert!(ran.code <= 1, "{}: {ran:?}", from.display());
    assert!(!ran.talk.contains("panicked"), "{}: {ran:?}", from.display());
    let written = shared::files(out.path(), &["json"]);
    let mut faults = Vec::new();
    for file in &written {
        let bytes = fs::read(file).expect("written");
        let name = file.strip_prefix(out.path()).expect("below").display();
        let issues = fhir::json::read(&bytes).err().into_iter().flatten();
        faults.extend(issues.map(|issue| format!("{name}: {}: {}", issue.path, issue.text)));
    }
    assert!(faults.is_empty(), "{} is no FHIR R4:\n{}", from.display(), faults.join("\n"));
    (out, written)
}

#[test]
fn one_message_becomes_one_bundle() {
    let ran = hilum_with(&["convert", "-"], &adt("A01", "20260301", ADMISSION)).done();
    let bundle = ran.json();
    assert_eq!(bundle["resourceType"], "Bundle");
    let kinds: Vec<&str> = bundle["entry"]
        .as_array()
        .expect("entries")
        .iter()
        .filter_map(|entry| entry["resource"]["resourceType"].as_str())
        .collect();
    assert!(kinds.contains(&"Patient") && kinds.contains(&"Encounter"), "{kinds:?}");
    // The same message makes the same bytes.
    let message = adt("A01", "20260301", ADMISSION);
    assert_eq!(hilum_with(&["convert", "-"], &message).out, hilum_with(&["convert", "-"], &message).out);
}

#[test]
fn a_trace_names_rules_and_what_no_rule_read() {
    let message = adt("A01", "20260301", &format!("{ADMISSION}\nZPI|1|own"));
    let ran = hilum_with(&["convert", "--trace", "-"], &message).done();
    assert!(ran.talk.contains("PID-5") && ran.talk.contains("ZPI-2"), "{}", ran.talk);
}

#[test]
fn a_sites_profile_is_laid_over_the_base() {
    let directory = Directory::new();
    directory.write(
        "site/clinic.yaml",
        "profile: acme/clinic\nextends: hl7v2/PID\nmatch: { MSH-4: NORTH }\nrules:\n  gender: { map: { extends: AdministrativeSex, add: { \"1\": male }, prefer: { male: M } } }\n  birth: drop\n",
    );
    let message = adt("A28", "20260301", "PID|1||40017^^^NORTH^MR||Maran^Ilse||19710304|1");
    let site = directory.join("site");
    let ran = hilum_with(&["convert", "--profiles", text(&site), "-"], &message).done();
    assert!(ran.out.contains("\"male\"") && !ran.out.contains("birthDate"), "{}", ran.out);
}

#[test]
fn what_cannot_be_read_is_the_inputs_fault() {
    for (arguments, code) in [
        (&["convert", "/nowhere/at/all.hl7"][..], 1),
        (&["convert"], 2),
        (&["convert", "--from", "klingon", "-"], 2),
        (&["convert", "--batch", "/nowhere/at/all", "--out", "/nowhere"], 1),
    ] {
        let ran = hilum(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
        assert!(ran.out.is_empty() && !ran.talk.is_empty(), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn the_projects_samples_all_become_bundles() {
    let (_out, written) = batch(&tree::root().join("tests/data/hl7v2"));
    assert_eq!(written.len(), shared::samples().len());
}

#[test]
fn folders_keep_their_shape_and_one_bad_file_stops_nothing() {
    let from = Directory::new();
    from.write("a/good.hl7", adt("A28", "20260301", ADMISSION));
    from.write("a/b/good.txt", adt("A28", "20260301", ADMISSION));
    from.write("a/bad.hl7", "nothing of ours");
    let (out, written) = batch(from.path());
    let mut names: Vec<_> =
        written.iter().map(|file| file.strip_prefix(out.path()).expect("below").display().to_string()).collect();
    names.sort();
    assert_eq!(names, ["a/b/good.json", "a/good.json"]);
}

#[test]
fn everything_that_is_shared_ends_without_a_panic() {
    let Some(data) = shared::find("data") else { return };
    let mut files = 0;
    for collection in [
        "simhospital",
        "ms-fhir-converter/input/Hl7v2",
        "hapi-hl7v2",
        "ipf",
        "mirth-connect",
        "rethinkhealth",
        "cdc-data-exchange-hl7",
        "reportstream",
    ] {
        let (_out, written) = batch(&data.join(collection));
        assert!(!written.is_empty(), "{collection}: nothing could be translated");
        files += written.len();
    }
    eprintln!("{files} files translated");
}

#[test]
fn what_another_converter_expects_is_mostly_said() {
    let Some(data) = shared::find("data/ms-fhir-converter") else { return };
    let Some(tool) = shared::find("tools/score_bundles.py") else { return };
    if Command::new("python3").arg("--version").output().is_err() {
        return crate::support::skip("python3 is not installed; tests/run installs it");
    }
    let (out, _) = batch(&data.join("input/Hl7v2"));
    for kind in ["ADT", "ORU"] {
        let (expected, actual) = pairs(&data.join("expected/Hl7v2"), out.path(), kind);
        let mut score = Command::new("python3");
        score.arg(&tool).arg(expected.path()).arg(actual.path());
        let said = run(score, b"").done().out;
        let recall = said.split("recall ").nth(1).and_then(|rest| rest.split_whitespace().next());
        let recall: f64 = recall.expect("the tool says it").parse().expect("a number");
        eprintln!("{kind}: recall {recall}");
        assert!(recall >= 0.70, "{kind}\n{said}");
    }
}

/// The expected Bundles of one kind of message and ours, as two folders of the same names.
fn pairs(expected: &Path, actual: &Path, kind: &str) -> (Directory, Directory) {
    let (theirs, ours) = (Directory::new(), Directory::new());
    for file in shared::files(expected, &["json"]) {
        let folder = file.parent().and_then(Path::file_name).expect("a folder for each event").to_string_lossy();
        let name = text(Path::new(file.file_name().expect("listed"))).replace("-expected.json", ".json");
        if !folder.starts_with(kind) {
            continue;
        }
        theirs.write(&name, fs::read(&file).expect("listed"));
        if let Ok(bytes) = fs::read(actual.join(&name)) {
            ours.write(&name, bytes);
        }
    }
    (theirs, ours)
}
