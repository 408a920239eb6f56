//! Reading primitives: the right JSON type, the format of the primitive, and the codes of a required binding.

use std::borrow::Cow;

use jiter::{Jiter, Peek};

use super::read::Reader;
use crate::issue::IssueType;
use crate::node::Node;
use crate::primitive::{Form, Primitive};
use crate::schema::Element;
use crate::strict::{REFUSED, Step};

impl<'a> Reader<'a> {
    /// The value of a primitive, which is next.
    pub(super) fn primitive(&mut self, element: &Element, primitive: Primitive) -> Step<Node<'a>> {
        let peek = self.peek()?;
        let node = match (primitive.form(), peek) {
            (Form::Text, Peek::String) => Node::Text(self.string()?),
            (Form::Number, _) if peek.is_num() => Node::Number(Cow::Borrowed(self.number(peek)?)),
            (Form::Bool, Peek::True | Peek::False) => {
                return Ok(Node::Bool(self.tokens.known_bool(peek).or_else(|fault| self.not_json(fault))?));
            }
            (form, _) => {
                self.refuse(IssueType::Structure, wrong_form(form, peek))?;
                return Ok(REFUSED);
            }
        };
        if let Node::Text(text) | Node::Number(text) = &node {
            self.findings.check(element, primitive, text)?;
        }
        Ok(node)
    }

    /// Borrowed, unless it has escapes.
    fn string(&mut self) -> Step<Cow<'a, str>> {
        let open = self.tokens.current_index();
        let decoded_bytes = match self.tokens.known_str() {
            Ok(decoded) => decoded.len(),
            Err(fault) => return self.not_json(fault),
        };
        let close = self.tokens.current_index() - 1;
        let written = &self.text[open + 1..close];
        // An escape is always longer than what it stands for, so equal lengths mean that there was none.
        if written.len() == decoded_bytes {
            return Ok(Cow::Borrowed(written));
        }
        let mut again = Jiter::new(&self.text.as_bytes()[open..=close]);
        match again.next_str() {
            Ok(decoded) => Ok(Cow::Owned(decoded.to_owned())),
            Err(fault) => self.not_json(fault),
        }
    }

    fn number(&mut self, peek: Peek) -> Step<&'a str> {
        let start = self.tokens.current_index();
        if let Err(fault) = self.tokens.known_number_bytes(peek) {
            return self.not_json(fault);
        }
        Ok(&self.text[start..self.tokens.current_index()])
    }
}

fn wrong_form(form: Form, found: Peek) -> &'static str {
    match (form, found) {
        (_, Peek::Null) => "must not be null; leave the element out instead",
        (_, Peek::Array) => "must be one value, not a list",
        (Form::Text, _) => "must be a text in quotes",
        (Form::Number, _) => "must be a number without quotes",
        (Form::Bool, _) => "must be true or false without quotes",
    }
}
