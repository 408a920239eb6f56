//! Survivorship: which source's value the golden Patient shows, by element of Patient (R4 §8.1.2).

use fhir::{Node, Resource};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How one element is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Every different value, those of the newest source first.
    All,
    /// What the most sources say; of as many, the newest.
    Most,
    /// What the source says that was written last.
    Newest,
    /// What the source says that is trusted most (see [`Rules::trusting`]); of as much trust, the newest.
    Trusted,
}

/// The elements that a golden Patient has, each with its rule; what is not named is not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    elements: Vec<(&'static str, Rule)>,
    trusted: Vec<String>,
}

/// In the order in which R4 has them. Photos are left to the sources.
const USUAL: [(&str, Rule); 12] = [
    ("identifier", Rule::All),
    ("name", Rule::All),
    ("telecom", Rule::All),
    ("gender", Rule::Most),
    ("birthDate", Rule::Most),
    ("deceasedBoolean", Rule::Newest),
    ("deceasedDateTime", Rule::Newest),
    ("address", Rule::All),
    ("maritalStatus", Rule::Newest),
    ("contact", Rule::All),
    ("communication", Rule::All),
    ("generalPractitioner", Rule::All),
];

const REPEATING: [&str; 7] =
    ["identifier", "name", "telecom", "address", "contact", "communication", "generalPractitioner"];

impl Default for Rules {
    fn default() -> Rules {
        Rules { elements: USUAL.to_vec(), trusted: Vec::new() }
    }
}

impl Rules {
    /// The same with another rule for an element. The fault says why a golden Patient cannot have that.
    pub fn with(mut self, element: &str, rule: Rule) -> Result<Rules, String> {
        let Some(known) = self.elements.iter_mut().find(|(name, _)| *name == element) else {
            let names: Vec<&str> = USUAL.iter().map(|(name, _)| *name).collect();
            return Err(format!("{element}: a golden Patient has {}", names.join(", ")));
        };
        match (repeats(element), rule) {
            (false, Rule::All) => {
                return Err(format!("{element}: there is one of it, so the rule is most, newest or trusted"));
            }
            (true, Rule::Most | Rule::Newest) => {
                return Err(format!("{element}: it repeats, so the rule is all or trusted"));
            }
            _ => known.1 = rule,
        }
        Ok(self)
    }

    /// The same with sources that are trusted: those that have an identifier of one of these systems, in this order; all others
    /// after them.
    pub fn trusting(self, systems: impl IntoIterator<Item = String>) -> Rules {
        Rules { trusted: systems.into_iter().collect(), ..self }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Rule)> {
        self.elements.iter().copied()
    }

    /// The place of a source among those that are trusted: the least is trusted most.
    pub(super) fn place(&self, source: &Resource<'_>) -> usize {
        let identifiers = source.object.items("identifier").iter().filter_map(Node::as_object);
        let places = identifiers
            .filter_map(|of| self.trusted.iter().position(|system| Some(system.as_str()) == of.str("system")));
        places.min().unwrap_or(self.trusted.len())
    }

    /// Names these rules: golden Patients say by which they were put together, so that those of others are found.
    pub fn version(&self) -> String {
        let hash = Sha256::digest(format!("{FORM} {self:?}"));
        hash[..6].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Goes up whenever [`compose`](super::compose) makes something else of the same sources.
const FORM: u32 = 1;

/// Whether R4 lets the element come more than once.
pub fn repeats(element: &str) -> bool {
    REPEATING.contains(&element)
}

/// Where the extensions of a primitive stand.
pub fn extras(element: &str) -> Option<&'static str> {
    Some(match element {
        "gender" => "_gender",
        "birthDate" => "_birthDate",
        "deceasedBoolean" => "_deceasedBoolean",
        "deceasedDateTime" => "_deceasedDateTime",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_cannot_be_are_said() {
        let rules = Rules::default;
        for (element, rule, fault) in [
            ("birthDate", Rule::All, "there is one of it"),
            ("name", Rule::Newest, "it repeats"),
            ("photo", Rule::All, "a golden Patient has identifier, name"),
        ] {
            let said = rules().with(element, rule).unwrap_err();
            assert!(said.contains(fault) && said.starts_with(element), "{said}");
        }
        let other = rules().with("birthDate", Rule::Trusted).unwrap();
        assert_ne!(other.version(), rules().version());
        assert_ne!(other.clone().trusting(["urn:a".to_owned()]).version(), other.version());
        assert_eq!(rules().with("gender", Rule::Most).unwrap().version(), rules().version());
    }
}
