//! What goes wrong with one message or one recipient concerns no other message, and what goes wrong with an agent ends none of its
//! messages: through `rbm serve`, and the twin as a platform that rejects some of them.

use crate::serving::{Platform, Serve, events, get, messages};
use rbm_emulator::phone::Phone;
use rbm_emulator::platform::testers::Invitation;
use rbm_emulator::platform::{Agent, Launch, Rules};
use rbm_emulator::{Dose, FaultRule, Options, RequestFault, RequestFaults};
use rbm_wire::name::{AgentId, PhoneNumber};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Field case G1: 1,000 messages to as many recipients at 100 a second, of which each twentieth is rejected for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recipients_that_are_rejected_for_ever_hold_up_nobody() {
    let (without, limited, unavailable) = tokio::join!(
        send_a_thousand(None),
        send_a_thousand(Some(RequestFault::TooMany)),
        send_a_thousand(Some(RequestFault::Unavailable)),
    );
    for (fault, run) in [("429", &limited), ("503", &unavailable)] {
        let ratio = run.took.as_secs_f64() / without.took.as_secs_f64();
        println!(
            "{fault}: {:?}, and {:?} without: {ratio:.2}; another recipient's message after {:?}; {:?} attempts",
            run.took, without.took, run.another_took, run.attempts
        );
        assert!(ratio <= 1.2, "{fault}: {ratio}");
        assert!(run.another_took <= Duration::from_secs(1), "{fault}");
        assert!(run.openings.abs() < f64::EPSILON, "{fault}");
        assert_eq!(run.attempts.len(), POISONED, "{fault}");
        // Half a second after the first, one after the second, and so on: the shortest that the back-off allows.
        let seconds = run.lasted.as_secs_f64();
        let most = 1
            + (1..30)
                .take_while(|attempt| 0.5 * (f64::from(1 << attempt) - 1.0) < seconds)
                .count();
        for attempts in &run.attempts {
            assert!(
                *attempts <= most,
                "{fault}: {attempts} attempts in {seconds} s, and {most} are allowed"
            );
        }
        let tried_again = run.attempts.iter().filter(|attempts| **attempts > 1);
        assert!(tried_again.count() > POISONED / 2, "{fault}");
    }
}

/// Of one run.
struct Observed {
    /// Until the last message that can be delivered was read.
    took: Duration,
    /// From then on, until a message to another recipient was accepted.
    another_took: Duration,
    /// From the first message to the end.
    lasted: Duration,
    /// Of each message that is rejected for ever.
    attempts: Vec<usize>,
    /// Of the circuit breaker.
    openings: f64,
}

async fn send_a_thousand(fault: Option<RequestFault>) -> Observed {
    let platform = Platform::start().await;
    platform
        .emulator
        .set_faults(RequestFaults {
            faults: fault.into_iter().flat_map(on_each_twentieth).collect(),
        })
        .unwrap();
    let serve = serve(&platform, 100).await;
    let begun = Instant::now();
    send_to(&serve, 0..SENT).await;
    let readable = if fault.is_some() {
        SENT - POISONED
    } else {
        SENT
    };
    wait_for(&serve, "read", readable).await;
    let took = begun.elapsed();

    let posted = Instant::now();
    send_to(&serve, SENT..=SENT).await;
    let another = loop {
        let newest = get(
            &serve.client,
            &format!("{}/v1/messages?limit=1", serve.origin()),
        )
        .await;
        let state = newest["messages"][0]["state"].as_str().unwrap().to_owned();
        if ["accepted", "delivered", "read"].contains(&state.as_str()) {
            break posted.elapsed();
        }
        assert!(posted.elapsed() < PATIENCE, "{newest}");
        sleep(Duration::from_millis(5)).await;
    };
    let lasted = begun.elapsed();
    let poisoned = messages(&serve).await.into_iter().filter(|message| {
        (0..SENT).any(|number| is_poisoned(number) && message["to"] == phone(number))
    });
    Observed {
        took,
        another_took: another,
        lasted,
        attempts: poisoned
            .filter(|_| fault.is_some())
            .map(|message| attempts(&message))
            .collect(),
        openings: serve
            .metric("rbm_circuit_breaker_openings_total{agent=\"demo\"}")
            .await,
    }
}

fn on_each_twentieth(fault: RequestFault) -> impl Iterator<Item = FaultRule> {
    (0..SENT)
        .filter(|number| is_poisoned(*number))
        .map(move |number| FaultRule {
            method: Some("phones.agentMessages.create".into()),
            phone: Some(PhoneNumber::parse(&phone(number)).unwrap()),
            ..FaultRule::new(fault, ALWAYS)
        })
}

