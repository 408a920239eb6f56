//! A configured source at run time: who may send us messages, and how what it sends is read (`safety.md` 2).
//!
//! MSH-3 and MSH-4 alone prove nothing: a source is first of all the addresses that it may come from. Nothing here reads a
//! message or opens a socket.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hl7v2::{Charset, Hd};
use ipnet::IpNet;
use jiff::tz::TimeZone;

pub use crate::config::OnPark;
use crate::config::{self, Trailer};
use crate::mllp;
use crate::mllp::tls::{ClientFiles, ServerFiles, server_name};

/// Somebody who sends.
#[derive(Debug)]
pub struct Source {
    /// In lists, metrics and logs.
    pub name: String,
    /// Where it reaches us over MLLP.
    pub mllp: Option<Mllp>,
    /// Where we reach it, because it listens.
    pub connect: Option<Connect>,
    /// Whether its peers may `POST /hl7v2`.
    pub http: bool,
    pub peers: Vec<IpNet>,
    /// MSH-4.
    pub facilities: Allowed,
    /// CX.4 of what names a person.
    pub assigners: Allowed,
    /// MSH-3.
    pub applications: Allowed,
    pub processing: Processing,
    pub on_park: OnPark,
    /// Whether it may ask who somebody is.
    pub queries: bool,
    pub options: hl7v2::Options,
    /// How what it says is translated.
    pub gateway: gateway::Source,
}

/// An MLLP listener.
#[derive(Debug)]
pub struct Mllp {
    pub address: SocketAddr,
    pub tls: Option<ServerFiles>,
    pub limits: mllp::Limits,
}

/// A sender that we connect to.
#[derive(Debug)]
pub struct Connect {
    /// `host:port`.
    pub address: String,
    pub tls: Option<ClientFiles>,
    pub limits: mllp::Limits,
}

/// Which names a source may use.
#[derive(Debug, PartialEq, Eq)]
pub enum Allowed {
    Any,
    These(Vec<String>),
}

/// Which processing ids (MSH-11) a source takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Processing {
    Production,
    /// Training and debugging.
    Test,
    /// The demonstration.
    Any,
}

impl Source {
    /// Checks what was configured. Every fault is said, each with the source and the key.
    pub fn new(table: &config::Source) -> Result<Source, Vec<String>> {
        let mut faults = Vec::new();
        let mut fault = |text: String| faults.push(format!("source {:?}: {text}", table.name));
        if table.name.is_empty() {
            fault("name is not given; it names the source in lists and ids".to_owned());
        }
        let is_called = table.mllp.is_some() || table.http;
        if !is_called && table.connect.is_none() {
            fault("give mllp an address to listen on, or connect a sender to reach, or set http = true".to_owned());
        }
        if table.mllp.is_some() && table.connect.is_some() {
            fault("mllp and connect are both given; make two sources of it".to_owned());
        }
        if is_called && table.peers.is_empty() {
            fault("peers is empty; list the addresses that it may come from, such as \"10.1.2.0/24\"".to_owned());
        }
        if table.facilities.is_empty() {
            fault("facilities is empty; list what it says in MSH-4, or \"*\" for anything".to_owned());
        }
        let charset = charset(table).unwrap_or_else(|text| {
            fault(text);
            None
        });
        let gateway = translation(table).unwrap_or_else(|text| {
            fault(text);
            gateway::Source::named(&table.name)
        });
        let tls = tls(table).unwrap_or_else(|text| {
            fault(text);
            None
        });
        let connect = connect(table, tls.as_ref()).unwrap_or_else(|text| {
            fault(text);
            None
        });
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Source {
            name: table.name.clone(),
            mllp: table.mllp.map(|address| Mllp { address, tls, limits: limits(table) }),
            connect,
            http: table.http,
            peers: table.peers.clone(),
            facilities: Allowed::of(&table.facilities),
            assigners: Allowed::of(&table.assigners),
            applications: Allowed::of(&table.applications),
            processing: if table.production { Processing::Production } else { Processing::Test },
            on_park: table.on_park,
            queries: table.queries,
            options: options(table, charset),
            gateway,
        })
    }

    /// The source of `serve --demo`: any sender on this machine, any processing id, over MLLP and HTTP.
    pub fn demo(address: SocketAddr) -> Source {
        let table = config::Source {
            name: "demo".to_owned(),
            mllp: Some(address),
            http: true,
            peers: loopback(),
            facilities: vec!["*".to_owned()],
            zone: Some("UTC".to_owned()),
            visit: ["account", "admission"].map(str::to_owned).to_vec(),
            ..config::Source::default()
        };
        let source = Source::new(&table).expect("the demonstration's source is well configured");
        Source { processing: Processing::Any, ..source }
    }

    /// What `serve --mllp ADDR` listens with where no source is configured: senders on this machine only.
    pub fn local(address: SocketAddr) -> Source {
        let table = config::Source {
            name: "mllp".to_owned(),
            mllp: Some(address),
            peers: loopback(),
            facilities: vec!["*".to_owned()],
            ..config::Source::default()
        };
        Source::new(&table).expect("the local source is well configured")
    }

    /// Whether it may come from this address.
    pub fn permits(&self, peer: IpAddr) -> bool {
        // A listener on [::] sees IPv4 peers as ::ffff:10.1.2.3.
        let peer = peer.to_canonical();
        self.peers.iter().any(|network| network.contains(&peer))
    }
}

