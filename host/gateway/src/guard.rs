//! Who may come in: over which encryption, from where, and knowing what. The platform's webhooks need none of it but the
//! encryption: they are signed.

use crate::Shared;
use crate::problem::Problem;
use crate::request::{header_once, shown};
use axum::body::Body;
use axum::extract::State;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::uri::Authority;
use http::{HeaderValue, Request, StatusCode, header};
use ipnet::IpNet;
use rustls::ServerConfig;
use secrecy::{ExposeSecret as _, SecretString};
use std::net::IpAddr;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

/// How an address is guarded. The default is for an address that only this machine reaches.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// Each is enough for callers; two while one replaces the other. Without any, a request must name this machine as its host, so that no page in a browser can
    /// have a name of its own lead here.
    pub tokens: Vec<SecretString>,
    /// How connections are encrypted, if nobody in front does it.
    pub tls: Option<Arc<ServerConfig>>,
    /// Who is in front: nobody else may connect, if there are any.
    pub proxies: Vec<IpNet>,
}

impl Guard {
    /// Whether somebody at this address may connect.
    pub(crate) fn lets_connect(&self, peer: IpAddr) -> bool {
        self.proxies.is_empty() || self.is_proxy(peer)
    }

    /// Whether connections from this address are many people's.
    pub(crate) fn is_proxy(&self, peer: IpAddr) -> bool {
        self.proxies
            .iter()
            .any(|network| network.contains(&peer.to_canonical()))
    }

    fn check_caller(&self, request: &Request<Body>) -> Result<(), Problem> {
        if self.tokens.is_empty() {
            return check_host(request);
        }
        let given = header_once(request.headers(), header::AUTHORIZATION.as_str())?;
        let given = given.as_deref().and_then(bearer);
        let is = |given: &str, token: &SecretString| {
            given
                .as_bytes()
                .ct_eq(token.expose_secret().as_bytes())
                .into()
        };
        if given.is_some_and(|given| self.tokens.iter().any(|token| is(given, token))) {
            return Ok(());
        }
        let detail = match given {
            Some(_) => "the bearer token is another one",
            None => "Authorization is missing, and must be a bearer token",
        };
        Err(Problem::new(StatusCode::UNAUTHORIZED, "token", detail))
    }

    /// What came to a proxy in the clear has been read by anybody on the way.
    fn check_encryption(&self, request: &Request<Body>) -> Result<(), Problem> {
        let forwarded = request
            .headers()
            .get(FORWARDED_PROTOCOL)
            .filter(|_| !self.proxies.is_empty());
        match forwarded {
            Some(protocol) if !protocol.as_bytes().eq_ignore_ascii_case(b"https") => {
                let protocol = shown(&String::from_utf8_lossy(protocol.as_bytes()));
                let detail = format!("{FORWARDED_PROTOCOL} is {protocol}, and must be https");
                Err(Problem::new(
                    StatusCode::FORBIDDEN,
                    "https-required",
                    &detail,
                ))
            }
            _ => Ok(()),
        }
    }
}

/// For callers: 401 or 403 unless the guard lets them in.
pub(crate) async fn callers_only(
    State(shared): State<Arc<Shared>>,
    request: Request<Body>,
    next: Next,
) -> Response {
    let guard = shared.guard();
    match guard
        .check_encryption(&request)
        .and_then(|()| guard.check_caller(&request))
    {
        Ok(()) => next.run(request).await,
        Err(problem) => refusal(problem),
    }
}