/// The platform says that it is not available, to everybody, for a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_that_is_not_available_is_probed_and_gets_everything_once_when_it_is_back() {
    let platform = Platform::start().await;
    let unavailable = FaultRule {
        method: Some("phones.agentMessages.create".into()),
        ..FaultRule::new(RequestFault::Unavailable, ALWAYS)
    };
    platform
        .emulator
        .set_faults(RequestFaults {
            faults: vec![unavailable],
        })
        .unwrap();
    let serve = serve(&platform, 500).await;
    send_to(&serve, 0..SENT).await;
    let opened = Instant::now();
    while serve
        .metric("rbm_circuit_breaker_openings_total{agent=\"demo\"}")
        .await
        < 1.0
    {
        assert!(opened.elapsed() < PATIENCE, "it does not open");
        sleep(Duration::from_millis(50)).await;
    }
    sleep(Duration::from_secs(6)).await;
    let tried: Vec<usize> = messages(&serve)
        .await
        .iter()
        .map(attempts)
        .filter(|attempts| *attempts > 0)
        .collect();
    let all: usize = tried.iter().sum();
    assert!(
        all <= 20 + 5,
        "{all} attempts until it opened, and 5 probes"
    );
    assert_eq!(tried.len(), all, "each with another message");

    platform
        .emulator
        .set_faults(RequestFaults::default())
        .unwrap();
    wait_for(&serve, "read", SENT).await;
    for number in 0..SENT {
        assert_eq!(platform.texts_on(&phone(number)).await.len(), 1);
    }
}

/// The agent's configuration says 100 messages a second, and the platform grants 50.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_is_too_fast_for_the_platform_slows_down_and_loses_nothing() {
    let rules = Rules {
        sends_per_second_max: Some(50),
        ..Rules::default()
    };
    let platform = Platform::start_with(Options {
        rules,
        ..Options::default()
    })
    .await;
    let serve = serve(&platform, 100).await;
    send_to(&serve, 0..SENT).await;
    wait_for(&serve, "read", SENT).await;
    let attempts: usize = messages(&serve).await.iter().map(attempts).sum();
    println!("{attempts} attempts for {SENT} messages");
    assert!(attempts <= SENT * 13 / 10, "{attempts} attempts");
    let openings = "rbm_circuit_breaker_openings_total{agent=\"demo\"}";
    assert!(serve.metric(openings).await < 1.0);
}

/// Field case G2, in four ways at once: a key that is not valid any more, a token endpoint that refuses, 401, and 403 for an agent
/// that the credentials do not know. Each is mended after half a minute, two of them by a reload.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_that_the_platform_rejects_are_held_until_that_is_mended_and_lose_nothing() {
    let (platform, serve) = reject_four_agents().await;
    for (name, _) in REJECTED {
        send_as(&serve, name, 0..HELD).await;
    }
    send_as(&serve, "demo", 0..5).await;
    sleep(Duration::from_secs(30)).await;
    assert_eq!(in_state(&serve, "demo", "queued").await, 0, "not held");
    for (name, reason) in REJECTED {
        // One may be a probe that is under way.
        assert!(in_state(&serve, name, "queued").await >= HELD - 1, "{name}");
        let held = format!("rbm_agent_held{{agent=\"{name}\",reason=\"{reason}\"}}");
        assert!(serve.metric(&held).await > 0.0, "{name}");
    }
    let ready = serve.ready().await;
    assert_eq!(ready["agents"]["demo"], "ok");
    let says = |name: &str| ready["agents"][name].as_str().unwrap().to_owned();
    assert!(says("key").contains("invalid_grant"), "{ready}");
    assert!(says("lookup").contains("error looking up"), "{ready}");

    let key = platform.emulator.service_account();
    serve.write_secret("key.json", &key);
    serve.write_secret("endpoint.json", &key);
    serve.reload();
    platform
        .emulator
        .set_faults(RequestFaults::default())
        .unwrap();
    for (name, _) in REJECTED {
        wait_for_all(&serve, name, HELD).await;
        assert_eq!(in_state(&serve, name, "failed").await, 0, "{name}");
    }
    for number in 0..HELD {
        let texts = platform.texts_on(&phone(number)).await;
        for (name, _) in REJECTED {
            let copies = texts.iter().filter(|text| *text == name).count();
            assert_eq!(copies, 1, "{name} on {number}");
        }
    }
    let events = events(&serve).await;
    for (name, reason) in REJECTED {
        assert_eq!(lines_with(&serve.log(), "WARN", "agent held", name), 1);
        assert_eq!(lines_with(&serve.log(), "INFO", "agent resumed", name), 1);
        let told: Vec<_> = events
            .iter()
            .filter(|event| event["agent"] == name && event["source"] == "gateway")
            .map(|event| (&event["kind"], &event["reason"]))
            .collect();
        let held = (&json!("agent_held"), &json!(reason));
        assert_eq!(told, [held, (&json!("agent_resumed"), &Value::Null)]);
    }
}

