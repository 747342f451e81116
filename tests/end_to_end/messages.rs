//! Messages in: what is taken, what is not, and what is told of them.

use crate::program::{ANSWERS, Dev, HIDES_READING, OFFLINE, WITHOUT_RCS, answer, text};
use crate::serving::{Platform, Serve};
use serde_json::{Value, json};
use std::collections::HashSet;

#[tokio::test]
async fn a_key_that_is_used_again_sends_nothing_again() {
    let dev = Dev::start();
    let body =
        json!({ "to": HIDES_READING, "content": { "text": "Hi" }, "purpose": "transaction" });
    let first = dev.send_with_key("order-1", &body).await;
    let reordered =
        json!({ "purpose": "transaction", "content": { "text": "Hi" }, "to": HIDES_READING });
    let again = dev.send_with_key("order-1", &reordered).await;
    assert_eq!(
        (first.status, again.status, &first.body["id"]),
        (202, 202, &again.body["id"])
    );
    let other = dev
        .send_with_key("order-1", &text(HIDES_READING, "Ho"))
        .await;
    assert_eq!(
        (other.status, &other.body["code"]),
        (409, &json!("idempotency-key-reused"))
    );
    let id = first.body["id"].as_str().unwrap();
    dev.wait_for_state(id, "delivered").await;
    assert_eq!(
        dev.send_with_key("order-1", &body).await.body["state"],
        "delivered"
    );
    assert_eq!(dev.shown_on(HIDES_READING).await.len(), 1);
}

/// Whoever does not check first would never hear of them.
#[tokio::test]
async fn what_a_check_warns_of_is_in_the_answer_to_the_message() {
    let platform = Platform::start().await;
    let mut serve = Serve::new(&platform, "use_case = \"otp\"\n");
    serve.start().await;
    let post = async |path: &str, key: &str, purpose: &str| {
        let body = json!({ "to": HIDES_READING, "content": { "text": "Hi" }, "purpose": purpose });
        let request = serve
            .client
            .post(format!("{}{path}", serve.origin()))
            .header("content-type", "application/json")
            .header("idempotency-key", key);
        answer(request.body(body.to_string())).await
    };
    let checked = post("/v1/check", "-", "promotion").await;
    let accepted = post("/v1/messages", "k1", "promotion").await;
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    let warnings = accepted.body["warnings"].as_array().unwrap();
    assert_eq!(
        (
            warnings.len(),
            &warnings[0]["severity"],
            &warnings[0]["path"],
            &warnings[0]["rule"]
        ),
        (
            1,
            &json!("warning"),
            &json!("purpose"),
            &json!("purpose-of-another-use")
        )
    );
    assert_eq!(accepted.body["warnings"], checked.body["findings"]);

    let again = post("/v1/messages", "k1", "promotion").await;
    assert_eq!(
        (again.status, &again.body["id"], again.body.get("warnings")),
        (202, &accepted.body["id"], None),
        "what was accepted before is not checked again"
    );
    let fine = post("/v1/messages", "k2", "authentication").await;
    assert_eq!(
        (fine.status, fine.body.get("warnings")),
        (202, None),
        "{}",
        fine.body
    );
}

