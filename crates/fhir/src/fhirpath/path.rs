//! Expressions that only step down: `Patient.name.family`, `(Observation.value as Quantity)`,
//! `Patient.telecom.where(system='phone')`, `Encounter.subject.where(resolve() is Patient)`, and unions of them.
//!
//! All but one of R4's search expressions are of this kind. They become lists of JSON names, choices expanded, that are
//! followed through a resource without allocation. An expression of another kind is not an error here: it has no paths,
//! and the evaluator takes it. A step to an element that its type does not have is an error, since it finds nothing,
//! ever.

use super::CompileError;
use super::ast::{Ast, Form, Literal, Operator, TypeName};
use super::item::is_a;
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
        follow(&self.steps, &resource.object, visit);
    }
}

fn follow<'r>(steps: &[Step], object: &'r Object<'_>, visit: &mut dyn FnMut(&'r Node<'r>)) {
    let Some((Step::Element(name), rest)) = steps.split_first() else { return };
    let items = object.items(name);
    match rest.split_first() {
        Some((Step::Item(index), rest)) => items.get(*index).into_iter().for_each(|item| arrive(rest, item, visit)),
        _ => items.iter().for_each(|item| arrive(rest, item, visit)),
    }
}

fn arrive<'r>(steps: &[Step], node: &'r Node<'_>, visit: &mut dyn FnMut(&'r Node<'r>)) {
    let holds = match (steps.first(), node) {
        (_, Node::Null) => return,
        (None, _) => return visit(node),
        (Some(Step::Equal { name, text }), Node::Object(object)) => object.str(name) == Some(text),
        (Some(Step::Refers(kind)), Node::Object(object)) => reference::kind(object) == Some(*kind),
        (Some(Step::Element(_)), Node::Object(object)) => return follow(steps, object, visit),
        _ => return,
    };
    if holds {
        arrive(&steps[1..], node, visit);
    }
}

/// The paths of an expression, or `None` where it is not that simple.
pub fn paths(tree: &Ast, context: &'static Type) -> Result<Option<Vec<Path>>, CompileError> {
    let Some(ends) = ends(tree, context)? else { return Ok(None) };
    // The resource itself is no value of a path.
    if ends.iter().any(|end| end.steps.is_empty()) {
        return Ok(None);
    }
    Ok(Some(ends.into_iter().map(|end| Path { steps: end.steps, kind: end.kind.name }).collect()))
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

type Ends = Result<Option<Vec<End>>, CompileError>;

fn ends(tree: &Ast, context: &'static Type) -> Ends {
    match &tree.form {
        Form::Name(name) => root(tree, name, context),
        Form::Member(on, name) => match ends(on, context)? {
            Some(on) => members(tree, on, name),
            None => Ok(None),
        },
        Form::As(on, kind) => cast(on, kind, context),
        Form::Call(Some(on), function, arguments) => match (function.as_str(), arguments.as_slice()) {
            ("as" | "ofType", [kind]) => match super::compile::type_argument(kind) {
                Some(kind) => cast(on, &kind, context),
                None => Ok(None),
            },
            ("where", [condition]) => Ok(ends(on, context)?.and_then(|on| filtered(on, condition))),
            ("first", []) => Ok(ends(on, context)?.and_then(|on| item(on, 0))),
            _ => Ok(None),
        },
        Form::Indexer(on, index) => match index.form {
            Form::Literal(Literal::Integer(index)) => Ok(ends(on, context)?.and_then(|on| item(on, index))),
            _ => Ok(None),
        },
        Form::Binary(Operator::Union, left, right) => match (ends(left, context)?, ends(right, context)?) {
            (Some(left), Some(right)) if left.len() + right.len() <= ENDS_MAX => {
                Ok(Some(left.into_iter().chain(right).collect()))
            }
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

/// A path begins with its type, with another type (and then never finds anything here), or with an element.
fn root(tree: &Ast, name: &str, context: &'static Type) -> Ends {
    let start = End { steps: Vec::new(), kind: context, lists: 0 };
    if is_a(context, name) {
        return Ok(Some(vec![start]));
    }
    if schema::r4().resource(name).is_some() {
        return Ok(Some(Vec::new()));
    }
    members(tree, vec![start], name)
}

fn members(tree: &Ast, on: Vec<End>, name: &str) -> Ends {
    // Which resource it is, and what a primitive has beside its value, only the evaluator sees.
    let unseen = |end: &End| match end.kind.class {
        Class::Abstract => true,
        Class::Primitive => matches!(name, "extension" | "id"),
        _ => false,
    };
    if on.iter().any(unseen) {
        return Ok(None);
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
    match on.first() {
        Some(end) if found.is_empty() => {
            Err(CompileError::new(tree.at, format!("{} has no element {name}", end.kind.name)))
        }
        _ => Ok((found.len() <= ENDS_MAX).then_some(found)),
    }
}

fn cast(on: &Ast, kind: &TypeName, context: &'static Type) -> Ends {
    let Some(mut on) = ends(on, context)? else { return Ok(None) };
    if kind.namespace.as_deref() == Some("System") || on.iter().any(|end| end.kind.class == Class::Abstract) {
        return Ok(None);
    }
    on.retain(|end| is_a(end.kind, &kind.name));
    Ok(Some(on))
}

fn filtered(mut on: Vec<End>, condition: &Ast) -> Option<Vec<End>> {
    for end in &mut on {
        end.steps.push(filter(end, condition)?);
    }
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
                let element = end.kind.element(name).filter(|element| !element.many && element.kind == "code")?;
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