/// Four agents that are rejected, each in its way, beside one that is not.
async fn reject_four_agents() -> (Platform, Serve) {
    let agents = REJECTED.map(|(name, _)| Agent::launched(AgentId::parse(name).unwrap()));
    let platform = Platform::start_with(Options {
        agents: [demo()].into_iter().chain(agents).collect(),
        ..Options::default()
    })
    .await;
    let agent = |(name, _)| {
        format!(
            "[agents.{name}]\nagent_id = \"{name}\"\nclient_token_file = \"client-token\"\n\
             service_account_file = \"{name}.json\"\nmessages_per_second = 200\n"
        )
    };
    let more: String = REJECTED.map(agent).concat();
    let mut serve = Serve::new(&platform, &more);
    serve.keep_log("info");
    let key = platform.emulator.service_account();
    for name in ["demo", "token", "lookup"] {
        serve.write_secret(&format!("{name}.json"), &key);
    }
    // The first agent has a file of this name, which is another agent's here.
    let config = serve.directory.path().join("rbm.toml");
    let toml = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, toml.replacen("key.json", "demo.json", 1)).unwrap();
    let other = Platform::start().await;
    let mut stale: Value = serde_json::from_str(&other.emulator.service_account()).unwrap();
    let mut wrong: Value = serde_json::from_str(&key).unwrap();
    stale["token_uri"] = wrong["token_uri"].clone();
    wrong["token_uri"] = json!(format!("{}/tokens", platform.api_origin));
    serve.write_secret("key.json", &stale.to_string());
    serve.write_secret("endpoint.json", &wrong.to_string());
    let fault = |agent: &str, fault| FaultRule {
        method: Some("phones.agentMessages.create".into()),
        agent: Some(AgentId::parse(agent).unwrap()),
        ..FaultRule::new(fault, ALWAYS)
    };
    platform
        .emulator
        .set_faults(RequestFaults {
            faults: vec![
                fault("token", RequestFault::Unauthenticated),
                fault("lookup", RequestFault::AgentLookup),
            ],
        })
        .unwrap();
    serve.start().await;
    (platform, serve)
}

fn lines_with(log: &str, level: &str, words: &str, agent: &str) -> usize {
    let agent = format!("agent=\"{agent}\"");
    let is_told = |line: &&str| {
        [level, words, &agent]
            .iter()
            .all(|part| line.contains(part))
    };
    log.lines().filter(is_told).count()
}

/// Field case G2: the token endpoint cannot be reached. It is probed, and the queue goes on by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_without_a_token_is_held_and_what_expires_meanwhile_says_why() {
    let platform = Platform::start().await;
    let reset = FaultRule {
        method: Some("token".into()),
        ..FaultRule::new(RequestFault::Reset, ALWAYS)
    };
    platform
        .emulator
        .set_faults(RequestFaults {
            faults: vec![reset],
        })
        .unwrap();
    let mut serve = serve(&platform, 100).await;
    send_to(&serve, 0..20).await;
    let short = json!({ "to": phone(20), "content": { "text": "short" }, "lifetime_seconds": 10 });
    for _ in 0..5 {
        assert_eq!(post(&serve, &short).await, 202);
    }
    wait_for(&serve, "expired", 5).await;
    for message in messages(&serve).await {
        if message["state"] != "expired" {
            assert_eq!(message["state"], "queued", "{message}");
            continue;
        }
        let history = message["history"].as_array().unwrap();
        let last = history.last().unwrap();
        assert_eq!(last["reason"], "misconfigured", "{last}");
        let detail = last["detail"].as_str().unwrap();
        assert!(
            detail.starts_with("expired before it was sent: the host got no credentials"),
            "{detail}"
        );
    }
    // A start forgets the hold, and not that it was told.
    serve.kill();
    platform
        .emulator
        .set_faults(RequestFaults::default())
        .unwrap();
    serve.start().await;
    wait_for_all(&serve, "demo", 20).await;
    let events = events(&serve).await;
    let of_agent = |event: &&Value| event["kind"].as_str().unwrap().starts_with("agent_");
    let told: Vec<_> = events
        .iter()
        .filter(of_agent)
        .map(|event| event["kind"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["agent_held", "agent_resumed"]);
}

