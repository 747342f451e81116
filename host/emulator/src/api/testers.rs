//! Invitations of people who may receive before the agent is launched.

use super::{Parameters, admit, parse_phone};
use crate::refusal::Refusal;
use crate::{Shared, check};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use rbm_wire::tester::Tester;
use std::sync::Arc;

pub(super) async fn create_tester(
    State(shared): State<Arc<Shared>>,
    Path(phone): Path<String>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Tester>, Refusal> {
    admit(&shared, &headers, &parameters)?;
    let phone = parse_phone(&phone)?;
    if !body.is_empty() {
        check::read::<Tester>(&body).map_err(Refusal::invalid)?;
    }
    if !shared.act(|platform, _| platform.phone(&phone)).rcs {
        return Err(Refusal::unreachable_phone());
    }
    let invited = shared.act(|platform, now| platform.testers().invite(now, &phone));
    let status = invited.ok_or_else(|| Refusal::exhausted("The agent has invited as many testers as it may."))?;
    let name = Some(format!("phones/{phone}/testers"));
    Ok(Json(Tester { name, invite_status: Some(status.as_str().to_owned()) }))
}
