//! Every document that Google's pages show or describe, and what may be new in them, with the whole of the fact that each is.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod webhook;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_channel::{
    AgentStatus, CapabilityAnswer, Coordinates, Fact, Inbound, ReceivedContent, ReceivedFile,
    ReceivedMessage, RemoteFile, Setting, Tap, VerdictOutcome,
};
use rbm_guest::signature::sign;
use serde_json::Value;
use std::collections::BTreeSet;
use webhook::{ATTRIBUTES, TOKEN, envelope, header, react, request};

#[test]
fn every_documented_payload_is_its_event_pretty_printed_or_compact() {
    for row in rows() {
        for document in [row.json, &pretty(row.json)] {
            let told = inbound(
                &envelope(document.as_bytes(), row.attributes),
                document,
                None,
            );
            assert_eq!(told, row.expected(document), "{}", row.name);
        }
    }
}

/// The ids and the times of the envelope come in two spellings, and the header in several values (guides/integrate/webhooks,
/// whats-new/latest-releases). None of them is signed.
#[test]
fn the_envelope_around_a_payload_makes_no_difference() {
    let outer = [
        r#""messageId":"6267774379637729","publishTime":"2022-11-17T05:15:14.538Z""#,
        r#""message_id":"6267774379637729","publish_time":"2022-11-17T05:15:14.538Z""#,
        r#""messageId":"1","message_id":"2","publishTime":"","publish_time":null"#,
        r#""messageId":6267774379637729,"orderingKey":"x","new":{"a":[1]}"#,
    ];
    let kinds = [
        None,
        Some("message_callback"),
        Some("agent_callback"),
        Some("verification"),
        Some("something_new"),
        Some(""),
    ];
    for row in rows() {
        let (document, data, attributes) = (row.json, STANDARD.encode(row.json), row.attributes);
        for (outer, kind) in outer
            .into_iter()
            .flat_map(|outer| kinds.map(|kind| (outer, kind)))
        {
            let body =
                format!(r#"{{"message":{{"data":"{data}","attributes":{attributes},{outer}}}}}"#);
            assert_eq!(
                inbound(body.as_bytes(), document, kind),
                row.expected(document),
                "{}: {outer} {kind:?}",
                row.name
            );
        }
    }
}

#[test]
fn a_field_or_a_word_that_is_new_is_kept_and_never_fatal() {
    for row in rows() {
        let mut value: Value = serde_json::from_str(row.json).unwrap();
        value.as_object_mut().unwrap().insert(
            "newField".into(),
            serde_json::json!({ "deep": [null, { "x": 1.5e9 }] }),
        );
        let document = value.to_string();
        let told = inbound(
            &envelope(document.as_bytes(), row.attributes),
            &document,
            None,
        );
        assert_eq!(
            told,
            Inbound {
                dedupe_key: told.dedupe_key.clone(),
                ..row.expected(&document)
            },
            "{}",
            row.name
        );
    }
}

#[test]
fn every_row_names_its_source_and_every_kind_of_payload_has_a_row() {
    let rows = rows();
    let sources: BTreeSet<&str> = rows.iter().map(|row| row.source).collect();
    assert_eq!(
        sources,
        SOURCES.into(),
        "the sources of the rows, and the pages that there are"
    );
    let names: BTreeSet<&str> = rows.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), rows.len(), "no name twice");
    for word in EVENT_TYPES.iter().chain(&LAUNCH_STATES) {
        assert!(
            rows.iter()
                .any(|row| row.json.contains(&format!("\"{word}\""))),
            "{word}"
        );
    }
}

