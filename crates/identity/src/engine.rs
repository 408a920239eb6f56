//! The engine: keys, comparison, decision. Pure: it holds a model and thresholds, and nothing of any patient.

use serde::{Deserialize, Serialize};

use crate::compare::{self, FIELDS, Field, Levels};
use crate::key::{self, Secret};
use crate::model::{CLASSES, Class, Model};
use crate::registration::Registration;
use crate::veto::{self, Veto};

/// What a site may set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// Bits of weight (log2 of the odds) from which two registrations are linked.
    pub link: f64,
    /// Bits from which a person is asked.
    pub review: f64,
    /// Bits by which a link must beat a rival that cannot be the same person.
    pub margin: f64,
    /// Bits below which two registrations of one cluster contradict each other.
    pub contradiction: f64,
    /// Blocks with more members are not used.
    pub block_max: usize,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds { link: 4.0, review: 1.8, margin: 0.0, contradiction: -3.0, block_max: 500 }
    }
}

/// Model, thresholds, and how many registrations there are.
#[derive(Clone)]
pub struct Engine {
    pub model: Model,
    pub thresholds: Thresholds,
    /// How many registrations there are to be mistaken for: the more, the more telling must an agreement be.
    pub registrations: usize,
    pub secret: Secret,
}

/// How two registrations compare.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    pub levels: Levels,
    /// log2 of the odds that it is one person.
    pub weight: f64,
    /// The same as a probability.
    pub probability: f64,
    /// Bits of each field, against strangers.
    pub fields: [f32; FIELDS],
    /// Bits before anything is compared: how seldom two registrations are one person's.
    pub prior: f32,
    /// Bits that go, because somebody of the household would agree as well.
    pub household: f32,
    /// Why it is not for a machine to link them.
    pub veto: Option<Veto>,
}

/// What follows from a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    Link,
    /// A person is asked.
    Possible,
    None,
}

/// A reason in words, with its weight in bits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    pub field: &'static str,
    pub says: &'static str,
    pub bits: f32,
}

impl Engine {
    pub fn new(model: Model, registrations: usize) -> Engine {
        Engine { model, thresholds: Thresholds::default(), registrations, secret: Secret::default() }
    }

    /// The block keys of a registration, at most [`key::KEYS_MAX`].
    pub fn keys(&self, of: &Registration) -> Vec<u64> {
        key::keys(of, self.secret)
    }

    pub fn compare(&self, one: &Registration, other: &Registration) -> Comparison {
        let usual = |name: &str| self.model.given.is_usual(name);
        let agreement = compare::compare(one, other, &usual);
        let chances = self.model.chances(one, &agreement);
        let mut classes = self.model.pairs;
        classes[Class::Stranger as usize] = self.registrations.max(2) as f64 / 2.0;
        let prior = classes[Class::Same as usize] / classes[Class::Stranger as usize];
        let mut fields = [0.0; FIELDS];
        for (field, bits) in Field::ALL.into_iter().zip(&mut fields) {
            let level = agreement.levels[field as usize];
            let of = Class::ALL.map(|class| self.model.probability(class, field, level, chances));
            *bits = (of[Class::Same as usize] / of[Class::Stranger as usize]).log2() as f32;
            (0..CLASSES).for_each(|class| classes[class] *= of[class]);
        }
        let [same, twin, namesake, household, stranger] = classes;
        let others = (twin + namesake + household + stranger).max(f64::MIN_POSITIVE);
        Comparison {
            levels: agreement.levels,
            weight: (same.max(f64::MIN_POSITIVE) / others).log2(),
            probability: same / (same + others),
            fields,
            prior: prior.log2() as f32,
            household: (stranger.max(f64::MIN_POSITIVE) / others).log2() as f32,
            veto: veto::veto(one, other, &agreement.levels, self.model.has_households()),
        }
    }

    /// Whether two that share a key need not be compared: their birth dates differ, and no number or home agrees. The names
    /// alone never bring them to a person's eyes; what is passed over this way is most of what shares a key by chance.
    pub fn is_hopeless(&self, one: &Registration, other: &Registration) -> bool {
        self.model.has_households() && compare::is_apart(one, other)
    }

    /// What follows from a comparison of two, before their clusters are looked at (`cluster.rs`).
    pub fn decide(&self, comparison: &Comparison) -> Decision {
        match comparison.weight {
            weight if weight >= self.thresholds.link && comparison.veto.is_none() => Decision::Link,
            weight if weight >= self.thresholds.review => Decision::Possible,
            _ => Decision::None,
        }
    }
}

impl Comparison {
    /// The reasons, field by field; what says nothing is left out. Their bits sum up to the weight.
    pub fn reasons(&self) -> Vec<Reason> {
        let mut reasons =
            vec![Reason { field: "registrations", says: "so seldom are two one person's", bits: self.prior }];
        for field in Field::ALL {
            let level = usize::from(self.levels[field as usize]);
            if level != 0 {
                let (says, bits) = (field.levels()[level], self.fields[field as usize]);
                reasons.push(Reason { field: field.name(), says, bits });
            }
        }
        reasons.push(Reason {
            field: "household",
            says: "twins, namesakes and others who live together",
            bits: self.household,
        });
        reasons
    }
}
