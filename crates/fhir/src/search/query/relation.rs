//! Conditions on what stands around a resource: what it refers to, what refers to it, whose record it is in, which list
//! names it, which words it holds.

use super::{ACROSS, Filter, Query};
use crate::reference::is_id;
use crate::search::Parameter;
use crate::{Issue, IssueType, compartment};

/// One condition.
#[derive(Debug, Clone)]
pub enum Relation {
    /// A chain (R4 §3.1.1.4.14), `subject:Patient.name=x`: the parameter refers to a resource that meets one of these.
    Chain { parameter: &'static Parameter, to: Vec<Filter> },
    /// `_has:Observation:patient:code=x` (R4 §3.1.1.4.15): a resource of that type, which meets `from`, refers to this one by
    /// the parameter.
    Has { parameter: &'static Parameter, from: Filter },
    /// `_list=17,18`: an item of one of these Lists.
    Listed { lists: Vec<String> },
    /// In the compartment of this resource.
    Within { kind: &'static str, id: String },
    /// `_text` and `_content`.
    Words(Words),
}

/// A search for words in what is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// In the narrative alone (`_text`), or in all texts of the resource (`_content`).
    pub narrative: bool,
    /// One of these alternatives holds; each is phrases that must all be there, normalised, words by single blanks.
    pub any_of: Vec<Vec<String>>,
}

/// See [`Query::within`].
pub fn within(query: &mut Query, kind: &str, id: &str) -> Result<(), Issue> {
    let refuse = |text: String| Err(Issue::error(IssueType::NotSupported, "", text));
    let Some(kind) = compartment::named(kind) else {
        return refuse("R4 has compartments of Patient, Encounter, Practitioner, RelatedPerson and Device".into());
    };
    if !is_id(id) {
        return Err(Issue::error(IssueType::Invalid, "", "a compartment is named by a type and an id"));
    }
    let condition = || Relation::Within { kind, id: id.to_owned() };
    if query.kind == ACROSS {
        query.each.retain(|filter| !compartment::membership(kind, filter.kind).is_empty() || filter.kind == kind);
        query.each.iter_mut().for_each(|filter| filter.relations.push(condition()));
        return if query.each.is_empty() {
            refuse(format!("none of the types is in the {kind} compartment"))
        } else {
            Ok(())
        };
    }
    if compartment::membership(kind, query.kind).is_empty() && query.kind != kind {
        return refuse(format!("{} is never in the {kind} compartment", query.kind));
    }
    query.relations.push(condition());
    Ok(())
}
