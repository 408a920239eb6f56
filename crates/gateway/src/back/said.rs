//! Which elements of the Bundle have been said, by the address of their node: the tree stays as it is while it is read.

use std::collections::HashSet;

use fhir::Node;

#[derive(Debug, Default)]
pub struct Said {
    nodes: HashSet<usize>,
    log: Vec<usize>,
    /// How often anything was said, again or for the first time.
    hits: usize,
}

#[derive(Debug, Clone, Copy)]
pub struct Mark {
    log: usize,
    hits: usize,
}

impl Said {
    pub fn mark(&self) -> Mark {
        Mark { log: self.log.len(), hits: self.hits }
    }

    pub fn back_to(&mut self, mark: Mark) {
        for node in self.log.drain(mark.log..) {
            self.nodes.remove(&node);
        }
        self.hits = mark.hits;
    }

    pub fn hits_since(&self, mark: Mark) -> usize {
        self.hits - mark.hits
    }

    /// How many elements were said for the first time since.
    pub fn new_since(&self, mark: Mark) -> usize {
        self.log.len() - mark.log
    }

    /// Notes that a node and all that is below it has been said.
    pub fn note(&mut self, node: &Node<'_>) {
        match node {
            Node::Object(object) => object.fields.iter().for_each(|(_, below)| self.note(below)),
            Node::List(items) => items.iter().for_each(|item| self.note(item)),
            leaf => {
                self.hits += 1;
                if self.nodes.insert(address(leaf)) {
                    self.log.push(address(leaf));
                }
            }
        }
    }

    pub fn has(&self, leaf: &Node<'_>) -> bool {
        self.nodes.contains(&address(leaf))
    }

    /// Notes in `original` what was said of `copy`, a tree of the same names.
    pub fn note_as(&mut self, copied: &Said, copy: &Node<'_>, original: &Node<'_>) {
        match (copy, original) {
            (Node::Object(copy), Node::Object(original)) => {
                for (name, below) in &original.fields {
                    copy.get(name).into_iter().for_each(|copy| self.note_as(copied, copy, below));
                }
            }
            (Node::List(copies), Node::List(originals)) => {
                copies.iter().zip(originals).for_each(|(copy, original)| self.note_as(copied, copy, original));
            }
            (copy, original) if copied.has(copy) => self.note(original),
            _ => {}
        }
    }
}

pub fn address(node: &Node<'_>) -> usize {
    std::ptr::from_ref(node).addr()
}
