//! People of a toy world, where it is plain who is who: what is joined, what is not, and what is taken back.

use super::*;

/// People of a toy world: what is said of somebody is a number. The same number is one person, the next one perhaps, and far
/// apart are two for certain.
struct Toy<'t>(&'t BTreeMap<String, i64>);

impl Judge for Toy<'_> {
    fn judge(&self, pair: &Pair) -> Option<Judged> {
        let apart = (self.0.get(&pair.a)? - self.0.get(&pair.b)?).abs();
        let (verdict, weight) = match apart {
            0 => (Verdict::Link, 20.0),
            1 => (Verdict::Link, 12.0),
            2 | 3 => (Verdict::Possible, 4.0),
            _ => (Verdict::Apart, -5.0),
        };
        Some(Judged { verdict, weight, veto: apart > 1 })
    }

    fn reasons(&self, _: &Pair) -> Vec<String> {
        Vec::new()
    }

    fn margin(&self) -> f64 {
        6.0
    }

    fn model(&self) -> &'static str {
        "toy"
    }

    fn first(&self, _: &str) -> Option<Position> {
        None
    }
}

/// A store that holds what a log would.
#[derive(Default)]
struct World {
    said: BTreeMap<String, i64>,
    people: People,
    decisions: BTreeMap<Pair, Decision>,
    golden: BTreeMap<String, BTreeSet<String>>,
}

impl World {
    fn say(&mut self, id: &str, number: Option<i64>) {
        match number {
            Some(number) => self.said.insert(id.to_owned(), number),
            None => self.said.remove(id),
        };
        let candidates: Vec<Pair> = self.said.keys().filter_map(|other| Pair::of(id, other)).collect();
        let close = |pair: &Pair| Toy(&self.said).judge(pair).is_some_and(|judged| judged.verdict != Verdict::Apart);
        let new: Vec<Pair> = candidates.into_iter().filter(close).collect();
        let mut ids: BTreeSet<String> = new.iter().map(|pair| pair.other(id).to_owned()).collect();
        ids.insert(id.to_owned());
        self.settle(&ids, &new);
    }

    fn decide(&mut self, one: &str, other: &str, verdict: Verdict) {
        let pair = Pair::of(one, other).expect("two");
        let by = By::Person("steward".to_owned());
        let decision = Decision { pair: pair.clone(), verdict, by, weight: 0.0, reasons: Vec::new() };
        self.people.remember(&decision);
        self.decisions.insert(pair.clone(), decision);
        let ids = BTreeSet::from([pair.a, pair.b]);
        self.settle(&ids, &[]);
    }

    fn settle(&mut self, ids: &BTreeSet<String>, new: &[Pair]) {
        let outcome = self.people.settle(ids, new, &Toy(&self.said));
        self.decisions.extend(outcome.decisions.into_iter().map(|decision| (decision.pair.clone(), decision)));
        for (golden, sources) in outcome.golden {
            if sources.is_empty() {
                self.golden.remove(&golden);
            } else {
                self.golden.insert(golden, sources);
            }
        }
    }

    /// What a start makes of what was written.
    fn replayed(&self) -> People {
        let mut people = People::default();
        self.decisions.values().for_each(|decision| people.remember(decision));
        for (golden, sources) in &self.golden {
            people.remember_group(Key::new("Patient", golden.as_str()), sources.iter().cloned());
        }
        people
    }

    fn groups(&self) -> Vec<String> {
        let text = |sources: &BTreeSet<String>| sources.iter().cloned().collect::<Vec<_>>().join("+");
        let mut groups: Vec<String> = self.golden.values().map(text).collect();
        groups.sort();
        groups
    }
}

