//! Launches as partners ask for them and carriers decide on them. (brands.agents.requestLaunch, getLaunch, updateLaunch)

use super::super::{Command, LaunchState, Platform, SetLaunch};
use super::verification::VerificationState;
use super::{AgentName, Managed, Pending, Refused, limits};
use crate::fidelity::{Basis, Behaviour};
use crate::refusal::violation;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Where an agent is with one carrier, as it was ordered.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CarrierLaunch {
    pub(crate) state: LaunchState,
    pub(crate) comment: Option<String>,
    pub(crate) updated_at: Option<Timestamp>,
}

impl CarrierLaunch {
    pub(super) fn new(
        state: LaunchState,
        comment: Option<String>,
        updated_at: Option<Timestamp>,
    ) -> Self {
        Self {
            state,
            comment,
            updated_at,
        }
    }
}

/// A partner asks carriers to launch an agent.
#[derive(Debug)]
pub(crate) struct RequestLaunch {
    pub(crate) name: AgentName,
    /// Where it is launched already, and where it is to be.
    pub(crate) carriers: BTreeSet<String>,
    pub(crate) questionnaire: Option<Value>,
}

impl Command for RequestLaunch {
    type Answer = Result<(), Refused>;

    fn run(self, platform: &mut Platform, now: Timestamp) -> Self::Answer {
        let managed = platform.business.agent_mut(&self.name)?;
        if self.carriers.is_empty() {
            return Err(Refused::NotNow(
                "RCS Business Messaging launch requires at least one region.".to_owned(),
            ));
        }
        self.carriers
            .iter()
            .try_for_each(|carrier| limits::carrier(carrier))?;
        managed.may_be_launched(&self.carriers)?;
        managed.questionnaire = self.questionnaire.or(managed.questionnaire.take());
        let is_new = |carrier: &String| {
            !matches!(
                managed.state(carrier),
                LaunchState::Pending | LaunchState::Launched
            )
        };
        let new: Vec<String> = self.carriers.into_iter().filter(is_new).collect();
        for carrier in new {
            let (agent, state) = (self.name.agent.clone(), LaunchState::Pending);
            platform.order_launch(
                SetLaunch {
                    agent,
                    carrier,
                    state,
                    acting_party: None,
                    comment: None,
                },
                now,
            );
        }
        Ok(())
    }
}

/// A carrier decides, or a partner takes back.
#[derive(Debug)]
pub(crate) struct UpdateLaunch {
    pub(crate) name: AgentName,
    pub(crate) changes: BTreeMap<String, Change>,
    pub(crate) questionnaire: Option<Value>,
    pub(crate) acting_party: Option<String>,
}

/// What becomes of a launch with one carrier.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) state: LaunchState,
    pub(crate) comment: Option<String>,
}

impl Command for UpdateLaunch {
    type Answer = Result<(), Refused>;

    fn run(self, platform: &mut Platform, now: Timestamp) -> Self::Answer {
        let managed = platform.business.agent_mut(&self.name)?;
        for (carrier, change) in &self.changes {
            limits::carrier(carrier)?;
            may_follow(carrier, managed.state(carrier), change.state)?;
        }
        managed.questionnaire = self.questionnaire.or(managed.questionnaire.take());
        let before = managed.launches.clone();
        let changed = |(carrier, change): &(String, Change)| {
            before.get(carrier).is_none_or(|launch| {
                launch.state != change.state || launch.comment != change.comment
            })
        };
        for (carrier, Change { state, comment }) in self.changes.into_iter().filter(changed) {
            let acting_party = self.acting_party.clone();
            let change = SetLaunch {
                agent: self.name.agent.clone(),
                carrier,
                state,
                acting_party,
                comment,
            };
            platform.order_launch(change, now);
        }
        Ok(())
    }
}

impl Managed {
    fn state(&self, carrier: &str) -> LaunchState {
        self.launches
            .get(carrier)
            .map_or(LaunchState::Unlaunched, |launch| launch.state)
    }

