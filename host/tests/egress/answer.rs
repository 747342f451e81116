//! What comes back: a whole answer as it is, or a failure whose code says whether anything can have been done.

use crate::fetch::{fetch, get, outcome};
use crate::server::{Answer, Server, endless, nobody, raw, says, stalling};
use rbm_host::http_client::FetchFailureCode::{NoAnswer, NotSent};
use rbm_host::{Credentials, Egress, EgressBuilder};
use std::time::Duration;

#[tokio::test]
async fn an_answer_of_any_status_is_passed_on_as_it_is() {
    for status in [
        200, 201, 204, 301, 304, 400, 401, 403, 404, 429, 500, 503, 599,
    ] {
        let body = if matches!(status, 204 | 304) {
            ""
        } else {
            "a body"
        };
        let server = Server::start(move |_, _| {
            says(
                status,
                &[("retry-after", "7"), ("x", "1"), ("x", "2")],
                body,
            )
        })
        .await;
        let answer = fetch(&egress(&server.origin), get(&server.url("/")))
            .await
            .unwrap();
        let header = |name| {
            answer
                .headers
                .iter()
                .filter(move |header| header.name == name)
        };
        let values = |name| {
            header(name)
                .map(|header| header.value.as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (status, body.as_bytes())
        );
        assert_eq!(
            (values("retry-after"), values("x")),
            (vec!["7"], vec!["1", "2"]),
            "{status}"
        );
        assert_eq!(server.count(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_redirect_is_passed_on_and_not_followed() {
    let target = Server::content().await;
    for status in [301, 302, 303, 307, 308] {
        let location = target.url("/secret");
        let server = Server::start(move |_, _| says(status, &[("location", &location)], "")).await;
        let egress = builder(&server.origin)
            .origin(&target.origin, Credentials::none())
            .build()
            .unwrap();
        let answer = fetch(&egress, get(&server.url("/"))).await.unwrap();
        assert_eq!(answer.status, status);
        assert!(
            answer
                .headers
                .iter()
                .any(|header| header.name == "location"),
            "{status}"
        );
        assert_eq!((server.count(), target.count()), (1, 0), "{status}");
    }
}

#[tokio::test]
async fn an_answer_may_be_as_long_as_the_limit_and_no_longer() {
    let server = Server::start(|_, seen| {
        let length: usize = seen.target.trim_start_matches('/').parse().unwrap();
        says(200, &[], vec![b'x'; length])
    })
    .await;
    let egress = builder(&server.origin)
        .response_bytes_max(100_000)
        .build()
        .unwrap();
    let whole = fetch(&egress, get(&server.url("/100000"))).await.unwrap();
    assert_eq!(whole.body.len(), 100_000);
    let failure = fetch(&egress, get(&server.url("/100001")))
        .await
        .unwrap_err();
    assert_eq!(
        (failure.code, failure.message.as_str()),
        (NoAnswer, "the answer has more than 100000 bytes")
    );
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_it() {
    let chunk: &[u8] = b"400\r\n";
    let chunk: &'static [u8] =
        Box::leak([chunk, &[b'x'; 1024], b"\r\n"].concat().into_boxed_slice());
    for (name, origin) in [
        (
            "chunks",
            endless(
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
                chunk,
            )
            .await,
        ),
        (
            "until the end",
            endless(b"HTTP/1.1 200 OK\r\n\r\n", chunk).await,
        ),
        (
            "a length of exabytes",
            endless(
                b"HTTP/1.1 200 OK\r\ncontent-length: 9223372036854775807\r\n\r\n",
                chunk,
            )
            .await,
        ),
        (
            "headers",
            endless(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n").await,
        ),
        (
            "a header",
            endless(b"HTTP/1.1 200 OK\r\nx: ", b"yyyyyyyyyyyyyyyy").await,
        ),
        (
            "a status line",
            endless(b"HTTP/1.1 200 ", b"yyyyyyyyyyyyyyyy").await,
        ),
    ] {
        let failure = fetch(&egress(&origin), get(&format!("{origin}/")))
            .await
            .expect_err(name);
        assert_eq!(failure.code, NoAnswer, "{name}: {}", failure.message);
        assert!(
            !failure.message.starts_with("it took too long"),
            "{name}: {}",
            failure.message
        );
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_none() {
    for (name, origin) in [
        ("no word", raw(b"").await),
        ("half a status line", raw(b"HTTP/1.1 20").await),
        ("half the headers", raw(b"HTTP/1.1 200 OK\r\nconten").await),
        (
            "half the body",
            raw(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello").await,
        ),
        (
            "half a chunk",
            raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\nhello").await,
        ),
        (
            "no last chunk",
            raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n").await,
        ),
        ("no HTTP", raw(b"220 mail.example.com ESMTP\r\n").await),
        ("rubbish", raw(b"\xff\xfe\0\0\r\n\r\n").await),
        (
            "a status that is no number",
            raw(b"HTTP/1.1 abc OK\r\n\r\n").await,
        ),
        (
            "a header that is none",
            raw(b"HTTP/1.1 200 OK\r\n\0: x\r\n\r\n").await,
        ),
        (
            "two lengths",
            raw(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab").await,
        ),
    ] {
        assert_eq!(
            outcome(&egress(&origin), get(&format!("{origin}/"))).await,
            Err(NoAnswer),
            "{name}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_none() {
    let silent = Server::start(|_, _| Answer::Never).await.origin;
    for (name, origin) in [
        ("no word", silent),
        (
            "informational answers without end",
            endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n").await,
        ),
        (
            "half the headers",
            stalling(b"HTTP/1.1 200 OK\r\nconten").await,
        ),
        (
            "half the body",
            stalling(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello").await,
        ),
    ] {
        let egress = builder(&origin)
            .timeout(Duration::from_millis(100))
            .build()
            .unwrap();
        let failure = fetch(&egress, get(&format!("{origin}/")))
            .await
            .expect_err(name);
        assert_eq!(failure.code, NoAnswer, "{name}");
        assert!(
            failure.message.starts_with("it took too long"),
            "{name}: {}",
            failure.message
        );
    }
}

#[tokio::test]
async fn where_there_is_no_connection_nothing_was_sent() {
    let plain = Server::content().await;
    for (name, origin) in [
        ("nobody listens", nobody().await),
        ("no such name", "http://name.invalid".to_owned()),
        ("no TLS", plain.origin.replace("http:", "https:")),
    ] {
        assert_eq!(
            outcome(&egress(&origin), get(&format!("{origin}/"))).await,
            Err(NotSent),
            "{name}"
        );
    }
    assert_eq!(plain.count(), 0);
}

#[tokio::test]
async fn a_failure_does_not_tell_the_address() {
    let silent = Server::start(|_, _| Answer::Never).await.origin;
    for origin in [nobody().await, raw(b"").await, silent] {
        let egress = builder(&origin)
            .timeout(Duration::from_millis(100))
            .build()
            .unwrap();
        let failure = fetch(&egress, get(&format!("{origin}/v1/phones/+15550100001")))
            .await
            .unwrap_err();
        assert!(
            !failure.message.contains("+15550100001"),
            "{}",
            failure.message
        );
    }
}

fn egress(origin: &str) -> Egress {
    builder(origin).build().unwrap()
}

fn builder(origin: &str) -> EgressBuilder {
    Egress::builder()
        .allow_private_addresses()
        .origin(origin, Credentials::none())
}
