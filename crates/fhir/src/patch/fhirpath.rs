//! FHIRPath Patch (R4 §3.1.0.6.1): each operation finds its place by an expression, asked of the resource as the
//! operations before it left it.

use std::borrow::Cow;

use super::content::{self, Item};
use super::locate::{self, Step};
use super::operation::{self, Action, Operation};
use super::{Fault, PatchError};
use crate::fhirpath::{Expression, Item as Selected};
use crate::node::{Node, Object, Resource};
use crate::schema::{self, Element, Type};

/// Applies the operations in their order, up to the first that cannot be.
pub fn apply(resource: &mut Resource<'static>, operations: &[Operation<'_>]) -> Result<(), PatchError> {
    for (at, operation) in operations.iter().enumerate() {
        if let Err(fault) = perform(resource, operation) {
            let number = operation::number(at, operations.len());
            let which = format!("{number} ({} at {})", operation.action.name(), shown(operation.path));
            return Err(fault.at(operation::place(at), &which));
        }
    }
    Ok(())
}

/// A path up to where it may have a value in it.
fn shown(path: &str) -> String {
    const SHOWN_BYTES_MAX: usize = 128;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.()[]".contains(&byte);
    let end = path.bytes().take(SHOWN_BYTES_MAX).position(|byte| !plain(byte));
    match end.or((path.len() > SHOWN_BYTES_MAX).then_some(SHOWN_BYTES_MAX)) {
        Some(end) => format!("{}…", &path[..end]),
        None => path.to_owned(),
    }
}

fn perform(resource: &mut Resource<'static>, operation: &Operation<'_>) -> Result<(), Fault> {
    let found = select(resource, operation.path)?;
    match operation.action {
        Action::Add { name, value } => {
            let target = found.one()?;
            add(resource, target, name, value)
        }
        Action::Delete if found.0.is_empty() => Ok(()),
        Action::Delete => delete(resource, &found.one()?.way),
        Action::Replace { value } => replace(resource, &found.one()?.way, value),
        Action::Insert { index, value } if found.0.is_empty() => begin(resource, operation.path, index, value),
        Action::Insert { index, value } => {
            let (above, last) = found.list()?;
            let item = content::item(last.element, value)?;
            edit(resource, above, last, |items| {
                let length = complete(&found, items)?;
                if index > length {
                    return Err(behind("index", length));
                }
                items.insert(index, item);
                Ok(())
            })
        }
        Action::Move { source, destination } => {
            let (above, last) = found.list()?;
            edit(resource, above, last, |items| {
                let length = complete(&found, items)?;
                for (name, index) in [("source", source), ("destination", destination)] {
                    if index >= length {
                        return Err(behind(name, length));
                    }
                }
                let item = items.remove(source);
                items.insert(destination, item);
                Ok(())
            })
        }
    }
}

fn behind(name: &str, length: usize) -> Fault {
    Fault::inapplicable(format!("the list has {length} items, and {name} is behind them"))
}

/// An element that an expression selected.
struct Target {
    kind: &'static Type,
    way: Vec<Step>,
    /// Whether it is an object; otherwise it is a primitive.
    is_object: bool,
}

struct Found(Vec<Target>);

fn select(resource: &Resource<'_>, path: &str) -> Result<Found, Fault> {
    let kind = schema::r4().resource(resource.kind());
    let kind = kind.ok_or_else(|| Fault::inapplicable("the resource is of a type that R4 does not have"))?;
    let expression = Expression::compile(&spelled(path), kind)
        .map_err(|fault| Fault::malformed(format!("its path is no expression that can be asked: {}", fault.text)))?;
    let selected = expression.evaluate(resource).map_err(|fault| Fault::inapplicable(fault.text))?;
    selected.iter().map(|item| target(resource, item)).collect::<Result<_, _>>().map(Found)
}

/// `div` is an operator too, but at the end of a path it can only be the element of a narrative, and patches have it there
/// without the backticks that the grammar asks for.
fn spelled(path: &str) -> Cow<'_, str> {
    path.strip_suffix(".div").map_or(Cow::Borrowed(path), |above| Cow::Owned(format!("{above}.`div`")))
}

fn target(resource: &Resource<'_>, selected: &Selected<'_>) -> Result<Target, Fault> {
    let Selected::Element(element) = selected else {
        return Err(Fault::inapplicable("the path gives a value that is no element of the resource"));
    };
    let way =
        locate::way(resource, element).ok_or_else(|| Fault::inapplicable("the path leads out of the resource"))?;
    let is_object = matches!(element.form, crate::fhirpath::Form::Object(_));
    Ok(Target { kind: element.kind, way, is_object })
}