#[tokio::test]
async fn a_key_that_is_used_by_many_at_once_sends_once() {
    let dev = Dev::start();
    let body = text(HIDES_READING, "Hi");
    let mut calls = Vec::new();
    for _ in 0..20 {
        calls.push(dev.send_with_key("order-1", &body));
    }
    let mut ids = HashSet::new();
    for answer in futures::future::join_all(calls).await {
        assert_eq!(answer.status, 202, "{}", answer.body);
        ids.insert(answer.body["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 1);
    dev.wait_for_state(ids.iter().next().unwrap(), "delivered")
        .await;
    assert_eq!(dev.shown_on(HIDES_READING).await.len(), 1);
}

#[tokio::test]
async fn without_a_key_every_message_is_one_of_its_own() {
    let dev = Dev::start();
    let (first, second) = (
        dev.send(&text(HIDES_READING, "Hi")).await,
        dev.send(&text(HIDES_READING, "Hi")).await,
    );
    assert_ne!(first, second);
    dev.wait_for_state(&first, "delivered").await;
    dev.wait_for_state(&second, "delivered").await;
    assert_eq!(dev.shown_on(HIDES_READING).await.len(), 2);
}

#[tokio::test]
async fn every_content_and_suggestion_reaches_the_phone_as_google_documents_it() {
    let dev = Dev::start();
    for (name, body, path, expected) in contents() {
        let id = dev.send(&body).await;
        dev.wait_for_state(&id, "delivered").await;
        let shown = dev.shown_on(HIDES_READING).await;
        let message = shown
            .iter()
            .find(|message| message["id"] == json!(id))
            .unwrap();
        assert_eq!(
            message["content"].pointer(path),
            Some(&expected),
            "{name}: {message}"
        );
    }
}

/// A message each, and a part of what the phone must show for it, by rbm-reference §1.3.
#[expect(clippy::too_many_lines, reason = "a table")]
fn contents() -> Vec<(&'static str, Value, &'static str, Value)> {
    let to = |content: Value| json!({ "to": HIDES_READING, "content": content });
    let chip = |chip: Value| json!({ "to": HIDES_READING, "content": { "text": "x" }, "suggestions": [chip] });
    let action = |rest: Value| {
        let mut action =
            json!({ "text": "Go", "postbackData": "go", "fallbackUrl": "https://f.example" });
        action
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        json!({ "action": action })
    };
    let labelled = |kind: &str, rest: Value| {
        let mut own =
            json!({ "text": "Go", "postback": "go", "fallback_url": "https://f.example" });
        own.as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        chip(json!({ kind: own }))
    };
    let media = json!({ "file": { "url": "https://x.example/a.jpg", "thumbnail_url": "https://x.example/s.jpg" },
        "height": "tall", "alternative_text": "A van" });
    let shown_media = json!({ "height": "TALL", "contentDescription": "A van",
        "contentInfo": { "fileUrl": "https://x.example/a.jpg", "thumbnailUrl": "https://x.example/s.jpg" } });
    vec![
        ("text", to(json!({ "text": "Hi" })), "/text", json!("Hi")),
        (
            "file",
            to(json!({ "file": { "url": "https://x.example/a.pdf" } })),
            "/contentInfo",
            json!({ "fileUrl": "https://x.example/a.pdf" }),
        ),
        (
            "vertical card",
            to(
                json!({ "card": { "layout": "vertical", "title": "t", "description": "d", "media": media,
            "suggestions": [{ "reply": { "text": "Yes", "postback": "y" } }] } }),
            ),
            "/richCard/standaloneCard",
            json!({ "cardOrientation": "VERTICAL", "cardContent": { "title": "t", "description": "d", "media": shown_media,
                "suggestions": [{ "reply": { "text": "Yes", "postbackData": "y" } }] } }),
        ),
        (
            "horizontal card",
            to(json!({ "card": { "layout": "horizontal_left", "title": "t" } })),
            "/richCard/standaloneCard",
            json!({ "cardOrientation": "HORIZONTAL", "thumbnailImageAlignment": "LEFT", "cardContent": { "title": "t" } }),
        ),
        (
            "carousel",
            to(
                json!({ "carousel": { "width": "medium", "cards": [{ "title": "a" }, { "description": "b" }] } }),
            ),
            "/richCard/carouselCard",
            json!({ "cardWidth": "MEDIUM", "cardContents": [{ "title": "a" }, { "description": "b" }] }),
        ),
        (
            "reply",
            chip(json!({ "reply": { "text": "Yes", "postback": "y" } })),
            "/suggestions/0",
            json!({ "reply": { "text": "Yes", "postbackData": "y" } }),
        ),
        (
            "dial",
            labelled("dial", json!({ "phone": "*1#" })),
            "/suggestions/0",
            action(json!({ "dialAction": { "phoneNumber": "*1#" } })),
        ),
        (
            "open url",
            labelled(
                "open_url",
                json!({ "url": "https://x.example", "view": "webview_half", "description": "d" }),
            ),
            "/suggestions/0",
            action(
                json!({ "openUrlAction": { "url": "https://x.example", "application": "WEBVIEW",
                "webviewViewMode": "HALF", "description": "d" } }),
            ),
        ),
        (
            "view location",
            labelled(
                "view_location",
                json!({ "latitude": 1.5, "longitude": -2.5, "label": "l" }),
            ),
            "/suggestions/0",
            action(
                json!({ "viewLocationAction": { "latLong": { "latitude": 1.5, "longitude": -2.5 }, "label": "l" } }),
            ),
        ),
        (
            "share location",
            labelled("share_location", json!({})),
            "/suggestions/0",
            action(json!({ "shareLocationAction": {} })),
        ),
        (
            "calendar event",
            labelled(
                "calendar_event",
                json!({ "start": "2026-12-01T10:00:00Z", "end": "2026-12-01T11:00:00Z",
            "title": "t", "description": "d" }),
            ),
            "/suggestions/0",
            action(json!({ "createCalendarEventAction": {
                "startTime": "2026-12-01T10:00:00Z", "endTime": "2026-12-01T11:00:00Z", "title": "t", "description": "d" } })),
        ),
        (
            "compose text",
            labelled(
                "compose_text",
                json!({ "phone": "+15550100009", "message": "m" }),
            ),
            "/suggestions/0",
            action(
                json!({ "composeAction": { "composeTextMessage": { "phoneNumber": "+15550100009", "text": "m" } } }),
            ),
        ),
        (
            "compose recording",
            labelled(
                "compose_recording",
                json!({ "phone": "+15550100009", "kind": "audio" }),
            ),
            "/suggestions/0",
            action(
                json!({ "composeAction": { "composeRecordingMessage": { "phoneNumber": "+15550100009", "type": "AUDIO" } } }),
            ),
        ),
    ]
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_with_the_place_the_rule_and_the_value() {
    let dev = Dev::start();
    for (name, body, path, rule, limit, actual) in refused() {
        let answer = dev.post("/v1/messages", &body).await;
        assert_eq!(
            (answer.status, answer.content_type.as_str()),
            (422, "application/problem+json"),
            "{name}: {}",
            answer.body
        );
        let finding = &answer.body["findings"][0];
        assert_eq!(errors(&answer.body), 1, "{name}: {}", answer.body);
        assert_eq!(
            (&finding["severity"], &finding["path"], &finding["rule"]),
            (&json!("error"), &json!(path), &json!(rule)),
            "{name}"
        );
        assert_eq!(
            (finding["limit"].as_str(), finding["actual"].as_str()),
            (limit, actual),
            "{name}: {finding}"
        );
        assert!(!finding["message"].as_str().unwrap().is_empty(), "{name}");
        let checked = dev.post("/v1/check", &body).await;
        assert_eq!(
            (checked.status, &checked.body["findings"]),
            (200, &answer.body["findings"]),
            "{name}"
        );
    }
    assert_eq!(
        dev.get("/v1/messages").await.body["messages"],
        json!([]),
        "nothing was kept"
    );
    assert!(dev.shown_on(ANSWERS).await.is_empty(), "nothing was sent");
}

type Refused = (
    &'static str,
    Value,
    &'static str,
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
);

#[expect(clippy::too_many_lines, reason = "a table")]
fn refused() -> Vec<Refused> {
    let with = |name: &str, value: Value| {
        let mut body = text(ANSWERS, "x");
        body[name] = value;
        body
    };
    let reply =
        |text: &str, postback: &str| json!({ "reply": { "text": text, "postback": postback } });
    let twelve: Vec<Value> = (0..12).map(|_| reply("a", "")).collect();
    let characters = Some("1 to 3072 characters");
    let label = Some("1 to 25 characters");
    vec![
        (
            "long text",
            text(ANSWERS, &"é".repeat(3073)),
            "content.text",
            "text-length",
            characters,
            Some("3073 characters"),
        ),
        (
            "no text",
            text(ANSWERS, ""),
            "content.text",
            "text-length",
            characters,
            Some("0 characters"),
        ),
        (
            "12 suggestions",
            with("suggestions", json!(twelve)),
            "suggestions",
            "suggestions-count",
            Some("11 suggestions"),
            Some("12 suggestions"),
        ),
        (
            "long label",
            with(
                "suggestions",
                json!([reply("a", ""), reply(&"😀".repeat(26), "")]),
            ),
            "suggestions[1].reply.text",
            "suggestion-text-length",
            label,
            Some("26 characters"),
        ),
        (
            "empty label",
            with("suggestions", json!([reply("", "")])),
            "suggestions[0].reply.text",
            "suggestion-text-length",
            label,
            Some("0 characters"),
        ),
        (
            "long postback",
            with("suggestions", json!([reply("a", &"p".repeat(2049))])),
            "suggestions[0].reply.postback",
            "postback-length",
            Some("2048 characters"),
            Some("2049 characters"),
        ),
        (
            "long lifetime",
            with("lifetime_seconds", json!(15 * 86_400 + 1)),
            "lifetime_seconds",
            "lifetime",
            Some("1 to 1296000 seconds"),
            Some("1296001 seconds"),
        ),
        (
            "no lifetime",
            with("lifetime_seconds", json!(0)),
            "lifetime_seconds",
            "lifetime",
            Some("1 to 1296000 seconds"),
            Some("0 seconds"),
        ),
        (
            "no time",
            with("expires_at", json!("tomorrow")),
            "expires_at",
            "expiry-time",
            None,
            None,
        ),
        (
            "no phone",
            text("15550100001", "x"),
            "to",
            "phone-e164",
            None,
            None,
        ),
        (
            "phone from 0",
            text("+05550100001", "x"),
            "to",
            "phone-e164",
            None,
            None,
        ),
        (
            "long phone",
            text("+1234567890123456", "x"),
            "to",
            "phone-e164",
            None,
            None,
        ),
        (
            "no content",
            json!({ "to": ANSWERS }),
            "content",
            "content-exactly-one",
            None,
            None,
        ),
        (
            "empty content",
            json!({ "to": ANSWERS, "content": {} }),
            "content",
            "content-exactly-one",
            None,
            None,
        ),
        (
            "two contents",
            json!({ "to": ANSWERS, "content": { "text": "x", "card": { "title": "t" } } }),
            "content",
            "content-exactly-one",
            None,
            None,
        ),
        (
            "both expiries",
            json!({ "to": ANSWERS, "content": { "text": "x" }, "lifetime_seconds": 60, "expires_at": "2026-12-01T10:00:00Z" }),
            "",
            "expiry-at-most-one",
            None,
            None,
        ),
        (
            "one card",
            json!({ "to": ANSWERS, "content": { "carousel": { "cards": [{ "title": "t" }] } } }),
            "content.carousel.cards",
            "carousel-cards",
            Some("2 to 10 cards"),
            Some("1 cards"),
        ),
        (
            "unknown field",
            with("colour", json!("red")),
            "colour",
            "unknown-field",
            None,
            None,
        ),
        (
            "unknown agent",
            with("agent", json!("nobody")),
            "agent",
            "agent-unknown",
            None,
            None,
        ),
        (
            "agent of another type",
            with("agent", json!(7)),
            "agent",
            "type",
            None,
            None,
        ),
        ("no object", json!([1]), "", "type", None, None),
        ("no message", json!(null), "", "type", None, None),
    ]
}

fn errors(answer: &Value) -> usize {
    answer["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["severity"] == "error")
        .count()
}

#[tokio::test]
async fn the_longest_that_may_be_sent_is_sent() {
    let dev = Dev::start();
    let reply = json!({ "reply": { "text": "😀".repeat(25), "postback": "ü".repeat(2048) } });
    let body = json!({
        "to": HIDES_READING, "content": { "text": "😀".repeat(3072) }, "suggestions": vec![reply; 11], "lifetime_seconds": 15 * 86_400,
    });
    let checked = dev.post("/v1/check", &body).await;
    assert_eq!(errors(&checked.body), 0, "{}", checked.body);
    let id = dev.send(&body).await;
    dev.wait_for_state(&id, "delivered").await;
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once() {
    let dev = Dev::start();
    let body = json!({ "to": "nobody", "content": { "text": "" }, "suggestions": [{ "reply": { "text": "x".repeat(26), "postback": "" } }] });
    let answer = dev.post("/v1/messages", &body).await;
    let paths: HashSet<&str> = answer.body["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        paths,
        HashSet::from(["to", "content.text", "suggestions[0].reply.text"])
    );
    assert_eq!(answer.body["detail"], "the message has 3 errors");
}

#[tokio::test]
async fn a_check_tells_the_class_and_sends_nothing() {
    let dev = Dev::start();
    for (body, class, segments, rules) in [
        (
            text("+4915550100001", "Hi"),
            "BASIC_MESSAGE",
            Value::Null,
            vec![],
        ),
        (
            text("+4915550100001", &"é".repeat(81)),
            "SINGLE_MESSAGE",
            Value::Null,
            vec!["basic-message-bytes"],
        ),
        (
            text(ANSWERS, &"x".repeat(161)),
            "RICH_MESSAGE",
            json!(2),
            vec!["basic-message-bytes"],
        ),
        (
            json!({ "to": ANSWERS, "content": { "card": { "title": "t" } } }),
            "RICH_MEDIA_MESSAGE",
            Value::Null,
            vec![],
        ),
    ] {
        let answer = dev.post("/v1/check", &body).await;
        assert_eq!(
            (&answer.body["message_class"], &answer.body["segments"]),
            (&json!(class), &segments)
        );
        let findings = answer.body["findings"].as_array().unwrap();
        assert_eq!(
            findings
                .iter()
                .map(|finding| finding["rule"].as_str().unwrap())
                .collect::<Vec<_>>(),
            rules
        );
    }
    let long = dev
        .post("/v1/check", &text(ANSWERS, &"x".repeat(161)))
        .await
        .body;
    let plain = json!({ "text": "x".repeat(161), "encoding": "gsm7", "segments": 2 });
    assert_eq!(
        (&long["plain_text"], &long["bytes"]),
        (
            &plain,
            &json!(r#"{"contentMessage":{"text":""}}"#.len() + 161)
        )
    );
    let warned = dev
        .post(
            "/v1/check",
            &json!({ "to": ANSWERS, "content": { "text": "x" }, "lifetime_seconds": 9 }),
        )
        .await;
    assert_eq!(
        (
            &warned.body["findings"][0]["severity"],
            &warned.body["findings"][0]["rule"]
        ),
        (&json!("warning"), &json!("lifetime-short"))
    );
    assert_eq!(dev.get("/v1/messages").await.body["messages"], json!([]));
}

#[tokio::test]
async fn somebody_without_rcs_is_a_failure_with_its_reason() {
    let dev = Dev::start();
    let id = dev.send(&text(WITHOUT_RCS, "Hi")).await;
    let message = dev.wait_for_state(&id, "failed").await;
    let last = message["history"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    assert_eq!(
        (&last["fact"], &last["attempt"]),
        (&json!("failed"), &json!(1))
    );
    assert!(
        last["detail"]
            .as_str()
            .unwrap()
            .contains("The specified phone number cannot be reached by RBM at this time."),
        "{last}"
    );
}

#[tokio::test]
async fn a_message_that_runs_out_on_the_way_is_expired() {
    let dev = Dev::start();
    let id = dev
        .send(&json!({ "to": OFFLINE, "content": { "text": "Hi" }, "lifetime_seconds": 2 }))
        .await;
    dev.wait_for_state(&id, "accepted").await;
    dev.wait_for_state(&id, "expired").await;
    let events = dev.wait_for_event(|event| event["kind"] == "expired").await;
    assert_eq!(
        (&events[0]["message_id"], &events[0]["phone"]),
        (&json!(id), &json!(OFFLINE))
    );
}

#[tokio::test]
async fn messages_are_listed_newest_first_by_what_is_asked() {
    let dev = Dev::start();
    let mut ids = Vec::new();
    for to in [OFFLINE, WITHOUT_RCS, OFFLINE] {
        ids.push(dev.send(&text(to, "Hi")).await);
    }
    dev.wait_for_state(&ids[1], "failed").await;
    let list = async |query: &str| -> (Vec<String>, Value) {
        let answer = dev.get(&format!("/v1/messages{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        let messages = answer.body["messages"].as_array().unwrap();
        (
            messages
                .iter()
                .map(|message| message["id"].as_str().unwrap().to_owned())
                .collect(),
            answer.body["next"].clone(),
        )
    };
    let newest_first = [&ids[2], &ids[1], &ids[0]].map(Clone::clone);
    assert_eq!(list("").await, (newest_first.to_vec(), Value::Null));
    assert_eq!(list("?agent=demo").await.0, newest_first);
    assert_eq!(list("?agent=demo@rbm.goog").await.0, newest_first);
    assert_eq!(list("?state=failed").await.0, [ids[1].clone()]);
    for phone in ["%2B15550100003", "+15550100003"] {
        assert_eq!(
            list(&format!("?to={phone}")).await.0,
            [ids[2].clone(), ids[0].clone()],
            "{phone}"
        );
    }
    let (page, next) = list("?limit=2").await;
    assert_eq!((page, &next), (newest_first[..2].to_vec(), &json!(ids[1])));
    assert_eq!(
        list(&format!("?limit=2&after={}", next.as_str().unwrap())).await,
        (vec![ids[0].clone()], Value::Null)
    );
}
