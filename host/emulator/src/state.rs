//! The emulator's state as a document: written, read again by the same or another emulator, or thrown away.
//!
//! In it is what the platform knows and owes: agents, phones, messages, ids, testers, quotas, the names of files, what is planned,
//! notices that no webhook took yet, the faults, the clock, and the settings that decide how it goes on. Not in it is what belongs
//! to a run: the registrations of webhooks with their tokens, the key and the tokens of the account, the requests that are kept,
//! what became of notices, and uploads that are not complete. So it holds no secret, and can be kept beside a test.

use crate::excerpt::{excerpt, remark};
use crate::faults::FaultDraws;
use crate::fidelity::{Basis, Behaviour};
use crate::phone::Phone;
use crate::platform::{Agent, COUNT_MAX, Flaw, Pass, Platform, Rules};
use crate::push::{Backlog, PushState};
use crate::scenario::{ApiSettings, ClockSettings};
use crate::upload::Uploads;
use crate::{RequestFaults, Shared, WebhookSettings};
use jiff::Timestamp;
use rbm_clock::{Clock, ClockProblem, Reading};
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// What an emulator was started with, and goes back to.
pub(crate) struct Start {
    pub(crate) agents: Vec<Agent>,
    pub(crate) phones: Vec<Phone>,
    pub(crate) rules: Rules,
    pub(crate) seed: Uuid,
    pub(crate) clock: Reading,
    pub(crate) api: ApiSettings,
    pub(crate) webhooks: WebhookSettings,
    pub(crate) faults: RequestFaults,
}

/// Why a document was not read: everything that is wrong with it, as far as it can be read. Nothing has changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", Sentences(.0))]
pub struct StateProblem(Vec<Flaw>);

/// The document. What a scenario has too is written as there.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Document<P> {
    version: u64,
    clock: ClockSettings,
    api: ApiSettings,
    webhooks: PushState,
    /// As `PUT /emulator/faults` takes them.
    faults: RequestFaults,
    /// How many requests each of them was asked about.
    faults_asked: Vec<u64>,
    platform: P,
}

/// What is looked at first, because another version may look otherwise.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

impl Start {
    pub(crate) fn platform(&self, now: Timestamp) -> Platform {
        Platform::new(
            self.agents.clone(),
            self.phones.clone(),
            self.rules.clone(),
            self.seed,
            now,
        )
    }
}

impl StateProblem {
    /// Where each thing is that is wrong, and what.
    pub fn flaws(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|flaw| (flaw.place.as_str(), flaw.rule.as_str()))
    }

    fn one(place: impl Into<String>, rule: impl Into<String>) -> Self {
        Self(vec![Flaw {
            place: place.into(),
            rule: rule.into(),
        }])
    }
}

/// As it is now, and due things have happened.
pub(crate) fn save(shared: &Shared) -> String {
    shared.apply(Pass);
    // Held until all of it is written, so that nothing happens in between.
    let platform = shared.platform();
    let Reading { paused, rate, .. } = shared.clock.reading();
    let draws = shared.faults().clone();
    let document = Document {
        version: VERSION,
        clock: ClockSettings {
            start: Some(platform.now()),
            paused,
            rate,
        },
        api: shared.answering(),
        webhooks: shared.push.saved(),
        faults: draws.faults().clone(),
        faults_asked: draws.asked().to_vec(),
        platform: &*platform,
    };
    serde_json::to_string(&document).expect("texts, numbers and lists always serialise")
}

/// In place of everything that there is.
pub(crate) fn restore(shared: &Shared, document: &[u8]) -> Result<(), StateProblem> {
    let Document {
        clock,
        api,
        webhooks,
        faults,
        faults_asked,
        platform,
        ..
    } = read(document)?;
    replace(shared, || {
        let moved = set_clock(&shared.clock, platform.now(), clock.paused, clock.rate);
        moved.map_err(|problem| StateProblem::one("clock", problem.to_string()))?;
        shared.set_answering(api);
        *shared.faults() = FaultDraws::going_on(faults, faults_asked);
        shared.push.go_on_with(webhooks, platform.seed());
        Ok(platform)
    })
}

/// As it was started, but for the time: the same commands have the same ids again.
pub(crate) fn reset(shared: &Shared) {
    let start = &shared.start;
    let done = replace(shared, || {
        let now = shared.clock.now();
        // The machine's clock is as it was.
        let _ = set_clock(&shared.clock, now, start.clock.paused, start.clock.rate);
        shared.set_answering(start.api);
        *shared.faults() = FaultDraws::new(start.faults.clone());
        shared.records().forget();
        shared.push.forget_deliveries();
        let webhooks = PushState {
            settings: start.webhooks.clone(),
            published: 0,
            backlog: Backlog::default(),
        };
        shared.push.go_on_with(webhooks, start.seed);
        Ok(start.platform(shared.clock.now()))
    });
    done.expect("what it was started with is in order");
}

/// Puts a platform in the place of the one that there is, while nobody does anything to either. Uploads are of the old one.
fn replace(
    shared: &Shared,
    with: impl FnOnce() -> Result<Platform, StateProblem>,
) -> Result<(), StateProblem> {
    let mut platform = shared.platform();
    *platform = with()?;
    // Not while the uploads are held: one that is finished takes both the other way round.
    drop(platform);
    *shared.uploads() = Uploads::default();
    shared.apply(Pass);
    Ok(())
}

