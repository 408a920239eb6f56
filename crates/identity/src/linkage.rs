//! What was decided of two Patients, as a Linkage in the log: one for each pair that was ever close enough, a version for
//! each time that the decision changed.
//!
//! It says who decided, by which model, with which weight and why, field by field in words without values. Its tag is the
//! decision, so that the queue of what waits for a person is the search `Linkage?_tag=urn:hilum:identity|possible`.

use std::fmt;

use fhir::{Node, Object, Resource};
use record::Key;
use sha2::{Digest, Sha256};

use crate::golden::TAG_SYSTEM;

/// The extension that holds what a Linkage has no element for.
const DECISION: &str = "urn:hilum:identity:decision";
/// Reasons that are kept of one decision.
const REASONS_MAX: usize = 32;
const PREFIX: &str = "identity-";

/// Two Patients, the smaller id first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pair {
    pub a: String,
    pub b: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// One person.
    Link,
    /// A person has to look.
    Possible,
    /// Nothing that would be worth a look.
    Apart,
    /// Two people, as a person has said.
    NotSame,
}

/// Who decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// The engine, with the version of its model.
    Machine(String),
    /// A person. It stands until a person takes it back.
    Person(String),
    /// A message of a source (A24, A37): which source, and which message. It stands against the engine, and until a person or
    /// a source says otherwise.
    Source(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub pair: Pair,
    pub verdict: Verdict,
    pub by: By,
    /// Of the comparison, in bits: log2 of how much likelier what is said is of one person than of two.
    pub weight: f64,
    pub reasons: Vec<String>,
}

impl Pair {
    /// None of a Patient and itself.
    pub fn of(one: &str, other: &str) -> Option<Pair> {
        let (a, b) = if one < other { (one, other) } else { (other, one) };
        (a != b).then(|| Pair { a: a.to_owned(), b: b.to_owned() })
    }

    pub fn other(&self, id: &str) -> &str {
        if self.a == id { &self.b } else { &self.a }
    }

    /// The key of the pair's Linkage.
    pub fn key(&self) -> Key {
        let mut hash = Sha256::new();
        for part in [&self.a, &self.b] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let hash: String = hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        Key::new("Linkage", format!("{PREFIX}{hash}"))
    }
}

/// Whether the key is of a Linkage that is written here.
pub fn is_decision(key: &Key) -> bool {
    key.kind == "Linkage" && key.id.strip_prefix(PREFIX).is_some_and(|hash| hash.len() == 32)
}

impl Verdict {
    pub const ALL: [Verdict; 4] = [Verdict::Link, Verdict::Possible, Verdict::Apart, Verdict::NotSame];

    pub fn code(self) -> &'static str {
        match self {
            Verdict::Link => "link",
            Verdict::Possible => "possible",
            Verdict::Apart => "apart",
            Verdict::NotSame => "not-same",
        }
    }

    pub fn read(code: &str) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|of| of.code() == code)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code())
    }
}

impl Decision {
    pub fn is_persons(&self) -> bool {
        matches!(self.by, By::Person(_))
    }

