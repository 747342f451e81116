//! The requests that Google's guides, reference and scripts show, in their shape.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use rbm_emulator::{JsonSyntax, Options};
use reqwest::Method;
use serde_json::{Value, json};
use support::{Api, JsonValue as _, start, start_with};

/// Each is the shape of a request in Google's guides, reference or samples.
#[tokio::test]
async fn googles_published_requests_are_taken() {
    let (emulator, _webhook, api) = start().await;
    let (_, file) =
        api.call(Method::POST, "/v1/files?agentId=demo", &api.token, Some(json!({ "fileUrl": IMAGE }))).await;
    for (index, (name, content)) in contents(&file["name"]).iter().enumerate() {
        for (kind, rest) in [
            ("bare", json!({})),
            ("ttl", json!({ "messageTrafficType": "TRANSACTION", "ttl": "600s" })),
            ("expiry", json!({ "messageTrafficType": "PROMOTION", "expireTime": in_ten_minutes() })),
        ] {
            let mut message = rest.clone();
            message["contentMessage"] = content.clone();
            // As Google's scripts name their messages.
            let path = format!("/v1/phones/+15550100002/agentMessages?messageId=123456661{index}{kind}&agentId=demo");
            let (status, answer) = api.call(Method::POST, &path, &api.token, Some(message)).await;
            assert_eq!(status, 200, "{name}, {kind}: {answer}");
            assert_eq!(
                answer["contentMessage"].as_object().unwrap().len(),
                content.as_object().unwrap().len(),
                "{answer}"
            );
            assert_eq!(answer["expireTime"].is_string(), kind != "bare", "{answer}");
        }
    }
    let phone = "/v1/phones/+15550100003";
    api.send("+15550100003", "m1", json!({ "contentMessage": { "text": "Hi" } })).await;
    for (name, method, path, body) in [
        ("revoke", Method::DELETE, format!("{phone}/agentMessages/m1?agentId=demo"), None),
        (
            "typing",
            Method::POST,
            format!("{phone}/agentEvents?eventId=e1&agentId=demo"),
            Some(json!({ "eventType": "IS_TYPING" })),
        ),
        (
            "read",
            Method::POST,
            format!("{phone}/agentEvents?eventId=e2&agentId=demo"),
            Some(json!({ "eventType": "READ", "messageId": "MxIgT-4pWCQu2tH9hMkSTljQ" })),
        ),
        ("capabilities", Method::GET, format!("{phone}/capabilities?requestId=1234&agentId=demo"), None),
        (
            "reach",
            Method::POST,
            "/v1/users:batchGet".to_owned(),
            Some(json!({ "users": ["+12223334444"], "agentId": "demo" })),
        ),
        (
            "reach, agent in the query",
            Method::POST,
            "/v1/users:batchGet?agentId=demo".to_owned(),
            Some(json!({ "users": ["+12223334444"] })),
        ),
        (
            "file",
            Method::POST,
            "/v1/files".to_owned(),
            Some(json!({ "fileUrl": IMAGE, "thumbnailUrl": IMAGE, "agentId": "demo", "contentDescription": "A van" })),
        ),
        ("invitation", Method::POST, format!("{phone}/testers?agentId=demo"), Some(json!({}))),
        (
            "invitation as it will be",
            Method::POST,
            format!("{phone}/testers?agentId=demo"),
            Some(json!({ "inviteStatus": "PENDING" })),
        ),
    ] {
        let (status, answer) = api.call(method, &path, &api.token, body).await;
        assert_eq!(status, 200, "{name}: {answer}");
    }
    emulator.shutdown().await;
}