/// It goes on as said, from then if it shows an earlier time: no clock goes back.
fn set_clock(clock: &Clock, to: Timestamp, paused: bool, rate: f64) -> Result<(), ClockProblem> {
    let is = clock.reading();
    if is.now < to
        && let Err(problem) = clock.jump_to(to)
        && !matches!(problem, ClockProblem::Backwards { .. })
    {
        return Err(problem);
    }
    // Only what is to be changed, because the machine's can be left as it is.
    if is.paused != paused {
        if paused {
            clock.pause()?;
        } else {
            clock.resume()?;
        }
    }
    if is.rate.to_bits() != rate.to_bits() {
        clock.set_rate(rate)?;
    }
    Ok(())
}

fn read(document: &[u8]) -> Result<Document<Platform>, StateProblem> {
    let Versioned { version } = parse(document)?.0;
    if version != VERSION {
        return Err(StateProblem::one(
            "version",
            format!("it is {version}, and this emulator reads {VERSION}"),
        ));
    }
    let (document, unknown): (Document<Platform>, _) = parse(document)?;
    let mut flaws = Vec::new();
    let mut add = |place: &str, rule: String| {
        flaws.push(Flaw {
            place: place.to_owned(),
            rule,
        });
    };
    unknown.iter().for_each(|place| {
        add(
            place,
            "it is a field that the emulator does not know".to_owned(),
        );
    });
    let Some(now) = document.clock.start else {
        add(
            "clock.start",
            "the time at which it was written is needed".to_owned(),
        );
        return Err(StateProblem(flaws));
    };
    if let Err(problem) = document.faults.check() {
        add("faults", problem.to_string());
    }
    let (faults, asked) = (document.faults.faults.len(), document.faults_asked.len());
    if faults != asked {
        add(
            "faults_asked",
            format!("it has {asked} counts, and there are {faults} faults"),
        );
    }
    let counts = document
        .faults_asked
        .iter()
        .map(|count| ("faults_asked", *count));
    for (place, count) in counts.chain([("webhooks.published", document.webhooks.published)]) {
        if count > COUNT_MAX {
            add(place, format!("it is {count}, and at most {COUNT_MAX}"));
        }
    }
    let PushState {
        settings, backlog, ..
    } = &document.webhooks;
    for (place, rule) in backlog.flaws(settings.queue_length_max, |agent| {
        document.platform.knows(agent)
    }) {
        add(&format!("webhooks.{place}"), rule);
    }
    let document = Document {
        platform: document.platform.at(now),
        ..document
    };
    flaws.extend(document.platform.flaws());
    if flaws.is_empty() {
        Ok(document)
    } else {
        Err(StateProblem(flaws))
    }
}

/// What it says, and the fields in it that nobody knows. Of an object only: serde takes a list for one as well.
fn parse<'a, T: Deserialize<'a>>(document: &'a [u8]) -> Result<(T, Vec<String>), StateProblem> {
    if document.trim_ascii_start().first() != Some(&b'{') {
        return Err(StateProblem::one(
            "",
            "it must be an object, as GET /emulator/state answers it",
        ));
    }
    let (mut unknown, mut track) = (Vec::new(), serde_path_to_error::Track::new());
    let mut json = serde_json::Deserializer::from_slice(document);
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let read = serde_ignored::deserialize(tracked, |path| {
        if unknown.len() < UNKNOWN_MAX {
            // What is optional, or a case of a variant, has no name there.
            unknown.push(excerpt(&path.to_string().replace(".?", "")));
        }
    });
    let read = read.map_err(|problem| {
        let place = track.path().to_string();
        StateProblem::one(
            if place == "." {
                String::new()
            } else {
                excerpt(&place)
            },
            remark(problem),
        )
    })?;
    json.end()
        .map_err(|problem| StateProblem::one("", remark(problem)))?;
    Ok((read, unknown))
}

/// One after the other.
struct Sentences<'a>(&'a [Flaw]);

impl fmt::Display for Sentences<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Flaw { place, rule }) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            match place.as_str() {
                "" => write!(formatter, "{separator}{rule}")?,
                place => write!(formatter, "{separator}{place}: {rule}")?,
            }
        }
        Ok(())
    }
}

/// Another is needed when what was written no longer means the same.
const VERSION: u64 = 1;
const UNKNOWN_MAX: usize = 100;

const DOCUMENT: &Behaviour = &Behaviour {
    id: "state",
    what: "/emulator/state gives out everything that the platform knows and owes, and takes it back whole or not at all; who has it \
           goes on as the one that gave it out",
    basis: Basis::Assumed,
    source: "ours: Google has no such thing",
    switch: None,
    test: "a_twin_that_imported_goes_on_as_the_one_that_exported",
};
const SECRETS: &Behaviour = &Behaviour {
    id: "state-secrets",
    what: "No webhook, no token and no key is in a state: those of the one that takes it stay as they are, and are told what it \
           owes, at once or when they are registered",
    basis: Basis::Assumed,
    source: "ours, so that a state can be kept beside a test",
    switch: None,
    test: "no_secret_is_in_a_state",
};
const CLOCK: &Behaviour = &Behaviour {
    id: "state-clock",
    what: "A clock that shows an earlier time than a state jumps to it; for one that shows a later time, what was due in between \
           happens at once",
    basis: Basis::Assumed,
    source: "ours: no clock goes back",
    switch: Some("clock.start"),
    test: "what_was_due_before_an_import_happens_at_it",
};
const RESET: &Behaviour = &Behaviour {
    id: "reset",
    what: "/emulator/reset makes everything as it was at the start, but for the time, webhooks, tokens and the numbers of requests",
    basis: Basis::Assumed,
    source: "ours: Google has no such thing",
    switch: None,
    test: "a_reset_twin_is_as_it_was_started",
};

pub(crate) const BEHAVIOURS: &[&Behaviour] = &[DOCUMENT, SECRETS, CLOCK, RESET];