    fn may_be_launched(&self, carriers: &BTreeSet<String>) -> Result<(), Refused> {
        if self.verification.state == VerificationState::Unverified {
            let rule = "The agent is UNVERIFIED: its verification is requested before its launch.";
            return Err(Refused::NotNow(rule.to_owned()));
        }
        if self.is_archived() {
            return Err(Refused::NotNow(
                "The agent is archived, and cannot be launched.".to_owned(),
            ));
        }
        if !self.has_a_labelled_contact() {
            let rule = "A launch needs a phone number, an email address or a website of the agent, with a label.";
            return Err(Refused::NotNow(rule.to_owned()));
        }
        let left_out = |(carrier, launch): &(&String, &CarrierLaunch)| {
            launch.state == LaunchState::Launched && !carriers.contains(*carrier)
        };
        if let Some((carrier, _)) = self.launches.iter().find(left_out) {
            let rule = format!("the agent is launched on {carrier}, which must be named too");
            return Err(Refused::Invalid(vec![violation(DETAILS, rule)]));
        }
        match carriers
            .iter()
            .find(|carrier| self.state(carrier) == LaunchState::Suspended)
        {
            Some(carrier) => may_follow(carrier, LaunchState::Suspended, LaunchState::Pending),
            None => Ok(()),
        }
    }
}

impl Platform {
    /// Is seen and told at once, and counts for messages later.
    fn order_launch(&mut self, change: SetLaunch, now: Timestamp) {
        let managed = self.business.agents.get(&change.agent);
        let old = managed.map_or(LaunchState::Unlaunched, |managed| {
            managed.state(&change.carrier)
        });
        self.business.note_launch(&change, now);
        if old != change.state {
            let (agent, carrier, state) =
                (change.agent.clone(), change.carrier.clone(), change.state);
            self.take_effect_later(
                now,
                Pending::Launch {
                    agent,
                    carrier,
                    state,
                },
            );
            self.announce_launch(now, change, old);
        }
    }
}

/// Who may do what is not told apart: the account is both sides.
fn may_follow(carrier: &str, old: LaunchState, new: LaunchState) -> Result<(), Refused> {
    use LaunchState::{Launched, Pending, Rejected, Suspended, Unlaunched};
    match (old, new) {
        (Pending, Launched | Rejected)
        | (Launched, Suspended)
        | (Suspended, Launched | Unlaunched)
        | (Unlaunched | Rejected, Pending) => Ok(()),
        _ if old == new => Ok(()),
        _ => {
            let (old, new) = (old.as_str(), new.as_str());
            Err(Refused::NotNow(format!(
                "The launch on {carrier} is {old}, and cannot become {new}."
            )))
        }
    }
}

const DETAILS: &str = "agentLaunch.rcsBusinessMessaging.launchDetails";

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "business-launch",
        what: "A request for launch makes an agent PENDING with the carriers that are new in it; it names those too that have \
               launched it (400 otherwise) and at least one, after the request for verification",
        basis: Basis::Documented,
        source: "reference/business-communications/rest/v1/brands.agents/requestLaunch; the text for no region is from \
                 rbm-api-examples, issue 28; the other texts are ours, and that an archived agent is refused is assumed",
        switch: None,
        test: "an_agent_is_verified_and_then_launched",
    },
    &Behaviour {
        id: "business-launch-contact",
        what: "A launch needs a contact of the agent with a label",
        basis: Basis::Documented,
        source: "guides/build/agents/create-agent; the answer 400 is assumed",
        switch: None,
        test: "a_launch_that_is_asked_for_wrongly_is_refused",
    },
    &Behaviour {
        id: "business-launch-transitions",
        what: "PENDING becomes LAUNCHED or REJECTED, LAUNCHED SUSPENDED, SUSPENDED LAUNCHED or UNLAUNCHED, and what is UNLAUNCHED \
               or REJECTED PENDING; anything else is answered 400",
        basis: Basis::Documented,
        source: "guides/build/events/receive-events; the answer is assumed",
        switch: None,
        test: "a_launch_goes_only_where_it_may",
    },
    &Behaviour {
        id: "business-launch-told",
        what: "A change of a launch is told to the webhook when it is ordered, so before messages notice",
        basis: Basis::Assumed,
        source: "reference/rest/v1/AgentLaunchEvent, and the T-GLIF study: live some 30 minutes after LAUNCHED",
        switch: None,
        test: "an_agent_is_verified_and_then_launched",
    },
    &Behaviour {
        id: "business-regions",
        what: "A launch may name any /v1/regions/…; regions.list has those of the phones that are listed and of launches, all \
               CARRIER_MANAGED",
        basis: Basis::Assumed,
        source: "ours: which carriers there are depends on the phones, which may be put on any",
        switch: None,
        test: "regions_are_those_of_phones_and_launches",
    },
];
