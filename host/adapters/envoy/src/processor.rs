//! `ext_proc`: what a request means. One stream is one request and its answer.

use crate::Body;
use crate::headers::{self, pair, set};
use crate::judge::{Believed, Judge};
use bytes::Bytes;
use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValueOption};
use envoy_types::pb::envoy::extensions::filters::http::ext_proc::v3::processing_mode::BodySendMode;
use envoy_types::pb::envoy::service::ext_proc::v3::external_processor_server::ExternalProcessor;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_request::Request as Asked;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_response::Response as Answer;
use envoy_types::pb::envoy::service::ext_proc::v3::{
    BodyMutation, BodyResponse, CommonResponse, HeaderMutation, HeadersResponse, HttpHeaders,
    ImmediateResponse, ProcessingRequest, ProcessingResponse, TrailersResponse,
    body_mutation::Mutation,
};
use futures::stream::{self, BoxStream, StreamExt as _};
use gateway_channel::Inbound;
use http::{Response, StatusCode, request};
use jiff::Timestamp;
use rbm_json::{event, id};
use tonic::{Request, Status, Streaming, async_trait};

/// The service.
pub(crate) struct Processor {
    judge: Judge,
    body: Body,
}

impl Processor {
    pub(crate) fn new(judge: Judge, body: Body) -> Self {
        Self { judge, body }
    }
}

#[async_trait]
impl ExternalProcessor for Processor {
    type ProcessStream = BoxStream<'static, Result<ProcessingResponse, Status>>;

    async fn process(
        &self,
        request: Request<Streaming<ProcessingRequest>>,
    ) -> Result<tonic::Response<Self::ProcessStream>, Status> {
        let exchange = Exchange {
            judge: self.judge.clone(),
            body: self.body,
            head: None,
            passed: false,
        };
        let answers = stream::try_unfold(
            (exchange, request.into_inner()),
            |(mut exchange, mut questions)| async {
                let Some(question) = questions.message().await? else {
                    return Ok(None);
                };
                let answer = ProcessingResponse {
                    response: Some(exchange.answer(question).await?),
                    ..Default::default()
                };
                Ok(Some((answer, (exchange, questions))))
            },
        );
        Ok(tonic::Response::new(answers.boxed()))
    }
}

/// A request on its way to the application, and the application's answer on its way back.
struct Exchange {
    judge: Judge,
    body: Body,
    /// Until the body has come.
    head: Option<request::Parts>,
    /// Whether the application has been asked.
    passed: bool,
}

impl Exchange {
    async fn answer(&mut self, question: ProcessingRequest) -> Result<Answer, Status> {
        // It is said with the first question. Of a body that comes in pieces nothing is known until its end.
        let mode = question
            .protocol_config
            .map(|protocol| protocol.request_body_mode());
        if mode.is_some_and(|mode| mode != BodySendMode::Buffered) {
            return Err(Status::failed_precondition(
                "request_body_mode must be BUFFERED",
            ));
        }
        match question.request {
            Some(Asked::RequestHeaders(headers)) => self.request_headers(headers).await,
            Some(Asked::RequestBody(body)) => self.request_body(body.body.into()).await,
            Some(Asked::ResponseHeaders(headers)) => Ok(self.response_headers(headers)),
            // Of these nothing is changed, whether they are sent here or not.
            Some(Asked::ResponseBody(_)) => Ok(Answer::ResponseBody(BodyResponse::default())),
            Some(Asked::RequestTrailers(_)) => {
                Ok(Answer::RequestTrailers(TrailersResponse::default()))
            }
            Some(Asked::ResponseTrailers(_)) => {
                Ok(Answer::ResponseTrailers(TrailersResponse::default()))
            }
            None => Err(Status::invalid_argument("there is nothing to process")),
        }
    }

