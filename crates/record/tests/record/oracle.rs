//! The plan against the oracle: for random resources and random queries, the SQL finds what `fhir::search::matches`
//! says of each current version, and the total is their number.

use fhir::search::{Handling, Query, matches};
use record::{Expect, HistoryOf, HistoryQuery, Record, Version};

use crate::{Dice, Place, all, commit, delete, put};

const SEEDS: [u64; 3] = [1, 0x5eed, 0xdead_beef_cafe];
const RESOURCES: u64 = 250;
const QUERIES: u64 = 700;

const FAMILIES: [&str; 7] = ["Smith", "smith", "Smythe", "Müller", "Muller-Lu", "O'Neil", "Ōe"];
const CODES: [&str; 4] = ["718-7", "1-8", "8480-6", "final"];
const SYSTEMS: [&str; 3] = ["http://loinc.org", "http://snomed.info/sct", "urn:x|y"];
const DATES: [&str; 9] = [
    "2024",
    "2024-02",
    "2024-02-29",
    "2024-02-29T10:00:00Z",
    "2024-02-29T12:00:00.500+02:00",
    "2024-03-01",
    "2025",
    "2023-12-31T23:59:59-01:00",
    "2024-02-29T10:00:00+00:00",
];
const NUMBERS: [&str; 8] = ["5", "5.0", "5.4", "5.40", "-1", "100", "1e2", "0"];
const UNITS: [&str; 3] = ["mg", "g/dL", "mm[Hg]"];
const PREFIXES: [&str; 10] = ["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"];
const IDS: [&str; 4] = ["a", "b", "c", "A"];

#[tokio::test]
async fn the_plan_finds_what_the_oracle_says() {
    for seed in SEEDS {
        let place = Place::new();
        let record = place.open();
        let mut dice = Dice(seed);
        fill(&record, &mut dice).await;
        let current = current(&record).await;
        let mut hits = 0;
        for _ in 0..QUERIES {
            hits += compare(&record, &current, &mut dice, seed).await;
        }
        assert!(hits > QUERIES, "seed {seed}: the queries find too little to prove anything: {hits}");
    }
}

/// Resources, some of them changed, some deleted, index rows of the former ones still there.
async fn fill(record: &Record, dice: &mut Dice) {
    for number in 0..RESOURCES {
        let kind = *dice.pick(&["Patient", "Observation", "Encounter"]);
        let id = format!("r{number}");
        commit(record, vec![put(&resource(dice, kind, &id), Expect::Absent)]).await;
        match dice.below(6) {
            0 => drop(commit(record, vec![put(&resource(dice, kind, &id), Expect::Version(1))]).await),
            1 => drop(commit(record, vec![delete(kind, &id, 1)]).await),
            _ => {}
        }
    }
}

async fn current(record: &Record) -> Vec<Version> {
    let query = HistoryQuery { of: HistoryOf::Everything, before: None, since: None, limit: 1_000 };
    let mut newest: Vec<Version> = Vec::new();
    for version in record.history(&all(), &query).await.unwrap().versions {
        if !newest.iter().any(|known| known.key == version.key) {
            newest.push(version);
        }
    }
    newest.retain(|version| !version.is_deleted());
    newest
}

/// One random query; how many it found.
async fn compare(record: &Record, current: &[Version], dice: &mut Dice, seed: u64) -> u64 {
    let kind = *dice.pick(&["Patient", "Observation", "Encounter"]);
    let mut pairs: Vec<(String, String)> = (0..=dice.below(3)).map(|_| clause(dice, kind)).collect();
    pairs.extend([("_count".to_owned(), "1000".to_owned()), ("_total".to_owned(), "accurate".to_owned())]);
    let Ok(query) = Query::parse(kind, &pairs, Handling::Strict) else {
        panic!("seed {seed}: {pairs:?} is not a query: {:?}", Query::parse(kind, &pairs, Handling::Strict))
    };
    let mut expected: Vec<&str> = Vec::new();
    for version in current {
        let resource = fhir::json::read(version.body.as_deref().unwrap()).unwrap();
        if matches(&query, &resource) {
            expected.push(&version.key.id);
        }
    }
    let page = record.search(&all(), &query, None).await.unwrap();
    let found: Vec<&str> = page.versions.iter().map(|version| version.key.id.as_str()).collect();
    assert_eq!(found, expected, "seed {seed}, {kind} {pairs:?}");
    let count = Query { summary: fhir::search::Summary::Count, ..query };
    let total = record.search(&all(), &count, None).await.unwrap().total;
    assert_eq!(total, Some(expected.len() as u64), "seed {seed}, {kind} {pairs:?}");
    expected.len() as u64
}

