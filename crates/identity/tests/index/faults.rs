//! Redis loses what it held, is another's, is taken over, is read by a thief.

use identity::Secret;
use identity::index::{Index, Redis, RedisSettings};
use identity::worker::Trouble;

use crate::server::Server;
use crate::{BLOCK_MAX, ID_KEY, Random, at, like, log, patient, put, registration, settings};

fn index(server: &Server) -> Index {
    with(settings(server))
}

fn with(settings: RedisSettings) -> Index {
    Index::Redis(Box::new(Redis::new(settings, &ID_KEY, Secret::default()).unwrap()))
}

async fn filled(server: &Server, lease: i64) -> Index {
    let mut index = index(server);
    assert_eq!(index.begin(&log("one", lease, 5)).await.unwrap(), None);
    let of = |number: i64| put(registration(&patient(&format!("p{number}"), &mut Random(number as u64))), number);
    index.put((0..100).map(of).collect()).await.unwrap();
    index.mark_whole(at(5)).await.unwrap();
    index
}

/// That it says "warming" to whatever it is asked, and never "nobody".
async fn is_warming(index: &mut Index) {
    let someone = put(registration(&patient("p1", &mut Random(1))), 1);
    assert_eq!(index.look_up(&[like(&someone)], BLOCK_MAX).await.unwrap_err(), Trouble::Warming);
    assert_eq!(index.get(&["p1"]).await.unwrap_err(), Trouble::Warming);
    assert_eq!(index.put(vec![someone]).await.unwrap_err(), Trouble::Warming);
    assert_eq!(index.remove(&["p1"]).await.unwrap_err(), Trouble::Warming);
    assert_eq!(index.size().await.unwrap_err(), Trouble::Warming);
    assert!(!index.is_whole().await.unwrap());
}

#[tokio::test]
async fn an_index_that_was_flushed_is_warming_until_it_is_made_again() {
    let Some(server) = Server::start() else { return };
    let mut index = filled(&server, 1).await;
    assert!(index.is_whole().await.unwrap());
    redis::cmd("FLUSHALL").exec(&mut server.client()).unwrap();
    is_warming(&mut index).await;
    assert_eq!(index.begin(&log("one", 1, 5)).await.unwrap(), None);
    let someone = put(registration(&patient("p1", &mut Random(1))), 1);
    index.put(vec![someone.clone()]).await.unwrap();
    let asked = like(&put(registration(&patient("x", &mut Random(1))), 1));
    assert_eq!(
        index.look_up(std::slice::from_ref(&asked), BLOCK_MAX).await.unwrap_err(),
        Trouble::Warming,
        "not all is in it yet"
    );
    let mut index = filled(&server, 2).await;
    assert!(index.look_up(&[asked], BLOCK_MAX).await.unwrap()[0].contains(&someone.found));
}

#[tokio::test]
async fn an_index_that_ended_is_warming_and_one_that_never_was_too() {
    let Some(mut server) = Server::start() else { return };
    let mut fresh = index(&server);
    is_warming(&mut fresh).await;
    let mut index = filled(&server, 1).await;
    server.kill();
    is_warming(&mut index).await;
    assert_eq!(index.begin(&log("one", 1, 5)).await.unwrap_err(), Trouble::Warming);
    server.restart(&[]);
    is_warming(&mut index).await;
    assert_eq!(index.begin(&log("one", 1, 5)).await.unwrap(), None);
}

#[tokio::test]
async fn an_index_that_lacks_the_last_writes_is_warming_and_is_brought_on() {
    let Some(server) = Server::start() else { return };
    let mut index = filled(&server, 1).await;
    // As a replica that took over would have it.
    redis::cmd("HINCRBY").arg("{hilum}meta").arg("writes").arg(-1).exec(&mut server.client()).unwrap();
    is_warming(&mut index).await;
    assert_eq!(index.begin(&log("one", 1, 9)).await.unwrap(), Some(at(5)), "the rest of it is made from there");
    assert_eq!(index.size().await.unwrap(), 100);
}

#[tokio::test]
async fn a_worker_goes_on_where_it_was_and_another_log_begins_anew() {
    let Some(server) = Server::start() else { return };
    drop(filled(&server, 1).await);
    let mut again = index(&server);
    assert_eq!(again.begin(&log("one", 2, 7)).await.unwrap(), Some(at(5)));
    assert_eq!(again.size().await.unwrap(), 100);
    let mut back = index(&server);
    assert_eq!(back.begin(&log("one", 3, 4)).await.unwrap(), None, "the log was set back");
    let mut other = index(&server);
    assert_eq!(other.begin(&log("two", 4, 7)).await.unwrap(), None);
    assert_eq!(other.get(&["p1"]).await.unwrap(), [None]);
    let left: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut server.client()).unwrap();
    assert_eq!(left, ["{hilum}meta"], "of the other log nothing is left");
    // Keys made with another secret are another index.
    let mut secret = Index::Redis(Box::new(Redis::new(settings(&server), &ID_KEY, Secret([1, 2])).unwrap()));
    assert_eq!(secret.begin(&log("two", 5, 7)).await.unwrap(), None);
}

