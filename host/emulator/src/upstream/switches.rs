//! Which switch of the twin may make it answer as upstream did: differences that Google's own pages leave open.

use super::{Answer, Asked};
use crate::fidelity::{self, Behaviour};
use crate::json::Json;
use crate::refusal::BEHAVIOUR_HEADER;
use crate::region::Region;
use memchr::memmem;

/// Two answers to one request.
pub(super) struct Case<'a> {
    method: Option<&'static str>,
    region: Option<Region>,
    /// Upstream's, then the twin's.
    statuses: (u16, u16),
    /// By its own label, if it has refused.
    refused_by: Option<&'a str>,
    /// The body is JSON as Google's samples are, and not as the standard has it.
    is_loose: bool,
    says_unlaunched: bool,
}

impl<'a> Case<'a> {
    pub(super) fn of(
        asked: &Asked,
        region: Option<Region>,
        upstream: &Answer,
        twin: &'a Answer,
    ) -> Self {
        Self {
            method: asked.method,
            region,
            statuses: (upstream.status.as_u16(), twin.status.as_u16()),
            refused_by: twin
                .headers
                .get(BEHAVIOUR_HEADER)
                .and_then(|label| label.to_str().ok()),
            is_loose: Json::read(&asked.body).is_err() && Json::read_leniently(&asked.body).is_ok(),
            says_unlaunched: memmem::find(&upstream.body, b"has not launched").is_some(),
        }
    }

    fn is_between(&self, one: u16, other: u16) -> bool {
        self.statuses == (one, other) || self.statuses == (other, one)
    }
}

/// The one whose switch would turn the twin's answer into upstream's, or else the one by which the twin has refused.
pub(super) fn behaviour(case: &Case<'_>) -> Option<&'static Behaviour> {
    let switched = SWITCHES
        .iter()
        .find(|(_, is_meant)| is_meant(case))
        .map(|(id, _)| *id);
    let id = switched.or(case.refused_by)?;
    fidelity::all().find(|behaviour| behaviour.id == id)
}

type Meant = fn(&Case<'_>) -> bool;

const SWITCHES: &[(&str, Meant)] = &[
    ("json-lenient", |case| {
        case.is_loose && case.is_between(200, 400)
    }),
    ("already-exists", |case| {
        case.method == SEND && case.is_between(200, 409)
    }),
    ("send-quota", |case| {
        case.method == SEND && case.is_between(200, 429)
    }),
    ("revoke", |case| {
        case.method == Some("phones.agentMessages.delete") && case.is_between(200, 404)
    }),
    ("unlaunched-capabilities", |case| {
        case.method == CAPABILITIES && case.is_between(403, 404)
    }),
    ("launched-everywhere", |case| {
        [SEND, CAPABILITIES].contains(&case.method)
            && case.says_unlaunched
            && case.statuses.1 == 200
    }),
    ("batch-get-host", |case| {
        case.method == Some("users.batchGet") && case.region.is_none() && case.is_between(200, 400)
    }),
];

const SEND: Option<&str> = Some("phones.agentMessages.create");
const CAPABILITIES: Option<&str> = Some("phones.getCapabilities");

#[cfg(test)]
mod tests {
    use super::*;

    fn case(method: &'static str, upstream: u16, twin: u16) -> Case<'static> {
        Case {
            method: Some(method),
            region: None,
            statuses: (upstream, twin),
            refused_by: None,
            is_loose: false,
            says_unlaunched: false,
        }
    }

    fn found(case: &Case<'_>) -> &'static str {
        behaviour(case).map_or("none", |behaviour| behaviour.id)
    }

    #[test]
    fn each_is_a_behaviour_that_has_a_switch() {
        for (id, _) in SWITCHES {
            let behaviour = fidelity::all().find(|behaviour| behaviour.id == *id);
            assert!(
                behaviour.is_some_and(|behaviour| behaviour.switch.is_some()),
                "{id}"
            );
        }
    }

    #[test]
    fn a_difference_that_a_switch_makes_is_told_from_others() {
        let (send, capabilities) = ("phones.agentMessages.create", "phones.getCapabilities");
        for (method, upstream, twin, id) in [
            (send, 409, 200, "already-exists"),
            (send, 200, 409, "already-exists"),
            (send, 429, 200, "send-quota"),
            (send, 404, 200, "none"),
            (send, 403, 200, "none"),
            ("phones.testers.create", 429, 200, "none"),
            ("phones.agentMessages.delete", 200, 404, "revoke"),
            ("phones.agentEvents.create", 200, 404, "none"),
            (capabilities, 403, 404, "unlaunched-capabilities"),
            (capabilities, 404, 200, "none"),
            ("users.batchGet", 400, 200, "batch-get-host"),
        ] {
            assert_eq!(
                found(&case(method, upstream, twin)),
                id,
                "{method} {upstream} {twin}"
            );
        }
        assert_eq!(
            found(&Case {
                is_loose: true,
                ..case(send, 200, 400)
            }),
            "json-lenient"
        );
        assert_eq!(
            found(&Case {
                says_unlaunched: true,
                ..case(send, 403, 200)
            }),
            "launched-everywhere"
        );
        let regional = Case {
            region: Some(Region::Us),
            ..case("users.batchGet", 400, 200)
        };
        assert_eq!(found(&regional), "none");
        assert_eq!(
            found(&Case {
                refused_by: Some("unknown-agent"),
                ..case(send, 200, 403)
            }),
            "unknown-agent"
        );
        assert_eq!(
            found(&Case {
                refused_by: Some("no behaviour"),
                ..case(send, 200, 403)
            }),
            "none"
        );
    }
}
