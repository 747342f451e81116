//! In which queue of its agent a message waits, and what an agent may take from its queues. Pure.
//!
//! An agent's messages do not wait in one line: what must not wait comes first, then what was begun. So a store finds what
//! may begin now without looking at what may not, be that a hundred thousand messages.

use gateway_channel::Purpose;

/// One of an agent's queues.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lane {
    /// Whether it may wait for the morning.
    pub urgency: Urgency,
    /// What its next attempt would be.
    pub stage: Stage,
}

/// Whether a message may wait for the morning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Urgency {
    /// The person waits for it, at any hour.
    Essential,
    /// It may.
    Ordinary,
}

/// What the next attempt of a message would be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// Another, because the platform would not take it just then. There is a budget for these.
    Retry,
    /// Another with the same id, because nobody knows what became of the one before.
    Resend,
    /// The first.
    First,
}

impl Urgency {
    /// By what it is sent for. A message that does not say so may wait.
    pub fn of(purpose: Option<Purpose>) -> Self {
        if purpose.is_some_and(|purpose| ESSENTIAL.contains(&purpose)) {
            Self::Essential
        } else {
            Self::Ordinary
        }
    }
}

impl Lane {
    /// All, in the order in which they are served. Retries are few, by their budget, so that they hold up nobody.
    pub const ALL: [Self; 6] = [
        Self {
            urgency: Urgency::Essential,
            stage: Stage::Retry,
        },
        Self {
            urgency: Urgency::Essential,
            stage: Stage::Resend,
        },
        Self {
            urgency: Urgency::Essential,
            stage: Stage::First,
        },
        Self {
            urgency: Urgency::Ordinary,
            stage: Stage::Retry,
        },
        Self {
            urgency: Urgency::Ordinary,
            stage: Stage::Resend,
        },
        Self {
            urgency: Urgency::Ordinary,
            stage: Stage::First,
        },
    ];

    /// Its place in that order, for stores.
    pub fn number(self) -> u8 {
        Self::ALL
            .into_iter()
            .zip(0..)
            .find(|(lane, _)| *lane == self)
            .map_or(u8::MAX, |(_, number)| number)
    }
}

/// What an agent may begin now.
#[derive(Clone, Debug)]
pub struct Share {
    /// The gateway's name of the agent.
    pub agent: String,
    /// Attempts altogether.
    pub attempts: usize,
    /// Of these, retries of what the platform would not take.
    pub retries: usize,
    /// Of these, attempts of what may wait for the morning.
    pub ordinary: usize,
}

impl Share {
    /// Any messages, up to a number.
    pub fn any(agent: &str, attempts: usize) -> Self {
        Self {
            agent: agent.to_owned(),
            attempts,
            retries: attempts,
            ordinary: attempts,
        }
    }

    /// How many may be taken from a lane as things stand.
    pub fn room(&self, lane: Lane) -> usize {
        let retries = if lane.stage == Stage::Retry {
            self.retries
        } else {
            usize::MAX
        };
        let ordinary = if lane.urgency == Urgency::Ordinary {
            self.ordinary
        } else {
            usize::MAX
        };
        self.attempts.min(retries).min(ordinary)
    }

    /// The lanes that it may take from.
    pub fn lanes(&self) -> impl Iterator<Item = Lane> {
        Lane::ALL.into_iter().filter(|lane| self.room(*lane) > 0)
    }

    /// Counts what was taken from a lane.
    pub fn take(&mut self, lane: Lane, taken: usize) {
        self.attempts = self.attempts.saturating_sub(taken);
        if lane.stage == Stage::Retry {
            self.retries = self.retries.saturating_sub(taken);
        }
        if lane.urgency == Urgency::Ordinary {
            self.ordinary = self.ordinary.saturating_sub(taken);
        }
    }
}

/// What is sent at any hour: a code that somebody waits for, an answer to what somebody asked for, and the word that an
/// unsubscription was understood. Everything else waits.
pub const ESSENTIAL: [Purpose; 3] = [
    Purpose::Authentication,
    Purpose::ServiceRequest,
    Purpose::Acknowledgement,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_these_purposes_do_not_wait() {
        for (purpose, urgency) in [
            (Some(Purpose::Authentication), Urgency::Essential),
            (Some(Purpose::ServiceRequest), Urgency::Essential),
            (Some(Purpose::Acknowledgement), Urgency::Essential),
            (Some(Purpose::Transaction), Urgency::Ordinary),
            (Some(Purpose::Promotion), Urgency::Ordinary),
            (None, Urgency::Ordinary),
        ] {
            assert_eq!(Urgency::of(purpose), urgency, "{purpose:?}");
        }
    }

    #[test]
    fn a_share_is_used_up_lane_by_lane() {
        let mut share = Share {
            agent: "demo".into(),
            attempts: 5,
            retries: 2,
            ordinary: 3,
        };
        let [_, resend, _, ordinary_retry, ordinary_resend, ordinary] = Lane::ALL;
        assert_eq!(
            (
                share.room(resend),
                share.room(ordinary_retry),
                share.room(ordinary)
            ),
            (5, 2, 3)
        );
        share.take(ordinary_retry, 2);
        assert_eq!(
            (
                share.room(resend),
                share.room(ordinary_retry),
                share.room(ordinary)
            ),
            (3, 0, 1)
        );
        share.take(ordinary_resend, 1);
        assert!(
            share
                .lanes()
                .all(|lane| lane.urgency == Urgency::Essential && lane.stage != Stage::Retry)
        );
        share.take(resend, 2);
        assert_eq!(share.lanes().count(), 0);
    }
}
