//! Which namespace a name is in (Namespaces in XML 1.0).

use super::text;

/// Most declarations in scope together.
const DECLARED_MAX: usize = 64;

pub const FHIR: &str = "http://hl7.org/fhir";
pub const XHTML: &str = "http://www.w3.org/1999/xhtml";
const SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    Fhir,
    Xhtml,
    SchemaInstance,
    Other,
    /// Without a prefix, where no default is declared.
    None,
}

/// The declarations in scope, innermost last. Who opens an element marks them and, at its end, goes back to the mark.
#[derive(Default)]
pub struct Namespaces<'a> {
    /// The default's prefix is empty.
    declared: Vec<(&'a str, Space)>,
}

impl<'a> Namespaces<'a> {
    #[inline]
    pub fn mark(&self) -> usize {
        self.declared.len()
    }

    #[inline]
    pub fn go_back(&mut self, mark: usize) {
        self.declared.truncate(mark);
    }

    /// Takes an attribute if it is a declaration; `mark` is from before the element's first.
    #[inline]
    pub fn take(&mut self, name: &'a str, raw: &str, mark: usize) -> Result<bool, &'static str> {
        let Some(prefix) = name.strip_prefix("xmlns") else { return Ok(false) };
        match prefix.strip_prefix(':') {
            Some(prefix) if is_name(prefix) => self.declare(prefix, raw, mark).map(|()| true),
            None if prefix.is_empty() => self.declare("", raw, mark).map(|()| true),
            _ => Ok(false),
        }
    }

    fn declare(&mut self, prefix: &'a str, raw: &str, mark: usize) -> Result<(), &'static str> {
        let uri = text::value(raw)?;
        let space = match &*uri {
            FHIR => Space::Fhir,
            XHTML => Space::Xhtml,
            SCHEMA_INSTANCE => Space::SchemaInstance,
            "" if !prefix.is_empty() => return Err("a prefix that is declared to be nothing"),
            _ => Space::Other,
        };
        match prefix {
            "xml" if uri == XML => return Ok(()),
            "xml" | "xmlns" => return Err("a prefix that is declared although XML has it for itself"),
            _ if self.declared[mark..].iter().any(|(other, _)| *other == prefix) => {
                return Err("a namespace that is declared twice");
            }
            _ if self.declared.len() == DECLARED_MAX => return Err("too many namespaces; declare those of the root"),
            _ => self.declared.push((prefix, space)),
        }
        Ok(())
    }

    /// The namespace of an element's name, and the name without its prefix.
    #[inline]
    pub fn of_element<'n>(&self, name: &'n str) -> Result<(Space, &'n str), &'static str> {
        match name.split_once(':') {
            None => Ok((self.unprefixed(), name)),
            Some((prefix, local)) => Ok((self.prefixed(prefix)?, local)),
        }
    }

    /// The same of an attribute, to which the default does not apply.
    pub fn of_attribute<'n>(&self, name: &'n str) -> Result<(Space, &'n str), &'static str> {
        match name.split_once(':') {
            None => Ok((Space::None, name)),
            Some((prefix, local)) => Ok((self.prefixed(prefix)?, local)),
        }
    }

    #[inline]
    pub fn unprefixed(&self) -> Space {
        self.declared.iter().rfind(|(prefix, _)| prefix.is_empty()).map_or(Space::None, |(_, space)| *space)
    }

    fn prefixed(&self, prefix: &str) -> Result<Space, &'static str> {
        if prefix == "xml" {
            return Ok(Space::Other);
        }
        let found = self.declared.iter().rfind(|(declared, _)| !prefix.is_empty() && *declared == prefix);
        found.map(|(_, space)| *space).ok_or("a prefix that is not declared")
    }
}

/// A name without a colon (XML 1.0 §2.3, Namespaces §3 `NCName`).
pub fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(begins_name) && chars.all(continues_name)
}

fn begins_name(c: char) -> bool {
    matches!(c, 'A'..='Z' | 'a'..='z' | '_' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}' | '\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

fn continues_name(c: char) -> bool {
    begins_name(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}' | '\u{2040}')
}
