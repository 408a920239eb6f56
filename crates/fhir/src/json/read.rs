//! The strict reader (R4 §2.6.2): one pass over the tokens, with the element tables, straight into the tree.
//!
//! Text and numbers borrow from the bytes. What is wrong with an element is noted with its path, and reading goes on
//! to find more; only what is not JSON at all, or is nested too deep, ends it. A byte order mark is passed over.

use jiter::{Jiter, JiterError, Peek};

use super::key::{Clash, Key, Seen, bit};
use super::locate::locate;
use super::path::Path;
use crate::issue::{Issue, IssueType, Place, Severity};
use crate::node::{Node, Object, Resource};
use crate::schema::{self, Class, Element, Schema, Type};

/// How far the reader goes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Objects inside one another; real resources stay under 20.
    pub depth_max: usize,
    /// Issues after which reading stops.
    pub issues_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { depth_max: 64, issues_max: 50 }
    }
}

/// Reads one resource. There is at least one issue where it cannot be taken.
pub fn read(bytes: &[u8]) -> Result<Resource<'_>, Vec<Issue>> {
    read_within(bytes, Limits::default())
}

pub fn read_within(bytes: &[u8], limits: Limits) -> Result<Resource<'_>, Vec<Issue>> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|fault| {
        let at = fault.valid_up_to();
        vec![fatal(String::new(), format!("not UTF-8 at byte {at}; FHIR JSON is written in UTF-8"))]
    })?;
    let mut reader = Reader::new(text, limits);
    match reader.document() {
        Ok(object) if reader.issues.is_empty() => Ok(Resource { object }),
        _ => {
            let mut issues = reader.issues;
            locate(bytes, &mut issues);
            Err(issues)
        }
    }
}

/// Reading cannot go on; why has been noted.
pub(super) struct Stop;
pub(super) type Step<T> = Result<T, Stop>;

pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: Jiter<'a>,
    pub(super) path: Path,
    schema: &'static Schema,
    /// What stands under `_birthDate`.
    sibling: &'static Type,
    limits: Limits,
    depth: usize,
    issues: Vec<Issue>,
}

/// Stands where a value was refused. Nobody sees it: with an issue noted, the tree is not given out.
pub(super) const REFUSED: Node<'static> = Node::Bool(false);

impl<'a> Reader<'a> {
    fn new(text: &'a str, limits: Limits) -> Reader<'a> {
        let schema = schema::r4();
        let sibling = schema.kind("Element").expect("Element is a type of R4");
        let tokens = Jiter::new(text.as_bytes());
        Reader { text, tokens, path: Path::default(), schema, sibling, limits, depth: 0, issues: Vec::new() }
    }

    fn document(&mut self) -> Step<Object<'a>> {
        if self.peek()? != Peek::Object {
            return self.stop("not a resource: FHIR JSON begins with {".to_owned());
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
        let outermost = self.depth == 0;
        if outermost {
            self.path.enter(kind.name);
        }
        let object = self.object(kind, Object { fields: vec![("resourceType", Node::text(kind.name))] })?;
        if outermost {
            self.path.leave();
        }
        Ok(object)
    }

    /// Looks ahead for `resourceType`, which is nearly always first but may be anywhere.
    fn resource_kind(&mut self) -> Step<Option<&'static Type>> {
        let mut ahead = self.tokens.clone();
        let kind = match seek_resource_type(&mut ahead) {
            Err(fault) => return self.not_json(fault),
            Ok(None) => {
                self.note(IssueType::Structure, "has no resourceType that is a text; name the type of the resource")?;
                return Ok(None);
            }
            Ok(Some(name)) => self.schema.resource(name),
        };
        if kind.is_none() {
            self.note(IssueType::NotSupported, "its resourceType is not a resource of FHIR R4")?;
        }
        Ok(kind)
    }

    /// The object whose `{` is next; `object` may have the resource type already.
    fn object(&mut self, kind: &'static Type, mut object: Object<'a>) -> Step<Object<'a>> {
        self.depth += 1;
        if self.depth > self.limits.depth_max {
            let max = self.limits.depth_max;
            return self.stop(format!("nested deeper than {max} objects; split the resource"));
        }
        let issues_before = self.issues.len();
        let mut seen = Seen::none_of(kind);
        let mut next = self.key(kind, true)?;
        if next.is_none() {
            self.note(IssueType::Structure, "is an empty object; leave the element out instead")?;
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
        self.depth -= 1;
        self.require(kind, &seen)?;
        // Where something was refused, the lists are not as they were written.
        if self.issues.len() == issues_before {
            self.align(kind, &seen, &object)?;
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
        self.path.enter(element.name);
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
            Err(Clash::Duplicate) => self.refuse(IssueType::Structure, "is there twice; write it once")?,
            Err(Clash::Choice(other)) => {
                let text = format!("only one of its types is allowed, and {other} is there too");
                self.refuse(IssueType::Structure, &text)?;
            }
        }
        self.path.leave();
        Ok(())
    }

