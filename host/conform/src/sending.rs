//! What becomes of messages, and of everything else that a plugin may be asked.

use crate::call::{Call, ID, Outcome};
use crate::lab::Lab;
use crate::promise::{ACCEPTS_ONLY, KEEPS_NOTHING, KEEPS_THE_ID, KNOWS_WHAT, SENDS_NOTHING_WRONG};
use crate::samples;
use crate::script::Answer;
use gateway_channel::{ChannelFailure, FailureCode, Message, Receipt, Severity, SignalKind};
use rbm_host::http_client::FetchFailureCode;

pub(crate) async fn hold(lab: &mut Lab<'_>) {
    for message in samples::messages() {
        lab.call(&Call::PlainText(message.clone())).await;
        a_wrong_one_is_refused(lab, message).await;
    }
    for answer in ANSWERS {
        an_answer_is_understood(lab, answer).await;
        for call in others() {
            lab.call_answered(&call, answer).await;
        }
    }
    no_call_sees_one_before_it(lab).await;
}

async fn a_wrong_one_is_refused(lab: &mut Lab<'_>, message: Message) {
    let Some(Outcome::Report(report)) = lab.call(&Call::Check(message.clone())).await else {
        return;
    };
    let Some(wrong) = report
        .findings
        .iter()
        .find(|finding| finding.severity == Severity::Error)
    else {
        return;
    };
    let (sent, asked) = lab
        .call_answered(&Call::Send(message), Answer::Status(200, "{}"))
        .await;
    if asked > 0 {
        lab.breaks(
            SENDS_NOTHING_WRONG,
            format!("it sent a message in spite of {}", wrong.rule),
        );
    }
    match sent {
        Some(Outcome::Receipt(Err(ChannelFailure {
            code: FailureCode::Refused,
            findings,
            ..
        }))) if !findings.is_empty() => {}
        Some(Outcome::Receipt(Err(failure))) => {
            let ChannelFailure { code, findings, .. } = failure;
            let seen = format!(
                "in spite of {} it was {code:?} with {} findings",
                wrong.rule,
                findings.len()
            );
            lab.breaks(SENDS_NOTHING_WRONG, seen);
        }
        Some(_) => lab.breaks(
            SENDS_NOTHING_WRONG,
            format!("it accepted a message in spite of {}", wrong.rule),
        ),
        None => {}
    }
}

async fn an_answer_is_understood(lab: &mut Lab<'_>, answer: Answer) {
    let (sent, asked) = lab
        .call_answered(&Call::Send(samples::plain_message()), answer)
        .await;
    let Some(Outcome::Receipt(sent)) = sent else {
        return;
    };
    match (answer, sent) {
        (Answer::Status(200..300, _), Ok(Receipt { id, .. })) if id != ID => {
            lab.breaks(KEEPS_THE_ID, format!("of {ID} it made {id}"));
        }
        (Answer::Status(200..300, _), _) => {}
        (_, Ok(_)) => lab.breaks(
            ACCEPTS_ONLY,
            format!("it accepted a message after {answer:?}"),
        ),
        (Answer::None(code), Err(failure)) if asked > 0 => {
            let allowed: &[FailureCode] = match code {
                FetchFailureCode::NotSent => &[FailureCode::Later],
                FetchFailureCode::NoAnswer | FetchFailureCode::Other => &[FailureCode::Unknown],
                FetchFailureCode::Denied | FetchFailureCode::NoCredentials => {
                    &[FailureCode::Misconfigured]
                }
            };
            if !allowed.contains(&failure.code) {
                lab.breaks(
                    KNOWS_WHAT,
                    format!("after {code:?} it says {:?}", failure.code),
                );
            }
        }
        (Answer::None(_) | Answer::Status(..), Err(_)) => {}
    }
}

/// In an instance that has done all kinds of things a call must come to what it comes to in a fresh one.
async fn no_call_sees_one_before_it(lab: &mut Lab<'_>) {
    let request = samples::requests().swap_remove(0);
    let message = samples::plain_message();
    let calls = [
        Call::Describe,
        Call::CheckSettings,
        Call::Check(message.clone()),
        Call::PlainText(message.clone()),
        Call::Send(message),
        Call::VerifySignature(request.clone()),
        Call::OnEvent(request),
    ];
    let twice = [calls.clone(), calls.clone()].concat();
    for call in &calls {
        let fresh = lab.call(call).await;
        let used = lab.call_after(&twice, call).await;
        if fresh.is_some() && used.is_some() && fresh != used {
            lab.breaks(
                KEEPS_NOTHING,
                format!(
                    "{} says something else in an instance that was used",
                    call.name()
                ),
            );
        }
    }
}

fn others() -> Vec<Call> {
    let read = SignalKind::Read(ID.to_owned());
    let signals = [SignalKind::Typing, read].map(Call::Signal);
    let rest = [
        Call::Revoke,
        Call::Capabilities,
        Call::Reach,
        Call::Upload(samples::file()),
        Call::Invite,
    ];
    signals.into_iter().chain(rest).collect()
}

/// What a platform may say, and what comes of asking nobody.
const ANSWERS: [Answer; 16] = [
    Answer::Status(200, "{}"),
    Answer::Status(200, ""),
    Answer::Status(200, "[1,"),
    Answer::Status(302, ""),
    Answer::Status(
        400,
        r#"{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}"#,
    ),
    Answer::Status(401, ""),
    Answer::Status(403, "no"),
    Answer::Status(404, "{}"),
    Answer::Status(429, "slower"),
    Answer::Status(500, "\u{0}"),
    Answer::Status(503, ""),
    Answer::None(FetchFailureCode::Denied),
    Answer::None(FetchFailureCode::NotSent),
    Answer::None(FetchFailureCode::NoAnswer),
    Answer::None(FetchFailureCode::NoCredentials),
    Answer::None(FetchFailureCode::Other),
];
