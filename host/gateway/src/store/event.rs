//! What an event is: what the platform said, or what the gateway decided. Both stand in one stream, and every reader of events
//! (list, stream, callbacks, export) gets both.

use crate::lifecycle::Fact;
use gateway_channel::{ChannelFailure, Inbound};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What happened, and who says so.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all events are the large one"
)]
pub enum EventContent {
    /// A webhook of the platform, as the plugin read it.
    Platform(Inbound),
    /// What the gateway decided, or learned from an answer to a request of its own.
    Gateway(GatewayEvent),
}

/// An event of the gateway's own.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GatewayEvent {
    /// What became of a message.
    Message(MessageEvent),
    /// Whether an agent sends.
    Agent(AgentEvent),
}

/// What became of a message: an end, or that the platform has accepted it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct MessageEvent {
    /// `failed`, `refused`, `expired`, `revoked` or `accepted`.
    pub fact: Fact,
    /// The gateway's id of the message.
    pub message_id: String,
    /// The recipient.
    pub phone: String,
    /// When it happened.
    pub at: Timestamp,
    /// Tells two ends of the same kind apart: a message that failed and was retried may fail again.
    pub number: u32,
    /// Whose decision it was.
    pub source: Source,
    /// Why, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonCode>,
    /// Why, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How many attempts were made.
    pub attempts: u32,
    /// What the platform answered, where its answer decided it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<PlatformAnswer>,
}

/// An agent's queue is held, or goes on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AgentEvent {
    /// When.
    pub at: Timestamp,
    /// What holds it; none if it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<AgentHold>,
}

/// What holds an agent's queue.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AgentHold {
    /// For programs: the same word as in the metric `rbm_agent_held`.
    pub reason: String,
    /// In a sentence.
    pub detail: String,
}

/// Whose decision an event tells of.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The platform's, by webhook or in an answer.
    Platform,
    /// The gateway's, its plugin's or a caller's.
    Gateway,
}

/// The platform's own words.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PlatformAnswer {
    /// The HTTP status.
    pub http_status: u16,
    /// The platform's word for it, such as `INVALID_ARGUMENT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The platform's sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Why a message is where it is, for programs. The list grows.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// The plugin's check failed when it was to be sent.
    NotSendable,
    /// The platform refused it for good.
    Rejected,
    /// The recipient's device or the agent cannot take such content.
    Unsupported,
    /// The recipient has opted out.
    OptedOut,
    /// The recipient cannot be reached on this channel.
    Unreachable,
    /// An attempt may have reached the platform, and nothing was heard of it.
    OutcomeUnknown,
    /// No attempt was made in time.
    NotSent,
    /// The agent was held: its credentials or settings need a repair.
    Misconfigured,
    /// The platform could not be reached, or answered that it is unavailable.
    Unavailable,
    /// The platform answered 429.
    RateLimited,
    /// What was answered is not the platform's.
    UnexpectedAnswer,
    /// A caller asked for the revocation.
    Requested,
    /// The platform could not deliver it in time.
    NotDelivered,
}

impl ReasonCode {
    const ALL: [Self; 13] = [
        Self::NotSendable,
        Self::Rejected,
        Self::Unsupported,
        Self::OptedOut,
        Self::Unreachable,
        Self::OutcomeUnknown,
        Self::NotSent,
        Self::Misconfigured,
        Self::Unavailable,
        Self::RateLimited,
        Self::UnexpectedAnswer,
        Self::Requested,
        Self::NotDelivered,
    ];

    /// Its word, in the HTTP JSON and in stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotSendable => "not_sendable",
            Self::Rejected => "rejected",
            Self::Unsupported => "unsupported",
            Self::OptedOut => "opted_out",
            Self::Unreachable => "unreachable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::NotSent => "not_sent",
            Self::Misconfigured => "misconfigured",
            Self::Unavailable => "unavailable",
            Self::RateLimited => "rate_limited",
            Self::UnexpectedAnswer => "unexpected_answer",
            Self::Requested => "requested",
            Self::NotDelivered => "not_delivered",
        }
    }

    /// None for a word that is no reason.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// Every word.
    pub fn words() -> [&'static str; 13] {
        Self::ALL.map(Self::as_str)
    }
}