impl Allowed {
    fn of(names: &[String]) -> Allowed {
        if names.iter().any(|name| name == "*") { Allowed::Any } else { Allowed::These(names.to_vec()) }
    }

    /// Whether what MSH-3 or MSH-4 says, by name or by universal id, is among these.
    pub fn permits(&self, sender: &Hd<'_>) -> bool {
        self.permits_names(&sender.namespace, &sender.universal_id)
    }

    pub fn permits_names(&self, namespace: &str, universal_id: &str) -> bool {
        match self {
            Allowed::Any => true,
            Allowed::These(names) => names.iter().any(|name| name == namespace || name == universal_id),
        }
    }
}

fn loopback() -> Vec<IpNet> {
    ["127.0.0.0/8", "::1/128"].map(|network| network.parse().expect("a network")).to_vec()
}

fn options(table: &config::Source, charset: Option<Charset>) -> hl7v2::Options {
    let mut options = hl7v2::Options { default_charset: charset, ..hl7v2::Options::default() };
    options.limits.message_bytes = table.message_bytes_max;
    options.limits.segments = table.segments_max;
    options
}

fn limits(table: &config::Source) -> mllp::Limits {
    let trailer = match table.trailer {
        Trailer::Cr => Some(b'\r'),
        Trailer::Nul => Some(0),
        Trailer::None => None,
    };
    let frame =
        hl7v2::mllp::Options { frame_bytes_max: table.message_bytes_max, trailer, ..hl7v2::mllp::Options::default() };
    mllp::Limits {
        frame,
        connections_max: table.connections_max,
        idle: Duration::from_secs(table.idle_seconds),
        half_frame: Duration::from_secs(table.frame_seconds),
        ..mllp::Limits::default()
    }
}

fn charset(table: &config::Source) -> Result<Option<Charset>, String> {
    let Some(name) = &table.charset else { return Ok(None) };
    let found = Charset::named(name).ok_or("charset is not known; use a name as in MSH-18, such as \"8859/1\"")?;
    Ok(Some(found))
}

fn translation(table: &config::Source) -> Result<gateway::Source, String> {
    let zone = match table.zone.as_deref() {
        None => None,
        Some(name) => {
            let known = TimeZone::get(name).map_err(|_| "zone is not known; use a name such as \"Europe/Berlin\"")?;
            Some(known)
        }
    };
    if let Some(other) = table.visit.iter().find(|word| !matches!(word.as_str(), "account" | "admission")) {
        return Err(format!("visit: {other:?} cannot stand for a visit; \"account\" and \"admission\" can"));
    }
    Ok(gateway::Source {
        zone,
        person_types: table.person_types.clone(),
        visit: table.visit.clone(),
        authorities: table.authorities.clone().into_iter().collect(),
        ..gateway::Source::named(&table.name)
    })
}