/// One of each kind of content, and every kind of suggestion.
fn contents(file: &Value) -> [(&'static str, Value); 7] {
    let media = json!({ "height": "TALL", "contentDescription": "A van", "contentInfo": {
        "fileUrl": IMAGE, "thumbnailUrl": IMAGE, "forceRefresh": false } });
    let suggestions = json!([
        { "reply": { "text": "Suggestion #1", "postbackData": "suggestion_1" } },
        action(json!({ "dialAction": { "phoneNumber": "+15556667777" } })),
        action(json!({ "viewLocationAction": { "latLong": { "latitude": "37.4220188", "longitude": "-122.0844786" }, "label": "Here" } })),
        action(json!({ "viewLocationAction": { "query": "coffee" } })),
        action(json!({ "createCalendarEventAction": { "startTime": "2026-12-01T10:00:00Z", "endTime": "2026-12-01T11:00:00Z",
            "title": "A party", "description": "A description" } })),
        action(json!({ "openUrlAction": { "url": "https://x.example/" } })),
        action(json!({ "openUrlAction": { "url": "https://x.example/", "application": "WEBVIEW", "webviewViewMode": "HALF",
            "description": "A page" } })),
        action(json!({ "shareLocationAction": {} })),
        action(json!({ "composeAction": { "composeTextMessage": { "phoneNumber": "+15556667777", "text": "Hi" } } })),
        action(json!({ "composeAction": { "composeRecordingMessage": { "phoneNumber": "+15556667777", "type": "AUDIO" } } })),
    ]);
    let card = |title: &str| {
        json!({ "title": title, "description": "Cool", "media": { "height": "SHORT", "contentInfo": {
        "fileUrl": IMAGE } }, "suggestions": [suggestions[0]] })
    };
    [
        ("text", json!({ "text": "Hello, world!" })),
        ("chips", json!({ "text": "Hello, world!", "suggestions": suggestions })),
        ("link", json!({ "contentInfo": { "fileUrl": IMAGE, "forceRefresh": true } })),
        ("uploaded file", json!({ "uploadedRbmFile": { "fileName": file, "thumbnailName": file } })),
        ("file name", json!({ "fileName": file })),
        (
            "card",
            json!({ "richCard": { "standaloneCard": { "thumbnailImageAlignment": "RIGHT", "cardOrientation": "VERTICAL",
            "cardContent": { "title": "Hello", "description": "Cool", "media": media, "suggestions": [suggestions[0]] } } },
            "suggestions": [suggestions[1]] }),
        ),
        (
            "carousel",
            json!({ "richCard": { "carouselCard": { "cardWidth": "MEDIUM", "cardContents": [card("1"), card("2")] } } }),
        ),
    ]
}

#[tokio::test]
async fn googles_loose_samples_are_taken_in_lenient_mode_only() {
    let (emulator, _webhook, api) = start().await;
    let (lenient_emulator, _lenient_webhook, lenient) =
        start_with(Options { json: JsonSyntax::Lenient, ..Options::default() }).await;
    let message = "/v1/phones/+15550100002/agentMessages?agentId=demo&messageId=";
    let event = "/v1/phones/+15550100002/agentEvents?agentId=demo&eventId=";
    for (index, (path, loose)) in [
        (message, "{\n  'contentMessage': {\n    'text': 'Hello, world!',\n    'suggestions': [\n      {\n        'reply': {\n          'text': 'Suggestion #1',\n          'postbackData': 'suggestion_1',\n        },\n      },\n    ],\n  },\n}"),
        (message, "{contentMessage: {text: \"It's\"}}"),
        (message, "{'contentMessage': {'text': 'x', 'suggestions': [{'action': {'text': 'a', 'postbackData': 'b', 'viewLocationAction': {'latLong': {'latitude': '37.42', 'longitude': '-122.08',}, 'label': 'c'}}}]}}"),
        (event, "{'eventType': 'IS_TYPING'}"),
        (event, "{\"eventType\": \"IS_TYPING\",}"),
    ]
    .into_iter()
    .enumerate()
    {
        let send = |api: &Api, syntax: Option<&'static str>| {
            let request = api.post(&format!("{path}{index}")).body(loose);
            let request = syntax.map(|syntax| ("x-emulator-json", syntax)).into_iter().fold(request, |request, (name, value)| request.header(name, value));
            async move { request.send().await.unwrap().status().as_u16() }
        };
        assert_eq!(send(&api, None).await, 400, "{loose}");
        assert_eq!(send(&api, Some("lenient")).await, 200, "{loose}");
        assert_eq!(send(&lenient, None).await, 200, "{loose}");
        assert_eq!(send(&lenient, Some("strict")).await, 400, "{loose}");
        assert_eq!(send(&lenient, Some("sloppy")).await, 400, "{loose}");
    }
    let broken =
        lenient.post(&format!("{message}9")).body("{\n  'contentMessage': {'text' 'x'}}").send().await.unwrap();
    let said = broken.json_value().await["error"]["message"].as_str().unwrap().to_owned();
    assert!(said.starts_with("Invalid JSON payload received.") && said.contains("line 2 column"), "{said}");
    emulator.shutdown().await;
    lenient_emulator.shutdown().await;
}

fn action(kind: Value) -> Value {
    let mut action = kind;
    (action["text"], action["postbackData"]) = (json!("Action"), json!("postback_data_1234"));
    action["fallbackUrl"] = json!("https://x.example/");
    json!({ "action": action })
}

fn in_ten_minutes() -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_mins(10)).to_string()
}

const IMAGE: &str = "https://x.example/image.jpg";
