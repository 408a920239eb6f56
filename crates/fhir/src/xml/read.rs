//! The strict reader (R4 §2.6.1): one pass over the tokens, with the element tables, straight into the tree.
//!
//! Values borrow from the bytes. What is wrong with an element is noted with its path, and reading goes on to find
//! more; only what is not well formed, or is nested too deep, ends it.

use std::borrow::Cow;

use super::building::Building;
use super::locate::locate;
use super::namespace::{Namespaces, Space};
use super::opened::Opened;
use super::token::{Fault, Tag, Token, Tokens, unclosed};
use super::{narrative, text};
use crate::issue::{Issue, IssueType, Place};
use crate::node::{Node, Object, Resource};
use crate::primitive::{Form, Primitive};
use crate::schema::{self, Class, Element, Schema, Type};
use crate::strict::{self, Findings, Limits, REFUSED, Step, bit, shown};

const NOT_FHIR: &str = "is not in the namespace http://hl7.org/fhir; declare that with xmlns";
const NOT_XHTML: &str = "is not in the namespace http://www.w3.org/1999/xhtml; declare that with xmlns";

/// Reads one resource. There is at least one issue where it cannot be taken.
pub fn read(bytes: &[u8]) -> Result<Resource<'_>, Vec<Issue>> {
    read_within(bytes, Limits::default())
}

