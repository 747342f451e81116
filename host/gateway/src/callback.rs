//! Callbacks: every event is posted to an application's address, signed as Standard Webhooks has it, until it is taken, for
//! days if need be.
//!
//! A callback reads what the store keeps, so it delays no webhook, and has a cursor of its own, so it delays no other callback.
//! Delivery is at least once: the same event has the same `webhook-id` in each attempt. What is given up is a dead letter,
//! which stays and can be replayed. Nothing goes to addresses inside unless that is allowed, and no redirect is followed.

mod attempt;
mod conclude;
mod runner;
mod schedule;
mod secret;
mod status;
mod window;

use crate::store::Store;
use crate::{Agent, AgentNames, StartProblem};
use rbm_clock::Clock;
use rbm_host::address::is_private;
use rbm_json::excerpt::excerpt;
pub use schedule::Schedule;
use secrecy::SecretString;
use secret::SigningSecret;
pub use status::{LastAnswer, Seen, Status};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use url::Url;

/// Where events go, as somebody wrote it.
#[derive(Clone, Debug)]
pub struct CallbackSettings {
    /// What its progress is kept under: 1 to 64 of `a-z`, `A-Z`, `0-9`, `-` and `_`. Another name is another callback.
    pub name: String,
    /// Where to post.
    pub url: String,
    /// One; several while one takes the place of another: each signs.
    pub secrets: Vec<SecretString>,
    /// Whose events, by the gateway's names; empty for all.
    pub agents: Vec<String>,
    /// With which events it begins when its name is new.
    pub from: StartFrom,
    /// Whether an event waits for the earlier ones of its agent and phone.
    pub ordered: bool,
    /// Whether this machine and this network may be posted to, and in the clear.
    pub allow_private_addresses: bool,
}

/// With which events a new callback begins.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum StartFrom {
    /// Those that come from its start on.
    #[default]
    Now,
    /// The oldest one that is kept.
    Oldest,
}

/// Where events go.
#[derive(Clone, Debug)]
pub struct Callback {
    name: String,
    url: Url,
    secrets: Vec<SigningSecret>,
    agents: Vec<String>,
    /// What the rows of those agents go by.
    agent_keys: Vec<String>,
    from: StartFrom,
    ordered: bool,
    private_addresses: bool,
    schedule: Schedule,
}

/// Why there is no callback.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum CallbackProblem {
    /// It cannot be named in a path.
    #[error("the callback's name {0:?} must be 1 to 64 of a-z, A-Z, 0-9, - and _")]
    Name(String),
    /// Not an address to post to.
    #[error("the url {url:?} of the callback {name} cannot be posted to: {rule}")]
    Address {
        /// Whose.
        name: String,
        /// As given, without a password.
        url: String,
        /// What it must be.
        rule: String,
    },
    /// Not a secret to sign with.
    #[error("secret {number} of the callback {name} is none: {rule}")]
    Secret {
        /// Whose.
        name: String,
        /// Counted from 1.
        number: usize,
        /// What it must be.
        rule: &'static str,
    },
    /// Too few or too many.
    #[error("the callback {name} has {found} secrets, and must have 1 to {SECRETS_MAX}")]
    Secrets {
        /// Whose.
        name: String,
        /// How many.
        found: usize,
    },
    /// The HTTP client could not be set up.
    #[error("the callback {name} has no HTTP client: {reason}")]
    Client {
        /// Whose.
        name: String,
        /// In the library's words.
        reason: String,
    },
}

impl Callback {
    /// What is asked for, if it can be done.
    pub fn new(settings: CallbackSettings) -> Result<Self, CallbackProblem> {
        let CallbackSettings {
            name,
            url,
            secrets,
            agents,
            from,
            ordered,
            allow_private_addresses,
        } = settings;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !(1..=NAME_CHARACTERS_MAX).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(CallbackProblem::Name(excerpt(&name)));
        }
        let url = parse_address(&url, allow_private_addresses).map_err(|(url, rule)| {
            CallbackProblem::Address {
                name: name.clone(),
                url,
                rule,
            }
        })?;
        if !(1..=SECRETS_MAX).contains(&secrets.len()) {
            return Err(CallbackProblem::Secrets {
                name,
                found: secrets.len(),
            });
        }
        let parse = |(number, secret)| {
            let problem = |rule| CallbackProblem::Secret {
                name: name.clone(),
                number,
                rule,
            };
            SigningSecret::parse(secret).map_err(problem)
        };
        let secrets = (1..).zip(&secrets).map(parse).collect::<Result<_, _>>()?;
        let schedule = Schedule::default();
        Ok(Self {
            name,
            url,
            secrets,
            agent_keys: agents.clone(),
            agents,
            from,
            ordered,
            private_addresses: allow_private_addresses,
            schedule,
        })
    }

    /// With other pauses between attempts.
    #[must_use]
    pub fn with_schedule(self, schedule: Schedule) -> Self {
        Self { schedule, ..self }
    }

    /// What its progress is kept under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it posts.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whose events; empty for all.
    pub fn agents(&self) -> &[String] {
        &self.agents
    }

    /// For good: an agent that a reload renames or removes stays wanted.
    fn resolve(self, agents: &[Arc<Agent>]) -> Self {
        let wanted = agents
            .iter()
            .filter(|agent| self.agents.contains(&agent.name));
        Self {
            agent_keys: wanted.map(|agent| agent.key().to_owned()).collect(),
            ..self
        }
    }

    fn wants(&self, agent_key: &str) -> bool {
        self.agent_keys.is_empty() || self.agent_keys.iter().any(|wanted| wanted == agent_key)
    }
}

