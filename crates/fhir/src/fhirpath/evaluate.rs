//! Running a program: paths, types and the rules of three-valued logic (FHIRPath §4.5, §6).
//!
//! Items are handed on one after another and lists are made only where a function needs one, so that a path, a filter or
//! a test allocates nothing, and `exists()` stops at the first. The work of one evaluation is bounded, see `work`.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::environment::Environment;
use super::function::Call;
use super::item::{Element, Form, Item, Scalar, Visit};
use super::kind;
use super::operator;
use super::program::Program;
use super::resolve::{self, Entries};
use super::work::Work;

/// What an expression cannot be applied to. The text names what was expected, never the resource's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluateError {
    pub text: String,
}

/// Whether more items are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    More,
    Enough,
}

impl Flow {
    pub fn is_enough(self) -> bool {
        self == Flow::Enough
    }
}

/// What follows an item.
pub type Step = Result<Flow, EvaluateError>;

pub const MORE: Step = Ok(Flow::More);
pub const ENOUGH: Step = Ok(Flow::Enough);

/// Where a program is being run.
pub struct Scope<'w, 'r> {
    pub run: &'w Run<'w, 'r>,
    /// `$this`: one item, or none where a function is asked of nothing.
    pub this: &'w [Item<'r>],
    /// `$index`
    pub index: usize,
    /// `$total`
    pub total: &'w [Item<'r>],
}

/// What stays the same through one evaluation.
pub struct Run<'w, 'r> {
    pub environment: &'w Environment<'w, 'r>,
    /// `%context`
    pub context: &'w Item<'r>,
    pub work: Work,
    /// Where the entries of the Bundle are, once a reference was followed.
    pub entries: OnceCell<Entries<'r>>,
}

impl<'w, 'r> Run<'w, 'r> {
    pub fn new(environment: &'w Environment<'w, 'r>, context: &'w Item<'r>) -> Run<'w, 'r> {
        Run { environment, context, work: Work::default(), entries: OnceCell::new() }
    }

    pub fn scope(&'w self) -> Scope<'w, 'r> {
        Scope { run: self, this: std::slice::from_ref(self.context), index: 0, total: &[] }
    }
}

impl<'w, 'r> Scope<'w, 'r> {
    /// The scope of a criterion or projection: `$this` is the item.
    pub fn of<'n>(&self, this: &'n Item<'r>, index: usize) -> Scope<'n, 'r>
    where
        'w: 'n,
    {
        Scope { run: self.run, this: std::slice::from_ref(this), index, total: self.total }
    }

    /// Counts so many steps, and one.
    pub fn spend(&self, steps: usize) -> Result<(), EvaluateError> {
        self.run.work.spend(steps)
    }
}

/// Gives the items of a program one after another, until no more are wanted.
pub fn each<'r>(scope: &Scope<'_, 'r>, program: &Program, visit: Visit<'_, 'r>) -> Step {
    scope.spend(0)?;
    match program {
        Program::Empty => MORE,
        Program::Literal(item) => visit(item),
        Program::This => each_of(scope.this, visit),
        Program::Index => visit(&Item::from(i64::try_from(scope.index).unwrap_or(i64::MAX))),
        Program::Total => each_of(scope.total, visit),
        Program::Resource => visit(&Item::Element(scope.run.environment.resource)),
        Program::Root => visit(&Item::Element(scope.run.environment.root)),
        Program::Context => visit(scope.run.context),
        Program::Start(name) => match scope.this {
            [item] if kind::is_of(item, name) => visit(item),
            _ => MORE,
        },
        Program::Member(None, name) => members(scope, scope.this, name, visit),
        Program::Member(Some(on), name) => {
            each(scope, on, &mut |item| members(scope, std::slice::from_ref(item), name, visit))
        }
        Program::Call(on, function, arguments) => (function.run)(&Call { scope, on: on.as_deref(), arguments }, visit),
        Program::Indexer(on, index) => indexed(scope, on, index, visit),
        Program::Negative(on) => operator::negative(scope, on, visit),
        Program::Binary(operator, left, right) => operator::binary(scope, *operator, left, right, visit),
        Program::Is(on, of) => match one(scope, on)? {
            Some(item) => visit(&Item::from(kind::is(&item, *of))),
            None => MORE,
        },
        // The specification asks for one item; R4's own search parameters cast many, and every server filters.
        Program::As(on, to) => each(scope, on, &mut |item| if kind::casts_to(item, *to) { visit(item) } else { MORE }),
        Program::Refers(on, of) => match one(scope, on)? {
            Some(item) => visit(&Item::from(resolve::kind(scope.run, &item) == Some(*of))),
            None => MORE,
        },
    }
}

