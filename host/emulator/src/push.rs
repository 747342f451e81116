//! Calls the webhook: handshake first, then every notice, signed, at least once, in one queue.
//!
//! guides/integrate/webhooks. Only 200 is success; anything else is tried again, ever later up to 600 s, for 7 days. That a
//! notice waits until the one before it got through is assumed from "one queue"; so are the first delay and the time-out.

use crate::excerpt::excerpt;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rbm_wire::callback::{Attributes, Base64Text, Body, Notice, PushMessage, SIGNATURE_HEADER, TYPE_HEADER};
use reqwest::{Client, StatusCode, header, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// The way to the webhook.
#[derive(Clone)]
pub(crate) struct Push {
    client: Client,
    queue: mpsc::UnboundedSender<Notice>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    target: Mutex<Option<Target>>,
    log: Mutex<VecDeque<Delivery>>,
}

#[derive(Clone)]
struct Target {
    url: String,
    client_token: SecretString,
}

/// What became of one call.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Delivery {
    /// What was sent.
    notice: Notice,
    /// `200`, or why it was no success.
    result: String,
}

/// Why a webhook was not registered.
#[derive(Debug, thiserror::Error)]
pub enum WebhookProblem {
    /// Nobody answers there.
    #[error("the webhook {url} cannot be reached: {reason}")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        reason: String,
    },
    /// The answer is not the bare secret.
    #[error(
        "the webhook {url} did not answer the handshake with 200 and the bare secret, but with {status} and {answer:?}"
    )]
    WrongAnswer {
        /// Where.
        url: String,
        /// What it answered.
        status: u16,
        /// Its beginning.
        answer: String,
    },
}

impl Push {
    /// Starts the queue.
    pub(crate) fn start() -> Result<(Self, JoinHandle<()>), String> {
        let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(ANSWER_TIME_MAX).build();
        let client = client.map_err(|problem| problem.to_string())?;
        let (queue, notices) = mpsc::unbounded_channel();
        let push = Self { client, queue, shared: Arc::default() };
        let pushing = tokio::spawn(push.clone().drain(notices));
        Ok((push, pushing))
    }

    /// Asks the webhook for the secret, and registers it if that is what comes back.
    pub(crate) async fn register(&self, url: &str, client_token: SecretString) -> Result<(), WebhookProblem> {
        let secret = Uuid::new_v4().simple().to_string();
        let body = Body {
            client_token: Some(client_token.expose_secret().into()),
            secret: Some(secret.as_str().into()),
            ..Body::default()
        };
        let unreachable =
            |problem: reqwest::Error| WebhookProblem::Unreachable { url: url.to_owned(), reason: reasons(&problem) };
        let request =
            self.client.post(url).header(TYPE_HEADER, "verification").header(header::CONTENT_TYPE, "application/json");
        let response = request.body(json(&body)).send().await.map_err(unreachable)?;
        let status = response.status();
        let answer = response.text().await.map_err(unreachable)?;
        if status != StatusCode::OK || answer != secret {
            let answer = excerpt(&answer);
            return Err(WebhookProblem::WrongAnswer { url: url.to_owned(), status: status.as_u16(), answer });
        }
        *lock(&self.shared.target) = Some(Target { url: url.to_owned(), client_token });
        Ok(())
    }

    /// Puts a notice at the end of the queue.
    pub(crate) fn queue(&self, notice: Notice) {
        // The queue ends only with the emulator.
        let _ = self.queue.send(notice);
    }

    /// Where notices go.
    pub(crate) fn url(&self) -> Option<String> {
        self.target().map(|target| target.url)
    }

    /// The last calls, oldest first.
    pub(crate) fn log(&self) -> Vec<Delivery> {
        lock(&self.shared.log).iter().cloned().collect()
    }

    fn target(&self) -> Option<Target> {
        lock(&self.shared.target).clone()
    }

    async fn drain(self, mut notices: mpsc::UnboundedReceiver<Notice>) {
        while let Some(notice) = notices.recv().await {
            self.deliver(&notice).await;
        }
    }