/// One row a line: what it is, the page, the document, the key, and what it means.
#[expect(clippy::too_many_lines, reason = "a table")]
#[rustfmt::skip]
fn rows() -> Vec<Row> {
    vec![
        // What people write, send and tap.
        row("text", "reference/rest/v1/UserMessage",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"MxIgT-4pWCQu2tH9hMkSTljQ","sendTime":"2026-11-24T10:00:00.045123Z","text":"Hi"}"#,
            "MxIgT-4pWCQu2tH9hMkSTljQ", received("MxIgT-4pWCQu2tH9hMkSTljQ", text("Hi"))).at("2026-11-24T10:00:00.045123Z"),
        row("text without a time", "guides/build/messages/receive",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","text":"Hi"}"#,
            "Mx", received("Mx", text("Hi"))),
        row("text with nothing in it", UNCONFIRMED,
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","text":""}"#,
            "Mx", received("Mx", text(""))),
        row("text of all planes, with escapes", "ProtoJSON",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","text":"é 😀 \u0000 \ud83d\ude00 \"\\\/\n"}"#,
            "Mx", received("Mx", text("é 😀 \u{0} 😀 \"\\/\n"))),
        row("text with an eventId, as an old page shows it", "guides/build/events/receive-events",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","eventId":"Ev","sendTime":"2026-11-24T10:00:00Z","text":"Hi"}"#,
            "Ev", received("Ev", text("Hi"))).at("2026-11-24T10:00:00Z").detail("event-id", "Ev"),
        row("text with both ids", UNCONFIRMED,
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","eventId":"Ev","text":"Hi"}"#,
            "Mx", received("Mx", text("Hi"))).detail("event-id", "Ev"),
        row("text whose agent is spelled without its suffix", UNCONFIRMED,
            r#"{"agentId":"bot","senderPhoneNumber":"+12223334444","messageId":"Mx","text":"Hi"}"#,
            "Mx", received("Mx", text("Hi"))).agent("bot"),
        row("text that names no agent", UNCONFIRMED,
            r#"{"senderPhoneNumber":"+12223334444","messageId":"Mx","text":"Hi"}"#,
            "Mx", received("Mx", text("Hi"))).agent(""),
        row("text from a US number", "carriers/billing/us-billing-model",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","text":"Hi","carrier":"c","richMessageClassification":{"classificationType":"RICH_MESSAGE","segmentCount":1}}"#,
            "Mx", classified("RICH_MESSAGE", Some(1), text("Hi"))),
        row("text whose segments stand in quotes", "ProtoJSON",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","text":"Hi","carrier":"c","richMessageClassification":{"classificationType":"RICH_MESSAGE","segmentCount":"2"}}"#,
            "Mx", classified("RICH_MESSAGE", Some(2), text("Hi"))),
        row("text of a class that no page has", UNCONFIRMED,
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","text":"Hi","carrier":"c","richMessageClassification":{"classificationType":"RICHER"}}"#,
            "Mx", classified("RICHER", None, text("Hi"))),
        row("tap on a reply", "reference/rest/v1/UserMessage",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","sendTime":"2026-11-24T10:00:00.1Z","suggestionResponse":{"postbackData":"suggestion_1","text":"Suggestion #1","type":"REPLY"}}"#,
            "Mx", received("Mx", tap("suggestion_1", Some("Suggestion #1"), Some("REPLY")))).at("2026-11-24T10:00:00.1Z"),
        row("tap on an action, as a message", "guides/build/messages/receive",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","suggestionResponse":{"postbackData":"call","text":"Call us","type":"ACTION"}}"#,
            "Mx", received("Mx", tap("call", Some("Call us"), Some("ACTION")))),
        row("tap on an action, as something like an event", "guides/build/events/receive-events",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","eventId":"Ev","suggestionResponse":{"postbackData":"suggestion_1"}}"#,
            "Ev", received("Ev", tap("suggestion_1", None, None))).detail("event-id", "Ev"),
        row("tap of a kind that no page has, without a postback", UNCONFIRMED,
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","suggestionResponse":{"type":"SWIPE"}}"#,
            "Mx", received("Mx", tap("", None, Some("SWIPE")))),
        row("tap with an event type that no page has", UNCONFIRMED,
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","eventId":"Ev","eventType":"TAPPED","suggestionResponse":{"postbackData":"p"}}"#,
            "Ev\nTAPPED/", received("Ev", tap("p", None, None))).detail("event-id", "Ev").detail("event-type", "TAPPED"),
        row("text with an event type that no page has", UNCONFIRMED,
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","eventId":"Ev","eventType":"EDITED","text":"second"}"#,
            "Ev\nEDITED/Mx", Fact::Unrecognised(Some("EDITED".into()))).detail("event-id", "Ev").detail("message-id", "Mx"),
        row("text beside a receipt that names no message", UNCONFIRMED,
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","eventId":"Ev","eventType":"READ","text":"x"}"#,
            "Ev\nREAD/", Fact::Unrecognised(Some("READ".into()))).detail("event-id", "Ev"),
        row("location", "reference/rest/v1/UserMessage",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","location":{"latitude":37.422,"longitude":-122.084056}}"#,
            "Mx", received("Mx", location(37.422, -122.084_056))),
        row("location whose latitude is zero", "ProtoJSON",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","location":{"longitude":6.5}}"#,
            "Mx", received("Mx", location(0.0, 6.5))),
        row("location where both are zero", "ProtoJSON",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","location":{}}"#,
            "Mx", received("Mx", location(0.0, 0.0))),
        row("location in quotes", "ProtoJSON",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","location":{"latitude":"37.42","longitude":"-1e2"}}"#,
            "Mx", received("Mx", location(37.42, -100.0))),
        row("file with a thumbnail", "reference/rest/v1/UserMessage",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","userFile":{"thumbnail":{"mimeType":"image/jpeg","fileSizeBytes":1280,"fileUri":"https://storage.googleapis.com/t","fileName":"4.jpeg"},"payload":{"mimeType":"image/gif","fileSizeBytes":127806,"fileUri":"https://storage.googleapis.com/p","fileName":"4.gif"}}}"#,
            "Mx", received("Mx", ReceivedContent::File(ReceivedFile {
                payload: file("https://storage.googleapis.com/p", "image/gif", Some(127_806), Some("4.gif")),
                thumbnail: Some(file("https://storage.googleapis.com/t", "image/jpeg", Some(1280), Some("4.jpeg"))),
            }))),
        row("file whose size stands in quotes", "ProtoJSON",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","userFile":{"payload":{"mimeType":"audio/mp4","fileSizeBytes":"127806","fileUri":"https://storage.googleapis.com/p"}}}"#,
            "Mx", received("Mx", file_alone("audio/mp4", Some(127_806)))),
        row("file with a category, as older payloads have it", "reference/rest/v1/UserMessage",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","userFile":{"category":"VIDEO","payload":{"mimeType":"video/mp4","fileUri":"https://storage.googleapis.com/p"}}}"#,
            "Mx", received("Mx", file_alone("video/mp4", None))),
        row("file of more bytes than a file may have", UNCONFIRMED,
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","userFile":{"payload":{"mimeType":"video/mp4","fileSizeBytes":4294967296,"fileUri":"https://storage.googleapis.com/p"}}}"#,
            "Mx", received("Mx", file_alone("video/mp4", None))),

        // What becomes of messages, and what people do.
        row("delivered", "reference/rest/v1/UserEvent",
            r#"{"senderPhoneNumber":"+12223334444","eventType":"DELIVERED","eventId":"fa2f","messageId":"m1","sendTime":"2026-11-24T10:00:00.045123456Z","agentId":"bot@rbm.goog"}"#,
            "fa2f\nDELIVERED/m1", Fact::Delivered("m1".into())).at("2026-11-24T10:00:00.045123456Z").detail("event-id", "fa2f"),
        row("read, without a time", "guides/build/events/receive-events",
            r#"{"senderPhoneNumber":"+12223334444","eventType":"READ","eventId":"fa30","messageId":"m1","agentId":"bot@rbm.goog"}"#,
            "fa30\nREAD/m1", Fact::Read("m1".into())).detail("event-id", "fa30"),
        row("read, without an id of its own", UNCONFIRMED,
            r#"{"senderPhoneNumber":"+12223334444","eventType":"READ","messageId":"m1","agentId":"bot@rbm.goog"}"#,
            "m1/READ", Fact::Read("m1".into())),
        row("delivered, of no message", UNCONFIRMED,
            r#"{"senderPhoneNumber":"+12223334444","eventType":"DELIVERED","eventId":"fa2f","agentId":"bot@rbm.goog"}"#,
            "fa2f\nDELIVERED/", unrecognised("DELIVERED")).detail("event-id", "fa2f"),
        row("typing", "reference/rest/v1/UserEvent",
            r#"{"senderPhoneNumber":"+12223334444","eventType":"IS_TYPING","eventId":"47ac","sendTime":"2026-11-24T11:00:00+01:00","agentId":"bot@rbm.goog"}"#,
            "47ac\nIS_TYPING/", Fact::Typing).at("2026-11-24T11:00:00+01:00").detail("event-id", "47ac"),
        row("unsubscribe, as the event", "guides/build/events/receive-events",
            r#"{"senderPhoneNumber":"+12223334444","eventType":"UNSUBSCRIBE","eventId":"e1","agentId":"bot@rbm.goog"}"#,
            "e1\nUNSUBSCRIBE/", Fact::Unsubscribed).detail("event-id", "e1"),
        row("unsubscribe, as the keyword that comes beside it", "guides/build/events/receive-events",
            r#"{"senderPhoneNumber":"+12223334444","messageId":"Mx","text":"STOP","agentId":"bot@rbm.goog"}"#,
            "Mx", received("Mx", text("STOP"))),
        row("subscribe, as the event", "reference/rest/v1/UserEvent.EventType",
            r#"{"senderPhoneNumber":"+12223334444","eventType":"SUBSCRIBE","eventId":"e2","agentId":"bot@rbm.goog"}"#,
            "e2\nSUBSCRIBE/", Fact::Resubscribed).detail("event-id", "e2"),
        row("subscribe, as the keyword that comes beside it", "guides/build/events/receive-events",
            r#"{"senderPhoneNumber":"+12223334444","messageId":"Mx","text":"Démarrer","agentId":"bot@rbm.goog"}"#,
            "Mx", received("Mx", text("Démarrer"))),
        row("an event type that says nothing", "reference/rest/v1/UserEvent.EventType",
            r#"{"senderPhoneNumber":"+12223334444","eventType":"EVENT_TYPE_UNSPECIFIED","eventId":"e","agentId":"bot@rbm.goog"}"#,
            "e\nEVENT_TYPE_UNSPECIFIED/", unrecognised("EVENT_TYPE_UNSPECIFIED")).detail("event-id", "e"),
        row("an event type that no page has", UNCONFIRMED,
            r#"{"senderPhoneNumber":"+12223334444","eventType":"REACTED","eventId":"e","agentId":"bot@rbm.goog"}"#,
            "e\nREACTED/", unrecognised("REACTED")).detail("event-id", "e"),
        row("expired and revoked", "reference/rest/v1/ServerEvent",
            r#"{"phoneNumber":"+12223334444","eventType":"TTL_EXPIRATION_REVOKED","eventId":"e","messageId":"m1","sendTime":"2026-11-24T10:00:00.000Z","agentId":"bot@rbm.goog"}"#,
            "e\nTTL_EXPIRATION_REVOKED/m1", Fact::ExpiredAndRevoked("m1".into())).at("2026-11-24T10:00:00.000Z").detail("event-id", "e"),
        row("expired and not revoked", "reference/rest/v1/ServerEvent",
            r#"{"phoneNumber":"+12223334444","eventType":"TTL_EXPIRATION_REVOKE_FAILED","eventId":"e","messageId":"m1","agentId":"bot@rbm.goog"}"#,
            "e\nTTL_EXPIRATION_REVOKE_FAILED/m1", Fact::ExpiredNotRevoked("m1".into())).detail("event-id", "e"),
        row("a server event that no page has", UNCONFIRMED,
            r#"{"phoneNumber":"+12223334444","eventType":"TTL_EXPIRATION_MAYBE","messageId":"m1","agentId":"bot@rbm.goog"}"#,
            "m1/TTL_EXPIRATION_MAYBE", unrecognised("TTL_EXPIRATION_MAYBE")).detail("message-id", "m1"),

        // What becomes of agents.
        row("launch, rejected", "reference/rest/v1/AgentLaunchEvent",
            r#"{"eventId":"bot/0a7e","agentId":"bot@rbm.goog","botDisplayName":"Bot","brandId":"b","brandDisplayName":"Brand","regionId":"/v1/regions/fi-rcs","oldLaunchState":"PENDING","newLaunchState":"REJECTED","actingParty":"carrier","comment":"no","sendTime":"2025-03-05T18:50:19.386436Z"}"#,
            "bot/0a7e", launch("PENDING", "REJECTED", Some("carrier"), Some("no"))).no_phone().at("2025-03-05T18:50:19.386436Z")
            .detail("event-id", "bot/0a7e").detail("agent-display-name", "Bot").detail("brand-id", "b").detail("brand-display-name", "Brand"),
        row("launch, by the attribute too", "guides/build/events/receive-events",
            r#"{"eventId":"e","agentId":"bot@rbm.goog","regionId":"/v1/regions/fi-rcs","oldLaunchState":"LAUNCHED","newLaunchState":"SUSPENDED"}"#,
            "e", launch("LAUNCHED", "SUSPENDED", None, None)).no_phone().detail("event-id", "e").attributes(LAUNCH_ATTRIBUTES),
        row("launch, by the attribute alone", "guides/build/events/receive-events",
            r#"{"eventId":"e","agentId":"bot@rbm.goog","regionId":"/v1/regions/fi-rcs"}"#,
            "e", launch("", "", None, None)).no_phone().detail("event-id", "e").attributes(LAUNCH_ATTRIBUTES),
        row("launch, from a state that is left out", "ProtoJSON",
            r#"{"eventId":"e","agentId":"bot@rbm.goog","regionId":"/v1/regions/fi-rcs","newLaunchState":"PENDING"}"#,
            "e", launch("", "PENDING", None, None)).no_phone().detail("event-id", "e"),
        row("launch, to a state that no page has", UNCONFIRMED,
            r#"{"eventId":"e","agentId":"bot@rbm.goog","regionId":"/v1/regions/fi-rcs","oldLaunchState":"UNLAUNCHED","newLaunchState":"PAUSED"}"#,
            "e", launch("UNLAUNCHED", "PAUSED", None, None)).no_phone().detail("event-id", "e"),

        // Retired.
        row("capability callback, retired", "reference/rest/v1/CapabilityCallbackResponse",
            r#"{"requestId":"r","phoneNumber":"+12223334444","rbmEnabled":true,"features":["RICHCARD_STANDALONE","REVOCATION"],"agentId":"bot@rbm.goog"}"#,
            HASH, capabilities(true, &["RICHCARD_STANDALONE", "REVOCATION"])),
        row("capability callback about somebody without RCS", "reference/rest/v1/CapabilityCallbackResponse",
            r#"{"requestId":"r","phoneNumber":"+12223334444","rbmEnabled":false,"status":{"code":5,"message":"No.","details":[]},"agentId":"bot@rbm.goog"}"#,
            HASH, capabilities(false, &[])),
        row("capability callback whose false is left out", "ProtoJSON",
            r#"{"requestId":"r","phoneNumber":"+12223334444","status":{"code":5},"agentId":"bot@rbm.goog"}"#,
            HASH, capabilities(false, &[])),

        // Not of this list.
        row("a content that no page has", UNCONFIRMED,
            r#"{"senderPhoneNumber":"+12223334444","messageId":"Mx","hologram":{},"agentId":"bot@rbm.goog"}"#,
            "Mx\n#", Fact::Unrecognised(None)).detail("message-id", "Mx"),
        row("fields of other kinds", UNCONFIRMED,
            r#"{"senderPhoneNumber":"+12223334444","messageId":"Mx","text":["Hi"],"location":"here","userFile":null,"sendTime":1795515302,"agentId":"bot@rbm.goog"}"#,
            "Mx\n#", Fact::Unrecognised(None)).detail("message-id", "Mx"),
        row("nothing at all", UNCONFIRMED, "{}", HASH, Fact::Unrecognised(None)).agent("").no_phone(),
    ]
}