#[tokio::test]
async fn the_earlier_worker_is_refused() {
    let Some(server) = Server::start() else { return };
    let mut earlier = filled(&server, 1).await;
    let mut later = index(&server);
    assert_eq!(later.begin(&log("one", 2, 5)).await.unwrap(), Some(at(5)));
    let someone = put(registration(&patient("p1", &mut Random(4))), 1);
    let is_refused = |trouble: Trouble| assert!(matches!(trouble, Trouble::Refused(_)), "{trouble:?}");
    is_refused(earlier.put(vec![someone]).await.unwrap_err());
    is_refused(earlier.begin(&log("one", 1, 5)).await.unwrap_err());
    assert!(later.is_whole().await.unwrap(), "nothing of it was done");
}

#[tokio::test]
async fn a_redis_that_forgets_at_will_is_refused() {
    let Some(mut server) = Server::start() else { return };
    server.kill();
    server.restart(&["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"]);
    assert!(
        matches!(index(&server).begin(&log("one", 1, 5)).await, Err(Trouble::Refused(why)) if why.contains("noeviction"))
    );
}

#[tokio::test]
async fn a_full_redis_is_warming() {
    let Some(mut server) = Server::start() else { return };
    let mut index = filled(&server, 1).await;
    redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg("1").exec(&mut server.client()).unwrap();
    let someone = put(registration(&patient("new", &mut Random(4))), 1);
    assert_eq!(index.put(vec![someone]).await.unwrap_err(), Trouble::Warming);
    server.kill();
}

#[tokio::test]
async fn a_redis_that_answers_too_slowly_is_warming_and_nothing_of_it_is_lost() {
    let Some(server) = Server::start() else { return };
    let mut index = filled(&server, 1).await;
    let mut slow = with(RedisSettings { timeout_ms: 100, ..settings(&server) });
    assert_eq!(slow.begin(&log("one", 1, 5)).await.unwrap(), Some(at(5)));
    redis::cmd("CLIENT").arg("PAUSE").arg(400).exec(&mut server.client()).unwrap();
    let someone = put(registration(&patient("p1", &mut Random(4))), 1);
    assert_eq!(slow.put(vec![someone]).await.unwrap_err(), Trouble::Warming);
    // Once it answers again, all of it is there.
    let whole = loop {
        match slow.begin(&log("one", 1, 5)).await {
            Err(Trouble::Warming) => {}
            other => break other.unwrap(),
        }
    };
    assert_eq!((whole, slow.size().await.unwrap()), (Some(at(5)), 100));
    is_warming(&mut index).await;
}

#[tokio::test]
async fn a_dump_tells_nobody_anything() {
    let Some(server) = Server::start() else { return };
    let _index = filled(&server, 1).await;
    redis::cmd("CONFIG").arg("SET").arg("rdbcompression").arg("no").exec(&mut server.client()).unwrap();
    redis::cmd("SAVE").exec(&mut server.client()).unwrap();
    let dump = std::fs::read(server.dir().join("dump.rdb")).unwrap();
    assert!(dump.len() > 10_000, "the registrations are in it");
    let dump: String = dump.iter().map(|byte| char::from(*byte).to_ascii_lowercase()).collect();
    let told = [
        "nora",
        "robert",
        "tomasz",
        "aisha",
        "lindqvist",
        "hale",
        "brandt",
        "hassan",
        "neill",
        "1961",
        "5550142",
        "555-01",
        "elm",
        "mill",
        "boston",
        "02116",
    ];
    let told: Vec<&str> = told.into_iter().filter(|word| dump.contains(word)).collect();
    assert_eq!(told, [""; 0]);
}

#[tokio::test]
async fn settings_that_cannot_be_are_said_without_secrets() {
    let plain = RedisSettings::default();
    for (settings, word) in [
        (RedisSettings { prefix: "hilum".to_owned(), ..plain.clone() }, "prefix"),
        (RedisSettings { prefix: "{}".to_owned(), ..plain.clone() }, "prefix"),
        (RedisSettings { prefix: "{a}*".to_owned(), ..plain.clone() }, "prefix"),
        (RedisSettings { url: "http://secret".to_owned(), ..plain.clone() }, "redis://"),
        (RedisSettings { url: "redis://:secret@127.0.0.1/0".to_owned(), ..plain.clone() }, "password_file"),
        (RedisSettings { password_file: Some("/nowhere/at/all".into()), ..plain.clone() }, "password_file"),
        (RedisSettings { timeout_ms: 0, ..plain.clone() }, "timeout_ms"),
    ] {
        let said = Redis::new(settings, &ID_KEY, Secret::default()).err().unwrap();
        assert!(said.contains(word) && !said.contains("secret"), "{said}");
    }
}
