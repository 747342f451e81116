//! Stands in for Google's RCS Business Messaging platform on one machine: takes messages over Google's own API, delivers
//! them to phones that read and answer, and calls a webhook as Google does.
//!
//! It knows nothing of the plugin, so it can test anybody's client. What it does is one state machine without I/O
//! ([`platform`]); around it are the HTTP API, the token endpoint and the webhook queue. Where Google's pages say nothing, a
//! comment says what is assumed, and [`fidelity`] lists it.
//!
//! Google has hosts for its regions. They are told apart by the `Host` header, or for a client that knows one address only by
//! the beginning of the path: `http://127.0.0.1:8788/us/` is what `https://us-rcsbusinessmessaging.googleapis.com/` is there.
//! Below `http://127.0.0.1:8788/businesscommunications/`, and by its `Host` header, is the part of the Business Communications
//! API in which brands, agents, launches and webhooks are managed.
//! The discovery document at `/$discovery/rest?version=v1` names the address that it was asked for at, so a client that is
//! generated from it needs no other setting.

mod api;
mod check;
mod connection;
mod dose;
mod entries;
mod excerpt;
mod faults;
pub mod fidelity;
mod json;
mod length;
mod mask;
mod named;
pub mod phone;
pub mod platform;
mod push;
mod record;
mod refusal;
mod region;
pub mod scenario;
mod schema;
mod state;
mod subject;
mod token;
mod update_mask;
mod upload;
mod upstream;
mod wait;

pub use dose::Dose;
use faults::FaultDraws;
pub use faults::{FaultRule, RequestFault, RequestFaultProblem, RequestFaults};
use jiff::Timestamp;
pub use json::JsonSyntax;
pub use named::Named;
use phone::{Act, Phone};
use platform::{Agent, Command, Do, Pass, PhoneProblem, Platform, Rules, Said};
use push::Push;
pub use push::{
    Complaint, DataLayout, FaultProblem, Handshake, LaunchesTo, Level, SecretAnswer, SecretRule,
    WebhookFault, WebhookFaults, WebhookProblem, WebhookSettings,
};
use rbm_clock::Clock;
use rbm_wire::auth::SCOPE;
use rbm_wire::message::AgentEvent;
use rbm_wire::name::{AgentId, PhoneNumber};
use record::Records;
pub use record::{Exchange, KeptRequests, RequestFilter};
pub use region::BatchGetHost;
use scenario::ApiSettings;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use state::Start;
pub use state::StateProblem;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use token::{MANAGEMENT, TokenService};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinHandle;
use upload::Uploads;
use upstream::Comparing;
pub use upstream::{
    Comparison, Counts, Difference, Differing, Failure, Finding, Kind, Summary, Uncompared,
    Upstream, UpstreamAddress, UpstreamProblem,
};
use uuid::Uuid;
pub use wait::{Awaited, Found, ShownMessage, WaitProblem};

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
    /// What goes wrong with requests from the start.
    pub faults: RequestFaults,
    /// How many requests are kept to be looked at.
    pub kept_requests: KeptRequests,
    /// A real endpoint, which answers in the place of the twin; the twin is compared with it.
    pub upstream: Option<Upstream>,
    /// Makes the ids of events, and draws faults; the same seed makes and draws the same.
    pub seed: Uuid,
}