/// Below Google's guides; `ProtoJSON` is the mapping that all of them use. Whatever else the pages leave open is
/// [`UNCONFIRMED`].
const SOURCES: [&str; 11] = [
    "reference/rest/v1/UserMessage",
    "reference/rest/v1/UserEvent",
    "reference/rest/v1/UserEvent.EventType",
    "reference/rest/v1/ServerEvent",
    "reference/rest/v1/AgentLaunchEvent",
    "reference/rest/v1/CapabilityCallbackResponse",
    "guides/build/messages/receive",
    "guides/build/events/receive-events",
    "carriers/billing/us-billing-model",
    "ProtoJSON",
    UNCONFIRMED,
];
const UNCONFIRMED: &str = "unconfirmed";
/// reference/rest/v1/UserEvent.EventType and reference/rest/v1/ServerEvent
const EVENT_TYPES: [&str; 8] = [
    "EVENT_TYPE_UNSPECIFIED",
    "DELIVERED",
    "IS_TYPING",
    "READ",
    "UNSUBSCRIBE",
    "SUBSCRIBE",
    "TTL_EXPIRATION_REVOKED",
    "TTL_EXPIRATION_REVOKE_FAILED",
];
/// reference/rest/v1/AgentLaunchEvent, without the management API's `LAUNCH_STATE_`
const LAUNCH_STATES: [&str; 5] = ["PENDING", "LAUNCHED", "REJECTED", "SUSPENDED", "UNLAUNCHED"];

