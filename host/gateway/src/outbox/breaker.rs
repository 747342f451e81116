//! Whether an agent's attempts have a point at all. Pure: time is an argument.
//!
//! Where the platform is down, each attempt would cost a message one, and the platform a call. So after enough failures only
//! one probe at a time is made, and the first that is served opens the way again. What is wrong with a single message never
//! counts. Probes come every four seconds at least, so that a platform that is back is noticed within five.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What an attempt says of the platform.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    /// It answers, be it that it refuses this message.
    Served,
    /// It takes nothing now, or nobody is there.
    TurnedAway,
    /// Nothing.
    Nothing,
}

/// What may begin now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// Anything.
    Free,
    /// One attempt.
    Probe,
    /// Nothing before this time.
    Shut(Instant),
}

/// Names an attempt's part in this.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ticket {
    generation: u64,
    probe: bool,
}

/// What an attempt's end has changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    None,
    /// Only probes from now on.
    Opened,
    /// Everything from now on.
    Closed,
}

/// One agent's.
#[derive(Debug)]
pub(crate) struct Breaker {
    state: State,
    /// Counts up with each change of state and each probe: what began before says nothing of what is now.
    generation: u64,
}

#[derive(Debug)]
enum State {
    Closed(Counts),
    Open { probes: u32, until: Instant },
}

#[derive(Debug, Default)]
struct Counts {
    recent: VecDeque<(Instant, bool)>,
    failed: usize,
    /// Failures since the last success, and when the first of them was.
    in_a_row: Option<(u32, Instant)>,
}

impl Breaker {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Closed(Counts::default()),
            generation: 0,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    pub(crate) fn way(&self, now: Instant) -> Way {
        match self.state {
            State::Closed(_) => Way::Free,
            State::Open { until, .. } if now >= until => Way::Probe,
            State::Open { until, .. } => Way::Shut(until),
        }
    }

    /// An attempt begins. After a probe there is no other until it has ended, or has been silent for too long: one that hangs
    /// must not keep the gateway from noticing that the platform is back.
    pub(crate) fn begin(&mut self, now: Instant) -> Ticket {
        let probe = self.is_open();
        if let State::Open { until, .. } = &mut self.state {
            *until = now + PROBE_PAUSE_MAX;
            self.generation += 1;
        }
        Ticket {
            generation: self.generation,
            probe,
        }
    }

    /// An attempt was not made after all.
    pub(crate) fn forget(&mut self, ticket: Ticket, now: Instant) {
        if let State::Open { until, .. } = &mut self.state
            && ticket.generation == self.generation
        {
            *until = now;
        }
    }

    /// An attempt has ended.
    pub(crate) fn end(&mut self, ticket: Ticket, answer: Answer, now: Instant) -> Change {
        let current = ticket.generation == self.generation;
        match &mut self.state {
            State::Closed(counts) if current => {
                counts.add(answer, now);
                if counts.are_too_many(now) {
                    return self.open(now);
                }
            }
            // However late: it is served.
            State::Open { .. } if ticket.probe && answer == Answer::Served => return self.close(),
            State::Open { probes, until } if current => {
                *probes += 1;
                *until = now + probe_pause(*probes);
            }
            State::Closed(_) | State::Open { .. } => {}
        }
        Change::None
    }

    fn open(&mut self, now: Instant) -> Change {
        self.generation += 1;
        self.state = State::Open {
            probes: 0,
            until: now + probe_pause(0),
        };
        Change::Opened
    }

    fn close(&mut self) -> Change {
        self.generation += 1;
        self.state = State::Closed(Counts::default());
        Change::Closed
    }
}

impl Counts {
    fn add(&mut self, answer: Answer, now: Instant) {
        match answer {
            Answer::Nothing => return,
            Answer::Served => self.in_a_row = None,
            Answer::TurnedAway => {
                let (count, since) = self.in_a_row.unwrap_or((0, now));
                self.in_a_row = Some((count + 1, since));
            }
        }
        let failed = answer == Answer::TurnedAway;
        self.recent.push_back((now, failed));
        self.failed += usize::from(failed);
        while let Some((at, failed)) = self.recent.front()
            && (*at + COUNTED_TIME <= now || self.recent.len() > COUNTED_MAX)
        {
            self.failed -= usize::from(*failed);
            self.recent.pop_front();
        }
    }

    /// Half of many; or a few in a row, and nothing else for a while, where there are not many.
    fn are_too_many(&self, now: Instant) -> bool {
        let half = self.recent.len() >= COUNTED_MIN && self.failed * 2 >= self.recent.len();
        let row = self
            .in_a_row
            .is_some_and(|(count, since)| count >= IN_A_ROW && now >= since + ROW_TIME_MIN);
        half || row
    }
}

fn probe_pause(probes: u32) -> Duration {
    PROBE_PAUSE_FIRST
        .saturating_mul(1 << probes.min(8))
        .min(PROBE_PAUSE_MAX)
}

