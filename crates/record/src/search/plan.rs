//! What is asked of one type, as a plan: where the candidates come from, what the index checks of each, and what only
//! its body tells.
//!
//! The smallest of the conditions leads: its rows of the index are the candidates. The others are looked up for each of
//! them in SQL. What the index does not know (the values of a composite within one element, the words of a code) or what
//! would cost more to look up than to read is decided by the body, as `fhir::search` has it. `Access` is a part of every
//! plan: what it does not reach is no candidate, on whichever end of a chain it stands.

use fhir::search::{Clause, Criterion, Filter, Modifier, Parameter, ParameterClass, ParameterId, Relation, table};
use rusqlite::types::Value;

use super::lead::{self, Chosen, Lead};
use super::linked::{self, Ends, Linked};
use super::moment::Moment;
use super::probe::{self, Entry, Probe};
use super::{broken, text};
use crate::clock;
use crate::compare;
use crate::derived;
use crate::error::ReadError;
use crate::golden;
use crate::hash;
use crate::merged;
use crate::wide;

pub struct Plan<'m> {
    pub moment: &'m Moment<'m>,
    pub kind: i64,
    pub filter: Filter,
    pub lead: Lead,
    /// About how many candidates there are.
    pub size: i64,
    /// The first and the last position at which a match can be.
    pub zone: (i64, i64),
    /// What SQL checks, of `span` as `s`.
    pub checks: Vec<(String, Vec<Value>)>,
    /// What the body decides; without conditions nothing.
    pub rest: Filter,
    /// `_has` where too much refers to look at all of it first.
    pub has: Vec<Linked<'m>>,
    /// Chains whose ends are known, too many to be looked up for each candidate.
    pub refers: Vec<Ends>,
    ranges: Vec<Range>,
}

/// Where in the index the one value of a date parameter begins: of each stretch `p`, from, to.
struct Range {
    parameter: ParameterId,
    stretches: Vec<(i64, i64, i64)>,
    /// How many clauses say so.
    clauses: usize,
}

/// One condition that the index knows of.
pub struct Condition {
    /// Any of these holds, or none where negated.
    pub probes: Vec<Probe>,
    pub negated: bool,
    /// What decides it where the look-ups do not.
    by_body: ByBody,
}

enum ByBody {
    Clause(Clause),
    Relation(Relation),
    Ends(Ends),
    /// It only narrows; something else decides.
    Narrows,
}

/// More look-ups than this in one condition are not said in SQL, which takes seconds to compile a thousand of them: then
/// the body decides.
const LOOK_UPS_MAX: usize = 100;

impl Condition {
    /// Whether the rows of the index are candidates.
    pub fn leads(&self) -> bool {
        !self.negated && self.probes.len() <= LOOK_UPS_MAX
    }
}

impl<'m> Plan<'m> {
    /// None where nothing can match: nothing of the type is there, or it may not be seen.
    pub fn of(moment: &'m Moment<'m>, filter: &Filter) -> Result<Option<Plan<'m>>, ReadError> {
        let Some(draft) = Draft::of(moment, filter)? else { return Ok(None) };
        draft.led().map(Some).map_err(broken)
    }

    /// The same of what one more look-up finds.
    pub fn beside(moment: &'m Moment<'m>, filter: &Filter, probes: Vec<Probe>) -> Result<Option<Plan<'m>>, ReadError> {
        let Some(mut draft) = Draft::of(moment, filter)? else { return Ok(None) };
        draft.conditions.push(Condition { probes, negated: false, by_body: ByBody::Narrows });
        draft.led().map(Some).map_err(broken)
    }

    /// The same where the candidates come in an order of their own, and every condition is checked.
    pub fn without_lead(moment: &'m Moment<'m>, filter: &Filter) -> Result<Option<Plan<'m>>, ReadError> {
        let Some(draft) = Draft::of(moment, filter)? else { return Ok(None) };
        draft.planned(Chosen { lead: Lead::Walk, of: None, size: 0 }).map(Some).map_err(broken)
    }

    /// Where the one value of a date parameter begins, by stretch; empty where nothing says so.
    pub fn ranges(&self, parameter: &Parameter) -> &[(i64, i64, i64)] {
        let range = self.ranges.iter().find(|range| range.parameter == parameter.id);
        range.map_or(&[], |range| &range.stretches)
    }
}

