//! A webhook without a web framework: a whole request in, an answer and the events out.

use crate::channel::Channel;
use crate::instance::CallProblem;
use bytes::Bytes;
use gateway_channel::{
    ChannelFailure, Header, Inbound, Reaction, Verdict, VerdictOutcome, WebhookRequest,
};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use jiff::Timestamp;

/// What is refused before a plugin sees it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a body. Whoever reads the body should stop there too.
    pub body_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 1 << 20,
        }
    }
}

/// What to answer, and what to store before answering.
#[derive(Debug)]
pub struct Outcome {
    /// To be sent only after `inbound` is stored: the platform forgets what was answered 200.
    pub response: Response<Bytes>,
    /// Whether it was believed; none where it was refused before anybody looked.
    pub verdict: Option<Verdict>,
    /// The events. Empty unless the request was authentic.
    pub inbound: Vec<Inbound>,
}

/// Why a request could not be judged. Answer it 503, so that the platform sends it again.
#[derive(Debug, thiserror::Error)]
pub enum WebhookProblem {
    /// The plugin did not return.
    #[error(transparent)]
    Call(#[from] CallProblem),
    /// The plugin's settings are wrong.
    #[error("the plugin's settings are wrong: {}", .0.message)]
    Settings(ChannelFailure),
}

/// Judges one request.
pub async fn receive(
    channel: &Channel,
    limits: &Limits,
    now: Timestamp,
    request: Request<Bytes>,
) -> Result<Outcome, WebhookProblem> {
    if let Some(refusal) = refusal(limits, &request) {
        return Ok(refusal);
    }
    let reaction = channel
        .on_event(now, &for_plugin(request))
        .await?
        .map_err(WebhookProblem::Settings)?;
    Ok(outcome(reaction))
}

/// A refusal in plain text, with nothing to store.
pub fn refuse(status: StatusCode, reason: &str) -> Outcome {
    let mut response = Response::new(Bytes::from(reason.to_owned()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    Outcome {
        response,
        verdict: None,
        inbound: Vec::new(),
    }
}

fn refusal(limits: &Limits, request: &Request<Bytes>) -> Option<Outcome> {
    let (bytes, most) = (request.body().len(), limits.body_bytes_max);
    if bytes > most {
        let reason = format!("the body has {bytes} bytes, the limit is {most}");
        return Some(refuse(StatusCode::PAYLOAD_TOO_LARGE, &reason));
    }
    let encoding = request.headers().get(header::CONTENT_ENCODING)?;
    let plain = encoding.as_bytes().eq_ignore_ascii_case(b"identity");
    (!plain).then(|| {
        refuse(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "a body with a content-encoding is not taken",
        )
    })
}

/// A request as a plugin is given it.
pub fn for_plugin(request: Request<Bytes>) -> WebhookRequest {
    let (parts, body) = request.into_parts();
    // A value that is not text cannot be one that a plugin looks for; it arrives changed, and so matches nothing.
    let header = |(name, value): (&HeaderName, &HeaderValue)| Header {
        name: name.as_str().to_owned(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
    };
    WebhookRequest {
        method: parts.method.as_str().to_owned(),
        url: parts.uri.to_string(),
        headers: parts.headers.iter().map(header).collect(),
        body: body.into(),
    }
}

fn outcome(reaction: Reaction) -> Outcome {
    let mut response = Response::new(Bytes::from(reaction.response.body));
    *response.status_mut() =
        StatusCode::from_u16(reaction.response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for header in reaction.response.headers {
        if let (Ok(name), Ok(value)) = (
            header.name.parse::<HeaderName>(),
            header.value.parse::<HeaderValue>(),
        ) {
            response.headers_mut().append(name, value);
        }
    }
    // The promise of `Outcome` is the host's, whatever a plugin returns.
    let is_authentic = reaction.verdict.outcome == VerdictOutcome::Authentic;
    let inbound = if is_authentic {
        reaction.inbound
    } else {
        Vec::new()
    };
    Outcome {
        response,
        verdict: Some(reaction.verdict),
        inbound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_channel::{Fact, VerdictOutcome, WebhookResponse};

    #[test]
    fn only_what_is_authentic_has_events_whatever_a_plugin_says() {
        let typing = Inbound {
            dedupe_key: "k".into(),
            agent: String::new(),
            phone: None,
            at: None,
            fact: Fact::Typing,
            details: vec![],
            raw: vec![],
        };
        for (is_authentic, verdict) in [
            (true, VerdictOutcome::Authentic),
            (false, VerdictOutcome::Handshake),
            (false, VerdictOutcome::Forged),
            (false, VerdictOutcome::Unsigned),
            (false, VerdictOutcome::Malformed),
        ] {
            let verdict = Verdict {
                outcome: verdict,
                token: None,
                rule: None,
                reason: None,
            };
            let response = WebhookResponse {
                status: 200,
                headers: vec![],
                body: vec![],
            };
            let outcome = outcome(Reaction {
                verdict,
                response,
                inbound: vec![typing.clone()],
            });
            assert_eq!(outcome.inbound.is_empty(), !is_authentic);
        }
    }
}
