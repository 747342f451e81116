//! In which queue of its agent a message waits, and what an agent may take from its queues. Pure.
//!
//! Messages that must not wait have a queue of their own, and so have retries. So a store finds what may begin now without
//! looking at what may not, be that a hundred thousand messages, and neither retries nor first attempts hold up the others.

use super::Hold;
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
    /// The first.
    First,
    /// Another with the same id: the one before was rejected for now, or its outcome is unknown.
    Retry,
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
    /// All of them, the essential ones first.
    pub const ALL: [Self; 4] = [
        Self::new(Urgency::Essential, Stage::Retry),
        Self::new(Urgency::Essential, Stage::First),
        Self::new(Urgency::Ordinary, Stage::Retry),
        Self::new(Urgency::Ordinary, Stage::First),
    ];

    const fn new(urgency: Urgency, stage: Stage) -> Self {
        Self { urgency, stage }
    }

    /// Its number in stores. 1 and 4 were retries of messages whose outcome is unknown.
    pub fn number(self) -> u8 {
        match (self.urgency, self.stage) {
            (Urgency::Essential, Stage::Retry) => 0,
            (Urgency::Essential, Stage::First) => 2,
            (Urgency::Ordinary, Stage::Retry) => 3,
            (Urgency::Ordinary, Stage::First) => 5,
        }
    }
}

/// What an agent may begin now.
#[derive(Clone, Debug)]
pub struct Share {
    /// The gateway's name of the agent.
    pub agent: String,
    /// Attempts altogether.
    pub attempts: usize,
    /// Retries that go before first attempts. Further retries go after them.
    pub retries: usize,
    /// Attempts of messages that may wait for the morning.
    pub ordinary: usize,
    /// Which of two messages goes first.
    pub order: Order,
    /// What keeps the agent from sending: the reason of what is over by now.
    pub hold: Option<Hold>,
}

/// Which messages of an agent go first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// The essential ones; of these a few retries, then first attempts, then the other retries. So neither retries nor first
    /// attempts can hold up the others.
    TakeTurns,
    /// Those that were never rejected, whatever they are sent for: a message that only fails for itself is no good probe.
    FirstAttempts,
}

/// One look at a queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Step {
    /// Which queue.
    pub lane: Lane,
    /// Whether no more than [`Share::retries`] are taken.
    limited: bool,
}

impl Share {
    /// Any messages, up to a number.
    pub fn any(agent: &str, attempts: usize) -> Self {
        Self {
            agent: agent.to_owned(),
            attempts,
            retries: attempts,
            ordinary: attempts,
            order: Order::TakeTurns,
            hold: None,
        }
    }

    /// The queues to look at, in this order. A queue may come twice.
    pub fn steps(&self) -> impl Iterator<Item = Step> + use<> {
        match self.order {
            Order::TakeTurns => TAKE_TURNS.iter(),
            Order::FirstAttempts => FIRST_ATTEMPTS.iter(),
        }
        .copied()
    }

    /// How many a step may still take.
    pub fn room(&self, step: Step) -> usize {
        let retries = if step.limited {
            self.retries
        } else {
            usize::MAX
        };
        self.room_in(step.lane).min(retries)
    }

    /// The queues that it may take from.
    pub fn lanes(&self) -> impl Iterator<Item = Lane> {
        Lane::ALL.into_iter().filter(|lane| self.room_in(*lane) > 0)
    }

    fn room_in(&self, lane: Lane) -> usize {
        match lane.urgency {
            Urgency::Essential => self.attempts,
            Urgency::Ordinary => self.attempts.min(self.ordinary),
        }
    }

    /// Counts what a step has taken.
    pub fn take(&mut self, step: Step, taken: usize) {
        self.attempts = self.attempts.saturating_sub(taken);
        if step.lane.stage == Stage::Retry {
            self.retries = self.retries.saturating_sub(taken);
        }
        if step.lane.urgency == Urgency::Ordinary {
            self.ordinary = self.ordinary.saturating_sub(taken);
        }
    }
}