pub fn read_within(bytes: &[u8], limits: Limits) -> Result<Resource<'_>, Vec<Issue>> {
    let mut reader = Reader::new(strict::utf8(bytes, "XML")?, limits);
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
    text: &'a str,
    tokens: Tokens<'a>,
    pub(super) spaces: Namespaces<'a>,
    pub(super) findings: Findings,
    schema: &'static Schema,
    /// What a primitive is with its id and extensions.
    pub(super) beside: &'static Type,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, limits: Limits) -> Reader<'a> {
        let schema = schema::r4();
        let beside = schema.kind("Element").expect("Element is a type of R4");
        let (tokens, spaces) = (Tokens::new(text), Namespaces::default());
        Reader { text, tokens, spaces, findings: Findings::new(limits), schema, beside }
    }

    fn document(&mut self) -> Step<Object<'a>> {
        let Token::Open(tag) = self.next()? else {
            return self.findings.stop("not a resource: FHIR XML begins with the element of a resource".to_owned());
        };
        let opened = self.open(tag)?;
        let resource = self.resource(opened)?;
        match self.next()? {
            Token::End => Ok(resource),
            _ => self.not_xml(Fault::new(self.tokens.at(), "something stands behind the end of the resource")),
        }
    }

    /// The element of a resource, whose tag has been read.
    fn resource(&mut self, opened: Opened<'a>) -> Step<Object<'a>> {
        let kind = if opened.space == Space::Fhir { self.schema.resource(opened.name) } else { None };
        let Some(kind) = kind else {
            let (code, text) = match opened.space {
                Space::Fhir => (IssueType::NotSupported, "the element is not a resource of FHIR R4"),
                _ => (IssueType::Structure, NOT_FHIR),
            };
            self.refuse_as(code, self.findings.path.to_string(), opened.tag.at, text)?;
            self.skip(opened)?;
            return Ok(Object::default());
        };
        let outermost = self.findings.is_outermost();
        if outermost {
            self.findings.path.enter(kind.name);
        }
        let object = Object { fields: vec![("resourceType", Node::text(kind.name))] };
        let first = self.inside(&opened)?;
        let object = self.object(kind, object, opened, first)?;
        if outermost {
            self.findings.path.leave();
        }
        Ok(object)
    }

    /// What stands in an element whose tag has been read, up to its end; `next` is its first token.
    fn object(
        &mut self,
        kind: &'static Type,
        object: Object<'a>,
        opened: Opened<'a>,
        mut next: Token<'a>,
    ) -> Step<Object<'a>> {
        self.findings.enter()?;
        let mut building = Building::new(kind, object);
        let issues_before = self.findings.count();
        self.attributes(&mut building, &opened)?;
        loop {
            match next {
                Token::Open(tag) => self.child(&mut building, tag)?,
                Token::Text => self.stray_text()?,
                Token::Close => break,
                Token::End => return self.not_xml(unclosed(self.tokens.at())),
            }
            next = self.next()?;
        }
        self.findings.leave();
        self.spaces.go_back(opened.mark);
        let (object, seen) = building.finish();
        if object.is_empty() && self.findings.count() == issues_before {
            self.findings.note(IssueType::Structure, "is an empty element; leave it out instead")?;
        }
        self.findings.require(kind, &seen)?;
        Ok(object)
    }

    fn child(&mut self, building: &mut Building<'a>, tag: Tag<'a>) -> Step<()> {
        let opened = self.open(tag)?;
        let Some(element) = self.place(building, &opened)? else { return self.skip(opened) };
        self.findings.path.enter(element.stem);
        if element.many {
            self.findings.path.enter_item(building.index(element));
        }
        let (value, extras) = match element.primitive {
            Some(Primitive::Xhtml) => (Some(self.narrative(element, opened)?), None),
            Some(primitive) => self.primitive(element, primitive, opened)?,
            None => (Some(self.complex(element, opened)?), None),
        };
        building.add(element, value, extras);
        if element.many {
            self.findings.path.leave();
        }
        self.findings.path.leave();
        Ok(())
    }

    /// Which element of the type a tag is, if it may stand where it does.
    fn place(&mut self, building: &Building<'a>, opened: &Opened<'a>) -> Step<Option<&'static Element>> {
        let Some(element) = building.kind.element(opened.name) else {
            return self.unknown(building.kind, opened).map(|()| None);
        };
        let space = if element.primitive == Some(Primitive::Xhtml) { Space::Xhtml } else { Space::Fhir };
        if opened.space != space {
            return self.unknown(building.kind, opened).map(|()| None);
        }
        let fault = if element.is_attribute() {
            Some(format!("is an attribute in XML: write {}=\"…\" in the tag around it", element.name))
        } else {
            building.last.and_then(|last| out_of_place(element, last, building))
        };
        let Some(fault) = fault else { return Ok(Some(element)) };
        self.refuse(self.findings.path.of(element.stem), opened.tag.at, &fault)?;
        Ok(None)
    }

    fn unknown(&mut self, kind: &Type, opened: &Opened<'a>) -> Step<()> {
        let text = match kind.element(opened.name) {
            Some(element) if element.primitive == Some(Primitive::Xhtml) => NOT_XHTML,
            Some(_) => NOT_FHIR,
            None => &format!("is not an element of {}; remove it, or put it into an extension", kind.name),
        };
        self.refuse(self.findings.path.of(&shown(opened.name)), opened.tag.at, text)
    }

    fn complex(&mut self, element: &Element, opened: Opened<'a>) -> Step<Node<'a>> {
        let kind = self.schema.kind_of(element);
        if kind.class == Class::Abstract {
            return self.any_resource(kind, opened).map(Node::Object);
        }
        let first = self.inside(&opened)?;
        self.object(kind, Object::default(), opened, first).map(Node::Object)
    }

    /// The one resource inside `contained` and the like.
    fn any_resource(&mut self, kind: &Type, opened: Opened<'a>) -> Step<Object<'a>> {
        self.refuse_attributes(kind, &opened, true)?;
        let mut found = None;
        let mut next = self.inside(&opened)?;
        loop {
            match next {
                Token::Open(tag) => {
                    let inner = self.open(tag)?;
                    if found.is_some() {
                        self.findings.note(IssueType::Structure, "holds two resources; write the element for each")?;
                        self.skip(inner)?;
                    } else {
                        found = Some(self.resource(inner)?);
                    }
                }
                Token::Text => self.stray_text()?,
                Token::Close => break,
                Token::End => return self.not_xml(unclosed(self.tokens.at())),
            }
            next = self.next()?;
        }
        self.spaces.go_back(opened.mark);
        if found.is_none() {
            self.findings.note(IssueType::Structure, "holds no resource; leave the element out instead")?;
        }
        Ok(found.unwrap_or_default())
    }

    /// A value, and its id and extensions: at least one of the two.
    fn primitive(
        &mut self,
        element: &Element,
        primitive: Primitive,
        opened: Opened<'a>,
    ) -> Step<(Option<Node<'a>>, Option<Node<'a>>)> {
        let value = match opened.value {
            Some(raw) => Some(self.value(element, primitive, raw, opened.tag)?),
            None => None,
        };
        let first = self.inside(&opened)?;
        let alone = matches!(first, Token::Close) && opened.id.is_none() && opened.url.is_none();
        if value.is_some() && alone && opened.strays.is_empty() {
            self.spaces.go_back(opened.mark);
            return Ok((value, None));
        }
        let extras = self.object(self.beside, Object::default(), opened, first)?;
        Ok((value, if extras.is_empty() { None } else { Some(Node::Object(extras)) }))
    }

    pub(super) fn value(
        &mut self,
        element: &Element,
        primitive: Primitive,
        raw: &'a str,
        tag: Tag<'a>,
    ) -> Step<Node<'a>> {
        let text = self.text(raw, tag)?;
        self.findings.check(element, primitive, &text)?;
        Ok(match primitive.form() {
            Form::Text => Node::Text(text),
            Form::Number => Node::Number(text),
            Form::Bool => Node::Bool(text == "true"),
        })
    }

    fn narrative(&mut self, element: &Element, opened: Opened<'a>) -> Step<Node<'a>> {
        let tag = opened.tag;
        let div = narrative::read(&mut self.tokens, tag, self.text).or_else(|fault| self.not_xml(fault))?;
        self.spaces.go_back(opened.mark);
        if tag.name != opened.name {
            self.findings.note(IssueType::Structure, "is written with a prefix; declare its namespace with xmlns")?;
            return Ok(REFUSED);
        }
        self.findings.check(element, Primitive::Xhtml, div)?;
        let itself = narrative::declared(tag) == Some(Space::Xhtml);
        Ok(Node::Text(if itself { Cow::Borrowed(div) } else { Cow::Owned(narrative::with_namespace(div)) }))
    }

    fn stray_text(&mut self) -> Step<()> {
        let text = "has text between its elements; a value is written value=\"…\" in a tag";
        self.refuse(self.findings.path.to_string(), self.tokens.at(), text)
    }

    #[cold]
    pub(super) fn refuse(&mut self, path: String, at: usize, text: &str) -> Step<()> {
        self.refuse_as(IssueType::Structure, path, at, text)
    }

    #[cold]
    fn refuse_as(&mut self, code: IssueType, path: String, at: usize, text: &str) -> Step<()> {
        let place = Some(Place::of(self.text, at));
        self.findings.add(Issue { place, ..Issue::error(code, path, text) })
    }

    fn inside(&mut self, opened: &Opened<'a>) -> Step<Token<'a>> {
        if opened.tag.closed { Ok(Token::Close) } else { self.next() }
    }

    fn next(&mut self) -> Step<Token<'a>> {
        self.tokens.next().or_else(|fault| self.not_xml(fault))
    }

    fn skip(&mut self, opened: Opened<'a>) -> Step<()> {
        self.spaces.go_back(opened.mark);
        self.tokens.skip(opened.tag).or_else(|fault| self.not_xml(fault))
    }

    fn text(&mut self, raw: &'a str, tag: Tag<'a>) -> Step<Cow<'a, str>> {
        text::value(raw).or_else(|text| self.not_xml(Fault::new(tag.at, text)))
    }

    #[cold]
    pub(super) fn not_xml<T>(&mut self, fault: Fault) -> Step<T> {
        let place = Place::of(self.text, fault.at);
        let (line, column) = (place.line, place.column);
        self.findings.stop_at(place, format!("not XML that FHIR allows at line {line} column {column}: {}", fault.text))
    }
}

/// Why an element may not follow the one that was met last.
fn out_of_place(element: &Element, last: &Element, building: &Building) -> Option<String> {
    let twice = || Some("is there twice; write it once".to_owned());
    match element.slot.cmp(&last.slot) {
        std::cmp::Ordering::Greater => None,
        std::cmp::Ordering::Equal if element.name != last.name => {
            Some(format!("only one of its types is allowed, and {} is there too", last.name))
        }
        std::cmp::Ordering::Equal => (!element.many).then(twice).flatten(),
        std::cmp::Ordering::Less if !element.many && !element.choice && building.seen.values & bit(element) != 0 => {
            twice()
        }
        std::cmp::Ordering::Less => {
            let (name, last) = (element.name, last.name);
            Some(format!("stands after {last}; XML has the order of the definition, where {name} comes before {last}"))
        }
    }
}
