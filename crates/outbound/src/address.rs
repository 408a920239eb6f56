//! Where a client may connect to: looked up once, checked, pinned.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use reqwest::Url;

use crate::client::Failure;

/// A server that may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Scheme, host and port; a path of the server's own, without a `/` at its end.
    pub(crate) base: String,
    pub(crate) host: String,
    pub(crate) pinned: Vec<SocketAddr>,
}

/// Addresses of one name; more are taken for an error.
const ADDRESSES_MAX: usize = 64;

/// This machine.
pub fn loopback() -> Vec<IpNet> {
    ["127.0.0.0/8", "::1/128"].map(|network| network.parse().expect("a network")).to_vec()
}

impl Address {
    /// Looks up a server such as `http://127.0.0.1:8080`. Every address of its name must lie in one of `networks`.
    pub async fn find(url: &str, networks: &[IpNet]) -> Result<Address, Failure> {
        let (url, host, port) = read(url)?;
        let found = tokio::net::lookup_host((host.as_str(), port)).await;
        let pinned: Vec<SocketAddr> = found.map_err(|_| Failure::Unknown(host.clone()))?.take(ADDRESSES_MAX).collect();
        if pinned.is_empty() {
            return Err(Failure::Unknown(host));
        }
        match pinned.iter().find(|address| !permitted(address.ip(), networks)) {
            Some(outside) => Err(Failure::NotAllowed(outside.ip())),
            None => Ok(Address { base: url.as_str().trim_end_matches('/').to_owned(), host, pinned }),
        }
    }
}

impl Address {
    /// Whether a listener at this address would be reached.
    pub fn reaches(&self, listener: SocketAddr) -> bool {
        let is_there =
            |ip: IpAddr| ip == listener.ip().to_canonical() || (listener.ip().is_unspecified() && ip.is_loopback());
        self.pinned.iter().any(|pinned| pinned.port() == listener.port() && is_there(pinned.ip().to_canonical()))
    }
}

/// The parts of a server's address: its url, host and port.
fn read(text: &str) -> Result<(Url, String, u16), Failure> {
    let bad = |why: &'static str| Failure::BadAddress(why);
    let url = Url::parse(text).map_err(|_| bad("not a url; give one such as http://127.0.0.1:8080"))?;
    if url.scheme() != "http" {
        return Err(bad("only http:// is spoken yet"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(bad("give scheme, host and port; no user, query or fragment"));
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| bad("it names no host"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = url.port_or_known_default().ok_or_else(|| bad("it names no port"))?;
    Ok((url, host, port))
}

fn permitted(address: IpAddr, networks: &[IpNet]) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_allowed_networks_are_reached() {
        for (url, reached) in [
            ("http://127.0.0.1:8080", true),
            ("http://127.0.0.1:8080/", true),
            ("http://[::1]:8080", true),
            ("http://[::ffff:127.0.0.1]:80", true),
            ("http://localhost:8080", true),
            ("http://10.1.2.3:8080", false),
            ("http://169.254.169.254/", false),
            ("http://0x7f000001:1", true),
            ("http://[::ffff:10.1.2.3]:80", false),
        ] {
            let found = Address::find(url, &loopback()).await;
            match found {
                Ok(address) => assert!(reached && !address.base.ends_with('/'), "{url}"),
                Err(failure) => assert!(!reached && matches!(failure, Failure::NotAllowed(_)), "{url}: {failure}"),
            }
        }
    }

    #[tokio::test]
    async fn a_listener_is_known_by_any_of_its_names() {
        let listener = |text: &str| text.parse().expect("an address");
        for (url, at, reached) in [
            ("http://127.0.0.1:8080/x", "127.0.0.1:8080", true),
            ("http://0x7f000001:8080", "127.0.0.1:8080", true),
            ("http://[::ffff:127.0.0.1]:8080", "127.0.0.1:8080", true),
            ("http://127.0.0.1:8080", "0.0.0.0:8080", true),
            ("http://127.0.0.1:8081", "127.0.0.1:8080", false),
            ("http://127.0.0.2:8080", "127.0.0.1:8080", false),
        ] {
            let address = Address::find(url, &loopback()).await.expect("loopback");
            assert_eq!(address.reaches(listener(at)), reached, "{url} {at}");
        }
    }

    #[tokio::test]
    async fn what_is_no_address_is_refused() {
        for url in
            ["127.0.0.1:8080", "https://127.0.0.1", "http://u:p@127.0.0.1", "http://127.0.0.1/?q", "file:///x", ""]
        {
            let failure = Address::find(url, &loopback()).await.expect_err(url);
            assert!(matches!(failure, Failure::BadAddress(_)), "{url}: {failure}");
        }
    }
}
