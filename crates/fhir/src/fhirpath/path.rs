//! Expressions that only step down: `Patient.name.family`, `(Observation.value as Quantity)`,
//! `Patient.telecom.where(system='phone')`, `Encounter.subject.where(resolve() is Patient)`, and unions of them.
//!
//! All but one of R4's search expressions are of this kind. They become lists of JSON names, choices expanded, that are
//! followed through a resource without allocation. An expression of another kind has no paths, and the evaluator takes
//! it.

use super::ast::{Ast, Form, Literal, Operator, TypeName};
use super::item::{casts, is_a};
use super::{kind, resolve};
use crate::reference;
use crate::schema::{self, Class, Type};
use crate::{Node, Object, Resource};

/// One way down from a resource to values of one type.
#[derive(Debug, Clone)]
pub struct Path {
    steps: Vec<Step>,
    /// The type of the values: `CodeableConcept`, `dateTime`; `Resource` for any resource.
    pub kind: &'static str,
}

#[derive(Debug, Clone)]
enum Step {
    /// To the values of an element, each item of a list.
    Element(&'static str),
    /// To one item of the list that the step before reached.
    Item(usize),
    /// On only where the element has this text: `where(system='phone')`.
    Equal { name: &'static str, text: String },
    /// On only where the reference is to this type: `where(resolve() is Patient)`.
    Refers(&'static str),
}

impl Path {
    /// Gives every value to `visit`, in the order of the resource.
    pub fn each<'r>(&self, resource: &'r Resource<'_>, visit: &mut dyn FnMut(&'r Node<'r>)) {
        Walk { root: &resource.object }.follow(&self.steps, &resource.object, visit);
    }
}

struct Walk<'r> {
    root: &'r Object<'r>,
}

impl<'r> Walk<'r> {
    fn follow(&self, steps: &[Step], object: &'r Object<'r>, visit: &mut dyn FnMut(&'r Node<'r>)) {
        let Some((Step::Element(name), rest)) = steps.split_first() else { return };
        let items = object.items(name);
        match rest.split_first() {
            Some((Step::Item(index), rest)) => {
                items.get(*index).into_iter().for_each(|item| self.arrive(rest, item, visit));
            }
            _ => items.iter().for_each(|item| self.arrive(rest, item, visit)),
        }
    }

    fn arrive(&self, steps: &[Step], node: &'r Node<'r>, visit: &mut dyn FnMut(&'r Node<'r>)) {
        let holds = match (steps.first(), node) {
            (_, Node::Null) => return,
            (None, _) => return visit(node),
            (Some(Step::Equal { name, text }), Node::Object(object)) => object.str(name) == Some(text),
            (Some(Step::Refers(kind)), Node::Object(object)) => self.refers(object, kind),
            (Some(Step::Element(_)), Node::Object(object)) => return self.follow(steps, object, visit),
            _ => return,
        };
        if holds {
            self.arrive(&steps[1..], node, visit);
        }
    }

