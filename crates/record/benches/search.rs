//! How long searches take on a store that `cargo bench -p record --bench bulk` made and left.
//!
//! ```text
//! DIR=dir      the store          SECONDS=n   how long each kind of search is asked (2)
//! ONLY=text    only the searches whose name has this text
//! taskset -c 1 cargo bench -p record --bench search
//! ```
//! Each is asked one after the other by one caller, about a patient, practice or date that changes every time.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and stops at what it cannot do")]

use std::time::{Duration, Instant};

use consent::Policy;
use fhir::search::{Context, Handling, Query};
use record::{Options, Record};

/// Name, type, and the parameters; `{patient}`, `{code}`, `{from}`, `{to}` are put in.
const SEARCHES: [(&str, &str, &str); 22] = [
    ("patient and code", "Observation", "patient={patient}&code=http://loinc.org|{code}"),
    ("patient and code, no total", "Observation", "patient={patient}&code=http://loinc.org|{code}&_total=none"),
    ("patient, sorted by date", "Observation", "patient={patient}&_sort=-date&_count=20"),
    ("patient and date", "Observation", "patient={patient}&date=ge{from}&date=lt{to}"),
    ("code", "Observation", "code=http://loinc.org|{code}&_count=20"),
    (
        "code and a hundredth of time, by date",
        "Observation",
        "code=http://loinc.org|{code}&date=ge{from}&date=lt{to}&_sort=date",
    ),
    ("the same downwards", "Observation", "code=http://loinc.org|{code}&date=ge{from}&date=lt{to}&_sort=-date"),
    ("everything, by date", "Observation", "_sort=-date&_count=20"),
    ("code, by date", "Observation", "code=http://loinc.org|{code}&_sort=-date&_count=20"),
    ("code and value", "Observation", "code=http://loinc.org|{code}&value-quantity=gt100&_count=20"),
    ("composite", "Observation", "component-code-value-quantity=http://loinc.org|8480-6$gt140&_count=20"),
    ("chain to a patient's name", "Observation", "patient.name=a&code=http://loinc.org|{code}&_count=20"),
    ("chain to half of the patients", "Observation", "patient.gender=female&code=http://loinc.org|{code}&_count=20"),
    ("chain to many encounters", "Observation", "encounter.class=AMB&code=http://loinc.org|{code}&_count=20"),
    ("has, frequent", "Patient", "_has:Observation:patient:code=http://loinc.org|{code}&_count=20"),
    ("has, rare", "Patient", "_has:Condition:patient:code=http://snomed.info/sct|254837009&_count=20"),
    (
        "include",
        "Observation",
        "patient={patient}&code=http://loinc.org|{code}&_include=Observation:encounter&_include=Observation:patient",
    ),
    ("include all", "Observation", "patient={patient}&code=http://loinc.org|{code}&_include:iterate=*"),
    (
        "reverse include",
        "Encounter",
        "patient={patient}&_count=20&_revinclude=Observation:encounter&_revinclude=Procedure:encounter",
    ),
    ("compartment", "Patient/*", "_count=20"),
    ("words of a code", "Observation", "patient={patient}&code:text=body&_count=20"),
    ("newest of everything", "*", "_count=20"),
];
const CODES: [&str; 5] = ["8302-2", "29463-7", "8867-4", "85354-9", "72514-3"];

fn main() {
    let dir = std::env::var_os("DIR").expect("DIR names a store that the bench bulk left");
    let seconds: u64 = std::env::var("SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let only = std::env::var("ONLY").unwrap_or_default();
    let record = Record::open(dir.as_ref(), Options::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let access = Policy::site().feed();
    let all = [("_count".to_owned(), "1000".to_owned())];
    let patients = Query::parse("Patient", &all, Handling::Strict).unwrap();
    let patients = runtime.block_on(record.search(&access, &patients, None)).unwrap();
    let patients: Vec<String> = patients.versions.into_iter().map(|version| version.key.id).collect();
    println!("{} patients", patients.len());
    for (name, kind, text) in SEARCHES.into_iter().filter(|(name, ..)| name.contains(&only)) {
        let (mut times, mut found, mut included) = (Vec::new(), 0, 0);
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(seconds) {
            let number = times.len();
            let query = query(kind, text, &patients[number * 7 % patients.len()], number);
            let begin = Instant::now();
            let page = runtime.block_on(record.search(&access, &query, None));
            times.push(begin.elapsed());
            match page {
                Ok(page) => {
                    found += page.versions.len();
                    included += page.included.len();
                }
                Err(error) => println!("{name}: {error}"),
            }
        }
        times.sort();
        let at = |share: usize| times[(times.len() - 1) * share / 100].as_micros();
        println!(
            "{name:>40}: p50 {:>7} us, p99 {:>7} us; {} matches, {} included a page; {} asked",
            at(50),
            at(99),
            found / times.len(),
            included / times.len(),
            times.len()
        );
    }
}

fn query(kind: &str, text: &str, patient: &str, number: usize) -> Query {
    let month = number % 120;
    let date = |month: usize| format!("{}-{:02}-01", 2010 + month / 12, month % 12 + 1);
    let text = text
        .replace("{patient}", patient)
        .replace("{code}", CODES[number % CODES.len()])
        .replace("{from}", &date(month))
        .replace("{to}", &date(month + 1));
    let pairs: Vec<(String, String)> = text
        .split('&')
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let query = match kind {
        "*" => Query::across(Context::default(), &pairs, Handling::Strict),
        "Patient/*" => Query::across(Context::default(), &pairs, Handling::Strict)
            .map(|query| query.within("Patient", patient).unwrap()),
        kind => Query::parse(kind, &pairs, Handling::Strict),
    };
    query.unwrap()
}
