//! Narrative: the XHTML that a Narrative may hold (R4 §2.4, invariants txt-1 and txt-2, which FHIRPath calls
//! `htmlChecks()`).
//!
//! One pass over the text: what is not well-formed, what is not of the elements and attributes that R4 names, and
//! whether there is anything to read. Entities are those of XML; R4 has no `&nbsp;`. Nothing is shown or changed here.

/// Elements within one another.
const DEPTH_MAX: usize = 256;

/// Attributes of one tag.
const ATTRIBUTES_MAX: usize = 128;

const NAMESPACE: &str = "http://www.w3.org/1999/xhtml";

/// What is wrong with a narrative, said without the text that it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is no XHTML at all, or has what R4 does not allow (txt-1).
    Content(String),
    /// There is nothing to read in it (txt-2).
    Empty,
}

/// What other checks want to know of a narrative.
#[derive(Debug, Default)]
pub struct Seen<'t> {
    /// Values of `id` attributes.
    pub ids: Vec<&'t str>,
}

/// The first fault of a narrative's `div`.
pub fn check(text: &str) -> Result<Seen<'_>, Fault> {
    let mut reader = Reader { rest: text.trim(), open: Vec::new(), seen: Seen::default(), readable: false };
    match reader.document() {
        Err(text) => Err(Fault::Content(text)),
        Ok(()) if !reader.readable => Err(Fault::Empty),
        Ok(()) => Ok(reader.seen),
    }
}

struct Reader<'t> {
    rest: &'t str,
    open: Vec<&'t str>,
    seen: Seen<'t>,
    readable: bool,
}

type Step = Result<(), String>;

impl<'t> Reader<'t> {
    fn document(&mut self) -> Step {
        while !self.rest.is_empty() {
            if self.rest.starts_with('<') {
                self.markup()?;
                if self.open.is_empty() && !self.rest.trim().is_empty() {
                    return Err("has something behind its div".to_owned());
                }
            } else {
                let end = self.rest.find('<').unwrap_or(self.rest.len());
                let (text, rest) = self.rest.split_at(end);
                self.rest = rest;
                self.text(text)?;
            }
        }
        match self.open.last() {
            Some(name) => Err(format!("<{name}> is not closed")),
            None => Ok(()),
        }
    }

    fn markup(&mut self) -> Step {
        if let Some(rest) = self.rest.strip_prefix("<!--") {
            let (comment, rest) = rest.split_once("-->").ok_or("a comment is not closed")?;
            self.rest = rest;
            return if comment.contains("--") { Err("a comment has -- in it".to_owned()) } else { Ok(()) };
        }
        if let Some(rest) = self.rest.strip_prefix("<![CDATA[") {
            let (text, rest) = rest.split_once("]]>").ok_or("a CDATA section is not closed")?;
            self.rest = rest;
            self.readable |= !text.trim().is_empty();
            return Ok(());
        }
        if self.rest.starts_with("<!") || self.rest.starts_with("<?") {
            return Err("has a document type or a processing instruction, which narrative may not have".to_owned());
        }
        match self.rest.strip_prefix("</") {
            Some(rest) => self.close(rest),
            None => self.begin(),
        }
    }

    fn close(&mut self, rest: &'t str) -> Step {
        let (name, rest) = rest.split_once('>').ok_or("a tag is not closed")?;
        let name = name.trim_end_matches(is_blank);
        match self.open.pop() {
            Some(open) if open == name => {
                self.rest = rest;
                Ok(())
            }
            Some(open) => Err(format!("<{open}> is closed by another tag")),
            None => Err("a tag is closed that is not open".to_owned()),
        }
    }

    fn begin(&mut self) -> Step {
        let (name, rest) = name(&self.rest[1..]).ok_or("has a < that begins no tag: write &lt;")?;
        let allowed = ELEMENTS.iter().find(|(allowed, _)| *allowed == name);
        let Some((element, own)) = allowed else {
            return Err(match name.len() {
                0..=NAME_SHOWN_MAX => format!("has an element <{name}>, which narrative may not have"),
                _ => "has an element that narrative may not have".to_owned(),
            });
        };
        if self.open.is_empty() && *element != "div" {
            return Err("is not a div".to_owned());
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(format!("has more than {DEPTH_MAX} elements within one another"));
        }
        self.rest = rest;
        let (closed, namespace) = self.attributes(element, own)?;
        if self.open.is_empty() && namespace != Some(NAMESPACE) {
            return Err(format!("its div must be in the namespace {NAMESPACE}"));
        }
        self.readable |= *element == "img";
        if !closed {
            self.open.push(element);
        }
        Ok(())
    }

    /// The attributes of a tag, up to its end; whether it closes itself, and the namespace that it declares.
    fn attributes(&mut self, element: &str, own: &[&str]) -> Result<(bool, Option<&'t str>), String> {
        let (mut met, mut namespace): (Vec<&str>, _) = (Vec::new(), None);
        loop {
            let rest = self.rest.trim_start_matches(is_blank);
            if let Some(rest) = rest.strip_prefix("/>") {
                self.rest = rest;
                return Ok((true, namespace));
            }
            if let Some(rest) = rest.strip_prefix('>') {
                self.rest = rest;
                return Ok((false, namespace));
            }
            let (name, rest) = name(rest).ok_or_else(|| format!("the tag <{element}> is not closed"))?;
            let value =
                rest.trim_start_matches(is_blank).strip_prefix('=').map(|rest| rest.trim_start_matches(is_blank));
            let value = value.and_then(|rest| {
                let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
                rest[1..].split_once(quote)
            });
            let (value, rest) = value.ok_or_else(|| format!("an attribute of <{element}> has no value in quotes"))?;
            self.rest = rest;
            if met.contains(&name) {
                return Err(format!("<{element}> has an attribute twice"));
            }
            if met.len() == ATTRIBUTES_MAX {
                return Err(format!("<{element}> has more than {ATTRIBUTES_MAX} attributes"));
            }
            met.push(name);
            if name == "xmlns" {
                namespace = Some(value);
            } else {
                self.attribute(element, own, name, value)?;
            }
        }
    }

