//! Calls webhooks: the handshake first, then every notice, signed, at least once, from the one queue of the partner.
//!
//! guides/integrate/webhooks. What is done, and when, is decided without I/O in [`queue`]; what was wrong with an answer is said
//! in words by [`doctor`]. Waiting goes by the emulator's clock, and only the time-out of a call by the machine's.

mod doctor;
mod envelope;
mod faults;
mod handshake;
mod log;
mod queue;
mod settings;
mod targets;

pub use doctor::Complaint;
pub use faults::{FaultProblem, WebhookFault, WebhookFaults};
pub use handshake::{Handshake, SecretAnswer, WebhookProblem};
pub(crate) use log::{Counts, Delivery, Registering};
pub use settings::{DataLayout, LaunchesTo, SecretRule, WebhookSettings};
pub use targets::Level;

use crate::fidelity::{Basis, Behaviour};
use crate::platform::business::{Rewiring, Webhook};
use doctor::Verdict;
use envelope::Envelope;
use jiff::Timestamp;
use log::Log;
pub(crate) use queue::Backlog;
use queue::{Gone, KEPT, Queue, Stream, Turn, Waiting};
use rbm_clock::Clock;
use rbm_wire::callback::{Notice, SIGNATURE_HEADER, TYPE_HEADER};
use rbm_wire::name::AgentId;
use reqwest::{Client, RequestBuilder, Response, Url, header, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use targets::{Registration, after};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// The way to the webhooks.
pub(crate) struct Push {
    client: Client,
    clock: Clock,
    state: Mutex<State>,
    /// Something can be done that could not be before.
    changed: Notify,
    /// A webhook was called, or is not to be.
    pub(crate) told: Notify,
}

struct State {
    queue: Queue,
    settings: Arc<WebhookSettings>,
    seed: Uuid,
    /// With what is left of each dose.
    faults: WebhookFaults,
    log: Log,
    /// Notices so far.
    published: u64,
    /// How often everything was put in the place of what there was.
    generation: u64,
}

/// The way to the webhooks as it is written and read again: what is to be told, and what that which is yet to come follows
/// from. Not to whom.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PushState {
    /// With what is left of each dose.
    pub(crate) settings: WebhookSettings,
    /// Notices so far.
    pub(crate) published: u64,
    pub(crate) backlog: Backlog,
}

/// What there is to see.
pub(crate) struct Status {
    pub(crate) targets: Vec<TargetStatus>,
    /// The webhook that is being called, with a notice that does not count as waiting meanwhile.
    pub(crate) calling: Option<String>,
    pub(crate) waiting: usize,
    /// Those of them that are kept back on purpose.
    pub(crate) held: usize,
    pub(crate) length_max: usize,
    pub(crate) overflowed: u64,
    pub(crate) counts: Counts,
    /// Oldest first.
    pub(crate) deliveries: Vec<Delivery>,
    /// Oldest first.
    pub(crate) registerings: Vec<Registering>,
}

/// A webhook, and how it is doing.
pub(crate) struct TargetStatus {
    pub(crate) level: Level,
    pub(crate) url: String,
    pub(crate) answer: SecretAnswer,
    pub(crate) waiting: usize,
    pub(crate) failures: u32,
    /// None if it is not in a back-off.
    pub(crate) next_attempt: Option<Timestamp>,
}

