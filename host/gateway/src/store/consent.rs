//! The ledger of consent: whether a person wants messages of an agent, since when, and how the gateway knows.
//!
//! A wish is joined as it is heard of, in the commit of the event that said it. The newest by its own time counts, whenever it
//! was heard of, so that every order and every repetition ends the same. Nothing is ever taken out of the history.

use super::{Cursor, StoreProblem};
use crate::store::lane::Urgency;
use async_trait::async_trait;
use gateway_channel::Purpose;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where it is kept. Each call may be made again.
#[async_trait]
pub trait Consents: Send + Sync {
    /// Joins a wish that is no event's; tells what counts then.
    async fn note_consent(
        &self,
        agent: &str,
        phone: &str,
        consent: Consent,
    ) -> Result<Consent, StoreProblem>;
    /// What counts of a person, if anything was ever heard.
    async fn consent(&self, agent: &str, phone: &str) -> Result<Option<Consent>, StoreProblem>;
    /// Everything that was heard of a person, the latest heard first.
    async fn consent_history(
        &self,
        agent: &str,
        phone: &str,
        most: usize,
    ) -> Result<Vec<Heard>, StoreProblem>;
    /// Those who want no messages of an agent, in the order of their numbers, after one of them.
    async fn opted_out(
        &self,
        agent: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<(String, Consent)>, StoreProblem>;
}

/// What a person wants. The later of two counts for more where they were wished at the same time.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Messages.
    OptedIn,
    /// No messages but those that the person asks for.
    OptedOut,
}

/// How the gateway knows.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The platform said so.
    Event,
    /// The person wrote this.
    Keyword(String),
    /// A caller said so, and why.
    Caller(String),
}

/// A wish. Of several, the greatest counts: the newest, and at the same time the one for no messages.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Consent {
    at: Timestamp,
    wish: Wish,
    reason: Reason,
}

/// One line of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// What was heard.
    pub consent: Consent,
    /// The event that said so; none if a caller did.
    pub event: Option<Cursor>,
}

impl Wish {
    /// Its word, in the HTTP JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OptedIn => "opted_in",
            Self::OptedOut => "opted_out",
        }
    }
}

impl Consent {
    /// What is finer than a microsecond is cut off, so that stores cannot differ in what is newer.
    pub fn new(wish: Wish, at: Timestamp, reason: Reason) -> Self {
        Self {
            at: Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at),
            wish,
            reason,
        }
    }

    /// Since when.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// What.
    pub fn wish(&self) -> Wish {
        self.wish
    }

    /// How the gateway knows.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// What counts of this and what was known.
    #[must_use]
    pub fn join(self, known: Option<Self>) -> Self {
        known.into_iter().fold(self, Self::max)
    }

    /// Whether a message for this may be sent. What somebody waits for may be sent to whoever has opted out: a code, an answer
    /// to what was asked for, the word that the opt-out was understood. The same may be sent at any hour.
    pub fn permits(&self, purpose: Option<Purpose>) -> bool {
        self.wish == Wish::OptedIn || Urgency::of(purpose) == Urgency::Essential
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Event => formatter.write_str("the platform said so"),
            Self::Keyword(text) => write!(formatter, "the person wrote {text:?}"),
            Self::Caller(why) => write!(formatter, "a caller said so: {why:?}"),
        }
    }
}

/// How many messages one claim may end because of opt-outs, so that it takes no longer than others can wait.
pub const REFUSED_AT_ONCE: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn consent(wish: Wish, second: i64) -> Consent {
        Consent::new(
            wish,
            Timestamp::from_second(second).expect("a time"),
            Reason::Event,
        )
    }

    #[test]
    fn the_newest_counts_whenever_it_was_heard_and_an_opt_out_wins_a_tie() {
        use Wish::{OptedIn, OptedOut};
        for (heard, counts) in [
            (&[(OptedOut, 5)][..], (OptedOut, 5)),
            (&[(OptedOut, 5), (OptedIn, 6)], (OptedIn, 6)),
            (&[(OptedIn, 6), (OptedOut, 5)], (OptedIn, 6)),
            (&[(OptedOut, 5), (OptedIn, 6), (OptedOut, 7)], (OptedOut, 7)),
            (&[(OptedIn, 5), (OptedOut, 5)], (OptedOut, 5)),
            (&[(OptedOut, 5), (OptedIn, 5)], (OptedOut, 5)),
        ] {
            let join = |known: Option<Consent>, (wish, second): &(Wish, i64)| {
                Some(consent(*wish, *second).join(known))
            };
            assert_eq!(
                heard.iter().fold(None, join),
                Some(consent(counts.0, counts.1)),
                "{heard:?}"
            );
        }
    }

    #[test]
    fn only_what_somebody_waits_for_may_be_sent_after_an_opt_out() {
        for (purpose, permitted) in [
            (Some(Purpose::Authentication), true),
            (Some(Purpose::ServiceRequest), true),
            (Some(Purpose::Acknowledgement), true),
            (Some(Purpose::Transaction), false),
            (Some(Purpose::Promotion), false),
            (None, false),
        ] {
            assert_eq!(
                consent(Wish::OptedOut, 0).permits(purpose),
                permitted,
                "{purpose:?}"
            );
            assert!(consent(Wish::OptedIn, 0).permits(purpose), "{purpose:?}");
        }
    }

    #[test]
    fn times_are_as_fine_as_every_store_keeps_them() {
        let at: Timestamp = "2026-11-25T10:00:00.123456789Z".parse().expect("a time");
        assert_eq!(
            Consent::new(Wish::OptedIn, at, Reason::Event)
                .at()
                .to_string(),
            "2026-11-25T10:00:00.123456Z"
        );
    }

    fn any_consent() -> impl Strategy<Value = Consent> {
        let reason = prop_oneof![
            Just(Reason::Event),
            "[ab]".prop_map(Reason::Keyword),
            "[ab]".prop_map(Reason::Caller),
        ];
        (any::<bool>(), 0..4_i64, reason).prop_map(|(out, second, reason)| {
            let wish = if out { Wish::OptedOut } else { Wish::OptedIn };
            Consent {
                reason,
                ..consent(wish, second)
            }
        })
    }

    proptest! {
        #[test]
        fn every_order_and_every_repetition_ends_the_same(
            (heard, shuffled) in proptest::collection::vec(any_consent(), 0..8)
                .prop_flat_map(|heard| (Just(heard.clone()), Just([heard.clone(), heard].concat()).prop_shuffle())),
        ) {
            let all = |heard: Vec<Consent>| heard.into_iter().fold(None, |known, new| Some(new.join(known)));
            prop_assert_eq!(all(heard), all(shuffled));
        }
    }
}
