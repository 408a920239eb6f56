//! FHIR paths, checked against the element tables and compiled.

use fhir::schema::{self, Type};

use super::{Constant, Leaf, Place, Step};
use crate::path::{self, Index};

/// Compiles `steps` from the type `target`. `rule` names the owner of what is written.
pub fn compile(target: &str, steps: &[path::Step], rule: &str) -> Result<Place, String> {
    let r4 = schema::r4();
    let mut kind = r4.kind(target).ok_or_else(|| format!("R4 has no type {target:?}"))?;
    let mut leaf = Leaf { kind: kind.name, codes: None };
    let mut compiled = Vec::with_capacity(steps.len());
    let mut displaces = Vec::new();
    for step in steps {
        let (next, name, many, codes) = follow(kind, &step.name)?;
        if !many && step.index != Index::None {
            return Err(format!("{}.{} is not a list: write it without a bracket", kind.name, step.name));
        }
        if compiled.is_empty() {
            displaces = others_of_choice(kind, name);
        }
        let index = if many && step.index == Index::None { Index::At(0) } else { step.index.clone() };
        compiled.push(Step { name, many, index });
        leaf = Leaf { kind: next.name, codes };
        kind = next;
    }
    let head = compiled.iter().position(|step| step.many).map_or(compiled.len(), |at| at + 1);
    let path = compiled[..head].iter().map(|step| step.name).collect();
    let owner = match compiled.get(head.wrapping_sub(1)).map(|step| &step.index) {
        Some(Index::At(n)) => format!("[{n}]"),
        Some(Index::Url(url)) => format!("[{url}]"),
        _ => rule.to_owned(),
    };
    let each = compiled.iter().any(|step| step.index == Index::All);
    Ok(Place { each, steps: compiled, head, path, displaces, owner, shared: false, leaf })
}

/// For a rule that removes: the stem of a choice (`value`) stands for whichever of its names is there.
pub fn compile_clear(target: &str, steps: &[path::Step], rule: &str) -> Result<Place, String> {
    let kind = schema::r4().kind(target).ok_or_else(|| format!("R4 has no type {target:?}"))?;
    let stem = steps.first().filter(|step| steps.len() == 1 && kind.element(&step.name).is_none());
    match stem.and_then(|step| kind.stem(&step.name).next()) {
        Some(first) => compile(target, &[path::Step { name: first.name.to_owned(), index: Index::None }], rule),
        None => compile(target, steps, rule),
    }
}

type Followed = (&'static Type, &'static str, bool, Option<&'static schema::CodeList>);

fn follow(kind: &'static Type, name: &str) -> Result<Followed, String> {
    let r4 = schema::r4();
    if let Some(element) = kind.element(name) {
        return Ok((r4.kind_of(element), element.name, element.many, element.codes));
    }
    // `_family` is what stands beside the primitive `family`: an Element with extensions.
    if let Some(element) = kind.elements.iter().find(|element| !name.is_empty() && element.sibling == name) {
        let beside = r4.kind("Element").expect("R4 defines Element");
        return Ok((beside, element.sibling, element.many, None));
    }
    Err(format!("{} has no element {name:?}", kind.name))
}

fn others_of_choice(kind: &'static Type, name: &str) -> Vec<&'static str> {
    let Some(element) = kind.element(name).filter(|element| element.choice) else { return Vec::new() };
    let others = kind.stem(element.stem).filter(|other| other.name != name);
    others.flat_map(|other| [other.name, other.sibling]).filter(|name| !name.is_empty()).collect()
}

/// A constant in the form that the type of its place has.
pub fn constant(leaf: Leaf, text: &str) -> Result<Constant, String> {
    if leaf.codes.is_some_and(|codes| !codes.contains(text)) {
        return Err(format!("{text:?} is not among the codes that R4 requires here"));
    }
    match leaf.kind {
        "boolean" => match text {
            "true" => Ok(Constant::Bool(true)),
            "false" => Ok(Constant::Bool(false)),
            _ => Err(format!("{text:?} is no boolean")),
        },
        "decimal" | "integer" | "positiveInt" | "unsignedInt" => Ok(Constant::Number(text.to_owned())),
        kind if kind.starts_with(|c: char| c.is_ascii_lowercase()) => Ok(Constant::Text(text.to_owned())),
        kind => Err(format!("a constant cannot be a {kind}: name the element within it")),
    }
}
