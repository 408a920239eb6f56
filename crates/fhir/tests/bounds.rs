//! Base validation costs in proportion to what it is given, whoever made it.
//!
//! Nothing is timed: the resources are so large that looking through a list for each item of another would hang.
//! What they are told is the same as what a small one of the kind is.

#[path = "support/hostile.rs"]
mod hostile;

use fhir::validate::{Options, is_valid, validate};
use fhir::{Issue, Resource, Severity, json};

const ITEMS: usize = 200_000;

/// Invariants that are answered whatever the size. Others may say that they cannot be asked of so much.
const ANSWERED: [&str; 13] = [
    "ref-1", "bdl-2", "bdl-3", "bdl-4", "bdl-7", "csd-1", "que-2", "ctm-1", "ig-1", "ig-2", "obs-7", "sdf-8a", "dom-3",
];

fn read(text: &str) -> Resource<'_> {
    json::read(text.as_bytes()).unwrap_or_else(|issues| panic!("{issues:#?}"))
}

fn judged(text: &str, options: &Options<'_>) -> Vec<Issue> {
    validate(&read(text), options)
}

#[test]
fn what_is_large_is_judged_as_what_is_small() {
    for hostile::Shape { name, make, first_error: expected } in hostile::SHAPES {
        for count in [3, 300, ITEMS] {
            // A path or a tag that is too long is not so in the small.
            let is_small =
                count == 3 && expected.is_some_and(|text| text.starts_with("eld") || text.starts_with("txt"));
            let text = make(count);
            let resource = read(&text);
            let issues = validate(&resource, &Options { least: Severity::Error, ..Options::default() });
            let first = issues.first().map(|issue| issue.text.as_str());
            let agrees = match expected.filter(|_| !is_small) {
                Some(expected) => first.is_some_and(|text| text.starts_with(expected)),
                None => first.is_none(),
            };
            assert!(agrees, "{count} {name}: {first:?}");
            let all = validate(&resource, &Options::default());
            let unasked = all.iter().filter_map(|issue| issue.text.split_once(": cannot be asked"));
            let unasked: Vec<&str> = unasked.map(|(key, _)| key).filter(|key| ANSWERED.contains(key)).collect();
            assert!(unasked.is_empty(), "{count} {name}: {unasked:?}");
            assert!(all.len() <= 102, "{count} {name}: {} issues", all.len());
        }
    }
}

#[test]
fn where_the_list_of_issues_ends_is_said() {
    let contacts = vec![r#"{"gender":"male"}"#; 5000].join(",");
    let faulty = format!(r#"{{"resourceType":"Patient","contact":[{contacts}]}}"#);
    for (least, last) in [
        (Severity::Error, "error : more than 100 issues: the rest is not listed"),
        (Severity::Information, "information : more than 100 issues: the rest is not listed"),
    ] {
        let issues = judged(&faulty, &Options { least, ..Options::default() });
        let end = issues.last().expect("there are issues");
        assert_eq!(
            (issues.len(), format!("{} {}: {}", end.severity.code(), end.path, end.text)),
            (101, last.to_owned())
        );
    }
    let contacts = vec![r#"{"gender":"male"}"#; 99].join(",");
    let exact = format!(r#"{{"resourceType":"Patient","contact":[{contacts}]}}"#);
    let issues = judged(&exact, &Options::default());
    assert!(issues.len() == 100 && !issues.iter().any(|issue| issue.text.contains("more than")), "{issues:#?}");
}

#[test]
fn an_error_behind_more_warnings_than_are_listed_is_an_error() {
    let codings = vec![r#"{"code":"x"}"#; 5000].join(",");
    let contact = r#""contact":[{"gender":"male"},{"gender":"male"}]"#;
    let patient =
        |contact: &str| format!(r#"{{"resourceType":"Patient","maritalStatus":{{"coding":[{codings}]}}{contact}}}"#);
    let issues = judged(&patient(""), &Options::default());
    assert!(issues.len() == 101 && is_valid(&issues), "{issues:#?}");
    let issues = judged(&patient(&format!(",{contact}")), &Options::default());
    let errors: Vec<&Issue> = issues.iter().filter(|issue| issue.severity <= Severity::Error).collect();
    assert!(issues.len() == 102 && !is_valid(&issues), "{issues:#?}");
    assert!(errors.len() == 1 && errors[0].path == "Patient.contact[0]", "{errors:#?}");
}
