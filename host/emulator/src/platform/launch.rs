//! Agents, and the carriers on which they are launched. (guides/deploy; the management API, `AgentLaunch`)

use super::{Command, Effect, PhoneState, Platform, Step, notice};
use crate::entries;
use crate::fidelity::{Basis, Behaviour};
use crate::length;
use jiff::{SignedDuration, Timestamp};
use rbm_wire::name::{AgentId, PhoneNumber};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// An agent.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// What it is for.
    pub use_case: UseCase,
    /// Where it may be used.
    pub launch: Launch,
    /// What becomes of that, from the start of the platform.
    pub script: Vec<LaunchStep>,
}

/// A change of where an agent may be used.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LaunchStep {
    /// How long after the step before.
    #[serde(default, with = "length::signed")]
    pub after: SignedDuration,
    /// `/v1/regions/fi-rcs`
    pub carrier: String,
    /// What it becomes.
    pub state: LaunchState,
    /// Who does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acting_party: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl Agent {
    /// Transactional, and launched on every carrier.
    pub fn launched(id: AgentId) -> Self {
        Self {
            id,
            use_case: UseCase::Transactional,
            launch: Launch::Everywhere,
            script: Vec::new(),
        }
    }
}

/// What an agent is for. It decides what a message without a traffic type is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UseCase {
    /// One-time passwords.
    Otp,
    /// What people ordered or have.
    Transactional,
    /// Advertising.
    Promotional,
    /// Several of these: then each message says which.
    MultiUse,
}

/// Where an agent may be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Launch {
    /// On every carrier: what nobody has who speaks with Google, and what a test mostly wants.
    Everywhere,
    /// By carrier; not on the others. Testers get its messages everywhere.
    On(BTreeMap<String, LaunchState>),
}

/// `"everywhere"`, or a table of carriers.
struct Where;

impl<'de> Visitor<'de> for Where {
    type Value = Launch;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "\"everywhere\", or carriers such as { \"/v1/regions/fi-rcs\" = \"launched\" }",
        )
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Launch, E> {
        let is_everywhere = text == EVERYWHERE;
        let wrong = || E::invalid_value(Unexpected::Str(text), &self);
        if is_everywhere {
            Ok(Launch::Everywhere)
        } else {
            Err(wrong())
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, carriers: A) -> Result<Launch, A::Error> {
        entries::deserialize(MapAccessDeserializer::new(carriers)).map(Launch::On)
    }
}

impl<'de> Deserialize<'de> for Launch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Where)
    }
}

impl Serialize for Launch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Everywhere => serializer.serialize_str(EVERYWHERE),
            Self::On(carriers) => carriers.serialize(serializer),
        }
    }
}

const EVERYWHERE: &str = "everywhere";

/// Where an agent is with one carrier.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LaunchState {
    /// Not asked for.
    Unlaunched,
    /// The carrier looks at it.
    Pending,
    /// People get its messages.
    Launched,
    /// The carrier does not want it.
    Rejected,
    /// The carrier has stopped it.
    Suspended,
}

impl LaunchState {
    /// As callbacks have it; the management API writes `LAUNCH_STATE_` before it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unlaunched => "UNLAUNCHED",
            Self::Pending => "PENDING",
            Self::Launched => "LAUNCHED",
            Self::Rejected => "REJECTED",
            Self::Suspended => "SUSPENDED",
        }
    }
}

impl LaunchState {
    const ALL: [Self; 5] = [
        Self::Unlaunched,
        Self::Pending,
        Self::Launched,
        Self::Rejected,
        Self::Suspended,
    ];

    /// As the management API has it: `LAUNCH_STATE_LAUNCHED`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix("LAUNCH_STATE_")?;
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

/// A carrier or a partner changes where an agent is with the carrier. The agent's webhook hears of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SetLaunch {
    /// Whose.
    pub agent: AgentId,
    /// `/v1/regions/fi-rcs`
    pub carrier: String,
    /// What it becomes.
    pub state: LaunchState,
    /// Who does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acting_party: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl Command for SetLaunch {
    /// False if there is no such agent.
    type Answer = bool;

