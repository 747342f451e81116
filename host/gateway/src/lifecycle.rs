//! The life of a message: facts, and the state that follows from them. Pure.
//!
//! Facts come in any order and more than once. Of each kind the earliest time stays, and the state depends on which kinds
//! there are, so that every order and every repetition ends the same. Two facts can be outweighed by later ones. A wish to try
//! again outweighs that the gateway gave the message up. Such a wish, or a rejection for now, outweighs that an attempt began. The
//! number of the attempt says which of two facts is the later one, and no clock does; of each kind the largest number stays.
//!
//! An attempt whose outcome is unknown may have been taken. So a refusal of a later attempt is no fact of the message: it stays
//! unknown, until the platform has it or the gateway gives it up at the end of its time.

use crate::store::Entry;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Something that is known about a message.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The gateway has it.
    Queued,
    /// An attempt was begun.
    Sending,
    /// An attempt was rejected for now, and the platform does not have it: the message waits for the next.
    Postponed,
    /// An attempt ended without an answer: the platform may have it.
    Unknown,
    /// The platform has it.
    Accepted,
    /// It is on the person's device.
    Delivered,
    /// The person has seen it.
    Read,
    /// It ran out, and nobody will get it.
    Expired,
    /// Somebody wants it back: there are no further attempts. Changes no state.
    RevokeRequested,
    /// It was taken back: before it was sent, or as the platform says.
    Revoked,
    /// It could not be taken back: it may or may not have been delivered. Changes no state.
    RevokeFailed,
    /// The platform will never take it, or the person has opted out of it.
    Refused,
    /// The gateway gave it up.
    Failed,
    /// Somebody wants what the gateway gave up to be tried again. Changes no state but that.
    Requeued,
    /// Another channel has it.
    FellBack,
}

impl Fact {
    const ALL: [Self; 15] = [
        Self::Queued,
        Self::Sending,
        Self::Postponed,
        Self::Unknown,
        Self::Accepted,
        Self::Delivered,
        Self::Read,
        Self::Expired,
        Self::RevokeRequested,
        Self::Revoked,
        Self::RevokeFailed,
        Self::Refused,
        Self::Failed,
        Self::Requeued,
        Self::FellBack,
    ];

    /// Its word, in the HTTP JSON and in stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Postponed => "postponed",
            Self::Unknown => "unknown",
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Expired => "expired",
            Self::RevokeRequested => "revoke_requested",
            Self::Revoked => "revoked",
            Self::RevokeFailed => "revoke_failed",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Requeued => "requeued",
            Self::FellBack => "fell_back",
        }
    }

    /// Whether nothing is tried any more after it. That the message was delivered may still become known.
    pub fn is_end(self) -> bool {
        matches!(
            self,
            Self::Failed | Self::Refused | Self::Expired | Self::Revoked
        )
    }

    /// None for a word that is no fact.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fact| fact.as_str() == word)
    }
}

/// Where a message is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "each is the fact of the same name, which no stronger one outweighs"
)]
pub enum State {
    Queued,
    Sending,
    Unknown,
    Accepted,
    Refused,
    Failed,
    FellBack,
    Expired,
    Revoked,
    Delivered,
    Read,
}

/// All that is known about a message.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Facts {
    first: BTreeMap<Fact, Timestamp>,
    /// The last attempt after which the gateway gave up; 0 where none is named.
    failed_after: Option<u32>,
    /// The last attempt after which somebody wanted another.
    requeued_after: Option<u32>,
    /// The last attempt that began.
    begun: Option<u32>,
    /// The last attempt that was rejected for now.
    postponed: Option<u32>,
}

impl Facts {
    /// What a history says.
    pub fn of(history: &[Entry]) -> Self {
        let mut facts = Self::default();
        for entry in history {
            facts.add(entry.fact, entry.at, entry.attempt);
        }
        facts
    }

    /// Adds a fact, with the attempt that it is about, if any. The first time of each kind stays.
    pub fn add(&mut self, fact: Fact, at: Timestamp, attempt: Option<u32>) {
        self.first
            .entry(fact)
            .and_modify(|known| *known = at.min(*known))
            .or_insert(at);
        let last = match fact {
            Fact::Failed => &mut self.failed_after,
            Fact::Requeued => &mut self.requeued_after,
            Fact::Sending => &mut self.begun,
            Fact::Postponed => &mut self.postponed,
            _ => return,
        };
        *last = (*last).max(Some(attempt.unwrap_or_default()));
    }