impl<'m> Draft<'m> {
    fn of(moment: &'m Moment<'m>, filter: &Filter) -> Result<Option<Draft<'m>>, ReadError> {
        let Some(kind) = moment.kind(filter.kind).map_err(broken)? else { return Ok(None) };
        let mut draft = Draft {
            moment,
            kind,
            filter: filter.clone(),
            conditions: Vec::new(),
            checks: Vec::new(),
            rest: Filter::of(filter.kind),
            has: Vec::new(),
            refers: Vec::new(),
            ranges: Vec::new(),
            zone: (1, moment.position),
        };
        merged::follow_clauses(moment.db, &mut draft.filter.clauses, moment.position).map_err(broken)?;
        for clause in draft.filter.clauses.clone() {
            draft.clause(clause).map_err(broken)?;
        }
        draft.checks.extend(golden::left_out(moment.db, filter).map_err(broken)?);
        for relation in &filter.relations {
            if !draft.relation(relation)? {
                return Ok(None);
            }
        }
        Ok(Some(draft))
    }
}

struct Draft<'m> {
    moment: &'m Moment<'m>,
    kind: i64,
    /// What is asked, merged resources followed.
    filter: Filter,
    conditions: Vec<Condition>,
    checks: Vec<(String, Vec<Value>)>,
    rest: Filter,
    has: Vec<Linked<'m>>,
    refers: Vec<Ends>,
    ranges: Vec<Range>,
    zone: (i64, i64),
}

impl<'m> Draft<'m> {
    fn clause(&mut self, clause: Clause) -> rusqlite::Result<()> {
        match (clause.parameter.code, clause.parameter.class) {
            ("_lastUpdated", _) => return self.time(&clause),
            ("_id", _) if clause.modifier == Modifier::Missing => {
                if !clause.values.contains(&Criterion::Missing(false)) {
                    self.checks.push(("0".to_owned(), Vec::new()));
                }
                return Ok(());
            }
            _ if probe::is_bodily(&clause) => {
                if clause.modifier == Modifier::Text
                    && let Some(probe) = text::beginnings(self.moment, self.kind, &clause)?
                {
                    self.conditions.push(Condition { probes: vec![probe], negated: false, by_body: ByBody::Narrows });
                }
                self.rest.clauses.push(clause);
                return Ok(());
            }
            (_, ParameterClass::Composite) => {
                self.composite(&clause);
                return Ok(());
            }
            _ => {}
        }
        let missing = clause.modifier == Modifier::Missing;
        if missing
            && clause.values.contains(&Criterion::Missing(true))
            && clause.values.contains(&Criterion::Missing(false))
        {
            return Ok(());
        }
        self.range(&clause);
        let negated = clause.modifier == Modifier::Not || (missing && clause.values[0] == Criterion::Missing(true));
        let probes = probe::of_clause(self.kind, &clause);
        self.conditions.push(Condition { probes, negated, by_body: ByBody::Clause(clause) });
        Ok(())
    }

    /// Times never run backwards along the log, so that most such clauses are a stretch of positions.
    fn time(&mut self, clause: &Clause) -> rusqlite::Result<()> {
        if let Some((first, last)) = clock::positions(self.moment.db, clause, self.moment.position)? {
            self.zone = (self.zone.0.max(first), self.zone.1.min(last));
            return Ok(());
        }
        let mut parts = Vec::new();
        let mut values = Vec::new();
        for criterion in &clause.values {
            match criterion {
                Criterion::Date { prefix, interval } => {
                    let (filter, more) = compare::date(*prefix, *interval, "time", "time + 1000");
                    parts.push(format!("EXISTS (SELECT 1 FROM version WHERE seq = s.seq AND {filter})"));
                    values.extend(more);
                }
                Criterion::Missing(missing) => parts.push(u8::from(!missing).to_string()),
                _ => {}
            }
        }
        self.checks.push((any(&parts), values));
        Ok(())
    }

