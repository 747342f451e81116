//! A fixed token goes with every request to its own origin, as it is.

use crate::fetch::{get, outcome};
use crate::server::{Server, says};
use rbm_host::contract::Header;
use rbm_host::http_client::FetchFailureCode::NoCredentials;
use rbm_host::http_client::HttpRequest;
use rbm_host::{Credentials, Egress};

#[tokio::test]
async fn each_origin_gets_its_own_credentials_and_no_other() {
    let (first, second, third) = (
        Server::content().await,
        Server::content().await,
        Server::content().await,
    );
    let egress = Egress::builder()
        .allow_private_addresses()
        .origin(&first.origin, Credentials::bearer("one".into()))
        .origin(&second.origin, Credentials::bearer("two".into()))
        .origin(&third.origin, Credentials::none())
        .build()
        .unwrap();
    for server in [&first, &second, &third, &first] {
        assert_eq!(outcome(&egress, get(&server.url("/"))).await, Ok(200));
    }
    assert_eq!(
        first.authorizations(),
        [Some("Bearer one".to_owned()), Some("Bearer one".to_owned())]
    );
    assert_eq!(second.authorizations(), [Some("Bearer two".to_owned())]);
    assert_eq!(third.authorizations(), [None]);
}

#[tokio::test]
async fn a_fixed_token_that_is_refused_is_not_tried_again() {
    let server = Server::start(|_, _| says(401, &[], "")).await;
    assert_eq!(
        outcome(&egress(&server, "a token"), get(&server.url("/"))).await,
        Ok(401)
    );
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_fixed_token_takes_the_place_of_what_the_caller_set() {
    let server = Server::content().await;
    let mine = Header {
        name: "Authorization".to_owned(),
        value: "Bearer mine".to_owned(),
    };
    let request = HttpRequest {
        headers: vec![mine.clone(), mine],
        ..get(&server.url("/"))
    };
    assert_eq!(
        outcome(&egress(&server, "the host's"), request).await,
        Ok(200)
    );
    let seen = server.seen().pop().unwrap();
    assert_eq!(
        seen.headers
            .get_all("authorization")
            .iter()
            .collect::<Vec<_>>(),
        ["Bearer the host's"]
    );
}

#[tokio::test]
async fn a_token_that_no_header_can_hold_is_no_credentials() {
    let server = Server::content().await;
    for token in ["a\nb", "a\r\nhost: example.com", "a\0b"] {
        assert_eq!(
            outcome(&egress(&server, token), get(&server.url("/"))).await,
            Err(NoCredentials),
            "{token:?}"
        );
    }
    assert_eq!(server.count(), 0);
}

fn egress(server: &Server, token: &str) -> Egress {
    let credentials = Credentials::bearer(token.into());
    Egress::builder()
        .allow_private_addresses()
        .origin(&server.origin, credentials)
        .build()
        .unwrap()
}
