//! MLLP over TLS, with an authority of the tests' own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::directory::Directory;
use crate::support::message::adt;
use crate::support::mllp::{Line, connect};
use crate::support::server::{Hilum, WARD};

/// An authority, and what it signs.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Authority(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for this name and its key, in PEM.
    fn sign(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        (params.signed_by(&key, &self.0).expect("signed").pem(), key.serialize_pem())
    }
}

/// A listener with a certificate of the authority, which asks for one of `clients` where given.
fn serving(authority: &Authority, clients: Option<&Authority>) -> Hilum {
    let files = Directory::new();
    let (certificate, key) = authority.sign("localhost");
    let path = |name: &str, content: &str| format!("{:?}", files.write(name, content).display().to_string());
    let mut source = format!(
        "{WARD}tls_certificate_file = {}\ntls_key_file = {}\n",
        path("certificate.pem", &certificate),
        path("key.pem", &key)
    );
    if let Some(clients) = clients {
        source.push_str(&format!("tls_client_ca_file = {}\n", path("clients.pem", &clients.pem())));
    }
    Hilum::configured(&source)
}

type Tls = StreamOwned<ClientConnection, TcpStream>;

fn stream(address: &str, trusted: &Authority, identity: Option<(String, String)>) -> Tls {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.0.der().clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let builder = builder.with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("PEM");
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
            builder.with_client_auth_cert(vec![certificate], key).expect("a pair")
        }
    };
    let name = "localhost".try_into().expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
    StreamOwned::new(connection, connect(address))
}

/// Whether anything can be said over it.
fn is_refused(mut stream: Tls) -> bool {
    let mut byte = [0];
    stream.write_all(b"\x0BMSH").and_then(|()| stream.flush()).and_then(|()| stream.read_exact(&mut byte)).is_err()
}

#[test]
fn messages_go_through_tls() {
    let authority = Authority::new();
    let hilum = serving(&authority, None);
    let mut line = Line::over(stream(hilum.mllp(0), &authority, None));
    line.accepted(&adt("A28", "20260301", "PID|1||40017^^^NORTH^MR||Maran^Ilse||19710304|F"));
    hilum.fhir().one("Patient?identifier=40017");

    // Our own sender believes the authority that it is given, and no other.
    let file = hilum.directory().write("one.hl7", adt("A28", "20260301", "PID|1||40018^^^NORTH^MR||Quist^Tore"));
    let ca = hilum.directory().write("ca.pem", authority.pem());
    let other = hilum.directory().write("other.pem", Authority::new().pem());
    let address = hilum.mllp(0).replace("127.0.0.1", "localhost");
    let send = |ca: &std::path::Path| {
        let text = |path: &std::path::Path| path.to_str().expect("UTF-8").to_owned();
        crate::support::cli::hilum(&["send", &address, &text(&file), "--ca", &text(ca)])
    };
    assert!(send(&ca).done().out.contains("MSA|AA|"));
    let refused = send(&other);
    assert_eq!(refused.code, 3, "{refused:?}");
}

#[test]
fn who_does_not_speak_tls_is_not_heard() {
    let authority = Authority::new();
    let hilum = serving(&authority, None);
    let mut plain = hilum.line();
    plain.write(b"\x0BMSH|^~\\&|HIS|NORTH\r\x1C\r");
    let mut heard = [0; 1];
    // At most an alert of TLS comes back, never an answer of HL7.
    let mut socket = connect(hilum.mllp(0));
    socket.write_all(b"\x0BMSH|^~\\&|HIS|NORTH\r\x1C\r").expect("written");
    assert!(socket.read_exact(&mut heard).is_err() || heard[0] != 0x0B);
    Line::over(stream(hilum.mllp(0), &authority, None)).accepted(&adt(
        "A28",
        "20260301",
        "PID|1||40017^^^NORTH^MR||Maran^Ilse",
    ));
}

#[test]
fn a_client_without_the_right_certificate_is_refused_before_its_first_message() {
    let (authority, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let hilum = serving(&authority, Some(&clients));
    assert!(is_refused(stream(hilum.mllp(0), &authority, None)), "no certificate");
    assert!(is_refused(stream(hilum.mllp(0), &authority, Some(others.sign("localhost")))), "of another authority");
    let mut line = Line::over(stream(hilum.mllp(0), &authority, Some(clients.sign("lab.example"))));
    line.accepted(&adt("A28", "20260301", "PID|1||40017^^^NORTH^MR||Maran^Ilse"));
}
