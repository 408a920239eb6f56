//! Narrative (R4 §2.4): an XHTML `<div>` that is kept byte for byte, in XML as an element and in the tree as text.
//!
//! Reading, it must be well formed by itself: in the XHTML namespace without a prefix, with no prefix from outside. A
//! namespace that it has from around it is written into its tag. Which HTML it may have is judged where it is shown.
//!
//! Writing, what JSON gave may be anything that begins with `<div`. HTML's named characters, which XML does not know,
//! become numbers; a missing namespace is put in; and what is still not well formed is written as the text of a div.

use std::borrow::Cow;

use quick_xml::events::Event;

use super::html;
use super::namespace::{Namespaces, Space, XHTML, is_name};
use super::text;
use super::token::{Fault, Tag, Token, Tokens, doctype, late_declaration, named, unclosed};

/// Elements inside one another; what people write stays under 30.
const DEPTH_MAX: usize = 256;

/// Attributes of one tag.
const ATTRIBUTES_MAX: usize = 128;

/// Reads a div, whose tag has just been read, to its end: the whole as it is written.
pub fn read<'a>(tokens: &mut Tokens<'a>, div: Tag<'a>, text: &'a str) -> Result<&'a str, Fault> {
    let mut spaces = Namespaces::default();
    let mut marks = vec![spaces.mark()];
    judge_tag(div, &mut spaces, true)?;
    if div.closed {
        marks.pop();
    }
    while let Some(&mark) = marks.last() {
        let at = tokens.at();
        match tokens.event()? {
            Event::Start(_) | Event::Empty(_) if marks.len() == DEPTH_MAX => {
                return Err(Fault::new(at, format!("narrative nested deeper than {DEPTH_MAX} elements")));
            }
            Event::Start(start) => {
                marks.push(spaces.mark());
                judge_tag(tokens.tag(at, &start, false), &mut spaces, false)?;
            }
            Event::Empty(start) => {
                let mark = spaces.mark();
                judge_tag(tokens.tag(at, &start, true), &mut spaces, false)?;
                spaces.go_back(mark);
            }
            Event::End(_) => {
                spaces.go_back(mark);
                marks.pop();
            }
            Event::GeneralRef(name) => {
                text::reference(&name).map_err(|text| Fault::new(at, text))?;
            }
            Event::Text(text) if text.contains("]]>") => return Err(Fault::new(at, "]]> in a text: write ]]&gt;")),
            Event::PI(instruction) => named(&instruction, at)?,
            Event::Text(_) | Event::CData(_) | Event::Comment(_) => {}
            Event::Decl(_) => return Err(late_declaration(at)),
            Event::DocType(_) => return Err(doctype(at)),
            Event::Eof => return Err(unclosed(at)),
        }
    }
    let whole = &text[div.at..tokens.at()];
    if whole.chars().all(text::is_character) { Ok(whole) } else { Err(Fault::new(div.at, text::NO_CHARACTER)) }
}

/// A tag's names, attributes and namespaces. The div itself may have its namespace from around it.
fn judge_tag<'a>(tag: Tag<'a>, spaces: &mut Namespaces<'a>, outermost: bool) -> Result<(), Fault> {
    let fault = |text: &'static str| Fault::new(tag.at, text);
    let mark = spaces.mark();
    let mut names: Vec<&str> = Vec::new();
    for attribute in tag.attributes() {
        let (name, raw) = attribute?;
        text::value(raw).map_err(fault)?;
        if spaces.take(name, raw, mark).map_err(fault)? {
            continue;
        }
        if names.len() == ATTRIBUTES_MAX {
            return Err(fault("too many attributes"));
        }
        if names.contains(&name) {
            return Err(fault("an attribute that is there twice"));
        }
        names.push(name);
    }
    for name in names {
        let (_, local) = spaces.of_attribute(name).map_err(fault)?;
        if !is_name(local) {
            return Err(fault("an attribute whose name is none"));
        }
    }
    if outermost {
        return Ok(());
    }
    let (_, local) = spaces.of_element(tag.name).map_err(fault)?;
    if is_name(local) { Ok(()) } else { Err(fault("an element whose name is none")) }
}

/// The same with its namespace in its tag.
pub fn with_namespace(div: &str) -> String {
    let rest = div.strip_prefix("<div").expect("a div without a prefix begins so");
    format!("<div xmlns=\"{XHTML}\"{rest}")
}

/// What is written for the narrative of a tree.
pub fn written(div: &str) -> Cow<'_, str> {
    let div = div.trim_matches(|c: char| c.is_ascii_whitespace());
    let numbered = without_named_characters(div);
    match well_formed(&numbered) {
        Some(true) => numbered,
        Some(false) => Cow::Owned(with_namespace(&numbered)),
        None => Cow::Owned(as_text(div)),
    }
}

/// Whether a div that is well formed and nothing else has a namespace of its own; none where it is not.
fn well_formed(div: &str) -> Option<bool> {
    let mut tokens = Tokens::new(div);
    let Ok(Token::Open(tag)) = tokens.next() else { return None };
    if tag.at != 0 || tag.name != "div" || read(&mut tokens, tag, div).ok()?.len() != div.len() {
        return None;
    }
    match declared(tag)? {
        Space::Xhtml => Some(true),
        Space::None => Some(false),
        _ => None,
    }
}

