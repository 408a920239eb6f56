//! A parameter's name and value to a condition: of the resource itself, or along a chain or `_has`
//! (R4 §3.1.1.4.14, §3.1.1.4.15).
//!
//! An issue names the parameter by `http.` and its name, as R4 §2.23 asks, and never repeats a value: a value may be a
//! patient's name.

use std::cell::Cell;

use super::{Clause, Context, Filter, Modifier, Relation, Words, values};
use crate::reference::is_id;
use crate::search::{Found, Parameter, ParameterClass, Registry, normalise, resource_name};
use crate::{Issue, IssueType};

/// A chain that names no types leads to every type that its parameters may refer to. More ways than this are too many.
const WAYS_MAX: usize = 512;

/// Fault and place of one pair.
pub enum Refusal {
    /// Nothing can be done with it, however lenient the client is.
    Always(Issue),
    /// Left out with a warning where the client asked for lenient handling.
    Unknown(Issue),
}

/// What a parameter asks.
pub enum Condition {
    Own(Clause),
    Around(Relation),
}

/// One `name=value` while it is read.
pub struct Pair<'p> {
    pub context: Context<'p>,
    pub place: &'p str,
    pub value: &'p str,
    ways: Cell<usize>,
}

impl Filter {
    pub(super) fn add(&mut self, condition: Condition) {
        match condition {
            Condition::Own(clause) => self.clauses.push(clause),
            Condition::Around(relation) => self.relations.push(relation),
        }
    }
}

impl<'p> Pair<'p> {
    pub fn new(context: Context<'p>, place: &'p str, value: &'p str) -> Pair<'p> {
        Pair { context, place, value, ways: Cell::new(0) }
    }

    /// What the pair asks of resources of `kind`.
    pub fn condition(&self, kind: &'static str, name: &str) -> Result<Condition, Refusal> {
        self.follow(kind, name, 0)
    }

    /// `links` lie behind.
    fn follow(&self, kind: &'static str, name: &str, links: usize) -> Result<Condition, Refusal> {
        self.ways.set(self.ways.get() + 1);
        if self.ways.get() > WAYS_MAX {
            let text = format!("leads more than {WAYS_MAX} ways: name the types, as in subject:Patient.name");
            return Err(self.always(IssueType::TooCostly, text));
        }
        let linked = name.starts_with("_has:") || name.contains('.');
        if linked && links == self.context.limits.links {
            let text = format!("has more than {links} links: ask in several searches");
            return Err(self.always(IssueType::TooCostly, text));
        }
        if let Some(rest) = name.strip_prefix("_has:") {
            return self.has(kind, rest, links);
        }
        if let Some((first, rest)) = name.split_once('.') {
            return self.chain(kind, first, rest, links);
        }
        let (code, modifier) = match name.split_once(':') {
            Some((code, modifier)) => (code, Some(modifier)),
            None => (name, None),
        };
        match (code, modifier) {
            ("_list", None) => self.listed(),
            ("_text" | "_content", None) => self.words(code == "_text"),
            ("_list" | "_text" | "_content", Some(_)) => {
                Err(self.always(IssueType::NotSupported, format!("{code} takes no modifier")))
            }
            ("_has", _) => Err(self.always(IssueType::Invalid, HAS_FORM)),
            _ => self.own(kind, code, modifier),
        }
    }

    fn chain(&self, kind: &'static str, first: &str, rest: &str, links: usize) -> Result<Condition, Refusal> {
        let (code, modifier) = match first.split_once(':') {
            Some((code, modifier)) => (code, Some(modifier)),
            None => (first, None),
        };
        let parameter = self.find(kind, code)?;
        if parameter.class != ParameterClass::Reference {
            let text = format!("{code} is no reference, so that nothing can be chained to it");
            return Err(self.always(IssueType::NotSupported, text));
        }
        let kinds: Vec<&'static str> = match self.modifier(parameter, modifier)? {
            Modifier::Plain => parameter.targets().collect(),
            Modifier::Type(kind) => vec![kind],
            _ => {
                let text = format!("{code} in a chain takes no modifier but a type, as in subject:Patient.name");
                return Err(self.always(IssueType::NotSupported, text));
            }
        };
        let (mut to, mut refusals) = (Vec::new(), Vec::new());
        for kind in &kinds {
            match self.follow(kind, rest, links + 1) {
                Ok(condition) => {
                    let mut filter = Filter::of(kind);
                    filter.add(condition);
                    to.push(filter);
                }
                Err(Refusal::Always(issue)) if issue.code == IssueType::TooCostly => {
                    return Err(Refusal::Always(issue));
                }
                Err(refusal) => refusals.push(refusal),
            }
        }
        match (to.is_empty(), refusals.pop()) {
            (false, _) => Ok(Condition::Around(Relation::Chain { parameter, to })),
            (true, Some(refusal)) if kinds.len() == 1 => Err(refusal),
            // What none of them knows may be left out; what one of them knows and cannot read may not.
            (true, Some(Refusal::Always(issue))) => Err(Refusal::Always(issue)),
            (true, _) => {
                Err(self.unknown(format!("none of the types that {code} refers to has such a search parameter")))
            }
        }
    }

