//! An agent sends a message. Checked before: its shape, its limits, its expiry.

use super::launch::{Barrier, UseCase};
use super::{Command, Known, Platform, State, Step, Stored, classification, country, quota};
use crate::fidelity::{Basis, Behaviour};
use jiff::{SignedDuration, Timestamp};
use rbm_wire::message::{AgentMessage, ContentMessage, RichCard, Suggestion};
use rbm_wire::name::{AgentId, MessageId, PhoneNumber};
use std::collections::BTreeSet;

/// A message for a phone.
#[derive(Clone, Debug)]
pub struct Submit {
    /// Who sends.
    pub agent: AgentId,
    /// To whom.
    pub phone: PhoneNumber,
    /// The sender's id for it.
    pub id: MessageId,
    /// What.
    pub message: AgentMessage,
    /// Its `expireTime`, or now and its `ttl`.
    pub expires_at: Option<Timestamp>,
}

/// What became of a message that was taken.
#[derive(Debug, PartialEq)]
pub enum Submitted {
    /// It is under way.
    Accepted(Box<AgentMessage>),
    /// The id was used by a message before: nothing is sent, and this was the answer then.
    Repeated(Box<AgentMessage>),
}

/// Why nothing was sent.
#[derive(Debug, Eq, PartialEq)]
pub enum NotSent {
    /// The id was used by an event before, or by a message of which nothing else is known any more.
    UsedBefore,
    /// The phone has no RCS, or its carrier has not launched the agent.
    Unreachable,
    /// The agent is launched nowhere, and the person is no tester.
    NotATester,
    /// The phone cannot show this.
    Unsupported(&'static str),
    /// An agent of several uses says of each message which it is.
    NoTrafficType,
    /// Files in it that are none, or no longer.
    NoSuchFiles(Vec<String>),
    /// More in a second than the rules allow.
    TooMany,
}

impl Command for Submit {
    type Answer = Result<Submitted, NotSent>;

    fn run(self, platform: &mut Platform, now: Timestamp) -> Self::Answer {
        if let Some(answer) = platform.used(&self.agent, &self.id) {
            return answer;
        }
        platform.check(&self, now)?;
        let Self {
            agent,
            phone,
            id,
            message,
            expires_at,
        } = self;
        let american = country::is_american(&phone);
        let content_bytes =
            serde_json::to_vec(&message.content_message).map_or(0, |json| json.len());
        let message = AgentMessage {
            name: Some(format!("phones/{phone}/agentMessages/{}", id.as_str())),
            send_time: Some(now.to_string()),
            expire_time: expires_at.map(|time| time.to_string()),
            ttl: None,
            rich_message_classification: classification::of_message(
                &phone,
                &message.content_message,
            ),
            total_payload_size_bytes: Some(content_bytes.to_string()),
            carrier: american.then(|| platform.phone(&phone).carrier.clone()),
            ..message
        };
        platform.enqueue(now, &agent, &phone, &id, &message, expires_at);
        Ok(Submitted::Accepted(Box::new(message)))
    }
}

impl Platform {
    fn used(&self, agent: &AgentId, id: &MessageId) -> Option<Result<Submitted, NotSent>> {
        let state = self.agents.get(agent)?;
        match state.ids.get(id) {
            Some(Known::Message(stored)) => {
                Some(Ok(Submitted::Repeated(Box::new(stored.message.clone()))))
            }
            Some(Known::Event) => Some(Err(NotSent::UsedBefore)),
            None => state
                .past
                .contains(&self.hash(id))
                .then_some(Err(NotSent::UsedBefore)),
        }
    }

    fn check(&mut self, send: &Submit, now: Timestamp) -> Result<(), NotSent> {
        match self.barrier(&send.agent, &send.phone, now) {
            Some(Barrier::Unreachable) => return Err(NotSent::Unreachable),
            Some(Barrier::NotATester) => return Err(NotSent::NotATester),
            None => {}
        }
        let content = &send.message.content_message;
        let missing = self.files.missing(now, content);
        if !missing.is_empty() {
            return Err(NotSent::NoSuchFiles(
                missing.into_iter().map(str::to_owned).collect(),
            ));
        }
        let lacks = |needed: &&str| {
            !self
                .phone(&send.phone)
                .features
                .iter()
                .any(|feature| feature == needed)
        };
        if let Some(lacking) = needed(content).into_iter().find(lacks) {
            return Err(NotSent::Unsupported(lacking));
        }
        let traffic_type = send.message.message_traffic_type.as_deref();
        let states_none =
            traffic_type.is_none_or(|word| word == "MESSAGE_TRAFFIC_TYPE_UNSPECIFIED");
        let most = self.rules.sends_per_second_max;
        let Some(agent) = self.agents.get_mut(&send.agent) else {
            return Err(NotSent::NotATester);
        };
        if states_none && agent.agent.use_case == UseCase::MultiUse {
            return Err(NotSent::NoTrafficType);
        }
        let admitted = most.is_none_or(|most| {
            quota::admit(&mut agent.sent, now, SignedDuration::from_secs(1), most)
        });
        if admitted {
            Ok(())
        } else {
            Err(NotSent::TooMany)
        }
    }

