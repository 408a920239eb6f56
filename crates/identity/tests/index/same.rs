//! One test, two indexes: whatever is put, changed and taken away, both find the same.

use std::collections::BTreeMap;

use identity::Secret;
use identity::index::{Asked, Index, MEMBERS_MAX, Memory, Put, Redis};

use crate::server::Server;
use crate::{BLOCK_MAX, ID_KEY, Random, at, like, log, patient, put, registration, settings};

fn in_redis(server: &Server) -> Index {
    Index::Redis(Box::new(Redis::new(settings(server), &ID_KEY, Secret::default()).unwrap()))
}

async fn begun(mut index: Index) -> Index {
    assert_eq!(index.begin(&log("one", 1, 0)).await.unwrap(), None);
    index.mark_whole(at(0)).await.unwrap();
    index
}

/// The ids that are found, in order, with their positions.
async fn found(index: &mut Index, asked: &[Asked], block_max: usize) -> Vec<BTreeMap<String, String>> {
    let found = index.look_up(asked, block_max).await.unwrap();
    let ids = |found: Vec<std::sync::Arc<identity::index::Found>>| {
        let entries: Vec<_> = found.iter().map(|found| (found.registration.id.clone(), format!("{found:?}"))).collect();
        let ids: BTreeMap<String, String> = entries.iter().cloned().collect();
        assert_eq!(ids.len(), entries.len(), "somebody is found twice");
        ids
    };
    found.into_iter().map(ids).collect()
}

/// What every index does.
async fn check(mut index: Index) {
    let mut random = Random(3);
    let of = |id: &str, text: &str| put(registration(&patient(id, &mut Random(text.len() as u64))), 9);
    let (a, b, c) = (of("a", "x"), of("b", "x"), of("c", "xxx"));
    index.put(vec![a.clone(), b.clone()]).await.unwrap();
    index.put(vec![c.clone()]).await.unwrap();
    let alike = found(&mut index, &[like(&a), Asked::default()], BLOCK_MAX).await;
    assert!(alike[0].contains_key("b") && !alike[0].contains_key("a"));
    assert!(alike[1].is_empty());
    assert!(found(&mut index, &[like(&a)], 1).await[0].is_empty(), "all blocks are too large to say something");
    assert_eq!(index.size().await.unwrap(), 3);
    let got = index.get(&["c", "nobody", "a"]).await.unwrap();
    assert_eq!(got[0].as_deref(), Some(&*c.found));
    assert_eq!((got[1].as_deref(), got[2].as_deref()), (None, Some(&*a.found)));
    // Who is somebody else now is not found as who he was.
    let other = put(registration(&patient("b", &mut random).replace("Boston", "Oslo")), 9);
    index.put(vec![other.clone(), other].drain(..1).collect()).await.unwrap();
    index.remove(&["a", "nobody"]).await.unwrap();
    index.remove(&["a"]).await.unwrap();
    assert!(
        found(&mut index, &[Asked { id: String::new(), ..like(&a) }], BLOCK_MAX).await[0].keys().all(|id| id != "a")
    );
    assert_eq!(index.size().await.unwrap(), 2);
    assert!(index.is_whole().await.unwrap());
}

#[tokio::test]
async fn what_an_index_does() {
    check(begun(Index::Memory(Memory::default())).await).await;
    if let Some(server) = Server::start() {
        check(begun(in_redis(&server)).await).await;
    }
}

#[tokio::test]
async fn random_changes_leave_both_the_same() {
    let Some(server) = Server::start() else { return };
    let (mut memory, mut redis) = (begun(Index::Memory(Memory::default())).await, begun(in_redis(&server)).await);
    let mut random = Random(20_261_125);
    for round in 0..60 {
        let ids: Vec<String> = (0..1 + random.below(60)).map(|_| format!("p{}", random.below(250))).collect();
        let unique: BTreeMap<&str, ()> = ids.iter().map(|id| (id.as_str(), ())).collect();
        if random.below(4) == 0 {
            let gone: Vec<&str> = unique.into_keys().collect();
            memory.remove(&gone).await.unwrap();
            redis.remove(&gone).await.unwrap();
        } else {
            let mut puts: Vec<Put> = Vec::new();
            for id in unique.into_keys() {
                puts.push(put(registration(&patient(id, &mut random)), random.below(1 << 40) as i64));
            }
            memory.put(puts.clone()).await.unwrap();
            redis.put(puts).await.unwrap();
        }
        let asked: Vec<Asked> = (0..5).map(|_| like(&put(registration(&patient("p7", &mut random)), 1))).collect();
        // With blocks of all three kinds: packed, of their own, and too large.
        for block_max in [4, 40, BLOCK_MAX] {
            let (one, other) =
                (found(&mut memory, &asked, block_max).await, found(&mut redis, &asked, block_max).await);
            assert_eq!(one, other, "round {round}, blocks of at most {block_max}");
        }
        assert_eq!(memory.size().await.unwrap(), redis.size().await.unwrap());
    }
}

/// A known difference: Redis forgets who is in a block that nobody looks into, until the index is made anew.
#[tokio::test]
async fn a_block_that_was_far_too_large_is_full_for_good() {
    let Some(server) = Server::start() else { return };
    let mut index = begun(in_redis(&server)).await;
    let of = |number: usize| put(registration(&patient(&format!("p{number}"), &mut Random(1))), 1);
    let asked = [like(&of(0))];
    index.put((0..MEMBERS_MAX).map(of).collect()).await.unwrap();
    assert!(found(&mut index, &asked, BLOCK_MAX).await[0].is_empty());
    assert_eq!(found(&mut index, &asked, MEMBERS_MAX).await[0].len(), MEMBERS_MAX - 1);
    index.put(vec![of(MEMBERS_MAX), of(1)]).await.unwrap();
    assert!(found(&mut index, &asked, MEMBERS_MAX).await[0].is_empty());
    let gone: Vec<String> = (5..=MEMBERS_MAX).map(|number| format!("p{number}")).collect();
    index.remove(&gone.iter().map(String::as_str).collect::<Vec<_>>()).await.unwrap();
    assert!(found(&mut index, &asked, MEMBERS_MAX).await[0].is_empty());
    let got = index.get(&["p4", "p5"]).await.unwrap();
    assert_eq!((got[0].as_deref(), got[1].as_deref(), index.size().await.unwrap()), (Some(&*of(4).found), None, 5));
}
