//! Stands in for Google's RCS Business Messaging platform on one machine: takes messages over Google's own API, delivers
//! them to phones that read and answer, and calls a webhook as Google does.
//!
//! It knows nothing of the plugin, so it can test anybody's client. What it does is one state machine without I/O
//! ([`platform`]); around it are the HTTP API, the token endpoint and the webhook queue. Where Google's pages say nothing, a
//! comment says what is assumed, and [`fidelity`] lists it.
//!
//! Google has hosts for its regions. They are told apart by the `Host` header, or for a client that knows one address only by
//! the beginning of the path: `http://127.0.0.1:8788/us/` is what `https://us-rcsbusinessmessaging.googleapis.com/` is there.
//! The discovery document at `/$discovery/rest?version=v1` names the address that it was asked for at, so a client that is
//! generated from it needs no other setting.

mod api;
mod check;
mod excerpt;
pub mod fidelity;
mod json;
mod mask;
pub mod phone;
pub mod platform;
mod push;
mod refusal;
mod region;
mod schema;
mod token;
mod upload;
mod upstream;

use jiff::Timestamp;
pub use json::JsonSyntax;
use phone::Phone;
use platform::{Agent, Command, Pass, Platform, Rules};
use push::Push;
pub use push::{
    Complaint, DataLayout, Dose, FaultProblem, Handshake, LaunchesTo, Level, SecretAnswer, SecretRule, WebhookFault,
    WebhookFaults, WebhookProblem, WebhookSettings,
};
use rbm_clock::Clock;
use rbm_wire::name::AgentId;
pub use region::BatchGetHost;
use secrecy::SecretString;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use token::TokenService;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use upload::Uploads;
use upstream::Comparing;
pub use upstream::{
    Comparison, Counts, Difference, Differing, Failure, Finding, Kind, Summary, Uncompared, Upstream, UpstreamAddress,
    UpstreamProblem,
};
use uuid::Uuid;

/// What to stand in for.
pub struct Options {
    /// The agents.
    pub agents: Vec<Agent>,
    /// The phones that are listed; any other number is online, and its person does what the rules say.
    pub phones: Vec<Phone>,
    /// Where Google's pages leave something open, or disagree.
    pub rules: Rules,
    /// What is answered to a message id that was used before. Google's pages do not say.
    pub repeated_id: RepeatedId,
    /// Where its key file says that tokens are to be had, if something stands before it; by itself if not.
    pub token_origin: Option<String>,
    /// How long a token lasts. Parts of a second do not count.
    pub token_lifetime: Duration,
    /// Which JSON clients may write. The header `X-Emulator-Json: strict` or `lenient` chooses for one request.
    pub json: JsonSyntax,
    /// Where `users.batchGet` answers.
    pub batch_get_host: BatchGetHost,
    /// The time of the platform and its phones; a gateway beside the emulator shares it. Whoever has it may move it. By default it
    /// goes with the machine's.
    pub clock: Clock,
    /// How webhooks are called.
    pub webhooks: WebhookSettings,
    /// A real endpoint, which answers in the place of the twin; the twin is compared with it.
    pub upstream: Option<Upstream>,
    /// Makes the ids of events, and draws faults; the same seed makes and draws the same.
    pub seed: Uuid,
}

/// The answer to a message id that was used before: the message is ignored either way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RepeatedId {
    /// 200 and the first answer again. Assumed.
    Ok,
    /// 409 `ALREADY_EXISTS`. Assumed.
    Conflict,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            agents: vec![Agent::launched(AgentId::parse("demo").expect("a plain word"))],
            phones: phone::demo(),
            rules: Rules::default(),
            repeated_id: RepeatedId::Ok,
            token_origin: None,
            token_lifetime: token::TOKEN_LIFETIME,
            json: JsonSyntax::Strict,
            batch_get_host: BatchGetHost::Any,
            clock: Clock::starting_at(Timestamp::now()),
            webhooks: WebhookSettings::default(),
            upstream: None,
            seed: Uuid::new_v4(),
        }
    }
}

