//! Which of many people can be reached. reference/rest/v1/users/batchGet

use crate::json::{Fields, Json, Kind, Object};
use serde::{Deserialize, Serialize, Serializer};

/// Who is asked about. One guide shows `agentId` in the query instead; the reference has it here.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BatchGetUsers {
    /// E.164, each once.
    pub users: Vec<String>,
    /// Who asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
}

/// The answer. Every field may be left out where it is zero or empty (`ProtoJSON`).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reach {
    /// On carriers where the agent is launched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reachable_users: Vec<String>,
    /// About three quarters of those asked about, over all carriers; none for fewer than [`SAMPLED_FROM`].
    pub total_random_sample_user_count: u32,
    /// How many of the sample can be reached.
    pub reachable_random_sample_user_count: u32,
    /// By carrier, US numbers only.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_map")]
    pub reachable_users_map: Vec<(String, CarrierReach)>,
}

/// The people reachable through one carrier.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CarrierReach {
    /// E.164.
    pub reachable_users: Vec<String>,
}

impl Reach {
    /// For [`crate::json::parse_strictly`].
    pub const FIELDS: Fields = &[
        REACHABLE_USERS,
        ("totalRandomSampleUserCount", Kind::Count),
        ("reachableRandomSampleUserCount", Kind::Count),
        ("reachableUsersMap", Kind::Map(&[REACHABLE_USERS])),
    ];

    /// Reads what is there. The counts are numbers in the reference and strings in a sample of a guide.
    pub fn read(mut json: Object<'_>) -> Self {
        let carriers = json.object("reachableUsersMap").into_iter().flatten();
        let carriers = carriers.filter_map(|(carrier, reach)| {
            Some((
                carrier.into_owned(),
                CarrierReach {
                    reachable_users: texts(&mut reach.into_object()?),
                },
            ))
        });
        Self {
            reachable_users_map: carriers.collect(),
            total_random_sample_user_count: count(&mut json, "totalRandomSampleUserCount"),
            reachable_random_sample_user_count: count(&mut json, "reachableRandomSampleUserCount"),
            reachable_users: texts(&mut json),
        }
    }

    /// For [`crate::json::parse`]. Carriers are names too, so any may be one.
    pub fn has_field(_: &str) -> bool {
        true
    }
}

/// A list of pairs that is an object in JSON: smaller in the plugin than a map.
fn as_map<S: Serializer>(
    carriers: &[(String, CarrierReach)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(carriers.iter().map(|(carrier, reach)| (carrier, reach)))
}

fn texts(json: &mut Object<'_>) -> Vec<String> {
    json.list("reachableUsers")
        .unwrap_or_default()
        .into_iter()
        .filter_map(Json::into_text)
        .collect()
}

fn count(json: &mut Object<'_>, name: &str) -> u32 {
    json.whole(name)
        .and_then(|count| u32::try_from(count).ok())
        .unwrap_or_default()
}

const REACHABLE_USERS: (&str, Kind) = ("reachableUsers", Kind::Texts);
/// Below this many people there is no sample, and so no estimate of reach.
pub const SAMPLED_FROM: usize = 500;
/// Calls a minute.
pub const CALLS_PER_MINUTE_MAX: u32 = 600;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    /// The answer of the reference, and that of guides/build/capabilities with its counts in quotes.
    #[test]
    fn counts_are_read_in_both_spellings() {
        for (sampled, reachable) in [("3750", "3000"), ("\"3750\"", "\"3000\"")] {
            let answer = format!(
                r#"{{"reachableUsers":["+12223334444"],"totalRandomSampleUserCount":{sampled},
                "reachableRandomSampleUserCount":{reachable},"reachableUsersMap":{{"310-260":{{"reachableUsers":["+12223334444"]}}}}}}"#
            );
            let users = || vec!["+12223334444".to_owned()];
            let expected = Reach {
                reachable_users: users(),
                total_random_sample_user_count: 3750,
                reachable_random_sample_user_count: 3000,
                reachable_users_map: vec![(
                    "310-260".to_owned(),
                    CarrierReach {
                        reachable_users: users(),
                    },
                )],
            };
            assert_eq!(
                parse(answer.as_bytes(), Reach::has_field)
                    .map(Reach::read)
                    .expect("JSON"),
                expected
            );
            let written = serde_json::to_vec(&expected).expect("JSON");
            assert_eq!(
                parse(&written, Reach::has_field)
                    .map(Reach::read)
                    .expect("JSON"),
                expected
            );
        }
    }
}
