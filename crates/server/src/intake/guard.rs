//! Is this still the same person? (`safety.md` 1)
//!
//! An identifier that arrives with a birth date, a sex and a name that all disagree with the record under it was
//! reused or mistyped. One of them may change in a life, all at once they are somebody else's.

use fhir::{Issue, IssueType, Resource};
use typed::{HumanName, Patient};

/// A reason to park the message, if `told` cannot be who `known` is.
pub fn wrong_person(known: &Resource<'_>, told: &Resource<'_>) -> Option<Issue> {
    // The typed reading costs; nearly always the birth date is the same.
    if known.str("birthDate") == told.str("birthDate") || told.str("birthDate").is_none() {
        return None;
    }
    let (Ok(known), Ok(told)) = (typed::patient(known), typed::patient(told)) else { return None };
    disagree(&known, &told).then(|| {
        Issue::error(
            IssueType::Conflict,
            "PID-3",
            "birth date, sex and name all disagree with the record under this identifier: was it reused or mistyped?",
        )
    })
}

fn disagree(known: &Patient, told: &Patient) -> bool {
    let birth = |patient: &Patient| patient.birth_date.as_ref().and_then(|date| date.value.clone());
    let sex = |patient: &Patient| patient.gender.as_ref().and_then(|code| code.value.clone());
    let differ = |a: Option<String>, b: Option<String>| matches!((a, b), (Some(a), Some(b)) if a != b);
    let both_named = !known.name.is_empty() && !told.name.is_empty();
    differ(birth(known), birth(told))
        && differ(sex(known), sex(told))
        && both_named
        && !known.name.iter().any(|a| told.name.iter().any(|b| alike(a, b)))
}

/// A family or a given name in common is enough to be alike: people marry, and clerks swap names.
fn alike(a: &HumanName, b: &HumanName) -> bool {
    let words = |name: &HumanName| -> Vec<String> {
        let parts = name.family.iter().chain(&name.given).filter_map(|part| part.value.as_ref());
        parts.map(|part| part.trim().to_lowercase()).filter(|part| part.chars().count() > 1).collect()
    };
    let (a, b) = (words(a), words(b));
    a.iter().any(|word| b.contains(word))
}

/// What refers to one patient would come to refer to another: a filler order number used again.
pub fn other_subject(element: &str) -> Issue {
    let text = "what this message changes belongs to another patient: were its numbers used again?";
    Issue::error(IssueType::Conflict, element, text)
}