/// For the platform.
pub(crate) async fn encrypted_only(
    State(shared): State<Arc<Shared>>,
    request: Request<Body>,
    next: Next,
) -> Response {
    match shared.guard().check_encryption(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// For whoever looks after the gateway, on an address of its own.
pub(crate) async fn keepers_only(
    State(guard): State<Arc<Guard>>,
    request: Request<Body>,
    next: Next,
) -> Response {
    match guard.check_caller(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => refusal(problem),
    }
}

fn refusal(problem: Problem) -> Response {
    let mut response = problem.into_response();
    if response.status() == StatusCode::UNAUTHORIZED {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A name in the host field may be anybody's, and lead to this machine for a moment (DNS rebinding).
fn check_host(request: &Request<Body>) -> Result<(), Problem> {
    let Some(host) = header_once(request.headers(), header::HOST.as_str())? else {
        return Ok(());
    };
    let name = host
        .parse::<Authority>()
        .ok()
        .map(|authority| authority.host().to_owned());
    let name = name.as_deref().unwrap_or(&host).trim_matches(['[', ']']);
    if name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    let detail = format!(
        "the host is {}, and without a token it must be localhost or an IP address",
        shown(&host)
    );
    Err(Problem::new(StatusCode::FORBIDDEN, "host", &detail))
}

const FORWARDED_PROTOCOL: &str = "x-forwarded-proto";

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request<Body> {
        let mut request = Request::new(Body::empty());
        for (name, value) in headers {
            let name = name.parse::<http::HeaderName>().expect("a name");
            request
                .headers_mut()
                .append(name, value.parse().expect("a value"));
        }
        request
    }

    #[test]
    fn callers_know_the_token() {
        let guard = Guard {
            tokens: vec!["0ther".into(), "s3cret".into()],
            ..Guard::default()
        };
        for (headers, lets_in) in [
            (&[("authorization", "Bearer s3cret")][..], true),
            (&[("authorization", "bearer  s3cret")], true),
            (&[("authorization", "Bearer s3cre")], false),
            (&[("authorization", "Bearer s3crets")], false),
            (&[("authorization", "Bearer ")], false),
            (&[("authorization", "Basic s3cret")], false),
            (&[("authorization", "s3cret")], false),
            (
                &[
                    ("authorization", "Bearer s3cret"),
                    ("authorization", "Bearer s3cret"),
                ],
                false,
            ),
            (&[("host", "localhost")], false),
            (&[], false),
        ] {
            assert_eq!(
                guard.check_caller(&request(headers)).is_ok(),
                lets_in,
                "{headers:?}"
            );
        }
    }

    #[test]
    fn without_a_token_the_host_is_this_machine() {
        for (host, lets_in) in [
            ("localhost", true),
            ("LOCALHOST:8787", true),
            ("127.0.0.1:8787", true),
            ("[::1]:8787", true),
            ("192.168.1.4", true),
            ("evil.example", false),
            ("evil.example:8787", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("", false),
        ] {
            assert_eq!(
                Guard::default()
                    .check_caller(&request(&[("host", host)]))
                    .is_ok(),
                lets_in,
                "{host}"
            );
        }
    }

    #[test]
    fn only_a_proxy_may_connect_where_there_is_one_and_only_with_what_came_encrypted() {
        let guard = Guard {
            proxies: vec!["10.0.0.0/8".parse().expect("a network")],
            ..Guard::default()
        };
        for (peer, lets_connect) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("11.1.2.3", false),
            ("::1", false),
        ] {
            assert_eq!(
                guard.lets_connect(peer.parse().expect("an address")),
                lets_connect,
                "{peer}"
            );
        }
        assert!(Guard::default().lets_connect("11.1.2.3".parse().expect("an address")));
        let forwarded = |protocol| request(&[(FORWARDED_PROTOCOL, protocol)]);
        for (protocol, lets_in) in [
            ("https", true),
            ("HTTPS", true),
            ("http", false),
            ("", false),
        ] {
            assert_eq!(
                guard.check_encryption(&forwarded(protocol)).is_ok(),
                lets_in,
                "{protocol}"
            );
        }
        assert!(guard.check_encryption(&request(&[])).is_ok());
        assert!(
            Guard::default()
                .check_encryption(&forwarded("http"))
                .is_ok(),
            "nobody is in front"
        );
    }
}
