//! What has come of comparing: the last differences, the last failures, and how many there were of everything.

use super::compare::{Finding, Kind};
use super::request::Summary;
use crate::fidelity::Behaviour;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;

/// A request that the twin would have answered otherwise than upstream.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The how manieth it is of all requests that went upstream, by when they were compared.
    pub number: u64,
    /// When that was, by the emulator's clock.
    pub at: Timestamp,
    /// What was asked.
    #[serde(flatten)]
    pub request: Summary,
    /// What upstream answered.
    pub upstream_status: u16,
    /// What the twin would have answered.
    pub twin_status: u16,
    /// Where they differ, at most 32 places.
    pub findings: Vec<Finding>,
    /// The behaviour of the twin that it comes from, if that can be told: one that a switch would have made otherwise, or the one
    /// by which the twin has refused.
    pub behaviour: Option<&'static str>,
    /// The option that makes this behaviour otherwise, where there is one.
    pub switch: Option<&'static str>,
}

/// A request that upstream did not answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// As a difference's.
    pub number: u64,
    /// Likewise.
    pub at: Timestamp,
    /// What was asked.
    #[serde(flatten)]
    pub request: Summary,
    /// Why, in words.
    pub said: String,
}

/// Why an answer of upstream's is compared with nothing.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Uncompared {
    /// It is about the token, which the twin cannot judge.
    Token,
    /// It is about a piece of an upload whose beginning was upstream's.
    Piece,
    /// It is compressed in a way that cannot be undone here.
    Unreadable,
}

/// How many requests there were.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Counts {
    /// All that went upstream.
    pub forwarded: u64,
    /// Of these, those that the twin would have answered alike.
    pub alike: u64,
    /// Those that it would have answered otherwise.
    pub different: u64,
    /// Those that upstream did not answer.
    pub failed: u64,
    /// Those that were compared with nothing, and why.
    pub uncompared: BTreeMap<Uncompared, u64>,
    /// Places where answers differed, by how.
    pub kinds: BTreeMap<Kind, u64>,
}

/// All differences of one sort.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Differing {
    /// As the discovery document calls it.
    pub method: Option<&'static str>,
    /// How.
    pub kind: Kind,
    /// Where.
    pub at: String,
    /// How many.
    pub count: u64,
}

/// What has come of comparing so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// With whom.
    pub upstream: String,
    /// In numbers.
    #[serde(flatten)]
    pub counts: Counts,
    /// Where answers differed, one row for each method, kind and place.
    pub places: Vec<Differing>,
}

/// What is kept of it.
pub(crate) struct Report {
    upstream: String,
    kept_max: usize,
    counts: Counts,
    places: BTreeMap<(Option<&'static str>, Kind, String), u64>,
    differences: VecDeque<Difference>,
    failures: VecDeque<Failure>,
}

impl Report {
    pub(super) fn new(upstream: String, kept_max: usize) -> Self {
        let (differences, failures) = (VecDeque::new(), VecDeque::new());
        Self {
            upstream,
            kept_max,
            counts: Counts::default(),
            places: BTreeMap::new(),
            differences,
            failures,
        }
    }

    pub(super) fn agree(&mut self) {
        self.counts.forwarded += 1;
        self.counts.alike += 1;
    }

    pub(super) fn leave(&mut self, reason: Uncompared) {
        self.counts.forwarded += 1;
        *self.counts.uncompared.entry(reason).or_default() += 1;
    }

    pub(super) fn fail(&mut self, at: Timestamp, request: Summary, said: String) {
        self.counts.forwarded += 1;
        self.counts.failed += 1;
        tracing::warn!("{}: {said}", request.method.unwrap_or(&request.path));
        let failure = Failure {
            number: self.counts.forwarded,
            at,
            request,
            said,
        };
        push(&mut self.failures, FAILURES_MAX, failure);
    }

