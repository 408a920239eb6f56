//! Two files of one person become one (`safety.md` 4), and a file gets another number (`safety.md` 3).
//!
//! The prior is retired and refers to the survivor; what comes for it later is filed under the survivor. Stored
//! references stay as they are. What a machine cannot know (a survivor nobody has heard of, a circle, data that was
//! filed under the wrong person) is parked for a person.

use fhir::apply::{Change, Op, Write};
use fhir::{Issue, IssueType, Node, Object};
use gateway::{How, Merging};
use identity::linkage::{Pair, Verdict};
use record::{Key, Redirect, Why};

/// How two ids stand in the record before the merge.
pub struct Standing {
    /// Where messages for each are filed now.
    pub survivor: Key,
    pub prior: Key,
    pub survivor_known: bool,
    pub prior_known: bool,
}

/// What is to be done.
pub enum Step {
    Nothing,
    Redirect(Redirect),
    /// To be decided by identity, which knows what persons have said.
    Tell(Pair, Verdict),
    Park(Issue),
}

pub fn step(merging: &Merging, standing: &Standing) -> Step {
    let direct = standing.prior.id == merging.prior;
    match merging.how {
        How::Move => park("it says something of two records that a person must decide"),
        How::Link | How::Unlink => tell(merging.how, standing),
        How::Merge if standing.survivor.id == merging.prior => {
            park("the survivor was itself merged into the prior: a circle")
        }
        // It was merged before, by this message or another.
        _ if standing.prior == standing.survivor => Step::Nothing,
        How::Merge if !direct => park("the prior was already merged into another record"),
        // A visit or an account of the survivor is made by this very message; a person is somebody or nobody.
        How::Merge if !standing.survivor_known && merging.kind == "Patient" => {
            park("nobody has heard of the survivor: confirm the merge")
        }
        How::Merge => redirect(merging, &merging.prior, &standing.survivor.id, Why::Merged),
        How::Alias if standing.prior_known && standing.survivor_known => {
            park("both identifiers have a record already: they are to be merged, not renamed")
        }
        How::Alias if standing.prior_known => redirect(merging, &merging.survivor, &standing.prior.id, Why::Alias),
        How::Alias => redirect(merging, &merging.prior, &standing.survivor.id, Why::Alias),
    }
}

/// A24 says that two are one person, A37 that they are not: it takes the place of what an A24 said, and keeps the engine from
/// joining the two again.
fn tell(how: How, standing: &Standing) -> Step {
    let verdict = if how == How::Link { Verdict::Link } else { Verdict::NotSame };
    match Pair::of(&standing.survivor.id, &standing.prior.id) {
        Some(pair) => Step::Tell(pair, verdict),
        None if how == How::Link => Step::Nothing,
        None => park("one of the two was merged into the other: take the merge back first"),
    }
}

fn redirect(merging: &Merging, from: &str, to: &str, why: Why) -> Step {
    Step::Redirect(Redirect::Begin { kind: merging.kind.to_owned(), from: from.to_owned(), to: to.to_owned(), why })
}

fn park(text: &str) -> Step {
    Step::Park(Issue::error(IssueType::BusinessRule, "MRG", text))
}

/// What a merge writes to the two resources themselves: only Patients have a link; what else was merged is retired by
/// its status.
pub fn changes(kind: &'static str, prior: &str, survivor: &str) -> Vec<Change<'static>> {
    let change = |id: &str, writes| Change { kind, id: id.to_owned(), rank: 0, time: None, stub: false, writes };
    match kind {
        "Patient" => vec![
            change(prior, vec![set(&["active"], Node::Bool(false)), link(survivor, "replaced-by")]),
            change(survivor, vec![link(prior, "replaces")]),
        ],
        "Encounter" | "Account" => vec![change(prior, vec![set(&["status"], Node::text("entered-in-error"))])],
        _ => Vec::new(),
    }
}

fn set(path: &'static [&'static str], node: Node<'static>) -> Write<'static> {
    Write { path, owner: "merge", shared: false, displaces: &[], op: Op::Set(node) }
}

fn link(other: &str, kind: &'static str) -> Write<'static> {
    let other = Object { fields: vec![("reference", Node::text(format!("Patient/{other}")))] };
    let item = Object { fields: vec![("other", Node::Object(other)), ("type", Node::text(kind))] };
    Write { path: &["link"], owner: "merge", shared: true, displaces: &[], op: Op::Keep(vec![Node::Object(item)]) }
}
