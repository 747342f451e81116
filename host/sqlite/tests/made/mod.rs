//! Messages and events to keep.

use gateway_channel::{Content, Fact as Heard, Inbound, Message};
use jiff::Timestamp;
use rbm_gateway::store::event::EventContent;
use rbm_gateway::store::{NewEvent, NewMessage};

pub(crate) fn message(id: &str, body: u8) -> NewMessage {
    let message = Message {
        id: id.into(),
        recipient: PHONE.into(),
        content: Content::Text("Hi \u{1f600}".into()),
        suggestions: Vec::new(),
        purpose: None,
        expiry: None,
        options: Vec::new(),
    };
    NewMessage {
        agent: "demo".into(),
        message,
        body_hash: [body; 32],
        at: at(0),
        send_at: None,
        expires_at: Some(at(600)),
    }
}

pub(crate) fn event(key: &str, fact: Heard) -> NewEvent {
    let inbound = Inbound {
        dedupe_key: key.into(),
        agent: "demo@example".into(),
        phone: Some(PHONE.into()),
        at: None,
        fact,
        details: Vec::new(),
        raw: vec![0xff, 0],
    };
    NewEvent {
        agent: "demo".into(),
        received_at: at(5),
        content: EventContent::Platform(inbound),
        consent: None,
    }
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_515_302 + second).unwrap()
}

pub(crate) const PHONE: &str = "+15550100001";