    fn attribute(&mut self, element: &str, own: &[&str], name: &str, value: &'t str) -> Step {
        entities(value)?;
        if value.contains('<') {
            return Err(format!("an attribute of <{element}> has a < in it: write &lt;"));
        }
        if !COMMON.contains(&name) && !own.contains(&name) && !name.starts_with("xmlns:") {
            return Err(match name.len() {
                0..=NAME_SHOWN_MAX => format!("<{element}> has an attribute {name}, which narrative may not have"),
                _ => format!("<{element}> has an attribute that narrative may not have"),
            });
        }
        match name {
            "id" => self.seen.ids.push(value),
            "href" | "src" | "longdesc" | "cite" if !is_link(value) => {
                return Err(format!("{name} of <{element}> has a scheme that nobody may follow from a narrative"));
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Step {
        if self.open.is_empty() {
            return Err("has text outside its div".to_owned());
        }
        self.readable |= text.contains(|c: char| !c.is_whitespace());
        entities(text)
    }
}

/// Longest name of an element or attribute that is repeated to the writer.
const NAME_SHOWN_MAX: usize = 32;

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// The name that a text begins with, and what follows it.
fn name(text: &str) -> Option<(&str, &str)> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    text.starts_with(|c: char| c.is_alphabetic() || c == '_').then(|| text.split_at(end))
}

/// `&amp;` and its four kin, and characters by their number.
fn entities(text: &str) -> Step {
    for rest in text.split('&').skip(1) {
        let name = rest.split_once(';').map(|(name, _)| name).ok_or("has an & that begins no entity: write &amp;")?;
        let number = match name.strip_prefix('#') {
            Some(digits) => match digits.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => digits.parse().ok(),
            },
            None => None,
        };
        let is_known = matches!(name, "lt" | "gt" | "amp" | "quot" | "apos");
        if !is_known && number.and_then(char::from_u32).is_none() {
            return Err("has an entity that XML does not know: write the character itself".to_owned());
        }
    }
    Ok(())
}

/// Whether a link has no scheme, or one that a reader may follow without harm.
fn is_link(link: &str) -> bool {
    let link = link.trim();
    let scheme = match link.find([':', '/', '?', '#']) {
        Some(at) if link[at..].starts_with(':') => &link[..at],
        _ => return true,
    };
    let follows = ["http", "https", "ftp", "mailto", "tel", "data", "cid", "file"];
    follows.iter().any(|known| known.eq_ignore_ascii_case(scheme))
}

/// Attributes that any element may have.
const COMMON: [&str; 11] =
    ["id", "class", "style", "title", "lang", "xml:lang", "xml:space", "xml:base", "dir", "accesskey", "tabindex"];

const CELL: &[&str] = &[
    "abbr", "axis", "headers", "scope", "rowspan", "colspan", "align", "char", "charoff", "valign", "width", "nowrap",
];
const ROW: &[&str] = &["align", "char", "charoff", "valign"];
const COLUMN: &[&str] = &["span", "width", "align", "char", "charoff", "valign"];
const NONE: &[&str] = &[];

/// The elements that R4 allows with the attributes of their own, sorted as HTML 4.0 has them in its chapters 7 to 11
/// and 15.
const ELEMENTS: &[(&str, &[&str])] = &[
    ("div", &["align"]),
    ("p", &["align"]),
    ("span", NONE),
    ("br", NONE),
    ("h1", &["align"]),
    ("h2", &["align"]),
    ("h3", &["align"]),
    ("h4", &["align"]),
    ("h5", &["align"]),
    ("h6", &["align"]),
    ("address", NONE),
    ("bdo", NONE),
    ("em", NONE),
    ("strong", NONE),
    ("dfn", NONE),
    ("code", NONE),
    ("samp", NONE),
    ("kbd", NONE),
    ("var", NONE),
    ("cite", NONE),
    ("abbr", NONE),
    ("acronym", NONE),
    ("blockquote", &["cite"]),
    ("q", &["cite"]),
    ("sub", NONE),
    ("sup", NONE),
    ("pre", &["space", "width"]),
    ("ul", &["type", "compact"]),
    ("ol", &["type", "start", "compact"]),
    ("li", &["type", "value"]),
    ("dl", &["compact"]),
    ("dt", NONE),
    ("dd", NONE),
    ("table", &["summary", "width", "border", "frame", "rules", "cellspacing", "cellpadding", "align", "bgcolor"]),
    ("caption", &["align"]),
    ("thead", ROW),
    ("tfoot", ROW),
    ("tbody", ROW),
    ("colgroup", COLUMN),
    ("col", COLUMN),
    ("tr", ROW),
    ("th", CELL),
    ("td", CELL),
    ("tt", NONE),
    ("i", NONE),
    ("b", NONE),
    ("big", NONE),
    ("small", NONE),
    ("hr", &["align", "noshade", "size", "width"]),
    ("a", &["href", "name", "charset", "type", "hreflang", "rel", "rev", "shape", "coords", "target"]),
    ("img", &["src", "alt", "longdesc", "height", "width", "usemap", "ismap", "border", "align", "hspace", "vspace"]),
    ("map", &["name"]),
    ("area", &["shape", "coords", "href", "nohref", "alt"]),
];
