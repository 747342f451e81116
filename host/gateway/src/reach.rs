//! Asks which of many people can be reached: in batches as large as the platform takes, no more of them in a minute than it
//! allows, and as one answer.

use crate::Shared;
use crate::api::named_agent;
use crate::problem::{Problem, answered, bad_request};
use crate::request::{PHONE_RULE, is_phone, read_fields, shown_json, text};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use gateway_channel::ReachAnswer;
use http::Request;
use rbm_json::finding::{self, FindingView};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// `POST /v1/reach` with `{"agent","phones"}`. Nothing is kept, so it may be asked again after any error.
pub(crate) async fn reach(
    State(shared): State<Arc<Shared>>,
    request: Request<Body>,
) -> Result<Json<Value>, Problem> {
    let body = read_fields(request, &["agent", "phones"]).await?;
    let agent = named_agent(&shared, text(&body, "agent")?)?;
    let phones = read_phones(&body)?;
    let mut total = Total::default();
    for batch in batches(&phones, shared.capacity.reach_people_max) {
        shared.reach_turns.lock().await.tick().await;
        total.add(answered(agent.channel.reach(shared.now(), batch).await)?);
    }
    Ok(Json(total.view(phones.len())))
}

/// Turns that are as far apart as the platform wants them: never two at once, so that no minute has more than its number.
pub(crate) fn turns(calls_per_minute_max: u32) -> Interval {
    let mut turns = interval(Duration::from_mins(1) / calls_per_minute_max.max(1));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    turns
}

/// Each once, in their order.
fn read_phones(body: &Map<String, Value>) -> Result<Vec<String>, Problem> {
    let given = body.get("phones").unwrap_or(&Value::Null);
    let phones = given
        .as_array()
        .filter(|phones| !phones.is_empty())
        .ok_or_else(|| {
            let given = if given.is_array() {
                "empty".to_owned()
            } else {
                shown_json(given)
            };
            bad_request(
                "phones",
                &format!("phones is {given}, and must be a list of at least one phone number"),
            )
        })?;
    let wrong = phones
        .iter()
        .enumerate()
        .filter_map(|(index, phone)| not_a_phone(index, phone));
    let wrong: Vec<FindingView> = wrong.take(FINDINGS_MAX).collect();
    if let Some(first) = wrong.first() {
        return Err(bad_request("phones", &first.message).with_findings(wrong));
    }
    let mut seen = HashSet::new();
    let texts = phones.iter().filter_map(Value::as_str);
    Ok(texts
        .filter(|phone| seen.insert(*phone))
        .map(str::to_owned)
        .collect())
}

fn not_a_phone(index: usize, phone: &Value) -> Option<FindingView> {
    if phone.as_str().is_some_and(is_phone) {
        return None;
    }
    let path = format!("phones[{index}]");
    let message = format!(
        "{path} is {}, and must be a phone number: {PHONE_RULE}",
        shown_json(phone)
    );
    Some(finding::of_shape(finding::error(
        &path,
        "phone-e164",
        message,
    )))
}

/// As few as will do, and of one size: a small rest might be too small for an estimate.
fn batches(phones: &[String], people_max: usize) -> impl Iterator<Item = &[String]> {
    let count = phones.len().div_ceil(people_max.max(1));
    phones.chunks(phones.len().div_ceil(count.max(1)).max(1))
}

/// The answers so far.
#[derive(Default)]
struct Total {
    reachable: Vec<String>,
    sampled: u64,
    sampled_reachable: u64,
    by_carrier: BTreeMap<String, Vec<String>>,
}

impl Total {
    fn add(&mut self, answer: ReachAnswer) {
        self.reachable.extend(answer.reachable);
        self.sampled += u64::from(answer.sampled);
        self.sampled_reachable += u64::from(answer.sampled_reachable);
        for reach in answer.by_carrier {
            self.by_carrier
                .entry(reach.carrier)
                .or_default()
                .extend(reach.reachable);
        }
    }

    fn view(self, asked: usize) -> Value {
        #[expect(
            clippy::cast_precision_loss,
            reason = "counts of people are far below 2^53"
        )]
        let estimate =
            (self.sampled > 0).then(|| self.sampled_reachable as f64 / self.sampled as f64);
        json!({
            "asked": asked,
            "reachable": self.reachable,
            "sampled": self.sampled,
            "sampled_reachable": self.sampled_reachable,
            "estimated_reach": estimate,
            "by_carrier": self.by_carrier,
        })
    }
}

const FINDINGS_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_channel::CarrierReach;
    use tokio::time::Instant;

    #[test]
    fn batches_are_few_and_of_one_size() {
        for (people, sizes) in [
            (1, vec![1]),
            (10, vec![10]),
            (11, vec![6, 5]),
            (20, vec![10, 10]),
            (21, vec![7, 7, 7]),
            (25, vec![9, 9, 7]),
        ] {
            let phones: Vec<String> = (0..people).map(|index| format!("+{index}")).collect();
            assert_eq!(
                batches(&phones, 10)
                    .map(<[String]>::len)
                    .collect::<Vec<_>>(),
                sizes,
                "{people}"
            );
            assert_eq!(
                batches(&phones, 10).flatten().collect::<Vec<_>>(),
                phones.iter().collect::<Vec<_>>()
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_minute_has_more_questions_than_the_platform_allows() {
        let mut turns = turns(600);
        let begun = Instant::now();
        let mut asked = Vec::new();
        for turn in 0..2_000_u64 {
            // A while without questions does not add up to many at once.
            let pause = if turn == 700 { 30 } else { 0 };
            tokio::time::sleep(Duration::from_secs(pause)).await;
            turns.tick().await;
            asked.push(begun.elapsed());
        }
        for (index, at) in asked.iter().enumerate() {
            let in_this_minute = asked[index..]
                .iter()
                .take_while(|other| **other < *at + Duration::from_mins(1));
            assert!(in_this_minute.count() <= 600);
        }
        let seconds = begun.elapsed().as_secs();
        assert!(
            (200..=231).contains(&seconds),
            "and none is kept waiting longer: {seconds} s"
        );
    }

    #[test]
    fn the_answers_to_the_batches_are_one_answer() {
        let answer = |phone: &str| ReachAnswer {
            reachable: vec![phone.to_owned()],
            sampled: 3_750,
            sampled_reachable: 3_000,
            by_carrier: vec![CarrierReach {
                carrier: "c".into(),
                reachable: vec![phone.to_owned()],
            }],
        };
        let mut total = Total::default();
        assert_eq!(Total::default().view(1)["estimated_reach"], Value::Null);
        total.add(answer("+12"));
        total.add(answer("+13"));
        let expected = json!({
            "asked": 9, "reachable": ["+12", "+13"], "sampled": 7500, "sampled_reachable": 6000,
            "estimated_reach": 0.8, "by_carrier": { "c": ["+12", "+13"] },
        });
        assert_eq!(total.view(9), expected);
    }
}
