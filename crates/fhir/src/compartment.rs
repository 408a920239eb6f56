//! Whose record a resource belongs to: the compartments of R4 (§2.36 and `profiles/r4/compartments.txt`).
//!
//! A resource is in the compartment of a patient (encounter, practitioner, related person, device) when one of a few
//! reference parameters of its type names it. That of the patient decides what may be shown of whom, so a Patient is
//! also in its own compartment, which R4's table leaves to be understood.

use std::sync::LazyLock;

use crate::Resource;
use crate::search::{self, ParameterId, Reference, Value};

/// The parameters by which a resource of this type is in the compartment of the patients that it names; none where the
/// type is in no patient's compartment.
pub fn parameters(kind: &str) -> &'static [ParameterId] {
    membership("Patient", kind)
}

/// The same for any of R4's compartments, by the type that it is named for.
pub fn membership(compartment: &str, kind: &str) -> &'static [ParameterId] {
    match MEMBERSHIP.binary_search_by(|member| (member.compartment, member.kind).cmp(&(compartment, kind))) {
        Ok(at) => &MEMBERSHIP[at].parameters,
        Err(_) => &[],
    }
}

/// The name of a type that has compartments, as the tables hold it.
pub fn named(kind: &str) -> Option<&'static str> {
    MEMBERSHIP.iter().map(|member| member.compartment).find(|compartment| *compartment == kind)
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

/// Whether the resource is in the compartment of this one.
pub fn contains(compartment: &str, of: &str, resource: &Resource<'_>) -> bool {
    let mut found = resource.kind() == compartment && resource.id() == Some(of);
    search::each_of(resource, membership(compartment, resource.kind()), &mut |entry| {
        found |=
            matches!(entry.value, Value::Reference(Reference::Local { kind, id }) if kind == compartment && id == of);
    });
    found
}

struct Member {
    compartment: &'static str,
    kind: &'static str,
    parameters: Vec<ParameterId>,
}

/// By compartment and type, sorted.
static MEMBERSHIP: LazyLock<Vec<Member>> = LazyLock::new(|| {
    let lines = include_str!("../../../profiles/r4/compartments.txt").lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut members: Vec<Member> = lines.map(member).collect();
    members.sort_unstable_by_key(|member| (member.compartment, member.kind));
    members
});

fn member(line: &'static str) -> Member {
    let mut columns = line.split('\t');
    let mut column = || columns.next().expect("compartments.txt has three columns");
    let (compartment, kind, codes) = (column(), column(), column());
    let id = |code: &str| search::table().find(kind, code).expect("compartments.txt names parameters of R4").id;
    Member { compartment, kind, parameters: codes.split(',').filter(|code| *code != "{def}").map(id).collect() }
}
