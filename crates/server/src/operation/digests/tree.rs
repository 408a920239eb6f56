//! The tree itself: resources by type and by the hash of their id. Sums are made when they are asked for: a million of them are added
//! in some milliseconds, and nothing has to be kept right but the leaves.

use std::collections::BTreeMap;
use std::fmt;

use fhir::search::{resource_name, table};
use record::{Key, Position};

use super::place;

/// A subtree with no more is given resource by resource.
const LEAVES_MAX: usize = 48;
/// Digits of a 64 bit hash.
const DIGITS_MAX: usize = 16;

#[derive(Default)]
pub struct Tree {
    /// By the type's number and the hash of the id.
    leaves: BTreeMap<(u16, u64), Leaf>,
    /// How far of the log is in it.
    pub position: Position,
}

/// A resource: the first half of its digest, and the position before its newest version's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    sum: u128,
    pub after: Position,
}

/// A type, and the first digits of the hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    kind: u16,
    digits: String,
}

/// Count and sum of a subtree, the sum in hexadecimal digits.
pub type Sum = (u64, String);

pub enum Answer {
    Subtrees(Vec<(String, Sum)>),
    Leaves(Vec<Leaf>),
}

impl Tree {
    /// Takes the newest version of a resource; without a digest it is not there any more.
    pub fn put(&mut self, key: &Key, digest: Option<[u8; 32]>, after: Position) {
        let Some(kind) = number(&key.kind) else { return };
        let at = (kind, place(key));
        match digest {
            None => drop(self.leaves.remove(&at)),
            Some(digest) => {
                let sum = u128::from_be_bytes(digest[..16].try_into().expect("a SHA-256 has 32 bytes"));
                self.leaves.insert(at, Leaf { sum, after });
            }
        }
    }

    /// The types that there are.
    pub fn types(&self) -> Vec<(String, Sum)> {
        let mut types = Vec::new();
        for (kind, name) in (0..).zip(table().kinds()) {
            let sum = sum(self.leaves.range((kind, 0)..=(kind, u64::MAX)).map(|(_, leaf)| leaf));
            if sum.0 > 0 {
                types.push((name.to_owned(), sum));
            }
        }
        types
    }

    /// What is below: resources where they are few, else the subtrees by their next digit.
    pub fn below(&self, prefix: &Prefix) -> Answer {
        let (low, high) = prefix.range();
        let all = || self.leaves.range((prefix.kind, low)..=(prefix.kind, high));
        if prefix.digits.len() == DIGITS_MAX || all().nth(LEAVES_MAX).is_none() {
            return Answer::Leaves(all().map(|(_, leaf)| *leaf).collect());
        }
        let mut subtrees = Vec::new();
        for digit in "0123456789abcdef".chars() {
            let below = Prefix { kind: prefix.kind, digits: format!("{}{digit}", prefix.digits) };
            let (low, high) = below.range();
            let sum = sum(self.leaves.range((prefix.kind, low)..=(prefix.kind, high)).map(|(_, leaf)| leaf));
            if sum.0 > 0 {
                subtrees.push((digit.to_string(), sum));
            }
        }
        Answer::Subtrees(subtrees)
    }
}

impl Leaf {
    pub fn digest(&self) -> String {
        format!("{:032x}", self.sum)
    }
}

fn sum<'l>(leaves: impl Iterator<Item = &'l Leaf>) -> Sum {
    let (count, sum) = leaves.fold((0, 0u128), |(count, sum), leaf| (count + 1, sum.wrapping_add(leaf.sum)));
    (count, format!("{sum:032x}"))
}

/// The place of a type among those of R4.
fn number(kind: &str) -> Option<u16> {
    table().kinds().position(|name| name == kind).and_then(|at| u16::try_from(at).ok())
}

impl Prefix {
    /// `Patient/`, `Patient/3f`.
    pub fn read(text: &str) -> Option<Prefix> {
        let (kind, digits) = text.split_once('/')?;
        let is_digit = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        let fits = digits.len() <= DIGITS_MAX && digits.bytes().all(is_digit);
        fits.then_some(Prefix { kind: number(resource_name(kind)?)?, digits: digits.to_owned() })
    }

