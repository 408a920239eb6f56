//! The rules of the house that a machine can hold: who may know whom, where each library is let in, how a file looks.
//!
//! The tables are the architecture's. A change of them is the largest change there is, and it starts here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::support::tree::{self, File};

/// Which crates a crate may depend on; `server` may know all. A crate that is not here has no place yet.
const ARROWS: [(&str, &[&str]); 13] = [
    ("hl7v2", &[]),
    ("fhir", &[]),
    ("outbound", &[]),
    ("typed", &["fhir"]),
    ("gateway", &["fhir", "hl7v2"]),
    ("consent", &["fhir", "typed"]),
    ("record", &["fhir", "consent"]),
    ("identity", &["fhir", "typed", "consent", "record"]),
    ("sync", &["fhir", "typed", "consent", "record", "outbound"]),
    ("chart", &["fhir", "consent", "record"]),
    ("auth", &["consent", "record", "outbound"]),
    ("console", &["fhir", "gateway", "consent", "record", "identity", "sync", "chart"]),
    (
        "server",
        &[
            "hl7v2", "fhir", "outbound", "typed", "gateway", "consent", "record", "identity", "sync", "chart", "auth",
            "console",
        ],
    ),
];

/// The crates in which each outside library may be named, beside those that only tests and benchmarks need.
///
/// Where it says more than the architecture's table, the reason stands beside it.
const DOORS: [(&str, &[&str]); 45] = [
    ("memchr", &["hl7v2", "gateway"]),
    ("encoding_rs", &["hl7v2"]),
    ("jiter", &["fhir"]),
    ("quick-xml", &["fhir"]),
    ("unicode-normalization", &["fhir"]),
    ("octofhir-ucum", &["fhir"]),
    ("regex", &["fhir"]),
    // fhirbolt is fed through it; the server's settings and `-o json`. No resource is read or written with it.
    // A model of identity is a file of its own, in JSON.
    ("serde_json", &["typed", "server", "identity"]),
    ("serde", &["typed", "server", "identity"]),
    ("fhirbolt", &["typed"]),
    ("csv", &["gateway"]),
    ("saphyr-parser", &["gateway"]),
    // Documents in messages; a JSON Patch inside a Bundle.
    ("base64", &["fhir", "gateway", "server"]),
    // Keyed ids are made where keys are known; the log's checksums where bodies are; page links where they go out.
    ("hmac", &["gateway", "server"]),
    ("sha2", &["gateway", "record", "server", "identity", "sync"]),
    // Keys of a new store; ids of resources that a client creates.
    ("getrandom", &["record", "server"]),
    // The allocator of the process.
    ("mimalloc", &["server"]),
    // What the doctor looks at: space on the disk, open files. How long a connection may take nothing.
    ("rustix", &["server"]),
    ("rusqlite", &["record"]),
    // Bodies in the store; bodies on the wire.
    ("zstd", &["record", "server"]),
    ("flate2", &["server"]),
    ("redis", &["identity"]),
    // What seals a registration where others could read it; elsewhere it comes with rustls.
    ("aws-lc-rs", &["identity"]),
    // Names: how far apart, how they sound, in Latin letters; the keyed hash of block keys.
    ("strsim", &["identity"]),
    ("rphonetic", &["identity"]),
    ("deunicode", &["identity"]),
    ("siphasher", &["identity"]),
    ("reqwest", &["outbound"]),
    ("jsonwebtoken", &["auth"]),
    ("argon2", &["auth"]),
    ("askama", &["console"]),
    ("actix-web", &["server"]),
    // WebSockets, by the same hands.
    ("actix-ws", &["server"]),
    ("clap", &["server"]),
    ("toml", &["server"]),
    ("ipnet", &["server", "outbound"]),
    ("prometheus", &["server"]),
    // Of the index in Redis: with whose ciphers its TLS computes, no more.
    ("rustls", &["server", "identity"]),
    ("tokio-rustls", &["server"]),
    ("tracing-subscriber", &["server"]),
    // An asynchronous face needs its channels; only the server has a runtime.
    ("tokio", &["server", "record", "outbound", "identity", "sync"]),
    ("tracing", &["server", "record", "outbound", "identity", "sync"]),
    // Calendars and zones are values; reading the clock is held by another test.
    ("jiff", &["fhir", "gateway", "record", "server"]),
    ("bytes", &["server"]),
    // A body as it comes.
    ("futures-core", &["server"]),
];

