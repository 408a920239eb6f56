//! From files to a plan: read, overlay, compile, and say everything that is wrong at once.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::rule::{self, Names};
use super::{MapIndex, Plan, Profile, Target, alone, check, message, place};
use crate::codes::CodeMap;
use crate::profile::{self, Document, MapDocument, MapUse};
use crate::yaml::{self, Fault};

/// How long a chain of `extends` may be.
const EXTENDS_MAX: usize = 16;

/// What is wrong with the profiles, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadFault {
    pub file: String,
    pub line: usize,
    pub text: String,
}

impl fmt::Display for LoadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.text)
    }
}

/// Compiles these files (name and text), in the order of their layers. All faults are found before it gives up.
pub fn load<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> Result<Plan, Vec<LoadFault>> {
    let mut loader = Loader::default();
    for (file, text) in files {
        loader.read(file, text);
    }
    let profiles = loader.overlay();
    let mut plan = loader.compile(&profiles);
    alone::mark(&mut plan);
    if loader.faults.is_empty() { Ok(plan) } else { Err(loader.faults) }
}

#[derive(Default)]
struct Loader {
    profiles: Vec<profile::Profile>,
    maps: Vec<MapDocument>,
    faults: Vec<LoadFault>,
}

impl Loader {
    fn fault(&mut self, file: &str, fault: Fault) {
        self.faults.push(LoadFault { file: file.to_owned(), line: fault.line, text: fault.text });
    }

    fn read(&mut self, file: &str, text: &str) {
        let documents = match yaml::read(text) {
            Ok(documents) => documents,
            Err(fault) => return self.fault(file, fault),
        };
        for yaml in &documents {
            match Document::read(file, yaml) {
                Ok(Document::Profile(profile)) => self.add_profile(*profile),
                Ok(Document::Map(map)) => self.add_map(*map),
                Err(fault) => self.fault(file, fault),
            }
        }
    }

    fn add_profile(&mut self, profile: profile::Profile) {
        if let Some(known) = self.profiles.iter().find(|known| known.name == profile.name) {
            let text = format!("profile {:?} stands in {}:{} too", profile.name, known.file, known.line);
            return self.fault(&profile.file.clone(), Fault::new(profile.line, text));
        }
        self.profiles.push(profile);
    }

    /// A later map of the same name replaces the earlier: a site's list stands for the base's.
    fn add_map(&mut self, map: MapDocument) {
        self.maps.retain(|known| known.name != map.name);
        self.maps.push(map);
    }

    /// Every profile with what it extends worked in.
    fn overlay(&mut self) -> Vec<profile::Profile> {
        let mut complete = Vec::with_capacity(self.profiles.len());
        for at in 0..self.profiles.len() {
            match self.extended(&self.profiles[at], 0) {
                Ok(profile) => complete.push(profile),
                Err(fault) => {
                    let file = self.profiles[at].file.clone();
                    self.fault(&file, fault);
                }
            }
        }
        complete
    }

    fn extended(&self, profile: &profile::Profile, depth: usize) -> Result<profile::Profile, Fault> {
        let Some(base) = &profile.extends else { return Ok(profile.clone()) };
        if depth > EXTENDS_MAX {
            return Err(Fault::new(
                profile.line,
                format!("{:?} extends more than {EXTENDS_MAX} deep: a circle?", profile.name),
            ));
        }
        let found = self
            .profiles
            .iter()
            .find(|known| known.name == *base || known.name == format!("{}/{base}", namespace(&profile.name)));
        let base = found.ok_or_else(|| Fault::new(profile.line, format!("extends {base:?}, which there is not")))?;
        Ok(merge(self.extended(base, depth + 1)?, profile))
    }

    fn compile(&mut self, documents: &[profile::Profile]) -> Plan {
        let mut plan = Plan { maps: self.compile_maps(documents), ..Plan::default() };
        plan.code_systems = plan.maps.iter().position(|map| map.name == "CodeSystem");
        let values: Vec<&profile::Profile> = documents.iter().filter(|document| document.message.is_none()).collect();
        let index: HashMap<&str, usize> =
            values.iter().enumerate().map(|(at, value)| (value.name.as_str(), at)).collect();
        let targets: Vec<Target> = values.iter().map(|value| target(value, &index)).collect();
        for (at, document) in values.iter().enumerate() {
            let resolve = |name: &str| resolve(&index, document, documents, name);
            match compile_profile(document, &targets[at], &targets, &plan.maps, &resolve) {
                Ok(profile) => plan.profiles.push(profile),
                Err(faults) => self.faults.extend(faults),
            }
        }
        for document in documents.iter().filter(|document| document.message.is_some()) {
            let resolve = |name: &str| resolve(&index, document, documents, name);
            match message::compile(document, &resolve) {
                Ok(message) => plan.messages.push(message),
                Err(faults) => faults.into_iter().for_each(|fault| self.fault(&document.file, fault)),
            }
        }
        plan
    }

