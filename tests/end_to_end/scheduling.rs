//! Messages that wait for their time, and messages that were given up and are tried again.

use crate::program::{Answer, Dev, HIDES_READING, WITHOUT_RCS, rbm, text};
use jiff::Timestamp;
use serde_json::{Value, json};

fn at_time(to: &str, send_at: &str) -> Value {
    json!({ "to": to, "content": { "text": "Hi" }, "send_at": send_at })
}

/// A whole second.
fn from_now(seconds: i64) -> String {
    Timestamp::from_second(Timestamp::now().as_second() + seconds)
        .unwrap()
        .to_string()
}

fn found(answer: &Answer) -> (u16, Value) {
    let findings = answer.body["findings"].as_array().unwrap();
    (
        answer.status,
        findings
            .iter()
            .map(|finding| json!([finding["path"], finding["rule"]]))
            .collect(),
    )
}

#[tokio::test]
async fn a_message_waits_for_its_time_and_is_taken_back_until_then() {
    let dev = Dev::start();
    let (soon, late) = (from_now(3), from_now(3_600));
    let sent = dev.send(&at_time(HIDES_READING, &soon)).await;
    let kept = dev
        .send(&json!({ "to": HIDES_READING, "content": { "text": "x" }, "send_at": late, "lifetime_seconds": 60 }))
        .await;
    let past = dev
        .send(&at_time(HIDES_READING, "2020-01-01T00:00:00Z"))
        .await;
    dev.wait_for_state(&past, "delivered").await;
    let waiting = dev.get(&format!("/v1/messages/{kept}")).await.body;
    assert_eq!(
        (&waiting["state"], &waiting["send_at"], &waiting["next_at"]),
        (&json!("queued"), &json!(late), &json!(late))
    );

    let message = dev.wait_for_state(&sent, "delivered").await;
    let sending = message["history"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["fact"] == "sending")
        .unwrap();
    let begun: Timestamp = sending["at"].as_str().unwrap().parse().unwrap();
    assert!(begun >= soon.parse().unwrap(), "{begun} is before {soon}");
    assert_eq!(
        message["next_at"],
        Value::Null,
        "nothing more is to be tried"
    );

    assert_eq!(
        dev.delete(&format!("/v1/messages/{kept}")).await.body["state"],
        "revoked"
    );
    assert_eq!(dev.shown_on(HIDES_READING).await.len(), 2);
}

#[tokio::test]
async fn each_time_that_cannot_be_is_found() {
    let dev = Dev::start();
    let far = from_now(366 * 86_400);
    let both = json!({ "to": HIDES_READING, "content": { "text": "Hi" }, "send_at": from_now(60), "expires_at": from_now(50) });
    for (body, path, rule) in [
        (
            at_time(HIDES_READING, "tomorrow"),
            "send_at",
            "send-at-time",
        ),
        (at_time(HIDES_READING, &far), "send_at", "send-at-too-far"),
        (both, "expires_at", "expiry-before-send-at"),
    ] {
        let expected = json!([[path, rule]]);
        assert_eq!(
            found(&dev.post("/v1/messages", &body).await),
            (422, expected.clone()),
            "{body}"
        );
        assert_eq!(
            found(&dev.post("/v1/check", &body).await),
            (200, expected),
            "{body}"
        );
        let checked = rbm(&["check", "--json", "-"], body.to_string().as_bytes());
        assert_eq!(checked.code, Some(1), "{}", checked.stderr);
        assert!(checked.stdout.contains(rule), "{}", checked.stdout);
        assert!(
            rbm(&["explain", rule], b"")
                .stdout
                .starts_with(&format!("{rule} (error)\n"))
        );
    }
}

#[tokio::test]
async fn what_has_failed_is_listed_and_tried_again_with_the_same_id() {
    let dev = Dev::start();
    let failed = dev.send(&text(WITHOUT_RCS, "Hi")).await;
    let delivered = dev.send(&text(HIDES_READING, "Hi")).await;
    dev.wait_for_state(&failed, "failed").await;
    dev.wait_for_state(&delivered, "delivered").await;
    let dead = dev.get("/v1/messages?state=failed").await.body;
    let ids: Vec<&Value> = dead["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| &message["id"])
        .collect();
    assert_eq!(ids, [&json!(failed)]);

    let again = dev
        .post(&format!("/v1/messages/{failed}/retry"), &json!({}))
        .await;
    assert_eq!((again.status, &again.body["id"]), (202, &json!(failed)));
    let facts = loop {
        let message = dev.wait_for_state(&failed, "failed").await;
        let history = message["history"].as_array().unwrap();
        let facts: Vec<String> = history
            .iter()
            .map(|entry| entry["fact"].as_str().unwrap().to_owned())
            .collect();
        if facts.iter().filter(|fact| *fact == "failed").count() == 2 {
            break facts;
        }
    };
    assert_eq!(
        facts,
        [
            "queued", "sending", "failed", "requeued", "sending", "failed"
        ]
    );

    let refused = dev
        .post(&format!("/v1/messages/{delivered}/retry"), &json!({}))
        .await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (409, &json!("not-failed"))
    );
    assert_eq!(
        dev.post("/v1/messages/none/retry", &json!({})).await.status,
        404
    );
}
