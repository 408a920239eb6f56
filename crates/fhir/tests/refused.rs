//! What the reader refuses, with the path and the words that it says so in; and what looks wrong but is FHIR.

use fhir::json::{self, Limits};
use fhir::{Issue, IssueType, Resource, Severity};

fn patient(members: &str) -> String {
    format!(r#"{{"resourceType":"Patient",{members}}}"#)
}

fn observation(members: &str) -> String {
    format!(r#"{{"resourceType":"Observation","status":"final","code":{{"text":"x"}},{members}}}"#)
}

/// Each refusal: the JSON, then all issues as `path: text`, the text up to a shared beginning.
#[track_caller]
fn refuses(json: &str, expected: &[&str]) {
    let issues = json::read(json.as_bytes()).expect_err(json);
    let found: Vec<String> = issues.iter().map(|issue| format!("{}: {}", issue.path, issue.text)).collect();
    let all_match = found.len() == expected.len() && found.iter().zip(expected).all(|(f, e)| f.starts_with(e));
    assert!(all_match, "{json}\nfound    {found:#?}\nexpected {expected:#?}");
}

#[track_caller]
fn takes(json: &str) -> Resource<'_> {
    json::read(json.as_bytes()).unwrap_or_else(|issues| panic!("{json}\n{issues:#?}"))
}

#[test]
fn elements() {
    let cases: &[(&str, &[&str])] = &[
        (r#""active":true,"active":true"#, &["Patient.active: is there twice"]),
        (r#""_active":{"id":"a"},"_active":{"id":"a"}"#, &["Patient.active: is there twice"]),
        (r#""favouriteColour":"red""#, &["Patient.favouriteColour: is not an element of Patient"]),
        (r#""Anna Smith 1970":1"#, &["Patient.?: is not an element of Patient"]),
        (r#""_name":[{"id":"a"}]"#, &["Patient._name: is not an element of Patient"]),
        (
            r#""name":[{"colour":1,"family":2}]"#,
            &[
                "Patient.name[0].colour: is not an element of HumanName",
                "Patient.name[0].family: must be a text in quotes",
            ],
        ),
        (r#""name":[]"#, &["Patient.name: is an empty list"]),
        (r#""name":[{}]"#, &["Patient.name[0]: is an empty object"]),
        (r#""name":{"family":"x"}"#, &["Patient.name: must be a list"]),
        (r#""maritalStatus":[{"text":"x"}]"#, &["Patient.maritalStatus: must be one value, not a list"]),
        (r#""maritalStatus":"M""#, &["Patient.maritalStatus: must be an object, a CodeableConcept"]),
        (r#""birthDate":["1970"]"#, &["Patient.birthDate: must be one value, not a list"]),
        (r#""birthDate":{"year":1970}"#, &["Patient.birthDate: must be a text in quotes"]),
        (r#""birthDate":null"#, &["Patient.birthDate: must not be null"]),
        (r#""name":null"#, &["Patient.name: must be a list"]),
        (r#""name":[null]"#, &["Patient.name[0]: must be an object, a HumanName"]),
        (r#""maritalStatus":null"#, &["Patient.maritalStatus: must be an object"]),
        (r#""contact":[{"name":{"given":["a",1]}}]"#, &["Patient.contact[0].name.given[1]: must be a text in quotes"]),
        (r#""link":[{"other":{"reference":"Patient/1"}}]"#, &["Patient.link[0].type: is required and missing"]),
        (r#""communication":[{"preferred":true}]"#, &["Patient.communication[0].language: is required and missing"]),
        (r#""extension":[{"valueString":"x"}]"#, &["Patient.extension[0].url: is required and missing"]),
        (
            r#""deceasedBoolean":true,"deceasedDateTime":"2024""#,
            &["Patient.deceased: only one of its types is allowed, and deceasedBoolean is there too"],
        ),
        (r#""deceasedBoolean":true,"_deceasedDateTime":{"id":"a"}"#, &["Patient.deceased: only one of its types"]),
        (
            r#""maritalStatus":{"resourceType":"CodeableConcept","text":"x"}"#,
            &["Patient.maritalStatus.resourceType: is not an element of a datatype"],
        ),
        (r#""resourceType":"Patient","active":true"#, &["Patient.resourceType: is there twice"]),
    ];
    for (members, expected) in cases {
        refuses(&patient(members), expected);
    }
    // A choice's stem is also the beginning of another element's name.
    let effective = r#"{"definitionCodeableConcept":{"text":"x"},"participantEffectiveDescription":"x","participantEffectiveDateTime":"2024","_participantEffectiveDateTime":{"id":"a"}}"#;
    takes(&format!(
        r#"{{"resourceType":"ResearchElementDefinition","status":"draft","type":"outcome","characteristic":[{effective}]}}"#
    ));
    refuses(r#"{"resourceType":"Patient"}"#.trim_end_matches('}'), &["Patient: not JSON at line 1 column"]);
}

#[test]
fn values() {
    let cases: &[(&str, &[&str])] = &[
        (r#""active":"true""#, &["Patient.active: must be true or false without quotes"]),
        (r#""multipleBirthInteger":"2""#, &["Patient.multipleBirth: must be a number without quotes"]),
        (r#""multipleBirthInteger":2.0"#, &["Patient.multipleBirth: must be a whole number"]),
        (r#""multipleBirthInteger":2147483648"#, &["Patient.multipleBirth: must be a whole number"]),
        (r#""birthDate":"1970-02-30""#, &["Patient.birthDate: must be a date that exists"]),
        (r#""birthDate":"01.02.1970""#, &["Patient.birthDate: must be a date that exists"]),
        (r#""birthDate":"""#, &["Patient.birthDate: must be a date that exists"]),
        (r#""deceasedDateTime":"1970-01-01T10:00""#, &["Patient.deceased: must be a date that exists, or"]),
        (
            r#""gender":"M""#,
            &["Patient.gender: is not a code of administrative-gender; use one of female, male, other, unknown"],
        ),
        (r#""gender":" male""#, &["Patient.gender: must be a code without blanks"]),
        (r#""id":"a_b""#, &["Patient.id: must be an id"]),
        (r#""implicitRules":"a b""#, &["Patient.implicitRules: must be a URI"]),
        (r#""meta":{"lastUpdated":"2024-01-01"}"#, &["Patient.meta.lastUpdated: must be an instant"]),
        (r#""name":[{"text":""}]"#, &["Patient.name[0].text: must be not empty"]),
        (r#""name":[{"text":"a\u0000b"}]"#, &["Patient.name[0].text: must be without control characters"]),
        (r#""photo":[{"data":"QQ="}]"#, &["Patient.photo[0].data: must be base64"]),
        (r#""photo":[{"size":-1}]"#, &["Patient.photo[0].size: must be a whole number from 0"]),
        (r#""telecom":[{"rank":0}]"#, &["Patient.telecom[0].rank: must be a whole number from 1"]),
        (r#""text":{"status":"generated","div":"<p>x</p>"}"#, &["Patient.text.div: must be an XHTML <div> element"]),
        (r#""extension":[{"url":"u","valueUuid":"1"}]"#, &["Patient.extension[0].value: must be a UUID"]),
        (r#""extension":[{"url":"u","valueOid":"1.2"}]"#, &["Patient.extension[0].value: must be an OID"]),
        (r#""extension":[{"url":"u","valueTime":"8:00"}]"#, &["Patient.extension[0].value: must be a time of day"]),
    ];
    for (members, expected) in cases {
        refuses(&patient(members), expected);
    }
    refuses(&observation(r#""valueQuantity":{"value":"1.5"}"#), &["Observation.value.value: must be a number"]);
    refuses(r#"{"resourceType":"Observation","status":"final"}"#, &["Observation.code: is required and missing"]);
    refuses(
        r#"{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"display":"x"}}"#,
        &["MedicationRequest.medication: is required and missing"],
    );
}

#[test]
fn lists_of_primitives_and_their_extensions() {
    let extension = r#"{"extension":[{"url":"u","valueString":"x"}]}"#;
    let cases: &[(&str, &[&str])] = &[
        (r#""given":["a",null]"#, &["Patient.name[0].given[1]: is null without an extension"]),
        (r#""given":[null]"#, &["Patient.name[0].given[0]: is null without an extension"]),
        (r#""given":["a"],"_given":[null,E]"#, &["Patient.name[0].given: _given and it must be lists of one length"]),
        (r#""given":["a","b"],"_given":[E]"#, &["Patient.name[0].given: _given and it must be lists of one length"]),
        (r#""given":["a",null],"_given":[E,null]"#, &["Patient.name[0].given[1]: is null without an extension"]),
        (r#""_given":[null,E]"#, &["Patient.name[0].given[0]: is null without an extension"]),
        (r#""given":["a"],"_given":E"#, &["Patient.name[0].given: must be a list"]),
        (
            r#""given":["a"],"_given":["x"]"#,
            &["Patient.name[0].given[0]: its _ member must be an object with id or extension or null"],
        ),
        (r#""given":["a"],"_given":[{}]"#, &["Patient.name[0].given[0]: is an empty object"]),
        (r#""given":[1],"_given":[null]"#, &["Patient.name[0].given[0]: must be a text in quotes"]),
        (r#""given":["a","b"],"_given":E"#, &["Patient.name[0].given: must be a list"]),
        (r#""_family":[E]"#, &["Patient.name[0].family: its _ member must be an object with id or extension"]),
        (r#""_family":{"value":"x"}"#, &["Patient.name[0].family.value: is not an element of Element"]),
        (r#""_given":[]"#, &["Patient.name[0].given: is an empty list"]),
    ];
    for (name, expected) in cases {
        refuses(&patient(&format!(r#""name":[{{{}}}]"#, name.replace('E', extension))), expected);
    }
    for name in [r#""given":["a",null],"_given":[null,E]"#, r#""_given":[E]"#, r#""given":["a"],"_given":[{"id":"x"}]"#]
    {
        takes(&patient(&format!(r#""name":[{{{}}}]"#, name.replace('E', extension))));
    }
    // A required primitive may have an extension (why it is absent) in place of its value.
    takes(r#"{"resourceType":"Observation","_status":{"id":"a"},"code":{"text":"x"}}"#);
}

#[test]
fn resource_types() {
    refuses("[]", &[": not a resource"]);
    refuses("\"Patient\"", &[": not a resource"]);
    refuses("", &[": not JSON at line 1 column"]);
    refuses("{}", &[": has no resourceType"]);
    refuses(r#"{"active":true}"#, &[": has no resourceType"]);
    refuses(r#"{"resourceType":1}"#, &[": has no resourceType"]);
    for kind in ["", "patient", "HumanName", "Resource", "DomainResource", "Patient.contact", "SubscriptionStatus"] {
        refuses(
            &format!(r#"{{"resourceType":"{kind}","id":"a"}}"#),
            &[": its resourceType is not a resource of FHIR R4"],
        );
    }
    refuses(&patient(r#""contained":[{"id":"a"}]"#), &["Patient.contained[0]: has no resourceType"]);
    refuses(
        &patient(r#""contained":[{"resourceType":"Organization","alias":"x"}]"#),
        &["Patient.contained[0].alias: must be a list"],
    );
    refuses(
        r#"{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"resourceType":"Patient","name":[{"given":["a",2]}]}}]}"#,
        &["Bundle.entry[0].resource.name[0].given[1]: must be a text in quotes"],
    );

    let late = takes(r#"{"id":"a","contained":[{"id":"b","resourceType":"Organization"}],"resourceType":"Patient"}"#);
    let mut written = Vec::new();
    json::write(&late, &mut written);
    let first = r#"{"resourceType":"Patient","id":"a","contained":[{"resourceType":"Organization","id":"b"}]}"#;
    assert_eq!(String::from_utf8_lossy(&written), first);
}

#[test]
fn what_is_not_json_ends_the_reading() {
    let cases = [
        (r#"{"resourceType":"Patient","active":tru}"#, "Patient.active"),
        (r#"{"resourceType":"Patient","name":[{"family":"x"],}"#, "Patient.name[0]"),
        (r#"{"resourceType":"Patient","active":true,}"#, "Patient"),
        (r#"{"resourceType":"Patient","active":true} x"#, ""),
        (r#"{"resourceType":"Patient","active":true}{}"#, ""),
        (r#"{"resourceType":"Patient",'active':true}"#, "Patient"),
        (r#"{"resourceType":"Patient","multipleBirthInteger":01}"#, "Patient.multipleBirth"),
        (r#"{"resourceType":"Patient","multipleBirthInteger":NaN}"#, "Patient.multipleBirth"),
        (r#"{"resourceType":"Patient","name":[{"family":"\ud800x"}]}"#, "Patient.name[0].family"),
        (r#"{"resourceType":"Patient","name":[{"family":"\udc00"}]}"#, "Patient.name[0].family"),
        ("{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"a\nb\"}]}", "Patient.name[0].family"),
        (r#"{"resourceType":"Patient","name":[{"family":"\x"}]}"#, "Patient.name[0].family"),
    ];
    for (json, path) in cases {
        let issues = json::read(json.as_bytes()).expect_err(json);
        let last = issues.last().expect("an issue");
        assert_eq!((last.path.as_str(), last.severity), (path, Severity::Fatal), "{json}");
        assert!(last.text.starts_with("not JSON at line "), "{}", last.text);
    }
    for bytes in
        [&b"{\"resourceType\":\"Patient\",\"id\":\"\xff\"}"[..], b"\xff\xfe{\x00}\x00", b"{\"\xed\xa0\x80\":1}"]
    {
        let issues = json::read(bytes).expect_err("not UTF-8");
        assert!(issues[0].text.starts_with("not UTF-8 at byte "), "{}", issues[0].text);
    }
}

#[test]
fn limits() {
    let nested = |depth: usize| {
        let extension =
            r#"{"url":"u","extension":["#.repeat(depth) + r#"{"url":"u","valueCode":"x"}"# + &"]}".repeat(depth);
        patient(&format!(r#""extension":[{extension}]"#))
    };
    takes(&nested(62));
    let issues = json::read(nested(63).as_bytes()).expect_err("65 objects deep");
    assert_eq!(issues[0].text, "nested deeper than 64 objects; split the resource");
    assert!(json::read_within(nested(3).as_bytes(), Limits { depth_max: 4, issues_max: 50 }).is_err());
    for unclosed in
        [r#"{"resourceType":"Patient","extension":["#, "[", r#"{"a":"#, r#"{"resourceType":"Patient","x":["#]
    {
        assert!(json::read(unclosed.repeat(100_000).as_bytes()).is_err());
    }

    let many = patient(&format!(r#""name":[{}1]"#, "1,".repeat(1000)));
    assert_eq!(json::read(many.as_bytes()).expect_err("a thousand issues").len(), 50);
    let within = Limits { depth_max: 64, issues_max: 3 };
    assert_eq!(json::read_within(many.as_bytes(), within).expect_err("three issues").len(), 3);
}

#[test]
fn issues_never_repeat_a_value() {
    let secret = "Anna-Secret";
    for members in [
        format!(r#""birthDate":"{secret}""#),
        format!(r#""gender":"{secret}""#),
        format!(r#""active":"{secret}""#),
        format!(r#""identifier":"{secret}""#),
        format!(r#""name":[{{"family":"{secret}"],"x":1"#),
    ] {
        let issues: Vec<Issue> = json::read(patient(&members).as_bytes()).expect_err("wrong");
        assert!(!format!("{issues:?}").contains(secret), "{issues:?}");
    }
    let issues = json::read(format!(r#"{{"resourceType":"{secret}"}}"#).as_bytes()).expect_err("no such type");
    assert!(!format!("{issues:?}").contains(secret));
    assert_eq!(issues[0].code, IssueType::NotSupported);
}

#[test]
fn what_is_written_stays_as_it_was() {
    let members = r#""valueQuantity":{"value":1.10},"component":[{"code":{"text":"é\u00e9\"\\\/\n\t\u20ac"},"valueQuantity":{"value":-0.0e+400}}]"#;
    let json = observation(members);
    let mut written = Vec::new();
    json::write(&takes(&json), &mut written);
    let expected = r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.10},"component":[{"code":{"text":"éé\"\\/\n\t€"},"valueQuantity":{"value":-0.0e+400}}]}"#;
    assert_eq!(String::from_utf8(written).expect("UTF-8"), expected);

    let json = format!(
        "\u{feff}\n {} \r\n",
        patient(r#""text":{"status":"empty","div":"<div>a &amp; b</div>"},"id":"1","meta":{"versionId":"2"}"#)
    );
    let mut pretty = Vec::new();
    json::write_pretty(&takes(&json), &mut pretty);
    let expected = r#"{
  "resourceType": "Patient",
  "id": "1",
  "meta": {
    "versionId": "2"
  },
  "text": {
    "status": "empty",
    "div": "<div>a &amp; b</div>"
  }
}"#;
    assert_eq!(String::from_utf8(pretty).expect("UTF-8"), expected);
}
