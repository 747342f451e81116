//! What a configuration comes to, from text, variables, flags and files that are made up here.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod agents;
mod errors;
mod layers;
mod page;
mod secrecy;

use super::read::{Outcome, Sources, read};
use super::render::Source;
use super::secret::Content;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{self, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use std::path::Path;
use std::sync::LazyLock;

/// The least that a gateway can be started with.
const LEAST: &str =
    "[agents.demo]\nagent_id = \"demo\"\nclient_token = \"c\"\nbearer_token = \"b\"\n";

/// Everything that was given, and what came of it.
struct Case {
    text: String,
    outcome: Outcome,
}

fn case(text: &str) -> Case {
    case_with(text, &[], &[])
}

fn case_with(text: &str, variables: &[(&str, &str)], flags: &[&str]) -> Case {
    let variable = |(name, value): &(&str, &str)| ((*name).to_owned(), Some((*value).to_owned()));
    let sources = Sources {
        text,
        directory: Path::new("/etc/rbm"),
        variables: &variables.iter().map(variable).collect::<Vec<_>>(),
        flags: &flags
            .iter()
            .map(|flag| (*flag).to_owned())
            .collect::<Vec<_>>(),
        read_file: &read_file,
    };
    Case {
        text: text.to_owned(),
        outcome: read(&sources),
    }
}

impl Case {
    fn source(&self) -> Source<'_> {
        Source {
            name: "rbm.toml",
            text: &self.text,
            is_toml: self.outcome.is_toml,
            hidden: &self.outcome.hidden,
        }
    }

    /// `3:1 error: …`, or who said it instead of the place.
    fn findings(&self) -> Vec<String> {
        let source = self.source();
        let line = |finding: &super::Finding| {
            let place = match source.position(&finding.origin) {
                Some(position) => format!("{}:{}", position.line, position.column),
                None => source.who(&finding.origin),
            };
            let severity = if finding.is_error() {
                "error"
            } else {
                "warning"
            };
            format!("{place} {severity}: {}", finding.message)
        };
        self.outcome.findings.iter().map(line).collect()
    }
}

/// The files that there are.
fn read_file(path: &Path) -> Result<Content, String> {
    let content = |text: &str| Content {
        text: text.into(),
        readable_by_others: false,
    };
    match path.to_str().unwrap() {
        "/etc/rbm/secrets/demo-service-account.json" => Ok(content(&KEY_FILE)),
        "/etc/rbm/secrets/shop-secret" => Ok(content("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")),
        "/etc/rbm/secrets/shop-next-secret" => {
            Ok(content("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx\n"))
        }
        "/etc/rbm/open" => Ok(Content {
            readable_by_others: true,
            ..content("o\n")
        }),
        "/etc/rbm/empty" => Ok(content("\n")),
        "/etc/rbm/two-lines" => Ok(content("a\n\n")),
        "/etc/rbm/windows" => Ok(content("w\r\n")),
        "/etc/rbm/secrets/certificate.pem" => Ok(content(&PAIR.cert.pem())),
        "/etc/rbm/secrets/key.pem" => Ok(content(&PAIR.signing_key.serialize_pem())),
        "/etc/rbm/open-key.pem" => Ok(Content {
            readable_by_others: true,
            ..content(&PAIR.signing_key.serialize_pem())
        }),
        "/etc/rbm/other-key.pem" => Ok(content(&KeyPair::generate().unwrap().serialize_pem())),
        "/etc/rbm/broken.pem" => Ok(content(
            "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n",
        )),
        path if path.starts_with("/etc/rbm/secrets/") => {
            Ok(content(&format!("{}\n", path.rsplit('/').next().unwrap())))
        }
        _ => Err("No such file or directory (os error 2)".to_owned()),
    }
}

/// A certificate and its key.
static PAIR: LazyLock<CertifiedKey<KeyPair>> =
    LazyLock::new(|| generate_simple_self_signed(["localhost".to_owned()]).unwrap());

/// A key file as Google's console writes it.
static KEY_FILE: LazyLock<String> = LazyLock::new(|| {
    let key = rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der.as_ref())
    );
    serde_json::json!({
        "type": "service_account",
        "private_key_id": "0123",
        "private_key": pem,
        "client_email": "sender@a-project.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    })
    .to_string()
});