/// Else what of it may be shown, and the rule.
fn parse_address(text: &str, private_addresses: bool) -> Result<Url, (String, String)> {
    let url = Url::parse(text).map_err(|problem| (excerpt(text), problem.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        let shown = excerpt(&url.origin().ascii_serialization());
        return Err((
            shown,
            "it must have no user and no password in it".to_owned(),
        ));
    }
    let refused = |rule: &str| Err((excerpt(text), rule.to_owned()));
    match url.scheme() {
        "https" => {}
        "http" if private_addresses => {}
        "http" => {
            return refused(
                "its scheme is \"http\", and must be https unless private addresses are allowed",
            );
        }
        other => {
            let http = if private_addresses {
                "http or https"
            } else {
                "https"
            };
            return refused(&format!(
                "its scheme is {:?}, and must be {http}",
                excerpt(other)
            ));
        }
    }
    if url.fragment().is_some() {
        return refused("it must have no fragment");
    }
    if !private_addresses && is_private(&url) {
        return refused("its host is not a public address, and private ones are not allowed");
    }
    Ok(url)
}

/// How often a callback looks after itself, and for how long it waits for an application.
#[derive(Clone, Debug)]
pub struct Pace {
    /// Looks for what is due at least so often.
    pub look_every: Duration,
    /// Writes down what was taken at most so often; what a crash cuts off is delivered again.
    pub record_every: Duration,
    /// For one attempt.
    pub answer_time_max: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            look_every: Duration::from_secs(1),
            record_every: Duration::from_millis(100),
            answer_time_max: Duration::from_secs(15),
        }
    }
}

/// A callback that delivers until it is told to stop.
pub struct Running {
    /// What it does.
    pub callback: Arc<Callback>,
    status: Arc<Status>,
    wake: Arc<Notify>,
}

impl Running {
    /// Starts to deliver. `names` are those of agents, and `events` tells when there are new ones. The task ends after `stopped`
    /// says so, when what is under way has ended and is written down.
    pub fn start(
        callback: Callback,
        store: Arc<dyn Store>,
        clock: Clock,
        pace: Pace,
        names: Arc<AgentNames>,
        events: Arc<Notify>,
        stopped: watch::Receiver<bool>,
    ) -> Result<(Self, JoinHandle<()>), CallbackProblem> {
        let (callback, status, wake) = (
            Arc::new(callback),
            Arc::new(Status::default()),
            Arc::new(Notify::new()),
        );
        let endpoint = attempt::Endpoint::new(callback.clone(), names, pace.answer_time_max)
            .map_err(|problem| CallbackProblem::Client {
                name: callback.name.clone(),
                reason: problem.to_string(),
            })?;
        let runner = runner::Runner::new(endpoint, store, clock, pace, status.clone());
        let task = tokio::spawn(runner.run(events, wake.clone(), stopped));
        Ok((
            Self {
                callback,
                status,
                wake,
            },
            task,
        ))
    }

    /// What its attempts have come to since it was started.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// It was enabled, or something was replayed: it looks at once.
    pub fn wake(&self) {
        self.wake.notify_one();
    }
}

/// Starts all or none.
pub(crate) fn start_all(
    callbacks: Vec<Callback>,
    agents: &[Arc<Agent>],
    start: impl Fn(Callback) -> Result<(Running, JoinHandle<()>), CallbackProblem>,
) -> Result<(Vec<Running>, Vec<JoinHandle<()>>), StartProblem> {
    let mut names = HashSet::new();
    for callback in &callbacks {
        let name = callback.name.clone();
        if !names.insert(&callback.name) {
            return Err(StartProblem::CallbackTwice { name });
        }
        let unknown = callback
            .agents
            .iter()
            .find(|wanted| !agents.iter().any(|agent| agent.name == **wanted));
        if let Some(agent) = unknown.cloned() {
            return Err(StartProblem::CallbackAgent { name, agent });
        }
    }
    callbacks
        .into_iter()
        .map(|callback| start(callback.resolve(agents)).map_err(StartProblem::Callback))
        .collect()
}

const NAME_CHARACTERS_MAX: usize = 64;
const SECRETS_MAX: usize = 10;
