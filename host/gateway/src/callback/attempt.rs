//! One attempt to deliver one event: a signed POST, and what its answer means. Never follows a redirect, never keeps an
//! answer's body, and resolves names to public addresses only unless others are allowed.

use super::Callback;
use crate::AgentNames;
use crate::api::view_event;
use crate::store::NewEvent;
use crate::store::StoredEvent;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use rbm_host::address::PublicOnly;
use rbm_json::id;
use reqwest::{Client, Response, redirect};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The way to one application.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) callback: Arc<Callback>,
    names: Arc<AgentNames>,
    client: Client,
}

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) status: Option<u16>,
    pub(super) verdict: Verdict,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Nothing.
    Taken,
    /// The same again, later.
    Failed {
        reason: String,
        asked_for: Option<Duration>,
    },
    /// Nothing more to this address, until somebody says otherwise.
    Gone,
}

impl Endpoint {
    pub(super) fn new(
        callback: Arc<Callback>,
        names: Arc<AgentNames>,
        answer_time_max: Duration,
    ) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIME_MAX)
            .timeout(answer_time_max)
            .pool_idle_timeout(IDLE_TIME_MAX)
            .user_agent(concat!("rbm/", env!("CARGO_PKG_VERSION")));
        let client = if callback.private_addresses {
            client
        } else {
            client.dns_resolver(PublicOnly)
        };
        Ok(Self {
            client: client.build()?,
            callback,
            names,
        })
    }

    /// Posts it, once.
    pub(super) async fn post(&self, event: &StoredEvent, now: Timestamp) -> Answer {
        let body = serde_json::to_vec(&view_event(event, &self.names))
            .expect("strings and numbers always serialise");
        let (id, timestamp) = (webhook_id(&event.event), now.as_second());
        let sign = |secret: &super::SigningSecret| secret.sign(&id, timestamp, &body);
        let signatures = self
            .callback
            .secrets
            .iter()
            .map(sign)
            .collect::<Vec<_>>()
            .join(" ");
        let request = self
            .client
            .post(self.callback.url.clone())
            .header(header::CONTENT_TYPE, "application/json");
        let request = request
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp);
        match request
            .header("webhook-signature", signatures)
            .body(body)
            .send()
            .await
        {
            Ok(response) => {
                let answer = judge(response.status(), response.headers(), now);
                drain(response).await;
                answer
            }
            Err(problem) => {
                let verdict = Verdict::Failed {
                    reason: reasons(&problem),
                    asked_for: None,
                };
                Answer {
                    status: None,
                    verdict,
                }
            }
        }
    }
}

/// The same for each attempt, and for the same event in whatever store.
pub(super) fn webhook_id(event: &NewEvent) -> String {
    id::of_event(&event.agent, &event.content.dedupe_key())
}

fn judge(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Answer {
    let verdict = match status {
        status if status.is_success() => Verdict::Taken,
        StatusCode::GONE => Verdict::Gone,
        status if status.is_redirection() => Verdict::Failed {
            reason: format!("{status}, and no redirect is followed"),
            asked_for: None,
        },
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            let asked_for = headers
                .get(header::RETRY_AFTER)
                .and_then(|value| retry_after(value, now));
            Verdict::Failed {
                reason: status.to_string(),
                asked_for,
            }
        }
        status => Verdict::Failed {
            reason: status.to_string(),
            asked_for: None,
        },
    };
    Answer {
        status: Some(status.as_u16()),
        verdict,
    }
}

/// Seconds or a date (RFC 9110 §10.2.3).
fn retry_after(value: &HeaderValue, now: Timestamp) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let date = httpdate::parse_http_date(text).ok()?;
            let since_1970 = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            let now_since_1970 = Duration::from_secs(u64::try_from(now.as_second()).ok()?);
            Some(since_1970.saturating_sub(now_since_1970))
        }
    }
}

/// So that the connection can be used again; a long answer costs the connection.
async fn drain(mut response: Response) {
    let mut left = ANSWER_BYTES_MAX;
    while let Ok(Some(chunk)) = response.chunk().await {
        match left.checked_sub(chunk.len()) {
            Some(less) => left = less,
            None => return,
        }
    }
}

/// The error and what caused it, without the address, which may have a secret in it.
fn reasons(problem: &reqwest::Error) -> String {
    let what = match problem {
        problem if problem.is_timeout() => "it took too long",
        problem if problem.is_connect() => "there was no connection",
        _ => "it broke off",
    };
    let mut reasons = vec![what.to_owned()];
    let mut cause = std::error::Error::source(problem);
    while let Some(error) = cause {
        reasons.push(error.to_string());
        cause = error.source();
    }
    reasons.join(": ")
}

const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
const IDLE_TIME_MAX: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_what_to_do_next() {
        let now = Timestamp::from_second(1_795_515_302).expect("a time");
        let failed = |reason: &str, seconds: Option<u64>| Verdict::Failed {
            reason: reason.to_owned(),
            asked_for: seconds.map(Duration::from_secs),
        };
        for (status, after, expected) in [
            (200, None, Verdict::Taken),
            (204, Some("9"), Verdict::Taken),
            (299, None, Verdict::Taken),
            (
                301,
                None,
                failed("301 Moved Permanently, and no redirect is followed", None),
            ),
            (
                304,
                None,
                failed("304 Not Modified, and no redirect is followed", None),
            ),
            (400, Some("9"), failed("400 Bad Request", None)),
            (410, None, Verdict::Gone),
            (429, Some("120"), failed("429 Too Many Requests", Some(120))),
            (
                503,
                Some("Tue, 24 Nov 2026 10:16:02 GMT"),
                failed("503 Service Unavailable", Some(60)),
            ),
            (
                503,
                Some("Tue, 24 Nov 2020 10:16:02 GMT"),
                failed("503 Service Unavailable", Some(0)),
            ),
            (503, Some("soon"), failed("503 Service Unavailable", None)),
            (503, Some("-1"), failed("503 Service Unavailable", None)),
            (503, None, failed("503 Service Unavailable", None)),
            (500, Some("120"), failed("500 Internal Server Error", None)),
        ] {
            let mut headers = HeaderMap::new();
            headers
                .extend(after.map(|value| (header::RETRY_AFTER, HeaderValue::from_static(value))));
            let answer = judge(
                StatusCode::from_u16(status).expect("a status"),
                &headers,
                now,
            );
            assert_eq!(
                answer,
                Answer {
                    status: Some(status),
                    verdict: expected
                },
                "{status} {after:?}"
            );
        }
    }
}
