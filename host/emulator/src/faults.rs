//! What goes wrong on purpose with requests of Google's methods: for the next ones, or for some of all, of one method, phone or
//! agent if need be.
//!
//! Which request a fault befalls is drawn by the seed and by how many its rule was asked about before, and not by when anything
//! happens: who sends one request after the other has the same faults in every run. Pure: what is done about it is
//! [`crate::api`]'s.

use crate::dose::Dose;
use crate::excerpt::excerpt;
use crate::fidelity::{Basis, Behaviour};
use crate::schema::{API, BUSINESS};
use crate::subject::Subject;
use rbm_wire::name::{AgentId, PhoneNumber};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

/// What goes wrong with requests, and how often. Nothing by default.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RequestFaults {
    /// In this order: of those that befall a request the first does, and those that only slow it down do besides.
    pub faults: Vec<FaultRule>,
}

/// One fault, and what it befalls.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// What goes wrong.
    pub fault: RequestFault,
    /// How often, of the requests that it may befall.
    pub dose: Dose,
    /// Only requests of this method, `phones.agentMessages.create`; `token` is the token endpoint, which no fault befalls
    /// that does not name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only requests with this phone in their path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
    /// Only requests that name this agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
}

/// What can go wrong with a request.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestFault {
    /// 400, and the platform has not done what was asked.
    BadRequest,
    /// 401, likewise.
    Unauthenticated,
    /// 403, likewise.
    PermissionDenied,
    /// 403 with the words for an agent that the caller's credentials do not know, likewise.
    AgentLookup,
    /// 404, likewise.
    NotFound,
    /// 429 without `Retry-After`, likewise.
    TooMany,
    /// 429 with a `Retry-After` of so many seconds, likewise.
    TooManyForSeconds(u32),
    /// 500, likewise.
    Internal,
    /// 503, likewise.
    Unavailable,
    /// Nothing is ever answered, and the platform has not done what was asked.
    TimeOut,
    /// The connection is reset, and the platform has not done what was asked.
    Reset,
    /// 500, though the platform has done what was asked.
    InternalAfter,
    /// Nothing is ever answered, though the platform has done what was asked.
    TimeOutAfter,
    /// The connection is reset, though the platform has done what was asked.
    ResetAfter,
    /// The platform has done what was asked, and half of its answer's body comes.
    CutShort,
    /// The answer comes so much later, in real time, when the platform has done what was asked.
    SlowByMilliseconds(u32),
}

/// Why faults were not set. Those before stay.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RequestFaultProblem {
    /// No part of all.
    #[error("the rate of {0:?} is {1}: it must be from 0 to 1")]
    Rate(RequestFault, f64),
    /// A name that no method has.
    #[error("there is no method {:?}: it is such as phones.agentMessages.create, or token", excerpt(.0))]
    Method(String),
    /// Nobody waits so long.
    #[error("{0} ms are too long: an answer comes at most {SLOW_MILLISECONDS_MAX} ms later")]
    TooSlow(u32),
    /// More than anybody asks about.
    #[error("there are {0} faults, and at most {FAULTS_MAX} are taken")]
    TooMany(usize),
}

/// The faults, and how far each is.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultDraws {
    faults: RequestFaults,
    /// How many requests each rule was asked about.
    asked: Vec<u64>,
}

impl RequestFaults {
    /// Whether they make sense.
    pub fn check(&self) -> Result<(), RequestFaultProblem> {
        if self.faults.len() > FAULTS_MAX {
            return Err(RequestFaultProblem::TooMany(self.faults.len()));
        }
        self.faults.iter().try_for_each(FaultRule::check)
    }
}

impl FaultRule {
    /// Befalls every request so often.
    pub fn new(fault: RequestFault, dose: Dose) -> Self {
        Self {
            fault,
            dose,
            method: None,
            phone: None,
            agent: None,
        }
    }

    fn check(&self) -> Result<(), RequestFaultProblem> {
        if !self.dose.is_sound() {
            return Err(RequestFaultProblem::Rate(self.fault, self.dose.rate));
        }
        if let RequestFault::SlowByMilliseconds(milliseconds) = self.fault
            && milliseconds > SLOW_MILLISECONDS_MAX
        {
            return Err(RequestFaultProblem::TooSlow(milliseconds));
        }
        match &self.method {
            Some(name)
                if name != TOKEN
                    && [&API, &BUSINESS]
                        .iter()
                        .all(|api| api.method(name).is_none()) =>
            {
                Err(RequestFaultProblem::Method(name.clone()))
            }
            _ => Ok(()),
        }
    }