fn clause(dice: &mut Dice, kind: &str) -> (String, String) {
    let mut own = match kind {
        "Patient" => {
            vec!["family", "name", "gender", "birthdate", "identifier", "active", "general-practitioner", "phone"]
        }
        "Observation" => {
            vec![
                "code",
                "patient",
                "subject",
                "date",
                "value-quantity",
                "status",
                "based-on",
                "value-date",
                "combo-code",
                "combo-value-quantity",
            ]
        }
        _ => vec!["status", "class", "date", "subject", "length", "identifier", "participant"],
    };
    own.extend(["_id", "_lastUpdated", "_tag", "_profile"]);
    let name = *dice.pick(&own);
    if !name.starts_with('_') && dice.below(8) == 0 {
        return (format!("{name}:missing"), dice.pick(&["true", "false"]).to_string());
    }
    let values: Vec<String> = (0..=dice.below(2)).map(|_| value(dice, name)).collect();
    (name.to_owned() + modifier(dice, name), values.join(","))
}

fn modifier(dice: &mut Dice, name: &str) -> &'static str {
    let choice: &[&'static str] = match name {
        "family" | "name" => &["", "", ":exact", ":contains"],
        "gender" | "code" | "combo-code" | "status" | "class" | "identifier" | "_tag" => &["", "", "", ":not"],
        _ => &[""],
    };
    dice.pick::<&'static str>(choice)
}

fn value(dice: &mut Dice, name: &str) -> String {
    match name {
        "family" | "name" => {
            dice.pick(&["s", "smith", "Smith", "mül", "MUL", "o'n", "Oe", "ī", "ll", "neil", "Smyth"]).to_string()
        }
        "gender" => {
            dice.pick(&["male", "female", "http://hl7.org/fhir/administrative-gender|male", "|male"]).to_string()
        }
        "active" => dice.pick(&["true", "false"]).to_string(),
        "birthdate" | "date" | "value-date" => format!("{}{}", dice.pick(&PREFIXES), dice.pick(&DATES)),
        "_lastUpdated" => format!(
            "{}{}",
            dice.pick(&PREFIXES),
            dice.pick(&["2026", "2026-01-01", "2026-01-01T00:00:00.000Z", "2025"])
        ),
        "identifier" | "code" | "combo-code" | "class" | "_tag" => {
            let (system, code) = (dice.pick(&SYSTEMS).replace('|', "\\|"), dice.pick(&CODES));
            dice.pick(&[code.to_string(), format!("{system}|{code}"), format!("|{code}"), format!("{system}|")]).clone()
        }
        "status" => dice.pick(&["final", "amended", "planned", "finished"]).to_string(),
        "phone" => dice.pick(&["555-1", "555-2"]).to_string(),
        "_id" => format!("r{}", dice.below(RESOURCES)),
        "_profile" => {
            dice.pick(&["http://example.org/p", "http://example.org/q|2", "http://example.org/q"]).to_string()
        }
        "value-quantity" | "combo-value-quantity" | "length" => {
            let number = format!("{}{}", dice.pick(&PREFIXES), dice.pick(&NUMBERS));
            let unit = dice.pick(&UNITS);
            dice.pick(&[
                number.clone(),
                format!("{number}||{unit}"),
                format!("{number}|http://unitsofmeasure.org|{unit}"),
            ])
            .clone()
        }
        "patient" | "subject" => {
            let id = dice.pick(&IDS);
            dice.pick(&[id.to_string(), format!("Patient/{id}"), format!("http://elsewhere.org/Patient/{id}")]).clone()
        }
        "general-practitioner" | "participant" => format!("Practitioner/{}", dice.pick(&IDS)),
        "based-on" => format!("ServiceRequest/{}", dice.pick(&IDS)),
        other => panic!("no values for {other}"),
    }
}

