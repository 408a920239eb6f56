//! Subscriptions of clients: R4 Subscription (§2.46) and HL7's Subscriptions R5 Backport for R4.
//!
//! What is asked for is read here, strictly; what happened is compared with it; what is to be sent next is decided. The
//! subscription's own right to see is not decided here: who asks gives only what may be seen.

mod channel;
mod criteria;
mod machine;
mod notification;
mod state;
mod terms;
mod topic;

pub use channel::{Channel, Content, Format, Pace, Style};
pub use criteria::{Criteria, Event};
pub use machine::{ERROR_AFTER, Machine, Step, delay_ms};
pub use notification::{Head, Kind, Told, What, bundle, status, uuid};
pub use state::{State, Status};
pub use terms::Terms;
pub use topic::{TOPICS, Topic, Trigger};

/// What the guide's extensions begin with.
pub const GUIDE: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition";

/// The values of the guide's extension of this name on an element.
fn extensions<'r>(
    of: Option<&'r fhir::Object<'r>>,
    name: &'r str,
) -> impl Iterator<Item = &'r fhir::Object<'r>> + use<'r> {
    let all = of.map(|of| of.items("extension")).unwrap_or_default();
    all.iter().filter_map(fhir::Node::as_object).filter(move |extension| {
        let url = extension.str("url").and_then(|url| url.strip_prefix(GUIDE)?.strip_prefix('/'));
        url == Some(name)
    })
}

#[cfg(test)]
mod tests;
