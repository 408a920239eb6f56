//! What one resource may be, whoever sends it and however strictly the site validates: bounded in parts and in
//! extensions, and with nothing contained in what is contained (R4 §2.3.1, dom-2).
//!
//! The reader has bounded bytes and depth before. What is bounded here would be legal JSON, and would cost whoever
//! stores, searches or shows it more than any resource is worth.

use fhir::{Node, Object, Resource};

use crate::http::{Failure, Kind};

/// Values and objects of one resource. The largest official examples have some ten thousand.
const PARTS_MAX: usize = 200_000;
/// Bytes of text in one resource's extensions: they are for facts, not for files.
const EXTENSION_BYTES_MAX: usize = 1 << 20;

/// The resource, if it may be stored.
pub fn bounded(resource: Resource<'static>) -> Result<Resource<'static>, Failure> {
    for contained in resource.object.items("contained").iter().filter_map(Node::as_object) {
        if contained.get("contained").is_some() {
            let text = "a contained resource contains another; put all of them into the outermost one";
            return Err(Failure::at(Kind::Unprocessable, &format!("{}.contained", resource.kind()), text));
        }
    }
    let mut sum = Sum::default();
    sum.object(&resource.object, false);
    if sum.parts > PARTS_MAX {
        let text = format!("the resource has more than {PARTS_MAX} parts; split it");
        return Err(Failure::at(Kind::TooLarge, resource.kind(), text));
    }
    if sum.extension_bytes > EXTENSION_BYTES_MAX {
        let text = format!("the resource's extensions have more than {EXTENSION_BYTES_MAX} bytes; refer to a Binary");
        return Err(Failure::at(Kind::Unprocessable, resource.kind(), text));
    }
    Ok(resource)
}

#[derive(Default)]
struct Sum {
    parts: usize,
    extension_bytes: usize,
}

impl Sum {
    fn object(&mut self, object: &Object<'_>, in_extension: bool) {
        for (name, node) in &object.fields {
            self.node(node, in_extension || matches!(*name, "extension" | "modifierExtension"));
        }
    }

    fn node(&mut self, node: &Node<'_>, in_extension: bool) {
        self.parts += 1;
        match node {
            Node::List(items) => items.iter().for_each(|item| self.node(item, in_extension)),
            Node::Object(object) => self.object(object, in_extension),
            Node::Text(text) if in_extension => self.extension_bytes += text.len(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), Kind> {
        let resource = fhir::json::read(text.as_bytes()).unwrap_or_else(|issues| panic!("{issues:?}")).into_owned();
        bounded(resource).map(|_| ()).map_err(|failure| failure.kind())
    }

    #[test]
    fn a_resource_is_no_heap_and_no_file() {
        let names = |count: usize| {
            let names = vec!["\"a\""; count].join(",");
            format!(r#"{{"resourceType":"Patient","name":[{{"given":[{names}]}}]}}"#)
        };
        let extension = |bytes: usize| {
            let text = "y".repeat(bytes);
            format!(r#"{{"resourceType":"Patient","name":[{{"extension":[{{"url":"u","valueString":"{text}"}}]}}]}}"#)
        };
        let photo = format!(
            r#"{{"resourceType":"Patient","photo":[{{"data":"{}"}}]}}"#,
            "AAAA".repeat(EXTENSION_BYTES_MAX / 2)
        );
        for (text, expected) in [
            (names(1_000), Ok(())),
            (names(PARTS_MAX), Err(Kind::TooLarge)),
            (extension(EXTENSION_BYTES_MAX / 2), Ok(())),
            (extension(EXTENSION_BYTES_MAX), Err(Kind::Unprocessable)),
            (photo, Ok(())),
        ] {
            assert_eq!(check(&text), expected, "{}", &text[..60]);
        }
    }

    #[test]
    fn what_is_contained_contains_nothing() {
        let deep = r#"{"resourceType":"Patient","contained":[{"resourceType":"Patient","id":"a","contained":[{"resourceType":"Patient","id":"b"}]}]}"#;
        assert_eq!(check(deep), Err(Kind::Unprocessable));
        // One that refers to itself is read to its end all the same.
        let circle = r##"{"resourceType":"Patient","contained":[{"resourceType":"Patient","id":"a","link":[{"other":{"reference":"#a"},"type":"refer"}]}],"link":[{"other":{"reference":"#a"},"type":"refer"}]}"##;
        assert_eq!(check(circle), Ok(()));
    }
}
