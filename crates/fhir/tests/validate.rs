//! What base validation says of a resource: `validate.txt` and `validate_bundle.txt`; narrative; bounds; and the official
//! examples, which are valid but for those that are truly wrong.
//!
//! The examples lie beside the checkout; where they are absent the test says so and passes.

#[path = "support/shared.rs"]
mod shared;

use fhir::validate::{Options, is_valid, validate};
use fhir::{Issue, Severity, json};

const STRICT: Options<'_> = Options { least: Severity::Warning, now: None, issues_max: 100 };

fn judged(json: &str) -> Vec<Issue> {
    let resource = json::read(json.as_bytes()).unwrap_or_else(|issues| panic!("{json}\n{issues:#?}"));
    validate(&resource, &STRICT)
}

fn told(issue: &Issue) -> String {
    format!("{} {}: {}", issue.severity.code(), issue.path, issue.text)
}

#[test]
fn resources_are_judged_as_the_cases_say() {
    let cases = [include_str!("validate.txt"), include_str!("validate_bundle.txt")].join("\n");
    let mut lines = cases.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).peekable();
    let mut count = 0;
    while let Some(resource) = lines.next() {
        let mut expected = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with("=> ")) {
            expected.extend(line.strip_prefix("=> ").filter(|line| *line != "valid"));
        }
        let found: Vec<String> =
            judged(resource).iter().filter(|issue| !issue.text.starts_with("dom-6")).map(told).collect();
        let agrees = found.len() == expected.len() && found.iter().zip(&expected).all(|(f, e)| f.starts_with(e));
        assert!(agrees, "{resource}\nfound    {found:#?}\nexpected {expected:#?}");
        count += 1;
    }
    assert!(count >= 60, "{count}");
}

fn narrative(div: &str) -> Vec<String> {
    let text = serde_json::json!({ "status": "generated", "div": div });
    let patient = serde_json::json!({ "resourceType": "Patient", "text": text });
    judged(&patient.to_string()).iter().map(told).collect()
}

#[test]
fn narrative_is_what_r4_allows() {
    let div = |inside: &str| format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{inside}</div>");
    for inside in [
        "x",
        "<p style=\"color: red\" class='a'>x &lt; y &#160; &#xA0;</p>",
        "<img src=\"#a\" alt=\"x\"/>",
        "<a href=\"https://a.org?x=1&amp;y=2\">x</a><a href=\"#x\">y</a><a href=\"Patient/1\">z</a>",
        "<table border=\"1\"><tr><td colspan=\"2\">x</td></tr></table><!-- y -->",
        "<![CDATA[x]]>",
    ] {
        assert_eq!(narrative(&div(inside)), Vec::<String>::new(), "{inside}");
    }
    for (inside, expected) in [
        ("", "txt-2"),
        (" <p> </p> <!-- x -->", "txt-2"),
        ("<script>x</script>", "txt-1: the narrative has an element <script>"),
        ("<p onclick=\"x()\">x</p>", "txt-1: the narrative <p> has an attribute onclick"),
        ("<a href=\"javascript:x()\">x</a>", "txt-1: the narrative href of <a> has a scheme"),
        ("<a href=\"urn:uuid:1\">x</a>", "txt-1: the narrative href of <a> has a scheme"),
        ("x &nbsp;", "txt-1: the narrative has an entity"),
        ("x & y", "txt-1: the narrative has an &"),
        ("x < y", "txt-1: the narrative has a <"),
        ("<p>x", "txt-1: the narrative <p> is closed by another tag"),
        ("x</p>", "txt-1: the narrative <div> is closed by another tag"),
        ("<p class=a>x</p>", "txt-1: the narrative an attribute of <p> has no value in quotes"),
        ("<p class=\"a\" class=\"b\">x</p>", "txt-1: the narrative <p> has an attribute twice"),
        ("<?x y?>x", "txt-1: the narrative has a document type"),
        ("<P>x</P>", "txt-1: the narrative has an element <P>"),
    ] {
        let found = narrative(&div(inside));
        let expected = format!("error Patient.text.div: {expected}");
        assert!(found.len() == 1 && found[0].starts_with(&expected), "{inside}\n{found:?}");
    }
    assert!(narrative("<div>x</div>")[0].contains("its div must be in the namespace"));
    assert!(narrative(&format!("{}x", div("x")))[0].contains("something behind its div"));
    let deep = div(&format!("{}x{}", "<b>".repeat(300), "</b>".repeat(300)));
    assert!(narrative(&deep)[0].contains("more than 256 elements"));
    let twice = narrative(&div("<p id=\"a\">x</p><p id=\"a\">y</p>"));
    assert!(twice.len() == 1 && twice[0].starts_with("warning Patient.text.div: an id is in the narrative twice"));
}

