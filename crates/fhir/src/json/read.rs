//! The strict reader (R4 §2.6.2): one pass over the tokens, with the element tables, straight into the tree.
//!
//! Text and numbers borrow from the bytes. What is wrong with an element is noted with its path, and reading goes on
//! to find more; only what is not JSON at all, or is nested too deep, ends it. A byte order mark is passed over.

use jiter::{Jiter, JiterError, Peek};

use super::key::Key;
use super::locate::locate;
use crate::issue::{Issue, IssueType, Place};
use crate::node::{Node, Object, Resource};
use crate::schema::{self, Class, Element, Schema, Type};
use crate::strict::{self, Findings, Limits, REFUSED, Seen, Step, bit};

/// Reads one resource. There is at least one issue where it cannot be taken.
pub fn read(bytes: &[u8]) -> Result<Resource<'_>, Vec<Issue>> {
    read_within(bytes, Limits::default())
}

pub fn read_within(bytes: &[u8], limits: Limits) -> Result<Resource<'_>, Vec<Issue>> {
    let mut reader = Reader::new(strict::utf8(bytes, "JSON")?, limits);
    match reader.document() {
        Ok(object) if reader.findings.count() == 0 => Ok(Resource { object }),
        _ => {
            let mut issues = reader.findings.into_issues();
            locate(bytes, &mut issues);
            Err(issues)
        }
    }
}

pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: Jiter<'a>,
    pub(super) findings: Findings,
    schema: &'static Schema,
    /// What stands under `_birthDate`.
    sibling: &'static Type,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, limits: Limits) -> Reader<'a> {
        let schema = schema::r4();
        let sibling = schema.kind("Element").expect("Element is a type of R4");
        let tokens = Jiter::new(text.as_bytes());
        Reader { text, tokens, findings: Findings::new(limits), schema, sibling }
    }

    fn document(&mut self) -> Step<Object<'a>> {
        if self.peek()? != Peek::Object {
            return self.findings.stop("not a resource: FHIR JSON begins with {".to_owned());
        }
        let resource = self.resource()?;
        self.tokens.finish().or_else(|fault| self.not_json(fault))?;
        Ok(resource)
    }

    /// The resource whose `{` is next.
    fn resource(&mut self) -> Step<Object<'a>> {
        let Some(kind) = self.resource_kind()? else {
            self.skip(Peek::Object)?;
            return Ok(Object::default());
        };
        let outermost = self.findings.is_outermost();
        if outermost {
            self.findings.path.enter(kind.name);
        }
        let object = self.object(kind, Object { fields: vec![("resourceType", Node::text(kind.name))] })?;
        if outermost {
            self.findings.path.leave();
        }
        Ok(object)
    }

    /// Looks ahead for `resourceType`, which is nearly always first but may be anywhere.
    fn resource_kind(&mut self) -> Step<Option<&'static Type>> {
        let mut ahead = self.tokens.clone();
        let kind = match seek_resource_type(&mut ahead) {
            Err(fault) => return self.not_json(fault),
            Ok(None) => {
                self.findings
                    .note(IssueType::Structure, "has no resourceType that is a text; name the type of the resource")?;
                return Ok(None);
            }
            Ok(Some(name)) => self.schema.resource(name),
        };
        if kind.is_none() {
            self.findings.note(IssueType::NotSupported, "its resourceType is not a resource of FHIR R4")?;
        }
        Ok(kind)
    }

    /// The object whose `{` is next; `object` may have the resource type already.
    fn object(&mut self, kind: &'static Type, mut object: Object<'a>) -> Step<Object<'a>> {
        self.findings.enter()?;
        let issues_before = self.findings.count();
        let mut seen = Seen::none_of(kind);
        let mut next = self.key(kind, true)?;
        if next.is_none() {
            self.findings.note(IssueType::Structure, "is an empty object; leave the element out instead")?;
        }
        while let Some(key) = next {
            match key {
                Key::Value(element) => self.field(element, false, &mut seen, &mut object)?,
                Key::Sibling(element) => self.field(element, true, &mut seen, &mut object)?,
                Key::ResourceType => self.resource_type(&mut seen, &object)?,
                Key::Unknown(name) => self.unknown(kind, &name)?,
            }
            next = self.key(kind, false)?;
        }
        self.findings.leave();
        self.findings.require(kind, &seen)?;
        // Where something was refused, the lists are not as they were written.
        if self.findings.count() == issues_before {
            self.findings.align(kind, &seen, &object)?;
        }
        Ok(object)
    }

    fn key(&mut self, kind: &'static Type, first: bool) -> Step<Option<Key>> {
        let key = if first { self.tokens.known_object() } else { self.tokens.next_key() };
        match key {
            Ok(name) => Ok(name.map(|name| Key::of(kind, name))),
            Err(fault) => self.not_json(fault),
        }
    }

    /// One element of an object, under its own name or its sibling's.
    fn field(
        &mut self,
        element: &'static Element,
        sibling: bool,
        seen: &mut Seen,
        object: &mut Object<'a>,
    ) -> Step<()> {
        self.findings.path.enter(element.stem);
        match seen.admit(element, sibling, object) {
            Ok(()) => {
                let name = if sibling { element.sibling } else { element.name };
                let node = match (element.many, sibling) {
                    (true, _) => self.list(element, sibling, seen)?,
                    (false, true) => self.extensions(false)?,
                    (false, false) => self.single(element)?,
                };
                object.fields.push((name, node));
            }
            Err(clash) => self.refuse(IssueType::Structure, &clash.text())?,
        }
        self.findings.path.leave();
        Ok(())
    }

    fn list(&mut self, element: &'static Element, sibling: bool, seen: &mut Seen) -> Step<Node<'a>> {
        if self.peek()? != Peek::Array {
            self.refuse(IssueType::Structure, "must be a list: write it in [ ]")?;
            return Ok(REFUSED);
        }
        let mut next = self.tokens.known_array().or_else(|fault| self.not_json(fault))?;
        if next.is_none() {
            self.findings.note(IssueType::Structure, "is an empty list; leave the element out instead")?;
        }
        let mut items = Vec::new();
        while let Some(peek) = next {
            self.findings.path.enter_item(items.len());
            let item = if peek == Peek::Null && element.primitive.is_some() {
                seen.nulls |= bit(element);
                self.tokens.known_null().or_else(|fault| self.not_json(fault))?;
                Node::Null
            } else if sibling {
                self.extensions(true)?
            } else {
                self.single(element)?
            };
            self.findings.path.leave();
            items.push(item);
            next = self.tokens.array_step().or_else(|fault| self.not_json(fault))?;
        }
        Ok(Node::List(items))
    }

    /// The id and extensions beside a primitive.
    fn extensions(&mut self, in_list: bool) -> Step<Node<'a>> {
        if self.peek()? == Peek::Object {
            return Ok(Node::Object(self.object(self.sibling, Object::default())?));
        }
        let or_null = if in_list { " or null" } else { "" };
        self.refuse(IssueType::Structure, &format!("its _ member must be an object with id or extension{or_null}"))?;
        Ok(REFUSED)
    }

    fn single(&mut self, element: &'static Element) -> Step<Node<'a>> {
        if let Some(primitive) = element.primitive {
            return self.primitive(element, primitive);
        }
        let kind = self.schema.kind_of(element);
        match self.peek()? {
            Peek::Object if kind.class == Class::Abstract => Ok(Node::Object(self.resource()?)),
            Peek::Object => Ok(Node::Object(self.object(kind, Object::default())?)),
            Peek::Array if !element.many => {
                self.refuse(IssueType::Structure, "must be one value, not a list")?;
                Ok(REFUSED)
            }
            _ => {
                self.refuse(IssueType::Structure, &format!("must be an object, a {}", element.kind))?;
                Ok(REFUSED)
            }
        }
    }

    /// `resourceType` was read ahead; here it is only passed over, and refused where it does not belong.
    fn resource_type(&mut self, seen: &mut Seen, object: &Object) -> Step<()> {
        let peek = self.peek()?;
        self.skip(peek)?;
        if object.fields.first().is_none_or(|(name, _)| *name != "resourceType") {
            return self.findings.note_at(
                "resourceType",
                IssueType::Structure,
                "is not an element of a datatype; remove it",
            );
        }
        if std::mem::replace(&mut seen.resource_type, true) {
            return self.findings.note_at("resourceType", IssueType::Structure, "is there twice; write it once");
        }
        Ok(())
    }

    fn unknown(&mut self, kind: &Type, name: &str) -> Step<()> {
        let peek = self.peek()?;
        self.skip(peek)?;
        let text = format!("is not an element of {}; remove it, or put it into an extension", kind.name);
        self.findings.note_at(name, IssueType::Structure, &text)
    }

    pub(super) fn peek(&mut self) -> Step<Peek> {
        self.tokens.peek().or_else(|fault| self.not_json(fault))
    }

    pub(super) fn skip(&mut self, peek: Peek) -> Step<()> {
        self.tokens.known_skip(peek).or_else(|fault| self.not_json(fault))
    }

    /// Notes what is wrong with the value that is next, and passes over it.
    pub(super) fn refuse(&mut self, code: IssueType, text: &str) -> Step<()> {
        self.findings.note(code, text)?;
        let peek = self.peek()?;
        self.skip(peek)
    }

    pub(super) fn not_json<T>(&mut self, fault: JiterError) -> Step<T> {
        let place = Place::of(self.text, fault.index);
        let text = format!("not JSON at line {} column {}: {}", place.line, place.column, fault.error_type);
        self.findings.stop_at(place, text)
    }
}

/// The value of `resourceType` in the object whose `{` is next; none where there is no such text.
fn seek_resource_type<'t>(tokens: &'t mut Jiter<'_>) -> Result<Option<&'t str>, JiterError> {
    let mut found = tokens.known_object()?.map(|key| key == "resourceType");
    while let Some(is_type) = found {
        if is_type {
            return if tokens.peek()? == Peek::String { tokens.known_str().map(Some) } else { Ok(None) };
        }
        tokens.next_skip()?;
        found = tokens.next_key()?.map(|key| key == "resourceType");
    }
    Ok(None)
}
