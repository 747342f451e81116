//! The regions that agents are hosted in, and which numbers are asked about in which. (guides/build/agents/create-agent)

use crate::fidelity::{Basis, Behaviour};
use rbm_wire::name::PhoneNumber;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Where an agent is hosted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Region {
    /// North America.
    Us,
    /// Europe.
    Europe,
    /// Asia and the Pacific.
    Asia,
}

/// Where `users.batchGet` answers.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchGetHost {
    /// At any address; at a region's only for numbers of this region.
    Any,
    /// Only at a region's address, as the reference has it, and for numbers of this region.
    Regional,
}

impl Region {
    pub(crate) const ALL: [Self; 3] = [Self::Us, Self::Europe, Self::Asia];

    /// Before `-rcsbusinessmessaging.googleapis.com`, and as the beginning of a path.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Europe => "europe",
            Self::Asia => "asia",
        }
    }

    /// Of a `Host` header, with a port or without.
    pub(crate) fn of_host(host: &str) -> Option<Self> {
        let name = host
            .split(':')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let region = name.strip_suffix("-rcsbusinessmessaging.googleapis.com")?;
        Self::ALL.into_iter().find(|known| known.name() == region)
    }

    /// By the zones of the country calling codes (ITU-T E.164). Which numbers Google takes for whose is not stated: that
    /// Latin America goes with North America and Africa with Europe is assumed, as is that the Middle East goes with Asia.
    pub(crate) fn of_number(number: &PhoneNumber) -> Self {
        match number.as_str().as_bytes() {
            [_, b'1' | b'5', ..] => Self::Us,
            // Turkey is the exception of its zone.
            [_, b'9', b'0', ..] => Self::Europe,
            [_, b'6' | b'8' | b'9', ..] => Self::Asia,
            _ => Self::Europe,
        }
    }
}

impl BatchGetHost {
    /// What is wrong with asking about these numbers at this address, which may be no region's.
    pub(crate) fn refuses(
        self,
        region: Option<Region>,
        numbers: &BTreeSet<PhoneNumber>,
    ) -> Option<String> {
        let Some(region) = region else {
            return (self == Self::Regional).then(|| {
                let names = Region::ALL
                    .map(|region| format!("{}-", region.name()))
                    .join(", ");
                format!(
                    "users.batchGet is asked at a regional address: one that begins with {names}"
                )
            });
        };
        let stranger = numbers
            .iter()
            .find(|number| Region::of_number(number) != region)?;
        let theirs = Region::of_number(stranger).name();
        let region = region.name();
        Some(format!(
            "{stranger} belongs to the region {theirs}, and this address to the region {region}"
        ))
    }
}

pub(crate) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "regional-address",
        what: "Every method answers at every address: without a region, at us-, europe- and asia- by the Host header, and \
               below /us, /europe and /asia, which Google does not have",
        basis: Basis::Assumed,
        source: "reference/rest lists the hosts; whether an agent of another region is refused is not stated",
        switch: None,
        test: "a_region_is_a_host_or_the_beginning_of_a_path",
    },
    &Behaviour {
        id: "batch-get-host",
        what: "users.batchGet answers at an address without a region too",
        basis: Basis::Assumed,
        source: "reference/rest/v1/users/batchGet requires a region's; on one's own machine there is none, unless a client \
                 is pointed below /us",
        switch: Some("batch_get_host"),
        test: "a_region_is_a_host_or_the_beginning_of_a_path",
    },
    &Behaviour {
        id: "batch-get-region",
        what: "At a region's address, users.batchGet answers 400 to a number of another region",
        basis: Basis::Documented,
        source: "reference/rest/v1/users/batchGet; which number belongs where, and the text, are assumed",
        switch: None,
        test: "a_region_is_a_host_or_the_beginning_of_a_path",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_read_from_a_host_and_from_a_number() {
        for (host, region) in [
            ("us-rcsbusinessmessaging.googleapis.com", Some(Region::Us)),
            (
                "EUROPE-rcsbusinessmessaging.googleapis.com:443",
                Some(Region::Europe),
            ),
            (
                "asia-rcsbusinessmessaging.googleapis.com",
                Some(Region::Asia),
            ),
            ("rcsbusinessmessaging.googleapis.com", None),
            ("africa-rcsbusinessmessaging.googleapis.com", None),
            ("us-rcsbusinessmessaging.googleapis.com.example", None),
            ("127.0.0.1:8788", None),
            ("", None),
        ] {
            assert_eq!(Region::of_host(host), region, "{host}");
        }
        for (number, region) in [
            ("+12223334444", Region::Us),
            ("+525512345678", Region::Us),
            ("+491701234567", Region::Europe),
            ("+27821234567", Region::Europe),
            ("+905321234567", Region::Europe),
            ("+919812345678", Region::Asia),
            ("+819012345678", Region::Asia),
            ("+61412345678", Region::Asia),
        ] {
            assert_eq!(
                Region::of_number(&PhoneNumber::parse(number).expect("a number")),
                region,
                "{number}"
            );
        }
    }
}
