//! What there is at the start, and what happens by itself: the settings of a scenario, as a file has them (TOML, of which
//! [`EXAMPLE`] has every key) and the control surface (JSON). Whatever is unknown, or makes no sense, is refused when it is read.

mod phone;

pub use phone::PhoneSettings;

use crate::platform::{Agent, Launch, LaunchStep, Rules, UseCase};
use crate::push::WebhookSettings;
use crate::{
    BatchGetHost, FaultRule, JsonSyntax, Named, Options, RepeatedId, RequestFaults, entries,
    length, token,
};
use jiff::Timestamp;
use rbm_clock::Clock;
use rbm_wire::name::{AgentId, PhoneNumber};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

/// All of it. What is left out is as it is without a scenario.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    seed: Option<u64>,
    clock: ClockSettings,
    api: ApiSettings,
    rules: Rules,
    webhooks: WebhookSettings,
    #[serde(deserialize_with = "faults")]
    faults: Vec<FaultRule>,
    #[serde(deserialize_with = "entries::deserialize")]
    agents: BTreeMap<Named<AgentId>, AgentSettings>,
    #[serde(deserialize_with = "entries::deserialize")]
    phones: BTreeMap<Named<PhoneNumber>, PhoneSettings>,
}

/// Something that names what is not there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Dangling {
    /// The keys that lead to it.
    pub path: Vec<String>,
    /// What is wrong.
    pub message: String,
}

/// How the time goes.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClockSettings {
    #[serde(deserialize_with = "start")]
    pub(crate) start: Option<Timestamp>,
    pub(crate) paused: bool,
    #[serde(deserialize_with = "rate")]
    pub(crate) rate: f64,
}

/// How Google's methods answer.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ApiSettings {
    pub(crate) repeated_id: RepeatedId,
    pub(crate) json: JsonSyntax,
    pub(crate) batch_get_host: BatchGetHost,
    #[serde(with = "length::unsigned")]
    pub(crate) token_lifetime: Duration,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AgentSettings {
    use_case: UseCase,
    launch: Launch,
    script: Vec<LaunchStep>,
}

impl Scenario {
    /// What to start with. Without agents there is `demo`, and without phones there are those of [`crate::phone::demo`].
    pub fn options(self) -> Options {
        let defaults = Options::default();
        let agent = |(Named(id), settings): (Named<AgentId>, AgentSettings)| {
            let AgentSettings {
                use_case,
                launch,
                script,
            } = settings;
            Agent {
                id,
                use_case,
                launch,
                script,
            }
        };
        let agents: Vec<Agent> = self.agents.into_iter().map(agent).collect();
        let phones = self
            .phones
            .into_iter()
            .map(|(Named(number), settings)| settings.phone(number));
        let phones: Vec<_> = phones.collect();
        let ApiSettings {
            repeated_id,
            json,
            batch_get_host,
            token_lifetime,
        } = self.api;
        Options {
            agents: if agents.is_empty() {
                defaults.agents
            } else {
                agents
            },
            phones: if phones.is_empty() {
                defaults.phones
            } else {
                phones
            },
            rules: self.rules,
            repeated_id,
            token_lifetime,
            json,
            batch_get_host,
            clock: self.clock.clock(),
            webhooks: self.webhooks,
            faults: RequestFaults {
                faults: self.faults,
            },
            seed: self
                .seed
                .map_or(defaults.seed, |seed| Uuid::from_u128(seed.into())),
            ..defaults
        }
    }

    /// Whether it says which agents there are.
    pub fn names_agents(&self) -> bool {
        !self.agents.is_empty()
    }

    /// What names an agent that is not among these, and is none of its own.
    pub fn dangling(&self, agents: &[AgentId]) -> Vec<Dangling> {
        let demo = AgentId::parse("demo")
            .ok()
            .filter(|_| self.agents.is_empty() && agents.is_empty());
        let of_its_own = self.agents.keys().map(|Named(id)| id);
        let known: Vec<&AgentId> = of_its_own.chain(agents).chain(&demo).collect();
        let of_phone = |(Named(number), settings): (&Named<PhoneNumber>, &PhoneSettings)| {
            let at = vec!["phones".to_owned(), number.to_string()];
            settings
                .dangling(&known)
                .into_iter()
                .map(move |dangling| dangling.below(&at))
                .collect::<Vec<_>>()
        };
        let of_rules = phone::dangling(&self.rules.habits, &known).into_iter();
        let of_rules = of_rules.map(|dangling| dangling.below(&["rules".to_owned()]));
        let strange = |agent: &&AgentId| !known.contains(agent);
        let of_faults = self.faults.iter().enumerate().filter_map(|(index, rule)| {
            let agent = rule.agent.as_ref().filter(strange)?;
            let path = ["faults".to_owned(), index.to_string(), "agent".to_owned()].to_vec();
            Some(Dangling {
                path,
                message: format!("there is no agent {:?}", agent.bare()),
            })
        });
        self.phones
            .iter()
            .flat_map(of_phone)
            .chain(of_rules)
            .chain(of_faults)
            .collect()
    }
}

impl Dangling {
    fn below(self, at: &[String]) -> Self {
        Self {
            path: at.iter().cloned().chain(self.path).collect(),
            ..self
        }
    }
}

impl ClockSettings {
    fn clock(self) -> Clock {
        let start = self.start.unwrap_or_else(Timestamp::now);
        let clock = if self.paused {
            Clock::paused_at(start)
        } else {
            Clock::starting_at(start)
        };
        clock
            .set_rate(self.rate)
            .expect("a rate that was tried when it was read");
        clock
    }
}

impl Default for ClockSettings {
    fn default() -> Self {
        Self {
            start: None,
            paused: false,
            rate: 1.0,
        }
    }
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            repeated_id: RepeatedId::Ok,
            json: JsonSyntax::Strict,
            batch_get_host: BatchGetHost::Any,
            token_lifetime: token::TOKEN_LIFETIME,
        }
    }
}

impl Default for AgentSettings {
    fn default() -> Self {
        Self {
            use_case: UseCase::Transactional,
            launch: Launch::Everywhere,
            script: Vec::new(),
        }
    }
}

/// A time that a clock can begin at and go on from.
fn start<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let start = length::time::deserialize(deserializer)?;
    match start.filter(|start| *start > Clock::LATEST) {
        Some(_) => Err(D::Error::custom(format_args!(
            "the clock does not go beyond {}",
            Clock::LATEST
        ))),
        None => Ok(start),
    }
}

fn faults<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<FaultRule>, D::Error> {
    let faults = RequestFaults {
        faults: Vec::deserialize(deserializer)?,
    };
    faults.check().map_err(D::Error::custom)?;
    Ok(faults.faults)
}

fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let rate = f64::deserialize(deserializer)?;
    Clock::starting_at(Timestamp::UNIX_EPOCH)
        .set_rate(rate)
        .map_err(D::Error::custom)?;
    Ok(rate)
}

/// A scenario with every key, and what each means.
pub const EXAMPLE: &str = include_str!("scenario/example.toml");
