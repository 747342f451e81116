//! What goes wrong with requests on purpose, as a client sees it: down to the connection.

use crate::support::{Api, JsonValue as _, expect_invalid, start, start_with};
use rbm_emulator::{Dose, FaultRule, Options, RequestFault, RequestFaults};
use reqwest::Method;
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use uuid::Uuid;

#[tokio::test]
async fn each_fault_with_a_status_is_answered_and_does_nothing() {
    let (emulator, _webhook, api) = start().await;
    for (fault, status, code, retry_after) in [
        (json!("bad_request"), 400, "INVALID_ARGUMENT", None),
        (json!("unauthenticated"), 401, "UNAUTHENTICATED", None),
        (json!("permission_denied"), 403, "PERMISSION_DENIED", None),
        (json!("agent_lookup"), 403, "PERMISSION_DENIED", None),
        (json!("not_found"), 404, "NOT_FOUND", None),
        (json!("too_many"), 429, "RESOURCE_EXHAUSTED", None),
        (
            json!({ "too_many_for_seconds": 7 }),
            429,
            "RESOURCE_EXHAUSTED",
            Some("7"),
        ),
        (json!("internal"), 500, "INTERNAL", None),
        (json!("unavailable"), 503, "UNAVAILABLE", None),
    ] {
        set(&api, json!([{ "fault": fault, "dose": { "next": 1 } }])).await;
        let response = api
            .post(&message_path("m1"))
            .body(MESSAGE)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), status, "{fault}");
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(header("retry-after").as_deref(), retry_after, "{fault}");
        assert!(
            header("x-emulator-behaviour").is_some()
                && header("content-type")
                    .unwrap()
                    .starts_with("application/json")
        );
        let answer = response.json_value().await;
        assert_eq!(
            (&answer["error"]["code"], &answer["error"]["status"]),
            (&json!(status), &json!(code)),
            "{answer}"
        );
        assert_eq!(states(&api).await, json!([]), "{fault}");
    }
    set(
        &api,
        json!([{ "fault": "internal_after", "dose": { "next": 1 } }]),
    )
    .await;
    assert_eq!(send(&api, "m1").await.0, 500);
    assert_eq!(
        states(&api).await.as_array().unwrap().len(),
        1,
        "though it is taken"
    );
    assert_eq!(
        send(&api, "m1").await.1["name"],
        format!("phones/{PHONE}/agentMessages/m1"),
        "and repeated for nothing"
    );
    assert_eq!(states(&api).await.as_array().unwrap().len(), 1);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_connection_is_reset_before_or_after_the_message_is_taken() {
    let (emulator, webhook, api) = start().await;
    for (fault, id, taken) in [("reset", "m1", 0), ("reset_after", "m2", 1)] {
        set(&api, json!([{ "fault": fault, "dose": { "next": 1 } }])).await;
        let (answer, end) = raw(&api, id).await;
        assert_eq!(
            (answer.as_str(), end.unwrap_err().kind()),
            ("", ErrorKind::ConnectionReset),
            "{fault}"
        );
        assert_eq!(
            states(&api).await.as_array().unwrap().len(),
            taken,
            "{fault}"
        );
    }
    let (answer, end) = raw(&api, "m1").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && end.is_ok(),
        "the next is in order: {answer}"
    );
    let about: Vec<_> = webhook
        .wait_for(4)
        .await
        .iter()
        .map(|notice| notice["messageId"].clone())
        .collect();
    assert_eq!(
        about.iter().filter(|id| *id == "m2").count(),
        2,
        "delivered and read"
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn half_of_an_answer_comes_and_the_message_is_taken() {
    let (emulator, _webhook, api) = start().await;
    set(
        &api,
        json!([{ "fault": "cut_short", "dose": { "next": 2 } }]),
    )
    .await;
    let (answer, end) = raw(&api, "m1").await;
    end.expect("an end, and no reset");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let length = head
        .to_ascii_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let length: usize = length.unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200 ") && !body.is_empty() && body.len() == length / 2,
        "{answer}"
    );
    let problem = api
        .post(&message_path("m2"))
        .body(MESSAGE)
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap_err();
    assert!(problem.is_body() || problem.is_decode(), "{problem:?}");
    assert_eq!(states(&api).await.as_array().unwrap().len(), 2);
    emulator.shutdown().await;
}

