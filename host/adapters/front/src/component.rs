//! Requests as the host hands them over, and which of them is for whom. The only place that knows of bindings.

use crate::answer::{Answer, problem};
use crate::headers::Headers;
use crate::settings::Settings;
use crate::{messages, webhook};
use bindings::exports::wasi::http::incoming_handler::Guest;
use gateway_channel::Context;
use http::StatusCode;
use jiff::Timestamp;
use rbm_json::excerpt::excerpt;
use rbm_json::problem::ProblemView;
use rbm_wasi::body::{self, BodyProblem};
use rbm_wasi::machine;
use rbm_wasi::wasi::http::types::{
    Fields, IncomingRequest, Method, OutgoingResponse, ResponseOutparam,
};

pub(crate) use bindings::gateway::channel::channel;

#[expect(unsafe_code, reason = "written by wit-bindgen")]
#[expect(clippy::pedantic, reason = "written by wit-bindgen")]
mod bindings {
    wit_bindgen::generate!({
        path: ["../wasi/wit", "../../../wit"],
        inline: "package rbm:front;
            world front {
                import gateway:channel/channel@0.1.0;
                export wasi:http/incoming-handler@0.2.0;
            }",
        world: "rbm:front/front",
        generate_all,
        with: {
            "gateway:channel/types@0.1.0": gateway_channel,
            "wasi:clocks/monotonic-clock@0.2.0": rbm_wasi::wasi::clocks::monotonic_clock,
            "wasi:http/types@0.2.0": rbm_wasi::wasi::http::types,
            "wasi:io/error@0.2.0": rbm_wasi::wasi::io::error,
            "wasi:io/poll@0.2.0": rbm_wasi::wasi::io::poll,
            "wasi:io/streams@0.2.0": rbm_wasi::wasi::io::streams,
        },
    });
    use super::Component;
    export!(Component);
}

struct Component;

/// A request, and all that is known when it is answered.
pub(crate) struct Asked {
    pub(crate) settings: Settings,
    pub(crate) now: Timestamp,
    pub(crate) method: String,
    /// Path and query.
    pub(crate) url: String,
    pub(crate) headers: Headers,
    request: IncomingRequest,
}

impl Guest for Component {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let asked = Asked::new(request);
        let answer = route(&asked).unwrap_or_else(Answer::from);
        respond(answer, out);
    }
}

fn route(asked: &Asked) -> Result<Answer, ProblemView> {
    let path = asked.url.split('?').next().unwrap_or_default();
    let webhook = path.strip_prefix("/webhooks/rbm/");
    if webhook.is_none() && path != "/v1/messages" && path != "/v1/check" {
        let detail = format!("there is nothing at {:?}", excerpt(path));
        return Err(problem(StatusCode::NOT_FOUND, "not-found", &detail));
    }
    if asked.method != "POST" {
        let detail = format!("{} is not for {:?}", asked.method, excerpt(path));
        return Err(problem(StatusCode::METHOD_NOT_ALLOWED, "method", &detail));
    }
    match (webhook, path) {
        (Some(agent), _) => webhook::receive(asked, agent),
        (None, "/v1/messages") => messages::send(asked),
        (None, _) => messages::check(asked),
    }
}

impl Asked {
    fn new(request: IncomingRequest) -> Self {
        let (seconds, nanoseconds) = machine::now();
        let now = i64::try_from(seconds)
            .ok()
            .zip(i32::try_from(nanoseconds).ok());
        let now = now.and_then(|(seconds, nanoseconds)| Timestamp::new(seconds, nanoseconds).ok());
        Self {
            settings: Settings::of(machine::environment()),
            now: now.expect("a host's clock is in this age"),
            method: word(&request.method()),
            url: request.path_with_query().unwrap_or_else(|| "/".to_owned()),
            headers: Headers(request.headers().entries()),
            request,
        }
    }

    /// What each call of the plugin carries.
    pub(crate) fn context(&self) -> Context {
        Context {
            settings: self.settings.of_plugin(&channel::describe()),
            now: self.now.to_string(),
        }
    }

    /// The whole body, unless it is longer than a megabyte or in an encoding.
    pub(crate) fn body(&self) -> Result<Vec<u8>, ProblemView> {
        self.headers.check_encoding()?;
        let broken = || problem(StatusCode::BAD_REQUEST, "body-broken", "the body broke off");
        let incoming = self.request.consume().map_err(|()| broken())?;
        body::read(&incoming, BODY_BYTES_MAX).map_err(|trouble| match trouble {
            BodyProblem::BrokenOff => broken(),
            BodyProblem::TooLong => {
                let detail =
                    format!("the body has more than {BODY_BYTES_MAX} bytes, which is the limit");
                problem(StatusCode::PAYLOAD_TOO_LARGE, "body-length", &detail)
            }
        })
    }
}

fn word(method: &Method) -> String {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(other) => other,
    }
    .to_owned()
}

fn respond(answer: Answer, out: ResponseOutparam) {
    let headers = answer
        .headers
        .into_iter()
        .map(|(name, value)| (name, value.into_bytes()));
    let length = (
        "content-length".to_owned(),
        answer.body.len().to_string().into_bytes(),
    );
    let headers: Vec<_> = headers
        .filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"))
        .chain([length])
        .collect();
    // Headers that a host does not take are the plugin's, and the answer is worth more than they are.
    let response =
        OutgoingResponse::new(Fields::from_list(&headers).unwrap_or_else(|_| no_fields()));
    let _ = response.set_status_code(answer.status);
    let body = response.body();
    ResponseOutparam::set(out, Ok(response));
    if let Ok(body) = body {
        body::write(body, &answer.body);
    }
}

fn no_fields() -> Fields {
    Fields::from_list(&[]).expect("no header is malformed")
}

const BODY_BYTES_MAX: usize = 1 << 20;
