//! Verifies a webhook request, says what it means, and how to answer it. Never trusts what is not signed.

use crate::notice;
use crate::settings::Receiver;
use crate::signature::{self, Reading};
use gateway_channel::{
    ChannelFailure, Context, Header, Inbound, Reaction, Verdict, VerdictOutcome, WebhookRequest,
    WebhookResponse,
};

/// One request, one reaction. Fails only for settings that are wrong.
pub fn on_event(context: &Context, request: &WebhookRequest) -> Result<Reaction, ChannelFailure> {
    let receiver = Receiver::parse(context)?;
    Ok(match signature::read(&receiver, request) {
        Ok(Reading::Handshake { token, secret }) => {
            // The bare secret: Google's guide wants nothing else in the body. (guides/integrate/webhooks)
            reaction(
                VerdictOutcome::Handshake,
                token,
                text(200, secret.into_owned()),
                Vec::new(),
            )
        }
        Ok(Reading::Event {
            token,
            data,
            attributes,
        }) => {
            let inbound = notice::inbound(data, attributes.as_ref());
            reaction(
                VerdictOutcome::Authentic,
                token,
                text(200, String::new()),
                vec![inbound],
            )
        }
        Err(verdict) => refusal(verdict, receiver.unverified_status),
    })
}

fn reaction(
    outcome: VerdictOutcome,
    token: u32,
    response: WebhookResponse,
    inbound: Vec<Inbound>,
) -> Reaction {
    Reaction {
        verdict: Verdict {
            outcome,
            token: Some(token),
            rule: None,
            reason: None,
        },
        response,
        inbound,
    }
}

fn refusal(verdict: Verdict, unverified_status: u16) -> Reaction {
    let status = match (verdict.outcome, verdict.rule.as_deref()) {
        (_, Some("handshake-token")) => 403,
        (_, Some("method")) => 405,
        (VerdictOutcome::Malformed, _) => 400,
        _ => unverified_status,
    };
    let response = text(status, verdict.reason.clone().unwrap_or_default());
    Reaction {
        verdict,
        response,
        inbound: Vec::new(),
    }
}

/// Plain text that no browser takes for anything else.
fn text(status: u16, body: String) -> WebhookResponse {
    let header = |name: &str, value: &str| Header {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let headers = if body.is_empty() {
        Vec::new()
    } else {
        vec![
            header("content-type", "text/plain; charset=utf-8"),
            header("x-content-type-options", "nosniff"),
        ]
    };
    WebhookResponse {
        status,
        headers,
        body: body.into_bytes(),
    }
}
