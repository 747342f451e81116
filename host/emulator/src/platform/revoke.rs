//! An agent takes a message back. (reference/rest/v1/phones.agentMessages/delete)

use super::{Command, Platform, State};
use crate::fidelity::{Basis, Behaviour};
use jiff::Timestamp;
use rbm_wire::name::{AgentId, MessageId, PhoneNumber};
use serde::{Deserialize, Serialize};

/// A wish to take a message back.
#[derive(Clone, Debug)]
pub struct Revoke {
    /// Whose message.
    pub agent: AgentId,
    /// To whom it was sent.
    pub phone: PhoneNumber,
    /// Which.
    pub id: MessageId,
}

/// What taking a message back is answered: the pages have changed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokeReading {
    /// 200 if it will not be delivered, 404 if it was.
    Current,
    /// Always 200.
    Older,
}

/// What became of a wish to take a message back.
#[derive(Debug, Eq, PartialEq)]
pub enum Revoked {
    /// So it is said, at least.
    Done,
    /// It was delivered, has run out, or was never there. (for the last two assumed)
    TooLate,
}

impl Command for Revoke {
    type Answer = Revoked;

    fn run(self, platform: &mut Platform, _: Timestamp) -> Revoked {
        let Self { agent, phone, id } = self;
        let queued = platform
            .stored(&agent, &id)
            .is_some_and(|stored| stored.phone == phone && stored.state == State::Queued);
        if queued && !platform.phone(&phone).late_revoke {
            platform.leave_queue(&agent, &id, State::Revoked);
        }
        if queued || platform.rules.revoke == RevokeReading::Older {
            Revoked::Done
        } else {
            Revoked::TooLate
        }
    }
}

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "revoke",
        what: "A message that is not delivered is taken back, answered 200; the webhook is told nothing",
        basis: Basis::Documented,
        source: "reference/rest/v1/phones.agentMessages/delete; older pages answer 200 always",
        switch: Some("revoke"),
        test: "a_message_is_taken_back_before_delivery_and_not_after",
    },
    &Behaviour {
        id: "late-revoke",
        what: "By the phone's setting a message is delivered although taking it back was answered 200",
        basis: Basis::Documented,
        source: "guides/build/messages/revoke (DELIVERED may arrive shortly after)",
        switch: Some("late_revoke"),
        test: "a_revoke_may_come_too_late",
    },
];
