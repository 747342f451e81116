//! Which of many people can be reached.

use super::request::{Address, Authenticated, Body, Parameters};
use crate::platform::AskReach;
use crate::refusal::{Refusal, violation};
use crate::{Shared, check};
use axum::Json;
use axum::extract::State;
use rbm_wire::limits;
use rbm_wire::name::PhoneNumber;
use rbm_wire::problem::FieldViolation;
use rbm_wire::reach::{BatchGetUsers, Reach};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The agent may stand in the body, as the reference has it, or in the query, as a guide has it.
pub(super) async fn batch_get_users(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    parameters: Parameters,
    address: Address,
    Body(body): Body,
) -> Result<Json<Reach>, Refusal> {
    let asked: BatchGetUsers = check::read(&body).map_err(Refusal::invalid)?;
    let agent = parameters.with_agent(asked.agent_id).agent(&shared)?;
    let users = users(&asked.users).map_err(Refusal::invalid)?;
    if let Some(rule) = shared
        .answering()
        .batch_get_host
        .refuses(address.region, &users)
    {
        return Err(Refusal::invalid(vec![violation("users", rule)]));
    }
    let found = shared.apply(AskReach {
        agent,
        phones: users,
    });
    found
        .map(Json)
        .ok_or_else(|| Refusal::exhausted("Too many calls of users.batchGet in a minute."))
}

/// A number that occurs twice counts once. Assumed.
fn users(users: &[String]) -> Result<BTreeSet<PhoneNumber>, Vec<FieldViolation>> {
    let limit = limits::REACH_RECIPIENTS;
    if !limit.allows_count(users.len()) {
        let rule = format!(
            "there are {} users, and {} are taken",
            users.len(),
            limit.bounds().unwrap_or_default()
        );
        return Err(vec![violation("users", rule)]);
    }
    let mut wrong = Vec::new();
    let phones = users.iter().enumerate().filter_map(|(index, user)| {
        PhoneNumber::parse(user)
            .map_err(|problem| {
                wrong.push(violation(format!("users[{index}]"), problem.to_string()));
            })
            .ok()
    });
    let phones = phones.collect();
    if wrong.is_empty() {
        Ok(phones)
    } else {
        Err(wrong)
    }
}
