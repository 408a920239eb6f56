//! The tables of `profiles/r4` against HL7's own core package of R4 4.0.1, which the tables were not made from.
//!
//! The package lies beside the checkout; where it is absent the tests say so and pass.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use fhir::schema::{self, Element, Type};
use serde_json::Value;

const SEARCH: &str = include_str!("../../../profiles/r4/search.txt");
const COMPARTMENTS: &str = include_str!("../../../profiles/r4/compartments.txt");
const INVARIANTS: &str = include_str!("../../../profiles/r4/invariants.txt");
const CONCEPTS: &str = include_str!("../../../profiles/r4/concepts.txt");

/// Invariants whose R4 expression HL7 has mended since, and which the npm package has as they were mended: a code that
/// R4 does not have (`no-show`), an operator on many items where it takes one, and an answer where there is no value.
const MENDED: [(&str, &str); 3] = [("Appointment", "app-4"), ("Timing.repeat", "tim-9"), ("Bundle.entry", "bdl-8")];

/// Parameters of the core package that are defined on extensions or are examples; they are no part of base R4.
const NOT_BASE: [&str; 2] = ["-extensions-", "-genetic-"];

fn core(kind: &str) -> Vec<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/fhir-r4-definitions");
    let Ok(lines) = std::fs::read_to_string(file.join(format!("{kind}.ndjson"))) else {
        #[expect(clippy::print_stderr, reason = "a skipped test is seen")]
        {
            eprintln!("skipped: {} is not here", file.display());
        }
        return Vec::new();
    };
    lines.lines().map(|line| serde_json::from_str(line).expect("NDJSON")).collect()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn every_element_is_as_hl7_publishes_it() {
    let mut known = 0;
    for definition in core("StructureDefinition") {
        let kind = text(&definition, "kind");
        if text(&definition, "derivation") == "constraint" || !["resource", "complex-type"].contains(&kind) {
            continue;
        }
        let published = &items(&definition["snapshot"], "element")[1..];
        known += published.iter().map(check).sum::<usize>();
        check_order(published);
    }
    if known > 0 {
        let ours: usize = schema::r4().kinds().map(|kind| kind.elements.len()).sum();
        assert_eq!(ours, known, "nothing is in our tables but what HL7 published");
    }
}

/// Compares an element, or all the names of a choice, with ours; the number of names.
fn check(published: &Value) -> usize {
    let path = text(published, "path");
    let (owner, name) = path.rsplit_once('.').expect("an element has an owner");
    let owner: &Type = schema::r4().kind(owner).unwrap_or_else(|| panic!("no type {owner}"));
    let stem = name.strip_suffix("[x]").unwrap_or(name);
    let ours: Vec<&Element> = owner.stem(stem).collect();
    assert_eq!(ours.len(), items(published, "type").len().max(1), "{path}");
    for element in &ours {
        assert_eq!(u64::from(element.min), published["min"].as_u64().expect("min").min(1), "{path}");
        assert_eq!(element.many, text(published, "max") == "*", "{path}");
        assert_eq!(element.modifier, published["isModifier"] == true, "{path}");
        assert_eq!(element.summary, published["isSummary"] == true, "{path}");
        assert_eq!(element.choice, name != stem, "{path}");
    }
    match text(published, "contentReference").strip_prefix('#') {
        Some(same) => assert_eq!(ours[0].kind, same, "{path}"),
        None => ours.iter().zip(items(published, "type")).for_each(|(element, kind)| check_kind(path, element, kind)),
    }
    ours.len()
}

/// The elements of each type come in HL7's order, which is the order of XML.
fn check_order(published: &[Value]) {
    let mut order: HashMap<&str, Vec<&str>> = HashMap::new();
    for (owner, name) in published.iter().filter_map(|element| text(element, "path").rsplit_once('.')) {
        order.entry(owner).or_default().push(name.trim_end_matches("[x]"));
    }
    for (owner, stems) in order {
        let mut ours: Vec<&str> = schema::r4().kind(owner).expect("a type").elements.iter().map(|e| e.stem).collect();
        ours.dedup();
        assert_eq!(ours, stems, "{owner}");
    }
}

