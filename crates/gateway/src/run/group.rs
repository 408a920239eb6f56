//! Which segments of a message belong together.
//!
//! Real interfaces leave groups out, send them out of order and put unknown segments among them, so no grammar is
//! matched: a segment goes to the deepest open group that opens with it or holds it, and one that no group names stays
//! with the deepest open group. Nothing is lost by grouping.

use hl7v2::{Message, SegmentId};

use crate::plan::Group;

/// How many groups of groups a profile may have: the chain from a group up to the message.
const DEPTH_MAX: usize = 8;

/// The groups of one message. Instance 0 is the message itself.
#[derive(Debug)]
pub struct Grouping {
    instances: Vec<Instance>,
    /// The instance of each segment.
    of: Vec<u32>,
    /// The next segment of the same instance.
    next: Vec<u32>,
    ids: Vec<SegmentId>,
}

#[derive(Debug, Clone, Copy)]
struct Instance {
    group: usize,
    parent: u32,
    first: u32,
    last: u32,
}

const NONE: u32 = u32::MAX;

impl Grouping {
    pub fn of(message: &Message<'_>, groups: &[Group]) -> Grouping {
        let count = message.segment_count();
        let mut grouping = Grouping {
            instances: vec![Instance { group: 0, parent: NONE, first: NONE, last: NONE }],
            of: Vec::with_capacity(count),
            next: vec![NONE; count],
            ids: message.segments().map(|segment| segment.segment_id()).collect(),
        };
        let mut open = 0;
        for segment in 0..count as u32 {
            open = grouping.place(segment, open, groups);
        }
        grouping
    }

    /// Puts a segment where it belongs, and answers the deepest open group after it.
    fn place(&mut self, segment: u32, open: u32, groups: &[Group]) -> u32 {
        let id = self.ids[segment as usize];
        let mut at = open;
        loop {
            let group = self.instances[at as usize].group;
            let joins = groups[group].holds.contains(&id) || self.completes(at, id, &groups[group].opens);
            if joins {
                return self.add(segment, at);
            }
            let child =
                (1..groups.len()).find(|child| groups[*child].within == group && groups[*child].opens.contains(&id));
            if let Some(child) = child {
                self.instances.push(Instance { group: child, parent: at, first: NONE, last: NONE });
                return self.add(segment, self.instances.len() as u32 - 1);
            }
            if at == 0 {
                break;
            }
            at = self.instances[at as usize].parent;
        }
        // A group that is not open where its parent never came (an OBX without OBR) opens within the message.
        let orphan = (1..groups.len()).find(|group| groups[*group].opens.contains(&id));
        match orphan {
            Some(group) => {
                self.instances.push(Instance { group, parent: open, first: NONE, last: NONE });
                self.add(segment, self.instances.len() as u32 - 1)
            }
            None => self.add(segment, open),
        }
    }

    /// ORC and OBR open an order, in this sequence: the OBR after an ORC is its own; a second OBR, or an ORC after an
    /// OBR, opens another.
    fn completes(&self, instance: u32, id: SegmentId, opens: &[SegmentId]) -> bool {
        let Some(at) = opens.iter().position(|known| *known == id) else { return false };
        !opens[at..].iter().any(|later| self.has(instance, *later))
    }

    fn has(&self, instance: u32, id: SegmentId) -> bool {
        self.segments_in(instance).any(|segment| self.ids[segment as usize] == id)
    }

    fn add(&mut self, segment: u32, instance: u32) -> u32 {
        self.of.push(instance);
        let known = &mut self.instances[instance as usize];
        match known.last {
            NONE => known.first = segment,
            last => self.next[last as usize] = segment,
        }
        known.last = segment;
        instance
    }

    pub fn id(&self, segment: u32) -> SegmentId {
        self.ids[segment as usize]
    }

    pub fn instance_of(&self, segment: u32) -> u32 {
        self.of[segment as usize]
    }

    pub fn segments_in(&self, instance: u32) -> impl Iterator<Item = u32> + '_ {
        let first = self.instances[instance as usize].first;
        std::iter::successors((first != NONE).then_some(first), |at| {
            Some(self.next[*at as usize]).filter(|next| *next != NONE)
        })
    }

    /// This instance and those that enclose it, the message last.
    pub fn enclosing(&self, instance: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(Some(instance), |at| {
            Some(self.instances[*at as usize].parent).filter(|parent| *parent != NONE)
        })
        .take(DEPTH_MAX)
    }

    /// The group that an instance is one of.
    pub fn group(&self, instance: u32) -> usize {
        self.instances[instance as usize].group
    }

    pub fn is_within(&self, instance: u32, outer: u32) -> bool {
        self.enclosing(instance).any(|at| at == outer)
    }

    /// The nearest segment of this id: in the instance, else in those that enclose it.
    pub fn find(&self, instance: u32, id: SegmentId) -> Option<u32> {
        self.enclosing(instance).find_map(|at| self.segments_in(at).find(|segment| self.ids[*segment as usize] == id))
    }

    /// All segments of this id in this very instance: an order's comment is not repeated under each result.
    pub fn find_all(&self, instance: u32, id: SegmentId) -> impl Iterator<Item = u32> + '_ {
        self.segments_in(instance).filter(move |segment| self.ids[*segment as usize] == id)
    }

    /// Whether such a segment stands in the instance or below it.
    pub fn has_below(&self, instance: u32, id: SegmentId) -> bool {
        (0..self.ids.len()).any(|at| self.ids[at] == id && self.is_within(self.of[at], instance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups() -> Vec<Group> {
        let id = |name: &str| SegmentId::new(name).expect("a segment");
        let group = |name: &str, opens: &[&str], within, holds: &[&str]| Group {
            name: name.to_owned(),
            opens: opens.iter().map(|name| id(name)).collect(),
            within,
            holds: holds.iter().map(|name| id(name)).collect(),
        };
        vec![
            Group { name: "message".into(), ..Group::default() },
            group("PATIENT", &["PID"], 0, &["PV1"]),
            group("ORDER", &["ORC", "OBR"], 1, &[]),
            group("OBSERVATION", &["OBX"], 2, &[]),
        ]
    }

    /// The group of each segment, by name and instance, in message order.
    fn said(segments: &str) -> String {
        let text = format!("MSH|^~\\&|||||||ORU^R01|1|P|2.5\r{}\r", segments.replace(' ', "|\r"));
        let parsed = hl7v2::Message::parse(text.as_bytes(), &hl7v2::Options::default()).expect("a message");
        let grouping = Grouping::of(&parsed.message, &groups());
        grouping.of.iter().map(|instance| instance.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn segments_find_their_groups() {
        for (segments, expected) in [
            ("PID PV1 ORC OBR OBX NTE OBX", "0 1 1 2 2 3 3 4"),
            ("PID OBR OBX OBR OBX", "0 1 2 3 4 5"),
            ("PID ORC OBR ORC OBR", "0 1 2 2 3 3"),
            ("PID OBR OBX ORC OBR", "0 1 2 3 4 4"),
            ("PID OBR OBX PV1 OBX", "0 1 2 3 1 4"),
            ("PID OBX", "0 1 2"),
            ("PID OBR OBX PID OBR OBX", "0 1 2 3 4 5 6"),
            ("ZZZ PID ZPI OBR ZOB OBX", "0 0 1 1 2 2 3"),
        ] {
            assert_eq!(said(segments), expected, "{segments}");
        }
    }
}
