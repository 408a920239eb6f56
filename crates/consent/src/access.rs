//! What a decision permits, in the terms that a query plan understands.

use std::collections::BTreeSet;

/// A decision of [`Policy`](crate::Policy): who asks, and which resources he may read and write.
///
/// Its fields are private and it has no public constructor but [`Access::nobody`], so that holding one proves that a
/// policy was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    who: String,
    read: Reach,
    write: Reach,
    golden: bool,
}

/// The resources that a decision reaches, as a predicate over indexed columns.
///
/// What lies outside the reach looks exactly like what does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    Nothing,
    /// Resources of these types only, such as `Observation`.
    Kinds(BTreeSet<String>),
    Everything,
}

impl Access {
    /// Reaches nothing: what a caller holds before a policy was asked, and after one refused.
    pub fn nobody() -> Access {
        Access { who: "nobody".to_owned(), read: Reach::Nothing, write: Reach::Nothing, golden: false }
    }

    pub(crate) fn new(who: impl Into<String>, read: Reach, write: Reach) -> Access {
        Access { who: who.into(), read, write, golden: false }
    }

    /// The same, for the one part that writes golden Patients.
    pub(crate) fn writing_golden(self) -> Access {
        Access { golden: true, ..self }
    }

    /// Whether golden Patients, which are read-only for everybody else, may be written.
    pub fn writes_golden(&self) -> bool {
        self.golden
    }

    /// The same, as far as it reaches resources of these types; golden Patients are not written.
    pub fn narrowed(self, read: &[&str], write: &[&str]) -> Access {
        Access { read: self.read.within(read), write: self.write.within(write), golden: false, ..self }
    }

    /// The requester's name for the audit: a client or a part of the gateway, never a patient's.
    pub fn who(&self) -> &str {
        &self.who
    }

    pub fn read(&self) -> &Reach {
        &self.read
    }

    pub fn write(&self) -> &Reach {
        &self.write
    }

    /// Whether nothing at all is permitted, so that the server can refuse before it reads a body.
    pub fn is_nobody(&self) -> bool {
        self.read == Reach::Nothing && self.write == Reach::Nothing
    }
}

impl Reach {
    /// What is reached and of one of these types.
    fn within(self, kinds: &[&str]) -> Reach {
        let kinds: BTreeSet<String> =
            kinds.iter().filter(|kind| self.covers(kind)).map(|kind| (*kind).to_owned()).collect();
        if kinds.is_empty() { Reach::Nothing } else { Reach::Kinds(kinds) }
    }

    /// Whether resources of the type `kind` may be within reach.
    pub fn covers(&self, kind: &str) -> bool {
        match self {
            Reach::Nothing => false,
            Reach::Kinds(kinds) => kinds.contains(kind),
            Reach::Everything => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrowing_never_widens() {
        let kinds = |kinds: &[&str]| Reach::Kinds(kinds.iter().map(|kind| (*kind).to_owned()).collect());
        let all = Access::new("x", Reach::Everything, Reach::Everything).writing_golden();
        let narrow = all.narrowed(&["Patient", "Linkage"], &["Linkage"]);
        assert_eq!((narrow.read(), narrow.write()), (&kinds(&["Linkage", "Patient"]), &kinds(&["Linkage"])));
        assert!(!narrow.writes_golden());
        let narrower = narrow.narrowed(&["Patient", "Observation"], &["Patient"]);
        assert_eq!((narrower.read(), narrower.write()), (&kinds(&["Patient"]), &Reach::Nothing));
        assert!(Access::nobody().narrowed(&["Patient"], &["Patient"]).is_nobody());
    }
}