/// The default namespace that a tag itself declares; none where it cannot be read.
pub fn declared(tag: Tag) -> Option<Space> {
    let mut spaces = Namespaces::default();
    let mark = spaces.mark();
    for attribute in tag.attributes() {
        let (name, raw) = attribute.ok()?;
        spaces.take(name, raw, mark).ok()?;
    }
    Some(spaces.unprefixed())
}

/// `&nbsp;` is written `&#160;`.
fn without_named_characters(div: &str) -> Cow<'_, str> {
    let Some(first) = next_named(div) else { return Cow::Borrowed(div) };
    let mut out = String::with_capacity(div.len() + 16);
    let (mut rest, mut found) = (div, Some(first));
    while let Some((at, name, c)) = found {
        out.push_str(&rest[..at]);
        out.push_str(&format!("&#{};", u32::from(c)));
        rest = &rest[at + name.len() + "&;".len()..];
        found = next_named(rest);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The next reference that HTML knows and XML does not: where, its name, what it stands for.
fn next_named(div: &str) -> Option<(usize, &str, char)> {
    div.match_indices('&').find_map(|(at, _)| {
        let name = div[at + 1..].split(|c: char| !c.is_ascii_alphanumeric()).next()?;
        let ends = div[at + 1 + name.len()..].starts_with(';');
        html::named(name).filter(|_| ends).map(|c| (at, name, c))
    })
}

fn as_text(div: &str) -> String {
    let mut escaped = Vec::with_capacity(div.len() + div.len() / 4);
    text::write(div, &mut escaped);
    let escaped = String::from_utf8(escaped).expect("what is escaped is text as before");
    format!("<div xmlns=\"{XHTML}\">{escaped}</div>")
}

#[cfg(test)]
mod tests {
    use super::*;

    const XMLNS: &str = r#"xmlns="http://www.w3.org/1999/xhtml""#;

    #[test]
    fn a_div_that_is_well_formed_is_written_as_it_is() {
        for rest in [
            ">a</div>",
            "/>",
            " >a &amp; &lt; &#160; b<br/>\r\n<p id='x' title=\"a&#10;b > c\">é</p><!-- c --></div>",
            " xml:lang=\"en\" lang=\"en\"><?php a?><![CDATA[<x>&nbsp]]></div\n>",
            " xmlns:v=\"urn:v\"><v:shape v:x=\"1\"/><svg xmlns=\"http://www.w3.org/2000/svg\"/></div>",
        ] {
            let div = format!("<div {XMLNS}{rest}");
            assert_eq!(written(&div), div);
            assert_eq!(written(&format!("\n {div} \t")), div);
        }
    }

    #[test]
    fn what_xml_lacks_is_put_in() {
        let cases = [
            ("<div>a</div>", "<div X>a</div>"),
            ("<div/>", "<div X/>"),
            ("<div X>&nbsp;&Eacute;&amp;&lt;&thetasym;</div>", "<div X>&#160;&#201;&amp;&lt;&#977;</div>"),
            ("<div X title='&copy;'/>", "<div X title='&#169;'/>"),
        ];
        for (div, expected) in cases {
            assert_eq!(written(&div.replace('X', XMLNS)), expected.replace('X', XMLNS));
        }
    }

    #[test]
    fn what_is_not_well_formed_is_written_as_text() {
        let deep = format!("<div X>{}{}</div>", "<b>".repeat(300), "</b>".repeat(300));
        for div in [
            "<div X>a",
            "<div X>a</div><div X/>",
            "<div X>a</div> b",
            "<div X><br></div>",
            "<div X><b><i></b></i></div>",
            "<div X>a & b</div>",
            "<div X>&nosuch;</div>",
            "<div X>&#1;</div>",
            "<div X><p a=1/></div>",
            "<div X><p a/></div>",
            "<div X><p a='1'b='2'/></div>",
            "<div X><p a='1' a='2'/></div>",
            "<div X><p a='<'/></div>",
            "<div X><o:p/></div>",
            "<div X><p o:a='1'/></div>",
            "<div X><1/></div>",
            "<div X>]]></div>",
            "<div X><!-- a -- b --></div>",
            "<div X><!DOCTYPE a></div>",
            "<div X><?xml version='1.0'?></div>",
            "<div X>\u{FFFE}</div>",
            "<div xmlns=\"http://hl7.org/fhir\">a</div>",
            "<div xmlns=\"\">a</div>",
            &deep,
        ] {
            let div = div.replace('X', XMLNS);
            let out = written(&div);
            let inner = out.strip_prefix(&format!("<div {XMLNS}>")).and_then(|out| out.strip_suffix("</div>"));
            let inner = inner.unwrap_or_else(|| panic!("{out}"));
            assert!(!inner.contains('<'), "{out}");
            assert_eq!(text::value(inner).expect("text"), div.replace('\u{FFFE}', "\u{FFFD}"), "{div}");
            assert_eq!(well_formed(&out), Some(true), "{out}");
        }
    }
}
