//! A request of one of Google's methods where there is an upstream: it answers, and the twin is asked beside it.

use super::request::QueryPairs;
use super::surface::{Called, Form};
use crate::Shared;
use crate::refusal::Refusal;
use crate::schema::Method;
use crate::upstream::{Answer, Asked, Comparing, FAILED, Place, adopt_files};
use axum::body::{Bytes, to_bytes};
use axum::extract::{OriginalUri, Request};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Whoever asks was let in by upstream, as far as the twin is concerned. Only [`relay`] says so of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shadow;

/// An answer of upstream's, which is passed on as it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relayed;

/// Has the method done, here or, where there is an upstream, there.
pub(super) async fn relay(request: Request, next: Next) -> Response {
    let shared = request
        .extensions()
        .get::<Arc<Shared>>()
        .filter(|shared| shared.upstream.is_some());
    let Some(shared) = shared.cloned() else {
        return next.run(request).await;
    };
    let uri = request
        .extensions()
        .get::<OriginalUri>()
        .map_or(request.uri(), |OriginalUri(uri)| uri);
    let place = Place::of(uri, request.headers());
    if !place.is_googles() {
        return next.run(request).await;
    }
    // To its end, also if the client goes away: what upstream has done, the twin must do too.
    let relayed = tokio::spawn(async move {
        let upstream = shared.upstream.as_ref()?;
        Some(beside(&shared, upstream, place, request, next).await)
    });
    relayed
        .await
        .ok()
        .flatten()
        .unwrap_or_else(|| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn beside(
    shared: &Shared,
    upstream: &Comparing,
    place: Place,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    // It is in memory already.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let method = parts
        .extensions
        .get::<Called>()
        .map(|Called(method)| *method);
    let mut asked = Asked {
        method: method.map(Method::name),
        parts: parts.clone(),
        body: body.clone(),
        place,
    };
    if let Some(OriginalUri(uri)) = parts.extensions.get() {
        asked.parts.uri = uri.clone();
    }
    let answer = match upstream.ask(&asked, shared.clock.now()).await {
        Ok(answer) => answer,
        Err(problem) => {
            let refusal = Refusal::new(
                FAILED,
                StatusCode::BAD_GATEWAY,
                "UNAVAILABLE",
                &problem.to_string(),
            );
            return refusal.into_response();
        }
    };
    if !upstream.is_uncompared(&asked, &answer) {
        adopt_files(shared, &asked, &answer);
        let mut shadow = Request::from_parts(parts, body.into());
        shadow.extensions_mut().insert(Shadow);
        if let Some(region) = upstream.region(&asked.place) {
            shadow.extensions_mut().insert(region);
        }
        let twin = answer_of_twin(method, shadow, next).await;
        upstream.compare(&asked, &answer, &twin, shared.clock.now());
    }
    relayed(answer)
}

async fn answer_of_twin(method: Option<&'static Method>, shadow: Request, next: Next) -> Answer {
    let form = Form::of(method, &QueryPairs::of(shadow.uri()), shadow.headers());
    let (parts, body) = form.write(next.run(shadow).await).await.into_parts();
    let body: Bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

fn relayed(
    Answer {
        status,
        headers,
        body,
    }: Answer,
) -> Response {
    let mut response = Response::new(body.into());
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    response.extensions_mut().insert(Relayed);
    response
}
