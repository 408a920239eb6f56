//! FHIRPath 2.0 (N1) with what R4 adds (R4 §2.9.1), over resources. What is not served is an error when an expression
//! is compiled, or one that says so when it is evaluated, never an empty answer.
//!
//! `lexer` and `parser` read the grammar into an `ast`. `compile` turns that into a `program` in which every name is
//! looked up, refusing steps that find nothing (`known`), and `evaluate` runs it, with `operator` and one file a family of
//! functions under `function`. Beside the program, an expression that only steps down through elements has `paths`: static
//! names that are followed without allocation, which is how a resource is indexed.

mod ast;
mod compare;
mod compile;
mod distinct;
mod environment;
mod evaluate;
mod function;
mod item;
mod kind;
mod known;
mod lexer;
mod operator;
mod parser;
mod path;
mod program;
mod quantity;
mod resolve;
mod show;
mod temporal;
mod work;

pub(crate) use distinct::key;
pub use environment::Environment;
pub use evaluate::EvaluateError;
pub use item::{Element, Form, Item, Scalar};
pub use parser::{LENGTH_MAX_BYTES, NESTING_MAX, NODES_MAX};
pub use path::Path;
pub use work::WORK_MAX;

use crate::Resource;
use crate::schema::Type;

/// An expression ready to run on resources or elements of one type.
#[derive(Debug)]
pub struct Expression {
    program: program::Program,
    paths: Option<Vec<Path>>,
    finds_nothing: bool,
}

/// Why an expression cannot be used, and where in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError {
    /// Bytes from the beginning.
    pub at: usize,
    pub text: String,
}

impl Expression {
    /// Compiles an expression that will be asked of `context`: a resource type, or the type of an element. An abstract
    /// type (`Resource`, `Element`) lets any step pass.
    pub fn compile(text: &str, context: &'static Type) -> Result<Expression, CompileError> {
        let tree = parser::parse(text)?;
        let (program, known) = compile::compile(&tree, &[context])?;
        Ok(Expression { program, paths: path::paths(&tree, context), finds_nothing: known.is_nothing() })
    }

    /// The same for items of several types, such as those of a choice: a step must be one of at least one of them. Such
    /// an expression has no paths.
    pub fn compile_among(text: &str, contexts: &[&'static Type]) -> Result<Expression, CompileError> {
        let (program, known) = compile::compile(&parser::parse(text)?, contexts)?;
        Ok(Expression { program, paths: None, finds_nothing: known.is_nothing() })
    }

    /// The result in order, of a whole resource by itself. The expression should have been compiled for its type.
    pub fn evaluate<'r>(&self, resource: &'r Resource<'_>) -> Result<Vec<Item<'r>>, EvaluateError> {
        let Some(environment) = Environment::of(resource) else {
            return Err(EvaluateError::new("a resource of a type that R4 does not have"));
        };
        self.evaluate_in(&environment, Item::Element(environment.resource))
    }

    /// The result in order, of any item.
    pub fn evaluate_in<'r>(
        &self,
        environment: &Environment<'_, 'r>,
        context: Item<'r>,
    ) -> Result<Vec<Item<'r>>, EvaluateError> {
        let run = evaluate::Run::new(environment, &context);
        let items = evaluate::collect(&run.scope(), &self.program)?;
        run.work.check().map(|()| items)
    }

    /// Whether a condition, such as an invariant, holds for an item: `None` where that is unknown (an empty result). A
    /// single item that is no boolean holds (FHIRPath §4.5); several are an error.
    ///
    /// Only `Some(false)` breaks an invariant of R4: many (bdl-8, ref-1) are empty where what they speak of is not there.
    pub fn holds<'r>(
        &self,
        environment: &Environment<'_, 'r>,
        context: &Item<'r>,
    ) -> Result<Option<bool>, EvaluateError> {
        let run = evaluate::Run::new(environment, context);
        let truth = evaluate::truth(&run.scope(), &self.program)?;
        run.work.check().map(|()| truth)
    }

    /// Whether it can find nothing, ever, in what it was compiled for: `Encounter.status` in a Patient. That is no error,
    /// because one expression may be meant for several types, but is seldom what a person meant.
    pub fn finds_nothing(&self) -> bool {
        self.finds_nothing
    }

    /// The plain paths whose values together are the result, where the expression is that simple. Only the order and
    /// the duplicates of a union may differ.
    pub fn paths(&self) -> Option<&[Path]> {
        self.paths.as_deref()
    }
}

impl CompileError {
    fn new(at: usize, text: impl Into<String>) -> CompileError {
        CompileError { at, text: text.into() }
    }
}

impl std::fmt::Display for CompileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "expression at {}: {}", self.at, self.text)
    }
}

impl std::error::Error for CompileError {}
