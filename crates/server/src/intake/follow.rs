//! What comes later for something that a person moved to another patient follows it there (`safety.md` 14; `moving`).
//!
//! The source still names the old patient. An id that stands for another one, whose old resource is the patient's that the
//! message names and whose new one is somebody else's, was moved; so the message means the new patient, in it and in all
//! results of the same message that hang together with it. A third patient is nobody's guess, and parks.

use std::collections::HashMap;

use fhir::Node;
use fhir::apply::Op;
use gateway::{Planned, Translation};
use record::{Key, ReadError, Record};

use super::rewrite;

/// By what the message calls it: the reference to the patient that it names, and the one that is meant.
pub type Followed = HashMap<Key, (String, String)>;

/// `filed` says where a key is filed now; `subject` to whom the stored resource of a key belongs.
pub async fn followed(
    record: &Record,
    translation: &Translation<'_>,
    filed: impl Fn(&Key) -> Key,
    subject: impl Fn(&Key) -> Option<String>,
) -> Result<Followed, ReadError> {
    let mut followed = Followed::new();
    let results: Vec<&Planned<'_>> =
        translation.planned.iter().filter(|of| !of.transient && of.same.is_some()).collect();
    for planned in &results {
        let named = key(planned);
        let place = filed(&named);
        if place == named {
            continue;
        }
        let (Some(told), Some(old), Some(new)) = (told(planned), subject(&named), subject(&place)) else { continue };
        if new != told && is_one(record, &told, &old).await? {
            followed.insert(named, (told, new));
        }
    }
    if !followed.is_empty() {
        spread(&results, &mut followed);
    }
    Ok(followed)
}

/// A report and its results go together; so does what was not known when they were moved.
fn spread(results: &[&Planned<'_>], followed: &mut Followed) {
    let refers: Vec<(Key, Vec<String>)> =
        results.iter().map(|planned| (key(planned), rewrite::references(&planned.change.writes))).collect();
    let is_joined = |one: usize, other: usize| {
        let names =
            |from: usize, to: usize| refers[from].1.iter().any(|reference| *reference == refers[to].0.to_string());
        names(one, other) || names(other, one)
    };
    // Each round adds one at least, so that there are no more rounds than results.
    loop {
        let known: Vec<usize> = (0..refers.len()).filter(|at| followed.contains_key(&refers[*at].0)).collect();
        let more = (0..refers.len()).filter(|at| !followed.contains_key(&refers[*at].0)).find_map(|at| {
            let with = known.iter().find(|with| is_joined(at, **with))?;
            Some((refers[at].0.clone(), followed[&refers[*with].0].clone()))
        });
        match more {
            Some((key, patients)) => followed.insert(key, patients),
            None => return,
        };
    }
}

fn key(planned: &Planned<'_>) -> Key {
    Key::new(planned.change.kind, planned.change.id.clone())
}

/// The patient that the message names.
fn told(planned: &Planned<'_>) -> Option<String> {
    let element = planned.same?;
    let write = planned.change.writes.iter().find(|write| write.path == [element])?;
    match &write.op {
        Op::Set(node) | Op::Fill(node) => node.as_object()?.str("reference").map(str::to_owned),
        _ => None,
    }
}

/// The patient in a stored resource.
pub fn subject(resource: &fhir::Resource<'_>) -> Option<String> {
    let subject = resource.get("subject").or_else(|| resource.get("patient"));
    subject.and_then(Node::as_object)?.str("reference").map(str::to_owned)
}

async fn is_one(record: &Record, told: &str, old: &str) -> Result<bool, ReadError> {
    if told == old {
        return Ok(true);
    }
    let key = |reference: &str| reference.split_once('/').map(|(kind, id)| Key::new(kind, id));
    let (Some(told), Some(old)) = (key(told), key(old)) else { return Ok(false) };
    let filed = record.resolve(&[told, old]).await?;
    Ok(filed.first() == filed.last())
}
