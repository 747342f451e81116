//! The connections to the outside, and one exchange over one of them: a whole answer within limits of size and time, or
//! what is known about the request. Never follows a redirect, goes through a proxy or keeps a connection for long.

use super::address::PublicOnly;
use crate::http_client::{FetchFailure, FetchFailureCode};
use http::{HeaderMap, StatusCode};
use reqwest::{Client, RequestBuilder, redirect};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Connections that are used again, but not after their time.
pub(super) struct Pool {
    current: Mutex<Generation>,
    lifetime: Duration,
    private_addresses: bool,
    /// For one exchange.
    pub(super) timeout: Duration,
}

/// A connection in steady use is never idle, so it ends with the client that made it.
struct Generation {
    client: Client,
    born: Instant,
}

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Pool {
    pub(super) fn new(
        lifetime: Duration,
        timeout: Duration,
        private_addresses: bool,
    ) -> Result<Self, reqwest::Error> {
        let generation = Generation::new(lifetime, private_addresses)?;
        Ok(Self {
            current: Mutex::new(generation),
            lifetime,
            private_addresses,
            timeout,
        })
    }

    /// The client of now. One that has had its time lives on until its last answer is there.
    pub(super) fn client(&self) -> Client {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.born.elapsed() >= self.lifetime {
            match Generation::new(self.lifetime, self.private_addresses) {
                Ok(next) => *current = next,
                Err(problem) => {
                    tracing::warn!(%problem, "connections are kept for longer than they should be");
                }
            }
        }
        current.client.clone()
    }
}

impl Generation {
    fn new(lifetime: Duration, private_addresses: bool) -> Result<Self, reqwest::Error> {
        let mut client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIME_MAX)
            .pool_idle_timeout(lifetime);
        if !private_addresses {
            client = client.dns_resolver(PublicOnly);
        }
        Ok(Self {
            client: client.build()?,
            born: Instant::now(),
        })
    }
}

/// Sends a request and reads its answer, of so many bytes at most.
pub(super) async fn exchange(
    request: RequestBuilder,
    bytes_max: usize,
) -> Result<Answer, FetchFailure> {
    let mut response = request
        .send()
        .await
        .map_err(|problem| not_answered(&problem))?;
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|problem| not_answered(&problem))?
    {
        if body.len() + chunk.len() > bytes_max {
            let message = format!("the answer has more than {bytes_max} bytes");
            return Err(FetchFailure {
                code: FetchFailureCode::NoAnswer,
                message,
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status: response.status(),
        headers: std::mem::take(response.headers_mut()),
        body,
    })
}

/// What an error of the client says about the request. Only where no connection was made is it certain that nothing was sent.
fn not_answered(problem: &reqwest::Error) -> FetchFailure {
    let code = if problem.is_connect() {
        FetchFailureCode::NotSent
    } else if problem.is_builder() {
        FetchFailureCode::Denied
    } else {
        FetchFailureCode::NoAnswer
    };
    FetchFailure {
        code,
        message: reasons(problem),
    }
}

/// The error and what caused it, without the address, which has a phone number in it.
fn reasons(problem: &reqwest::Error) -> String {
    let mut reasons = vec![if problem.is_timeout() {
        "it took too long".to_owned()
    } else {
        "it broke off".to_owned()
    }];
    let mut cause = std::error::Error::source(problem);
    while let Some(error) = cause {
        reasons.push(error.to_string());
        cause = error.source();
    }
    reasons.join(": ")
}

const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
