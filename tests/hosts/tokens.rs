//! Buys a token of the twin with its key file, as somebody who renews tokens for a host does.

use crate::emulating::Emulate;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// One for the whole API.
pub(crate) async fn buy(emulate: &Emulate) -> String {
    let client = reqwest::Client::new();
    let account = client
        .get(emulate.ready["service_account"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    let account: Value = serde_json::from_str(&account.text().await.unwrap()).unwrap();
    let form = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={}",
        assertion(&account)
    );
    let request = client.post(account["token_uri"].as_str().unwrap());
    let request = request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    let answer: Value =
        serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap();
    answer["access_token"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}

/// RFC 7523 §2.1, by RFC 7515.
fn assertion(account: &Value) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": account["private_key_id"] });
    let claims = json!({
        "iss": account["client_email"], "aud": account["token_uri"], "iat": now, "exp": now + 3600,
        "scope": "https://www.googleapis.com/auth/rcsbusinessmessaging",
    });
    let signed = [header, claims]
        .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
        .join(".");
    let pem = account["private_key"]
        .as_str()
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect::<String>();
    let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(pem).unwrap()).unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        signed.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