impl PlatformAnswer {
    /// None where the platform was not asked, or did not answer.
    pub fn of(failure: &ChannelFailure) -> Option<Self> {
        Some(Self {
            http_status: failure.http_status?,
            status: failure.platform_status.clone(),
            message: failure.platform_message.clone(),
        })
    }
}

impl EventContent {
    /// The person whom it concerns; none where it concerns an agent.
    pub fn phone(&self) -> Option<&str> {
        match self {
            Self::Platform(inbound) => inbound.phone.as_deref(),
            Self::Gateway(GatewayEvent::Message(event)) => Some(&event.phone),
            Self::Gateway(GatewayEvent::Agent(_)) => None,
        }
    }

    /// The same for the same event, however often it comes.
    pub fn dedupe_key(&self) -> Cow<'_, str> {
        match self {
            Self::Platform(inbound) => Cow::Borrowed(&inbound.dedupe_key),
            // No key of a plugin begins so: an agent's id has no colon. The time, since an id may be used again after its message
            // was erased.
            Self::Gateway(GatewayEvent::Message(event)) => {
                let (fact, number, at) = (event.fact.as_str(), event.number, event.at);
                let id = &event.message_id;
                Cow::Owned(format!("gateway:{fact}/{id}/{number}/{at}"))
            }
            Self::Gateway(GatewayEvent::Agent(event)) => {
                let what = if event.held.is_some() {
                    "held"
                } else {
                    "resumed"
                };
                Cow::Owned(format!("gateway:agent_{what}/{}", event.at))
            }
        }
    }

    /// The key by which an earlier version would know it, where that is another.
    pub fn legacy_dedupe_key(&self) -> Option<&str> {
        let (first, _) = self.inbound()?.dedupe_key.split_once('\n')?;
        Some(first)
    }

    /// When it happened, if that is known.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Platform(inbound) => inbound.at.as_deref()?.parse().ok(),
            Self::Gateway(GatewayEvent::Message(event)) => Some(event.at),
            Self::Gateway(GatewayEvent::Agent(event)) => Some(event.at),
        }
    }

    /// Whether an agent is held, and by what, if it is about that.
    pub fn agent_event(&self) -> Option<&AgentEvent> {
        match self {
            Self::Gateway(GatewayEvent::Agent(event)) => Some(event),
            _ => None,
        }
    }

    /// The webhook, if it is one.
    pub fn inbound(&self) -> Option<&Inbound> {
        match self {
            Self::Platform(inbound) => Some(inbound),
            Self::Gateway(_) => None,
        }
    }

    /// The same, to be changed.
    pub fn inbound_mut(&mut self) -> Option<&mut Inbound> {
        match self {
            Self::Platform(inbound) => Some(inbound),
            Self::Gateway(_) => None,
        }
    }

    /// What the platform says about a message that was sent: which one, and what. Of what the gateway says the message knows.
    pub fn fact_about(&self) -> Option<(&str, Fact)> {
        use gateway_channel::Fact as Heard;
        let Self::Platform(inbound) = self else {
            return None;
        };
        match &inbound.fact {
            Heard::Delivered(id) => Some((id, Fact::Delivered)),
            Heard::Read(id) => Some((id, Fact::Read)),
            Heard::ExpiredAndRevoked(id) => Some((id, Fact::Expired)),
            Heard::ExpiredNotRevoked(id) => Some((id, Fact::RevokeFailed)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_one_word_in_every_form() {
        for reason in ReasonCode::ALL {
            let word = reason.as_str();
            assert_eq!(ReasonCode::parse(word), Some(reason));
            let json = serde_json::to_string(&reason).expect("JSON");
            assert_eq!(json, format!("{word:?}"));
        }
        assert_eq!(ReasonCode::parse("lost"), None);
    }
}