    /// A contained resource says itself what it is.
    fn refers(&self, object: &Object<'_>, kind: &str) -> bool {
        let id = object.str("reference").and_then(|text| text.strip_prefix('#'));
        match id.and_then(|id| resolve::contained(self.root, id)) {
            Some(found) => found.kind.name == kind,
            None => reference::kind(object) == Some(kind),
        }
    }
}

/// The paths of an expression, or `None` where it is not that simple.
pub fn paths(tree: &Ast, context: &'static Type) -> Option<Vec<Path>> {
    let ends = ends(tree, context)?;
    // The resource itself is no value of a path.
    if ends.iter().any(|end| end.steps.is_empty()) {
        return None;
    }
    Some(ends.into_iter().map(|end| Path { steps: end.steps, kind: end.kind.name }).collect())
}

/// More paths than this are left to the evaluator: a choice of fifty types, each followed by another such choice, would
/// soon be millions. R4's own parameters need 16.
const ENDS_MAX: usize = 256;

/// Where a path has come to while it is compiled.
#[derive(Clone)]
struct End {
    steps: Vec<Step>,
    kind: &'static Type,
    /// How many lists are on the way: an index counts over all of them together, which only the evaluator can.
    lists: usize,
}

fn ends(tree: &Ast, context: &'static Type) -> Option<Vec<End>> {
    match &tree.form {
        Form::Name(name) => root(name, context),
        Form::Member(on, name) => members(ends(on, context)?, name),
        Form::As(on, to) => cast(ends(on, context)?, to),
        Form::Call(Some(on), function, arguments) => match (function.as_str(), arguments.as_slice()) {
            ("as" | "ofType", [to]) => cast(ends(on, context)?, &kind::named(to)?),
            ("where", [condition]) => filtered(ends(on, context)?, condition),
            ("first", []) => item(ends(on, context)?, 0),
            ("extension", [url]) => extension(members(ends(on, context)?, "extension")?, url),
            _ => None,
        },
        Form::Indexer(on, index) => match index.form {
            Form::Literal(Literal::Integer(index)) => item(ends(on, context)?, index),
            _ => None,
        },
        Form::Binary(Operator::Union, left, right) => {
            let (mut left, right) = (ends(left, context)?, ends(right, context)?);
            left.extend(right);
            (left.len() <= ENDS_MAX).then_some(left)
        }
        _ => None,
    }
}

/// A path begins with its type, with another type (and then never finds anything here), or with an element.
fn root(name: &str, context: &'static Type) -> Option<Vec<End>> {
    let start = End { steps: Vec::new(), kind: context, lists: 0 };
    if is_a(context, name) {
        return Some(vec![start]);
    }
    if schema::r4().resource(name).is_some() {
        return Some(Vec::new());
    }
    members(vec![start], name)
}

fn members(on: Vec<End>, name: &str) -> Option<Vec<End>> {
    // Which resource it is, and what a primitive has beside its value, only the evaluator sees.
    if on.iter().any(|end| matches!(end.kind.class, Class::Abstract | Class::Primitive)) {
        return None;
    }
    let mut found = Vec::new();
    for end in &on {
        for element in end.kind.stem(name) {
            let mut steps = end.steps.clone();
            steps.push(Step::Element(element.name));
            let kind = schema::r4().kind_of(element);
            found.push(End { steps, kind, lists: end.lists + usize::from(element.many) });
        }
    }
    (found.len() <= ENDS_MAX).then_some(found)
}

fn cast(mut on: Vec<End>, to: &TypeName) -> Option<Vec<End>> {
    if to.namespace.as_deref() == Some("System") || on.iter().any(|end| end.kind.class == Class::Abstract) {
        return None;
    }
    let to = schema::r4().kind(&to.name)?;
    on.retain(|end| casts(end.kind, to));
    Some(on)
}

fn filtered(mut on: Vec<End>, condition: &Ast) -> Option<Vec<End>> {
    for end in &mut on {
        end.steps.push(filter(end, condition)?);
    }
    Some(on)
}

/// `extension('http://…')`: those of this URL.
fn extension(mut on: Vec<End>, url: &Ast) -> Option<Vec<End>> {
    let Form::Literal(Literal::String(url)) = &url.form else { return None };
    on.iter_mut().for_each(|end| end.steps.push(Step::Equal { name: "url", text: url.clone() }));
    Some(on)
}

fn filter(end: &End, condition: &Ast) -> Option<Step> {
    match &condition.form {
        Form::Is(on, TypeName { name, .. }) if matches!(&on.form, Form::Call(None, f, _) if f == "resolve") => {
            let kind = schema::r4().resource(name)?.name;
            (end.kind.name == "Reference").then_some(Step::Refers(kind))
        }
        Form::Binary(Operator::Equal, left, right) => match (&left.form, &right.form) {
            (Form::Name(name), Form::Literal(Literal::String(text))) => {
                let element =
                    end.kind.element(name).filter(|element| !element.many && matches!(element.kind, "code" | "uri"))?;
                Some(Step::Equal { name: element.name, text: text.clone() })
            }
            _ => None,
        },
        _ => None,
    }
}

fn item(mut on: Vec<End>, index: i64) -> Option<Vec<End>> {
    let index = usize::try_from(index).ok()?;
    for end in &mut on {
        // A list of primitives may have gaps, which are not counted.
        let counted = matches!(end.steps.last(), Some(Step::Element(_))) && end.kind.class != Class::Primitive;
        if end.lists > 1 || !counted {
            return None;
        }
        end.lists = 0;
        end.steps.push(Step::Item(index));
    }
    // Two names of a choice would each have an item of their own.
    (on.len() <= 1).then_some(on)
}