impl Found {
    fn one(&self) -> Result<&Target, Fault> {
        match self.0.as_slice() {
            [one] => Ok(one),
            [] => Err(Fault::inapplicable("the path selects nothing")),
            many => Err(Fault::inapplicable(format!("the path selects {} elements and must select one", many.len()))),
        }
    }

    /// The way to the object that has the list, and a step to an item of it. All that is selected must be of one list.
    fn list(&self) -> Result<(&[Step], &Step), Fault> {
        let first = self.0.first().ok_or_else(|| Fault::inapplicable("the path selects no list"))?;
        let Some((last, above)) = first.way.split_last().filter(|(last, _)| last.element.many) else {
            return Err(Fault::inapplicable("the path must select a list"));
        };
        if self.0.iter().all(|target| locate::are_neighbours(&target.way, &first.way)) {
            Ok((above, last))
        } else {
            Err(Fault::inapplicable("the path selects elements of several lists and must select one list"))
        }
    }
}

/// How long the selected list is; all of it must be selected, since indexes count all of it.
fn complete(found: &Found, items: &[Item]) -> Result<usize, Fault> {
    let in_order = found.0.iter().map(|target| target.way.last().map(|last| last.index)).eq((0..items.len()).map(Some));
    if in_order { Ok(items.len()) } else { Err(Fault::inapplicable("the path must select the whole list")) }
}

/// Takes an element's items out, changes them and puts them back; objects that are empty after that go.
fn edit(
    resource: &mut Resource<'static>,
    above: &[Step],
    last: &Step,
    change: impl FnOnce(&mut Vec<Item>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let object = object(resource, above);
    let (mut items, at) = content::take(object, last.element);
    change(&mut items)?;
    content::put(object, last.owner, last.element, items, at);
    Ok(())
}

fn object<'o>(resource: &'o mut Resource<'static>, way: &[Step]) -> &'o mut Object<'static> {
    locate::object_at(&mut resource.object, way).expect("a way was found in this resource")
}

fn add(resource: &mut Resource<'static>, to: &Target, name: &str, value: &Object<'_>) -> Result<(), Fault> {
    let mut way = to.way.clone();
    let mut kind = to.kind;
    if !to.is_object {
        // A primitive has its id and extensions beside it.
        kind = schema::r4().kind("Element").expect("Element is a type of R4");
        let (last, above) = way.split_last_mut().expect("a resource is no primitive");
        last.beside = true;
        edit(resource, above, last, |items| {
            items[last.index].extras.get_or_insert_with(|| Node::Object(Object::default()));
            Ok(())
        })?;
    }
    let element = content::element(kind, name, value)?;
    content::add(object(resource, &way), kind, element, content::item(element, value)?)
}

fn delete(resource: &mut Resource<'static>, way: &[Step]) -> Result<(), Fault> {
    let Some((last, above)) = way.split_last() else {
        return Err(Fault::inapplicable("a patch cannot delete the resource; delete it by its own interaction"));
    };
    edit(resource, above, last, |items| {
        if last.beside {
            items[last.index].extras = None;
        } else {
            items.remove(last.index);
        }
        Ok(())
    })?;
    // FHIR has no empty objects.
    if !above.is_empty() && object(resource, above).is_empty() { delete(resource, above) } else { Ok(()) }
}

fn replace(resource: &mut Resource<'static>, way: &[Step], value: &Object<'_>) -> Result<(), Fault> {
    let Some((last, above)) = way.split_last() else {
        return Err(Fault::inapplicable("a patch cannot replace the resource; update it"));
    };
    let element = content::element(last.owner, chosen(last.element), value)?;
    let item = content::item(element, value)?;
    let object = object(resource, above);
    let (mut items, at) = content::take(object, last.element);
    items[last.index] = item;
    content::put(object, last.owner, element, items, at);
    Ok(())
}

/// The name by which another type of the same choice may be chosen.
fn chosen(element: &Element) -> &'static str {
    if element.choice { element.stem } else { element.name }
}

/// Inserts the first item of a list that is not there: the path's last name is the list's, and the rest must select
/// what shall have it.
fn begin(resource: &mut Resource<'static>, path: &str, index: usize, value: &Object<'_>) -> Result<(), Fault> {
    let named = path.rsplit_once('.').filter(|(_, name)| name.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let Some((above, name)) = named else { return Err(Fault::inapplicable("the path selects no list")) };
    let found = select(resource, above)?;
    let to = found.one()?;
    if !content::element(to.kind, name, value)?.many {
        return Err(Fault::inapplicable("the path must select a list"));
    }
    if index > 0 {
        return Err(behind("index", 0));
    }
    add(resource, to, name, value)
}