    /// The hashes that begin so, first and last.
    fn range(&self) -> (u64, u64) {
        if self.digits.is_empty() {
            return (0, u64::MAX);
        }
        let shift = 4 * (DIGITS_MAX - self.digits.len());
        let low = u64::from_str_radix(&self.digits, 16).unwrap_or(0) << shift;
        (low, low | ((1u64 << shift) - 1))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = table().kinds().nth(usize::from(self.kind)).unwrap_or_default();
        write!(out, "{kind}/{}", self.digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const KINDS: [&str; 2] = ["Observation", "Patient"];
    /// A prefix, a sum of 32 digits, a count and what JSON puts around them.
    const SUBTREE_BYTES: usize = 60;
    /// An id of a UUID's length, a digest and what JSON puts around them.
    const LEAF_BYTES: usize = 80;

    fn digest_of(number: u64, version: u64) -> Option<[u8; 32]> {
        use sha2::{Digest, Sha256};
        Some(Sha256::digest(format!("{number} {version}")).into())
    }

    fn store(resources: u64) -> Tree {
        let mut tree = Tree::default();
        for number in 0..resources {
            tree.put(&key(number), digest_of(number, 1), Position::START);
        }
        tree
    }

    fn key(number: u64) -> Key {
        Key::new(KINDS[usize::from(number.is_multiple_of(5))], format!("resource-{number}"))
    }

    /// What two stores find by asking each other: the places that differ, questions, and bytes.
    fn differences(one: &Tree, other: &Tree) -> (BTreeSet<(String, u128)>, usize, usize) {
        let (mut trips, mut bytes) = (1, 2 * SUBTREE_BYTES * KINDS.len());
        let differing = |one: Vec<(String, Sum)>, other: Vec<(String, Sum)>| -> Vec<String> {
            let (one, other): (BTreeSet<_>, BTreeSet<_>) = (one.into_iter().collect(), other.into_iter().collect());
            let names: BTreeSet<String> = one.symmetric_difference(&other).map(|(name, _)| name.clone()).collect();
            names.into_iter().collect()
        };
        let mut open: Vec<Prefix> =
            differing(one.types(), other.types()).iter().filter_map(|kind| Prefix::read(&format!("{kind}/"))).collect();
        let mut found = BTreeSet::new();
        while !open.is_empty() {
            trips += open.len().div_ceil(64);
            let mut next = Vec::new();
            for prefix in open {
                match (one.below(&prefix), other.below(&prefix)) {
                    (Answer::Subtrees(one), Answer::Subtrees(other)) => {
                        bytes += SUBTREE_BYTES * (one.len() + other.len());
                        let below = differing(one, other).into_iter();
                        next.extend(below.filter_map(|digit| Prefix::read(&format!("{prefix}{digit}"))));
                    }
                    // Where one of them has few, both are asked for theirs.
                    (one, other) => {
                        let leaves = |answer: Answer| match answer {
                            Answer::Leaves(leaves) => leaves.into_iter().map(|leaf| leaf.sum).collect(),
                            Answer::Subtrees(_) => BTreeSet::new(),
                        };
                        let (one, other): (BTreeSet<u128>, BTreeSet<u128>) = (leaves(one), leaves(other));
                        bytes += LEAF_BYTES * (one.len() + other.len());
                        found.extend(one.symmetric_difference(&other).map(|sum| (prefix.to_string(), *sum)));
                    }
                }
            }
            open = next;
        }
        (found, trips, bytes)
    }

    #[test]
    fn ten_differences_among_many_are_found_in_few_questions() {
        for resources in [0, 40, 100_000] {
            let (one, mut other) = (store(resources), store(resources));
            assert_eq!(differences(&one, &other), (BTreeSet::new(), 1, 2 * SUBTREE_BYTES * KINDS.len()));
            let changed: Vec<u64> = (0..10).map(|number| number * resources / 10).collect();
            for number in &changed[..8] {
                other.put(&key(*number), digest_of(*number, 2), Position::START);
            }
            other.put(&key(changed[8]), None, Position::START);
            other.put(&key(resources + 1), digest_of(resources + 1, 1), Position::START);
            let (found, trips, bytes) = differences(&one, &other);
            let expected = if resources == 0 { 1 } else { 8 * 2 + 1 + 1 };
            assert_eq!(found.len(), expected, "{resources}");
            assert!(trips <= 8 && bytes < 1 << 20, "{resources}: {trips} questions, {bytes} bytes");
        }
    }

    #[test]
    fn a_prefix_is_what_it_says() {
        for (text, range) in [
            ("Patient/", Some((0, u64::MAX))),
            ("Patient/0", Some((0, u64::MAX >> 4))),
            ("Patient/ff", Some((0xff << 56, u64::MAX))),
            ("Patient/0123456789abcdef", Some((0x0123_4567_89ab_cdef, 0x0123_4567_89ab_cdef))),
            ("Patient/0123456789abcdef0", None),
            ("Patient/G", None),
            ("Patient/F", None),
            ("Nothing/", None),
            ("Patient", None),
        ] {
            let prefix = Prefix::read(text);
            assert_eq!(prefix.as_ref().map(Prefix::range), range, "{text}");
            assert!(prefix.is_none_or(|prefix| prefix.to_string() == text));
        }
    }
}
