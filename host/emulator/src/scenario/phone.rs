//! What a phone is like, as a scenario and `PUT /emulator/phones/{number}` say it.

use super::Dangling;
use crate::phone::{Expiry, FEATURES, Habit, Latency, Phone, Step};
use crate::platform::testers::Invitation;
use crate::{Named, entries};
use rbm_wire::name::{AgentId, PhoneNumber};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// A phone without its number. What is left out is as on a phone that nobody has listed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent switches of a phone"
)]
pub struct PhoneSettings {
    rcs: bool,
    online: bool,
    carrier: String,
    #[serde(deserialize_with = "features")]
    features: Vec<String>,
    read_receipts: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<Latency>,
    expiry: Expiry,
    late_revoke: bool,
    #[serde(with = "entries")]
    tester_of: BTreeMap<Named<AgentId>, Invitation>,
    habits: Vec<Habit>,
    script: Vec<Step>,
}

impl PhoneSettings {
    /// The phone of this number.
    pub fn phone(self, number: PhoneNumber) -> Phone {
        let Self {
            rcs,
            online,
            carrier,
            features,
            read_receipts,
            latency,
            expiry,
            late_revoke,
            ..
        } = self;
        let tester_of = self
            .tester_of
            .into_iter()
            .map(|(Named(agent), answer)| (agent, answer))
            .collect();
        let (habits, script) = (self.habits, self.script);
        Phone {
            number,
            rcs,
            online,
            carrier,
            features,
            read_receipts,
            latency,
            expiry,
            late_revoke,
            tester_of,
            habits,
            script,
        }
    }

    /// What names an agent that is none of these.
    pub(crate) fn dangling(&self, known: &[&AgentId]) -> Vec<Dangling> {
        let unknown = self
            .tester_of
            .keys()
            .filter(|Named(agent)| !known.contains(&agent));
        let testers = unknown.map(|Named(agent)| {
            no_agent(vec!["tester_of".to_owned(), agent.bare().to_owned()], agent)
        });
        testers.chain(dangling(&self.habits, known)).collect()
    }
}

/// The same of habits.
pub(super) fn dangling(habits: &[Habit], known: &[&AgentId]) -> Vec<Dangling> {
    let of = |(index, habit): (usize, &Habit)| {
        let Named(agent) = habit
            .when
            .agent
            .as_ref()
            .filter(|Named(agent)| !known.contains(&agent))?;
        let path = ["habits", &index.to_string(), "when", "agent"].map(str::to_owned);
        Some(no_agent(path.into(), agent))
    };
    habits.iter().enumerate().filter_map(of).collect()
}

fn no_agent(path: Vec<String>, agent: &AgentId) -> Dangling {
    Dangling {
        path,
        message: format!("there is no agent {:?}", agent.bare()),
    }
}

impl From<&Phone> for PhoneSettings {
    fn from(phone: &Phone) -> Self {
        let phone = phone.clone();
        Self {
            rcs: phone.rcs,
            online: phone.online,
            carrier: phone.carrier,
            features: phone.features,
            read_receipts: phone.read_receipts,
            latency: phone.latency,
            expiry: phone.expiry,
            late_revoke: phone.late_revoke,
            tester_of: phone
                .tester_of
                .into_iter()
                .map(|(agent, answer)| (Named(agent), answer))
                .collect(),
            habits: phone.habits,
            script: phone.script,
        }
    }
}

impl Default for PhoneSettings {
    fn default() -> Self {
        let anybody = PhoneNumber::parse("+15550100000").expect("a plus sign and eleven digits");
        Self::from(&Phone::quiet(anybody))
    }
}

/// Names of features that Google has, or once had.
fn features<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    match names.iter().find(|name| !KNOWN.contains(&name.as_str())) {
        Some(unknown) => Err(D::Error::unknown_variant(unknown, &KNOWN)),
        None => Ok(names),
    }
}

/// reference/rest/v1/phones/getCapabilities, guides/build/capabilities, and older copies of both.
const KNOWN: [&str; 12] = {
    let [a, b, c, d, e, f, g, h] = FEATURES;
    [
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
        "PDF_IN_RICH_CARDS",
        "REVOCATION",
        "PAYMENTS_V1",
        "ACTION_COMPOSE",
    ]
};
