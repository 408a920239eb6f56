//! A Redis that lets in only who has a password, may do only what the index needs, and speaks TLS.

use std::net::TcpListener;

use identity::Secret;
use identity::index::{Index, Redis, RedisSettings};
use identity::worker::Trouble;

use crate::server::Server;
use crate::{BLOCK_MAX, ID_KEY, Random, at, like, log, patient, put, registration, settings};

/// All that the user of the index may do; the README tells operators the same.
const RIGHTS: &str = "-@all +evalsha +script|load +info +scan +hget +hmget +hset +hdel +hincrby +get +set \
                      +del +unlink";

async fn begin(settings: RedisSettings) -> Result<Index, Trouble> {
    let mut index = Index::Redis(Box::new(Redis::new(settings, &ID_KEY, Secret::default()).unwrap()));
    index.begin(&log("one", 1, 5)).await?;
    Ok(index)
}

/// Puts, finds and takes away.
async fn works(mut index: Index) {
    // More than a packed block holds, so that every command is needed.
    let of = |number: u64| put(registration(&patient(&format!("p{number}"), &mut Random(number % 3))), 1);
    index.put((0..90).map(of).collect()).await.unwrap();
    index.mark_whole(at(5)).await.unwrap();
    assert!(index.look_up(&[like(&of(0))], BLOCK_MAX).await.unwrap()[0].len() >= 29);
    let ids: Vec<String> = (0..80).map(|number| format!("p{number}")).collect();
    index.remove(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(index.size().await.unwrap(), 10);
    index.begin(&log("two", 2, 5)).await.unwrap();
}

#[tokio::test]
async fn a_user_who_may_do_nothing_else_is_enough() {
    let Some(server) = Server::start() else { return };
    let mut rights = redis::cmd("ACL");
    rights
        .arg("SETUSER")
        .arg("hilum")
        .arg("on")
        .arg(">opensesame")
        .arg("~{hilum}*")
        .arg(RIGHTS.split(' ').filter(|right| !right.is_empty()).collect::<Vec<_>>());
    rights.exec(&mut server.client()).unwrap();
    redis::cmd("ACL").arg("SETUSER").arg("default").arg("off").exec(&mut server.client()).unwrap();
    let (user, password) = (server.dir().join("user"), server.dir().join("password"));
    std::fs::write(&user, "hilum\n").unwrap();
    std::fs::write(&password, "opensesame\n").unwrap();
    let with = |password| RedisSettings {
        username_file: Some(user.clone()),
        password_file: Some(password),
        ..settings(&server)
    };
    works(begin(with(password)).await.unwrap()).await;
    let wrong = server.dir().join("wrong");
    std::fs::write(&wrong, "letmein").unwrap();
    assert_eq!(begin(with(wrong)).await.err(), Some(Trouble::Warming));
    assert_eq!(begin(settings(&server)).await.err(), Some(Trouble::Warming));
}

#[tokio::test]
async fn over_tls_only_who_is_signed_for_is_spoken_to() {
    let Some(mut server) = Server::start() else { return };
    server.kill();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = |name: &str, text: String| {
        let path = server.dir().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (cert, key) = (file("cert.pem", made.cert.pem()), file("key.pem", made.signing_key.serialize_pem()));
    let other = file("other.pem", other.cert.pem());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let paths = [cert.to_str().unwrap(), key.to_str().unwrap()];
    server.restart(&[
        "--tls-port",
        &port,
        "--tls-auth-clients",
        "no",
        "--tls-cert-file",
        paths[0],
        "--tls-key-file",
        paths[1],
    ]);
    let url = format!("rediss://localhost:{port}/0");
    let with = |ca| RedisSettings { url: url.clone(), tls_ca_file: Some(ca), ..RedisSettings::default() };
    works(begin(with(cert)).await.unwrap()).await;
    assert_eq!(begin(with(other)).await.err(), Some(Trouble::Warming));
    let plain =
        RedisSettings { url: format!("redis://localhost:{port}/0"), timeout_ms: 500, ..RedisSettings::default() };
    assert_eq!(begin(plain).await.err(), Some(Trouble::Warming));
}
