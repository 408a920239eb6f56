//! Running a program on a resource: operators, paths and the rules of three-valued logic (FHIRPath §6).
//!
//! The work of one evaluation is bounded, since a nested `select` could otherwise multiply a large resource by itself.

use std::cell::Cell;
use std::cmp::Ordering;

use super::ast::Operator;
use super::compare::{compare, equal};
use super::item::{Element, Form, Item, Scalar, is_a};
use super::program::{Kind, Program};
use crate::{Resource, reference};

/// How many items one evaluation may touch.
pub const WORK_MAX: usize = 1_000_000;

/// What an expression cannot be applied to. The text names what was expected, never the resource's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluateError {
    pub text: String,
}

pub type Collection<'r> = Result<Vec<Item<'r>>, EvaluateError>;

/// Where a program is being run.
pub struct Scope<'w, 'r> {
    root: Element<'r>,
    /// `$this`
    this: Item<'r>,
    /// `$index`
    index: usize,
    work: &'w Cell<usize>,
}

impl<'w, 'r> Scope<'w, 'r> {
    /// The scope of a criterion or projection: `$this` is the item.
    pub fn of(&self, this: Item<'r>, index: usize) -> Scope<'w, 'r> {
        Scope { root: self.root, this, index, work: self.work }
    }

    fn spend(&self, items: usize) -> Result<(), EvaluateError> {
        self.work.set(self.work.get() + 1 + items);
        if self.work.get() > WORK_MAX {
            return Err(EvaluateError::new(format!("the expression touches more than {WORK_MAX} items")));
        }
        Ok(())
    }
}

pub fn run<'r>(program: &Program, resource: &'r Resource<'_>) -> Collection<'r> {
    let Some(root) = Element::root(resource) else {
        return Err(EvaluateError::new("a resource of a type that R4 does not have"));
    };
    let work = Cell::new(0);
    evaluate(&Scope { root, this: Item::Element(root), index: 0, work: &work }, program)
}

/// The same, of one item of a resource.
pub fn run_in<'r>(program: &Program, root: Element<'r>, this: Item<'r>) -> Collection<'r> {
    let work = Cell::new(0);
    evaluate(&Scope { root, this, index: 0, work: &work }, program)
}

pub fn evaluate<'r>(scope: &Scope<'_, 'r>, program: &Program) -> Collection<'r> {
    let items = match program {
        Program::Empty => Vec::new(),
        Program::Literal(value) => vec![Item::Scalar(value.clone())],
        Program::This => vec![scope.this.clone()],
        Program::Index => integer(scope.index),
        Program::Root => vec![Item::Element(scope.root)],
        Program::Start(name) => start(&scope.this, name),
        Program::Member(on, name) => members(&evaluate(scope, on)?, name),
        Program::Call(on, function, arguments) => {
            let input = match on {
                Some(on) => evaluate(scope, on)?,
                None => vec![scope.this.clone()],
            };
            (function.run)(scope, input, arguments)?
        }
        Program::Indexer(on, index) => indexed(evaluate(scope, on)?, &evaluate(scope, index)?)?,
        Program::Binary(operator, left, right) => binary(scope, *operator, left, right)?,
        Program::Is(on, kind) => {
            single(evaluate(scope, on)?)?.map_or_else(Vec::new, |item| boolean(is_kind(&item, *kind)))
        }
        // The specification asks for one item; R4's own search parameters cast many, and every server filters.
        Program::As(on, kind) => evaluate(scope, on)?.into_iter().filter(|item| is_kind(item, *kind)).collect(),
        Program::Refers(on, kind) => {
            let item = single(evaluate(scope, on)?)?;
            item.map_or_else(Vec::new, |item| boolean(refers(&item, kind)))
        }
    };
    scope.spend(items.len())?;
    Ok(items)
}

/// A type's name stands for what it is asked of, if that is of the type; any other name is an element's.
fn start<'r>(this: &Item<'r>, name: &str) -> Vec<Item<'r>> {
    if name.starts_with(|c: char| c.is_ascii_uppercase()) {
        let is = matches!(this, Item::Element(element) if is_a(element.kind, name));
        return if is { vec![this.clone()] } else { Vec::new() };
    }
    members(std::slice::from_ref(this), name)
}

fn members<'r>(on: &[Item<'r>], name: &str) -> Vec<Item<'r>> {
    let mut found = Vec::new();
    on.iter().for_each(|item| item.children(name, &mut found));
    found
}

