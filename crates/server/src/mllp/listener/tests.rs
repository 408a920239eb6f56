//! The door over real sockets on loopback: strangers, places, certificates, drain.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use super::*;
use crate::mllp::tls::{ClientFiles, ServerFiles};
use crate::mllp::{Client, Failure};
use crate::source::Mllp;

const MESSAGE: &[u8] = b"MSH|^~\\&|A|B|C|D|20260102||ADT^A01|77|P|2.5\r";
const LIMIT: Duration = Duration::from_secs(30);

/// A door that is open, and what closes it.
struct Open {
    address: SocketAddr,
    count: Arc<Count>,
    drain: watch::Sender<bool>,
    served: JoinHandle<()>,
}

/// Opens the door of a source with these settings; its intake answers AA to message 77.
async fn open(peers: &str, connections_max: usize, tls: Option<ServerFiles>) -> Open {
    let limits = Limits { connections_max, ..Limits::default() };
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let source = Source {
        mllp: Some(Mllp { address: any_port, tls, limits }),
        peers: vec![peers.parse().expect("a network")],
        ..Source::demo(any_port)
    };
    let listener = Listener::bind(Arc::new(source), Places::new(8)).await.expect("a free port");
    let take: Take = Arc::new(|_, _| Box::pin(async { vec![b"MSH|^~\\&\rMSA|AA|77\r".to_vec()] }));
    let (address, count) = (listener.address().expect("bound"), listener.count());
    let (drain, draining) = watch::channel(false);
    let served = tokio::spawn(listener.serve(take, draining, LIMIT));
    Open { address, count, drain, served }
}

impl Open {
    async fn call(&self) -> Result<Client, Failure> {
        Client::connect(&self.address.to_string(), None, LIMIT).await
    }

    async fn close(self) {
        self.drain.send_replace(true);
        self.served.await.expect("it ends with the drain");
        assert_eq!(self.count.open.get(), 0, "a conversation was left open");
    }
}

#[tokio::test]
async fn a_permitted_peer_is_answered() {
    let door = open("127.0.0.0/8", 8, None).await;
    let mut client = door.call().await.expect("let in");
    assert!(client.exchange(MESSAGE, LIMIT).await.expect("answered").is_accepted());
    assert!(client.exchange(MESSAGE, LIMIT).await.expect("answered").is_accepted());
    assert_eq!((door.count.open.get(), door.count.frames.get()), (1, 2));
    door.close().await;
}

#[tokio::test]
async fn a_stranger_is_closed_unread_and_listed() {
    let door = open("10.0.0.0/8", 8, None).await;
    for _ in 0..3 {
        let mut stranger = TcpStream::connect(door.address).await.expect("the port is open");
        let _ = stranger.write_all(MESSAGE).await;
        let mut heard = Vec::new();
        let _ = stranger.read_to_end(&mut heard).await;
        assert!(heard.is_empty(), "a stranger was answered");
    }
    assert_eq!(door.count.refused(Refused::Peer), 3);
    assert_eq!(door.count.strangers.list(), [("127.0.0.1".parse().expect("an address"), 3)]);
    assert_eq!((door.count.bytes.get(), door.count.accepted.get()), (0, 0));
    door.close().await;
}

#[tokio::test]
async fn who_finds_no_place_is_closed_until_somebody_leaves() {
    let door = open("127.0.0.0/8", 1, None).await;
    let mut first = door.call().await.expect("let in");
    first.exchange(MESSAGE, LIMIT).await.expect("answered");
    let mut second = door.call().await.expect("the port is open");
    assert!(matches!(second.exchange(MESSAGE, LIMIT).await, Err(Failure::Line(_))));
    assert_eq!(door.count.refused(Refused::Full), 1);
    drop(first);
    while door.count.open.get() > 0 {
        tokio::task::yield_now().await;
    }
    let mut third = door.call().await.expect("let in");
    // The place is given back a moment after the count.
    while third.exchange(MESSAGE, LIMIT).await.is_err() {
        third = door.call().await.expect("the port is open");
    }
    door.close().await;
}

#[tokio::test]
async fn draining_closes_the_port_and_idle_connections() {
    let door = open("127.0.0.0/8", 8, None).await;
    let mut client = door.call().await.expect("let in");
    client.exchange(MESSAGE, LIMIT).await.expect("answered");
    let address = door.address;
    door.close().await;
    assert!(matches!(client.exchange(MESSAGE, LIMIT).await, Err(Failure::Line(_))));
    assert!(TcpStream::connect(address).await.is_err(), "the port is still open");
}

/// PEM files of a small authority, in a directory that goes with it.
struct Authority {
    directory: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Authority {
        let directory = std::env::temp_dir().join(format!("hilum-tls-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("writable");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed");
        std::fs::write(directory.join("ca.pem"), issuer.pem()).expect("writable");
        Authority { directory, issuer }
    }

    /// A certificate for a host, and its key.
    fn issue(&self, host: &str, usage: ExtendedKeyUsagePurpose) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([host.to_owned()]).expect("a host name");
        params.extended_key_usages = vec![usage];
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        let place = |ending: &str| self.directory.join(format!("{host}.{ending}"));
        std::fs::write(place("crt"), certificate.pem()).expect("writable");
        std::fs::write(place("key"), key.serialize_pem()).expect("writable");
        (place("crt"), place("key"))
    }

    fn ca(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

async fn over_tls(door: &Open, ca: &Path, identity: Option<(PathBuf, PathBuf)>) -> bool {
    let connector = tls::connector(&ClientFiles { ca: ca.to_owned(), identity }).expect("good files");
    match Client::connect(&door.address.to_string(), Some(&connector), LIMIT).await {
        Ok(mut client) => client.exchange(MESSAGE, LIMIT).await.is_ok_and(|exchange| exchange.is_accepted()),
        Err(_) => false,
    }
}

#[tokio::test]
async fn over_tls_with_certificates_of_both_sides() {
    let (site, other) = (Authority::new("site"), Authority::new("other"));
    let (certificate, key) = site.issue("127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth);
    let ours = site.issue("sender.example", ExtendedKeyUsagePurpose::ClientAuth);
    let foreign = other.issue("sender.example", ExtendedKeyUsagePurpose::ClientAuth);
    let tls = ServerFiles { certificate, key, client_ca: Some(site.ca()) };
    let door = open("127.0.0.0/8", 8, Some(tls)).await;
    assert!(over_tls(&door, &site.ca(), Some(ours.clone())).await, "a good certificate was refused");
    assert!(!over_tls(&door, &site.ca(), None).await, "let in without a certificate");
    assert!(!over_tls(&door, &site.ca(), Some(foreign)).await, "let in with another authority's certificate");
    assert!(!over_tls(&door, &other.ca(), Some(ours)).await, "the client trusted a server of another authority");
    let mut plain = door.call().await.expect("the port is open");
    assert!(plain.exchange(MESSAGE, LIMIT).await.is_err(), "answered without TLS");
    assert_eq!(door.count.frames.get(), 1);
    assert_eq!(door.count.refused(Refused::Tls), 4);
    door.close().await;
}

#[test]
fn a_bad_file_is_named() {
    let missing = ServerFiles { certificate: "no/such.crt".into(), key: "no/such.key".into(), client_ca: None };
    let fault = tls::acceptor(&missing).map(drop).expect_err("there is no such file");
    assert!(fault.starts_with("no/such.crt: "), "{fault}");
}
