//! Hands one message to the platform. Tries once: whether and when to try again is the gateway's to decide.

use crate::check::Rules;
use crate::http::{Host, Method};
use crate::platform::Platform;
use crate::settings::Sender;
use crate::{answer, check, compose};
use gateway_channel::{ChannelFailure, Context, Finding, Message, Receipt, Setting, Severity};
use rbm_wire::json;
use rbm_wire::message::Accepted;
use rbm_wire::name::{MessageId, PhoneNumber};

/// Checks the message, sends it, and tells what the answer means.
pub fn send(
    host: &dyn Host,
    context: &Context,
    message: &Message,
) -> Result<Receipt, ChannelFailure> {
    let sender = Sender::parse(context)?;
    let json = compose::json(message);
    // The message was accepted already. Settings and the clock have moved on since, and must not turn it away now.
    let findings = check::findings(&Rules::of_any_time(), message, json.len());
    let (Ok(phone), Ok(id), false) = (
        PhoneNumber::parse(&message.recipient),
        MessageId::parse(&message.id),
        has_error(&findings),
    ) else {
        return Err(answer::not_sent(findings));
    };
    let platform = Platform {
        host,
        sender: &sender,
        now: &context.now,
    };
    let path = format!("phones/{phone}/agentMessages");
    match platform.call(Method::Post, &path, Some(("messageId", &id)), Some(json)) {
        Ok(response) => Ok(receipt(message, &response.body)),
        // The platform had the id already: the message is under way, and it is not sent a second time.
        Err(failure) if answer::is_repeated(&failure) => Ok(receipt(message, b"")),
        Err(failure) => Err(failure),
    }
}

/// Reads the platform's answer loosely: whatever else it says, a success is a success.
fn receipt(message: &Message, body: &[u8]) -> Receipt {
    let accepted = json::parse(body, Accepted::has_field)
        .map(Accepted::read)
        .unwrap_or_default();
    let classification = accepted.rich_message_classification.unwrap_or_default();
    let size = accepted.total_payload_size_bytes.map(|bytes| Setting {
        name: "total-payload-size-bytes".into(),
        value: bytes.to_string(),
    });
    Receipt {
        id: message.id.clone(),
        accepted_at: accepted.send_time,
        expires_at: accepted.expire_time,
        message_class: classification.classification_type,
        segments: classification.segment_count,
        carrier: accepted.carrier,
        details: size.into_iter().collect(),
    }
}

fn has_error(findings: &[Finding]) -> bool {
    findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
}