fn check_kind(path: &str, element: &Element, kind: &Value) {
    let code = text(kind, "code");
    match code {
        "Element" | "BackboneElement" => assert!(element.kind == path || element.kind == code, "{path}"),
        _ if code.starts_with("http:") => assert!(["id", "string", "uri"].contains(&element.kind), "{path}"),
        _ => assert_eq!(element.kind, code, "{path}"),
    }
    let targets = items(kind, "targetProfile").iter().filter_map(Value::as_str);
    let targets: BTreeSet<&str> =
        targets.filter_map(|url| url.rsplit('/').next()).filter(|t| *t != "Resource").collect();
    assert_eq!(element.targets.iter().copied().collect::<BTreeSet<_>>(), targets, "{path}");
}

#[test]
fn every_required_code_is_as_hl7_publishes_it() {
    let keyed = |resource: Value| (text(&resource, "url").to_owned(), resource);
    let sets: HashMap<String, Value> = core("ValueSet").into_iter().map(keyed).collect();
    let systems: HashMap<String, Value> = core("CodeSystem").into_iter().map(keyed).collect();
    for definition in core("StructureDefinition") {
        for published in items(&definition["snapshot"], "element") {
            let binding = &published["binding"];
            let is_code = items(published, "type").iter().any(|kind| text(kind, "code") == "code");
            let ours = text(published, "path").rsplit_once('.').and_then(|(owner, name)| {
                let owner = schema::r4().kind(owner)?;
                owner.stem(name.trim_end_matches("[x]")).find(|element| element.kind == "code")
            });
            let is_type = text(&definition, "derivation") != "constraint" && text(&definition, "kind") != "logical";
            if let (true, true, "required", Some(ours)) = (is_type, is_code, text(binding, "strength"), ours) {
                let set = text(binding, "valueSet").split('|').next().unwrap_or_default();
                let codes = ours.codes.map(|list| list.codes().iter().map(|code| code.to_string()).collect());
                assert_eq!(codes, published_codes(&sets[set], &systems), "{}", text(published, "path"));
            }
        }
    }
}

/// None where a code system is not listed in the core package.
fn published_codes(set: &Value, systems: &HashMap<String, Value>) -> Option<BTreeSet<String>> {
    fn collect(concepts: &[Value], codes: &mut BTreeSet<String>) {
        for concept in concepts {
            codes.insert(text(concept, "code").to_owned());
            collect(items(concept, "concept"), codes);
        }
    }
    let mut codes = BTreeSet::new();
    for include in items(&set["compose"], "include") {
        match items(include, "concept") {
            [] => collect(items(systems.get(text(include, "system"))?, "concept"), &mut codes),
            listed => collect(listed, &mut codes),
        }
    }
    Some(codes)
}

#[test]
fn every_invariant_is_as_hl7_publishes_it() {
    let ours: BTreeSet<Vec<&str>> = rows(INVARIANTS).collect();
    assert_eq!(ours.len(), rows(INVARIANTS).count(), "each is there once");
    let has = |path: &str, key: &str, severity: &str, expression: &str| {
        let mended = MENDED.contains(&(path, key));
        ours.iter().any(|row| row[..3] == [path, key, severity] && (row[3] == expression) != mended)
    };
    let mut met = BTreeSet::new();
    for definition in core("StructureDefinition") {
        let is_type = text(&definition, "derivation") != "constraint" && text(&definition, "kind") != "logical";
        for element in items(&definition["snapshot"], "element").iter().filter(|_| is_type) {
            for constraint in items(element, "constraint") {
                let (key, severity) = (text(constraint, "key"), text(constraint, "severity"));
                let path = match key {
                    "ele-1" => "Element",
                    "ext-1" => "Extension",
                    "dom-2" | "dom-3" | "dom-4" | "dom-5" | "dom-6" => "DomainResource",
                    _ => text(element, "path"),
                };
                assert!(has(path, key, severity, text(constraint, "expression")), "{path} {key}");
                met.insert((path.to_owned(), key.to_owned()));
            }
        }
    }
    if !met.is_empty() {
        assert_eq!(met.len(), ours.len(), "nothing is in our table but what HL7 published");
    }
}