    /// Whether something is known.
    pub fn has(&self, fact: Fact) -> bool {
        self.first.contains_key(&fact)
    }

    /// Whether it is known and not outweighed by what came later.
    fn stands(&self, fact: Fact) -> bool {
        self.has(fact)
            && match fact {
                Fact::Failed => self.failed_after > self.requeued_after,
                Fact::Sending => self.begun > self.postponed.max(self.requeued_after),
                _ => true,
            }
    }

    /// The strongest of what is known. A delivery outweighs all that says there was none, whichever came first.
    pub fn state(&self) -> State {
        self.strongest().map_or(State::Queued, |(_, state)| state)
    }

    /// Whether this fact is what the state follows from.
    pub fn decides(&self, fact: Fact) -> bool {
        self.strongest()
            .is_some_and(|(strongest, _)| strongest == fact)
    }

    fn strongest(&self) -> Option<(Fact, State)> {
        STRONGEST_FIRST
            .into_iter()
            .find(|(fact, _)| self.stands(*fact))
    }

    /// Whether the platform has it, or may have it.
    pub fn may_be_taken(&self) -> bool {
        self.has(Fact::Unknown) || self.has(Fact::Accepted)
    }

    /// Whether it is still to be sent.
    pub fn wants_attempts(&self) -> bool {
        matches!(
            self.state(),
            State::Queued | State::Sending | State::Unknown
        ) && !self.has(Fact::RevokeRequested)
    }
}

impl State {
    /// Its word in the HTTP JSON.
    pub fn as_str(self) -> &'static str {
        WORDS
            .into_iter()
            .find(|(state, _)| *state == self)
            .map_or("queued", |(_, word)| word)
    }

    /// None for a word that is no state.
    pub fn parse(word: &str) -> Option<Self> {
        WORDS
            .into_iter()
            .find(|(_, own)| *own == word)
            .map(|(state, _)| state)
    }
}

/// Every state with its word.
pub const WORDS: [(State, &str); 11] = [
    (State::Queued, "queued"),
    (State::Sending, "sending"),
    (State::Unknown, "unknown"),
    (State::Accepted, "accepted"),
    (State::Delivered, "delivered"),
    (State::Read, "read"),
    (State::Expired, "expired"),
    (State::Revoked, "revoked"),
    (State::Refused, "refused"),
    (State::Failed, "failed"),
    (State::FellBack, "fell_back"),
];

