//! Invitations of people who may receive before the agent is launched.

use super::parse_phone;
use super::request::{Authenticated, Body, Parameters, PathNames};
use crate::platform::Invite;
use crate::platform::testers::NotInvited;
use crate::refusal::Refusal;
use crate::{Shared, check};
use axum::Json;
use axum::extract::State;
use rbm_wire::tester::Tester;
use std::sync::Arc;

/// The body may be empty. What it says is the platform's to say, so it is checked and changes nothing.
pub(super) async fn create_tester(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames(phone): PathNames<String>,
    parameters: Parameters,
    Body(body): Body,
) -> Result<Json<Tester>, Refusal> {
    let agent = parameters.agent(&shared)?;
    let phone = parse_phone(&phone)?;
    let _: Tester = check::read(&body).map_err(Refusal::invalid)?;
    let status = shared
        .apply(Invite {
            agent,
            phone: phone.clone(),
        })
        .map_err(|problem| match problem {
            NotInvited::Unreachable => Refusal::unreachable_phone(),
            NotInvited::TooMany => {
                Refusal::exhausted("The agent has invited as many testers as it may.")
            }
        })?;
    let name = Some(format!("phones/{phone}/testers"));
    Ok(Json(Tester {
        name,
        invite_status: Some(status.as_str().to_owned()),
    }))
}
