//! Phones as somebody sees and uses them over HTTP, and agents that are not launched.

use crate::support::{Api, expect_invalid, start, start_with};
use rbm_emulator::Options;
use rbm_emulator::platform::{Agent, Launch};
use rbm_wire::name::AgentId;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[tokio::test]
async fn an_agent_that_is_launched_nowhere_reaches_testers_only() {
    let agent = Agent {
        launch: Launch::On(BTreeMap::new()),
        ..Agent::launched(AgentId::parse("demo").unwrap())
    };
    let (emulator, webhook, api) = start_with(Options {
        agents: vec![agent],
        ..Options::default()
    })
    .await;
    let message = json!({ "contentMessage": { "text": "Hi" } });
    let (status, answer) = api.send(PHONE, "m1", message.clone()).await;
    assert_eq!(
        (status, &answer["error"]["status"]),
        (403, &json!("PERMISSION_DENIED"))
    );
    let said = answer["error"]["message"].as_str().unwrap();
    assert!(
        said.starts_with("This operation is blocked because the RBM agent has not launched"),
        "{said}"
    );
    let capabilities = format!("/v1/phones/{PHONE}/capabilities?requestId=1234&agentId=demo");
    assert_eq!(
        api.call(Method::GET, &capabilities, &api.token, None)
            .await
            .0,
        404
    );
    let testers = format!("/v1/phones/{PHONE}/testers?agentId=demo");
    assert_eq!(
        api.call(Method::POST, &testers, &api.token, None).await.1["inviteStatus"],
        "PENDING"
    );
    assert_eq!(
        act(&api, PHONE, json!({ "tester": true })).await.1["invitations"],
        json!({ "demo": "ACCEPTED" })
    );
    assert_eq!(api.send(PHONE, "m1", message).await.0, 200);
    assert_eq!(webhook.wait_for(1).await[0]["eventType"], "DELIVERED");
    assert_eq!(
        api.call(Method::GET, &capabilities, &api.token, None)
            .await
            .0,
        200
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_person_does_everything_over_http() {
    let (emulator, webhook, api) = start().await;
    for (wanted, told) in [
        (json!({ "text": "Hi" }), &[json!({ "text": "Hi" })][..]),
        (json!("type"), &[json!({ "eventType": "IS_TYPING" })]),
        (
            json!({ "type": {}, "agent": "demo@rbm.goog" }),
            &[json!({ "eventType": "IS_TYPING" })],
        ),
        (
            json!({ "location": { "latitude": 37.5, "longitude": -122.25 } }),
            &[json!({ "location": { "latitude": 37.5, "longitude": -122.25 } })],
        ),
        (
            json!({ "file": { "name": "a.png", "mime_type": "image/png", "bytes": 7, "url": "https://files.example/a.png" } }),
            &[
                json!({ "userFile": { "payload": { "mimeType": "image/png", "fileSizeBytes": 7,
                "fileUri": "https://files.example/a.png", "fileName": "a.png" } } }),
            ],
        ),
        (
            json!("unsubscribe"),
            &[
                json!({ "text": "STOP" }),
                json!({ "eventType": "UNSUBSCRIBE" }),
            ],
        ),
        (
            json!("resubscribe"),
            &[
                json!({ "text": "START" }),
                json!({ "eventType": "SUBSCRIBE" }),
            ],
        ),
    ] {
        let before = webhook.wait_for(0).await.len();
        assert_eq!(act(&api, PHONE, wanted.clone()).await.0, 200, "{wanted}");
        let notices = webhook.wait_for(before + told.len()).await;
        for (notice, expected) in notices[before..].iter().zip(told) {
            for (name, value) in expected.as_object().unwrap() {
                assert_eq!(&notice[name], value, "{wanted}: {notice}");
            }
            assert_eq!(
                (&notice["agentId"], &notice["senderPhoneNumber"]),
                (&json!("demo@rbm.goog"), &json!(PHONE))
            );
        }
    }
    let (_, shown) = act(&api, PHONE, json!({ "carrier": "/v1/regions/other" })).await;
    assert_eq!(
        (&shown["carrier"], &shown["said"].as_array().unwrap().len()),
        (&json!("/v1/regions/other"), &5)
    );
    assert_eq!(
        act(&api, PHONE, json!({ "rcs": false })).await.1["rcs"],
        false
    );
    assert_eq!(
        api.send(PHONE, "m1", json!({ "contentMessage": { "text": "Hi" } }))
            .await
            .0,
        404
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn what_a_phone_cannot_do_is_said() {
    let (emulator, _webhook, api) = start().await;
    for (wanted, said) in [
        (json!({}), "is needed"),
        (json!([]), "is needed"),
        (json!("fly"), "unknown variant `fly`"),
        (json!({ "text": "a", "tap": "b" }), "is needed"),
        (json!({ "text": 5 }), "invalid type"),
        (json!({ "text": "a", "agent": 5 }), "agent is 5"),
        (
            json!({ "text": "a", "agent": "no body" }),
            "is not an agent id",
        ),
        (
            json!({ "text": "a", "agent": "nobody" }),
            "there is no agent \"nobody\"",
        ),
        (
            json!({ "location": { "latitude": 1 } }),
            "missing field `longitude`",
        ),
        (
            json!({ "file": { "name": "a", "size": 1 } }),
            "unknown field `size`",
        ),
        (
            json!("answer"),
            "there is no message on +15550100005 to answer",
        ),
        (
            json!({ "tap": "x" }),
            "no message on +15550100005 has a suggestion",
        ),
        (json!({ "tester": true }), "was not invited"),
    ] {
        let (status, answer) = act(&api, "+15550100005", wanted.clone()).await;
        expect_invalid(status, &answer, said, &wanted.to_string());
    }
    emulator.shutdown().await;
}

async fn act(api: &Api, phone: &str, wanted: Value) -> (u16, Value) {
    api.call(
        Method::POST,
        &format!("/emulator/phones/{phone}"),
        "",
        Some(wanted),
    )
    .await
}

const PHONE: &str = "+15550100005";
