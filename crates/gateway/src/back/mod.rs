//! The way back: a Bundle as an HL7 v2 message, by the same rules read from their other end.
//!
//! Each resource takes its seat on a segment (`seat.rs`), the rules of its profile write what it says (`rules.rs`,
//! `value.rs`), their guards are produced or checked (`guard.rs`), and every element that no rule said is reported
//! (`left.rs`). Nothing is guessed: a rule whose guards do not hold afterwards is taken back (`page.rs`), and a
//! resource with a modifier element that no rule can say is not sent at all, because without it the rest would mean
//! something else (R4 §2.1.0.5.1).
//!
//! Pure like the way there: time and control id are arguments, and nothing outside the Bundle is looked up.

mod guard;
mod header;
mod items;
mod left;
mod links;
mod page;
mod place;
mod rules;
mod said;
mod seat;
mod survey;
mod value;

use fhir::{Issue, Resource};

use crate::plan::Plan;
use crate::source::Source;
use rules::Back;

/// What a message needs that no resource says.
#[derive(Debug, Clone)]
pub struct BackOptions<'o> {
    /// Type and event, such as `ADT^A08`; without it the Bundle decides, see `header.rs`.
    pub message: Option<&'o str>,
    /// Who will read it: its name and authorities say which local names it knows.
    pub source: &'o Source,
    pub stamp: Stamp<'o>,
}

/// The head of the message. Applications and facilities are HDs, such as `NORTH` or `NORTH^2.999.1^ISO`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stamp<'o> {
    /// As v2 writes it, such as `20260301101500+0100`.
    pub time: &'o str,
    pub control_id: &'o str,
    pub sending_application: &'o str,
    pub sending_facility: &'o str,
    pub receiving_application: &'o str,
    pub receiving_facility: &'o str,
    /// `P` where empty.
    pub processing_id: &'o str,
    /// `2.5.1` where empty.
    pub version: &'o str,
}

/// A message to send, and what of the Bundle is not in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// The message, each segment ended by CR. Written in UTF-8, and MSH-18 says so where it matters.
    pub text: String,
    /// Every resource or element that the message does not say, by place; never a value.
    pub issues: Vec<Issue>,
}

pub fn back(plan: &Plan, bundle: &Resource<'_>, options: &BackOptions<'_>) -> Result<Sent, Vec<Issue>> {
    let chosen = header::choose(plan, bundle, options)?;
    let mut back = Back::new(plan, bundle, options, chosen);
    header::open(&mut back, &options.stamp);
    survey::survey(&mut back);
    seat::place(&mut back)?;
    seat::run(&mut back);
    header::close(&mut back, &options.stamp);
    left::report(&mut back);
    let text = header::print(&back);
    Ok(Sent { text, issues: back.issues })
}