    /// Named maps first, then those that stand in rules, under the name `profile#rule`.
    fn compile_maps(&mut self, documents: &[profile::Profile]) -> Vec<CodeMap> {
        let mut sources = self.maps.clone();
        for document in documents {
            for rule in &document.rules {
                if let Some(MapUse::Inline(map)) = &rule.map {
                    let name = inline_name(map);
                    if !sources.iter().any(|known| known.name == name) {
                        sources.push(MapDocument { name, file: rule.file.clone(), ..(**map).clone() });
                    }
                }
            }
        }
        let mut maps = Vec::new();
        for map in &sources {
            let whole = extended_map(map, &sources);
            match CodeMap::compile(&whole) {
                Ok(map) => maps.push(map),
                Err(fault) => self.fault(&map.file, fault),
            }
        }
        maps
    }
}

/// An inline map is known by what it says: the same lines in two rules are one map.
fn inline_name(map: &MapDocument) -> String {
    let mut hasher = DefaultHasher::new();
    (&map.extends, &map.from, &map.to, &map.codes, &map.prefer, &map.other, &map.display).hash(&mut hasher);
    format!("#{:016x}", hasher.finish())
}

fn extended_map(map: &MapDocument, sources: &[MapDocument]) -> MapDocument {
    let Some(base) = map
        .extends
        .as_ref()
        .and_then(|name| sources.iter().find(|known| known.name == *name && known.extends.is_none()))
    else {
        return map.clone();
    };
    let mut whole = MapDocument { name: map.name.clone(), file: map.file.clone(), line: map.line, ..base.clone() };
    replace(&mut whole.codes, &map.codes);
    replace(&mut whole.prefer, &map.prefer);
    replace(&mut whole.display, &map.display);
    whole.from = map.from.clone().or(whole.from);
    whole.to = map.to.clone().or(whole.to);
    whole.other = map.other.clone().or(whole.other);
    whole
}

fn replace(base: &mut Vec<(String, String)>, over: &[(String, String)]) {
    base.retain(|(code, _)| !over.iter().any(|(new, _)| new == code));
    base.extend(over.iter().cloned());
}

fn namespace(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(namespace, _)| namespace)
}

/// A name in a rule: whole, or within the namespace of the profile or of what it extends.
fn resolve(
    index: &HashMap<&str, usize>,
    document: &profile::Profile,
    all: &[profile::Profile],
    name: &str,
) -> Option<usize> {
    let mut place = Some(document);
    for _ in 0..EXTENDS_MAX {
        let here = place?;
        if let Some(at) = index.get(format!("{}/{name}", namespace(&here.name)).as_str()) {
            return Some(*at);
        }
        place = here.extends.as_ref().and_then(|base| all.iter().find(|known| known.name == *base));
        if place.is_none() {
            break;
        }
    }
    index.get(name).copied()
}

fn target(document: &profile::Profile, index: &HashMap<&str, usize>) -> Target {
    if !document.first.is_empty() {
        let name = |name: &String| {
            index.get(name.as_str()).or_else(|| index.get(format!("{}/{name}", namespace(&document.name)).as_str()))
        };
        return Target::First(document.first.iter().filter_map(name).copied().collect());
    }
    match fhir::schema::r4().kind(&document.target) {
        Some(kind) if kind.class == fhir::schema::Class::Resource => Target::Resource(kind.name),
        Some(kind) => Target::Part(kind.name),
        None => Target::Part(""),
    }
}

