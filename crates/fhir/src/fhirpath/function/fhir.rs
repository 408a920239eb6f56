//! What FHIR adds to FHIRPath (R4 §2.9.1.3). `resolve()` is the compiler's: see `compile`.

use super::Function;
use crate::fhirpath::evaluate::{boolean, evaluate, text};
use crate::fhirpath::item::{Element, Form, Item};

pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "extension",
        arguments: 1..=1,
        run: |scope, input, arguments| {
            let Some(url) = text(evaluate(scope, &arguments[0])?)? else { return Ok(Vec::new()) };
            let mut found = Vec::new();
            input.iter().for_each(|item| item.children("extension", &mut found));
            found.retain(|extension| has_url(extension, &url));
            Ok(found)
        },
    },
    Function {
        name: "hasValue",
        arguments: 0..=0,
        run: |_, input, _| {
            let valued = |item: &Item<'_>| {
                matches!(item, Item::Element(Element { form: Form::Primitive { value: Some(_), .. }, .. }))
            };
            Ok(boolean(input.len() == 1 && input.iter().all(valued)))
        },
    },
];

fn has_url(extension: &Item<'_>, url: &str) -> bool {
    matches!(extension, Item::Element(Element { form: Form::Object(object), .. }) if object.str("url") == Some(url))
}