#[test]
fn who_is_one_person_is_joined_and_who_cannot_be_is_not_by_any_chain() {
    let mut world = World::default();
    world.say("p1", Some(10));
    world.say("p2", Some(10));
    world.say("p3", Some(30));
    assert_eq!(world.groups(), ["p1+p2"]);
    world.say("p4", Some(12));
    world.say("p5", Some(12));
    assert_eq!(world.groups(), ["p1+p2", "p4+p5"]);
    assert_eq!(world.people.verdict(&Pair::of("p5", "p1").expect("two")), Some(Verdict::Possible));
    world.say("p6", Some(11));
    assert_eq!(world.groups(), ["p1+p2", "p4+p5"], "p6 fits both, who cannot be one person: neither is joined");
    assert_eq!(world.people.verdict(&Pair::of("p6", "p1").expect("two")), Some(Verdict::Possible));
    world.decide("p4", "p6", Verdict::Link);
    assert_eq!(world.groups(), ["p1+p2", "p4+p5+p6"]);
    assert_eq!(world.people, world.replayed());
}

#[test]
fn a_persons_word_stands_and_can_be_taken_back() {
    let mut world = World::default();
    for (id, number) in [("p1", 10), ("p2", 10), ("p3", 40)] {
        world.say(id, Some(number));
    }
    let before = world.golden.clone();
    world.decide("p2", "p3", Verdict::Link);
    assert_eq!(world.groups(), ["p2+p3"], "of p1 and p3 nobody has said that they are one: it is asked again");
    assert_eq!(world.people.verdict(&Pair::of("p1", "p2").expect("two")), Some(Verdict::Possible));
    world.decide("p1", "p3", Verdict::Link);
    assert_eq!(world.groups(), ["p1+p2+p3"]);
    world.decide("p1", "p3", Verdict::NotSame);
    world.decide("p2", "p3", Verdict::NotSame);
    assert_eq!(world.golden, before, "it has its name and its sources again");
    world.decide("p1", "p2", Verdict::NotSame);
    world.say("p1", Some(10));
    assert_eq!(world.groups(), [""; 0], "the machine would link them, a person does not");
    world.decide("p1", "p2", Verdict::Link);
    // Who is deleted leaves, and what was said of him waits.
    world.say("p1", None);
    assert_eq!(world.groups(), [""; 0]);
    world.say("p1", Some(99));
    assert_eq!(world.groups(), ["p1+p2"]);
}

/// A fixed sequence of pseudo-random numbers (a linear congruence of Knuth's).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

#[test]
fn whatever_happens_in_whatever_order_the_state_is_what_a_replay_makes() {
    let mut dice = Dice(1);
    for _ in 0..10_000 {
        let mut world = World::default();
        for _ in 0..dice.below(14) {
            let (one, other) = (format!("p{}", dice.below(6)), format!("p{}", dice.below(6)));
            match dice.below(8) {
                0..=3 => world.say(&one, Some(dice.below(9) as i64)),
                4 => world.say(&one, None),
                5 if one != other => world.decide(&one, &other, Verdict::Link),
                6 if one != other => world.decide(&one, &other, Verdict::NotSame),
                _ => {}
            }
        }
        sound(&world);
    }
}

/// What must hold in every world.
fn sound(world: &World) {
    assert_eq!(world.people, world.replayed());
    let linked = |left: &str, right: &str| {
        let decision = Pair::of(left, right).and_then(|pair| world.decisions.get(&pair));
        decision.filter(|decision| decision.is_persons()).map(|decision| decision.verdict)
    };
    let mut seen = BTreeSet::new();
    for sources in world.golden.values() {
        assert!(sources.iter().all(|id| seen.insert(id) && world.said.contains_key(id)), "{:?}", world.golden);
        let by_person =
            sources.iter().any(|left| sources.iter().any(|right| linked(left, right) == Some(Verdict::Link)));
        for left in sources {
            for right in sources.iter().filter(|right| *right > left) {
                let pair = Pair::of(left, right).expect("two");
                assert_ne!(linked(left, right), Some(Verdict::NotSame), "{sources:?}");
                let vetoed = Toy(&world.said).judge(&pair).is_some_and(|judged| judged.veto);
                assert!(!vetoed || by_person, "{sources:?} in {:?}", world.said);
            }
        }
    }
}