    fn list(&mut self, element: &'static Element, sibling: bool, seen: &mut Seen) -> Step<Node<'a>> {
        if self.peek()? != Peek::Array {
            self.refuse(IssueType::Structure, "must be a list: write it in [ ]")?;
            return Ok(REFUSED);
        }
        let mut next = self.tokens.known_array().or_else(|fault| self.not_json(fault))?;
        if next.is_none() {
            self.note(IssueType::Structure, "is an empty list; leave the element out instead")?;
        }
        let mut items = Vec::new();
        while let Some(peek) = next {
            self.path.enter_item(items.len());
            let item = if peek == Peek::Null && element.primitive.is_some() {
                seen.nulls |= bit(element);
                self.tokens.known_null().or_else(|fault| self.not_json(fault))?;
                Node::Null
            } else if sibling {
                self.extensions(true)?
            } else {
                self.single(element)?
            };
            self.path.leave();
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
            return self.note_at("resourceType", IssueType::Structure, "is not an element of a datatype; remove it");
        }
        if std::mem::replace(&mut seen.resource_type, true) {
            return self.note_at("resourceType", IssueType::Structure, "is there twice; write it once");
        }
        Ok(())
    }

    fn unknown(&mut self, kind: &Type, name: &str) -> Step<()> {
        let peek = self.peek()?;
        self.skip(peek)?;
        let text = format!("is not an element of {}; remove it, or put it into an extension", kind.name);
        self.note_at(name, IssueType::Structure, &text)
    }

    fn require(&mut self, kind: &Type, seen: &Seen) -> Step<()> {
        let mut missing = kind.required & !(seen.values | seen.siblings);
        while missing != 0 {
            let slot = missing.trailing_zeros();
            missing &= missing - 1;
            let element = kind.elements.iter().find(|element| u32::from(element.slot) == slot);
            let element = element.expect("a required slot has an element");
            let name = if element.choice { format!("{}[x]", element.stem) } else { element.name.to_owned() };
            self.note_at(&name, IssueType::Required, "is required and missing")?;
        }
        Ok(())
    }

    /// `given` and `_given` go side by side: of one length, and with something at every place.
    fn align(&mut self, kind: &'static Type, seen: &Seen, object: &Object) -> Step<()> {
        let touched = seen.siblings | seen.nulls;
        if touched == 0 {
            return Ok(()); // as nearly always
        }
        for element in kind.elements.iter().filter(|e| e.many && e.primitive.is_some() && touched & bit(e) != 0) {
            let (values, siblings) = (object.items(element.name), object.items(element.sibling));
            if !values.is_empty() && !siblings.is_empty() && values.len() != siblings.len() {
                let text = format!("{} and it must be lists of one length; fill up with null", element.sibling);
                self.note_at(element.name, IssueType::Structure, &text)?;
                continue;
            }
            let empty =
                |at: &usize| [values, siblings].iter().all(|list| matches!(list.get(*at), None | Some(Node::Null)));
            if let Some(at) = (0..values.len().max(siblings.len())).find(empty) {
                let name = format!("{}[{at}]", element.name);
                self.note_at(&name, IssueType::Structure, "is null without an extension; leave it out")?;
            }
        }
        Ok(())
    }

    pub(super) fn peek(&mut self) -> Step<Peek> {
        self.tokens.peek().or_else(|fault| self.not_json(fault))
    }

    pub(super) fn skip(&mut self, peek: Peek) -> Step<()> {
        self.tokens.known_skip(peek).or_else(|fault| self.not_json(fault))
    }

    /// Notes what is wrong with the value that is next, and passes over it.
    pub(super) fn refuse(&mut self, code: IssueType, text: &str) -> Step<()> {
        self.note(code, text)?;
        let peek = self.peek()?;
        self.skip(peek)
    }

    pub(super) fn note(&mut self, code: IssueType, text: &str) -> Step<()> {
        self.add(Issue::error(code, self.path.to_string(), text))
    }

    fn note_at(&mut self, name: &str, code: IssueType, text: &str) -> Step<()> {
        self.add(Issue::error(code, self.path.of(name), text))
    }

    fn add(&mut self, issue: Issue) -> Step<()> {
        self.issues.push(issue);
        if self.issues.len() < self.limits.issues_max { Ok(()) } else { Err(Stop) }
    }

    fn stop<T>(&mut self, text: String) -> Step<T> {
        self.issues.push(fatal(self.path.to_string(), text));
        Err(Stop)
    }

    pub(super) fn not_json<T>(&mut self, fault: JiterError) -> Step<T> {
        let place = Place::of(self.text, fault.index);
        let text = format!("not JSON at line {} column {}: {}", place.line, place.column, fault.error_type);
        self.issues.push(Issue { place: Some(place), ..fatal(self.path.to_string(), text) });
        Err(Stop)
    }
}

fn fatal(path: String, text: String) -> Issue {
    Issue::new(Severity::Fatal, IssueType::Structure, path, text)
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
