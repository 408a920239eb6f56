//! The functions of FHIRPath, one file a family. A function that is not in [`find`]'s table does not compile.

mod existence;
mod fhir;
mod filtering;
mod strings;
mod subsetting;

use std::ops::RangeInclusive;

use super::evaluate::{Collection, Scope};
use super::program::Program;

/// A function by name. `run` gets the collection that it is asked of, and its arguments not yet evaluated, because
/// `where` and its like evaluate them once an item.
pub struct Function {
    pub name: &'static str,
    pub arguments: RangeInclusive<usize>,
    pub run: for<'r> fn(&Scope<'_, 'r>, Vec<super::Item<'r>>, &[Program]) -> Collection<'r>,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// `is`, `as`, `ofType` and `resolve` are not here: they name types, and the compiler knows them.
pub fn find(name: &str) -> Option<&'static Function> {
    let families =
        [existence::FUNCTIONS, filtering::FUNCTIONS, subsetting::FUNCTIONS, strings::FUNCTIONS, fhir::FUNCTIONS];
    families.into_iter().flatten().find(|function| function.name == name)
}
