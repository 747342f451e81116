//! The gateway's own events as applications read them: the same shape as the platform's, without a signed document.

use crate::store::event::{GatewayEvent, Source};
use rbm_json::event::{EventView, fields};
use serde_json::{Map, json};

pub(crate) fn view(
    cursor: String,
    agent: &str,
    received_at: String,
    event: &GatewayEvent,
) -> EventView {
    let view = |kind, source, at: jiff::Timestamp, own| EventView {
        cursor,
        kind,
        source,
        agent: agent.to_owned(),
        phone: None,
        message_id: None,
        at: Some(at.to_string()),
        received_at,
        own,
        details: Map::new(),
        raw: None,
        raw_base64: None,
    };
    match event {
        GatewayEvent::Message(event) => {
            let source = match event.source {
                Source::Platform => "platform",
                Source::Gateway => GATEWAY,
            };
            let own = fields([
                ("reason", json!(event.reason)),
                ("detail", json!(event.detail)),
                ("attempts", json!(event.attempts)),
                ("answer", json!(event.answer)),
            ]);
            EventView {
                phone: Some(event.phone.clone()),
                message_id: Some(event.message_id.clone()),
                ..view(event.fact.as_str(), source, event.at, own)
            }
        }
        GatewayEvent::Agent(event) => match &event.held {
            Some(hold) => {
                let own = fields([
                    ("reason", json!(hold.reason)),
                    ("detail", json!(hold.detail)),
                ]);
                view("agent_held", GATEWAY, event.at, own)
            }
            None => view("agent_resumed", GATEWAY, event.at, Map::new()),
        },
    }
}

const GATEWAY: &str = "gateway";