#[test]
fn every_required_concept_is_as_hl7_publishes_it() {
    let keyed = |resource: Value| (text(&resource, "url").to_owned(), resource);
    let sets: HashMap<String, Value> = core("ValueSet").into_iter().map(keyed).collect();
    let systems: HashMap<String, Value> = core("CodeSystem").into_iter().map(keyed).collect();
    let mut expected = BTreeSet::new();
    for definition in core("StructureDefinition") {
        let is_type = text(&definition, "derivation") != "constraint" && text(&definition, "kind") != "logical";
        for element in items(&definition["snapshot"], "element").iter().filter(|_| is_type) {
            let (binding, is_concept) = (&element["binding"], text(&element["type"][0], "code") == "CodeableConcept");
            let set = sets.get(text(binding, "valueSet").split('|').next().unwrap_or_default());
            let (true, "required", Some(set)) = (is_concept, text(binding, "strength"), set) else { continue };
            for include in items(&set["compose"], "include") {
                let one = serde_json::json!({ "compose": { "include": [include] } });
                let codes = published_codes(&one, &systems).unwrap_or_default().into_iter();
                let head = [text(element, "path").to_owned(), text(include, "system").to_owned()];
                expected.insert(head.into_iter().chain(codes).collect::<Vec<_>>());
            }
        }
    }
    let ours: BTreeSet<Vec<String>> = rows(CONCEPTS).map(|row| row.into_iter().map(str::to_owned).collect()).collect();
    if !expected.is_empty() {
        assert_eq!(ours, expected);
    }
}

fn rows(table: &str) -> impl Iterator<Item = Vec<&str>> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| line.split('\t').collect())
}

#[test]
fn every_search_parameter_is_as_hl7_publishes_it() {
    let published = core("SearchParameter");
    let is_base = |url: &str| {
        !NOT_BASE.iter().any(|part| url.contains(part)) && !url.contains("/example") && !url.ends_with("/filter")
    };
    let mut expected = BTreeSet::new();
    for parameter in published.iter().filter(|parameter| is_base(text(parameter, "url"))) {
        for base in items(parameter, "base").iter().filter_map(Value::as_str) {
            let columns = [base, text(parameter, "code"), text(parameter, "type"), text(parameter, "url")];
            expected.insert(columns.map(str::to_owned));
        }
    }
    let ours: BTreeSet<[String; 4]> =
        rows(SEARCH).map(|row| [row[0], row[1], row[2], row[6]].map(str::to_owned)).collect();
    if !expected.is_empty() {
        assert_eq!(ours, expected);
    }
}

#[test]
fn a_union_is_split_by_type() {
    let rows: Vec<Vec<&str>> = rows(SEARCH).collect();
    let find = |kind: &str, name: &str| rows.iter().find(|row| row[0] == kind && row[1] == name).expect("R4 has it");
    assert_eq!(find("Observation", "date")[3], "Observation.effective");
    assert_eq!(find("RiskAssessment", "date")[3], "(RiskAssessment.occurrence as dateTime)");
    assert_eq!(find("InsurancePlan", "name")[3], "name | alias");
    let value = find("Observation", "value-quantity");
    assert_eq!(value[3], "(Observation.value as Quantity) | (Observation.value as SampledData)");
    assert_eq!(find("Observation", "code-value-quantity")[5], "code=code; value-quantity=value.as(Quantity)");
    let unspoken = ["_content", "_query", "_text"];
    assert!(rows.iter().all(|row| row.len() == 7 && (!row[3].is_empty() || unspoken.contains(&row[1]))));
}

#[test]
fn compartments_name_search_parameters() {
    let parameters: BTreeSet<(&str, &str)> = rows(SEARCH).map(|row| (row[0], row[1])).collect();
    let mut compartments = BTreeSet::new();
    for row in rows(COMPARTMENTS) {
        compartments.insert(row[0]);
        for name in row[2].split(',').filter(|name| *name != "{def}") {
            assert!(parameters.contains(&(row[1], name)), "{row:?}");
        }
    }
    assert_eq!(
        compartments.into_iter().collect::<Vec<_>>(),
        ["Device", "Encounter", "Patient", "Practitioner", "RelatedPerson"]
    );
}
