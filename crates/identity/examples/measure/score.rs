//! The figures: precision, recall, overlays, review, where the faults are, and what a perfect reader could reach.

use std::collections::{BTreeMap, HashMap};

use identity::batch::{Linked, Pair};
use identity::compare::{Field, birth, email, given, identifier, last_four};
use identity::{Comparison, Decision, Engine, Registration};

pub struct Truth {
    person: Vec<u32>,
    tags: Vec<Vec<String>>,
}

impl Truth {
    pub fn read(dir: &str, all: &[Registration]) -> Truth {
        let text = std::fs::read_to_string(format!("{dir}/truth.csv")).expect("the truth can be read");
        let at: HashMap<&str, usize> = all.iter().enumerate().map(|(at, of)| (of.id.as_str(), at)).collect();
        let mut truth = Truth { person: vec![u32::MAX; all.len()], tags: vec![Vec::new(); all.len()] };
        let mut people: HashMap<String, u32> = HashMap::new();
        for line in text.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let next = people.len() as u32;
            let index = at[cells[0]];
            truth.person[index] = *people.entry(cells[1].to_owned()).or_insert(next);
            truth.tags[index] =
                cells.get(4).map(|tags| tags.split('|').map(str::to_owned).collect()).unwrap_or_default();
        }
        truth
    }

    fn pairs(&self) -> Vec<(usize, usize)> {
        let mut of: HashMap<u32, Vec<usize>> = HashMap::new();
        self.person.iter().enumerate().for_each(|(at, person)| of.entry(*person).or_default().push(at));
        let mut pairs = Vec::new();
        for members in of.values() {
            for (at, one) in members.iter().enumerate() {
                pairs.extend(members[at + 1..].iter().map(|other| (*one, *other)));
            }
        }
        pairs.sort_unstable();
        pairs
    }
}

#[derive(Default)]
pub struct Score {
    registrations: usize,
    true_pairs: usize,
    made: usize,
    right: usize,
    overlaid: usize,
    review: usize,
    review_right: usize,
    candidates_right: usize,
    untold: usize,
    untold_missed: usize,
    weights: Vec<(f32, bool)>,
    false_tags: BTreeMap<String, usize>,
    missed_tags: BTreeMap<String, usize>,
    lost_tags: BTreeMap<String, usize>,
    vetoes: BTreeMap<String, usize>,
}

impl Score {
    pub fn of(all: &[Registration], linked: &Linked, engine: &Engine, truth: &Truth, show: usize) -> Score {
        let mut score = Score { registrations: all.len(), ..Score::default() };
        let same = |one: usize, other: usize| truth.person[one] == truth.person[other];
        let mut clusters: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        linked.clusters.iter().enumerate().for_each(|(at, of)| clusters.entry(*of).or_default().push(at));
        let mut shown = show;
        for members in clusters.values() {
            let mut mixed = false;
            for (at, one) in members.iter().enumerate() {
                for other in &members[at + 1..] {
                    score.made += 1;
                    score.right += usize::from(same(*one, *other));
                    mixed |= !same(*one, *other);
                }
            }
            score.overlaid += usize::from(mixed);
            if mixed {
                let tags = members.iter().flat_map(|at| truth.tags[*at].iter());
                count(&mut score.false_tags, tags);
                if shown > 0 {
                    shown -= 1;
                    tell("OVERLAID", members, truth, all, engine);
                }
            }
        }
        let review: HashMap<(usize, usize), &Pair> =
            linked.pairs.iter().map(|pair| ((pair.one as usize, pair.other as usize), pair)).collect();
        for pair in &linked.pairs {
            let right = same(pair.one as usize, pair.other as usize);
            score.weights.push((pair.weight, right));
            if pair.decision == Decision::Possible {
                score.review += 1;
                score.review_right += usize::from(right);
            }
        }
        print_review(all, linked, engine, truth, show);
        let mut shown = show;
        for (one, other) in truth.pairs() {
            score.true_pairs += 1;
            let comparison = engine.compare(&all[one], &all[other]);
            let untold = is_untold(&comparison);
            score.untold += usize::from(untold);
            if linked.clusters[one] == linked.clusters[other] {
                continue;
            }
            score.untold_missed += usize::from(untold);
            let tags = truth.tags[one].iter().chain(&truth.tags[other]);
            count(&mut score.missed_tags, tags.clone());
            let veto = comparison.veto.map_or("-".to_owned(), |veto| format!("{veto:?}"));
            let found = review.contains_key(&(one, other));
            *score.vetoes.entry(format!("{} {veto}", if found { "review" } else { "LOST" })).or_default() += 1;
            if !found {
                count(&mut score.lost_tags, tags);
                if shown > 0 {
                    shown -= 1;
                    tell("LOST", &[one, other], truth, all, engine);
                }
            }
        }
        score
    }

