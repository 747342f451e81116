//! The token endpoint, and what its tokens open.

use crate::support::{
    Api, JsonValue as _, SCOPE, account, claims, emulator, emulator_with, exchange, hand_in, sign,
    token,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rbm_emulator::{Emulator, Options};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
async fn only_a_true_assertion_buys_a_token() {
    let emulator = emulator().await;
    let (account, other) = (account(&emulator), account(&self::emulator().await));
    let good = claims(&account, SCOPE);
    let now = good["iat"].as_i64().unwrap();
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let audience = |audience: &str| with("aud", json!(audience));
    for (name, claims, account, error, said) in [
        ("good", good.clone(), &account, "", ""),
        (
            "about itself",
            with("sub", account["client_email"].clone()),
            &account,
            "",
            "",
        ),
        (
            "two audiences",
            with("aud", json!(["x", account["token_uri"]])),
            &account,
            "",
            "",
        ),
        (
            "two scopes",
            with("scope", json!(format!("{SCOPE} {BUSINESS}"))),
            &account,
            "",
            "",
        ),
        (
            "another's key",
            good.clone(),
            &other,
            "invalid_grant",
            "Invalid JWT Signature.",
        ),
        (
            "Google's audience",
            audience("https://oauth2.googleapis.com/token"),
            &account,
            "",
            "",
        ),
        (
            "another audience",
            audience("https://x.example/token"),
            &account,
            "invalid_grant",
            "audience check",
        ),
        (
            "no audience",
            with("aud", Value::Null),
            &account,
            "invalid_grant",
            "audience check",
        ),
        (
            "another issuer",
            with("iss", json!("x")),
            &account,
            "invalid_grant",
            "Invalid grant: account not found",
        ),
        (
            "no issuer",
            with("iss", Value::Null),
            &account,
            "invalid_grant",
            "account not found",
        ),
        (
            "for somebody",
            with("sub", json!("a@example.com")),
            &account,
            "unauthorized_client",
            "unauthorized",
        ),
        (
            "expired",
            with("exp", json!(now - 600)),
            &account,
            "invalid_grant",
            "reasonable timeframe",
        ),
        (
            "from the future",
            with("iat", json!(now + 600)),
            &account,
            "invalid_grant",
            "reasonable timeframe",
        ),
        (
            "too long",
            with("exp", json!(now + 3700)),
            &account,
            "invalid_grant",
            "60 minutes",
        ),
        (
            "for ever",
            with("exp", json!(i64::MAX)),
            &account,
            "invalid_grant",
            "60 minutes",
        ),
        (
            "from always",
            with("iat", json!(i64::MIN)),
            &account,
            "invalid_grant",
            "60 minutes",
        ),
        (
            "no end",
            with("exp", Value::Null),
            &account,
            "invalid_grant",
            "exp (expiration time) is not set",
        ),
        (
            "no beginning",
            with("iat", Value::Null),
            &account,
            "invalid_grant",
            "iat (issued at) is not set",
        ),
        (
            "an odd end",
            with("exp", json!("soon")),
            &account,
            "invalid_grant",
            "Invalid JWT: Json",
        ),
        (
            "no scope",
            with("scope", Value::Null),
            &account,
            "invalid_scope",
            "Invalid OAuth scope",
        ),
        (
            "an empty scope",
            with("scope", json!("")),
            &account,
            "invalid_scope",
            "Invalid OAuth scope",
        ),
        (
            "not a scope",
            with("scope", json!("openid")),
            &account,
            "invalid_scope",
            "Invalid OAuth scope",
        ),
        (
            "a long scope",
            with("scope", json!(format!("{SCOPE}{}", "x".repeat(3_000)))),
            &account,
            "invalid_scope",
            "",
        ),
    ] {
        let (status, answer) = exchange(&emulator, account, &claims).await;
        if error.is_empty() {
            assert_eq!(
                (status, &answer["token_type"]),
                (200, &json!("Bearer")),
                "{name}: {answer}"
            );
        } else {
            assert_eq!(
                (status, &answer["error"]),
                (400, &json!(error)),
                "{name}: {answer}"
            );
            assert!(
                answer["error_description"].as_str().unwrap().contains(said),
                "{name}: {answer}"
            );
        }
    }
    let key_id = |id: &str| Header {
        kid: Some(id.to_owned()),
        ..Header::new(Algorithm::RS256)
    };
    let signed = |header: &Header| sign(&account, header, &good);
    let hmac = jsonwebtoken::encode(
        &Header::new(Algorithm::HS256),
        &good,
        &EncodingKey::from_secret(b"x"),
    )
    .unwrap();
    let unsigned = signed(&Header::new(Algorithm::RS256));
    let unsigned = unsigned.rsplit_once('.').unwrap().0;
    for (name, assertion, said) in [
        (
            "its key",
            signed(&key_id(account["private_key_id"].as_str().unwrap())),
            "",
        ),
        (
            "an unknown key",
            signed(&key_id("x")),
            "Invalid JWT Signature.",
        ),
        (
            "RS512",
            signed(&Header::new(Algorithm::RS512)),
            "the algorithm is RS512",
        ),
        ("HS256", hmac, "the algorithm is HS256"),
        (
            "none",
            format!(
                "eyJhbGciOiJub25lIn0.{}.",
                unsigned.split_once('.').unwrap().1
            ),
            "Invalid JWT",
        ),
        ("unsigned", unsigned.to_owned(), "Invalid JWT"),
        ("nothing", String::new(), "Invalid JWT"),
        ("no JWT", "x".to_owned(), "Invalid JWT"),
    ] {
        let (status, answer) = hand_in(&emulator, &assertion).await;
        if said.is_empty() {
            assert_eq!(status, 200, "{name}: {answer}");
        } else {
            assert_eq!(
                (status, &answer["error"]),
                (400, &json!("invalid_grant")),
                "{name}: {answer}"
            );
            assert!(
                answer["error_description"].as_str().unwrap().contains(said),
                "{name}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn clocks_may_be_a_little_apart() {
    let emulator = emulator().await;
    let account = account(&emulator);
    let good = claims(&account, SCOPE);
    let now = good["iat"].as_i64().unwrap();
    for (issued_at, expires_at, status) in [
        (now + 290, now + 3_000, 200),
        (now + 310, now + 3_000, 400),
        (now - 3_000, now - 290, 200),
        (now - 3_000, now - 310, 400),
    ] {
        let mut claims = good.clone();
        (claims["iat"], claims["exp"]) = (json!(issued_at), json!(expires_at));
        assert_eq!(
            exchange(&emulator, &account, &claims).await.0,
            status,
            "{}",
            issued_at - now
        );
    }
}

#[tokio::test]
async fn a_token_runs_out_when_it_says() {
    let token_lifetime = Duration::from_secs(2);
    let emulator = emulator_with(Options {
        token_lifetime,
        ..Options::default()
    })
    .await;
    let account = account(&emulator);
    let (begun, claims) = (Instant::now(), claims(&account, SCOPE));
    let (_, answer) = exchange(&emulator, &account, &claims).await;
    assert_eq!(answer["expires_in"], 2);
    let api = api(&emulator, answer["access_token"].as_str().unwrap());
    let call = async || api.call(Method::GET, CAPABILITIES, &api.token, None).await;
    assert_eq!(call().await.0, 200);
    let refused = loop {
        match call().await {
            (200, _) => tokio::time::sleep(Duration::from_millis(20)).await,
            refused => break refused,
        }
    };
    assert_eq!(
        (refused.0, &refused.1["error"]["status"]),
        (401, &json!("UNAUTHENTICATED"))
    );
    // Whole seconds count, so it may be one less.
    assert!(
        begun.elapsed() >= Duration::from_secs(1) && begun.elapsed() < Duration::from_secs(10),
        "{begun:?}"
    );

    let emulator = self::emulator().await;
    let account = crate::support::account(&emulator);
    assert_eq!(
        exchange(
            &emulator,
            &account,
            &crate::support::claims(&account, SCOPE)
        )
        .await
        .1["expires_in"],
        3599,
        "as Google's last"
    );
}

#[tokio::test]
async fn a_token_is_good_for_the_apis_of_its_scopes() {
    let emulator = emulator().await;
    for (scope, status) in [
        (SCOPE.to_owned(), 200),
        (format!("{BUSINESS} {SCOPE}"), 200),
        (BUSINESS.to_owned(), 403),
        (format!("{SCOPE}.x"), 403),
    ] {
        let api = api(&emulator, &token(&emulator, &scope).await);
        let (found, answer) = api.call(Method::GET, CAPABILITIES, &api.token, None).await;
        assert_eq!(found, status, "{scope}: {answer}");
        if status == 403 {
            assert_eq!(
                answer["error"]["message"],
                "Request had insufficient authentication scopes."
            );
            assert_eq!(
                answer["error"]["details"][0]["reason"],
                "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
            );
        }
    }
    let token = token(&emulator, SCOPE).await;
    assert_ne!(
        token,
        crate::support::token(&emulator, SCOPE).await,
        "no two tokens are the same"
    );
    let other = crate::support::emulator().await;
    for (name, token) in [
        (
            "another emulator's",
            crate::support::token(&other, SCOPE).await,
        ),
        ("cut", token[..token.len() - 1].to_owned()),
        ("changed", token.replacen("emulated.e", "emulated.f", 1)),
        ("empty", "ya29.emulated.".to_owned()),
        (
            "without a code",
            token.rsplit_once('.').unwrap().0.to_owned(),
        ),
    ] {
        let api = api(&emulator, &token);
        assert_eq!(
            api.call(Method::GET, CAPABILITIES, &api.token, None)
                .await
                .0,
            401,
            "{name}"
        );
    }
}

/// As client libraries do where nobody has asked for scopes.
#[tokio::test]
async fn an_assertion_for_the_api_is_a_token() {
    let emulator = emulator().await;
    let account = account(&emulator);
    let claims = |name: &str, value: &str| {
        let mut claims = claims(&account, SCOPE);
        claims["sub"] = claims["iss"].clone();
        claims.as_object_mut().unwrap().remove("scope");
        claims[name] = json!(value);
        claims
    };
    let google = "https://rcsbusinessmessaging.googleapis.com/";
    let strange = |name: &str, value: Value| {
        let mut claims = claims("aud", google);
        claims[name] = value;
        claims
    };
    for (name, claims, status) in [
        ("Google's address", claims("aud", google), 200),
        (
            "its own address",
            claims("aud", &format!("{}/", emulator.origin())),
            200,
        ),
        ("the scope", claims("scope", SCOPE), 200),
        ("another scope", claims("scope", BUSINESS), 403),
        (
            "another address",
            claims("aud", "https://businesscommunications.googleapis.com/"),
            401,
        ),
        (
            "the token endpoint",
            claims("aud", account["token_uri"].as_str().unwrap()),
            401,
        ),
        ("no subject", strange("sub", Value::Null), 401),
        ("expired", strange("exp", json!(1)), 401),
    ] {
        let token = sign(&account, &Header::new(Algorithm::RS256), &claims);
        let api = api(&emulator, &token);
        assert_eq!(
            api.call(Method::GET, CAPABILITIES, &api.token, None)
                .await
                .0,
            status,
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_key_file_is_shaped_as_googles() {
    let emulator = emulator().await;
    let address = format!("{}/emulator/service-account.json", emulator.origin());
    let account = Client::new()
        .get(address)
        .send()
        .await
        .unwrap()
        .json_value()
        .await;
    assert_eq!(account, self::account(&emulator));
    assert_eq!(account["token_uri"], format!("{}/token", emulator.origin()));
    assert_eq!(account["type"], "service_account");
    for field in [
        "project_id",
        "private_key_id",
        "private_key",
        "client_email",
        "client_id",
        "auth_uri",
    ] {
        assert!(
            account[field]
                .as_str()
                .is_some_and(|value| !value.is_empty()),
            "{field}: {account}"
        );
    }
    let other = self::account(&self::emulator().await);
    assert_ne!(
        account["private_key"], other["private_key"],
        "of this start only"
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn the_token_endpoint_takes_a_form_by_post() {
    let emulator = emulator().await;
    let url = format!("{}/token", emulator.origin());
    let form = "application/x-www-form-urlencoded";
    let grant = "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer";
    for (kind, body, status, error, said) in [
        (
            form,
            grant,
            400,
            "invalid_request",
            "Required parameter is missing: assertion",
        ),
        (
            form,
            "assertion=x",
            400,
            "invalid_request",
            "Required parameter is missing: grant_type",
        ),
        (
            form,
            "grant_type=password&assertion=x",
            400,
            "unsupported_grant_type",
            "Invalid grant_type: password",
        ),
        (
            form,
            "grant_type=%ff",
            400,
            "unsupported_grant_type",
            "Invalid grant_type",
        ),
        (
            "application/json",
            "{}",
            415,
            "invalid_request",
            "application/x-www-form-urlencoded",
        ),
    ] {
        let answer = Client::new()
            .post(&url)
            .header("content-type", kind)
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["cache-control"]),
            (status, &"no-store".parse().unwrap())
        );
        let answer = answer.json_value().await;
        assert_eq!(answer["error"], error, "{body}: {answer}");
        assert!(
            answer["error_description"].as_str().unwrap().contains(said),
            "{body}: {answer}"
        );
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = Client::new().request(method, &url).send().await.unwrap();
        assert_eq!(
            (answer.status(), &answer.headers()["allow"]),
            (StatusCode::METHOD_NOT_ALLOWED, &"POST".parse().unwrap())
        );
        assert_eq!(answer.json_value().await["error"], "invalid_request");
    }
    let account = account(&emulator);
    for field in [
        "type",
        "project_id",
        "private_key_id",
        "private_key",
        "client_email",
        "client_id",
        "auth_uri",
        "token_uri",
    ] {
        assert!(account[field].is_string(), "{field}");
    }
}

fn api(emulator: &Emulator, token: &str) -> Api {
    Api {
        client: Client::new(),
        origin: emulator.origin().to_owned(),
        token: token.to_owned(),
    }
}

const BUSINESS: &str = "https://www.googleapis.com/auth/businesscommunications";
const CAPABILITIES: &str = "/v1/phones/+15550100001/capabilities?agentId=demo&requestId=1234";
