//! Whatever the token endpoint does, nothing goes to the platform without a token, and the failure says who must act: a
//! person (`no-credentials`), or nobody but the clock (`not-sent`).

use crate::fetch::{fetch, get};
use crate::key::{assertion, credentials};
use crate::platform::{Platform, allowed};
use crate::server::{Answer, Server, endless, nobody, raw, says, stalling};
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};
use rbm_host::http_client::FetchFailureCode::{self, NoCredentials};
use rbm_host::{Credentials, Egress};
use std::time::Duration;

#[tokio::test]
async fn every_answer_that_is_no_token_has_its_failure() {
    for (status, body, code, message) in ANSWERS {
        let platform = Platform::with_tokens(|_, _| says(*status, &[], *body)).await;
        let failure = platform.failure().await;
        assert_eq!(
            (failure.code, failure.message.as_str()),
            (*code, *message),
            "{status} {body}"
        );
        assert_eq!(
            (platform.tokens.count(), platform.api.count()),
            (1, 0),
            "{status} {body}"
        );
    }
}

#[tokio::test]
async fn without_an_answer_of_the_token_endpoint_there_are_no_credentials() {
    let hello = "the token endpoint cannot be used: ";
    for (name, origin, reason) in [
        ("nobody listens", nobody().await, "it broke off"),
        ("no word", raw(b"").await, "it broke off"),
        ("no HTTP", raw(b"hello\r\n\r\n").await, "it broke off"),
        (
            "half a body",
            raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{").await,
            "it broke off",
        ),
        (
            "a body without end",
            endless(b"HTTP/1.1 200 OK\r\n\r\n", &[b' '; 1024]).await,
            "the answer has more than 65536",
        ),
        ("no end of waiting", stalling(b"").await, "it took too long"),
        (
            "no end of the body",
            stalling(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{").await,
            "it took too long",
        ),
    ] {
        let api = Server::content().await;
        let egress = Egress::builder()
            .allow_private_addresses()
            .timeout(Duration::from_millis(500));
        let egress = egress.origin(&origin, Credentials::none());
        let egress = egress
            .origin(&api.origin, credentials(&format!("{origin}/token")))
            .build()
            .unwrap();
        let failure = fetch(&egress, get(&api.url("/"))).await.expect_err(name);
        assert_eq!(failure.code, NoCredentials, "{name}: {}", failure.message);
        assert!(
            failure.message.starts_with(&format!("{hello}{reason}")),
            "{name}: {}",
            failure.message
        );
        assert_eq!(api.count(), 0, "{name}");
    }
}

#[tokio::test]
async fn a_redirect_of_the_token_endpoint_is_not_followed() {
    let target = Server::content().await;
    for status in [301, 302, 307, 308] {
        let location = target.url("/token");
        let tokens = Server::start(move |_, _| says(status, &[("location", &location)], "")).await;
        let api = Server::content().await;
        let egress = allowed(&api, &tokens)
            .origin(&target.origin, Credentials::none())
            .build()
            .unwrap();
        let failure = fetch(&egress, get(&api.url("/"))).await.unwrap_err();
        assert_eq!(failure.code, NoCredentials, "{status}");
        assert!(
            failure
                .message
                .ends_with("a redirect, which is not followed: is `token_uri` right?"),
            "{failure:?}"
        );
        assert_eq!(
            (tokens.count(), target.count(), api.count()),
            (1, 0, 0),
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_clock_that_is_off_is_named_with_its_offset() {
    for (hours, side) in [(1, "behind"), (-1, "ahead of")] {
        let platform = Platform::with_tokens(move |_, _| {
            let theirs = Timestamp::now() + SignedDuration::from_hours(hours);
            let date = DateTimePrinter::new()
                .timestamp_to_rfc9110_string(&theirs)
                .unwrap();
            says(
                400,
                &[("date", &date)],
                r#"{"error":"invalid_grant","error_description":"Invalid JWT"}"#,
            )
        });
        let failure = platform.await.failure().await;
        let (said, offset) = failure
            .message
            .split_once("; this machine's clock is ")
            .expect(&failure.message);
        assert_eq!(
            (failure.code, said),
            (
                NoCredentials,
                "no token: 400 Bad Request invalid_grant Invalid JWT"
            )
        );
        let seconds = offset
            .strip_suffix(&format!(" s {side} the endpoint's"))
            .expect(offset);
        assert!(
            (3590..=3610).contains(&seconds.parse::<i64>().unwrap()),
            "{offset}"
        );
    }
}

#[tokio::test]
async fn what_an_endpoint_sends_back_of_the_assertion_is_not_told() {
    let platform = Platform::with_tokens(|_, seen| {
        let echo = serde_json::json!({ "error": "invalid_request", "error_description": assertion(&seen.body) });
        says(400, &[], echo.to_string())
    })
    .await;
    let failure = platform.failure().await;
    let assertion = assertion(&platform.tokens.seen()[0].body);
    let signature = assertion.rsplit('.').next().unwrap();
    assert!(
        failure.message.contains("invalid_request"),
        "{}",
        failure.message
    );
    assert!(
        !failure.message.contains(&signature[..10]),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn what_an_endpoint_says_does_not_reach_a_terminal() {
    let body = "{\"error\":\"a\\u001b[2Jb\\nc\",\"error_description\":\"d\\u0000e\"}";
    let failure = Platform::with_tokens(move |_, _| says(400, &[], body))
        .await
        .failure()
        .await;
    assert_eq!(failure.message, "no token: 400 Bad Request a[2Jbc de");
}

#[tokio::test]
async fn the_platform_is_not_asked_while_the_token_endpoint_thinks() {
    let platform = Platform::with_tokens(|_, _| Answer::Never).await;
    tokio::select! {
        outcome = platform.outcome() => panic!("{outcome:?}"),
        () = platform.tokens.asked(1) => {}
    }
    assert_eq!(platform.api.count(), 0);
}

type Row = (u16, &'static str, FetchFailureCode, &'static str);

/// The status, the body, and what becomes of them.
static ANSWERS: &[Row] = &[
    (
        400,
        r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#,
        NoCredentials,
        "no token: 400 Bad Request invalid_grant Invalid JWT Signature.",
    ),
    (
        400,
        r#"{"error":"invalid_grant"}"#,
        NoCredentials,
        "no token: 400 Bad Request invalid_grant",
    ),
    (
        400,
        r#"{"error":{"code":400}}"#,
        NoCredentials,
        "no token: 400 Bad Request",
    ),
    (400, "<html>", NoCredentials, "no token: 400 Bad Request"),
    (
        401,
        r#"{"error":"invalid_client"}"#,
        NoCredentials,
        "no token: 401 Unauthorized invalid_client",
    ),
    (403, "", NoCredentials, "no token: 403 Forbidden"),
    (404, "", NoCredentials, "no token: 404 Not Found"),
    (
        408,
        "",
        NoCredentials,
        "the token endpoint cannot be used: 408 Request Timeout",
    ),
    (
        429,
        "",
        NoCredentials,
        "the token endpoint cannot be used: 429 Too Many Requests",
    ),
    (
        500,
        r#"{"error":"internal_failure"}"#,
        NoCredentials,
        "the token endpoint cannot be used: 500 Internal Server Error internal_failure",
    ),
    (
        503,
        "",
        NoCredentials,
        "the token endpoint cannot be used: 503 Service Unavailable",
    ),
    (
        201,
        r#"{"access_token":"a","expires_in":1}"#,
        NoCredentials,
        "the token endpoint cannot be used: 201 Created",
    ),
    (
        204,
        "",
        NoCredentials,
        "the token endpoint cannot be used: 204 No Content",
    ),
    (200, "", NoCredentials, NO_TOKEN),
    (200, "<html>", NoCredentials, NO_TOKEN),
    (200, "{}", NoCredentials, NO_TOKEN),
    (200, "[]", NoCredentials, NO_TOKEN),
    (200, "null", NoCredentials, NO_TOKEN),
    (200, r#"{"expires_in":3600}"#, NoCredentials, NO_TOKEN),
    (200, r#"{"access_token":"canary"}"#, NoCredentials, NO_TOKEN),
    (
        200,
        r#"{"access_token":"","expires_in":3600}"#,
        NoCredentials,
        NO_TOKEN,
    ),
    (
        200,
        r#"{"access_token":null,"expires_in":3600}"#,
        NoCredentials,
        NO_TOKEN,
    ),
    (
        200,
        r#"{"access_token":["canary"],"expires_in":3600}"#,
        NoCredentials,
        NO_TOKEN,
    ),
    (
        200,
        r#"{"access_token":"canary","expires_in":"canary"}"#,
        NoCredentials,
        NO_TOKEN,
    ),
    (
        200,
        r#"{"access_token":"canary","expires_in":-1}"#,
        NoCredentials,
        NO_TOKEN,
    ),
    (
        200,
        r#"{"access_token":"canary","expires_in":3600"#,
        NoCredentials,
        NO_TOKEN,
    ),
    (
        200,
        r#"{"id_token":"canary","expires_in":3600}"#,
        NoCredentials,
        NO_TOKEN,
    ),
    (
        200,
        r#"{"access_token":"can\nary","expires_in":3600}"#,
        NoCredentials,
        "no token: the token is not fit for a header",
    ),
];
const NO_TOKEN: &str =
    "the token endpoint cannot be used: it answered 200 with something that is no token";
