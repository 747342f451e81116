//! HTTP as a plugin asks for it, and who answers.

use async_trait::async_trait;
use std::time::Duration;

pub use crate::bindings::gateway::channel::http_client::{
    FetchFailure, FetchFailureCode, HttpRequest, HttpResponse,
};

/// Makes a plugin's HTTP requests. [`crate::Egress`] is the one that really does; a gateway with a client of its own writes
/// another.
#[async_trait]
pub trait HttpClient: Send + Sync {
    /// One request, one whole answer. The failure's code says what is known about the request.
    async fn fetch(&self, request: HttpRequest) -> Result<HttpResponse, FetchFailure>;

    /// How long what it adds to requests is good for yet, for whoever looks after the gateway. None if it does not run out, or
    /// there is none yet.
    fn token_expires_in(&self) -> Option<Duration> {
        None
    }
}

/// Denies every request: for calls that have no business on the network, such as checking a signature.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHttp;

#[async_trait]
impl HttpClient for NoHttp {
    async fn fetch(&self, request: HttpRequest) -> Result<HttpResponse, FetchFailure> {
        Err(denied(format!(
            "this host makes no requests, and {} was asked for",
            request.url
        )))
    }
}

/// The host does not let the plugin do this; nothing was sent.
pub(crate) fn denied(message: String) -> FetchFailure {
    FetchFailure {
        code: FetchFailureCode::Denied,
        message,
    }
}

/// How much longer than usual a body of so many bytes may take, over the slowest line that is waited for.
pub fn transfer_time(bytes: usize) -> Duration {
    Duration::from_millis((bytes / BYTES_PER_MILLISECOND_MIN) as u64)
}

/// A megabyte a second.
const BYTES_PER_MILLISECOND_MIN: usize = 1_000;
