//! What holds in each host: who asks is answered the handshake, what is signed arrives as it does from the gateway, what is not
//! is refused and arrives nowhere, and what is sent reaches the platform under the id that its key gives it.
//!
//! A host is described by addresses alone, so that anything that listens can be held to this.

use crate::program::{Answer, Dev, answer, envelope, sign};
use crate::receiver::Receiver;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Client;
use serde_json::{Value, json};

/// One that runs, for the agent `demo` and with [`CLIENT_TOKEN`].
pub(crate) struct Host {
    /// Where the platform posts.
    pub(crate) webhook: String,
    /// Where messages are sent from, and what lets a caller in. The same JSON as the gateway's.
    pub(crate) messages: String,
    pub(crate) api_token: String,
    /// Where events go.
    pub(crate) application: Receiver,
    /// `http://127.0.0.1:8788`: the twin that messages go to. Empty for a host that sends none.
    pub(crate) twin: String,
}

impl Host {
    /// One that has the adapters' paths.
    pub(crate) fn at(origin: &str, application: Receiver, twin: &str) -> Self {
        Self {
            webhook: format!("{origin}/webhooks/rbm/{AGENT}"),
            messages: format!("{origin}/v1/messages"),
            api_token: API_TOKEN.to_owned(),
            application,
            twin: twin.to_owned(),
        }
    }
}

pub(crate) const CLIENT_TOKEN: &str = "the client token";
pub(crate) const API_TOKEN: &str = "the caller's token";
pub(crate) const AGENT: &str = "demo";

/// All of them.
pub(crate) async fn pass(host: &Host) {
    pass_webhooks(host).await;
    pass_messages(host).await;
}

/// For a host that takes no messages.
pub(crate) async fn pass_webhooks(host: &Host) {
    a_handshake_is_answered(host).await;
    an_event_arrives_as_it_does_from_the_gateway(host).await;
    an_event_that_the_application_does_not_take_is_not_acknowledged(host).await;
    what_is_not_signed_as_it_should_be_arrives_nowhere(host).await;
    what_concerns_another_agent_arrives_nowhere(host).await;
}

async fn pass_messages(host: &Host) {
    a_message_reaches_the_platform_under_its_id(host).await;
    a_message_that_cannot_be_sent_is_explained(host).await;
}

