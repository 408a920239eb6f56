//! What must not happen, on patients written by hand: no overlay within a household, no cluster that a veto parts, and the same
//! clusters in whatever order the patients come.

mod patients;

use identity::batch::{self, Registrations};
use identity::{Decision, Engine, Model, Registration, Veto};
use patients::{HOUSEHOLD, read};

fn engine(registrations: usize) -> Engine {
    Engine::new(Model::default(), registrations.max(20_000))
}

fn clusters(of: Vec<Registration>) -> Vec<Vec<String>> {
    let registrations = Registrations::new(of);
    let linked = batch::link(&registrations, &engine(registrations.all().len()), &|_, _, _| {});
    let mut clusters: std::collections::BTreeMap<u32, Vec<String>> = Default::default();
    for (of, cluster) in registrations.all().iter().zip(&linked.clusters) {
        clusters.entry(*cluster).or_default().push(of.id.clone());
    }
    let mut clusters: Vec<Vec<String>> = clusters.into_values().collect();
    clusters.iter_mut().for_each(|members| members.sort());
    clusters.sort();
    clusters
}

#[test]
fn a_household_is_told_apart() {
    // An id is the person's name and a number; so a cluster with two persons is an overlay.
    for members in clusters(read(HOUSEHOLD)) {
        let people: std::collections::BTreeSet<&str> =
            members.iter().map(|id| id.rsplit_once('-').expect("person-number").0).collect();
        assert_eq!(people.len(), 1, "{members:?}");
    }
}

#[test]
fn who_is_one_person_is_found() {
    let found = clusters(read(HOUSEHOLD));
    for together in [["nora-1", "nora-2"], ["robert-sr-1", "robert-sr-2"], ["ana-1", "ana-2"], ["omar-1", "omar-2"]] {
        let is = |members: &Vec<String>| together.iter().all(|id| members.iter().any(|member| member == id));
        assert!(found.iter().any(is), "{together:?} in {found:?}");
    }
}

#[test]
fn pairs_are_vetoed() {
    let all = read(HOUSEHOLD);
    let of = |id: &str| all.iter().find(|of| of.id == id).unwrap_or_else(|| panic!("{id} is written"));
    let engine = engine(all.len());
    for (one, other, expected) in [
        ("robert-sr-1", "robert-jr-1", Some(Veto::SuffixesDiffer)),
        ("robert-sr-2", "robert-jr-1", Some(Veto::BirthYearsFarApart)),
        ("emma-1", "ella-1", Some(Veto::GivenNamesDiffer)),
        ("emma-1", "twin-a-1", Some(Veto::NewbornCannotBeTold)),
        ("twin-a-1", "twin-b-1", Some(Veto::LettersDiffer)),
        ("nora-1", "doe-1", Some(Veto::Nameless)),
        ("robert-sr-1", "robert-undated-1", Some(Veto::NamesakesCannotBeTold)),
        ("ana-1", "ana-other-1", Some(Veto::IdentifiersDiffer)),
        ("nora-1", "nora-2", None),
        ("omar-1", "omar-2", None),
    ] {
        let comparison = engine.compare(of(one), of(other));
        assert_eq!(comparison.veto, expected, "{one} {other}");
        assert_eq!(engine.compare(of(other), of(one)).veto, expected, "{other} {one}");
        assert!(expected.is_none() || engine.decide(&comparison) != Decision::Link, "{one} {other}");
    }
}

#[test]
fn the_order_does_not_matter_and_a_veto_holds() {
    let mut all = patients::crowd(600);
    let first = clusters(all.clone());
    assert!(first.iter().any(|members| members.len() > 1), "somebody is linked");
    for round in 0..3 {
        // A shuffle that is the same every time.
        all.sort_by_key(|of| {
            of.id.bytes().fold(round, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
        });
        assert_eq!(clusters(all.clone()), first);
    }
    let engine = engine(all.len());
    for members in &first {
        for (at, one) in members.iter().enumerate() {
            for other in &members[at + 1..] {
                let of = |id: &String| all.iter().find(|of| of.id == *id).expect("it is there");
                let veto = engine.compare(of(one), of(other)).veto;
                assert!(!veto.is_some_and(|veto| veto.parts()), "{one} {other} {veto:?}");
            }
        }
    }
}

#[test]
fn the_reasons_sum_up() {
    let all = read(HOUSEHOLD);
    let engine = engine(all.len());
    for one in &all {
        for other in &all {
            let comparison = engine.compare(one, other);
            let sum: f32 = comparison.reasons().iter().map(|reason| reason.bits).sum();
            assert!(
                (f64::from(sum) - comparison.weight).abs() < 0.01,
                "{} {}: {sum} {}",
                one.id,
                other.id,
                comparison.weight
            );
            let odds = comparison.probability / (1.0 - comparison.probability);
            assert!(comparison.probability > 0.999_999 || (odds.log2() - comparison.weight).abs() < 0.01);
        }
    }
}

#[test]
fn a_packed_registration_is_the_same() {
    for of in read(HOUSEHOLD).into_iter().chain(patients::crowd(100)) {
        let packed = identity::pack::pack(&of);
        assert_eq!(identity::pack::unpack(&of.id, &packed).as_ref(), Some(&of));
        for end in 0..packed.len() {
            assert_eq!(identity::pack::unpack(&of.id, &packed[..end]), None, "half a registration is none");
        }
    }
}

#[test]
fn a_model_is_the_same_from_its_file() {
    let text = Model::default().to_json();
    assert_eq!(Model::from_json(&text).map(|model| model.to_json()), Ok(text.clone()));
    assert!(Model::from_json("{}").is_err());
    let without = text.replacen("\"same area\"", "\"some area\"", 1);
    assert!(Model::from_json(&without).is_err_and(|why| why.contains("same area")), "the error names what is missing");
}