    /// Each of its parts narrows by the parameter that it is among; the body says whether they meet in one element.
    fn composite(&mut self, clause: &Clause) {
        for (at, parameter) in clause.parameter.parts().into_iter().enumerate() {
            let part = |criterion: &Criterion| match criterion {
                Criterion::Composite(parts) => parts[at].clone(),
                other => other.clone(),
            };
            let part =
                Clause { parameter, modifier: Modifier::Plain, values: clause.values.iter().map(part).collect() };
            let probes = probe::of_clause(self.kind, &part);
            self.conditions.push(Condition { probes, negated: false, by_body: ByBody::Narrows });
        }
        self.rest.clauses.push(clause.clone());
    }

    /// False where nothing can match.
    fn relation(&mut self, relation: &Relation) -> Result<bool, ReadError> {
        let moment = self.moment;
        match relation {
            Relation::Within { kind, id } => self.within(kind, id).map_err(broken)?,
            Relation::Listed { lists } => {
                let ids = linked::items(moment, lists, self.rest.kind)?;
                self.by_ids(&ids, ByBody::Relation(relation.clone()));
            }
            Relation::Chain { parameter, to } => match linked::chain(moment, parameter, to)? {
                Some(ends) => {
                    let hashes: Vec<i64> = ends.hashes.iter().copied().collect();
                    let probes = probe::referring(derived::local(parameter), &hashes);
                    let by_body = if ends.rough {
                        self.rest.relations.push(relation.clone());
                        ByBody::Narrows
                    } else {
                        ByBody::Ends(ends)
                    };
                    self.conditions.push(Condition { probes, negated: false, by_body });
                }
                None => self.rest.relations.push(relation.clone()),
            },
            Relation::Has { parameter, from } => match linked::has(moment, parameter, from, self.rest.kind)? {
                linked::Found::Ids(ids) => self.by_ids(&ids, ByBody::Relation(relation.clone())),
                linked::Found::Many(linked) => self.has.push(*linked),
            },
            Relation::Words(words) => {
                let (sql, values) = text::positions(words);
                self.checks.push((format!("s.seq IN ({sql})"), values));
            }
        }
        Ok(self.conditions.last().is_none_or(|last| last.negated || !last.probes.is_empty()))
    }

    fn by_ids(&mut self, ids: &[String], by_body: ByBody) {
        let probes = if ids.is_empty() { Vec::new() } else { vec![probe::ids(self.kind, ids)] };
        self.conditions.push(Condition { probes, negated: false, by_body });
    }

    /// What refers to the resource by one of the compartment's parameters, or is it.
    fn within(&mut self, kind: &'static str, id: &str) -> rusqlite::Result<()> {
        let mut ids = vec![id.to_owned()];
        ids.extend(merged::same(self.moment.db, kind, id, self.moment.position)?);
        let hashes: Vec<i64> = ids.iter().map(|id| hash::local_hash(kind, id)).collect();
        let by = fhir::compartment::membership(kind, self.rest.kind);
        let local = |id: &ParameterId| table().get(*id).map_or(id.0, derived::local);
        let mut probes: Vec<Probe> = by.iter().flat_map(|id| probe::referring(local(id), &hashes)).collect();
        if kind == self.rest.kind {
            // What is merged into a Patient is shown by its link; the sources of a golden one are the record itself.
            let own = if golden::is_golden(kind, id) { &ids[..] } else { &ids[..1] };
            probes.push(probe::ids(self.kind, own));
        }
        let by_body = ByBody::Relation(Relation::Within { kind, id: id.to_owned() });
        self.conditions.push(Condition { probes, negated: false, by_body });
        Ok(())
    }