    async fn deliver(&self, notice: &Notice) {
        let given_up = Instant::now() + KEPT;
        let mut delay = FIRST_DELAY;
        while let Some(target) = self.target() {
            let result = self.call(&target, notice).await;
            self.note(notice, &result);
            if result.is_ok() || Instant::now() + delay > given_up {
                return;
            }
            sleep(delay).await;
            delay = (delay * 2).min(DELAY_MAX);
        }
        self.note(notice, &Err("no webhook is registered, so nobody was told".to_owned()));
    }

    async fn call(&self, target: &Target, notice: &Notice) -> Result<(), String> {
        // Real data is pretty-printed, so that who signs it anew gets it wrong here too.
        let data = serde_json::to_vec_pretty(notice).expect("strings and numbers always serialise");
        let request = self.client.post(&target.url).header(header::CONTENT_TYPE, "application/json");
        let request = request.header(SIGNATURE_HEADER, sign(target.client_token.expose_secret(), &data));
        let request = request.header(TYPE_HEADER, "message_callback").body(json(&envelope(notice, &data)));
        let response = request.send().await.map_err(|problem| reasons(&problem))?;
        match response.status() {
            StatusCode::OK => Ok(()),
            status if status.is_success() => Err(format!("answered {status}, and only 200 is success")),
            status if status.is_redirection() => Err(format!("answered {status}, and redirects are not followed")),
            status => Err(format!("answered {status}")),
        }
    }

    fn note(&self, notice: &Notice, result: &Result<(), String>) {
        let result = match result {
            Ok(()) => "200".to_owned(),
            Err(reason) => {
                tracing::warn!(event = notice.event_type, reason, "the webhook did not take a notice");
                reason.clone()
            }
        };
        let mut log = lock(&self.shared.log);
        if log.len() == LOG_LENGTH {
            log.pop_front();
        }
        log.push_back(Delivery { notice: notice.clone(), result });
    }
}

/// As captured in 2022. Which attributes user and server events have is unconfirmed.
fn envelope<'a>(notice: &'a Notice, data: &[u8]) -> Body<'a> {
    let id = Cow::from(Uuid::new_v4().as_u64_pair().0.to_string());
    let kind = if notice.event_type.is_some() { "event" } else { "message" };
    let message = PushMessage {
        data: Some(Base64Text(Cow::Owned(STANDARD.encode(data)))),
        attributes: Some(Attributes {
            project_number: Some("100000000000".into()),
            product: Some("RBM".into()),
            message_type: notice.text.is_some().then(|| "TEXT".into()),
            business_id: notice.agent_id.as_deref().map(Cow::from),
            kind: Some(kind.into()),
            event_type: None,
        }),
        message_id: Some(id.clone()),
        message_id_again: Some(id),
        publish_time: notice.send_time.as_deref().map(Cow::from),
        publish_time_again: notice.send_time.as_deref().map(Cow::from),
    };
    let subscription = Some("projects/rbm-emulator/subscriptions/rbm".into());
    Body { message: Some(message), subscription, ..Body::default() }
}

/// HMAC-SHA512 over the bytes of the document, with the token as it is written.
fn sign(client_token: &str, data: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA512, client_token.as_bytes());
    STANDARD.encode(hmac::sign(&key, data))
}

fn json(body: &Body<'_>) -> Vec<u8> {
    serde_json::to_vec(body).expect("strings always serialise")
}

/// Why, in words, without the request.
fn reasons(problem: &reqwest::Error) -> String {
    let mut reasons = Vec::new();
    let mut cause = std::error::Error::source(problem);
    while let Some(error) = cause {
        reasons.push(error.to_string());
        cause = error.source();
    }
    if problem.is_timeout() { format!("took more than {} s", ANSWER_TIME_MAX.as_secs()) } else { reasons.join(": ") }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
const FIRST_DELAY: Duration = Duration::from_secs(1);
const DELAY_MAX: Duration = Duration::from_mins(10);
const KEPT: Duration = Duration::from_hours(7 * 24);
const LOG_LENGTH: usize = 100;
