//! Events out: polling by cursor.

use crate::program::{Dev, HIDES_READING, text};
use serde_json::{Value, json};

#[tokio::test]
async fn a_cursor_leads_through_all_events_in_order_once() {
    let dev = Dev::start();
    assert_eq!(
        dev.get("/v1/events").await.body,
        json!({ "events": [], "next": null })
    );
    for index in 0..25 {
        let document = json!({ "agentId": "demo@rbm.goog", "senderPhoneNumber": HIDES_READING, "messageId": format!("u{index}"), "text": "x" });
        assert_eq!(
            dev.notify("/webhooks/rbm/demo", &document.to_string())
                .await
                .status,
            200
        );
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = dev.get(&format!("/v1/events?limit=10{after}")).await.body;
        let events = page["events"].as_array().unwrap();
        let cursor = page["next"].as_str().unwrap().to_owned();
        assert!(
            cursor
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)),
            "{cursor}"
        );
        seen.extend(events.iter().map(|event| event["message_id"].clone()));
        if events.is_empty() {
            break;
        }
        assert_eq!(events.last().unwrap()["cursor"], json!(cursor));
        after = format!("&after={cursor}");
    }
    let expected: Vec<Value> = (0..25).map(|index| json!(format!("u{index}"))).collect();
    assert_eq!(seen, expected);
    // Who waits at the end asks with the last cursor, and gets what is new.
    dev.send(&text(HIDES_READING, "Hi")).await;
    dev.wait_for_event(|event| event["kind"] == "delivered")
        .await;
    let new = dev.get(&format!("/v1/events?{}", &after[1..])).await.body;
    assert_eq!(
        (
            new["events"].as_array().unwrap().len(),
            &new["events"][0]["kind"]
        ),
        (1, &json!("delivered"))
    );
}

#[tokio::test]
async fn a_page_has_a_hundred_events_unless_asked_otherwise() {
    let dev = Dev::start();
    for index in 0..101 {
        let document = json!({ "agentId": "demo@rbm.goog", "senderPhoneNumber": HIDES_READING, "messageId": format!("u{index}"), "text": "x" });
        dev.notify("/webhooks/rbm/demo", &document.to_string())
            .await;
    }
    for (query, count) in [("", 100), ("?limit=1", 1), ("?limit=1000", 101)] {
        assert_eq!(
            dev.get(&format!("/v1/events{query}")).await.body["events"]
                .as_array()
                .unwrap()
                .len(),
            count,
            "{query}"
        );
    }
}
