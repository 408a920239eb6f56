//! A source is who it is by where it comes from; what it says of itself proves nothing (safety 2).

use crate::support::http::ask;
use crate::support::message::{adt, oru};
use crate::support::mllp::Line;
use crate::support::server::Hilum;

const PERSON: &str = "PID|1||40017^^^HIS^MR||Maran^Ilse||19710304|F";

/// A source of this name with these further settings.
fn source(name: &str, settings: &str) -> String {
    format!(
        "[[source]]\nname = \"{name}\"\nmllp = \"127.0.0.1:0\"\nzone = \"Europe/Berlin\"\n{}{}{settings}\n",
        if settings.contains("peers") { "" } else { "peers = [\"127.0.0.0/8\"]\n" },
        if settings.contains("facilities") { "" } else { "facilities = [\"*\"]\n" },
    )
}

#[test]
fn a_facility_that_is_not_configured_is_refused_and_listed() {
    let hilum = Hilum::configured(&source("ward", "facilities = [\"NORTH\", \"2.999.7.1\"]"));
    let mut line = hilum.line();
    let stranger = |facility: &str| {
        let text = String::from_utf8(adt("A28", "20260301", PERSON)).expect("ASCII");
        text.replacen("|NORTH|", &format!("|{facility}|"), 1).into_bytes()
    };
    line.accepted(&stranger("NORTH"));
    line.accepted(&stranger("CLINIC^2.999.7.1^ISO"));
    for facility in ["SOUTH", "", "north"] {
        let answer = line.say(&stranger(facility));
        assert_eq!((answer.code(), answer.field("ERR", 2)), ("AR", "MSH^1^4"), "{facility}: {}", answer.0);
    }
    let refused = hilum.messages("outcome=refused");
    assert_eq!(refused.len(), 3, "{refused:?}");
    assert!(refused.iter().all(|message| message["source"] == "ward"));
    assert_eq!(hilum.fhir().search("Patient").len(), 1);
}

#[test]
fn a_number_of_an_authority_that_is_not_configured_is_refused() {
    let hilum = Hilum::configured(&source("ward", "assigners = [\"HIS\", \"2.999.7.1\"]"));
    let mut line = hilum.line();
    let of = |authority: &str| adt("A28", "20260301", &PERSON.replace("^^^HIS^MR", &format!("^^^{authority}^MR")));
    line.accepted(&of("HIS"));
    line.accepted(&of("REG&2.999.7.1&ISO"));
    // A number that does not name a person here (an account) may be anybody's.
    line.accepted(&adt("A28", "20260301", &PERSON.replace("^^^HIS^MR", "^^^HIS^MR~9^^^OTHER^AN")));
    let answer = line.say(&of("OTHER"));
    assert_eq!((answer.code(), answer.field("ERR", 2)), ("AR", "PID^1^3"), "{}", answer.0);
    assert_eq!(hilum.messages("outcome=refused").len(), 1);
}

#[test]
fn an_address_that_is_not_configured_is_refused_and_listed() {
    let hilum =
        Hilum::configured(&format!("{}{}", source("ward", "peers = [\"192.0.2.0/24\"]"), source("lab", "http = true")));
    let mut stranger = Line::connect(hilum.mllp(0));
    assert!(stranger.is_over(), "it is let go before it says anything");
    Line::connect(hilum.mllp(1)).accepted(&adt("A28", "20260301", PERSON));
    let metrics = ask("GET", &format!("{}/metrics", hilum.http()), &[], &[]).text;
    let counted = metrics.lines().any(|line| line.contains("ward") && line.contains("peer") && line.ends_with(" 1"));
    assert!(counted, "{metrics}");
    assert!(hilum.log().contains("127.0.0.1") && hilum.log().contains("ward"), "the log names the address");
}

