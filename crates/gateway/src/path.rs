//! The two kinds of path in a rule: slots of the source (`PID-3[*].4.2`) and elements of FHIR (`name[0].family`).

/// A place in a v2 message, or in the value that a datatype profile is applied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    Field(FieldPath),
    /// A segment as one value, whose parts are its fields; or every segment of this name in the group.
    Segment {
        segment: String,
        all: bool,
    },
    /// Within the value at hand: component (or subcomponent, or field) `n`, and what is below it down to two levels; all
    /// repetitions of a field.
    Part {
        part: u8,
        below: Option<u8>,
        deeper: Option<u8>,
        all: bool,
    },
    /// Components `first..last` of the value at hand as one value (EI.2 to EI.4 are an HD).
    Slice {
        first: u8,
        last: u8,
    },
    /// The value at hand as it is.
    Whole,
    /// The trigger event.
    Event,
    /// The message code, such as `ADT`.
    MessageCode,
    /// The configured source's name.
    SourceName,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath {
    pub segment: String,
    /// Every segment of this name in the group, not only the first.
    pub all_segments: bool,
    pub field: u16,
    pub repetition: Repetition,
    pub component: Option<u8>,
    pub subcomponent: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repetition {
    /// No bracket: the first; what follows is left as residue.
    First,
    /// `[n]`, counted from 1.
    Nth(u16),
    All,
}

/// One step of a FHIR path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub name: String,
    pub index: Index,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Index {
    None,
    At(usize),
    All,
    /// `[url=…]`: the item with this url, an extension.
    Url(String),
}

impl Slot {
    pub fn parse(text: &str) -> Result<Slot, String> {
        match text {
            "$" => return Ok(Slot::Whole),
            "$event" => return Ok(Slot::Event),
            "$type" => return Ok(Slot::MessageCode),
            "$source" => return Ok(Slot::SourceName),
            _ => {}
        }
        if let Some((first, last)) = text.split_once("..") {
            return slice(first, last).ok_or_else(|| bad_slot(text));
        }
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            let (text, all) = text.strip_suffix("[*]").map_or((text, false), |text| (text, true));
            let (text, deeper) = match text.match_indices('.').nth(1) {
                Some((at, _)) => (&text[..at], parts(&text[at + 1..])?.0),
                None => (text, None),
            };
            let (part, below) = parts(text)?;
            return Ok(Slot::Part { part: part.ok_or("a component is missing")?, below, deeper, all });
        }
        let (segment, field) = text.split_once('-').map_or((text, None), |(segment, field)| (segment, Some(field)));
        let (name, all_segments) = match segment.strip_suffix("[*]") {
            Some(name) => (name, true),
            None => (segment, false),
        };
        let well_formed = name.len() == 3 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if !well_formed {
            return Err(bad_slot(text));
        }
        let Some(field) = field else { return Ok(Slot::Segment { segment: name.to_owned(), all: all_segments }) };
        let (field, rest) = field.split_once('.').map_or((field, None), |(field, rest)| (field, Some(rest)));
        let (number, repetition) = repetition(field)?;
        let (component, subcomponent) = rest.map_or(Ok((None, None)), parts)?;
        Ok(Slot::Field(FieldPath {
            segment: name.to_owned(),
            all_segments,
            field: number.parse().map_err(|_| bad_slot(text))?,
            repetition,
            component,
            subcomponent,
        }))
    }
}

fn slice(first: &str, last: &str) -> Option<Slot> {
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (0 < first && first < last).then_some(Slot::Slice { first, last })
}

fn bad_slot(text: &str) -> String {
    format!(
        "{text:?} is no slot: write it as PID-3, PID-5.1, PID-3[*], NTE[*]-3, or in a datatype profile 1, 4.2, 2..4 or $"
    )
}

fn repetition(field: &str) -> Result<(&str, Repetition), String> {
    let Some((number, bracket)) = field.split_once('[') else { return Ok((field, Repetition::First)) };
    let inside = bracket.strip_suffix(']').ok_or_else(|| bad_slot(field))?;
    let repetition = match inside {
        "*" => Repetition::All,
        n => Repetition::Nth(n.parse().ok().filter(|n| *n > 0).ok_or("repetitions are counted from 1")?),
    };
    Ok((number, repetition))
}

fn parts(text: &str) -> Result<(Option<u8>, Option<u8>), String> {
    let number = |part: &str| part.parse::<u8>().ok().filter(|n| *n > 0).ok_or_else(|| bad_slot(text));
    match text.split_once('.') {
        None => Ok((Some(number(text)?), None)),
        Some((first, second)) => Ok((Some(number(first)?), Some(number(second)?))),
    }
}

/// Splits `a.b[*].extension[url=http://x.y/z].valueCode`; dots within a bracket belong to it.
/// `$` is no step at all: the target itself.
pub fn fhir(text: &str) -> Result<Vec<Step>, String> {
    if text == "$" {
        return Ok(Vec::new());
    }
    let mut steps = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let name = &rest[..end];
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(format!("{text:?} is no FHIR path"));
        }
        rest = &rest[end..];
        let mut index = Index::None;
        if let Some(bracket) = rest.strip_prefix('[') {
            let close = bracket.find(']').ok_or_else(|| format!("{text:?}: a bracket is not closed"))?;
            index =
                fhir_index(&bracket[..close]).ok_or_else(|| format!("{text:?}: [*], [0] or [url=…] may stand here"))?;
            rest = &bracket[close + 1..];
        }
        steps.push(Step { name: name.to_owned(), index });
        match rest.strip_prefix('.') {
            Some(more) => rest = more,
            None if rest.is_empty() => return Ok(steps),
            None => return Err(format!("{text:?} is no FHIR path")),
        }
    }
}

fn fhir_index(inside: &str) -> Option<Index> {
    if inside == "*" {
        return Some(Index::All);
    }
    match inside.strip_prefix("url=") {
        Some(url) => Some(Index::Url(url.to_owned())),
        None => inside.parse().ok().map(Index::At),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots() {
        let Ok(Slot::Field(path)) = Slot::parse("PID-3[*].4.2") else { panic!("a field") };
        assert_eq!(
            (path.field, path.repetition, path.component, path.subcomponent),
            (3, Repetition::All, Some(4), Some(2))
        );
        let Ok(Slot::Field(path)) = Slot::parse("NTE[*]-3") else { panic!("a field") };
        assert!(path.all_segments);
        assert_eq!(Slot::parse("4.2"), Ok(Slot::Part { part: 4, below: Some(2), deeper: None, all: false }));
        assert_eq!(Slot::parse("2..4"), Ok(Slot::Slice { first: 2, last: 4 }));
        for wrong in ["", "4..2", "PI", "pid-3", "PID-3[0]", "PID-3[*", "PID-x", "0", "PIDX-3", "PID-3.0"] {
            assert!(Slot::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn fhir_paths() {
        let steps = fhir("identifier[*].extension[url=http://a.b/c].valueString").expect("a path");
        assert_eq!(steps.len(), 3);
        assert_eq!(steps[1].index, Index::Url("http://a.b/c".into()));
        for wrong in ["", "a..b", "a[", "a[x]", "a]b", "a[0]b"] {
            assert!(fhir(wrong).is_err(), "{wrong:?}");
        }
    }
}
