//! Survivorship: which source's value the golden Patient shows, by element of Patient (R4 §8.1.2).

/// How one element is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Every different value, those of the newest source first.
    All,
    /// What the most sources say; of as many, the newest.
    Most,
    /// What the source says that was written last.
    Newest,
}

/// The elements that a golden Patient has, each with its rule; what is not named is not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules(Vec<(&'static str, Rule)>);

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

/// Elements that repeat: one of them alone would still be a list.
const REPEATING: [&str; 7] =
    ["identifier", "name", "telecom", "address", "contact", "communication", "generalPractitioner"];

impl Default for Rules {
    fn default() -> Rules {
        Rules(USUAL.to_vec())
    }
}

impl Rules {
    /// The same with another rule for an element. None where a golden Patient has no such element, or only one of what the
    /// rule would show.
    pub fn with(mut self, element: &str, rule: Rule) -> Option<Rules> {
        let is_list = REPEATING.contains(&element);
        let known = self.0.iter_mut().find(|(name, _)| *name == element)?;
        if is_list != (rule == Rule::All) {
            return None;
        }
        known.1 = rule;
        Some(self)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Rule)> {
        self.0.iter().copied()
    }
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
