//! Parsing the tables of `profiles/r4` into a [`Schema`]. Their headers say how they are written.
//!
//! The tables are ours and embedded, so a line that does not parse is a broken build and stops the program at once.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::names::Names;
use super::{Class, CodeList, Element, Schema, Type};
use crate::primitive::Primitive;

const ELEMENTS: &str = include_str!("../../../../profiles/r4/elements.txt");
const CODES: &str = include_str!("../../../../profiles/r4/codes.txt");

static CODE_LISTS: LazyLock<HashMap<&str, CodeList>> = LazyLock::new(|| lines(CODES).map(read_codes).collect());

pub fn r4() -> Schema {
    let heads = lines(ELEMENTS).filter(|line| !line.starts_with(' ')).map(head);
    let by_name: HashMap<&str, usize> = heads.enumerate().map(|(at, (_, name))| (name, at)).collect();
    let mut words = HashSet::with_capacity(4096);
    let mut types: Vec<Type> = Vec::with_capacity(by_name.len());
    for line in lines(ELEMENTS) {
        match (line.strip_prefix("  "), types.last_mut()) {
            (Some(line), Some(owner)) => owner.add(line, &by_name, &mut words),
            _ => types.push(Type::new(line)),
        }
    }
    for kind in &mut types {
        let mut names: Vec<(usize, &str)> = kind.elements.iter().map(|element| element.name).enumerate().collect();
        kind.names = Names::new(&names);
        names.retain(|&(at, _)| at == 0 || kind.elements[at - 1].stem != kind.elements[at].stem);
        names.iter_mut().for_each(|(at, name)| *name = kind.elements[*at].stem);
        kind.stems = Names::new(&names);
    }
    Schema { types, by_name }
}

fn lines(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

pub fn code_list(name: &str) -> Option<&'static CodeList> {
    CODE_LISTS.get(name)
}

fn read_codes(line: &'static str) -> (&'static str, CodeList) {
    let mut columns = line.split('\t');
    let name = columns.next().unwrap_or_default();
    (name, CodeList { name, codes: columns.collect() })
}

fn head(line: &'static str) -> (&'static str, &'static str) {
    line.split_once(' ').expect("a type's line has its class and its name")
}

impl Type {
    fn new(line: &'static str) -> Type {
        let (class, name) = head(line);
        let class = match class {
            "resource" => Class::Resource,
            "abstract" => Class::Abstract,
            "complex" => Class::Complex,
            "backbone" => Class::Backbone,
            "primitive" => Class::Primitive,
            other => panic!("elements.txt: unknown class {other}"),
        };
        Type { name, class, elements: Vec::new(), required: 0, names: Names::new(&[]), stems: Names::new(&[]) }
    }

    fn add(&mut self, line: &'static str, by_name: &HashMap<&str, usize>, words: &mut HashSet<&'static str>) {
        let mut columns = line.split(' ');
        let mut column = || columns.next().expect("an element's line has name, cardinality and types");
        let (name, cardinality, kinds) = (column(), column(), column());
        let (modifier, summary) = columns.fold((false, false), |(m, s), f| (m || f == "?!", s || f == "Σ"));
        let (min, many) = (u8::from(!cardinality.starts_with('0')), cardinality.ends_with('*'));
        let slot = self.elements.last().map_or(0, |last| last.slot + 1);
        assert!(slot < 128, "elements.txt: {} has more elements than a required mask has bits", self.name);
        self.required |= u128::from(min) << slot;
        let choice = name.strip_suffix("[x]");
        for kind in kinds.split(',') {
            let (kind, targets, codes) = qualified(kind);
            let name = choice.map_or(name, |stem| word(words, stem, kind));
            let primitive = Primitive::named(kind);
            let alone = primitive.is_none() || stands_alone(self, name, kind);
            let sibling = if alone { "" } else { word(words, "_", name) };
            let type_index = *by_name.get(kind).unwrap_or_else(|| panic!("elements.txt: unknown type {kind}"));
            let (stem, choice) = (choice.unwrap_or(name), choice.is_some());
            self.elements.push(Element {
                name,
                sibling,
                stem,
                kind,
                primitive,
                min,
                many,
                choice,
                modifier,
                summary,
                codes,
                targets,
                slot,
                type_index,
            });
        }
    }
}

/// A datatype's id and an extension's url are attributes in XML, of the type `System.String`, and narrative is XHTML:
/// they have no id and extensions (R4 §2.24.0, §2.4).
fn stands_alone(owner: &Type, name: &str, kind: &str) -> bool {
    let resource = matches!(owner.class, Class::Resource | Class::Abstract);
    (name == "id" && !resource) || (name == "url" && owner.name == "Extension") || kind == "xhtml"
}

/// `Reference(Patient|Group)` or `code=list` taken apart.
fn qualified(kind: &'static str) -> (&'static str, Box<[&'static str]>, Option<&'static CodeList>) {
    if let Some((kind, targets)) = kind.strip_suffix(')').and_then(|kind| kind.split_once('(')) {
        (kind, targets.split('|').collect(), None)
    } else if let Some((kind, list)) = kind.split_once('=') {
        (kind, Box::default(), CODE_LISTS.get(list))
    } else {
        (kind, Box::default(), None)
    }
}

/// `value` and `string` make `valueString`, `_` and `birthDate` make `_birthDate`: made once, kept for ever.
fn word(words: &mut HashSet<&'static str>, stem: &str, rest: &str) -> &'static str {
    let mut made = String::with_capacity(stem.len() + rest.len());
    made.push_str(stem);
    let mut rest = rest.chars();
    let first = rest.next().expect("a type and an element have a name");
    made.push(if stem == "_" { first } else { first.to_ascii_uppercase() });
    made.push_str(rest.as_str());
    if let Some(known) = words.get(made.as_str()) {
        return known;
    }
    let kept: &'static str = made.leak();
    words.insert(kept);
    kept
}
