//! A model from registrations alone, without anybody saying who is who: expectation and maximisation.
//!
//! Strangers are learned from pairs drawn at random. The other classes are learned from the candidates, each pair counting for
//! each class as much as it is likely to be of it. The model that was there before is the prior: it counts as some
//! hundred pairs, so that a class of which a site has few keeps its shape, and the classes keep their meaning.

mod begin;

pub use begin::begin;

use std::collections::HashMap;

use crate::batch::{self, Registrations};
use crate::compare::{self, FIELDS, Field, LEVELS_MAX, Levels};
use crate::engine::Engine;
use crate::model::{CLASSES, Chances, Class, Model, Shares, Table};

/// Candidates that are learned from; of more a part is drawn.
pub const PAIRS_MAX: usize = 400_000;
/// Pairs drawn at random for the strangers.
const STRANGERS: usize = 1_000_000;
const ROUNDS: usize = 30;
/// Of the pairs that live together so many are twins, and so many namesakes, at most.
const TWINS_MAX: f64 = 0.06;
const NAMESAKES_MAX: f64 = 0.04;
/// As how often what was never seen between strangers counts.
const UNSEEN: f64 = 0.3;
/// As how many pairs the prior counts for each field of each class.
const PRIOR_PAIRS: f64 = 60.0;
/// The same for the given names of twins, namesakes and household.
const PRIOR_GIVEN: f64 = 3_000.0;
/// No level is rarer than this within a household: real ones are more various than any sample.
const HOUSEHOLD_MIN: f64 = 2e-4;
const SAME_MIN: f64 = 5e-5;
/// One person's given names have nothing in common no more often than this; else the class would take whom no other will have.
const SAME_DIFFERENT_MAX: f64 = 0.02;

/// A kind of pair: its levels and how usual its names are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Pattern {
    levels: Levels,
    /// In half bits.
    given: Option<u8>,
    family: Option<u8>,
}

/// Learns a model from registrations, which are in the order of their ids. `prior` is where it begins.
pub fn learn(registrations: &Registrations, prior: &Model, version: &str, source: &str) -> Model {
    let mut model = prior.clone();
    (model.version, model.source) = (version.to_owned(), source.to_owned());
    let all = registrations.all();
    model.given = Shares::count(all.iter().map(|of| of.name().given.as_str()));
    model.family = Shares::count(all.iter().map(|of| of.name().family.as_str()));
    let engine = Engine::new(model.clone(), all.len());
    learn_strangers(&engine, registrations, &mut model.table);
    let (patterns, part) = patterns(&engine, registrations);
    let strangers = all.len() as f64 / 2.0;
    for _ in 0..ROUNDS {
        round(&mut model, prior, &patterns, strangers, all.len() as f64 * part);
    }
    model
}

/// How often each level is seen between strangers.
fn learn_strangers(engine: &Engine, registrations: &Registrations, table: &mut Table) {
    let all = registrations.all();
    let (mut counts, mut seen) = ([[0u32; LEVELS_MAX]; FIELDS], [0u32; FIELDS]);
    let mut draw = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (draw >> 33) as usize % all.len()
    };
    for _ in 0..STRANGERS.min(all.len().saturating_mul(200)) {
        let (one, other) = (next(), next());
        let comparison = engine.compare(&all[one], &all[other]);
        // Two of one person or household were drawn by chance; in a small file that is not seldom.
        if one == other || comparison.weight > 0.0 || comparison.household < -1.0 {
            continue;
        }
        let levels = comparison.levels;
        for field in 0..FIELDS {
            counts[field][usize::from(levels[field])] += 1;
            seen[field] += u32::from(levels[field] != 0 || field == Field::Suffix as usize);
        }
    }
    let strangers = &mut table[Class::Stranger as usize];
    for field in Field::ALL {
        let (counts, seen, row) = (&counts[field as usize], seen[field as usize], &mut strangers[field as usize]);
        if seen < 1000 {
            continue;
        }
        for level in first(field)..field.levels().len() {
            // Seen only where the names agree, which drawn strangers' do not: it stays as it was.
            if (field, level) == (Field::Email, usize::from(compare::email::MADE)) {
                continue;
            }
            // What was never seen is taken from the prior, as seldom as it may be.
            let (count, before) = (f64::from(counts[level]), row[level]);
            let learned = (count + before * 100.0) / (f64::from(seen) + 100.0);
            row[level] = learned.max(UNSEEN / f64::from(seen));
        }
    }
}

