//! Whose record a resource belongs to: the Patient compartment (R4 §2.36 and `profiles/r4/compartments.txt`).
//!
//! A resource is in a patient's compartment when one of a few reference parameters of its type names the patient. That
//! decides what may be shown of whom, so a Patient is also in its own compartment, which R4's table leaves to be
//! understood. The other compartments are not needed yet and not read.

use std::sync::LazyLock;

use crate::Resource;
use crate::search::{self, ParameterId, Reference, Value};

/// The parameters by which a resource of this type is in the compartment of the patients that it names; none where the
/// type is in no patient's compartment.
pub fn parameters(kind: &str) -> &'static [ParameterId] {
    match PATIENT.binary_search_by(|(of, _)| (*of).cmp(kind)) {
        Ok(at) => &PATIENT[at].1,
        Err(_) => &[],
    }
}

/// The ids of the patients in whose compartments the resource is, each once: those that it names by `Patient/id`, and
/// itself. Patients named only by URL or identifier are not known here.
pub fn patients<'r>(resource: &'r Resource<'_>) -> Vec<&'r str> {
    let mut ids: Vec<&'r str> = Vec::new();
    if resource.kind() == "Patient" {
        ids.extend(resource.id());
    }
    search::each_of(resource, parameters(resource.kind()), &mut |entry| {
        if let Value::Reference(Reference::Local { kind: "Patient", id }) = entry.value
            && !ids.contains(&id)
        {
            ids.push(id);
        }
    });
    ids
}

type Membership = Vec<(&'static str, Vec<ParameterId>)>;

/// By type, sorted.
static PATIENT: LazyLock<Membership> = LazyLock::new(|| {
    let lines = include_str!("../../../profiles/r4/compartments.txt").lines();
    let mut types: Membership = lines.filter_map(|line| line.strip_prefix("Patient\t")).map(membership).collect();
    types.sort_unstable_by_key(|(kind, _)| *kind);
    types
});

fn membership(line: &'static str) -> (&'static str, Vec<ParameterId>) {
    let (kind, codes) = line.split_once('\t').expect("compartments.txt has three columns");
    let id = |code: &str| search::table().find(kind, code).expect("compartments.txt names parameters of R4").id;
    (kind, codes.split(',').filter(|code| *code != "{def}").map(id).collect())
}