/// The agent is launched nowhere: one recipient is a tester, and another one is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_403_about_one_recipient_fails_that_message_alone() {
    let agent = Agent {
        launch: Launch::On(BTreeMap::new()),
        ..demo()
    };
    let number = PhoneNumber::parse(&phone(1)).unwrap();
    let tester = Phone {
        tester_of: BTreeMap::from([(demo().id, Invitation::Accepted)]),
        ..Phone::quiet(number)
    };
    let platform = Platform::start_with(Options {
        agents: vec![agent],
        phones: vec![tester],
        ..Options::default()
    })
    .await;
    let serve = serve(&platform, 100).await;
    send_to(&serve, [0, 1]).await;
    wait_for(&serve, "failed", 1).await;
    wait_for(&serve, "delivered", 1).await;
    let failed = messages(&serve).await;
    let failed = failed.iter().find(|message| message["state"] == "failed");
    let failed = failed.unwrap();
    assert_eq!((&failed["to"], attempts(failed)), (&json!(phone(0)), 1));
    let ready = serve.ready().await;
    assert_eq!(ready["agents"]["demo"], "ok");
}

async fn serve(platform: &Platform, messages_per_second: u32) -> Serve {
    let mut serve = Serve::new(
        platform,
        &format!("messages_per_second = {messages_per_second}\n"),
    );
    serve.start().await;
    serve.register_webhook(platform).await;
    serve
}

/// One message to each phone.
async fn send_to(serve: &Serve, numbers: impl IntoIterator<Item = usize>) {
    send_as(serve, "demo", numbers).await;
}

/// Its text is the agent's name.
async fn send_as(serve: &Serve, agent: &str, numbers: impl IntoIterator<Item = usize>) {
    let mut posts = JoinSet::new();
    for number in numbers {
        let body = json!({ "agent": agent, "to": phone(number), "content": { "text": agent } });
        posts.spawn(post(serve, &body));
        if posts.len() >= 16 {
            assert_eq!(posts.join_next().await.unwrap().unwrap(), 202);
        }
    }
    while let Some(status) = posts.join_next().await {
        assert_eq!(status.unwrap(), 202);
    }
}

/// Tells the status.
pub(super) fn post(serve: &Serve, body: &Value) -> impl Future<Output = u16> + use<> {
    let request = serve
        .client
        .post(format!("{}/v1/messages", serve.origin()))
        .header("content-type", "application/json")
        .body(body.to_string());
    async move { request.send().await.unwrap().status().as_u16() }
}

/// How many of an agent's messages are in a state, up to a thousand.
async fn in_state(serve: &Serve, agent: &str, state: &str) -> usize {
    let query = format!("agent={agent}&state={state}&limit=1000");
    let page = get(
        &serve.client,
        &format!("{}/v1/messages?{query}", serve.origin()),
    )
    .await;
    page["messages"].as_array().unwrap().len()
}

/// Until so many of an agent's messages have reached their phones.
async fn wait_for_all(serve: &Serve, agent: &str, count: usize) {
    let begun = Instant::now();
    loop {
        let mut there = 0;
        for state in ["accepted", "delivered", "read"] {
            there += in_state(serve, agent, state).await;
        }
        if there >= count {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{there} of {agent}");
        sleep(Duration::from_millis(250)).await;
    }
}

fn demo() -> Agent {
    Agent::launched(AgentId::parse("demo").unwrap())
}

async fn wait_for(serve: &Serve, state: &str, count: usize) {
    let begun = Instant::now();
    let address = format!("{}/v1/messages?state={state}&limit=1000", serve.origin());
    loop {
        let page = get(&serve.client, &address).await;
        let found = page["messages"].as_array().unwrap().len();
        if found >= count {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{found} are {state}");
        sleep(Duration::from_millis(250)).await;
    }
}

pub(super) fn attempts(message: &Value) -> usize {
    let history = message["history"].as_array().unwrap();
    history
        .iter()
        .filter(|entry| entry["fact"] == "sending")
        .count()
}

fn is_poisoned(number: usize) -> bool {
    number % 20 == 10
}

pub(super) fn phone(number: usize) -> String {
    format!("+1555040{number:04}")
}

const SENT: usize = 1_000;
/// Each with the reason for which it is held.
const REJECTED: [(&str, &str); 4] = [
    ("key", "credentials"),
    ("endpoint", "credentials"),
    ("token", "unauthenticated"),
    ("lookup", "permission_denied"),
];
/// Of each agent that is held.
const HELD: usize = 500;
const POISONED: usize = 50;
pub(super) const ALWAYS: Dose = Dose { next: 0, rate: 1.0 };
const PATIENCE: Duration = Duration::from_mins(3);
