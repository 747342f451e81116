//! A request of one of Google's methods, and what comes back: the method's answer, or what a fault makes of it.

use super::surface::Form;
use crate::Shared;
use crate::connection::Reset;
use crate::faults::{RequestFault, STATUSES};
use crate::record::Asked;
use crate::refusal::{Challenge, Refusal};
use crate::subject::Subject;
use crate::token::MESSAGING;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, OriginalUri, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::time::sleep;

/// Has the method done, unless a fault befalls the request, and keeps what was asked and answered. Without a form, an answer is
/// left as it is.
pub(super) async fn exchange(
    method: Option<&'static str>,
    form: Option<Form>,
    request: Request,
    next: Next,
) -> Response {
    let Some(shared) = request.extensions().get::<Arc<Shared>>().cloned() else {
        return next.run(request).await;
    };
    let (parts, body) = request.into_parts();
    let body = whole(body).await;
    let asked = asked(&shared, method, &parts, &body);
    let reset = parts
        .extensions
        .get::<ConnectInfo<Reset>>()
        .map(|ConnectInfo(reset)| reset.clone())
        .unwrap_or_default();
    let faults = drawn(&shared, method, &parts.uri, &body);
    let fault = faults.iter().copied().find(|fault| fault.delay().is_none());
    let done = if fault.is_none_or(RequestFault::accepts) {
        next.run(Request::from_parts(parts, body.into())).await
    } else {
        Response::default()
    };
    let answer = match fault.and_then(|fault| refusal(fault, method)) {
        Some(refusal) => refusal.into_response(),
        None => done,
    };
    let answer = match form {
        Some(form) => form.write(answer).await,
        None => answer,
    };
    let (head, body) = answer.into_parts();
    let body = whole(body).await;
    let delays: Vec<_> = faults.iter().filter_map(|fault| fault.delay()).collect();
    if let Some(asked) = asked {
        let is_heard = fault.is_none_or(RequestFault::answers);
        let (status, said) = if is_heard {
            (Some(head.status), &body[..])
        } else {
            (None, &[][..])
        };
        shared.records().keep(asked, status, said, faults);
        shared.happened.notify_waiters();
    }
    for delay in delays {
        sleep(delay).await;
    }
    befall(
        &shared,
        fault,
        reset,
        Response::from_parts(head, body.into()),
    )
    .await
}

/// What is kept of a request: nothing of one for the emulator itself.
fn asked(
    shared: &Shared,
    method: Option<&'static str>,
    parts: &Parts,
    body: &[u8],
) -> Option<Asked> {
    let uri = parts
        .extensions
        .get::<OriginalUri>()
        .map_or(&parts.uri, |OriginalUri(uri)| uri);
    let is_ours = uri.path().starts_with("/emulator/");
    (!is_ours).then(|| {
        Asked::new(
            shared.clock.now(),
            method,
            &parts.method,
            uri,
            &parts.headers,
            body,
        )
    })
}

fn drawn(
    shared: &Shared,
    method: Option<&'static str>,
    uri: &Uri,
    body: &[u8],
) -> Vec<RequestFault> {
    if shared.faults().is_empty() {
        return Vec::new();
    }
    let (seed, subject) = (shared.platform().seed(), Subject::of(method, uri, body));
    shared.faults().draw(&seed, &subject)
}

/// What is answered instead. None where nothing is.
fn refusal(fault: RequestFault, method: Option<&'static str>) -> Option<Refusal> {
    let refused = |status, code, said: &str| {
        let message = format!("{said}: this is a fault that was asked for.");
        Some(Refusal::new(STATUSES, status, code, &message))
    };
    match fault {
        RequestFault::BadRequest => refused(
            StatusCode::BAD_REQUEST,
            "INVALID_ARGUMENT",
            "The request is not valid",
        ),
        // Of an invalid token it is not said for which API it is.
        RequestFault::Unauthenticated => Some(Refusal::unauthenticated(
            Challenge::Invalid,
            MESSAGING,
            method.unwrap_or_default(),
        )),
        RequestFault::PermissionDenied => refused(
            StatusCode::FORBIDDEN,
            "PERMISSION_DENIED",
            "The caller may not do this",
        ),
        RequestFault::AgentLookup => Some(Refusal::unknown_agent(None)),
        RequestFault::NotFound => refused(
            StatusCode::NOT_FOUND,
            "NOT_FOUND",
            "There is nothing of this name",
        ),
        RequestFault::TooMany => refused(
            StatusCode::TOO_MANY_REQUESTS,
            "RESOURCE_EXHAUSTED",
            "A quota is used up",
        ),
        RequestFault::TooManyForSeconds(seconds) => {
            let refusal = refused(
                StatusCode::TOO_MANY_REQUESTS,
                "RESOURCE_EXHAUSTED",
                "A quota is used up",
            );
            refusal.map(|refusal| refusal.with_retry_after(seconds))
        }
        RequestFault::Internal | RequestFault::InternalAfter => refused(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL",
            "The platform has failed",
        ),
        RequestFault::Unavailable => refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "UNAVAILABLE",
            "The platform is not available",
        ),
        RequestFault::TimeOut
        | RequestFault::Reset
        | RequestFault::TimeOutAfter
        | RequestFault::ResetAfter
        | RequestFault::CutShort
        | RequestFault::SlowByMilliseconds(_) => None,
    }
}

/// What the connection makes of the answer.
async fn befall(
    shared: &Shared,
    fault: Option<RequestFault>,
    reset: Reset,
    answer: Response,
) -> Response {
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
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    Response::from_parts(
        parts,
        Body::new(CutShort {
            half: Some(body.slice(..body.len() / 2)),
            sent: false,
        }),
    )
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
