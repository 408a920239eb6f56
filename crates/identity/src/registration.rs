//! What one source says about a person, as it is compared: a Patient without its wording.
//!
//! Everything is bounded here, so that a Patient with ten thousand names costs no more than one with four.

use fhir::{Object, Resource};

use crate::normal::address::{self, Address};
use crate::normal::birth::Birth;
use crate::normal::identifier::{self, Identifier};
use crate::normal::name::{self, Name, Newborn, Suffix};
use crate::normal::{email, phone};

/// How many of each are looked at, and how many are kept.
pub const LOOKED_AT_MAX: usize = 32;
pub const NAMES_MAX: usize = 4;
pub const ADDRESSES_MAX: usize = 3;
pub const PHONES_MAX: usize = 4;
pub const EMAILS_MAX: usize = 3;
pub const IDENTIFIERS_MAX: usize = 8;

/// Administrative gender, where it says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    Female,
    Male,
    Other,
}

/// A registration of a person at a source.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Registration {
    /// The logical id of the Patient.
    pub id: String,
    /// The usual name first. Never more than [`NAMES_MAX`].
    pub names: Vec<Name>,
    pub suffix: Option<Suffix>,
    /// The given name says that there was none yet.
    pub newborn: Option<Newborn>,
    pub birth: Option<Birth>,
    pub sex: Option<Sex>,
    pub addresses: Vec<Address>,
    pub phones: Vec<u64>,
    pub emails: Vec<String>,
    /// The last four digits of the social security number.
    pub last_four: Option<u16>,
    pub identifiers: Vec<Identifier>,
}

impl Registration {
    /// Reads a Patient. None where the resource is of another type.
    pub fn read(patient: &Resource) -> Option<Registration> {
        if patient.kind() != "Patient" {
            return None;
        }
        let object = &patient.object;
        let mut read = Registration { id: patient.id().unwrap_or_default().to_owned(), ..Registration::default() };
        read.read_names(object);
        read.birth = object.str("birthDate").and_then(Birth::read);
        read.sex = match object.str("gender") {
            Some("female") => Some(Sex::Female),
            Some("male") => Some(Sex::Male),
            Some("other") => Some(Sex::Other),
            _ => None,
        };
        read.read_addresses(object);
        read.read_telecoms(object);
        read.read_identifiers(object);
        Some(read)
    }

    /// The usual name; an empty one where there is none.
    pub fn name(&self) -> &Name {
        const NONE: &Name =
            &Name { given: String::new(), middle: String::new(), family: String::new(), parts: Vec::new() };
        self.names.first().unwrap_or(NONE)
    }

    /// Whether nothing is known of the person's name.
    pub fn is_nameless(&self) -> bool {
        self.names.iter().all(|name| name.given.is_empty() && name.family.is_empty())
    }

    fn read_names(&mut self, object: &Object) {
        for name in objects(object, "name") {
            let family = name.str("family").unwrap_or_default();
            let read = name::read(texts(name, "given"), family, texts(name, "suffix"));
            self.suffix = self.suffix.or(read.suffix);
            self.newborn = self.newborn.or(read.newborn);
            let told = !read.name.given.is_empty() || !read.name.family.is_empty();
            if told && self.names.len() < NAMES_MAX && !self.names.contains(&read.name) {
                self.names.push(read.name);
            }
        }
        // Who has a name by now is a newborn child no more.
        if self.names.iter().any(|name| !name.given.is_empty()) {
            self.newborn = None;
        }
    }

    fn read_addresses(&mut self, object: &Object) {
        for address in objects(object, "address") {
            let (city, code) = (address.str("city").unwrap_or_default(), address.str("postalCode").unwrap_or_default());
            let Some(read) = address::read(texts(address, "line"), city, code) else { continue };
            if self.addresses.len() < ADDRESSES_MAX && !self.addresses.contains(&read) {
                self.addresses.push(read);
            }
        }
    }

    fn read_telecoms(&mut self, object: &Object) {
        for telecom in objects(object, "telecom") {
            let value = telecom.str("value").unwrap_or_default();
            if telecom.str("system") == Some("email") {
                let Some(email) = email::read(value) else { continue };
                if self.emails.len() < EMAILS_MAX && !self.emails.contains(&email) {
                    self.emails.push(email);
                }
            } else if matches!(telecom.str("system"), Some("phone" | "sms") | None) {
                let Some(phone) = phone::read(value) else { continue };
                if self.phones.len() < PHONES_MAX && !self.phones.contains(&phone) {
                    self.phones.push(phone);
                }
            }
        }
    }

    fn read_identifiers(&mut self, object: &Object) {
        for identifier in objects(object, "identifier") {
            let assigner = identifier.get("assigner").and_then(|node| node.as_object()?.str("reference"));
            let system = identifier.str("system").or(assigner).unwrap_or_default();
            let kind = identifier.get("type").and_then(|node| node.as_object());
            let types =
                kind.into_iter().flat_map(|kind| objects(kind, "coding")).filter_map(|coding| coding.str("code"));
            match identifier::read(system, types, identifier.str("value").unwrap_or_default()) {
                Some(identifier::Read::LastFour(four)) => self.last_four = self.last_four.or(Some(four)),
                Some(identifier::Read::Whole(whole)) if self.identifiers.len() < IDENTIFIERS_MAX => {
                    if whole.strong && whole.value.len() == 9 {
                        let four = whole.value[5..].parse().ok().filter(|four| *four != 0);
                        self.last_four = self.last_four.or(four);
                    }
                    self.identifiers.push(whole);
                }
                _ => {}
            }
        }
    }
}

fn objects<'a, 'b>(object: &'b Object<'a>, name: &str) -> impl Iterator<Item = &'b Object<'a>> {
    object.items(name).iter().take(LOOKED_AT_MAX).filter_map(|item| item.as_object())
}

fn texts<'a>(object: &'a Object, name: &str) -> impl Iterator<Item = &'a str> {
    object.items(name).iter().take(LOOKED_AT_MAX).filter_map(|item| item.as_str())
}