    fn run(self, platform: &mut Platform, now: Timestamp) -> bool {
        let Some(agent) = platform.agents.get(&self.agent) else {
            return false;
        };
        let old = match &agent.agent.launch {
            Launch::Everywhere => {
                platform.business.forget_launches(&self.agent);
                None
            }
            Launch::On(carriers) => carriers.get(&self.carrier).copied(),
        };
        platform.forget_pending_launches(&self.agent, &self.carrier);
        platform.put_on_carrier(&self.agent, self.carrier.clone(), self.state);
        platform.business.note_launch(&self, now);
        platform.announce_launch(now, self, old.unwrap_or(LaunchState::Unlaunched));
        true
    }
}

/// Why an agent does not reach a person.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Barrier {
    /// No RCS, or not seen for too long, or the carrier has not launched the agent though others have.
    Unreachable,
    /// No carrier has launched the agent, and the person is no tester.
    NotATester,
}

impl Platform {
    pub(super) fn plan_launches(&mut self, now: Timestamp, agent: &Agent) {
        let mut at = now;
        for LaunchStep {
            after,
            carrier,
            state,
            acting_party,
            comment,
        } in agent.script.clone()
        {
            at = at.saturating_add(after).unwrap_or(Timestamp::MAX);
            let change = SetLaunch {
                agent: agent.id.clone(),
                carrier,
                state,
                acting_party,
                comment,
            };
            self.schedule.plan(at, Step::Launch(Box::new(change)));
        }
    }

    pub(super) fn announce_launch(&mut self, now: Timestamp, change: SetLaunch, old: LaunchState) {
        let event_id = format!("{}/{}", change.agent.bare(), self.name());
        let notice = notice::launch(now, &change, old, event_id, self.names_of(&change.agent));
        self.effects.push(Effect {
            notice,
            agent: change.agent,
        });
    }

    pub(super) fn barrier(
        &self,
        agent: &AgentId,
        number: &PhoneNumber,
        now: Timestamp,
    ) -> Option<Barrier> {
        let phone = self.phone(number);
        if !phone.rcs || !is_fresh(self.phones.get(number), now) {
            return Some(Barrier::Unreachable);
        }
        let state = self.agents.get(agent)?;
        let Launch::On(carriers) = &state.agent.launch else {
            return None;
        };
        let launched = |state: &LaunchState| *state == LaunchState::Launched;
        if carriers.get(&phone.carrier).is_some_and(launched) || state.testers.has_accepted(number)
        {
            None
        } else if carriers.values().any(launched) {
            Some(Barrier::Unreachable)
        } else {
            Some(Barrier::NotATester)
        }
    }
}

/// Whether the phone was connected in the last 31 days.
fn is_fresh(phone: Option<&PhoneState>, now: Timestamp) -> bool {
    let seen_at = phone.and_then(|phone| phone.seen_at);
    seen_at.is_none_or(|seen_at| now.duration_since(seen_at) <= REMEMBERED_FOR)
}

/// guides/build/capabilities
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_hours(31 * 24);

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "launch-per-carrier",
        what: "An agent reaches the phones of the carriers that have launched it, and its testers; others are answered 404",
        basis: Basis::Documented,
        source: "reference/rest/v1/phones.agentMessages/create, reference/rest/v1/phones/getCapabilities",
        switch: None,
        test: "an_agent_reaches_carriers_that_launched_it_and_testers",
    },
    &Behaviour {
        id: "launched-everywhere",
        what: "An agent is launched everywhere until somebody says where it is",
        basis: Basis::Assumed,
        source: "ours: so that a first test needs no launch",
        switch: Some("launch"),
        test: "an_agent_reaches_carriers_that_launched_it_and_testers",
    },
    &Behaviour {
        id: "launch-callback",
        what: "A change of a launch is told to the webhook, with the old and the new state",
        basis: Basis::Documented,
        source: "guides/build/events/receive-events, reference/rest/v1/AgentLaunchEvent",
        switch: None,
        test: "a_launch_is_told_to_the_webhook",
    },
    &Behaviour {
        id: "seen-in-31-days",
        what: "A phone that was not connected for 31 days counts as one without RCS; for messages this is assumed",
        basis: Basis::Documented,
        source: "guides/build/capabilities",
        switch: None,
        test: "a_phone_that_was_not_seen_for_31_days_is_unreachable",
    },
    &Behaviour {
        id: "launch-transitions",
        what: "A launch may go from any state to any other",
        basis: Basis::Assumed,
        source: "ours: guides/build/events/receive-events says who may change it from where to where",
        switch: None,
        test: "any_state_of_a_launch_may_follow_any_other",
    },
];
