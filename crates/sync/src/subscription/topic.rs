//! The topics that can be subscribed to: what happens, by names of our own (Backport guide, "SubscriptionTopic").

/// Something that happens to resources.
#[derive(Debug, PartialEq, Eq)]
pub struct Topic {
    pub url: &'static str,
    /// For people.
    pub title: &'static str,
    /// The types that it happens to; none: all.
    pub kinds: &'static [&'static str],
    pub trigger: Trigger,
}

/// When it happens.
#[derive(Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Created, changed or deleted.
    Any,
    /// A version meets this search.
    Is(&'static str),
    /// A version meets this search, and the one before it did not.
    Becomes(&'static str),
}

pub const TOPICS: [Topic; 4] = [
    Topic {
        url: "urn:hilum:topic:resource-change",
        title: "A resource was created, changed or deleted",
        kinds: &[],
        trigger: Trigger::Any,
    },
    Topic {
        url: "urn:hilum:topic:patient-admit",
        title: "A patient came: an Encounter became arrived, triaged or in-progress",
        kinds: &["Encounter"],
        trigger: Trigger::Becomes("status=arrived,triaged,in-progress"),
    },
    Topic {
        url: "urn:hilum:topic:patient-discharge",
        title: "A patient left: an Encounter became finished",
        kinds: &["Encounter"],
        trigger: Trigger::Becomes("status=finished"),
    },
    // A correction and a withdrawal go to everybody who was told the result.
    Topic {
        url: "urn:hilum:topic:result",
        title: "A result came, was corrected or was withdrawn",
        kinds: &["Observation", "DiagnosticReport"],
        trigger: Trigger::Is("status:not=registered,preliminary,partial,unknown"),
    },
];

impl Topic {
    pub fn find(url: &str) -> Option<&'static Topic> {
        TOPICS.iter().find(|topic| topic.url == url)
    }
}
