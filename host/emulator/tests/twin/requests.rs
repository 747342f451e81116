//! What a test can ask about afterwards: which requests came in, and what was answered.

use crate::support::{Api, expect_invalid, start, start_by, start_with};
use flate2::Compression;
use flate2::write::GzEncoder;
use rbm_clock::Clock;
use rbm_emulator::{KeptRequests, Options, RequestFilter};
use reqwest::Method;
use serde_json::{Value, json};
use std::io::Write as _;

#[tokio::test]
async fn a_request_is_kept_with_what_it_says_and_what_was_answered() {
    let (emulator, _webhook, api) =
        start_by(Clock::starting_at("2026-11-24T10:15:02Z".parse().unwrap())).await;
    let message = json!({ "contentMessage": { "text": "Hi" } });
    let answer = api.send(PHONE, "m1", message.clone()).await.1;
    let kept = requests(&api, "method=phones.agentMessages.create").await;
    let kept = &kept["requests"][0];
    assert_eq!(kept["path"], format!("/v1/phones/{PHONE}/agentMessages"));
    assert_eq!(
        (&kept["http_method"], &kept["status"], &kept["faults"]),
        (&json!("POST"), &json!(200), &json!([]))
    );
    assert_eq!(
        kept["query"],
        json!({ "messageId": "m1", "agentId": "demo@rbm.goog", "prettyPrint": "true" })
    );
    assert_eq!(
        (&kept["agent"], &kept["phone"], &kept["id"]),
        (&json!("demo"), &json!(PHONE), &json!("m1"))
    );
    assert_eq!(
        (&kept["body"], &kept["answer"], &kept["body_bytes"]),
        (&message, &answer, &json!(message.to_string().len()))
    );
    assert!(
        kept["at"]
            .as_str()
            .unwrap()
            .starts_with("2026-11-24T10:15:0"),
        "by the emulator's clock: {kept}"
    );
    assert_eq!(kept["headers"]["authorization"], "[redacted]");
    assert!(kept["headers"]["host"].is_string());
    let all = requests(&api, "").await;
    let methods: Vec<_> = all["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|request| request["method"].clone())
        .collect();
    assert_eq!(
        methods,
        [json!("token"), json!("phones.agentMessages.create")],
        "and nothing that is the emulator's own"
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn no_secret_is_shown() {
    let (emulator, _webhook, api) = start().await;
    let path = format!(
        "/v1/phones/{PHONE}/capabilities?requestId=r1&agentId=demo&key=k1&$access_token={}",
        api.token
    );
    assert_eq!(
        api.client
            .get(format!("{}{path}", api.origin))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    let account = crate::support::account(&emulator);
    let assertion = crate::support::sign(
        &account,
        &jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256),
        &crate::support::claims(&account, crate::support::SCOPE),
    );
    assert_eq!(crate::support::hand_in(&emulator, &assertion).await.0, 200);
    api.text(
        Method::POST,
        "/token",
        "",
        &json!({ "assertion": assertion }).to_string(),
    )
    .await;
    let (shown, text) = (
        requests(&api, "").await,
        requests(&api, "").await.to_string(),
    );
    assert!(
        !text.contains(&assertion) && !text.contains(&api.token) && !text.contains("k1"),
        "{text}"
    );
    let token = &shown["requests"][2];
    assert_eq!(
        token["body"],
        json!({ "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "[redacted]" })
    );
    assert_eq!(
        (&token["answer"]["access_token"], &token["status"]),
        (&json!("[redacted]"), &json!(200))
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_body_is_read_as_the_platform_reads_it() {
    let (emulator, _webhook, api) = start().await;
    let path = format!("/v1/phones/{PHONE}/agentMessages?agentId=demo&messageId=");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(br#"{"contentMessage":{"text":"packed"}}"#)
        .unwrap();
    let packed = api
        .post(&format!("{path}m1"))
        .header("content-encoding", "gzip")
        .body(gzip.finish().unwrap());
    let loose = api
        .post(&format!("{path}m2"))
        .header("x-emulator-json", "lenient")
        .body("{'contentMessage': {'text': 'loose',}}");
    let none = api.post(&format!("{path}m3")).body("no JSON");
    let bytes = api
        .post("/upload/v1/files?agentId=demo")
        .header("content-type", "image/png")
        .body(&b"\x89PNG\xff"[..]);
    for request in [packed, loose, none, bytes] {
        request.send().await.unwrap();
    }
    let shown = requests(&api, "after=1").await;
    let bodies: Vec<_> = shown["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|request| request["body"].clone())
        .collect();
    let text = |text: &str| json!({ "contentMessage": { "text": text } });
    assert_eq!(
        bodies,
        [text("packed"), text("loose"), json!("no JSON"), Value::Null]
    );
    assert_eq!(shown["requests"][3]["body_bytes"], 5);
    emulator.shutdown().await;
}

#[tokio::test]
async fn what_was_never_answered_is_kept_too_with_its_fault() {
    let (emulator, _webhook, api) = start().await;
    let faults = json!({ "faults": [{ "fault": "reset_after", "dose": { "next": 1 } },
        { "fault": { "too_many_for_seconds": 3 }, "dose": { "next": 1 } }] });
    assert_eq!(
        api.call(Method::PUT, "/emulator/faults", "", Some(faults))
            .await
            .0,
        200
    );
    let path = format!("/v1/phones/{PHONE}/capabilities?requestId=r1&agentId=demo");
    api.client
        .get(format!("{}{path}", api.origin))
        .bearer_auth(&api.token)
        .send()
        .await
        .unwrap_err();
    api.client
        .get(format!("{}{path}", api.origin))
        .bearer_auth(&api.token)
        .send()
        .await
        .unwrap();
    assert_eq!(
        api.call(Method::GET, "/v1/nothing", &api.token, None)
            .await
            .0,
        404
    );
    let shown = requests(&api, "after=1").await;
    let [reset, many, nothing] = shown["requests"].as_array().unwrap().as_slice() else {
        panic!("{shown}")
    };
    assert_eq!(
        (&reset["status"], &reset["answer"], &reset["faults"]),
        (&Value::Null, &Value::Null, &json!(["reset_after"]))
    );
    assert_eq!(
        (&many["status"], &many["faults"]),
        (&json!(429), &json!([{ "too_many_for_seconds": 3 }]))
    );
    assert_eq!(
        (&nothing["status"], &nothing["method"]),
        (&json!(404), &Value::Null)
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn requests_are_asked_for_by_what_they_are_and_page_by_page() {
    let kept_requests = KeptRequests {
        count_max: 6,
        ..KeptRequests::default()
    };
    let (emulator, _webhook, api) = start_with(Options {
        kept_requests,
        ..Options::default()
    })
    .await;
    for (phone, id) in [
        ("+15550100001", "m1"),
        ("+15550100002", "m2"),
        ("+15550100004", "m3"),
        ("+15550100002", "m4"),
    ] {
        api.send(phone, id, json!({ "contentMessage": { "text": "Hi" } }))
            .await;
    }
    let ids = async |query: &str| -> Vec<String> {
        let shown = requests(&api, query).await;
        let id = |request: &Value| request["id"].as_str().unwrap_or_default().to_owned();
        shown["requests"]
            .as_array()
            .unwrap()
            .iter()
            .map(id)
            .collect()
    };
    assert_eq!(ids("agent=demo").await, ["m1", "m2", "m3", "m4"]);
    assert_eq!(ids("phone=%2B15550100002").await, ["m2", "m4"]);
    assert_eq!(
        ids("phone=+15550100002&limit=1").await,
        ["m2"],
        "a plus sign may stand there as it is"
    );
    assert_eq!(ids("status=404").await, ["m3"]);
    assert_eq!(ids("after=3").await, ["m3", "m4"]);
    let page = requests(&api, "limit=2").await;
    assert_eq!(
        (&page["more"], &page["last"], &page["forgotten"]),
        (&json!(true), &json!(5), &json!(0))
    );
    assert_eq!(page["requests"][1]["number"], 2);
    let filter = RequestFilter {
        status: Some(404),
        ..RequestFilter::default()
    };
    assert_eq!(
        emulator
            .requests(&filter)
            .iter()
            .map(|request| request.number)
            .collect::<Vec<_>>(),
        [4]
    );
    let forgotten = api
        .client
        .delete(format!("{}/emulator/requests", api.origin))
        .send()
        .await
        .unwrap();
    assert_eq!(forgotten.status(), 204);
    for id in ["m5", "m6"] {
        api.send(PHONE, id, json!({ "contentMessage": { "text": "Hi" } }))
            .await;
    }
    assert_eq!(ids("").await, ["m5", "m6"]);
    let page = requests(&api, "limit=0").await;
    assert_eq!(
        page,
        json!({ "requests": [], "more": true, "last": 7, "forgotten": 5 })
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_question_that_cannot_be_read_is_refused() {
    let (emulator, _webhook, api) = start().await;
    for (query, said) in [
        ("from=1", "unknown field `from`"),
        ("after=-1", "after"),
        ("status=ok", "status"),
        ("phone=5", "is not an E.164 phone number"),
        ("agent=a%20b", "is not an agent id"),
        ("limit=many", "limit"),
        ("after=1&after=2", "duplicate field"),
    ] {
        let (status, answer) = api
            .text(Method::GET, &format!("/emulator/requests?{query}"), "", "")
            .await;
        expect_invalid(status, &answer, said, query);
    }
    emulator.shutdown().await;
}

async fn requests(api: &Api, query: &str) -> Value {
    let (status, shown) = api
        .text(Method::GET, &format!("/emulator/requests?{query}"), "", "")
        .await;
    assert_eq!(status, 200, "{shown}");
    shown
}

const PHONE: &str = "+15550100005";
