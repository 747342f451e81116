//! What is sent to buy a token, as developers.google.com/identity/protocols/oauth2/service-account wants it.

use crate::fetch::{get, outcome};
use crate::key::{EMAIL, KEY_ID, SCOPE, assertion, form, key_file, open};
use crate::platform::{Platform, token};
use crate::server::{Answer, Seen, Server};
use jiff::Timestamp;
use rbm_host::{Credentials, Egress, ServiceAccount};
use serde_json::{Value, json};

#[tokio::test]
async fn a_token_is_asked_for_with_a_form() {
    let seen = exchange().await;
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        ("POST", "/token")
    );
    assert_eq!(
        seen.headers["content-type"],
        "application/x-www-form-urlencoded"
    );
    assert!(!seen.headers.contains_key("authorization"));
    let form = form(&seen.body);
    let names: Vec<&str> = form.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["grant_type", "assertion"]);
    assert_eq!(form[0].1, "urn:ietf:params:oauth:grant-type:jwt-bearer");
}

#[tokio::test]
async fn the_assertion_is_signed_with_the_key_that_it_names() {
    let (header, _) = open(&assertion(&exchange().await.body));
    assert_eq!(
        header,
        json!({ "alg": "RS256", "typ": "JWT", "kid": KEY_ID })
    );
}

#[tokio::test]
async fn the_assertion_says_who_wants_what_where_and_for_an_hour() {
    let before = Timestamp::now().as_second();
    let platform =
        Platform::with_api(|_, _| Answer::Now(axum::response::Response::default())).await;
    platform.outcome().await.unwrap();
    let after = Timestamp::now().as_second();
    let (_, claims) = open(&assertion(&platform.tokens.seen()[0].body));
    let issued = claims["iat"].as_i64().unwrap();
    let audience = platform.tokens.url("/token");
    let expected = json!({ "iss": EMAIL, "scope": SCOPE, "aud": audience, "iat": issued, "exp": issued + 3600 });
    assert_eq!(claims, expected);
    // Ten seconds back, for clocks that are behind.
    assert!(
        (before - 10..=after - 10).contains(&issued),
        "{before} {issued} {after}"
    );
}

#[tokio::test]
async fn a_key_without_an_id_is_not_named() {
    let server = Server::start(|_, _| Answer::Now(token(1, 3600))).await;
    let mut file = key_file(&server.url("/token"));
    file.as_object_mut().unwrap().remove("private_key_id");
    let account = ServiceAccount::from_json(&file.to_string(), SCOPE).unwrap();
    let egress = Egress::builder().allow_private_addresses();
    let egress = egress
        .origin(&server.origin, Credentials::service_account(account))
        .build()
        .unwrap();
    outcome(&egress, get(&server.url("/"))).await.unwrap();
    let (header, _) = open(&assertion(&server.seen()[0].body));
    assert_eq!(header.get("kid"), None::<&Value>);
}

async fn exchange() -> Seen {
    let platform =
        Platform::with_api(|_, _| Answer::Now(axum::response::Response::default())).await;
    platform.outcome().await.unwrap();
    platform.tokens.seen().pop().unwrap()
}
