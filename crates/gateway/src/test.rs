//! The tests that stand beside the rules: messages in, facts of FHIR out.

use fhir::apply::{self, Current};
use fhir::{Node, Resource};

use crate::plan::How;
use crate::yaml::{Value, Yaml};
use crate::{Gateway, IdKey, Source, Translation};

/// What came of running all tests.
#[derive(Debug, Default)]
pub struct Tested {
    pub passed: usize,
    pub faults: Vec<TestFault>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TestFault {
    pub file: String,
    pub line: usize,
    pub name: String,
    pub text: String,
}

impl std::fmt::Display for TestFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {:?}: {}", self.file, self.line, self.name, self.text)
    }
}

pub fn run(gateway: &Gateway) -> Tested {
    let mut tested = Tested::default();
    let of_messages = gateway.plan.messages.iter().map(|message| (&message.file, &message.tests));
    let of_profiles = gateway.plan.profiles.iter().map(|profile| (&profile.file, &profile.tests));
    for (file, tests) in of_messages.chain(of_profiles) {
        for test in tests {
            match check(gateway, test) {
                Ok(()) => tested.passed += 1,
                Err(text) => {
                    let fault = TestFault { file: file.clone(), line: test.line, name: test.name.clone(), text };
                    tested.faults.push(fault);
                }
            }
        }
    }
    tested
}

fn check(gateway: &Gateway, test: &crate::plan::Test) -> Result<(), String> {
    let mut record = Record::default();
    for text in &test.messages {
        record.take(gateway, text)?;
    }
    for expected in &test.expect {
        let kind = expected.get("resourceType").ok_or("an expectation names its resourceType")?.text().map_err(|f| f.text)?;
        let mut closest = format!("there is no {kind}");
        let found = record.resources.iter().filter(|(resource, _)| resource.kind() == kind).any(|(resource, _)| {
            let node = Node::Object(resource.object.clone());
            contains(&node, expected, kind).map_err(|miss| closest = miss).is_ok()
        });
        if !found {
            return Err(format!("line {}: {closest}", expected.line));
        }
    }
    match test.absent.iter().find(|kind| record.resources.iter().any(|(resource, _)| resource.kind() == *kind)) {
        Some(kind) => Err(format!("a {kind} was made, and none should be")),
        None => Ok(()),
    }
}

/// A record as small as a test needs it: what `server` does with changes, without a store.
#[derive(Default)]
struct Record {
    resources: Vec<(Resource<'static>, apply::State)>,
    redirects: Vec<(String, String)>,
    members: Vec<(u64, String)>,
}

impl Record {
    fn take(&mut self, gateway: &Gateway, text: &str) -> Result<(), String> {
        let bytes = text.replace('\n', "\r").into_bytes();
        let parsed = hl7v2::Message::parse(&bytes, &hl7v2::Options::default()).map_err(|fault| fault.to_string())?;
        let (source, ids) = (Source { lenient: false, ..Source::convert() }, IdKey::fixed());
        let translation = gateway.translate(&parsed.message, &source, &ids, false).ok_or("no profile is for this message")?;
        self.apply(translation);
        Ok(())
    }

    fn apply(&mut self, translation: Translation<'_>) {
        for merging in &translation.merges {
            let (from, to) = (merging.survivor.clone(), merging.prior.clone());
            match merging.how {
                How::Merge => self.redirects.push((to, from)),
                How::Alias => self.redirects.push((from, to)),
                How::Link | How::Unlink | How::Move => {}
            }
        }
        for snapshot in &translation.snapshots {
            let gone: Vec<String> = self.members.iter().filter(|(scope, id)| *scope == snapshot.scope && !snapshot.present.contains(id)).map(|(_, id)| id.clone()).collect();
            for id in gone {
                let change = apply::Change { kind: snapshot.kind, id, rank: 0, time: snapshot.time, stub: false, writes: snapshot.gone() };
                self.change(change);
            }
        }
        for mut planned in translation.planned {
            planned.change.id = self.filed(&planned.change.id);
            if let Some(scope) = planned.scope {
                self.members.push((scope, planned.change.id.clone()));
            }
            self.change(planned.change);
        }
    }

    fn filed(&self, id: &str) -> String {
        self.redirects.iter().find(|(from, _)| from == id).map_or_else(|| id.to_owned(), |(_, to)| to.clone())
    }

    fn change(&mut self, change: apply::Change<'_>) {
        let at = self.resources.iter().position(|(resource, _)| resource.kind() == change.kind && resource.id() == Some(&change.id));
        let current = at.map(|at| &self.resources[at]).map(|(resource, state)| Current { resource, state });
        let applied = apply::apply(current, change);
        let mut next = (applied.resource.into_owned(), applied.state);
        apply::complete(&mut next.0);
        match at {
            Some(at) => self.resources[at] = next,
            None => self.resources.push(next),
        }
    }
}

/// Whether `node` says everything that `expected` does: objects by key, lists as subsets.
fn contains(node: &Node<'_>, expected: &Yaml, path: &str) -> Result<(), String> {
    match (&expected.value, node) {
        (Value::Map(fields), Node::Object(object)) => fields.iter().try_for_each(|(name, value)| match object.get(name) {
            Some(inner) => contains(inner, value, &format!("{path}.{name}")),
            None if matches!(&value.value, Value::Text(text) if text == "null") => Ok(()),
            None => Err(format!("{path}.{name} is missing")),
        }),
        (Value::Text(text), _) if text == "null" => Err(format!("{path} is there, and should not be")),
        (Value::List(wanted), node) => wanted.iter().try_for_each(|wanted| {
            let items = node.items();
            let mut miss = format!("{path} is empty");
            let found = items.iter().any(|item| contains(item, wanted, path).map_err(|text| miss = text).is_ok());
            if found { Ok(()) } else { Err(miss) }
        }),
        (Value::Map(_), Node::List(items)) if items.len() == 1 => contains(&items[0], expected, path),
        (Value::Text(text), node) => {
            let said = match node {
                Node::Text(said) | Node::Number(said) => said.to_string(),
                Node::Bool(said) => said.to_string(),
                _ => return Err(format!("{path} is no plain value")),
            };
            if said == *text { Ok(()) } else { Err(format!("{path} is {said:?}, expected {text:?}")) }
        }
        _ => Err(format!("{path} has another form")),
    }
}