impl Push {
    /// Starts the queue.
    pub(crate) fn start(
        settings: WebhookSettings,
        clock: Clock,
        seed: Uuid,
    ) -> Result<(Arc<Self>, JoinHandle<()>), String> {
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none());
        let client = client.build().map_err(|problem| problem.to_string())?;
        let queue = Queue::new(settings.queue_length_max, settings.launches_to);
        let (faults, log) = (settings.faults.clone(), Log::default());
        let state = State {
            queue,
            settings: Arc::new(settings),
            seed,
            faults,
            log,
            published: 0,
            generation: 0,
        };
        let push = Self {
            client,
            clock,
            state: Mutex::new(state),
            changed: Notify::new(),
            told: Notify::new(),
        };
        let push = Arc::new(push);
        Ok((push.clone(), tokio::spawn(push.drain())))
    }

    /// Asks a webhook for the secret, and registers it if that is what comes back. Otherwise the one before stays.
    pub(crate) async fn register(
        &self,
        level: Level,
        url: &str,
        client_token: SecretString,
    ) -> Result<Handshake, WebhookProblem> {
        let handshake = self.shake_hands(level, url, &client_token).await?;
        self.wire(&handshake, client_token);
        Ok(handshake)
    }

    /// Asks a webhook for the secret, and registers nothing yet.
    pub(crate) async fn shake_hands(
        &self,
        level: Level,
        url: &str,
        client_token: &SecretString,
    ) -> Result<Handshake, WebhookProblem> {
        let begun = Instant::now();
        let answer = self.ask(url, client_token).await;
        let (url, took) = (url.to_owned(), begun.elapsed());
        let result = answer.map(|answer| Handshake {
            level: level.clone(),
            url: url.clone(),
            answer,
            took,
        });
        let registering = Registering {
            at: self.clock.now(),
            level,
            url,
            result: result.clone(),
        };
        self.state().log.register(registering);
        result
    }

    /// Calls this webhook from now on, in place of the one before.
    fn wire(&self, handshake: &Handshake, client_token: SecretString) {
        let Handshake {
            level, url, answer, ..
        } = handshake.clone();
        self.state().queue.targets.register(Registration {
            level,
            url,
            client_token,
            answer,
        });
        self.changed.notify_one();
    }

    /// Calls another webhook from now on, or none.
    pub(crate) fn rewire(&self, Rewiring { agent, to }: Rewiring) {
        let level = agent.map_or(Level::Partner, Level::Agent);
        let Some(Webhook {
            url,
            client_token,
            answer,
        }) = to
        else {
            self.state().queue.targets.remove(&level);
            return self.changed.notify_one();
        };
        let handshake = Handshake {
            level,
            url,
            answer,
            took: Duration::ZERO,
        };
        self.wire(&handshake, client_token.0.into());
    }

    /// What the calls of a webhook are signed with.
    pub(crate) fn client_token(&self, level: &Level) -> Option<SecretString> {
        self.state().queue.targets.client_token(level).cloned()
    }

    /// Puts a notice at the end of the queue, unless a fault befalls it.
    pub(crate) fn queue(&self, agent: &AgentId, notice: Notice) {
        let now = self.clock.now();
        let mut state = self.state();
        let number = state.published;
        state.published += 1;
        let waiting = Waiting {
            place: 0,
            stream: Stream {
                agent: agent.clone(),
                launches: notice.new_launch_state.is_some(),
            },
            notice: Arc::new(notice),
            publication_id: publication_id(&state.seed, number),
            published_at: now,
            attempts: 0,
            faults: state.draw(number),
        };
        state.admit(waiting, now);
        drop(state);
        self.changed.notify_one();
    }

    pub(crate) fn faults(&self) -> WebhookFaults {
        self.state().faults.clone()
    }

    /// From now on. What was queued before has the faults of then.
    pub(crate) fn set_faults(&self, faults: WebhookFaults) -> Result<(), FaultProblem> {
        faults.check()?;
        self.state().faults = faults;
        Ok(())
    }

    /// As it is now.
    pub(crate) fn saved(&self) -> PushState {
        let state = self.state();
        PushState {
            settings: WebhookSettings {
                faults: state.faults.clone(),
                ..(*state.settings).clone()
            },
            published: state.published,
            backlog: state.queue.backlog(),
        }
    }

    /// In place of what there was. The webhooks stay registered; what they are being told is not told again.
    pub(crate) fn go_on_with(&self, saved: PushState, seed: Uuid) {
        let PushState {
            settings,
            published,
            backlog,
        } = saved;
        let mut state = self.state();
        state
            .queue
            .go_on_with(backlog, settings.queue_length_max, settings.launches_to);
        (state.faults, state.settings) = (settings.faults.clone(), Arc::new(settings));
        (state.seed, state.published) = (seed, published);
        state.generation += 1;
        drop(state);
        self.changed.notify_one();
        self.told.notify_waiters();
    }

    /// Of what became of notices; registrations and attempts at them are kept.
    pub(crate) fn forget_deliveries(&self) {
        self.state().log.forget_deliveries();
    }

    pub(crate) fn status(&self) -> Status {
        let now = self.clock.now();
        let state = self.state();
        let target = |target: &targets::Target| TargetStatus {
            level: target.registration.level.clone(),
            url: target.registration.url.clone(),
            answer: target.registration.answer.clone(),
            waiting: state.queue.waiting_for(target),
            failures: target.failures,
            next_attempt: target.resumes_at.filter(|resumes_at| *resumes_at > now),
        };
        Status {
            targets: state.queue.targets.all().map(target).collect(),
            calling: state
                .queue
                .calling
                .as_ref()
                .map(|registration| registration.url.clone()),
            waiting: state.queue.len(),
            held: state.queue.held(),
            length_max: state.settings.queue_length_max,
            overflowed: state.queue.overflowed,
            counts: state.log.counts,
            deliveries: state.log.deliveries.iter().cloned().collect(),
            registerings: state.log.registerings.iter().cloned().collect(),
        }
    }

    async fn ask(
        &self,
        url: &str,
        client_token: &SecretString,
    ) -> Result<SecretAnswer, WebhookProblem> {
        let settings = self.settings();
        let address = parse(url, &settings)?;
        let secret = Uuid::new_v4().simple().to_string();
        let token = client_token.expose_secret();
        let failed = |complaint| WebhookProblem::Call {
            url: url.to_owned(),
            complaint,
        };
        let unanswered = |problem| {
            failed(Complaint::without_answer(
                &problem,
                settings.answer_time_max,
            ))
        };
        let request = self
            .client
            .post(address)
            .timeout(settings.answer_time_max)
            .header(header::CONTENT_TYPE, "application/json");
        let request = typed(request, settings.type_header.then_some("verification"));
        let request = request.body(envelope::handshake(token, &secret));
        let response = request.send().await.map_err(unanswered)?;
        if let Some(complaint) = Complaint::about(&response) {
            return Err(failed(complaint));
        }
        let body = read(response, handshake::ANSWER_BYTES_MAX)
            .await
            .map_err(unanswered)?;
        let answer = SecretAnswer::judge(&secret, token, &body);
        if answer.does(settings.secret) {
            return Ok(answer);
        }
        Err(WebhookProblem::WrongAnswer {
            url: url.to_owned(),
            answer,
        })
    }

    async fn drain(self: Arc<Self>) {
        loop {
            let now = self.clock.now();
            let (turn, generation) = self.state().turn(now);
            match turn {
                Turn::Call(waiting, registration) => {
                    self.deliver(waiting, &registration, generation).await;
                }
                Turn::Drop(waiting, gone) => {
                    self.state()
                        .log
                        .note(Delivery::new(now, &waiting, gone.into()));
                }
                Turn::WaitUntil(time) => tokio::select! {
                    () = self.clock.sleep_until(time) => {}
                    () = self.changed.notified() => {}
                },
                Turn::Idle => self.changed.notified().await,
            }
            self.told.notify_waiters();
        }
    }

    async fn deliver(&self, waiting: Waiting, registration: &Arc<Registration>, generation: u64) {
        let begun = Instant::now();
        let result = self.call(&waiting, registration).await;
        let (took, now) = (begun.elapsed(), self.clock.now());
        let mut state = self.state();
        if state.generation != generation {
            // It is no part of what there is now.
            return;
        }
        let was = waiting.clone();
        let verdict = match result {
            Ok(()) => {
                state.queue.succeeded(registration);
                let is_bad = waiting.faults.contains(&WebhookFault::BadSignature);
                if is_bad {
                    Verdict::TakenBadlySigned
                } else {
                    Verdict::Taken
                }
            }
            Err(complaint) => {
                let kept_until = after(waiting.published_at, KEPT);
                let first_delay = state.settings.first_delay;
                let again_at = state.queue.failed(waiting, registration, now, first_delay);
                Verdict::NotTaken {
                    complaint,
                    again_at,
                    kept_until,
                }
            }
        };
        let url = Some(registration.url.clone());
        state.log.note(Delivery {
            url,
            took,
            ..Delivery::new(now, &was, verdict)
        });
    }

    /// The body of an answer means nothing, so nobody waits for it.
    async fn call(&self, waiting: &Waiting, registration: &Registration) -> Result<(), Complaint> {
        let (settings, oversize_bytes) = (self.settings(), self.state().faults.oversize_bytes);
        let token = registration.client_token.expose_secret();
        let envelope = Envelope::new(waiting, token, &settings, oversize_bytes);
        let request = self
            .client
            .post(&registration.url)
            .timeout(settings.answer_time_max)
            .header(header::CONTENT_TYPE, "application/json");
        let request = typed(request, envelope.kind);
        let request = match envelope.signature {
            Some(signature) => request.header(SIGNATURE_HEADER, signature),
            None => request,
        };
        let unanswered = |problem| Complaint::without_answer(&problem, settings.answer_time_max);
        let response = request
            .body(envelope.body)
            .send()
            .await
            .map_err(unanswered)?;
        Complaint::about(&response).map_or(Ok(()), Err)
    }

    fn settings(&self) -> Arc<WebhookSettings> {
        self.state().settings.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn turn(&mut self, now: Timestamp) -> (Turn, u64) {
        (self.queue.turn(now), self.generation)
    }

    fn draw(&mut self, number: u64) -> BTreeSet<WebhookFault> {
        self.faults.draw(&self.seed, number)
    }

    fn admit(&mut self, waiting: Waiting, now: Timestamp) {
        let has = |fault| waiting.faults.contains(&fault);
        let in_seconds = |seconds: u32| after(now, Duration::from_secs(seconds.into()));
        if has(WebhookFault::Dropped) {
            return self.log.note(Delivery::new(now, &waiting, Verdict::Lost));
        }
        let plain = || Waiting {
            faults: [WebhookFault::Duplicate].into(),
            ..waiting.clone()
        };
        let copy = has(WebhookFault::Duplicate).then(plain);
        if has(WebhookFault::Late) {
            self.queue
                .hold(waiting, in_seconds(self.faults.late_seconds));
        } else if has(WebhookFault::Reordered) {
            self.queue
                .swap(waiting, in_seconds(self.faults.reordered_seconds));
        } else {
            self.queue.push(waiting);
        }
        if let Some(copy) = copy {
            self.queue.push(copy);
        }
    }
}

