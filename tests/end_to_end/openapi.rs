//! The description of the HTTP API: each example of a request in it is sent to the running binary, and what is answered must be
//! described, to the last field.

use crate::program::{Dev, answer, rbm, sign};
use crate::schema::Schema;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// In the order in which they are asked: which operation, and which answers its examples get.
const OPERATIONS: [(&str, &[u16]); 33] = [
    ("sendMessage", &[202]),
    ("listMessages", &[200]),
    ("getMessage", &[200]),
    ("revokeMessage", &[409]),
    ("retryMessage", &[409]),
    ("retryMessages", &[200]),
    ("checkMessage", &[200]),
    ("markRead", &[204]),
    ("showTyping", &[204]),
    ("getCapabilities", &[200]),
    ("getReach", &[200]),
    ("uploadFile", &[201]),
    ("listFiles", &[200]),
    ("inviteTester", &[200]),
    ("listTesters", &[200]),
    ("listEvents", &[200]),
    ("streamEvents", &[200]),
    ("listCallbacks", &[200]),
    ("enableCallback", &[200]),
    ("listDeadLetters", &[200]),
    ("replayDeadLetters", &[200]),
    ("replayDeadLetter", &[404]),
    ("receiveForAgent", &[401]),
    ("receiveForPartner", &[401]),
    ("listQuarantine", &[200]),
    ("getQuarantined", &[200]),
    ("replayQuarantined", &[409]),
    ("getDescription", &[200]),
    ("optOut", &[200]),
    ("listOptOuts", &[200]),
    ("getOptOut", &[200]),
    ("optIn", &[200]),
    ("erasePerson", &[200]),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_example_is_answered_as_it_is_described() {
    let dev = Dev::start_with(&["--forward-to", "http://127.0.0.1:1/events"], "error");
    let described = Described::by(&dev.get("/v1/openapi.json").await.body);
    let asked: BTreeSet<&str> = OPERATIONS.iter().map(|(name, _)| *name).collect();
    let there: BTreeSet<&str> = described
        .operations
        .iter()
        .map(|operation| operation.name.as_str())
        .collect();
    assert_eq!(asked, there);
    for (name, expected) in OPERATIONS {
        let operation = described
            .operations
            .iter()
            .find(|operation| operation.name == name)
            .unwrap();
        for (request, what) in operation.requests(&dev) {
            let status = described.check(operation, request, &what).await;
            assert!(expected.contains(&status), "{what}: {status}");
        }
        if name == "sendMessage" {
            dev.wait_for_state("521ec587-f86c-552d-86a2-cf54fcab3c48", "read")
                .await;
            dev.wait_for_event(|event| event["kind"] == "message").await;
        }
    }
}

/// Of each kind of event and for messages of every state: what is told of them has no field that is not described.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
async fn all_kinds_of_events_and_findings_are_described() {
    let dev = Dev::start();
    let described = Described::by(&dev.get("/v1/openapi.json").await.body);
    let person = json!({ "agentId": "demo@rbm.goog", "senderPhoneNumber": "+15550100002" });
    for (index, own) in [
        json!({ "text": "Hi", "messageId": "m1" }),
        json!({ "suggestionResponse": { "postbackData": "p", "text": "t", "type": "REPLY" } }),
        json!({ "location": { "latitude": 1.5, "longitude": 2 } }),
        json!({ "userFile": { "payload": { "mimeType": "image/gif", "fileSizeBytes": 7, "fileUri": "https://x.example/a" },
            "thumbnail": { "mimeType": "image/png", "fileUri": "https://x.example/t" } } }),
        json!({ "eventType": "DELIVERED", "messageId": "m" }),
        json!({ "eventType": "TTL_EXPIRATION_REVOKED", "messageId": "m" }),
        json!({ "eventType": "TTL_EXPIRATION_REVOKE_FAILED", "messageId": "m" }),
        json!({ "eventType": "UNSUBSCRIBE" }),
        json!({ "regionId": "/v1/regions/fi-rcs", "oldLaunchState": "PENDING", "newLaunchState": "LAUNCHED" }),
        json!({ "requestId": "r", "rbmEnabled": true, "features": ["ACTION_DIAL"] }),
        json!({ "eventType": "SMILED" }),
    ]
    .into_iter()
    .enumerate()
    {
        let mut document = person.clone();
        document["eventId"] = json!(format!("e{index}"));
        document.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        assert_eq!(dev.notify("/webhooks/rbm/demo", &document.to_string()).await.status, 200);
    }
    let bytes = sign(&dev.client_token, &[0xff]);
    let envelope = json!({ "message": { "data": "/w==" } }).to_string();
    let binary = dev
        .request(Method::POST, "/webhooks/rbm/demo")
        .header("x-goog-signature", bytes)
        .body(envelope);
    assert_eq!(answer(binary).await.status, 200);
    let wrong = json!({ "to": "1", "content": { "text": "" }, "suggestions": [{ "reply": { "text": "x".repeat(26) } }] });
    let with_a_warning = json!({ "to": "+12", "content": { "text": "Hi" }, "lifetime_seconds": 5 });
    for to in ["+15550100003", "+15550100004"] {
        dev.send(&json!({ "to": to, "content": { "text": "Hi" } }))
            .await;
    }
    let binary = dev
        .request(Method::POST, "/webhooks/rbm/demo")
        .body(vec![0xff]);
    assert_eq!(answer(binary).await.status, 400);
    let file = dev
        .request(Method::POST, "/v1/files")
        .header("content-type", "image/png")
        .body(vec![0x89]);
    for (name, request, status) in [
        ("listEvents", dev.request(Method::GET, "/v1/events"), 200),
        (
            "listMessages",
            dev.request(Method::GET, "/v1/messages"),
            200,
        ),
        (
            "getQuarantined",
            dev.request(Method::GET, "/v1/quarantine/q1"),
            200,
        ),
        (
            "sendMessage",
            json_request(&dev, "/v1/messages", &wrong),
            422,
        ),
        (
            "sendMessage",
            json_request(&dev, "/v1/messages", &with_a_warning),
            202,
        ),
        ("checkMessage", json_request(&dev, "/v1/check", &wrong), 200),
        (
            "checkMessage",
            json_request(&dev, "/v1/check", &json!({})),
            200,
        ),
        (
            "getCapabilities",
            dev.request(Method::GET, "/v1/phones/+15550100004/capabilities"),
            200,
        ),
        (
            "getCapabilities",
            dev.request(Method::GET, "/v1/phones/1/capabilities"),
            400,
        ),
        ("uploadFile", file, 201),
        (
            "uploadFile",
            json_request(&dev, "/v1/files", &json!({ "url": "nowhere" })),
            422,
        ),
        (
            "getReach",
            json_request(&dev, "/v1/reach", &json!({ "phones": ["1"] })),
            400,
        ),
    ] {
        let operation = described
            .operations
            .iter()
            .find(|operation| operation.name == name)
            .unwrap();
        assert_eq!(
            described.check(operation, request, name).await,
            status,
            "{name}"
        );
    }
}

#[test]
fn what_a_message_can_say_is_described_as_its_own_page_has_it() {
    let document: Value = serde_json::from_str(&rbm(&["openapi"], b"").stdout).unwrap();
    let (described, reference) = (
        Described::by(&document),
        json!({ "$ref": "#/components/schemas/Message" }),
    );
    let message = described.schema(&reference);
    let page = include_str!("../../host/json/MESSAGES.md");
    let examples: Vec<&str> = page
        .split("```json\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(examples.len() >= 7, "{}", examples.len());
    for example in examples {
        assert_eq!(
            message.problem(&serde_json::from_str(example).unwrap()),
            None,
            "{example}"
        );
    }
    for (name, wrong) in [
        (
            "an unknown field",
            json!({ "to": "+12", "content": { "text": "x" }, "colour": "red" }),
        ),
        ("no content", json!({ "to": "+12" })),
        (
            "two contents",
            json!({ "to": "+12", "content": { "text": "x", "file": { "url": "u" } } }),
        ),
        (
            "a suggestion of no kind",
            json!({ "to": "+12", "content": { "text": "x" }, "suggestions": [{}] }),
        ),
        (
            "another purpose",
            json!({ "to": "+12", "content": { "text": "x" }, "purpose": "fun" }),
        ),
        (
            "a carousel of one",
            json!({ "to": "+12", "content": { "carousel": { "cards": [{ "title": "x" }] } } }),
        ),
    ] {
        assert!(message.problem(&wrong).is_some(), "{name}");
    }
}

/// The negative control: an answer with a field too many or too few is found.
#[test]
fn an_answer_that_is_not_as_described_is_found() {
    let document: Value = serde_json::from_str(&rbm(&["openapi"], b"").stdout).unwrap();
    let described = Described::by(&document);
    let reference = json!({ "$ref": "#/components/schemas/Accepted" });
    let accepted = described.schema(&reference);
    for (body, is_right) in [
        (json!({ "id": "x", "state": "queued" }), true),
        (json!({ "id": "x", "state": "queued", "more": 1 }), false),
        (json!({ "id": "x" }), false),
        (json!({ "id": "x", "state": "lost" }), false),
    ] {
        assert_eq!(accepted.problem(&body).is_none(), is_right, "{body}");
    }
}

/// The document, with all objects closed: what is not described is not there.
struct Described {
    components: Value,
    operations: Vec<Operation>,
}

struct Operation {
    name: String,
    method: Method,
    path: String,
    described: Value,
}

impl Described {
    fn by(document: &Value) -> Self {
        let mut document = document.clone();
        close(&mut document["components"]["schemas"]);
        let paths = document["paths"].as_object().unwrap().iter();
        let operations = paths.flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .iter()
                .map(|(method, described)| Operation {
                    name: described["operationId"].as_str().unwrap().to_owned(),
                    method: method.to_uppercase().parse().unwrap(),
                    path: path.clone(),
                    described: described.clone(),
                })
        });
        Self {
            operations: operations.collect(),
            components: document["components"].clone(),
        }
    }

    fn schema<'a>(&'a self, schema: &'a Value) -> Schema<'a> {
        Schema {
            components: &self.components["schemas"],
            schema,
        }
    }

    /// The status, if it is described and so is the body.
    async fn check(&self, operation: &Operation, request: RequestBuilder, what: &str) -> u16 {
        let mut response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let content_type = response
            .headers()
            .get("content-type")
            .map(|value| value.to_str().unwrap().to_owned());
        let body = match content_type.as_deref() {
            // It does not end.
            Some("text/event-stream") => response.chunk().await.unwrap().unwrap().to_vec(),
            _ => response.bytes().await.unwrap().to_vec(),
        };
        let text = String::from_utf8(body).unwrap();
        let responses = &operation.described["responses"];
        let described = responses
            .get(status.to_string())
            .unwrap_or(&responses["default"]);
        let Some(content) = described.get("content") else {
            assert_eq!(text, "", "{what}: {status} is described without a body");
            return status;
        };
        if status == 200 && text.is_empty() {
            return status;
        }
        let kind = content_type
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        let schema = content
            .get(&kind)
            .unwrap_or_else(|| panic!("{what}: {status} is not described as {kind}"));
        let body = match kind.as_str() {
            "text/plain" => json!(text),
            "text/event-stream" => {
                let data = text
                    .lines()
                    .find_map(|line| line.strip_prefix("data: "))
                    .unwrap();
                serde_json::from_str(data).unwrap()
            }
            _ => serde_json::from_str(&text).unwrap(),
        };
        assert_eq!(
            self.schema(&schema["schema"]).problem(&body),
            None,
            "{what}: {status} {text}"
        );
        status
    }
}

