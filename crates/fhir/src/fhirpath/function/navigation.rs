//! Walking the tree (FHIRPath §5.8). FHIRPath leaves the order of children open; here it is the resource's own.

use super::{Function, Gives, plain};
use crate::fhirpath::evaluate::{ENOUGH, EvaluateError, MORE, Scope, Step};
use crate::fhirpath::item::{Item, Visit};

/// How deep elements may be within one another; what is read is never deeper.
const DEPTH_MAX: usize = 128;

pub const FUNCTIONS: &[Function] = &[
    plain("children", 0..=0, Gives::Anything, |call, visit| {
        call.each_input(&mut |item| children(call.scope, item, visit))
    }),
    plain("descendants", 0..=0, Gives::Anything, |call, visit| {
        call.each_input(&mut |item| descendants(call.scope, item, DEPTH_MAX, visit))
    }),
];

fn children<'r>(scope: &Scope<'_, 'r>, item: &Item<'r>, visit: Visit<'_, 'r>) -> Step {
    let Item::Element(element) = item else { return MORE };
    element.children(&mut |child| {
        scope.spend(0)?;
        visit(child)
    })
}

/// Each child before its own children.
fn descendants<'r>(scope: &Scope<'_, 'r>, item: &Item<'r>, depth: usize, visit: Visit<'_, 'r>) -> Step {
    if depth == 0 {
        return Err(EvaluateError::new(format!("elements more than {DEPTH_MAX} deep within one another")));
    }
    children(scope, item, &mut |child| {
        if visit(child)?.is_enough() {
            return ENOUGH;
        }
        descendants(scope, child, depth - 1, visit)
    })
}