#[test]
fn only_what_is_asked_for_is_told_and_only_so_much() {
    let contacts = r#"{"gender":"male"},"#.repeat(500);
    let contacts = contacts.trim_end_matches(',');
    let patient =
        format!(r#"{{"resourceType":"Patient","meta":{{"profile":["http://a.org/p"]}},"contact":[{contacts}]}}"#);
    let resource = json::read(patient.as_bytes()).expect("good");
    let count = |options: &Options<'_>| validate(&resource, options).len();
    // And one that says that there are more.
    assert_eq!(count(&Options::default()), 101);
    assert_eq!(count(&Options { issues_max: 7, ..Options::default() }), 8);
    let errors = validate(&resource, &Options { least: Severity::Error, issues_max: 1000, now: None });
    assert!(errors.len() == 500 && errors.iter().all(|issue| issue.severity == Severity::Error));
    let all = validate(&resource, &Options { issues_max: 1000, ..Options::default() });
    let profile = all.iter().find(|issue| issue.path == "Patient.meta.profile[0]").expect("the claim is named");
    assert_eq!((profile.severity, is_valid(std::slice::from_ref(profile))), (Severity::Information, true));
    assert!(!is_valid(&all));
}

#[test]
fn a_profile_that_is_claimed_is_named_and_not_judged() {
    let observation = r#"{"resourceType":"Observation","meta":{"profile":["http://a.org/p","http://hl7.org/fhir/StructureDefinition/bp"]},"status":"final","code":{"text":"x"}}"#;
    let resource = json::read(observation.as_bytes()).expect("good");
    let issues = validate(&resource, &Options::default());
    let paths: Vec<&str> = issues
        .iter()
        .filter(|issue| issue.severity == Severity::Information)
        .map(|issue| issue.path.as_str())
        .collect();
    assert_eq!(paths, ["Observation.meta.profile[0]", "Observation.meta.profile[1]"]);
}

/// Official examples that break R4, with the beginning of what is said of them.
const WRONG_EXAMPLES: &[(&str, &str)] = &[
    ("ActivityDefinition-blood-tubes-supply", "txt-2"),
    ("ActivityDefinition-heart-valve-replacement", "txt-2"),
    ("EventDefinition-example", "txt-2"),
    ("Questionnaire-zika-virus-exposure-assessment", "txt-2"),
    ("Bundle-10bb101f-a121-4264-a920-67be9cb82c74", FULL_URL),
    ("Bundle-3a0707d3-549e-4467-b8b8-5a2ab3800efe", FULL_URL),
    ("Bundle-lri-example", FULL_URL),
    ("DeviceMetric-example", "must not refer to a DeviceDefinition"),
    ("DeviceUseStatement-example", "must not refer to a Procedure"),
    ("Library-zika-virus-intervention-logic", "must be an OID"),
    ("PlanDefinition-example-cardiology-os", "no resource with this id is contained"),
    ("Claim-760152", UNIT),
    ("MedicationDispense-meddisp0324", UNIT),
    ("MedicationDispense-meddisp0327", UNIT),
    ("MedicationDispense-meddisp0329", UNIT),
    ("MedicationRequest-medrx0314", UNIT),
    ("MedicationRequest-medrx0322", UNIT),
    ("MedicationRequest-medrx0325", UNIT),
    ("MedicationRequest-medrx0326", UNIT),
    ("MedicationRequest-medrx0328", UNIT),
    ("MedicationRequest-medrx0329", UNIT),
    ("MedicationRequest-medrx0334", UNIT),
    ("MedicationRequest-medrx0335", UNIT),
    ("VisionPrescription-33124", UNIT),
];

/// Their fullUrl and their id are two, which R4 §2.36.4 forbids.
const FULL_URL: &str = "fullUrl: does not end in the type and id";

/// `ea`, `TAB`, `month` and their like say that they are UCUM.
const UNIT: &str = "is not a unit of UCUM";

#[test]
fn official_examples_are_valid_unless_they_are_wrong() {
    let mut unexpected = Vec::new();
    for path in shared::shared("fhir-r4-examples/json", "json") {
        let bytes = std::fs::read(&path).expect("an example can be read");
        let Ok(resource) = json::read(&bytes) else { continue };
        let name = shared::name(&path);
        let issues = validate(&resource, &Options { least: Severity::Error, ..Options::default() });
        let is_known =
            |issue: &Issue| WRONG_EXAMPLES.iter().any(|(file, said)| *file == name && told(issue).contains(said));
        unexpected
            .extend(issues.iter().filter(|issue| !is_known(issue)).map(|issue| format!("{name}: {}", told(issue))));
    }
    assert!(unexpected.is_empty(), "{unexpected:#?}");
}
