//! What a plugin asks of the host, in one line.

use rbm_host::http_client::{FetchFailure, FetchFailureCode, HttpRequest, HttpResponse};
use rbm_host::{Egress, HttpClient as _};
use std::future::Future;
use std::time::Duration;
use tokio::time::timeout;

/// A request with nothing but an address.
pub(crate) fn get(url: &str) -> HttpRequest {
    HttpRequest {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: vec![],
        body: rbm_host::contract::Payload::Inline(vec![]),
        timeout_ms: None,
    }
}

/// The outcome of one request. What never ends fails the test, on however slow a machine.
pub(crate) async fn fetch(
    egress: &Egress,
    request: HttpRequest,
) -> Result<HttpResponse, FetchFailure> {
    soon(egress.fetch(request)).await
}

/// The status of an answer, or the code of the failure.
pub(crate) async fn outcome(
    egress: &Egress,
    request: HttpRequest,
) -> Result<u16, FetchFailureCode> {
    fetch(egress, request)
        .await
        .map(|answer| answer.status)
        .map_err(|failure| failure.code)
}

pub(crate) async fn soon<R>(outcome: impl Future<Output = R>) -> R {
    timeout(CEILING, outcome)
        .await
        .expect("the host does not hang")
}

/// Above every limit of these tests by far.
pub(crate) const CEILING: Duration = Duration::from_mins(1);
