//! The contract's `http-client`. The only place that knows of bindings.

use crate::address::admit;
use crate::token::{TokenProblem, token};
use bindings::exports::gateway::channel::http_client::{
    FetchFailure, FetchFailureCode, Guest, HttpRequest, HttpResponse,
};
use gateway_channel::{Header, Payload};
use rbm_wasi::machine;
use rbm_wasi::outgoing::{self, Failure, Request};

#[expect(unsafe_code, reason = "written by wit-bindgen")]
#[expect(clippy::pedantic, reason = "written by wit-bindgen")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit",
        inline: "package rbm:shim; world shim { export gateway:channel/http-client@0.1.0; }",
        world: "rbm:shim/shim",
        with: { "gateway:channel/types@0.1.0": gateway_channel },
    });
    use super::Component;
    export!(Component);
}

struct Component;

impl Guest for Component {
    fn fetch(request: HttpRequest) -> Result<HttpResponse, FetchFailure> {
        let environment = machine::environment();
        let api_origin = environment
            .iter()
            .find(|(name, _)| name == "RBM_API_ORIGIN")
            .map(|(_, value)| value.trim());
        admit(&request.url, api_origin)
            .map_err(|reason| failure(FetchFailureCode::Denied, reason))?;
        let body = match &request.body {
            Payload::Inline(bytes) => bytes.as_slice(),
            Payload::Held(name) => {
                return Err(failure(
                    FetchFailureCode::Denied,
                    format!("this host holds no payload {name:?}"),
                ));
            }
        };
        let token = token(&environment).map_err(|problem| match problem {
            TokenProblem::Refused(reason) => failure(FetchFailureCode::NoCredentials, reason),
            TokenProblem::Unreachable(reason) => failure(FetchFailureCode::NotSent, reason),
        })?;
        let mut headers: Vec<_> = request
            .headers
            .into_iter()
            .map(|Header { name, value }| (name, value))
            .collect();
        if let Some((name, _)) = headers
            .iter()
            .find(|(name, _)| OWN.iter().any(|own| name.eq_ignore_ascii_case(own)))
        {
            return Err(failure(
                FetchFailureCode::Denied,
                format!("the header {name} is the host's to set"),
            ));
        }
        headers.push(("authorization".to_owned(), format!("Bearer {token}")));
        let timeout_milliseconds = request
            .timeout_ms
            .unwrap_or(MILLISECONDS_MAX)
            .min(MILLISECONDS_MAX);
        let request = Request {
            method: &request.method,
            url: &request.url,
            headers,
            body,
            timeout_milliseconds,
        };
        let answer = outgoing::fetch(&request, RESPONSE_BYTES_MAX)
            .map_err(|problem| of_outgoing(&problem))?;
        let headers = answer
            .headers
            .into_iter()
            .map(|(name, value)| Header { name, value })
            .collect();
        Ok(HttpResponse {
            status: answer.status,
            headers,
            body: answer.body,
        })
    }
}

fn of_outgoing(problem: &Failure) -> FetchFailure {
    let code = match problem {
        Failure::Denied(_) => FetchFailureCode::Denied,
        Failure::NotSent(_) => FetchFailureCode::NotSent,
        Failure::NoAnswer(_) => FetchFailureCode::NoAnswer,
    };
    failure(code, problem.to_string())
}

fn failure(code: FetchFailureCode, message: String) -> FetchFailure {
    FetchFailure { code, message }
}

/// Set here or by the host.
const OWN: [&str; 3] = ["authorization", "host", "content-length"];
const RESPONSE_BYTES_MAX: usize = 1 << 20;
const MILLISECONDS_MAX: u32 = 30_000;