impl Operation {
    /// The least that can be asked, and then all that can, for each example of a body.
    fn requests(&self, dev: &Dev) -> Vec<(RequestBuilder, String)> {
        let json = &self.described["requestBody"]["content"]["application/json"];
        let bodies: Vec<Option<Value>> = match json["examples"].as_object() {
            Some(examples) => examples
                .values()
                .map(|example| Some(example["value"].clone()))
                .collect(),
            None => vec![None],
        };
        let mut requests = Vec::new();
        for (index, body) in bodies.iter().enumerate() {
            requests.push((
                self.request(dev, body.as_ref(), false),
                format!("{} {index}", self.name),
            ));
            // A key that was used is used.
            if index == 0 {
                requests.push((
                    self.request(dev, body.as_ref(), true),
                    format!("{} with all", self.name),
                ));
            }
        }
        if self.described["requestBody"]["required"] == false {
            requests.push((
                self.request(dev, None, false),
                format!("{} without a body", self.name),
            ));
        }
        // What is streamed from now on would have to be waited for.
        if self.name == "streamEvents" {
            drop(requests.remove(0));
        }
        requests
    }

    fn request(&self, dev: &Dev, body: Option<&Value>, with_optional: bool) -> RequestBuilder {
        let parameters = self.described["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let given = |place: &str| -> Vec<(String, String)> {
            let given = parameters.iter().filter(|parameter| {
                parameter["in"] == place
                    && (parameter["required"] == true || with_optional)
                    && parameter.get("example").is_some()
            });
            given
                .map(|parameter| (plain(&parameter["name"]), plain(&parameter["example"])))
                .collect()
        };
        let fill = |path: String, (name, value): (String, String)| {
            path.replace(&format!("{{{name}}}"), &value)
        };
        let path = given("path").into_iter().fold(self.path.clone(), fill);
        let query = given("query");
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query)
            .finish();
        let path = if query.is_empty() {
            path
        } else {
            format!("{path}?{query}")
        };
        let request = dev.request(self.method.clone(), &path);
        let request = given("header")
            .into_iter()
            .fold(request, |request, (name, value)| {
                request.header(name, value)
            });
        match body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(body.to_string()),
            None => request,
        }
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn json_request(dev: &Dev, path: &str, body: &Value) -> RequestBuilder {
    dev.request(Method::POST, path)
        .header("content-type", "application/json")
        .body(body.to_string())
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(close);
            if fields.contains_key("properties") {
                fields.entry("additionalProperties").or_insert(json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
