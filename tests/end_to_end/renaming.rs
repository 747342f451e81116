//! What is kept of an agent goes by the platform's id of it: a new name in the configuration changes nothing, and another agent
//! under the same name sends nothing that the first one may have sent.

use crate::failing::{ALWAYS, phone, post};
use crate::program::{PATIENCE, answer};
use crate::serving::{Platform, Serve, events, get, messages};
use rbm_emulator::platform::Agent;
use rbm_emulator::{FaultRule, Options, RequestFault, RequestFaults};
use rbm_wire::name::AgentId;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Field case G9.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_is_renamed_keeps_its_opt_outs_messages_and_events() {
    let platform = Platform::start().await;
    let mut serve = Serve::new(&platform, "");
    serve.start().await;
    serve.register_webhook(&platform).await;
    let message =
        |agent: &str| json!({ "agent": agent, "to": phone(1), "content": { "text": "Hi" } });
    let first = post_with_key(&serve, &message("demo")).await;
    wait_for(&serve, "read").await;
    let opt_out = serve
        .client
        .put(format!("{}/v1/opt-outs/{}", serve.origin(), phone(1)))
        .header("content-type", "application/json")
        .body(json!({ "reason": "told us" }).to_string());
    assert_eq!(opt_out.send().await.unwrap().status(), 200);

    edit(&serve, "[agents.demo]", "[agents.renamed]");
    serve.kill();
    serve.start().await;
    assert_eq!(
        post(&serve, &message("renamed")).await,
        409,
        "it has opted out"
    );
    let again = post_with_key(&serve, &message("renamed")).await;
    assert_eq!(again["code"], "idempotency-key-reused", "{again}");
    assert!(
        again["detail"]
            .as_str()
            .unwrap()
            .contains(first["id"].as_str().unwrap()),
        "{again}"
    );
    let all = [messages(&serve).await, events(&serve).await].concat();
    assert!(all.len() > 2, "{all:?}");
    for thing in &all {
        assert_eq!(thing["agent"], "renamed", "{thing}");
    }
    let of_agent = format!("{}/v1/events?agent=renamed", serve.origin());
    let of_agent = get(&serve.client, &of_agent).await;
    assert_eq!(of_agent["events"].as_array().unwrap().len(), all.len() - 1);

    // Of an agent that is not configured, the id is shown.
    edit(&serve, "[agents.renamed]", "[agents.demo]");
    edit(&serve, "agent_id = \"demo\"", "agent_id = \"other\"");
    serve.kill();
    serve.start().await;
    for thing in [messages(&serve).await, events(&serve).await].concat() {
        assert_eq!(thing["agent"], "demo@rbm.goog", "{thing}");
    }
    let shown = format!("{}/v1/messages?agent=demo@rbm.goog", serve.origin());
    let shown = get(&serve.client, &shown).await;
    assert_eq!(shown["messages"].as_array().unwrap().len(), 1);
    assert_eq!(
        post(&serve, &message("demo")).await,
        202,
        "to the other one's user"
    );
}

/// Field case P5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_agent_may_have_sent_is_not_sent_by_another_of_its_name() {
    let agents = ["demo", "other"].map(|id| Agent::launched(AgentId::parse(id).unwrap()));
    let platform = Platform::start_with(Options {
        agents: agents.into(),
        ..Options::default()
    })
    .await;
    // It is sent, and the answer is lost.
    let lost = FaultRule {
        method: Some("phones.agentMessages.create".into()),
        ..FaultRule::new(RequestFault::ResetAfter, ALWAYS)
    };
    let faults = vec![lost];
    platform
        .emulator
        .set_faults(RequestFaults { faults })
        .unwrap();
    let mut serve = Serve::new(&platform, "");
    serve.start().await;
    let message = |text: &str| json!({ "to": phone(1), "content": { "text": text } });
    assert_eq!(post(&serve, &message("first")).await, 202);
    wait_for(&serve, "unknown").await;
    platform
        .emulator
        .set_faults(RequestFaults::default())
        .unwrap();

    edit(&serve, "agent_id = \"demo\"", "agent_id = \"other\"");
    serve.reload();
    let begun = Instant::now();
    while post(&serve, &message("second")).await != 202 || !is_there(&platform, "second").await {
        assert!(begun.elapsed() < PATIENCE);
        sleep(Duration::from_millis(100)).await;
    }
    // Its time had come several times.
    sleep(Duration::from_secs(5)).await;
    let unknown = messages(&serve).await;
    let unknown = unknown.iter().find(|it| it["state"] == "unknown").unwrap();
    assert_eq!(unknown["agent"], "demo@rbm.goog", "{unknown}");
    assert_eq!(copies(&platform, "first").await, 1);
    let id = unknown["id"].as_str().unwrap();
    let address = format!("{}/v1/messages/{id}", serve.origin());
    let revoked = serve.client.delete(&address).send().await.unwrap();
    assert_eq!(revoked.status(), 404, "nobody can ask the platform");

    edit(&serve, "agent_id = \"other\"", "agent_id = \"demo\"");
    serve.reload();
    let begun = Instant::now();
    while messages(&serve)
        .await
        .iter()
        .any(|it| it["state"] == "unknown")
    {
        assert!(begun.elapsed() < PATIENCE);
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(copies(&platform, "first").await, 1);
}

/// With an idempotency key.
async fn post_with_key(serve: &Serve, body: &Value) -> Value {
    let request = serve
        .client
        .post(format!("{}/v1/messages", serve.origin()))
        .header("content-type", "application/json")
        .header("idempotency-key", "order-81");
    answer(request.body(body.to_string())).await.body
}

async fn is_there(platform: &Platform, text: &str) -> bool {
    copies(platform, text).await > 0
}

async fn copies(platform: &Platform, text: &str) -> usize {
    let texts = platform.texts_on(&phone(1)).await;
    texts.iter().filter(|it| *it == text).count()
}

/// Changes the configuration.
fn edit(serve: &Serve, before: &str, after: &str) {
    let path = serve.directory.path().join("rbm.toml");
    let toml = std::fs::read_to_string(&path).unwrap();
    assert!(toml.contains(before), "{toml}");
    std::fs::write(path, toml.replacen(before, after, 1)).unwrap();
}

async fn wait_for(serve: &Serve, state: &str) -> Value {
    let begun = Instant::now();
    loop {
        let found = messages(serve).await;
        if let Some(message) = found.into_iter().find(|message| message["state"] == state) {
            return message;
        }
        assert!(begun.elapsed() < PATIENCE, "none is {state}");
        sleep(Duration::from_millis(50)).await;
    }
}
