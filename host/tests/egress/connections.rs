//! Connections are used again, but not for longer than a name's address is good for.

use crate::fetch::{CEILING, get, outcome};
use crate::server::{Answer, Server, response, says};
use rbm_host::{Credentials, Egress, EgressBuilder};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::content().await;
    let egress = builder(&server).build().unwrap();
    let first = ask(&egress, &server).await;
    for _ in 0..5 {
        assert_eq!(ask(&egress, &server).await, first);
    }
}

#[tokio::test]
async fn a_connection_that_is_never_idle_ends_too() {
    let server = Server::content().await;
    let egress = builder(&server)
        .connection_lifetime(Duration::from_millis(200))
        .build()
        .unwrap();
    let (first, start) = (ask(&egress, &server).await, Instant::now());
    while ask(&egress, &server).await == first {
        assert!(start.elapsed() < CEILING, "the connection is kept for ever");
    }
}

#[tokio::test]
async fn a_request_under_way_outlives_its_connections_time() {
    let server = Server::start(|before, _| match before {
        0 => Answer::Released(response(200, &[], "")),
        _ => says(200, &[], ""),
    })
    .await;
    let egress = builder(&server)
        .connection_lifetime(Duration::ZERO)
        .build()
        .unwrap();
    let (slow, ()) = tokio::join!(outcome(&egress, get(&server.url("/slow"))), async {
        server.asked(1).await;
        ask(&egress, &server).await;
        server.release.notify_one();
    });
    assert_eq!(slow, Ok(200));
}

async fn ask(egress: &Egress, server: &Server) -> SocketAddr {
    assert_eq!(outcome(egress, get(&server.url("/"))).await, Ok(200));
    server.seen().last().unwrap().peer
}

fn builder(server: &Server) -> EgressBuilder {
    Egress::builder()
        .allow_private_addresses()
        .origin(&server.origin, Credentials::none())
}
