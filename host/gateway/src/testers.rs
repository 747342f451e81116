//! Invites people to receive messages of an agent that is not launched yet, and keeps count: a platform takes so many a day and so
//! many altogether, and says so only when it is too late.

use crate::Shared;
use crate::api::{agent_in_query, named_agent};
use crate::problem::{Problem, answered};
use crate::request::{check_phone, read_fields, required_text, text};
use crate::store::tester::{Counted, NewTester, TesterQuota};
use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use gateway_channel::FailureCode;
use http::{Request, StatusCode};
use jiff::Timestamp;
use rbm_host::Invitation;
use serde_json::{Value, json};
use std::sync::Arc;

/// `POST /v1/testers` with `{"agent","phone"}`. Inviting somebody again does no harm, and is how to learn of the answer.
pub(crate) async fn invite(
    State(shared): State<Arc<Shared>>,
    request: Request<Body>,
) -> Result<Json<Value>, Problem> {
    let body = read_fields(request, &["agent", "phone"]).await?;
    let agent = named_agent(&shared, text(&body, "agent")?)?;
    let phone = required_text(&body, "phone", "the phone number of whom to invite")?;
    check_phone("phone", phone)?;
    let (now, quota) = (shared.now(), shared.capacity.testers);
    let tester = NewTester {
        agent: agent.key().to_owned(),
        phone: phone.to_owned(),
        at: now,
    };
    let counted = shared.store.count_tester(tester, quota).await?;
    match counted {
        Counted::New | Counted::Known => {}
        Counted::TooManyToday(until) => return Err(too_many_today(quota, now, until)),
        Counted::TooMany => {
            let detail = format!(
                "{} has {} testers, and the platform takes no more",
                agent.name, quota.total
            );
            return Err(Problem::new(StatusCode::CONFLICT, "testers-total", &detail));
        }
    }
    let invited = agent.channel.invite(now, phone).await;
    // What the platform may have taken goes on counting.
    let surely_not = matches!(&invited, Ok(Err(failure)) if failure.code != FailureCode::Unknown);
    if counted == Counted::New && surely_not {
        shared.store.settle_tester(agent.key(), phone, None).await?;
    }
    let answer = word(answered(invited)?);
    if let Some(answer) = answer {
        shared
            .store
            .settle_tester(agent.key(), phone, Some(answer.to_owned()))
            .await?;
    }
    Ok(Json(json!({ "phone": phone, "invitation": answer })))
}

/// `GET /v1/testers?agent=`: those who were invited through this gateway, newest first.
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let agent = agent_in_query(&shared, query.as_deref())?;
    let testers =
        shared.store.testers(agent.key()).await?.into_iter().map(
            |tester| json!({ "phone": tester.phone, "invited_at": tester.invited_at, "invitation": tester.answer }),
        );
    Ok(Json(json!({ "testers": testers.collect::<Vec<_>>() })))
}

fn word(invitation: Invitation) -> Option<&'static str> {
    match invitation {
        Invitation::Pending => Some("pending"),
        Invitation::Accepted => Some("accepted"),
        Invitation::Declined => Some("declined"),
        Invitation::Unstated => None,
    }
}

fn too_many_today(quota: TesterQuota, now: Timestamp, until: Timestamp) -> Problem {
    let detail = format!(
        "{} people were invited in 24 hours, and the platform takes no more before {until}",
        quota.per_day
    );
    let seconds = u32::try_from(until.duration_since(now).as_secs().max(0)).unwrap_or(u32::MAX);
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "testers-per-day", &detail).retry_after(seconds)
}
