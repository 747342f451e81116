//! The requests that Google's guides, reference and scripts show, in their shape.

use crate::support::published::{self, IMAGE, Published};
use crate::support::{Api, JsonValue as _, start, start_with};
use rbm_emulator::{JsonSyntax, Options};
use reqwest::Method;
use serde_json::{Value, json};

/// Each is the shape of a request in Google's guides, reference or samples.
#[tokio::test]
async fn googles_published_requests_are_taken() {
    let (emulator, _webhook, api) = start().await;
    let (_, file) = api
        .call(
            Method::POST,
            "/v1/files?agentId=demo",
            &api.token,
            Some(json!({ "fileUrl": IMAGE })),
        )
        .await;
    for Published {
        name,
        method,
        path,
        body,
    } in published::messages(&file["name"])
    {
        let sent = body.clone().unwrap();
        let (status, answer) = api.call(method, &path, &api.token, body).await;
        assert_eq!(status, 200, "{name}: {answer}");
        let fields = |message: &Value| message["contentMessage"].as_object().unwrap().len();
        assert_eq!(fields(&answer), fields(&sent), "{name}: {answer}");
        let expires = ["ttl", "expireTime"]
            .into_iter()
            .any(|field| sent[field].is_string());
        assert_eq!(
            answer["expireTime"].is_string(),
            expires,
            "{name}: {answer}"
        );
    }
    api.send(
        "+15550100003",
        "m1",
        json!({ "contentMessage": { "text": "Hi" } }),
    )
    .await;
    for Published {
        name,
        method,
        path,
        body,
    } in published::others()
    {
        let (status, answer) = api.call(method, &path, &api.token, body).await;
        assert_eq!(status, 200, "{name}: {answer}");
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn googles_loose_samples_are_taken_in_lenient_mode_only() {
    let (emulator, _webhook, api) = start().await;
    let (lenient_emulator, _lenient_webhook, lenient) = start_with(Options {
        json: JsonSyntax::Lenient,
        ..Options::default()
    })
    .await;
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
    let broken = lenient
        .post(&format!("{message}9"))
        .body("{\n  'contentMessage': {'text' 'x'}}")
        .send()
        .await
        .unwrap();
    let said = broken.json_value().await["error"]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        said.starts_with("Invalid JSON payload received.") && said.contains("line 2 column"),
        "{said}"
    );
    emulator.shutdown().await;
    lenient_emulator.shutdown().await;
}