impl Step {
    const fn limited(urgency: Urgency, stage: Stage) -> Self {
        Self {
            lane: Lane::new(urgency, stage),
            limited: true,
        }
    }

    const fn free(urgency: Urgency, stage: Stage) -> Self {
        Self {
            lane: Lane::new(urgency, stage),
            limited: false,
        }
    }
}

const TAKE_TURNS: [Step; 6] = [
    Step::limited(Urgency::Essential, Stage::Retry),
    Step::free(Urgency::Essential, Stage::First),
    Step::limited(Urgency::Ordinary, Stage::Retry),
    Step::free(Urgency::Ordinary, Stage::First),
    Step::free(Urgency::Essential, Stage::Retry),
    Step::free(Urgency::Ordinary, Stage::Retry),
];
const FIRST_ATTEMPTS: [Step; 4] = [
    Step::free(Urgency::Essential, Stage::First),
    Step::free(Urgency::Ordinary, Stage::First),
    Step::free(Urgency::Essential, Stage::Retry),
    Step::free(Urgency::Ordinary, Stage::Retry),
];

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

    /// Takes what there is, step by step: of each queue so many wait.
    fn taken(mut share: Share, mut waiting: [usize; 4]) -> Vec<(u8, usize)> {
        let mut all = Vec::new();
        for step in share.clone().steps() {
            let place = Lane::ALL
                .iter()
                .position(|lane| *lane == step.lane)
                .expect("a lane");
            let taken = share.room(step).min(waiting[place]);
            waiting[place] -= taken;
            share.take(step, taken);
            if taken > 0 {
                all.push((step.lane.number(), taken));
            }
        }
        all
    }

    #[test]
    fn retries_and_first_attempts_take_turns() {
        let share = |attempts, retries, ordinary| Share {
            retries,
            ordinary,
            ..Share::any("demo", attempts)
        };
        for (what, share, waiting, expected) in [
            (
                "a few retries, then first attempts",
                share(10, 2, 10),
                [0, 0, 50, 50],
                &[(3, 2), (5, 8)][..],
            ),
            (
                "what first attempts leave goes to retries",
                share(10, 2, 10),
                [0, 0, 50, 3],
                &[(3, 2), (5, 3), (3, 5)],
            ),
            (
                "essential ones before ordinary ones",
                share(10, 2, 10),
                [50, 4, 50, 50],
                &[(0, 2), (2, 4), (5, 4)],
            ),
            (
                "no ordinary ones at night",
                share(10, 2, 0),
                [1, 1, 50, 50],
                &[(0, 1), (2, 1)],
            ),
            (
                "no retries before others",
                share(3, 0, 3),
                [50, 0, 50, 2],
                &[(5, 2), (0, 1)],
            ),
            ("nothing", share(0, 2, 2), [9, 9, 9, 9], &[]),
        ] {
            assert_eq!(taken(share, waiting), expected, "{what}");
        }
    }

    #[test]
    fn a_probe_is_a_message_that_was_never_rejected_if_there_is_one() {
        let probe = || Share {
            order: Order::FirstAttempts,
            ..Share::any("demo", 1)
        };
        for (waiting, expected) in [
            ([9, 0, 9, 9], [(5, 1)]),
            ([9, 9, 9, 9], [(2, 1)]),
            ([0, 0, 9, 0], [(3, 1)]),
        ] {
            assert_eq!(taken(probe(), waiting), expected, "{waiting:?}");
        }
    }

    #[test]
    fn what_may_be_taken_from_is_what_may_be_due() {
        let lanes = |share: Share| share.lanes().map(Lane::number).collect::<Vec<_>>();
        let share = Share {
            retries: 0,
            ..Share::any("demo", 3)
        };
        assert_eq!(lanes(share.clone()), [0, 2, 3, 5]);
        let night = Share {
            ordinary: 0,
            ..share
        };
        assert_eq!(lanes(night), [0, 2]);
        assert!(lanes(Share::any("demo", 0)).is_empty());
    }
}
