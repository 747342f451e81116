//! What failed while an agent was held is retried by the hundred once the agent is repaired, and nothing else is.

use crate::program::{Dev, WITHOUT_RCS, answer, rbm, text};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_for_one_reason_is_retried_at_once_and_the_rest_stays() {
    let dev = Dev::start();
    let unreachable = dev.send(&text(WITHOUT_RCS, "Hi")).await;
    dev.wait_for_state(&unreachable, "failed").await;
    set_faults(
        &dev,
        json!([{ "fault": "agent_lookup", "dose": { "rate": 1.0 } }]),
    )
    .await;
    let mut held = Vec::new();
    for number in 0..5 {
        held.push(dev.send(&text(&phone(number), "Hi")).await);
    }
    dev.wait_for_event(|event| event["kind"] == "agent_held")
        .await;
    let clock = format!("{}/emulator/clock", dev.emulator);
    let moved = dev.post(&clock, &json!({ "advance": "25h" })).await;
    assert_eq!(moved.status, 200);
    for id in &held {
        let failed = dev.wait_for_state(id, "failed").await;
        let last = failed["history"].as_array().unwrap().last().unwrap();
        assert_eq!(last["reason"], "misconfigured", "{last}");
    }
    set_faults(&dev, json!([])).await;

    let filter = ["--state", "failed", "--reason", "misconfigured"];
    let last_hour = "2026-01-01T00:00:00Z";
    for (more, counts) in [
        (&["--dry-run"][..], [5, 5, 0]),
        (&["--until", last_hour], [0, 0, 0]),
        (&["--since", last_hour, "--dry-run"], [5, 5, 0]),
        (&["--agent", "demo"], [5, 5, 0]),
        (&[], [0, 0, 0]),
    ] {
        assert_eq!(retry(&dev, &[&filter, more].concat()), counts, "{more:?}");
    }
    for id in &held {
        dev.wait_for_state(id, "read").await;
    }
    let stays = dev.get(&format!("/v1/messages/{unreachable}")).await.body;
    assert_eq!(stays["state"], "failed");
    let requeued = stays["history"].as_array().unwrap().iter();
    assert_eq!(requeued.filter(|it| it["fact"] == "requeued").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_for_retries_that_says_nothing_or_nonsense_is_refused() {
    let dev = Dev::start();
    for (body, code, said) in [
        (json!({}), "state", "state is missing, and must be failed"),
        (
            json!({ "state": "expired" }),
            "state",
            "state is \"expired\", and must be failed",
        ),
        (
            json!({ "state": "failed", "reason": "bad luck" }),
            "reason",
            "reason is \"bad luck\", and must be one of not_sendable, ",
        ),
        (
            json!({ "state": "failed", "since": "yesterday" }),
            "since",
            "since is \"yesterday\", and must be a time of RFC 3339",
        ),
        (
            json!({ "state": "failed", "dry_run": 1 }),
            "type",
            "dry_run is 1, and must be true or false",
        ),
        (
            json!({ "state": "failed", "agent": "nobody" }),
            "agent-unknown",
            "nobody",
        ),
        (
            json!({ "state": "failed", "after": "nothing" }),
            "not-found",
            "there is no message \"nothing\"",
        ),
        (
            json!({ "state": "failed", "reasons": [] }),
            "unknown-field",
            "there is no field \"reasons\"",
        ),
    ] {
        let refused = dev.post("/v1/messages/retry", &body).await.body;
        assert_eq!(refused["code"], code, "{refused}");
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains(said), "{refused}");
    }
    for arguments in [
        &["--reason", "misconfigured"][..],
        &[],
        &["m1", "--dry-run"],
    ] {
        let ended = command(&dev, arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
    }
}

async fn set_faults(dev: &Dev, faults: Value) {
    let request = dev
        .request(Method::PUT, &format!("{}/emulator/faults", dev.emulator))
        .header("content-type", "application/json")
        .body(json!({ "faults": faults }).to_string());
    let set = answer(request).await;
    assert_eq!(set.status, 200, "{}", set.body);
}

/// How many messages matched, were retried, and were too late.
fn retry(dev: &Dev, filter: &[&str]) -> [u64; 3] {
    let ended = command(dev, &[filter, &["--json"]].concat());
    assert_eq!(ended.code, Some(0), "{filter:?}: {}", ended.stderr);
    let counts: Value = serde_json::from_str(&ended.stdout).unwrap();
    ["matched", "retried", "too_late"].map(|name| counts[name].as_u64().unwrap())
}

fn command(dev: &Dev, arguments: &[&str]) -> crate::program::Ended {
    let command = ["messages", "retry", "--gateway", &dev.gateway];
    rbm(&[&command, arguments].concat(), b"")
}

fn phone(number: usize) -> String {
    format!("+1555060{number:04}")
}
