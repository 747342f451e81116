//! What goes wrong on purpose between the platform and a webhook: for the next notices, or for some of all.
//!
//! Which notice it befalls is drawn by the seed and by how many came before it, and not by when anything happens: the same
//! notices have the same faults in every run. A fault befalls one call; if that is refused, the next is in order.

use crate::dose::Dose;
use crate::entries;
use crate::fidelity::{Basis, Behaviour};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What goes wrong, and how often.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookFaults {
    /// How often each does. What is left out never does.
    #[serde(with = "entries")]
    pub doses: BTreeMap<WebhookFault, Dose>,
    /// How much later a late notice comes, by the emulator's clock.
    pub late_seconds: u32,
    /// How long a reordered notice waits for one to come before it, by the emulator's clock.
    pub reordered_seconds: u32,
    /// How long the signed document of a notice is that is too large.
    pub oversize_bytes: u32,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookFault {
    /// It comes twice.
    Duplicate,
    /// It comes later, after those that came after it.
    Late,
    /// It changes places with the agent's next.
    Reordered,
    /// Its first call is signed with another token.
    BadSignature,
    /// Its first call is long: there is white space after the document, which means the same and is signed.
    Oversize,
    /// It never comes.
    Dropped,
}

/// Why faults were not set. Those before stay.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FaultProblem {
    /// No part of all.
    #[error("the rate of {0:?} is {1}: it must be from 0 to 1")]
    Rate(WebhookFault, f64),
    /// Past the time for which a notice is kept.
    #[error("{0} s are too long: a notice is kept for {KEPT_SECONDS} s")]
    TooLong(u32),
    /// More than a call carries.
    #[error("{0} bytes are too many: a document has at most {OVERSIZE_BYTES_MAX}")]
    TooLarge(u32),
}

impl WebhookFault {
    const ALL: [Self; 6] = [
        Self::Duplicate,
        Self::Late,
        Self::Reordered,
        Self::BadSignature,
        Self::Oversize,
        Self::Dropped,
    ];
}

impl Default for WebhookFaults {
    fn default() -> Self {
        Self {
            doses: BTreeMap::new(),
            late_seconds: 60,
            reordered_seconds: 5,
            oversize_bytes: 2 << 20,
        }
    }
}

impl WebhookFaults {
    /// Whether it makes sense.
    pub fn check(&self) -> Result<(), FaultProblem> {
        let wrong = |(_, dose): &(&WebhookFault, &Dose)| !dose.is_sound();
        if let Some((fault, dose)) = self.doses.iter().find(wrong) {
            return Err(FaultProblem::Rate(*fault, dose.rate));
        }
        if let Some(seconds) = [self.late_seconds, self.reordered_seconds]
            .into_iter()
            .find(|it| *it > KEPT_SECONDS)
        {
            return Err(FaultProblem::TooLong(seconds));
        }
        if self.oversize_bytes > OVERSIZE_BYTES_MAX {
            return Err(FaultProblem::TooLarge(self.oversize_bytes));
        }
        Ok(())
    }

    /// What befalls the notice of this number.
    pub(super) fn draw(&mut self, seed: &Uuid, number: u64) -> BTreeSet<WebhookFault> {
        let befalls = |fault: &WebhookFault| {
            let dose = self.doses.get_mut(fault);
            dose.is_some_and(|dose| {
                dose.befalls(seed, format_args!("webhook fault {fault:?} {number}"))
            })
        };
        WebhookFault::ALL.into_iter().filter(befalls).collect()
    }
}

/// Reads those that make sense.
pub(super) fn sensible<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<WebhookFaults, D::Error> {
    let faults = WebhookFaults::deserialize(deserializer)?;
    faults.check().map_err(D::Error::custom)?;
    Ok(faults)
}

const KEPT_SECONDS: u32 = 7 * 24 * 60 * 60;
/// What Cloud Pub/Sub takes for a message.
const OVERSIZE_BYTES_MAX: u32 = 10_000_000;

const DUPLICATES: &Behaviour = &Behaviour {
    id: "webhook-duplicates",
    what: "A notice may come more than once, with the same ids; here it does if that is asked for",
    basis: Basis::Documented,
    source: "guides/learn/best-practices; that the ids outside are the same is assumed",
    switch: Some("webhooks.faults"),
    test: "each_fault_befalls_the_next_notice_and_no_other",
};
const REORDERING: &Behaviour = &Behaviour {
    id: "webhook-reordering",
    what: "A notice may come late or out of order; here it does if that is asked for",
    basis: Basis::Assumed,
    source: "no page promises an order",
    switch: Some("webhooks.faults"),
    test: "each_fault_befalls_the_next_notice_and_no_other",
};
const MISHAPS: &Behaviour = &Behaviour {
    id: "webhook-mishaps",
    what: "A notice may be badly signed, very long, or never come, if that is asked for",
    basis: Basis::Assumed,
    source: "ours, so that receivers can be tested: Google is not known to do any of it",
    switch: Some("webhooks.faults"),
    test: "each_fault_befalls_the_next_notice_and_no_other",
};

pub(super) const BEHAVIOURS: &[&Behaviour] = &[DUPLICATES, REORDERING, MISHAPS];

#[cfg(test)]
mod tests {
    use super::*;

    fn often(rate: f64) -> WebhookFaults {
        let doses = WebhookFault::ALL
            .into_iter()
            .map(|fault| (fault, Dose { next: 0, rate }))
            .collect();
        WebhookFaults {
            doses,
            ..WebhookFaults::default()
        }
    }

    #[test]
    fn a_rate_is_a_part_of_all_notices_and_the_same_for_the_same_seed() {
        let drawn = |seed: u128, rate| -> Vec<_> {
            let mut faults = often(rate);
            (0..2_000)
                .map(|number| faults.draw(&Uuid::from_u128(seed), number))
                .collect()
        };
        for fault in WebhookFault::ALL {
            let count = drawn(1, 0.25)
                .iter()
                .filter(|faults| faults.contains(&fault))
                .count();
            assert!(
                (400..600).contains(&count),
                "{fault:?} befell {count} of 2000"
            );
        }
        assert_eq!(drawn(1, 0.25), drawn(1, 0.25));
        assert_ne!(drawn(1, 0.25), drawn(2, 0.25));
        assert!(drawn(1, 0.0).iter().all(BTreeSet::is_empty));
        assert!(
            drawn(1, 1.0)
                .iter()
                .all(|faults| faults.len() == WebhookFault::ALL.len())
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert_eq!(
            often(1.5).check(),
            Err(FaultProblem::Rate(WebhookFault::Duplicate, 1.5))
        );
        assert!(
            often(f64::NAN).check().is_err()
                && often(-0.1).check().is_err()
                && often(1.0).check().is_ok()
        );
        let late = WebhookFaults {
            late_seconds: KEPT_SECONDS + 1,
            ..WebhookFaults::default()
        };
        assert_eq!(late.check(), Err(FaultProblem::TooLong(KEPT_SECONDS + 1)));
        let large = WebhookFaults {
            oversize_bytes: OVERSIZE_BYTES_MAX + 1,
            ..WebhookFaults::default()
        };
        assert_eq!(
            large.check(),
            Err(FaultProblem::TooLarge(OVERSIZE_BYTES_MAX + 1))
        );
    }
}