    pub fn resource(&self) -> Resource<'static> {
        let Decision { pair, verdict, by, weight, reasons } = self;
        let mut linkage = Resource::new("Linkage");
        let mut set = |name: &'static str, node: Node<'static>| linkage.object.set(name, node);
        let tag = object([("system", Node::text(TAG_SYSTEM)), ("code", Node::text(verdict.code()))]);
        set("id", Node::text(pair.key().id));
        set("meta", object([("tag", Node::List(vec![tag]))]));
        let (who, name) = match by {
            By::Machine(model) => ("model", model),
            By::Person(name) => ("person", name),
            By::Source(name) => ("source", name),
        };
        let mut parts = vec![
            extension(who, ("valueString", Node::text(name.clone()))),
            extension("weight", ("valueDecimal", Node::number(format!("{weight:.3}")))),
        ];
        let reasons = reasons.iter().take(REASONS_MAX);
        parts.extend(reasons.map(|reason| extension("reason", ("valueString", Node::text(reason.clone())))));
        let whole = object([("url", Node::text(DECISION)), ("extension", Node::List(parts))]);
        set("extension", Node::List(vec![whole]));
        set("active", Node::Bool(*verdict == Verdict::Link));
        let item = |kind: &'static str, id: &str| {
            let resource = object([("reference", Node::text(format!("Patient/{id}")))]);
            object([("type", Node::text(kind)), ("resource", resource)])
        };
        set("item", Node::List(vec![item("source", &pair.a), item("alternate", &pair.b)]));
        linkage
    }

    /// None where it is none of ours.
    pub fn read(linkage: &Resource<'_>) -> Option<Decision> {
        let objects = |of: &'_ Object<'_>, name: &str| -> Vec<Object<'static>> {
            of.items(name).iter().filter_map(Node::as_object).map(|object| object.clone().into_owned()).collect()
        };
        let meta = linkage.get("meta")?.as_object()?;
        let tags = objects(meta, "tag");
        let tag = tags.iter().find(|tag| tag.str("system") == Some(TAG_SYSTEM))?;
        let verdict = Verdict::read(tag.str("code")?)?;
        let ids: Vec<String> = objects(&linkage.object, "item").iter().filter_map(patient).collect();
        let pair = Pair::of(ids.first()?, ids.get(1)?)?;
        let whole = objects(&linkage.object, "extension").into_iter().find(|of| of.str("url") == Some(DECISION))?;
        let (mut by, mut weight, mut reasons) = (None, 0.0, Vec::new());
        for part in objects(&whole, "extension") {
            let text = || part.str("valueString").map(str::to_owned);
            match part.str("url")? {
                "model" => by = text().map(By::Machine),
                "person" => by = text().map(By::Person),
                "source" => by = text().map(By::Source),
                "reason" => reasons.extend(text()),
                "weight" => {
                    if let Some(Node::Number(number)) = part.get("valueDecimal") {
                        weight = number.parse().ok()?;
                    }
                }
                _ => {}
            }
        }
        Some(Decision { pair, verdict, by: by?, weight, reasons })
    }
}

fn patient(item: &Object<'static>) -> Option<String> {
    let reference = item.get("resource")?.as_object()?.str("reference")?;
    reference.strip_prefix("Patient/").map(str::to_owned)
}

fn extension(url: &'static str, value: (&'static str, Node<'static>)) -> Node<'static> {
    object([("url", Node::text(url)), value])
}

fn object<const N: usize>(fields: [(&'static str, Node<'static>); N]) -> Node<'static> {
    Node::Object(Object { fields: Vec::from(fields) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_a_linkage_and_comes_back() {
        let decision = Decision {
            pair: Pair::of("b", "a").expect("two"),
            verdict: Verdict::Possible,
            by: By::Machine("1".to_owned()),
            weight: 7.25,
            reasons: vec!["given name: a nickname of the other".to_owned()],
        };
        assert_eq!((decision.pair.a.as_str(), decision.pair.other("a")), ("a", "b"));
        let mut json = Vec::new();
        fhir::json::write(&decision.resource(), &mut json);
        let read = fhir::json::read(&json).unwrap_or_else(|issues| panic!("{issues:?}"));
        assert!(fhir::validate::is_valid(&fhir::validate::validate(&read, &fhir::validate::Options::default())));
        assert_eq!(Decision::read(&read), Some(decision.clone()));
        assert!(is_decision(&decision.pair.key()));
        let name = || "ward".to_owned();
        for by in [By::Person(name()), By::Source(name()), By::Machine(name())] {
            let decision = Decision { by, ..decision.clone() };
            assert_eq!(Decision::read(&decision.resource()), Some(decision));
        }
        assert_eq!(Pair::of("a", "a"), None);
    }
}
