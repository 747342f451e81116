//! What goes wrong with one message or one recipient concerns nobody else: through `rbm serve`, and the twin as a platform that
//! rejects some of them for ever.

use crate::serving::{Platform, Serve, get, messages};
use rbm_emulator::platform::Rules;
use rbm_emulator::{Dose, FaultRule, Options, RequestFault, RequestFaults};
use rbm_wire::name::PhoneNumber;
use serde_json::{Value, json};
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
                (2..=most).contains(attempts),
                "{fault}: {attempts} attempts in {seconds} s, and {most} are allowed"
            );
        }
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

async fn serve(platform: &Platform, messages_per_second: u32) -> Serve {
    let mut serve = Serve::new(
        platform,
        &format!("messages_per_second = {messages_per_second}\n"),
    );
    serve.start().await;
    platform
        .emulator
        .register_webhook(&serve.webhook(), serve.client_token.clone().into())
        .await
        .unwrap();
    serve
}

/// One message to each phone.
async fn send_to(serve: &Serve, numbers: impl IntoIterator<Item = usize>) {
    let mut posts = JoinSet::new();
    for number in numbers {
        let body = json!({ "to": phone(number), "content": { "text": format!("m-{number}") } });
        let request = serve
            .client
            .post(format!("{}/v1/messages", serve.origin()))
            .header("content-type", "application/json")
            .body(body.to_string());
        posts.spawn(async move { request.send().await.unwrap().status().as_u16() });
        if posts.len() >= 16 {
            assert_eq!(posts.join_next().await.unwrap().unwrap(), 202);
        }
    }
    while let Some(status) = posts.join_next().await {
        assert_eq!(status.unwrap(), 202);
    }
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

fn attempts(message: &Value) -> usize {
    let history = message["history"].as_array().unwrap();
    history
        .iter()
        .filter(|entry| entry["fact"] == "sending")
        .count()
}

fn is_poisoned(number: usize) -> bool {
    number % 20 == 10
}

fn phone(number: usize) -> String {
    format!("+1555040{number:04}")
}

const SENT: usize = 1_000;
const POISONED: usize = 50;
const ALWAYS: Dose = Dose { next: 0, rate: 1.0 };
const PATIENCE: Duration = Duration::from_mins(3);
