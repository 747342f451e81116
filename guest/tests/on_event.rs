//! Every payload that Google documents, in the envelope that Google really sends, through the plugin's own logic.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_channel::{
    AgentStatus, CapabilityAnswer, Context, Coordinates, Fact, Header, Inbound, Reaction, ReceivedContent,
    ReceivedFile, ReceivedMessage, RemoteFile, Setting, Tap, VerdictOutcome, WebhookRequest,
};
use rbm_guest::{on_event::on_event, signature};

/// The payloads of reference/rest/v1/{UserMessage,UserEvent,ServerEvent,AgentLaunchEvent,CapabilityCallbackResponse} and
/// of guides/build/events/receive-events, with what each means.
#[test]
fn every_documented_payload_is_its_event_pretty_printed_or_compact() {
    for (name, json, fact) in payloads() {
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        for document in [serde_json::to_string(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap()] {
            let inbound = inbound(&document);
            assert_eq!(inbound.fact, fact, "{name}: {document}");
            assert_eq!(inbound.raw, document.as_bytes(), "{name}");
            assert_eq!(inbound.agent, "bot@rbm.goog", "{name}");
        }
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn payloads() -> Vec<(&'static str, &'static str, Fact)> {
    vec![
        (
            "text",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","sendTime":"2026-11-24T10:00:00.045123Z","text":"Hi"}"#,
            received("Mx", ReceivedContent::Text("Hi".into())),
        ),
        (
            "empty text",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","text":""}"#,
            received("Mx", ReceivedContent::Text(String::new())),
        ),
        (
            "text with an eventId, as an old page shows it",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","eventId":"Ev","text":"Hi"}"#,
            received("Ev", ReceivedContent::Text("Hi".into())),
        ),
        (
            "text from a US number",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","text":"Hi","carrier":"c",
                "richMessageClassification":{"classificationType":"RICH_MESSAGE","segmentCount":1}}"#,
            Fact::Received(ReceivedMessage {
                id: "Mx".into(),
                content: ReceivedContent::Text("Hi".into()),
                message_class: Some("RICH_MESSAGE".into()),
                segments: Some(1),
                carrier: Some("c".into()),
            }),
        ),
        (
            "tap on a reply",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx",
                "suggestionResponse":{"postbackData":"suggestion_1","text":"Suggestion #1","type":"REPLY"}}"#,
            tap("Mx", Some("Suggestion #1"), Some("REPLY")),
        ),
        (
            "tap on an action, as receive-events shows it",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","eventId":"Ev",
                "suggestionResponse":{"postbackData":"suggestion_1"}}"#,
            tap("Ev", None, None),
        ),
        (
            "location",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx",
                "location":{"latitude":37.422,"longitude":-122.084056}}"#,
            location(37.422, -122.084_056),
        ),
        (
            "location whose zero is left out",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","location":{"longitude":"6.5"}}"#,
            location(0.0, 6.5),
        ),
        (
            "file",
            r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","userFile":{
                "thumbnail":{"mimeType":"image/jpeg","fileSizeBytes":1280,"fileUri":"https://storage.googleapis.com/t","fileName":"4.jpeg"},
                "payload":{"mimeType":"image/gif","fileSizeBytes":"127806","fileUri":"https://storage.googleapis.com/p","fileName":"4.gif"}}}"#,
            received(
                "Mx",
                ReceivedContent::File(ReceivedFile {
                    payload: file("https://storage.googleapis.com/p", "image/gif", 127_806, "4.gif"),
                    thumbnail: Some(file("https://storage.googleapis.com/t", "image/jpeg", 1280, "4.jpeg")),
                }),
            ),
        ),
        (
            "delivered",
            r#"{"senderPhoneNumber":"+12223334444","eventType":"DELIVERED","eventId":"fa2f","messageId":"m1","sendTime":"2026-11-24T10:00:00.045123456Z","agentId":"bot@rbm.goog"}"#,
            Fact::Delivered("m1".into()),
        ),
        (
            "read, without sendTime",
            r#"{"senderPhoneNumber":"+12223334444","eventType":"READ","eventId":"fa30","messageId":"m1","agentId":"bot@rbm.goog"}"#,
            Fact::Read("m1".into()),
        ),
        (
            "typing",
            r#"{"senderPhoneNumber":"+12223334444","eventType":"IS_TYPING","eventId":"47ac","sendTime":"2026-11-24T10:00:00Z","agentId":"bot@rbm.goog"}"#,
            Fact::Typing,
        ),
        (
            "unsubscribe",
            r#"{"senderPhoneNumber":"+12223334444","eventType":"UNSUBSCRIBE","eventId":"e","agentId":"bot@rbm.goog"}"#,
            Fact::Unsubscribed,
        ),
        (
            "subscribe",
            r#"{"senderPhoneNumber":"+12223334444","eventType":"SUBSCRIBE","eventId":"e","agentId":"bot@rbm.goog"}"#,
            Fact::Resubscribed,
        ),
        (
            "expired and revoked",
            r#"{"phoneNumber":"+12223334444","eventType":"TTL_EXPIRATION_REVOKED","eventId":"e","messageId":"m1","agentId":"bot@rbm.goog"}"#,
            Fact::ExpiredAndRevoked("m1".into()),
        ),
        (
            "expired and not revoked",
            r#"{"phoneNumber":"+12223334444","eventType":"TTL_EXPIRATION_REVOKE_FAILED","eventId":"e","messageId":"m1","agentId":"bot@rbm.goog"}"#,
            Fact::ExpiredNotRevoked("m1".into()),
        ),
        (
            "launch",
            r#"{"eventId":"bot/0a7e","agentId":"bot@rbm.goog","botDisplayName":"B","brandId":"b","brandDisplayName":"Brand",
                "regionId":"/v1/regions/fi-rcs","oldLaunchState":"PENDING","newLaunchState":"REJECTED","actingParty":"carrier",
                "comment":"no","sendTime":"2025-03-05T18:50:19.386436Z"}"#,
            Fact::AgentStatus(AgentStatus {
                region: "/v1/regions/fi-rcs".into(),
                before: "PENDING".into(),
                after: "REJECTED".into(),
                by: Some("carrier".into()),
                comment: Some("no".into()),
            }),
        ),
        (
            "capability callback, retired",
            r#"{"requestId":"r","phoneNumber":"+12223334444","rbmEnabled":true,"features":["ACTION_DIAL"],"agentId":"bot@rbm.goog"}"#,
            Fact::Capabilities(CapabilityAnswer {
                request_id: Some("r".into()),
                reachable: true,
                features: vec!["ACTION_DIAL".into()],
                carrier: None,
            }),
        ),
        (
            "an event type that no page has",
            r#"{"senderPhoneNumber":"+12223334444","eventType":"REACTED","eventId":"e","agentId":"bot@rbm.goog"}"#,
            Fact::Unrecognised(Some("REACTED".into())),
        ),
        (
            "a server event that no page has",
            r#"{"phoneNumber":"+12223334444","eventType":"TTL_EXPIRATION_MAYBE","messageId":"m1","agentId":"bot@rbm.goog"}"#,
            Fact::Unrecognised(Some("TTL_EXPIRATION_MAYBE".into())),
        ),
        (
            "a content that no page has",
            r#"{"senderPhoneNumber":"+12223334444","messageId":"Mx","hologram":{},"agentId":"bot@rbm.goog"}"#,
            Fact::Unrecognised(None),
        ),
        (
            "unknown fields beside known ones",
            r#"{"senderPhoneNumber":"+12223334444","eventType":"READ","eventId":"e","messageId":"m1","agentId":"bot@rbm.goog","new":[{"x":null}]}"#,
            Fact::Read("m1".into()),
        ),
    ]
}

