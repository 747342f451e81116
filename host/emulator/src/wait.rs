//! Waiting until something has happened, with a deadline in real time, so that a test needs no sleeps and says what was there
//! instead when it fails.
//!
//! Who waits looks again whenever something happens on the platform, a request is answered, or a webhook has been called; so a
//! clock that stands, jumps or runs fast makes no difference to it.

use crate::Shared;
use crate::excerpt::excerpt;
use crate::fidelity::{Basis, Behaviour};
use crate::platform::{Platform, Shown, State};
use crate::push::Status;
use crate::record::{Exchange, RequestFilter};
use jiff::Timestamp;
use rbm_wire::message::ContentMessage;
use rbm_wire::name::{AgentId, MessageId, PhoneNumber};
use serde::Serialize;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// What to wait for.
#[derive(Clone, Debug, PartialEq)]
pub enum Awaited {
    /// So many requests that match, of those that are kept and those to come.
    Requests {
        /// Which.
        filter: RequestFilter,
        /// How many, at least 1.
        count: usize,
    },
    /// A message in a state. One that is read was delivered, too.
    Message {
        /// On whose phone.
        phone: PhoneNumber,
        /// Whose; of the newest with this id if it is left out.
        agent: Option<AgentId>,
        /// Which.
        id: MessageId,
        /// Where it must be.
        state: State,
    },
    /// Nothing is under way: no message is on its way to a phone that is there, no person is about to do something by habit, and
    /// every notice was taken by its webhook or has come to another end. Messages that wait for a phone that is offline may go
    /// on waiting.
    Quiet,
}

/// What was waited for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// As many as were asked for, from the first that matched and is still kept.
    Requests(Vec<Exchange>),
    /// As the phone shows it.
    Message(Box<ShownMessage>),
    /// How many notices the webhooks took so far.
    Quiet {
        /// At least once each.
        taken: u64,
    },
}

/// What a phone shows of a message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownMessage {
    /// Whose.
    pub agent: AgentId,
    /// Its id.
    pub id: MessageId,
    /// Where it is.
    pub state: State,
    /// What it says.
    pub content: ContentMessage,
}

/// Why it was not found.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WaitProblem {
    /// It had not happened at the deadline.
    #[error("after {} ms {instead}", waited.as_millis())]
    TimedOut {
        /// How long was waited.
        waited: Duration,
        /// What was there instead, in a sentence.
        instead: String,
    },
    /// It cannot happen any more.
    #[error("there is no use in waiting: {0}")]
    Never(String),
    /// Nobody waits so long.
    #[error("{} ms are too long: at most {} are waited", .0.as_millis(), WAIT_MAX.as_millis())]
    TooLong(Duration),
    /// Nothing to wait for.
    #[error("the count is 0, and must be at least 1")]
    Nothing,
    /// It ended meanwhile.
    #[error("the emulator has stopped")]
    Stopped,
}

impl From<Shown<'_>> for ShownMessage {
    fn from(
        Shown {
            agent,
            id,
            state,
            content,
        }: Shown<'_>,
    ) -> Self {
        Self {
            agent: agent.clone(),
            id: id.clone(),
            state,
            content: content.clone(),
        }
    }
}

/// Waits until it is there, or so long.
pub(crate) async fn wait_for(
    shared: &Shared,
    awaited: &Awaited,
    time: Duration,
) -> Result<Found, WaitProblem> {
    if time > WAIT_MAX {
        return Err(WaitProblem::TooLong(time));
    }
    if matches!(awaited, Awaited::Requests { count: 0, .. }) {
        return Err(WaitProblem::Nothing);
    }
    let deadline = Instant::now() + time;
    let mut tally = Tally::default();
    loop {
        // Both hear of everything from here on, also of what happens while we look.
        let (happened, told) = (shared.happened.notified(), shared.push.told.notified());
        match look(shared, awaited, &mut tally) {
            Look::Found(found) => return Ok(found),
            Look::Never(said) => return Err(WaitProblem::Never(said)),
            Look::NotYet => {}
        }
        tokio::select! {
            () = happened => {}
            () = told => {}
            () = sleep_until(deadline) => {
                let instead = instead(shared, awaited, &tally);
                return Err(WaitProblem::TimedOut { waited: time, instead });
            }
            () = shared.stopped() => return Err(WaitProblem::Stopped),
        }
    }
}

enum Look {
    Found(Found),
    NotYet,
    Never(String),
}

/// The requests that matched, so that each is looked at once.
#[derive(Default)]
struct Tally {
    count: usize,
    /// The number of the last that was looked at.
    last: u64,
}

