//! FHIRPath 2.0 (N1) over resources, as far as R4's search parameters need it; what is not served yet is an error when
//! an expression is compiled, never an empty answer.
//!
//! `lexer` and `parser` read the whole grammar into an `ast`. `compile` turns that into a `program` of what the
//! evaluator knows, and `evaluate` with one file a family of functions under `function` runs it. Beside the program, an
//! expression that only steps down through elements has `paths`: static names that are followed without allocation,
//! which is how a resource is indexed.

mod ast;
mod compare;
mod compile;
mod evaluate;
mod function;
mod item;
mod lexer;
mod parser;
mod path;
mod program;

pub use evaluate::EvaluateError;
pub(crate) use item::is_a;
pub use item::{Element, Form, Item, Scalar};
pub use parser::{LENGTH_MAX_BYTES, NESTING_MAX, NODES_MAX};
pub use path::Path;

use crate::Resource;
use crate::schema::Type;

/// An expression ready to run on resources or elements of one type.
#[derive(Debug)]
pub struct Expression {
    program: program::Program,
    paths: Option<Vec<Path>>,
}

/// Why an expression cannot be used, and where in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError {
    /// Bytes from the beginning.
    pub at: usize,
    pub text: String,
}

impl Expression {
    /// Compiles an expression that will be asked of `context`: a resource type, or the type of an element.
    pub fn compile(text: &str, context: &'static Type) -> Result<Expression, CompileError> {
        let tree = parser::parse(text)?;
        let paths = path::paths(&tree, context)?;
        let program = compile::compile(&tree)?;
        Ok(Expression { program, paths })
    }

    /// The result in order. The expression should have been compiled for the resource's type.
    pub fn evaluate<'r>(&self, resource: &'r Resource<'_>) -> Result<Vec<Item<'r>>, EvaluateError> {
        evaluate::run(&self.program, resource)
    }

    /// The result for one item of a resource.
    pub fn evaluate_in<'r>(&self, root: Element<'r>, item: Item<'r>) -> Result<Vec<Item<'r>>, EvaluateError> {
        evaluate::run_in(&self.program, root, item)
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
