//! What was made of a value in this message before. A panel names the same device, unit and laboratory in every OBX;
//! a profile that reads nothing but the value is run for the first of them.

use fhir::Node;

use super::residue::Marks;
use super::view::{Depth, View};
use crate::plan::Convert;

/// Values remembered of one message; those beyond are made anew each time.
const REMEMBERED_MAX: usize = 64;

#[derive(Default)]
pub struct Memo<'a> {
    made: Vec<Made<'a>>,
}

struct Made<'a> {
    convert: &'a Convert,
    view: View<'a>,
    /// What is only shown makes resources that are only shown.
    transient: bool,
    node: Option<Node<'a>>,
    /// What of the value was read: of its equal it is then read too.
    marks: Marks,
}

impl<'a> Memo<'a> {
    pub fn find(&self, convert: &Convert, view: View<'a>, transient: bool) -> Option<(Option<Node<'a>>, &Marks)> {
        let same = |made: &&Made<'_>| {
            made.view.is_like(view)
                && made.transient == transient
                && (std::ptr::eq(made.convert, convert) || made.convert == convert)
        };
        self.made.iter().find(same).map(|made| (made.node.clone(), &made.marks))
    }

    pub fn remember(
        &mut self,
        (convert, view, transient): (&'a Convert, View<'a>, bool),
        node: Option<Node<'a>>,
        marks: Marks,
    ) {
        if self.made.len() < REMEMBERED_MAX && view.depth != Depth::Segment {
            self.made.push(Made { convert, view, transient, node, marks });
        }
    }

    /// Something else was said of a resource that was made: what is said last counts, so it must be said again.
    pub fn forget(&mut self) {
        self.made.clear();
    }
}