fn look(shared: &Shared, awaited: &Awaited, tally: &mut Tally) -> Look {
    match awaited {
        Awaited::Requests { filter, count } => {
            let records = shared.records();
            let unseen = RequestFilter {
                after: tally.last.max(filter.after),
                ..filter.clone()
            };
            tally.count += records.matching(&unseen).count();
            tally.last = records.last();
            if tally.count < *count {
                return Look::NotYet;
            }
            let found: Vec<_> = records.matching(filter).take(*count).cloned().collect();
            drop(records);
            Look::Found(Found::Requests(
                found.iter().map(|record| record.exchange()).collect(),
            ))
        }
        Awaited::Message {
            phone,
            agent,
            id,
            state,
        } => {
            let platform = shared.platform();
            let Some(message) = message(&platform, phone, agent.as_ref(), id) else {
                return Look::NotYet;
            };
            if is_reached(message.state, *state) {
                Look::Found(Found::Message(Box::new(message.into())))
            } else if may_reach(message.state, *state) {
                Look::NotYet
            } else {
                Look::Never(format!(
                    "{}, which is the end of it",
                    is_in(&message, phone)
                ))
            }
        }
        Awaited::Quiet => {
            // In the order in which a command takes both, so that what it has caused is in one of them.
            let platform = shared.platform();
            let Status {
                waiting,
                calling,
                counts,
                ..
            } = shared.push.status();
            let is_quiet = platform.under_way().is_none() && waiting == 0 && calling.is_none();
            if is_quiet {
                Look::Found(Found::Quiet {
                    taken: counts.taken,
                })
            } else {
                Look::NotYet
            }
        }
    }
}

fn message<'a>(
    platform: &'a Platform,
    phone: &PhoneNumber,
    agent: Option<&AgentId>,
    id: &MessageId,
) -> Option<Shown<'a>> {
    platform
        .shown(phone)
        .rev()
        .find(|shown| shown.id == id && agent.is_none_or(|agent| agent == shown.agent))
}

fn is_reached(state: State, wanted: State) -> bool {
    state == wanted || (state, wanted) == (State::Read, State::Delivered)
}

fn may_reach(state: State, wanted: State) -> bool {
    match state {
        State::Queued => true,
        State::Delivered => wanted == State::Read,
        State::Read | State::Expired | State::Revoked | State::Dropped => false,
    }
}

/// What there is of it at the deadline, in words.
fn instead(shared: &Shared, awaited: &Awaited, tally: &Tally) -> String {
    match awaited {
        Awaited::Requests { count, .. } => {
            let last = shared.records().last();
            format!(
                "{} of {count} requests that match had come, of {last} altogether",
                tally.count
            )
        }
        Awaited::Message {
            phone,
            agent,
            id,
            state,
        } => {
            let platform = shared.platform();
            let there =
                message(&platform, phone, agent.as_ref(), id).map(|message| is_in(&message, phone));
            let there = there.unwrap_or_else(|| {
                let others = platform.shown(phone).count();
                format!(
                    "there is no message {} on {phone}, and {others} others",
                    excerpt(id.as_str())
                )
            });
            format!(
                "{there}, and not {}; {}",
                state.as_str(),
                time_shown(shared)
            )
        }
        Awaited::Quiet => {
            let platform = shared.platform();
            let planned = platform.under_way();
            drop(platform);
            not_quiet(shared, planned, &shared.push.status())
        }
    }
}

fn is_in(message: &Shown<'_>, phone: &PhoneNumber) -> String {
    format!(
        "message {} is {} on {phone}",
        message.id.as_str(),
        message.state.as_str()
    )
}

fn not_quiet(shared: &Shared, planned: Option<(usize, Timestamp)>, status: &Status) -> String {
    let mut said = Vec::new();
    if let Some((count, first)) = planned {
        let time = time_shown(shared);
        said.push(format!(
            "{count} deliveries or acts of people are to come, the first at {first}; {time}"
        ));
    }
    if status.waiting > 0 || status.calling.is_some() {
        let calling = status
            .calling
            .as_ref()
            .map(|url| format!(", {url} is being called"));
        let last = status
            .deliveries
            .last()
            .filter(|delivery| delivery.url.is_some());
        let last =
            last.map(|delivery| format!(", and the last one called {}", delivery.verdict.said()));
        let (calling, last) = (calling.unwrap_or_default(), last.unwrap_or_default());
        said.push(format!(
            "{} notices wait for webhooks{calling}{last}",
            status.waiting
        ));
    }
    if said.is_empty() {
        "it has just become quiet".to_owned()
    } else {
        said.join("; ")
    }
}

fn time_shown(shared: &Shared) -> String {
    let reading = shared.clock.reading();
    let paused = if reading.paused { " and is paused" } else { "" };
    format!("the clock shows {}{paused}", reading.now)
}

/// How long anybody may wait, in real time.
const WAIT_MAX: Duration = Duration::from_mins(5);

pub(crate) const WAITED: &Behaviour = &Behaviour {
    id: "wait",
    what: "/emulator/wait answers 408 with what was there instead at its deadline, and 409 if what is waited for cannot happen \
           any more",
    basis: Basis::Assumed,
    source: "ours: Google has nothing like it",
    switch: None,
    test: "a_wait_that_fails_says_what_was_there_instead",
};

pub(crate) const BEHAVIOURS: &[&Behaviour] = &[WAITED];
