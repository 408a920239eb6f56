//! How the index in Redis is reached. Secrets stand in files, never in the settings themselves.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, TlsCertificates};
use serde::Deserialize;

/// Bytes of a file with a user name, a password or certificates.
const FILE_BYTES_MAX: u64 = 1 << 20;
const PREFIX_BYTES_MAX: usize = 64;

/// The settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisSettings {
    /// `redis://host:port/db`, or `rediss://` for TLS.
    pub url: String,
    /// A file with the user name of an ACL.
    pub username_file: Option<PathBuf>,
    pub password_file: Option<PathBuf>,
    /// Certificates (PEM) that the server's has to be signed by; without it, those of the system.
    pub tls_ca_file: Option<PathBuf>,
    /// What all keys begin with. Redis Cluster keeps keys with the same word in braces in one place, which the scripts need.
    pub prefix: String,
    /// How long Redis may take to answer, milliseconds.
    pub timeout_ms: u64,
}

impl Default for RedisSettings {
    fn default() -> Self {
        RedisSettings {
            url: "redis://127.0.0.1:6379/0".to_owned(),
            username_file: None,
            password_file: None,
            tls_ca_file: None,
            prefix: "{hilum}".to_owned(),
            timeout_ms: 2_000,
        }
    }
}

impl RedisSettings {
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// Reads the files, and makes a client that has not connected yet: to whom the url names, or to the node of a cluster that
    /// was named instead, as host and port. The fault is said without any secret.
    pub(super) fn client(&self, node: Option<&str>) -> Result<Client, String> {
        let word = self.prefix.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let in_braces = word.is_some_and(|(word, _)| !word.is_empty());
        let plain = self.prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"{}-_.:".contains(&byte));
        if !in_braces || !plain || self.prefix.len() > PREFIX_BYTES_MAX {
            return Err("redis prefix: begins with a word of letters and digits in braces, such as {hilum}".to_owned());
        }
        if self.timeout_ms == 0 {
            return Err("redis timeout_ms: give at least 1".to_owned());
        }
        let url = self.url.as_str();
        let mut info: ConnectionInfo =
            url.into_connection_info().map_err(|_| "redis url: write it as redis://host:port/db".to_owned())?;
        let mut login = info.redis_settings().clone();
        if login.password().is_some() {
            return Err("redis url: a password stands in a file, see password_file".to_owned());
        }
        if let Some(file) = &self.username_file {
            login = login.set_username(read(file, "username_file")?.trim());
        }
        if let Some(file) = &self.password_file {
            login = login.set_password(read(file, "password_file")?.trim());
        }
        info = info.set_redis_settings(login);
        if let Some(node) = node {
            let addr = addr(info.addr(), node).ok_or("redis: a node of the cluster has no address that can be used")?;
            info = info.set_addr(addr);
        }
        if url.starts_with("rediss://") && rustls::crypto::CryptoProvider::get_default().is_none() {
            // Where somebody else was quicker, there is one now.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let made = match &self.tls_ca_file {
            None => Client::open(info),
            Some(file) => {
                if !url.starts_with("rediss://") {
                    return Err("redis tls_ca_file: the url has to begin with rediss://".to_owned());
                }
                let root_cert = Some(read(file, "tls_ca_file")?.into_bytes());
                Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert })
            }
        };
        made.map_err(|error| format!("redis: {error}"))
    }
}

/// The same way to another node.
fn addr(like: &ConnectionAddr, node: &str) -> Option<ConnectionAddr> {
    let (named, port) = node.rsplit_once(':')?;
    let port = port.parse().ok()?;
    match like {
        // A node that does not know its own name says only its port.
        ConnectionAddr::Tcp(host, _) => {
            Some(ConnectionAddr::Tcp(if named.is_empty() { host.clone() } else { named.to_owned() }, port))
        }
        ConnectionAddr::TcpTls { host, insecure, tls_params, .. } => Some(ConnectionAddr::TcpTls {
            host: if named.is_empty() { host.clone() } else { named.to_owned() },
            port,
            insecure: *insecure,
            tls_params: tls_params.clone(),
        }),
        _ => None,
    }
}

fn read(file: &PathBuf, setting: &str) -> Result<String, String> {
    let fault = |error: std::io::Error| format!("redis {setting}: {}: {error}", file.display());
    if fs::metadata(file).map_err(fault)?.len() > FILE_BYTES_MAX {
        return Err(format!("redis {setting}: {}: more than {FILE_BYTES_MAX} bytes", file.display()));
    }
    fs::read_to_string(file).map_err(fault)
}
