//! What a FHIRPath Patch puts into a resource, and an element's items taken out, changed and put back.
//!
//! In JSON a primitive is two members, the value and `_` beside it; here an item is both together, so that no operation
//! can leave the two lists of different lengths.

use super::Fault;
use crate::node::{Node, Object};
use crate::schema::{self, Class, Element, Type};

/// An item of an element.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Item {
    pub value: Option<Node<'static>>,
    /// The id and extensions of a primitive.
    pub extras: Option<Node<'static>>,
}

impl Item {
    fn is_empty(&self) -> bool {
        self.value.is_none() && self.extras.is_none()
    }
}

/// Takes out all items of an element, and tells where among the fields they stood.
pub fn take(object: &mut Object<'static>, element: &Element) -> (Vec<Item>, Option<usize>) {
    let stands = |(name, _): &(&str, Node<'_>)| *name == element.name || *name == element.sibling;
    let at = object.fields.iter().position(stands);
    let (values, extras) = (nodes(object.remove(element.name)), nodes(object.remove(element.sibling)));
    let mut extras = extras.into_iter();
    let mut items: Vec<Item> =
        values.into_iter().map(|value| Item { value, extras: extras.next().flatten() }).collect();
    items.extend(extras.map(|extras| Item { value: None, extras }));
    (items, at)
}

fn nodes(node: Option<Node<'static>>) -> Vec<Option<Node<'static>>> {
    match node {
        None => Vec::new(),
        Some(Node::List(items)) => items.into_iter().map(|item| (item != Node::Null).then_some(item)).collect(),
        Some(single) => vec![Some(single)],
    }
}

/// Puts items back, where they stood or where the specification lists the element. Of no items nothing is left.
pub fn put(object: &mut Object<'static>, owner: &Type, element: &Element, items: Vec<Item>, at: Option<usize>) {
    let (mut values, mut extras): (Vec<_>, Vec<_>) =
        items.into_iter().filter(|item| !item.is_empty()).map(|item| (item.value, item.extras)).unzip();
    let at = at.unwrap_or_else(|| {
        let later = |(name, _): &(&str, Node<'_>)| {
            owner.element(name.trim_start_matches('_')).is_some_and(|other| other.slot > element.slot)
        };
        object.fields.iter().position(later).unwrap_or(object.fields.len())
    });
    for (name, side) in [(element.sibling, &mut extras), (element.name, &mut values)] {
        if side.iter().all(Option::is_none) {
            continue;
        }
        let mut nodes = std::mem::take(side).into_iter().map(|node| node.unwrap_or(Node::Null));
        let node = if element.many { Node::List(nodes.collect()) } else { nodes.next().unwrap_or(Node::Null) };
        object.fields.insert(at, (name, node));
    }
}

/// The element of a type that a name and a given content mean: of a choice, the one of the content's type. `value`,
/// `value[x]` and `valueQuantity` are all names of that one.
pub fn element(owner: &'static Type, name: &str, given: &Object<'_>) -> Result<&'static Element, Fault> {
    let stem = name.strip_suffix("[x]").unwrap_or(name);
    if let Some(element) = owner.element(stem) {
        return Ok(element);
    }
    let mut choices = owner.stem(stem).peekable();
    if choices.peek().is_none() {
        return Err(Fault::inapplicable(format!("{} has no element of that name", owner.name)));
    }
    let kind = given_element(given).map(|element| element.kind);
    choices
        .find(|element| Some(element.kind) == kind)
        .ok_or_else(|| Fault::inapplicable("the type of the value is not among those that the element may have"))
}

/// The item that a given content is, as this element has it.
pub fn item(element: &'static Element, given: &Object<'_>) -> Result<Item, Fault> {
    let kind = schema::r4().kind_of(element);
    if kind.class == Class::Abstract {
        let resource = given.get("resource").ok_or_else(|| Fault::inapplicable("the element holds a resource"))?;
        return Ok(Item { value: Some(resource.clone().into_owned()), extras: None });
    }
    if !given.items("part").is_empty() {
        return Ok(Item { value: Some(Node::Object(parts(kind, given)?)), extras: None });
    }
    let Some(from) = given_element(given) else {
        return Err(Fault::malformed("its value has neither value[x] nor parts"));
    };
    if !suits(from, element) {
        let text = format!("the element is a {}, and the value is a {}", element.kind, from.kind);
        return Err(Fault::inapplicable(text));
    }
    let owned = |name: &str| given.get(name).map(|node| node.clone().into_owned());
    Ok(Item { value: owned(from.name), extras: owned(from.sibling) })
}

/// The `value[x]` that a part has, by its value or by what stands beside it.
fn given_element(given: &Object<'_>) -> Option<&'static Element> {
    let parameter = schema::r4().kind("Parameters.parameter").expect("R4 has Parameters");
    parameter.stem("value").find(|element| given.get(element.name).or_else(|| given.get(element.sibling)).is_some())
}

/// Whether a value may stand in an element. A primitive of another type may if JSON writes both alike; the strict
/// reader judges the result (`valueDate` in a dateTime, `valueString` in a code or narrative).
fn suits(from: &Element, to: &Element) -> bool {
    match (from.primitive, to.primitive) {
        (Some(from), Some(to)) => from.form() == to.form(),
        (None, None) => from.kind == to.kind || [from, to].iter().all(|e| QUANTITIES.contains(&e.kind)),
        _ => false,
    }
}

/// Quantity and what is derived from it: their JSON is the same.
const QUANTITIES: [&str; 5] = ["Quantity", "Age", "Count", "Distance", "Duration"];

/// An object of a type that has no `value[x]`, such as `Patient.contact`: a part for each of its elements.
fn parts(kind: &'static Type, given: &Object<'_>) -> Result<Object<'static>, Fault> {
    if kind.class == Class::Primitive {
        return Err(Fault::inapplicable("the element is a primitive and cannot be given in parts"));
    }
    let mut made = Object::default();
    for part in given.items("part").iter().filter_map(Node::as_object) {
        let element = element(kind, part.str("name").unwrap_or_default(), part)?;
        add(&mut made, kind, element, item(element, part)?)?;
    }
    Ok(made)
}

/// Adds an item behind the others of its element; an element that may be there once must not be there yet.
pub fn add(
    object: &mut Object<'static>,
    owner: &'static Type,
    element: &'static Element,
    item: Item,
) -> Result<(), Fault> {
    let rivals = owner.elements.iter().filter(|other| other.slot == element.slot && !element.many);
    for rival in rivals {
        if object.get(rival.name).or_else(|| object.get(rival.sibling)).is_some() {
            return Err(Fault::inapplicable(format!("{} is there already; replace it", rival.name)));
        }
    }
    let (mut items, at) = take(object, element);
    items.push(item);
    put(object, owner, element, items, at);
    Ok(())
}
