//! A key file that is of no use says why when it is read, without the key.

use crate::key::{SCOPE, key_file, pem, private_key, public_key};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use rbm_host::{KeyProblem, ServiceAccount};
use serde_json::{Value, json};

#[test]
fn what_google_gives_out_is_taken() {
    assert!(read(&key_file(GOOGLE)).is_ok());
    assert!(
        read(&with(
            "private_key",
            json!(private_key().replace('\n', "\r\n"))
        ))
        .is_ok()
    );
    assert!(read(&without("private_key_id")).is_ok());
}

#[test]
fn what_is_no_key_file_is_refused_with_the_place() {
    let cut = key_file(GOOGLE).to_string();
    for (name, file, place) in [
        ("nothing", "", "line 1, column 0"),
        ("a word", "key.json", "line 1, column 1"),
        ("a list", "[1]", "line 1, column 2"),
        ("a key in PEM", &private_key(), "line 1, column 2"),
        (
            "a file cut short",
            &cut[..cut.len() - 1],
            &format!("line 1, column {}", cut.len() - 1),
        ),
        (
            "a field of another type",
            "{\n\"type\": 1}",
            "line 2, column 9",
        ),
        (
            "a field that is null",
            "{\n\"client_email\": null}",
            "line 2, column 20",
        ),
    ] {
        let problem = ServiceAccount::from_json(file, SCOPE).expect_err(name);
        assert!(
            matches!(problem, KeyProblem::NotAKeyFile(_)),
            "{name}: {problem}"
        );
        assert_eq!(
            problem.to_string(),
            format!("not a service account's key file: {place}"),
            "{name}"
        );
    }
}

#[test]
fn credentials_of_another_kind_are_refused_by_their_kind() {
    for (file, kind) in [
        (
            json!({ "type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c" }),
            "authorized_user",
        ),
        (
            json!({ "type": "external_account", "audience": "a", "token_url": "b", "credential_source": {} }),
            "external_account",
        ),
        (with("type", json!("SERVICE_ACCOUNT")), "SERVICE_ACCOUNT"),
        (
            json!({ "installed": { "client_id": "a", "client_secret": "b" } }),
            "",
        ),
        (without("type"), ""),
    ] {
        let problem = read(&file).expect_err(kind);
        let said = format!("the key file's `type` is {kind:?}, and must be \"service_account\"");
        assert!(
            matches!(problem, KeyProblem::OtherKind(_)),
            "{kind}: {problem}"
        );
        assert_eq!(problem.to_string(), said);
    }
}

#[test]
fn a_missing_field_is_named() {
    for field in ["client_email", "private_key", "token_uri"] {
        for file in [without(field), with(field, json!(""))] {
            let problem = read(&file).expect_err(field);
            assert!(
                matches!(problem, KeyProblem::Missing(_)),
                "{field}: {problem}"
            );
            assert_eq!(
                problem.to_string(),
                format!("the key file has no `{field}`")
            );
        }
    }
}

#[test]
fn a_key_that_cannot_sign_is_refused() {
    let curve = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let curve = curve.to_pkcs8v1().unwrap();
    let private = private_key();
    for (name, key) in [
        ("a word", "canary".to_owned()),
        ("PEM of nothing", pem("PRIVATE KEY", b"")),
        ("PEM of rubbish", pem("PRIVATE KEY", b"canary")),
        (
            "PEM of rubbish in the old form",
            pem("RSA PRIVATE KEY", b"canary"),
        ),
        (
            "PEM without its end",
            private.replace("-----END PRIVATE KEY-----", ""),
        ),
        (
            "PEM whose line breaks were escaped twice",
            private.replace('\n', "\\n"),
        ),
        (
            "PEM with a part cut out",
            private.replacen(private.lines().nth(9).unwrap(), "", 1),
        ),
        ("the public key", pem("RSA PUBLIC KEY", &public_key())),
        (
            "a key of another algorithm",
            pem("PRIVATE KEY", curve.as_ref()),
        ),
    ] {
        let problem = read(&with("private_key", json!(key))).expect_err(name);
        assert!(
            matches!(problem, KeyProblem::NotAnRsaKey),
            "{name}: {problem}"
        );
    }
}

#[test]
fn a_token_endpoint_that_is_no_address_is_refused() {
    for uri in [
        "oauth2.googleapis.com/token",
        "/token",
        "ftp://oauth2.googleapis.com/token",
        "https://",
        "file:///token",
    ] {
        match read(&with("token_uri", json!(uri))).expect_err(uri) {
            KeyProblem::TokenUri(told) => assert_eq!(told, uri),
            problem => panic!("{uri}: {problem}"),
        }
    }
}

#[test]
fn no_problem_tells_the_key() {
    let private = private_key();
    let line = private.lines().nth(5).unwrap();
    for field in [
        "type",
        "client_email",
        "private_key",
        "private_key_id",
        "token_uri",
    ] {
        // Quoted, as a value of a wrong type would be.
        for value in [json!([private]), json!({ &private: private })] {
            let problem = read(&with(field, value)).expect_err(field);
            assert!(
                !format!("{problem} {problem:?}").contains(line),
                "{field}: {problem:?}"
            );
        }
    }
    let problem = read(&with("private_key", json!(private.replace("-----", "")))).unwrap_err();
    assert!(
        !format!("{problem} {problem:?}").contains(line),
        "{problem:?}"
    );
}

fn read(file: &Value) -> Result<ServiceAccount, KeyProblem> {
    ServiceAccount::from_json(&file.to_string(), SCOPE)
}

fn with(field: &str, value: Value) -> Value {
    let mut file = key_file(GOOGLE);
    file[field] = value;
    file
}

fn without(field: &str) -> Value {
    let mut file = key_file(GOOGLE);
    file.as_object_mut().unwrap().remove(field);
    file
}

const GOOGLE: &str = "https://oauth2.googleapis.com/token";
