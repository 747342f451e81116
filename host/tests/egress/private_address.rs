//! Unless private addresses are allowed, nothing inside is connected to, listed or not.

use crate::fetch::{fetch, get, outcome};
use crate::server::Server;
use rbm_host::http_client::FetchFailureCode::{Denied, NotSent};
use rbm_host::{Credentials, Egress};

#[tokio::test]
async fn an_address_that_is_not_public_is_denied_however_it_is_written() {
    let canary = Server::content().await;
    for host in PRIVATE {
        let origin = format!("http://{host}:{}", canary.port());
        let egress = Egress::builder()
            .origin(&origin, Credentials::none())
            .build()
            .unwrap();
        let failure = fetch(&egress, get(&format!("{origin}/")))
            .await
            .expect_err(host);
        assert_eq!(failure.code, Denied, "{host}: {}", failure.message);
        assert!(
            failure.message.ends_with("is not a public address"),
            "{host}: {}",
            failure.message
        );
    }
    assert_eq!(canary.count(), 0);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_followed() {
    let canary = Server::content().await;
    let origin = format!("http://localhost:{}", canary.port());
    let egress = Egress::builder()
        .origin(&origin, Credentials::none())
        .build()
        .unwrap();
    let failure = fetch(&egress, get(&format!("{origin}/")))
        .await
        .unwrap_err();
    assert_eq!(failure.code, NotSent);
    assert!(
        failure.message.ends_with("localhost has no public address"),
        "{}",
        failure.message
    );
    assert_eq!(canary.count(), 0);
}

#[tokio::test]
async fn a_private_address_is_asked_once_it_is_allowed() {
    let server = Server::content().await;
    for host in ["127.0.0.1", "localhost", "127.1", "0x7f000001"] {
        let origin = format!("http://{host}:{}", server.port());
        let egress = Egress::builder()
            .allow_private_addresses()
            .origin(&origin, Credentials::none())
            .build()
            .unwrap();
        assert_eq!(
            outcome(&egress, get(&format!("{origin}/"))).await,
            Ok(200),
            "{host}"
        );
    }
}

/// Each is this machine, this network, a network's metadata, or nobody.
const PRIVATE: [&str; 61] = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0x7f.0.0.1",
    "0X7F.1",
    "0177.0.0.1",
    "0177.0x0.0.1",
    "%31%32%37.0.0.1",
    "１２７.0.0.1",
    "127。0。0。1",
    "0",
    "0.0.0.0",
    "0x0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "167772161",
    "012.0.0.1",
    "100.64.0.1",
    "100.127.255.254",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "169.254.0.1",
    "172.16.0.1",
    "172.31.255.254",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.1",
    "198.18.0.1",
    "198.19.255.254",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::1]",
    "[2001::1]",
    "[2001:db8::1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
];
