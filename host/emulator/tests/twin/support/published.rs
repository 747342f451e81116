//! The requests that Google's guides, reference and scripts show, in their shape.

use reqwest::Method;
use serde_json::{Value, json};

/// One of them.
pub(crate) struct Published {
    pub(crate) name: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
}

/// Each content as it is, and with either way of running out.
pub(crate) fn messages(file: &Value) -> Vec<Published> {
    let mut messages = Vec::new();
    for (index, (name, content)) in contents(file).into_iter().enumerate() {
        for (kind, rest) in [
            ("bare", json!({})),
            (
                "ttl",
                json!({ "messageTrafficType": "TRANSACTION", "ttl": "600s" }),
            ),
            (
                "expiry",
                json!({ "messageTrafficType": "PROMOTION", "expireTime": in_ten_minutes() }),
            ),
        ] {
            let mut message = rest;
            message["contentMessage"] = content.clone();
            // As Google's scripts name their messages.
            let path = format!(
                "/v1/phones/+15550100002/agentMessages?messageId=123456661{index}{kind}&agentId=demo"
            );
            let name = format!("{name}, {kind}");
            messages.push(Published {
                name,
                method: Method::POST,
                path,
                body: Some(message),
            });
        }
    }
    messages
}

/// The other methods, once there is a message m1 for +15550100003.
pub(crate) fn others() -> Vec<Published> {
    let phone = "/v1/phones/+15550100003";
    let others = [
        (
            "revoke",
            Method::DELETE,
            format!("{phone}/agentMessages/m1?agentId=demo"),
            None,
        ),
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
        (
            "capabilities",
            Method::GET,
            format!("{phone}/capabilities?requestId=1234&agentId=demo"),
            None,
        ),
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
            Some(
                json!({ "fileUrl": IMAGE, "thumbnailUrl": IMAGE, "agentId": "demo", "contentDescription": "A van" }),
            ),
        ),
        (
            "invitation",
            Method::POST,
            format!("{phone}/testers?agentId=demo"),
            Some(json!({})),
        ),
        (
            "invitation as it will be",
            Method::POST,
            format!("{phone}/testers?agentId=demo"),
            Some(json!({ "inviteStatus": "PENDING" })),
        ),
    ];
    let published = |(name, method, path, body): (&str, Method, String, Option<Value>)| Published {
        name: name.to_owned(),
        method,
        path,
        body,
    };
    others.into_iter().map(published).collect()
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
        (
            "chips",
            json!({ "text": "Hello, world!", "suggestions": suggestions }),
        ),
        (
            "link",
            json!({ "contentInfo": { "fileUrl": IMAGE, "forceRefresh": true } }),
        ),
        (
            "uploaded file",
            json!({ "uploadedRbmFile": { "fileName": file, "thumbnailName": file } }),
        ),
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

fn action(kind: Value) -> Value {
    let mut action = kind;
    (action["text"], action["postbackData"]) = (json!("Action"), json!("postback_data_1234"));
    action["fallbackUrl"] = json!("https://x.example/");
    json!({ "action": action })
}

fn in_ten_minutes() -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_mins(10)).to_string()
}

pub(crate) const IMAGE: &str = "https://x.example/image.jpg";
