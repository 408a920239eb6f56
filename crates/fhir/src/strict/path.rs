//! Where the reader is, as a FHIRPath: `Patient.name[0].given[1]`.

use std::fmt::{self, Display, Formatter};

#[derive(Default)]
pub struct Path {
    parts: Vec<Part>,
}

enum Part {
    Name(&'static str),
    Index(usize),
}

impl Path {
    pub fn enter(&mut self, name: &'static str) {
        self.parts.push(Part::Name(name));
    }

    pub fn enter_item(&mut self, index: usize) {
        self.parts.push(Part::Index(index));
    }

    pub fn leave(&mut self) {
        self.parts.pop();
    }

    /// Which item of a list it is in; 0 where it is in none.
    pub fn last_index(&self) -> usize {
        match self.parts.last() {
            Some(Part::Index(index)) => *index,
            _ => 0,
        }
    }

    /// The path of an element right under this place.
    pub fn of(&self, name: &str) -> String {
        format!("{self}.{name}")
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        for (at, part) in self.parts.iter().enumerate() {
            match part {
                Part::Name(name) if at == 0 => f.write_str(name)?,
                Part::Name(name) => write!(f, ".{name}")?,
                Part::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// The steps of a written path behind its type: names, and the item where one is named.
pub fn steps(path: &str) -> impl Iterator<Item = (&str, Option<usize>)> {
    path.split('.').skip(1).map(|step| match step.strip_suffix(']').and_then(|step| step.split_once('[')) {
        Some((name, item)) => (name, item.parse().ok()),
        None => (step, None),
    })
}

/// Whether what is written as `key` is a step's element: by its name, the name of its extensions, or for a choice
/// (`value`) one of its names (`valueQuantity`).
pub fn is_named(key: &str, name: &str) -> bool {
    let key = key.strip_prefix('_').unwrap_or(key);
    let name = name.strip_prefix('_').unwrap_or(name);
    key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_uppercase()))
}
