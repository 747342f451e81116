//! Tells whether a webhook request is Google's: HMAC-SHA512 with a client token, over the decoded bytes of `message.data`.
//!
//! guides/integrate/webhooks. The prose there names `message.body`; its code, and what really arrives, have `message.data`.
//! Never looks at what is not signed: attributes, outer ids, the type header.

use crate::settings::Receiver;
use crate::tag::{TAG_BYTES, is_tag, tag};
use base64_simd::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use gateway_channel::{Context, Header, Verdict, VerdictOutcome, WebhookRequest};
use rbm_wire::callback::{Attributes, Body, SIGNATURE_HEADER};
use rbm_wire::json;
use rbm_wire::quoted::Quoted;
use std::borrow::Cow;
use subtle::ConstantTimeEq;

/// Is this request the platform's?
pub fn verify_signature(context: &Context, request: &WebhookRequest) -> Verdict {
    match Receiver::parse(context) {
        Ok(receiver) => match read(&receiver, request) {
            Ok(Reading::Event { token, .. }) => authentic(VerdictOutcome::Authentic, token),
            Ok(Reading::Handshake { token, .. }) => authentic(VerdictOutcome::Handshake, token),
            Err(verdict) => verdict,
        },
        Err(failure) => refused(VerdictOutcome::Forged, "settings", &failure.message),
    }
}

/// What Google would write into `X-Goog-Signature`: for benchmarks and tests.
pub fn sign(token: &str, data: &[u8]) -> String {
    STANDARD.encode_to_string(tag(token.as_bytes(), data))
}

/// What an authentic request holds.
pub(crate) enum Reading<'a> {
    /// Google asks whether this address is ours.
    Handshake { token: u32, secret: Cow<'a, str> },
    /// The decoded bytes of `message.data`, and the attributes beside them, which nothing vouches for.
    Event {
        token: u32,
        data: Vec<u8>,
        attributes: Option<Attributes<'a>>,
    },
}

/// Reads a request as far as it can be believed.
pub(crate) fn read<'a>(
    receiver: &Receiver<'_>,
    request: &'a WebhookRequest,
) -> Result<Reading<'a>, Verdict> {
    if !request.method.eq_ignore_ascii_case("POST") {
        return Err(malformed(
            "method",
            &format!("the method is {}, not POST", Quoted(shown(&request.method))),
        ));
    }
    let body = json::parse(&request.body, Body::has_field)
        .map(Body::read)
        .map_err(|problem| {
            malformed(
                "body-not-json",
                &format!("the body is not the JSON of a webhook request: {problem}"),
            )
        })?;
    if let (None, Some(token), Some(secret)) = (&body.message, &body.client_token, body.secret) {
        return read_handshake(receiver, token, secret);
    }
    let envelope = body
        .message
        .ok_or_else(|| malformed("no-message", "the body has no `message`"))?;
    let data = envelope
        .data
        .as_ref()
        .ok_or_else(|| malformed("no-data", "the body has no `message.data`"))?;
    let data = decode(&data.0)
        .ok_or_else(|| malformed("data-not-base64", "`message.data` is not base64"))?;
    let token = matching_token(&receiver.tokens, &data, &request.headers)?;
    Ok(Reading::Event {
        token,
        data,
        attributes: envelope.attributes,
    })
}

fn read_handshake<'a>(
    receiver: &Receiver<'_>,
    token: &str,
    secret: Cow<'a, str>,
) -> Result<Reading<'a>, Verdict> {
    let known = receiver
        .tokens
        .iter()
        .position(|ours| bool::from(ours.as_bytes().ct_eq(token.as_bytes())));
    let Some(index) = known else {
        return Err(refused(
            VerdictOutcome::Forged,
            "handshake-token",
            "the handshake's `clientToken` is not a configured one",
        ));
    };
    // The secret is answered as it is, so it must not be able to be anything but a word.
    let plain = !secret.is_empty()
        && secret.len() <= SECRET_BYTES_MAX
        && secret.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain {
        let reason = format!(
            "the handshake's `secret` is not 1 to {SECRET_BYTES_MAX} visible ASCII characters"
        );
        return Err(malformed("handshake-secret", &reason));
    }
    Ok(Reading::Handshake {
        token: count(index),
        secret,
    })
}

/// The token whose signature the header carries, counted from 0.
fn matching_token(tokens: &[&str], data: &[u8], headers: &[Header]) -> Result<u32, Verdict> {
    let signature = signature(headers)?;
    let matching = tokens
        .iter()
        .position(|token| is_tag(token.as_bytes(), data, &signature));
    matching.map(count).ok_or_else(|| {
        refused(
            VerdictOutcome::Forged,
            "signature-mismatch",
            "the signature matches no configured token",
        )
    })
}

fn signature(headers: &[Header]) -> Result<[u8; TAG_BYTES], Verdict> {
    let mut found = headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case(SIGNATURE_HEADER));
    let Some(header) = found.next() else {
        return Err(refused(
            VerdictOutcome::Unsigned,
            "signature-missing",
            "there is no X-Goog-Signature header",
        ));
    };
    let forged = |rule, reason: &str| Err(refused(VerdictOutcome::Forged, rule, reason));
    if found.next().is_some() {
        return forged(
            "signature-repeated",
            "there are several X-Goog-Signature headers",
        );
    }
    let Ok(tag) = STANDARD.decode_to_vec(&header.value) else {
        return forged(
            "signature-not-base64",
            "X-Goog-Signature is not standard base64",
        );
    };
    let length = tag.len();
    tag.try_into().or_else(|_| {
        forged(
            "signature-length",
            &format!("X-Goog-Signature has {length} bytes, and must have {TAG_BYTES}"),
        )
    })
}

/// Standard base64 as captured; unpadded and URL-safe as `ProtoJSON` allows. Nothing half-way.
fn decode(text: &str) -> Option<Vec<u8>> {
    let alphabets = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD];
    alphabets
        .into_iter()
        .find_map(|alphabet| alphabet.decode_to_vec(text).ok())
}

fn authentic(outcome: VerdictOutcome, token: u32) -> Verdict {
    Verdict {
        outcome,
        token: Some(token),
        rule: None,
        reason: None,
    }
}

fn malformed(rule: &str, reason: &str) -> Verdict {
    refused(VerdictOutcome::Malformed, rule, reason)
}

fn refused(outcome: VerdictOutcome, rule: &str, reason: &str) -> Verdict {
    Verdict {
        outcome,
        token: None,
        rule: Some(rule.to_owned()),
        reason: Some(reason.to_owned()),
    }
}

fn count(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn shown(text: &str) -> &str {
    text.get(..20).unwrap_or(text)
}

const SECRET_BYTES_MAX: usize = 1024;
