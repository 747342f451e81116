//! Time as a client of the emulator sees it: shown, moved, and everything that is due with it.

use crate::support::start_by;
use jiff::{SignedDuration, Timestamp};
use rbm_clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test]
async fn fifteen_days_pass_when_the_clock_jumps() {
    let clock = Clock::starting_at("2026-11-24T10:15:02Z".parse().unwrap());
    let (emulator, webhook, api) = start_by(clock.clone()).await;
    let message = json!({ "contentMessage": { "text": "Hi" }, "ttl": "1296000s" });
    assert_eq!(api.send(OFFLINE, "m1", message.clone()).await.0, 200);
    clock.advance(Duration::from_hours(15 * 24)).unwrap();
    let begun = Instant::now();
    let notice = webhook.wait_for(1).await.remove(0);
    assert_eq!(
        (&notice["eventType"], &notice["messageId"]),
        (&json!("TTL_EXPIRATION_REVOKED"), &json!("m1"))
    );
    let sent_at: Timestamp = notice["sendTime"].as_str().unwrap().parse().unwrap();
    assert!(
        sent_at >= "2026-12-09T10:15:02Z".parse().unwrap(),
        "{sent_at}"
    );
    assert!(
        begun.elapsed() < Duration::from_mins(1),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(
        api.send(OFFLINE, "m2", message).await.0,
        200,
        "the token is a client's, whose clock has not moved"
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_clock_is_shown_and_moved_over_http() {
    let (emulator, webhook, api) =
        start_by(Clock::starting_at("2026-11-24T10:15:02Z".parse().unwrap())).await;
    let post = async |body: Value| {
        api.call(Method::POST, "/emulator/clock", "", Some(body))
            .await
    };
    assert_eq!(
        api.send(
            OFFLINE,
            "m1",
            json!({ "contentMessage": { "text": "Hi" }, "ttl": "1296000s" })
        )
        .await
        .0,
        200
    );
    assert_eq!(post(json!({ "pause": true })).await.1["paused"], true);
    let (_, shown) = api.call(Method::GET, "/emulator/clock", "", None).await;
    let start: Timestamp = shown["now"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        shown,
        json!({ "now": start.to_string(), "paused": true, "rate": 1.0 })
    );
    let mut hours = 0;
    for (ahead, more) in [
        (json!("14d"), 14 * 24),
        (json!("2h"), 2),
        (json!("3h 60m"), 4),
        (json!("PT2H"), 2),
        (json!("PT0S"), 0),
        (json!(7_200), 2),
        (json!(7_200.0), 2),
        (json!(0), 0),
        (json!("1w"), 7 * 24),
    ] {
        hours += more;
        let now = (start + SignedDuration::from_hours(hours)).to_string();
        let moved = post(json!({ "advance": ahead })).await;
        assert_eq!(
            moved,
            (200, json!({ "now": now, "paused": true, "rate": 1.0 })),
            "{ahead}"
        );
        // What had come due has happened when it is answered.
        let phone = api
            .call(
                Method::GET,
                &format!("/emulator/phones/{OFFLINE}"),
                "",
                None,
            )
            .await
            .1;
        let state = if hours < 15 * 24 { "queued" } else { "expired" };
        assert_eq!(phone["messages"][0]["state"], state, "{hours} hours later");
    }
    assert_eq!(
        webhook.wait_for(1).await[0]["eventType"],
        "TTL_EXPIRATION_REVOKED"
    );
    let there = "2027-01-01T00:00:00Z";
    assert_eq!(
        post(json!({ "jump_to": "2027-01-01T01:00:00+01:00" }))
            .await
            .1["now"],
        there
    );
    assert_eq!(
        post(json!({ "rate": 0.5 })).await.1,
        json!({ "now": there, "paused": true, "rate": 0.5 })
    );
    let (_, running) = post(json!({ "pause": false })).await;
    assert_eq!(
        (&running["paused"], &running["rate"]),
        (&json!(false), &json!(0.5))
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_clock_that_cannot_be_moved_so_says_why_and_stays() {
    let (emulator, _webhook, api) =
        start_by(Clock::starting_at("2026-11-24T10:15:02Z".parse().unwrap())).await;
    api.text(Method::POST, "/emulator/clock", "", r#"{"pause":true}"#)
        .await;
    let before = api.call(Method::GET, "/emulator/clock", "", None).await;
    for (body, field, said) in [
        ("", "", "is needed: EOF"),
        ("{}", "", "is needed"),
        ("[]", "", "is needed"),
        (r#"{"advance":"1d","rate":2}"#, "", "is needed"),
        (r#"{"back":"1d"}"#, "", "unknown variant `back`"),
        (r#"{"advance":true}"#, "", "is needed"),
        (
            r#"{"advance":"soon"}"#,
            "advance",
            "\"soon\" is not a time to go ahead",
        ),
        (
            r#"{"advance":"1 month"}"#,
            "advance",
            "\"1 month\" is not a time to go ahead",
        ),
        (
            r#"{"advance":"-1d"}"#,
            "advance",
            "\"-1d\" is not a time to go ahead",
        ),
        (
            r#"{"advance":-1}"#,
            "advance",
            "-1 is not a number of seconds",
        ),
        (
            r#"{"advance":1e300}"#,
            "advance",
            "is not a number of seconds",
        ),
        (
            r#"{"advance":"19000000w"}"#,
            "advance",
            "is not a time to go ahead",
        ),
        (
            r#"{"advance":1e15}"#,
            "advance",
            "does not go beyond 2900-01-01T00:00:00Z",
        ),
        (
            r#"{"jump_to":"2026-11-24T10:15:00Z"}"#,
            "jump_to",
            "and does not go back to 2026-11-24T10:15:00Z",
        ),
        (
            r#"{"jump_to":"2026-11-25"}"#,
            "jump_to",
            "\"2026-11-25\" is not a time, such as",
        ),
        (
            r#"{"jump_to":"9999-12-30T00:00:00Z"}"#,
            "jump_to",
            "does not go beyond 2900-01-01T00:00:00Z",
        ),
        (
            r#"{"rate":0}"#,
            "rate",
            "the rate 0 is none: it must be more than 0 and at most 86400",
        ),
        (r#"{"rate":-1}"#, "rate", "more than 0"),
        (r#"{"rate":86401}"#, "rate", "at most 86400"),
        (r#"{"rate":"fast"}"#, "", "invalid type"),
        (r#"{"pause":"yes"}"#, "", "invalid type"),
    ] {
        let (status, answer) = api.text(Method::POST, "/emulator/clock", "", body).await;
        assert_eq!(
            (status, &answer["error"]["status"]),
            (400, &json!("INVALID_ARGUMENT")),
            "{body}: {answer}"
        );
        let violation = &answer["error"]["details"][0]["fieldViolations"][0];
        assert_eq!(
            violation["field"].as_str().unwrap_or_default(),
            field,
            "{body}: {answer}"
        );
        assert!(
            violation["description"].as_str().unwrap().contains(said),
            "{body}: {answer}"
        );
        assert_eq!(
            api.call(Method::GET, "/emulator/clock", "", None).await,
            before,
            "{body}"
        );
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn the_machine_s_clock_is_shown_and_not_moved() {
    let (emulator, _webhook, api) = start_by(Clock::system()).await;
    let before = Timestamp::now();
    let shown: Timestamp = api.call(Method::GET, "/emulator/clock", "", None).await.1["now"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(before <= shown && shown <= Timestamp::now());
    let (status, answer) = api
        .text(Method::POST, "/emulator/clock", "", r#"{"pause":true}"#)
        .await;
    assert_eq!(status, 400);
    assert!(
        answer["error"]["message"]
            .as_str()
            .unwrap()
            .contains("cannot be moved"),
        "{answer}"
    );
    emulator.shutdown().await;
}

const OFFLINE: &str = "+15550100003";
