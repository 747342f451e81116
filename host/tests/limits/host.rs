//! The host's side of these tests: small limits, HTTP clients that behave in one way, the call that most tests make.

use crate::sketch::Sketch;
use async_trait::async_trait;
use jiff::Timestamp;
use rbm_host::contract::{Context, Setting, Verdict, VerdictOutcome, WebhookRequest};
use rbm_host::http_client::{FetchFailure, HttpRequest, HttpResponse};
use rbm_host::{CallProblem, Channel, Engine, HttpClient, Instance, Limits, NoHttp, Plugin};
use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Small, so that a test is over soon.
pub(crate) fn limits() -> Limits {
    Limits {
        memory_bytes_max: 4 << 20,
        stack_bytes_max: 256 << 10,
        table_elements_max: 100,
        running_time_max: Duration::from_millis(50),
        copied_bytes_max: 1 << 20,
        fetches_max: 3,
        instances_max: 4,
        ..Limits::default()
    }
}

/// An engine and the plugin on it.
pub(crate) fn load(limits: Limits, sketch: &Sketch) -> (Engine, Plugin) {
    let engine = Engine::new(limits).unwrap();
    let plugin = engine.load(&sketch.build()).unwrap();
    (engine, plugin)
}

/// What comes of a call of `verify-signature`. The engine is as good as before.
pub(crate) async fn outcome(
    limits: Limits,
    http: Arc<dyn HttpClient>,
    sketch: &Sketch,
) -> Result<Verdict, CallProblem> {
    let (engine, plugin) = load(limits, sketch);
    let outcome = soon(verify(&plugin.channel(settings(), http))).await;
    assert_well(&engine).await;
    outcome
}

/// What ends a call of `verify-signature`.
pub(crate) async fn problem(
    limits: Limits,
    http: Arc<dyn HttpClient>,
    sketch: &Sketch,
) -> CallProblem {
    outcome(limits, http, sketch)
        .await
        .expect_err("the plugin is stopped")
}

/// The same without HTTP and with the small limits.
pub(crate) async fn problem_alone(sketch: &Sketch) -> CallProblem {
    problem(limits(), Arc::new(NoHttp), sketch).await
}

/// A good plugin is still served.
pub(crate) async fn assert_well(engine: &Engine) {
    let plugin = engine.load(&Sketch::new().build()).unwrap();
    assert_eq!(
        soon(verify(&plugin.channel(settings(), Arc::new(NoHttp)))).await,
        Ok(empty_verdict())
    );
}

/// The usual call of these tests: its arguments go through the plugin's allocator.
pub(crate) async fn verify(channel: &Channel) -> Result<Verdict, CallProblem> {
    channel
        .verify_signature(Timestamp::UNIX_EPOCH, &request())
        .await
}

/// The same into an instance.
pub(crate) async fn verify_in(instance: &mut Instance) -> Result<Verdict, CallProblem> {
    let context = Context {
        settings: settings(),
        now: "1970-01-01T00:00:00Z".to_owned(),
    };
    instance.verify_signature(&context, &request()).await
}

/// What never ends fails the test, on however slow a machine.
pub(crate) async fn soon<R>(outcome: impl Future<Output = R>) -> R {
    timeout(CEILING, outcome)
        .await
        .expect("the host does not hang")
}

pub(crate) fn settings() -> Vec<Setting> {
    vec![Setting {
        name: "client-token".to_owned(),
        value: "a secret".to_owned(),
    }]
}

pub(crate) fn request() -> WebhookRequest {
    WebhookRequest {
        method: "POST".to_owned(),
        url: "/".to_owned(),
        headers: vec![],
        body: b"hello".to_vec(),
    }
}

/// What an honest sketch returns: every field is its type's zero.
pub(crate) fn empty_verdict() -> Verdict {
    Verdict {
        outcome: VerdictOutcome::Authentic,
        token: None,
        rule: None,
        reason: None,
    }
}

/// What a sketch returns that tells a number.
pub(crate) fn told(number: u32) -> Verdict {
    Verdict {
        token: Some(number),
        ..empty_verdict()
    }
}

/// Answers 204 after a while, and counts.
#[derive(Default)]
pub(crate) struct Answers {
    pub(crate) after: Duration,
    pub(crate) body: Vec<u8>,
    pub(crate) requests: AtomicU32,
}

impl Answers {
    pub(crate) fn count(&self) -> u32 {
        self.requests.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl HttpClient for Answers {
    async fn fetch(&self, _: HttpRequest) -> Result<HttpResponse, FetchFailure> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        sleep(self.after).await;
        Ok(HttpResponse {
            status: 204,
            headers: vec![],
            body: self.body.clone(),
        })
    }
}

/// Never answers, and tells when it was asked.
#[derive(Default)]
pub(crate) struct Silent {
    pub(crate) asked: Notify,
}

#[async_trait]
impl HttpClient for Silent {
    async fn fetch(&self, _: HttpRequest) -> Result<HttpResponse, FetchFailure> {
        self.asked.notify_one();
        pending().await
    }
}

/// Above every limit of these tests by far.
pub(crate) const CEILING: Duration = Duration::from_secs(20);