#[tokio::test]
async fn nothing_is_answered_until_the_client_gives_up_or_the_emulator_ends() {
    let (emulator, _webhook, api) = start().await;
    for (fault, id, taken) in [("time_out", "m1", 0), ("time_out_after", "m2", 1)] {
        set(&api, json!([{ "fault": fault, "dose": { "next": 1 } }])).await;
        let request = api
            .post(&message_path(id))
            .body(MESSAGE)
            .timeout(Duration::from_millis(200));
        assert!(request.send().await.unwrap_err().is_timeout(), "{fault}");
        assert_eq!(
            states(&api).await.as_array().unwrap().len(),
            taken,
            "{fault}"
        );
    }
    set(
        &api,
        json!([{ "fault": "time_out", "dose": { "next": 1 } }]),
    )
    .await;
    let mut waits = Box::pin(raw(&api, "m3"));
    assert!(
        timeout(Duration::from_millis(200), &mut waits)
            .await
            .is_err()
    );
    emulator.shutdown().await;
    let (answer, end) = timeout(Duration::from_secs(10), waits)
        .await
        .expect("it ends");
    assert_eq!(
        (answer.as_str(), end.unwrap_err().kind()),
        ("", ErrorKind::ConnectionReset)
    );
}

#[tokio::test]
async fn an_answer_comes_later_beside_another_fault() {
    let (emulator, _webhook, api) = start().await;
    let slow = json!({ "fault": { "slow_by_milliseconds": 150 }, "dose": { "next": 2 } });
    set(
        &api,
        json!([slow, { "fault": "unavailable", "dose": { "next": 1 } }, slow]),
    )
    .await;
    let timed = async |id| {
        let begun = Instant::now();
        (send(&api, id).await.0, begun.elapsed().as_millis() >= 300)
    };
    assert_eq!(
        [timed("m1").await, timed("m1").await],
        [(503, true), (200, true)]
    );
    assert!(!timed("m2").await.1);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_fault_befalls_only_what_its_rule_names_and_never_the_emulator_s_own_addresses() {
    let (emulator, _webhook, api) = start().await;
    let always = json!({ "rate": 1.0 });
    let capabilities = "/v1/phones/%2B15550100005/capabilities?requestId=r1&agentId=demo";
    set(
        &api,
        json!([{ "fault": "unavailable", "dose": always, "method": "phones.getCapabilities" }]),
    )
    .await;
    assert_eq!(
        api.call(Method::GET, capabilities, &api.token, None)
            .await
            .0,
        503
    );
    assert_eq!(
        api.call(Method::GET, &format!("/us{capabilities}"), &api.token, None)
            .await
            .0,
        503,
        "in each region"
    );
    assert_eq!(send(&api, "m1").await.0, 200);
    for rule in [
        json!({ "phone": PHONE }),
        json!({ "agent": "demo@rbm.goog" }),
    ] {
        let mut fault = json!({ "fault": "internal", "dose": always });
        fault
            .as_object_mut()
            .unwrap()
            .extend(rule.as_object().unwrap().clone());
        set(&api, json!([fault])).await;
        assert_eq!(
            api.call(Method::GET, capabilities, &api.token, None)
                .await
                .0,
            500,
            "{rule}"
        );
        let other = "/v1/phones/+15550100001/capabilities?requestId=r1&agentId=other";
        assert_eq!(
            api.call(Method::GET, other, &api.token, None).await.0,
            403,
            "{rule}"
        );
        let (token, _) = api.text(Method::POST, "/token", "", "").await;
        assert_ne!(token, 500, "{rule}");
    }
    let body = json!({ "users": ["+15550100001"], "agentId": "demo" });
    assert_eq!(
        api.call(Method::POST, "/v1/users:batchGet", &api.token, Some(body))
            .await
            .0,
        500,
        "the agent in the body"
    );
    set(
        &api,
        json!([{ "fault": "unavailable", "dose": always, "method": "token" }]),
    )
    .await;
    assert_eq!(api.text(Method::POST, "/token", "", "").await.0, 503);
    assert_eq!(send(&api, "m2").await.0, 200);
    emulator.shutdown().await;
}

#[tokio::test]
async fn the_same_seed_befalls_the_same_requests_and_faults_may_be_there_from_the_start() {
    let dose = Dose { next: 0, rate: 0.3 };
    let faults = RequestFaults {
        faults: vec![FaultRule::new(RequestFault::Unavailable, dose)],
    };
    let mut runs = Vec::new();
    for _ in 0..2 {
        let options = Options {
            seed: Uuid::from_u128(7),
            faults: faults.clone(),
            ..Options::default()
        };
        let (emulator, _webhook, api) = start_with(options).await;
        let mut statuses = Vec::new();
        for index in 0..40 {
            statuses.push(send(&api, &format!("m{index}")).await.0);
        }
        emulator.set_faults(RequestFaults::default()).unwrap();
        assert_eq!(send(&api, "last").await.0, 200);
        runs.push(statuses);
        emulator.shutdown().await;
    }
    assert_eq!(runs[0], runs[1]);
    assert!(
        runs[0].contains(&200) && runs[0].contains(&503),
        "{:?}",
        runs[0]
    );
}

#[tokio::test]
async fn faults_that_make_no_sense_are_refused_and_those_before_stay() {
    let (emulator, _webhook, api) = start().await;
    let faults = json!([{ "fault": { "too_many_for_seconds": 5 }, "dose": { "next": 3, "rate": 0.5 }, "phone": PHONE }]);
    set(&api, faults.clone()).await;
    for (body, said) in [
        (json!([]), "faults are such as"),
        (
            json!({ "faults": [{ "fault": "fly", "dose": {} }] }),
            "unknown variant `fly`",
        ),
        (
            json!({ "faults": [{ "fault": "reset" }] }),
            "missing field `dose`",
        ),
        (
            json!({ "faults": [{ "fault": "reset", "dose": { "often": 1 } }] }),
            "unknown field `often`",
        ),
        (
            json!({ "faults": [{ "fault": "reset", "dose": {}, "path": "/" }] }),
            "unknown field `path`",
        ),
        (
            json!({ "faults": [{ "fault": "reset", "dose": {}, "phone": "5" }] }),
            "\"5\" is not an E.164 phone number",
        ),
        (
            json!({ "faults": [{ "fault": "reset", "dose": {}, "agent": "a b" }] }),
            "is not an agent id",
        ),
        (
            json!({ "faults": [{ "fault": "reset", "dose": {}, "method": "send" }] }),
            "there is no method \"send\"",
        ),
        (
            json!({ "faults": [{ "fault": "reset", "dose": { "rate": 2 } }] }),
            "the rate of Reset is 2",
        ),
    ] {
        let (status, answer) = api
            .call(Method::PUT, "/emulator/faults", "", Some(body.clone()))
            .await;
        expect_invalid(status, &answer, said, &body.to_string());
        assert_eq!(
            api.call(Method::GET, "/emulator/faults", "", None).await,
            (200, json!({ "faults": faults }))
        );
    }
    emulator.shutdown().await;
}

async fn set(api: &Api, faults: Value) {
    let (status, answer) = api
        .call(
            Method::PUT,
            "/emulator/faults",
            "",
            Some(json!({ "faults": faults })),
        )
        .await;
    assert_eq!(status, 200, "{answer}");
}

async fn send(api: &Api, id: &str) -> (u16, Value) {
    api.text(Method::POST, &message_path(id), &api.token, MESSAGE)
        .await
}

/// Of the messages on the phone, or on their way.
async fn states(api: &Api) -> Value {
    let (_, phone) = api
        .call(Method::GET, &format!("/emulator/phones/{PHONE}"), "", None)
        .await;
    phone["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["state"].clone())
        .collect()
}

/// What comes back on a connection of its own, and how that ends.
async fn raw(api: &Api, id: &str) -> (String, std::io::Result<()>) {
    let address = api.origin.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST {} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{MESSAGE}",
        message_path(id),
        api.token,
        MESSAGE.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer).await.map(drop);
    (String::from_utf8(answer).unwrap(), end)
}

fn message_path(id: &str) -> String {
    format!("/v1/phones/{PHONE}/agentMessages?messageId={id}&agentId=demo")
}

const PHONE: &str = "+15550100005";
const MESSAGE: &str = r#"{"contentMessage":{"text":"Hi"}}"#;
