//! What there is at the start, and what happens by itself: the settings of a scenario, as a file has them (TOML, of which
//! [`EXAMPLE`] has every key) and the control surface (JSON). Whatever is unknown, or makes no sense, is refused when it is read.

mod phone;

pub use phone::PhoneSettings;

use crate::platform::{Agent, Launch, LaunchState, LaunchStep, Rules, UseCase};
use crate::push::WebhookSettings;
use crate::{BatchGetHost, JsonSyntax, Named, Options, RepeatedId, length, token};
use jiff::Timestamp;
use rbm_clock::Clock;
use rbm_wire::name::{AgentId, PhoneNumber};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
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
    #[serde(deserialize_with = "distinct")]
    agents: BTreeMap<Named<AgentId>, AgentSettings>,
    #[serde(deserialize_with = "distinct")]
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

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ClockSettings {
    #[serde(deserialize_with = "start")]
    start: Option<Timestamp>,
    paused: bool,
    #[serde(deserialize_with = "rate")]
    rate: f64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ApiSettings {
    repeated_id: RepeatedId,
    json: JsonSyntax,
    batch_get_host: BatchGetHost,
    #[serde(with = "length::unsigned")]
    token_lifetime: Duration,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AgentSettings {
    use_case: UseCase,
    #[serde(deserialize_with = "launch")]
    launch: Launch,
    script: Vec<LaunchStep>,
}

impl Scenario {
    /// What to start with. Without agents there is `demo`, and without phones there are those of [`crate::phone::demo`].
    pub fn options(self) -> Options {
        let defaults = Options::default();
        let agent = |(Named(id), settings): (Named<AgentId>, AgentSettings)| {
            let AgentSettings { use_case, launch, script } = settings;
            Agent { id, use_case, launch, script }
        };
        let agents: Vec<Agent> = self.agents.into_iter().map(agent).collect();
        let phones = self.phones.into_iter().map(|(Named(number), settings)| settings.phone(number));
        let phones: Vec<_> = phones.collect();
        let ApiSettings { repeated_id, json, batch_get_host, token_lifetime } = self.api;
        Options {
            agents: if agents.is_empty() { defaults.agents } else { agents },
            phones: if phones.is_empty() { defaults.phones } else { phones },
            rules: self.rules,
            repeated_id,
            token_lifetime,
            json,
            batch_get_host,
            clock: self.clock.clock(),
            webhooks: self.webhooks,
            seed: self.seed.map_or(defaults.seed, |seed| Uuid::from_u128(seed.into())),
            ..defaults
        }
    }

    /// Whether it says which agents there are.
    pub fn names_agents(&self) -> bool {
        !self.agents.is_empty()
    }

    /// What names an agent that is not among these, and is none of its own.
    pub fn dangling(&self, agents: &[AgentId]) -> Vec<Dangling> {
        let demo = AgentId::parse("demo").ok().filter(|_| self.agents.is_empty() && agents.is_empty());
        let of_its_own = self.agents.keys().map(|Named(id)| id);
        let known: Vec<&AgentId> = of_its_own.chain(agents).chain(&demo).collect();
        let of_phone = |(Named(number), settings): (&Named<PhoneNumber>, &PhoneSettings)| {
            let at = vec!["phones".to_owned(), number.to_string()];
            settings.dangling(&known).into_iter().map(move |dangling| dangling.below(&at)).collect::<Vec<_>>()
        };
        let of_rules = phone::dangling(&self.rules.habits, &known).into_iter();
        let of_rules = of_rules.map(|dangling| dangling.below(&["rules".to_owned()]));
        self.phones.iter().flat_map(of_phone).chain(of_rules).collect()
    }
}

impl Dangling {
    fn below(self, at: &[String]) -> Self {
        Self { path: at.iter().cloned().chain(self.path).collect(), ..self }
    }
}

impl ClockSettings {
    fn clock(self) -> Clock {
        let start = self.start.unwrap_or_else(Timestamp::now);
        let clock = if self.paused { Clock::paused_at(start) } else { Clock::starting_at(start) };
        clock.set_rate(self.rate).expect("a rate that was tried when it was read");
        clock
    }
}

impl Default for ClockSettings {
    fn default() -> Self {
        Self { start: None, paused: false, rate: 1.0 }
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
        Self { use_case: UseCase::Transactional, launch: Launch::Everywhere, script: Vec::new() }
    }
}

/// A time that a clock can begin at and go on from.
fn start<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let start = length::time::deserialize(deserializer)?;
    match start.filter(|start| *start > Clock::LATEST) {
        Some(_) => Err(D::Error::custom(format_args!("the clock does not go beyond {}", Clock::LATEST))),
        None => Ok(start),
    }
}

fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let rate = f64::deserialize(deserializer)?;
    Clock::starting_at(Timestamp::UNIX_EPOCH).set_rate(rate).map_err(D::Error::custom)?;
    Ok(rate)
}

/// `"everywhere"`, or a table of carriers.
fn launch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Launch, D::Error> {
    struct Where;

    impl<'de> Visitor<'de> for Where {
        type Value = Launch;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("\"everywhere\", or carriers such as { \"/v1/regions/fi-rcs\" = \"launched\" }")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Launch, E> {
            let is_everywhere = text == "everywhere";
            let wrong = || E::invalid_value(Unexpected::Str(text), &self);
            if is_everywhere { Ok(Launch::Everywhere) } else { Err(wrong()) }
        }

        fn visit_map<A: MapAccess<'de>>(self, carriers: A) -> Result<Launch, A::Error> {
            BTreeMap::<String, LaunchState>::deserialize(MapAccessDeserializer::new(carriers)).map(Launch::On)
        }
    }

    deserializer.deserialize_any(Where)
}

/// A table in which nothing is named twice, be it with two spellings.
fn distinct<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    struct Distinct<K, V>(PhantomData<(K, V)>);

    impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Visitor<'de> for Distinct<K, V> {
        type Value = BTreeMap<K, V>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a table")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut table = BTreeMap::new();
            while let Some((key, value)) = entries.next_entry()? {
                if table.insert(key, value).is_some() {
                    return Err(A::Error::custom("one of them is there twice, with two spellings"));
                }
            }
            Ok(table)
        }
    }

    deserializer.deserialize_map(Distinct(PhantomData))
}

/// A scenario with every key, and what each means.
pub const EXAMPLE: &str = include_str!("scenario/example.toml");
