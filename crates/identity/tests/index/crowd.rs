//! Everybody comes at one moment, and Redis goes: nobody is two, no two are one, nobody is sent away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use identity::worker::Trouble;
use record::Time;

use crate::server::Server;
use crate::worker::{Place, in_redis};

const PEOPLE: usize = 400;
const WRITERS: usize = 32;
/// Registrations of each person, each at another clinic.
const EACH: usize = 4;

const GIVEN: [&str; 20] = [
    "Nora", "Robert", "Emma", "Olga", "Tomasz", "Aisha", "Giovanni", "Ingrid", "Kwame", "Yuki", "Pavel", "Beatriz",
    "Siobhan", "Hassan", "Dmitri", "Leilani", "Marcus", "Priya", "Zoltan", "Francois",
];
const FAMILY: [&str; 20] = [
    "Lindqvist",
    "Hale",
    "Brandt",
    "Okafor",
    "Petrov",
    "Nakamura",
    "Castellano",
    "Whitfield",
    "Zimmermann",
    "Delacroix",
    "Mbeki",
    "Jorgensen",
    "Ramaswamy",
    "Vukovic",
    "Thackeray",
    "Quintero",
    "Abernathy",
    "Kowalski",
    "Figueroa",
    "Huang",
];

/// One of a person's registrations; no two people have anything in common but a name.
fn patient(person: usize, clinic: usize) -> String {
    let (given, family) = (GIVEN[person % 20], FAMILY[person / 20]);
    let (year, month, day) = (1930 + person % 71, 1 + person % 12, 1 + person % 28);
    format!(
        r#"{{"resourceType":"Patient","id":"p{person}-{clinic}","name":[{{"family":"{family}","given":["{given}"]}}],
        "birthDate":"{year}-{month:02}-{day:02}","telecom":[{{"system":"phone","value":"617-{:03}-{:04}"}}],
        "address":[{{"line":["{} Elm Street"],"city":"Boston","postalCode":"02116"}}]}}"#,
        211 + person,
        1_000 + 7 * person,
        100 + 3 * person
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_hundred_people_at_one_moment_stay_four_hundred() {
    let Some(mut server) = Server::start() else { return };
    let place = Arc::new(Place::new());
    let identity = in_redis(&place, &server);
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let place = place.clone();
        writers.push(tokio::spawn(async move {
            // Each person comes to all clinics at about the same time.
            for at in (writer..PEOPLE * EACH).step_by(WRITERS) {
                place.register(&patient(at / EACH, at % EACH), 1_000).await;
            }
        }));
    }
    let (mut steps, mut troubles) = (0, 0);
    loop {
        let written = writers.iter().all(|writer| writer.is_finished());
        let idle = match identity.step(Time(2_000)).await {
            Ok(more) => !more,
            Err(Trouble::Warming) => {
                troubles += 1;
                false
            }
            Err(other) => panic!("{other:?}"),
        };
        steps += 1;
        match steps {
            3 => redis::cmd("FLUSHALL").exec(&mut server.client()).unwrap(),
            6 => server.kill(),
            9 => server.restart(&[]),
            12 => redis::cmd("HINCRBY").arg("{hilum}meta").arg("writes").arg(-1).exec(&mut server.client()).unwrap(),
            _ => {}
        }
        if written && idle && steps > 12 {
            break;
        }
    }
    for writer in writers {
        writer.await.expect("no write is refused");
    }
    assert!(troubles > 0, "redis was away");
    let mut people: BTreeMap<BTreeSet<String>, usize> = BTreeMap::new();
    for person in 0..PEOPLE {
        for clinic in 0..EACH {
            let (same, golden) = identity.same(&format!("p{person}-{clinic}")).await.unwrap();
            assert!(golden.is_some());
            people.entry(same).or_insert(person);
        }
    }
    for (same, person) in &people {
        let own: BTreeSet<String> = (0..EACH).map(|clinic| format!("p{person}-{clinic}")).collect();
        assert_eq!(same, &own);
    }
    assert_eq!(people.len(), PEOPLE);
}
