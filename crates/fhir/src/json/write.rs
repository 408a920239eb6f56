//! Writing FHIR JSON (R4 §2.6.2): numbers as they were written, no escape that is not needed.
//!
//! A resource begins with `resourceType`, `id`, `meta`; the other elements keep the tree's order.

use crate::node::{Node, Object, Resource};

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
        if object.fields.first().is_some_and(|(name, _)| *name == HEAD[0]) {
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
        self.out.push(b'"');
        let mut rest = text.as_bytes();
        while let Some(at) = rest.iter().position(|&byte| byte < b' ' || byte == b'"' || byte == b'\\') {
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
