//! A request of one of Google's methods, and what comes back: the method's answer, or what a fault makes of it.

use super::request::QueryPairs;
use super::surface::Form;
use crate::Shared;
use crate::connection::Reset;
use crate::faults::{RequestFault, STATUSES, Subject};
use crate::refusal::{Challenge, Refusal};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use rbm_wire::name::{AgentId, PhoneNumber};
use serde_json::Value;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::time::sleep;

/// Has the method done, unless a fault befalls the request. Without a form, an answer is left as it is.
pub(super) async fn exchange(
    method: Option<&'static str>,
    form: Option<Form>,
    request: Request,
    next: Next,
) -> Response {
    let Some(shared) = request.extensions().get::<Arc<Shared>>().cloned() else { return next.run(request).await };
    let reset = request.extensions().get::<ConnectInfo<Reset>>().map(|ConnectInfo(reset)| reset.clone());
    let (request, faults) = drawn(&shared, method, request).await;
    let fault = faults.iter().copied().find(|fault| fault.delay().is_none());
    let answer = match fault.filter(|fault| !fault.accepts()) {
        Some(fault) => refusal(fault, method).map(IntoResponse::into_response),
        None => Some(next.run(request).await),
    };
    // 500, though the method is done.
    let answer = match fault.filter(|fault| *fault == RequestFault::InternalAfter) {
        Some(fault) => refusal(fault, method).map(IntoResponse::into_response),
        None => answer,
    };
    let answer = answer.unwrap_or_default();
    let answer = match form {
        Some(form) => form.write(answer).await,
        None => answer,
    };
    for delay in faults.iter().filter_map(|fault| fault.delay()) {
        sleep(delay).await;
    }
    befall(&shared, fault, reset.unwrap_or_default(), answer).await
}

/// What befalls a request. Its body is read only where a rule may look at it.
async fn drawn(shared: &Shared, method: Option<&'static str>, request: Request) -> (Request, Vec<RequestFault>) {
    if shared.faults().is_empty() {
        return (request, Vec::new());
    }
    let (parts, body) = request.into_parts();
    let body = whole(body).await;
    let subject = subject(method, &parts.uri, &body);
    let seed = shared.seed;
    let faults = shared.faults().draw(&seed, &subject);
    (Request::from_parts(parts, body.into()), faults)
}

/// By the path and the query, or where they name no agent, by the body.
fn subject(method: Option<&'static str>, uri: &Uri, body: &[u8]) -> Subject {
    let query = QueryPairs::of(uri);
    let agent = query.named("agentId").or_else(|| query.named("agent_id")).map(str::to_owned);
    Subject {
        method,
        phone: phone(uri.path()),
        agent: agent.or_else(|| agent_in(body)).and_then(|agent| AgentId::parse(&agent).ok()),
    }
}

/// A number has no other character that anybody would escape.
fn phone(path: &str) -> Option<PhoneNumber> {
    let (_, rest) = path.split_once("/phones/")?;
    let name = rest.split('/').next()?;
    PhoneNumber::parse(&name.replacen("%2B", "+", 1).replacen("%2b", "+", 1)).ok()
}

fn agent_in(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body.get("agentId").or_else(|| body.get("agent_id"))?.as_str().map(str::to_owned)
}

/// What is answered instead. None where nothing is.
fn refusal(fault: RequestFault, method: Option<&'static str>) -> Option<Refusal> {
    let refused = |status, code, said: &str| {
        let message = format!("{said}: this is a fault that was asked for.");
        Some(Refusal::new(STATUSES, status, code, &message))
    };
    match fault {
        RequestFault::BadRequest => refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", "The request is not valid"),
        RequestFault::Unauthenticated => Some(Refusal::unauthenticated(Challenge::Invalid, method.unwrap_or_default())),
        RequestFault::PermissionDenied => {
            refused(StatusCode::FORBIDDEN, "PERMISSION_DENIED", "The caller may not do this")
        }
        RequestFault::NotFound => refused(StatusCode::NOT_FOUND, "NOT_FOUND", "There is nothing of this name"),
        RequestFault::TooMany => refused(StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", "A quota is used up"),
        RequestFault::TooManyForSeconds(seconds) => {
            let refusal = refused(StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", "A quota is used up");
            refusal.map(|refusal| refusal.with_retry_after(seconds))
        }
        RequestFault::Internal | RequestFault::InternalAfter => {
            refused(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "The platform has failed")
        }
        RequestFault::Unavailable => {
            refused(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", "The platform is not available")
        }
        RequestFault::TimeOut
        | RequestFault::Reset
        | RequestFault::TimeOutAfter
        | RequestFault::ResetAfter
        | RequestFault::CutShort
        | RequestFault::SlowByMilliseconds(_) => None,
    }
}

/// What the connection makes of the answer.
async fn befall(shared: &Shared, fault: Option<RequestFault>, reset: Reset, answer: Response) -> Response {
    match fault {
        Some(RequestFault::TimeOut | RequestFault::TimeOutAfter) => {
            // Until the client gives up, at which this ends too, or the emulator does.
            shared.stopped().await;
            reset.wanted();
        }
        Some(RequestFault::Reset | RequestFault::ResetAfter) => reset.wanted(),
        Some(RequestFault::CutShort) => return cut_short(answer).await,
        _ => {}
    }
    answer
}

/// The same head, and half of the body; the connection ends there.
async fn cut_short(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let body = whole(body).await;
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    Response::from_parts(parts, Body::new(CutShort { half: Some(body.slice(..body.len() / 2)), sent: false }))
}

/// Half of a body, and an end that comes when the half is sent.
struct CutShort {
    half: Option<Bytes>,
    sent: bool,
}

impl hyper::body::Body for CutShort {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        if self.sent {
            return Poll::Ready(None);
        }
        // What hyper has of it is sent while it waits for more; an end that came at once would take that along.
        self.sent = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// It is in memory already.
async fn whole(body: Body) -> Bytes {
    to_bytes(body, usize::MAX).await.unwrap_or_default()
}
