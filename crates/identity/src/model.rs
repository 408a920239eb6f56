//! What agreement is worth: how often each level is seen between two registrations of one person, and between those of two people.
//!
//! Fellegi and Sunter weigh one person against two strangers. That is what makes overlays: most of what a stranger would not share, a
//! twin, a father of the same name or a sister does. So there are five classes here, and a pair is one person's only where
//! that beats all four others together. The model is learned without labels (`learn.rs`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::compare::{Agreement, FIELDS, Field, LEVELS_MAX, family, given};
use crate::registration::Registration;

/// Who two registrations may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// One person.
    Same,
    /// Brothers and sisters of one birth.
    Twin,
    /// Parent and child of one name.
    Namesake,
    /// Others who live together.
    Household,
    Stranger,
}

pub const CLASSES: usize = 5;

impl Class {
    pub const ALL: [Class; CLASSES] = [Class::Same, Class::Twin, Class::Namesake, Class::Household, Class::Stranger];

    pub fn name(self) -> &'static str {
        ["same", "twin", "namesake", "household", "stranger"][self as usize]
    }
}

/// Probabilities of the levels, by class and field. What says nothing (level 0, except of the suffix) is 1.
pub type Table = [[[f64; LEVELS_MAX]; FIELDS]; CLASSES];

/// A model: learned, or shipped.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// What a decision names.
    pub version: String,
    /// From what it was learned.
    pub source: String,
    /// Pairs of each class for each registration. That of strangers is reckoned from the number of registrations.
    pub pairs: [f64; CLASSES],
    pub table: Table,
    pub given: Shares,
    pub family: Shares,
}

/// How many people bear a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Shares {
    /// The share of all registrations, of the usual names.
    pub usual: BTreeMap<String, f32>,
    /// The share that is taken for all others.
    pub rare: f32,
    /// The chance that two strangers agree.
    pub mean: f32,
}

/// The most names of a kind that a model keeps. Rarer ones would tell who is registered.
const USUAL_MAX: usize = 1000;
/// The share from which a name is usual.
const USUAL_SHARE: f32 = 0.0004;
/// A name is usual where at least so many bear it.
const USUAL_COUNT: u32 = 8;

impl Shares {
    /// Counts names. Order does not matter.
    pub fn count<'a>(names: impl Iterator<Item = &'a str>) -> Shares {
        let mut counts: std::collections::HashMap<&str, u32> = std::collections::HashMap::new();
        let mut all = 0u32;
        for name in names.filter(|name| name.len() > 1) {
            *counts.entry(name).or_default() += 1;
            all += 1;
        }
        let all = all.max(1) as f32;
        let mean = counts.values().map(|count| (*count as f32 / all).powi(2)).sum::<f32>().max(1e-6);
        let mut sorted: Vec<(&str, u32)> = counts.into_iter().collect();
        sorted.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
        let rare: Vec<u32> = sorted.iter().skip(USUAL_MAX).map(|(_, count)| *count).collect();
        let usual = sorted.iter().take(USUAL_MAX).filter(|(_, count)| *count >= USUAL_COUNT);
        let usual: BTreeMap<String, f32> =
            usual.map(|(name, count)| ((*name).to_owned(), *count as f32 / all)).collect();
        let rare = rare.iter().map(|count| *count as f32).sum::<f32>() / rare.len().max(1) as f32;
        Shares { usual, rare: (rare.max(2.0) / all).max(1e-7), mean }
    }

    pub fn share(&self, name: &str) -> f32 {
        self.usual.get(name).copied().unwrap_or(self.rare).max(self.rare)
    }

    pub fn is_usual(&self, name: &str) -> bool {
        self.usual.get(name).is_some_and(|share| *share >= USUAL_SHARE)
    }
}

/// The chances of both names, where they are the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chances {
    pub given: Option<f32>,
    pub family: Option<f32>,
}

/// How often anybody's given and family name are swapped in one of two registrations.
const SWAPPED: f32 = 0.015;

/// Pairs who live together for each registration, from which people are held to live together at all.
const HOUSEHOLDS_MIN: f64 = 0.05;

impl Model {
    /// Whether the registrations have people who live together. A register that has one of each household (voters by mail, a
    /// cohort) has no twins and no fathers of sons, so that what guards against them would only part what belongs together.
    pub fn has_households(&self) -> bool {
        self.pairs[Class::Household as usize] >= HOUSEHOLDS_MIN
    }

    /// The chances of names that agree.
    pub fn chances(&self, one: &Registration, agreement: &Agreement) -> Chances {
        let name = one.names.get(agreement.at.0).unwrap_or(one.name());
        let is = |field: Field, level: u8| agreement.levels[field as usize] == level;
        let swapped = || SWAPPED * self.given.share(&name.given) * self.family.share(&name.family);
        Chances {
            given: match agreement.levels[Field::Given as usize] {
                given::SAME => Some(self.given.share(&name.given)),
                given::SWAPPED => Some(swapped()),
                _ => None,
            },
            family: is(Field::Family, family::SAME).then(|| self.family.share(&name.family)),
        }
    }

