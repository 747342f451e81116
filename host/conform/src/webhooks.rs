//! Whether a plugin believes what nobody has signed.

use crate::call::{Call, Outcome};
use crate::lab::Lab;
use crate::promise::{BELIEVES_NOTHING, JUDGES_ALIKE};
use crate::samples;
use gateway_channel::{Verdict, VerdictOutcome, WebhookRequest};

pub(crate) async fn hold(lab: &mut Lab<'_>) {
    for request in samples::requests() {
        let seen = shown(&request);
        let verdict = match lab.call(&Call::VerifySignature(request.clone())).await {
            Some(Outcome::Verdict(verdict)) => Some(verdict),
            _ => None,
        };
        let reaction = match lab.call(&Call::OnEvent(request)).await {
            Some(Outcome::Reaction(Ok(reaction))) => Some(reaction),
            _ => None,
        };
        let verdicts = [
            verdict.as_ref(),
            reaction.as_ref().map(|reaction| &reaction.verdict),
        ];
        if verdicts.into_iter().flatten().any(is_belief) {
            lab.breaks(BELIEVES_NOTHING, format!("{seen} was believed"));
        }
        let Some(reaction) = reaction else { continue };
        if !reaction.inbound.is_empty() {
            lab.breaks(BELIEVES_NOTHING, format!("{seen} was an event"));
        }
        if (200..300).contains(&reaction.response.status) {
            lab.breaks(
                BELIEVES_NOTHING,
                format!("{seen} was answered {}", reaction.response.status),
            );
        }
        if verdict.is_some_and(|verdict| verdict != reaction.verdict) {
            lab.breaks(JUDGES_ALIKE, format!("{seen} has two verdicts"));
        }
    }
}

fn is_belief(verdict: &Verdict) -> bool {
    matches!(
        verdict.outcome,
        VerdictOutcome::Authentic | VerdictOutcome::Handshake
    )
}

fn shown(request: &WebhookRequest) -> String {
    let WebhookRequest {
        method,
        headers,
        body,
        ..
    } = request;
    format!(
        "{method:?} with {} headers and {} bytes",
        headers.len(),
        body.len()
    )
}
