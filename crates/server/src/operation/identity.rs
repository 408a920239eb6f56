//! Who is one person, as others ask and stewards decide: `$match`, `$member-match`, `$ihe-pix`, and our own `$identity-decide`
//! and `$identity-explain`.
//!
//! While the index is not whole ("warming"), nobody is told that there is no such person (`safety.md` 13): the answer is 503.

mod decide;
mod matching;
mod member;
mod pix;

pub use decide::{decide, explain};
pub use matching::find;
pub use member::member;
pub use pix::{by_form as cross_reference_by_form, by_query as cross_reference};

use fhir::{Node, Object, Resource};
use identity::worker::{Candidate, Trouble};

use crate::http::{Failure, Kind};

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Failure {
        match trouble {
            Trouble::Warming => {
                Failure::new(Kind::Busy, "the index of who is one person is being made; ask again in a moment")
            }
            Trouble::Refused(why) => Failure::new(Kind::Unprocessable, why),
            Trouble::Read(error) => error.into(),
            Trouble::Commit(error) => error.into(),
        }
    }
}

/// Which person a candidate is of: the golden Patient over it, or the one source.
fn person(candidate: &Candidate) -> (bool, &str) {
    let golden = candidate.golden.as_ref().map(|golden| golden.id.as_str());
    (golden.is_some(), golden.unwrap_or(&candidate.id))
}

/// The parameter of this name.
fn parameter<'p>(parameters: &'p Resource<'_>, name: &str) -> Option<&'p Object<'p>> {
    let mut given = parameters.object.items("parameter").iter().filter_map(Node::as_object);
    given.find(|of| of.str("name") == Some(name))
}

fn part(name: &'static str, (element, value): (&'static str, Node<'static>)) -> Node<'static> {
    Node::Object(Object { fields: vec![("name", Node::text(name)), (element, value)] })
}

#[cfg(test)]
mod tests;