    async fn request_headers(&mut self, headers: HttpHeaders) -> Result<Answer, Status> {
        let head = headers::head(pairs(headers.headers)).map_err(Status::invalid_argument)?;
        if let Some(response) = self.judge.refuse_early(&head) {
            return Ok(instead(&response));
        }
        if headers.end_of_stream {
            let empty = http::Request::from_parts(head, Bytes::new());
            let judged = self
                .judge
                .judge(empty)
                .await
                .map(|_| Status::internal("nothing was signed, and believed"));
            return judged.map_or_else(|response| Ok(instead(&response)), Err);
        }
        self.head = Some(head);
        // Envoy does not send a body of another length than was announced.
        let removed = if self.body == Body::Event {
            vec!["content-length".to_owned()]
        } else {
            Vec::new()
        };
        Ok(Answer::RequestHeaders(HeadersResponse {
            response: Some(changed(Vec::new(), removed, None)),
        }))
    }

    async fn request_body(&mut self, body: Bytes) -> Result<Answer, Status> {
        let head = self
            .head
            .take()
            .ok_or_else(|| Status::failed_precondition("request_header_mode must be SEND"))?;
        match self
            .judge
            .judge(http::Request::from_parts(head, body))
            .await
        {
            Ok(believed) => {
                self.passed = true;
                Ok(Answer::RequestBody(BodyResponse {
                    response: Some(passed_on(&believed, self.body)),
                }))
            }
            Err(response) => Ok(instead(&response)),
        }
    }

    /// The platform forgets what was answered 200, and sends everything else again.
    fn response_headers(&self, headers: HttpHeaders) -> Answer {
        let status = pairs(headers.headers)
            .find(|(name, _)| name == ":status")
            .map(|(_, value)| value);
        let taken = status.is_some_and(|status| status.starts_with(b"2"));
        let status = if taken {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        let set = if self.passed {
            vec![set(":status", status.as_str().as_bytes())]
        } else {
            Vec::new()
        };
        Answer::ResponseHeaders(HeadersResponse {
            response: Some(changed(set, Vec::new(), None)),
        })
    }
}

/// The event in the place of the body, and its id beside it. One request has one event; if a plugin makes several of one, they
/// are an array, under the id of the first.
fn passed_on(believed: &Believed, body: Body) -> CommonResponse {
    let Believed { agent, events } = believed;
    let now = Timestamp::now();
    let first = id::of_event(agent, &events[0].dedupe_key);
    let headers = vec![
        set("webhook-id", first.as_bytes()),
        set("webhook-timestamp", now.as_second().to_string().as_bytes()),
        set("rbm-agent", agent.as_bytes()),
        set("rbm-event", event::kind(&events[0].fact).as_bytes()),
    ];
    if body == Body::AsItCame {
        return changed(headers, Vec::new(), None);
    }
    // Nothing is kept here that a place could be in, so an event's place is its own name.
    let view = |inbound: &Inbound| {
        event::view(
            id::of_event(agent, &inbound.dedupe_key),
            agent,
            now.to_string(),
            inbound,
        )
    };
    let views: Vec<_> = events.iter().map(view).collect();
    let json = match views.as_slice() {
        [view] => serde_json::to_vec(view),
        views => serde_json::to_vec(views),
    };
    let json = json.expect("strings and numbers always serialise");
    let headers = [headers, vec![set("content-type", b"application/json")]].concat();
    // Of what is not the application's any more.
    changed(headers, vec!["x-goog-signature".to_owned()], Some(json))
}

fn changed(
    set_headers: Vec<HeaderValueOption>,
    remove_headers: Vec<String>,
    body: Option<Vec<u8>>,
) -> CommonResponse {
    CommonResponse {
        header_mutation: Some(HeaderMutation {
            set_headers,
            remove_headers,
        }),
        body_mutation: body.map(|body| BodyMutation {
            mutation: Some(Mutation::Body(body)),
        }),
        ..CommonResponse::default()
    }
}

/// An answer that the application is not asked for.
fn instead(response: &Response<Bytes>) -> Answer {
    Answer::ImmediateResponse(ImmediateResponse {
        status: Some(headers::status(response.status())),
        headers: Some(HeaderMutation {
            set_headers: headers::of_response(response, set),
            remove_headers: Vec::new(),
        }),
        body: response.body().to_vec(),
        ..ImmediateResponse::default()
    })
}

fn pairs(headers: Option<HeaderMap>) -> impl Iterator<Item = (String, Vec<u8>)> {
    headers
        .map(|map| map.headers)
        .unwrap_or_default()
        .into_iter()
        .map(pair)
}
