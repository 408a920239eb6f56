//! The tokens of an XML text, from `quick-xml`: tags, with comments and processing instructions passed over.
//!
//! A document type declaration is refused wherever it stands, so there are no entities but XML's own five, nothing is
//! fetched, and nothing grows. XML 1.0 in UTF-8 is what is read.

use std::borrow::Cow;

use quick_xml::errors::{Error, IllFormedError};
use quick_xml::events::attributes::{AttrError, Attributes};
use quick_xml::events::{BytesPI, BytesStart, Event};
use quick_xml::reader::Reader;

use super::namespace::is_name;
use super::text;

/// What is not XML, and where: what follows cannot be read.
#[derive(Debug)]
pub struct Fault {
    pub at: usize,
    pub text: String,
}

impl Fault {
    pub fn new(at: usize, text: impl Into<String>) -> Fault {
        Fault { at, text: text.into() }
    }
}

pub enum Token<'a> {
    Open(Tag<'a>),
    Close,
    /// Anything but blanks between tags.
    Text,
    End,
}

/// `<name a="b">`, or `<name a="b"/>`.
#[derive(Clone, Copy)]
pub struct Tag<'a> {
    pub name: &'a str,
    /// What stands between `<` and `>`, or `/>`.
    inner: &'a str,
    /// Whether it ends with `/>`: no end tag follows.
    pub closed: bool,
    /// Where its `<` is.
    pub at: usize,
}

pub struct Tokens<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
}

impl<'a> Tokens<'a> {
    pub fn new(text: &'a str) -> Tokens<'a> {
        let mut reader = Reader::from_str(text);
        reader.config_mut().enable_all_checks(true);
        Tokens { text, reader }
    }

    /// Where the next token begins.
    pub fn at(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).expect("a place in a text that is in memory")
    }

    pub fn next(&mut self) -> Result<Token<'a>, Fault> {
        loop {
            let at = self.at();
            match self.event()? {
                Event::Start(start) => return Ok(Token::Open(self.tag(at, &start, false))),
                Event::Empty(start) => return Ok(Token::Open(self.tag(at, &start, true))),
                Event::End(_) => return Ok(Token::Close),
                Event::Text(text) if text.bytes().all(is_blank) => {}
                Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => return Ok(Token::Text),
                Event::Comment(comment) if comment.chars().all(text::is_character) => {}
                Event::Comment(_) => return Err(Fault::new(at, text::NO_CHARACTER)),
                Event::PI(instruction) => named(&instruction, at)?,
                Event::Decl(_) if at == 0 => supported(&self.text["<?".len()..self.at() - "?>".len()])?,
                Event::Decl(_) => return Err(late_declaration(at)),
                Event::DocType(_) => return Err(doctype(at)),
                Event::Eof => return Ok(Token::End),
            }
        }
    }

    /// The next event as the library has it, for what keeps comments and text; `tag` makes a tag of a start.
    pub fn event(&mut self) -> Result<Event<'a>, Fault> {
        match self.reader.read_event() {
            Ok(event) => Ok(event),
            Err(error) => {
                let at = usize::try_from(self.reader.error_position()).unwrap_or(self.text.len());
                Err(Fault::new(at, described(&error)))
            }
        }
    }

    /// The tag that began at a place and has just been read.
    #[inline]
    pub fn tag(&self, at: usize, start: &BytesStart, closed: bool) -> Tag<'a> {
        let end = self.at() - if closed { "/>".len() } else { ">".len() };
        let inner = &self.text[at + "<".len()..end];
        let name = &inner[..start.name().as_ref().len()];
        Tag { name, inner, closed, at }
    }

    /// Passes over what is left of an element whose tag has been read.
    pub fn skip(&mut self, tag: Tag<'a>) -> Result<(), Fault> {
        let mut depth = usize::from(!tag.closed);
        while depth > 0 {
            match self.next()? {
                Token::Open(inner) => depth += usize::from(!inner.closed),
                Token::Close => depth -= 1,
                Token::Text => {}
                Token::End => return Err(unclosed(self.at())),
            }
        }
        Ok(())
    }
}

