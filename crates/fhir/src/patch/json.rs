//! JSON Patch (RFC 6902): the document, and its six operations.

use std::borrow::Cow;

use super::pointer::{Pointer, Slot, nothing_there};
use super::value::{DEPTH_MAX, Value};
use super::{COPIED_BYTES_MAX, Fault, JSON_OPERATIONS_MAX, PatchError, Reason, STEPS_MAX};
use crate::IssueType;

pub struct Operation<'p> {
    path: Pointer,
    action: Action<'p>,
}

enum Action<'p> {
    Add(Value<'p>),
    Remove,
    Replace(Value<'p>),
    Move { from: Pointer },
    Copy { from: Pointer },
    Test(Value<'p>),
}

/// Reads a patch. Members that RFC 6902 does not know are passed over, as it says (§4).
pub fn read(patch: &[u8]) -> Result<Vec<Operation<'_>>, PatchError> {
    let document = Value::read(patch).map_err(|fault| Fault::malformed(fault).at("", "the patch"))?;
    let Value::List(list) = document else {
        return Err(Fault::malformed("a JSON Patch is a list of operations").at("", "the patch"));
    };
    let count = list.items.len();
    if count > JSON_OPERATIONS_MAX {
        let text = format!("it has {count} operations; at most {JSON_OPERATIONS_MAX} are taken at once");
        return Err(Fault::too_large(text).at("", "the patch"));
    }
    let numbered = list.items.into_iter().enumerate();
    numbered.map(|(at, value)| operation(value).map_err(|fault| fault.at("", &number(at, count)))).collect()
}

fn number(at: usize, count: usize) -> String {
    format!("operation {} of {count}", at + 1)
}

fn operation(mut value: Value<'_>) -> Result<Operation<'_>, Fault> {
    if !matches!(value, Value::Object(_)) {
        return Err(Fault::malformed("must be an object"));
    }
    let path = pointer(&value, "path")?;
    let action = match text(&value, "op")? {
        "add" => Action::Add(content(&mut value)?),
        "remove" => Action::Remove,
        "replace" => Action::Replace(content(&mut value)?),
        "move" => Action::Move { from: pointer(&value, "from")? },
        "copy" => Action::Copy { from: pointer(&value, "from")? },
        "test" => Action::Test(content(&mut value)?),
        _ => return Err(Fault::malformed("op must be add, remove, replace, move, copy or test")),
    };
    Ok(Operation { path, action })
}

fn text<'v>(value: &'v Value<'_>, name: &str) -> Result<&'v str, Fault> {
    match value.member(name) {
        Some(Value::Text(text)) => Ok(text),
        Some(_) => Err(Fault::malformed(format!("{name} must be a text"))),
        None => Err(Fault::malformed(format!("{name} is missing"))),
    }
}

fn pointer(value: &Value<'_>, name: &str) -> Result<Pointer, Fault> {
    let mut pointer = Pointer::read(text(value, name)?);
    if let Err(fault) = &mut pointer {
        fault.text.insert_str(0, &format!("{name}: "));
    }
    pointer
}

fn content<'p>(value: &mut Value<'p>) -> Result<Value<'p>, Fault> {
    let Value::Object(members) = value else { unreachable!("an operation is an object") };
    match members.items.iter().position(|(name, _)| name == "value") {
        Some(at) => Ok(members.remove(at).1),
        None => Err(Fault::malformed("value is missing")),
    }
}

/// Applies the operations in their order to the document of a resource of this type, up to the first that cannot be.
pub fn apply<'a>(document: &mut Value<'a>, operations: Vec<Operation<'a>>, kind: &str) -> Result<(), PatchError> {
    let count = operations.len();
    let mut spent = Spent::default();
    for (at, Operation { path, action }) in operations.into_iter().enumerate() {
        let name = action.name();
        if let Err(fault) = perform(document, &path, action, &mut spent).and_then(|()| spent.within()) {
            let shown = path.shown(kind);
            let place = if shown.is_empty() { String::new() } else { format!(" at {shown}") };
            return Err(fault.at(shown, &format!("{} ({name}{place})", number(at, count))));
        }
    }
    Ok(())
}