/// guides/build/events/receive-events
const LAUNCH_ATTRIBUTES: &str = r#"{"project_number":"129459109761","product":"RBM","business_id":"bot@rbm.goog","type":"agent_launch_event","event_type":"SUSPENDED"}"#;
/// Where there is no id, the key is a hash of the document.
const HASH: &str = "";
const PHONE: &str = "+12223334444";

struct Row {
    name: &'static str,
    source: &'static str,
    json: &'static str,
    attributes: &'static str,
    /// The key's last part: the agent and the phone come before it. `#` stands for the hash of the document.
    key: &'static str,
    agent: &'static str,
    phone: Option<&'static str>,
    at: Option<&'static str>,
    fact: Fact,
    details: Vec<Setting>,
}

fn row(
    name: &'static str,
    source: &'static str,
    json: &'static str,
    key: &'static str,
    fact: Fact,
) -> Row {
    let details = Vec::new();
    let (agent, phone) = ("bot@rbm.goog", Some(PHONE));
    Row {
        name,
        source,
        json,
        attributes: ATTRIBUTES,
        key,
        agent,
        phone,
        at: None,
        fact,
        details,
    }
}

impl Row {
    fn at(self, time: &'static str) -> Self {
        Self {
            at: Some(time),
            ..self
        }
    }

