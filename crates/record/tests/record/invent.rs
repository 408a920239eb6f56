//! Random resources that refer to one another, and random questions about them.

use crate::Dice;

pub const KINDS: [&str; 8] =
    ["Patient", "Observation", "Encounter", "Organization", "Practitioner", "List", "Provenance", "Location"];
/// Ids of each type: few, so that references meet.
pub const IDS: u64 = 40;

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
const UNITS: [&str; 4] = ["mg", "g", "g/dL", "mm[Hg]"];
const PREFIXES: [&str; 10] = ["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"];

pub fn id(dice: &mut Dice) -> String {
    format!("r{}", dice.below(IDS))
}

pub fn resource(dice: &mut Dice, kind: &str, id: &str) -> String {
    let mut elements = vec![format!(r#""resourceType":"{kind}","id":"{id}""#)];
    if dice.below(3) == 0 {
        elements.push(format!(
            r#""meta":{{"profile":["{}"],"tag":[{}]}}"#,
            dice.pick(&["http://example.org/p", "http://example.org/p/q", "http://example.org/p/q|2"]),
            coding(dice)
        ));
    }
    match kind {
        "Patient" => patient(dice, &mut elements),
        "Observation" => observation(dice, &mut elements),
        "Encounter" => encounter(dice, &mut elements),
        "Organization" | "Location" => place(dice, kind, &mut elements),
        "Practitioner" => elements.push(name(dice)),
        "List" => list(dice, &mut elements),
        _ => provenance(dice, &mut elements),
    }
    format!("{{{}}}", elements.join(","))
}

fn maybe(dice: &mut Dice, elements: &mut Vec<String>, make: impl FnOnce(&mut Dice) -> String) {
    if dice.below(4) > 0 {
        elements.push(make(dice));
    }
}

fn reference(dice: &mut Dice, element: &str, kinds: &[&str]) -> String {
    let kind = *dice.pick(kinds);
    let target = match dice.below(12) {
        0 => format!("http://elsewhere.org/{kind}/{}", id(dice)),
        1 => format!("{kind}/{}/_history/1", id(dice)),
        _ => format!("{kind}/{}", id(dice)),
    };
    let display = if dice.below(3) == 0 { format!(r#","display":"{}""#, dice.pick(&FAMILIES)) } else { String::new() };
    format!(r#""{element}":{{"reference":"{target}"{display}}}"#)
}

fn name(dice: &mut Dice) -> String {
    format!(r#""name":[{{"family":"{}","given":["{}"]}}]"#, dice.pick(&FAMILIES), dice.pick(&FAMILIES))
}

fn patient(dice: &mut Dice, elements: &mut Vec<String>) {
    maybe(dice, elements, name);
    maybe(dice, elements, |dice| format!(r#""gender":"{}""#, dice.pick(&["male", "female"])));
    maybe(dice, elements, |dice| format!(r#""birthDate":"{}""#, dice.pick(&DATES[..3])));
    maybe(dice, elements, |dice| format!(r#""active":{}"#, dice.pick(&["true", "false"])));
    maybe(dice, elements, identifier);
    maybe(dice, elements, |dice| {
        format!(r#""telecom":[{{"system":"phone","value":"{}"}}]"#, dice.pick(&["555-1", "555-2"]))
    });
    maybe(dice, elements, |dice| {
        let doctor = reference(dice, "x", &["Practitioner", "Organization"]);
        format!(r#""generalPractitioner":[{}]"#, doctor.strip_prefix(r#""x":"#).unwrap())
    });
    maybe(dice, elements, |dice| reference(dice, "managingOrganization", &["Organization"]));
}

fn observation(dice: &mut Dice, elements: &mut Vec<String>) {
    elements.push(format!(r#""status":"{}""#, dice.pick(&["final", "amended"])));
    elements.push(format!(
        r#""code":{{"coding":[{},{}],"text":"{}"}}"#,
        coding(dice),
        coding(dice),
        dice.pick(&FAMILIES)
    ));
    maybe(dice, elements, |dice| reference(dice, "subject", &["Patient", "Patient", "Location"]));
    maybe(dice, elements, |dice| reference(dice, "encounter", &["Encounter"]));
    let date = *dice.pick(&DATES);
    match dice.below(4) {
        0 => elements.push(format!(r#""effectiveDateTime":"{date}""#)),
        1 => elements.push(format!(r#""effectivePeriod":{{"start":"{date}"}}"#)),
        2 => elements.push(format!(r#""effectivePeriod":{{"start":"{date}","end":"2025-06"}}"#)),
        _ => {}
    }
    match dice.below(5) {
        0 => elements.push(format!(r#""valueQuantity":{}"#, quantity(dice))),
        1 => elements.push(format!(r#""valuePeriod":{{"end":"{}"}}"#, dice.pick(&DATES))),
        2 => elements.push(format!(r#""valueCodeableConcept":{{"coding":[{}]}}"#, coding(dice))),
        3 => elements.push(format!(r#""valueString":"{}""#, dice.pick(&FAMILIES))),
        _ => {}
    }
    let components: Vec<String> = (0..dice.below(3))
        .map(|_| format!(r#"{{"code":{{"coding":[{}]}},"valueQuantity":{}}}"#, coding(dice), quantity(dice)))
        .collect();
    if !components.is_empty() {
        elements.push(format!(r#""component":[{}]"#, components.join(",")));
    }
}

fn quantity(dice: &mut Dice) -> String {
    let (number, unit) = (dice.pick(&NUMBERS), dice.pick(&UNITS));
    match dice.below(4) {
        0 => format!(r#"{{"value":{number},"unit":"{unit}"}}"#),
        1 => format!(r#"{{"value":{number},"comparator":"<","system":"http://unitsofmeasure.org","code":"{unit}"}}"#),
        _ => format!(r#"{{"value":{number},"unit":"units","system":"http://unitsofmeasure.org","code":"{unit}"}}"#),
    }
}

fn encounter(dice: &mut Dice, elements: &mut Vec<String>) {
    elements.push(format!(r#""status":"{}""#, dice.pick(&["planned", "finished"])));
    elements.push(format!(r#""class":{}"#, coding(dice)));
    maybe(dice, elements, |dice| reference(dice, "subject", &["Patient"]));
    maybe(dice, elements, identifier);
    maybe(dice, elements, |dice| format!(r#""period":{{"start":"{}"}}"#, dice.pick(&DATES)));
    maybe(dice, elements, |dice| {
        format!(r#""length":{{"value":{},"unit":"{}"}}"#, dice.pick(&NUMBERS), dice.pick(&UNITS))
    });
    maybe(dice, elements, |dice| {
        format!(r#""participant":[{{{}}}]"#, reference(dice, "individual", &["Practitioner"]))
    });
    maybe(dice, elements, |dice| format!(r#""location":[{{{}}}]"#, reference(dice, "location", &["Location"])));
    maybe(dice, elements, |dice| reference(dice, "partOf", &["Encounter"]));
}

fn place(dice: &mut Dice, kind: &str, elements: &mut Vec<String>) {
    elements.push(format!(r#""name":"{}""#, dice.pick(&FAMILIES)));
    maybe(dice, elements, |dice| reference(dice, "partOf", &[kind]));
}

fn list(dice: &mut Dice, elements: &mut Vec<String>) {
    elements.push(r#""status":"current","mode":"working""#.to_owned());
    let items: Vec<String> =
        (0..=dice.below(6)).map(|_| format!("{{{}}}", reference(dice, "item", &KINDS[..3]))).collect();
    elements.push(format!(r#""entry":[{}]"#, items.join(",")));
}

fn provenance(dice: &mut Dice, elements: &mut Vec<String>) {
    let target = reference(dice, "x", &KINDS[..4]);
    elements
        .push(format!(r#""target":[{}],"recorded":"2024-02-29T10:00:00Z""#, target.strip_prefix(r#""x":"#).unwrap()));
    elements.push(format!(r#""agent":[{{{}}}]"#, reference(dice, "who", &["Practitioner", "Organization"])));
}

fn coding(dice: &mut Dice) -> String {
    let code = dice.pick(&CODES);
    match dice.below(3) {
        0 => format!(r#"{{"code":"{code}"}}"#),
        1 => format!(r#"{{"system":"{}","code":"{code}","display":"{}"}}"#, dice.pick(&SYSTEMS), dice.pick(&FAMILIES)),
        _ => format!(r#"{{"system":"{}","code":"{code}"}}"#, dice.pick(&SYSTEMS)),
    }
}

fn identifier(dice: &mut Dice) -> String {
    let (system, value) = (dice.pick(&SYSTEMS), dice.pick(&CODES));
    match dice.below(3) {
        0 => format!(r#""identifier":[{{"value":"{value}"}}]"#),
        1 => format!(
            r#""identifier":[{{"type":{{"coding":[{}]}},"system":"{system}","value":"{value}"}}]"#,
            coding(dice)
        ),
        _ => format!(r#""identifier":[{{"system":"{system}","value":"{value}"}}]"#),
    }
}

/// The parameters of a type that questions are about.
fn parameters(kind: &str) -> Vec<&'static str> {
    let mut own = match kind {
        "Patient" => vec![
            "family",
            "name",
            "gender",
            "birthdate",
            "identifier",
            "active",
            "general-practitioner",
            "phone",
            "organization",
        ],
        "Observation" => vec![
            "code",
            "patient",
            "subject",
            "date",
            "value-quantity",
            "status",
            "encounter",
            "value-date",
            "value-string",
            "combo-code",
            "combo-value-quantity",
            "component-code-value-quantity",
            "combo-code-value-quantity",
            "code-value-quantity",
            "code-value-concept",
            "code-value-string",
            "code-value-date",
        ],
        "Encounter" => {
            vec!["status", "class", "date", "subject", "length", "identifier", "participant", "location", "part-of"]
        }
        "Organization" | "Location" => vec!["name", "partof"],
        "Practitioner" => vec!["family", "name"],
        "List" => vec!["item", "status"],
        _ => vec!["target", "agent", "recorded"],
    };
    own.extend(["_id", "_lastUpdated", "_tag", "_profile"]);
    own
}

/// The references that chains follow, with what they may lead to.
const LINKS: [(&str, &str, &[&str]); 14] = [
    ("Patient", "general-practitioner", &["Practitioner", "Organization"]),
    ("Patient", "organization", &["Organization"]),
    ("Observation", "subject", &["Patient", "Location"]),
    ("Observation", "patient", &["Patient"]),
    ("Observation", "encounter", &["Encounter"]),
    ("Encounter", "subject", &["Patient"]),
    ("Encounter", "participant", &["Practitioner"]),
    ("Encounter", "location", &["Location"]),
    ("Encounter", "part-of", &["Encounter"]),
    ("Organization", "partof", &["Organization"]),
    ("Location", "partof", &["Location"]),
    ("List", "item", &["Patient", "Observation", "Encounter"]),
    ("Provenance", "target", &["Patient", "Observation", "Encounter", "Organization"]),
    ("Provenance", "agent", &["Practitioner", "Organization"]),
];

/// A condition on resources of a type.
pub fn condition(dice: &mut Dice, kind: &str, links: u64) -> (String, String) {
    let chains: Vec<_> = LINKS.iter().filter(|(source, ..)| *source == kind).collect();
    let hases: Vec<_> = LINKS.iter().filter(|(.., targets)| targets.contains(&kind)).collect();
    match dice.below(10) {
        0 | 1 if links > 0 && !chains.is_empty() => {
            let (_, code, targets) = **dice.pick(&chains);
            let target = *dice.pick(targets);
            let (name, value) = condition(dice, target, links - 1);
            (format!("{code}:{target}.{name}"), value)
        }
        2 | 3 if links > 0 && !hases.is_empty() => {
            let (source, code, _) = **dice.pick(&hases);
            let (name, value) = condition(dice, source, links - 1);
            (format!("_has:{source}:{code}:{name}"), value)
        }
        4 if KINDS[..3].contains(&kind) => ("_list".to_owned(), format!("{},{}", id(dice), id(dice))),
        _ => clause(dice, kind),
    }
}

fn clause(dice: &mut Dice, kind: &str) -> (String, String) {
    let name = *dice.pick(&parameters(kind));
    if dice.below(10) == 0 {
        return (format!("{name}:missing"), dice.pick(&["true", "false"]).to_string());
    }
    let modifier = modifier(dice, kind, name);
    let many = if dice.below(20) == 0 { 12 } else { dice.below(2) + 1 };
    let values: Vec<String> = (0..many).map(|_| value(dice, kind, name, modifier)).collect();
    (name.to_owned() + modifier, values.join(","))
}

fn modifier(dice: &mut Dice, kind: &str, name: &str) -> &'static str {
    let choice: &[&'static str] = match (kind, name) {
        (_, "family" | "name" | "value-string") => &["", "", ":exact", ":contains"],
        (_, "code") => &["", "", ":not", ":text"],
        (_, "gender" | "combo-code" | "status" | "class" | "_tag") => &["", "", "", ":not"],
        (_, "identifier") => &["", "", ":not", ":of-type"],
        (_, "_profile") => &["", ":above", ":below"],
        (_, "subject" | "location") => &["", "", ":text"],
        ("Organization" | "Location", "partof") | (_, "organization" | "part-of") => &["", ":below", ":above"],
        _ => &[""],
    };
    dice.pick::<&'static str>(choice)
}

fn value(dice: &mut Dice, kind: &str, name: &str, modifier: &str) -> String {
    const WORDS: [&str; 11] = ["s", "smith", "Smith", "mül", "MUL", "o'n", "Oe", "ī", "ll", "neil", "Smyth"];
    match (name, modifier) {
        ("family" | "name" | "value-string", _) | (_, ":text") => dice.pick(&WORDS).to_string(),
        ("gender", _) => {
            dice.pick(&["male", "female", "http://hl7.org/fhir/administrative-gender|male", "|male"]).to_string()
        }
        ("active", _) => dice.pick(&["true", "false"]).to_string(),
        ("birthdate" | "date" | "value-date" | "recorded", _) => {
            format!("{}{}", dice.pick(&PREFIXES), dice.pick(&DATES))
        }
        ("_lastUpdated", _) => format!(
            "{}{}",
            dice.pick(&PREFIXES),
            dice.pick(&["2026", "2026-01-01", "2026-01-01T00:00:00.000Z", "2025"])
        ),
        ("identifier", ":of-type") => format!("{}|{}", system_and_code(dice), dice.pick(&CODES)),
        ("identifier" | "code" | "combo-code" | "class" | "_tag", _) => token(dice),
        ("status", _) => dice.pick(&["final", "amended", "planned", "finished", "current"]).to_string(),
        ("phone", _) => dice.pick(&["555-1", "555-2"]).to_string(),
        ("_id", _) => id(dice),
        ("_profile", _) => dice
            .pick(&[
                "http://example.org/p",
                "http://example.org/p/q|2",
                "http://example.org/p/q",
                "http://example.org/p/q/r",
            ])
            .to_string(),
        ("value-quantity" | "combo-value-quantity" | "length", _) => amount(dice),
        ("component-code-value-quantity" | "combo-code-value-quantity" | "code-value-quantity", _) => {
            format!("{}${}", token(dice), amount(dice))
        }
        ("code-value-concept", _) => format!("{}${}", token(dice), token(dice)),
        ("code-value-string", _) => format!("{}${}", token(dice), dice.pick(&WORDS)),
        ("code-value-date", _) => format!("{}${}{}", token(dice), dice.pick(&PREFIXES), dice.pick(&DATES)),
        (link, modifier) => {
            let (.., targets) = *LINKS.iter().find(|(of, code, _)| *of == kind && *code == link).unwrap();
            let (kind, id) = (*dice.pick(targets), id(dice));
            match (modifier, dice.below(4)) {
                (":below" | ":above", _) => format!("{kind}/{id}"),
                (_, 0) if targets.len() == 1 => id,
                (_, 1) => format!("http://elsewhere.org/{kind}/{id}"),
                _ => format!("{kind}/{id}"),
            }
        }
    }
}

fn system_and_code(dice: &mut Dice) -> String {
    format!("{}|{}", dice.pick(&SYSTEMS).replace('|', "\\|"), dice.pick(&CODES))
}

fn token(dice: &mut Dice) -> String {
    let (system, code) = (dice.pick(&SYSTEMS).replace('|', "\\|"), dice.pick(&CODES));
    dice.pick(&[code.to_string(), format!("{system}|{code}"), format!("|{code}"), format!("{system}|")]).clone()
}

fn amount(dice: &mut Dice) -> String {
    let number = format!("{}{}", dice.pick(&PREFIXES), dice.pick(&NUMBERS));
    let unit = dice.pick(&UNITS);
    let small = format!("{}{}", dice.pick(&PREFIXES), dice.pick(&["0.005", "5000", "0.0054", "0.1"]));
    dice.pick(&[
        number.clone(),
        format!("{number}||{unit}"),
        format!("{number}|http://unitsofmeasure.org|{unit}"),
        format!("{small}|http://unitsofmeasure.org|{unit}"),
    ])
    .clone()
}

/// A rule of order that a type has.
pub fn sort(dice: &mut Dice, kind: &str) -> String {
    let composite = |name: &&&str| !name.contains("code-value");
    let names: Vec<&str> = parameters(kind).iter().filter(composite).copied().collect();
    format!("{}{}", dice.pick(&["", "-"]), dice.pick(&names))
}

/// An include that may find something.
pub fn include(dice: &mut Dice) -> (String, String) {
    let (source, code, targets) = *dice.pick(&LINKS);
    let name = dice.pick(&["_include", "_revinclude"]).to_string() + *dice.pick::<&str>(&["", ":iterate"]);
    let value = match dice.below(6) {
        0 => "*".to_owned(),
        1 => format!("{source}:*"),
        2 => format!("{source}:{code}:{}", dice.pick(targets)),
        _ => format!("{source}:{code}"),
    };
    (name, value)
}