#[test]
fn the_same_local_number_at_two_sources_is_two_people() {
    let hilum = Hilum::configured(&format!("{}{}", source("north", ""), source("south", "")));
    // Both call their authority HIS, and both have a patient 40017.
    Line::connect(hilum.mllp(0)).accepted(&adt("A28", "20260301", PERSON));
    Line::connect(hilum.mllp(1)).accepted(&adt("A28", "20260301", &PERSON.replace("Maran^Ilse", "Quist^Tora")));
    assert_eq!(hilum.fhir().search("Patient?identifier=40017").len(), 2);
    assert_eq!(hilum.parked().len(), 0);
}

#[test]
fn an_authority_with_a_universal_id_is_the_same_everywhere() {
    let hilum = Hilum::configured(&format!("{}{}", source("north", ""), source("south", "")));
    let person = PERSON.replace("^^^HIS^", "^^^HIS&2.999.7.1&ISO^");
    Line::connect(hilum.mllp(0)).accepted(&adt("A28", "20260301", &person));
    Line::connect(hilum.mllp(1)).accepted(&adt("A31", "20260302", &person));
    hilum.fhir().one("Patient?identifier=urn:oid:2.999.7.1|40017");
}

#[test]
fn a_local_authority_may_be_given_its_universal_name() {
    let hilum = Hilum::configured(&source("north", "authorities = { HIS = \"urn:oid:2.999.7.1\" }"));
    hilum.line().accepted(&adt("A28", "20260301", PERSON));
    hilum.fhir().one("Patient?identifier=urn:oid:2.999.7.1|40017");
}

#[test]
fn the_type_that_names_a_person_is_the_sources_own() {
    let hilum = Hilum::configured(&source("north", "person_types = [\"PI\"]"));
    let mut line = hilum.line();
    line.accepted(&adt("A28", "20260301", "PID|1||1^^^HIS^MR~77^^^HIS^PI||Maran^Ilse||19710304|F"));
    // Another record number, the same person number: the same person here.
    line.accepted(&oru(
        "20260302",
        "PID|1||2^^^HIS^MR~77^^^HIS^PI||Maran^Ilse\nOBR|1||F1^LAB|NA^Sodium^L|||20260302||||||||||||||||||F",
    ));
    hilum.fhir().one("Patient");
}

#[test]
fn applications_may_be_limited_too() {
    let hilum = Hilum::configured(&source("ward", "applications = [\"LAB\"]"));
    let answer = hilum.line().say(&adt("A28", "20260301", PERSON));
    assert_eq!((answer.code(), answer.field("ERR", 2)), ("AR", "MSH^1^3"), "{}", answer.0);
}

#[test]
fn a_source_that_is_configured_badly_does_not_start() {
    for (settings, expected) in [
        ("[[source]]\nname = \"ward\"\nfacilities = [\"*\"]\n", "mllp"),
        ("[[source]]\nname = \"ward\"\nmllp = \"127.0.0.1:0\"\nfacilities = [\"*\"]\n", "peers"),
        ("[[source]]\nname = \"ward\"\nmllp = \"127.0.0.1:0\"\npeers = [\"127.0.0.1/32\"]\n", "facilities"),
        (&source("ward", "zone = \"Mars/Olympus\"").replacen("zone = \"Europe/Berlin\"\n", "", 1), "zone"),
        (&source("ward", "charset = \"klingon\""), "charset"),
        (&source("ward", "tls_key_file = \"key.pem\""), "tls_certificate_file"),
        (&source("ward", "peer = []"), "peer"),
        (&format!("{}{}", source("ward", ""), source("ward", "")), "ward"),
    ] {
        let directory = crate::support::directory::Directory::new();
        let file = directory.write("hilum.toml", format!("[http]\nlisten = \"127.0.0.1:0\"\n{settings}"));
        for command in [&["config", "check"][..], &["serve", "--data", directory.join("data").to_str().expect("UTF-8")]]
        {
            let ran = crate::support::cli::hilum(&[command, &["--config", file.to_str().expect("UTF-8")]].concat());
            assert_eq!(ran.code, 2, "{command:?} with {settings}: {ran:?}");
            assert!(ran.talk.contains(expected), "{command:?}: {ran:?}");
        }
    }
}
