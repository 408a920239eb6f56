//! The operations of a FHIRPath Patch as its Parameters says them (R4 §3.1.0.6.1).
//!
//! A part that is unknown, repeated, or means nothing to the operation is refused: passing over it could change
//! something else than the sender meant.

use super::{FHIRPATH_OPERATIONS_MAX, Fault, PatchError};
use crate::schema;
use crate::{Node, Object, Resource};

pub struct Operation<'p> {
    pub path: &'p str,
    pub action: Action<'p>,
}

/// `value` is the part of that name: content under `value[x]`, `resource`, or parts of its own.
pub enum Action<'p> {
    Add { name: &'p str, value: &'p Object<'p> },
    Insert { index: usize, value: &'p Object<'p> },
    Delete,
    Replace { value: &'p Object<'p> },
    Move { source: usize, destination: usize },
}

pub fn read<'p>(parameters: &'p Resource<'_>) -> Result<Vec<Operation<'p>>, PatchError> {
    if parameters.kind() != "Parameters" {
        return Err(Fault::malformed("a FHIRPath Patch is a Parameters").at(parameters.kind(), "the patch"));
    }
    let list = parameters.object.items("parameter");
    if list.len() > FHIRPATH_OPERATIONS_MAX {
        let text = format!("it has {} operations; at most {FHIRPATH_OPERATIONS_MAX} are taken at once", list.len());
        return Err(Fault::too_large(text).at("Parameters.parameter", "the patch"));
    }
    let numbered = list.iter().enumerate();
    numbered.map(|(at, node)| operation(node).map_err(|fault| fault.at(place(at), &number(at, list.len())))).collect()
}

/// Where an operation stands in the Parameters.
pub fn place(at: usize) -> String {
    format!("Parameters.parameter[{at}]")
}

pub fn number(at: usize, count: usize) -> String {
    format!("operation {} of {count}", at + 1)
}

fn operation<'p>(node: &'p Node<'_>) -> Result<Operation<'p>, Fault> {
    let parameter = node.as_object().filter(|object| object.str("name") == Some("operation"));
    let Some(parameter) = parameter else {
        return Err(Fault::malformed("every parameter of a patch must be named operation"));
    };
    let parts = Parts::read(parameter)?;
    let action = match parts.text("type")? {
        "add" => Action::Add { name: parts.text("name")?, value: parts.one("value")? },
        "insert" => Action::Insert { index: parts.count("index")?, value: parts.one("value")? },
        "delete" => Action::Delete,
        "replace" => Action::Replace { value: parts.one("value")? },
        "move" => Action::Move { source: parts.count("source")?, destination: parts.count("destination")? },
        _ => return Err(Fault::malformed("type must be add, insert, delete, replace or move")),
    };
    parts.only(action.parts())?;
    Ok(Operation { path: parts.text("path")?, action })
}

impl Action<'_> {
    pub fn name(&self) -> &'static str {
        match self {
            Action::Add { .. } => "add",
            Action::Insert { .. } => "insert",
            Action::Delete => "delete",
            Action::Replace { .. } => "replace",
            Action::Move { .. } => "move",
        }
    }

    /// The parts that it has beside `type` and `path`.
    fn parts(&self) -> &'static [&'static str] {
        match self {
            Action::Add { .. } => &["name", "value"],
            Action::Insert { .. } => &["index", "value"],
            Action::Delete => &[],
            Action::Replace { .. } => &["value"],
            Action::Move { .. } => &["source", "destination"],
        }
    }
}

struct Parts<'p> {
    named: Vec<(&'p str, &'p Object<'p>)>,
}

impl<'p> Parts<'p> {
    fn read(parameter: &'p Object<'p>) -> Result<Parts<'p>, Fault> {
        let mut named: Vec<(&str, &Object<'_>)> = Vec::new();
        for part in parameter.items("part").iter().filter_map(Node::as_object) {
            let name = part.str("name").unwrap_or_default();
            if named.iter().any(|(known, _)| *known == name) {
                return Err(Fault::malformed("one of its parts is there twice"));
            }
            named.push((name, part));
        }
        Ok(Parts { named })
    }

    fn one(&self, name: &str) -> Result<&'p Object<'p>, Fault> {
        let found = self.named.iter().find(|(known, _)| *known == name);
        found.map(|(_, part)| *part).ok_or_else(|| Fault::malformed(format!("its part {name} is missing")))
    }

    fn text(&self, name: &str) -> Result<&'p str, Fault> {
        match primitive(self.one(name)?) {
            Some(Node::Text(text)) => Ok(text),
            _ => Err(Fault::malformed(format!("its part {name} must have a text, such as valueString"))),
        }
    }

    fn count(&self, name: &str) -> Result<usize, Fault> {
        let count = match primitive(self.one(name)?) {
            Some(Node::Number(text)) => text.parse().ok(),
            _ => None,
        };
        count.ok_or_else(|| Fault::malformed(format!("its part {name} must have a valueInteger from 0 on")))
    }

    fn only(&self, parts: &[&str]) -> Result<(), Fault> {
        let known = |name: &str| ["type", "path"].contains(&name) || parts.contains(&name);
        if self.named.iter().all(|(name, _)| known(name)) {
            return Ok(());
        }
        let more = if parts.is_empty() { String::new() } else { format!(", {}", parts.join(", ")) };
        Err(Fault::malformed(format!("an operation of its type has the parts type, path{more} and no other")))
    }
}

/// The primitive under `value[x]`, whichever it is.
fn primitive<'p>(part: &'p Object<'p>) -> Option<&'p Node<'p>> {
    let parameter = schema::r4().kind("Parameters.parameter").expect("R4 has Parameters");
    parameter.stem("value").filter(|element| element.primitive.is_some()).find_map(|element| part.get(element.name))
}
