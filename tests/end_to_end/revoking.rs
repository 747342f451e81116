//! Taking a message back.

use crate::program::{Dev, HIDES_READING, OFFLINE, WITHOUT_RCS, text};
use serde_json::json;

#[tokio::test]
async fn a_message_that_waits_is_taken_back_and_never_delivered() {
    let dev = Dev::start();
    let id = dev.send(&text(OFFLINE, "Hi")).await;
    dev.wait_for_state(&id, "accepted").await;
    let path = format!("/v1/messages/{id}");
    let revoked = dev.delete(&path).await;
    assert_eq!(
        (revoked.status, &revoked.body["state"]),
        (200, &json!("revoked")),
        "{}",
        revoked.body
    );
    let again = dev.delete(&path).await;
    assert_eq!(
        (again.status, &again.body["state"]),
        (200, &json!("revoked"))
    );
    assert_eq!(dev.shown_on(OFFLINE).await[0]["state"], "revoked");
    dev.post(
        &format!("{}/emulator/phones/{OFFLINE}", dev.emulator),
        &json!({ "online": true }),
    )
    .await;
    let later = dev.send(&text(OFFLINE, "Ho")).await;
    dev.wait_for_state(&later, "read").await;
    assert_eq!(
        dev.get(&path).await.body["state"],
        "revoked",
        "the phone has been online since"
    );
}

/// Whenever the wish comes, what is called revoked is not on the phone, and what is on the phone is not called revoked.
#[tokio::test]
async fn a_message_that_is_wanted_back_at_once_is_revoked_or_delivered_and_never_both() {
    let dev = Dev::start();
    let mut revoked = 0;
    for _ in 0..20 {
        let id = dev.send(&text(HIDES_READING, "Hi")).await;
        let answer = dev.delete(&format!("/v1/messages/{id}")).await;
        let shown = |shown: &[serde_json::Value]| {
            shown
                .iter()
                .find(|message| message["id"] == json!(id))
                .map(|message| message["state"].clone())
        };
        match answer.status {
            200 => {
                revoked += 1;
                let on_phone = shown(&dev.shown_on(HIDES_READING).await);
                assert!(
                    on_phone.is_none() || on_phone == Some(json!("revoked")),
                    "{on_phone:?}"
                );
            }
            409 => drop(dev.wait_for_state(&id, "delivered").await),
            status => panic!("{status}: {}", answer.body),
        }
    }
    println!("{revoked} of 20 were revoked");
}

#[tokio::test]
async fn what_is_delivered_failed_or_unknown_cannot_be_taken_back() {
    let dev = Dev::start();
    let delivered = dev.send(&text(HIDES_READING, "Hi")).await;
    dev.wait_for_state(&delivered, "delivered").await;
    let answer = dev.delete(&format!("/v1/messages/{delivered}")).await;
    assert_eq!(
        (answer.status, &answer.body["code"]),
        (409, &json!("too-late"))
    );
    assert_eq!(answer.body["detail"], "the message is delivered");
    assert_eq!(
        dev.get(&format!("/v1/messages/{delivered}")).await.body["state"],
        "delivered"
    );
    let failed = dev.send(&text(WITHOUT_RCS, "Hi")).await;
    dev.wait_for_state(&failed, "failed").await;
    assert_eq!(
        dev.delete(&format!("/v1/messages/{failed}")).await.status,
        409
    );
    assert_eq!(dev.delete("/v1/messages/nobody").await.status, 404);
}
