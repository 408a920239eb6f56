//! What FHIR adds to FHIRPath (R4 §2.9.1.3). `resolve() is Type` is the compiler's: see `compile`.

use super::{Call, Function, Gives, give, plain};
use crate::fhirpath::evaluate::{ENOUGH, EvaluateError, MORE, Step};
use crate::fhirpath::item::{Element, Form, Item, Visit, is_a};
use crate::fhirpath::resolve;
use crate::{narrative, schema};

const TRUTH: Gives = Gives::System("Boolean");

pub const FUNCTIONS: &[Function] = &[
    plain("extension", 1..=1, Gives::Fhir("Extension"), |call, visit| {
        let Some(url) = call.text_argument(0)? else { return MORE };
        call.each_input(&mut |item| {
            item.member("extension", &mut |extension| if has_url(extension, &url) { visit(extension) } else { MORE })
        })
    }),
    // In no specification, but in an expression of R4's own search parameters.
    plain("hasExtension", 1..=1, TRUTH, |call, visit| {
        let Some(url) = call.text_argument(0)? else { return MORE };
        let mut found = false;
        call.each_input(&mut |item| {
            item.member("extension", &mut |extension| {
                found = has_url(extension, &url);
                if found { ENOUGH } else { MORE }
            })
        })?;
        visit(&Item::from(found))
    }),
    plain("hasValue", 0..=0, TRUTH, |call, visit| {
        let (mut count, mut valued) = (0usize, false);
        call.each_input(&mut |item| {
            count += 1;
            valued = matches!(item, Item::Element(element) if element.has_value());
            MORE
        })?;
        visit(&Item::from(count == 1 && valued))
    }),
    plain("getValue", 0..=0, Gives::Anything, |call, visit| match call.one()? {
        Some(Item::Element(element)) if element.has_value() => give(element.scalar(), visit),
        _ => MORE,
    }),
    plain("resolve", 0..=0, Gives::Anything, |call, visit| {
        let run = call.scope.run;
        call.each_input(&mut |item| resolve::find(run, item).map_or(MORE, |found| visit(&Item::Element(found))))
    }),
    plain("checkModifiers", 0..=8, Gives::Input, check_modifiers),
    plain("conformsTo", 1..=1, TRUTH, conforms_to),
    plain("memberOf", 1..=1, TRUTH, member_of),
    plain("htmlChecks", 0..=0, TRUTH, |call, visit| {
        let Some(text) = call.text()? else { return MORE };
        call.scope.spend(text.len())?;
        visit(&Item::from(narrative::check(&text).is_ok()))
    }),
    plain("elementDefinition", 0..=0, Gives::Anything, |_, _| not_here("definitions of elements")),
    plain("slice", 2..=2, Gives::Anything, |_, _| not_here("the slices of profiles")),
    plain("subsumes", 1..=1, TRUTH, |_, _| not_here("terminology")),
    plain("subsumedBy", 1..=1, TRUTH, |_, _| not_here("terminology")),
];

fn not_here(what: &str) -> Step {
    Err(EvaluateError::new(format!("{what}: not available here")))
}

fn has_url(extension: &Item<'_>, url: &str) -> bool {
    matches!(extension, Item::Element(Element { form: Form::Object(object), .. }) if object.str("url") == Some(url))
}

/// Gives its input back if that has no other modifier extensions than these.
fn check_modifiers<'r>(call: &Call<'_, 'r>, visit: Visit<'_, 'r>) -> Step {
    let mut known = Vec::new();
    for at in 0..call.arguments.len() {
        known.extend(call.text_argument(at)?);
    }
    call.each_input(&mut |item| {
        item.member("modifierExtension", &mut |extension| match known.iter().any(|url| has_url(extension, url)) {
            true => MORE,
            false => Err(EvaluateError::new("a modifier extension that is not understood")),
        })?;
        visit(item)
    })
}

const DEFINITION: &str = "http://hl7.org/fhir/StructureDefinition/";
const VALUE_SET: &str = "http://hl7.org/fhir/ValueSet/";

/// Only R4's own types are known; profiles are not.
fn conforms_to<'r>(call: &Call<'_, 'r>, visit: Visit<'_, 'r>) -> Step {
    let (Some(item), Some(url)) = (call.one()?, call.text_argument(0)?) else { return MORE };
    let named = url.strip_prefix(DEFINITION).and_then(|name| schema::r4().kind(name));
    let Some(kind) = named else { return not_here("profiles") };
    visit(&Item::from(matches!(item, Item::Element(element) if is_a(element.kind, kind.name))))
}

/// Only the codes of R4's required bindings are known. A Coding says its system, which they do not.
fn member_of<'r>(call: &Call<'_, 'r>, visit: Visit<'_, 'r>) -> Step {
    let (Some(item), Some(url)) = (call.one()?, call.text_argument(0)?) else { return MORE };
    let url = url.split('|').next().unwrap_or_default();
    let list = url.strip_prefix(VALUE_SET).and_then(|name| schema::r4().codes(name));
    match (item.text(), list) {
        (Some(code), Some(list)) => visit(&Item::from(list.contains(code))),
        _ => not_here("terminology"),
    }
}
