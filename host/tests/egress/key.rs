//! A service account's key, made once for all tests, and the check of what it signed by a library that the host does not
//! sign with.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rbm_host::{Credentials, ServiceAccount};
use serde_json::{Value, json};
use std::sync::LazyLock;

static KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());

/// A key file as Google's console writes it.
pub(crate) fn key_file(token_uri: &str) -> Value {
    json!({
        "type": "service_account",
        "project_id": "a-project",
        "private_key_id": KEY_ID,
        "private_key": private_key(),
        "client_email": EMAIL,
        "client_id": "100000000000000000000",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": token_uri,
        "universe_domain": "googleapis.com",
    })
}

pub(crate) fn account(token_uri: &str) -> ServiceAccount {
    ServiceAccount::from_json(&key_file(token_uri).to_string(), SCOPE).unwrap()
}

pub(crate) fn credentials(token_uri: &str) -> Credentials {
    Credentials::service_account(account(token_uri))
}

pub(crate) fn private_key() -> String {
    let private: Pkcs8V1Der<'_> = KEY.as_der().unwrap();
    pem("PRIVATE KEY", private.as_ref())
}

pub(crate) fn public_key() -> Vec<u8> {
    KEY.public_key().as_ref().to_vec()
}

pub(crate) fn pem(label: &str, content: &[u8]) -> String {
    let encoded = STANDARD.encode(content);
    let lines: Vec<&str> = encoded
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// The header and the claims of an assertion that this key has signed.
pub(crate) fn open(assertion: &str) -> (Value, Value) {
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key());
    key.verify(
        signed.as_bytes(),
        &URL_SAFE_NO_PAD.decode(signature).unwrap(),
    )
    .expect("signed with this key");
    let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    (read(header), read(claims))
}

/// The fields of a form.
pub(crate) fn form(body: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

/// What was sent to buy a token.
pub(crate) fn assertion(body: &[u8]) -> String {
    form(body)
        .into_iter()
        .find(|(name, _)| name == "assertion")
        .unwrap()
        .1
}

pub(crate) const EMAIL: &str = "sender@a-project.iam.gserviceaccount.com";
pub(crate) const KEY_ID: &str = "0123456789abcdef0123456789abcdef01234567";
pub(crate) const SCOPE: &str = "https://www.googleapis.com/auth/rcsbusinessmessaging";
