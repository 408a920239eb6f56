//! What the strict readers of JSON and XML have in common: where they are, what they found, and the checks that do
//! not depend on how a resource is written.

mod path;
mod seen;

pub(crate) use path::{Path, is_named, steps};
pub(crate) use seen::{Seen, bit, shown};

use crate::issue::{Issue, IssueType, Place, Severity};
use crate::node::{Node, Object};
use crate::primitive::Primitive;
use crate::schema::{CodeList, Element, Type};

/// Most codes that an issue lists.
const CODES_SHOWN_MAX: usize = 12;

/// How far a reader goes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Objects inside one another; real resources stay under 20.
    pub depth_max: usize,
    /// Issues after which reading stops.
    pub issues_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { depth_max: 64, issues_max: 50 }
    }
}

/// Reading cannot go on; why has been noted.
pub(crate) struct Stop;
pub(crate) type Step<T> = Result<T, Stop>;

/// Stands where a value was refused. Nobody sees it: with an issue noted, the tree is not given out.
pub(crate) const REFUSED: Node<'static> = Node::Bool(false);

/// Where a reader is, and what it found.
pub(crate) struct Findings {
    pub path: Path,
    limits: Limits,
    depth: usize,
    issues: Vec<Issue>,
}

impl Findings {
    pub fn new(limits: Limits) -> Findings {
        Findings { path: Path::default(), limits, depth: 0, issues: Vec::new() }
    }

    pub fn count(&self) -> usize {
        self.issues.len()
    }

    pub fn into_issues(self) -> Vec<Issue> {
        self.issues
    }

    pub fn is_outermost(&self) -> bool {
        self.depth == 0
    }

    /// An object begins.
    #[inline]
    pub fn enter(&mut self) -> Step<()> {
        self.depth += 1;
        if self.depth > self.limits.depth_max { self.too_deep() } else { Ok(()) }
    }

    #[cold]
    fn too_deep(&mut self) -> Step<()> {
        let max = self.limits.depth_max;
        self.stop(format!("nested deeper than {max} objects; split the resource"))
    }

    #[inline]
    pub fn leave(&mut self) {
        self.depth -= 1;
    }

    #[cold]
    pub fn note(&mut self, code: IssueType, text: &str) -> Step<()> {
        self.add(Issue::error(code, self.path.to_string(), text))
    }

    /// Notes what is wrong with an element right under this place.
    #[cold]
    pub fn note_at(&mut self, name: &str, code: IssueType, text: &str) -> Step<()> {
        self.add(Issue::error(code, self.path.of(name), text))
    }

    pub fn add(&mut self, issue: Issue) -> Step<()> {
        self.issues.push(issue);
        if self.issues.len() < self.limits.issues_max { Ok(()) } else { Err(Stop) }
    }

    /// Notes why what was given cannot be read to its end.
    #[cold]
    pub fn stop<T>(&mut self, text: String) -> Step<T> {
        self.issues.push(fatal(self.path.to_string(), text));
        Err(Stop)
    }

    /// The same, with where in the text that is.
    #[cold]
    pub fn stop_at<T>(&mut self, place: Place, text: String) -> Step<T> {
        self.issues.push(Issue { place: Some(place), ..fatal(self.path.to_string(), text) });
        Err(Stop)
    }

    /// The format of a primitive and, where it has a required binding, its code.
    #[inline]
    pub fn check(&mut self, element: &Element, primitive: Primitive, text: &str) -> Step<()> {
        if let Err(expected) = primitive.check(text) {
            return self.note(IssueType::Value, &format!("must be {expected}"));
        }
        match element.codes {
            Some(list) if !list.contains(text) => self.note(IssueType::CodeInvalid, &outside(list)),
            _ => Ok(()),
        }
    }

    #[inline]
    pub fn require(&mut self, kind: &Type, seen: &Seen) -> Step<()> {
        let missing = kind.required & !(seen.values | seen.siblings);
        if missing == 0 { Ok(()) } else { self.missing(kind, missing) }
    }

    #[cold]
    fn missing(&mut self, kind: &Type, mut missing: u128) -> Step<()> {
        while missing != 0 {
            let slot = missing.trailing_zeros();
            missing &= missing - 1;
            let element = kind.elements.iter().find(|element| u32::from(element.slot) == slot);
            let element = element.expect("a required slot has an element");
            self.note_at(element.stem, IssueType::Required, "is required and missing")?;
        }
        Ok(())
    }

    /// `given` and `_given` go side by side: of one length, and with something at every place.
    pub fn align(&mut self, kind: &'static Type, seen: &Seen, object: &Object) -> Step<()> {
        let touched = seen.siblings | seen.nulls;
        if touched == 0 {
            return Ok(()); // as nearly always
        }
        for element in kind.elements.iter().filter(|e| e.many && e.primitive.is_some() && touched & bit(e) != 0) {
            let (values, siblings) = (object.items(element.name), object.items(element.sibling));
            if !values.is_empty() && !siblings.is_empty() && values.len() != siblings.len() {
                let text = format!("{} and it must be lists of one length; fill up with null", element.sibling);
                self.note_at(element.name, IssueType::Structure, &text)?;
                continue;
            }
            let empty =
                |at: &usize| [values, siblings].iter().all(|list| matches!(list.get(*at), None | Some(Node::Null)));
            if let Some(at) = (0..values.len().max(siblings.len())).find(empty) {
                let name = format!("{}[{at}]", element.name);
                self.note_at(&name, IssueType::Structure, "is null without an extension; leave it out")?;
            }
        }
        Ok(())
    }
}

/// What keeps the bytes from being read at all.
pub(crate) fn fatal(path: String, text: String) -> Issue {
    Issue::new(Severity::Fatal, IssueType::Structure, path, text)
}

/// The bytes as text, without a byte order mark.
pub(crate) fn utf8<'a>(bytes: &'a [u8], format: &str) -> Result<&'a str, Vec<Issue>> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|fault| {
        let at = fault.valid_up_to();
        vec![fatal(String::new(), format!("not UTF-8 at byte {at}; FHIR {format} is written in UTF-8"))]
    })
}

fn outside(list: &CodeList) -> String {
    let codes = list.codes();
    let shown = codes[..codes.len().min(CODES_SHOWN_MAX)].join(", ");
    let more = if codes.len() > CODES_SHOWN_MAX { ", …" } else { "" };
    format!("is not a code of {}; use one of {shown}{more}", list.name)
}