fn tls(table: &config::Source) -> Result<Option<ServerFiles>, String> {
    match (&table.tls_certificate_file, &table.tls_key_file) {
        (Some(certificate), Some(key)) => {
            let client_ca = table.tls_client_ca_file.clone();
            Ok(Some(ServerFiles { certificate: certificate.clone(), key: key.clone(), client_ca }))
        }
        (None, None) if table.tls_client_ca_file.is_none() => Ok(None),
        _ => Err("tls_certificate_file and tls_key_file go together".to_owned()),
    }
}

/// A sender that we connect to: the files of TLS are the same, but an authority to trust is needed where there are any.
fn connect(table: &config::Source, tls: Option<&ServerFiles>) -> Result<Option<Connect>, String> {
    let Some(address) = table.connect.clone() else { return Ok(None) };
    if address.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err()) || server_name(&address).is_err() {
        return Err("connect is no address; give host:port, such as \"lab.clinic.example:6661\"".to_owned());
    }
    let tls = match tls {
        None => None,
        Some(ServerFiles { client_ca: None, .. }) => {
            return Err(
                "connect over TLS needs tls_client_ca_file, the authority of the sender's certificate".to_owned()
            );
        }
        Some(ServerFiles { certificate, key, client_ca: Some(ca) }) => {
            Some(ClientFiles { ca: ca.clone(), identity: Some((certificate.clone(), key.clone())) })
        }
    };
    Ok(Some(Connect { address, tls, limits: limits(table) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> config::Source {
        config::Source {
            name: "acme".to_owned(),
            mllp: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            peers: vec!["10.1.2.0/24".parse().expect("a network"), "::1/128".parse().expect("a network")],
            facilities: vec!["ACME".to_owned(), "1.2.3".to_owned()],
            ..config::Source::default()
        }
    }

    #[test]
    fn only_permitted_peers_and_facilities() {
        let source = Source::new(&table()).expect("well configured");
        for (peer, permitted) in
            [("10.1.2.3", true), ("10.1.3.3", false), ("::ffff:10.1.2.9", true), ("::1", true), ("127.0.0.1", false)]
        {
            assert_eq!(source.permits(peer.parse().expect("an address")), permitted, "{peer}");
        }
        let hd = |namespace: &'static str, universal: &'static str| Hd {
            namespace: namespace.into(),
            universal_id: universal.into(),
            universal_id_type: "ISO".into(),
        };
        for (sender, permitted) in
            [(hd("ACME", ""), true), (hd("", "1.2.3"), true), (hd("acme", ""), false), (hd("", ""), false)]
        {
            assert_eq!(source.facilities.permits(&sender), permitted, "{sender:?}");
        }
        assert!(source.applications.permits(&hd("", "")), "any by default");
        assert_eq!(source.processing, Processing::Production);
    }

    #[test]
    fn a_source_that_is_not_complete_is_refused_key_by_key() {
        let incomplete = config::Source { name: "x".to_owned(), ..config::Source::default() };
        let faults = Source::new(&incomplete).expect_err("nothing is given");
        for key in ["mllp", "facilities"] {
            assert!(faults.iter().any(|fault| fault.starts_with("source \"x\": ") && fault.contains(key)), "{key}");
        }
        type Break = fn(&mut config::Source);
        let cases: [(&str, Break); 8] = [
            ("both given", |table| table.connect = Some("lab.example:6661".to_owned())),
            ("connect is no address", |table| (table.mllp, table.connect) = (None, Some("lab.example".to_owned()))),
            ("connect over TLS needs", |table| {
                (table.mllp, table.connect) = (None, Some("lab.example:6661".to_owned()));
                table.tls_certificate_file = Some("cert.pem".into());
                table.tls_key_file = Some("key.pem".into());
            }),
            ("zone is not known", |table| table.zone = Some("Mars/Olympus".to_owned())),
            ("charset is not known", |table| table.charset = Some("klingon".to_owned())),
            ("go together", |table| table.tls_key_file = Some("key.pem".into())),
            ("go together", |table| table.tls_client_ca_file = Some("ca.pem".into())),
            ("cannot stand for a visit", |table| table.visit = vec!["message".to_owned()]),
        ];
        for (expected, spoil) in cases {
            let mut table = table();
            spoil(&mut table);
            let faults = Source::new(&table).expect_err(expected);
            assert!(faults.len() == 1 && faults[0].contains(expected), "{faults:?}");
        }
    }
}