fn compile_profile(
    document: &profile::Profile,
    target: &Target,
    targets: &[Target],
    maps: &[CodeMap],
    resolve: &dyn Fn(&str) -> Option<usize>,
) -> Result<Profile, Vec<LoadFault>> {
    let mut faults = Vec::new();
    let mut fault = |file: &str, line, text: String| faults.push(LoadFault { file: file.to_owned(), line, text });
    let kind = match target {
        Target::Resource(kind) | Target::Part(kind) => *kind,
        Target::First(_) => "Element",
    };
    if kind.is_empty() {
        fault(
            &document.file,
            document.line,
            format!("profile {:?}: R4 has no type {:?}", document.name, document.target),
        );
        return Err(faults);
    }
    let find_map = |use_: &MapUse| find_map(maps, use_);
    let map_targets = |at: usize| maps[at].targets().map(str::to_owned).collect();
    let names = Names { profiles: resolve, maps: &find_map, targets, map_targets: &map_targets };
    let (mut rules, mut unless) = (Vec::new(), Vec::new());
    for rule in document.rules.iter().filter(|rule| !rule.dropped) {
        match rule::compile(rule, kind, &names) {
            Ok(compiled) => {
                rules.push(compiled);
                unless.push(rule.unless.clone());
            }
            Err(text) => fault(&rule.file, rule.line, format!("rule {:?} of {:?}: {text}", rule.name, document.name)),
        }
    }
    let mut gone = Vec::new();
    for (steps, text) in &document.gone {
        let compiled = place::compile(kind, steps, "gone").and_then(|place| {
            let constant = place::constant(place.leaf, text)?;
            Ok((place, constant))
        });
        match compiled {
            Ok(compiled) => gone.push(compiled),
            Err(text) => fault(&document.file, document.line, format!("`gone` of {:?}: {text}", document.name)),
        }
    }
    if matches!(target, Target::First(list) if list.len() != document.first.len()) {
        fault(
            &document.file,
            document.line,
            format!("`first` of {:?} names a profile that there is not", document.name),
        );
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut profile = assemble(document, target.clone(), kind, rules, gone);
    profile.replaces = document.extends.as_deref().filter(|_| !document.matching.is_empty()).and_then(resolve);
    let at_fault = |line, text| vec![LoadFault { file: document.file.clone(), line, text }];
    profile.tie(&unless).map_err(|text| at_fault(document.line, text))?;
    let Some((a, b)) = check::two_writers(&profile.rules) else { return Ok(profile) };
    let (a, b) = (&profile.rules[a].name, &profile.rules[b].name);
    let line = document.rules.iter().find(|rule| rule.name == *b).map_or(document.line, |rule| rule.line);
    let text = format!(
        "rules {a:?} and {b:?} of {:?} may write one element: part them by `when`, `unless` or `fill`",
        document.name
    );
    Err(at_fault(line, text))
}

fn assemble(
    document: &profile::Profile,
    target: Target,
    kind: &'static str,
    rules: Vec<super::Rule>,
    gone: Vec<(super::Place, super::Constant)>,
) -> Profile {
    let mut hasher = DefaultHasher::new();
    format!("{:?}{:?}", document.rules, document.keys).hash(&mut hasher);
    let same = document
        .same
        .as_deref()
        .and_then(|name| fhir::schema::r4().kind(kind)?.element(name))
        .map(|element| element.name);
    Profile {
        name: document.name.clone(),
        stamp: format!("{}@{:08x}", document.name, hasher.finish() as u32),
        file: document.file.clone(),
        target,
        replaces: None,
        matching: document.matching.iter().map(|(slot, values)| (rule::slot(slot), values.clone())).collect(),
        keys: document.keys.iter().map(message::key).collect(),
        time: document.time.iter().map(rule::slot).collect(),
        rank: document.rank.as_ref().map(|(slot, ranks)| (rule::slot(slot), ranks.clone())),
        gone,
        action: document.action.as_ref().map(|(slot, codes)| (rule::slot(slot), codes.clone())),
        same,
        ignore: document.ignore.iter().map(rule::slot).collect(),
        guards: Vec::new(),
        rules,
        awake: Default::default(),
        wakes: Vec::new(),
        understood: Vec::new(),
        alone: false,
        tests: document.tests.clone(),
    }
}

fn find_map(maps: &[CodeMap], use_: &MapUse) -> Result<MapIndex, String> {
    let name = match use_ {
        MapUse::Named(name) => name.clone(),
        MapUse::Inline(map) => inline_name(map),
    };
    maps.iter().position(|map| map.name == name).ok_or_else(|| format!("no code map {name:?}"))
}

/// What `over` says in place of what `base` says; rules by name, resources and groups by name.
fn merge(mut base: profile::Profile, over: &profile::Profile) -> profile::Profile {
    base.name = over.name.clone();
    base.file = over.file.clone();
    base.line = over.line;
    base.extends = over.extends.clone();
    base.matching = over.matching.clone();
    base.tests = over.tests.clone();
    for rule in &over.rules {
        match base.rules.iter_mut().find(|known| known.name == rule.name) {
            Some(known) if rule.dropped => *known = rule.clone(),
            Some(known) => *known = known.amended_by(rule),
            None => base.rules.push(rule.clone()),
        }
    }
    if !over.keys.is_empty() {
        base.keys = over.keys.clone();
    }
    if !over.time.is_empty() {
        base.time = over.time.clone();
    }
    if !over.gone.is_empty() {
        base.gone = over.gone.clone();
    }
    if !over.target.is_empty() {
        base.target = over.target.clone();
    }
    base.rank = over.rank.clone().or(base.rank);
    base.action = over.action.clone().or(base.action);
    base.same = over.same.clone().or(base.same);
    base.ignore.extend(over.ignore.iter().cloned());
    base.message = merge_message(base.message, over.message.as_ref());
    base
}

fn merge_message(base: Option<profile::Message>, over: Option<&profile::Message>) -> Option<profile::Message> {
    let (Some(mut base), Some(over)) = (base.clone(), over) else { return base.or_else(|| over.cloned()) };
    if !over.messages.is_empty() {
        base.messages = over.messages.clone();
    }
    for group in &over.groups {
        match base.groups.iter_mut().find(|known| known.name == group.name) {
            Some(known) => *known = group.clone(),
            None => base.groups.push(group.clone()),
        }
    }
    for resource in &over.resources {
        match base.resources.iter_mut().find(|known| known.name == resource.name) {
            Some(known) => *known = resource.clone(),
            None => base.resources.push(resource.clone()),
        }
    }
    base.merges.extend(over.merges.iter().cloned());
    Some(base)
}
