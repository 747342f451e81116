//! Beside messages: typing, read receipts, and what a phone can show.

use crate::program::{ANSWERS, Dev, OFFLINE, WITHOUT_RCS, answer};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn typing_and_reading_are_shown_on_the_phone() {
    let dev = Dev::start();
    let conversation = |phone: &str, what: &str| format!("/v1/conversations/{phone}/{what}");
    let typing = dev.post(&conversation(ANSWERS, "typing"), &json!({})).await;
    assert_eq!(typing.status, 204, "{}", typing.body);
    let bare = answer(dev.request(Method::POST, &conversation(OFFLINE, "typing"))).await;
    assert_eq!(bare.status, 204, "without a body: {}", bare.body);
    let read = json!({ "agent": "demo", "message_id": "MxlGr4ESYzQ6GOPhzHbkbMRQ" });
    let read = dev.post(&conversation(ANSWERS, "read"), &read).await;
    assert_eq!(read.status, 204, "{}", read.body);

    let shown = dev
        .get(&format!("{}/emulator/phones/{ANSWERS}", dev.emulator))
        .await
        .body;
    let signals = shown["signals"].as_array().unwrap();
    assert_eq!(signals.len(), 2, "{shown}");
    assert_eq!(signals[0]["eventType"], "IS_TYPING");
    assert_eq!(
        (&signals[1]["eventType"], &signals[1]["messageId"]),
        (&json!("READ"), &json!("MxlGr4ESYzQ6GOPhzHbkbMRQ"))
    );
    let other = dev
        .get(&format!("{}/emulator/phones/{OFFLINE}", dev.emulator))
        .await
        .body;
    assert_eq!(
        other["signals"],
        json!([]),
        "typing does not wait for a phone: {other}"
    );

    let unreachable = dev
        .post(&conversation(WITHOUT_RCS, "typing"), &json!({}))
        .await;
    assert_eq!(
        (unreachable.status, &unreachable.body["code"]),
        (404, &json!("unreachable")),
        "{}",
        unreachable.body
    );
    assert_eq!(
        unreachable.body["platform"]["status"], "NOT_FOUND",
        "{}",
        unreachable.body
    );
}

#[tokio::test]
async fn a_phone_says_what_it_can_show() {
    let dev = Dev::start();
    let answer = dev
        .get(&format!("/v1/phones/{ANSWERS}/capabilities?agent=demo"))
        .await;
    assert_eq!(
        (answer.status, &answer.body["reachable"]),
        (200, &json!(true)),
        "{}",
        answer.body
    );
    let features = answer.body["features"].as_array().unwrap();
    assert!(
        features.contains(&json!("RICHCARD_CAROUSEL")),
        "{}",
        answer.body
    );
    let nobody = dev
        .get(&format!("/v1/phones/{WITHOUT_RCS}/capabilities"))
        .await;
    assert_eq!(
        (nobody.status, nobody.body),
        (
            200,
            json!({ "phone": WITHOUT_RCS, "reachable": false, "features": [], "carrier": null })
        )
    );
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
async fn what_is_asked_for_wrongly_is_named() {
    let dev = Dev::start();
    for (path, body, status, code, said) in [
        (
            "/v1/conversations/nobody/typing",
            json!({}),
            400,
            "phone",
            "phone is \"nobody\"",
        ),
        (
            "/v1/conversations/+0123/typing",
            json!({}),
            400,
            "phone",
            "the first not 0",
        ),
        (
            "/v1/conversations/+15550100001/typing",
            json!([]),
            400,
            "type",
            "the body is an array, and must be an object",
        ),
        (
            "/v1/conversations/+15550100001/typing",
            json!({ "agnet": "demo" }),
            400,
            "unknown-field",
            "agnet",
        ),
        (
            "/v1/conversations/+15550100001/typing",
            json!({ "agent": 1 }),
            400,
            "type",
            "agent is 1, and must be a string",
        ),
        (
            "/v1/conversations/+15550100001/typing",
            json!({ "agent": "x" }),
            400,
            "agent-unknown",
            "no agent \"x\"",
        ),
        (
            "/v1/conversations/+15550100001/typing?agent=x",
            json!({}),
            400,
            "parameter",
            "there is no parameter \"agent\"",
        ),
        (
            "/v1/conversations/+15550100001/read",
            json!({}),
            400,
            "message_id",
            "message_id is missing",
        ),
        (
            "/v1/conversations/+15550100001/read",
            json!({ "message_id": "" }),
            400,
            "message_id",
            "message_id is empty",
        ),
    ] {
        let answer = dev.post(path, &body).await;
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (status, &Value::from(code)),
            "{path} {body}: {}",
            answer.body
        );
        assert!(
            answer.body["detail"].as_str().unwrap().contains(said),
            "{path} {body}: {}",
            answer.body
        );
        assert_eq!(answer.content_type, "application/problem+json");
    }
    for (path, status, code) in [
        ("/v1/phones/nobody/capabilities", 400, "phone"),
        (
            "/v1/phones/+15550100001/capabilities?agnet=x",
            400,
            "parameter",
        ),
        (
            "/v1/phones/+15550100001/capabilities?agent=x",
            400,
            "agent-unknown",
        ),
        ("/v1/conversations/+15550100001/typing", 405, "method"),
    ] {
        let answer = dev.get(path).await;
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (status, &Value::from(code)),
            "{path}: {}",
            answer.body
        );
    }
}