/// Crates that do no I/O and read no clock (invariant 2).
const PURE: [&str; 4] = ["hl7v2", "fhir", "gateway", "consent"];

/// The words by which a crate would reach for the world.
const WORLD: [&str; 9] = [
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::env",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
];

/// What works without a requester (invariant 3): the gateway's own parts, each by a named constructor of `Policy`.
const OWN_ACCESSES: [&str; 4] = ["intake", "identity", "feed", "peer"];

/// The longest that a file may become before it is cut.
const LINES_MAX: usize = 500;

#[test]
fn crates_know_only_whom_they_may_know() {
    let permitted = BTreeMap::from(ARROWS);
    let ours: BTreeSet<&str> = permitted.keys().copied().collect();
    let mut faults = Vec::new();
    for (name, manifest) in tree::crates() {
        let Some(permitted) = permitted.get(name.as_str()) else {
            faults.push(format!("crates/{name} has no place in the table"));
            continue;
        };
        for library in tree::dependencies(&manifest, &["dependencies", "build-dependencies", "dev-dependencies"]) {
            if ours.contains(library.as_str()) && !permitted.contains(&library.as_str()) {
                faults.push(format!("{name} -> {library}"));
            }
        }
    }
    assert_eq!(faults, [""; 0], "arrows that are not in the table");
}

#[test]
fn outside_libraries_come_in_by_their_door() {
    let doors = BTreeMap::from(DOORS);
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let mut faults = Vec::new();
    for (name, manifest) in tree::crates() {
        for library in tree::dependencies(&manifest, &["dependencies", "build-dependencies"]) {
            if !ours.contains(library.as_str())
                && !doors.get(library.as_str()).is_some_and(|rooms| rooms.contains(&name.as_str()))
            {
                faults.push(format!("{name} uses {library}"));
            }
        }
    }
    assert_eq!(faults, [""; 0], "libraries outside their door: move the use, or argue for the table");
}

#[test]
fn actix_stays_where_http_is_spoken() {
    let rooms = ["crates/server/src/http", "crates/server/src/interaction", "crates/server/src/operation"];
    let found = tree::sources("crates")
        .into_iter()
        .filter(|file| ["actix_web::", "actix_web;"].iter().any(|word| file.code().contains(word)));
    let outside: Vec<String> =
        found.map(|file| file.name).filter(|name| !rooms.iter().any(|room| name.starts_with(room))).collect();
    assert_eq!(outside, [""; 0]);
}

#[test]
fn pure_crates_do_not_reach_for_the_world() {
    let mut faults = Vec::new();
    for name in PURE {
        for file in tree::sources(&format!("crates/{name}/src")) {
            for word in WORLD.iter().filter(|word| file.code().contains(**word)) {
                faults.push(format!("{}: {word}", file.name));
            }
        }
    }
    assert_eq!(faults, [""; 0]);
}

/// The simulation runs the engine itself: what it cannot see, no seed replays.
#[test]
fn the_engine_of_sync_has_no_world_at_all() {
    let more = ["async ", ".await", "tokio", "record::", "outbound::", "fhir::", "HashMap", "HashSet", "thread_rng"];
    let mut faults = Vec::new();
    for file in tree::sources("crates/sync/src/engine") {
        for word in WORLD.iter().chain(&more).filter(|word| file.code().contains(**word)) {
            faults.push(format!("{}: {word}", file.name));
        }
    }
    assert_eq!(faults, [""; 0]);
}

