//! A token that the platform refuses is dropped, and a new one is worth one more try.

use crate::fetch::{get, outcome};
use crate::platform::allowed;
use crate::platform::{Platform, takes, token};
use crate::server::{Answer, Server, says};
use rbm_host::contract::{Header, Payload};
use rbm_host::http_client::FetchFailureCode::NoCredentials;
use rbm_host::http_client::HttpRequest;
use std::sync::Arc;
use tokio::task::JoinSet;

#[tokio::test]
async fn a_refused_token_is_replaced_and_the_same_request_sent_again() {
    let platform = Platform::with_api(takes(&["Bearer token-2"])).await;
    let request = HttpRequest {
        method: "POST".to_owned(),
        headers: vec![Header {
            name: "x-id".to_owned(),
            value: "1".to_owned(),
        }],
        body: Payload::Inline(b"hello".to_vec()),
        ..get(&platform.api.url("/v1?id=1"))
    };
    assert_eq!(outcome(&platform.egress, request).await, Ok(200));
    for seen in platform.api.seen() {
        assert_eq!(
            (
                seen.method.as_str(),
                seen.target.as_str(),
                seen.body.as_slice()
            ),
            ("POST", "/v1?id=1", &b"hello"[..])
        );
        assert_eq!(seen.headers["x-id"], "1");
        assert_eq!(seen.headers.get_all("authorization").iter().count(), 1);
    }
    assert_eq!(
        platform.api.authorizations(),
        [
            Some("Bearer token-1".to_owned()),
            Some("Bearer token-2".to_owned())
        ]
    );
    assert_eq!(platform.outcome().await, Ok(200));
    assert_eq!((platform.tokens.count(), platform.api.count()), (2, 3));
}

#[tokio::test]
async fn a_second_refusal_is_passed_on() {
    let platform = Platform::with_api(|_, _| says(401, &[], "")).await;
    assert_eq!(platform.outcome().await, Ok(401));
    assert_eq!((platform.tokens.count(), platform.api.count()), (2, 2));
}

#[tokio::test]
async fn no_other_status_costs_a_token() {
    for status in [400, 403, 404, 407, 429, 500, 503] {
        let platform = Platform::with_api(move |_, _| says(status, &[], "")).await;
        assert_eq!(platform.outcome().await, Ok(status));
        assert_eq!(
            (platform.tokens.count(), platform.api.count()),
            (1, 1),
            "{status}"
        );
    }
}

#[tokio::test]
async fn many_requests_refused_at_once_buy_one_new_token() {
    let platform = Arc::new(Platform::with_api(takes(&["Bearer token-2"])).await);
    let mut requests = JoinSet::new();
    for _ in 0..100 {
        let platform = platform.clone();
        requests.spawn(async move { platform.outcome().await });
    }
    assert_eq!(requests.join_all().await, vec![Ok(200); 100]);
    assert_eq!(platform.tokens.count(), 2);
}

#[tokio::test]
async fn a_refused_token_that_cannot_be_replaced_is_the_token_endpoints_failure() {
    for status in [400, 503] {
        let api = Server::start(|_, _| says(401, &[], "")).await;
        let tokens = Server::start(move |before, _| match before {
            0 => Answer::Now(token(1, 3600)),
            _ => says(status, &[], ""),
        })
        .await;
        let egress = allowed(&api, &tokens).build().unwrap();
        assert_eq!(
            outcome(&egress, get(&api.url("/"))).await,
            Err(NoCredentials),
            "{status}"
        );
        assert_eq!((tokens.count(), api.count()), (2, 1), "{status}");
    }
}
