//! The tests that stand beside the rules: messages in, facts of FHIR out.

mod back;
mod differ;

use fhir::Node;

pub use differ::differences;

use crate::yaml::{Value, Yaml};
use crate::{Gateway, IdKey, Source, Whole};

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
    let mut whole = Whole::default();
    for text in &test.messages {
        add(&mut whole, gateway, text)?;
    }
    for expected in &test.expect {
        let kind =
            expected.get("resourceType").ok_or("an expectation names its resourceType")?.text().map_err(|f| f.text)?;
        let mut closest = format!("there is no {kind}");
        let found = whole.resources().filter(|resource| resource.kind() == kind).any(|resource| {
            let node = Node::Object(resource.object.clone());
            contains(&node, expected, kind).map_err(|miss| closest = miss).is_ok()
        });
        if !found {
            return Err(format!("line {}: {closest}", expected.line));
        }
    }
    match test.absent.iter().find(|kind| whole.resources().any(|resource| resource.kind() == *kind)) {
        Some(kind) => Err(format!("a {kind} was made, and none should be")),
        None if test.back => test.messages.iter().try_for_each(|text| back::check(gateway, text, &source())),
        None => Ok(()),
    }
}

fn source() -> Source {
    Source { lenient: false, ..Source::convert() }
}

fn add(whole: &mut Whole, gateway: &Gateway, text: &str) -> Result<(), String> {
    let bytes = text.replace('\n', "\r").into_bytes();
    let parsed = hl7v2::Message::parse(&bytes, &hl7v2::Options::default()).map_err(|fault| fault.to_string())?;
    let (source, ids) = (source(), IdKey::fixed());
    let translation =
        gateway.translate(&parsed.message, &source, &ids, false).ok_or("no profile is for this message")?;
    whole.add(translation);
    Ok(())
}

/// Whether `node` says everything that `expected` does: objects by key, lists as subsets.
fn contains(node: &Node<'_>, expected: &Yaml, path: &str) -> Result<(), String> {
    match (&expected.value, node) {
        (Value::Map(fields), Node::Object(object)) => {
            fields.iter().try_for_each(|(name, value)| match object.get(name) {
                Some(inner) => contains(inner, value, &format!("{path}.{name}")),
                None if matches!(&value.value, Value::Text(text) if text == "null") => Ok(()),
                None => Err(format!("{path}.{name} is missing")),
            })
        }
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
