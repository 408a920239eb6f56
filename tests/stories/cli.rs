//! The command line: what other programs call, and what it says to who calls it wrongly.

use crate::support::cli::{hilum, hilum_with};
use crate::support::directory::Directory;
use crate::support::message::{adt, id_of};
use crate::support::server::Hilum;
use crate::support::tree;

const PERSON: &str = "PID|1||40017^^^NORTH^MR||Maran^Ilse||19710304|F";

#[test]
fn misuse_is_told_with_exit_code_2() {
    for (arguments, helps) in [
        (&[][..], "Usage"),
        (&["sevre"], "serve"),
        (&["serve", "--htpp", "x"], "--http"),
        (&["serve", "--http", "here"], "--http"),
        (&["serve", "--demo=loud"], "quiet"),
        (&["serve", "--config", "/nowhere/hilum.toml"], "/nowhere/hilum.toml"),
        (&["serve", "--http", "0.0.0.0:0"], "trusted_network"),
        (&["convert"], "FILE"),
        (&["convert", "--batch", "in"], "--out"),
        (&["send"], "ADDR"),
        (&["send", "127.0.0.1:1"], "FILE"),
        (&["validate"], "FILE"),
        (&["validate", "--packages", "/nowhere", "-"], "--packages"),
        (&["validate", "--profile", "http://a.org/p", "-"], "--profile"),
        (&["message"], "list"),
        (&["message", "show"], "NUMBER"),
        (&["message", "replay"], "NUMBER"),
        (&["message", "list", "--outcome", "lost"], "parked"),
        (&["fhirpath", "name"], "FILE"),
        (&["map"], "check"),
        (&["config"], "show"),
        (&["config", "show", "--config", "/nowhere/hilum.toml"], "/nowhere/hilum.toml"),
        (&["map", "new", "acme/x", "--extends", "hl7v2/QQQ"], "hl7v2/QQQ"),
    ] {
        let ran = hilum(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        assert!(ran.talk.contains(helps), "{arguments:?} does not say {helps}: {}", ran.talk);
        assert!(ran.out.is_empty(), "talk goes to stderr: {ran:?}");
    }
}

#[test]
fn help_and_version_are_no_misuse() {
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["help"],
        &["serve", "--help"],
        &["convert", "--help"],
        &["validate", "--help"],
        &["message", "--help"],
        &["send", "--help"],
        &["fhirpath", "--help"],
        &["map", "--help"],
        &["doctor", "--help"],
        &["import", "--help"],
        &["config", "--help"],
        &["bench", "--help"],
    ] {
        let ran = hilum(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        assert!(!ran.out.trim().is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_server_that_is_not_there_is_the_systems_fault() {
    let directory = Directory::new();
    let file = directory.write("one.hl7", adt("A28", "20260301", PERSON));
    let file = file.to_str().expect("UTF-8");
    // Port 1 of this machine: nobody listens.
    for arguments in [&["send", "127.0.0.1:1", file][..], &["message", "list", "--server", "http://127.0.0.1:1"]] {
        let ran = hilum(arguments);
        assert_eq!(ran.code, 3, "{arguments:?}: {ran:?}");
        assert!(ran.talk.contains("127.0.0.1:1"), "it says who does not answer: {ran:?}");
    }
    assert_eq!(hilum(&["message", "list", "--server", "not an address"]).code, 2);
}

#[test]
fn send_prints_the_answers_and_says_by_its_exit_code_what_they_were() {
    let hilum_server = Hilum::start();
    let address = hilum_server.mllp(0);
    let good = adt("A28", "20260301", PERSON);
    let ran = hilum_with(&["send", address, "-"], &good).done();
    assert!(ran.out.contains(&format!("MSA|AA|{}", id_of(&good))), "{ran:?}");
    let refused = String::from_utf8(adt("A28", "20260301", PERSON)).expect("ASCII").replace("|P|2.5.1", "|T|2.5.1");
    let ran = hilum_with(&["send", address, "-"], refused.as_bytes());
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("MSA|AR|"), "{ran:?}");
    let ran = hilum_with(&["send", address, "-"], b"nothing");
    assert_eq!(ran.code, 1, "{ran:?}");
}

#[test]
fn every_setting_is_shown_with_its_origin() {
    let directory = Directory::new();
    let file = directory.write("hilum.toml", "[http]\nlisten = \"127.0.0.1:7000\"\n");
    let file = file.to_str().expect("UTF-8");
    let shown = hilum(&["config", "show", "--config", file, "-o", "json"]).done().json();
    let setting =
        |key: &str| shown.as_array().expect("a list").iter().find(|one| one["key"] == key).cloned().expect(key);
    assert_eq!(setting("http.listen")["value"], "127.0.0.1:7000");
    assert!(setting("http.listen")["origin"].as_str().expect("said").ends_with("hilum.toml"));
    assert_eq!(setting("http.workers")["origin"], "default");
    let people = hilum(&["config", "show", "--config", file]).done();
    assert!(people.out.contains("http.listen") && people.out.contains("127.0.0.1:7000"), "{}", people.out);

    hilum(&["config", "check", "--config", file]).done();
    for (text, expected) in [("[http]\nlisen = \"x\"\n", "lisen"), ("[htp]\n", "htp"), ("[http\n", ":1")] {
        let wrong = directory.write("wrong.toml", text);
        let ran = hilum(&["config", "check", "--config", wrong.to_str().expect("UTF-8")]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.talk.contains(expected) && ran.talk.contains("wrong.toml"), "{ran:?}");
    }
    let example = tree::root().join("deploy/hilum.toml");
    hilum(&["config", "check", "--config", example.to_str().expect("UTF-8")]).done();
}

#[test]
fn the_doctor_looks_at_what_the_server_needs() {
    let mut server = Hilum::start();
    server.line().accepted(&adt("A28", "20260301", PERSON));
    server.stop();
    let file = server.directory().join("hilum.toml");
    let doctor = || hilum(&["doctor", "--config", file.to_str().expect("UTF-8")]);
    let ran = doctor();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.out.trim().is_empty());
    std::fs::write(server.directory().join("data/record.db"), "no store").expect("written");
    let ran = doctor();
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(format!("{}{}", ran.out, ran.talk).contains("record.db") || ran.out.contains("data"), "{ran:?}");
}

#[test]
fn the_base_profiles_load_and_their_tests_pass() {
    hilum(&["map", "check"]).done();
    let tested = hilum(&["map", "test"]).done();
    assert!(tested.out.contains("passed, 0 failed"), "{}", tested.out);
}

#[test]
fn a_mapping_author_sees_what_became_of_a_message() {
    let directory = Directory::new();
    let file = directory.write("one.hl7", adt("A28", "20260301", &format!("{PERSON}\nZPI|1|own")));
    let file = file.to_str().expect("UTF-8");
    let explained = hilum(&["map", "explain", file]).done();
    assert!(explained.out.contains("PID-5") && explained.out.contains("ZPI-2"), "{}", explained.out);
    let coverage = hilum(&["map", "coverage", file]).done();
    assert!(coverage.out.contains("ZPI-2"), "{}", coverage.out);
    let begun = hilum(&["map", "new", "acme/clinic7", "--extends", "hl7v2/PID", "--source", "acme"]).done();
    directory.write("site/clinic7.yaml", &begun.out);
    let site = directory.join("site");
    hilum(&["map", "check", "--profiles", site.to_str().expect("UTF-8")]).done();
    directory.write(
        "site/wrong.yaml",
        "profile: acme/wrong\nextends: hl7v2/PID\nrules:\n  birth: { v2: PID-7, fhir: birthDay }\n",
    );
    let ran = hilum(&["map", "check", "--profiles", site.to_str().expect("UTF-8")]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.talk.contains("wrong.yaml") && ran.talk.contains("birth"), "file, line and rule: {ran:?}");
}

#[test]
fn a_resource_is_asked_by_an_expression() {
    let patient = r#"{"resourceType":"Patient","active":true,"name":[{"family":"Maran","given":["Ilse","Eva"]}]}"#;
    let xml = r#"<Patient xmlns="http://hl7.org/fhir"><name><family value="Maran"/></name></Patient>"#;
    for (expression, input, out) in [
        ("name.given", patient, "\"Ilse\"\n\"Eva\"\n"),
        ("name", patient, "{\"family\":\"Maran\",\"given\":[\"Ilse\",\"Eva\"]}\n"),
        ("name.family", xml, "\"Maran\"\n"),
        ("name.given.count() * 1.50", patient, "3.00\n"),
        ("birthDate", patient, ""),
        ("now() > @2024-01-01T00:00:00Z", patient, "true\n"),
    ] {
        assert_eq!(hilum_with(&["fhirpath", expression, "-"], input.as_bytes()).done().out, out, "{expression}");
    }
    for (expression, input, code, told) in [
        ("name.", patient, 2, "expected a name"),
        ("name.nickname", patient, 2, "HumanName has no element nickname"),
        ("Encounter.status", patient, 2, "finds nothing in a Patient"),
        ("name.given + 'a'", patient, 1, "expected one item"),
        ("name", "{\"resourceType\":\"Patient\",\"nam\":1}", 1, "nam"),
        ("name", "", 1, "-:"),
    ] {
        let ran = hilum_with(&["fhirpath", expression, "-"], input.as_bytes());
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{expression}: {ran:?}");
        assert!(ran.talk.contains(told) && !ran.talk.contains("Ilse"), "{expression}: {ran:?}");
    }
}

#[test]
fn a_reader_that_stops_reading_is_no_fault() {
    let mut shell = std::process::Command::new("sh");
    let program = crate::support::cli::program().display();
    shell.args(["-c", &format!("{program} config show | head -n 1")]);
    let ran = crate::support::cli::run(shell, b"").done();
    assert!(!ran.talk.contains("panicked"), "{ran:?}");
}
