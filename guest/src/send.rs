//! Hands one message to the platform. Tries once: whether and when to try again is the gateway's to decide.

use crate::answer::About;
use crate::check::Rules;
use crate::http::{Host, Method, Response};
use crate::platform::Platform;
use crate::settings::Sender;
use crate::{answer, check, compose};
use gateway_channel::{ChannelFailure, Context, Finding, Message, Receipt, Setting, Severity};
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
    let query = Some(("messageId", &id));
    let accepted = match platform.call(About::Message, Method::Post, &path, query, Some(json)) {
        Ok(response) => accepted(&id, &response)?,
        // The platform had the id already: the message is under way, and it is not sent a second time.
        Err(failure) if answer::is_repeated(&failure) => Accepted::default(),
        Err(failure) => return Err(failure),
    };
    Ok(receipt(message, accepted))
}

/// A success is proven by the name of this message. A proxy, a portal or a wrong address answers 200 too.
fn accepted(id: &MessageId, response: &Response) -> Result<Accepted, ChannelFailure> {
    let accepted = answer::object(response, Accepted::has_field, Accepted::FIELDS)?;
    let accepted = Accepted::read(accepted);
    match &accepted.name {
        Some(name) if is_name_of(id, name) => Ok(accepted),
        name => Err(answer::unnamed(response, name.as_deref())),
    }
}

/// `phones/{E.164}/agentMessages/{messageId}`. Only the id is compared: Google may write the number in another way.
fn is_name_of(id: &MessageId, name: &str) -> bool {
    name.strip_suffix(id.as_str())
        .is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// Takes the rest of the platform's answer as it is: none of it has to be there.
fn receipt(message: &Message, accepted: Accepted) -> Receipt {
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
