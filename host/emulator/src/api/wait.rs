//! `/emulator/wait`: answers when something has happened. `for` says what, and the other parameters which one.
//!
//! `for=requests&count=2`, and as at `/emulator/requests` `method`, `agent`, `phone`, `status` and `after`;
//! `for=message&phone=+15550100001&id=m1&state=delivered`, and `agent` where there are several; `for=quiet`.

use super::request::readable;
use super::requests::phone;
use crate::Shared;
use crate::platform::State as MessageState;
use crate::record::RequestFilter;
use crate::refusal::{Refusal, violation};
use crate::wait::{Awaited, Found, WAITED, WaitProblem, wait_for};
use axum::Json;
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use rbm_wire::name::{AgentId, MessageId, PhoneNumber};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::sync::Arc;
use std::time::Duration;

/// What every question has.
#[derive(Deserialize)]
struct Question {
    r#for: What,
    #[serde(default = "timeout_ms")]
    timeout_ms: u64,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Requests,
    Message,
    Quiet,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requests {
    #[serde(rename = "for")]
    _what: IgnoredAny,
    #[serde(rename = "timeout_ms")]
    _timeout_ms: Option<IgnoredAny>,
    #[serde(default = "one")]
    count: usize,
    #[serde(default)]
    after: u64,
    method: Option<String>,
    agent: Option<AgentId>,
    #[serde(default, deserialize_with = "phone")]
    phone: Option<PhoneNumber>,
    status: Option<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    #[serde(rename = "for")]
    _what: IgnoredAny,
    #[serde(rename = "timeout_ms")]
    _timeout_ms: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "phone")]
    phone: Option<PhoneNumber>,
    id: MessageId,
    agent: Option<AgentId>,
    #[serde(default = "delivered")]
    state: MessageState,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quiet {
    #[serde(rename = "for")]
    _what: IgnoredAny,
    #[serde(rename = "timeout_ms")]
    _timeout_ms: Option<IgnoredAny>,
}

pub(super) async fn wait(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
) -> Result<Json<Found>, Refusal> {
    let question: Question = read(&uri)?;
    let awaited = match question.r#for {
        What::Requests => {
            let Requests {
                count,
                after,
                method,
                agent,
                phone,
                status,
                ..
            } = read(&uri)?;
            Awaited::Requests {
                filter: RequestFilter {
                    after,
                    method,
                    agent,
                    phone,
                    status,
                },
                count,
            }
        }
        What::Message => {
            let Message {
                phone,
                id,
                agent,
                state,
                ..
            } = read(&uri)?;
            let missing = || {
                Refusal::invalid(vec![violation(
                    "phone",
                    "it is needed to wait for a message",
                )])
            };
            Awaited::Message {
                phone: phone.ok_or_else(missing)?,
                agent,
                id,
                state,
            }
        }
        What::Quiet => {
            let Quiet { .. } = read(&uri)?;
            Awaited::Quiet
        }
    };
    let found = wait_for(
        &shared,
        &awaited,
        Duration::from_millis(question.timeout_ms),
    )
    .await;
    found.map(Json).map_err(|problem| refusal(&problem))
}

fn read<T: DeserializeOwned>(uri: &Uri) -> Result<T, Refusal> {
    readable(Query::try_from_uri(uri))
}

fn refusal(problem: &WaitProblem) -> Refusal {
    let refused = |status, code| Refusal::new(WAITED, status, code, &problem.to_string());
    match problem {
        WaitProblem::TimedOut { .. } => refused(StatusCode::REQUEST_TIMEOUT, "DEADLINE_EXCEEDED"),
        WaitProblem::Never(_) => refused(StatusCode::CONFLICT, "FAILED_PRECONDITION"),
        WaitProblem::Stopped => refused(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
        WaitProblem::TooLong(_) => {
            Refusal::invalid(vec![violation("timeout_ms", problem.to_string())])
        }
        WaitProblem::Nothing => Refusal::invalid(vec![violation("count", problem.to_string())]),
    }
}

fn timeout_ms() -> u64 {
    10_000
}

fn one() -> usize {
    1
}

fn delivered() -> MessageState {
    MessageState::Delivered
}
