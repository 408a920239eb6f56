//! The compiled plan: everything that a translation needs, resolved and checked once, at load.
//!
//! Names have become indices, FHIR paths have become steps with static names and known types, code maps are hashed.
//! A plan is immutable; a reload compiles a new one and swaps it whole.

mod alone;
mod check;
mod live;
mod load;
mod message;
mod place;
mod rule;

use crate::codes::CodeMap;
use crate::path::Index;
pub use crate::profile::{Direction, Guard, How, Test};
use hl7v2::SegmentId;

pub use live::{FIELDS_MAX, RULES_MAX, RuleSet, Wakes};
pub use load::{LoadFault, load};

#[derive(Debug, Default)]
pub struct Plan {
    pub profiles: Vec<Profile>,
    pub maps: Vec<CodeMap>,
    pub messages: Vec<Message>,
    /// The map `CodeSystem`, for the built-in conversion of that name.
    pub code_systems: Option<usize>,
}

pub type ProfileIndex = usize;
pub type MapIndex = usize;

#[derive(Debug)]
pub struct Profile {
    pub name: String,
    /// Name and hash of what was compiled: stamped on what it produces.
    pub stamp: String,
    pub file: String,
    pub target: Target,
    /// For an overlay: the profile that it stands for where `matching` holds.
    pub replaces: Option<ProfileIndex>,
    pub matching: Vec<(Slot, Vec<String>)>,
    pub keys: Vec<Key>,
    pub time: Vec<Slot>,
    pub rank: Option<(Slot, Vec<(String, u8)>)>,
    pub gone: Vec<(Place, Constant)>,
    /// Where a segment says what is to be done with what it names; a list with such codes is no snapshot.
    pub action: Option<(Slot, Vec<String>)>,
    pub same: Option<&'static str>,
    pub ignore: Vec<Slot>,
    /// The different guards of its rules.
    pub guards: Vec<(Slot, Guard)>,
    pub rules: Vec<Rule>,
    /// Rules that may always have something to do, and those that wait for a field.
    pub awake: RuleSet,
    pub wakes: Vec<Wakes>,
    /// What its keys by parts, its time and its rank read: understood, so no residue.
    pub understood: Vec<Slot>,
    /// Whether it makes of a value the same wherever that stands, see `alone`.
    pub alone: bool,
    pub tests: Vec<Test>,
}

#[derive(Debug, Clone)]
pub enum Target {
    /// A resource of this type: it has a key, and is referred to.
    Resource(&'static str),
    /// A datatype or a part of a resource.
    Part(&'static str),
    /// The first of these that can be made.
    First(Vec<ProfileIndex>),
}

#[derive(Debug)]
pub struct Rule {
    pub name: String,
    pub source: Source,
    pub guards: Vec<(Slot, Guard)>,
    /// The same guards by their numbers in the profile.
    pub guard_numbers: Vec<u16>,
    /// Rules that must have written nothing.
    pub unless: Vec<usize>,
    pub place: Place,
    pub convert: Convert,
    /// Constants for what the produced item leaves out.
    pub fallback: Vec<(Place, Constant)>,
    pub op: Op,
    pub direction: Direction,
}

#[derive(Debug)]
pub enum Source {
    /// The first of these that is valued.
    Slots(Vec<Slot>),
    Constant(Constant),
    /// A resource of the message by its name there, or all of them below.
    Reference {
        name: String,
        all: bool,
    },
    /// Nothing is read: the element is removed, or a history goes on without a place.
    None,
}

/// A compiled [`crate::path::Slot`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// `number` is the segment's among those that the profile reads; `u8::MAX` where it has none.
    Field {
        segment: SegmentId,
        number: u8,
        all_segments: bool,
        field: u16,
        repetition: crate::path::Repetition,
        component: u8,
        subcomponent: u8,
    },
    Segment {
        segment: SegmentId,
        all: bool,
    },
    Part {
        part: u8,
        below: u8,
        deeper: u8,
        all: bool,
    },
    Slice {
        first: u8,
        last: u8,
    },
    Whole,
    Event,
    MessageCode,
    SourceName,
}

/// Where in the target a rule writes.
#[derive(Debug, Clone)]
pub struct Place {
    pub steps: Vec<Step>,
    /// How many of the steps lead to what is written as one: up to the first list, or all.
    pub head: usize,
    /// The names of those steps.
    pub path: Vec<&'static str>,
    /// Other names of the same choice: writing this one removes them.
    pub displaces: Vec<&'static str>,
    /// Rules that build one list item together have one owner; otherwise it is the rule's name.
    pub owner: String,
    /// Whether other owners write the same list.
    pub shared: bool,
    /// Whether each value makes an item of its own.
    pub each: bool,
    /// What stands at the end of the steps.
    pub leaf: Leaf,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub name: &'static str,
    pub many: bool,
    pub index: Index,
}

/// The type at the end of a path, and the codes that may stand there.
#[derive(Clone, Copy)]
pub struct Leaf {
    pub kind: &'static str,
    pub codes: Option<&'static fhir::schema::CodeList>,
}

impl std::fmt::Debug for Leaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind)
    }
}

