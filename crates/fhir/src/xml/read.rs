//! The strict reader (R4 §2.6.1): one pass over the tokens, with the element tables, straight into the tree.
//!
//! Values borrow from the bytes. What is wrong with an element is noted with its path, and reading goes on to find
//! more; only what is not well formed, or is nested too deep, ends it.

use std::borrow::Cow;

use super::building::Building;
use super::namespace::{Namespaces, Space};
use super::token::{Fault, Tag, Token, Tokens, unclosed};
use super::{narrative, text};
use crate::issue::{Issue, IssueType};
use crate::node::{Node, Object, Resource};
use crate::primitive::{Form, Primitive};
use crate::schema::{self, Class, Element, Schema, Type};
use crate::strict::{self, Findings, Limits, REFUSED, Step, bit, shown};

/// Attributes of one tag that are no attributes of FHIR.
const STRAYS_MAX: usize = 64;

/// Reads one resource. There is at least one issue where it cannot be taken.
pub fn read(bytes: &[u8]) -> Result<Resource<'_>, Vec<Issue>> {
    read_within(bytes, Limits::default())
}

pub fn read_within(bytes: &[u8], limits: Limits) -> Result<Resource<'_>, Vec<Issue>> {
    let mut reader = Reader::new(strict::utf8(bytes, "XML")?, limits);
    match reader.document() {
        Ok(object) if reader.findings.count() == 0 => Ok(Resource { object }),
        _ => Err(reader.findings.into_issues()),
    }
}

struct Reader<'a> {
    text: &'a str,
    tokens: Tokens<'a>,
    spaces: Namespaces<'a>,
    findings: Findings,
    schema: &'static Schema,
    /// What a primitive is with its id and extensions.
    beside: &'static Type,
}