impl<'a> Tag<'a> {
    /// Names and raw values.
    #[inline]
    pub fn attributes(&self) -> impl Iterator<Item = Result<(&'a str, &'a str), Fault>> + use<'a> {
        let (inner, at) = (self.inner, self.at);
        let mut attributes = Attributes::new(inner, self.name.len());
        // Names are held against each other by who reads them.
        attributes.with_checks(false);
        attributes.map(move |attribute| {
            let fault = |error: AttrError| Fault::new(at, described(&error.into()));
            let attribute = attribute.map_err(fault)?;
            let (name, Cow::Borrowed(value)) = (attribute.key.0, attribute.value) else {
                return Err(Fault::new(at, "an attribute that cannot be read"));
            };
            let start = name.as_ptr() as usize - inner.as_ptr() as usize;
            if !inner.as_bytes()[..start].last().copied().is_some_and(is_blank) {
                return Err(Fault::new(at, "attributes without a blank between them"));
            }
            Ok((name, value))
        })
    }
}

pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

pub fn doctype(at: usize) -> Fault {
    Fault::new(at, "a document type declaration, which FHIR does not allow; remove it")
}

pub fn unclosed(at: usize) -> Fault {
    Fault::new(at, "it ends before its elements are closed")
}

pub fn late_declaration(at: usize) -> Fault {
    Fault::new(at, "an XML declaration that does not stand first")
}

/// A processing instruction is passed over, but has a name, and not that of XML.
pub fn named(instruction: &BytesPI, at: usize) -> Result<(), Fault> {
    let name = instruction.target();
    if !instruction.chars().all(text::is_character) {
        return Err(Fault::new(at, text::NO_CHARACTER));
    }
    if is_name(name) && !name.eq_ignore_ascii_case("xml") {
        return Ok(());
    }
    Err(Fault::new(at, "a processing instruction without a name of its own"))
}

/// The declaration: `version`, then perhaps `encoding`, then perhaps `standalone` (XML 1.0 §2.8).
fn supported(declaration: &str) -> Result<(), Fault> {
    let tag = Tag { name: "xml", inner: declaration, closed: true, at: 0 };
    let mut attributes = tag.attributes().collect::<Result<Vec<_>, _>>()?.into_iter().peekable();
    let fault = |text: &str| Err(Fault::new(0, text));
    if attributes.next() != Some(("version", "1.0")) {
        return fault("a version of XML other than 1.0");
    }
    match attributes.next_if(|(name, _)| *name == "encoding") {
        Some((_, encoding)) if !encoding.eq_ignore_ascii_case("utf-8") => {
            return fault("an encoding other than UTF-8; FHIR XML is written in UTF-8");
        }
        _ => {}
    }
    attributes.next_if(|attribute| matches!(attribute, ("standalone", "yes" | "no")));
    if attributes.next().is_none() { Ok(()) } else { fault("an XML declaration with something that is unknown") }
}

/// What is wrong, without the names that the library would repeat.
fn described(error: &Error) -> String {
    match error {
        Error::Syntax(error) => error.to_string(),
        Error::IllFormed(IllFormedError::MismatchedEndTag { .. } | IllFormedError::UnmatchedEndTag(_)) => {
            "an end tag that is not that of the element which is open".to_owned()
        }
        Error::IllFormed(IllFormedError::DoubleHyphenInComment) => "a comment with -- inside".to_owned(),
        Error::IllFormed(IllFormedError::UnclosedReference) => "an & that begins no reference: write &amp;".to_owned(),
        Error::InvalidAttr(AttrError::Duplicated(..)) => "an attribute that is there twice".to_owned(),
        Error::InvalidAttr(_) => "an attribute that is not written as name=\"value\"".to_owned(),
        _ => "something that is not well formed".to_owned(),
    }
}
