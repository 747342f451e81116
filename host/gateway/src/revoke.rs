//! Takes a message back: stops its attempts, and asks the platform where the platform may have it. Never calls a message
//! revoked that may still be sent.

use crate::Shared;
use crate::api::{find_message, view_message};
use crate::lifecycle::{Fact, State as MessageState};
use crate::problem::{Problem, answered, not_found, unavailable};
use crate::request::PathName;
use crate::store::event::ReasonCode;
use crate::store::{Entry, StoredMessage, Withdrawn};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use gateway_channel::Revocation;
use http::StatusCode;
use jiff::Timestamp;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// `DELETE /v1/messages/{id}`: 200 and the message if it is revoked, 409 if it is too late, 202 if that is not known yet.
pub(crate) async fn revoke(
    State(shared): State<Arc<Shared>>,
    PathName(id): PathName,
) -> Result<Response, Problem> {
    find_message(&shared, &id).await?;
    // Goes on when the caller does not wait for it.
    let work = tokio::spawn(take_back(shared.clone(), id.clone()));
    let status = match timeout(WAIT_MAX, work).await {
        Ok(done) => done
            .map_err(|_| unavailable("the message could not be taken back; try again"))?
            .map(|()| StatusCode::OK)?,
        Err(_) => StatusCode::ACCEPTED,
    };
    Ok((status, Json(view_message(&shared, &id).await?)).into_response())
}

async fn take_back(shared: Arc<Shared>, id: String) -> Result<(), Problem> {
    let stored = find_message(&shared, &id).await?;
    // Before anything is changed: only its agent can ask the platform. What cannot have been sent needs nobody.
    let is_open = stored.facts.may_be_taken() || stored.facts.state() == MessageState::Sending;
    if is_open && shared.senders().by_key(&stored.agent).is_none() {
        return Err(no_agent(&shared, &stored));
    }
    loop {
        let mut settled = pin!(shared.settled.notified());
        settled.as_mut().enable();
        match shared.store.withdraw(&id, shared.now()).await? {
            Withdrawn::Settled(MessageState::Revoked) => return Ok(()),
            Withdrawn::Unsent => {
                shared.events.notify_waiters();
                return Ok(());
            }
            Withdrawn::Settled(state) => {
                return Err(too_late(&format!("the message is {}", state.as_str())));
            }
            Withdrawn::Submitted => {
                return ask_platform(&shared, &find_message(&shared, &id).await?).await;
            }
            // The end of a lease makes no sound.
            Withdrawn::Underway => drop(timeout(LOOK_EVERY, settled).await),
        }
    }
}

async fn ask_platform(shared: &Shared, stored: &StoredMessage) -> Result<(), Problem> {
    let senders = shared.senders();
    let agent = senders
        .by_key(&stored.agent)
        .ok_or_else(|| no_agent(shared, stored))?;
    let (now, message) = (shared.now(), &stored.message);
    match answered(
        agent
            .channel
            .revoke(now, &message.recipient, &message.id)
            .await,
    )? {
        Revocation::TakenBack => {
            shared
                .store
                .note(
                    &message.id,
                    entry(now, Fact::Revoked, "the platform took it back"),
                )
                .await?;
            shared.events.notify_waiters();
            Ok(())
        }
        Revocation::TooLate => {
            let reason = "the platform has delivered it, or never had it; it is not sent again";
            shared
                .store
                .note(&message.id, entry(now, Fact::RevokeFailed, reason))
                .await?;
            Err(too_late(reason))
        }
    }
}

fn no_agent(shared: &Shared, stored: &StoredMessage) -> Problem {
    let agent = shared.names.of(&stored.agent);
    not_found(&format!("there is no agent {agent} any more"))
}

fn entry(at: Timestamp, fact: Fact, detail: &str) -> Entry {
    Entry {
        reason: Some(ReasonCode::Requested),
        detail: Some(detail.to_owned()),
        ..Entry::new(at, fact)
    }
}

fn too_late(detail: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, "too-late", detail)
}

const WAIT_MAX: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_secs(1);