    fn may_befall(&self, subject: &Subject) -> bool {
        let of_method = match &self.method {
            Some(method) => subject.method == Some(method),
            None => subject.method.is_some_and(|method| method != TOKEN),
        };
        of_method
            && (self.phone.is_none() || self.phone == subject.phone)
            && (self.agent.is_none() || self.agent == subject.agent)
    }
}

impl RequestFault {
    /// Whether the platform does what was asked.
    pub fn accepts(self) -> bool {
        match self {
            Self::BadRequest
            | Self::Unauthenticated
            | Self::PermissionDenied
            | Self::AgentLookup
            | Self::NotFound
            | Self::TooMany
            | Self::TooManyForSeconds(_)
            | Self::Internal
            | Self::Unavailable
            | Self::TimeOut
            | Self::Reset => false,
            Self::InternalAfter
            | Self::TimeOutAfter
            | Self::ResetAfter
            | Self::CutShort
            | Self::SlowByMilliseconds(_) => true,
        }
    }

    /// Whether the client gets an answer, and be it half of one.
    pub(crate) fn answers(self) -> bool {
        !matches!(
            self,
            Self::TimeOut | Self::TimeOutAfter | Self::Reset | Self::ResetAfter
        )
    }

    /// How much later the answer comes.
    pub(crate) fn delay(self) -> Option<Duration> {
        match self {
            Self::SlowByMilliseconds(milliseconds) => {
                Some(Duration::from_millis(milliseconds.into()))
            }
            _ => None,
        }
    }
}

impl FaultDraws {
    /// Faults that were checked.
    pub(crate) fn new(faults: RequestFaults) -> Self {
        Self {
            asked: vec![0; faults.faults.len()],
            faults,
        }
    }

    /// Faults that were checked, each of which was asked about so often before.
    pub(crate) fn going_on(faults: RequestFaults, asked: Vec<u64>) -> Self {
        Self { faults, asked }
    }

    /// How many requests each was asked about.
    pub(crate) fn asked(&self) -> &[u64] {
        &self.asked
    }

    /// With what is left of each dose.
    pub(crate) fn faults(&self) -> &RequestFaults {
        &self.faults
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.faults.faults.is_empty()
    }

    /// What befalls this request: any delays, and at most one fault else. A dose of the next requests is used up only by what it
    /// befalls.
    pub(crate) fn draw(&mut self, seed: &Uuid, subject: &Subject) -> Vec<RequestFault> {
        let mut drawn: Vec<RequestFault> = Vec::new();
        let rules = self
            .faults
            .faults
            .iter_mut()
            .zip(&mut self.asked)
            .enumerate();
        for (place, (rule, asked)) in rules.filter(|(_, (rule, _))| rule.may_befall(subject)) {
            let is_delay = rule.fault.delay().is_some();
            if !is_delay && drawn.iter().any(|fault| fault.delay().is_none()) {
                continue;
            }
            if rule
                .dose
                .befalls(seed, format_args!("request fault {place} {asked}"))
            {
                drawn.push(rule.fault);
            }
            *asked += 1;
        }
        drawn
    }
}

/// As a rule names the token endpoint.
pub(crate) const TOKEN: &str = "token";
const SLOW_MILLISECONDS_MAX: u32 = 600_000;
const FAULTS_MAX: usize = 100;

pub(crate) const STATUSES: &Behaviour = &Behaviour {
    id: "fault-status",
    what: "A request may be answered 400, 401, 403, 404, 429 with or without Retry-After, 500 or 503, if that is asked for",
    basis: Basis::Assumed,
    source: "the codes are those of reference/rest and cloud.google.com/apis/design/errors; that Google does so without a reason \
             to see, the texts, and Retry-After are assumed",
    switch: Some("faults"),
    test: "each_fault_with_a_status_is_answered_and_does_nothing",
};
const MISHAPS: &Behaviour = &Behaviour {
    id: "fault-connection",
    what: "An answer may come late, in part or never, and the connection may be reset before or after the platform does what was \
           asked, if that is asked for",
    basis: Basis::Assumed,
    source: "ours, so that clients can be tested: any network does it",
    switch: Some("faults"),
    test: "a_connection_is_reset_before_or_after_the_message_is_taken",
};

