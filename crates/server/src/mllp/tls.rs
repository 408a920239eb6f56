//! TLS around MLLP: certificates and keys from PEM files, TLS 1.2 and 1.3, aws-lc.
//!
//! Where a CA file for clients is configured, a peer without a certificate of it is refused in the handshake, before it can
//! send a byte of a message. Revocation lists are not read: a certificate is taken back by taking back its CA or its address.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// The files of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFiles {
    /// Our certificate and those above it, in PEM.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Who signs the certificates that clients must show; None: clients need none.
    pub client_ca: Option<PathBuf>,
}

/// The files of a side that connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFiles {
    /// Who signs the server's certificate.
    pub ca: PathBuf,
    /// Our certificate and key, where the server asks for them.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Where Debian and its like keep the certificate authorities of the public web.
pub const SYSTEM_CA: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What accepts connections. An error names the file, never its content.
pub fn acceptor(files: &ServerFiles) -> Result<TlsAcceptor, String> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|fault| format!("tls cannot be set up: {fault}"))?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(path)?), provider());
            builder.with_client_cert_verifier(verifier.build().map_err(|fault| at(path, fault))?)
        }
    };
    let config = builder
        .with_single_cert(certificates(&files.certificate)?, key(&files.key)?)
        .map_err(|fault| format!("{} with {}: {fault}", files.certificate.display(), files.key.display()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// What connects. An error names the file, never its content.
pub fn connector(files: &ClientFiles) -> Result<TlsConnector, String> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|fault| format!("tls cannot be set up: {fault}"))?
        .with_root_certificates(roots(&files.ca)?);
    let config = match &files.identity {
        None => builder.with_no_client_auth(),
        Some((certificate, path)) => builder
            .with_client_auth_cert(certificates(certificate)?, key(path)?)
            .map_err(|fault| format!("{} with {}: {fault}", certificate.display(), path.display()))?,
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The name that the server's certificate has to bear: the host of `host:port`.
pub fn server_name(address: &str) -> Result<ServerName<'static>, String> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(host.to_owned())
        .map_err(|_| format!("{address} has no host name that a certificate could bear"))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn roots(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates(path)?);
    if added == 0 { Err(at(path, "no usable certificate in it")) } else { Ok(roots) }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(|found| found.collect::<Result<Vec<_>, _>>());
    match read {
        Ok(found) if found.is_empty() => Err(at(path, "no certificate in it: give a PEM file")),
        Ok(found) => Ok(found),
        Err(fault) => Err(at(path, fault)),
    }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(path).map_err(|fault| at(path, fault))
}

fn at(path: &Path, fault: impl std::fmt::Display) -> String {
    format!("{}: {fault}", path.display())
}
