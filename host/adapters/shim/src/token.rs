//! The token that goes on requests: the one in the environment, or the platform's own, of its metadata server.

use rbm_wasi::outgoing::{self, Failure, Request};
use rbm_wire::auth::SCOPE;
use serde_json::Value;

/// Why there is no token.
pub(crate) enum TokenProblem {
    /// A person must act.
    Refused(String),
    /// It may be otherwise soon.
    Unreachable(String),
}

/// What stands after `Bearer`.
pub(crate) fn token(environment: &[(String, String)]) -> Result<String, TokenProblem> {
    let variable = |name: &str| {
        environment
            .iter()
            .find(|(it, _)| it == name)
            .map(|(_, value)| value.trim())
    };
    let given = variable("RBM_ACCESS_TOKEN").filter(|token| !token.is_empty());
    match (
        given,
        variable("RBM_TOKEN_SOURCE").filter(|source| !source.is_empty()),
    ) {
        (Some(token), None) => Ok(token.to_owned()),
        (None, Some("metadata")) => {
            of_metadata_server(variable("GCE_METADATA_HOST").unwrap_or(METADATA_HOST))
        }
        (None, None) => Err(TokenProblem::Refused(
            "no token: RBM_ACCESS_TOKEN must have one, or RBM_TOKEN_SOURCE be metadata".to_owned(),
        )),
        (Some(_), Some(_)) => Err(TokenProblem::Refused(
            "RBM_ACCESS_TOKEN and RBM_TOKEN_SOURCE are set, and one must be".to_owned(),
        )),
        (None, Some(other)) => Err(TokenProblem::Refused(format!(
            "RBM_TOKEN_SOURCE is {other:?}, and can be metadata only"
        ))),
    }
}

/// The server keeps a token until it runs out, so it may be asked each time.
/// cloud.google.com/compute/docs/access/authenticate-workloads
fn of_metadata_server(host: &str) -> Result<String, TokenProblem> {
    let scope = SCOPE.replace(':', "%3A").replace('/', "%2F");
    let url = format!(
        "http://{host}/computeMetadata/v1/instance/service-accounts/default/token?scopes={scope}"
    );
    let request = Request {
        method: "GET",
        url: &url,
        headers: vec![("metadata-flavor".to_owned(), "Google".to_owned())],
        body: &[],
        timeout_milliseconds: METADATA_MILLISECONDS_MAX,
    };
    let answer = outgoing::fetch(&request, TOKEN_BYTES_MAX).map_err(|failure| match failure {
        Failure::Denied(reason) => {
            TokenProblem::Refused(format!("the host does not let {host} be asked: {reason}"))
        }
        other => TokenProblem::Unreachable(format!(
            "the metadata server at {host} does not answer: {other}"
        )),
    })?;
    match answer.status {
        200 => {}
        status @ (408 | 429 | 500..) => {
            return Err(TokenProblem::Unreachable(format!(
                "the metadata server at {host} answered {status}"
            )));
        }
        status => {
            return Err(TokenProblem::Refused(format!(
                "no token: the metadata server at {host} answered {status}"
            )));
        }
    }
    let answer: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let token = answer["access_token"]
        .as_str()
        .filter(|token| !token.is_empty())
        .map(str::to_owned);
    token.ok_or_else(|| {
        TokenProblem::Refused(format!(
            "the metadata server at {host} answered with no access_token"
        ))
    })
}

const METADATA_HOST: &str = "metadata.google.internal";
const METADATA_MILLISECONDS_MAX: u32 = 5_000;
/// Google's tokens have up to 2,048 (Google's OAuth 2.0 guide, "Token size").
const TOKEN_BYTES_MAX: usize = 64 << 10;