fn resource(dice: &mut Dice, kind: &str, id: &str) -> String {
    let mut elements = vec![format!(r#""resourceType":"{kind}","id":"{id}""#)];
    if dice.below(3) == 0 {
        elements.push(format!(
            r#""meta":{{"profile":["{}"],"tag":[{}]}}"#,
            dice.pick(&["http://example.org/p", "http://example.org/q", "http://example.org/q|2"]),
            coding(dice)
        ));
    }
    match kind {
        "Patient" => patient(dice, &mut elements),
        "Observation" => observation(dice, &mut elements),
        _ => encounter(dice, &mut elements),
    }
    format!("{{{}}}", elements.join(","))
}

fn patient(dice: &mut Dice, elements: &mut Vec<String>) {
    let mut maybe = |dice: &mut Dice, text: String| {
        if dice.below(4) > 0 {
            elements.push(text);
        }
    };
    let name = format!(r#""name":[{{"family":"{}","given":["{}"]}}]"#, dice.pick(&FAMILIES), dice.pick(&FAMILIES));
    maybe(dice, name);
    let gender = format!(r#""gender":"{}""#, dice.pick(&["male", "female"]));
    maybe(dice, gender);
    let birth = format!(r#""birthDate":"{}""#, dice.pick(&DATES[..3]));
    maybe(dice, birth);
    let active = format!(r#""active":{}"#, dice.pick(&["true", "false"]));
    maybe(dice, active);
    let identifier = identifier(dice);
    maybe(dice, identifier);
    let phone = format!(r#""telecom":[{{"system":"phone","value":"{}"}}]"#, dice.pick(&["555-1", "555-2"]));
    maybe(dice, phone);
    let practitioner = format!(r#""generalPractitioner":[{{"reference":"Practitioner/{}"}}]"#, dice.pick(&IDS));
    maybe(dice, practitioner);
}

fn observation(dice: &mut Dice, elements: &mut Vec<String>) {
    elements.push(format!(r#""status":"{}""#, dice.pick(&["final", "amended"])));
    elements.push(format!(r#""code":{{"coding":[{},{}]}}"#, coding(dice), coding(dice)));
    elements.push(subject(dice));
    let date = dice.pick(&DATES);
    match dice.below(3) {
        0 => elements.push(format!(r#""effectiveDateTime":"{date}""#)),
        1 => elements.push(format!(r#""effectivePeriod":{{"start":"{date}"}}"#)),
        _ => {}
    }
    let (number, unit) = (dice.pick(&NUMBERS), dice.pick(&UNITS));
    match dice.below(4) {
        0 => elements.push(format!(r#""valueQuantity":{{"value":{number},"unit":"{unit}"}}"#)),
        1 => elements.push(format!(
            r#""valueQuantity":{{"value":{number},"comparator":"<","system":"http://unitsofmeasure.org","code":"{unit}"}}"#
        )),
        2 => elements.push(format!(
            r#""valueQuantity":{{"value":{number},"unit":"units","system":"http://unitsofmeasure.org","code":"{unit}"}}"#
        )),
        _ => elements.push(format!(r#""valuePeriod":{{"end":"{}"}}"#, dice.pick(&DATES))),
    }
    if dice.below(2) == 0 {
        elements.push(format!(
            r#""component":[{{"code":{{"coding":[{}]}},"valueQuantity":{{"value":{},"unit":"mg"}}}}]"#,
            coding(dice),
            dice.pick(&NUMBERS)
        ));
    }
    if dice.below(2) == 0 {
        elements.push(format!(r#""basedOn":[{{"reference":"ServiceRequest/{}"}}]"#, dice.pick(&IDS)));
    }
}

fn encounter(dice: &mut Dice, elements: &mut Vec<String>) {
    elements.push(format!(r#""status":"{}""#, dice.pick(&["planned", "finished"])));
    elements.push(format!(r#""class":{}"#, coding(dice)));
    elements.push(subject(dice));
    elements.push(identifier(dice));
    if dice.below(2) == 0 {
        elements.push(format!(r#""period":{{"start":"{}"}}"#, dice.pick(&DATES)));
    }
    if dice.below(2) == 0 {
        elements.push(format!(r#""length":{{"value":{},"unit":"{}"}}"#, dice.pick(&NUMBERS), dice.pick(&UNITS)));
    }
    if dice.below(2) == 0 {
        elements
            .push(format!(r#""participant":[{{"individual":{{"reference":"Practitioner/{}"}}}}]"#, dice.pick(&IDS)));
    }
}

fn subject(dice: &mut Dice) -> String {
    let id = dice.pick(&IDS);
    let reference = dice.pick(&[format!("Patient/{id}"), format!("http://elsewhere.org/Patient/{id}")]).clone();
    format!(r#""subject":{{"reference":"{reference}"}}"#)
}

fn coding(dice: &mut Dice) -> String {
    let code = dice.pick(&CODES);
    match dice.below(3) {
        0 => format!(r#"{{"code":"{code}"}}"#),
        _ => format!(r#"{{"system":"{}","code":"{code}"}}"#, dice.pick(&SYSTEMS)),
    }
}

fn identifier(dice: &mut Dice) -> String {
    let coding = coding(dice).replace("code", "value");
    format!(r#""identifier":[{coding}]"#)
}