pub(crate) const BEHAVIOURS: &[&Behaviour] = &[STATUSES, MISHAPS];

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(fault: RequestFault, next: u32, rate: f64) -> FaultRule {
        FaultRule::new(fault, Dose { next, rate })
    }

    fn draws(faults: Vec<FaultRule>) -> FaultDraws {
        FaultDraws::new(RequestFaults { faults })
    }

    fn subject(method: &'static str, phone: &str) -> Subject {
        Subject {
            method: Some(method),
            phone: PhoneNumber::parse(phone).ok(),
            agent: AgentId::parse("demo").ok(),
            id: None,
        }
    }

    #[test]
    fn a_rate_is_a_part_of_all_requests_and_the_same_for_the_same_seed() {
        let send = subject("phones.agentMessages.create", "+15550100001");
        let drawn = |seed: u128, rate| -> Vec<_> {
            let mut draws = draws(vec![rule(RequestFault::Unavailable, 0, rate)]);
            (0..2_000)
                .map(|_| draws.draw(&Uuid::from_u128(seed), &send))
                .collect()
        };
        let count = drawn(1, 0.25)
            .iter()
            .filter(|faults| !faults.is_empty())
            .count();
        assert!((400..600).contains(&count), "{count} of 2000");
        assert_eq!(drawn(1, 0.25), drawn(1, 0.25));
        assert_ne!(drawn(1, 0.25), drawn(2, 0.25));
        assert!(
            drawn(1, 0.0).iter().all(Vec::is_empty)
                && drawn(1, 1.0).iter().all(|faults| faults.len() == 1)
        );
    }

    #[test]
    fn a_fault_befalls_what_its_rule_names_and_the_first_that_does_counts() {
        let mut draws = draws(vec![
            FaultRule {
                method: Some("phones.agentMessages.create".into()),
                ..rule(RequestFault::Reset, 1, 0.0)
            },
            FaultRule {
                phone: PhoneNumber::parse("+15550100002").ok(),
                ..rule(RequestFault::Internal, 2, 0.0)
            },
            FaultRule {
                agent: AgentId::parse("other").ok(),
                ..rule(RequestFault::NotFound, 9, 1.0)
            },
            rule(RequestFault::SlowByMilliseconds(7), 3, 0.0),
            FaultRule {
                method: Some(TOKEN.into()),
                ..rule(RequestFault::Unavailable, 1, 0.0)
            },
        ]);
        let mut draw = |subject: &Subject| draws.draw(&Uuid::nil(), subject);
        let (one, two) = (
            subject("phones.agentMessages.create", "+15550100001"),
            subject("phones.agentMessages.create", "+15550100002"),
        );
        let slow = RequestFault::SlowByMilliseconds(7);
        assert_eq!(
            draw(&subject("phones.getCapabilities", "+15550100001")),
            [slow]
        );
        assert_eq!(draw(&two), [RequestFault::Reset, slow]);
        assert_eq!(draw(&one), [slow]);
        assert_eq!(
            [draw(&two), draw(&two), draw(&two)],
            [
                vec![RequestFault::Internal],
                vec![RequestFault::Internal],
                vec![]
            ]
        );
        assert_eq!(draw(&Subject::default()), [], "no method");
        let token = Subject {
            method: Some(TOKEN),
            ..Subject::default()
        };
        assert_eq!(
            [draw(&token), draw(&token)],
            [vec![RequestFault::Unavailable], vec![]]
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let check = |rule: FaultRule| {
            RequestFaults { faults: vec![rule] }
                .check()
                .map_err(|problem| problem.to_string())
        };
        let refused = |text: &str| Err(text.to_owned());
        let reset = || rule(RequestFault::Reset, 1, 1.0);
        assert_eq!(check(reset()), Ok(()));
        assert_eq!(
            check(rule(RequestFault::Reset, 0, 1.5)),
            refused("the rate of Reset is 1.5: it must be from 0 to 1")
        );
        assert!(check(rule(RequestFault::Reset, 0, f64::NAN)).is_err());
        let slow = rule(RequestFault::SlowByMilliseconds(600_001), 1, 0.0);
        assert_eq!(
            check(slow),
            refused("600001 ms are too long: an answer comes at most 600000 ms later")
        );
        let unknown = FaultRule {
            method: Some("phones.send".into()),
            ..reset()
        };
        let said = "there is no method \"phones.send\": it is such as phones.agentMessages.create, or token";
        assert_eq!(check(unknown), refused(said));
        let many = RequestFaults {
            faults: vec![reset(); 101],
        };
        assert_eq!(many.check(), Err(RequestFaultProblem::TooMany(101)));
    }
}