#[test]
fn what_is_signed_but_no_json_is_kept_and_answered_200() {
    for document in ["", "nothing", "[1]", "{\"a\":1,\"a\":2}", "\u{feff}{}", "{\"text\":\"a\"} x"] {
        let reaction =
            react(&request(&envelope(document.as_bytes()), Some(&signature::sign(TOKEN, document.as_bytes()))));
        assert_eq!(reaction.response.status, 200, "{document:?}");
        assert_eq!(reaction.inbound[0].fact, Fact::Unrecognised(None), "{document:?}");
        assert_eq!(reaction.inbound[0].raw, document.as_bytes(), "{document:?}");
    }
    let bytes = [0xff, 0xfe, 0x00];
    let reaction = react(&request(&envelope(&bytes), Some(&signature::sign(TOKEN, &bytes))));
    assert_eq!(reaction.inbound[0].raw, bytes);
}

#[test]
fn a_handshake_is_answered_with_the_bare_secret() {
    let reaction = react(&request(br#"{"clientToken":"old-token","secret":"s3cret"}"#, None));
    assert_eq!((reaction.verdict.outcome, reaction.verdict.token), (VerdictOutcome::Handshake, Some(1)));
    assert_eq!((reaction.response.status, reaction.response.body.as_slice()), (200, b"s3cret".as_slice()));
    let headers: Vec<_> =
        reaction.response.headers.iter().map(|header| (header.name.as_str(), header.value.as_str())).collect();
    assert_eq!(headers, [("content-type", "text/plain; charset=utf-8"), ("x-content-type-options", "nosniff")]);
    assert!(reaction.inbound.is_empty());
}

#[test]
fn a_handshake_that_is_not_ours_reflects_nothing() {
    let long = format!(r#"{{"clientToken":"{TOKEN}","secret":"{}"}}"#, "x".repeat(1025));
    for (body, status) in [
        (r#"{"clientToken":"wrong","secret":"<script>"}"#, 403),
        (r#"{"clientToken":"","secret":"<script>"}"#, 403),
        (r#"{"clientToken":"client-token","secret":"<script> "}"#, 400),
        (r#"{"clientToken":"client-token","secret":""}"#, 400),
        (&long, 400),
    ] {
        let reaction = react(&request(body.as_bytes(), None));
        assert_eq!(reaction.response.status, status, "{body}");
        assert!(!String::from_utf8(reaction.response.body).unwrap().contains("script"), "{body}");
    }
}

#[test]
fn what_is_not_a_webhook_request_is_answered_400_with_the_rule() {
    for (body, rule) in [
        ("", "body-not-json"),
        ("x", "body-not-json"),
        ("[]", "body-not-json"),
        ("{} {}", "body-not-json"),
        (r#"{"message":{},"message":{}}"#, "body-not-json"),
        ("{}", "no-message"),
        (r#"{"message":"x"}"#, "no-message"),
        (r#"{"clientToken":"client-token"}"#, "no-message"),
        (r#"{"message":{}}"#, "no-data"),
        (r#"{"message":{"data":5}}"#, "no-data"),
        (r#"{"message":{"data":"a b="}}"#, "data-not-base64"),
        (r#"{"message":{"data":"aGk="},"x":{"a":1,"a":2}}"#, "body-not-json"),
    ] {
        let reaction = react(&request(body.as_bytes(), Some("AA==")));
        assert_eq!((reaction.response.status, reaction.verdict.rule.as_deref()), (400, Some(rule)), "{body}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(react(&request(deep.as_bytes(), None)).response.status, 400);
}

#[test]
fn nothing_unsigned_changes_what_a_request_means() {
    let document = r#"{"senderPhoneNumber":"+12223334444","eventType":"READ","eventId":"e","messageId":"m1","agentId":"bot@rbm.goog"}"#;
    let expected = inbound(document);
    let data = STANDARD.encode(document);
    for envelope in [
        format!(r#"{{"message":{{"data":"{data}"}}}}"#),
        format!(r#"{{"message":{{"data":"{}"}}}}"#, data.trim_end_matches('=')),
        format!(r#"{{"message":{{"data":"{}"}}}}"#, data.replace('/', r"\/")),
        format!(
            r#"{{"message":{{"data":"{data}","attributes":{{"type":"agent_launch_event","business_id":"x@rbm.goog"}},"messageId":"9"}}}}"#
        ),
        format!(
            r#"{{"message":{{"data":"{data}","attributes":7,"messageId":9}},"subscription":null,"clientToken":"x","secret":"y"}}"#
        ),
    ] {
        let mut request = request(envelope.as_bytes(), Some(&signature::sign(TOKEN, document.as_bytes())));
        request.headers.push(header("X-Goog-Webhook-Type", "verification"));
        assert_eq!(react(&request).inbound, vec![expected.clone()], "{envelope}");
    }
}

#[test]
fn the_dedupe_key_is_the_same_for_one_fact_and_another_for_another() {
    let with = |kind: &str, rest: &str| {
        inbound(&format!(r#"{{"senderPhoneNumber":"+12223334444","agentId":"bot@rbm.goog",{kind}{rest}}}"#)).dedupe_key
    };
    assert_eq!(with(r#""eventType":"READ","#, r#""eventId":"e1""#), "bot@rbm.goog/+12223334444/e1");
    assert_eq!(with(r#""eventType":"READ","#, r#""messageId":"m1""#), "bot@rbm.goog/+12223334444/m1/READ");
    assert_eq!(with(r#""text":"x","#, r#""messageId":"u1""#), "bot@rbm.goog/+12223334444/u1");
    let hashed = with(r#""text":"x","#, r#""other":"1""#);
    assert_eq!(hashed.len(), 64);
    assert_ne!(hashed, with(r#""text":"x","#, r#""other":"2""#));
}

fn received(id: &str, content: ReceivedContent) -> Fact {
    Fact::Received(ReceivedMessage { id: id.into(), content, message_class: None, segments: None, carrier: None })
}

fn tap(id: &str, text: Option<&str>, kind: Option<&str>) -> Fact {
    let tap = Tap { postback: "suggestion_1".into(), text: text.map(Into::into), kind: kind.map(Into::into) };
    received(id, ReceivedContent::Tap(tap))
}

fn location(latitude: f64, longitude: f64) -> Fact {
    received("Mx", ReceivedContent::Location(Coordinates { latitude, longitude }))
}

fn file(url: &str, mime_type: &str, size: u32, name: &str) -> RemoteFile {
    RemoteFile { url: url.into(), mime_type: mime_type.into(), size_bytes: Some(size), name: Some(name.into()) }
}

fn inbound(document: &str) -> Inbound {
    let body = envelope(document.as_bytes());
    let reaction = react(&request(&body, Some(&signature::sign(TOKEN, document.as_bytes()))));
    assert_eq!((reaction.verdict.outcome, reaction.verdict.token), (VerdictOutcome::Authentic, Some(0)), "{document}");
    assert_eq!(reaction.response.status, 200, "{document}");
    reaction.inbound.into_iter().next().unwrap()
}

/// As captured from the platform in 2022, with the fields that a later page adds.
fn envelope(document: &[u8]) -> Vec<u8> {
    let data = STANDARD.encode(document);
    format!(
        r#"{{"message":{{"data":"{data}","attributes":{{"project_number":"129459109761","product":"RBM","message_type":"TEXT",
            "business_id":"agent@rbm.goog","type":"message"}},"messageId":"6267774379637729","message_id":"6267774379637729",
            "publishTime":"2022-11-17T05:15:14.538Z","publish_time":"2022-11-17T05:15:14.538Z"}},"subscription":"projects/p/subscriptions/s"}}"#
    )
    .into_bytes()
}

fn request(body: &[u8], signature: Option<&str>) -> WebhookRequest {
    let headers = signature.map(|value| header("x-goog-signature", value)).into_iter().collect();
    WebhookRequest { method: "POST".into(), url: "/webhooks/rbm/bot".into(), headers, body: body.to_vec() }
}

fn header(name: &str, value: &str) -> Header {
    Header { name: name.into(), value: value.into() }
}

fn react(request: &WebhookRequest) -> Reaction {
    let setting = |name: &str, value: &str| Setting { name: name.into(), value: value.into() };
    let settings = vec![setting("client-token", TOKEN), setting("client-token", "old-token")];
    on_event(&Context { settings, now: "2026-11-24T10:00:00Z".into() }, request).unwrap()
}

const TOKEN: &str = "client-token";