impl From<Gone> for Verdict {
    fn from(gone: Gone) -> Self {
        match gone {
            Gone::Expired => Self::Expired,
            Gone::NoWebhook => Self::NoWebhook,
        }
    }
}

fn parse(url: &str, settings: &WebhookSettings) -> Result<Url, WebhookProblem> {
    let no_address = |reason: String| WebhookProblem::Address {
        url: url.to_owned(),
        reason,
    };
    let address = Url::parse(url).map_err(|problem| no_address(problem.to_string()))?;
    match address.scheme() {
        "https" => Ok(address),
        "http" if !settings.https_only => Ok(address),
        scheme => {
            let wanted = if settings.https_only {
                "https"
            } else {
                "https or http"
            };
            Err(no_address(format!(
                "it begins with {scheme}, and must with {wanted}"
            )))
        }
    }
}

fn typed(request: RequestBuilder, kind: Option<&'static str>) -> RequestBuilder {
    match kind {
        Some(kind) => request.header(TYPE_HEADER, kind),
        None => request,
    }
}

/// The beginning of a body: of one that is longer, one byte more.
pub(crate) async fn read(
    mut response: Response,
    bytes_max: usize,
) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > bytes_max {
            body.truncate(bytes_max + 1);
            break;
        }
    }
    Ok(body)
}