/// What the operations have cost so far.
#[derive(Default)]
struct Spent {
    steps: usize,
    copied_bytes: usize,
}

impl Spent {
    fn within(&self) -> Result<(), Fault> {
        if self.steps > STEPS_MAX {
            return Err(Fault::too_large(format!("the operations touch more than {STEPS_MAX} values")));
        }
        if self.copied_bytes > COPIED_BYTES_MAX {
            return Err(Fault::too_large(format!("the operations copy more than {COPIED_BYTES_MAX} bytes")));
        }
        Ok(())
    }
}

impl Action<'_> {
    fn name(&self) -> &'static str {
        match self {
            Action::Add(_) => "add",
            Action::Remove => "remove",
            Action::Replace(_) => "replace",
            Action::Move { .. } => "move",
            Action::Copy { .. } => "copy",
            Action::Test(_) => "test",
        }
    }
}

fn perform<'a>(document: &mut Value<'a>, path: &Pointer, action: Action<'a>, spent: &mut Spent) -> Result<(), Fault> {
    match action {
        Action::Add(value) => add(document, path, value, spent),
        Action::Remove => remove(document, path, spent).map(drop),
        Action::Replace(value) => {
            fits(path, &value, spent)?;
            *path.find(document, &mut spent.steps)? = value;
            Ok(())
        }
        Action::Move { from } => {
            if from.holds(path) {
                return Err(Fault::inapplicable("a value cannot be moved into itself"));
            }
            let value = remove(document, &from, spent).map_err(of_from)?;
            add(document, path, value, spent)
        }
        Action::Copy { from } => {
            let value = from.find(document, &mut spent.steps).map_err(of_from)?;
            spent.copied_bytes += value.extent().bytes;
            spent.within()?;
            let value = value.clone();
            add(document, path, value, spent)
        }
        Action::Test(expected) => {
            let found = path.find(document, &mut spent.steps)?;
            spent.steps += expected.extent().values;
            if found.equals(&expected) {
                return Ok(());
            }
            let text = "the value there is another than the test says".to_owned();
            Err(Fault { reason: Reason::TestFailed, code: IssueType::Conflict, text })
        }
    }
}

fn of_from(mut fault: Fault) -> Fault {
    fault.text.insert_str(0, "from: ");
    fault
}

/// RFC 6902 §4.1: a member is written over, an item goes before the one that has its index.
fn add<'a>(document: &mut Value<'a>, path: &Pointer, value: Value<'a>, spent: &mut Spent) -> Result<(), Fault> {
    fits(path, &value, spent)?;
    if path.is_whole() {
        *document = value;
        return Ok(());
    }
    match path.slot(document, &mut spent.steps)? {
        Slot::Member(members, Some(at)) => members.items[at].1 = value,
        Slot::Member(members, None) => members.items.push((Cow::Owned(path.last().to_owned()), value)),
        Slot::Item(list, at) => {
            spent.steps += list.items.len() - at;
            list.items.insert(at, value);
        }
    }
    Ok(())
}

fn remove<'a>(document: &mut Value<'a>, path: &Pointer, spent: &mut Spent) -> Result<Value<'a>, Fault> {
    if path.is_whole() {
        return Err(Fault::inapplicable("the whole document cannot be taken away"));
    }
    match path.slot(document, &mut spent.steps)? {
        Slot::Member(members, Some(at)) => {
            spent.steps += members.items.len() - at;
            Ok(members.remove(at).1)
        }
        Slot::Item(list, at) if at < list.items.len() => {
            spent.steps += list.items.len() - at;
            Ok(list.remove(at))
        }
        Slot::Member(..) | Slot::Item(..) => Err(nothing_there()),
    }
}

/// A document stays shallow enough to be walked.
fn fits(path: &Pointer, value: &Value<'_>, spent: &mut Spent) -> Result<(), Fault> {
    let extent = value.extent();
    spent.steps += extent.values;
    if path.depth() + extent.depth > DEPTH_MAX {
        return Err(Fault::inapplicable(format!("nests deeper than {DEPTH_MAX} lists and objects")));
    }
    Ok(())
}
