//! What a call to a webhook carries: the signed document in the envelope of a Pub/Sub push, and the headers.
//!
//! As captured in 2022 where nothing else is said; the guide names the elements only.

use super::faults::WebhookFault;
use super::queue::Waiting;
use super::settings::{DataLayout, WebhookSettings};
use crate::fidelity::{Basis, Behaviour};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rbm_wire::callback::{Attributes, Base64Text, Body, LAUNCH_ATTRIBUTE, PushMessage};
use std::borrow::Cow;

/// A call.
#[derive(Debug)]
pub(super) struct Envelope {
    pub(super) body: Vec<u8>,
    pub(super) signature: Option<String>,
    /// For `X-Goog-Webhook-Type`.
    pub(super) kind: Option<&'static str>,
}

impl Envelope {
    pub(super) fn new(
        waiting: &Waiting,
        client_token: &str,
        settings: &WebhookSettings,
        oversize_bytes: u32,
    ) -> Self {
        let launch = waiting.stream.launches;
        let data = data(waiting, settings.data, oversize_bytes);
        // Of another token, so that all else is right with it.
        let token = if waiting.faults.contains(&WebhookFault::BadSignature) {
            "another token"
        } else {
            client_token
        };
        let is_signed = !launch || settings.launch_signature;
        Self {
            body: json(&body(waiting, &data)),
            signature: is_signed.then(|| sign(token, &data)),
            kind: settings.type_header.then_some(if launch {
                "agent_callback"
            } else {
                "message_callback"
            }),
        }
    }
}

/// The handshake: the one call whose body is no envelope.
pub(super) fn handshake(client_token: &str, secret: &str) -> Vec<u8> {
    json(&Body {
        client_token: Some(client_token.into()),
        secret: Some(secret.into()),
        ..Body::default()
    })
}

fn data(waiting: &Waiting, layout: DataLayout, oversize_bytes: u32) -> Vec<u8> {
    let data = match layout {
        DataLayout::Pretty => serde_json::to_vec_pretty(&*waiting.notice),
        DataLayout::Compact => serde_json::to_vec(&*waiting.notice),
    };
    let mut data = data.expect("strings and numbers always serialise");
    if waiting.faults.contains(&WebhookFault::Oversize) {
        data.resize(data.len().max(oversize_bytes as usize), b' ');
    }
    data
}

fn body<'a>(waiting: &'a Waiting, data: &[u8]) -> Body<'a> {
    let id = Cow::from(&waiting.publication_id);
    let time = Cow::from(publish_time(waiting.published_at));
    let message = PushMessage {
        data: Some(Base64Text(Cow::Owned(STANDARD.encode(data)))),
        attributes: Some(attributes(waiting)),
        message_id: Some(id.clone()),
        message_id_again: Some(id),
        publish_time: Some(time.clone()),
        publish_time_again: Some(time),
    };
    Body {
        message: Some(message),
        subscription: Some(SUBSCRIPTION.into()),
        ..Body::default()
    }
}

fn attributes(waiting: &Waiting) -> Attributes<'_> {
    let (notice, launch) = (&waiting.notice, waiting.stream.launches);
    let kind = if launch {
        LAUNCH_ATTRIBUTE
    } else if notice.event_type.is_some() {
        "event"
    } else {
        "message"
    };
    Attributes {
        project_number: Some(PROJECT_NUMBER.into()),
        product: Some("RBM".into()),
        message_type: notice.text.is_some().then(|| "TEXT".into()),
        business_id: Some(waiting.stream.agent.full().into()),
        kind: Some(kind.into()),
        event_type: notice
            .new_launch_state
            .as_deref()
            .filter(|_| launch)
            .map(Cow::from),
    }
}

/// `2022-11-17T05:15:14.538Z`
fn publish_time(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// HMAC-SHA512 over the bytes of the document, with the token as it is written.
fn sign(client_token: &str, data: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA512, client_token.as_bytes());
    STANDARD.encode(hmac::sign(&key, data))
}