/// An element's tag: its name, and its attributes as they are written.
struct Opened<'a> {
    tag: Tag<'a>,
    space: Space,
    /// Without a prefix.
    name: &'a str,
    id: Option<&'a str>,
    url: Option<&'a str>,
    value: Option<&'a str>,
    strays: Vec<&'a str>,
    /// The namespaces in scope outside of it.
    mark: usize,
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
            let line = self.line(opened.tag.at);
            let (code, text) = match opened.space {
                Space::Fhir => (IssueType::NotSupported, "is not a resource of FHIR R4"),
                _ => (IssueType::Structure, "is not in the namespace http://hl7.org/fhir; declare that with xmlns"),
            };
            self.findings.note(code, &format!("the element at line {line} {text}"))?;
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
        self.findings.path.enter(element.name);
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
        let line = self.line(opened.tag.at);
        self.findings.note_at(element.name, IssueType::Structure, &format!("{fault} (line {line})"))?;
        Ok(None)
    }

    fn unknown(&mut self, kind: &Type, opened: &Opened<'a>) -> Step<()> {
        let line = self.line(opened.tag.at);
        let known = kind.element(opened.name);
        let text = match known {
            Some(element) if element.primitive == Some(Primitive::Xhtml) => {
                "is not in the namespace http://www.w3.org/1999/xhtml; declare that with xmlns".to_owned()
            }
            Some(_) => "is not in the namespace http://hl7.org/fhir; declare that with xmlns".to_owned(),
            None => format!("is not an element of {}; remove it, or put it into an extension", kind.name),
        };
        self.findings.note_at(&shown(opened.name), IssueType::Structure, &format!("{text} (line {line})"))
    }

    fn complex(&mut self, element: &Element, opened: Opened<'a>) -> Step<Node<'a>> {
        let kind = self.schema.kind_of(element);
        if kind.class == Class::Abstract {
            return self.any_resource(opened).map(Node::Object);
        }
        let first = self.inside(&opened)?;
        self.object(kind, Object::default(), opened, first).map(Node::Object)
    }

    /// The one resource inside `contained` and the like.
    fn any_resource(&mut self, opened: Opened<'a>) -> Step<Object<'a>> {
        self.refuse_attributes(&opened, true)?;
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

    fn value(&mut self, element: &Element, primitive: Primitive, raw: &'a str, tag: Tag<'a>) -> Step<Node<'a>> {
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

    /// A datatype's id and an extension's url, and nothing else. A primitive's value has been read already.
    fn attributes(&mut self, building: &mut Building<'a>, opened: &Opened<'a>) -> Step<()> {
        let kind = building.kind;
        for (name, raw) in [("id", opened.id), ("url", opened.url)] {
            let Some(raw) = raw else { continue };
            let Some(element) = kind.element(name).filter(|element| element.is_attribute()) else {
                self.refuse_attribute(kind, name, opened.tag)?;
                continue;
            };
            self.findings.path.enter(element.name);
            let primitive = element.primitive.expect("an attribute is a primitive");
            let value = self.value(element, primitive, raw, opened.tag)?;
            building.attribute(element, value);
            self.findings.path.leave();
        }
        if opened.value.is_some() && !std::ptr::eq(kind, self.beside) {
            self.refuse_attribute(kind, "value", opened.tag)?;
        }
        self.refuse_attributes(opened, false)
    }

    /// Refuses what is no attribute of FHIR, and `all` that are.
    fn refuse_attributes(&mut self, opened: &Opened<'a>, all: bool) -> Step<()> {
        let known = [("id", opened.id), ("url", opened.url), ("value", opened.value)];
        let known = known.iter().filter(|(_, raw)| all && raw.is_some()).map(|(name, _)| *name);
        for name in known.chain(opened.strays.iter().copied()) {
            let line = self.line(opened.tag.at);
            let (_, local) = name.rsplit_once(':').unwrap_or(("", name));
            let text = format!("is not an attribute of this element; remove it (line {line})");
            self.findings.note_at(&format!("@{}", shown(local)), IssueType::Structure, &text)?;
        }
        Ok(())
    }

    fn refuse_attribute(&mut self, kind: &Type, name: &str, tag: Tag<'a>) -> Step<()> {
        let line = self.line(tag.at);
        let text = match kind.element(name) {
            Some(_) => format!("is an element of {} in XML: write <{name} value=\"…\"/> (line {line})", kind.name),
            None => format!("is not an attribute of {}; remove it (line {line})", kind.name),
        };
        self.findings.note_at(&format!("@{name}"), IssueType::Structure, &text)
    }

    fn stray_text(&mut self) -> Step<()> {
        let line = self.line(self.tokens.at());
        let text = format!("has text between its elements; a value is written value=\"…\" in a tag (line {line})");
        self.findings.note(IssueType::Structure, &text)
    }

    /// The name of an element and its attributes. Its namespaces are in scope until somebody goes back to its mark.
    fn open(&mut self, tag: Tag<'a>) -> Step<Opened<'a>> {
        self.opened(tag).or_else(|fault| self.not_xml(fault))
    }

    fn opened(&mut self, tag: Tag<'a>) -> Result<Opened<'a>, Fault> {
        let fault = |text: &'static str| Fault::new(tag.at, text);
        let mark = self.spaces.mark();
        let (mut id, mut url, mut value, mut strays) = (None, None, None, Vec::new());
        for attribute in tag.attributes() {
            let (name, raw) = attribute?;
            let known = match name {
                "value" => &mut value,
                "id" => &mut id,
                "url" => &mut url,
                _ if self.spaces.take(name, raw, mark).map_err(fault)? => continue,
                _ if strays.contains(&name) => return Err(fault("an attribute that is there twice")),
                _ if strays.len() == STRAYS_MAX => return Err(fault("too many attributes")),
                _ => {
                    strays.push(name);
                    continue;
                }
            };
            if known.replace(raw).is_some() {
                return Err(fault("an attribute that is there twice"));
            }
        }
        if !strays.is_empty() && mark == 0 {
            self.drop_schema_location(&mut strays).map_err(fault)?;
        }
        let (space, name) = self.spaces.of_element(tag.name).map_err(fault)?;
        Ok(Opened { tag, space, name, id, url, value, strays, mark })
    }

    /// Of the root, `xsi:schemaLocation` says where a schema is, for those who look.
    fn drop_schema_location(&self, strays: &mut Vec<&'a str>) -> Result<(), &'static str> {
        for at in (0..strays.len()).rev() {
            if self.spaces.of_attribute(strays[at])? == (Space::SchemaInstance, "schemaLocation") {
                strays.remove(at);
            }
        }
        Ok(())
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
    fn line(&self, at: usize) -> usize {
        1 + self.text.as_bytes()[..at].iter().filter(|&&byte| byte == b'\n').count()
    }

    #[cold]
    fn not_xml<T>(&mut self, fault: Fault) -> Step<T> {
        let at = fault.at.min(self.text.len());
        let before = self.text.get(..at).unwrap_or_default();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let line = self.line(at);
        self.findings.stop(format!("not XML that FHIR allows at line {line} column {column}: {}", fault.text))
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
