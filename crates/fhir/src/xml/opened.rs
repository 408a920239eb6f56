//! A tag with its namespace and its attributes, and what may be said against them.

use super::building::Building;
use super::namespace::Space;
use super::read::Reader;
use super::token::{Fault, Tag};
use crate::schema::Type;
use crate::strict::{Step, shown};

/// Attributes of one tag that are no attributes of FHIR.
const STRAYS_MAX: usize = 64;

/// An element's tag: its name, and its attributes as they are written.
pub struct Opened<'a> {
    pub tag: Tag<'a>,
    pub space: Space,
    /// Without a prefix.
    pub name: &'a str,
    pub id: Option<&'a str>,
    pub url: Option<&'a str>,
    pub value: Option<&'a str>,
    pub strays: Vec<&'a str>,
    /// The namespaces in scope outside of it.
    pub mark: usize,
}

impl<'a> Reader<'a> {
    /// The name of an element and its attributes. Its namespaces are in scope until somebody goes back to its mark.
    pub(super) fn open(&mut self, tag: Tag<'a>) -> Step<Opened<'a>> {
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

    /// A datatype's id and an extension's url, and nothing else. A primitive's value has been read already.
    pub(super) fn attributes(&mut self, building: &mut Building<'a>, opened: &Opened<'a>) -> Step<()> {
        let kind = building.kind;
        for (name, raw) in [("id", opened.id), ("url", opened.url)] {
            let Some(raw) = raw else { continue };
            let Some(element) = kind.element(name).filter(|element| element.is_attribute()) else {
                self.refuse_attribute(kind, name, opened.tag)?;
                continue;
            };
            self.findings.path.enter(element.stem);
            let primitive = element.primitive.expect("an attribute is a primitive");
            let value = self.value(element, primitive, raw, opened.tag)?;
            building.attribute(element, value);
            self.findings.path.leave();
        }
        if opened.value.is_some() && !std::ptr::eq(kind, self.beside) {
            self.refuse_attribute(kind, "value", opened.tag)?;
        }
        self.refuse_attributes(kind, opened, false)
    }

    /// Refuses what is no attribute of FHIR; `all` that are there where none may be.
    pub(super) fn refuse_attributes(&mut self, kind: &Type, opened: &Opened<'a>, all: bool) -> Step<()> {
        let known = [("id", opened.id), ("url", opened.url), ("value", opened.value)];
        let known = known.iter().filter(|(_, raw)| all && raw.is_some()).map(|(name, _)| *name);
        for name in known.chain(opened.strays.iter().copied()) {
            self.refuse_attribute(kind, name, opened.tag)?;
        }
        Ok(())
    }

    fn refuse_attribute(&mut self, kind: &Type, name: &str, tag: Tag<'a>) -> Step<()> {
        let (_, local) = name.rsplit_once(':').unwrap_or(("", name));
        let (name, kind_name) = (shown(local), kind.name);
        let text = match kind.element(&name) {
            Some(_) => format!("has an attribute {name}, which of {kind_name} is an element in XML; write it so"),
            None => format!("has an attribute {name}, which {kind_name} does not have; remove it"),
        };
        self.refuse(self.findings.path.to_string(), tag.at, &text)
    }
}