    fn has(&self, kind: &'static str, rest: &str, links: usize) -> Result<Condition, Refusal> {
        let mut parts = rest.splitn(3, ':');
        let (Some(source), Some(code), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(self.always(IssueType::Invalid, HAS_FORM));
        };
        let Some(source) = resource_name(source) else {
            return Err(self.always(IssueType::NotSupported, "_has names no resource type of R4"));
        };
        let parameter = self.find(source, code)?;
        let refers = parameter.class == ParameterClass::Reference
            && (parameter.targets().next().is_none() || parameter.targets().any(|target| target == kind));
        if !refers {
            return Err(self.always(IssueType::NotSupported, format!("{source} {code} never refers to a {kind}")));
        }
        let mut from = Filter::of(source);
        from.add(self.follow(source, name, links + 1)?);
        Ok(Condition::Around(Relation::Has { parameter, from }))
    }

    /// Ids of Lists, with commas.
    fn listed(&self) -> Result<Condition, Refusal> {
        let lists: Vec<String> = self.value.split(',').map(str::to_owned).collect();
        if lists.iter().any(|id| id.starts_with('$')) {
            return Err(
                self.always(IssueType::NotSupported, "functional lists such as $current-problems are not served")
            );
        }
        if !lists.iter().all(|id| is_id(id)) {
            return Err(self.always(IssueType::Invalid, "_list must be ids of Lists, with commas"));
        }
        self.few_enough("_list", lists.len())?;
        Ok(Condition::Around(Relation::Listed { lists }))
    }

    /// Words that must all be there; `"…"` for words in that order; `OR` between alternatives; commas too, as ever.
    fn words(&self, narrative: bool) -> Result<Condition, Refusal> {
        let name = if narrative { "_text" } else { "_content" };
        let mut any_of = Vec::new();
        for value in values::split(self.value, b',') {
            any_of.extend(alternatives(&values::unescape(value)));
        }
        if any_of.iter().any(Vec::is_empty) {
            return Err(self.always(IssueType::Invalid, format!("{name} has an alternative without words")));
        }
        self.few_enough(name, any_of.iter().map(Vec::len).sum())?;
        Ok(Condition::Around(Relation::Words(Words { narrative, any_of })))
    }

    fn own(&self, kind: &'static str, code: &str, modifier: Option<&str>) -> Result<Condition, Refusal> {
        let parameter = self.find(kind, code)?;
        let modifier = self.modifier(parameter, modifier)?;
        if self.value.is_empty() {
            return Err(Refusal::Unknown(self.issue(IssueType::Invalid, format!("{code} has no value"))));
        }
        let parts = values::split(self.value, b',');
        self.few_enough(code, parts.len())?;
        let read = |part: &&str| values::criteria(parameter, modifier, part);
        let values = parts.iter().map(read).collect::<Result<Vec<_>, _>>();
        let values = values.map_err(|fault| match fault {
            values::Fault::Form(text) => self.always(IssueType::Invalid, format!("{code} {text}")),
            values::Fault::Unanswerable(text) => self.always(IssueType::NotSupported, format!("{code} {text}")),
        })?;
        Ok(Condition::Own(Clause { parameter, modifier: modifier.lowered(), values: values.concat() }))
    }