/// How a value becomes what its place holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Convert {
    /// By the type of the element.
    Plain,
    /// A code by a map.
    Mapped(MapIndex),
    /// By a datatype profile, with the codes in it mapped if a map is given.
    Part(ProfileIndex, Option<MapIndex>),
    /// A resource of its own, and a reference to it.
    Resource(ProfileIndex),
    BuiltIn(BuiltIn),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltIn {
    /// HD or a name: the uri of who assigned an identifier.
    Authority,
    /// A coding system's name: its uri.
    CodeSystem,
    /// All values, joined by line ends.
    Lines,
    /// Everything that a composite says, parts joined by blanks.
    Text,
    /// Base64 with white space and escapes dropped, and checked.
    Base64,
    /// Text, encoded.
    Base64OfText,
    /// Hexadecimal, encoded.
    Base64OfHex,
    /// XTN.5 to XTN.8 as one number.
    Phone,
    /// `3.5-5.3`, `<5`: low and high of a reference range.
    Low,
    High,
    /// Backwards: low and high as one text.
    Bounds,
    /// `<5`, `>=7.0`: the comparator, and the number.
    Comparator,
    Number,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Set,
    Fill,
    Clear,
    Keep,
    Journal(fhir::apply::Journal),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Constant {
    Text(String),
    Number(String),
    Bool(bool),
}

#[derive(Debug)]
pub enum Key {
    Person(Slot),
    Id { id: Slot, authority: Option<Slot>, only_if: Option<String> },
    Parts { parts: Vec<Vec<Slot>>, within: String, word: String, occurrence: bool, only_if: Option<String> },
    Content { only_if: Option<String> },
}

#[derive(Debug)]
pub struct Message {
    pub name: String,
    pub matching: Vec<(Slot, Vec<String>)>,
    pub messages: Vec<String>,
    pub groups: Vec<Group>,
    pub resources: Vec<ResourceUse>,
    pub merges: Vec<Merge>,
    pub ignore: Vec<Slot>,
    pub tests: Vec<Test>,
    pub file: String,
}

/// What opens a group, where it stands, and what it holds. Group 0 is the message.
#[derive(Debug, Default)]
pub struct Group {
    pub name: String,
    pub opens: Vec<SegmentId>,
    pub within: usize,
    pub holds: Vec<SegmentId>,
}

#[derive(Debug)]
pub struct ResourceUse {
    pub name: String,
    pub profile: ProfileIndex,
    pub each: SegmentId,
    pub stub: bool,
    pub transient: bool,
    /// The resource (an index into `resources`) in whose scope the list is complete.
    pub snapshot: Option<usize>,
    pub guards: Vec<(Slot, Guard)>,
    pub join: Vec<(Slot, Guard)>,
    /// Of each group whether its segments may stand in it or below it.
    pub held_by: Vec<bool>,
}

#[derive(Debug)]
pub struct Merge {
    pub of: usize,
    pub each: SegmentId,
    pub prior: Key,
    pub how: How,
    pub guards: Vec<(Slot, Guard)>,
}

impl Rule {
    pub fn is_constant(&self) -> bool {
        matches!(self.source, Source::Constant(_))
    }

    /// Whether it says something of the message, and not only a constant or a reference.
    pub fn is_substantial(&self) -> bool {
        !matches!(self.source, Source::Constant(_) | Source::Reference { .. })
    }
}

impl Slot {
    /// A component (or subcomponent, or field) of the value at hand.
    pub const fn part(part: u8) -> Slot {
        Slot::Part { part, below: 0, deeper: 0, all: false }
    }
}
