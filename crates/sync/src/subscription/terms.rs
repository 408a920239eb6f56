//! What a Subscription asks for. What is not understood is refused, never guessed at: a criterion that is left out would
//! tell too much.

use fhir::search::Context;
use fhir::{Issue, IssueType, Node, Resource};

use super::channel::{self, Channel, Pace, Style};
use super::criteria::Criteria;
use super::extensions;
use super::topic::Topic;

#[derive(Debug, Clone)]
pub struct Terms {
    pub criteria: Criteria,
    pub channel: Channel,
    pub style: Style,
    pub pace: Pace,
    /// `Subscription.end`, as written.
    pub end: Option<String>,
}

impl Terms {
    /// Reads a Subscription by these search parameters.
    pub fn read(context: Context<'_>, subscription: &Resource<'_>) -> Result<Terms, Vec<Issue>> {
        let text = subscription.str("criteria").unwrap_or_default();
        let beside = subscription.get("_criteria").and_then(Node::as_object);
        let filters =
            extensions(beside, "backport-filter-criteria").map(|of| of.str("valueString").unwrap_or_default());
        let filters: Vec<&str> = filters.collect();
        let topic = Topic::find(text);
        let criteria = match topic {
            Some(topic) => Criteria::topic(context, topic, &filters)?,
            None if is_canonical(text) => {
                let text = "no such topic; the CapabilityStatement lists those that there are";
                return Err(vec![Issue::error(IssueType::NotSupported, "Subscription.criteria", text)]);
            }
            None if filters.is_empty() => Criteria::search(context, text)?,
            None => {
                let text = "filters narrow a topic; a search is narrowed by its own parameters";
                return Err(vec![Issue::error(IssueType::BusinessRule, "Subscription.criteria", text)]);
            }
        };
        let Some(Node::Object(channel)) = subscription.get("channel") else {
            return Err(vec![Issue::error(IssueType::Required, "Subscription.channel", "is missing")]);
        };
        let (channel, style, pace) = channel::read(channel, topic.is_some()).map_err(|issue| vec![issue])?;
        let end = subscription.str("end").map(str::to_owned);
        Ok(Terms { criteria, channel, style, pace, end })
    }

    /// The topic's name, where it is of one.
    pub fn topic(&self) -> Option<&'static str> {
        match &self.criteria {
            Criteria::Topic { topic, .. } => Some(topic.url),
            Criteria::Search(_) => None,
        }
    }

    /// Whether the receiver has to say first that he is there (the guide's handshake).
    pub fn shakes_hands(&self) -> bool {
        self.topic().is_some() && matches!(self.channel, Channel::RestHook { .. })
    }
}

/// A name such as `http://hl7.org/SubscriptionTopic/admission`, which no search begins with.
fn is_canonical(text: &str) -> bool {
    fhir::reference::has_scheme(text.split('?').next().unwrap_or_default())
}