const COUNTED_TIME: Duration = Duration::from_secs(10);
const COUNTED_MIN: usize = 20;
const COUNTED_MAX: usize = 10_000;
const IN_A_ROW: u32 = 3;
const ROW_TIME_MIN: Duration = Duration::from_secs(1);
const PROBE_PAUSE_FIRST: Duration = Duration::from_secs(1);
const PROBE_PAUSE_MAX: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use super::*;
    use Answer::{Nothing, Served, TurnedAway};
    use proptest::prelude::*;

    fn after(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    /// Makes an attempt for each answer, this long apart.
    fn run(
        answers: impl IntoIterator<Item = Answer>,
        pause_milliseconds: u64,
    ) -> (Breaker, Instant) {
        let (mut breaker, mut now) = (Breaker::new(), Instant::now());
        for answer in answers {
            now = after(now, pause_milliseconds);
            let ticket = breaker.begin(now);
            breaker.end(ticket, answer, now);
        }
        (breaker, now)
    }

    #[test]
    fn it_opens_after_half_of_many_or_a_few_in_a_row() {
        let mixed =
            |served: usize, away: usize| [vec![Served; served], vec![TurnedAway; away]].concat();
        let every_other = |count: usize| {
            (0..count)
                .map(|place| if place % 2 == 0 { TurnedAway } else { Served })
                .collect()
        };
        for (what, answers, pause, open) in [
            ("19 failures at once", vec![TurnedAway; 19], 1, false),
            ("20 failures at once", vec![TurnedAway; 20], 1, true),
            ("half of 20", every_other(20), 100, true),
            ("less than half", mixed(11, 9), 100, false),
            ("half of 20, but long apart", every_other(20), 2_000, false),
            (
                "three in a row over a second",
                vec![TurnedAway; 3],
                500,
                true,
            ),
            (
                "three in a row within a second",
                vec![TurnedAway; 3],
                499,
                false,
            ),
            (
                "two in a row",
                vec![Served, TurnedAway, TurnedAway],
                5_000,
                false,
            ),
            ("refused messages are served", vec![Served; 50], 10, false),
            ("what says nothing", vec![Nothing; 50], 100, false),
        ] {
            assert_eq!(run(answers, pause).0.is_open(), open, "{what}");
        }
    }

    #[test]
    fn one_probe_at_a_time_ever_later_up_to_four_seconds_until_one_is_served() {
        let (mut breaker, mut now) = run(vec![TurnedAway; 20], 1);
        for pause in [1_000, 2_000, 4_000, 4_000, 4_000] {
            assert_eq!(
                breaker.way(after(now, pause - 1)),
                Way::Shut(after(now, pause))
            );
            now = after(now, pause);
            assert_eq!(breaker.way(now), Way::Probe);
            let probe = breaker.begin(now);
            assert!(
                matches!(breaker.way(after(now, 100)), Way::Shut(_)),
                "it is under way"
            );
            now = after(now, 100);
            assert_eq!(breaker.end(probe, TurnedAway, now), Change::None);
        }
        now = after(now, 4_000);
        let probe = breaker.begin(now);
        assert_eq!(breaker.end(probe, Served, now), Change::Closed);
        assert_eq!(breaker.way(now), Way::Free);
    }

    #[test]
    fn what_began_before_it_opened_says_nothing() {
        let (mut breaker, now) = (Breaker::new(), Instant::now());
        let early: Vec<Ticket> = (0..40).map(|_| breaker.begin(now)).collect();
        let changes: Vec<Change> = early
            .iter()
            .map(|ticket| breaker.end(*ticket, TurnedAway, now))
            .collect();
        assert_eq!(
            changes
                .iter()
                .filter(|change| **change == Change::Opened)
                .count(),
            1
        );
        assert_eq!(
            breaker.way(now),
            Way::Shut(after(now, 1_000)),
            "the other 20 put nothing off"
        );
        assert_eq!(breaker.end(early[0], Served, now), Change::None);
        assert!(breaker.is_open());
    }

    #[test]
    fn a_probe_that_hangs_is_followed_by_another_and_still_counts_if_it_is_served() {
        let (mut breaker, now) = run(vec![TurnedAway; 20], 1);
        let first = breaker.begin(after(now, 1_000));
        assert_eq!(breaker.way(after(now, 5_000)), Way::Probe);
        let second = breaker.begin(after(now, 5_000));
        assert_eq!(
            breaker.end(first, TurnedAway, after(now, 5_100)),
            Change::None
        );
        assert_eq!(
            breaker.way(after(now, 5_100)),
            Way::Shut(after(now, 9_000)),
            "the second one is under way"
        );
        assert_eq!(
            breaker.end(first, Served, after(now, 5_200)),
            Change::Closed
        );
        assert_eq!(
            breaker.end(second, TurnedAway, after(now, 5_300)),
            Change::None,
            "it began before"
        );
    }

    #[test]
    fn a_probe_that_was_not_made_leaves_its_place_to_another() {
        let (mut breaker, now) = run(vec![TurnedAway; 20], 1);
        let probe = breaker.begin(after(now, 1_000));
        breaker.forget(probe, after(now, 1_001));
        assert_eq!(breaker.way(after(now, 1_001)), Way::Probe);
    }

    proptest! {
        /// Whatever happened before: a platform that serves everything from some time on is noticed.
        #[test]
        fn a_platform_that_is_back_is_noticed_within_five_seconds(
            answers in proptest::collection::vec((0..3_000_u64, 0..3_u8), 0..200),
        ) {
            let (mut breaker, mut now) = (Breaker::new(), Instant::now());
            for (pause, answer) in answers {
                now = after(now, pause);
                if !matches!(breaker.way(now), Way::Shut(_)) {
                    let ticket = breaker.begin(now);
                    breaker.end(ticket, [Served, TurnedAway, Nothing][usize::from(answer)], now);
                }
            }
            let back = now;
            if let Way::Shut(until) = breaker.way(now) {
                now = until;
            }
            prop_assert!(now <= after(back, 4_000));
            let ticket = breaker.begin(now);
            breaker.end(ticket, Served, now);
            prop_assert_eq!(breaker.way(now), Way::Free);
        }
    }
}
