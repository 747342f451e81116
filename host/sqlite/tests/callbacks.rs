//! Callbacks over this store: an end and a kill lose nothing, and many deliveries share one flush.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use axum::Router;
use axum::extract::Json;
use axum::http::StatusCode;
use axum::routing::post;
use gateway_channel::{Fact, Inbound};
use jiff::Timestamp;
use rbm_clock::Clock;
use rbm_gateway::callback::{Callback, CallbackSettings, Pace, Running, Schedule, StartFrom};
use rbm_gateway::store::consumer::{Consumer, Consumers as _, Progress};
use rbm_gateway::store::event::EventContent;
use rbm_gateway::store::{Cursor, NewEvent, Store as _};
use rbm_sqlite::SqliteStore;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Half of the events are refused at first. Ended after each part, with the store, it has them all in the end, once each.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_goes_on_where_the_last_one_ended() {
    let (directory, application) = (TempDir::new().unwrap(), Application::start().await);
    for part in 1..=3 {
        let store = Arc::new(SqliteStore::open(directory.path()).unwrap());
        hear(&store, part, 100).await;
        let run = Run::start(&store, &application.url);
        wait_for(&store, |known| {
            known.after == Some(Cursor(part * 100)) && known.owed == part * 50
        })
        .await;
        run.stop().await;
        end(store).await;
    }
    application.healthy.store(true, Ordering::SeqCst);
    let store = Arc::new(SqliteStore::open(directory.path()).unwrap());
    store.enable(NAME, Timestamp::now()).await.unwrap();
    let _run = Run::start(&store, &application.url);
    wait_for(&store, |known| known.owed == 0).await;
    let taken = application.taken.lock().unwrap();
    assert_eq!((taken.len(), taken.values().max()), (300, Some(&1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_loses_nothing() {
    assert_eq!(taken_after_kills(false).await, 280);
}

/// What the test above would say if the cursor moved first.
#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_moves_before_the_delivery_is_seen_to_lose() {
    assert!(taken_after_kills(true).await < 280);
}

async fn taken_after_kills(cursor_first: bool) -> usize {
    let (directory, application) = (TempDir::new().unwrap(), Application::start().await);
    for part in 1..=7 {
        let store = Arc::new(SqliteStore::open(directory.path()).unwrap());
        hear(&store, part, 40).await;
        let seen = application.taken.lock().unwrap().len();
        let run = Run::start(&store, &application.url);
        if cursor_first {
            let progress = Progress {
                after: Some(Cursor(part * 40)),
                ..Progress::default()
            };
            store
                .progress(NAME, Timestamp::now(), progress)
                .await
                .unwrap();
        }
        until(|| application.taken.lock().unwrap().len() > seen || cursor_first).await;
        run.kill().await;
        end(store).await;
    }
    application.healthy.store(true, Ordering::SeqCst);
    let store = Arc::new(SqliteStore::open(directory.path()).unwrap());
    store.enable(NAME, Timestamp::now()).await.unwrap();
    let _run = Run::start(&store, &application.url);
    wait_for(&store, |known| {
        known.after == Some(Cursor(280)) && known.owed == 0
    })
    .await;
    let taken = application.taken.lock().unwrap();
    taken.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_deliveries_share_one_flush() {
    let (directory, application) = (TempDir::new().unwrap(), Application::start().await);
    application.healthy.store(true, Ordering::SeqCst);
    let store = Arc::new(SqliteStore::open(directory.path()).unwrap());
    hear(&store, 1, 2_000).await;
    let before = store.commits();
    let _run = Run::start(&store, &application.url);
    wait_for(&store, |known| known.after == Some(Cursor(2_000))).await;
    let commits = store.commits() - before;
    assert!(
        commits <= 2_000 / 16,
        "2,000 deliveries in {commits} commits"
    );
}

struct Application {
    url: String,
    /// Until then every second event is refused.
    healthy: Arc<AtomicBool>,
    /// How often it took each event.
    taken: Arc<Mutex<HashMap<String, u32>>>,
}

impl Application {
    async fn start() -> Self {
        let (healthy, taken) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(Mutex::new(HashMap::new())),
        );
        let (state, noted) = (healthy.clone(), taken.clone());
        let take = move |Json(event): Json<Value>| async move {
            let cursor = event["cursor"].as_str().unwrap().to_owned();
            if !state.load(Ordering::SeqCst) && cursor[1..].parse::<u64>().unwrap() % 2 == 0 {
                return StatusCode::BAD_GATEWAY;
            }
            *noted.lock().unwrap().entry(cursor).or_default() += 1;
            StatusCode::OK
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, Router::new().route("/", post(take))).await });
        Self {
            url,
            healthy,
            taken,
        }
    }
}

struct Run {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Run {
    fn start(store: &Arc<SqliteStore>, url: &str) -> Self {
        let settings = CallbackSettings {
            name: NAME.into(),
            url: url.into(),
            secrets: vec!["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()],
            agents: vec![],
            from: StartFrom::Oldest,
            ordered: false,
            allow_private_addresses: true,
        };
        let schedule = Schedule::new(vec![Duration::from_hours(1); 100]);
        let callback = Callback::new(settings).unwrap().with_schedule(schedule);
        let (stop, stopped) = watch::channel(false);
        let events = Arc::new(Notify::new());
        let clock = Clock::system();
        let (_, task) = Running::start(
            callback,
            store.clone(),
            clock,
            Pace::default(),
            Arc::default(),
            events,
            stopped,
        )
        .unwrap();
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.send(true).unwrap();
        self.task.await.unwrap();
    }

    async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

async fn hear(store: &SqliteStore, part: u64, events: u64) {
    let event = |number| {
        let inbound = Inbound {
            dedupe_key: format!("{part}/{number}"),
            agent: String::new(),
            phone: None,
            at: None,
            fact: Fact::Typing,
            details: Vec::new(),
            raw: Vec::new(),
        };
        NewEvent {
            agent: "demo".into(),
            received_at: Timestamp::UNIX_EPOCH,
            content: EventContent::Platform(inbound),
            consent: None,
        }
    };
    store
        .ingest((0..events).map(event).collect())
        .await
        .unwrap();
}

async fn wait_for(store: &SqliteStore, wanted: impl Fn(&Consumer) -> bool) {
    let begun = Instant::now();
    loop {
        let known = store.consumer(NAME).await.unwrap();
        if wanted(&known) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "it is still {known:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

async fn until(wanted: impl Fn() -> bool) {
    let begun = Instant::now();
    while !wanted() {
        assert!(begun.elapsed() < PATIENCE, "in vain");
        sleep(Duration::from_millis(1)).await;
    }
}

/// Nobody else has it any more, so its lock is free.
async fn end(store: Arc<SqliteStore>) {
    until(|| Arc::strong_count(&store) == 1).await;
    drop(store);
}

const NAME: &str = "app";
const PATIENCE: Duration = Duration::from_secs(30);
