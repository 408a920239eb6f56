//! `htmlChecks()`: what a narrative may hold (R4 §2.4.1, invariants txt-1 and txt-2).
//!
//! Formatting and references only: no script, no form, no frame, nothing that acts, nothing fetched but images and what
//! a person follows; and it is not blank.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Sorted, as the other tables here are.
const ELEMENTS: [&str; 53] = [
    "a",
    "abbr",
    "acronym",
    "address",
    "area",
    "b",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "map",
    "ol",
    "p",
    "pre",
    "q",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
];
const MORE_ELEMENTS: [&str; 2] = ["ul", "var"];

const ATTRIBUTES: [&str; 21] = [
    "abbr",
    "accesskey",
    "align",
    "axis",
    "char",
    "charoff",
    "class",
    "colspan",
    "dir",
    "headers",
    "id",
    "lang",
    "rowspan",
    "scope",
    "span",
    "style",
    "tabindex",
    "title",
    "valign",
    "width",
    "xml:lang",
];

/// What only some elements have.
const OWN_ATTRIBUTES: [(&str, &[&str]); 9] = [
    ("a", &["charset", "coords", "href", "hreflang", "name", "rel", "rev", "shape", "type"]),
    ("area", &["alt", "coords", "href", "nohref", "shape"]),
    ("blockquote", &["cite"]),
    ("img", &["alt", "border", "height", "ismap", "longdesc", "src", "usemap", "width"]),
    ("map", &["name"]),
    ("pre", &["space"]),
    ("q", &["cite"]),
    ("table", &["border", "cellpadding", "cellspacing", "frame", "rules", "summary", "width"]),
    ("td", &["nowrap"]),
];

const NAMESPACE: &str = "http://www.w3.org/1999/xhtml";

/// Whether a narrative's `div` is one that R4 allows.
pub fn fits(text: &str) -> bool {
    let mut reader = Reader::from_str(text.trim());
    let (mut depth, mut roots, mut content) = (0usize, 0usize, false);
    loop {
        let Ok(event) = reader.read_event() else { return false };
        match event {
            Event::Start(start) | Event::Empty(start) if !allowed(&start) => return false,
            Event::Start(start) => {
                if depth == 0 {
                    roots += 1;
                    if !is_div(&start) {
                        return false;
                    }
                }
                depth += 1;
            }
            Event::Empty(start) => {
                if depth == 0 {
                    return false;
                }
                content |= start.name().as_ref() == "img";
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(text) => {
                let written = text.as_ref().contains(|character: char| !character.is_ascii_whitespace());
                if written && depth == 0 {
                    return false;
                }
                content |= written;
            }
            Event::CData(_) | Event::GeneralRef(_) => content = true,
            Event::Comment(_) => {}
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) => return false,
            Event::Eof => return depth == 0 && roots == 1 && content,
        }
    }
}

fn is_div(start: &BytesStart<'_>) -> bool {
    let namespace = start.attributes().flatten().find(|attribute| attribute.key.as_ref() == "xmlns");
    start.name().as_ref() == "div" && namespace.is_some_and(|attribute| attribute.value.as_ref() == NAMESPACE)
}

fn allowed(start: &BytesStart<'_>) -> bool {
    let name = start.name();
    let name = name.as_ref();
    if ELEMENTS.binary_search(&name).is_err() && !MORE_ELEMENTS.contains(&name) {
        return false;
    }
    let own = OWN_ATTRIBUTES.iter().find(|(element, _)| *element == name).map_or(&[][..], |(_, own)| own);
    start.attributes().all(|attribute| {
        let Ok(attribute) = attribute else { return false };
        let key = attribute.key.as_ref();
        key.starts_with("xmlns") || ATTRIBUTES.binary_search(&key).is_ok() || own.contains(&key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn div(inside: &str) -> String {
        format!(r#"<div xmlns="http://www.w3.org/1999/xhtml">{inside}</div>"#)
    }

    #[test]
    fn formatting_is_allowed_and_nothing_that_acts() {
        for inside in [
            "<p>Peter</p>",
            "<table border=\"1\"><tr><td colspan=\"2\" style=\"x\">a</td></tr></table>",
            "<img src=\"#a\" alt=\"a\"/>",
            "<a href=\"http://a.org\" name=\"b\">c</a>",
            "&nbsp;&amp;",
            "<ul><li><var>x</var></li></ul>",
            "a<!-- b --><br/>",
        ] {
            assert!(fits(&div(inside)), "{inside}");
        }
        for inside in [
            "",
            " \n\t ",
            "<p> <br/> </p>",
            "<script>a</script>",
            "<p onclick=\"a()\">a</p>",
            "<form><input/></form>",
            "<iframe src=\"a\"/>",
            "<object>a</object>",
            "<head/>a",
            "<p>a",
            "a</p>",
            "<p href=\"a\">a</p>",
            "<P>a</P>",
            "<?php a ?>a",
        ] {
            assert!(!fits(&div(inside)), "{inside}");
        }
        for text in [
            "",
            "a",
            "<div>a</div>",
            "<p xmlns=\"http://www.w3.org/1999/xhtml\">a</p>",
            "<div xmlns=\"http://www.w3.org/1999/xhtml\"/>",
            &format!("{}{}", div("a"), div("b")),
            &format!("<!DOCTYPE div [<!ENTITY a \"b\">]>{}", div("&a;")),
            &format!("{}a", div("a")),
        ] {
            assert!(!fits(text), "{text}");
        }
    }

    #[test]
    fn the_tables_are_sorted() {
        assert!(ELEMENTS.is_sorted() && ATTRIBUTES.is_sorted());
    }
}