    pub fn add(&mut self, other: Score) {
        self.registrations += other.registrations;
        self.true_pairs += other.true_pairs;
        self.made += other.made;
        self.right += other.right;
        self.overlaid += other.overlaid;
        self.review += other.review;
        self.review_right += other.review_right;
        self.candidates_right += other.candidates_right;
        self.untold += other.untold;
        self.untold_missed += other.untold_missed;
        self.weights.extend(other.weights);
        for (mine, theirs) in [
            (&mut self.false_tags, other.false_tags),
            (&mut self.missed_tags, other.missed_tags),
            (&mut self.lost_tags, other.lost_tags),
            (&mut self.vetoes, other.vetoes),
        ] {
            theirs.into_iter().for_each(|(tag, count)| *mine.entry(tag).or_default() += count);
        }
    }

    pub fn print(&self, name: &str) {
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        let (precision, recall) = (share(self.right, self.made), share(self.right, self.true_pairs));
        let per = |count: f64| count * 1e4 / self.registrations as f64;
        let (best, at) = self.best_f1();
        println!(
            "{name}: {} registrations, {} true pairs; precision {precision:.5} recall {recall:.4} F1 {:.4}; overlaid {} = {:.2} (to {:.2}) in 10,000; \
             review {:.2} in 100, right {:.3}, recall with it {:.4}; best F1 {best:.4} at {at:.1} bits; untold {:.4}, missed of these {}",
            self.registrations,
            self.true_pairs,
            2.0 * precision * recall / (precision + recall),
            self.overlaid,
            per(self.overlaid as f64),
            per(upper(self.overlaid)),
            100.0 * share(self.review, self.registrations),
            share(self.review_right, self.review),
            share(self.right + self.review_right, self.true_pairs),
            share(self.untold, self.true_pairs),
            self.untold_missed,
        );
        if name == "ALL" {
            print_counts("overlaid, by tag", &self.false_tags);
            print_counts("missed, by tag", &self.missed_tags);
            print_counts("lost (not even in review), by tag", &self.lost_tags);
            print_counts("missed, by veto", &self.vetoes);
        }
    }

    /// The best F1 of pairs over all thresholds, as one who knew the truth would choose it.
    fn best_f1(&self) -> (f64, f32) {
        let mut weights = self.weights.clone();
        weights.sort_by(|one, other| other.0.total_cmp(&one.0));
        let (mut right, mut best) = (0.0, (0.0, 0.0));
        for (count, (weight, is_right)) in weights.iter().enumerate() {
            right += f64::from(u8::from(*is_right));
            let f1 = 2.0 * right / (count as f64 + 1.0 + self.true_pairs as f64);
            if f1 > best.0 {
                best = (f1, *weight);
            }
        }
        best
    }
}

