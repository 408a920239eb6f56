//! What a resource says in words, for `_text` and `_content` (FHIR search, R4 §3.1.1).
//!
//! `_text` looks at the narrative without its markup, `_content` also at what people write and read elsewhere: every
//! string and markdown, in the resource, its extensions and what it contains. What machines compare (codes, ids, uris,
//! references, dates, numbers) is found by its own search parameters, and what an attachment holds is not looked into.

use std::collections::HashSet;

use super::normalise;
use crate::primitive::Primitive;
use crate::schema::{self, Element, Type};
use crate::{Node, Object, Resource};

/// The words of one resource, [normalised](normalise()).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said {
    /// The text of the narrative, and of those of contained resources.
    pub narrative: String,
    /// All other texts, each once, with blanks between.
    pub elsewhere: String,
}

/// What the resource says.
pub fn said(resource: &Resource<'_>) -> Said {
    let mut reading = Reading { narrative: String::new(), texts: Vec::new(), seen: HashSet::new() };
    if let Some(kind) = schema::r4().resource(resource.kind()) {
        reading.object(kind, &resource.object);
    }
    Said {
        narrative: normalise(&reading.narrative).into_owned(),
        elsewhere: normalise(&reading.texts.join(" ")).into_owned(),
    }
}

struct Reading<'r> {
    narrative: String,
    texts: Vec<&'r str>,
    seen: HashSet<&'r str>,
}

impl<'r> Reading<'r> {
    fn object(&mut self, kind: &Type, object: &'r Object<'_>) {
        for (name, node) in &object.fields {
            // What stands beside a primitive is an Element with extensions.
            let Some(element) = kind.element(name) else { continue };
            for item in node.items() {
                match item {
                    Node::Object(inner) => self.inner(element, inner),
                    Node::Text(text) => self.text(kind, element, text),
                    Node::List(_) | Node::Number(_) | Node::Bool(_) | Node::Null => {}
                }
            }
        }
    }

    fn inner(&mut self, element: &Element, inner: &'r Object<'_>) {
        let schema = schema::r4();
        // Any resource may stand where `Resource` is named, and says itself which it is.
        let own = inner.str("resourceType").and_then(|name| schema.resource(name));
        self.object(own.unwrap_or_else(|| schema.kind_of(element)), inner);
    }

    fn text(&mut self, kind: &Type, element: &Element, text: &'r str) {
        match element.primitive {
            Some(Primitive::Xhtml) => without_markup(text, &mut self.narrative),
            Some(Primitive::String) if (kind.name, element.name) == ("Reference", "reference") => {}
            Some(Primitive::String | Primitive::Markdown) if self.seen.insert(text) => {
                self.texts.push(text);
            }
            _ => {}
        }
    }
}

/// A tag parts words; an entity is the character that it stands for.
fn without_markup(xhtml: &str, out: &mut String) {
    out.push(' ');
    let mut rest = xhtml;
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(&rest[..at]);
        let (from, end) = (&rest[at..], if rest[at..].starts_with('<') { '>' } else { ';' });
        let Some(length) = from.find(end) else {
            // Not well-formed; nothing that follows can be told from markup.
            return;
        };
        out.push(if end == '>' { ' ' } else { entity(&from[1..length]) });
        rest = &from[length + 1..];
    }
    out.push_str(rest);
}

/// The entities of XML and the numbered ones; what others stand for is no letter.
fn entity(name: &str) -> char {
    let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => match name.strip_prefix('#') {
            Some(code) => match code.strip_prefix(['x', 'X']) {
                Some(digits) => number(digits, 16),
                None => number(code, 10),
            },
            None => None,
        }
        .unwrap_or(' '),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> (String, String) {
        let resource = crate::json::read(json.as_bytes()).expect("a resource");
        let said = said(&resource);
        (said.narrative, said.elsewhere)
    }

    #[test]
    fn what_people_read_is_there_and_what_machines_compare_is_not() {
        let json = r##"{"resourceType":"Condition","id":"cid","meta":{"source":"urn:src","tag":[{"system":"urn:t","code":"Tagged"}]},
            "text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Bone&#233; <b>liver</b>metast&amp;s&nbsp;es</p></div>"},
            "contained":[{"resourceType":"Practitioner","id":"p","name":[{"family":"Ünal"}],"text":{"status":"generated","div":"<div>Inner</div>"}}],
            "extension":[{"url":"urn:e","valueMarkdown":"A *noted* thing"}],
            "code":{"coding":[{"system":"http://snomed.info/sct","code":"94222008","display":"Bone cancer"}],"text":"Bone cancer"},
            "subject":{"reference":"Patient/x","display":"Adams"},"asserter":{"reference":"#p"},"recordedDate":"2026-01-01",
            "stage":[{"summary":{"text":"Stage II"}}],"note":[{"authorString":"Eve","text":"Fever at night"}]}"##;
        let (narrative, elsewhere) = of(json);
        assert_eq!(narrative, "bonee liver metast&s es inner");
        assert_eq!(elsewhere, "unal a *noted* thing bone cancer adams stage ii eve fever at night");
    }

    #[test]
    fn markup_that_never_ends_says_nothing() {
        for (xhtml, text) in
            [("a<b", " a"), ("a &amp", " a "), ("<div>a</div>", "  a "), ("", " "), ("&#x41;&#0;&#xffffffff;", " A\0 ")]
        {
            let mut out = String::new();
            without_markup(xhtml, &mut out);
            assert_eq!(out, text, "{xhtml}");
        }
    }
}
