//! What the evaluator runs: an expression of which every name has been looked up.

use super::ast::Operator;
use super::function::Function;
use super::item::Item;
use crate::schema::Type;

#[derive(Debug)]
pub enum Program {
    Empty,
    Literal(Item<'static>),
    /// `$this`
    This,
    /// `$index`
    Index,
    /// `$total`
    Total,
    /// `%resource`
    Resource,
    /// `%rootResource`
    Root,
    /// `%context`
    Context,
    /// The name of a type that begins a path: what it is asked of, if that is of the type.
    Start(String),
    /// An element by its FHIRPath name, of `$this` or of the program before it.
    Member(Option<Box<Program>>, String),
    /// A function of `$this`, or of the program before it.
    Call(Option<Box<Program>>, &'static Function, Vec<Program>),
    Indexer(Box<Program>, Box<Program>),
    Negative(Box<Program>),
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
    /// A name that both have, without a namespace: `Quantity`.
    Either(&'static Type, &'static str),
    /// A FHIR type's name in the namespace `System`: nothing is of it.
    Nothing,
}