/// A pair in which neither a number nor an address of one's own agrees, nor given name and birth date together: nobody could say.
fn is_untold(comparison: &Comparison) -> bool {
    let of = |field: Field| comparison.levels[field as usize];
    let name = !matches!(
        of(Field::Given),
        given::NONE | given::DIFFERENT | given::NEWBORN | given::MULTIPLE | given::BOTH_NEWBORN
    );
    let date = !matches!(of(Field::Birth), birth::NONE | birth::NEAR | birth::FAR | birth::SAME_YEAR);
    let number = of(Field::LastFour) == last_four::SAME || of(Field::Identifier) == identifier::SAME;
    !(number || of(Field::Email) == email::SAME || (name && date))
}

/// The 95 % upper bound of a Poisson count (one-sided would be less): Byar's approximation.
fn upper(count: usize) -> f64 {
    let n = count as f64 + 1.0;
    n * (1.0 - 1.0 / (9.0 * n) + 1.96 / (3.0 * n.sqrt())).powi(3)
}

fn count<'a>(counts: &mut BTreeMap<String, usize>, tags: impl Iterator<Item = &'a String>) {
    let mut seen: Vec<&String> = tags.collect();
    seen.sort();
    seen.dedup();
    seen.into_iter().for_each(|tag| *counts.entry(tag.clone()).or_default() += 1);
}

fn print_counts(title: &str, counts: &BTreeMap<String, usize>) {
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by_key(|(tag, count)| (std::cmp::Reverse(**count), (*tag).clone()));
    let told =
        sorted.iter().take(24).map(|(tag, count)| format!("{} {count}", if tag.is_empty() { "(none)" } else { tag }));
    println!("  {title}: {}", told.collect::<Vec<_>>().join(", "));
}

fn tell(title: &str, members: &[usize], truth: &Truth, all: &[Registration], engine: &Engine) {
    println!("{title}");
    for at in members {
        let of = &all[*at];
        println!(
            "   P{} {:?} {:?} {:?} {:?} {:?} tel {:?} {:?} 4:{:?} {} [{}]",
            truth.person[*at],
            of.names.iter().map(|n| format!("{}/{}/{}", n.given, n.middle, n.family)).collect::<Vec<_>>(),
            of.suffix,
            of.newborn.map(|n| n.letter.map(char::from)),
            of.birth.map(|b| format!("{}-{}-{}", b.year, b.month, b.day)),
            of.sex,
            of.phones,
            of.addresses.iter().map(|a| format!("{} {} {}", a.number, a.street, a.postcode)).collect::<Vec<_>>(),
            of.last_four,
            of.emails.join(" "),
            truth.tags[*at].join("|")
        );
    }
    for (i, one) in members.iter().enumerate() {
        for other in &members[i + 1..] {
            let comparison = engine.compare(&all[*one], &all[*other]);
            let words: Vec<String> =
                comparison.reasons().iter().map(|r| format!("{} {} {:.1}", r.field, r.says, r.bits)).collect();
            let same = truth.person[*one] == truth.person[*other];
            println!("   {same} {:.1} {:?}: {}", comparison.weight, comparison.veto, words.join("; "));
        }
    }
}

/// The kinds of pairs in review, the most frequent first.
fn print_review(all: &[Registration], linked: &Linked, engine: &Engine, truth: &Truth, show: usize) {
    let mut patterns: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for pair in linked.pairs.iter().filter(|pair| show > 0 && pair.decision == Decision::Possible) {
        let comparison = engine.compare(&all[pair.one as usize], &all[pair.other as usize]);
        let pattern =
            [Field::Given, Field::Family, Field::Birth, Field::Contact, Field::Middle, Field::LastFour, Field::Email];
        let words: Vec<&str> =
            pattern.iter().map(|f| f.levels()[usize::from(comparison.levels[*f as usize])]).collect();
        let counts = patterns.entry(format!("{} {:?}", words.join(" | "), comparison.veto)).or_default();
        counts.0 += 1;
        counts.1 += usize::from(truth.person[pair.one as usize] == truth.person[pair.other as usize]);
    }
    let mut sorted: Vec<_> = patterns.into_iter().collect();
    sorted.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.0));
    for (words, (all, right)) in sorted.iter().take(show) {
        println!("  review {all} right {right}: {words}");
    }
}