pub(crate) async fn a_handshake_is_answered(host: &Host) {
    let handshake = |token: &str| json!({ "clientToken": token, "secret": "s3cret-0" }).to_string();
    let answered = Client::new()
        .post(&host.webhook)
        .body(handshake(CLIENT_TOKEN))
        .send()
        .await
        .unwrap();
    assert_eq!(answered.status(), 200);
    assert!(
        answered.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
    assert_eq!(answered.text().await.unwrap(), "s3cret-0");
    assert_eq!(post(host, &handshake("another"), &[]).await.status, 403);
}

async fn an_event_arrives_as_it_does_from_the_gateway(host: &Host) {
    let dev = Dev::start();
    for document in documents() {
        let signature = sign(CLIENT_TOKEN, document.as_bytes());
        let answered = post(host, &envelope(&document).to_string(), &[&signature]).await;
        assert_eq!(answered.status, 200, "{document}: {}", answered.body);
        assert_eq!(
            dev.notify(&format!("/webhooks/rbm/{AGENT}"), &document)
                .await
                .status,
            200
        );
    }
    let arrived = host.application.take();
    let ids: Vec<_> = arrived
        .iter()
        .map(|it| it.headers["webhook-id"].clone())
        .collect();
    assert!(
        ids.iter()
            .all(|id| ids.iter().filter(|it| *it == id).count() == 1),
        "{ids:?}"
    );
    assert!(
        arrived
            .iter()
            .all(|it| it.headers["content-type"] == "application/json" && it.url == "/events")
    );
    let arrived: Vec<Value> = arrived
        .iter()
        .map(|it| but_for_its_place(&serde_json::from_slice(&it.body).unwrap()))
        .collect();
    let events = dev.get("/v1/events").await.body;
    let expected: Vec<Value> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(but_for_its_place)
        .collect();
    assert_eq!(expected.len(), documents().len());
    assert_eq!(arrived, expected);
}

/// Its place among the events of a store, and when that heard of it, are the store's.
fn but_for_its_place(event: &Value) -> Value {
    let mut event = event.clone();
    for own in ["cursor", "received_at"] {
        assert!(
            event
                .as_object_mut()
                .unwrap()
                .remove(own)
                .is_some_and(|it| it.is_string()),
            "{event}"
        );
    }
    event
}

async fn an_event_that_the_application_does_not_take_is_not_acknowledged(host: &Host) {
    let document = text_message("u-again");
    let (body, signature) = (
        envelope(&document).to_string(),
        sign(CLIENT_TOKEN, document.as_bytes()),
    );
    let mut ids = Vec::new();
    for (application, status) in [(500, 503), (302, 503), (410, 503), (204, 200)] {
        host.application
            .answer_with(StatusCode::from_u16(application).unwrap());
        assert_eq!(
            post(host, &body, &[&signature]).await.status,
            status,
            "{application}"
        );
        ids.extend(
            host.application
                .take()
                .iter()
                .map(|it| it.headers["webhook-id"].clone()),
        );
    }
    host.application.answer_with(StatusCode::OK);
    assert_eq!(ids.len(), 4);
    assert!(
        ids.iter().all(|id| *id == ids[0]),
        "each attempt has the same: {ids:?}"
    );
}

pub(crate) async fn what_is_not_signed_as_it_should_be_arrives_nowhere(host: &Host) {
    let document = text_message("u-forged");
    let body = envelope(&document).to_string();
    let good = sign(CLIENT_TOKEN, document.as_bytes());
    let forged = sign("another", document.as_bytes());
    let truncated = STANDARD.encode(&STANDARD.decode(&good).unwrap()[..32]);
    let other = envelope(&text_message("u-other")).to_string();
    let long = envelope(&"x".repeat(1 << 20)).to_string();
    for (name, body, signatures, status) in [
        ("forged", body.as_str(), &[forged.as_str()][..], 401),
        ("missing", &body, &[], 401),
        ("empty", &body, &[""], 401),
        ("truncated", &body, &[&truncated], 401),
        ("cut in its text", &body, &[&good[..40]], 401),
        ("twice", &body, &[&good, &good], 401),
        ("of another body", &other, &[&good], 401),
        ("no JSON", "x", &[&good], 400),
        ("too long", &long, &[&good], 413),
    ] {
        let answered = post(host, body, signatures).await;
        assert_eq!(answered.status, status, "{name}: {}", answered.body);
        assert!(host.application.take().is_empty(), "{name}");
    }
    let got = Client::new().get(&host.webhook).send().await.unwrap();
    assert_eq!(got.status(), 405);
}

async fn what_concerns_another_agent_arrives_nowhere(host: &Host) {
    let document = text_message("u-elsewhere").replace(r#""demo@rbm.goog""#, r#""other@rbm.goog""#);
    let signature = sign(CLIENT_TOKEN, document.as_bytes());
    let answered = post(host, &envelope(&document).to_string(), &[&signature]).await;
    assert_eq!(answered.status, 404, "{}", answered.body);
    assert!(host.application.take().is_empty());
}

async fn a_message_reaches_the_platform_under_its_id(host: &Host) {
    let body = json!({ "to": "+15550100002", "content": { "text": "Hi" },
        "suggestions": [{ "reply": { "text": "Yes", "postback": "yes" } }] });
    let sent = send(host, &body, &[("idempotency-key", "order-81")]).await;
    // Computed with Python's `uuid.uuid5`, of the space of names for messages and "demo\0order-81".
    let id = "c820a644-f881-530f-998b-bb9e9a4ea702";
    assert_eq!(
        (sent.status, &sent.body),
        (202, &json!({ "id": id, "state": "accepted" }))
    );
    assert_eq!(
        shown_with_id(host, id).await.len(),
        1,
        "the twin believed its token"
    );
    // The platform ignores an id that it knows.
    let again = send(host, &body, &[("idempotency-key", "order-81")]).await;
    assert_eq!(again.body["id"], id, "{}", again.body);
    assert_eq!(shown_with_id(host, id).await.len(), 1);

    let others = [send(host, &body, &[]).await, send(host, &body, &[]).await];
    let ids = others.map(|sent| sent.body["id"].as_str().unwrap().to_owned());
    assert_ne!(ids[0], ids[1]);
    for id in ids {
        assert_eq!(shown_with_id(host, &id).await.len(), 1, "{id}");
    }
}

async fn a_message_that_cannot_be_sent_is_explained(host: &Host) {
    let body = json!({ "to": "+15550100002", "content": { "text": "Hi" },
        "suggestions": [{ "reply": { "text": "This is far too long to be a chip" } }] });
    let refused = send(host, &body, &[]).await;
    assert_eq!(
        (refused.status, refused.content_type.as_str()),
        (422, "application/problem+json")
    );
    assert_eq!(refused.body["code"], "not-sendable");
    assert_eq!(
        refused.body["findings"][0]["rule"],
        "suggestion-text-length"
    );
    assert_eq!(
        refused.body["findings"][0]["path"],
        "suggestions[0].reply.text"
    );

    let request = Client::new()
        .post(&host.messages)
        .header("content-type", "application/json");
    let stranger = answer(request.body(body.to_string())).await;
    assert_eq!(
        (stranger.status, &stranger.body["code"]),
        (401, &json!("token"))
    );
    let unsent = send(
        host,
        &json!({ "to": "+15550100002", "content": { "text": "Hi" }, "agent": "other" }),
        &[],
    )
    .await;
    assert_eq!(
        (unsent.status, &unsent.body["findings"][0]["rule"]),
        (422, &json!("agent-unknown"))
    );
}

/// Sends a message as an application does.
pub(crate) async fn send(host: &Host, body: &Value, headers: &[(&str, &str)]) -> Answer {
    let request = Client::new()
        .post(&host.messages)
        .bearer_auth(&host.api_token);
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    answer(
        request
            .header("content-type", "application/json")
            .body(body.to_string()),
    )
    .await
}

pub(crate) async fn post(host: &Host, body: &str, signatures: &[&str]) -> Answer {
    let request = Client::new()
        .post(&host.webhook)
        .header("content-type", "application/json");
    let request = signatures.iter().fold(request, |request, signature| {
        request.header("x-goog-signature", *signature)
    });
    answer(request.body(body.to_owned())).await
}

pub(crate) async fn shown_with_id(host: &Host, id: &str) -> Vec<Value> {
    let shown = answer(Client::new().get(format!("{}/emulator/phones/+15550100002", host.twin)))
        .await
        .body;
    let messages = shown["messages"]
        .as_array()
        .unwrap_or_else(|| panic!("{shown}"));
    messages
        .iter()
        .filter(|message| message.to_string().contains(id))
        .cloned()
        .collect()
}

pub(crate) fn text_message(id: &str) -> String {
    json!({ "agentId": "demo@rbm.goog", "senderPhoneNumber": "+15550100001", "messageId": id, "text": "Grüße" })
        .to_string()
}

/// One of each kind that a person causes, and one that no plugin knows yet.
pub(crate) fn documents() -> Vec<String> {
    let of_person = |own: Value| {
        let mut document = json!({ "agentId": "demo@rbm.goog", "senderPhoneNumber": "+15550100001",
            "sendTime": "2026-11-24T10:00:00Z" });
        document
            .as_object_mut()
            .unwrap()
            .extend(own.as_object().unwrap().clone());
        document.to_string()
    };
    let payload = json!({ "mimeType": "image/png", "fileSizeBytes": 81, "fileName": "a.png", "fileUri": "https://x.example/a" });
    vec![
        text_message("u1"),
        of_person(
            json!({ "messageId": "u2", "suggestionResponse": { "postbackData": "yes", "text": "Yes" } }),
        ),
        of_person(
            json!({ "messageId": "u3", "location": { "latitude": 52.5, "longitude": -13.4 } }),
        ),
        of_person(json!({ "messageId": "u4", "userFile": { "payload": payload } })),
        of_person(json!({ "eventType": "DELIVERED", "eventId": "e1", "messageId": "m1" })),
        of_person(json!({ "eventType": "READ", "eventId": "e2", "messageId": "m1" })),
        of_person(json!({ "eventType": "IS_TYPING", "eventId": "e3" })),
        of_person(json!({ "eventType": "UNSUBSCRIBE", "eventId": "e4", "messageId": "m1" })),
        of_person(json!({ "eventType": "SOMETHING_NEW", "eventId": "e5" })),
    ]
}