    fn find(&self, kind: &'static str, code: &str) -> Result<&'static Parameter, Refusal> {
        let parameter = match self.context.registry.look(kind, code) {
            Found::Known(parameter) => parameter,
            Found::OnItsWay => {
                let text = format!("{code} is still being indexed: ask again when GET $reindex says that it is ready");
                return Err(self.unknown(text));
            }
            Found::Unknown => {
                let near = nearest(self.context.registry, kind, code).join(", ");
                return Err(self.unknown(format!("{kind} has no such search parameter; nearest are {near}")));
            }
        };
        if !parameter.is_served() {
            return Err(self.unknown(format!("{code} is a special parameter that is not served")));
        }
        Ok(parameter)
    }

    /// A modifier changes the meaning, so that one which is not understood is refused however lenient the client is
    /// (R4 §3.1.1.4.4).
    fn modifier(&self, parameter: &Parameter, text: Option<&str>) -> Result<Modifier, Refusal> {
        let refuse = |text: String| Err(self.always(IssueType::NotSupported, text));
        let Some(text) = text else { return Ok(Modifier::Plain) };
        let Some(modifier) = Modifier::read(text) else {
            return refuse(format!("{} has a modifier that R4 does not know", parameter.code));
        };
        if !modifier.fits(parameter.class) {
            return refuse(format!("{} cannot take the modifier :{text}: it is of another kind", parameter.code));
        }
        if let Modifier::Type(kind) = modifier
            && parameter.targets().next().is_some()
            && !parameter.targets().any(|target| target == kind)
        {
            return refuse(format!("{} never refers to a {kind}", parameter.code));
        }
        Ok(modifier)
    }

    fn few_enough(&self, code: &str, count: usize) -> Result<(), Refusal> {
        let most = self.context.limits.values;
        if count <= most {
            return Ok(());
        }
        Err(self.always(IssueType::TooCostly, format!("{code} has more than {most} values: ask for less at once")))
    }

    fn always(&self, code: IssueType, text: impl Into<String>) -> Refusal {
        Refusal::Always(self.issue(code, text))
    }

    fn unknown(&self, text: impl Into<String>) -> Refusal {
        Refusal::Unknown(self.issue(IssueType::NotSupported, text))
    }

    fn issue(&self, code: IssueType, text: impl Into<String>) -> Issue {
        Issue::error(code, self.place, text)
    }
}

const HAS_FORM: &str = "_has must be _has:Type:reference:parameter";

/// `a "b c" OR d` as two alternatives: `a` and `"b c"`, or `d`.
fn alternatives(text: &str) -> Vec<Vec<String>> {
    let mut any_of = vec![Vec::new()];
    for (at, part) in text.split('"').enumerate() {
        let quoted = at % 2 == 1;
        let phrases: Vec<&str> = if quoted { vec![part] } else { part.split_whitespace().collect() };
        for phrase in phrases {
            if phrase == "OR" && !quoted {
                any_of.push(Vec::new());
                continue;
            }
            let phrase = normalise(phrase);
            if phrase.chars().any(char::is_alphanumeric) {
                any_of.last_mut().expect("there is one from the start").push(phrase.into_owned());
            }
        }
    }
    any_of
}

/// The three names of the type's parameters that are the fewest letters away.
fn nearest(registry: &Registry, kind: &str, code: &str) -> Vec<&'static str> {
    let code = &code.as_bytes()[..code.len().min(64)];
    let known = registry.parameters(kind).filter(|parameter| parameter.is_served());
    let mut near: Vec<(usize, &'static str)> =
        known.map(|parameter| (distance(code, parameter.code.as_bytes()), parameter.code)).collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, code)| code).collect()
}

/// How many letters must be added, left out or changed (Levenshtein).
fn distance(left: &[u8], right: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, l) in left.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, r) in right.iter().enumerate() {
            let change = diagonal + usize::from(l != r);
            diagonal = row[column + 1];
            row[column + 1] = change.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}
