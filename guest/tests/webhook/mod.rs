//! Webhook requests as Google makes them, and the plugin's reaction to them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_channel::{Context, Header, Reaction, Setting, WebhookRequest};
use rbm_guest::on_event::on_event;

pub(crate) const TOKEN: &str = "client-token";

/// As captured from the platform in 2022, around a text.
pub(crate) const ATTRIBUTES: &str = r#"{"project_number":"129459109761","product":"RBM","message_type":"TEXT","business_id":"agent@rbm.goog","type":"message"}"#;

/// As captured from the platform in 2022, with the fields that a later page adds.
pub(crate) fn envelope(document: &[u8], attributes: &str) -> Vec<u8> {
    let data = STANDARD.encode(document);
    format!(
        r#"{{"message":{{"data":"{data}","attributes":{attributes},"messageId":"6267774379637729","message_id":"6267774379637729",
            "publishTime":"2022-11-17T05:15:14.538Z","publish_time":"2022-11-17T05:15:14.538Z"}},"subscription":"projects/p/subscriptions/s"}}"#
    )
    .into_bytes()
}

pub(crate) fn request(body: &[u8], signature: Option<&str>) -> WebhookRequest {
    let headers = signature
        .map(|value| header("x-goog-signature", value))
        .into_iter()
        .collect();
    WebhookRequest {
        method: "POST".into(),
        url: "/webhooks/rbm/bot".into(),
        headers,
        body: body.to_vec(),
    }
}

pub(crate) fn header(name: &str, value: &str) -> Header {
    Header {
        name: name.into(),
        value: value.into(),
    }
}

pub(crate) fn react(request: &WebhookRequest) -> Reaction {
    let setting = |name: &str, value: &str| Setting {
        name: name.into(),
        value: value.into(),
    };
    let settings = vec![
        setting("client-token", TOKEN),
        setting("client-token", "old-token"),
    ];
    on_event(
        &Context {
            settings,
            now: "2026-11-24T10:00:00Z".into(),
        },
        request,
    )
    .expect("the settings have tokens")
}