fn indexed<'r>(on: Vec<Item<'r>>, index: &[Item<'r>]) -> Collection<'r> {
    match index.first().and_then(Item::scalar) {
        Some(Scalar::Integer(at)) if index.len() == 1 => {
            Ok(usize::try_from(at).ok().and_then(|at| on.into_iter().nth(at)).into_iter().collect())
        }
        _ => Err(EvaluateError::new("an index must be one integer")),
    }
}

fn binary<'r>(scope: &Scope<'_, 'r>, operator: Operator, left: &Program, right: &Program) -> Collection<'r> {
    let (left, right) = (evaluate(scope, left)?, evaluate(scope, right)?);
    let answer = match operator {
        Operator::Union => return union(scope, left, right),
        Operator::And | Operator::Or | Operator::Xor | Operator::Implies => {
            logic(operator, truth(&left)?, truth(&right)?)
        }
        Operator::Equal => equal(&left, &right),
        Operator::NotEqual => equal(&left, &right).map(|equal| !equal),
        Operator::In => contains(scope, &right, left)?,
        Operator::Contains => contains(scope, &left, right)?,
        Operator::Less => order(left, right)?.map(Ordering::is_lt),
        Operator::LessOrEqual => order(left, right)?.map(Ordering::is_le),
        Operator::Greater => order(left, right)?.map(Ordering::is_gt),
        Operator::GreaterOrEqual => order(left, right)?.map(Ordering::is_ge),
        other => unreachable!("operator {} does not compile", other.text()),
    };
    Ok(answer.map_or_else(Vec::new, boolean))
}

fn union<'r>(scope: &Scope<'_, 'r>, left: Vec<Item<'r>>, right: Vec<Item<'r>>) -> Collection<'r> {
    let mut all: Vec<Item<'r>> = Vec::new();
    for item in left.into_iter().chain(right) {
        scope.spend(all.len())?;
        let one = std::slice::from_ref(&item);
        if !all.iter().any(|known| equal(std::slice::from_ref(known), one) == Some(true)) {
            all.push(item);
        }
    }
    Ok(all)
}

fn contains<'r>(scope: &Scope<'_, 'r>, many: &[Item<'r>], item: Vec<Item<'r>>) -> Result<Option<bool>, EvaluateError> {
    scope.spend(many.len())?;
    let Some(item) = single(item)? else { return Ok(None) };
    let item = std::slice::from_ref(&item);
    Ok(Some(many.iter().any(|known| equal(std::slice::from_ref(known), item) == Some(true))))
}

fn order<'r>(left: Vec<Item<'r>>, right: Vec<Item<'r>>) -> Result<Option<Ordering>, EvaluateError> {
    match (single(left)?, single(right)?) {
        (Some(left), Some(right)) => compare(&left, &right),
        _ => Ok(None),
    }
}

/// `and`, `or`, `xor`, `implies` where a side may be unknown (FHIRPath §6.5).
fn logic(operator: Operator, left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (operator, left, right) {
        (Operator::And, Some(false), _) | (Operator::And, _, Some(false)) => Some(false),
        (Operator::And, Some(true), Some(true)) => Some(true),
        (Operator::Or, Some(true), _) | (Operator::Or, _, Some(true)) => Some(true),
        (Operator::Or, Some(false), Some(false)) => Some(false),
        (Operator::Xor, Some(left), Some(right)) => Some(left != right),
        (Operator::Implies, Some(false), _) | (Operator::Implies, _, Some(true)) => Some(true),
        (Operator::Implies, Some(true), Some(false)) => Some(false),
        _ => None,
    }
}

fn is_kind(item: &Item<'_>, kind: Kind) -> bool {
    match (item, kind) {
        (Item::Element(element), Kind::Fhir(kind)) => is_a(element.kind, kind.name),
        (Item::Scalar(scalar), Kind::System(name)) => scalar.kind() == name,
        _ => false,
    }
}

fn refers(item: &Item<'_>, kind: &str) -> bool {
    match item {
        Item::Element(Element { form: Form::Object(object), .. }) => reference::kind(object) == Some(kind),
        _ => false,
    }
}

/// Whether a criterion holds for `$this`; an empty answer does not.
pub fn holds(scope: &Scope<'_, '_>, criterion: &Program) -> Result<bool, EvaluateError> {
    Ok(truth(&evaluate(scope, criterion)?)?.unwrap_or(false))
}

/// A collection as a truth: empty is unknown, a boolean is itself, any other single item is true (FHIRPath §4.5).
pub fn truth(items: &[Item<'_>]) -> Result<Option<bool>, EvaluateError> {
    match items {
        [] => Ok(None),
        [item] => Ok(Some(!matches!(item.scalar(), Some(Scalar::Boolean(false))))),
        _ => Err(EvaluateError::new("expected one item where a condition stands, found several")),
    }
}

pub fn single<'r>(items: Vec<Item<'r>>) -> Result<Option<Item<'r>>, EvaluateError> {
    match items.len() {
        0 | 1 => Ok(items.into_iter().next()),
        _ => Err(EvaluateError::new("expected one item, found several")),
    }
}

/// One text, or nothing; anything else is an error.
pub fn text<'r>(items: Vec<Item<'r>>) -> Result<Option<std::borrow::Cow<'r, str>>, EvaluateError> {
    match single(items)?.map(|item| item.scalar()) {
        None => Ok(None),
        Some(Some(Scalar::String(text))) => Ok(Some(text)),
        Some(_) => Err(EvaluateError::new("expected text")),
    }
}

pub fn boolean<'r>(value: bool) -> Vec<Item<'r>> {
    vec![Item::Scalar(Scalar::Boolean(value))]
}

pub fn integer<'r>(value: usize) -> Vec<Item<'r>> {
    vec![Item::Scalar(Scalar::Integer(i64::try_from(value).unwrap_or(i64::MAX)))]
}

impl EvaluateError {
    pub(super) fn new(text: impl Into<String>) -> EvaluateError {
        EvaluateError { text: text.into() }
    }
}

impl std::fmt::Display for EvaluateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for EvaluateError {}