fn json(body: &Body<'_>) -> Vec<u8> {
    serde_json::to_vec(body).expect("strings always serialise")
}

const PROJECT_NUMBER: &str = "100000000000";
const SUBSCRIPTION: &str = "projects/rbm-emulator/subscriptions/rbm";

const ENVELOPE: &Behaviour = &Behaviour {
    id: "webhook-envelope",
    what: "A notice comes as {message: {data, attributes, messageId, message_id, publishTime, publish_time}, subscription}",
    basis: Basis::SecondHand,
    source: "a capture of 2022; guides/integrate/webhooks names message.data and the attributes of launches",
    switch: None,
    test: "a_text_comes_in_the_envelope_that_was_captured",
};
const EVENT_ATTRIBUTES: &Behaviour = &Behaviour {
    id: "webhook-event-attributes",
    what: "User and server events have type: event and no event_type; messages other than texts have no message_type",
    basis: Basis::Assumed,
    source: "no capture shows them",
    switch: None,
    test: "an_event_and_a_launch_have_attributes_of_their_own",
};
const LAUNCH_ATTRIBUTES: &Behaviour = &Behaviour {
    id: "webhook-launch-attributes",
    what: "A launch event has type: agent_launch_event, and the new state as event_type",
    basis: Basis::Documented,
    source: "guides/build/events/receive-events, reference/rest/v1/AgentLaunchEvent",
    switch: None,
    test: "an_event_and_a_launch_have_attributes_of_their_own",
};
const LAYOUT: &Behaviour = &Behaviour {
    id: "webhook-data-layout",
    what: "The document in data is written over lines, with an indent of two spaces",
    basis: Basis::SecondHand,
    source: "a capture of 2022",
    switch: Some("webhooks.data"),
    test: "each_switch_changes_one_thing",
};
const SIGNATURE: &Behaviour = &Behaviour {
    id: "webhook-signature",
    what: "X-Goog-Signature is base64 of HMAC-SHA512 over the decoded bytes of data, by the client token as it is written",
    basis: Basis::Documented,
    source: "guides/integrate/webhooks",
    switch: None,
    test: "a_text_comes_in_the_envelope_that_was_captured",
};
const LAUNCH_SIGNATURE: &Behaviour = &Behaviour {
    id: "webhook-launch-signature",
    what: "Launch events are signed as everything is",
    basis: Basis::Assumed,
    source: "no page says",
    switch: Some("webhooks.launch_signature"),
    test: "each_switch_changes_one_thing",
};
const TYPE_HEADER: &Behaviour = &Behaviour {
    id: "webhook-type-header",
    what: "X-Goog-Webhook-Type is verification, message_callback, or for launch events agent_callback",
    basis: Basis::SecondHand,
    source: "whats-new/latest-releases has the header (2026-07-13), integrators have the values; what the last is for is assumed",
    switch: Some("webhooks.type_header"),
    test: "an_event_and_a_launch_have_attributes_of_their_own",
};

