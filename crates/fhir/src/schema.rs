//! What R4 says about types and elements, ready to be asked (R4 §2.24, §2.29).
//!
//! The tables of `profiles/r4` are embedded in the program and parsed at first use; after that a look-up is an index.
//! A choice such as `value[x]` is expanded: each of its JSON names (`valueQuantity`, `valueString`) is an element with
//! the stem `value`. A content reference is resolved to the type that it repeats. Nothing here knows profiles,
//! invariants, or bindings other than the required bindings of `code` elements.

mod names;
mod tables;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::primitive::Primitive;
use names::Names;

/// The types of R4 4.0.1.
pub fn r4() -> &'static Schema {
    static R4: LazyLock<Schema> = LazyLock::new(tables::r4);
    &R4
}

pub struct Schema {
    types: Vec<Type>,
    by_name: HashMap<&'static str, usize>,
}

pub struct Type {
    /// `Patient`, `HumanName`, `string`; a backbone element is named by its path, `Patient.contact`.
    pub name: &'static str,
    pub class: Class,
    /// In the order of the specification, choices expanded.
    pub elements: Vec<Element>,
    /// The slots of the elements that must be there.
    pub(crate) required: u128,
    names: Names,
    /// The first element of each stem.
    stems: Names,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Resource,
    /// `Resource` and `DomainResource`: any resource may stand where they are named.
    Abstract,
    Complex,
    Backbone,
    Primitive,
}

pub struct Element {
    /// The name in JSON: `birthDate`, `valueQuantity`.
    pub name: &'static str,
    /// The name beside it for `id` and extensions, `_birthDate`; empty for what is not a primitive, and for the
    /// primitives that cannot have them: a datatype's id, an extension's url, narrative.
    pub sibling: &'static str,
    /// The name in FHIRPath: `value` for `valueQuantity`, otherwise the name.
    pub stem: &'static str,
    /// The name of its type: `HumanName`, `Patient.contact`, `string`; `Resource` for any resource.
    pub kind: &'static str,
    /// Which primitive it is, where it is one.
    pub primitive: Option<Primitive>,
    /// 1 on each name of a choice of which one is required.
    pub min: u8,
    pub many: bool,
    pub choice: bool,
    pub modifier: bool,
    pub summary: bool,
    /// The codes of a required binding.
    pub codes: Option<&'static CodeList>,
    /// The types that a Reference or canonical may refer to; none means any.
    pub targets: Box<[&'static str]>,
    /// The place among its type's elements before choices were expanded; the names of a choice share it.
    pub(crate) slot: u8,
    type_index: usize,
}

/// The codes that a required binding allows.
pub struct CodeList {
    /// The last part of the value set's address, such as `administrative-gender`.
    pub name: &'static str,
    codes: Vec<&'static str>,
}

/// The step of a path that names no element.
#[derive(Debug, PartialEq, Eq)]
pub struct Stray {
    /// Which of the steps, from 0.
    pub at: usize,
    /// The type that has no such element.
    pub kind: &'static str,
}

impl Schema {
    /// `Patient`, `HumanName`, `Patient.contact`, `string`.
    pub fn kind(&self, name: &str) -> Option<&Type> {
        self.by_name.get(name).map(|&at| &self.types[at])
    }

    /// A type of resource that can exist by itself: not `Resource`, not `HumanName`.
    pub fn resource(&self, name: &str) -> Option<&Type> {
        self.kind(name).filter(|kind| kind.class == Class::Resource)
    }

    /// All types, backbone elements among them.
    pub fn kinds(&self) -> impl Iterator<Item = &Type> {
        self.types.iter()
    }

    /// The codes of a value set that has a required binding somewhere, by the last part of its address, such as
    /// `administrative-gender`; `None` for every other, and for one that stands for an open code system.
    pub fn codes(&self, name: &str) -> Option<&'static CodeList> {
        tables::code_list(name)
    }

    pub fn resources(&self) -> impl Iterator<Item = &Type> {
        self.types.iter().filter(|kind| kind.class == Class::Resource)
    }

    /// The type of an element of this schema.
    pub fn kind_of(&self, element: &Element) -> &Type {
        &self.types[element.type_index]
    }

    /// Follows JSON names from a type: `identifier`, `type`, `coding`, `code` from Patient. Where a step leads to
    /// any resource (`contained`), only what all resources have can follow.
    pub fn walk<'s>(&'s self, from: &'s Type, steps: &[&str]) -> Result<Option<&'s Element>, Stray> {
        let (mut kind, mut found) = (from, None);
        for (at, step) in steps.iter().enumerate() {
            let element = kind.element(step).ok_or(Stray { at, kind: kind.name })?;
            kind = self.kind_of(element);
            found = Some(element);
        }
        Ok(found)
    }
}