pub fn each_of<'r>(items: &[Item<'r>], visit: Visit<'_, 'r>) -> Step {
    for item in items {
        if visit(item)?.is_enough() {
            return ENOUGH;
        }
    }
    MORE
}

fn members<'r>(scope: &Scope<'_, 'r>, on: &[Item<'r>], name: &str, visit: Visit<'_, 'r>) -> Step {
    for item in on {
        let step = item.member(name, &mut |found| {
            scope.spend(0)?;
            visit(found)
        });
        if step?.is_enough() {
            return ENOUGH;
        }
    }
    MORE
}

fn indexed<'r>(scope: &Scope<'_, 'r>, on: &Program, index: &Program, visit: Visit<'_, 'r>) -> Step {
    let Some(index) = one(scope, index)? else { return MORE };
    let Some(Scalar::Integer(index)) = index.scalar() else {
        return Err(EvaluateError::new("an index must be one integer"));
    };
    let Ok(mut before) = usize::try_from(index) else { return MORE };
    let mut wanted = MORE;
    each(scope, on, &mut |item| {
        if before > 0 {
            before -= 1;
            return MORE;
        }
        wanted = visit(item);
        ENOUGH
    })?;
    wanted
}

/// All items in a list.
pub fn collect<'r>(scope: &Scope<'_, 'r>, program: &Program) -> Result<Vec<Item<'r>>, EvaluateError> {
    let mut items = Vec::new();
    each(scope, program, &mut |item| keep(scope, &mut items, item))?;
    Ok(items)
}

/// Puts an item into a list, which is work.
pub fn keep<'r>(scope: &Scope<'_, 'r>, items: &mut Vec<Item<'r>>, item: &Item<'r>) -> Step {
    scope.spend(0)?;
    items.push(item.clone());
    MORE
}

/// The one item, or nothing; several are an error.
pub fn one<'r>(scope: &Scope<'_, 'r>, program: &Program) -> Result<Option<Item<'r>>, EvaluateError> {
    if let (Program::This, [item]) = (program, scope.this) {
        return Ok(Some(item.clone()));
    }
    let mut found = None;
    each(scope, program, &mut |item| keep_one(&mut found, item))?;
    Ok(found)
}

pub fn keep_one<'r>(found: &mut Option<Item<'r>>, item: &Item<'r>) -> Step {
    if found.is_some() {
        return Err(EvaluateError::new("expected one item, found several"));
    }
    *found = Some(item.clone());
    MORE
}

/// The text of an item. A primitive that has only extensions has none; anything else is an error.
pub fn text<'r>(item: &Item<'r>) -> Result<Option<Cow<'r, str>>, EvaluateError> {
    match (item.scalar(), item) {
        (Some(Scalar::String(text)), _) => Ok(Some(text)),
        (None, Item::Element(Element { form: Form::Primitive { .. }, .. })) => Ok(None),
        _ => Err(EvaluateError::new("expected text")),
    }
}

/// What a program says as a condition: nothing is unknown, a boolean is itself, any other single item is true
/// (FHIRPath §4.5).
pub fn truth(scope: &Scope<'_, '_>, program: &Program) -> Result<Option<bool>, EvaluateError> {
    let mut found = None;
    each(scope, program, &mut |item| keep_truth(&mut found, item))?;
    Ok(found)
}

pub fn keep_truth(found: &mut Option<bool>, item: &Item<'_>) -> Step {
    if found.is_some() {
        return Err(EvaluateError::new("expected one item where a condition stands, found several"));
    }
    *found = Some(!matches!(item.scalar(), Some(Scalar::Boolean(false))));
    MORE
}

/// Whether a criterion holds; what is unknown does not.
pub fn holds(scope: &Scope<'_, '_>, criterion: &Program) -> Result<bool, EvaluateError> {
    Ok(truth(scope, criterion)?.unwrap_or(false))
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