const PUBLICATION: &Behaviour = &Behaviour {
    id: "webhook-publication",
    what: "The ids outside are 16 digits, times have milliseconds, and the names of project and subscription are made up",
    basis: Basis::SecondHand,
    source: "a capture of 2022 for the forms",
    switch: None,
    test: "a_text_comes_in_the_envelope_that_was_captured",
};
const HEADERS: &Behaviour = &Behaviour {
    id: "webhook-headers",
    what: "A call has Content-Type: application/json and no User-Agent",
    basis: Basis::Assumed,
    source: "no page names the User-Agent",
    switch: None,
    test: "a_text_comes_in_the_envelope_that_was_captured",
};
pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    ENVELOPE,
    PUBLICATION,
    EVENT_ATTRIBUTES,
    LAUNCH_ATTRIBUTES,
    LAYOUT,
    SIGNATURE,
    LAUNCH_SIGNATURE,
    TYPE_HEADER,
    HEADERS,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::queue::Stream;
    use rbm_wire::callback::Notice;
    use rbm_wire::name::AgentId;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;
    use std::sync::Arc;

    fn waiting(notice: Notice) -> Waiting {
        Waiting {
            place: 1,
            stream: Stream {
                agent: AgentId::parse("demo").expect("agent"),
                launches: notice.new_launch_state.is_some(),
            },
            notice: Arc::new(notice),
            publication_id: "6267774379637729".into(),
            published_at: "2022-11-17T05:15:14.538769Z".parse().expect("time"),
            attempts: 1,
            faults: BTreeSet::new(),
        }
    }

    fn launch() -> Waiting {
        let state = |state: &str| Some(state.to_owned());
        waiting(Notice {
            old_launch_state: state("PENDING"),
            new_launch_state: state("REJECTED"),
            event_id: Some("bot/0a7e".into()),
            ..Notice::default()
        })
    }

    fn event() -> Waiting {
        waiting(Notice {
            event_type: Some("DELIVERED".into()),
            ..Notice::default()
        })
    }

    fn envelope(waiting: &Waiting, settings: &WebhookSettings) -> (Envelope, Value) {
        let envelope = Envelope::new(waiting, "client-token", settings, 0);
        let body = serde_json::from_slice(&envelope.body).expect("JSON");
        (envelope, body)
    }

    fn document(body: &Value) -> String {
        let data = STANDARD
            .decode(body["message"]["data"].as_str().expect("data"))
            .expect("base64");
        String::from_utf8(data).expect("UTF-8")
    }

    #[test]
    fn an_event_and_a_launch_have_attributes_of_their_own() {
        let common = |kind: &str| json!({ "project_number": "100000000000", "product": "RBM", "business_id": "demo@rbm.goog", "type": kind });
        let (delivered, body) = envelope(&event(), &WebhookSettings::default());
        assert_eq!(
            (delivered.kind, &body["message"]["attributes"]),
            (Some("message_callback"), &common("event"))
        );
        let mut attributes = common("agent_launch_event");
        attributes["event_type"] = json!("REJECTED");
        let (launched, body) = envelope(&launch(), &WebhookSettings::default());
        assert_eq!(
            (launched.kind, &body["message"]["attributes"]),
            (Some("agent_callback"), &attributes)
        );
    }

    #[test]
    fn each_switch_changes_one_thing() {
        let settings = WebhookSettings::default();
        let (_, body) = envelope(&event(), &settings);
        assert_eq!(document(&body), "{\n  \"eventType\": \"DELIVERED\"\n}");
        let compact = WebhookSettings {
            data: DataLayout::Compact,
            ..settings.clone()
        };
        assert_eq!(
            document(&envelope(&event(), &compact).1),
            r#"{"eventType":"DELIVERED"}"#
        );
        let unsigned = WebhookSettings {
            launch_signature: false,
            ..settings.clone()
        };
        let is_signed =
            |waiting: &Waiting, settings| envelope(waiting, settings).0.signature.is_some();
        assert!(is_signed(&launch(), &settings) && is_signed(&event(), &unsigned));
        assert!(!is_signed(&launch(), &unsigned));
        let untyped = WebhookSettings {
            type_header: false,
            ..settings
        };
        assert_eq!(
            [
                envelope(&launch(), &untyped).0.kind,
                envelope(&event(), &untyped).0.kind
            ],
            [None, None]
        );
    }

    /// By `openssl dgst -sha512 -hmac client-token -binary | base64`.
    #[test]
    fn a_signature_is_the_one_that_another_program_makes() {
        let compact = WebhookSettings {
            data: DataLayout::Compact,
            ..WebhookSettings::default()
        };
        let (envelope, _) = envelope(&event(), &compact);
        assert_eq!(
            envelope.signature.as_deref(),
            Some(
                "jbGPc/hMMtmdKA45/2L/It284pk9PGTE14ddfIpLXetYNWoY2IjPpVNxq4g+BWctHG1Zug67ltkW3l4GIpicEw=="
            )
        );
    }
}