const STRONGEST_FIRST: [(Fact, State); 11] = [
    (Fact::Read, State::Read),
    (Fact::Delivered, State::Delivered),
    (Fact::Revoked, State::Revoked),
    (Fact::Expired, State::Expired),
    (Fact::FellBack, State::FellBack),
    (Fact::Accepted, State::Accepted),
    (Fact::Failed, State::Failed),
    (Fact::Refused, State::Refused),
    (Fact::Unknown, State::Unknown),
    (Fact::Sending, State::Sending),
    (Fact::Queued, State::Queued),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts(facts: &[(Fact, i64)]) -> Facts {
        let mut all = Facts::default();
        facts.iter().for_each(|(fact, second)| {
            all.add(*fact, Timestamp::from_second(*second).expect("time"), None);
        });
        all
    }

    #[test]
    fn the_state_is_the_strongest_fact() {
        use Fact::{
            Accepted, Delivered, Expired, Failed, Postponed, Queued, Read, Refused, RevokeFailed,
            RevokeRequested, Revoked, Sending, Unknown,
        };
        for (known, state) in [
            (&[][..], State::Queued),
            (&[Queued], State::Queued),
            (&[Queued, Sending], State::Sending),
            (&[Queued, Sending, Postponed], State::Queued),
            (&[Queued, RevokeRequested], State::Queued),
            (&[Queued, Sending, Unknown], State::Unknown),
            (&[Queued, Sending, Unknown, Accepted], State::Accepted),
            (&[Queued, Sending, Unknown, Postponed], State::Unknown),
            (&[Queued, Sending, Unknown, Failed], State::Failed),
            (&[Queued, Sending, Refused, Accepted], State::Accepted),
            (&[Queued, Sending, Failed, Accepted], State::Accepted),
            (&[Queued, Sending, Refused], State::Refused),
            (&[Queued, Sending, Failed], State::Failed),
            (&[Accepted, Expired], State::Expired),
            (&[Accepted, Revoked], State::Revoked),
            (&[Accepted, RevokeFailed], State::Accepted),
            (&[Accepted, Revoked, Delivered], State::Delivered),
            (&[Accepted, Expired, Delivered], State::Delivered),
            (&[Expired, Read], State::Read),
            (&[Read], State::Read),
        ] {
            let known: Vec<_> = known.iter().map(|fact| (*fact, 0)).collect();
            assert_eq!(facts(&known).state(), state, "{known:?}");
        }
    }

    #[test]
    fn a_message_is_to_be_sent_until_its_fate_is_known_or_somebody_wants_it_back() {
        for (known, wanted) in [
            (&[Fact::Queued][..], true),
            (&[Fact::Queued, Fact::Sending, Fact::Postponed], true),
            (&[Fact::Queued, Fact::Sending, Fact::Unknown], true),
            (
                &[
                    Fact::Queued,
                    Fact::Sending,
                    Fact::Unknown,
                    Fact::RevokeRequested,
                ],
                false,
            ),
            (&[Fact::Queued, Fact::Sending, Fact::Accepted], false),
            (&[Fact::Queued, Fact::Read], false),
            (&[Fact::Queued, Fact::Failed], false),
        ] {
            let known: Vec<_> = known.iter().map(|fact| (*fact, 0)).collect();
            assert_eq!(facts(&known).wants_attempts(), wanted, "{known:?}");
        }
    }

    /// The clock may go backwards; the numbers of attempts do not.
    #[test]
    fn the_number_of_the_attempt_says_which_of_two_facts_is_the_later_one() {
        use Fact::{Failed, Postponed, Requeued, Sending};
        let known = |known: &[(Fact, u32)]| {
            let mut facts = Facts::default();
            known.iter().for_each(|(fact, attempt)| {
                facts.add(*fact, Timestamp::UNIX_EPOCH, Some(*attempt));
            });
            (facts.state(), facts.wants_attempts())
        };
        for (facts, expected) in [
            (&[(Sending, 1), (Failed, 1)][..], (State::Failed, false)),
            (
                &[(Sending, 1), (Failed, 1), (Requeued, 1)],
                (State::Queued, true),
            ),
            (
                &[(Requeued, 1), (Failed, 1), (Sending, 1)],
                (State::Queued, true),
            ),
            (
                &[(Sending, 2), (Failed, 1), (Requeued, 1), (Failed, 2)],
                (State::Failed, false),
            ),
            (
                &[
                    (Sending, 2),
                    (Failed, 1),
                    (Requeued, 1),
                    (Failed, 2),
                    (Requeued, 2),
                ],
                (State::Queued, true),
            ),
            (
                &[(Sending, 3), (Requeued, 2), (Failed, 1)],
                (State::Sending, true),
            ),
            (&[(Sending, 1), (Postponed, 1)], (State::Queued, true)),
            (
                &[(Sending, 2), (Sending, 1), (Postponed, 1)],
                (State::Sending, true),
            ),
        ] {
            assert_eq!(known(facts), expected, "{facts:?}");
        }
    }

    #[test]
    fn every_state_has_a_word_and_every_word_a_state() {
        for (state, word) in WORDS {
            assert_eq!((state.as_str(), State::parse(word)), (word, Some(state)));
        }
        assert_eq!(State::parse("lost"), None);
    }

    fn any_fact() -> impl Strategy<Value = (Fact, i64, Option<u32>)> {
        (
            proptest::sample::select(Fact::ALL.to_vec()),
            0..5i64,
            proptest::option::of(0..3u32),
        )
    }

    fn joined(known: &[(Fact, i64, Option<u32>)]) -> Facts {
        let mut all = Facts::default();
        for (fact, second, attempt) in known {
            all.add(
                *fact,
                Timestamp::from_second(*second).expect("time"),
                *attempt,
            );
        }
        all
    }

    proptest! {
        #[test]
        fn every_order_and_every_repetition_ends_the_same(
            (known, shuffled) in proptest::collection::vec(any_fact(), 0..8)
                .prop_flat_map(|known| (Just(known.clone()), Just([known.clone(), known].concat()).prop_shuffle())),
        ) {
            prop_assert_eq!(joined(&known), joined(&shuffled));
            prop_assert_eq!(joined(&known).state(), joined(&shuffled).state());
        }
    }
}
