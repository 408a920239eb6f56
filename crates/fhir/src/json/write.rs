//! Writing FHIR JSON (R4 §2.6.2): numbers as they were written, no escape that is not needed.
//!
//! A resource begins with `resourceType`, `id`, `meta`; the other elements keep the tree's order.

use crate::node::{Node, Object, Resource};
use crate::scan;

/// Appends the resource without blanks.
pub fn write(resource: &Resource, out: &mut Vec<u8>) {
    Writer { out, pretty: false, level: 0 }.object(&resource.object);
}

/// Appends the resource for people: a line for each element, two spaces a level.
pub fn write_pretty(resource: &Resource, out: &mut Vec<u8>) {
    Writer { out, pretty: true, level: 0 }.object(&resource.object);
}

/// Appends any part of a resource without blanks.
pub fn write_node(node: &Node, out: &mut Vec<u8>) {
    Writer { out, pretty: false, level: 0 }.node(node);
}

/// Appends an element that is no primitive, or a whole resource, without blanks.
pub fn write_object(object: &Object, out: &mut Vec<u8>) {
    Writer { out, pretty: false, level: 0 }.object(object);
}

/// What a resource begins with.
const HEAD: [&str; 3] = ["resourceType", "id", "meta"];

struct Writer<'o> {
    out: &'o mut Vec<u8>,
    pretty: bool,
    level: usize,
}

impl Writer<'_> {
    fn node(&mut self, node: &Node) {
        match node {
            Node::Object(object) => self.object(object),
            Node::List(items) => self.list(items),
            Node::Text(text) => self.text(text),
            Node::Number(number) => self.out.extend_from_slice(number.as_bytes()),
            Node::Bool(true) => self.out.extend_from_slice(b"true"),
            Node::Bool(false) => self.out.extend_from_slice(b"false"),
            Node::Null => self.out.extend_from_slice(b"null"),
        }
    }

    fn object(&mut self, object: &Object) {
        self.open(b'{');
        if is_out_of_order(object) {
            let head = HEAD.iter().filter_map(|name| object.fields.iter().find(|(field, _)| field == name));
            let rest = object.fields.iter().filter(|(field, _)| !HEAD.contains(field));
            self.fields(head.chain(rest));
        } else {
            self.fields(object.fields.iter());
        }
        self.close(b'}', object.fields.is_empty());
    }

    fn fields<'n>(&mut self, fields: impl Iterator<Item = &'n (&'static str, Node<'n>)>) {
        for (at, (name, node)) in fields.enumerate() {
            self.separate(at);
            self.out.reserve(name.len() + 4);
            self.out.push(b'"');
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(if self.pretty { b"\": " } else { b"\":" });
            self.node(node);
        }
    }

    fn list(&mut self, items: &[Node]) {
        self.open(b'[');
        for (at, item) in items.iter().enumerate() {
            self.separate(at);
            self.node(item);
        }
        self.close(b']', items.is_empty());
    }

    fn open(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.level += 1;
    }

    fn close(&mut self, bracket: u8, empty: bool) {
        self.level -= 1;
        if !empty {
            self.line();
        }
        self.out.push(bracket);
    }

    fn separate(&mut self, at: usize) {
        if at > 0 {
            self.out.push(b',');
        }
        self.line();
    }

    fn line(&mut self) {
        if self.pretty {
            self.out.push(b'\n');
            self.out.extend(std::iter::repeat_n(b' ', self.level * 2));
        }
    }

    fn text(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        self.out.reserve(rest.len() + 2);
        self.out.push(b'"');
        while let Some(at) = scan::find(rest, [b'"', b'\\']) {
            self.out.extend_from_slice(&rest[..at]);
            self.escape(rest[at]);
            rest = &rest[at + 1..];
        }
        self.out.extend_from_slice(rest);
        self.out.push(b'"');
    }

    fn escape(&mut self, byte: u8) {
        let short = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            _ => return self.out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        };
        self.out.extend_from_slice(&[b'\\', short]);
    }
}

/// Whether this is a resource whose head does not stand first, in its order.
fn is_out_of_order(object: &Object) -> bool {
    let rank = |name: &str| match name {
        "id" => 1,
        "meta" => 2,
        _ => HEAD.len(),
    };
    let Some(((first, _), rest)) = object.fields.split_first() else { return false };
    *first == HEAD[0] && !rest.iter().map(|(name, _)| rank(name)).is_sorted()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_escaped_wherever_it_stands() {
        for at in 0..20 {
            for (c, escaped) in [('"', "\\\""), ('\\', "\\\\"), ('\n', "\\n"), ('\u{1f}', "\\u001f")] {
                let (before, after) = ("é".repeat(at), "x!# [".repeat(3));
                let mut out = Vec::new();
                write_node(&Node::text(format!("{before}{c}{after}{c}")), &mut out);
                assert_eq!(String::from_utf8(out).expect("text"), format!("\"{before}{escaped}{after}{escaped}\""));
            }
        }
    }

    #[test]
    fn a_resource_begins_with_its_head() {
        let fields = vec![
            ("resourceType", Node::text("Patient")),
            ("meta", Node::Null),
            ("gender", Node::Null),
            ("id", Node::text("a")),
        ];
        let mut out = Vec::new();
        write(&Resource { object: Object { fields } }, &mut out);
        let expected = r#"{"resourceType":"Patient","id":"a","meta":null,"gender":null}"#;
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }
}
