//! The plan against the oracle: for random resources and random queries, the SQL finds what `fhir::search::matches_among`
//! says of each current version among the others; in the order that is asked for, page by page while others write, with
//! what is to be included.

use std::collections::{BTreeMap, BTreeSet};

use fhir::Resource;
use fhir::search::{
    self, Context, Direction, Handling, Include, Others, Parameter, ParameterClass, Query, Reference, Sort, Summary,
    Value, matches_among,
};
use record::{Expect, HistoryOf, HistoryQuery, Key, Options, Position, Record, Turns};

use crate::invent::{self, KINDS};
use crate::{Dice, Place, all, commit, delete, put};

const SEEDS: [u64; 4] = [1, 2, 0x5eed, 0xdead_beef_cafe];
const QUERIES: u64 = 1_200;

/// What is there at one moment, newest first.
struct World(Vec<(Position, Resource<'static>)>);

impl World {
    async fn of(record: &Record) -> World {
        let query = HistoryQuery { of: HistoryOf::Everything, before: None, since: None, at: None, limit: 1_000 };
        let page = record.history(&all(), &query).await.unwrap();
        assert!(page.next.is_none(), "the whole log is looked at");
        let mut seen = BTreeSet::new();
        let newest = page.versions.into_iter().filter(|version| seen.insert(version.key.clone()));
        let there = newest.filter_map(|version| {
            let resource = fhir::json::read(version.body.as_deref()?).unwrap().into_owned();
            Some((version.position, resource))
        });
        World(there.collect())
    }

    /// The keys of what a query finds, in the order that it asks for.
    fn find(&self, query: &Query) -> Vec<String> {
        let mut found: Vec<&(Position, Resource)> =
            self.0.iter().filter(|(_, resource)| matches_among(query, resource, self)).collect();
        found.sort_by(|left, right| {
            let by = |rule: &Sort| {
                let keys = (place(rule, left), place(rule, right));
                match keys {
                    (Some(left), Some(right)) if rule.descending => right.compare(&left),
                    (Some(left), Some(right)) => left.compare(&right),
                    (left, right) => right.is_some().cmp(&left.is_some()),
                }
            };
            let order = query.sort.iter().map(by).find(|order| order.is_ne());
            order.unwrap_or_else(|| right.0.cmp(&left.0))
        });
        found.into_iter().map(|(_, resource)| key(resource)).collect()
    }

    /// The keys of what is included with the resources of these keys, by looking at everything again and again.
    fn include(&self, includes: &[Include], matches: &[String], depth: usize) -> BTreeSet<String> {
        let mut included: BTreeSet<String> = BTreeSet::new();
        let mut frontier: BTreeSet<String> = matches.iter().cloned().collect();
        for round in 0..depth {
            let mut next = BTreeSet::new();
            for include in includes.iter().filter(|include| round == 0 || include.iterate) {
                for (_, from) in &self.0 {
                    for (_, to) in self.0.iter().filter(|(_, to)| refers(include, from, to)) {
                        match include.direction {
                            Direction::Forward if frontier.contains(&key(from)) => next.insert(key(to)),
                            Direction::Reverse if frontier.contains(&key(to)) => next.insert(key(from)),
                            _ => false,
                        };
                    }
                }
            }
            next.retain(|key| !matches.contains(key) && !included.contains(key));
            included.extend(next.iter().cloned());
            frontier = next;
        }
        included
    }
}

fn refers(include: &Include, from: &Resource<'_>, to: &Resource<'_>) -> bool {
    if include.source.is_some_and(|source| source != from.kind())
        || include.target.is_some_and(|kind| kind != to.kind())
    {
        return false;
    }
    let own = search::table().parameters(from.kind()).iter().filter(|of| of.class == ParameterClass::Reference);
    let by: Vec<_> = own.filter(|of| include.parameter.is_none_or(|only| only.id == of.id)).map(|of| of.id).collect();
    let mut found = false;
    search::each_of(from, &by, &mut |entry| {
        found |= matches!(entry.value, Value::Reference(Reference::Local { kind, id }) if kind == to.kind() && Some(id) == to.id());
    });
    found
}

fn place(rule: &Sort, (position, resource): &(Position, Resource<'_>)) -> Option<search::SortKey> {
    if rule.parameter.code == "_lastUpdated" {
        return Some(search::SortKey::Time(position.to_string().parse().unwrap()));
    }
    search::sort_key(rule, resource)
}

fn key(resource: &Resource<'_>) -> String {
    Key::new(resource.kind(), resource.id().unwrap()).to_string()
}

impl Others for World {
    fn one(&self, kind: &str, id: &str, see: &mut dyn FnMut(&Resource<'_>)) {
        self.0.iter().map(|(_, of)| of).filter(|of| of.kind() == kind && of.id() == Some(id)).for_each(see);
    }

    fn named(&self, kind: &str, url: &str, see: &mut dyn FnMut(&Resource<'_>)) {
        self.0.iter().map(|(_, of)| of).filter(|of| of.kind() == kind && of.str("url") == Some(url)).for_each(see);
    }

    fn referring(&self, by: &Parameter, kind: &str, id: &str, see: &mut dyn FnMut(&Resource<'_>)) {
        for (_, resource) in self.0.iter().filter(|(_, of)| of.kind() == by.kind) {
            let mut refers = false;
            search::each_of(resource, &[by.id], &mut |entry| {
                refers |= matches!(entry.value, Value::Reference(Reference::Local { kind: k, id: i }) if k == kind && i == id);
            });
            if refers {
                see(resource);
            }
        }
    }
}

/// Every second seed has a store whose plans take the ways of large stores.
fn open(place: &Place, seed: u64) -> Record {
    let mut options = Options::default();
    if seed.is_multiple_of(2) {
        options.search.turns = Turns { linked: 2, led: 6, gathered: 3, wide: 5 };
    }
    Record::open(&place.0, options).unwrap()
}

#[tokio::test]
async fn the_plan_finds_what_the_oracle_says() {
    for seed in SEEDS {
        let place = Place::new();
        let record = open(&place, seed);
        let mut dice = Dice(seed);
        fill(&record, &mut dice, 250).await;
        while record.follow_text(100).await.unwrap() > 0 {}
        let world = World::of(&record).await;
        let mut hits = 0;
        for _ in 0..QUERIES {
            hits += compare(&record, &world, &mut dice, seed).await;
        }
        assert!(hits > QUERIES, "seed {seed}: the queries find too little to prove anything: {hits}");
    }
}

/// Resources, some of them changed, some deleted, index rows of the former ones still there.
async fn fill(record: &Record, dice: &mut Dice, writes: u64) {
    for _ in 0..writes {
        write(record, dice).await;
    }
}

async fn write(record: &Record, dice: &mut Dice) {
    let kind = *dice.pick(&KINDS);
    let id = invent::id(dice);
    let newest = record.read(&all(), &Key::new(kind, id.as_str())).await.unwrap();
    let write = match newest {
        None => put(&invent::resource(dice, kind, &id), Expect::Absent),
        Some(version) if !version.is_deleted() && dice.below(3) == 0 => delete(kind, &id, version.vid),
        Some(version) => put(&invent::resource(dice, kind, &id), Expect::Version(version.vid)),
    };
    commit(record, vec![write]).await;
}

/// A random query with what shapes the answer, read and resolved.
fn ask(dice: &mut Dice, world: &World, seed: u64, conditions: u64, more: &[(&str, String)]) -> (Query, Query, String) {
    let kind = *dice.pick(&KINDS);
    let mut pairs: Vec<(String, String)> = (0..conditions).map(|_| invent::condition(dice, kind, 2)).collect();
    pairs.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    if more.iter().any(|(name, _)| *name == "_sort") {
        pairs.retain(|(name, _)| name != "_sort");
        let rules: Vec<String> = (0..=dice.below(2)).map(|_| invent::sort(dice, kind)).collect();
        pairs.push(("_sort".to_owned(), rules.join(",")));
    }
    let told = format!("seed {seed}, {kind} {pairs:?}");
    let query = match dice.below(12) {
        0 => {
            let id = invent::id(dice);
            let types = [("_type".to_owned(), "Patient,Observation,Encounter,List".to_owned())];
            let shape = pairs.iter().filter(|(name, _)| name.starts_with("_count") || name.starts_with("_total"));
            let pairs: Vec<_> = types.iter().chain(shape).cloned().collect();
            let query = Query::across(Context::default(), &pairs, Handling::Strict);
            query.and_then(|query| query.within("Patient", &id).map_err(|issue| vec![issue]))
        }
        _ => Query::parse(kind, &pairs, Handling::Strict),
    };
    let query = query.unwrap_or_else(|issues| panic!("{told} is not a query: {issues:?}"));
    let mut resolved = query.clone();
    search::resolve(&mut resolved, world).unwrap_or_else(|issue| panic!("{told}: {issue:?}"));
    (query, resolved, told)
}

/// One random query; how many it found.
async fn compare(record: &Record, world: &World, dice: &mut Dice, seed: u64) -> u64 {
    let shape = [("_count", "1000".to_owned()), ("_total", "accurate".to_owned())];
    let conditions = dice.below(3) + 1;
    let (query, resolved, told) = ask(dice, world, seed, conditions, &shape);
    let expected = world.find(&resolved);
    let page = record.search(&all(), &query, None).await.unwrap_or_else(|error| panic!("{told}: {error}"));
    let found: Vec<String> = page.versions.iter().map(|version| version.key.to_string()).collect();
    assert_eq!(found, expected, "{told}");
    let count = Query { summary: Summary::Count, ..query };
    let total = record.search(&all(), &count, None).await.unwrap().total;
    assert_eq!((total, page.total), (Some(expected.len() as u64), Some(expected.len() as u64)), "{told}");
    expected.len() as u64
}

/// A search is walked page by page while others write: it shows what was there when it began, all of it, once, in order.
#[tokio::test]
async fn pages_show_one_moment_in_the_order_asked_for() {
    for seed in SEEDS {
        let place = Place::new();
        let record = open(&place, seed);
        let mut dice = Dice(seed);
        fill(&record, &mut dice, 200).await;
        let (mut pages, mut shown) = (0, 0);
        for _ in 0..150 {
            while record.follow_text(100).await.unwrap() > 0 {}
            let world = World::of(&record).await;
            let count = (dice.below(9) + 1).to_string();
            let mut shape = vec![("_count", count)];
            if dice.below(4) > 0 {
                shape.push(("_sort", String::new()));
            }
            let conditions = dice.below(3);
            let (query, resolved, told) = ask(&mut dice, &world, seed, conditions, &shape);
            let expected = world.find(&resolved);
            let (mut found, mut link) = (Vec::new(), None);
            loop {
                let page = record.search(&all(), &query, link.as_deref()).await;
                let page = page.unwrap_or_else(|error| panic!("{told}: {error}"));
                assert!(page.versions.len() <= query.count as usize, "{told}");
                found.extend(page.versions.iter().map(|version| version.key.to_string()));
                pages += 1;
                link = page.next;
                if link.is_none() {
                    break;
                }
                if dice.below(3) == 0 {
                    write(&record, &mut dice).await;
                }
            }
            assert_eq!(found, expected, "{told}");
            shown += expected.len();
        }
        assert!(pages > 300 && shown > 600, "seed {seed}: {pages} pages of {shown} say too little");
    }
}

#[tokio::test]
async fn what_is_included_is_what_is_referred_to() {
    for seed in SEEDS {
        let place = Place::new();
        let record = open(&place, seed);
        let mut dice = Dice(seed);
        fill(&record, &mut dice, 250).await;
        let world = World::of(&record).await;
        let depth = record::SearchLimits::default().include_depth;
        let mut sizes: BTreeMap<bool, usize> = BTreeMap::new();
        for _ in 0..150 {
            let includes: Vec<(String, String)> = (0..=dice.below(2)).map(|_| invent::include(&mut dice)).collect();
            let kind = *dice.pick(&KINDS);
            let mut pairs = includes.clone();
            pairs.push(("_count".to_owned(), "20".to_owned()));
            let query =
                Query::parse(kind, &pairs, Handling::Strict).unwrap_or_else(|issues| panic!("{pairs:?}: {issues:?}"));
            let page = record.search(&all(), &query, None).await.unwrap();
            let matches: Vec<String> = page.versions.iter().map(|version| version.key.to_string()).collect();
            let included: Vec<String> = page.included.iter().map(|version| version.key.to_string()).collect();
            let expected = world.include(&query.includes, &matches, depth);
            let told = format!("seed {seed}, {kind} {pairs:?}");
            let once: BTreeSet<String> = included.iter().cloned().collect();
            assert_eq!(once.len(), included.len(), "{told}: each once");
            assert_eq!(once, expected, "{told}");
            *sizes.entry(page.warnings.is_empty()).or_default() += included.len();
        }
        assert!(sizes.values().sum::<usize>() > 300, "seed {seed}: {sizes:?} say too little");
    }
}
