//! `POST /v1/messages` and `POST /v1/check`: the gateway's, without a store. Who sends waits for the platform's word.

use crate::answer::{Answer, problem};
use crate::component::{Asked, channel};
use gateway_channel::{Context, Finding, Message, Severity};
use http::StatusCode;
use rbm_json::accepted::AcceptedView;
use rbm_json::check::CheckView;
use rbm_json::excerpt::excerpt;
use rbm_json::message::{self, Draft, Reading};
use rbm_json::problem::ProblemView;
use rbm_json::{finding, id, strict};
use rbm_wasi::machine;
use serde_json::Value;
use uuid::Builder;

/// What the caller wrote, as far as it can be made out, and everything that is wrong with how it is written.
struct Understood {
    message: Option<Message>,
    wrong: Vec<Finding>,
}

pub(crate) fn send(asked: &Asked) -> Result<Answer, ProblemView> {
    let (body, key) = (read(asked)?, asked.headers.idempotency_key()?);
    let Understood { message, wrong } = understand(asked, key.as_deref(), &body);
    let Some(message) = message else {
        return Err(ProblemView::not_sendable(
            wrong.into_iter().map(finding::of_shape).collect(),
        ));
    };
    let context = asked.context();
    let found = channel::check(&context, &message).findings;
    if wrong
        .iter()
        .chain(&found)
        .any(|finding| finding.severity == Severity::Error)
    {
        return Err(ProblemView::not_sendable(finding::all_of_message(
            wrong, found, &message,
        )));
    }
    hand_over(&context, &message, found)
}

pub(crate) fn check(asked: &Asked) -> Result<Answer, ProblemView> {
    let Understood { message, wrong } = understand(asked, None, &read(asked)?);
    let Some(message) = message else {
        return Ok(Answer::json(
            StatusCode::OK,
            &CheckView::of_no_message(wrong),
        ));
    };
    let context = asked.context();
    let (report, plain) = (
        channel::check(&context, &message),
        channel::plain_text(&context, &message),
    );
    Ok(Answer::json(
        StatusCode::OK,
        &CheckView::of_message(wrong, report, plain, &message),
    ))
}

fn hand_over(
    context: &Context,
    message: &Message,
    found: Vec<Finding>,
) -> Result<Answer, ProblemView> {
    match channel::send(context, message) {
        Ok(receipt) => Ok(Answer::json(
            StatusCode::ACCEPTED,
            &AcceptedView::of_checked(&receipt.id, "accepted", found, message),
        )),
        Err(failure) => {
            machine::log(&format!(
                "the message {} was not sent: {}",
                message.id, failure.message
            ));
            Err(ProblemView::of_failure(failure))
        }
    }
}

fn read(asked: &Asked) -> Result<Value, ProblemView> {
    asked.headers.check_caller(asked.settings.api_token())?;
    asked.headers.check_json()?;
    let body = asked.body()?;
    strict::parse(&body).map_err(|trouble| {
        problem(
            StatusCode::BAD_REQUEST,
            "not-json",
            &format!("the body is not JSON: {trouble}"),
        )
    })
}

fn understand(asked: &Asked, key: Option<&str>, body: &Value) -> Understood {
    let agent = asked.settings.agent_name().unwrap_or_default();
    let id = key.map_or_else(|| new_id(asked), |key| id::of_message(&agent, key));
    let Reading { draft, findings } = message::read_all(&id, body);
    let mut wrong = findings;
    let message = draft.map(
        |Draft {
             agent: named,
             message,
             send_at,
         }| {
            wrong.extend(named.and_then(|named| another_agent(asked, &agent, &named)));
            wrong.extend(send_at.map(|_| {
                let sentence =
                    "send_at is given, and nothing is kept here until then: messages leave at once"
                        .to_owned();
                finding::error("send_at", "send-at-unsupported", sentence)
            }));
            message
        },
    );
    Understood { message, wrong }
}

fn another_agent(asked: &Asked, own: &str, named: &str) -> Option<Finding> {
    let same = named == own || !named.is_empty() && asked.settings.concerns(named);
    (!same).then(|| {
        let sentence = format!("there is no agent {:?}; the agent is {own}", excerpt(named));
        finding::error("agent", "agent-unknown", sentence)
    })
}

/// `UUIDv7` of the host's clock and the host's randomness.
fn new_id(asked: &Asked) -> String {
    let milliseconds = u64::try_from(asked.now.as_millisecond()).unwrap_or_default();
    Builder::from_unix_timestamp_millis(milliseconds, &machine::random_bytes())
        .into_uuid()
        .to_string()
}
