//! The delimiters that a message declares in MSH-1 and MSH-2 (HL7 v2.9 §2.5.4).

use crate::{Fault, Kind, Place};

/// Bytes that delimit values. All are ASCII and differ from each other.
///
/// A message that leaves the end of MSH-2 out has no escape or subcomponent character: the byte is data there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Separators {
    pub(crate) field: u8,
    pub(crate) component: Option<u8>,
    pub(crate) repetition: Option<u8>,
    pub(crate) escape: Option<u8>,
    pub(crate) subcomponent: Option<u8>,
    pub(crate) truncation: Option<u8>,
}

impl Default for Separators {
    /// `|^~\&`, what nearly every message declares.
    fn default() -> Self {
        Separators {
            field: b'|',
            component: Some(b'^'),
            repetition: Some(b'~'),
            escape: Some(b'\\'),
            subcomponent: Some(b'&'),
            truncation: None,
        }
    }
}

impl Separators {
    /// For MSH-1 and MSH-2 themselves, in which nothing is delimited.
    pub(crate) const NONE: Separators =
        Separators { field: 0, component: None, repetition: None, escape: None, subcomponent: None, truncation: None };

    /// Reads the declaration from the head of an MSH, BHS or FHS segment, such as `MSH|^~\&|`.
    pub(crate) fn declared(segment: &[u8]) -> Result<Separators, Fault> {
        let Some(&field) = segment.get(3) else {
            return Err(Fault::new(Kind::Truncated, Place::msh(1), "message ends before MSH-1: send it whole"));
        };
        let rest = &segment[4..];
        let end = rest.iter().position(|&byte| byte == field || byte < b' ').unwrap_or(rest.len());
        let encoding = &rest[..end];
        if encoding.is_empty() && end == rest.len() {
            return Err(Fault::new(Kind::Truncated, Place::msh(2), "message ends before MSH-2: send it whole"));
        }
        if !(2..=5).contains(&encoding.len()) {
            let text = format!("MSH-2 has {} characters: declare 2 to 5, usually ^~\\&", encoding.len());
            return Err(Fault::new(Kind::BadSeparators, Place::msh(2), text));
        }
        check(field, encoding)?;
        let at = |index: usize| encoding.get(index).copied();
        Ok(Separators {
            field,
            component: at(0),
            repetition: at(1),
            escape: at(2),
            subcomponent: at(3),
            truncation: at(4),
        })
    }

    pub fn component(&self) -> Option<u8> {
        self.component
    }

    pub fn subcomponent(&self) -> Option<u8> {
        self.subcomponent
    }

    pub fn escape(&self) -> Option<u8> {
        self.escape
    }

    /// MSH-2 as it is written.
    pub fn encoding_characters(&self) -> String {
        [self.component, self.repetition, self.escape, self.subcomponent, self.truncation]
            .into_iter()
            .map_while(|byte| byte.map(char::from))
            .collect()
    }

    /// MSH-1.
    pub fn field_separator(&self) -> char {
        char::from(self.field)
    }
}

fn check(field: u8, encoding: &[u8]) -> Result<(), Fault> {
    let usable = |byte: u8| byte.is_ascii_punctuation();
    if !usable(field) {
        return Err(Fault::new(Kind::BadSeparators, Place::msh(1), "MSH-1 is not a punctuation character: use |"));
    }
    if !encoding.iter().all(|&byte| usable(byte)) {
        let text = "MSH-2 holds something else than punctuation characters: use ^~\\&";
        return Err(Fault::new(Kind::BadSeparators, Place::msh(2), text));
    }
    if encoding == br"^~\\&" {
        let text = "MSH-2 repeats the escape character: the message was escaped twice, as in JSON; undo one of them";
        return Err(Fault::new(Kind::BadSeparators, Place::msh(2), text));
    }
    let twice = (1..encoding.len()).any(|index| encoding[..index].contains(&encoding[index]));
    if twice || encoding.contains(&field) {
        return Err(Fault::new(Kind::BadSeparators, Place::msh(2), "MSH-1 and MSH-2 use one character twice"));
    }
    Ok(())
}