fn first(field: Field) -> usize {
    usize::from(field != Field::Suffix)
}

/// The candidates as patterns with their numbers, in order; and which part of all candidates they are.
fn patterns(engine: &Engine, registrations: &Registrations) -> (Vec<(Pattern, f64)>, f64) {
    let (pairs, part) = batch::sample(engine, registrations, PAIRS_MAX);
    let mut counts: HashMap<Pattern, f64> = HashMap::new();
    let all = registrations.all();
    let usual = |name: &str| engine.model.given.is_usual(name);
    let bucket = |share: Option<f32>| share.map(|share| (-share.log2() * 2.0).clamp(0.0, 254.0) as u8);
    for (one, other) in pairs {
        let agreement = compare::compare(&all[one], &all[other], &usual);
        let chances = engine.model.chances(&all[one], &agreement);
        let pattern =
            Pattern { levels: agreement.levels, given: bucket(chances.given), family: bucket(chances.family) };
        *counts.entry(pattern).or_default() += 1.0;
    }
    let mut sorted: Vec<(Pattern, f64)> = counts.into_iter().collect();
    sorted.sort_by_key(|(pattern, _)| *pattern);
    (sorted, part)
}

/// One round: how likely each pattern is of each class, then what each class looks like. `registrations` is the number
/// of which the patterns are all candidates, `strangers` the pairs of strangers for each registration.
fn round(model: &mut Model, prior: &Model, patterns: &[(Pattern, f64)], strangers: f64, registrations: f64) {
    let mut counts = [[[0.0; LEVELS_MAX]; FIELDS]; CLASSES];
    let mut totals = [0.0; CLASSES];
    for (pattern, count) in patterns {
        let share = |bucket: Option<u8>| bucket.map(|bucket| (-(f32::from(bucket) + 0.5) / 2.0).exp2());
        let chances = Chances { given: share(pattern.given), family: share(pattern.family) };
        let mut likely = Class::ALL.map(|class| {
            let mut p = if class == Class::Stranger { strangers } else { model.pairs[class as usize] };
            for field in Field::ALL {
                p *= model.probability(class, field, pattern.levels[field as usize], chances);
            }
            p
        });
        let sum = likely.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        for class in 0..CLASSES {
            likely[class] *= count / sum;
            totals[class] += likely[class];
            for field in 0..FIELDS {
                counts[class][field][usize::from(pattern.levels[field])] += likely[class];
            }
        }
    }
    for class in Class::ALL.into_iter().take(CLASSES - 1) {
        let of = class as usize;
        model.pairs[of] = ((totals[of] + prior.pairs[of] * 20.0) / (registrations + 20.0)).max(1e-6);
        for field in Field::ALL {
            adopt(&mut model.table[of][field as usize], &counts[of][field as usize], prior, class, field);
        }
    }
    // Twins and namesakes live together, and are few of those who do.
    let household = model.pairs[Class::Household as usize];
    for (class, part) in [(Class::Twin, TWINS_MAX), (Class::Namesake, NAMESAKES_MAX)] {
        let pairs = &mut model.pairs[class as usize];
        *pairs = pairs.min(household * part);
    }
    if model.has_households() {
        let given = &mut model.table[Class::Same as usize][Field::Given as usize];
        let different = &mut given[usize::from(compare::given::DIFFERENT)];
        *different = different.min(SAME_DIFFERENT_MAX);
    }
}

fn adopt(row: &mut [f64; LEVELS_MAX], counts: &[f64; LEVELS_MAX], prior: &Model, class: Class, field: Field) {
    let before = &prior.table[class as usize][field as usize];
    let strength = match field {
        _ if class == Class::Same => PRIOR_PAIRS,
        // What makes a class what it is does not move; else twins would become whatever is left over.
        Field::Birth | Field::Contact => return,
        Field::Given if class == Class::Namesake => return,
        Field::Given | Field::Suffix => PRIOR_GIVEN,
        _ => PRIOR_PAIRS,
    };
    let levels = first(field)..field.levels().len();
    let (seen, all): (f64, f64) =
        (levels.clone().map(|level| counts[level]).sum(), levels.clone().map(|level| before[level]).sum());
    let min = if class == Class::Same { SAME_MIN } else { HOUSEHOLD_MIN };
    for level in levels {
        let learned = (counts[level] + strength * before[level] / all) / (seen + strength);
        // What the prior holds to be all but impossible in a class stays so.
        row[level] = learned.max(min.min(before[level]));
    }
}
