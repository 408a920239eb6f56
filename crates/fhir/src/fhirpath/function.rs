//! The functions of FHIRPath, one file a family. A function that is not in [`find`]'s table does not compile.

mod boundary;
mod conversion;
mod encoding;
mod existence;
mod fhir;
mod filtering;
mod math;
mod navigation;
mod pattern;
mod strings;
mod subsetting;
mod utility;

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::evaluate::{self, EvaluateError, MORE, Scope, Step, each, each_of, keep, keep_one};
use super::item::{Item, Scalar, Visit};
use super::program::Program;
use crate::decimal::Decimal;

type Run = for<'c, 'r> fn(&Call<'c, 'r>, Visit<'_, 'r>) -> Step;

/// A function by name.
pub struct Function {
    pub name: &'static str,
    pub arguments: RangeInclusive<usize>,
    /// Whether the arguments are asked of each item of the input, which is then `$this`.
    pub inner: bool,
    pub gives: Gives,
    pub run: Run,
}

/// A function whose arguments are asked of what the whole expression is asked of.
const fn plain(name: &'static str, arguments: RangeInclusive<usize>, gives: Gives, run: Run) -> Function {
    Function { name, arguments, inner: false, gives, run }
}

/// A function whose arguments are asked of each item of its input.
const fn inner(name: &'static str, arguments: RangeInclusive<usize>, gives: Gives, run: Run) -> Function {
    Function { name, arguments, inner: true, gives, run }
}

/// What is known of a function's answer when it is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gives {
    /// Items of the input.
    Input,
    /// Items of the input or of the arguments.
    Both,
    /// What its last argument gives.
    Argument,
    /// Values of a System type.
    System(&'static str),
    /// Elements of a FHIR type.
    Fhir(&'static str),
    Anything,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// `is`, `as` and `ofType` are not here: they name types, and the compiler knows them.
pub fn find(name: &str) -> Option<&'static Function> {
    let families = [
        existence::FUNCTIONS,
        filtering::FUNCTIONS,
        subsetting::FUNCTIONS,
        conversion::FUNCTIONS,
        strings::FUNCTIONS,
        encoding::FUNCTIONS,
        math::FUNCTIONS,
        navigation::FUNCTIONS,
        utility::FUNCTIONS,
        boundary::FUNCTIONS,
        fhir::FUNCTIONS,
    ];
    families.into_iter().flatten().find(|function| function.name == name)
}

/// What is wrong with arguments that can be judged before anything is evaluated: a pattern that is none.
pub fn check(function: &Function, arguments: &[Program]) -> Result<(), String> {
    match (function.name, arguments.first()) {
        ("matches" | "matchesFull" | "replaceMatches", Some(Program::Literal(Item::Scalar(Scalar::String(text))))) => {
            pattern::check(text)
        }
        _ => Ok(()),
    }
}

/// A function asked of something: its input and its arguments, none of them evaluated yet.
pub struct Call<'c, 'r> {
    pub scope: &'c Scope<'c, 'r>,
    /// What stands before it; without, it is asked of `$this`.
    pub on: Option<&'c Program>,
    pub arguments: &'c [Program],
}

impl<'c, 'r> Call<'c, 'r> {
    pub fn each_input(&self, visit: Visit<'_, 'r>) -> Step {
        match self.on {
            Some(on) => each(self.scope, on, visit),
            None => each_of(self.scope.this, visit),
        }
    }

    /// The input with the place of each item, and the scope in which arguments are asked of it.
    pub fn each_scope(&self, visit: &mut dyn FnMut(&Scope<'_, 'r>, &Item<'r>) -> Step) -> Step {
        let mut index = 0;
        self.each_input(&mut |item| {
            let scope = self.scope.of(item, index);
            index += 1;
            visit(&scope, item)
        })
    }

    pub fn input(&self) -> Result<Vec<Item<'r>>, EvaluateError> {
        let mut items = Vec::new();
        self.each_input(&mut |item| keep(self.scope, &mut items, item))?;
        Ok(items)
    }

    /// The one item of the input, or nothing; several are an error.
    pub fn one(&self) -> Result<Option<Item<'r>>, EvaluateError> {
        let mut found = None;
        self.each_input(&mut |item| keep_one(&mut found, item))?;
        Ok(found)
    }

    /// The one value of the input. An element that is no primitive is an error.
    pub fn scalar(&self) -> Result<Option<Scalar<'r>>, EvaluateError> {
        let Some(item) = self.one()? else { return Ok(None) };
        match (item.scalar(), &item) {
            (None, Item::Element(element)) if !matches!(element.form, super::Form::Primitive { .. }) => {
                Err(EvaluateError::new("expected a value, found an element with parts"))
            }
            (scalar, _) => Ok(scalar),
        }
    }

    /// The one text of the input. To look at it is work.
    pub fn text(&self) -> Result<Option<Cow<'r, str>>, EvaluateError> {
        let Some(item) = self.one()? else { return Ok(None) };
        let text = evaluate::text(&item)?;
        self.scope.spend(text.as_ref().map_or(0, |text| text.len() / 16))?;
        Ok(text)
    }

    pub fn argument(&self, at: usize) -> Result<Option<Item<'r>>, EvaluateError> {
        self.arguments.get(at).map_or(Ok(None), |argument| evaluate::one(self.scope, argument))
    }

    pub fn arguments(&self, at: usize) -> Result<Vec<Item<'r>>, EvaluateError> {
        self.arguments.get(at).map_or(Ok(Vec::new()), |argument| evaluate::collect(self.scope, argument))
    }

    /// The text of an argument; a literal is not copied.
    pub fn text_argument(&self, at: usize) -> Result<Option<Cow<'_, str>>, EvaluateError> {
        if let Some(Program::Literal(Item::Scalar(Scalar::String(text)))) = self.arguments.get(at) {
            return Ok(Some(Cow::Borrowed(text)));
        }
        self.argument(at)?.map_or(Ok(None), |item| evaluate::text(&item))
    }

    pub fn integer_argument(&self, at: usize) -> Result<Option<i64>, EvaluateError> {
        match self.argument(at)?.map(|item| item.scalar()) {
            None => Ok(None),
            Some(Some(Scalar::Integer(value))) => Ok(Some(value)),
            Some(_) => Err(EvaluateError::new("expected an integer")),
        }
    }

    pub fn number_argument(&self, at: usize) -> Result<Option<Decimal>, EvaluateError> {
        let Some(item) = self.argument(at)? else { return Ok(None) };
        let number = item.scalar().and_then(|scalar| scalar.decimal());
        number.map(Some).ok_or_else(|| EvaluateError::new("expected a number"))
    }
}

/// Gives an answer, where there is one.
fn give<'r>(answer: Option<impl Into<Item<'r>>>, visit: Visit<'_, 'r>) -> Step {
    answer.map_or(MORE, |answer| visit(&answer.into()))
}
