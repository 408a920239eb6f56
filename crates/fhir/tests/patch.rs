//! Patches: the cases of `patch_json.txt` and `patch_fhirpath.txt`, the bounds, and what must be so of every patch.

use std::time::Duration;

use bolero::check;
use fhir::patch::{self, PatchError, Reason};
use fhir::{Resource, json};
use serde_json::{Map, Value, json as value};

const SECONDS: u64 = 3;

fn read(bytes: &[u8]) -> Resource<'_> {
    json::read(bytes).expect("a good resource")
}

fn written(resource: &Resource<'_>) -> String {
    let mut bytes = Vec::new();
    json::write(resource, &mut bytes);
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

/// Runs the cases of a file, and shows all that fail.
fn check_cases(cases: &str, patch: fn(&Resource<'_>, &str) -> Result<Resource<'static>, PatchError>) {
    let (mut resource, mut count, mut failed) = (None, 0, String::new());
    for line in cases.lines().filter(|line| !line.starts_with('#')) {
        let (operations, expected) = match (line.split_once(" !! "), line.split_once(" => ")) {
            (Some((operations, refusal)), _) => (operations, Err(refusal)),
            (_, Some((operations, result))) => (operations, Ok(result)),
            _ => {
                resource = Some(read(line.as_bytes()));
                continue;
            }
        };
        let resource = resource.as_ref().expect("a resource stands before the cases");
        let before = resource.clone();
        let found = patch(resource, operations).map(|after| written(&after)).map_err(|error| shown(&error));
        assert_eq!(*resource, before, "a patch works on a copy");
        count += 1;
        let good = match (&found, expected) {
            (Ok(found), Ok(expected)) => found == expected,
            (Err(told), Err(refusal)) => told.starts_with(refusal),
            _ => false,
        };
        if !good {
            failed.push_str(&format!("{line}\n    {found:?}\n"));
        }
    }
    assert!(failed.is_empty(), "{failed}");
    assert!(count > 30, "the file has cases");
}

fn shown(error: &PatchError) -> String {
    let first = error.issues.first().expect("a refusal has an issue");
    format!("{:?} {}: {}", error.reason, first.path, first.text)
}

#[test]
fn json_patches() {
    check_cases(include_str!("patch_json.txt"), |resource, patch| patch::json_patch(resource, patch.as_bytes()));
}

#[test]
fn fhirpath_patches() {
    check_cases(include_str!("patch_fhirpath.txt"), |resource, operations| {
        let operations: Vec<Map<String, Value>> = serde_json::from_str(operations).expect("operations");
        let bytes = parameters(&operations).to_string().into_bytes();
        patch::fhirpath_patch(resource, &read(&bytes))
    });
}

/// The Parameters that short operations stand for.
fn parameters(operations: &[Map<String, Value>]) -> Value {
    if operations.is_empty() {
        return value!({"resourceType": "Parameters"});
    }
    let list = operations.iter().map(|operation| {
        let mut parts = Vec::new();
        for (name, given) in operation {
            match name.as_str() {
                "type" => parts.push(value!({"name": name, "valueCode": given})),
                "path" | "name" => parts.push(value!({"name": name, "valueString": given})),
                "index" | "source" | "destination" => parts.push(value!({"name": name, "valueInteger": given})),
                _ => parts.push(with_parts(value!({"name": "value", name: given}))),
            }
        }
        value!({"name": "operation", "part": parts})
    });
    value!({"resourceType": "Parameters", "parameter": list.collect::<Vec<_>>()})
}

fn with_parts(mut part: Value) -> Value {
    let object = part.as_object_mut().expect("a part is an object");
    if let Some(Value::Array(parts)) = object.remove("parts") {
        object.insert("part".to_owned(), parts.into_iter().map(with_parts).collect());
    }
    part
}

#[test]
fn what_is_no_parameters_of_operations_is_no_patch() {
    let patient = read(br#"{"resourceType":"Patient","id":"p"}"#);
    let cases: [(&[u8], &str); 3] = [
        (br#"{"resourceType":"Patient"}"#, "Malformed Patient: the patch: a FHIRPath Patch is a Parameters"),
        (
            br#"{"resourceType":"Parameters","parameter":[{"name":"op"}]}"#,
            "Malformed Parameters.parameter[0]: operation 1 of 1: every parameter of a patch must be named operation",
        ),
        (
            br#"{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"add"},{"name":"type","valueCode":"add"}]}]}"#,
            "Malformed Parameters.parameter[0]: operation 1 of 1: one of its parts is there twice",
        ),
    ];
    for (bytes, expected) in cases {
        assert_eq!(patch::fhirpath_patch(&patient, &read(bytes)).map_err(|error| shown(&error)), Err(expected.into()));
    }
}

#[test]
fn a_number_keeps_its_digits() {
    let observation = read(br#"{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"}}"#);
    let parameters = br#"{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"add"},{"name":"path","valueString":"Observation"},{"name":"name","valueString":"value"},{"name":"value","valueQuantity":{"value":1.10}}]}]}"#;
    let after = patch::fhirpath_patch(&observation, &read(parameters)).expect("a good patch");
    assert!(written(&after).contains(r#""valueQuantity":{"value":1.10}"#));
}

fn reason<T>(result: Result<T, PatchError>) -> Option<Reason> {
    result.err().map(|error| error.reason)
}

#[test]
fn a_patch_has_its_bounds() {
    let patient = read(br#"{"resourceType":"Patient","id":"p","active":true}"#);
    let repeated = |operation: &str, times: usize| format!("[{}]", vec![operation; times].join(","));
    let test = r#"{"op":"test","path":"/active","value":true}"#;
    let most = patch::JSON_OPERATIONS_MAX;
    assert_eq!(reason(patch::json_patch(&patient, repeated(test, most).as_bytes())), None);
    assert_eq!(reason(patch::json_patch(&patient, repeated(test, most + 1).as_bytes())), Some(Reason::TooLarge));

    let delete = value!({"type": "delete", "path": "Patient.gender"}).as_object().expect("an object").clone();
    for (times, expected) in
        [(patch::FHIRPATH_OPERATIONS_MAX, None), (patch::FHIRPATH_OPERATIONS_MAX + 1, Some(Reason::TooLarge))]
    {
        let bytes = parameters(&vec![delete.clone(); times]).to_string().into_bytes();
        assert_eq!(reason(patch::fhirpath_patch(&patient, &read(&bytes))), expected);
    }
}

/// Each operation doubles what is there: forty of them would be a terabyte.
#[test]
fn copies_do_not_multiply_without_end() {
    let patient = read(br#"{"resourceType":"Patient","id":"p","name":[{"text":"a"}]}"#);
    let doubling = vec![r#"{"op":"copy","from":"/name","path":"/name/-"}"#; 40].join(",");
    let refused = patch::json_patch(&patient, format!("[{doubling}]").as_bytes());
    assert_eq!(reason(refused), Some(Reason::TooLarge));
}

/// Values that were shallow each are stacked into one another.
#[test]
fn moves_do_not_nest_without_end() {
    let patient = read(br#"{"resourceType":"Patient","id":"p"}"#);
    let deep = format!("{}1{}", r#"{"a":"#.repeat(100), "}".repeat(100));
    let mut operations = vec![format!(r#"{{"op":"add","path":"/a","value":{deep}}}"#)];
    for _ in 0..500 {
        operations.push(format!(r#"{{"op":"add","path":"/b","value":{deep}}}"#));
        operations.push(format!(r#"{{"op":"move","from":"/a","path":"/b{}"}}"#, "/a".repeat(100)));
        operations.push(r#"{"op":"move","from":"/b","path":"/a"}"#.to_owned());
        operations.truncate(patch::JSON_OPERATIONS_MAX);
    }
    let refused = patch::json_patch(&patient, format!("[{}]", operations.join(",")).as_bytes());
    assert_eq!(reason(refused), Some(Reason::Inapplicable));
    assert_eq!(reason(patch::json_patch(&patient, "[".repeat(1_000_000).as_bytes())), Some(Reason::Malformed));
}

/// A thousand operations that each move a hundred thousand items stop when they have done enough.
#[test]
fn operations_do_not_work_without_end() {
    let patient = read(br#"{"resourceType":"Patient","id":"p"}"#);
    let list = vec!["1"; 200_000].join(",");
    let moves = vec![r#"{"op":"move","from":"/x","path":"/y"},{"op":"move","from":"/y","path":"/x"}"#; 400].join(",");
    let patched = format!(r#"[{{"op":"add","path":"/x","value":[{list}]}},{moves}]"#);
    assert_eq!(reason(patch::json_patch(&patient, patched.as_bytes())), Some(Reason::TooLarge));
}

const GOOD: &[u8] = br#"{"resourceType":"Patient","id":"p","contained":[{"resourceType":"Organization","id":"o","name":"n"}],"name":[{"family":"a","given":["b",null],"_given":[null,{"id":"x"}]}],"telecom":[{"system":"phone","value":"1"},{"system":"fax"}],"birthDate":"1970-01-01","multipleBirthInteger":2}"#;

const JSON_PATCH: &[u8] = br#"[{"op":"test","path":"/name/0/given/0","value":"b"},{"op":"add","path":"/telecom/-","value":{"system":"sms"}},{"op":"move","from":"/telecom/0","path":"/telecom/1"},{"op":"copy","from":"/name/0","path":"/name/1"},{"op":"remove","path":"/telecom/0"},{"op":"replace","path":"/name/0/family","value":"c~1"}]"#;

#[test]
fn no_bytes_break_a_json_patch() {
    let resource = read(GOOD);
    check!().with_test_time(Duration::from_secs(SECONDS)).for_each(|bytes: &[u8]| survives(&resource, bytes));
}

#[test]
fn no_damage_to_a_good_json_patch_breaks_it() {
    let resource = read(GOOD);
    check!().with_test_time(Duration::from_secs(SECONDS)).with_type::<Vec<(u16, u8, u8)>>().for_each(|damage| {
        survives(&resource, &damaged(JSON_PATCH, damage));
    });
}

fn damaged(good: &[u8], damage: &[(u16, u8, u8)]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for (place, how, byte) in damage {
        let (at, other) = (usize::from(*place) % bytes.len(), usize::from(*byte) % bytes.len());
        match how % 4 {
            0 => bytes[at] = *byte,
            1 => bytes.insert(at, *byte),
            2 if bytes.len() > 1 => drop(bytes.remove(at)),
            _ => bytes.swap(at, other),
        }
    }
    bytes
}

fn survives(resource: &Resource<'_>, bytes: &[u8]) {
    comes_back_or_is_refused(resource, patch::json_patch(resource, bytes));
}

fn comes_back_or_is_refused(resource: &Resource<'_>, patched: Result<Resource<'static>, PatchError>) {
    match patched {
        Ok(after) => {
            assert_eq!((after.kind(), after.id()), (resource.kind(), resource.id()));
            assert_eq!(json::read(written(&after).as_bytes()).expect("a result is legal"), after);
        }
        Err(error) => assert!(!error.issues.is_empty()),
    }
}

/// Words that a random FHIRPath Patch is made of.
const TYPES: [&str; 6] = ["add", "insert", "delete", "replace", "move", "x"];
const PATHS: [&str; 14] = [
    "Patient",
    "Patient.name",
    "Patient.name[0]",
    "Patient.name.given",
    "Patient.name.given[1]",
    "Patient.telecom",
    "Patient.telecom.where(system = 'fax')",
    "Patient.contained[0].name",
    "Patient.contained",
    "Patient.birthDate",
    "Patient.multipleBirth",
    "Patient.contact",
    "Patient.id",
    "Patient.name.given.id",
];
const NAMES: [&str; 8] = ["given", "family", "telecom", "gender", "multipleBirth", "extension", "id", "contained"];
const VALUES: [&str; 6] = [
    r#""valueString":"s""#,
    r#""valueInteger":1"#,
    r#""valueContactPoint":{"system":"sms"}"#,
    r#""part":[{"name":"url","valueUri":"u"},{"name":"value","valueBoolean":true}]"#,
    r#""resource":{"resourceType":"Organization","id":"o"}"#,
    r#""_valueString":{"id":"y"}"#,
];

#[test]
fn no_operations_break_a_fhirpath_patch() {
    let resource = read(GOOD);
    type Words = Vec<(u8, u8, u8, u8, u8, u8)>;
    check!().with_test_time(Duration::from_secs(SECONDS)).with_type::<Words>().for_each(|words| {
        let pick = |list: &[&'static str], at: u8| list[usize::from(at) % list.len()];
        let operations = words.iter().take(20).map(|&(kind, path, name, value, one, other)| {
            let (kind, path, name) = (pick(&TYPES, kind), pick(&PATHS, path), pick(&NAMES, name));
            let value = pick(&VALUES, value);
            let mut parts = vec![
                format!(r#"{{"name":"type","valueCode":"{kind}"}}"#),
                format!(r#"{{"name":"path","valueString":"{path}"}}"#),
            ];
            let counted = |name: &str, at: u8| format!(r#"{{"name":"{name}","valueInteger":{}}}"#, at % 4);
            match kind {
                "add" => parts.push(format!(r#"{{"name":"name","valueString":"{name}"}}"#)),
                "insert" => parts.push(counted("index", one)),
                "move" => parts.extend([counted("source", one), counted("destination", other)]),
                _ => {}
            }
            if matches!(kind, "add" | "insert" | "replace") {
                parts.push(format!(r#"{{"name":"value",{value}}}"#));
            }
            format!(r#"{{"name":"operation","part":[{}]}}"#, parts.join(","))
        });
        let list = operations.collect::<Vec<_>>().join(",");
        if list.is_empty() {
            return;
        }
        let bytes = format!(r#"{{"resourceType":"Parameters","parameter":[{list}]}}"#);
        comes_back_or_is_refused(&resource, patch::fhirpath_patch(&resource, &read(bytes.as_bytes())));
    });
}

/// What was added and taken away again was never there, by either form.
#[test]
fn add_and_remove_leave_the_resource_as_it_was() {
    let resource = read(GOOD);
    let additions = [
        ("/gender", r#""male""#),
        ("/contact", r#"[{"gender":"male"}]"#),
        ("/name/0/given/0", r#""z""#),
        ("/telecom/2", r#"{"system":"sms"}"#),
        ("/telecom/0", r#"{"value":"9"}"#),
        ("/name/0/period", r#"{"start":"2020","end":"2021"}"#),
    ];
    check!().with_iterations(5_000).with_type::<Vec<u8>>().for_each(|picks| {
        let picked: Vec<_> =
            picks.iter().take(20).map(|pick| additions[usize::from(*pick) % additions.len()]).collect();
        let mut operations: Vec<String> = Vec::new();
        let mut open: Vec<&str> = Vec::new();
        for (path, value) in picked {
            // A member is written over by a second addition, which would not leave what was there.
            if open.contains(&path) {
                continue;
            }
            operations.push(format!(r#"{{"op":"add","path":"{path}","value":{value}}}"#));
            open.push(path);
        }
        operations.extend(open.iter().rev().map(|path| format!(r#"{{"op":"remove","path":"{path}"}}"#)));
        let after = patch::json_patch(&resource, format!("[{}]", operations.join(",")).as_bytes());
        assert_eq!(after.map(|after| written(&after)), Ok(written(&resource)));
    });
}

#[test]
fn a_narrative_does_not_outlive_what_it_says() {
    let resource = |status: &str, rest: &str| {
        format!(
            r#"{{"resourceType":"Patient","id":"p","text":{{"status":"{status}","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"}}{rest}}}"#
        )
    };
    let safe = |before: &str, after: &str| {
        let after = read(after.as_bytes()).into_owned();
        patch::without_stale_narrative(&read(before.as_bytes()), after).map(|after| written(&after))
    };
    let (plain, other) = (resource("generated", ""), resource("generated", r#","active":true"#));
    let bare = r#"{"resourceType":"Patient","id":"p","active":true}"#;
    assert_eq!(safe(&plain, &other), Ok(bare.to_owned()));
    assert_eq!(safe(&other, &plain), Ok(r#"{"resourceType":"Patient","id":"p"}"#.to_owned()));
    assert_eq!(safe(&plain, &plain), Ok(plain.clone()));
    let tagged = resource("generated", r#","meta":{"tag":[{"code":"t"}]}"#);
    assert!(safe(&plain, &tagged).expect("kept").contains("<div"), "meta is not in the narrative");
    let rewritten = other.replace(">x<", ">y<");
    assert_eq!(safe(&plain, &rewritten), Ok(rewritten.clone()));
    assert_eq!(safe(bare, &other), Ok(other.clone()));
    let (said, more) = (resource("additional", ""), resource("additional", r#","active":true"#));
    assert_eq!(reason(safe(&said, &more)), Some(Reason::Inapplicable));
    assert_eq!(safe(&said, &said), Ok(said.clone()));
}