#[test]
fn the_gateways_own_accesses_are_few_and_named() {
    let mut made = Vec::new();
    for file in tree::sources("crates/consent/src") {
        let code = file.code();
        for part in code.split("pub fn ").skip(1) {
            let (name, rest) = part.split_once('(').expect("a function has parameters");
            let signature = rest.split(['{', ';']).next().unwrap_or_default();
            if signature.contains("-> Access") && !signature.contains("Requester") {
                made.push(name.to_owned());
            }
        }
    }
    // One reaches nothing, the other no more than the Access that it is made of.
    made.retain(|name| !["nobody", "narrowed"].contains(&name.as_str()));
    made.sort();
    let mut expected = OWN_ACCESSES.map(str::to_owned);
    expected.sort();
    assert_eq!(made, expected, "what works without a requester is listed here");
}

#[test]
fn every_crate_forbids_unsafe_code() {
    let roots =
        |file: &File| ["src/lib.rs", "src/main.rs", "stories/main.rs"].iter().any(|end| file.name.ends_with(end));
    let without: Vec<String> = tree::sources("")
        .into_iter()
        .filter(|file| roots(file) && !file.text.contains("#![forbid(unsafe_code)]"))
        .map(|file| file.name)
        .collect();
    assert_eq!(without, [""; 0]);
}

#[test]
fn every_file_begins_by_saying_what_it_is() {
    let without: Vec<String> =
        tree::sources("").into_iter().filter(|file| !file.text.starts_with("//! ")).map(|file| file.name).collect();
    assert_eq!(without, [""; 0]);
}

#[test]
fn no_file_is_too_long() {
    let length = |file: &File| file.text.lines().count();
    let long: Vec<String> = tree::sources("")
        .iter()
        .filter(|file| length(file) > LINES_MAX)
        .map(|file| format!("{}: {} lines", file.name, length(file)))
        .collect();
    assert_eq!(long, [""; 0], "cut what is longer than {LINES_MAX} lines");
}

#[test]
fn nothing_unwraps_outside_tests() {
    let unwraps: Vec<String> = tree::sources("crates")
        .into_iter()
        .filter(|file| !file.is_test() && file.code().contains(".unwrap()"))
        .map(|file| file.name)
        .collect();
    assert_eq!(unwraps, [""; 0], "say why it holds: expect(\"…\")");
}

#[test]
fn nothing_is_left_open_or_switched_off() {
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("#[ign", "ore]"), concat!("allow(dead", "_code)")];
    let mut faults = Vec::new();
    for file in tree::sources("") {
        for word in words.iter().filter(|word| file.text.contains(**word)) {
            faults.push(format!("{}: {word}", file.name));
        }
    }
    assert_eq!(faults, [""; 0]);
}

/// Nothing here knows the machine on which it was written, or from where its libraries were fetched.
#[test]
fn no_file_names_the_workshop() {
    let words = [
        concat!("/wo", "rk/"),
        concat!("CONTR", "ACT.md"),
        concat!("regis", "try.npmjs"),
        concat!("crates", ".io/api"),
        concat!("static.crates", ".io"),
        concat!("deb.deb", "ian.org"),
        concat!("/ro", "ot/"),
    ];
    let mut faults = Vec::new();
    for file in tree::files("") {
        for word in words.iter().filter(|word| file.text.contains(**word)) {
            faults.push(format!("{}: {word}", file.name));
        }
    }
    assert_eq!(faults, [""; 0]);
}

#[test]
fn the_top_level_is_fixed() {
    let known = [
        "Cargo.toml",
        "Cargo.lock",
        "crates",
        "profiles",
        "tests",
        "deploy",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "rustfmt.toml",
        "clippy.toml",
        "target",
        "data",
    ];
    let entries = std::fs::read_dir(tree::root()).expect("the workspace is there");
    let names = entries.map(|entry| entry.expect("listed").file_name().to_string_lossy().into_owned());
    let unknown: Vec<String> = names.filter(|name| !name.starts_with('.') && !known.contains(&name.as_str())).collect();
    assert_eq!(unknown, [""; 0]);
    for name in ["README.md", "LICENSE", "CHANGELOG.md", "deploy/README.md", "profiles/README.md"] {
        assert!(Path::new(&tree::root()).join(name).is_file(), "{name} is missing");
    }
    for (name, _) in tree::crates() {
        assert!(tree::root().join("crates").join(&name).join("README.md").is_file(), "crates/{name} has no README.md");
    }
}
