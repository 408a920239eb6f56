//! What the evaluator runs: an expression of which every name has been looked up.

use super::ast::Operator;
use super::function::Function;
use super::item::Scalar;
use crate::schema::Type;

#[derive(Debug)]
pub enum Program {
    Empty,
    Literal(Scalar<'static>),
    /// `$this`
    This,
    /// `$index`
    Index,
    /// `%resource`, `%rootResource` and `%context`: the resource that the expression was asked of.
    Root,
    /// A name that begins a path: the type of what it is asked of, or an element.
    Start(String),
    Member(Box<Program>, String),
    /// A function of `$this`, or of the program before it.
    Call(Option<Box<Program>>, &'static Function, Vec<Program>),
    Indexer(Box<Program>, Box<Program>),
    Binary(Operator, Box<Program>, Box<Program>),
    Is(Box<Program>, Kind),
    As(Box<Program>, Kind),
    /// `resolve() is Type`, of the references that the program gives.
    Refers(Box<Program>, &'static str),
}

/// A type to test against.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Fhir(&'static Type),
    /// `System.Boolean` and the others, by name.
    System(&'static str),
}