/// The answer to a message id that was used before: the message is ignored either way.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatedId {
    /// 200 and the first answer again. Assumed.
    Ok,
    /// 409 `ALREADY_EXISTS`. Assumed.
    Conflict,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            agents: vec![Agent::launched(
                AgentId::parse("demo").expect("a plain word"),
            )],
            phones: phone::demo(),
            rules: Rules::default(),
            repeated_id: RepeatedId::Ok,
            token_origin: None,
            token_lifetime: token::TOKEN_LIFETIME,
            json: JsonSyntax::Strict,
            batch_get_host: BatchGetHost::Any,
            clock: Clock::starting_at(Timestamp::now()),
            webhooks: WebhookSettings::default(),
            faults: RequestFaults::default(),
            kept_requests: KeptRequests::default(),
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
    /// Faults that make no sense.
    #[error("the emulator has no such faults: {0}")]
    Faults(#[from] RequestFaultProblem),
    /// No client for the webhooks.
    #[error("the emulator has no HTTP client: {0}")]
    Client(String),
    /// An endpoint that nothing can be compared with.
    #[error("the upstream {0}")]
    Upstream(#[from] UpstreamProblem),
}

/// A phone as somebody sees it who looks at it.
#[derive(Clone, Debug)]
pub struct PhoneView {
    /// What it is and can do.
    pub phone: Phone,
    /// What it was sent, in order, also what is not on it yet or any more.
    pub messages: Vec<ShownMessage>,
    /// What its person said, in order.
    pub said: Vec<Said>,
    /// The events of agents that it was shown, in order.
    pub signals: Vec<AgentEvent>,
    /// The agents that it shows as typing.
    pub typing: Vec<AgentId>,
}

/// A running emulator.
///
/// A test starts one, points its client at it, and waits for what is to happen:
///
/// ```
/// use rbm_emulator::phone::Act;
/// use rbm_emulator::platform::State;
/// use rbm_emulator::{Awaited, Emulator, Found, Options};
/// use rbm_wire::name::{MessageId, PhoneNumber};
/// use std::time::Duration;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let emulator = Emulator::start_on_any_port(Options::default()).await?;
/// let phone = PhoneNumber::parse("+15550100002")?;
///
/// // A client sends a message to a phone.
/// let path = format!("v1/phones/{phone}/agentMessages?messageId=m1&agentId=demo");
/// let request = reqwest::Client::new().post(format!("{}/{path}", emulator.origin()));
/// let request = request.bearer_auth(emulator.access_token()).body(r#"{"contentMessage": {"text": "Hello"}}"#);
/// request.send().await?.error_for_status()?;
///
/// let id = MessageId::parse("m1")?;
/// let read = Awaited::Message { phone: phone.clone(), agent: None, id, state: State::Read };
/// let Found::Message(message) = emulator.wait_for(&read, Duration::from_secs(10)).await? else { unreachable!() };
/// assert_eq!(message.content.text.as_deref(), Some("Hello"));
///
/// // Its person answers.
/// emulator.act(&phone, None, Act::Text("Hello yourself".into()))?;
/// assert_eq!(emulator.phone(&phone).said[0].notice.text.as_deref(), Some("Hello yourself"));
/// emulator.shutdown().await;
/// # Ok(())
/// # }
/// ```
pub struct Emulator {
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    tasks: Vec<JoinHandle<()>>,
}

/// What the parts have in common.
pub(crate) struct Shared {
    pub(crate) origin: String,
    start: Start,
    answering: Mutex<ApiSettings>,
    pub(crate) clock: Clock,
    pub(crate) tokens: TokenService,
    pub(crate) push: Arc<Push>,
    faults: Mutex<FaultDraws>,
    records: Mutex<Records>,
    pub(crate) upstream: Option<Comparing>,
    uploads: Mutex<Uploads>,
    platform: Mutex<Platform>,
    /// Something was put on the schedule.
    scheduled: Notify,
    /// A command was done, or a request answered.
    pub(crate) happened: Notify,
    /// It is over.
    stopped: watch::Sender<bool>,
}

impl Emulator {
    /// Starts to serve. Returns when the address takes connections and the service account has its key.
    pub async fn start(listener: TcpListener, options: Options) -> Result<Self, StartProblem> {
        options.faults.check()?;
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
        let reading = options.clock.reading();
        let answering = ApiSettings {
            repeated_id: options.repeated_id,
            json: options.json,
            batch_get_host: options.batch_get_host,
            token_lifetime: options.token_lifetime,
        };
        let start = Start {
            agents: options.agents,
            phones: options.phones,
            rules: options.rules,
            seed: options.seed,
            clock: reading,
            api: answering,
            webhooks: options.webhooks.clone(),
            faults: options.faults.clone(),
        };
        let (push, pushing) = Push::start(options.webhooks, options.clock.clone(), options.seed)
            .map_err(StartProblem::Client)?;
        let shared = Arc::new(Shared {
            origin,
            platform: Mutex::new(start.platform(reading.now)),
            start,
            answering: Mutex::new(answering),
            clock: options.clock,
            tokens,
            push,
            faults: Mutex::new(FaultDraws::new(options.faults)),
            records: Mutex::new(Records::new(options.kept_requests)),
            upstream,
            uploads: Mutex::default(),
            scheduled: Notify::new(),
            happened: Notify::new(),
            stopped: watch::Sender::new(false),
        });
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(api::serve(listener, shared.clone(), async {
            stopped.await.unwrap_or_default();
        }));
        let living = tokio::spawn(live(shared.clone()));
        Ok(Self {
            shared,
            stop: Some(stop),
            tasks: vec![serving, living, pushing],
        })
    }

    /// The same at an address of this machine that nobody else uses: [`Self::origin`] says which.
    pub async fn start_on_any_port(options: Options) -> Result<Self, StartProblem> {
        Self::start(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?, options).await
    }

    /// `http://127.0.0.1:8788`
    pub fn origin(&self) -> &str {
        &self.shared.origin
    }

    /// A key file as Google's console gives it out, whose `token_uri` is this emulator's.
    pub fn service_account(&self) -> String {
        self.shared.tokens.service_account()
    }

    /// A token as the token endpoint gives it out, for a client that has none and is not tested for it.
    pub fn access_token(&self) -> String {
        self.shared.tokens.token(SCOPE)
    }

    /// The same for the API that manages brands and agents.
    pub fn management_token(&self) -> String {
        self.shared.tokens.token(MANAGEMENT.scope)
    }

    /// Registers the webhook that hears of everything, which must answer the handshake first: the one agent's, or if there are
    /// several the partner's.
    pub async fn register_webhook(
        &self,
        url: &str,
        client_token: SecretString,
    ) -> Result<Handshake, WebhookProblem> {
        let agents: Vec<AgentId> = self.shared.platform().agents().cloned().collect();
        let level =
            <[AgentId; 1]>::try_from(agents).map_or(Level::Partner, |[agent]| Level::Agent(agent));
        self.register_webhook_of(level, url, client_token).await
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

    /// What a phone shows now.
    pub fn phone(&self, number: &PhoneNumber) -> PhoneView {
        let now = self.shared.clock.now();
        let platform = self.shared.platform();
        let typing = platform
            .agents()
            .filter(|agent| platform.is_typing(number, agent, now));
        PhoneView {
            phone: platform.phone(number).into_owned(),
            messages: platform.shown(number).map(ShownMessage::from).collect(),
            said: platform.said(number).cloned().collect(),
            signals: platform.signals(number).cloned().collect(),
            typing: typing.cloned().collect(),
        }
    }

    /// A person does something: in the conversation with this agent, or else in the one of the newest message, or with the first
    /// agent.
    pub fn act(
        &self,
        phone: &PhoneNumber,
        agent: Option<&AgentId>,
        act: Act,
    ) -> Result<(), PhoneProblem> {
        self.shared.apply(Do {
            phone: phone.clone(),
            agent: agent.cloned(),
            act,
        })
    }

    /// Waits until something has happened, or for so long in real time, at most five minutes.
    pub async fn wait_for(&self, awaited: &Awaited, time: Duration) -> Result<Found, WaitProblem> {
        wait::wait_for(&self.shared, awaited, time).await
    }

    /// What goes wrong with requests of Google's methods from now on, in place of what did before.
    pub fn set_faults(&self, faults: RequestFaults) -> Result<(), RequestFaultProblem> {
        self.shared.set_faults(faults)
    }

    /// The requests that came to Google's methods, to the token endpoint and to addresses that no method has; oldest first, and only
    /// those that are still kept.
    pub fn requests(&self, filter: &RequestFilter) -> Vec<Exchange> {
        let found: Vec<_> = self.shared.records().matching(filter).cloned().collect();
        found.iter().map(|record| record.exchange()).collect()
    }

    /// Forgets the requests so far. The numbers of those to come go on.
    pub fn forget_requests(&self) {
        self.shared.records().forget();
    }

    /// Everything that the platform knows and owes, as JSON: to be kept, and imported by this emulator or another one.
    ///
    /// Agents, phones, messages, ids, testers, quotas, the names of files, what is planned, what waits for webhooks, faults, the time and
    /// the settings are in it. Registrations of webhooks, keys and tokens are not, and neither are the requests that were received and
    /// uploads that are not complete.
    pub fn export_state(&self) -> String {
        state::save(&self.shared)
    }

    /// Puts what was exported in the place of everything that there is. Refused whole if anything is wrong with it.
    ///
    /// Webhooks stay registered, and are told what waits for them in it, at once or when they are registered. A clock that shows an earlier time jumps to the document's;
    /// if it shows a later one, what was due in between happens now.
    pub fn import_state(&self, document: &str) -> Result<(), StateProblem> {
        state::restore(&self.shared, document.as_bytes())
    }

    /// Everything is as it was started, but for the time. Webhooks stay registered, and tokens stay good.
    pub fn reset(&self) {
        state::reset(&self.shared);
    }

    /// How the twin compares with its upstream so far; none if it has none.
    pub fn comparison(&self) -> Option<Comparison> {
        self.shared
            .upstream
            .as_ref()
            .map(|upstream| upstream.report().comparison())
    }

    /// The requests that the twin would have answered otherwise than its upstream; oldest first, and only those that are still
    /// kept.
    pub fn differences(&self) -> Vec<Difference> {
        self.shared
            .upstream
            .iter()
            .flat_map(|upstream| {
                upstream
                    .report()
                    .differences(0)
                    .cloned()
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// Stops at once. What was not delivered to the webhook is gone.
    pub async fn shutdown(mut self) {
        self.shared.stopped.send_replace(true);
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
        effects
            .into_iter()
            .for_each(|effect| self.push.queue(&effect.agent, effect.notice));
        platform
            .take_rewirings()
            .into_iter()
            .for_each(|rewiring| self.push.rewire(rewiring));
        drop(platform);
        self.scheduled.notify_one();
        self.happened.notify_waiters();
        answer
    }

    pub(crate) fn set_faults(&self, faults: RequestFaults) -> Result<(), RequestFaultProblem> {
        faults.check()?;
        *self.faults() = FaultDraws::new(faults);
        Ok(())
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, FaultDraws> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How Google's methods answer.
    pub(crate) fn answering(&self) -> ApiSettings {
        *self
            .answering
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_answering(&self, answering: ApiSettings) {
        self.tokens.set_lifetime(answering.token_lifetime);
        *self
            .answering
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = answering;
    }

    pub(crate) fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the emulator stops.
    pub(crate) async fn stopped(&self) {
        let _ = self.stopped.subscribe().wait_for(|stopped| *stopped).await;
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