impl Element {
    /// Whether XML has it as an attribute: a datatype's id, an extension's url.
    pub(crate) fn is_attribute(&self) -> bool {
        self.sibling.is_empty() && self.primitive.is_some_and(|primitive| primitive != Primitive::Xhtml)
    }
}

impl Type {
    /// The element with this JSON name; called for every key that is read.
    #[inline]
    pub fn element(&self, name: &str) -> Option<&Element> {
        self.names.candidates(name).map(|at| &self.elements[at]).find(|element| element.name == name)
    }

    /// The elements behind a FHIRPath name: one, or all the names of a choice, which stand together.
    pub fn stem(&self, stem: &str) -> std::slice::Iter<'_, Element> {
        let found = self.stems.candidates(stem).find(|at| self.elements[*at].stem == stem);
        let rest = found.map_or(&[][..], |at| &self.elements[at..]);
        let count = rest.iter().take_while(|element| element.stem == stem).count();
        rest[..count].iter()
    }
}

/// A type is shown by its name: its elements lead on to most of R4.
impl std::fmt::Debug for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl CodeList {
    pub fn contains(&self, code: &str) -> bool {
        self.codes.binary_search(&code).is_ok()
    }

    /// Sorted.
    pub fn codes(&self) -> &[&'static str] {
        &self.codes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_by_their_json_name() {
        let cases = [
            ("Patient", "birthDate", "date", "birthDate"),
            ("Patient", "contact", "Patient.contact", "contact"),
            ("Patient", "deceasedBoolean", "boolean", "deceased"),
            ("Patient.contact", "name", "HumanName", "name"),
            ("Observation", "valueQuantity", "Quantity", "value"),
            ("Bundle.entry", "link", "Bundle.link", "link"),
            ("Bundle.entry", "resource", "Resource", "resource"),
            ("Questionnaire.item", "item", "Questionnaire.item", "item"),
            ("Extension", "url", "uri", "url"),
            ("Patient", "id", "id", "id"),
            ("HumanName", "id", "string", "id"),
        ];
        for (kind, name, of, stem) in cases {
            let element = r4().kind(kind).and_then(|kind| kind.element(name));
            assert_eq!(element.map(|e| (e.name, e.kind, e.stem)), Some((name, of, stem)), "{kind}.{name}");
        }
        for (kind, name) in [("Patient", "value"), ("Patient", "deceased"), ("Patient", ""), ("Meta", "project")] {
            assert!(r4().kind(kind).expect("an R4 type").element(name).is_none(), "{kind}.{name}");
        }
    }

    #[test]
    fn every_element_of_every_type_finds_itself() {
        for kind in &r4().types {
            for element in &kind.elements {
                assert!(std::ptr::eq(kind.element(element.name).expect("found"), element), "{}", element.name);
            }
        }
    }

    #[test]
    fn facts_of_an_element() {
        let patient = r4().resource("Patient").expect("Patient");
        let gender = patient.element("gender").expect("gender");
        let codes = gender.codes.expect("a required binding");
        assert_eq!(codes.codes(), ["female", "male", "other", "unknown"]);
        assert!(codes.contains("male") && !codes.contains("M"));
        assert_eq!((gender.sibling, gender.many, gender.min), ("_gender", false, 0));
        let doctor = patient.element("generalPractitioner").expect("generalPractitioner");
        assert_eq!(&*doctor.targets, ["Organization", "Practitioner", "PractitionerRole"]);
        assert_eq!((doctor.sibling, doctor.many, doctor.summary), ("", true, false));
        assert!(patient.element("active").expect("active").modifier);
        assert_eq!(patient.stem("multipleBirth").len(), 2);
    }

    #[test]
    fn only_concrete_resources_are_resources() {
        assert_eq!(r4().resources().count(), 146);
        for name in ["Resource", "DomainResource", "HumanName", "Patient.contact", "SubscriptionStatus", "string"] {
            assert!(r4().resource(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_path_is_walked_to_its_element_or_to_the_step_that_strays() {
        let patient = r4().resource("Patient").expect("Patient");
        let walk = |path: &str| {
            let steps: Vec<&str> = path.split('.').collect();
            r4().walk(patient, &steps).map(|element| element.map(|e| e.kind))
        };
        assert_eq!(walk("identifier.type.coding.code"), Ok(Some("code")));
        assert_eq!(walk("contained.meta.versionId"), Ok(Some("id")));
        assert_eq!(walk("identifier.kind.coding"), Err(Stray { at: 1, kind: "Identifier" }));
        assert_eq!(walk("birthDate.year"), Err(Stray { at: 1, kind: "date" }));
    }
}