/// Why it did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartProblem {
    /// The listener is of no use.
    #[error("the emulator cannot listen: {0}")]
    Listener(#[from] std::io::Error),
    /// No key for the service account.
    #[error("the emulator has no key: {0}")]
    Key(String),
    /// No client for the webhooks.
    #[error("the emulator has no HTTP client: {0}")]
    Client(String),
    /// An endpoint that nothing can be compared with.
    #[error("the upstream {0}")]
    Upstream(#[from] UpstreamProblem),
}

/// A running emulator.
pub struct Emulator {
    shared: Arc<Shared>,
    /// Of the webhook that hears of everything.
    level: Level,
    stop: Option<oneshot::Sender<()>>,
    tasks: Vec<JoinHandle<()>>,
}

/// What the parts have in common.
pub(crate) struct Shared {
    pub(crate) origin: String,
    pub(crate) repeated_id: RepeatedId,
    pub(crate) json: JsonSyntax,
    pub(crate) batch_get_host: BatchGetHost,
    pub(crate) clock: Clock,
    pub(crate) tokens: TokenService,
    pub(crate) push: Arc<Push>,
    pub(crate) upstream: Option<Comparing>,
    uploads: Mutex<Uploads>,
    platform: Mutex<Platform>,
    /// Something was put on the schedule.
    scheduled: Notify,
}

impl Emulator {
    /// Starts to serve. Returns when the address takes connections and the service account has its key.
    pub async fn start(listener: TcpListener, options: Options) -> Result<Self, StartProblem> {
        let address = listener.local_addr()?;
        let origin = format!("http://{address}");
        let upstream = match options.upstream {
            Some(upstream) => Some(Comparing::start(upstream, address).await?),
            None => None,
        };
        let token_origin = options.token_origin.as_deref().unwrap_or(&origin);
        // A client signs by its own clock, which goes on as ever when this one is moved.
        let tokens = TokenService::new(token_origin, options.token_lifetime, Clock::system()).await;
        let tokens = tokens.map_err(StartProblem::Key)?;
        let level = match options.agents.as_slice() {
            [agent] => Level::Agent(agent.id.clone()),
            _ => Level::Partner,
        };
        let now = options.clock.now();
        let (push, pushing) =
            Push::start(options.webhooks, options.clock.clone(), options.seed).map_err(StartProblem::Client)?;
        let shared = Arc::new(Shared {
            origin,
            repeated_id: options.repeated_id,
            json: options.json,
            batch_get_host: options.batch_get_host,
            clock: options.clock,
            tokens,
            push,
            upstream,
            uploads: Mutex::default(),
            platform: Mutex::new(Platform::new(options.agents, options.phones, options.rules, options.seed, now)),
            scheduled: Notify::new(),
        });
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(api::serve(listener, shared.clone(), async { stopped.await.unwrap_or_default() }));
        let living = tokio::spawn(live(shared.clone()));
        Ok(Self { shared, level, stop: Some(stop), tasks: vec![serving, living, pushing] })
    }

    /// `http://127.0.0.1:8788`
    pub fn origin(&self) -> &str {
        &self.shared.origin
    }

    /// A key file as Google's console gives it out, whose `token_uri` is this emulator's.
    pub fn service_account(&self) -> String {
        self.shared.tokens.service_account()
    }

    /// Registers the webhook that hears of everything, which must answer the handshake first: the one agent's, or if there are
    /// several the partner's.
    pub async fn register_webhook(&self, url: &str, client_token: SecretString) -> Result<Handshake, WebhookProblem> {
        self.register_webhook_of(self.level.clone(), url, client_token).await
    }

    /// Registers a webhook of an agent or of the partner, which must answer the handshake first.
    pub async fn register_webhook_of(
        &self,
        level: Level,
        url: &str,
        client_token: SecretString,
    ) -> Result<Handshake, WebhookProblem> {
        self.shared.push.register(level, url, client_token).await
    }

    /// How the twin compares with its upstream so far; none if it has none.
    pub fn comparison(&self) -> Option<Comparison> {
        self.shared.upstream.as_ref().map(|upstream| upstream.report().comparison())
    }

    /// The requests that the twin would have answered otherwise than its upstream; oldest first, and only those that are still
    /// kept.
    pub fn differences(&self) -> Vec<Difference> {
        self.shared
            .upstream
            .iter()
            .flat_map(|upstream| upstream.report().differences(0).cloned().collect::<Vec<_>>())
            .collect()
    }

    /// Stops at once. What was not delivered to the webhook is gone.
    pub async fn shutdown(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        for task in self.tasks {
            task.abort();
            let _ = task.await;
        }
    }
}

impl Shared {
    /// Does something to the platform now, and passes on what webhooks are to be told.
    pub(crate) fn apply<C: Command>(&self, command: C) -> C::Answer {
        let mut platform = self.platform();
        let (answer, effects) = platform.apply(self.clock.now(), command);
        // In the order in which it happened, so before somebody else does something.
        effects.into_iter().for_each(|effect| self.push.queue(&effect.agent, effect.notice));
        drop(platform);
        self.scheduled.notify_one();
        answer
    }

    pub(crate) fn uploads(&self) -> MutexGuard<'_, Uploads> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To look at; who changes something does it by [`Self::apply`].
    pub(crate) fn platform(&self) -> MutexGuard<'_, Platform> {
        self.platform.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets time pass on the phones.
async fn live(shared: Arc<Shared>) {
    loop {
        let next = shared.platform().next_due();
        match next {
            Some(due) if due <= shared.clock.now() => shared.apply(Pass),
            Some(due) => tokio::select! {
                () = shared.clock.sleep_until(due) => {}
                () = shared.scheduled.notified() => {}
            },
            None => shared.scheduled.notified().await,
        }
    }
}