    fn led(mut self) -> rusqlite::Result<Plan<'m>> {
        for range in self.ranges.iter().filter(|range| range.clauses > 1) {
            let stretch = |(p, from, to): &(i64, i64, i64)| probe::beginnings(*p, *from, *to);
            let probes = range.stretches.iter().map(stretch).collect();
            self.conditions.push(Condition { probes, negated: false, by_body: ByBody::Narrows });
        }
        let chosen = lead::choose(self.moment, self.kind, &self.conditions, &mut self.zone)?;
        self.planned(chosen)
    }

    fn planned(mut self, chosen: Chosen) -> rusqlite::Result<Plan<'m>> {
        for (at, condition) in std::mem::take(&mut self.conditions).into_iter().enumerate() {
            if chosen.of != Some(at) {
                self.check(condition, chosen.size);
            }
        }
        let Draft { moment, kind, filter, checks, rest, has, refers, ranges, zone, .. } = self;
        let Chosen { lead, size, .. } = chosen;
        Ok(Plan { moment, kind, filter, lead, size, zone, checks, rest, has, refers, ranges })
    }

    /// Of a parameter that has one value, several clauses together are one range.
    fn range(&mut self, clause: &Clause) {
        let (parameter, [Criterion::Date { prefix, interval }]) = (clause.parameter, clause.values.as_slice()) else {
            return;
        };
        if clause.modifier != Modifier::Plain || !parameter.is_single() {
            return;
        }
        let stretch = |(p, width)| {
            let (from, to) = compare::beginnings(*prefix, *interval, width);
            (p, from, to)
        };
        let stretches = wide::dates(parameter.id.0).map(stretch);
        match self.ranges.iter_mut().find(|range| range.parameter == parameter.id) {
            None => self.ranges.push(Range { parameter: parameter.id, stretches: stretches.to_vec(), clauses: 1 }),
            Some(range) => {
                range.clauses += 1;
                for (own, other) in range.stretches.iter_mut().zip(stretches) {
                    *own = (own.0, own.1.max(other.1), own.2.min(other.2));
                }
            }
        }
    }

    /// How a condition that does not lead is decided for each of so many candidates.
    fn check(&mut self, condition: Condition, candidates: i64) {
        let Condition { probes, negated, by_body } = condition;
        let not = if negated { "NOT " } else { "" };
        let mut parts = Vec::new();
        let mut values = Vec::new();
        let ranged = probes.iter().any(|probe| probe.entry == Entry::Ranged);
        if matches!(by_body, ByBody::Narrows) && (ranged || probes.len() > LOOK_UPS_MAX) {
            // Something else decides, and looking this up costs as much.
            return;
        }
        let is_wide = candidates > self.moment.limits.turns.wide;
        for probe in &probes {
            let few = probes.len() <= LOOK_UPS_MAX;
            let looked_up = probe.check().filter(|_| few).or_else(|| probe.scan().filter(|_| few && is_wide));
            let Some((part, more)) = looked_up else {
                match by_body {
                    ByBody::Clause(clause) => self.rest.clauses.push(clause),
                    ByBody::Relation(relation) => self.rest.relations.push(relation),
                    ByBody::Ends(ends) => self.refers.push(ends),
                    ByBody::Narrows => {}
                }
                return;
            };
            parts.push(part);
            values.extend(more);
        }
        self.checks.push((format!("{not}{}", any(&parts)), values));
    }
}

/// Any of them, said so that no expression becomes deeper than a few: SQLite stops at a thousand.
pub fn any(parts: &[String]) -> String {
    match parts {
        [] => "0".to_owned(),
        [one] => format!("({one})"),
        parts => {
            let (left, right) = parts.split_at(parts.len() / 2);
            format!("({} OR {})", any(left), any(right))
        }
    }
}
