//! A token is bought once and used by everybody until shortly before it runs out.

use crate::fetch::{CEILING, get, outcome, soon};
use crate::key::credentials;
use crate::platform::{Platform, allowed, token};
use crate::server::{Answer, Server, says};
use rbm_host::http_client::FetchFailureCode::NoCredentials;
use rbm_host::{Credentials, Egress, HttpClient as _};
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

#[tokio::test]
async fn many_requests_at_once_buy_one_token() {
    let platform = Arc::new(Platform::with_tokens(|_, _| Answer::Now(token(1, 3600))).await);
    let outcomes = at_once(&platform, 200).await;
    assert_eq!(outcomes, vec![Ok(200); 200]);
    assert_eq!(platform.tokens.count(), 1);
    assert_eq!(
        platform.api.authorizations(),
        vec![Some("Bearer token-1".to_owned()); 200]
    );
}

#[tokio::test]
async fn many_requests_at_once_hear_of_one_failure() {
    let platform = Arc::new(
        Platform::with_tokens(|_, _| says(400, &[], r#"{"error":"invalid_grant"}"#)).await,
    );
    let outcomes = at_once(&platform, 200).await;
    assert_eq!(outcomes, vec![Err(NoCredentials); 200]);
    assert_eq!((platform.tokens.count(), platform.api.count()), (1, 0));
}

#[tokio::test]
async fn a_token_is_used_again() {
    let platform = Platform::with_tokens(|_, _| Answer::Now(token(1, 3600))).await;
    for _ in 0..3 {
        assert_eq!(platform.outcome().await, Ok(200));
    }
    assert_eq!((platform.tokens.count(), platform.api.count()), (1, 3));
}

#[tokio::test]
async fn a_token_serves_every_origin_that_shares_the_credentials() {
    let (first, second) = (Server::content().await, Server::content().await);
    let tokens = Server::start(|before, _| Answer::Now(token(before + 1, 3600))).await;
    let shared = credentials(&tokens.url("/token"));
    let egress = Egress::builder()
        .allow_private_addresses()
        .origin(&tokens.origin, Credentials::none())
        .origin(&first.origin, shared.clone())
        .origin(&second.origin, shared)
        .build()
        .unwrap();
    for server in [&first, &second] {
        assert_eq!(outcome(&egress, get(&server.url("/"))).await, Ok(200));
        assert_eq!(server.authorizations(), [Some("Bearer token-1".to_owned())]);
    }
}

#[tokio::test]
async fn whoever_looks_after_it_sees_when_a_token_runs_out() {
    let (api, tokens) = (
        Server::content().await,
        Server::start(|_, _| Answer::Now(token(1, 3600))).await,
    );
    let egress = |api: &Server, credentials| {
        let egress = Egress::builder()
            .allow_private_addresses()
            .origin(&tokens.origin, Credentials::none());
        egress.origin(&api.origin, credentials).build().unwrap()
    };
    let bought = egress(&api, credentials(&tokens.url("/token")));
    assert_eq!(bought.token_expires_in(), None, "there is none yet");
    assert_eq!(outcome(&bought, get(&api.url("/"))).await, Ok(200));
    let left = bought.token_expires_in().unwrap();
    assert!((3_500..=3_600).contains(&left.as_secs()), "{left:?}");
    assert_eq!(
        egress(&api, Credentials::bearer("fixed".into())).token_expires_in(),
        None,
        "it does not run out"
    );
}

#[tokio::test]
async fn a_token_is_replaced_when_it_is_due() {
    // One second early, so that it is due after one.
    let platform = Platform::with_tokens(|before, _| {
        Answer::Now(token(before + 1, if before == 0 { 2 } else { 3600 }))
    });
    let platform = platform.await;
    let start = Instant::now();
    while platform.tokens.count() < 2 {
        assert_eq!(platform.outcome().await, Ok(200));
        assert!(start.elapsed() < CEILING, "the token is never replaced");
    }
    assert_eq!(platform.outcome().await, Ok(200));
    let used = platform.api.authorizations();
    assert_eq!(used.first().unwrap().as_deref(), Some("Bearer token-1"));
    assert_eq!(used.last().unwrap().as_deref(), Some("Bearer token-2"));
    assert_eq!(platform.tokens.count(), 2);
}

#[tokio::test]
async fn a_token_that_is_gone_at_once_serves_the_request_it_was_bought_for() {
    let platform = Platform::with_tokens(|before, _| Answer::Now(token(before + 1, 0))).await;
    for number in 1..=3 {
        assert_eq!(platform.outcome().await, Ok(200));
        assert_eq!(
            platform.api.authorizations().pop().unwrap(),
            Some(format!("Bearer token-{number}"))
        );
    }
}

#[tokio::test]
async fn a_lifetime_beyond_all_clocks_is_no_harm() {
    let platform =
        Platform::with_tokens(|before, _| Answer::Now(token(before + 1, u64::MAX))).await;
    for _ in 0..2 {
        assert_eq!(platform.outcome().await, Ok(200));
    }
    assert_eq!(platform.tokens.count(), 1);
}

#[tokio::test]
async fn a_failure_is_forgotten_after_a_moment() {
    let platform = Platform::with_tokens(|before, _| match before {
        0 => says(503, &[], ""),
        _ => Answer::Now(token(1, 3600)),
    })
    .await;
    let start = Instant::now();
    while platform.outcome().await.is_err() {
        assert!(start.elapsed() < CEILING, "the failure is never forgotten");
    }
    assert_eq!((platform.tokens.count(), platform.api.count()), (2, 1));
}

#[tokio::test]
async fn whoever_waits_gets_a_token_although_the_one_who_fetched_it_left() {
    let tokens = Server::start(|before, _| match before {
        0 => Answer::Never,
        _ => Answer::Now(token(1, 3600)),
    })
    .await;
    let api = Server::content().await;
    let egress = allowed(&api, &tokens).build().unwrap();
    let mut left = Box::pin(egress.fetch(get(&api.url("/left"))));
    tokio::select! {
        outcome = &mut left => panic!("{outcome:?}"),
        () = tokens.asked(1) => {}
    }
    let mut waiting = Box::pin(outcome(&egress, get(&api.url("/waited"))));
    tokio::select! {
        biased;
        outcome = &mut waiting => panic!("{outcome:?}"),
        () = std::future::ready(()) => {}
    }
    drop(left);
    assert_eq!(soon(waiting).await, Ok(200));
    assert_eq!((tokens.count(), api.count()), (2, 1));
}

async fn at_once(
    platform: &Arc<Platform>,
    times: usize,
) -> Vec<Result<u16, rbm_host::http_client::FetchFailureCode>> {
    let mut requests = JoinSet::new();
    for _ in 0..times {
        let platform = platform.clone();
        requests.spawn(async move { platform.outcome().await });
    }
    requests.join_all().await
}
