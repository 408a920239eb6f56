//! More than one Redis: a replica that takes over without the last writes, and a cluster of which one node has the keys.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use identity::index::RedisSettings;
use identity::worker::Trouble;
use record::Time;

use crate::server::Server;
use crate::worker::{PEOPLE, Place, day, follow, in_memory, in_redis_at, people};

/// An address that stays while what stands behind it changes, as in front of a pair of which one is the master.
struct Front {
    port: u16,
    behind: Arc<AtomicU16>,
}

impl Front {
    fn of(server: &Server) -> Front {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let behind = Arc::new(AtomicU16::new(server.port()));
        let now = behind.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", now.load(Ordering::SeqCst))) else { continue };
                let (from, to) = ((client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client));
                for (mut from, mut to) in [(from.0, from.1), (to.0, to.1)] {
                    std::thread::spawn(move || {
                        // Whoever goes away first ends both.
                        let _ = io::copy(&mut from, &mut to);
                        let _ = to.shutdown(std::net::Shutdown::Both);
                    });
                }
            }
        });
        Front { port, behind }
    }

    fn settings(&self) -> RedisSettings {
        RedisSettings { url: format!("redis://127.0.0.1:{}/0", self.port), ..RedisSettings::default() }
    }
}

fn ask(server: &Server, command: &[&str]) -> String {
    let (name, arguments) = command.split_first().unwrap();
    let answer: redis::Value = redis::cmd(name).arg(arguments).query(&mut server.client()).unwrap();
    format!("{answer:?}")
}

/// Asks until the answer has this in it.
fn until(server: &Server, command: &[&str], has: &str) {
    for _ in 0..1_000 {
        if ask(server, command).contains(has) {
            return;
        }
        std::thread::yield_now();
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
    panic!("{command:?} never says {has}");
}

#[tokio::test]
async fn a_replica_that_takes_over_joins_nobody_and_doubles_nobody() {
    let Some(mut master) = Server::start() else { return };
    let port = master.port().to_string();
    let Some(replica) = Server::with(&["--replicaof", "127.0.0.1", &port]) else { return };
    let front = Front::of(&master);
    let (one, other) = (Place::new(), Place::new());
    let (memory, redis) = (in_memory(&one), in_redis_at(&other, front.settings()));
    day(&one, 1).await;
    follow(&memory, 1_000_000_000).await;
    day(&other, 1).await;
    follow(&redis, 1_000_000_000).await;
    until(&replica, &["INFO", "replication"], "master_link_status:up");
    until(&replica, &["HGET", "{hilum}meta", "whole"], "bulk");
    // From here on the replica hears nothing any more: it lacks what the master is told now.
    ask(&replica, &["REPLICAOF", "NO", "ONE"]);
    day(&one, 2).await;
    follow(&memory, 1_000_000_000).await;
    day(&other, 2).await;
    follow(&redis, 1_000_000_000).await;
    front.behind.store(replica.port(), Ordering::SeqCst);
    master.kill();
    assert!(matches!(redis.step(Time(2_000_000_000)).await, Ok(_) | Err(Trouble::Warming)));
    day(&one, 3).await;
    day(&other, 3).await;
    follow(&memory, 1_000_000_000).await;
    follow(&redis, 1_000_000_000).await;
    assert_eq!(people(&memory, PEOPLE).await, people(&redis, PEOPLE).await);
}

#[tokio::test]
async fn the_node_of_a_cluster_that_has_the_keys_is_found() {
    let cluster = ["--cluster-enabled", "yes"];
    let (Some(one), Some(other)) = (Server::with(&cluster), Server::with(&cluster)) else { return };
    let slot: u16 = redis::cmd("CLUSTER").arg("KEYSLOT").arg("{hilum}meta").query(&mut one.client()).unwrap();
    let last = slot.to_string();
    let (before, after) = ((slot - 1).to_string(), (slot + 1).to_string());
    ask(&one, &["CLUSTER", "ADDSLOTSRANGE", "0", &before, &after, "16383"]);
    ask(&other, &["CLUSTER", "ADDSLOTS", &last]);
    ask(&one, &["CLUSTER", "SET-CONFIG-EPOCH", "1"]);
    ask(&other, &["CLUSTER", "SET-CONFIG-EPOCH", "2"]);
    ask(&one, &["CLUSTER", "MEET", "127.0.0.1", &other.port().to_string()]);
    until(&one, &["CLUSTER", "INFO"], "cluster_state:ok");
    until(&other, &["CLUSTER", "INFO"], "cluster_state:ok");
    let (here, there) = (Place::new(), Place::new());
    // The one that is named has all slots but ours.
    let settings = RedisSettings { url: one.url(), ..RedisSettings::default() };
    let (memory, redis) = (in_memory(&here), in_redis_at(&there, settings));
    day(&here, 1).await;
    day(&there, 1).await;
    follow(&memory, 1_000_000_000).await;
    follow(&redis, 1_000_000_000).await;
    assert_eq!(people(&memory, PEOPLE).await, people(&redis, PEOPLE).await);
    assert_eq!(ask(&one, &["DBSIZE"]), "int(0)");
    assert_ne!(ask(&other, &["DBSIZE"]), "int(0)");
}
