//! Reads the certificate and its key: that both are what they are said to be, and that they belong together. Whether it is the
//! right one and still good is for those who connect to say.

use super::finding::{Finding, Rule};
use super::reading::{Section, Wrong};
use crate::excerpt::{path, remark};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;

/// `[server.tls]`: TLS 1.2 and 1.3, as rustls thinks right.
pub(super) fn read_tls(section: &Section<'_>) -> Result<Arc<ServerConfig>, Wrong> {
    let (certificates, key) = (certificates(section), key(section));
    let ((file, certificates), key) = (certificates.ok_or(Wrong)?, key.ok_or(Wrong)?);
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(certificates, key)
        });
    let refuse = |problem| {
        refuse(
            section,
            "certificate_file",
            &file,
            format!("cannot be used with the key: {}", remark(problem)),
        );
        Wrong
    };
    config.map(Arc::new).map_err(refuse)
}

/// With the file that they are in.
fn certificates(section: &Section<'_>) -> Option<(PathBuf, Vec<CertificateDer<'static>>)> {
    let (file, text) = pem(section, "certificate_file", Readers::Anybody)?;
    let found = CertificateDer::pem_slice_iter(text.expose_secret().as_bytes())
        .collect::<Result<Vec<_>, _>>();
    match found {
        Ok(found) if found.is_empty() => refuse(
            section,
            "certificate_file",
            &file,
            "has no certificate in PEM",
        ),
        Ok(found) => return Some((file, found)),
        Err(problem) => {
            refuse(
                section,
                "certificate_file",
                &file,
                format!("is no certificate in PEM: {}", remark(problem)),
            );
        }
    }
    None
}

fn key(section: &Section<'_>) -> Option<PrivateKeyDer<'static>> {
    let (file, text) = pem(section, "key_file", Readers::Owner)?;
    // What is wrong with it is not said in the library's words, which may have a part of it.
    let refuse = |_| refuse(section, "key_file", &file, "has no private key in PEM");
    PrivateKeyDer::from_pem_slice(text.expose_secret().as_bytes())
        .map_err(refuse)
        .ok()
}

/// Who may read a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Readers {
    Anybody,
    Owner,
}

fn pem(section: &Section<'_>, name: &str, readers: Readers) -> Option<(PathBuf, SecretString)> {
    section.require(name, "TLS needs a certificate and its key");
    let file = section.file_path(name)?;
    let content = section.file(name, &file)?;
    if content.readable_by_others && readers == Readers::Owner {
        section.warn_readable(name, &file);
    }
    Some((file, content.text))
}

fn refuse(section: &Section<'_>, name: &str, file: &std::path::Path, what: impl Display) {
    let message = format!("{} names {}, which {what}", section.at(name), path(file));
    section.find(Finding::error(
        Rule::Certificate,
        message,
        section.origin_of(name),
    ));
}
