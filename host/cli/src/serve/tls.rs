//! A certificate and its key, as they are in their files now.

use crate::config::Tls;
use crate::excerpt;
use crate::exit::Failure;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

/// TLS 1.2 and 1.3, as rustls thinks right.
pub(super) fn load(files: &Tls) -> Result<Arc<ServerConfig>, Failure> {
    let (certificate_file, key_file) = (&files.certificate_file, &files.key_file);
    let certificates = CertificateDer::pem_file_iter(certificate_file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = certificates.map_err(|problem| refused(certificate_file, problem))?;
    if certificates.is_empty() {
        return Err(refused(certificate_file, "there is no certificate in it"));
    }
    let key = PrivateKeyDer::from_pem_file(key_file).map_err(|problem| refused(key_file, problem))?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(anyhow::Error::from)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|problem| refused(certificate_file, format!("it does not go with the key: {problem}")))?;
    Ok(Arc::new(config))
}

fn refused(file: &Path, problem: impl Display) -> Failure {
    Failure::usage(format!("server.tls: {}: {problem}", excerpt::path(file)))
}
