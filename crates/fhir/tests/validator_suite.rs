//! The validators' own test suite (`FHIR/fhir-test-cases`, `validator/manifest.json`): is a case in error or not?
//!
//! Asked are the cases of R4 that need nothing but R4: no package, profile or other file to load first (`needs`), and of a
//! module that is about validating resources against R4 itself (`OTHER_MODULES` says which are not, and why). What is
//! expected is what the Java reference validator found. `DIFFERENCES` has every case in which we say otherwise; the
//! reasons are in `tests/README.md`. The data lies beside the checkout; where it is absent the test says so and passes.

use std::path::{Path, PathBuf};

use fhir::validate::{Options, is_valid, validate};
use fhir::{Issue, json, xml};
use serde_json::Value;

/// What a case may ask for that is more than R4.
const NEEDS: [&str; 10] = [
    "packages",
    "profiles",
    "profile",
    "supporting",
    "supporting5",
    "logical",
    "package-map",
    "fetcher",
    "advisor",
    "bundle-param",
];

/// Terminology servers, other versions' definitions, other formats and patterns, signatures, and measures' libraries.
const OTHER_MODULES: [&str; 15] = [
    "tx",
    "tx-advanced",
    "xver",
    "matchetype",
    "dsig",
    "json5",
    "cda",
    "cdshooks",
    "shc",
    "logical",
    "package-versioning",
    "scoring",
    "profile",
    "v2",
    "measure",
];

/// Cases in which we say otherwise.
const DIFFERENCES: &[&str] = &[
    "contained-resource-bad-id-ignore",
    "dr-example-org",
    "encounter-period",
    "ips-htmlrefs-backwards",
    "ips-nz-pj",
    "maiden-name-extension",
    "pat-security-bad-string1",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/fhir-test-cases/validator")
}

fn asked(case: &Value) -> bool {
    let version = case["version"].as_str().unwrap_or_default();
    let module = case["module"].as_str().unwrap_or_default();
    version.starts_with("4.0")
        && case["use-test"] != false
        && NEEDS.iter().all(|need| case.get(need).is_none())
        && !OTHER_MODULES.contains(&module)
}

/// Whether the Java validator found an error; none where its outcome is not here.
fn expected(case: &Value) -> Option<bool> {
    let outcome = std::fs::read(folder().join("outcomes").join(case["java"].as_str()?)).ok()?;
    let outcome: Value = serde_json::from_slice(&outcome).expect("an outcome is JSON");
    let issues = outcome["issue"].as_array().map_or(&[][..], Vec::as_slice);
    Some(issues.iter().any(|issue| issue["severity"] == "error" || issue["severity"] == "fatal"))
}

fn judged(bytes: &[u8]) -> Vec<Issue> {
    let is_json = bytes.trim_ascii_start().strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    let read = if is_json.first() == Some(&b'<') { xml::read(bytes) } else { json::read(bytes) };
    match read {
        Ok(resource) => validate(&resource, &Options::default()),
        Err(issues) => issues,
    }
}

#[test]
fn cases_are_in_error_where_the_reference_validator_says_so() {
    let Ok(manifest) = std::fs::read(folder().join("manifest.json")) else {
        return eprintln!("skipped: {} is not here", folder().display());
    };
    let manifest: Value = serde_json::from_slice(&manifest).expect("the manifest is JSON");
    let cases = manifest["test-cases"].as_array().expect("the manifest has cases");
    let (mut count, mut differing) = (0, Vec::new());
    for case in cases.iter().filter(|case| asked(case)) {
        let Ok(bytes) = std::fs::read(folder().join(case["file"].as_str().expect("a case has a file"))) else {
            continue;
        };
        let Some(expected) = expected(case) else { continue };
        let issues = judged(&bytes);
        count += 1;
        if is_valid(&issues) == expected {
            let name = case["name"].as_str().expect("a case has a name");
            let first = issues.iter().find(|issue| issue.severity <= fhir::Severity::Error);
            differing.push((name, first.map(|issue| format!("{} {}", issue.path, issue.text))));
        }
    }
    let unexplained: Vec<_> = differing.iter().filter(|(name, _)| !DIFFERENCES.contains(name)).collect();
    let healed: Vec<_> = DIFFERENCES.iter().filter(|name| differing.iter().all(|(other, _)| other != *name)).collect();
    eprintln!("{} of {count} cases agree", count - differing.len());
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    assert!(healed.is_empty(), "no longer different: {healed:?}");
    assert!(differing.len() * 100 <= count * 15, "less than 85 % agree");
}
