//! `ext_authz`: whether a request may pass.

use crate::headers::{self, pair, set_text};
use crate::judge::Judge;
use bytes::Bytes;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use envoy_types::pb::envoy::service::auth::v3::authorization_server::Authorization;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    CheckRequest, CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::google::rpc;
use http::Response;
use tonic::{Code, Request, Status, async_trait};

/// The service.
pub(crate) struct Authorizer {
    judge: Judge,
}

impl Authorizer {
    pub(crate) fn new(judge: Judge) -> Self {
        Self { judge }
    }
}

#[async_trait]
impl Authorization for Authorizer {
    async fn check(
        &self,
        request: Request<CheckRequest>,
    ) -> Result<tonic::Response<CheckResponse>, Status> {
        let attributes = request
            .into_inner()
            .attributes
            .and_then(|attributes| attributes.request);
        let asked = attributes.and_then(|request| request.http);
        let asked =
            asked.ok_or_else(|| Status::invalid_argument("there is no HTTP request to judge"))?;
        let request = whole(asked).map_err(Status::invalid_argument)?;
        let answer = match self.judge.authorize(request).await {
            Ok(()) => answer(
                Code::Ok,
                HttpResponse::OkResponse(OkHttpResponse::default()),
            ),
            Err(response) => answer(
                Code::PermissionDenied,
                HttpResponse::DeniedResponse(denied(&response)),
            ),
        };
        Ok(tonic::Response::new(answer))
    }
}

fn whole(asked: HttpRequest) -> Result<http::Request<Bytes>, &'static str> {
    // Which of the two it has is the filter's configuration.
    let listed = asked.header_map.map(|map| map.headers).unwrap_or_default();
    let named = asked
        .headers
        .into_iter()
        .map(|(name, value)| (name, value.into_bytes()));
    let first_line = [(":method", asked.method), (":path", asked.path)];
    let first_line = first_line.map(|(name, value)| (name.to_owned(), value.into_bytes()));
    let others = named
        .chain(listed.into_iter().map(pair))
        .filter(|(name, _)| !name.starts_with(':'));
    let head = headers::head(first_line.into_iter().chain(others))?;
    // Without `pack_as_bytes` a body is text, in which Envoy has replaced what is not.
    let body = if asked.raw_body.is_empty() {
        asked.body.into_bytes()
    } else {
        asked.raw_body
    };
    Ok(http::Request::from_parts(head, body.into()))
}

fn answer(code: Code, response: HttpResponse) -> CheckResponse {
    CheckResponse {
        status: Some(rpc::Status {
            code: code.into(),
            ..rpc::Status::default()
        }),
        http_response: Some(response),
        ..CheckResponse::default()
    }
}

/// What the platform hears instead of the application, which for the handshake is 200.
fn denied(response: &Response<Bytes>) -> DeniedHttpResponse {
    DeniedHttpResponse {
        status: Some(headers::status(response.status())),
        headers: headers::of_response(response, set_text),
        body: String::from_utf8_lossy(response.body()).into_owned(),
    }
}
