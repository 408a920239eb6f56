//! Guards backwards: an equality is produced, everything else is checked against what has been or will be written.

use fhir::Node;
use fhir::schema::{self, Type};

use super::place::{is_within, nodes};
use super::rules::{At, Back, Run};
use super::survey::Ref;
use crate::plan::{BuiltIn, Convert, Direction, Guard, Slot, Source as From};
use crate::run::text_holds;

/// What another rule of the profile will write to a place, as far as that is known now.
enum Foreseen {
    Nothing,
    Text(String),
    Something,
}

impl<'b> Back<'b> {
    /// Guards on the event, the message code and the receiver's name, which are known from the start.
    pub(super) fn event_holds(&self, guards: &[(Slot, Guard)]) -> bool {
        guards.iter().all(|(slot, guard)| self.named(slot).is_none_or(|text| text_holds(guard, text)))
    }

    pub(super) fn named(&self, slot: &Slot) -> Option<&str> {
        match slot {
            Slot::Event => Some(&self.event),
            Slot::MessageCode => Some(&self.code),
            Slot::SourceName => Some(&self.source.name),
            _ => None,
        }
    }

    /// Whether all guards of a rule hold after it has written, with equalities made true where nothing stands yet.
    pub(super) fn guards(&mut self, guards: &[(Slot, Guard)], of: Option<(&Run<'b, '_>, usize)>, at: At) -> bool {
        guards.iter().all(|(slot, guard)| match slot {
            Slot::Segment { segment, .. } => self.page.has_below(at.instance, *segment) == (*guard == Guard::Valued),
            _ if self.named(slot).is_some() => self.event_holds(&[(slot.clone(), guard.clone())]),
            _ => self.guard(slot, guard, of, at),
        })
    }

    fn guard(&mut self, slot: &Slot, guard: &Guard, of: Option<(&Run<'b, '_>, usize)>, at: At) -> bool {
        let written = self.look(slot, at).filter(|spot| self.page.is_valued(*spot));
        let foreseen = match (written, of) {
            (None, Some((run, number))) => self.foresee(run, number, slot),
            _ => Foreseen::Nothing,
        };
        match (guard, written, foreseen) {
            (Guard::Valued, written, foreseen) => written.is_some() || !matches!(foreseen, Foreseen::Nothing),
            (Guard::Empty, written, foreseen) => written.is_none() && matches!(foreseen, Foreseen::Nothing),
            (Guard::Null, ..) => false,
            (Guard::OneOf(codes), None, Foreseen::Nothing) => {
                // A constant that several codes have does not tell which of them it was.
                let told = codes.len() == 1 || !of.is_some_and(|(run, number)| run.profile.rules[number].is_constant());
                !self.frozen && told && self.produce(slot, &codes[0], at)
            }
            (Guard::OneOf(_), None, Foreseen::Something) => false,
            (Guard::NoneOf(_), None, Foreseen::Something) => true,
            (guard, None, Foreseen::Text(text)) => text_holds(guard, &text),
            (guard, None, _) => text_holds(guard, ""),
            (Guard::OneOf(_) | Guard::NoneOf(_), Some(spot), _) => {
                text_holds(guard, self.page.text(spot).unwrap_or_default())
            }
            (guard, Some(spot), _) => text_holds(guard, &self.page.whole(spot)),
        }
    }

    fn produce(&mut self, slot: &Slot, code: &str, at: At) -> bool {
        let Some(spot) = self.open(slot, at) else { return false };
        self.page.write(spot, code.to_owned());
        true
    }

    /// A rule further down that has something for the same place. One that yields to this rule does not count.
    fn foresee(&mut self, run: &Run<'b, '_>, number: usize, slot: &Slot) -> Foreseen {
        for rule in run.profile.rules.iter().skip(number + 1) {
            let From::Slots(slots) = &rule.source else { continue };
            let comes =
                rule.direction != Direction::ToFhir && is_within(&slots[0], slot) && !rule.unless.contains(&number);
            if !comes || !self.event_holds(&rule.guards) || rule.unless.iter().any(|other| run.wrote[*other]) {
                continue;
            }
            let found = nodes(run.object, &rule.place.steps, false);
            let Some(first) = found.first() else { continue };
            return match rule.convert {
                Convert::Plain | Convert::Mapped(_) | Convert::BuiltIn(BuiltIn::CodeSystem) if slots[0] == *slot => {
                    match self.text_of(rule, first.node) {
                        Some(text) => Foreseen::Text(text),
                        None => Foreseen::Nothing,
                    }
                }
                _ => Foreseen::Something,
            };
        }
        Foreseen::Nothing
    }

    /// Whether each modifier element of an object has been said: without it the rest would mean something else.
    pub(super) fn modifiers_said(&mut self, kind: &str, object: &fhir::Object<'_>) -> bool {
        let Some(kind) = schema::r4().kind(kind) else { return true };
        let unsaid = object.fields.iter().find(|(name, node)| is_modifier(kind, name) && !self.is_meant(node));
        if let Some((name, _)) = unsaid {
            self.unsaid = Some(format!("{}.{name}", kind.name));
        }
        unsaid.is_none()
    }

    /// Words beside a code change nothing.
    fn is_meant(&self, node: &Node<'_>) -> bool {
        match node {
            Node::List(items) => items.iter().all(|item| self.is_meant(item)),
            Node::Object(object) if object.get("coding").is_some() => {
                let codings = object.items("coding").iter().filter_map(Node::as_object);
                codings.filter_map(|coding| coding.get("code")).all(|code| self.said.has(code))
            }
            Node::Object(object) => object.fields.iter().all(|(_, below)| self.is_meant(below)),
            Node::Null => true,
            leaf => self.said.has(leaf),
        }
    }

    /// Whether a reference comes out as it is when the message is read here.
    pub(super) fn refers(&mut self, to: Ref, run: &mut Run<'b, '_>) -> bool {
        if let Some(survey) = &mut self.survey {
            let known = to.target.is_some();
            survey.refs.push(to);
            return known;
        }
        let Some(target) = to.target else { return false };
        let At { instance, segment, .. } = run.at;
        let id = self.page.segments[segment].id;
        let here = !to.all && self.spec.resources.iter().any(|use_| use_.name == to.name && use_.each == id);
        let stands = match (here, to.all) {
            (true, _) => self.sits(&to.name, target, segment),
            (false, true) => self.sits_below(&to.name, target, instance),
            (false, false) => self.nearest(&to.name, instance) == Some(target),
        };
        // A segment that is one item (DG1 as a diagnosis) is the item of the resource that sits on it, or of none.
        run.broken |= here && !stands && run.at.view.is_some();
        self.agreed += usize::from(stands);
        stands
    }
}

fn is_modifier(kind: &Type, name: &str) -> bool {
    kind.element(name).is_some_and(|element| element.modifier)
}