    /// By upstream's status and the twin's.
    pub(super) fn differ(
        &mut self,
        at: Timestamp,
        request: Summary,
        (upstream, twin): (StatusCode, StatusCode),
        findings: Vec<Finding>,
        behaviour: Option<&'static Behaviour>,
    ) {
        self.counts.forwarded += 1;
        self.counts.different += 1;
        for Finding { kind, at, .. } in &findings {
            *self.counts.kinds.entry(*kind).or_default() += 1;
            self.count_place(request.method, *kind, at);
        }
        let difference = Difference {
            number: self.counts.forwarded,
            at,
            request,
            upstream_status: upstream.as_u16(),
            twin_status: twin.as_u16(),
            findings,
            behaviour: behaviour.map(|behaviour| behaviour.id),
            switch: behaviour.and_then(|behaviour| behaviour.switch),
        };
        tracing::warn!("{difference}");
        push(&mut self.differences, self.kept_max, difference);
    }

    fn count_place(&mut self, method: Option<&'static str>, kind: Kind, at: &str) {
        let place = (method, kind, at.to_owned());
        // Upstream may put anything into a name, so there are only so many.
        if self.places.len() < PLACES_MAX || self.places.contains_key(&place) {
            *self.places.entry(place).or_default() += 1;
        }
    }

    /// Those after the one of this number, oldest first.
    pub(crate) fn differences(&self, after: u64) -> impl Iterator<Item = &Difference> {
        self.differences
            .iter()
            .filter(move |difference| difference.number > after)
    }

    /// Likewise, the last hundred.
    pub(crate) fn failures(&self, after: u64) -> impl Iterator<Item = &Failure> {
        self.failures
            .iter()
            .filter(move |failure| failure.number > after)
    }

    /// How many differences are not kept any more.
    pub(crate) fn forgotten(&self) -> u64 {
        self.counts.different - self.differences.len() as u64
    }

    pub(crate) fn comparison(&self) -> Comparison {
        let place = |((method, kind, at), count): (&(Option<&'static str>, Kind, String), &u64)| {
            Differing {
                method: *method,
                kind: *kind,
                at: at.clone(),
                count: *count,
            }
        };
        Comparison {
            upstream: self.upstream.clone(),
            counts: self.counts.clone(),
            places: self.places.iter().map(place).collect(),
        }
    }
}

/// The oldest makes room.
fn push<T>(ring: &mut VecDeque<T>, count_max: usize, item: T) {
    ring.push_back(item);
    while ring.len() > count_max {
        ring.pop_front();
    }
}

/// In one line.
impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: the twin differs from upstream",
            self.request.method.unwrap_or(&self.request.path)
        )?;
        if let Some(Finding {
            kind,
            at,
            upstream,
            twin,
        }) = self.findings.first()
        {
            let shown = |value: &Option<serde_json::Value>| {
                value
                    .as_ref()
                    .map_or("nothing".to_owned(), ToString::to_string)
            };
            let place = if at.is_empty() {
                String::new()
            } else {
                format!(" at {at:?}")
            };
            write!(
                formatter,
                " in {}{place}, {} and not {}",
                kind.as_str(),
                shown(twin),
                shown(upstream)
            )?;
        }
        match self.findings.len() {
            0 | 1 => {}
            count => write!(formatter, ", and in {} more", count - 1)?,
        }
        match (self.behaviour, self.switch) {
            (Some(behaviour), Some(switch)) => {
                write!(formatter, " ({behaviour}, of the option {switch})")
            }
            (Some(behaviour), None) => write!(formatter, " ({behaviour})"),
            _ => Ok(()),
        }
    }
}

/// For whoever started the comparison, at its end.
impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            upstream,
            counts,
            places,
        } = self;
        let Counts {
            forwarded,
            alike,
            different,
            failed,
            uncompared,
            kinds: _,
        } = counts;
        let uncompared: u64 = uncompared.values().sum();
        write!(
            formatter,
            "Of {forwarded} requests to {upstream} the twin would have answered {alike} alike and "
        )?;
        write!(
            formatter,
            "{different} otherwise; {uncompared} were not compared, and {failed} had no answer."
        )?;
        for Differing {
            method,
            kind,
            at,
            count,
        } in places
        {
            let (method, kind) = (method.unwrap_or("no method"), kind.as_str());
            write!(formatter, "\n  {count:>6}  {kind:<8} {method} {at}")?;
        }
        Ok(())
    }
}

const FAILURES_MAX: usize = 100;
const PLACES_MAX: usize = 1_000;