    fn enqueue(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        number: &PhoneNumber,
        id: &MessageId,
        message: &AgentMessage,
        expires_at: Option<Timestamp>,
    ) {
        let mut timers = Vec::new();
        if let Some(time) = expires_at {
            timers.push(
                self.schedule
                    .plan(time, Step::Expire(agent.clone(), id.clone())),
            );
        }
        let given_up_at = now
            .saturating_add(self.rules.queued_for)
            .unwrap_or(Timestamp::MAX);
        timers.push(
            self.schedule
                .plan(given_up_at, Step::GiveUp(agent.clone(), id.clone())),
        );
        let stored = Stored {
            phone: number.clone(),
            message: message.clone(),
            state: State::Queued,
            timers,
        };
        if let Some(state) = self.agents.get_mut(agent) {
            state
                .ids
                .insert(id.clone(), Known::Message(Box::new(stored)));
        }
        let phone = self.phone_state(number);
        phone.messages.push_back((agent.clone(), id.clone()));
        phone.waiting.insert((agent.clone(), id.clone()));
        if phone.phone.online {
            self.plan_delivery(now, agent, number, id);
        }
    }
}

/// What a phone must be able to show.
fn needed(content: &ContentMessage) -> BTreeSet<&'static str> {
    let card = content.rich_card.as_ref();
    let kinds = card.into_iter().flat_map(|card| {
        let standalone = card.standalone_card.as_ref().map(|_| "RICHCARD_STANDALONE");
        standalone
            .into_iter()
            .chain(card.carousel_card.as_ref().map(|_| "RICHCARD_CAROUSEL"))
    });
    let on_cards = card
        .into_iter()
        .flat_map(RichCard::cards)
        .flat_map(|card| &card.suggestions);
    kinds
        .chain(
            content
                .suggestions
                .iter()
                .chain(on_cards)
                .filter_map(action),
        )
        .collect()
}

fn action(suggestion: &Suggestion) -> Option<&'static str> {
    let action = suggestion.action.as_ref()?;
    if action.dial_action.is_some() {
        Some("ACTION_DIAL")
    } else if action.view_location_action.is_some() {
        Some("ACTION_VIEW_LOCATION")
    } else if action.create_calendar_event_action.is_some() {
        Some("ACTION_CREATE_CALENDAR_EVENT")
    } else if action.share_location_action.is_some() {
        Some("ACTION_SHARE_LOCATION")
    } else {
        // A web view falls back to the browser where it is not supported.
        action.open_url_action.as_ref().map(|_| "ACTION_OPEN_URL")
    }
}

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "repeated-id",
        what: "An id that a message or an event of the agent has used is ignored: nothing is sent. How long ids are remembered \
               is not stated; here always",
        basis: Basis::Documented,
        source: "reference/rest/v1/phones.agentMessages/create",
        switch: None,
        test: "a_repeated_id_is_sent_once_and_answered_as_before",
    },
    &Behaviour {
        id: "unsupported-feature",
        what: "A message with something that the phone cannot show is answered 400, and nothing is delivered",
        basis: Basis::Documented,
        source: "guides/build/messages/send; which suggestion needs which feature is assumed",
        switch: None,
        test: "what_a_phone_cannot_show_is_refused",
    },
    &Behaviour {
        id: "multi-use-traffic-type",
        what: "A message of a multi-use agent without a traffic type is answered 400",
        basis: Basis::Documented,
        source: "guides/build/messages/send says that it is an error; the code is assumed",
        switch: None,
        test: "an_agent_of_several_uses_says_which_each_message_is",
    },
    &Behaviour {
        id: "send-quota",
        what: "Any number of messages may be sent in a second",
        basis: Basis::Assumed,
        source: "no page has a number",
        switch: Some("sends_per_second_max"),
        test: "more_than_the_rules_allow_in_a_second_are_refused",
    },
    &Behaviour {
        id: "output-fields",
        what: "The answer to a message has name, sendTime, expireTime (also of a ttl) and totalPayloadSizeBytes; of an American \
               number richMessageClassification and carrier too. What the size counts is assumed: the content's JSON",
        basis: Basis::Documented,
        source: "reference/rest/v1/phones.agentMessages, carriers/billing/us-billing-model",
        switch: None,
        test: "an_answer_has_every_field_of_its_number",
    },
    &Behaviour {
        id: "missing-file",
        what: "A message with a file that was not uploaded, or 60 days ago, is answered 400",
        basis: Basis::Assumed,
        source: "guides/build/messages/send keeps files for 60 days, and does not say what is answered then",
        switch: None,
        test: "an_uploaded_file_can_be_sent_and_no_other",
    },
    &Behaviour {
        id: "media-address",
        what: "What stands at an address in a message is not fetched, so that no message fails for it",
        basis: Basis::Assumed,
        source: "ours: Google fetches it, and wants no redirect and the right Content-Type \
                 (reference/rest/v1/phones.agentMessages)",
        switch: None,
        test: "googles_published_requests_are_taken",
    },
    &Behaviour {
        id: "traffic-type-mismatch",
        what: "A message whose traffic type does not fit the agent's use case is taken, and one without any of an agent that \
               has one use",
        basis: Basis::Assumed,
        source: "guides/build/messages/send says which fits, and what is the default; not what is answered",
        switch: None,
        test: "a_purpose_that_does_not_fit_the_agent_is_taken",
    },
];
