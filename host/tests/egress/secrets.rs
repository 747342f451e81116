//! Tokens, assertions and keys are sent where they belong and told nowhere: not at the finest level of logging, not by
//! `Debug`, not in a failure.

use crate::fetch::{fetch, get};
use crate::key::{account, assertion, credentials, private_key};
use crate::platform::{Platform, takes};
use crate::server::{Answer, Server, says};
use rbm_host::{Credentials, Egress};
use std::io;
use std::sync::{Arc, Mutex};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;

#[tokio::test]
async fn no_secret_is_in_the_log_of_a_request_that_succeeds() {
    let log = Log::default();
    let _guard = log.listen();
    let platform = Platform::with_api(takes(&["Bearer token-2"])).await;
    assert_eq!(platform.outcome().await, Ok(200));
    log.assert_clean(&platform, &["token-1", "token-2"]);
}

#[tokio::test]
async fn no_secret_is_in_the_log_or_the_failure_where_there_is_no_token() {
    let log = Log::default();
    let _guard = log.listen();
    for (status, body) in [
        (400, r#"{"error":"invalid_grant","access_token":"canary"}"#),
        (500, "canary"),
        (200, r#"{"access_token":"canary"}"#),
        (200, r#"{"access_token":"canary\n","expires_in":3600}"#),
        (200, r#"{"access_token":["canary"],"expires_in":3600}"#),
        (200, r#"{"access_token":"canary","expires_in":"canary"}"#),
    ] {
        let platform = Platform::with_tokens(move |_, _| says(status, &[], body)).await;
        let failure = platform.failure().await;
        assert!(!failure.message.contains("canary"), "{failure:?}");
        log.assert_clean(&platform, &["canary"]);
    }
}

#[tokio::test]
async fn no_secret_is_in_the_log_or_the_failure_of_a_request_that_is_not_answered() {
    let log = Log::default();
    let _guard = log.listen();
    let platform = Platform::with_api(|_, _| Answer::Never).await;
    let request = rbm_host::http_client::HttpRequest {
        timeout_ms: Some(100),
        ..get(&platform.api.url("/"))
    };
    let failure = fetch(&platform.egress, request).await.unwrap_err();
    assert!(!failure.message.contains("token-1"), "{failure:?}");
    log.assert_clean(&platform, &["token-1"]);
}

#[tokio::test]
async fn a_fixed_token_is_not_in_the_log_nor_in_the_failure() {
    let log = Log::default();
    let _guard = log.listen();
    let server = Server::content().await;
    for (token, taken) in [("canary", true), ("canary\n", false)] {
        let egress = Egress::builder().allow_private_addresses();
        let egress = egress
            .origin(&server.origin, Credentials::bearer(token.into()))
            .build()
            .unwrap();
        let outcome = fetch(&egress, get(&server.url("/"))).await;
        assert_eq!(outcome.is_ok(), taken);
        assert!(!format!("{outcome:?}").contains("canary"), "{outcome:?}");
    }
    assert!(!log.text().contains("canary"), "{}", log.text());
}

#[test]
fn debug_shows_no_secret() {
    let shown = [
        format!("{:?}", Credentials::bearer("canary".into())),
        format!("{:?}", account("https://oauth2.googleapis.com/token")),
        format!("{:?}", credentials("https://oauth2.googleapis.com/token")),
    ]
    .concat();
    assert!(!shown.contains("canary"), "{shown}");
    for line in private_key().lines() {
        assert!(!shown.contains(line), "{shown}");
    }
    assert!(shown.contains("gserviceaccount.com"), "{shown}");
}

/// What this thread logs, and with it all that a test does.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_writer(self.clone());
        subscriber.finish().set_default()
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn assert_clean(&self, platform: &Platform, tokens: &[&str]) {
        let text = self.text();
        assert!(
            text.contains("connect"),
            "the HTTP client is listened to: {text}"
        );
        for seen in platform.tokens.seen() {
            let assertion = assertion(&seen.body);
            assert!(
                !text.contains(assertion.rsplit('.').next().unwrap()),
                "{text}"
            );
        }
        for secret in tokens.iter().copied().chain(private_key().lines().skip(1)) {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
