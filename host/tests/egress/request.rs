//! What a plugin asks for is what is sent: nothing more than credentials, and nothing at all if it is not well formed.

use crate::fetch::{fetch, get, outcome};
use crate::server::{Answer, Server};
use rbm_host::contract::{Header, Payload};
use rbm_host::http_client::FetchFailureCode::{Denied, NoAnswer};
use rbm_host::http_client::HttpRequest;
use rbm_host::{Credentials, Egress};
use std::time::Duration;

#[tokio::test]
async fn a_request_arrives_as_it_was_written() {
    let server = Server::content().await;
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
        let request = HttpRequest {
            method: method.to_owned(),
            headers: vec![
                header("content-type", "application/json"),
                header("X-Many", "1"),
                header("x-many", "2"),
            ],
            body: Payload::Inline(b"{\"text\":\"\xc3\xa4\"}".to_vec()),
            ..get(&server.url("/v1/messages?id=1"))
        };
        assert_eq!(
            outcome(&egress(&server), request).await,
            Ok(200),
            "{method}"
        );
        let seen = server.seen().pop().unwrap();
        assert_eq!(
            (seen.method.as_str(), seen.target.as_str()),
            (method, "/v1/messages?id=1")
        );
        assert_eq!(seen.body, b"{\"text\":\"\xc3\xa4\"}", "{method}");
        let mut headers: Vec<_> = seen
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        headers.sort_unstable();
        let host = server.origin.trim_start_matches("http://").as_bytes();
        let expected: [(&str, &[u8]); 6] = [
            ("accept", b"*/*"),
            ("content-length", b"13"),
            ("content-type", b"application/json"),
            ("host", host),
            ("x-many", b"1"),
            ("x-many", b"2"),
        ];
        assert_eq!(headers, expected, "{method}");
    }
}

#[tokio::test]
async fn a_request_that_is_not_well_formed_is_denied_and_not_sent() {
    let server = Server::content().await;
    let url = server.url("/");
    let method = |method: &str| HttpRequest {
        method: method.to_owned(),
        ..get(&url)
    };
    let with = |name: &str, value: &str| HttpRequest {
        headers: vec![header(name, value)],
        ..get(&url)
    };
    for (name, request) in [
        ("no method", method("")),
        (
            "a method and more",
            method("GET / HTTP/1.1\r\nHost: example.com\r\n\r\nGET"),
        ),
        ("a method in lower case", method("get")),
        ("a method that shows the credentials", method("TRACE")),
        ("a method that leads elsewhere", method("CONNECT")),
        ("a method of nobody", method("HELLO")),
        ("a header without a name", with("", "value")),
        ("a header name with a space", with("x y", "value")),
        ("a header name with a colon", with("x:y", "value")),
        ("a header name with a line break", with("x\r\ny", "value")),
        ("a header name that is not ASCII", with("ä", "value")),
        (
            "a header value with a line break",
            with("x", "1\r\nauthorization: Bearer mine"),
        ),
        (
            "a header value with half a line break",
            with("x", "1\nauthorization: Bearer mine"),
        ),
        ("a header value with a zero", with("x", "1\0")),
        (
            "a body that the host does not hold",
            HttpRequest {
                body: Payload::Held("file".to_owned()),
                ..get(&url)
            },
        ),
    ] {
        assert_eq!(
            outcome(&egress(&server), request).await,
            Err(Denied),
            "{name}"
        );
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn the_shorter_of_the_plugins_patience_and_the_hosts_ends_a_request() {
    let server = Server::start(|_, _| Answer::Never).await;
    for (host, plugin) in [
        (HOURS, Some(50)),
        (MOMENT, Some(u32::MAX)),
        (MOMENT, None),
        (HOURS, Some(0)),
    ] {
        let egress = Egress::builder()
            .allow_private_addresses()
            .origin(&server.origin, Credentials::none());
        let egress = egress.timeout(host).build().unwrap();
        let failure = fetch(
            &egress,
            HttpRequest {
                timeout_ms: plugin,
                ..get(&server.url("/"))
            },
        )
        .await
        .unwrap_err();
        assert_eq!(failure.code, NoAnswer, "{host:?} {plugin:?}");
        assert!(
            failure.message.starts_with("it took too long"),
            "{host:?} {plugin:?}: {}",
            failure.message
        );
    }
}

fn egress(server: &Server) -> Egress {
    Egress::builder()
        .allow_private_addresses()
        .origin(&server.origin, Credentials::none())
        .build()
        .unwrap()
}

fn header(name: &str, value: &str) -> Header {
    Header {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

const HOURS: Duration = Duration::from_hours(2);
const MOMENT: Duration = Duration::from_millis(50);