    fn agent(self, agent: &'static str) -> Self {
        Self { agent, ..self }
    }

    fn no_phone(self) -> Self {
        Self {
            phone: None,
            ..self
        }
    }

    fn attributes(self, attributes: &'static str) -> Self {
        Self { attributes, ..self }
    }

    fn detail(mut self, name: &str, value: &str) -> Self {
        self.details.push(Setting {
            name: name.into(),
            value: value.into(),
        });
        self
    }

    fn expected(&self, document: &str) -> Inbound {
        let dedupe_key = match self.key {
            HASH => hash(document),
            key => {
                let key = key.replace('#', &hash(document));
                format!("{}/{}/{key}", self.agent, self.phone.unwrap_or_default())
            }
        };
        Inbound {
            dedupe_key,
            agent: self.agent.into(),
            phone: self.phone.map(Into::into),
            at: self.at.map(Into::into),
            fact: self.fact.clone(),
            details: self.details.clone(),
            raw: document.into(),
        }
    }
}

/// The first half of HMAC-SHA512 with a key of its own, as hex.
fn hash(document: &str) -> String {
    let tag = STANDARD
        .decode(sign("dedupe-key", document.as_bytes()))
        .unwrap();
    tag[..32].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn received(id: &str, content: ReceivedContent) -> Fact {
    Fact::Received(ReceivedMessage {
        id: id.into(),
        content,
        message_class: None,
        segments: None,
        carrier: None,
    })
}

fn classified(class: &str, segments: Option<u32>, content: ReceivedContent) -> Fact {
    let (message_class, carrier) = (Some(class.into()), Some("c".into()));
    Fact::Received(ReceivedMessage {
        id: "Mx".into(),
        content,
        message_class,
        segments,
        carrier,
    })
}

fn text(text: &str) -> ReceivedContent {
    ReceivedContent::Text(text.into())
}

fn tap(postback: &str, text: Option<&str>, kind: Option<&str>) -> ReceivedContent {
    ReceivedContent::Tap(Tap {
        postback: postback.into(),
        text: text.map(Into::into),
        kind: kind.map(Into::into),
    })
}

fn location(latitude: f64, longitude: f64) -> ReceivedContent {
    ReceivedContent::Location(Coordinates {
        latitude,
        longitude,
    })
}

fn file_alone(mime_type: &str, size: Option<u32>) -> ReceivedContent {
    let payload = file("https://storage.googleapis.com/p", mime_type, size, None);
    ReceivedContent::File(ReceivedFile {
        payload,
        thumbnail: None,
    })
}

fn file(url: &str, mime_type: &str, size_bytes: Option<u32>, name: Option<&str>) -> RemoteFile {
    RemoteFile {
        url: url.into(),
        mime_type: mime_type.into(),
        size_bytes,
        name: name.map(Into::into),
    }
}

fn launch(before: &str, after: &str, by: Option<&str>, comment: Option<&str>) -> Fact {
    Fact::AgentStatus(AgentStatus {
        region: "/v1/regions/fi-rcs".into(),
        before: before.into(),
        after: after.into(),
        by: by.map(Into::into),
        comment: comment.map(Into::into),
    })
}

fn capabilities(reachable: bool, features: &[&str]) -> Fact {
    let features = features
        .iter()
        .map(|feature| (*feature).to_owned())
        .collect();
    Fact::Capabilities(CapabilityAnswer {
        request_id: Some("r".into()),
        reachable,
        features,
        carrier: None,
    })
}

fn unrecognised(word: &str) -> Fact {
    Fact::Unrecognised(Some(word.into()))
}

/// As a capture of 2022 has it: with line breaks and two spaces.
fn pretty(json: &str) -> String {
    serde_json::to_string_pretty(&serde_json::from_str::<Value>(json).unwrap()).unwrap()
}

fn inbound(body: &[u8], document: &str, kind: Option<&str>) -> Inbound {
    let mut request = request(body, Some(&sign(TOKEN, document.as_bytes())));
    request
        .headers
        .extend(kind.map(|kind| header("X-Goog-Webhook-Type", kind)));
    let reaction = react(&request);
    assert_eq!(
        (reaction.verdict.outcome, reaction.verdict.token),
        (VerdictOutcome::Authentic, Some(0)),
        "{document}"
    );
    assert_eq!(
        (reaction.response.status, reaction.inbound.len()),
        (200, 1),
        "{document}"
    );
    reaction.inbound.into_iter().next().unwrap()
}
