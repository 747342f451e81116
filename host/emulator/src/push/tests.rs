//! What needs more than one agent, over real HTTP.

use super::*;
use axum::Router;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;
use tokio::time::timeout;

#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Good,
    Fails,
    Hangs,
}

struct Receiver {
    manner: Manner,
    calls: Arc<Mutex<Vec<&'static str>>>,
    name: &'static str,
    failing: AtomicBool,
}

/// Notes every notice in the list that all share.
async fn receiver(
    name: &'static str,
    manner: Manner,
    calls: &Arc<Mutex<Vec<&'static str>>>,
) -> (String, Arc<Receiver>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let receiver = Arc::new(Receiver {
        manner,
        calls: calls.clone(),
        name,
        failing: AtomicBool::new(true),
    });
    let router = Router::new()
        .route("/", post(receive))
        .with_state(receiver.clone());
    tokio::spawn(async { axum::serve(listener, router).await });
    (url, receiver)
}

async fn receive(
    Shared(receiver): Shared<Arc<Receiver>>,
    axum::Json(body): axum::Json<Value>,
) -> (StatusCode, String) {
    if let Some(secret) = body["secret"].as_str() {
        return (StatusCode::OK, secret.to_owned());
    }
    receiver.calls.lock().expect("a list").push(receiver.name);
    match receiver.manner {
        _ if !receiver.failing.load(Ordering::SeqCst) => (StatusCode::OK, String::new()),
        Manner::Good => (StatusCode::OK, String::new()),
        Manner::Fails => (StatusCode::INTERNAL_SERVER_ERROR, String::new()),
        Manner::Hangs => std::future::pending().await,
    }
}

fn agent(name: &str) -> AgentId {
    AgentId::parse(name).expect("agent")
}

fn text(text: &str) -> Notice {
    Notice {
        text: Some(text.to_owned()),
        ..Notice::default()
    }
}

fn start(answer_time_max: Duration) -> (Arc<Push>, Clock, JoinHandle<()>) {
    let clock = Clock::starting_at("2026-11-24T10:15:02Z".parse().expect("time"));
    clock.pause().expect("it is ours");
    let settings = WebhookSettings {
        answer_time_max,
        ..WebhookSettings::default()
    };
    let (push, pushing) = Push::start(settings, clock.clone(), Uuid::nil()).expect("a client");
    (push, clock, pushing)
}

async fn until(push: &Push, wanted: impl Fn(&Status) -> bool) {
    let waiting = async {
        while !wanted(&push.status()) {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), waiting)
        .await
        .expect("it comes to that");
}

#[tokio::test]
async fn a_failing_webhook_slows_the_others_and_does_not_stop_them() {
    let calls = Arc::default();
    let (push, clock, pushing) = start(Duration::from_millis(300));
    let (slow_url, slow) = receiver("slow", Manner::Hangs, &calls).await;
    let (good_url, _) = receiver("good", Manner::Good, &calls).await;
    for (name, url) in [("slow", &slow_url), ("good", &good_url)] {
        push.register(Level::Agent(agent(name)), url, "t".to_owned().into())
            .await
            .expect("registered");
    }
    let begun = Instant::now();
    push.queue(&agent("slow"), text("1"));
    push.queue(&agent("good"), text("2"));
    until(&push, |status| status.counts.taken == 1).await;
    assert!(
        begun.elapsed() >= Duration::from_millis(300),
        "the other agent waited for the time-out"
    );
    for index in 0..50 {
        push.queue(&agent("slow"), text(&index.to_string()));
        push.queue(&agent("good"), text(&index.to_string()));
    }
    until(&push, |status| status.counts.taken == 51).await;
    let expected: Vec<&str> = ["slow"].into_iter().chain(vec!["good"; 51]).collect();
    assert_eq!(
        *calls.lock().expect("a list"),
        expected,
        "during the back-off only the other one is called"
    );
    let waiting: Vec<_> = push
        .status()
        .targets
        .iter()
        .map(|target| (target.failures, target.waiting))
        .collect();
    assert_eq!(waiting, [(0, 0), (1, 51)]);
    slow.failing.store(false, Ordering::SeqCst);
    clock.advance(Duration::from_secs(1)).expect("it is ours");
    until(&push, |status| {
        status.counts.taken == 102 && status.waiting == 0
    })
    .await;
    pushing.abort();
}

/// The partner's webhook is one, however many agents it is for.
#[tokio::test]
async fn a_partners_webhook_that_fails_is_left_alone_for_all_its_agents() {
    let calls = Arc::default();
    let (push, clock, pushing) = start(Duration::from_secs(30));
    let (url, partners) = receiver("partner", Manner::Fails, &calls).await;
    let (own_url, _) = receiver("own", Manner::Good, &calls).await;
    push.register(Level::Partner, &url, "t".to_owned().into())
        .await
        .expect("registered");
    push.register(Level::Agent(agent("c")), &own_url, "t".to_owned().into())
        .await
        .expect("registered");
    for name in ["a", "b", "c", "b", "a", "c"] {
        push.queue(&agent(name), text(name));
    }
    until(&push, |status| status.counts.taken == 2).await;
    assert_eq!(*calls.lock().expect("a list"), ["partner", "own", "own"]);
    partners.failing.store(false, Ordering::SeqCst);
    clock.advance(Duration::from_secs(1)).expect("it is ours");
    until(&push, |status| status.counts.taken == 6).await;
    let order: Vec<String> = push
        .status()
        .deliveries
        .iter()
        .skip(3)
        .map(|it| it.agent.bare().to_owned())
        .collect();
    assert_eq!(order, ["a", "b", "b", "a"], "in the order of the one queue");
    pushing.abort();
}