    /// The probability of a field's level in a class. A name that agrees is the less telling the more people bear it.
    pub fn probability(&self, class: Class, field: Field, level: u8, chances: Chances) -> f64 {
        let plain = self.table[class as usize][field as usize][level as usize];
        let (chance, mean) = match (field, chances) {
            (Field::Given, Chances { given: Some(chance), .. }) => (chance, self.given.mean),
            (Field::Family, Chances { family: Some(chance), .. }) => (chance, self.family.mean),
            _ => return plain,
        };
        match class {
            Class::Stranger => f64::from(chance),
            // That brothers are given one name is chance, too; that they share the family's is not.
            Class::Twin | Class::Household if field == Field::Given && level == given::SAME => {
                (plain * f64::from(chance / mean).clamp(0.05, 10.0)).min(1.0)
            }
            _ => plain,
        }
    }

    /// The model in JSON, the same bytes for the same model.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(&File::of(self)).expect("a model has only texts and numbers");
        text.push('\n');
        text
    }

    /// Reads a model. The error says what is wrong with it.
    pub fn from_json(text: &str) -> Result<Model, String> {
        let file: File = serde_json::from_str(text).map_err(|why| format!("the model is not understood: {why}"))?;
        file.model()
    }
}

impl Default for Model {
    /// The shipped model. It was learned from invented patients; its file says from which.
    fn default() -> Self {
        static SHIPPED: LazyLock<Model> =
            LazyLock::new(|| Model::from_json(include_str!("model/default.json")).expect("the shipped model is ours"));
        SHIPPED.clone()
    }
}

/// A model as its file has it: by name, so that a person can read and change it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    source: String,
    pairs: BTreeMap<String, f64>,
    levels: BTreeMap<String, BTreeMap<String, BTreeMap<String, f64>>>,
    given: Shares,
    family: Shares,
}

impl File {
    fn of(model: &Model) -> File {
        let round = |value: f64| format!("{value:.4e}").parse().expect("a number that was just written");
        let mut levels: BTreeMap<String, BTreeMap<String, BTreeMap<String, f64>>> = BTreeMap::new();
        for field in Field::ALL {
            let by_level = levels.entry(field.name().to_owned()).or_default();
            for (level, name) in field.levels().iter().enumerate().skip(usize::from(field != Field::Suffix)) {
                let classes = Class::ALL
                    .map(|class| (class.name().to_owned(), round(model.table[class as usize][field as usize][level])));
                by_level.insert((*name).to_owned(), classes.into_iter().collect());
            }
        }
        let pairs = Class::ALL.iter().take(CLASSES - 1);
        let pairs = pairs.map(|class| (class.name().to_owned(), round(model.pairs[*class as usize]))).collect();
        let shares = |shares: &Shares| Shares {
            usual: shares.usual.iter().map(|(name, share)| (name.clone(), round(f64::from(*share)) as f32)).collect(),
            ..shares.clone()
        };
        File {
            version: model.version.clone(),
            source: model.source.clone(),
            pairs,
            levels,
            given: shares(&model.given),
            family: shares(&model.family),
        }
    }

    fn model(self) -> Result<Model, String> {
        let mut table: Table = [[[1.0; LEVELS_MAX]; FIELDS]; CLASSES];
        let mut pairs = [0.0; CLASSES];
        let sound = |value: f64, max: f64| value.is_finite() && value > 0.0 && value <= max;
        for class in Class::ALL {
            for field in Field::ALL {
                for (level, name) in field.levels().iter().enumerate().skip(usize::from(field != Field::Suffix)) {
                    let found = self.levels.get(field.name()).and_then(|levels| levels.get(*name)?.get(class.name()));
                    let found = found.copied().filter(|value| sound(*value, 1.0));
                    table[class as usize][field as usize][level] = found.ok_or_else(|| {
                        format!("the model has no probability of {} \"{name}\" for {}", field.name(), class.name())
                    })?;
                }
            }
            if class != Class::Stranger {
                let found = self.pairs.get(class.name()).copied().filter(|value| sound(*value, 1e6));
                pairs[class as usize] = found.ok_or_else(|| format!("the model has no pairs for {}", class.name()))?;
            }
        }
        let sound = |shares: &Shares| {
            let all = shares.usual.values().chain([&shares.rare, &shares.mean]);
            all.clone().all(|share| share.is_finite() && *share > 0.0 && *share <= 1.0)
        };
        if !sound(&self.given) || !sound(&self.family) {
            return Err("a share of names in the model is not between 0 and 1".to_owned());
        }
        Ok(Model { version: self.version, source: self.source, pairs, table, given: self.given, family: self.family })
    }
}
