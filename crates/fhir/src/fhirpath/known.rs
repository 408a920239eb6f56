//! What is known of an expression's items before it runs: of which types they can be.
//!
//! A step to an element that none of the types has finds nothing, ever, and is refused when it is compiled, with the
//! names of both: a misspelt element is not an empty answer.

use super::CompileError;
use super::ast::Ast;
use super::function::{Function, Gives};
use super::item::is_a;
use super::program::Kind;
use crate::schema::{self, Class, Type};

/// More types than this are as good as any: two choices of fifty after one another.
const TYPES_MAX: usize = 128;

#[derive(Debug, Clone)]
pub enum Known {
    Anything,
    /// Only these types; none of them means that nothing can be there.
    Types(Vec<OfType>),
}

#[derive(Debug, Clone, Copy)]
pub enum OfType {
    Fhir(&'static Type),
    System(&'static str),
}

impl OfType {
    fn same(self, other: OfType) -> bool {
        match (self, other) {
            (OfType::Fhir(left), OfType::Fhir(right)) => std::ptr::eq(left, right),
            (OfType::System(left), OfType::System(right)) => left == right,
            _ => false,
        }
    }
}

impl Known {
    pub fn fhir(kind: &'static Type) -> Known {
        Known::of([OfType::Fhir(kind)])
    }

    pub fn system(name: &'static str) -> Known {
        Known::of([OfType::System(name)])
    }

    /// Of abstract types it is not known which elements there are.
    pub fn of(types: impl IntoIterator<Item = OfType>) -> Known {
        let mut distinct: Vec<OfType> = Vec::new();
        for of in types {
            if matches!(of, OfType::Fhir(kind) if is_abstract(kind)) || distinct.len() == TYPES_MAX {
                return Known::Anything;
            }
            if !distinct.iter().any(|known| known.same(of)) {
                distinct.push(of);
            }
        }
        Known::Types(distinct)
    }

    pub fn is_nothing(&self) -> bool {
        matches!(self, Known::Types(types) if types.is_empty())
    }

    pub fn or(self, other: Known) -> Known {
        match (self, other) {
            (Known::Types(left), Known::Types(right)) => Known::of(left.into_iter().chain(right)),
            _ => Known::Anything,
        }
    }

    /// After a name of a type at the beginning: `Patient`.
    pub fn start(&self, kind: &'static Type) -> Known {
        match self {
            Known::Anything => Known::fhir(kind),
            Known::Types(types) => {
                let fits = |of: &&OfType| matches!(of, OfType::Fhir(known) if is_a(known, kind.name));
                Known::Types(types.iter().filter(fits).copied().collect())
            }
        }
    }

    /// After a cast: the type, even where nothing passes.
    pub fn cast(kind: Kind) -> Known {
        match kind {
            Kind::Fhir(kind) => Known::fhir(kind),
            Kind::System(name) => Known::system(name),
            Kind::Either(kind, name) => Known::of([OfType::Fhir(kind), OfType::System(name)]),
            Kind::Nothing => Known::Anything,
        }
    }

    /// After a step to an element; an error where it finds nothing, ever.
    pub fn member(&self, tree: &Ast, name: &str) -> Result<Known, CompileError> {
        let Known::Types(types) = self else { return Ok(Known::Anything) };
        let mut found = Vec::new();
        for of in types {
            match of {
                OfType::System("Quantity" | "ClassInfo") => return Ok(Known::Anything),
                OfType::System(_) => {}
                OfType::Fhir(kind) if kind.class == Class::Primitive => {
                    found.extend(schema::r4().kind("Element").and_then(|kind| kind.element(name)).map(of_element));
                }
                OfType::Fhir(kind) => found.extend(kind.stem(name).map(of_element)),
            }
        }
        match types.first() {
            Some(of) if found.is_empty() => {
                let kind = match of {
                    OfType::Fhir(kind) => kind.name,
                    OfType::System(name) => name,
                };
                Err(CompileError::new(tree.at, format!("{kind} has no element {name}")))
            }
            _ => Ok(Known::of(found)),
        }
    }

    /// What a function gives that is asked of these.
    pub fn call(self, function: &Function, arguments: Vec<Known>) -> Known {
        match function.gives {
            Gives::Anything => Known::Anything,
            Gives::Input => self,
            Gives::Both => arguments.into_iter().fold(self, Known::or),
            Gives::Argument => arguments.into_iter().next_back().unwrap_or(Known::Anything),
            Gives::System(name) => Known::system(name),
            Gives::Fhir(name) => schema::r4().kind(name).map_or(Known::Anything, Known::fhir),
        }
    }
}

fn of_element(element: &'static schema::Element) -> OfType {
    OfType::Fhir(schema::r4().kind_of(element))
}

fn is_abstract(kind: &Type) -> bool {
    kind.class == Class::Abstract || matches!(kind.name, "Element" | "BackboneElement")
}