/// Sixteen digits, as captured.
fn publication_id(seed: &Uuid, number: u64) -> String {
    let drawn = Uuid::new_v5(seed, format!("publication {number}").as_bytes())
        .as_u64_pair()
        .0;
    (PUBLICATION_ID_MIN + drawn % (9 * PUBLICATION_ID_MIN)).to_string()
}

const PUBLICATION_ID_MIN: u64 = 1_000_000_000_000_000;

const ONLY_200: &Behaviour = &Behaviour {
    id: "webhook-only-200",
    what: "Only 200 is success: anything else, and no answer, is tried again",
    basis: Basis::Documented,
    source: "guides/integrate/webhooks; that the answer's body means nothing, and that redirects are not followed, is assumed",
    switch: None,
    test: "each_way_to_fail_is_named_and_tried_again",
};
const TIME_OUT: &Behaviour = &Behaviour {
    id: "webhook-time-out",
    what: "A webhook has 30 s to answer, in real time",
    basis: Basis::Assumed,
    source: "guides/integrate/webhooks counts time-outs as failures, and does not say after how long",
    switch: Some("webhooks.answer_time_max"),
    test: "each_way_to_fail_is_named_and_tried_again",
};
const SAME_PUBLICATION: &Behaviour = &Behaviour {
    id: "webhook-same-publication",
    what: "What comes again has the same ids inside and outside, and the same publishTime",
    basis: Basis::Assumed,
    source: "as Cloud Pub/Sub does; guides/learn/best-practices promises the ids inside only",
    switch: None,
    test: "no_notice_is_lost_when_a_receiver_fails_for_a_while",
};

const DOCTOR: &Behaviour = &Behaviour {
    id: "webhook-doctor",
    what: "GET /emulator/webhooks says of each call what was wrong with its answer, and what follows",
    basis: Basis::Assumed,
    source: "ours: Google says nothing",
    switch: None,
    test: "each_way_to_fail_is_named_and_tried_again",
};
const CLOCK: &Behaviour = &Behaviour {
    id: "webhook-clock",
    what: "Back-off and the seven days go by the emulator's clock, and only the time of one call by the machine's",
    basis: Basis::Assumed,
    source: "ours, so that a test need not wait",
    switch: None,
    test: "a_notice_is_tried_for_seven_days_and_then_dropped",
};
const OWN: &[&Behaviour] = &[ONLY_200, TIME_OUT, SAME_PUBLICATION, DOCTOR, CLOCK];

/// All that is decided here.
pub(crate) const BEHAVIOURS: &[&[&Behaviour]] = &[
    OWN,
    envelope::BEHAVIOURS,
    faults::BEHAVIOURS,
    handshake::BEHAVIOURS,
    queue::BEHAVIOURS,
    targets::BEHAVIOURS,
];

#[cfg(test)]
mod tests;
